"""What reports show, worked out from a plan folder alone: sums by district, kind, township, site and day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from allocator.context import Context
from allocator.errors import InputError, Problem
from allocator.keys import looked_up, totals
from allocator.plan import NO_CONTEXT, Plan
from allocator.tables import CONTEXT, OUTPUTS, TIERS

SUMS = ["required", "covered"]


@dataclass(frozen=True)
class Line:
    """One label: what is asked for and what there is, in all and on each day of the horizon."""

    key: str
    asked: tuple[int, ...]
    there: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.asked)

    @property
    def got(self) -> int:
        return sum(self.there)

    @property
    def short(self) -> int:
        return self.total - self.got


@dataclass(frozen=True)
class Figures:
    """A plan beside its context; every sum is worked out once."""

    plan: Plan
    context: Context
    case: str = ""
    """The demand case shown, where there are several."""

    @property
    def days(self) -> int:
        return self.context.settings.days

    @cached_property
    def cells(self) -> pd.DataFrame:
        """Coverage with covered, and kind, district and township of the site."""
        cells = self.plan.table("coverage")
        covered = np.minimum(cells["required"], cells["staffed"])
        return self._placed(cells.assign(covered=covered))

    @cached_property
    def supply(self) -> pd.DataFrame:
        return self._placed(self.plan.table("supply"))

    def _placed(self, rows: pd.DataFrame) -> pd.DataFrame:
        sites = self.context.table("sites")
        columns = ("kind", "district", "township")
        return rows.assign(**{name: looked_up(rows["site"], sites, "site", name) for name in columns})

    @cached_property
    def city(self) -> Line:
        return self._lines(self.cells.assign(all="all"), "all", ["all"], SUMS)[0]

    @cached_property
    def districts(self) -> list[Line]:
        return self._lines(self.cells, "district", self.context.table("districts")["district"].tolist(), SUMS)

    @cached_property
    def kinds(self) -> list[Line]:
        there = set(self.cells["kind"])
        kinds = [kind for kind in CONTEXT["sites"].column("kind").choices if kind in there]
        return self._lines(self.cells, "kind", kinds, SUMS)

    @cached_property
    def tiers(self) -> list[Line]:
        there = set(self.supply["tier"])
        return self._lines(self.supply, "tier", [t for t in TIERS if t in there], ["needed", "used"])

    def _lines(self, rows: pd.DataFrame, name: str, keys: Sequence[str], sums: Sequence[str]) -> list[Line]:
        summed = totals(rows, [name, "day"], sums)
        tables = {}
        for column in sums:
            table = np.zeros((len(keys), self.days), dtype=np.int64)
            at = pd.Index(keys).get_indexer(pd.Index(summed[name])), summed["day"].to_numpy()
            table[at] = summed[column].to_numpy()
            tables[column] = table.tolist()
        asked, there = (tables[column] for column in sums)
        return [Line(k, tuple(a), tuple(t)) for k, a, t in zip(keys, asked, there, strict=True)]

    @cached_property
    def townships(self) -> pd.DataFrame:
        """(district, township, required, covered, short), the shortest first."""
        return _worst_first(totals(self.cells, ["district", "township"], SUMS))

    @cached_property
    def sites(self) -> pd.DataFrame:
        """Every site with required, covered, short, units (short of goods) and first_day (of a shortage)."""
        sites = self.context.table("sites").set_index("site", drop=False)
        people = totals(self.cells, ["site"], SUMS).set_index("site")
        goods = totals(self.supply, ["site"], ["shortage"]).set_index("site")["shortage"]
        first = self.cells[self.cells["shortage"] > 0].groupby("site")["day"].min()
        found = sites.join(people).join(goods.rename("units"))
        found["first_day"] = first.reindex(found.index).fillna(-1)
        for name in ("required", "covered", "units", "first_day"):
            found[name] = found[name].fillna(0).astype("int64")
        found["short"] = found["required"] - found["covered"]
        return found.reset_index(drop=True)

    @cached_property
    def kits(self) -> int:
        """Units worn or used up by those at work."""
        worked = self.plan.table("assignments").groupby("duty").size()
        kits = self.context.table("kits")
        return int((kits["per_shift"] * kits["duty"].map(worked).fillna(0)).sum())


def rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows of a table, cells by the names of their columns."""
    yield from frame.itertuples(index=False)


def _worst_first(frame: pd.DataFrame) -> pd.DataFrame:
    short = frame.assign(short=frame["required"] - frame["covered"])
    return short.sort_values(["short", "township"], ascending=[False, True], ignore_index=True)


def figures(plan: Plan, run: str, case: str | None = None) -> Figures:
    """Return the figures of a plan; of several demand cases those of one, the likeliest if none is named.

    Raises
    ------
    InputError
        The plan has no context, its tables name what the context does not have, or there is no such case.
    """
    if plan.context is None:
        raise InputError([Problem(run, None, None, "", NO_CONTEXT, "no_context")])
    problems = [p for name in OUTPUTS for p in _strangers(plan, plan.context, name)]
    if problems:
        raise InputError(problems)
    known = {c.id: c.probability for c in plan.context.settings.cases}
    if case is not None and case not in known:
        expected = f"a case of the plan: {', '.join(known) or 'it has one, without a name'}"
        raise InputError([Problem("--case", None, None, case, expected, "unknown_case")])
    shown = case or max(known, key=known.__getitem__, default="")
    tables = {name: _of_case(table, shown) for name, table in plan.tables.items()}
    return Figures(replace(plan, tables=tables), plan.context, shown if len(known) > 1 else "")


def _of_case(frame: pd.DataFrame, case: str) -> pd.DataFrame:
    """Rows that hold in a case: its own, and those of every case."""
    return frame[frame["case"].isin(["", case])].reset_index(drop=True) if "case" in frame else frame


def _strangers(plan: Plan, context: Context, name: str) -> list[Problem]:
    """Cells of one table that name what the context does not have; one problem for each column."""
    problems = []
    rows = plan.table(name)
    for column in OUTPUTS[name].columns:
        known = _known(context, column.refers)
        if column.name == "day" and column.kind == "date":
            strange = ~rows["day"].between(0, context.settings.days - 1)
        elif known is not None:
            strange = ~rows[column.name].isin(known)
        else:
            continue
        if strange.any():
            at = int(np.flatnonzero(strange)[0])
            value = str(rows[column.name].iloc[at])
            expected = f"what the plan's context has; {int(strange.sum()):,} rows name something else"
            problems.append(Problem(f"{name}.csv", at + 2, column.name, value, expected, "unknown"))
    return problems


def _known(context: Context, refers: str) -> list[str] | None:
    if refers == "places":
        return [*context.table("depots")["depot"], *context.table("sites")["site"]]
    if refers == "settings.shift":
        return [shift.id for shift in context.settings.shifts]
    table, _, column = refers.partition(".")
    return context.table(table)[column].tolist() if table in CONTEXT else None

"""What differs between two runs: who moved, which shifts changed, what each district gained or lost.

Runs are laid side by side by the calendar, so a re-plan that begins later is compared with the
same days of the plan before it. Figures are those of the days both runs have.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from allocator import files, measures
from allocator.console import aligned, value
from allocator.plan import Plan
from allocator.runs import dated
from allocator.scenario import Scenario

__all__ = ["Comparison", "compare"]

Run = tuple[Scenario, Plan]
WHERE = ["site", "duty", "shift"]
PEOPLE = ["required", "covered"]
GOODS = ["needed", "used"]


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side; `_a` and `_b` in column names are the runs."""

    terms: pd.DataFrame
    """(term, a, b, change) of the whole objective"""
    moves: pd.DataFrame
    """(cadre, what, site_a, site_b, first_day_a, first_day_b) of every posting that differs"""
    shifts: pd.DataFrame
    """(cadre, day, what, site, duty and shift of both runs) of every assignment that differs"""
    districts: pd.DataFrame
    """(district, required, covered and change of person-shifts)"""
    kinds: pd.DataFrame
    tiers: pd.DataFrame
    """(tier, needed, used and change of units)"""
    sites: pd.DataFrame
    """(site, covered and used of both) of every site where either differs"""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        names = ("terms", "moves", "shifts", "districts", "kinds", "tiers", "sites")
        return {name: getattr(self, name) for name in names}

    @property
    def counts(self) -> dict[str, int]:
        """How many postings were moved, begun, ended or changed in time, and how many shifts differ."""
        kinds = self.moves["what"].value_counts()
        what = ("moved", "posted", "withdrawn", "redated")
        return {name: int(kinds.get(name, 0)) for name in what} | {"shifts": len(self.shifts)}

    def document(self) -> dict[str, Any]:
        """Everything as plain values for JSON; dates are ISO."""
        return {"counts": self.counts} | {
            name: _iso(frame).astype(object).where(frame.notna(), None).to_dict("records")
            for name, frame in self.tables.items()
        }

    def render(self, most: int = 20) -> str:
        """The comparison as text; lists are cut after `most` rows, and say so."""
        parts = [", ".join(f"{n} {name}" for name, n in self.counts.items())]
        for name, frame in self.tables.items():
            if len(frame):
                shown = _iso(frame.head(most))
                rows = [[_cell(v) for v in row] for row in shown.itertuples(index=False)]
                more = f"\n... {len(frame) - most} more; --json or --sheet list all" if len(frame) > most else ""
                parts.append(f"{name}\n{aligned(list(frame.columns), rows)}{more}")
        return "\n\n".join(parts)

    def write(self, path: Path) -> None:
        """Write a workbook with a sheet per table; whole or not at all."""
        import xlsxwriter

        def fill(file: Path) -> None:
            with xlsxwriter.Workbook(str(file), {"strings_to_formulas": False}) as book:
                head = book.add_format({"bold": True, "bottom": 1})
                for name, frame in self.tables.items():
                    sheet = book.add_worksheet(name)
                    sheet.freeze_panes(1, 0)
                    sheet.set_column(0, len(frame.columns) - 1, 14)
                    sheet.write_row(0, 0, list(frame.columns), head)
                    for n, row in enumerate(_iso(frame).itertuples(index=False), start=1):
                        sheet.write_row(n, 0, [None if v is None or v != v else v for v in row])

        files.replace_file(path, fill)


def compare(a: Run, b: Run) -> Comparison:
    """Compare two runs, each a scenario and a plan made for it."""
    first = max(pd.Timestamp(s.settings.start) for s, _ in (a, b))
    last = min(pd.Timestamp(s.date(s.settings.days - 1)) for s, _ in (a, b))
    people = [_people(*run, first, last) for run in (a, b)]
    goods = [_goods(*run, first, last) for run in (a, b)]
    sites = pd.concat([s.table("sites")[["site", "district", "kind"]] for s, _ in (b, a)])
    sites = sites.drop_duplicates("site").set_index("site")
    return Comparison(
        terms=_terms(a[1], b[1]),
        moves=_moves(a, b, last),
        shifts=_shifts(a, b, first, last),
        districts=_sums(people, "district", sites["district"], PEOPLE),
        kinds=_sums(people, "kind", sites["kind"], PEOPLE),
        tiers=_sums([g.assign(key=g["tier"]) for g in goods], "tier", None, GOODS),
        sites=_sites(people, goods),
    )


def _terms(a: Plan, b: Plan) -> pd.DataFrame:
    rows = [(name, a.terms.get(name, 0.0), b.terms.get(name, 0.0)) for name in measures.TERMS]
    rows.append(("objective", a.objective or 0.0, b.objective or 0.0))
    frame = pd.DataFrame(rows, columns=["term", "a", "b"])
    return frame.assign(change=frame["b"] - frame["a"])


def _moves(a: Run, b: Run, last: pd.Timestamp) -> pd.DataFrame:
    """Postings that differ; one that ended before the other run begins is none of its business."""
    start = max(pd.Timestamp(s.settings.start) for s, _ in (a, b))
    sides = []
    for run in (a, b):
        frame = dated(*run, "postings")
        live = frame[(frame["last_day"] >= start) & (frame["first_day"] <= last)]
        sides.append(live.assign(first_day=live["first_day"].where(live["first_day"] > start, start)))
    columns = ["cadre", "site", "first_day"]
    both = sides[0][columns].merge(sides[1][columns], on="cadre", how="outer", suffixes=("_a", "_b"))
    here, there = both["site_a"].notna(), both["site_b"].notna()
    what = pd.Series("moved", index=both.index)
    what[both["site_a"] == both["site_b"]] = "redated"
    what[~here], what[~there] = "posted", "withdrawn"
    same = (both["site_a"] == both["site_b"]) & (both["first_day_a"] == both["first_day_b"])
    order = ["cadre", "what", "site_a", "site_b", "first_day_a", "first_day_b"]
    return both.assign(what=what)[~same][order].sort_values("cadre").reset_index(drop=True)


def _shifts(a: Run, b: Run, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    sides = [_between(dated(*run, "assignments"), first, last) for run in (a, b)]
    both = sides[0].merge(sides[1], on=["cadre", "day"], how="outer", suffixes=("_a", "_b"))
    same = pd.Series(True, index=both.index)
    for name in WHERE:
        same &= (both[f"{name}_a"] == both[f"{name}_b"]).fillna(False).astype(bool)
    what = pd.Series("changed", index=both.index)
    what[both["site_a"].isna()], what[both["site_b"].isna()] = "gained", "dropped"
    order = ["cadre", "day", "what", *(f"{name}_{run}" for run in "ab" for name in WHERE)]
    return both.assign(what=what)[~same][order].sort_values(["cadre", "day"]).reset_index(drop=True)


def _between(frame: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    return frame[(frame["day"] >= first) & (frame["day"] <= last)]


def _people(scenario: Scenario, plan: Plan, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    cells = _between(dated(scenario, plan, "coverage"), first, last)
    covered = cells[["required", "staffed"]].min(axis=1)
    return cells.assign(covered=covered).groupby("site", as_index=False)[PEOPLE].sum()


def _goods(scenario: Scenario, plan: Plan, first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    cells = _between(dated(scenario, plan, "supply"), first, last)
    return cells.groupby(["site", "tier"], as_index=False)[GOODS].sum()


def _sums(sides: list[pd.DataFrame], name: str, label: pd.Series | None, columns: list[str]) -> pd.DataFrame:
    """Sums of both runs per label, and the change of the last column."""
    totals = []
    for side in sides:
        key = side["key"] if label is None else side["site"].map(label)
        totals.append(side.assign(**{name: key}).groupby(name)[columns].sum())
    both = totals[0].merge(totals[1], left_index=True, right_index=True, how="outer", suffixes=("_a", "_b"))
    both = both.fillna(0).astype("int64")
    good = columns[-1]
    return both.assign(change=both[f"{good}_b"] - both[f"{good}_a"]).reset_index()


def _sites(people: list[pd.DataFrame], goods: list[pd.DataFrame]) -> pd.DataFrame:
    columns = {}
    for run, shifts, units in zip("ab", people, goods, strict=True):
        columns[f"covered_{run}"] = shifts.set_index("site")["covered"]
        columns[f"used_{run}"] = units.groupby("site")["used"].sum()
    both = pd.DataFrame(columns).fillna(0).astype("int64")
    differ = (both["covered_a"] != both["covered_b"]) | (both["used_a"] != both["used_b"])
    return both[differ].rename_axis("site").reset_index()


def _iso(frame: pd.DataFrame) -> pd.DataFrame:
    dates = [c for c in frame.columns if pd.api.types.is_datetime64_any_dtype(frame[c])]
    return frame.assign(**{c: frame[c].dt.strftime("%Y-%m-%d") for c in dates})


def _cell(found: Any) -> str:
    if isinstance(found, float) and found == found:
        return value(found, 2)
    return "-" if found is None or found != found else str(found)

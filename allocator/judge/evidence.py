"""What the checks look at: scenario and plan side by side, each derived fact worked out once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd

from allocator.agenda import demand_cells, open_from
from allocator.errors import Violation
from allocator.keys import looked_up
from allocator.ledger import Ledger, ledger
from allocator.measures import Derived, derive
from allocator.plan import Plan
from allocator.scenario import Scenario
from allocator.settings import Settings

BACK = 6
"""Days before the first that rules on any seven days look back to."""
_DATES = frozenset({"day", "next_day", "first_day", "last_day", "arrives", "due", "until", "available"})


@dataclass(frozen=True)
class Evidence:
    """A scenario, a plan, and those rows of the plan's tables that name nothing unknown."""

    scenario: Scenario
    plan: Plan
    tables: Mapping[str, pd.DataFrame]

    @property
    def settings(self) -> Settings:
        return self.scenario.settings

    def given(self, name: str) -> pd.DataFrame:
        """A table of the scenario."""
        return self.scenario.table(name)

    @cached_property
    def shifts(self) -> pd.DataFrame:
        """(shift, start, end, night), in minutes after midnight."""
        rows = [(s.id, s.start, s.start + s.minutes, s.night) for s in self.settings.shifts]
        return pd.DataFrame(rows, columns=["shift", "start", "end", "night"])

    @cached_property
    def postings(self) -> pd.DataFrame:
        """Postings beside the cadre's own terms: own_batch, available (from), until."""
        cadres = self.given("cadres")[["cadre", "batch", "first_day", "last_day"]]
        cadres = cadres.set_axis(["cadre", "own_batch", "available", "until"], axis=1)
        return self.tables["postings"].merge(cadres, on="cadre", how="left")

    @cached_property
    def first_open(self) -> pd.Series:
        return open_from(self.scenario, self.tables["openings"], self.tables["reopenings"])

    @cached_property
    def cells(self) -> pd.DataFrame:
        """Every cell that asks for someone, whether its site is open or not."""
        return demand_cells(self.scenario)

    @cached_property
    def ledger(self) -> Ledger:
        return ledger(self.scenario, self.tables)

    @cached_property
    def derived(self) -> Derived:
        return derive(self.scenario, self.tables)

    @cached_property
    def litres(self) -> pd.DataFrame:
        """Shipments with their litres."""
        shipments = self.tables["shipments"]
        volume = looked_up(shipments["item"], self.given("items"), "item", "volume")
        return shipments.assign(litres=shipments["quantity"].to_numpy() * volume)

    @cached_property
    def lanes(self) -> pd.DataFrame:
        """(origin, destination, per_day, lead_days); the usual chain where the scenario gives none."""
        if "lanes" in self.scenario.given:
            return self.given("lanes")
        depots, sites = self.given("depots"), self.given("sites")
        city, local = depots[depots["district"] == ""], depots[depots["district"] != ""]
        orphans = sites[~sites["district"].isin(local["district"])]
        pairs = [
            *product(city["depot"], local["depot"]),
            *product(city["depot"], orphans["site"]),
            *local.merge(sites, on="district")[["depot", "site"]].itertuples(index=False, name=None),
        ]
        lanes = pd.DataFrame(pairs, columns=["origin", "destination"], dtype="str")
        return lanes.assign(per_day=np.inf, lead_days=0)

    @cached_property
    def work(self) -> pd.DataFrame:
        """(cadre, day, shift) of the assignments, and of the days before the first that count."""
        columns = ["cadre", "day", "shift"]
        return pd.concat([self.given("worked")[columns], self.tables["assignments"][columns]], ignore_index=True)

    @cached_property
    def worked(self) -> np.ndarray:
        """Shifts each cadre works on each day; axes cadre (in the order of the table), day from -BACK on."""
        return self.count(self.work)

    def count(self, work: pd.DataFrame) -> np.ndarray:
        """Number of rows of `work` per cadre and day, the first column being day -BACK."""
        shape = (len(self.cadres), BACK + self.settings.days)
        at = (self.cadres.get_indexer(pd.Index(work["cadre"])), BACK + work["day"].to_numpy(dtype=np.int64))
        return np.bincount(np.ravel_multi_index(at, shape), minlength=shape[0] * shape[1]).reshape(shape)

    @cached_property
    def cadres(self) -> pd.Index:
        return pd.Index(self.given("cadres")["cadre"])

    def iso(self, day: int) -> str:
        try:
            return (self.settings.start + timedelta(days=int(day))).isoformat()
        except OverflowError:
            return f"day {day}"

    def found(self, rule: str, rows: pd.DataFrame, key: Sequence[str], message: str) -> list[Violation]:
        """One violation per row: `key` tells where, `message` is a format with column names."""
        violations: list[Violation] = []
        if rows.empty:
            return violations
        for row in rows.to_dict("records"):
            shown = {str(k): self.iso(v) if k in _DATES else v for k, v in row.items()}
            where = " ".join(f"{name}={shown[name]}" for name in key)
            violations.append(Violation(rule, where, message.format(**shown)))
        return violations

"""Demand cases: a scenario and a plan as they stand in one case, and cases laid side by side.

What is decided before the case is known (postings, openings, reopenings, orders) stands once. Rows of
the other tables carry a `case`; a row without one holds in every case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from allocator.scenario import Case, Scenario

Tables = Mapping[str, pd.DataFrame]
CERTAIN = (Case("", 1.0),)
"""The one case of a scenario that names none."""


def cases(scenario: Scenario) -> tuple[Case, ...]:
    """The cases to plan for; one without a name where there is but one."""
    found = scenario.settings.cases
    return found if len(found) > 1 else CERTAIN


def several(scenario: Scenario) -> bool:
    return len(scenario.settings.cases) > 1


def likeliest(scenario: Scenario) -> str:
    """The case with the largest probability, the first of several; blank where there is but one."""
    return max(cases(scenario), key=lambda case: case.probability).id


def scenario_in(scenario: Scenario, case: str) -> Scenario:
    """The scenario with the demand of one case; itself where it has but one."""
    if not several(scenario):
        return scenario
    tables = dict(scenario.tables)
    for name in ("demand", "isolation_demand"):
        tables[name] = rows_in(tables[name], case)
    return replace(scenario, settings=replace(scenario.settings, cases=()), tables=tables)


def expected(scenario: Scenario) -> Scenario:
    """The scenario in which the mean demand of all cases comes for certain, in whole people."""
    if not several(scenario):
        return scenario
    chance = {case.id: case.probability for case in scenario.settings.cases} | {"": 1.0}
    tables = dict(scenario.tables)
    for name, key, sums in (
        ("demand", ["site", "duty", "shift", "first_day", "last_day", "weekdays"], ["required", "target"]),
        ("isolation_demand", ["township", "day"], ["people"]),
    ):
        rows = tables[name]
        share = rows["case"].map(chance).to_numpy(dtype=float)
        weighted = rows.assign(case="", **{c: rows[c].to_numpy() * share for c in sums})
        summed = weighted.groupby(key, sort=False, as_index=False)[sums].sum()
        for column in sums:
            summed[column] = np.floor(summed[column].to_numpy() + 0.5 + 1e-9).astype(np.int64)
        tables[name] = summed.assign(case="")[list(rows.columns)]
    return replace(scenario, settings=replace(scenario.settings, cases=()), tables=tables)


def rows_in(rows: pd.DataFrame, case: str) -> pd.DataFrame:
    """Rows that hold in a case, as if there were no other."""
    if "case" not in rows or not len(rows):
        return rows
    label = rows["case"]
    if not (label != "").any():
        return rows
    return rows[label.isin(["", case])].assign(case="").reset_index(drop=True)


def tables_in(tables: Tables, case: str) -> dict[str, pd.DataFrame]:
    """The tables of a plan as they stand in a case."""
    return {name: rows_in(rows, case) for name, rows in tables.items()}


def together(names: Sequence[str], tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table of the tables of all cases: what is the same in every case stands once, without one."""
    if len(names) == 1:
        return tables[0]
    columns = [c for c in tables[0].columns if c != "case"]
    laid = pd.concat([t.assign(case=n) for n, t in zip(names, tables, strict=True)], ignore_index=True)
    again = laid.groupby(columns, sort=False)["case"].transform("nunique").to_numpy()
    common = again == len(names)
    once = laid[common & (laid["case"] == names[0]).to_numpy()].assign(case="")
    return pd.concat([once, laid[~common]], ignore_index=True)

"""What openings, resumptions and the cases of demand come to, as figures for an organizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocator.cases import cases, rows_in
from allocator.scenario import Scenario

if TYPE_CHECKING:
    from allocator.measures import Derived

Tables = Mapping[str, pd.DataFrame]
SUMS = ("objective", "people_short", "goods_short", "without_place")


def sites(scenario: Scenario, tables: Tables) -> dict[str, Any]:
    """Sites opened and resumed, of a scenario in one case; nothing where none could be."""
    found: dict[str, Any] = {}
    if len(scenario.table("candidates")) or len(scenario.table("isolation_demand")):
        found["openings"] = _openings(scenario, tables)
    if len(scenario.table("applications")):
        found["reopenings"] = _reopenings(scenario, tables["reopenings"])
    return found


def _openings(scenario: Scenario, tables: Tables) -> dict[str, Any]:
    candidates, opened = scenario.table("candidates"), tables["openings"]
    people = int(scenario.table("isolation_demand")["people"].sum())
    placed = int(tables["transfers"]["people"].sum())
    return {
        "candidates": len(candidates),
        "opened": len(opened),
        "places": int(opened["capacity"].sum()),
        "cost": float(candidates.loc[candidates["site"].isin(opened["site"]), "cost"].sum()),
        "person_days": people,
        "placed": placed,
        "without_place": people - placed,
    }


def _reopenings(scenario: Scenario, resumed: pd.DataFrame) -> dict[str, Any]:
    asked = scenario.table("applications")
    first = resumed.groupby("site")["first_day"].min().reindex(asked["site"]).to_numpy(dtype=float)
    days = np.nan_to_num(scenario.settings.days - first)
    most = np.maximum(scenario.settings.days - asked["earliest"].to_numpy(), 0)
    value = asked["value"].to_numpy()
    by_class = [
        {"class": name, "applications": len(rows), "resumed": int(rows["site"].isin(resumed["site"]).sum())}
        for name, rows in asked.groupby("class")
    ]
    return {
        "applications": len(asked),
        "resumed": int(asked["site"].isin(resumed["site"]).sum()),
        "value": float((value * days).sum()),
        "value_asked": float((value * most).sum()),
        "by_class": by_class,
    }


def figures(
    scenario: Scenario, tables: Tables, derived: Derived, terms: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    """`cases`: penalty and what is short in each; `expected` over them, and the `worst`."""
    rows: list[dict[str, Any]] = []
    for case in cases(scenario):
        of = derived.cases[case.id]
        people = rows_in(scenario.table("isolation_demand"), case.id)["people"].sum()
        placed = rows_in(tables["transfers"], case.id)["people"].sum()
        rows.append(
            {
                "case": case.id,
                "probability": case.probability,
                "objective": float(sum(terms[case.id].values())),
                "people_short": int(of.coverage["shortage"].sum()),
                "goods_short": int(of.supply["shortage"].sum()),
                "without_place": int(people - placed),
                "terms": terms[case.id],
            }
        )
    mean = {name: float(sum(r["probability"] * r[name] for r in rows)) for name in SUMS}
    worst = max(rows, key=lambda row: row["objective"])
    return {"cases": rows, "expected": mean, "worst": {"case": worst["case"], **{n: worst[n] for n in SUMS}}}

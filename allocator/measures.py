"""The value of a plan, recomputed from the tables of scenario and plan alone.

An outsider can do the same sums: nothing here knows a model or a solver. `tables` are the
plan's tables; of the derived ones (`coverage`, `inventory`) none is read, of `supply` only `used`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from allocator import prospects
from allocator.agenda import CELL, demand_cells, needs_by_day, only_open, open_from
from allocator.cases import cases, likeliest, scenario_in, several, tables_in, together
from allocator.distance import place_km, township_km, travel_minutes
from allocator.keys import looked_up, positions, totals
from allocator.ledger import inventory_table, kit_use, ledger, supply_table
from allocator.scenario import Scenario

__all__ = [
    "TERMS",
    "Derived",
    "complete",
    "coverage",
    "coverage_penalty",
    "demand_cells",
    "derive",
    "inventory_table",
    "kit_use",
    "kpis",
    "ledger",
    "needs_by_day",
    "objective_terms",
    "supply_penalty",
    "supply_table",
    "travel_minutes",
]

Tables = Mapping[str, pd.DataFrame]
TERMS = ("staffing", "travel", "change", "fairness", "supply", "distance", "opening", "reopening")
"""Parts of the objective, which is their sum."""


@dataclass(frozen=True)
class Derived:
    """What follows from the decisions of a plan and most figures rest on."""

    coverage: pd.DataFrame
    supply: pd.DataFrame
    cases: Mapping[str, Derived] = field(default_factory=dict)
    """The same in each case, where there are several."""


def derive(scenario: Scenario, tables: Tables) -> Derived:
    if several(scenario):
        each = {c.id: derive(scenario_in(scenario, c.id), tables_in(tables, c.id)) for c in cases(scenario)}
        cells = together(list(each), [d.coverage for d in each.values()])
        return Derived(cells, together(list(each), [d.supply for d in each.values()]), each)
    cells = coverage(scenario, tables["assignments"], tables["openings"], tables["reopenings"])
    return Derived(cells, supply_table(scenario, tables))


def objective_terms(scenario: Scenario, tables: Tables, derived: Derived | None = None) -> dict[str, float]:
    """Every term of the objective, expected over cases; `derived` spares working it out again."""
    derived = derived or derive(scenario, tables)
    if several(scenario):
        each = terms_by_case(scenario, tables, derived)
        share = {case.id: case.probability for case in cases(scenario)}
        return {n: math.fsum(share[c] * terms[n] for c, terms in each.items()) for n in TERMS}
    cells, supply = derived.coverage, derived.supply
    values = {
        "staffing": coverage_penalty(scenario, cells).sum(),
        "travel": _travel(scenario, tables["postings"]),
        "change": _change(scenario, tables["postings"]),
        "fairness": _fairness(scenario, cells),
        "supply": supply_penalty(scenario, supply).sum(),
        "distance": _distance(scenario, tables["shipments"]),
        "opening": _opening(scenario, tables),
        "reopening": _reopening(scenario, tables["reopenings"]),
    }
    return {name: float(values[name]) for name in TERMS}


def terms_by_case(
    scenario: Scenario, tables: Tables, derived: Derived | None = None
) -> dict[str, dict[str, float]]:
    """Case -> every term of the objective if that case comes."""
    known = (derived or derive(scenario, tables)).cases
    return {
        case.id: objective_terms(
            scenario_in(scenario, case.id), tables_in(tables, case.id), known.get(case.id)
        )
        for case in cases(scenario)
    }


def complete(scenario: Scenario, tables: Tables) -> dict[str, pd.DataFrame]:
    """`tables` with coverage, supply and inventory filled in from the decisions.

    Decisions are postings, assignments, shipments, orders, openings, reopenings and
    (site, item, tier, day, used) of `supply`.
    """
    derived = derive(scenario, tables)
    full = {**tables, "coverage": derived.coverage, "supply": derived.supply}
    if not several(scenario):
        return {**full, "inventory": inventory_table(scenario, full)}
    names = [case.id for case in cases(scenario)]
    left = [inventory_table(scenario_in(scenario, name), tables_in(full, name)) for name in names]
    return {**full, "inventory": together(names, left)}


def coverage(
    scenario: Scenario, assignments: pd.DataFrame, openings: pd.DataFrame, reopenings: pd.DataFrame
) -> pd.DataFrame:
    """The output table `coverage`: every cell of an open site with a target above 0."""
    cells = only_open(demand_cells(scenario), open_from(scenario, openings, reopenings))
    present = totals(assignments.assign(people=1), CELL, ["people"])
    staffed = np.append(present["people"].to_numpy(), 0)[positions(cells, present, CELL)].astype(np.int64)
    shortage = np.maximum(cells["required"].to_numpy() - staffed, 0)
    return cells.assign(staffed=staffed, shortage=shortage)


def coverage_penalty(scenario: Scenario, cells: pd.DataFrame) -> np.ndarray:
    """Staffing penalty of each row of `coverage`."""
    weights = scenario.settings.weights
    required, target, staffed = (cells[name].to_numpy() for name in ("required", "target", "staffed"))
    site = looked_up(cells["site"], scenario.table("sites"), "site", "weight")
    duty = looked_up(cells["duty"], scenario.table("duties"), "duty", "weight")
    below = weights.required * np.maximum(required - staffed, 0)
    wished = weights.target * np.maximum(target - np.maximum(required, staffed), 0)
    return site * duty * (below + wished)


def supply_penalty(scenario: Scenario, supply: pd.DataFrame) -> np.ndarray:
    """Supply penalty of each row of `supply`; units short in the first half of a need count more."""
    weights = scenario.settings.weights
    needed, used = supply["needed"].to_numpy(), supply["used"].to_numpy()
    first = np.maximum(needed / 2 - used, 0) * weights.first_half
    rest = np.minimum(needed / 2, np.maximum(needed - used, 0))
    tiers = pd.DataFrame({"tier": list(weights.tiers), "weight": list(weights.tiers.values())})
    tier = looked_up(supply["tier"], tiers, "tier", "weight")
    item = looked_up(supply["item"], scenario.table("items"), "item", "weight")
    return tier * item * (first + rest)


def _travel(scenario: Scenario, postings: pd.DataFrame) -> float:
    minutes = travel_minutes(scenario, postings["cadre"], postings["site"])
    days = postings["last_day"].to_numpy() - postings["first_day"].to_numpy() + 1
    # no matrix product here and below: its last digit depends on the threads it runs on
    return scenario.settings.weights.travel * float((minutes * days).sum())


def _change(scenario: Scenario, postings: pd.DataFrame) -> float:
    previous = scenario.table("previous")[["cadre", "site"]]
    stay = previous.merge(postings[["cadre", "site"]].drop_duplicates(), on=["cadre", "site"])
    return scenario.settings.weights.change * (len(previous) - len(stay))


def _fairness(scenario: Scenario, cells: pd.DataFrame) -> float:
    """Covered shifts that districts have less than the city's share of what they require."""
    districts = _by(cells, "district", _of_site(scenario, cells, "district"))
    required, covered = districts["required"].to_numpy(), districts["covered"].to_numpy()
    if not required.sum():
        return 0.0
    share = covered.sum() / required.sum()
    return scenario.settings.weights.fairness * float(np.maximum(share * required - covered, 0).sum())


def _distance(scenario: Scenario, shipments: pd.DataFrame) -> float:
    litres = shipments["quantity"].to_numpy() * looked_up(
        shipments["item"], scenario.table("items"), "item", "volume"
    )
    km = place_km(scenario, shipments["origin"], shipments["destination"])
    return scenario.settings.weights.distance * float((litres * km).sum()) / 1000


def _opening(scenario: Scenario, tables: Tables) -> float:
    """Costs of the sites opened, people without a place, and the ways of those who have one."""
    weights = scenario.settings.weights
    candidates = scenario.table("candidates")
    cost = candidates.loc[candidates["site"].isin(tables["openings"]["site"]), "cost"].sum()
    people = int(scenario.table("isolation_demand")["people"].sum())
    placed = tables["transfers"]
    km = township_km(scenario, placed["township"], placed["site"])
    moved = float((placed["people"].to_numpy() * km).sum())
    without = people - int(placed["people"].sum())
    return weights.opening * float(cost) + weights.uncovered * without + weights.transfer * moved


def _reopening(scenario: Scenario, reopenings: pd.DataFrame) -> float:
    applications = scenario.table("applications")
    decided = reopenings.groupby("site")["first_day"].min().reindex(applications["site"])
    actual = decided.fillna(scenario.settings.days).to_numpy(dtype=float)
    waited = np.maximum(actual - applications["earliest"].to_numpy(), 0)
    return scenario.settings.weights.reopening * float((applications["value"].to_numpy() * waited).sum())


def _of_site(scenario: Scenario, rows: pd.DataFrame, column: str) -> np.ndarray:
    return looked_up(rows["site"], scenario.table("sites"), "site", column)


def _by(cells: pd.DataFrame, name: str, label: np.ndarray) -> pd.DataFrame:
    """Person-shifts per label: required, covered (of required), target, present (of target)."""
    sums = pd.DataFrame(
        {
            name: label,
            "required": cells["required"].to_numpy(),
            "covered": np.minimum(cells["required"].to_numpy(), cells["staffed"].to_numpy()),
            "target": cells["target"].to_numpy(),
            "present": np.minimum(cells["target"].to_numpy(), cells["staffed"].to_numpy()),
        }
    )
    return totals(sums, [name], ["required", "covered", "target", "present"])


def kpis(
    scenario: Scenario, tables: Tables, derived: Derived | None = None, worst: int = 10
) -> dict[str, Any]:
    """Figures an organizer asks for, as plain values that JSON can hold.

    `people` and the lists `by_kind`, `by_district`, `by_day` count person-shifts; `supplies`
    counts units by tier and by item; `worst_sites` are those with the largest penalty. Of several
    cases they are those of the likeliest; `cases`, `expected` and `worst` tell of all.
    """
    derived = derived or derive(scenario, tables)
    if several(scenario):
        name = likeliest(scenario)
        terms = terms_by_case(scenario, tables, derived)
        figures = kpis(scenario_in(scenario, name), tables_in(tables, name), derived.cases[name], worst)
        return {"case": name, **figures, **prospects.figures(scenario, tables, derived, terms)}
    cells, supply = derived.coverage, derived.supply
    by_day = _by(cells, "day", cells["day"].to_numpy()).sort_values("day")
    by_day["day"] = [scenario.date(day).isoformat() for day in by_day["day"].tolist()]
    return {
        "people": _people(scenario, cells, tables),
        "by_kind": _records(_by(cells, "kind", _of_site(scenario, cells, "kind")), "kind"),
        "by_district": _records(_by(cells, "district", _of_site(scenario, cells, "district")), "district"),
        "by_day": _records(by_day, "day"),
        "supplies": _supplies(scenario, supply, tables),
        "worst_sites": _worst_sites(scenario, cells, supply, worst),
        "batches": _batches(scenario, tables["postings"]),
        **prospects.sites(scenario, tables),
    }


def _records(frame: pd.DataFrame, key: str) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.sort_values(key).to_dict("records")]


def _people(scenario: Scenario, cells: pd.DataFrame, tables: Tables) -> dict[str, int]:
    sums = _by(cells, "all", np.zeros(len(cells), dtype=np.int64))
    whole = {name: int(sums[name].sum()) for name in ("required", "covered", "target", "present")}
    return {
        "cadres": len(scenario.table("cadres")),
        "posted": int(tables["postings"]["cadre"].nunique()),
        "shifts": len(tables["assignments"]),
        **whole,
        "shortage": whole["required"] - whole["covered"],
    }


def _supplies(scenario: Scenario, supply: pd.DataFrame, tables: Tables) -> dict[str, Any]:
    columns = ["needed", "used", "shortage"]
    kits = totals(kit_use(scenario, tables["assignments"]), ["item"], ["quantity"])
    worn = dict(zip(kits["item"].tolist(), kits["quantity"].tolist(), strict=True))
    tiers = {row["tier"]: row for row in totals(supply, ["tier"], columns).to_dict("records")}
    by_item = _records(totals(supply, ["item"], columns), "item")
    known = {row["item"] for row in by_item}
    by_item += [{"item": item, "needed": 0, "used": 0, "shortage": 0} for item in sorted(worn.keys() - known)]
    return {
        "by_tier": [tiers[tier] for tier in scenario.settings.weights.tiers if tier in tiers],
        "by_item": [{**row, "kits": worn.get(row["item"], 0)} for row in by_item],
        "ordered_cost": float(_order_cost(scenario, tables["orders"])),
        "shipments": len(tables["shipments"]),
    }


def _order_cost(scenario: Scenario, orders: pd.DataFrame) -> float:
    prices = scenario.table("suppliers")[["supplier", "item", "unit_cost"]]
    priced = orders[["supplier", "item", "quantity"]].merge(prices, on=["supplier", "item"])
    return float((priced["quantity"] * priced["unit_cost"]).sum())


def _worst_sites(
    scenario: Scenario, cells: pd.DataFrame, supply: pd.DataFrame, worst: int
) -> list[dict[str, Any]]:
    """Sites by falling penalty, those without any left out; ties by site code."""
    people = totals(
        cells.assign(penalty=coverage_penalty(scenario, cells)), ["site"], ["penalty", "shortage"]
    )
    goods = totals(supply.assign(penalty=supply_penalty(scenario, supply)), ["site"], ["penalty", "shortage"])
    sites = scenario.table("sites").set_index("site")[["name", "kind", "district"]]
    people, goods = (frame.set_index("site").reindex(sites.index).fillna(0) for frame in (people, goods))
    sites["people_short"] = people["shortage"].astype("int64")
    sites["goods_short"] = goods["shortage"].astype("int64")
    sites["penalty"] = (people["penalty"] + goods["penalty"]).astype(float).round(6)
    ranked = (
        sites[sites["penalty"] > 0].reset_index().sort_values(["penalty", "site"], ascending=[False, True])
    )
    return [{str(k): v for k, v in row.items()} for row in ranked.head(worst).to_dict("records")]


def _batches(scenario: Scenario, postings: pd.DataFrame) -> list[dict[str, Any]]:
    posted = postings["batch"].value_counts().to_dict()
    return [
        {
            "batch": batch.id,
            "start": scenario.date(batch.start).isoformat(),
            "size": batch.size,
            "posted": int(posted.get(batch.id, 0)),
        }
        for batch in scenario.settings.batches
    ]

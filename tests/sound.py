"""A scenario and a sound plan of it, made by hand so that every rule can be broken alone.

Fourteen days from Monday 3 February 2020. Two batches: b1 (day 0, full) and b2 (day 4, one place
left). Posted: c1, c2, c4 at the village s1, c3 at the station s2 (a pin says must), c5 at the
enterprise s3, which resumes on day 5; c6 stays at home. The isolation site s4 opens on day 6 and asks
for people and goods from day 7; s5 is too far for anybody, and asks to resume though nothing hangs on it.
Goods travel on lanes from D0 to D1 and D2 (one day) and on to the sites.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, reduce
from typing import Any

import pandas as pd
from cities import START, assemble

from allocator import measures
from allocator.certificate import Certificate, Status
from allocator.plan import Plan, arrange
from allocator.scenario import Batch, Rules, Scenario, Settings, Shift, Supply, Travel, Weights

Tables = dict[str, pd.DataFrame]

SETTINGS = Settings(
    name="sound",
    title="made by hand",
    start=START,
    days=14,
    shifts=(Shift("night", 0, 480, True), Shift("day", 480, 480, False), Shift("late", 960, 480, False)),
    batches=(Batch("b1", 0, 3), Batch("b2", 4, 3)),
    cases=(),
    rules=Rules(
        rest_hours=11,
        max_run=3,
        max_shifts_7_days=5,
        max_nights_7_days=2,
        max_travel=60,
        max_posting_days=10,
    ),
    weights=Weights(
        required=10,
        target=2,
        travel=0.05,
        change=20,
        fairness=1,
        first_half=2,
        distance=0.1,
        opening=0.01,
        uncovered=3,
        transfer=0.05,
        reopening=2,
        tiers={"medical": 8, "frontline": 4, "enterprise": 2, "public": 1},
    ),
    travel=Travel(30, 1.3),
    supply=Supply(200),
)


def _site(site: str, kind: str, district: str, lon: float, weight: float = 1.0) -> dict[str, Any]:
    place = {"township": "t1", "lon": lon, "lat": 31.5, "weight": weight}
    return {"site": site, "name": f"site {site}", "kind": kind, "district": district, **place}


def _cadre(cadre: str, lon: float, **more: Any) -> dict[str, Any]:
    return {"cadre": cadre, "office": "o", "district": "d1", "lon": lon, "lat": 31.5, "night_ok": True} | more


def _demand(site: str, duty: str, shift: str, required: int, target: int, **more: Any) -> dict[str, Any]:
    cell = {"site": site, "duty": duty, "shift": shift, "weekdays": "1-7"}
    return cell | {"required": required, "target": target} | more


def _rows(columns: str, *rows: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [dict(zip(columns.split(), row, strict=True)) for row in rows]


INPUT_ROWS: Mapping[str, list[dict[str, Any]]] = {
    "districts": _rows("district name", ("d1", "one"), ("d2", "two")),
    "sites": [
        _site("s1", "village", "d1", 120.30),
        _site("s2", "station", "d1", 120.32, weight=1.5),
        _site("s3", "enterprise", "d2", 120.38),
        _site("s4", "isolation", "d2", 120.39),
        _site("s5", "village", "d2", 121.30),
    ],
    "duties": _rows(
        "duty name skill weight", ("guard", "guard", "", 1.0), ("screen", "screen", "medical", 2.0)
    ),
    "demand": [
        *(_demand("s1", "guard", shift, 1, 2) for shift in ("night", "day", "late")),
        _demand("s1", "screen", "day", 1, 1),
        _demand("s2", "guard", "late", 1, 1, weekdays="1-5"),
        _demand("s2", "guard", "day", 2, 3, weekdays="1,3,4-6", first_day=7),
        _demand("s3", "guard", "day", 1, 1),
        _demand("s4", "guard", "day", 1, 2, first_day=7),
    ],
    "cadres": [
        _cadre("c1", 120.30, skills="logistics;medical"),
        _cadre("c2", 120.31, night_ok=False),
        _cadre("c3", 120.33),
        _cadre("c4", 120.32, batch="b2", last_day=12),
        _cadre("c5", 120.36),
        _cadre("c6", 120.34),
    ],
    "leave": _rows("cadre day", ("c1", 3), ("c4", 7)),
    "pins": _rows("cadre site kind first_day", ("c3", "s2", "must", 0), ("c6", "s2", "never", -1)),
    "travel": _rows("cadre site minutes", ("c3", "s2", 25.0), ("c3", "s1", 5.0)),
    "items": _rows(
        "item name unit pack volume weight",
        ("mask", "mask", "piece", 10, 0.1, 1.0),
        ("suit", "suit", "piece", 5, 2.0, 3.0),
        ("glove", "glove", "pair", 1, 0.1, 0.5),
    ),
    "depots": _rows(
        "depot name district lon lat throughput",
        ("D0", "city", "", 120.31, 31.6, 1000.0),
        ("D1", "one", "d1", 120.31, 31.5, 1000.0),
        ("D2", "two", "d2", 120.37, 31.5, 10.0),
    ),
    "stock": _rows(
        "place item quantity",
        ("D0", "mask", 200),
        ("D1", "mask", 100),
        ("D1", "suit", 10),
        ("D2", "mask", 200),
        ("s1", "glove", 5),
    ),
    "deliveries": _rows("depot item day quantity", ("D0", "mask", 3, 50)),
    "suppliers": _rows(
        "supplier item depot first_day last_day per_day lead_days unit_cost",
        ("f1", "mask", "D0", 0, 6, 50, 2, 1.0),
        ("f2", "suit", "D1", 0, 13, 10, 0, 20.0),
    ),
    "needs": _rows(
        "site item per_day tier first_day",
        ("s1", "mask", 4, "public", 0),
        ("s1", "suit", 1, "medical", 0),
        ("s3", "mask", 3, "enterprise", 0),
        ("s4", "suit", 2, "medical", 7),
    ),
    "kits": _rows("duty item per_shift", ("guard", "mask", 1), ("screen", "glove", 1)),
    "lanes": _rows(
        "origin destination per_day lead_days",
        ("D0", "D1", 100.0, 1),
        ("D0", "D2", 100.0, 1),
        ("D1", "s1", 5.0, 0),
        ("D1", "s2", 50.0, 0),
        ("D2", "s3", 100.0, 0),
        ("D2", "s4", 100.0, 0),
    ),
    "candidates": _rows("site capacity lead_days cost", ("s4", 40, 2, 5000.0)),
    "isolation_demand": _rows("township day people", ("t1", 2, 3), ("t1", 9, 4)),
    "applications": _rows("site value class earliest", ("s3", 6.0, "a", 3), ("s5", 0.0, "b", 2)),
    "previous": _rows("cadre site", ("c1", "s1"), ("c2", "s2")),
}

WORK = {
    "c1": ("s1", {0: "screen", 1: "screen", 2: "screen", 5: "screen", 7: "guard", 8: "guard"}),
    "c2": ("s1", dict.fromkeys((0, 1, 2, 4, 5, 8), "guard")),
    "c3": ("s2", dict.fromkeys((0, 1, 2, 8), "guard")),
    "c4": ("s1", dict.fromkeys((4, 5, 6, 8), "guard")),
    "c5": ("s3", dict.fromkeys((5, 6, 7), "guard")),
}
SHIFTS = {"c3": "late", "c4": "late"}


@cache
def scenario() -> Scenario:
    """The scenario, having passed the checks of the input."""
    return assemble(SETTINGS, dict(INPUT_ROWS)).change({})


def decisions(given: Scenario) -> Tables:
    """The sound plan's decisions; what follows from them is left to `completed`."""
    postings = pd.DataFrame(
        _rows(
            "cadre batch site first_day last_day",
            ("c1", "b1", "s1", 0, 9),
            ("c2", "b1", "s1", 0, 9),
            ("c3", "b1", "s2", 0, 9),
            ("c4", "b2", "s1", 4, 12),
            ("c5", "b2", "s3", 4, 13),
        )
    )
    work = [
        (cadre, day, "night" if cadre == "c1" and day > 6 else SHIFTS.get(cadre, "day"), site, duty)
        for cadre, (site, days) in WORK.items()
        for day, duty in days.items()
    ]
    shipments = _rows(
        "day arrives origin destination item quantity",
        (0, 1, "D0", "D1", "mask", 60),
        (0, 0, "D1", "s1", "mask", 20),
        (0, 0, "D1", "s2", "mask", 10),
        (5, 5, "D2", "s3", "mask", 50),
    )
    orders = _rows(
        "supplier item day quantity cost", ("f1", "mask", 1, 40, 40.0), ("f2", "suit", 2, 5, 100.0)
    )
    used = [("s1", "mask", "public", day, 2) for day in range(3)]
    used += [("s3", "mask", "enterprise", day, 3) for day in range(5, 14)]
    supply = pd.DataFrame(used, columns=["site", "item", "tier", "day", "used"])
    return arrange(
        {
            "postings": with_minutes(given, postings),
            "assignments": pd.DataFrame(work, columns=["cadre", "day", "shift", "site", "duty"]),
            "shipments": pd.DataFrame(shipments),
            "orders": pd.DataFrame(orders),
            "supply": supply.assign(needed=0, shortage=0),
            "openings": pd.DataFrame(_rows("site first_day capacity", ("s4", 6, 40))),
            "reopenings": pd.DataFrame(_rows("site first_day", ("s3", 5))),
        }
    )


def with_minutes(given: Scenario, postings: pd.DataFrame) -> pd.DataFrame:
    minutes = measures.travel_minutes(given, postings["cadre"], postings["site"])
    return postings.assign(minutes=minutes.round(3))


def completed(given: Scenario, tables: Tables, slack: float = 1.0) -> Plan:
    """The plan of some decisions: what follows from them and what plan.json says of it."""
    tables = arrange(measures.complete(given, tables))
    terms = measures.objective_terms(given, tables)
    value = math.fsum(terms.values())
    return Plan(
        scenario=given.settings.name,
        fingerprint=given.fingerprint,
        versions={"allocator": "0.1.0"},
        limits={"seconds": None, "gap": 0.0, "seed": 0},
        objective=value,
        bound=value - slack,
        terms=terms,
        kpis=measures.kpis(given, tables),
        certificates=(
            Certificate("people", Status.FEASIBLE, value, value - slack, 0.5, "by hand"),
            Certificate("supply", Status.UNKNOWN, None, None, 0.0, "none"),
        ),
        tables=tables,
    )


def plan(given: Scenario) -> Plan:
    return completed(given, decisions(given))


Edit = Callable[[Tables], Tables]


def edit(table: str, where: Mapping[str, Any], **values: Any) -> Edit:
    """Change the one row that `where` picks."""

    def change(tables: Tables) -> Tables:
        frame = tables[table].copy()
        frame.loc[_picked(frame, where), list(values)] = list(values.values())
        return {**tables, table: frame}

    return change


def drop(table: str, **where: Any) -> Edit:
    """Take out the one row that `where` picks."""
    return lambda tables: {**tables, table: tables[table][~_picked(tables[table], where)]}


def add(table: str, **row: Any) -> Edit:
    """Put in one row."""
    return lambda tables: {
        **tables,
        table: pd.concat([tables[table], pd.DataFrame([row])], ignore_index=True),
    }


def then(*changes: Edit) -> Edit:
    """Several changes, one after the other."""
    return lambda tables: reduce(lambda made, change: change(made), changes, tables)


def _picked(frame: pd.DataFrame, where: Mapping[str, Any]) -> pd.Series:
    picked = pd.Series(True, index=frame.index)
    for name, value in where.items():
        picked &= frame[name] == value
    assert picked.sum() == 1, f"{where} picks {picked.sum()} rows"
    return picked


def post(cadre: str, batch: str, site: str, first_day: int, last_day: int) -> Edit:
    """Post one more cadre."""

    def change(tables: Tables) -> Tables:
        row = pd.DataFrame(
            _rows("cadre batch site first_day last_day", (cadre, batch, site, first_day, last_day))
        )
        row = with_minutes(scenario(), row)
        return {**tables, "postings": pd.concat([tables["postings"], row], ignore_index=True)}

    return change


def stated(made: Plan, **changes: Any) -> Plan:
    """The plan with other words about itself."""
    return replace(made, **changes)

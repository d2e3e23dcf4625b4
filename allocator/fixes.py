"""Fixes: changes of the city's means that end one shortage, and the scenario with them.

A fix brings people (with a skill, to a site, from a day to a day) or goods (to a depot, by a day),
or widens a depot's door. Its text says all that a scenario with it needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from allocator.scenario import Scenario
from allocator.settings import Batch

__all__ = ["Fix", "Parcel", "Person", "applied", "code", "merged"]

@dataclass(frozen=True)
class Person:
    """One newcomer: skill, days, shifts."""

    skill: str
    first: int
    last: int
    posts: tuple[int, ...]
    """[D] posts worked, -1: a day off"""


@dataclass(frozen=True)
class Parcel:
    """Goods that leave a depot for the site."""

    day: int
    arrives: int
    depot: str
    item: str
    units: int


@dataclass(frozen=True)
class Fix:
    """What is added to the means, and what becomes of it."""

    site: str
    people: tuple[Person, ...] = ()
    deliveries: tuple[tuple[str, str, int, int], ...] = ()
    """(depot, item, day, units)"""
    doors: tuple[tuple[str, float], ...] = ()
    """(depot, litres a day)"""
    parcels: tuple[Parcel, ...] = ()
    gain: float = 0.0
    """objective saved"""
    use: dict[str, np.ndarray] = field(default_factory=dict, compare=False)
    """item -> kit units that the newcomers take [D]"""

    def text(self) -> str:
        """The fix as JSON: what `applied` needs to make it part of a scenario."""
        means = {k: v for k, v in asdict(self).items() if k in ("site", "people", "deliveries", "doors")}
        for person in means["people"]:
            del person["posts"]
        return json.dumps(means, ensure_ascii=False)


def applied(scenario: Scenario, fixes: Iterable[Fix | dict[str, Any]]) -> Scenario:
    """The scenario with the means of some fixes added; newcomers are pinned to their site."""
    found = [f if isinstance(f, dict) else json.loads(f.text()) for f in fixes]
    changes: dict[str, Any] = {}
    newcomers = [(f["site"], n, p) for f in found for n, p in enumerate(f["people"])]
    batches = scenario.settings.batches
    if newcomers:
        batches, named = _batches(batches, [p["first"] for _, _, p in newcomers])
        rows = [_cadre(scenario, s, n, p, b) for (s, n, p), b in zip(newcomers, named, strict=True)]
        changes["cadres"] = pd.concat([scenario.table("cadres"), pd.DataFrame(rows)], ignore_index=True)
        pins = [{"cadre": code(s, n), "site": s, "kind": "must", "first_day": -1} for s, n, _ in newcomers]
        changes["pins"] = pd.concat([scenario.table("pins"), pd.DataFrame(pins)], ignore_index=True)
    deliveries = [d for f in found for d in f["deliveries"]]
    if deliveries:
        more = pd.DataFrame(deliveries, columns=["depot", "item", "day", "quantity"])
        both = pd.concat([scenario.table("deliveries"), more], ignore_index=True)
        changes["deliveries"] = both.groupby(["depot", "item", "day"], as_index=False)["quantity"].sum()
    doors = pd.DataFrame([d for f in found for d in f["doors"]], columns=["depot", "litres"])
    if len(doors):
        wider = scenario.table("depots")["depot"].map(doors.groupby("depot")["litres"].sum()).fillna(0.0)
        depots = scenario.table("depots")
        changes["depots"] = depots.assign(throughput=depots["throughput"] + wider.astype(float))
    eased = replace(scenario, settings=replace(scenario.settings, batches=batches))
    return eased.change(changes)


def code(site: str, n: int) -> str:
    return f"new-{site}-{n + 1}"


def _batches(batches: tuple[Batch, ...], days: list[int]) -> tuple[tuple[Batch, ...], list[str]]:
    """Batches with a place for each newcomer: the last that has left, or a new one on the day."""
    named = []
    for day in days:
        able = [b for b in batches if b.start <= day]
        if not able:
            able = [Batch(f"new-{day}", day, 0)]
            batches = (*able, *batches)
        best = max(able, key=lambda b: b.start)
        batches = tuple(replace(b, size=b.size + 1) if b.id == best.id else b for b in batches)
        named.append(best.id)
    return batches, named


def _cadre(scenario: Scenario, site: str, n: int, person: dict[str, Any], batch: str) -> dict[str, Any]:
    place = scenario.table("sites").set_index("site").loc[site]
    who = {"cadre": code(site, n), "office": "new", "district": place["district"], "lon": place["lon"]}
    who |= {"lat": place["lat"], "skills": person["skill"], "night_ok": True, "batch": batch}
    return who | {"first_day": person["first"], "last_day": person["last"]}


def merged(a: Fix, b: Fix) -> Fix:
    doors = dict(a.doors)
    for depot, litres in b.doors:
        doors[depot] = doors.get(depot, 0.0) + litres
    return replace(a, deliveries=a.deliveries + b.deliveries, parcels=a.parcels + b.parcels, doors=tuple(doors.items()))

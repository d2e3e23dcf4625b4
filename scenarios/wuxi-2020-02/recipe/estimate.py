"""Rough penalties that will remain, to keep people and goods on one scale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from .goods import ITEMS, KITS, needs_of
from .places import Place
from .stores import BUDGET_SHARE, KIT_SHARE
from .work import DAYS, DUTIES, PROFILES, START, days_of

TIER = {"medical": 8, "frontline": 4, "enterprise": 2, "public": 1}
FIRST_HALF, REQUIRED, TARGET = 2, 10, 2


@dataclass(frozen=True)
class Wanted:
    """Person-shifts asked for, and the mean weight of one of them."""

    required: int
    target: int
    weight: float


def wanted(places: list[Place]) -> Wanted:
    """Person-shifts over the horizon."""
    worth = {duty: weight for duty, _, _, weight in DUTIES}
    required = target = 0
    weighed = 0.0
    for p in places:
        for a in PROFILES[p.profile]:
            days = len(days_of(a))
            required += days * a.required
            target += days * a.target
            weighed += days * a.required * p.weight * worth[a.duty]
    return Wanted(required, target, weighed / required)


def staffing_penalty(asked: Wanted, available: float) -> float:
    """All available shifts cover required ones, none of the rest is covered."""
    short = asked.required - min(available, asked.required)
    # the least important posts stay empty, so a missing shift weighs less than the mean
    return asked.weight * (0.92 * REQUIRED * short + TARGET * (asked.target - asked.required))


def supply(wish: dict[str, list[float]], rows: dict[str, list[tuple[object, ...]]]) -> dict[str, list[float]]:
    """Item -> units that become available on each day, orders spread evenly over the budget's part."""
    arrivals = {item: [0.0] * DAYS for item in wish}
    for _, item, quantity in rows["stock"]:
        arrivals[str(item)][0] += float(str(quantity))
    for _, item, when, quantity in rows["deliveries"]:
        arrivals[str(item)][_day(when)] += float(str(quantity))
    for _, item, _, first, last, per_day, lead, _ in rows["suppliers"]:
        for d in range(_day(first), _day(last) + 1):
            arrivals[str(item)][d + int(str(lead))] += BUDGET_SHARE * int(str(per_day))
    return arrivals


def _day(iso: object) -> int:
    return (date.fromisoformat(str(iso)) - START).days


def supply_penalty(places: list[Place], arrivals: dict[str, list[float]]) -> dict[str, float]:
    """Item -> penalty when the city pools its goods and serves the heaviest half-needs of the day first."""
    weight = {i.item: i.weight for i in ITEMS}
    kit = {(duty, item): n for duty, item, n in KITS}
    units = {i: {t: [0.0] * DAYS for t in TIER} for i in weight}
    kits = {i: [0.0] * DAYS for i in weight}
    for p in places:
        for n in needs_of(p):
            for d in range(n.first - 3, n.last - 2):
                units[n.item][n.tier][d] += n.per_day
        for a in PROFILES[p.profile]:
            for (duty, item), used in kit.items():
                if duty == a.duty:
                    for d in days_of(a):
                        kits[item][d] += used * a.required * KIT_SHARE
    return {i: weight[i] * _short(units[i], kits[i], arrivals[i]) for i in weight}


def _short(units: dict[str, list[float]], kits: list[float], arrivals: list[float]) -> float:
    hand = total = 0.0
    for d in range(DAYS):
        hand = max(0.0, hand + arrivals[d] - kits[d])
        halves = [(TIER[t] * f, units[t][d] / 2) for t in TIER for f in (FIRST_HALF, 1)]
        for value, amount in sorted(halves, reverse=True):
            used = min(hand, amount)
            hand -= used
            total += value * (amount - used)
    return total

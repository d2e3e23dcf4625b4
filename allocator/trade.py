"""Shortage against changes: what a re-plan gains with every cadre it moves.

Moving a cadre costs `weights.change`. Raised, it makes the search move fewer people; a ladder of
such weights gives plans with few changes and with many, and the best plan with at most so many
changes is kept. All plans are measured at the scenario's own weight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from allocator import context, measures, pipeline
from allocator.certificate import Certificate, Status
from allocator.limits import Limits, Watch
from allocator.plan import Plan
from allocator.replan import moves
from allocator.scenario import Scenario

__all__ = ["Point", "curve", "decide", "limited"]

STEEP = 5000.0
"""A weight at which nobody moves who need not."""
FLOOR = 0.5
"""A weight that keeps hardly anybody from moving."""
HALVINGS = 6
"""Plans made at most to meet a limit of changes."""


@dataclass(frozen=True)
class Point:
    """One plan of the curve."""

    changes: int
    shortage: int
    """Required person-shifts missing."""
    staffing: float
    """The same weighted, by site and duty, with what is missing of the target: the term of the objective."""
    penalty: float
    """Objective without the changes' own."""
    plan: Plan

    def record(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("changes", "shortage", "staffing", "penalty")}


def point(scenario: Scenario, plan: Plan) -> Point:
    objective, terms = plan.objective or 0.0, plan.terms
    shortage = int(plan.kpis["people"]["shortage"])
    return Point(moves(scenario, plan), shortage, terms["staffing"], objective - terms["change"], plan)


def at(scenario: Scenario, weight: float, limits: Limits, start: Plan, watch: Watch | None = None) -> Plan:
    """The plan found when a move costs `weight`, measured at the scenario's own; it carries no bound."""
    own = scenario.settings.weights.change
    if weight == own:
        return pipeline.solve(scenario, limits, watch, start)
    plan = pipeline.solve(scenario.change({"weights.change": weight}), limits, watch, start)
    derived = measures.derive(scenario, plan.tables)
    terms = measures.objective_terms(scenario, plan.tables, derived)
    objective = sum(terms.values())
    certificate = Certificate("plan", Status.FEASIBLE, objective, None, plan.certificates[-1].seconds, "allocator")
    named = replace(plan, fingerprint=scenario.fingerprint, context=context.of(scenario), certificates=(certificate,))
    return replace(named, objective=objective, bound=None, terms=terms)


def decide(scenario: Scenario, watch: Watch, start: Plan | None = None, most: int | None = None) -> Plan:
    """Solve a scenario, from a plan in hand and with at most so many changes where these are given."""
    if start is None:
        return pipeline.solve(scenario, watch.limits, watch)
    if most is None:
        return pipeline.solve(scenario, watch.limits, watch, start)
    return limited(scenario, most, watch.limits, start, watch)


def limited(scenario: Scenario, most: int, limits: Limits, start: Plan, watch: Watch | None = None) -> Plan:
    """The best plan found that moves at most `most` cadres; its bound is that of plans without the limit.

    Nobody moves who need not at a steep weight of changes, so there is such a plan unless events
    force more: then the one with the fewest changes is returned.
    """
    watch = watch or Watch(limits)
    free = pipeline.solve(scenario, _share(limits, 0.5), watch, start)
    if moves(scenario, free) <= most:
        return free
    low, high = scenario.settings.weights.change, STEEP
    best = at(scenario, STEEP, _share(limits, 0.1), start)
    for _ in range(HALVINGS):
        if watch.left() <= 0 or moves(scenario, best) == most:
            break
        middle = (max(low, 1.0) * high) ** 0.5
        tried = at(scenario, middle, _share(limits, 0.1), best)
        if moves(scenario, tried) > most:
            low = middle
            continue
        high = middle
        if (tried.objective or 0.0) < (best.objective or 0.0):
            best = tried
    bound = None if free.bound is None else min(free.bound, best.objective or 0.0)
    proof = replace(best.certificates[-1], bound=bound)
    return replace(best, bound=bound, certificates=(*free.certificates[:-1], proof))


def _share(limits: Limits, part: float) -> Limits:
    """Part of the time; a proof only for the plan without a limit, which has the most."""
    seconds = None if limits.seconds is None else limits.seconds * part
    return replace(limits, seconds=seconds, prove=limits.prove and part >= 0.5)


def curve(
    scenario: Scenario,
    limits: Limits,
    start: Plan,
    points: int = 9,
    tell: Callable[[Point], None] = lambda point: None,
) -> list[Point]:
    """Plans with more and more changes, each better than those with fewer; the first moves who must.

    `limits` are those of every single plan; the next one is made where most is left to gain. Plans
    that are no better than one with fewer changes are left out, so the weighted shortage and the penalty
    fall strictly.
    """
    ladder: list[tuple[float, Point]] = []

    def step(weight: float, origin: Plan) -> None:
        ladder.append((weight, point(scenario, at(scenario, weight, limits, origin))))
        ladder.sort(key=lambda rung: -rung[0])
        tell(next(p for w, p in ladder if w == weight))

    step(STEEP, start)
    step(0.0, ladder[0][1].plan)
    while len(ladder) < points and (gap := _widest(ladder)) is not None:
        (high, origin), (low, _) = gap
        step((high * max(low, FLOOR)) ** 0.5, origin.plan)
    return frontier([p for _, p in ladder])


def _widest(ladder: list[tuple[float, Point]]) -> tuple[tuple[float, Point], tuple[float, Point]] | None:
    """The neighbours between which most is gained, of those with room for a plan between them."""
    pairs = [(a, b) for a, b in pairwise(ladder) if b[1].changes - a[1].changes > 1 and a[0] > 1.05 * max(b[0], FLOOR)]
    return max(pairs, key=lambda pair: pair[0][1].penalty - pair[1][1].penalty, default=None)


def frontier(found: list[Point]) -> list[Point]:
    """The points no other beats in changes, staffing and penalty together, by rising changes."""
    kept: list[Point] = []
    for candidate in sorted(found, key=lambda p: (p.changes, p.staffing, p.penalty)):
        if not kept or (candidate.staffing < kept[-1].staffing and candidate.penalty < kept[-1].penalty):
            kept.append(candidate)
    return kept

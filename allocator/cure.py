"""A fix made: a whole plan with the new means in which the shortage has ended.

A plan solved anew with the means of a fix may spend them, or what they set free, elsewhere: that can be worth
more. Who asks for the end of one shortage wants it ended. So the plan in hand with the fix comes first, everybody
else as they are; then the search goes on from there, and its plan counts only if the shortage stays ended and
the objective falls. Where it does not stay ended, the search is made once more with the team of the place pinned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from allocator import explain, fixes, pipeline
from allocator.errors import InputError, NoPlanError, Problem
from allocator.explain import Explained, Shortage
from allocator.limits import Limits
from allocator.plan import Plan
from allocator.problems import nearest
from allocator.scenario import Scenario
from allocator.state import State
from allocator.verifier import verify

__all__ = ["Cure", "chosen", "cured"]

LEAST = 1e-6
"""What the search must gain for its plan to count: nobody is moved for nothing."""


@dataclass(frozen=True)
class Cure:
    """A scenario with the means of a fix, and a plan of it without the shortage."""

    scenario: Scenario
    plan: Plan
    settled: Plan
    """The plan in hand with the fix, nothing else changed."""
    found: Plan | None
    """What the search came to, whether or not the shortage stays ended; None: nobody searched."""


def chosen(state: State, site: str, what: str | None) -> Explained:
    """The shortage of a site that is named, or the one whose fix saves most.

    Raises `InputError` where the site is not short of it, `NoPlanError` where no fix was found that holds.
    """
    mask = explain.sites_of(state, site, None)
    wanted = {explain.named(state, s): s for s in explain.shortages(state, mask)}
    if not wanted or (what is not None and what not in wanted):
        column, given = ("SITE", site) if not wanted else ("WHAT", what or "")
        way = f"what {site} is short of; {nearest(given, wanted)}" if wanted else f"a site that is short; {site} is not"
        raise InputError([Problem(column, None, None, given, way, "no_shortage")])
    few: list[Shortage] = list(wanted.values()) if what is None else [wanted[what]]
    found = [e for e in explain.explained(state, few) if e.fix is not None]
    if not found:
        names = ", ".join(wanted) if what is None else what
        raise NoPlanError(f"{site}: no fix was found that ends a shortage of {names}")
    return max(found, key=lambda e: 0.0 if e.fix is None else e.fix.gain)


def cured(state: State, e: Explained, rounds: int = 0, seed: int = 0) -> Cure:
    """Make the fix of a shortage; with `rounds` of search for all that can be better beside it.

    The plan returned breaks no rule, is free of the shortage, and no worse than the plan in hand.
    """
    assert e.fix is not None
    scenario = fixes.applied(state.scenario, [e.fix])
    settled = explain.with_fixes(state, [e.fix], scenario)
    if not rounds:
        return Cure(scenario, settled, settled, None)
    found = pipeline.solve(scenario, Limits(None, 0.0, seed, 1, rounds, prove=False), None, settled)
    better = _value(found) < _value(settled) - LEAST
    if better and explain.ended(state, e.shortage)(found) and not verify(scenario, found):
        return Cure(scenario, found, settled, found)
    return Cure(scenario, settled, settled, found)


def _value(plan: Plan) -> float:
    return math.inf if plan.objective is None else plan.objective

"""What a notebook calls: solve with plain arguments."""

from __future__ import annotations

import os

from allocator import pipeline
from allocator.limits import Limits, Watch
from allocator.plan import Plan
from allocator.scenario import Scenario

__all__ = ["cores", "solve"]


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def solve(
    scenario: Scenario,
    seconds: float | None = 100.0,
    gap: float = 0.0,
    seed: int = 0,
    processes: int | None = None,
    start: Plan | None = None,
    rounds: int = 40,
    prove: bool = True,
) -> Plan:
    """Solve a scenario; the plan is complete, measured and carries its bound.

    Parameters
    ----------
    seconds
        time to decide; None: until nothing is left to try.
    gap
        stop once the proved gap is at most this share.
    seed
        of all random choices.
    processes
        one per core if not given.
    start
        a plan to start from, of this scenario or a similar one: what of it can stand is kept as the
        first plan, and improved.
    rounds
        of search at most; unlike seconds, they give the same plan on any machine.
    prove
        False: no bound is asked for, which a what-if beside a proved plan can do without.

    Raises
    ------
    InputError
        The scenario asks for what this version does not plan for.
    NoPlanError
        A pin cannot be kept.
    """
    limits = Limits(seconds, gap, seed, processes or cores(), rounds, prove)
    return pipeline.solve(scenario, limits, Watch(limits), start)

"""Offers: for every place that is short, who could be posted there and what that changes.

Worked out once, when a plan is published, and kept beside it: who serves plans then need not solve.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from allocator import executor
from allocator.candidates import neighbours, rows
from allocator.plan import Plan
from allocator.scenario import Scenario
from allocator.state import State

__all__ = ["places", "worked_out"]

AT_ONCE = 20
"""Places a process works out before it answers."""
FEW = 60
"""Places for which no other process is worth starting."""

Rows = list[dict[str, Any]]


def places(plan: Plan) -> list[str]:
    """Sites that are short of people, the worst first."""
    short = plan.table("coverage").groupby("site")["shortage"].sum()
    worst = short[short > 0].reset_index().sort_values(["shortage", "site"], ascending=[False, True])
    return [str(site) for site in worst["site"]]


def worked_out(
    scenario: Scenario, plan: Plan, sites: list[str], most: int, processes: int = 1
) -> Iterator[tuple[str, Rows]]:
    """Yield each site with its candidates as rows of `candidates.rows`, as they are done.

    Each site has the `most` best of the city and the `most` best posted in its own district.
    """
    shared = pickle.dumps((scenario, plan, most), protocol=5)
    tasks = {str(n): sites[n : n + AT_ONCE] for n in range(0, len(sites), AT_ONCE)}
    if processes == 1 or len(sites) <= FEW:
        for some in tasks.values():
            yield from _some(shared, some)
        return
    for _, answer in executor.run(_some, zlib.compress(shared, 1), tasks, None, processes):
        yield from answer


@lru_cache(maxsize=1)
def _state(shared: bytes) -> tuple[State, int]:
    packed = shared if shared[:1] == b"\x80" else zlib.decompress(shared)
    scenario, plan, most = pickle.loads(packed)
    return State(scenario, plan), most


def _some(shared: bytes, sites: list[str]) -> list[tuple[str, Rows]]:
    state, most = _state(shared)
    return [(site, rows(state, neighbours(state, site, most))) for site in sites]

"""Large neighbourhoods: free some people of a roster, solve their LP, dive, then a small MIP.

The LP is solved by column generation nearly to its end, or until its bound shows that there is
nothing better; only then a column dive looks for it, and a MIP over the columns that could still
be part of a better roster.
"""

from __future__ import annotations

import numpy as np

from allocator.models import dives, engine
from allocator.models.master import TINY, Duals, Master
from allocator.models.schedules import Pricer
from allocator.models.team import Team

ENOUGH = 1.0
"""The LP is solved well enough when its value is this near to its bound."""
STEP = 0.1
"""Share of the people that a step of the dive fixes."""
SMOOTH = 0.5
"""Share of the best bound's duals: small LPs settle sooner than large ones."""
WIDEST = 4000
"""Columns of a MIP at most; those of least reduced cost stay."""


def people(
    team: Team,
    pricer: Pricer,
    pool: tuple[np.ndarray, np.ndarray],
    roster: np.ndarray,
    free: np.ndarray,
    seconds: float,
    rng: np.random.Generator,
    centre: Duals | None = None,
) -> np.ndarray | None:
    """A better roster in which only the `free` people's schedules differ, if one was found.

    `pool` are owners and schedules to begin with, `centre` duals.
    """
    part = team.part(free, roster)
    master = Master(part, pricer.pick(free, part))
    master.add(np.arange(len(free)), roster[free])
    place = np.full(len(roster), -1)
    place[free] = np.arange(len(free))
    mine = place[pool[0]] >= 0
    master.add(place[pool[0][mine]], pool[1][mine])
    found = improve(master, team.value(roster), rng, seconds, centre)
    if found is None:
        return None
    better = roster.copy()
    better[free] = found
    return better


def improve(
    master: Master,
    value: float,
    rng: np.random.Generator,
    seconds: float,
    centre: Duals | None = None,
) -> np.ndarray | None:
    """A roster of the master's team that costs less than `value`, if a dive or the MIP finds one."""
    team = master.team
    limit = value - team.base

    def more(least: float, bound: float) -> bool:
        return least >= limit - TINY or least - bound > ENOUGH

    least, bound = master.converge(cutoff=limit, more=more, centre=centre, smooth=SMOOTH)
    if master.point is None or team.bound(team.base + bound) >= value - TINY:
        return None
    found = master.roster()
    if found is None:
        found = dives.run(master, dives.columns(STEP), rng, value)
    if found is None or team.value(found) >= value - TINY:
        master.solve()
        found = _choose(master, limit - least, seconds)
    return found if found is not None and team.value(found) < value - TINY else None


def _choose(master: Master, room: float, seconds: float) -> np.ndarray | None:
    """The best roster of the columns whose reduced cost leaves room for a better one."""
    reduced = np.where(master.open, master.reduced(), np.inf)
    kept = np.flatnonzero(reduced < room - (1 - TINY if master.team.whole else TINY))
    kept = kept[np.argsort(reduced[kept], kind="stable")[:WIDEST]]
    x = engine.solve(master.model(kept), seconds=seconds).x
    if x is None:
        return None
    chosen = kept[x[-len(kept) :] > 0.5]
    if len(chosen) != master.people:
        return None
    roster = np.empty((master.people, master.days), dtype=np.int16)
    roster[master.owner[chosen]] = master.schedules[chosen]
    return roster

"""What a process does after the root: it dives and frees neighbourhoods, or branches, step by step.

Two kinds of work, each an iterator that gives way after every step: `seek` looks for better
rosters, `prove` raises the bound. What they find goes to a `Hub`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator

import numpy as np

from allocator.models import dives, neighbours
from allocator.models.branching import Tree
from allocator.models.hub import Hub
from allocator.models.master import Master
from allocator.models.team import Team

KEPT = 25
"""Columns a person keeps after the root."""
POOL = 80
"""Columns a person may have before the dear ones go."""
DIVES = 6
"""Dives before the neighbourhoods of one of their rosters."""
SHARE, WIDER, WIDEST = 0.27, 1.2, 0.6
"""People freed at first, how the share grows after failures, and to what."""
FEW = 20
"""People who may always be freed together."""
FAILURES = 6
"""Failures in a row after which the share grows."""
MIP_SECONDS = 6.0
DONE = object()
QUIET, STALE = 100, 40.0
"""Turns, and seconds, without a better bound after which the proof has few turns."""
SELDOM = 4
"""It then has one in so many."""


def seek(master: Master, hub: Hub, rng: np.random.Generator, first: int = 0) -> Iterator[None]:
    """Dives, then neighbourhoods, for ever; `first` says which kind of dive begins.

    Neighbourhoods start from the best roster known and, every other time, from the best of the
    last dives.
    """
    for turn in itertools.count():
        best: np.ndarray | None = None
        for k in range(DIVES):
            found = None
            for step in dives.dive(master, _fix(first + k, rng), rng, lambda: np.inf):
                found = step
                yield
            _tidy(master)
            if found is not None:
                hub.offer(found)
                if best is None or hub.team.value(found) < hub.team.value(best):
                    best = found
        yield from _descend(master, hub, hub.roster if best is None or turn % 2 == 0 else best, rng)


def _tidy(master: Master) -> None:
    """Let the dear columns go where there are many."""
    if len(master.owner) > POOL * master.people or master.point is None:
        master.solve()
        if master.point is not None:
            master.keep(KEPT)


def _fix(turn: int, rng: np.random.Generator) -> dives.Fix:
    if turn % 2 == 0:
        return dives.cells(rng.uniform(0.8, 0.95), rng.uniform(0.04, 0.15))
    return dives.columns(rng.uniform(0.03, 0.12))


def _descend(master: Master, hub: Hub, roster: np.ndarray, rng: np.random.Generator) -> Iterator[None]:
    """Neighbourhoods of a roster until nothing better comes of the widest."""
    team, share, failures = master.team, SHARE, 0
    widest = min(1.0, max(WIDEST, FEW / master.people))
    while True:
        _tidy(master)
        count = min(master.people, max(2, round(share * master.people)))
        free = np.sort(_pick(team, roster, count, rng))
        seconds = min(MIP_SECONDS, max(0.1, hub.left))
        better = neighbours.people(
            team, master.pricer, (master.owner, master.schedules), roster, free, seconds, rng
        )
        if better is None:
            failures += 1
            if failures % FAILURES == 0:
                if share >= widest or count == master.people:
                    return
                share = min(widest, share * WIDER)
        else:
            roster, failures = better, 0
            master.add(free, roster[free])
            hub.offer(roster)
        yield


def _pick(team: Team, roster: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Whom to free: anyone, or rather those whose schedules touch cover that costs most."""
    people = len(roster)
    if rng.random() < 0.5:
        return rng.choice(people, count, replace=False)
    spare = team.staffed(roster) - team.required
    dear = np.maximum(-spare, 0) * team.under + np.maximum(spare, 0) * team.over
    day = rng.choice(len(dear), p=(dear.sum(axis=1) + 1e-3) / (dear.sum(axis=1) + 1e-3).sum())
    near = np.arange(max(0, day - 2), min(len(dear), day + 3))
    able = (~team.barred[:, near] & (dear[near] > 0)).any(axis=2).sum(axis=1)
    weight = 1.0 + able + team.personal(roster) - team.personal(roster).min()
    return rng.choice(people, count, replace=False, p=weight / weight.sum())


def prove(master: Master, hub: Hub, bound: float) -> Iterator[None]:
    """Branch and price until no node is left; `bound` is the root's, without `base`."""
    team = master.team
    tree = Tree(master, bound)
    while tree.open:
        found = tree.step(hub.value - team.base, lambda: hub.left > 0)
        if found is not None:
            hub.offer(found)
        hub.raised(team.bound(team.base + tree.bound()))
        yield


def work(
    hub: Hub, seeking: Iterator[None], proving: Iterator[None] | None, alone: bool, listen: Callable[[], None]
) -> None:
    """Prove, seek or both until nothing is left to do.

    A process `alone` takes turns, the same ones whatever the clock says; else one proves until that
    no longer raises the bound, and then gives most of its turns to the search.
    """
    quiet, rose, bound, turn = 0, time.monotonic(), hub.bound, 0
    while hub.going:
        listen()
        if hub.bound > bound:
            quiet, rose, bound = 0, time.monotonic(), hub.bound
        busy = quiet < QUIET and (alone or time.monotonic() < rose + STALE)
        every = (2 if alone else 1) if busy else SELDOM
        turn += 1
        if proving is None or turn % every:
            next(seeking)
            continue
        quiet += 1
        if next(proving, DONE) is DONE:
            proving = None

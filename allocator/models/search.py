"""What a process does after the root: it dives and frees neighbourhoods, or branches, step by step.

Two kinds of work, each an iterator that gives way after every step: `seek` looks for better
rosters, `prove` raises the bound. What they find goes to a `Hub`, which knows the best roster and
bound of all processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from allocator.models import dives, neighbours
from allocator.models.branching import Tree
from allocator.models.master import TINY, Master
from allocator.models.team import Team

KEPT = 25
"""Columns a person keeps after the root."""
POOL = 80
"""Columns a person may have before the dear ones go."""
SHARE, WIDER, WIDEST = 0.27, 1.2, 0.6
"""People freed at first, how the share grows after failures, and to what."""
FAILURES = 6
"""Failures in a row after which the share grows."""
MIP_SECONDS = 6.0
STALE = 30.0
"""Seconds without a better bound after which the proof takes only a small share of the time."""


@dataclass
class Hub:
    """Best roster and bound so far; `send` tells them to other processes."""

    team: Team
    roster: np.ndarray
    bound: float
    send: Callable[[str, object], None] = lambda kind, what: None
    deadline: float = np.inf
    value: float = field(init=False)

    def __post_init__(self) -> None:
        self.value = self.team.value(self.roster)

    @property
    def closed(self) -> bool:
        return self.bound >= self.value - TINY

    @property
    def left(self) -> float:
        return self.deadline - time.monotonic()

    @property
    def going(self) -> bool:
        return not self.closed and self.left > 0

    def offer(self, roster: np.ndarray) -> None:
        value = self.team.value(roster)
        if value < self.value - TINY:
            self.roster, self.value = roster, value
            self.send("roster", roster)

    def raised(self, bound: float) -> None:
        bound = min(bound, self.value)
        if bound > self.bound + TINY:
            self.bound = bound
            self.send("bound", bound)


def seek(master: Master, hub: Hub, rng: np.random.Generator, first: int = 0) -> Iterator[None]:
    """Dives and neighbourhoods for ever; `first` says which kind of dive begins."""
    turn = first
    while True:
        found = None
        for found in dives.dive(master, _fix(turn, rng), rng, lambda: np.inf):
            yield
        turn += 1
        if found is None:
            continue
        hub.offer(found)
        yield from _descend(master, hub, found, rng)


def _fix(turn: int, rng: np.random.Generator) -> dives.Fix:
    if turn % 2 == 0:
        return dives.cells(rng.uniform(0.8, 0.95), rng.uniform(0.04, 0.15))
    return dives.columns(rng.uniform(0.03, 0.12))


def _descend(master: Master, hub: Hub, roster: np.ndarray, rng: np.random.Generator) -> Iterator[None]:
    """Neighbourhoods of a roster until nothing better comes of the widest."""
    team, share, failures = master.team, SHARE, 0
    while True:
        if len(master.owner) > POOL * master.people or master.point is None:
            master.solve()
            if master.point is not None:
                master.keep(KEPT)
        count = min(master.people, max(2, round(share * master.people)))
        free = np.sort(_pick(team, roster, count, rng))
        seconds = min(MIP_SECONDS, max(0.1, hub.left))
        better = neighbours.people(
            team, master.pricer, (master.owner, master.schedules), roster, free, seconds, rng
        )
        if better is None:
            failures += 1
            if failures % FAILURES == 0:
                if share >= WIDEST or count == master.people:
                    return
                share = min(WIDEST, share * WIDER)
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


def work(master: Master, hub: Hub, seed: int, role: str, root: float, listen: Callable[[], None]) -> None:
    """Prove, seek or both until nothing is left to do.

    A proof that no longer raises the bound gives most of its time to the search.
    """
    rng = np.random.default_rng(seed)
    seeking = seek(master, hub, rng, seed % 2)
    proving = prove(master.copy(), hub, root) if role != "seek" else iter(())
    spent = {"prove": 0.0, "seek": 0.0}
    rose, bound, proof = time.monotonic(), hub.bound, role != "seek"
    while hub.going:
        listen()
        started = time.monotonic()
        if hub.bound > bound:
            rose, bound = started, hub.bound
        share = 0.0 if not proof else _share(role, started - rose)
        turn = "prove" if spent["prove"] < share * (sum(spent.values()) + TINY) or share == 1.0 else "seek"
        if turn == "prove":
            proof = next(proving, False) is None
        else:
            next(seeking)
        spent[turn] += time.monotonic() - started


def _share(role: str, quiet: float) -> float:
    """Share of the time that goes into the proof."""
    busy = quiet < STALE
    if role == "prove":
        return 1.0 if busy else 0.25
    return 0.4 if busy else 0.15

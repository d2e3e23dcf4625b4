"""Dives: fix what the master LP nearly decides, price again, go on until the LP is a roster.

An *assignment dive* fixes cells (person, day, shift or day off) and bars the schedules they
exclude; a *column dive* fixes whole schedules, which is better where under-cover is fractional.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from allocator.models.master import TINY, Master

ROUNDS = 4
"""Rounds of pricing after each step."""

Fix = Callable[[Master, np.ndarray, np.random.Generator], np.ndarray]
"""The cells allowed after a step, given those before."""


def cells(threshold: float, share: float) -> Fix:
    """Fix a share of all cells, those of greatest value, if at least the threshold (else a few)."""

    def fix(master: Master, allowed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        values = master.cells()
        best = values.argmax(axis=2)
        top = np.take_along_axis(values, best[:, :, None], 2)[:, :, 0]
        top = np.where(allowed.sum(axis=2) > 1, top + TINY * rng.random(top.shape), -1.0)
        order = np.argsort(-top, axis=None)
        count = max(1, int(share * top.size))
        few = max(1, count // 8)
        chosen = order[: max(min(count, int((top >= threshold).sum())), few)]
        chosen = chosen[top.ravel()[chosen] > 0]
        people, days = np.unravel_index(chosen, top.shape)
        return _fixed(allowed, people, days, best.ravel()[chosen])

    return fix


def columns(share: float) -> Fix:
    """Fix the schedules of a share of the people, those of greatest value."""

    def fix(master: Master, allowed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        values = master.values() + TINY * rng.random(len(master.owner))
        loose = (allowed.sum(axis=2) > 1).any(axis=1)
        order = np.argsort(-values, kind="stable")
        order = order[loose[master.owner[order]] & (values[order] > TINY)]
        _, first = np.unique(master.owner[order], return_index=True)
        chosen = order[np.sort(first)[: max(1, round(share * master.people))]]
        people = np.repeat(master.owner[chosen], master.days)
        days = np.tile(np.arange(master.days), len(chosen))
        return _fixed(allowed, people, days, master.schedules[chosen].ravel())

    return fix


def _fixed(allowed: np.ndarray, people: np.ndarray, days: np.ndarray, types: np.ndarray) -> np.ndarray:
    fixed = allowed.copy()
    fixed[people, days] = False
    fixed[people, days, types] = True
    return fixed


def dive(
    master: Master, fix: Fix, rng: np.random.Generator, cutoff: Callable[[], float]
) -> Iterator[np.ndarray | None]:
    """Dive from the master's present cells, one step at a time; the last step may yield a roster.

    Ends without one where the LP is no longer better than `cutoff` or someone is left without a
    schedule. The master is left as it was found.
    """
    start, rounds = master.allowed, ROUNDS
    try:
        value, _ = master.converge(rounds)
        while master.point is not None and master.team.bound(master.team.base + value) < cutoff():
            found = master.roster()
            if found is not None:
                yield found
                return
            allowed = fix(master, master.allowed, rng)
            if (allowed == master.allowed).all():
                return
            master.allow(allowed)
            value, _ = master.converge(rounds, cutoff() - master.team.base, dual=True)
            if master.point is None or master.stand_ins() > TINY:
                return
            yield None
    finally:
        master.allow(start)


def run(master: Master, fix: Fix, rng: np.random.Generator, cutoff: float) -> np.ndarray | None:
    """Dive to the end at once."""
    return next((found for found in dive(master, fix, rng, lambda: cutoff) if found is not None), None)

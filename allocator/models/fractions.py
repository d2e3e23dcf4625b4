"""A choice among very many columns: its LP in parts, and what the LP leaves open.

For programs whose LP comes out almost whole, such as one team for each site (`assembly.py`). The LP begins with the
columns that look best and takes in those that it misses at its prices until none is missed, so its value is that over
all columns. What it ends with is where the next one begins. Wuxi, 319,000 columns: all at once 69 s, in parts 18.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from allocator.models import engine

PART, MISSED = 60_000, 1e-6
"""Columns of the LP to begin with, and those that join at a time: such as are missed by more than this."""
DECIDED = 8.0
"""Seconds for what the LP leaves open: most often less than one, while a long search takes hundreds of MB."""
WHOLE = 1e-6
"""How near to 0 or 1 a choice is taken as made."""


class Fractions:
    """The last LP: its columns `inside`, what it took of them, its duals by row, reduced costs, where it stopped."""

    def __init__(self) -> None:
        self.inside, self.x, self.duals = np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
        self.reduced: np.ndarray = np.zeros(0)
        self.basis: engine.Basis | None = None

    def solve(
        self, model: engine.Model, likely: np.ndarray, always: np.ndarray, seconds: float | None
    ) -> np.ndarray | None:
        """How much of each column is taken; None where there is not the time.

        Columns `always` are among those of the LP, and at first as many as may be of the `likely`, best first.
        """
        begun = time.perf_counter()
        if len(self.inside):
            more = np.union1d(np.setdiff1d(always, self.inside), self._missed(model))
        else:
            more = np.union1d(likely[:PART], always)
        while len(more):
            inside = np.concatenate([self.inside, more])
            left = None if seconds is None else max(1.0, seconds - (time.perf_counter() - begun))
            answer = engine.solve(
                model.only(inside), "glop", seconds=left, basis=self.basis, algorithm="primal_simplex"
            )
            if answer.x is None or answer.duals is None or answer.reason != "optimal":
                return None
            self.inside, self.basis, self.x = inside, answer.basis, answer.x
            self.duals = answer.duals
            more = self._missed(model)
        x = np.zeros(len(model.cost))
        x[self.inside] = self.x
        return x

    def _missed(self, model: engine.Model) -> np.ndarray:
        """Columns that the last LP would take at its prices, those that it would gain most by first, `PART` at most."""
        reduced = model.cost - np.bincount(model.columns, model.values * self.duals[model.rows], len(model.cost))
        self.reduced = reduced[self.inside]
        reduced[self.inside] = 0.0
        missed = np.flatnonzero(reduced < -MISSED)
        return missed[np.argsort(reduced[missed], kind="stable")[:PART]]

    def keep(self, most: int) -> np.ndarray:
        """Forget all columns but those of the LP that are best at its prices, so many at most: these, in order."""
        assert self.basis is not None
        far = np.where((self.x > 0) | (self.basis.columns == engine.BASIC), -np.inf, self.reduced)
        keep = np.sort(np.argsort(far, kind="stable")[:most])
        kept = self.inside[keep]
        self.basis = engine.Basis(self.basis.rows, self.basis.columns[keep])
        self.x, self.inside = self.x[keep], np.arange(len(keep))
        return kept


def whole(model: engine.Model, x: np.ndarray, seconds: float | None) -> np.ndarray | None:
    """Which columns are chosen, once those that the LP leaves open are decided among all that fit beside the others.

    None where that cannot be decided soon.
    """
    made, open_ = x > 1 - WHOLE, (x > WHOLE) & (x < 1 - WHOLE)
    if not open_.any():
        return made
    rows, _ = model.shape
    used = np.bincount(model.rows, made[model.columns], rows)
    left = model.row_upper - used
    fits = np.ones(len(x), bool)
    fits[model.columns[left[model.rows] < 0.5]] = False
    some = np.flatnonzero(fits & ~made)
    part = replace(model.only(some), row_lower=model.row_lower - used, row_upper=left, integer=True)
    answer = engine.solve(part, "highs", seconds=None if seconds is None else min(seconds, DECIDED))
    if answer.x is None:
        return None
    made[some[answer.x > 0.5]] = True
    return made

"""What whole teams give at a site, each with a roster of its own, worked out one after another. Compiled.

Members who come without shifts get the best ones next to the others, then a few at a time are rested and
rostered anew, as in `reshuffle.py`. At given teams that comes to what an LP over schedules says is the most: teams of
2 to 11 on Wuxi reach it to the cent after 3,000 tries, and of 11 people 98 to 99 % of it after 60.
"""

from __future__ import annotations

import numpy as np

from allocator.models.kernel import Deck, Value, compiled, scratch
from allocator.models.reshuffle import FEW, shuffled
from allocator.models.working import back, leave, work

__all__ = ["rated"]


@compiled
def rated(deck: Deck, value: Value, staffed: np.ndarray, offer: np.ndarray, site: int, shapes: np.ndarray,
          plans: np.ndarray, tries: int, seed: np.ndarray, worth: np.ndarray) -> None:
    """worth[n] = what team n gives at the site, where `staffed` [P, D] has nobody; `offer` as of `offers`.

    `shapes` [N, H] of the members, -1 beyond the last; `plans` [N, H, D] posts to begin with, and found.
    """
    walk = scratch(deck, staffed.shape[1])
    row = np.empty((plans.shape[1], staffed.shape[1]), np.int64)
    old = np.empty((FEW, staffed.shape[1]), np.int64)
    for n in range(len(shapes)):
        size = 0
        while size < shapes.shape[1] and shapes[n, size] >= 0:
            size += 1
        row[:] = -1
        for k in range(size):
            back(deck, value, staffed, offer, row[k], plans[n, k].astype(np.int64))
        for k in range(size):
            if row[k].max() < 0:
                work(deck, value, staffed, offer, shapes[n, k], site, 0.0, seed, walk, row[k])
        worth[n] = shuffled(deck, value, staffed, offer, site, shapes[n], size, tries, seed, walk, row, old)
        for k in range(size):
            plans[n, k] = row[k]
            leave(deck, value, staffed, offer, row[k])

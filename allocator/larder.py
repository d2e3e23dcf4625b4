"""Goods at one place: who gets them when what arrives is fixed.

Kits come first. Of what is left the units go to the wishes worth most that they can still serve; on
days that lie before a unit's arrival it serves none. The sets of units that can be served by goods
arriving over time form a matroid, so taking the worthiest wish first is best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.goods import Goods


@dataclass(frozen=True)
class Served:
    """What one place makes of one item."""

    penalty: float
    used: np.ndarray
    """[r, D] units of each need line"""
    short: int
    """Kit units that cannot be there in time; then nothing else is used."""
    left: np.ndarray
    """[D] units that could be used on a day beside all others; -1 where kits are short."""


class Larder:
    """Needs, stock and arrivals of every site and item of a plan."""

    def __init__(self, goods: Goods, arriving: np.ndarray):
        """`arriving` [S, I, D] units that come in."""
        self.goods = goods
        self.have = np.cumsum(arriving, axis=2)
        self.have += goods.stock[goods.depots :, :, None]
        self.lines: dict[tuple[int, int], np.ndarray] = {}
        pair = goods.need_site * len(goods.items) + goods.need_item
        order = np.argsort(pair, kind="stable")
        cut = np.flatnonzero(np.diff(pair[order], prepend=-1))
        for rows in np.split(order, cut[1:]) if len(order) else ():
            self.lines[int(goods.need_site[rows[0]]), int(goods.need_item[rows[0]])] = rows

    def served(self, site: int, item: int, kits: np.ndarray, more: np.ndarray | None = None) -> Served:
        """The best use of an item at a site where shifts use up `kits` [D]; `more` [D] arrives beside."""
        have = self.have[site, item] if more is None else self.have[site, item] + np.cumsum(more)
        spare = have - np.cumsum(kits)
        rows = self.lines.get((site, item), np.zeros(0, np.int64))
        need = self.goods.need[rows]
        used = np.zeros_like(need)
        short = int(max(0, -spare.min()))
        left = np.full(len(spare), -1)
        if not short:
            left = self._deal(spare, need, self.goods.need_weight[rows], used)
        penalty = float(self._penalty(need, used, self.goods.need_weight[rows]))
        return Served(penalty, used, short, left)

    def penalties(self, site: int, item: int, kits: np.ndarray, units: int) -> np.ndarray:
        """[D] penalty when the shifts of one day use up `units` more; infinite where they cannot be there."""
        days = len(kits)
        spare = self.have[site, item] - np.cumsum(kits)
        spare = spare - units * np.tri(days, dtype=np.int64).T
        rows = self.lines.get((site, item), np.zeros(0, np.int64))
        need, weight = self.goods.need[rows], self.goods.need_weight[rows]
        out = np.full(days, np.inf)
        there = np.flatnonzero(spare.min(axis=1, initial=0) >= 0)
        used = np.zeros((len(there), *need.shape), need.dtype)
        self._deal(spare[there], need, weight, used)
        out[there] = self._penalty(need, used, weight)
        return out

    def _deal(self, spare: np.ndarray, need: np.ndarray, weight: np.ndarray, used: np.ndarray) -> np.ndarray:
        """Fill `used` [..., r, D] by falling worth: first halves, the unit in the middle, second halves; what is left.

        What a wish takes by a day is all it asks for by then, or what was left on some day before and all
        since. `spare` [..., D] may hold several cases.
        """
        half, odd = need // 2, need % 2
        first = self.goods.first_half
        parts = [(half, first), (odd, (first + 1) / 2), (half, 1.0)]
        worth = [(w * factor, r, k) for r, w in enumerate(weight) for k, (_, factor) in enumerate(parts)]
        left = _until(spare)
        for _, r, k in sorted(worth, key=lambda x: (-x[0], x[1], x[2])):
            if (left[..., -1] <= 0).all():
                break
            wished = np.cumsum(parts[k][0][r])
            taken = wished + np.minimum(np.minimum.accumulate(left - wished, axis=-1), 0)
            used[..., r, :] += taken
            used[..., r, 1:] -= taken[..., :-1]
            left = _until(left - taken)
        return left

    def _penalty(self, need: np.ndarray, used: np.ndarray, weight: np.ndarray) -> np.ndarray:
        first = np.maximum(need / 2 - used, 0) * self.goods.first_half
        rest = np.minimum(need / 2, np.maximum(need - used, 0))
        return ((first + rest).sum(axis=-1) * weight).sum(axis=-1)


def _until(spare: np.ndarray) -> np.ndarray:
    """What can be taken by each day without lack later."""
    return np.minimum.accumulate(spare[..., ::-1], axis=-1)[..., ::-1]

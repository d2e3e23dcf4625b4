"""The bound of `proof.py` person by person and site by site: for cities small enough to look at everybody.

Prices come from elsewhere: from the master LP, or from matching each cadre to one place of one site. Large cities
are looked at by peers (`peers.py`).
"""

from __future__ import annotations

import numpy as np

from allocator.instance import Instance
from allocator.models.blocks import NEVER
from allocator.models.cohorts import Cohorts, Priced, combinations
from allocator.models.cuts import Cuts
from allocator.models.field import Field
from allocator.models.matching import match
from allocator.models.peers import MIDDLE
from allocator.models.quick import alone
from allocator.models.worth import Worth


def sharpen(cohorts: Cohorts, priced: Priced, most: int, whole: bool) -> Cuts:
    """The `most` cuts of each profile that bind a block or come near, worked out for all shapes.

    `whole`: none for busy sites, which whole people would not see.
    """
    keep = []
    for kind, mine in enumerate(cohorts.of_kind):
        near = priced.near[kind].copy()
        for g in mine:
            near += 1e6 * priced.weight[g]
        near[:3] += 1e9
        busy = whole and bool(len(mine)) and bool(cohorts.big[mine[0]])
        keep.append(np.zeros(0, np.int64) if busy else np.sort(np.argsort(-near, kind="stable")[:most]))
    return cohorts.cuts.chosen(keep, np.arange(len(cohorts.inst.shape_trait)))


class Dual:
    """Evaluates the bound for prices of cadres and batches, person by person and site by site."""

    def __init__(self, cohorts: Cohorts, cuts: Cuts):
        self.cohorts, self.cuts = cohorts, cuts
        self.inst: Instance = cohorts.inst
        self.c, self.b = np.nonzero(self.inst.shape >= 0)
        self.shape = self.inst.shape[self.c, self.b]
        self.trait = self.inst.shape_trait[self.shape]
        self.length = self.inst.last[self.c, self.b] - self.inst.first[self.c, self.b] + 1

    def evaluate(self, u: np.ndarray, s: np.ndarray, most: np.ndarray) -> float:
        """Upper bound on the value; `most` [J] is a bound on W that holds at u and s (or infinite)."""
        pay = u[self.c] + s[self.b]
        worth = sum(self._block(g, pay, most) for g in range(len(self.cohorts.blocks)))
        return float(u.sum() + s @ self.inst.batch_size + worth + self._idle(pay))

    def _idle(self, pay: np.ndarray) -> float:
        """Sum of W over sites that ask for nobody: staying there may still save the change penalty."""
        inst = self.inst
        stay = inst.previous[self.c]
        rows = np.flatnonzero((stay >= 0) & (self.cohorts.block[np.maximum(stay, 0)] < 0))
        minutes = inst.minutes[self.c[rows], stay[rows]]
        near = np.isfinite(minutes)
        gain = inst.w_change - inst.w_travel * np.where(near, minutes, 0) * self.length[rows] - pay[rows]
        best = np.zeros(len(inst.cadres))
        np.maximum.at(best, self.c[rows], np.where(near, gain, 0.0))
        return float(best.sum())

    def _block(self, g: int, pay: np.ndarray, most: np.ndarray) -> float:
        """Sum of W over the sites of a block."""
        sites = np.flatnonzero(self.cohorts.block == g)
        kind, column = self.cohorts.kind[g], self.cohorts.column[g]
        base, best = self.cuts.base[kind][:, column], self.cuts.value[kind][:, :, column]
        if not len(base):
            return float(most[sites].sum())
        number = self.cohorts.cuts.classes[kind]
        member = number[self.b, self.trait]
        order = np.argsort(member, kind="stable")
        edge = np.searchsorted(member[order], np.arange(number.max() + 2))
        value = best[:, self.shape[order]] - pay[order]
        return sum(min(most[j], _whole(value - self._cost(int(j), order), base, edge)) for j in sites)

    def _cost(self, j: int, order: np.ndarray) -> np.ndarray:
        inst, c = self.inst, self.c[order]
        minutes = inst.minutes[c, j]
        far = ~np.isfinite(minutes)
        cost = inst.w_travel * np.where(far, 0, minutes) * self.length[order]
        if inst.w_change:
            cost -= inst.w_change * (inst.previous[c] == j)
        return np.where(far, NEVER, cost)


def _whole(gain: np.ndarray, base: np.ndarray, edge: np.ndarray) -> float:
    """W of a site in whole people: all teams by class up to a size, then by size alone."""
    if (base + np.maximum(gain, 0).sum(1)).min() <= 0:
        return 0.0
    classes = len(edge) - 1
    combos = combinations(classes)
    size = int(combos.sum(1).max(initial=0))
    prefix = _best_of_each(gain, edge, size)
    says = base[:, None] + sum(prefix[:, k, combos[:, k]] for k in range(classes))
    return max(0.0, float(says.min(0).max()), _beyond(gain, base, size))


def _best_of_each(gain: np.ndarray, edge: np.ndarray, size: int) -> np.ndarray:
    """[Q, classes, size + 1] total of the best members of each class."""
    classes = len(edge) - 1
    prefix = np.full((len(gain), classes, size + 1), -NEVER)
    prefix[:, :, 0] = 0
    for n in range(classes):
        top = _top(gain[:, edge[n] : edge[n + 1]], size)
        prefix[:, n, 1 : top.shape[1] + 1] = np.cumsum(top, axis=1)
    return prefix


def _top(gain: np.ndarray, k: int) -> np.ndarray:
    """The k largest of each row, largest first; fewer where there are fewer."""
    k = min(k, gain.shape[1])
    best = -np.partition(-gain, k - 1, axis=1)[:, :k] if 0 < k < gain.shape[1] else gain[:, :k]
    return -np.sort(-best, axis=1)


def _beyond(gain: np.ndarray, base: np.ndarray, size: int) -> float:
    """Bound on teams larger than `size`, by size up to `MIDDLE`, then by whoever still gains."""
    if gain.shape[1] <= size:
        return -np.inf
    top = _top(gain, max(MIDDLE, size + 1))
    says = base[:, None] + np.cumsum(top, axis=1)
    says[:, -1] += np.maximum(gain, 0).sum(1) - np.maximum(top, 0).sum(1)
    return float(says.min(0)[size:].max())


def matched(field: Field, worth: Worth) -> tuple[np.ndarray, np.ndarray]:
    """Prices of cadres [C] and batches [B] from matching each to one place of one site.

    Exact where sites take one person each: the assignment problem is its own dual.
    """
    inst = field.inst
    prices = np.maximum(0.0, worth.marginal(np.zeros(inst.required.shape, np.int64)))
    value = field.values(field.slot_gains(prices), np.arange(len(inst.shape_trait)))
    room = np.ones(len(inst.sites), np.int64)
    return match(alone(inst, value), room, rounds=30).price, np.zeros(len(inst.batches))

"""A bound on the people stages that no plan can beat.

Every cadre gets a price u (what a site pays for the person), every batch a price s (what the
place in the batch costs). For any u, and any s >= 0, the value of a plan (benefit less costs) is
at most

    sum of u + sum over batches of s x size + sum over sites of W(site),
    W = max over teams S of  U(S) - sum over S of (cost + u + s).

U(S), the most benefit the team can give, is bounded by cuts: for any prices p of the site's cells

    U(S) <= surplus(p) + sum over S of the person's best schedule under p,

whose persons' part is an exact dynamic programme with the person's own leave, nights, skills and
last day. W is bounded by going through the head counts by batch up to `SMALL` people and the
totals beyond, taking for each the cut that says least. Nothing is assumed of u, s or p: prices
come from the frontiers at the teams of the plan in hand, u from the matching market, and both
improve by subgradient steps; the bound is recomputed over all cadres and sites before it counts.
"""

from __future__ import annotations

import numpy as np

from allocator.instance import Instance
from allocator.limits import Watch
from allocator.models.cohorts import NEVER, Cohorts, Priced, Prices, combinations
from allocator.models.cuts import Cuts, teams_in_hand
from allocator.models.posting import People

MIDDLE = 24
"""Teams larger than those listed are told apart by size up to this one."""


class Dual:
    """Evaluates the bound for prices of cadres and batches, person by person and site by site."""

    def __init__(self, cohorts: Cohorts, priced: Priced):
        self.cohorts, self.cuts = cohorts, cohorts.cuts
        self.inst: Instance = cohorts.inst
        self.priced = priced
        self.c, self.b = np.nonzero(self.inst.shape >= 0)
        self.shape = self.inst.shape[self.c, self.b]
        self.trait = self.inst.shape_trait[self.shape]
        self.length = self.inst.last[self.c, self.b] - self.inst.first[self.c, self.b] + 1

    def evaluate(self, u: np.ndarray, s: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Upper bound on the value, and how often each cadre [C] and batch [B] is claimed."""
        inst = self.inst
        claims, taken = np.zeros(len(inst.cadres)), np.zeros(len(inst.batches))
        total = float(u.sum() + (s * inst.batch_size).sum())
        pay = u[self.c] + s[self.b]
        for g in range(len(self.cohorts.blocks)):
            total += self._block(g, pay, claims, taken)
        return total, claims, taken

    def _block(self, g: int, pay: np.ndarray, claims: np.ndarray, taken: np.ndarray) -> float:
        """Sum of W over the sites of a block; adds the people they claim."""
        group, cuts = self.cohorts.group[g], self.cuts
        number = self.cohorts.classes[cuts.kind_of_group[group]]
        kind = number[self.b, self.trait]
        order = np.argsort(kind, kind="stable")
        edge = np.searchsorted(kind[order], np.arange(number.max() + 2))
        live = np.flatnonzero(np.isfinite(cuts.base[:, group]))
        base = cuts.base[live, group]
        value = cuts.value[live, :, group][:, self.shape[order]] - pay[order]
        total = 0.0
        for j in np.flatnonzero(self.cohorts.block == g):
            gain = value - self._cost(int(j), order)
            if self.cohorts.big[g]:
                worth, who = self._fraction(gain, base, self.priced.weight[live, g])
            else:
                worth, who = self._whole(gain, base, edge)
            total += worth
            np.add.at(claims, self.c[order[who]], 1)
            np.add.at(taken, self.b[order[who]], 1)
        return total

    def _cost(self, j: int, order: np.ndarray) -> np.ndarray:
        inst, c = self.inst, self.c[order]
        minutes = inst.minutes[c, j]
        far = ~np.isfinite(minutes)
        cost = inst.w_travel * np.where(far, 0, minutes) * self.length[order]
        if inst.w_change:
            cost -= inst.w_change * (inst.previous[c] == j)
        return np.where(far, NEVER, cost)

    @staticmethod
    def _fraction(gain: np.ndarray, base: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
        """W of a busy site: one mixture of its cuts, everyone who gains under it."""
        mixed = weight @ gain
        who = np.flatnonzero(mixed > 0)
        return max(0.0, float(weight @ base + mixed[who].sum())), who

    def _whole(self, gain: np.ndarray, base: np.ndarray, edge: np.ndarray) -> tuple[float, np.ndarray]:
        """W of a site staffed by few: all teams by class up to a size, then by size alone."""
        none = np.zeros(0, np.int64)
        if (base + np.maximum(gain, 0).sum(1)).min() <= 0:
            return 0.0, none
        classes = len(edge) - 1
        combos = combinations(classes)
        size = int(combos.sum(1).max(initial=0))
        prefix, top = _best_of_each(gain, edge, size)
        says = base[:, None] + sum(prefix[:, k, combos[:, k]] for k in range(classes))
        least = says.min(0)
        k = int(np.argmax(least))
        beyond, claimed = _beyond(gain, base, size)
        if max(least[k], beyond) <= 0:
            return 0.0, none
        if beyond > least[k]:
            return beyond, claimed
        q = int(np.argmin(says[:, k]))
        return float(least[k]), np.concatenate([top[n][q, : combos[k, n]] for n in range(classes)])


def _best_of_each(gain: np.ndarray, edge: np.ndarray, size: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """[Q, classes, size + 1] total of the best members of each class, and who they are."""
    cuts, classes = len(gain), len(edge) - 1
    prefix = np.full((cuts, classes, size + 1), -NEVER)
    prefix[:, :, 0] = 0
    top = []
    for n in range(classes):
        part = gain[:, edge[n] : edge[n + 1]]
        k = min(size, part.shape[1])
        best = np.zeros((cuts, 0), np.int64)
        if k:
            best = np.argpartition(-part, k - 1, axis=1)[:, :k] if k < part.shape[1] else _all(part)
            got = np.take_along_axis(part, best, axis=1)
            order = np.argsort(-got, axis=1, kind="stable")
            best = np.take_along_axis(best, order, axis=1)
            prefix[:, n, 1 : k + 1] = np.cumsum(np.take_along_axis(got, order, axis=1), axis=1)
        top.append(best + edge[n])
    return prefix, top


def _all(part: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.arange(part.shape[1]), part.shape)


def _beyond(gain: np.ndarray, base: np.ndarray, size: int) -> tuple[float, np.ndarray]:
    """Bound on teams larger than `size`, by size up to `MIDDLE`, then by whoever still gains."""
    n = gain.shape[1]
    if n <= size:
        return -np.inf, np.zeros(0, np.int64)
    k = min(max(MIDDLE, size + 1), n)
    best = np.argpartition(-gain, k - 1, axis=1)[:, :k] if k < n else _all(gain)
    got = np.take_along_axis(gain, best, axis=1)
    order = np.argsort(-got, axis=1, kind="stable")
    best, got = np.take_along_axis(best, order, axis=1), np.take_along_axis(got, order, axis=1)
    says = base[:, None] + np.cumsum(got, axis=1)
    says[:, -1] += np.maximum(gain, 0).sum(1) - np.maximum(got, 0).sum(1)
    least = says.min(0)[size:]
    h = size + int(np.argmax(least))
    q = int(np.argmin(says[:, h]))
    return float(least.max()), best[q, : h + 1]


def person_prices(cohorts: Cohorts, priced: Priced, prices: Prices) -> np.ndarray:
    """[C] prices of cadres from those of cohorts: with them nobody beats the average member anywhere.

    At the cut that binds the best team of a block, a cadre may be worth no more to the block than
    the cohort member it would stand in for; the price is the least that says so at every site.
    """
    inst, cuts = cohorts.inst, cohorts.cuts
    site = np.flatnonzero(cohorts.block >= 0)
    block = cohorts.block[site]
    blocks = len(cohorts.blocks)
    bound = np.stack(
        [
            priced.weight[:, g] @ np.where(np.isfinite(cuts.base[:, k])[:, None], cuts.value[:, :, k], 0.0)
            for g, k in enumerate(cohorts.group)
        ],
        axis=1,
    ) if blocks else np.zeros((len(inst.shape_trait), 0))
    kinds = cuts.kind_of_group[cohorts.group]
    u = np.zeros(len(inst.cadres))
    for b in range(len(inst.batches)):
        c = np.flatnonzero(inst.shape[:, b] >= 0)
        if not len(c) or not blocks:
            continue
        shape = inst.shape[c, b]
        level = np.stack([priced.level[g][cohorts.classes[kinds[g]][b]] for g in range(blocks)], axis=1)
        gain = bound[shape] - level[inst.shape_trait[shape]]
        length = inst.last[c, b] - inst.first[c, b] + 1
        cost = inst.w_travel * inst.minutes[np.ix_(c, site)] * length[:, None]
        cost -= inst.w_change * (inst.previous[c][:, None] == site[None, :])
        u[c] = np.maximum(u[c], (gain[:, block] - cost).max(1) - prices.batch[b])
    return u


def quick(people: People) -> float:
    """A bound in one pass: everyone alone at the best site, as if the others were not there."""
    inst = people.inst
    worth_ = people.search.board.worth
    first = np.where(worth_.required > 0, worth_.first, worth_.second) - worth_.toll
    price = np.where(worth_.target > 0, np.maximum(0.0, first), 0.0)
    value = people.field.values(people.field.slot_gains(price), np.arange(len(inst.shape_trait)))
    best = np.zeros(len(inst.cadres))
    for b in range(len(inst.batches)):
        c = np.flatnonzero(inst.shape[:, b] >= 0)
        if len(c):
            length = (inst.last[c, b] - inst.first[c, b] + 1)[:, None]
            cost = inst.w_travel * inst.minutes[c] * length
            cost -= inst.w_change * (inst.previous[c][:, None] == np.arange(len(inst.sites)))
            best[c] = np.maximum(best[c], (value[inst.shape[c, b]] - cost).max(1, initial=0.0))
    most = float(worth_.surplus(price).sum() + best.sum())
    return inst.unstaffed + inst.moved - most


def solve(people: People, watch: Watch, until: float) -> float:
    """Lower bound on staffing, travel, change and fairness, with kits at their price."""
    inst, board = people.inst, people.best
    cuts = Cuts(people.field, people.search.board.worth)
    cuts.basic()
    cuts.at(teams_in_hand(board, cuts))
    cohorts = Cohorts(cuts)
    prices = cohorts.solve(board, watch, until)
    priced = cohorts.price(cohorts.member(), prices.cohort, prices.batch)
    u = person_prices(cohorts, priced, prices)
    most, _, _ = Dual(cohorts, priced).evaluate(u, prices.batch)
    return inst.unstaffed + inst.moved - most

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

from dataclasses import dataclass

import numpy as np

from allocator.instance import Instance
from allocator.limits import Watch
from allocator.models.cohorts import NEVER, Cohorts, Priced, average_members, combinations
from allocator.models.cuts import Cuts, teams_in_hand
from allocator.models.matching import match
from allocator.models.posting import People

MIDDLE = 24
"""Teams larger than those listed are told apart by size up to this one."""


COMPACT = 400_000
"""Pairs of cadre and site up to which the matching gives a second set of prices."""
CUTS = 16
"""Cuts of a profile that are worked out for everybody, at most."""


NEAR = 12
"""Best options of a class at a site that are looked at between full evaluations."""


@dataclass(frozen=True)
class Sharp:
    """The cuts that matter, worked out for every shape."""

    cuts: Cuts
    keep: list[np.ndarray]
    """[kinds] which cuts of the guide these are"""
    mixed: dict[int, tuple[float, np.ndarray]]
    """surplus and best schedules [U] of busy blocks, at the mean price of the cuts that bind them"""


def sharpen(cohorts: Cohorts, priced: Priced) -> Sharp:
    """Choose the cuts that bind a block or come near, and evaluate them for all shapes."""
    inst = cohorts.inst
    keep = []
    for kind, mine in enumerate(cohorts.of_kind):
        near = priced.near[kind].copy()
        for g in mine:
            if not cohorts.big[g]:
                near += 1e6 * priced.weight[g]
        near[:3] += 1e9
        keep.append(np.sort(np.argsort(-near, kind="stable")[:CUTS]))
        if len(mine) and cohorts.big[mine[0]]:
            keep[-1] = np.zeros(0, np.int64)
    full = cohorts.cuts.chosen(keep, np.arange(len(inst.shape_trait)))
    mixed = {
        int(g): full.mixed(int(cohorts.group[g]), priced.weight[g], cohorts.cuts.prices[cohorts.kind[g]])
        for g in np.flatnonzero(cohorts.big)
    }
    return Sharp(full, keep, mixed)


class Dual:
    """Evaluates the bound for prices of cadres and batches, person by person and site by site."""

    def __init__(self, cohorts: Cohorts, sharp: Sharp):
        self.cohorts, self.sharp = cohorts, sharp
        self.inst: Instance = cohorts.inst
        self.c, self.b = np.nonzero(self.inst.shape >= 0)
        self.shape = self.inst.shape[self.c, self.b]
        self.trait = self.inst.shape_trait[self.shape]
        self.length = self.inst.last[self.c, self.b] - self.inst.first[self.c, self.b] + 1

    def evaluate(
        self, u: np.ndarray, s: np.ndarray, pool: list[np.ndarray] | None = None
    ) -> tuple[float, np.ndarray, np.ndarray, list[np.ndarray]]:
        """Upper bound on the value; how often each cadre [C] and batch [B] is claimed; who came near.

        With `pool` only those options of each block are looked at: quick, but no bound.
        """
        inst = self.inst
        claims, taken = np.zeros(len(inst.cadres)), np.zeros(len(inst.batches))
        total = float(u.sum() + (s * inst.batch_size).sum())
        pay = u[self.c] + s[self.b]
        near: list[np.ndarray] = []
        for g in range(len(self.cohorts.blocks)):
            options = np.arange(len(self.c)) if pool is None else pool[g]
            worth, who, close = self._block(g, pay, options, pool is None)
            total += worth
            near.append(close)
            np.add.at(claims, self.c[who], 1)
            np.add.at(taken, self.b[who], 1)
        return total, claims, taken, near

    def _block(
        self, g: int, pay: np.ndarray, options: np.ndarray, look: bool
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Sum of W over the sites of a block, the options they claim, and those that come near."""
        kind, column = self.cohorts.kind[g], self.cohorts.column[g]
        number = self.cohorts.cuts.classes[kind]
        member = number[self.b[options], self.trait[options]]
        order = options[np.argsort(member, kind="stable")]
        edge = np.searchsorted(np.sort(member, kind="stable"), np.arange(number.max() + 2))
        if self.cohorts.big[g]:
            base, best = np.array([self.sharp.mixed[g][0]]), self.sharp.mixed[g][1][None]
        else:
            base, best = self.sharp.cuts.base[kind][:, column], self.sharp.cuts.value[kind][:, :, column]
        value = best[:, self.shape[order]] - pay[order]
        total, claimed, near = 0.0, [], np.zeros(len(order), bool)
        for j in np.flatnonzero(self.cohorts.block == g):
            gain = value - self._cost(int(j), order)
            if self.cohorts.big[g]:
                who = np.flatnonzero(gain[0] > 0)
                worth = float(base[0] + gain[0, who].sum())
            else:
                worth, who = self._whole(gain, base, edge)
            total += worth
            claimed.append(order[who])
            if look:
                _come_near(gain, edge, near)
        return total, np.concatenate(claimed), order[near]

    def _cost(self, j: int, order: np.ndarray) -> np.ndarray:
        inst, c = self.inst, self.c[order]
        minutes = inst.minutes[c, j]
        far = ~np.isfinite(minutes)
        cost = inst.w_travel * np.where(far, 0, minutes) * self.length[order]
        if inst.w_change:
            cost -= inst.w_change * (inst.previous[c] == j)
        return np.where(far, NEVER, cost)

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


def _come_near(gain: np.ndarray, edge: np.ndarray, near: np.ndarray) -> None:
    """Mark the few best of each class under any cut."""
    for n in range(len(edge) - 1):
        part = gain[:, edge[n] : edge[n + 1]].max(0, initial=-NEVER) if edge[n + 1] > edge[n] else np.zeros(0)
        if len(part):
            k = min(NEAR, len(part))
            best = np.argpartition(-part, k - 1)[:k]
            near[edge[n] + best[part[best] > -NEVER / 2]] = True


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


def person_prices(
    cohorts: Cohorts, priced: Priced, sharp: Sharp, s: np.ndarray, team: np.ndarray | None = None, keep: np.ndarray | None = None
) -> np.ndarray:
    """[C] prices of cadres from those of cohorts: with them nobody beats the average member anywhere.

    At the cut that binds the best team of a block, a cadre may be worth no more to the block than
    the cohort member it would stand in for; the price is the least that says so at every site.
    """
    inst = cohorts.inst
    blocks = len(cohorts.blocks)
    site = np.flatnonzero(cohorts.block >= 0)
    block = cohorts.block[site]
    u = np.zeros(len(inst.cadres))
    if not blocks:
        return u
    bound = np.zeros((len(inst.shape_trait), blocks))
    for g, kind in enumerate(cohorts.kind):
        if cohorts.big[g]:
            bound[:, g] = sharp.mixed[g][1]
        else:
            q = np.searchsorted(sharp.keep[kind], np.argmax(priced.weight[g]))
            bound[:, g] = sharp.cuts.value[kind][q, :, cohorts.column[g]]
    classes = cohorts.cuts.classes
    net = np.full((len(u), len(site)), -np.inf)
    for b in range(len(inst.batches)):
        c = np.flatnonzero(inst.shape[:, b] >= 0)
        if not len(c):
            continue
        shape = inst.shape[c, b]
        level = np.stack([priced.level[g][classes[kind][b]] for g, kind in enumerate(cohorts.kind)], axis=1)
        gain = bound[shape] - level[inst.shape_trait[shape]]
        length = inst.last[c, b] - inst.first[c, b] + 1
        minutes = inst.minutes[np.ix_(c, site)]
        cost = inst.w_travel * np.where(np.isfinite(minutes), minutes, 0) * length[:, None]
        cost -= inst.w_change * (inst.previous[c][:, None] == site[None, :])
        net[c] = np.maximum(net[c], np.where(np.isfinite(minutes), gain[:, block] - cost - s[b], -np.inf))
    if team is None:
        return np.maximum(0.0, net.max(1, initial=0.0))
    found = match(net, team[site], keep, np.isfinite(net).any(1))
    return found.price


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
            near = np.isfinite(inst.minutes[c])
            cost = inst.w_travel * np.where(near, inst.minutes[c], 0) * length
            cost -= inst.w_change * (inst.previous[c][:, None] == np.arange(len(inst.sites)))
            gain = np.where(near, value[inst.shape[c, b]] - cost, -NEVER)
            best[c] = np.maximum(best[c], gain.max(1, initial=0.0))
    most = float(worth_.surplus(price).sum() + best.sum())
    return inst.unstaffed + inst.moved - most


def solve(people: People, watch: Watch, until: float) -> float:
    """Lower bound on staffing, travel, change and fairness, with kits at their price."""
    inst, board = people.inst, people.best
    shapes, average = average_members(inst)
    cuts = Cuts(people.field, people.search.board.worth, shapes)
    cuts.basic()
    cuts.at(teams_in_hand(board, cuts))
    cohorts = Cohorts(cuts, average)
    prices = cohorts.solve(board, watch, until)
    priced = cohorts.price(prices.cohort, prices.batch)
    sharp = sharpen(cohorts, priced)
    u = person_prices(cohorts, priced, sharp, prices.batch)
    dual = Dual(cohorts, sharp)
    most = dual.evaluate(u, prices.batch)[0]
    if inst.minutes.size <= COMPACT:
        most = min(most, dual.evaluate(*_matched(people))[0])
    return inst.unstaffed + inst.moved - most


def _matched(people: People) -> tuple[np.ndarray, np.ndarray]:
    """Prices of cadres [C] and batches [B] from matching each to one place of one site.

    Exact where sites take one person each: the assignment problem is its own dual.
    """
    inst = people.inst
    field, worth_ = people.field, people.search.board.worth
    alone = np.maximum(0.0, worth_.marginal(np.zeros(inst.required.shape, np.int64)))
    value = field.values(field.slot_gains(alone), np.arange(len(inst.shape_trait)))
    net = np.full(inst.minutes.shape, -np.inf)
    for b in range(len(inst.batches)):
        c = np.flatnonzero(inst.shape[:, b] >= 0)
        near = np.isfinite(inst.minutes[c])
        length = (inst.last[c, b] - inst.first[c, b] + 1)[:, None]
        cost = inst.w_travel * np.where(near, inst.minutes[c], 0) * length
        cost -= inst.w_change * (inst.previous[c][:, None] == np.arange(len(inst.sites)))
        net[c] = np.maximum(net[c], np.where(near, value[inst.shape[c, b]] - cost, -np.inf))
    room = np.ones(len(inst.sites), np.int64)
    return match(net, room, rounds=30).price, np.zeros(len(inst.batches))

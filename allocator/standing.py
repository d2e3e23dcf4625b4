"""A plan in hand as arrays, and what small changes of it cost exactly.

Postings, shifts, orders and shipments of everybody else stay as they are. At the sites a change
touches goods are used anew, kits first. All figures are differences of the objective as `measures`
would find them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from allocator.goods import Goods
from allocator.instance import Instance
from allocator.larder import Larder
from allocator.models import fairness, kits
from allocator.models.board import Board

__all__ = ["Change", "Standing"]


@dataclass(frozen=True)
class Change:
    """What a change of the plan adds to each term of the objective; below 0 is better."""

    staffing: float
    travel: float
    change: float
    fairness: float
    supply: float

    @property
    def total(self) -> float:
        return self.staffing + self.travel + self.change + self.fairness + self.supply


class Standing:
    """What is in the field and in store under a plan: all that the cost of one more move depends on."""

    def __init__(self, inst: Instance, goods: Goods, board: Board, arriving: np.ndarray, penalty: np.ndarray):
        """`board` holds the plan, `arriving` [S, I, D] units come in, `penalty` [S, I] is the supply term."""
        self.inst, self.goods, self.board, self.field = inst, goods, board, board.field
        self.arriving, self.penalty = arriving, penalty
        self.site = {code: j for j, code in enumerate(inst.sites)}
        self.larder = Larder(goods, arriving)
        self.kits = kits.used(inst, goods.kit_rate, board.staffed)
        self.room = inst.batch_size - np.bincount(board.batch[board.site >= 0], minlength=len(inst.batch_size))
        """[B] places left in each batch"""
        self._fair()
        self._freed: dict[int, float] = {}
        self._tolls: dict[int, np.ndarray] = {}

    @cached_property
    def leaving(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """[C] what the own place loses when a cadre leaves: staffing, required shifts, and the most

        that the kits set free can be worth there.
        """
        inst, board = self.inst, self.board
        c, day = np.nonzero(board.plan >= 0)
        p = board.plan[c, day]
        there, w = board.staffed[p, day], board.worth
        covers = there <= w.required[p, day]
        step = np.where(covers, w.first[p, 0], np.where(there <= w.target[p, day], w.second[p, 0], 0.0))
        short = np.zeros(self.goods.shape[:2])
        lines = self.goods.need_site, self.goods.need_item
        np.maximum.at(short, lines, self.goods.need_weight * self.goods.first_half)
        short *= self.penalty > 0
        worn = (self.goods.kit_rate[inst.post_duty[p]] * short[inst.post_site[p]]).sum(axis=1)
        size = len(inst.cadres)
        sums = [np.bincount(c, weights, size) for weights in (step, covers, worn)]
        return sums[0], sums[1].astype(np.int64), sums[2]

    # -- fairness ----------------------------------------------------------------------------

    def _fair(self) -> None:
        inst = self.inst
        self.district = inst.site_district[inst.post_site] if len(inst.post_site) else np.zeros(0, np.int64)
        self.asked = np.bincount(self.district, inst.required.sum(1), inst.districts)
        covered = np.minimum(inst.required, self.board.staffed).sum(1)
        self.covered = np.bincount(self.district, covered, inst.districts)
        self.unfair = fairness.penalty(inst, self.board.staffed)

    def unfairness(self, more: np.ndarray) -> float:
        """What `more` [districts] covered required shifts add to the fairness term."""
        held = self.covered + more
        share = held.sum() / max(1.0, self.asked.sum())
        lack = np.maximum(0, share * self.asked - held).sum()
        return self.inst.w_fairness * float(lack) - self.unfair

    def unfairness_of_moves(self, district: int) -> np.ndarray:
        """[districts, days + 1, days + 1] what u shifts fewer in a district and k more in this one add."""
        inst = self.inst
        count = np.arange(inst.days + 1)
        held = np.tile(self.covered, (inst.districts, len(count), len(count), 1))
        held[..., district] += count
        for other in range(inst.districts):
            held[other, :, :, other] -= count[:, None]
        share = held.sum(axis=3, keepdims=True) / max(1.0, self.asked.sum())
        lack = np.maximum(0, share * self.asked - held).sum(axis=3)
        return inst.w_fairness * lack - self.unfair

    def slopes(self, district: int, most: int) -> list[float]:
        """What one more covered shift of a district can add to fairness, as its cover grows."""
        if not self.inst.w_fairness or not most:
            return [0.0]
        one = np.arange(self.inst.districts) == district
        steps = np.array([self.unfairness(one * k) for k in range(most + 1)])
        return sorted(set(np.round(np.diff(steps), 12).tolist()))

    # -- changes -----------------------------------------------------------------------------

    def marginal(self, site: int, slope: float = 0.0) -> np.ndarray:
        """[P, D] staffing penalty one more person removes at a site, fairness at a slope; 0 elsewhere."""
        inst = self.inst
        out = np.zeros(inst.required.shape)
        rows = slice(int(inst.site_posts[site]), int(inst.site_posts[site + 1]))
        w, there = self.board.worth.rows(rows), self.board.staffed[rows]
        step = np.where(there < w.required, w.first - slope, w.second)
        out[rows] = np.where(there < w.target, step, 0.0)
        return out

    def net(self, site: int, slope: float = 0.0) -> np.ndarray:
        """`marginal` less what the kit costs, never below 0."""
        out = self.marginal(site, slope)
        rows = slice(int(self.inst.site_posts[site]), int(self.inst.site_posts[site + 1]))
        out[rows] = np.maximum(out[rows] - self.tolls(site), 0.0)
        return out

    def tolls(self, site: int) -> np.ndarray:
        """[p, D] supply penalty that the kit of one more person adds on each post of a site.

        Infinite where there is no kit.
        """
        if site not in self._tolls:
            self._tolls[site] = self._site_tolls(site)
        return self._tolls[site]

    def _site_tolls(self, site: int) -> np.ndarray:
        inst = self.inst
        duty = inst.post_duty[inst.site_posts[site] : inst.site_posts[site + 1]]
        rate = self.goods.kit_rate[duty]
        out = np.zeros((len(duty), inst.days))
        for item in np.flatnonzero(rate.any(axis=0)):
            for units in np.unique(rate[:, item][rate[:, item] > 0]):
                out[rate[:, item] == units] += self._toll(site, int(item), int(units))
        return out

    def _toll(self, site: int, item: int, units: int) -> np.ndarray:
        kits = self.kits[site, item]
        base = self.larder.served(site, item, kits)
        if (base.left >= units).all():
            return np.zeros(self.inst.days)
        then = self.larder.penalties(site, item, kits, units)
        return np.where(base.left < units, then - base.penalty, 0.0)

    def supplied(self, site: int, plus: np.ndarray) -> float:
        """What `plus` [I, D] kit units (below 0: set free) add to the supply term; infinite if short."""
        total = 0.0
        for item in np.flatnonzero(plus.any(axis=1)):
            then = self.larder.served(site, int(item), self.kits[site, item] + plus[item])
            if then.short:
                return np.inf
            total += then.penalty - self.penalty[site, item]
        return total

    def freed(self, c: int) -> float:
        """What the kits a cadre leaves behind take off the supply term of the own site."""
        if c not in self._freed:
            self._freed[c] = self.supplied(int(self.board.site[c]), -self.worn(self.board.plan[c]))
        return self._freed[c]

    def worn(self, posts: np.ndarray) -> np.ndarray:
        """[I, D] kit units of one person's posts [D]."""
        out = np.zeros((len(self.goods.items), self.inst.days), np.int64)
        day = np.flatnonzero(posts >= 0)
        out[:, day] = self.goods.kit_rate[self.inst.post_duty[posts[day]]].T
        return out

    def joined(self, posts: np.ndarray) -> tuple[float, int]:
        """Staffing penalty that one more person on posts [D] adds, and required shifts covered."""
        day = np.flatnonzero(posts >= 0)
        p, there = posts[day], self.board.staffed[posts[day], day]
        w = self.board.worth
        covers = there < w.required[p, day]
        step = np.where(covers, w.first[p, 0], np.where(there < w.target[p, day], w.second[p, 0], 0.0))
        return -float(step.sum()), int(covers.sum())

    def left(self, c: int) -> tuple[float, int]:
        """The same when a cadre leaves all shifts."""
        posts = self.board.plan[c]
        day = np.flatnonzero(posts >= 0)
        p, there = posts[day], self.board.staffed[posts[day], day]
        w = self.board.worth
        covers = there <= w.required[p, day]
        step = np.where(covers, w.first[p, 0], np.where(there <= w.target[p, day], w.second[p, 0], 0.0))
        return float(step.sum()), -int(covers.sum())

    def posting(self, c: int, b: int, j: int) -> tuple[float, float]:
        """Travel and change of a posting; the change is below 0 where it is the previous one."""
        inst = self.inst
        days = int(inst.last[c, b] - inst.first[c, b] + 1)
        stays = inst.previous[c] == j
        return inst.w_travel * float(inst.minutes[c, j]) * days, -inst.w_change * float(stays)

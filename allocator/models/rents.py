"""Prices of people where every site sells its shifts at one price, scaled site by site.

With prices p[j] on the cells of site j, prices s of batches, and u[i] the best that cadre i finds
anywhere at these prices, the value of a plan is at most

    sum of u + sum over batches of s x size + sum over sites of surplus(p[j]).

p[j] = scale[j] x the price of the site's block. A best schedule scales with its prices, so trying
other scales costs no dynamic programme: one step over all cadres, sites and batches takes some
hundredths of a second, and damped subgradient steps (Polyak's length, the momentum of the volume
algorithm) sort out who lives near what, which the cohort model sees only on average. From 5.3 % to
4.3 % on the Wuxi case in 250 steps.
"""

from __future__ import annotations

import numpy as np

from allocator.instance import Instance
from allocator.limits import Watch
from allocator.models.cohorts import NEVER, Cohorts, Priced
from allocator.models.cuts import Cuts

GRID = np.arange(0.6, 1.45, 0.05)
"""Scales at which the surplus of a site is worked out; in between the chord is an upper bound."""
MOMENTUM, LENGTH, PATIENCE = 0.6, 0.7, 12
BATCH = 0.05
"""Steps on batch prices relative to those on sites."""


class Rents:
    """The bound as a function of a scale for every site and a price for every batch."""

    def __init__(self, cohorts: Cohorts, priced: Priced, full: Cuts):
        self.inst: Instance = cohorts.inst
        inst = self.inst
        self.site = np.flatnonzero(cohorts.block >= 0)
        self.block = cohorts.block[self.site]
        self.value = np.zeros((len(inst.shape_trait), len(cohorts.blocks)))
        self.surplus = np.zeros((len(cohorts.blocks), len(GRID)))
        for g, kind in enumerate(cohorts.kind):
            group = int(cohorts.group[g])
            price = np.tensordot(priced.weight[g], np.stack(cohorts.cuts.prices[kind]), 1)
            base, best = full.scaled(group, price, GRID)
            self.surplus[g], self.value[:, g] = base, best
        self.unit = 1 + self.value.max(0, initial=0.0)[self.block]
        self.options = [self._options(b, np.float32) for b in range(len(inst.batches))]

    def _options(self, b: int, dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cadres open to the batch, their best schedules at every site and the costs of going there."""
        inst = self.inst
        c = np.flatnonzero(inst.shape[:, b] >= 0)
        minutes = inst.minutes[np.ix_(c, self.site)]
        near = np.isfinite(minutes)
        length = (inst.last[c, b] - inst.first[c, b] + 1)[:, None]
        cost = inst.w_travel * np.where(near, minutes, 0) * length
        cost -= inst.w_change * (inst.previous[c][:, None] == self.site[None, :])
        value = self.value[inst.shape[c, b]][:, self.block]
        return c, value.astype(dtype), np.where(near, cost, NEVER).astype(dtype)

    def sold(self, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[J] surplus of the sites at their scale (the chord between grid points), and its slope."""
        step = GRID[1] - GRID[0]
        x = np.clip((scale - GRID[0]) / step, 0, len(GRID) - 1.001)
        k = x.astype(int)
        low, high = self.surplus[self.block, k], self.surplus[self.block, k + 1]
        return low + (high - low) * (x - k), (high - low) / step

    def evaluate(self, scale: np.ndarray, s: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """The bound (to single precision), its slope in the scales [J] and in the batch prices [B]."""
        inst = self.inst
        best, place, batch = self._best(scale, s)
        base, slope = self.sold(scale)
        gone = np.flatnonzero(place >= 0)
        drawn = self.value[inst.shape[gone, batch[gone]], self.block[place[gone]]]
        slope = slope + np.bincount(place[gone], drawn, len(scale))
        spare = inst.batch_size - np.bincount(batch[gone], minlength=len(s))
        return float(base.sum() + best.sum() + s @ inst.batch_size), slope, spare.astype(float)

    def _best(self, scale: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        cadres = len(self.inst.cadres)
        best, place, batch = np.zeros(cadres), np.full(cadres, -1), np.full(cadres, -1)
        factor = scale.astype(np.float32)
        for b, (c, value, cost) in enumerate(self.options):
            if not len(c) or not len(scale):
                continue
            net = value * factor - cost
            at = net.argmax(1)
            got = net[np.arange(len(c)), at] - s[b]
            up = got > best[c]
            best[c] = np.where(up, got, best[c])
            place[c], batch[c] = np.where(up, at, place[c]), np.where(up, b, batch[c])
        return best, place, batch

    def descend(
        self, s: np.ndarray, value: float, watch: Watch, until: float, steps: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scales [J] and batch prices [B] with the least bound found; `value` is that of a plan."""
        scale = np.ones(len(self.site))
        found, slope, spare = self.evaluate(scale, s)
        best, least = (scale, s), found
        ahead = 0.006 * abs(self.inst.unstaffed + self.inst.moved - value)
        pull, push = np.zeros(len(scale)), np.zeros(len(s))
        dull = 0
        for _ in range(steps):
            if watch.left(until) <= 0:
                break
            pull = MOMENTUM * pull + (1 - MOMENTUM) * slope
            push = MOMENTUM * push + (1 - MOMENTUM) * spare
            norm = float((pull**2 / self.unit**2).sum() + BATCH * (push**2).sum())
            step = LENGTH * max(0.0, found - least + ahead) / max(norm, 1e-9)
            scale = np.clip(scale - step * pull / self.unit**2, GRID[0], GRID[-1])
            s = np.maximum(0, s - step * BATCH * push)
            found, slope, spare = self.evaluate(scale, s)
            dull += 1
            if found < least - 1e-6 * abs(least):
                best, least, dull = (scale, s), found, 0
            elif dull >= PATIENCE:
                (scale, s), dull, ahead = best, 0, 0.6 * ahead
                pull[:], push[:] = 0, 0
                found, slope, spare = self.evaluate(scale, s)
        return best

    def prices(self, scale: np.ndarray, s: np.ndarray) -> np.ndarray:
        """[C] what each cadre finds at best, in full precision."""
        u = np.zeros(len(self.inst.cadres))
        for b in range(len(self.inst.batches)):
            c, value, cost = self._options(b, np.float64)
            if len(c) and len(scale):
                u[c] = np.maximum(u[c], (value * scale - cost).max(1) - s[b])
        return u

"""Prices of people where every place sells its shifts at one price, scaled place by place.

With prices p[g] on the cells of the sites of block g, prices s of batches, and u[k] the best that a
peer of kind k (`peers.py`) finds anywhere at these prices, the value of a plan is at most

    size @ u + batch_size @ s + sum over blocks of count x surplus(p[g]).

p[g] = scale[g] x a price to begin with, such as the cohort model has for the block. A best schedule scales with its
prices, so trying other scales costs no dynamic programme: a step over all peers and blocks takes some
milliseconds, and damped subgradient steps (Polyak's length, the momentum of the volume algorithm) sort
out who is worth what where, which the cohort model sees only on average.
"""

from __future__ import annotations

import numpy as np

from allocator.instance import Instance
from allocator.limits import Watch
from allocator.models.cuts import Cuts
from allocator.models.kernel import compiled
from allocator.models.peers import Peers

GRID = np.arange(0.6, 1.45, 0.05)
"""Scales at which the surplus of a site is worked out; in between the chord is an upper bound."""
MOMENTUM, LENGTH, PATIENCE = 0.6, 0.7, 12
BATCH = 0.05
"""Steps on batch prices relative to those on sites."""


class Rents:
    """The bound as a function of a scale for every block and a price for every batch."""

    def __init__(self, posted: list[np.ndarray], full: Cuts, peers: Peers):
        """`posted` [G] are prices [p, D] of the shifts of each block, per unit of worth."""
        places = peers.places
        self.inst: Instance = places.inst
        self.peers, self.count = peers, places.count.astype(float)
        blocks = len(places.blocks)
        self.value = np.zeros((len(peers.shape), blocks))
        self.surplus = np.zeros((blocks, len(GRID)))
        for g, price in enumerate(posted):
            base, best = full.scaled(int(places.group[g]), price, GRID)
            self.surplus[g], self.value[:, g] = base, best[peers.shape]
        self.unit = (1 + self.value.max(0, initial=0.0)) * np.sqrt(self.count)

    def sold(self, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[G] surplus of a site at its scale (the chord between grid points), and its slope."""
        step = GRID[1] - GRID[0]
        x = np.clip((scale - GRID[0]) / step, 0, len(GRID) - 1.001)
        k = x.astype(int)
        rows = np.arange(len(scale))
        low, high = self.surplus[rows, k], self.surplus[rows, k + 1]
        return low + (high - low) * (x - k), (high - low) / step

    def evaluate(self, scale: np.ndarray, s: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """The bound, its slope in the scales [G] and in the batch prices [B], and the prices of peers [K]."""
        peers = self.peers
        best, at = np.zeros(len(peers.room)), np.full(len(peers.room), -1)
        place = np.zeros(len(peers.room), np.int64)
        if len(scale):
            _finds(peers.peer, self.value, peers.cost, scale, s[peers.batch], best, at, place)
        base, slope = self.sold(scale)
        gone = np.flatnonzero(at >= 0)
        heads = peers.room[gone]
        slope = self.count * slope + np.bincount(place[gone], heads * self.value[at[gone], place[gone]], len(scale))
        spare = self.inst.batch_size - np.bincount(peers.batch[at[gone]], heads, len(s))
        total = self.count @ base + peers.room @ best + s @ self.inst.batch_size + peers.idle()
        return float(total), slope, spare, best

    def descend(
        self, s: np.ndarray, value: float, watch: Watch, until: float, steps: int
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """The least bound found and its prices of peers [K] and batches [B]; `value` is that of a plan."""
        scale = np.ones(len(self.count))
        found, slope, spare, u = self.evaluate(scale, s)
        best, least = (found, u, s), scale
        ahead = 0.006 * abs(self.inst.unstaffed + self.inst.moved - value)
        pull, push = np.zeros(len(scale)), np.zeros(len(s))
        dull = 0
        for _ in range(steps):
            if watch.left(until) <= 0:
                break
            pull = MOMENTUM * pull + (1 - MOMENTUM) * slope
            push = MOMENTUM * push + (1 - MOMENTUM) * spare
            norm = float((pull**2 / self.unit**2).sum() + BATCH * (push**2).sum())
            step = LENGTH * max(0.0, found - best[0] + ahead) / max(norm, 1e-9)
            scale = np.clip(scale - step * pull / self.unit**2, GRID[0], GRID[-1])
            s = np.maximum(0, s - step * BATCH * push)
            found, slope, spare, u = self.evaluate(scale, s)
            dull += 1
            if found < best[0] - 1e-6 * abs(best[0]):
                best, least, dull = (found, u, s), scale, 0
            elif dull >= PATIENCE:
                scale, s, dull, ahead = least, best[2], 0, 0.6 * ahead
                pull[:], push[:] = 0, 0
                found, slope, spare, u = self.evaluate(scale, s)
        return best


@compiled
def _finds(peer: np.ndarray, value: np.ndarray, cost: np.ndarray, scale: np.ndarray, pay: np.ndarray,
           best: np.ndarray, at: np.ndarray, place: np.ndarray) -> None:
    """The most each peer finds above 0, in which row (peer and batch) and at which block."""
    for n in range(len(peer)):
        most, where = -1e30, -1
        for g in range(len(scale)):
            net = value[n, g] * scale[g] - cost[n, g]
            if net > most:
                most, where = net, g
        if most - pay[n] > best[peer[n]]:
            best[peer[n]], at[peer[n]], place[peer[n]] = most - pay[n], n, where

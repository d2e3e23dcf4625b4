"""The sharpest prices of a site's shifts by another way than the product's: an LP over schedules.

The dual of what `models/volume.py` descends on: staff the cells with schedules of the people, in fractions. Columns
are schedules found by the dynamic programme; prices are tried halfway between the best so far and the dual of the LP.
`inside` is what the LP can do with its columns, so no prices of any kind say less.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from allocator.models import engine
from allocator.models.field import Field
from allocator.models.volume import Crowd
from allocator.models.worth import Worth

COLUMNS = 80
"""People who get a new schedule in a round, at most."""
NEAR = -6.0
"""People who gain less than this under the prices get no schedule."""
SECONDS = 10.0


def most(crowd: Crowd, gain: np.ndarray) -> float:
    """What the people gain in all, from the gain [N] of every row."""
    best = np.full(len(crowd.room), -np.inf)
    np.maximum.at(best, crowd.person, gain)
    if crowd.heads is None:
        return float(np.maximum(0, best) @ crowd.room)
    order = np.argsort(-best)
    before = np.cumsum(crowd.room[order]) - crowd.room[order]
    taken = np.clip(crowd.heads - before, 0, crowd.room[order])
    return float(best[order][taken > 0] @ taken[taken > 0])


@dataclass
class Scheduled:
    """Prices of one site, found step by step; schedules stay for the next call."""

    field: Field
    worth: Worth
    site: int
    least: float = np.inf
    inside: float = -np.inf
    heads: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0))
    """[N] people in the LP of the last call"""
    prices: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 0)))
    """[p, D] the best"""

    def __post_init__(self) -> None:
        inst = self.field.inst
        self.rows = slice(int(inst.site_posts[self.site]), int(inst.site_posts[self.site + 1]))
        mine = self.mine = self.worth.rows(self.rows)
        self.form = mine.target.shape
        cells = self.cells = np.flatnonzero(mine.target.reshape(-1) > 0)
        self.at = np.full(mine.target.size, -1)
        self.at[cells] = np.arange(len(cells))
        toll = mine.toll.reshape(-1)
        self.first = (np.broadcast_to(mine.first, self.form).reshape(-1) - toll)[cells]
        self.second = (np.broadcast_to(mine.second, self.form).reshape(-1) - toll)[cells]
        self.low = mine.required.reshape(-1)[cells]
        self.high = mine.target.reshape(-1)[cells] - self.low
        self.entries: list[np.ndarray] = []
        self.owner: list[int] = []
        self.seen: set[tuple[int, bytes]] = set()

    def run(self, crowd: Crowd, start: np.ndarray, rounds: int, close: float) -> list[np.ndarray]:
        """Prices tried from `start` [p, D], the best last; stops within `close` of the LP."""
        tried: list[np.ndarray] = []
        self.least, at = np.inf, start
        for _ in range(rounds):
            tried.append(at)
            value = self._value(crowd, at)
            if value < self.least:
                self.least, self.prices = value, at
            dual = self._lp(crowd)
            if dual is None or self.least - self.inside < close:
                break
            at = 0.5 * self.prices + 0.5 * dual
        best = next(n for n, p in enumerate(tried) if p is self.prices)
        return [p for n, p in enumerate(tried) if n != best] + [self.prices]

    def _value(self, crowd: Crowd, prices: np.ndarray) -> float:
        """What the prices prove; the schedules of those who gain most join the LP."""
        inst = self.field.inst
        full = np.zeros(inst.required.shape)
        full[self.rows] = prices
        site = np.array([self.site])
        gains = self.field.site_gains(full, site)
        shapes, of = np.unique(crowd.shape, return_inverse=True)
        gain = self.field.values(gains, shapes, site)[of.reshape(-1), 0] - crowd.pay
        some = np.arange(len(gain)) if crowd.heads else np.flatnonzero(gain > NEAR)
        if len(some) > COLUMNS:
            some = some[np.argpartition(-gain[some], COLUMNS)[:COLUMNS]]
        if len(some):
            _, slots = self.field.schedules(gains, crowd.shape[some], np.full(len(some), self.site))
            self._add(some, self.field.posts(full, crowd.shape[some], slots) - self.rows.start)
        return float(self.mine.surplus(prices).sum() + most(crowd, gain))

    def _add(self, rows: np.ndarray, posts: np.ndarray) -> None:
        for row, plan in zip(rows, posts, strict=True):
            key = (int(row), plan.tobytes())
            days = np.flatnonzero(plan >= 0)
            if key not in self.seen and len(days):
                self.seen.add(key)
                self.entries.append(self.at[plan[days] * self.form[1] + days])
                self.owner.append(int(row))

    def _lp(self, crowd: Crowd) -> np.ndarray | None:
        """Dual prices of the cells [p, D] under the schedules so far."""
        if not self.owner:
            return self._dearest()
        owner = np.array(self.owner)
        person, row = np.unique(crowd.person[owner], return_inverse=True)
        n, cells = len(owner), len(self.cells)
        worked = np.concatenate(self.entries)
        column = np.repeat(np.arange(n), [len(e) for e in self.entries])
        cell, last = np.arange(cells), cells + len(person)
        size = np.inf if crowd.heads is None else min(float(crowd.heads), float(crowd.room[person].sum()))
        model = engine.Model(
            cost=np.concatenate([crowd.pay[owner], -self.first, -self.second]),
            rows=np.concatenate([worked, cell, cell, cells + row.reshape(-1), np.full(n, last)]),
            columns=np.concatenate([column, n + cell, n + cells + cell, np.arange(n), np.arange(n)]),
            values=np.concatenate([-np.ones(len(worked)), np.ones(2 * cells + 2 * n)]),
            row_lower=np.append(np.full(last, -np.inf), -np.inf if crowd.heads is None else size),
            row_upper=np.concatenate([np.zeros(cells), crowd.room[person], [size]]),
            upper=np.concatenate([np.full(n, np.inf), self.low, self.high]).astype(float),
        )
        answer = engine.solve(model, "glop", seconds=SECONDS)
        if answer.duals is None or answer.x is None:
            return None
        self.inside = -float(answer.objective or 0.0)
        self.heads = np.bincount(owner, np.maximum(0, answer.x[:n]), len(crowd.shape))
        price = np.zeros(len(self.at))
        price[self.cells] = np.maximum(0, -answer.duals[:cells])
        return price.reshape(self.form)

    def _dearest(self) -> np.ndarray:
        """[p, D] what the first person on each cell is worth: the dual while nobody has a schedule."""
        price = np.zeros(len(self.at))
        price[self.cells] = np.maximum(0, np.where(self.low > 0, self.first, self.second))
        return price.reshape(self.form)

"""The master LP of a roster: one column = one person's whole schedule, priced by `schedules`.

Rows: one schedule per person; per (day, type) asked for, people at work + under - over = required;
the sums of under- and of over-cover, free unless a branch bounds them. Columns: under and over per
cover row, dear stand-ins per person and sum, and the schedules. `allowed` bars cells of the roster: it
closes columns and goes into the pricing.

Lagrangian bound, for any duals u of the cover rows within [-over, under]: sum of u x required plus
each person's cheapest schedule under the costs less u. Duals are smoothed towards those of the best
bound (Wentges 1997), as plain ones jump.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from allocator.models.engine import Model
from allocator.models.schedules import Pricer
from allocator.models.simplex import Point, Simplex
from allocator.models.team import OFF, Team

SMOOTH = 0.8
"""Share of the best bound's duals in those that are priced."""
EACH = 2
"""Schedules a person may add in a round."""
TINY = 1e-6


@dataclass(frozen=True)
class Duals:
    """Of the cover rows, as (days, types), and of the two sums."""

    cover: np.ndarray
    sums: np.ndarray

    def towards(self, other: Duals, share: float) -> Duals:
        return Duals(
            (1 - share) * self.cover + share * other.cover, (1 - share) * self.sums + share * other.sums
        )


class Master:
    """The LP over the schedules found so far."""

    def __init__(self, team: Team, pricer: Pricer | None = None):
        self.team, self.pricer = team, pricer or Pricer(team)
        self.people, self.days, self.types = team.shape
        self.asked = np.flatnonzero(((team.under > 0) | (team.over > 0)).ravel())
        self.row = np.full(self.days * self.types, -1)
        self.row[self.asked] = self.people + np.arange(len(self.asked))
        self.sums = self.people + len(self.asked) + np.arange(2)
        self.sum_bounds = np.array([[-np.inf, np.inf], [-np.inf, np.inf]])
        self.allowed = np.ones((self.people, self.days, self.types + 1), dtype=bool)
        self.point: Point | None = None
        self._clear()
        self._build()

    def _clear(self) -> None:
        self.owner = np.zeros(0, dtype=np.int64)
        self.schedules = np.zeros((0, self.days), dtype=np.int16)
        self.cost = np.zeros(0)
        self.open = np.zeros(0, dtype=bool)
        self._known: set[tuple[int, bytes]] = set()

    def _build(self) -> None:
        team, count = self.team, len(self.asked)
        required = team.required.ravel()[self.asked]
        self.lp = Simplex(
            np.concatenate([np.ones(self.people), required, [-np.inf, -np.inf]]),
            np.concatenate([np.ones(self.people), required, [np.inf, np.inf]]),
        )
        rows = self.people + np.arange(count)
        for k, (weights, sign) in enumerate(((team.under, 1.0), (team.over, -1.0))):
            pairs = [np.array([r, self.sums[k]]) for r in rows]
            self.lp.add(weights.ravel()[self.asked], pairs, [np.array([sign, 1.0])] * count)
        dear = self.dear = float(
            1 + self.days * team.under.max(initial=0) + 2 * np.abs(team.cost).max(axis=2).sum(axis=1).max()
        )
        self.lp.add(np.full(self.people, dear), [np.array([p]) for p in range(self.people)])
        self.lp.add(np.full(2, dear), [self.sums[:1], self.sums[1:]], [np.array([-1.0])] * 2)
        self.first = self.lp.width

    # ---- columns

    def add(self, people: np.ndarray, schedules: np.ndarray) -> int:
        """Add schedules not yet known; how many were new."""
        fresh = []
        for k in range(len(people)):
            key = (int(people[k]), schedules[k].astype(np.int16).tobytes())
            if key not in self._known:
                self._known.add(key)
                fresh.append(k)
        if not fresh:
            return 0
        owner, chosen = people[fresh].astype(np.int64), schedules[fresh].astype(np.int16)
        cost = self._costs(owner, chosen)
        self.lp.add(cost, [self._rows(p, s) for p, s in zip(owner, chosen, strict=True)])
        self.owner = np.concatenate([self.owner, owner])
        self.schedules = np.concatenate([self.schedules, chosen])
        self.cost = np.concatenate([self.cost, cost])
        fits = self._fits(owner, chosen, self.allowed)
        self.lp.bound(self.first + len(self.open) + np.flatnonzero(~fits), 0.0, 0.0)
        self.open = np.concatenate([self.open, fits])
        return len(fresh)

    def _costs(self, owner: np.ndarray, schedules: np.ndarray) -> np.ndarray:
        cells = self.team.cost[owner[:, None], np.arange(self.days), np.maximum(schedules, 0)]
        return np.where(schedules >= 0, cells, 0.0).sum(axis=1)

    def _rows(self, person: int, schedule: np.ndarray) -> np.ndarray:
        worked = np.flatnonzero(schedule >= 0)
        rows = self.row[worked * self.types + schedule[worked]]
        return np.concatenate([[person], rows[rows >= 0]])

    def _fits(self, owner: np.ndarray, schedules: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        return allowed[owner[:, None], np.arange(self.days), schedules].all(axis=1)

    def allow(self, allowed: np.ndarray) -> None:
        """Bar all cells of the roster but these: (people, days, types, then a day off)."""
        fits = self._fits(self.owner, self.schedules, allowed)
        self.lp.bound(self.first + np.flatnonzero(fits & ~self.open), 0.0, np.inf)
        self.lp.bound(self.first + np.flatnonzero(~fits & self.open), 0.0, 0.0)
        self.allowed, self.open = allowed, fits

    def bound_sums(self, bounds: np.ndarray) -> None:
        """Keep the sums of under- and over-cover within bounds."""
        for k in range(2):
            if (bounds[k] != self.sum_bounds[k]).any():
                self.lp.row(int(self.sums[k]), *bounds[k])
        self.sum_bounds = bounds.copy()

    def copy(self) -> Master:
        """Another LP over the same schedules, solved, all cells open."""
        other = Master(self.team, self.pricer)
        other.add(self.owner, self.schedules)
        other.solve()
        return other

    def keep(self, each: int, always: np.ndarray | None = None) -> None:
        """Forget all but each person's cheapest columns at the present duals."""
        reduced = self.reduced()
        kept = np.zeros(len(reduced), dtype=bool)
        for p in range(self.people):
            mine = np.flatnonzero(self.owner == p)
            kept[mine[np.argsort(reduced[mine], kind="stable")[:each]]] = True
        if self.point is not None:
            kept |= self.values() > TINY
        if always is not None:
            kept |= (self.schedules == always[self.owner]).all(axis=1)
        owner, schedules = self.owner[kept], self.schedules[kept]
        bounds, self.sum_bounds = self.sum_bounds, np.array([[-np.inf, np.inf], [-np.inf, np.inf]])
        self._clear()
        self._build()
        self.add(owner, schedules)
        self.bound_sums(bounds)

    # ---- the LP

    def solve(self, dual: bool = False) -> float:
        """Optimal value over the open columns, without `base`; infinite where the solver fails."""
        self.point = self.lp.solve(dual)
        return np.inf if self.point is None else self.point.objective

    def model(self, columns: np.ndarray) -> Model:
        """The integer model over some schedules; its last columns are these."""
        team, count = self.team, len(self.asked)
        entries = [
            self._rows(p, s) for p, s in zip(self.owner[columns], self.schedules[columns], strict=True)
        ]
        rows = np.concatenate([self.people + np.arange(count)] * 2 + entries)
        lengths = np.array([1] * (2 * count) + [len(e) for e in entries])
        side = np.concatenate([np.ones(self.people), team.required.ravel()[self.asked]])
        return Model(
            cost=np.concatenate(
                [team.under.ravel()[self.asked], team.over.ravel()[self.asked], self.cost[columns]]
            ),
            rows=rows,
            columns=np.repeat(np.arange(len(lengths)), lengths),
            values=np.where(np.arange(len(rows)) // max(1, count) == 1, -1.0, 1.0),
            row_lower=side,
            row_upper=side,
            integer=np.arange(len(lengths)) >= 2 * count,
        )

    def values(self) -> np.ndarray:
        """(columns) share of each schedule."""
        assert self.point is not None
        x = np.zeros(len(self.owner))
        found = self.point.x[self.first :]
        x[: len(found)] = found[: len(x)]
        return x

    def stand_ins(self) -> float:
        """People without a schedule, and what the bounds of the sums are short of."""
        assert self.point is not None
        return float(self.point.x[self.first - self.people - 2 : self.first].sum())

    def cells(self) -> np.ndarray:
        """(people, days, types, then a day off) share of each cell of the roster."""
        x = self.values()
        used = np.flatnonzero(x > TINY)
        shares = np.zeros((self.people, self.days, self.types + 1))
        place = (self.owner[used, None], np.arange(self.days), self.schedules[used])
        np.add.at(shares, place, x[used, None])
        return shares

    def roster(self) -> np.ndarray | None:
        """The roster of an LP that has one schedule for each person."""
        whole = np.flatnonzero(self.values() > 1 - TINY)
        if len(whole) < self.people or self.stand_ins() > TINY:
            return None
        roster = np.full((self.people, self.days), OFF, dtype=np.int16)
        roster[self.owner[whole]] = self.schedules[whole]
        return roster

    def totals(self) -> np.ndarray:
        """Sums of under- and of over-cover."""
        assert self.point is not None
        count = len(self.asked)
        return np.array([self.point.x[:count].sum(), self.point.x[count : 2 * count].sum()])

    def duals(self) -> Duals:
        assert self.point is not None
        cover = np.zeros(self.days * self.types)
        cover[self.asked] = self.point.duals[self.people : self.people + len(self.asked)]
        return self._sound(Duals(cover.reshape(self.days, self.types), self.point.duals[self.sums]))

    def _sound(self, duals: Duals) -> Duals:
        """Duals that prove a bound: clipped to where under and over have no negative price."""
        sums = np.where(np.isfinite(np.where(duals.sums > 0, *self.sum_bounds.T)), duals.sums, 0.0)
        cover = np.clip(duals.cover, sums[1] - self.team.over, self.team.under - sums[0])
        cover = np.where(sums[1] - self.team.over > self.team.under - sums[0], 0.0, cover)
        return Duals(cover, sums)

    def reduced(self) -> np.ndarray:
        """(columns) cost of a schedule less what its rows are worth."""
        assert self.point is not None
        return self._worth(self.owner, self.schedules) - self.point.duals[self.owner]

    def _worth(self, owner: np.ndarray, schedules: np.ndarray) -> np.ndarray:
        """Costs less the duals of the cover rows."""
        cover = self.duals().cover
        prices = np.where(schedules >= 0, cover[np.arange(self.days), np.maximum(schedules, 0)], 0.0)
        return self._costs(owner, schedules) - prices.sum(axis=1)

    def price(self, duals: Duals, each: int = EACH) -> tuple[float, np.ndarray, np.ndarray]:
        """Bound at these duals, without `base`, and the schedules found."""
        cost = np.where(self.allowed[:, :, :-1], self.team.cost - duals.cover, np.inf)
        off = np.where(self.allowed[:, :, -1], 0.0, np.inf)
        priced = self.pricer.price(cost, off, np.full(self.people, np.inf), each)
        fixed = np.where(duals.sums > 0, *self.sum_bounds.T)
        sums = float((duals.sums[duals.sums != 0] * fixed[duals.sums != 0]).sum())
        asked = float((duals.cover * self.team.required).sum())
        return asked + sums + float(priced.least.sum()), priced.people, priced.schedules

    def converge(
        self,
        rounds: int = 10_000,
        cutoff: float = np.inf,
        more: Callable[[float, float], bool] = lambda value, bound: True,
        dual: bool = False,
        centre: Duals | None = None,
        smooth: float = SMOOTH,
    ) -> tuple[float, float]:
        """Add columns until none is missing; value and bound of the LP, both without `base`.

        `centre` are duals that may already be good. Stops early when the bound rounds up to the
        value or reaches `cutoff`, and when `more` says no.
        """
        base, best, plain = self.team.base, -np.inf, False
        centre = None if centre is None else self._sound(centre)
        value = self.solve(dual)
        for turn in range(rounds):
            if self.point is None:
                break
            out = self.duals()
            share = 1.0 if turn == 0 else smooth
            at = out if centre is None or plain else self._sound(out.towards(centre, share))
            bound, people, schedules = self.price(at)
            if bound > best:
                best, centre = max(best, bound), at
            done = self.team.bound(base + best) >= base + min(value, cutoff) - TINY
            if not np.isfinite(bound) or done or not more(value, best):
                break
            gains = self._worth(people, schedules) - self.point.duals[people] < -TINY
            added = self.add(people[gains], schedules[gains])
            if added == 0 and (plain or at is out):
                break
            plain = added == 0
            if added:
                value = self.solve()
        return value, best

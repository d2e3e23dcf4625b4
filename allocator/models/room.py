"""What can still leave the depots: goods, doors and lanes, exactly by day or summed up to each day.

Two answers to "may these packs go?". `Daily` books packs on the day they leave, and every rule holds
day by day. `Cumulated` books them by the day they are needed, and lets them leave on any earlier
day: goods must have come by then, and no span of days may have to pass more litres than its doors
can (Hall's condition for one door with goods in order of arrival). Dealing with `Cumulated` and
timing afterwards wastes no door; dealing with `Daily` fills what the timing left.

stock_balance  a source never gives what has not come, on that day or any later one
throughput     litres out of every depot on the way
lane_capacity  litres on every limited lane on the way
lead_time      each leg leaves `offset` days before the goods are at the site
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from allocator.goods import Goods
from allocator.models.kernel import compiled

SLACK = 1e-7
"""Litres by which sums of litres may miss a limit in the last digits."""


@dataclass(frozen=True)
class Leg:
    """One lane of a route; `lane` is -1 for the last leg, which each site has for itself."""

    depot: int
    lane: int
    offset: int
    """days between leaving on this leg and arriving at the site"""


Route = tuple[Leg, ...]


class Room(Protocol):
    """What a dealer asks; `total` [m, D] are packs needed at sites by day, of the first m lines together."""

    def free(self, route: Route, item: int) -> np.ndarray: ...

    def fits(self, route: Route, item: int, total: np.ndarray) -> int: ...

    def book(self, route: Route, item: int, total: np.ndarray) -> None: ...

    def free_lanes(self, lanes: np.ndarray, item: int, offset: int) -> np.ndarray: ...

    def lanes_fit(self, lanes: np.ndarray, item: int, offset: int, packs: np.ndarray) -> np.ndarray: ...

    def book_lanes(self, lanes: np.ndarray, item: int, offset: int, packs: np.ndarray) -> None: ...


class Daily:
    """Room by day of leaving; `left` [N, I, D] is what each depot holds at night, all bookings kept."""

    def __init__(self, goods: Goods, left: np.ndarray, doors: np.ndarray, lanes: np.ndarray):
        self.goods, self.left, self.doors, self.lanes = goods, left, doors, lanes
        self.litres = np.maximum(goods.volume, 1e-9) * goods.pack
        self.moved = np.zeros((len(goods.lane_from), len(goods.items), goods.days), dtype=np.int64)

    @classmethod
    def full(cls, goods: Goods, come: np.ndarray) -> Daily:
        """Nothing booked yet; `come` [N, I, D] is what enters depots."""
        doors, lanes = (
            np.repeat(v[:, None], goods.days, axis=1) for v in (goods.throughput, goods.lane_litres)
        )
        return cls(goods, np.cumsum(come, axis=2), doors + SLACK, lanes + SLACK)

    def free(self, route: Route, item: int) -> np.ndarray:
        """[D] whether one more pack can arrive on the very day."""
        source, litres = route[0], self.litres[item]
        free = later(_suffix_least(self.left[source.depot, item]) >= self.goods.pack[item], source.offset)
        for leg in route:
            free = free & later(self.doors[leg.depot] >= litres, leg.offset)
            if leg.lane >= 0:
                free = free & later(self.lanes[leg.lane] >= litres, leg.offset)
        return free

    def fits(self, route: Route, item: int, total: np.ndarray) -> int:
        """How many of the first lines fit together."""
        source = route[0]
        units = np.cumsum(earlier(total, source.offset), axis=1) * self.goods.pack[item]
        fit = (units <= self.left[source.depot, item]).all(axis=1)
        for leg in route:
            litres = earlier(total, leg.offset) * self.litres[item]
            fit &= (litres <= self.doors[leg.depot]).all(axis=1)
            if leg.lane >= 0:
                fit &= (litres <= self.lanes[leg.lane]).all(axis=1)
        return _run(fit)

    def book(self, route: Route, item: int, total: np.ndarray) -> None:
        source, pack = route[0], int(self.goods.pack[item])
        self.left[source.depot, item] -= np.cumsum(earlier(total, source.offset)) * pack
        for leg in route:
            leaving = earlier(total, leg.offset)
            self.doors[leg.depot] -= leaving * self.litres[item]
            if leg.lane >= 0:
                self.lanes[leg.lane] -= leaving * self.litres[item]
                self.moved[leg.lane, item] += leaving * pack

    def free_lanes(self, lanes: np.ndarray, item: int, offset: int) -> np.ndarray:
        """[m, D] whether the last lanes bear one more pack."""
        return later(self.lanes[lanes] >= self.litres[item], offset)

    def lanes_fit(self, lanes: np.ndarray, item: int, offset: int, packs: np.ndarray) -> np.ndarray:
        return (earlier(packs, offset) * self.litres[item] <= self.lanes[lanes]).all(axis=1)

    def book_lanes(self, lanes: np.ndarray, item: int, offset: int, packs: np.ndarray) -> None:
        leaving = earlier(packs, offset)
        self.lanes[lanes] -= leaving * self.litres[item]
        self.moved[lanes, item] += leaving * self.goods.pack[item]


class Cumulated:
    """Room up to each day; `come` [N, I, D] are units that come to depots from outside."""

    def __init__(self, goods: Goods, come: np.ndarray):
        self.goods = goods
        self.litres = np.maximum(goods.volume, 1e-9) * goods.pack
        self.come = np.cumsum(come, axis=2)
        self.given = np.zeros_like(self.come)
        span = np.arange(1, goods.days + 1)
        self.doors = goods.throughput[:, None] * span + SLACK
        self.lanes = goods.lane_litres[:, None] * span + SLACK
        days = np.arange(goods.days)
        inside = days[None, :] - np.arange(-1, goods.days)[:, None]
        self.spans = (
            np.where(inside > 0, goods.throughput[:, None, None] * np.maximum(inside, 1), np.inf) + SLACK
        )
        """[N, D + 1, D] litres that can still pass the door after day a - 1 up to day d"""

    def free(self, route: Route, item: int) -> np.ndarray:
        """[D] whether one more pack can be at the site by the day."""
        source, pack, litres = route[0], self.goods.pack[item], self.litres[item]
        left = self.come[source.depot, item] - self.given[source.depot, item]
        free = later(_suffix_least(left) >= pack, source.offset)
        for leg in route:
            free = free & later(_suffix_least(self.doors[leg.depot]) >= litres, leg.offset)
            if leg.lane >= 0:
                free = free & later(_suffix_least(self.lanes[leg.lane]) >= litres, leg.offset)
        within = self._passes(source.depot, item, np.full((1, self.goods.days), pack))[0]
        return free & later(np.flip(np.logical_and.accumulate(np.flip(within))), source.offset)

    def _passes(self, depot: int, item: int, more: np.ndarray) -> np.ndarray:
        """[n, D] whether all spans up to a day bear that `more` [n, D] units are given up to each day."""
        out = np.ones(more.shape, dtype=np.bool_)
        volume = max(float(self.goods.volume[item]), 1e-9)
        _spans_bear(self.come[depot, item], self.given[depot, item], more, volume, self.spans[depot], out)
        return out

    def fits(self, route: Route, item: int, total: np.ndarray) -> int:
        """How many of the first lines fit together; the spans are searched by halving."""
        source, pack = route[0], self.goods.pack[item]
        units = np.cumsum(earlier(total, source.offset), axis=1) * pack
        left = self.come[source.depot, item] - self.given[source.depot, item]
        fit = (units <= left).all(axis=1)
        for leg in route:
            litres = np.cumsum(earlier(total, leg.offset), axis=1) * self.litres[item]
            fit &= (litres <= self.doors[leg.depot]).all(axis=1)
            if leg.lane >= 0:
                fit &= (litres <= self.lanes[leg.lane]).all(axis=1)
        low, high = 0, _run(fit)
        while low < high:
            middle = (low + high + 1) // 2
            if self._passes(source.depot, item, units[middle - 1 : middle]).all():
                low = middle
            else:
                high = middle - 1
        return low

    def book(self, route: Route, item: int, total: np.ndarray) -> None:
        source, pack = route[0], int(self.goods.pack[item])
        units = np.cumsum(earlier(total, source.offset)) * pack
        come, volume = self.come[source.depot, item], max(float(self.goods.volume[item]), 1e-9)
        _spans_take(come, self.given[source.depot, item], units, volume, self.spans[source.depot])
        self.given[source.depot, item] += units
        for leg in route:
            litres = np.cumsum(earlier(total, leg.offset)) * self.litres[item]
            self.doors[leg.depot] -= litres
            if leg is not source:
                self.spans[leg.depot][0] -= litres
            if leg.lane >= 0:
                self.lanes[leg.lane] -= litres

    def free_lanes(self, lanes: np.ndarray, item: int, offset: int) -> np.ndarray:
        return later(_suffix_least(self.lanes[lanes]) >= self.litres[item], offset)

    def lanes_fit(self, lanes: np.ndarray, item: int, offset: int, packs: np.ndarray) -> np.ndarray:
        return (np.cumsum(earlier(packs, offset), axis=1) * self.litres[item] <= self.lanes[lanes]).all(
            axis=1
        )

    def book_lanes(self, lanes: np.ndarray, item: int, offset: int, packs: np.ndarray) -> None:
        self.lanes[lanes] -= np.cumsum(earlier(packs, offset), axis=1) * self.litres[item]


@compiled
def _spans_bear(come: np.ndarray, given: np.ndarray, more: np.ndarray, volume: float, spans: np.ndarray,
                out: np.ndarray) -> None:
    """out[n, d] = whether every span [D + 1, D] that ends on day d bears the litres that more[n] adds."""
    for n in range(len(more)):
        for a in range(spans.shape[0]):
            there = come[a - 1] if a else 0
            for d in range(spans.shape[1]):
                units = max(given[d] + more[n, d] - there, 0) - max(given[d] - there, 0)
                if units * volume > spans[a, d]:
                    out[n, d] = False


@compiled
def _spans_take(come: np.ndarray, given: np.ndarray, more: np.ndarray, volume: float, spans: np.ndarray) -> None:
    """Take the litres that `more` [D] adds off the spans [D + 1, D]."""
    for a in range(spans.shape[0]):
        there = come[a - 1] if a else 0
        for d in range(spans.shape[1]):
            spans[a, d] -= (max(given[d] + more[d] - there, 0) - max(given[d] - there, 0)) * volume


def _run(fit: np.ndarray) -> int:
    """How many are true before the first false."""
    return len(fit) if fit.all() else int(np.argmin(fit))


def _suffix_least(table: np.ndarray) -> np.ndarray:
    """Least value from each day on."""
    return np.minimum.accumulate(table[..., ::-1], axis=-1)[..., ::-1]


def later(table: np.ndarray, days: int) -> np.ndarray:
    """What holds for leaving on a day, by day of arrival `days` later."""
    if days == 0:
        return table
    moved = np.zeros_like(table)
    moved[..., days:] = table[..., :-days]
    return moved


def earlier(table: np.ndarray, days: int) -> np.ndarray:
    """What arrives on a day, by the day it left."""
    if days == 0:
        return table
    moved = np.zeros_like(table)
    moved[..., :-days] = table[..., days:]
    return moved

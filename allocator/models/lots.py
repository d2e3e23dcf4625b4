"""Lines: the goods of one item at one site, and the cheapest way to feed one from priced packs.

Sets       lines n = (site, item), days d, segments k (equal units of one day's wish, at one worth)
Data       start[n] units on hand, pack[n], length[n, d, k] units wished for, worth[n, d, k] penalty
           saved per unit, price[n, d] of a pack arriving on day d
Decisions  packs that arrive each day, units used of each segment
Objective  penalty of the units not used + price of the packs, least per line

whole_packs    goods arrive in packs of the line's size
stock_balance  what is used on a day is on hand; what is left waits

Waiting costs nothing, so a pack may as well cost the least price up to that day, and prices then
never rise: packs come just in time, and what is left at night is less than a pack or was there from
the start. That bounds the state of an exact dynamic program over stock at night without losing any
better policy. A day's wish is convex, a sum of segments, and each segment is a min-plus convolution
that doubling does in a logarithm of its length. The loops are compiled, line by line.

Measured on two shared cores, Wuxi (11,200 lines, 28 days), CPU seconds: plans of all lines 0.2 (numpy
over blocks of lines 3.7-4.5), shortages of a plan 0.05 (0.2).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from allocator.goods import Goods
from allocator.models.kernel import compiled


@dataclass(frozen=True)
class Lines:
    """All (site, item) with a wish; first segment of each day is the kits, then needs by tier."""

    site: np.ndarray
    item: np.ndarray
    start: np.ndarray
    pack: np.ndarray
    length: np.ndarray
    """[n, D, K] units"""
    worth: np.ndarray
    """[n, D, K] penalty per unit not used"""

    def __len__(self) -> int:
        return len(self.site)

    def part(self, rows: np.ndarray) -> Lines:
        """Some of the lines."""
        return Lines(*(getattr(self, field.name)[rows] for field in fields(self)))


def lines(goods: Goods, kits: np.ndarray, kit_price: np.ndarray | float) -> Lines:
    """Lines of all needs and kits; a kit unit missing costs `kit_price` ([S, I, D] or one number)."""
    days = goods.days
    asked = np.asarray(kits.any(axis=2))
    asked[goods.need_site, goods.need_item] = True
    site, item = np.nonzero(asked)
    row, rank = _segments(goods, site, item)
    width = 1 + 3 * (1 + rank.max(initial=-1))
    length = np.zeros((len(site), days, width), dtype=np.int64)
    worth = np.zeros((len(site), days, width))
    length[:, :, 0] = kits[site, item]
    worth[:, :, 0] = np.broadcast_to(kit_price, kits.shape)[site, item]
    for k, (units, weight) in enumerate(_halves(goods)):
        length[row, :, 1 + 3 * rank + k] = units
        worth[row, :, 1 + 3 * rank + k] = weight[:, None]
    return Lines(site, item, goods.stock[goods.depots + site, item], goods.pack[item], length, worth)


def withheld(lines: Lines, price: np.ndarray) -> np.ndarray:
    """[n, D] what the wishes of each day add to the least cost of those that follow, or more; >= 0.

    Who wishes for nothing before a day costs at least the whole line's `cheapest` less the sum up to that day.
    Kits of days without wishes are not missed either: they count as saved, at their worth.
    """
    days = price.shape[1]
    least = np.zeros((len(lines), days + 1))
    saved = (lines.length[:, :, 0] * lines.worth[:, :, 0])[:, ::-1].cumsum(1)[:, ::-1]
    for first in range(days):
        length = lines.length.copy()
        length[:, :first] = 0
        least[:, first] = cheapest(replace(lines, length=length), price) - saved[:, first]
    spared = np.maximum.accumulate(least[:, :1] - least, axis=1)
    return np.diff(spared, axis=1)


def by_site(lines: Lines, each: np.ndarray, sites: int) -> np.ndarray:
    """[sites, D] sum over the lines of a site of `each` [n, D]."""
    total = np.zeros((sites, each.shape[1]))
    np.add.at(total, lines.site, each)
    return total


def need_segments(goods: Goods, lines: Lines) -> tuple[np.ndarray, np.ndarray]:
    """Line of each need line, and its rank there: its segments are 1 + 3 rank and the next two."""
    return _segments(goods, lines.site, lines.item)


def _segments(goods: Goods, site: np.ndarray, item: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    line = np.full(goods.shape[:2], -1)
    line[site, item] = np.arange(len(site))
    row = line[goods.need_site, goods.need_item]
    return row, _rank(row)


def _rank(row: np.ndarray) -> np.ndarray:
    """How many earlier entries of `row` are equal."""
    order = np.argsort(row, kind="stable")
    first = np.searchsorted(row[order], row[order])
    rank = np.empty(len(row), dtype=np.int64)
    rank[order] = np.arange(len(row)) - first
    return rank


def _halves(goods: Goods) -> list[tuple[np.ndarray, np.ndarray]]:
    """First half of each need, the unit that lies in both, second half, each with its worth."""
    half, odd = goods.need // 2, goods.need % 2
    first, second = goods.need_weight * goods.first_half, goods.need_weight
    return [(half, first), (odd, (first + second) / 2), (half, second)]


@dataclass(frozen=True)
class Bought:
    """Least cost of every line, and the packs [n, D] that reach it."""

    cost: np.ndarray
    packs: np.ndarray


def cheapest(lines: Lines, price: np.ndarray) -> np.ndarray:
    """[n] least penalty + price of every line; `price` [n, D] per pack, infinite where none comes."""
    return _solve(lines, price, trace=False).cost


def bought(lines: Lines, price: np.ndarray) -> Bought:
    """As `cheapest`, with a policy that costs it."""
    return _solve(lines, price, trace=True)


def _solve(lines: Lines, price: np.ndarray, trace: bool) -> Bought:
    price = np.minimum.accumulate(price, axis=1)
    cost, packs = np.zeros(len(lines)), np.zeros(price.shape, dtype=np.int64)
    span = np.maximum(lines.pack - 1, lines.start) + lines.length.sum(axis=2).max(axis=1, initial=0) + 1
    night, used = np.zeros((2, price.shape[1] + 1, int(span.max(initial=0))))
    length, worth, price, start, pack = _plain(lines.length, lines.worth, price, lines.start, lines.pack)
    _programmes(length, worth, price, start, pack, trace, night, used, cost, packs)
    return Bought(cost, packs)


def _plain(*arrays: np.ndarray) -> list[np.ndarray]:
    """Arrays as compiled loops know them."""
    return [np.ascontiguousarray(array) for array in arrays]


@compiled
def _programmes(length: np.ndarray, worth: np.ndarray, price: np.ndarray, start: np.ndarray, pack: np.ndarray,
                trace: bool, night: np.ndarray, used: np.ndarray, cost: np.ndarray, packs: np.ndarray) -> None:
    """The dynamic program of every line: cost [n] and, to `trace`, packs [n, D].

    `night` and `used` [D + 1, units] are scratch: costs by units on hand at night, and before use.
    """
    days = price.shape[1]
    for n in range(len(start)):
        room = max(pack[n] - 1, start[n])
        span = room + 1
        for d in range(days):
            units = 0
            for k in range(length.shape[2]):
                units += length[n, d, k]
            span = max(span, room + units + 1)
        for x in range(room + 1):
            night[days, x] = 0.0
        for d in range(days - 1, -1, -1):
            for x in range(span):
                used[d, x] = night[d + 1, x] if x <= room else np.inf
            wish = 0.0
            for k in range(length.shape[2]):
                if length[n, d, k] > 0:
                    wish += length[n, d, k] * worth[n, d, k]
                    _use(used, d, span, length[n, d, k], worth[n, d, k])
            _buy(used, d, span, price[n, d], pack[n])
            for x in range(room + 1):
                night[d, x] = used[days, x] + wish
        cost[n] = night[0, start[n]]
        if trace:
            _trace(n, length, worth, price, start[n], pack[n], night, used, room, span, packs)


@compiled
def _use(used: np.ndarray, day: int, span: int, length: int, worth: float) -> None:
    """state(x) = min over u = 0..length of state(x - u) - worth u, for a day's row; the last is scratch.

    0..length is the sumset of 0..1, 0..2, 0..4, ... and what makes up the rest.
    """
    last, rest, step = len(used) - 1, length, 1
    while rest > 0:
        step = min(step, rest)
        for x in range(span):
            used[last, x] = used[day, x]
        for x in range(step, span):
            used[day, x] = min(used[last, x], used[last, x - step] - worth * step)
        rest -= step
        step *= 2


@compiled
def _buy(used: np.ndarray, day: int, span: int, price: float, pack: int) -> None:
    """bought(y) = min over n of state(y + n packs) + n price, of a day's row into the last."""
    last = len(used) - 1
    for y in range(span - 1, -1, -1):
        used[last, y] = used[day, y]
        if y + pack < span:
            used[last, y] = min(used[day, y], used[last, y + pack] + price)


@compiled
def _trace(n: int, length: np.ndarray, worth: np.ndarray, price: np.ndarray, start: int, pack: int,
           night: np.ndarray, used: np.ndarray, room: int, span: int, packs: np.ndarray) -> None:
    """A cheapest policy of a line: as few packs as that allows, and the most of equals left at night."""
    rank = np.empty(worth.shape[2], np.int64)
    on_hand = start
    for d in range(price.shape[1]):
        best, more = used[d, on_hand], 1
        while on_hand + more * pack < span:
            value = used[d, on_hand + more * pack] + more * price[n, d]
            if value < best - 1e-9:
                best, packs[n, d] = value, more
            more += 1
        on_hand += packs[n, d] * pack
        _dearest(worth, n, d, rank)
        best, most = np.inf, room
        for left in range(min(room, on_hand), -1, -1):
            units, saved = on_hand - left, 0.0
            for k in rank:
                taken = min(units, length[n, d, k])
                saved += taken * worth[n, d, k]
                units -= taken
            if units == 0 and night[d + 1, left] - saved < best:
                best, most = night[d + 1, left] - saved, left
        on_hand = most


@compiled
def _dearest(worth: np.ndarray, n: int, d: int, rank: np.ndarray) -> None:
    """Order of a line's segments by worth, dearest first, the first of equals first."""
    for k in range(len(rank)):
        place = k
        while place > 0 and worth[n, d, rank[place - 1]] < worth[n, d, k]:
            rank[place] = rank[place - 1]
            place -= 1
        rank[place] = k


def merits(lines: Lines, packs: np.ndarray) -> np.ndarray:
    """[n, D] penalty that a pack of a plan saves at best, until the line's next packs come."""
    rank = np.argsort(-(lines.worth * (lines.length > 0)).max(axis=1), axis=1, kind="stable")
    worth = np.take_along_axis(lines.worth.max(axis=1), rank, axis=1)
    length = np.take_along_axis(lines.length, rank[:, None, :], axis=2)
    merit, wished = np.zeros(packs.shape), np.zeros(worth.shape, dtype=np.int64)
    for day in range(packs.shape[1] - 1, -1, -1):
        wished += length[:, day]
        units = (packs[:, day] * lines.pack)[:, None]
        taken = np.clip(units - (np.cumsum(wished, axis=1) - wished), 0, wished)
        merit[:, day] = np.einsum("nk,nk->n", taken, worth) / np.maximum(packs[:, day], 1)
        wished[packs[:, day] > 0] = 0
    return merit


def shortages(lines: Lines, arriving: np.ndarray) -> np.ndarray:
    """[n, D, K] units not used when `arriving` [n, D] units come: the best use there is, kits first.

    Dearest wishes first, each as far as goods on hand from that day on allow: units used up to a day
    form a nested family, for which taking the dearest first is exact.
    """
    worth = (lines.worth * (lines.length > 0)).max(axis=1)
    worth[:, 0] = np.inf
    open_ = lines.length.copy()
    left = np.cumsum(arriving, axis=1) + lines.start[:, None]
    _serve(np.argsort(-worth, axis=1, kind="stable"), left, open_)
    return open_


@compiled
def _serve(rank: np.ndarray, left: np.ndarray, open_: np.ndarray) -> None:
    """Take what is used from `left` [n, D], units on hand if nothing is used later, and from `open_`."""
    days = left.shape[1]
    for n in range(len(rank)):
        for place in range(rank.shape[1]):
            k = rank[n, place]
            for d in range(days):
                units = open_[n, d, k]
                if units == 0:
                    continue
                for later in range(d, days):
                    units = min(units, left[n, later])
                for later in range(d, days):
                    left[n, later] -= units
                open_[n, d, k] -= units

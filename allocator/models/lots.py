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
that doubling does in a logarithm of its length, for all lines at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from allocator.goods import Goods

BLOCK = 200_000
"""States held at once: what fits a processor's cache."""


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
    room = np.maximum(lines.pack - 1, lines.start)
    span = room + lines.length.sum(axis=2).max(axis=1, initial=0) + 1
    for chosen in _blocks(lines.pack, span):
        pack = int(lines.pack[chosen[0]])
        block = _Block(lines, chosen, price[chosen], int(room[chosen].max()), int(span[chosen].max()), pack)
        block.run(trace)
        cost[chosen] = block.night[np.arange(len(chosen)), lines.start[chosen]]
        if trace:
            packs[chosen] = block.trace(lines.start[chosen])
    return Bought(cost, packs)


def _blocks(pack: np.ndarray, span: np.ndarray) -> Iterator[np.ndarray]:
    """Lines of one pack size and similar span, in blocks of BLOCK states."""
    order = np.lexsort((span, pack))
    begin = 0
    while begin < len(order):
        first = order[begin]
        end = begin + 1
        limit = span[first] * 1.25 + 4
        most = max(1, BLOCK // int(limit))
        same = (pack[order[begin:]] == pack[first]) & (span[order[begin:]] <= limit)
        end = begin + min(most, int(np.argmin(same)) if not same.all() else len(same))
        yield order[begin:end]
        begin = end


class _Block:
    """The dynamic program of lines with one pack size; columns are units on hand."""

    def __init__(self, lines: Lines, chosen: np.ndarray, price: np.ndarray, room: int, span: int, pack: int):
        self.length, self.worth, self.price = lines.length[chosen], lines.worth[chosen], price
        self.room, self.span, self.pack = room, span, pack
        self.night = np.zeros((len(chosen), room + 1))
        self.kept: list[tuple[np.ndarray, np.ndarray]] = []

    def run(self, keep: bool) -> None:
        """Least cost from each morning on, last day first; `keep` what `trace` needs."""
        state = np.empty((len(self.night), self.span))
        for day in range(self.length.shape[1] - 1, -1, -1):
            state[:, : self.room + 1] = self.night
            state[:, self.room + 1 :] = np.inf
            for k in range(self.length.shape[2]):
                _use(state, self.length[:, day, k], self.worth[:, day, k])
            if keep:
                self.kept.append((self.night, state.copy()))
            _buy(state, self.price[:, day], self.pack)
            wish = np.einsum("nk,nk->n", self.length[:, day], self.worth[:, day])
            self.night = state[:, : self.room + 1] + wish[:, None]

    def trace(self, start: np.ndarray) -> np.ndarray:
        """[n, D] packs of a cheapest policy: as few packs as that allows, as little used early."""
        every, on_hand = np.arange(len(start)), start.copy()
        packs = np.zeros((len(start), len(self.kept)), dtype=np.int64)
        most = -(-self.span // self.pack)
        for day, (night, used) in enumerate(reversed(self.kept)):
            best = used[every, on_hand]
            count = np.zeros(len(start), dtype=np.int64)
            with np.errstate(invalid="ignore"):
                for more in range(1, most + 1):
                    after = on_hand + more * self.pack
                    value = np.full(len(start), np.inf)
                    inside = after < self.span
                    value[inside] = used[every[inside], after[inside]] + more * self.price[inside, day]
                    better = value < best - 1e-9
                    best, count = np.where(better, value, best), np.where(better, more, count)
            packs[:, day] = count
            on_hand = self._left(day, night, on_hand + count * self.pack)
        return packs

    def _left(self, day: int, night: np.ndarray, on_hand: np.ndarray) -> np.ndarray:
        """What a cheapest policy leaves at night, the most of equals."""
        units = on_hand[:, None] - np.arange(self.room + 1)
        saved = np.zeros(units.shape)
        left = units.astype(float)
        rank = np.argsort(-self.worth[:, day], axis=1, kind="stable")
        for k in rank.T:
            length = np.take_along_axis(self.length[:, day], k[:, None], axis=1)
            worth = np.take_along_axis(self.worth[:, day], k[:, None], axis=1)
            taken = np.clip(left, 0, length)
            saved += taken * worth
            left -= taken
        cost = np.where((units < 0) | (left > 0), np.inf, night - saved)
        return self.room - np.argmin(cost[:, ::-1], axis=1)


def _use(state: np.ndarray, length: np.ndarray, worth: np.ndarray) -> None:
    """state(x) = min over u = 0..length of state(x - u) - worth u, in place, for every row.

    0..length is the sumset of the powers of two below it and those that make up the rest.
    """
    most = int(length.max(initial=0))
    step = 1
    while step <= most:
        doubled = length + 1 >= 2 * step
        rest = (length + 1 - (1 << _log2(length + 1))) & step > 0
        for rows in (doubled, rest):
            _shift(state, rows, step, worth)
        step *= 2


def _log2(numbers: np.ndarray) -> np.ndarray:
    """Floor of the binary logarithm."""
    return np.frexp(numbers.astype(float))[1].astype(np.int64) - 1


def _shift(state: np.ndarray, rows: np.ndarray, step: int, worth: np.ndarray) -> None:
    count = np.count_nonzero(rows)
    if count == 0:
        return
    if count == len(rows):
        np.minimum(state[:, step:], state[:, :-step] - (worth * step)[:, None], out=state[:, step:])
        return
    chosen = np.flatnonzero(rows)
    part = state[chosen]
    part[:, step:] = np.minimum(part[:, step:], part[:, :-step] - (worth[chosen] * step)[:, None])
    state[chosen] = part


def _buy(state: np.ndarray, price: np.ndarray, pack: int) -> None:
    """state(y) = min over n of state(y + n packs) + n price, in place."""
    step, cost = pack, price
    while step < state.shape[1]:
        np.minimum(state[:, :-step], state[:, step:] + cost[:, None], out=state[:, :-step])
        step, cost = 2 * step, 2 * cost


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
    left = np.cumsum(arriving, axis=1)
    left += lines.start[:, None]
    worth = (lines.worth * (lines.length > 0)).max(axis=1)
    rank = np.argsort(-worth, axis=1, kind="stable")
    rank = np.take_along_axis(rank, np.argsort(rank != 0, axis=1, kind="stable"), axis=1)
    every = np.arange(len(lines))
    open_ = lines.length.copy()
    for place in range(rank.shape[1]):
        segment = rank[:, place]
        for day in range(left.shape[1]):
            wished = open_[every, day, segment]
            rows = np.flatnonzero(wished)
            if not len(rows):
                continue
            units = np.minimum(wished[rows], left[rows, day:].min(axis=1))
            left[rows, day:] -= units[:, None]
            open_[rows, day, segment[rows]] -= units
    return open_

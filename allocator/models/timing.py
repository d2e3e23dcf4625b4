"""When dealt packs leave: at every depot, day by day, the pack needed first goes first.

Each depot, upstream ones first, ships on every day what it has and what its doors and lanes bear, in
order of the day it must leave. At one door that order misses no deadline that could be kept. What
misses one all the same goes later, and still finds the best use left. Lines marked urgent (whose kits
were late in an earlier attempt) go before all others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.goods import Goods
from allocator.models.dealer import Dealer
from allocator.models.room import Daily


@dataclass(frozen=True)
class Jobs:
    """Packs to leave a depot, in the order they should."""

    lane: np.ndarray
    item: np.ndarray
    packs: np.ndarray


def timed(goods: Goods, come: np.ndarray, dealer: Dealer, urgent: np.ndarray) -> Daily:
    """Book everything `dealer` dealt on a day of its own.

    `come` [N, I, D] is what enters depots, `urgent` [n] marks lines.
    """
    room = Daily.full(goods, come)
    jobs = {depot: _jobs(dealer, depot, urgent[dealer.order]) for depot in range(goods.depots)}
    entering = come.copy()
    held = np.zeros((goods.depots, len(goods.items)), dtype=np.int64)
    for day in range(goods.days):
        for depot in _downstream(goods):
            held[depot] += entering[depot, :, day]
            moved = _leave(goods, room, jobs[depot], held[depot], depot, day)
            for lane in np.flatnonzero((goods.lane_from == depot) & (goods.lane_to < goods.depots)):
                arrives = day + int(goods.lane_lead[lane])
                if arrives < goods.days:
                    entering[goods.lane_to[lane], :, arrives] += moved[lane]
        room.left[:, :, day] = held
    return room


def _downstream(goods: Goods) -> list[int]:
    """Depots in an order in which same-day transfers go forward, as far as that is possible."""
    inner = goods.lane_to < goods.depots
    pairs = [(int(a), int(b)) for a, b in zip(goods.lane_from[inner], goods.lane_to[inner], strict=True)]
    waiting, order = list(range(goods.depots)), []
    while waiting:
        ready = [n for n in waiting if not any(b == n and a in waiting for a, b in pairs)] or waiting[:1]
        order += ready
        waiting = [n for n in waiting if n not in ready]
    return order


def _jobs(dealer: Dealer, depot: int, urgent: np.ndarray) -> Jobs:
    """Everything the depot has to send: to sites line by line, to depots in sums; first needed first."""
    parts = [np.zeros((5, 0), dtype=np.int64)]
    blocks = {block.begin: block for block in dealer.blocks}
    for (begin, number), packs in sorted(dealer.dealt.items()):
        block = blocks[begin]
        rows, route = np.arange(block.begin, block.end), block.routes[number]
        for leg in route:
            if leg.depot != depot:
                continue
            if leg.lane < 0:
                lane, table, first = dealer.lanes(block, route, rows), packs, urgent[rows]
            else:
                table = np.stack([packs[urgent[rows]].sum(axis=0), packs[~urgent[rows]].sum(axis=0)])
                lane, first = np.full(2, leg.lane), np.array([True, False])
            row, day = np.nonzero(table)
            item = np.full(len(row), block.item)
            parts.append(np.stack([lane[row], item, day - leg.offset, table[row, day], ~first[row]]))
    lane, item, day, count, waits = np.concatenate(parts, axis=1)
    order = np.lexsort((lane, item, day, waits))
    return Jobs(lane[order], item[order], count[order])


def _leave(goods: Goods, room: Daily, jobs: Jobs, held: np.ndarray, depot: int, day: int) -> np.ndarray:
    """Ship what can go today; [L, I] units moved, taken from `held` and from the jobs."""
    moved = np.zeros((len(goods.lane_from), len(goods.items)), dtype=np.int64)
    chosen = np.flatnonzero(jobs.packs)
    if not len(chosen):
        return moved
    lane, item = jobs.lane[chosen], jobs.item[chosen]
    packs = _within(item, jobs.packs[chosen], (held // goods.pack).astype(float), np.ones(len(chosen)))
    if np.isfinite(goods.lane_litres[lane]).any():
        packs = _within(lane, packs, room.lanes[:, day], room.litres[item])
    packs = _within(np.zeros(len(chosen), dtype=np.int64), packs, room.doors[[depot], day], room.litres[item])
    jobs.packs[chosen] -= packs
    units = packs * goods.pack[item]
    np.add.at(moved, (lane, item), units)
    held -= moved.sum(axis=0)
    np.subtract.at(room.lanes[:, day], lane, packs * room.litres[item])
    room.doors[depot, day] -= float(np.sum(packs * room.litres[item]))
    room.moved[:, :, day] += moved
    return moved


def _within(key: np.ndarray, packs: np.ndarray, limit: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Packs cut so that those of one key, first come first served, stay within limit[key]."""
    order = np.argsort(key, kind="stable")
    key_, packs_, size_ = key[order], packs[order], size[order]
    through = np.cumsum(packs_ * size_)
    first = np.searchsorted(key_, key_)
    before = through - packs_ * size_ - np.where(first > 0, through[first - 1], 0.0)
    fits = np.floor(np.minimum((limit[key_] - before) / size_, 1e12) + 1e-9)
    result = np.empty_like(packs)
    result[order] = np.clip(fits, 0, packs_).astype(np.int64)
    return result

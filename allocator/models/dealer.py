"""Deal whole packs to lines, the greatest fall in penalty per litre first, as late as possible.

A pack is worth what its units save on the best wishes still open on the days it can reach. It serves
the latest of equal wishes and is needed by the day of the first of them, so that early goods stay
free for early wishes. Whether packs may go is `room`'s to say: stock_balance, throughput,
lane_capacity and lead_time are enforced there.

whole_packs    only packs are dealt
kit_available  kits come before all needs, at a worth above any of them
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.goods import Goods
from allocator.models import lots, market
from allocator.models.room import Leg, Room, Route

STEP = 0.93
"""A round deals everything worth at least this share of the best pack left."""


@dataclass(frozen=True)
class Block:
    """Lines of one gate and item, rows begin..end of the dealer's order."""

    begin: int
    end: int
    gate: int
    item: int
    routes: tuple[Route, ...]

    @property
    def rows(self) -> slice:
        return slice(self.begin, self.end)


def routes_of(goods: Goods, ways: tuple[tuple[int, int, bool], ...]) -> tuple[Route, ...]:
    """Ways from a source to the sites of a gate: fewest legs first, at most three."""
    found: list[Route] = [(Leg(depot, -1, lead),) for depot, lead, _ in ways]
    last = found
    inner = [int(k) for k in np.flatnonzero(goods.lane_to < goods.depots)]
    for _ in range(2):
        longer: list[Route] = []
        for route in last:
            seen = {leg.depot for leg in route}
            for lane in inner:
                if goods.lane_to[lane] == route[0].depot and int(goods.lane_from[lane]) not in seen:
                    offset = route[0].offset + int(goods.lane_lead[lane])
                    longer.append((Leg(int(goods.lane_from[lane]), lane, offset), *route))
        found, last = found + longer, longer
    return tuple(found)


class Dealer:
    """Wishes still open (`open_` [n, D, K], by line) and the room to serve them."""

    def __init__(self, goods: Goods, lines: lots.Lines, room: Room, open_: np.ndarray):
        self.goods, self.lines, self.room = goods, lines, room
        site_gate, gates = market.gates_of(goods)
        self.order = np.lexsort((lines.item, site_gate[lines.site]))
        gate, item = site_gate[lines.site][self.order], lines.item[self.order]
        cut = np.flatnonzero(np.diff(gate * len(goods.items) + item, prepend=-1))
        ends = np.append(cut[1:], len(gate))[: len(cut)]
        ways = [routes_of(goods, w) for w in gates]
        self.blocks = [
            Block(int(b), int(e), int(gate[b]), int(item[b]), ways[gate[b]])
            for b, e in zip(cut, ends, strict=True)
        ]
        self.site = lines.site[self.order]
        self.pack = lines.pack[self.order]
        self._sort_wishes(lines, open_)
        self.litres = np.maximum(goods.volume, 1e-9) * goods.pack
        self.lane = last_lanes(goods, site_gate, gates)
        self.first = np.zeros(len(self.site), dtype=np.int64)
        self.gain = np.zeros(len(self.site))
        self.dealt: dict[tuple[int, int], np.ndarray] = {}
        """(block, route) -> [rows, D] packs by the day they are needed at the site"""

    def _sort_wishes(self, lines: lots.Lines, open_: np.ndarray) -> None:
        """Segments of each line by worth, dearest first."""
        worth = (lines.worth * (lines.length > 0)).max(axis=1)[self.order]
        self.rank = np.argsort(-worth, axis=1, kind="stable")
        self.worth = np.take_along_axis(worth, self.rank, axis=1)
        self.open = np.take_along_axis(open_[self.order], self.rank[:, None, :], axis=2)

    def deal(self) -> None:
        """Deal until no pack that can still be shipped saves anything."""
        starts = np.array([b.begin for b in self.blocks], dtype=np.int64)
        if not len(starts):
            return
        litres = np.concatenate([np.full(b.end - b.begin, self.litres[b.item]) for b in self.blocks])
        for block in self.blocks:
            self._refresh(block)
        while True:
            best = np.maximum.reduceat(self.gain / litres, starts)
            level = STEP * best.max()
            if level <= 1e-12:
                return
            while (due := np.flatnonzero(best >= level)).size:
                for k in due:
                    self._round(self.blocks[k], level * self.litres[self.blocks[k].item])
                best = np.maximum.reduceat(self.gain / litres, starts)

    def accept(self, packs: np.ndarray) -> None:
        """Book the packs [n, D] of a plan as far as there is room: day by day, greatest merit first."""
        packs, merit = packs[self.order], lots.merits(self.lines, packs)[self.order]
        for day in range(self.goods.days):
            for block in self.blocks:
                rows = block.begin + np.flatnonzero(packs[block.rows, day])
                rows = rows[np.argsort(-merit[rows, day], kind="stable")]
                self._book(block, rows, day, packs[rows, day])

    def _book(self, block: Block, rows: np.ndarray, day: int, packs: np.ndarray) -> None:
        """Ship packs [rows] needed on a day; where there is no room for all of a line, half of them, and so on."""
        step = packs = packs.copy()
        while len(rows):
            wanted = np.zeros((len(rows), self.goods.days), dtype=np.int64)
            wanted[:, day] = step
            taken = self._ship(block, rows, wanted)
            packs = packs - step * taken
            step = np.minimum(packs, np.where(taken, step, step // 2))
            left = step > 0
            rows, packs, step = rows[left], packs[left], step[left]

    def arriving(self) -> np.ndarray:
        """[n, D] units dealt, by line and by the day they are needed."""
        units = np.zeros((len(self.order), self.goods.days), dtype=np.int64)
        for (begin, _), packs in self.dealt.items():
            rows = self.order[begin : begin + len(packs)]
            units[rows] += packs * self.pack[begin]
        return units

    def reopen(self, open_: np.ndarray) -> None:
        """Set the wishes [n, D, K] that are still open."""
        self.open = np.take_along_axis(open_[self.order], self.rank[:, None, :], axis=2)
        self.first[:] = -1

    def _refresh(self, block: Block) -> bool:
        """Earliest day a pack can still reach the block's lines; True if it changed (gains too)."""
        first = np.full(block.end - block.begin, self.goods.days)
        for route in block.routes:
            free = self._free(block, route, np.arange(block.begin, block.end))
            first = np.minimum(first, np.where(free.any(axis=1), free.argmax(axis=1), self.goods.days))
        changed = first != self.first[block.rows]
        self.first[block.rows] = first
        fresh = block.begin + np.flatnonzero(changed | (self.gain[block.rows] == 0))
        self._value(fresh)
        return bool(changed.any())

    def _value(self, rows: np.ndarray) -> None:
        """Gain of the next pack of these lines."""
        reach = np.arange(self.goods.days) >= self.first[rows][:, None]
        units = np.einsum("nd,ndk->nk", reach, self.open[rows])
        taken = np.clip(self.pack[rows][:, None] - (np.cumsum(units, axis=1) - units), 0, units)
        self.gain[rows] = np.einsum("nk,nk->n", taken, self.worth[rows])

    def _free(self, block: Block, route: Route, rows: np.ndarray) -> np.ndarray:
        """[rows, D] whether one more pack can arrive by this route."""
        free, lanes = self.room.free(route, block.item), self.lanes(block, route, rows)
        table = np.broadcast_to(free, (len(rows), self.goods.days))
        if np.isfinite(self.goods.lane_litres[lanes]).any():
            table = table & self.room.free_lanes(lanes, block.item, route[-1].offset)
        return table

    def lanes(self, block: Block, route: Route, rows: np.ndarray) -> np.ndarray:
        return self.lane[block.gate, route[-1].depot][self.site[rows]]

    def _round(self, block: Block, level: float) -> None:
        """Deal to every line of the block whose next packs save at least `level`."""
        if self._refresh(block):
            return
        rows = block.begin + np.flatnonzero(self.gain[block.rows] >= level)
        rows = rows[np.argsort(-self.gain[rows], kind="stable")]
        share = 1
        while len(rows):
            wanted, use = self._wanted(rows, share)
            taken = self._ship(block, rows, wanted)
            if taken.any():
                done = rows[taken]
                self.open[done] -= use[taken]
                self._value(done)
                rows = rows[~taken]
                if self._refresh(block):
                    return
            elif wanted.sum(axis=1).max() == 1:
                return
            else:
                share *= 4

    def _wanted(self, rows: np.ndarray, share: int) -> tuple[np.ndarray, np.ndarray]:
        """Packs [rows, D] by the day they are needed, and the wishes [rows, D, K] they serve.

        A line takes all packs that go to its dearest wishes alone (or a part of them), or one pack
        that goes to wishes of several kinds.
        """
        reach = (np.arange(self.goods.days) >= self.first[rows][:, None])[:, :, None]
        open_ = self.open[rows] * reach
        units = open_.sum(axis=1)
        top = (units > 0).argmax(axis=1)
        pack = self.pack[rows]
        full = np.take_along_axis(units, top[:, None], axis=1)[:, 0] // pack
        many = np.where(full > 0, np.maximum(1, full // share), 1)
        budget = many * pack
        taken = np.clip(budget[:, None] - (np.cumsum(units, axis=1) - units), 0, units)
        later = np.cumsum(open_[:, ::-1], axis=1)[:, ::-1] - open_
        use = np.clip(taken[:, None, :] - later, 0, open_)
        by_day = use.sum(axis=2)
        from_here = np.minimum(np.cumsum(by_day[:, ::-1], axis=1)[:, ::-1] // pack[:, None], many[:, None])
        wanted = -np.diff(from_here, axis=1, append=0)
        first_used = (by_day > 0).argmax(axis=1)
        wanted[np.arange(len(rows)), first_used] += many - from_here[:, 0]
        return wanted, use

    def _ship(self, block: Block, rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Ship what is wanted by the first route that can; True for the lines served."""
        taken = np.zeros(len(rows), dtype=bool)
        for number in range(len(block.routes)):
            rest = np.flatnonzero(~taken)
            while len(rest):
                served = self._by_route(block, number, rows[rest], wanted[rest])
                taken[rest[:served]] = True
                if served == 0:
                    break
                rest = rest[served:]
        return taken

    def _by_route(self, block: Block, number: int, rows: np.ndarray, wanted: np.ndarray) -> int:
        """Ship to the longest run of first lines that the route can serve; how many those are."""
        route = block.routes[number]
        latest = np.where(self._free(block, route, rows), np.arange(self.goods.days), -1)
        latest = np.maximum.accumulate(latest, axis=1)
        fit = ~((wanted > 0) & (latest < 0)).any(axis=1)
        line, day = np.nonzero((wanted > 0) & (latest >= 0))
        arriving = np.zeros_like(wanted)
        np.add.at(arriving, (line, latest[line, day]), wanted[line, day])
        lanes, offset = self.lanes(block, route, rows), route[-1].offset
        fit &= self.room.lanes_fit(lanes, block.item, offset, arriving)
        served = len(rows) if fit.all() else int(np.argmin(fit))
        served = self.room.fits(route, block.item, np.cumsum(arriving[:served], axis=0)) if served else 0
        if served:
            arriving = arriving[:served]
            self.room.book(route, block.item, arriving.sum(axis=0))
            self.room.book_lanes(lanes[:served], block.item, offset, arriving)
            self._note(block, number, rows[:served], arriving)
        return served

    def _note(self, block: Block, number: int, rows: np.ndarray, arriving: np.ndarray) -> None:
        nothing = np.zeros((block.end - block.begin, self.goods.days), dtype=np.int64)
        self.dealt.setdefault((block.begin, number), nothing)[rows - block.begin] += arriving


def last_lanes(
    goods: Goods, site_gate: np.ndarray, gates: tuple[tuple[tuple[int, int, bool], ...], ...]
) -> dict[tuple[int, int], np.ndarray]:
    """(gate, depot) -> [S] lane from the depot into each site of the gate, -1 elsewhere."""
    table: dict[tuple[int, int], np.ndarray] = {}
    site = goods.lane_to - goods.depots
    for gate, ways in enumerate(gates):
        for depot, _, _ in ways:
            chosen = (site >= 0) & (goods.lane_from == depot) & (site_gate[np.maximum(site, 0)] == gate)
            lanes = np.full(goods.sites, -1)
            lanes[site[chosen]] = np.flatnonzero(chosen)
            table[gate, depot] = lanes
    return table

"""Prices of goods: the supply stage without packs, as one linear model of groups of lines.

Sets       depots n, items i, days d, lanes l, suppliers v, groups g of lines with the same item,
           lanes into their site, tiers and days of need
Data       as in `goods.Goods`; wishes and stock of a group are the sums over its lines
Decisions  out of the depots to groups, stock at night, use of each wish; the depots' side as in `depots`
Objective  penalty of the wishes not met + distance, least

stock_balance      what is used at a group is on hand there
throughput         what goes to groups counts at the doors
lane_capacity      litres on the lanes into a group in a day (theirs together)
lead_time          what leaves on day d is there on day d + lead

The duals of these rows are prices. Nothing rests on their being best: any prices give a bound
(`tariff`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from allocator.goods import Goods
from allocator.models import engine, lots
from allocator.models.builder import Builder
from allocator.models.depots import Depots, kept, values
from allocator.models.tariff import Prices, landed_ceiling, unit_price

SPARE = 1e-3
"""Share of the goods that may be late at the doors before the doors are priced."""


@dataclass(frozen=True)
class Groups:
    """Which group a line belongs to; groups of one `gate` share their lanes."""

    line: np.ndarray
    """[n] group of each line"""
    item: np.ndarray
    """[G]"""
    gate: np.ndarray
    """[G]"""
    site_gate: np.ndarray
    """[S] gate of each site; sites of a gate have lanes from the same depots, with equal leads"""
    gates: tuple[tuple[tuple[int, int, bool], ...], ...]
    """(depot, lead, limited) of the lanes of each gate"""


def groups(goods: Goods, lines: lots.Lines) -> Groups:
    """Group lines by gate, item, and by the first and last day and worth of their segments."""
    site_gate, gates = gates_of(goods)
    wished = lines.length > 0
    some = wished.any(axis=1)
    first = np.where(some, wished.argmax(axis=1), -1)
    last = np.where(some, wished[:, ::-1].argmax(axis=1), -1)
    worth = np.round(lines.worth.max(axis=1), 9) * some
    needs = slice(1, None)  # a need of one unit has no halves: it is all in the segment between them
    key = np.column_stack(
        [site_gate[lines.site], lines.item, worth[:, needs], first[:, needs], last[:, needs]]
    )
    _, representative, line = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return Groups(
        line.ravel(), lines.item[representative], site_gate[lines.site[representative]], site_gate, gates
    )


def gates_of(goods: Goods) -> tuple[np.ndarray, tuple[tuple[tuple[int, int, bool], ...], ...]]:
    """Gate of each site, and (depot, lead, limited) of the lanes of each gate."""
    ways: list[list[tuple[int, int, bool]]] = [[] for _ in range(goods.sites)]
    limited = np.isfinite(goods.lane_litres)
    for lane in np.flatnonzero(goods.lane_to >= goods.depots):
        way = (int(goods.lane_from[lane]), int(goods.lane_lead[lane]), bool(limited[lane]))
        ways[goods.lane_to[lane] - goods.depots].append(way)
    known: dict[tuple[tuple[int, int, bool], ...], int] = {}
    gate = [known.setdefault(tuple(sorted(way)), len(known)) for way in ways]
    return np.array(gate, dtype=np.int64), tuple(known)


class Market:
    """The linear model: the depots' side and that of the groups."""

    def __init__(self, goods: Goods, lines: lots.Lines, doors: bool = True):
        self.goods, self.lines = goods, lines
        self.groups = groups(goods, lines)
        self.build = Builder()
        self.count = len(self.groups.item)
        self.depots = Depots(goods, self.build, doors)
        self.stock_balance()
        self.used: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        """(group, day, column) of each kind of wish"""
        self.wishes()
        self.way_rows: dict[tuple[int, int], np.ndarray] = {}
        self.deals()

    def stock_balance(self) -> None:
        """used + night - night before - in <= what was there."""
        held = np.zeros((self.count, self.goods.days))
        held[:, 0] = np.bincount(self.groups.line, self.lines.start, self.count)
        self.group_rows = self.build.rows(held)
        kept(self.build, self.group_rows)

    def wishes(self) -> None:
        """Use of each segment, at its worth; the unit in both halves of an odd need is a segment."""
        for k in range(self.lines.length.shape[2]):
            units = self.lines.length[:, :, k]
            total = self._sums(units)
            mean = self._sums(units * self.lines.worth[:, :, k]) / np.maximum(total, 1e-12)
            group, day = np.nonzero(total)
            used = self.build.columns(group.shape, -mean[group, day], total[group, day])
            self.build.enter(self.group_rows[group, day], used, 1.0)
            self.used.append((group, day, used))

    def _sums(self, table: np.ndarray) -> np.ndarray:
        """[n, D] -> [G, D]"""
        sums = np.zeros((self.count, table.shape[1]))
        np.add.at(sums, self.groups.line, table)
        return sums

    def deals(self) -> None:
        """From depots to groups, through the lanes of their gate."""
        goods, build, groups = self.goods, self.build, self.groups
        for gate, ways in enumerate(groups.gates):
            members = np.flatnonzero(groups.gate == gate)
            for way, (depot, lead, limited) in enumerate(ways):
                lanes = self.lanes_of(gate, way)
                volume, days = goods.volume[groups.item[members]], max(0, goods.days - lead)
                moved = build.columns((len(members), days), volume[:, None] * goods.lane_cost[lanes].mean())
                build.enter(self.depots.rows[depot][groups.item[members], :days], moved, 1.0)
                build.enter(self.group_rows[members, lead:], moved, -1.0)
                self.depots.throughput(depot, moved, volume)
                if limited:
                    rows = build.rows(np.full(goods.days, goods.lane_litres[lanes].sum()))
                    self.way_rows[gate, way] = rows
                    build.enter(rows[: moved.shape[1]], moved, volume[:, None])

    def lanes_of(self, gate: int, way: int) -> np.ndarray:
        """Lanes that are this way of the gate's sites."""
        goods, (depot, lead, _) = self.goods, self.groups.gates[gate][way]
        site = goods.lane_to - goods.depots
        inside = (site >= 0) & (self.groups.site_gate[np.maximum(site, 0)] == gate)
        return np.flatnonzero(inside & (goods.lane_from == depot) & (goods.lane_lead == lead))


def prices(goods: Goods, kits: np.ndarray) -> Prices:
    """Solve the linear model and read its duals, made >= 0 and, for goods, never rising.

    Doors make the model slow and seldom bind: it is solved without them, and with them only if they
    cannot pass what it uses.
    """
    started = time.perf_counter()
    lines = lots.lines(goods, kits, goods.kit_worth[None, :, None])
    market = Market(goods, lines, doors=False)
    answer = engine.solve(market.build.model())
    if answer.x is not None and not _doors_bear(market, answer.x):
        market = Market(goods, lines)
        answer = engine.solve(market.build.model())
    return _read(market, answer, time.perf_counter() - started)


def _doors_bear(market: Market, x: np.ndarray) -> bool:
    """Whether the doors can pass in time (nearly all of) what the solution `x` uses."""
    goods, kept, lines = market.goods, market.groups, market.lines
    used = np.zeros((market.count, goods.days))
    for group, day, column in market.used:
        np.add.at(used, (group, day), x[column])
    start = np.bincount(kept.line, lines.start, market.count)
    wanted = np.diff(np.maximum(np.cumsum(used, axis=1) - start[:, None], 0.0), axis=1, prepend=0.0)
    pairs, pair = np.unique(np.stack([kept.gate, kept.item]), axis=1, return_inverse=True)
    length = np.zeros((pairs.shape[1], goods.days, 1))
    np.add.at(length[:, :, 0], pair.ravel(), wanted)
    site = np.array([int(np.argmax(kept.site_gate == gate)) for gate in pairs[0]], dtype=np.int64)
    none = np.zeros(len(site), dtype=np.int64)
    merged = lots.Lines(site, pairs[1], none, none + 1, length, np.ones_like(length))
    trial = Market(replace(goods, lane_cost=np.zeros(len(goods.lane_cost))), merged)
    model = trial.build.model()
    upper = model.full("upper").copy()
    upper[trial.depots.ordered] = x[market.depots.ordered]
    best = engine.solve(replace(model, upper=upper)).objective
    return best is not None and -best >= (1 - SPARE) * wanted.sum()


def _read(market: Market, answer: engine.Answer, seconds: float) -> Prices:
    """Prices from the duals; a unit's price at a site is its group's, or what landing one costs."""
    goods, lines = market.goods, market.lines
    value, found = values(answer, market.build.height), market.depots.priced(answer)
    lanes = found.lanes
    for (gate, way), rows in market.way_rows.items():
        lanes[market.lanes_of(gate, way)] = value[rows]
    landed = unit_price(goods, found.goods, found.throughput, lanes)
    landed = np.where(np.isfinite(landed), landed, landed_ceiling(goods)[None, :, None])
    at_group = np.minimum.accumulate(value[market.group_rows], axis=1)
    landed[lines.site, lines.item] = at_group[market.groups.line]
    return replace(found, kit_price=landed, seconds=seconds)

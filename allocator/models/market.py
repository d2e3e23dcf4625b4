"""Prices of goods: the supply stage without packs, as one linear model of groups of lines.

Sets       depots n, items i, days d, lanes l, suppliers v, groups g of lines with the same item,
           lanes into their site, tiers and days of need
Data       as in `goods.Goods`; wishes and stock of a group are the sums over its lines
Decisions  out of the depots to groups and other depots, orders, stock at night, use of each wish
Objective  penalty of the wishes not met + distance, least

stock_balance      what leaves or is used at a place is on hand there
throughput         litres out of a depot in a day
lane_capacity      litres on the lanes into a group in a day (theirs together), or between depots
lead_time          what leaves on day d is there on day d + lead
supplier_capacity  units ordered in a day
budget             yuan for all orders

The duals of these rows are prices. Nothing rests on their being best: any prices give a bound
(`tariff`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from allocator.goods import Goods
from allocator.models import engine, lots
from allocator.models.tariff import Prices, landed_ceiling, most_packs, offers, supplier_value, unit_price

INF = np.inf
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


class _Builder:
    """Columns and rows of a model, block by block."""

    def __init__(self) -> None:
        self.cost: list[np.ndarray] = []
        self.upper: list[np.ndarray] = []
        self.sides: list[np.ndarray] = []
        self.entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.width = self.height = 0

    def columns(
        self, shape: tuple[int, ...], cost: np.ndarray | float = 0.0, upper: np.ndarray | float = INF
    ) -> np.ndarray:
        self.cost.append(np.broadcast_to(cost, shape).ravel().astype(float))
        self.upper.append(np.broadcast_to(upper, shape).ravel().astype(float))
        numbers = self.width + np.arange(int(np.prod(shape))).reshape(shape)
        self.width += numbers.size
        return numbers

    def rows(self, at_most: np.ndarray) -> np.ndarray:
        self.sides.append(at_most.ravel().astype(float))
        numbers = self.height + np.arange(at_most.size).reshape(at_most.shape)
        self.height += at_most.size
        return numbers

    def enter(self, rows: np.ndarray, columns: np.ndarray, values: np.ndarray | float) -> None:
        rows, columns, values = np.broadcast_arrays(rows, columns, values)
        self.entries.append((rows.ravel(), columns.ravel(), values.ravel()))

    def model(self) -> engine.Model:
        rows, columns, values = (np.concatenate([e[k] for e in self.entries]) for k in range(3))
        sides = np.concatenate(self.sides)
        return engine.Model(
            np.concatenate(self.cost), rows, columns, values, np.full(len(sides), -INF), sides,
            upper=np.concatenate(self.upper),
        )  # fmt: skip


class Market:
    """The linear model; one method per rule."""

    def __init__(self, goods: Goods, lines: lots.Lines, doors: bool = True):
        self.goods, self.lines, self.doors = goods, lines, doors
        self.groups = groups(goods, lines)
        self.build = _Builder()
        self.count = len(self.groups.item)
        self.stock_balance()
        self.used: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        """(group, day, column) of each kind of wish"""
        self.wishes()
        self.throughput_rows = self.build.rows(
            np.repeat(goods.throughput[:, None], goods.days * doors, axis=1)
        )
        self.lane_rows: dict[int, np.ndarray] = {}
        self.way_rows: dict[tuple[int, int], np.ndarray] = {}
        self.transfers()
        self.deals()
        self.supplier_capacity()
        self.budget()

    def stock_balance(self) -> None:
        """out + night - night before - in <= arrivals, at depots and at groups."""
        goods, build = self.goods, self.build
        supply = goods.arrivals.astype(float)
        supply[:, :, 0] += goods.stock[: goods.depots]
        held = np.zeros((self.count, goods.days))
        held[:, 0] = np.bincount(self.groups.line, self.lines.start, self.count)
        self.depot_rows, self.group_rows = build.rows(supply), build.rows(held)
        for rows in (self.depot_rows, self.group_rows):
            night = build.columns((*rows.shape[:-1], goods.days - 1))
            build.enter(rows[..., :-1], night, 1.0)
            build.enter(rows[..., 1:], night, -1.0)

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

    def transfers(self) -> None:
        """Between depots."""
        goods, build = self.goods, self.build
        items = len(goods.items)
        for lane in np.flatnonzero(goods.lane_to < goods.depots):
            origin, target, lead = goods.lane_from[lane], goods.lane_to[lane], int(goods.lane_lead[lane])
            days = max(0, goods.days - lead)
            moved = build.columns((items, days), goods.lane_cost[lane] * goods.volume[:, None])
            build.enter(self.depot_rows[origin][:, :days], moved, 1.0)
            self.lead_time(self.depot_rows[target], moved, lead)
            self.throughput(int(origin), moved, goods.volume)
            if np.isfinite(goods.lane_litres[lane]):
                rows = build.rows(np.full(goods.days, goods.lane_litres[lane]))
                self.lane_rows[int(lane)] = rows
                self.lane_capacity(rows, moved, goods.volume)

    def deals(self) -> None:
        """From depots to groups, through the lanes of their gate."""
        goods, build, kept = self.goods, self.build, self.groups
        for gate, ways in enumerate(kept.gates):
            members = np.flatnonzero(kept.gate == gate)
            for way, (depot, lead, limited) in enumerate(ways):
                lanes = self.lanes_of(gate, way)
                volume, days = goods.volume[kept.item[members]], max(0, goods.days - lead)
                moved = build.columns((len(members), days), volume[:, None] * goods.lane_cost[lanes].mean())
                build.enter(self.depot_rows[depot][kept.item[members], :days], moved, 1.0)
                self.lead_time(self.group_rows[members], moved, lead)
                self.throughput(depot, moved, volume)
                if limited:
                    rows = build.rows(np.full(goods.days, goods.lane_litres[lanes].sum()))
                    self.way_rows[gate, way] = rows
                    self.lane_capacity(rows, moved, volume)

    def lanes_of(self, gate: int, way: int) -> np.ndarray:
        """Lanes that are this way of the gate's sites."""
        goods, (depot, lead, _) = self.goods, self.groups.gates[gate][way]
        site = goods.lane_to - goods.depots
        inside = (site >= 0) & (self.groups.site_gate[np.maximum(site, 0)] == gate)
        return np.flatnonzero(inside & (goods.lane_from == depot) & (goods.lane_lead == lead))

    def lead_time(self, rows: np.ndarray, moved: np.ndarray, lead: int) -> None:
        """What leaves on day d comes in on day d + lead."""
        self.build.enter(rows[:, lead:], moved, -1.0)

    def throughput(self, depot: int, moved: np.ndarray, volume: np.ndarray) -> None:
        if self.doors:
            self.build.enter(self.throughput_rows[depot, : moved.shape[1]], moved, volume[:, None])

    def lane_capacity(self, rows: np.ndarray, moved: np.ndarray, volume: np.ndarray) -> None:
        self.build.enter(rows[: moved.shape[1]], moved, volume[:, None])

    def supplier_capacity(self) -> None:
        """Whole packs up to a day's offer, as bounds; what comes after the last day is not ordered."""
        goods = self.goods
        self.offer, self.offer_day = offers(goods)
        item = goods.supplier_item[self.offer]
        self.ordered = self.build.columns(
            self.offer.shape, upper=most_packs(goods)[self.offer] * goods.pack[item]
        )
        arrive = self.offer_day + goods.supplier_lead[self.offer]
        rows = self.depot_rows[goods.supplier_depot[self.offer], item, arrive]
        self.build.enter(rows, self.ordered, -1.0)

    def budget(self) -> None:
        """Yuan for all orders."""
        self.budget_row = self.build.rows(np.array([self.goods.budget]))
        self.build.enter(self.budget_row, self.ordered, self.goods.supplier_cost[self.offer])


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
    upper[trial.ordered] = x[market.ordered]
    best = engine.solve(replace(model, upper=upper)).objective
    return best is not None and -best >= (1 - SPARE) * wanted.sum()


def _read(market: Market, answer: engine.Answer, seconds: float) -> Prices:
    """Prices from the duals; a unit's price at a site is its group's, or what landing one costs."""
    goods, lines = market.goods, market.lines
    duals = answer.duals if answer.duals is not None else np.zeros(market.build.height)
    value = np.maximum(-duals, 0.0)
    lanes = np.zeros((len(goods.lane_from), goods.days))
    for lane, rows in market.lane_rows.items():
        lanes[lane] = value[rows]
    for (gate, way), rows in market.way_rows.items():
        lanes[market.lanes_of(gate, way)] = value[rows]
    at_depot = np.minimum.accumulate(value[market.depot_rows], axis=2)
    budget = float(value[market.budget_row][0])
    ordered = np.zeros((len(goods.suppliers), goods.days))
    if answer.x is not None:
        ordered[market.offer, market.offer_day] = answer.x[market.ordered]
    through = np.zeros((goods.depots, goods.days))
    through[:, : market.throughput_rows.shape[1]] = value[market.throughput_rows]
    landed = unit_price(goods, at_depot, through, lanes)
    landed = np.where(np.isfinite(landed), landed, landed_ceiling(goods)[None, :, None])
    at_group = np.minimum.accumulate(value[market.group_rows], axis=1)
    landed[lines.site, lines.item] = at_group[market.groups.line]
    worth = supplier_value(goods, at_depot, budget)
    return Prices(landed, at_depot, through, lanes, budget, worth, ordered, seconds)

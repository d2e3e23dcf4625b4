"""Random supply instances as arrays, an independent plain MIP of the supply stage, and a checker."""

from __future__ import annotations

import math

import numpy as np

from allocator.goods import Goods
from allocator.models import engine
from allocator.models.supply import SupplyAnswer


def tiny(seed: int) -> tuple[Goods, np.ndarray]:
    """A few sites, one to three depots, sometimes lanes, leads, suppliers, a tight throughput; and kits."""
    rng = np.random.default_rng(seed)
    depots, sites, items, days = (
        int(rng.integers(low, high)) for low, high in ((1, 4), (1, 4), (1, 3), (1, 6))
    )
    lanes = [(n, m) for n in range(depots) for m in range(n + 1, depots) if rng.random() < 0.7]
    for s in range(sites):
        lanes += [(n, depots + s) for n in range(depots) if rng.random() < 0.6]
    return _instance(rng, depots, sites, items, days, lanes, limited=rng.random() < 0.4)


def large(seed: int, sites: int = 1950, items: int = 11, days: int = 28) -> tuple[Goods, np.ndarray]:
    """A city: one city depot, seven district depots."""
    rng = np.random.default_rng(seed)
    lanes = [(0, n) for n in range(1, 8)] + [(1 + s % 7, 8 + s) for s in range(sites)]
    return _instance(rng, 8, sites, items, days, lanes, limited=False, lines=0.5)


def _instance(
    rng: np.random.Generator,
    depots: int,
    sites: int,
    items: int,
    days: int,
    lanes: list[tuple[int, int]],
    limited: bool,
    lines: float = 0.8,
) -> tuple[Goods, np.ndarray]:
    big = sites > 10
    pack = rng.integers(1, 21 if big else 5, items)
    volume = (
        rng.choice([0.0, 0.02, 0.5, 1.0], items, p=[0.1, 0.3, 0.3, 0.3]) if not big else rng.random(items)
    )
    rows = [
        (s, i, t)
        for s in range(sites)
        for i in range(items)
        for t in rng.permutation(4)[: rng.integers(1, 3)]
    ]
    kept = rng.random((sites, items)) < lines
    rows = sorted((s, i, int(t)) for s, i, t in rows if kept[s, i])
    need_site, need_item, need_tier = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    daily = (
        rng.integers(0, 6 if not big else 1 + 2 * pack[need_item])
        if len(rows)
        else np.zeros(0, dtype=np.int64)
    )
    if not big:
        daily = rng.integers(0, 6, len(rows))
    shape = rng.random((len(rows), days)) < (0.8 if not big else 1.1)
    need = daily[:, None] * shape
    weight = np.array([8.0, 4.0, 2.0, 1.0])[need_tier] * rng.choice([0.2, 1.0, 1.5], items)[need_item]
    wished = np.zeros((items, days))
    np.add.at(wished, need_item, need)
    stock = np.zeros((depots + sites, items), dtype=np.int64)
    at_site = np.zeros((sites, items))
    np.add.at(at_site, (need_site, need_item), need.mean(axis=1))
    stock[depots:] = np.floor(at_site * rng.random((sites, items)) * 2)
    stock[:depots] = rng.random((depots, items)) * wished.mean(axis=1) * 1.5 / depots
    arrivals = np.zeros((depots, items, days), dtype=np.int64)
    arrivals[0] = wished.mean(axis=1)[:, None] * rng.random((items, days))
    suppliers = int(rng.integers(0, 3)) if not big else items
    litres = float((wished * volume[:, None]).sum() / max(1, days))
    kits = (rng.integers(0, 3, (sites, items, days)) * (rng.random((sites, items, 1)) < 0.4)).astype(np.int64)
    first = rng.integers(0, days, suppliers)
    lane_from, lane_to = np.array(lanes, dtype=np.int64).reshape(-1, 2).T
    goods = Goods(
        places=tuple(f"P{k}" for k in range(depots + sites)),
        items=tuple(f"I{k}" for k in range(items)),
        suppliers=tuple(f"V{k}" for k in range(suppliers)),
        days=days,
        depots=depots,
        pack=pack,
        volume=volume,
        throughput=np.full(depots, litres * (rng.choice([0.3, 0.8, 3.0]) if not big else 1.0)),
        stock=stock,
        arrivals=arrivals,
        lane_from=lane_from,
        lane_to=lane_to,
        lane_litres=np.where(rng.random(len(lanes)) < 0.6, litres * rng.random(len(lanes)), math.inf)
        if limited
        else np.full(len(lanes), math.inf),
        lane_lead=rng.integers(0, 2, len(lanes))
        if not big and rng.random() < 0.4
        else np.zeros(len(lanes), np.int64),
        lane_cost=rng.random(len(lanes)) * (0.1 if not big else 2e-4),
        supplier_item=rng.integers(0, items, suppliers) if not big else np.arange(items),
        supplier_depot=rng.integers(0, depots, suppliers) if not big else np.zeros(items, np.int64),
        supplier_first=first if not big else np.zeros(items, np.int64),
        supplier_last=np.minimum(days - 1, first + 2) if not big else np.full(items, days - 1),
        supplier_most=rng.integers(1, 12, suppliers)
        if not big
        else (wished.mean(axis=1) * 0.3).astype(np.int64),
        supplier_lead=rng.integers(0, 3, suppliers),
        supplier_cost=rng.random(suppliers) * 3,
        budget=float(rng.choice([0.0, 10.0, 100.0])) if not big else float(wished.sum() * 0.2),
        need_site=need_site,
        need_item=need_item,
        need_tier=need_tier,
        need=need,
        need_weight=weight,
        first_half=float(rng.choice([1.0, 2.0, 3.0])),
        kit_rate=np.ones((1, items), dtype=np.int64),
        kit_worth=np.full(items, 10.0),
    )
    return goods, kits


class Plain:
    """The whole supply stage as one MIP, row by row, for tiny instances.

    Kits up to `kit_cap` are optional and earn `kit_price`; with `must`, they are not optional.
    """

    def __init__(
        self, goods: Goods, kit_cap: np.ndarray, kit_price: np.ndarray | float = 0.0, must: bool = False
    ):
        self.goods = goods
        self.columns: list[tuple[float, float, float, bool]] = []
        self.rows: list[tuple[dict[int, float], float, float]] = []
        self.constant = 0.0
        self.kit_cap, self.must = kit_cap, must
        self.kit_price = np.broadcast_to(kit_price, kit_cap.shape)
        self._build()

    def column(self, cost: float, low: float, high: float) -> int:
        self.columns.append((cost, low, high, True))
        return len(self.columns) - 1

    def row(self, terms: dict[int, float], low: float, high: float) -> None:
        self.rows.append((terms, low, high))

    def _build(self) -> None:
        g = self.goods
        places, items, days = len(g.places), len(g.items), g.days
        into: dict[tuple[int, int, int], dict[int, float]] = {}
        through: dict[tuple[int, int], dict[int, float]] = {}
        for lane in range(len(g.lane_from)):
            for day in range(days):
                load: dict[int, float] = {}
                for item in range(items):
                    cost = g.lane_cost[lane] * g.volume[item] * g.pack[item]
                    packs = self.column(cost, 0, 200)
                    load[packs] = g.volume[item] * g.pack[item]
                    out = into.setdefault((g.lane_from[lane], item, day), {})
                    out[packs] = -g.pack[item]
                    if day + g.lane_lead[lane] < days:
                        place = (g.lane_to[lane], item, day + g.lane_lead[lane])
                        into.setdefault(place, {})[packs] = g.pack[item]
                    through.setdefault((g.lane_from[lane], day), {})[packs] = g.volume[item] * g.pack[item]
                if math.isfinite(g.lane_litres[lane]):
                    self.row(load, -math.inf, g.lane_litres[lane])
        for (depot, _), load in through.items():
            self.row(load, -math.inf, g.throughput[depot])
        spent = {}
        for v in range(len(g.suppliers)):
            for day in range(g.supplier_first[v], g.supplier_last[v] + 1):
                pack = g.pack[g.supplier_item[v]]
                packs = self.column(0.0, 0, g.supplier_most[v] // pack)
                spent[packs] = pack * g.supplier_cost[v]
                if day + g.supplier_lead[v] < days:
                    place = (g.supplier_depot[v], g.supplier_item[v], day + g.supplier_lead[v])
                    into.setdefault(place, {})[packs] = pack
        self.row(spent, -math.inf, g.budget)
        for r in range(len(g.need)):
            for day in range(days):
                self._need(r, day, into)
        for s, i, d in np.argwhere(self.kit_cap > 0):
            high = int(self.kit_cap[s, i, d])
            kit = self.column(-float(self.kit_price[s, i, d]), high if self.must else 0, high)
            into.setdefault((g.depots + s, i, d), {})[kit] = -1
        for p in range(places):
            for i in range(items):
                before = None
                for d in range(days):
                    night = self.column(0.0, 0, 10**6)
                    terms = dict(into.get((p, i, d), {}))
                    terms[night] = -1
                    if before is not None:
                        terms[before] = 1
                    given = (g.arrivals[p, i, d] if p < g.depots else 0) + (g.stock[p, i] if d == 0 else 0)
                    self.row(terms, -given, -given)
                    before = night

    def _need(self, r: int, day: int, into: dict[tuple[int, int, int], dict[int, float]]) -> None:
        """short >= q - u and first >= q / 2 - u, at the weights that add up to the two halves."""
        g, units = self.goods, int(self.goods.need[r, day])
        if not units:
            return
        used = self.column(0.0, 0, units)
        short = len(self.columns)
        self.columns.append((g.need_weight[r], 0, math.inf, False))
        first = len(self.columns)
        self.columns.append((g.need_weight[r] * (g.first_half - 1), 0, math.inf, False))
        self.row({used: 1, short: 1}, units, math.inf)
        self.row({used: 1, first: 1}, units / 2, math.inf)
        into.setdefault((g.depots + g.need_site[r], g.need_item[r], day), {})[used] = -1

    def solve(self, seconds: float = 20.0) -> engine.Answer:
        cost, low, high, integer = (np.array(c) for c in zip(*self.columns, strict=True))
        entries = [(k, c, v) for k, (terms, _, _) in enumerate(self.rows) for c, v in terms.items()]
        rows, columns, values = (np.array(e) for e in zip(*entries, strict=True))
        sides = np.array([(a, b) for _, a, b in self.rows], dtype=float)
        model = engine.Model(
            cost.astype(float), rows.astype(int), columns.astype(int), values, sides[:, 0], sides[:, 1],
            low.astype(float), high.astype(float), integer.astype(bool),
        )  # fmt: skip
        return engine.solve(model, seconds=seconds)


def broken_rules(goods: Goods, kits: np.ndarray, answer: SupplyAnswer) -> set[str]:
    """Names of the rules a plan breaks, by a plain recount; kits that are short are not used up."""
    g, broken = goods, set()
    places, items, days = len(g.places), len(g.items), g.days
    change = np.zeros((places, items, days), dtype=np.int64)
    change[:, :, 0] += g.stock
    change[: g.depots] += g.arrivals
    leaving = np.zeros((g.depots, days))
    carried = np.zeros((len(g.lane_from), days))
    lane_of = {(int(a), int(b)): k for k, (a, b) in enumerate(zip(g.lane_from, g.lane_to, strict=True))}
    rows = answer.shipments
    for row in zip(
        rows.day, rows.arrives, rows.origin, rows.destination, rows.item, rows.quantity, strict=True
    ):
        day, arrives, origin, target, item, quantity = (int(v) for v in row)
        lane = lane_of.get((origin, target))
        if lane is None:
            broken.add("lane_capacity")
            continue
        if arrives != day + g.lane_lead[lane]:
            broken.add("lead_time")
        if quantity <= 0 or quantity % g.pack[item]:
            broken.add("whole_packs")
        leaving[origin, day] += quantity * g.volume[item]
        carried[lane, day] += quantity * g.volume[item]
        change[origin, item, day] -= quantity
        if arrives < days:
            change[target, item, arrives] += quantity
    if (leaving > g.throughput[:, None] + 1e-6).any():
        broken.add("throughput")
    if (carried > g.lane_litres[:, None] + 1e-6).any():
        broken.add("lane_capacity")
    spent = 0.0
    for supplier, day, quantity in zip(
        answer.orders.supplier, answer.orders.day, answer.orders.quantity, strict=True
    ):
        within = g.supplier_first[supplier] <= day <= g.supplier_last[supplier]
        if not within or quantity > g.supplier_most[supplier]:
            broken.add("supplier_capacity")
        if quantity <= 0 or quantity % g.pack[g.supplier_item[supplier]]:
            broken.add("whole_packs")
        spent += quantity * g.supplier_cost[supplier]
        arrives = day + g.supplier_lead[supplier]
        if arrives < days:
            change[g.supplier_depot[supplier], g.supplier_item[supplier], arrives] += quantity
    if spent > g.budget + 1e-6:
        broken.add("budget")
    change[g.depots :] -= kits - answer.kit_short
    if (answer.kit_short < 0).any() or (answer.kit_short > kits).any():
        broken.add("kit_available")
    for r in range(len(g.need)):
        change[g.depots + g.need_site[r], g.need_item[r]] -= answer.used[r]
    if (answer.used < 0).any() or (answer.used > g.need).any():
        broken.add("used")
    if (np.cumsum(change, axis=2) < 0).any():
        broken.add("stock_balance")
    return broken


def cost(goods: Goods, answer: SupplyAnswer) -> float:
    """Penalty of the needs + distance, recounted from the plan."""
    half = goods.need / 2
    first = np.maximum(0, half - answer.used)
    rest = np.minimum(half, goods.need - answer.used)
    total = float(np.sum(goods.need_weight[:, None] * (first * goods.first_half + rest)))
    lane_of = {
        (int(a), int(b)): k for k, (a, b) in enumerate(zip(goods.lane_from, goods.lane_to, strict=True))
    }
    rows = answer.shipments
    for origin, target, item, quantity in zip(
        rows.origin, rows.destination, rows.item, rows.quantity, strict=True
    ):
        total += goods.lane_cost[lane_of[int(origin), int(target)]] * goods.volume[item] * quantity
    return total

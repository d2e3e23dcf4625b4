"""The depots' side of a linear model of goods: stock, doors, transfers, orders. Lines are whoever asks (`market`,
`policies`).

Sets       depots n, items i, days d, lanes l between depots, suppliers v
Data       as in `goods.Goods`
Decisions  transfers, orders, stock at night

stock_balance      what leaves a depot is on hand there
throughput         litres out of a depot in a day (`doors`)
lane_capacity      litres on a lane in a day
lead_time          what leaves on day d is there on day d + lead
supplier_capacity  units ordered in a day
budget             yuan for all orders
"""

from __future__ import annotations

import numpy as np

from allocator.goods import Goods
from allocator.models import engine
from allocator.models.builder import Builder
from allocator.models.tariff import Prices, most_packs, offers, supplier_value


class Depots:
    """Rows and columns of the depots in a model that others go on with."""

    def __init__(self, goods: Goods, build: Builder, doors: bool):
        self.goods, self.build, self.doors = goods, build, doors
        self.rows = self.stock_balance()
        """[N, I, D]"""
        self.throughput_rows = build.rows(np.repeat(goods.throughput[:, None], goods.days * doors, axis=1))
        """[N, D], none without doors"""
        self.lane_rows: dict[int, np.ndarray] = {}
        self.transfers()
        self.supplier_capacity()
        self.budget_row = self.budget()

    def stock_balance(self) -> np.ndarray:
        """out + night - night before - in <= arrivals."""
        goods, build = self.goods, self.build
        supply = goods.arrivals.astype(float)
        supply[:, :, 0] += goods.stock[: goods.depots]
        rows = build.rows(supply)
        kept(build, rows)
        return rows

    def transfers(self) -> None:
        """Between depots."""
        goods, build = self.goods, self.build
        items = len(goods.items)
        for lane in np.flatnonzero(goods.lane_to < goods.depots):
            origin, target, lead = goods.lane_from[lane], goods.lane_to[lane], int(goods.lane_lead[lane])
            days = max(0, goods.days - lead)
            moved = build.columns((items, days), goods.lane_cost[lane] * goods.volume[:, None])
            build.enter(self.rows[origin][:, :days], moved, 1.0)
            build.enter(self.rows[target][:, lead:], moved, -1.0)
            self.throughput(int(origin), moved, goods.volume)
            if np.isfinite(goods.lane_litres[lane]):
                self.lane_capacity(int(lane), moved)

    def throughput(self, depot: int, moved: np.ndarray, volume: np.ndarray) -> None:
        if self.doors:
            self.build.enter(self.throughput_rows[depot, : moved.shape[1]], moved, volume[:, None])

    def lane_capacity(self, lane: int, moved: np.ndarray) -> None:
        rows = self.build.rows(np.full(self.goods.days, self.goods.lane_litres[lane]))
        self.lane_rows[lane] = rows
        self.build.enter(rows[: moved.shape[1]], moved, self.goods.volume[:, None])

    def supplier_capacity(self) -> None:
        """Whole packs up to a day's offer, as bounds; what comes after the last day is not ordered."""
        goods = self.goods
        self.offer, self.offer_day = offers(goods)
        item = goods.supplier_item[self.offer]
        self.ordered = self.build.columns(
            self.offer.shape, upper=most_packs(goods)[self.offer] * goods.pack[item]
        )
        arrive = self.offer_day + goods.supplier_lead[self.offer]
        self.build.enter(self.rows[goods.supplier_depot[self.offer], item, arrive], self.ordered, -1.0)

    def budget(self) -> int:
        """Yuan for all orders."""
        row = self.build.rows(np.array([self.goods.budget]))
        self.build.enter(row, self.ordered, self.goods.supplier_cost[self.offer])
        return int(row[0])

    def priced(self, answer: engine.Answer) -> Prices:
        """The depots' prices in a solution of the model, >= 0 and, for goods, never rising; none of kits."""
        goods = self.goods
        value = values(answer, self.build.height)
        at_depot = np.minimum.accumulate(value[self.rows], axis=2)
        through = np.zeros((goods.depots, goods.days))
        through[:, : self.throughput_rows.shape[1]] = value[self.throughput_rows]
        lanes = np.zeros((len(goods.lane_from), goods.days))
        for lane, rows in self.lane_rows.items():
            lanes[lane] = value[rows]
        budget = float(value[self.budget_row])
        ordered = np.zeros((len(goods.suppliers), goods.days))
        if answer.x is not None:
            ordered[self.offer, self.offer_day] = answer.x[self.ordered]
        worth = supplier_value(goods, at_depot, budget)
        return Prices(np.zeros(goods.shape), at_depot, through, lanes, budget, worth, ordered)


def kept(build: Builder, rows: np.ndarray) -> None:
    """Stock at night, from each day's row [..., D] to the next."""
    night = build.columns((*rows.shape[:-1], rows.shape[-1] - 1))
    build.enter(rows[..., :-1], night, 1.0)
    build.enter(rows[..., 1:], night, -1.0)


def values(answer: engine.Answer, height: int) -> np.ndarray:
    """What one unit more of each row's side saves; zeros where the solver has nothing to say."""
    return np.zeros(height) if answer.duals is None else np.maximum(-answer.duals, 0.0)

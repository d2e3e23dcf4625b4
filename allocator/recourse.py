"""What follows the demand: rosters and shipments, once postings, openings and orders stand.

`turn` finds them for one demand, from what people do in a plan. `Recourse` holds what of a plan stands and
works out what the plan comes to under demand it was not made for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from allocator import blend, exact, finish, layout, sites, warm
from allocator.cases import likeliest, scenario_in, tables_in
from allocator.errors import NoPlanError
from allocator.goods import Goods, goods
from allocator.instance import Instance, asking, instance
from allocator.limits import Watch
from allocator.models import kits, supply
from allocator.models.board import Board
from allocator.models.field import Field
from allocator.models.worth import worth
from allocator.scenario import Scenario

PASSES = 4
"""Times every member of a team finds the best shifts next to the others."""


@dataclass(frozen=True)
class Turn:
    """One demand: who works, what is sent."""

    board: Board
    sent: supply.SupplyAnswer


def rerostered(
    board: Board, own: Instance, opens: np.ndarray, prices: supply.Prices | None, rate: np.ndarray, at: np.ndarray
) -> Board:
    """The postings of a board in another instance, where the teams at the sites `at` [J] find new shifts.

    Every member takes the best shifts next to the others, one after the other. `opens` [J] is the first day of
    candidates that open, else -1.
    """
    inst = blend.blended([own], np.ones(1), opens)
    toll = np.zeros(inst.required.shape) if prices is None else kits.tolls(inst, rate, prices.kit_price)
    mine = blend.moved(board, inst, Field(inst), worth(inst, None, toll))
    team = np.flatnonzero((mine.site >= 0) & at[np.maximum(mine.site, 0)])
    for _ in range(PASSES):
        before = mine.value()
        mine.reroster(team)
        if mine.value() <= before + 1e-9:
            break
    return mine


def ordered(stock: Goods, orders: supply.Orders) -> Goods:
    """Goods with the orders as deliveries, and nothing more to order."""
    arrivals = stock.arrivals.copy()
    arrives = orders.day + stock.supplier_lead[orders.supplier]
    in_time = arrives < stock.days
    v = orders.supplier[in_time]
    np.add.at(
        arrivals,
        (stock.supplier_depot[v], stock.supplier_item[v], arrives[in_time]),
        orders.quantity[in_time],
    )
    names = ("item", "depot", "first", "last", "most", "lead", "cost")
    none = {f"supplier_{name}": getattr(stock, f"supplier_{name}")[:0] for name in names}
    return replace(stock, arrivals=arrivals, suppliers=(), **none)


def sent(board: Board, stock: Goods, known: supply.Prices | None, watch: Watch, effort: str) -> Turn:
    """Goods for a board; shifts whose kit cannot come are withdrawn."""
    for attempt in range(12):
        answer = supply.solve(
            stock, kits.used(board.inst, stock.kit_rate, board.staffed), watch, effort, known
        )
        if not answer.kit_short.any():
            return Turn(board, answer)
        kits.withdraw(board, stock.kit_rate, answer.kit_short, thorough=attempt > 6)
    raise NoPlanError("shifts whose kits are missing could not be withdrawn")


def without_suppliers(prices: supply.Prices) -> supply.Prices:
    return replace(prices, supplier_capacity=prices.supplier_capacity[:0], orders=prices.orders[:0])


class Recourse:
    """What of a plan stands whatever the demand is: postings, openings, resumptions and orders."""

    def __init__(self, scenario: Scenario, tables: Mapping[str, pd.DataFrame]):
        """`tables` is a plan for `scenario`, which may have several cases."""
        self.opens = {
            str(site): int(day)
            for name in ("openings", "reopenings")
            for site, day in tables[name][["site", "first_day"]].itertuples(index=False)
        }
        case = likeliest(scenario)
        view = scenario_in(scenario, case)
        self.inst = instance(view, self.opens)
        new = dict(tables["openings"][["site", "first_day"]].itertuples(index=False, name=None))
        self.day = np.array([new.get(str(site), -1) for site in self.inst.sites], np.int64)
        stock = goods(view, self.opens)
        self.board = Board(self.inst, Field(self.inst), worth(self.inst))
        warm.place(self.board, tables_in(tables, case), idle=True)
        prices = supply.prices(stock, kits.used(self.inst, stock.kit_rate, self.board.staffed))
        self.prices = without_suppliers(prices)
        self.ordered = tables["orders"]
        self.stock = blend.readied(ordered(stock, _orders(stock, self.ordered)), self.day)
        demand = scenario.table("demand")
        self.differs = np.isin(
            self.inst.sites.astype(str), demand.loc[demand["case"] != "", "site"].astype(str)
        )

    def follow(self, view: Scenario) -> finish.Value:
        """The plan once the demand is that of `view`, a scenario of one case, and all that can follows it."""
        own, rate = asking(self.inst, view, self.opens), self.stock.kit_rate
        board = rerostered(self.board, own, self.day, self.prices, rate, self.differs)
        turn = sent(board, self.stock, self.prices, Watch(), "quick")
        made = layout.tables(board.inst, self.stock, turn.board, turn.sent, None)
        made["orders"] = self.ordered
        choices = sites.choices(view)
        codes = self.inst.sites[choices.site]
        first = np.array([self.opens.get(str(code), self.inst.days) for code in codes], np.int64)
        return finish.measured(view, made | exact.opened(view, choices, first, sites.placed(choices, first)))


def _orders(stock: Goods, rows: pd.DataFrame) -> supply.Orders:
    offers = pd.MultiIndex.from_arrays([stock.suppliers, np.array(stock.items, object)[stock.supplier_item]])
    at = (
        offers.get_indexer(pd.MultiIndex.from_frame(rows[["supplier", "item"]])) if len(rows) else np.zeros(0)
    )
    return supply.Orders(
        at.astype(np.int64), rows["day"].to_numpy(dtype=np.int64), rows["quantity"].to_numpy(dtype=np.int64)
    )

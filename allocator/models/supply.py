"""Supply: what is ordered and shipped, day by day, and who uses it.

Sets       depots n, sites s, items i, days d, lanes l, suppliers v, need lines r = (site, item, tier)
Data       stock and deliveries, packs, volumes, throughput, lanes, offers and budget, needs with their
           weights (`goods.Goods`); kits[s, i, d], units that the shifts worked use up
Decisions  orders[v, d], shipments[l, i, d], used[r, d]
Objective  weighted units short (first half of a day's need x first_half) + W.distance x litres x km

stock_balance      goods are used or leave only where and while they are on hand      (room, lots)
throughput         litres out of a depot in a day                                      (room, timing)
lane_capacity      litres on a lane in a day                                           (room, timing)
lead_time          a shipment arrives its lane's lead after it left                    (room, timing)
supplier_capacity  units ordered from a supplier in a day, within its days             (orders)
budget             yuan for all orders                                                 (orders)
whole_packs        shipments and orders come in packs                                  (dealer, orders)
kit_available      kits come before every need; what cannot be there is `kit_short`    (dealer, lots)

Steps: prices of goods from a linear model (`market`); every line's best plan at these prices, by an exact dynamic
program (`lots`); with time, a plan for all lines at once from several of each (`policies`). Plans are booked as far
as there is room and completed pack by pack (`dealer`), then put on days (`timing`). The bound is Lagrangian: for any
prices >= 0, lines at their cheapest plus the least the depots' side can cost; no solver's claim enters it.
"""

from __future__ import annotations

import time
from copy import copy
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np

from allocator.certificate import Certificate, Status
from allocator.goods import Goods
from allocator.limits import Watch
from allocator.models import lots, tariff
from allocator.models.dealer import Dealer
from allocator.models.market import prices
from allocator.models.orders import placed, supplies
from allocator.models.policies import mixed
from allocator.models.room import Cumulated, Daily
from allocator.models.tariff import Prices
from allocator.models.timing import timed

ATTEMPTS = 3
"""How often packs are put on days anew because kits came late."""
NEAR = 0.002
"""Relative distance from the bound at which a plan needs no other to compare with."""

__all__ = ["Prices", "SupplyAnswer", "bound", "prices", "solve"]


@dataclass(frozen=True)
class Shipments:
    """One row per day, lane and item with goods on the road."""

    day: np.ndarray
    arrives: np.ndarray
    origin: np.ndarray
    destination: np.ndarray
    item: np.ndarray
    quantity: np.ndarray


@dataclass(frozen=True)
class Orders:
    """One row per supplier and day with an order."""

    supplier: np.ndarray
    day: np.ndarray
    quantity: np.ndarray


@dataclass(frozen=True)
class SupplyAnswer:
    """A plan that keeps every rule; where `kit_short` is not zero, that many kits cannot be used."""

    shipments: Shipments
    orders: Orders
    used: np.ndarray
    """[R, D] units used of each need line"""
    kit_short: np.ndarray
    """[S, I, D] kit units that are not on site in time"""
    objective: float
    """penalty of the needs + distance"""
    certificate: Certificate
    """stage bound: for these kits"""


@dataclass(frozen=True)
class Draft:
    """Shipments [L, I, D], wishes they leave open [n, D, K], penalty + distance, kit units short."""

    moved: np.ndarray
    open: np.ndarray
    cost: float
    short: int


RANK = attrgetter("short", "cost")
"""The less the better: drafts."""


def solve(
    goods: Goods, kits: np.ndarray, watch: Watch, effort: str = "full", known: Prices | None = None
) -> SupplyAnswer:
    """Plan the goods for the kits [S, I, D] of a roster.

    `effort` is "quick" or "full"; `known` are prices, where the caller has them.
    """
    started = time.perf_counter()
    desk = Desk(goods, kits, known or prices(goods, kits))
    found = None if effort == "quick" else mixed(goods, desk.lines, desk.prices, watch)
    if found is None:
        best = desk.quick()
    else:
        desk = desk.at(found.prices)
        best = desk.full(found.packs)
    if best.short:
        best = min(best, desk.strict(), key=RANK)
    proof = None if best.short else desk.bound()
    seconds = time.perf_counter() - started
    status = Status.UNKNOWN if proof is None else Status.FEASIBLE
    certificate = Certificate(
        "supply", status, None if best.short else best.cost, proof, seconds, "lagrangian"
    )
    watch.tell("supply", best.cost, proof)
    return desk.answer(best, certificate)


def bound(goods: Goods, prices: Prices, kit_cap: np.ndarray) -> tuple[float, ...]:
    """Lower bound of supply penalty + distance - sum of kit_price x kits used, kits <= `kit_cap`.

    Valid for any numbers in `prices`: they are made >= 0 first.
    """
    prices = _sound(goods, prices)
    lines = lots.lines(goods, kit_cap, prices.kit_price)
    paid = float(lots.cheapest(lines, _pack_price(goods, prices, lines)).sum())
    return (paid + tariff.network_bound(goods, prices) - float(np.sum(kit_cap * prices.kit_price)),)


def charge(goods: Goods, prices: Prices, kit_cap: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """[n, D] what each day on which a site is open adds to the `bound`, or more, of `sites` [n].

    Where the site opens later, the bound is less by no more than the sum of the days before.
    """
    prices = _sound(goods, prices)
    lines = lots.lines(goods, kit_cap, prices.kit_price)
    lines = lines.part(np.flatnonzero(np.isin(lines.site, sites)))
    return lots.by_site(lines, lots.withheld(lines, _pack_price(goods, prices, lines)), goods.sites)[sites]


def kit_force(goods: Goods) -> np.ndarray:
    """[I] a price of missing kits that no pack of other goods outweighs."""
    return 10.0 * (1.0 + tariff.landed_ceiling(goods)) * (goods.pack + 10)


def _sound(goods: Goods, prices: Prices) -> Prices:
    """Prices >= 0, and no price on lanes without a limit."""
    limited = np.isfinite(goods.lane_litres)[:, None]
    return replace(
        prices,
        kit_price=np.maximum(prices.kit_price, 0.0),
        goods=np.maximum(prices.goods, 0.0),
        throughput=np.maximum(prices.throughput, 0.0),
        lanes=np.where(limited, np.maximum(prices.lanes, 0.0), 0.0),
        budget=max(prices.budget, 0.0),
    )


def _pack_price(goods: Goods, prices: Prices, lines: lots.Lines) -> np.ndarray:
    """[n, D] price of a pack at the line's site."""
    landed = tariff.unit_price(goods, prices.goods, prices.throughput, prices.lanes)
    return landed[lines.site, lines.item] * lines.pack[:, None]


class Desk:
    """One planning of the goods for given kits: lines, prices and orders are fixed, drafts are made."""

    def __init__(self, goods: Goods, kits: np.ndarray, prices: Prices):
        self.goods = goods
        self.lines = lots.lines(goods, kits, kit_force(goods)[None, :, None])
        nothing = np.zeros((len(self.lines), goods.days), dtype=np.int64)
        self.untouched = lots.shortages(self.lines, nothing)
        self._set(prices)

    def _set(self, prices: Prices) -> None:
        goods = self.goods
        self.prices = _sound(goods, prices)
        self.ordered = placed(goods, self.prices)
        self.come = supplies(goods, self.ordered)
        self.price = _pack_price(goods, self.prices, self.lines)
        self.line_cost: float | None = None

    def at(self, prices: Prices) -> Desk:
        """The same question at other prices."""
        other = copy(self)
        other._set(prices)
        return other

    def bound(self) -> float:
        """Stage bound: penalty + distance of any plan that serves all kits."""
        if self.line_cost is None:
            self.line_cost = float(lots.cheapest(self.lines, self.price).sum())
        return self.line_cost + tariff.network_bound(self.goods, self.prices)

    def quick(self) -> Draft:
        """Lines' own plans at the going prices, as far as there is room."""
        return self.finish(self.deal(self.wanted()))

    def wanted(self) -> np.ndarray:
        """[n, D] packs that lines would buy at the going prices, if there were enough."""
        plan = lots.bought(self.lines, self.price)
        self.line_cost = float(plan.cost.sum())
        return plan.packs

    def full(self, packs: np.ndarray) -> Draft:
        """Packs [n, D] found for all lines at once; unless that is close to the bound, item by item the best of these,
        of lines' own plans, and of the greedy deal.
        """
        first = self.deal(packs)
        draft = self.finish(first)
        if not draft.short and draft.cost - self.bound() <= NEAR * draft.cost:
            return draft
        dealers = [first, self.deal(self.wanted()), self.deal()]
        cost = np.array([self.item_cost(lots.shortages(self.lines, dealer.arriving())) for dealer in dealers])
        best = cost.argmin(axis=0)
        each = np.array([dealer.arriving() // self.lines.pack[:, None] for dealer in dealers])
        mixture = self.finish(self.deal(each[best[self.lines.item], np.arange(len(self.lines))]))
        return min(draft, mixture, key=RANK)

    def strict(self) -> Draft:
        """Every pack on its day from the start, kits first: for kits that timing made late."""
        return self.fill(Daily.full(self.goods, self.come))

    def deal(self, packs: np.ndarray | None = None) -> Dealer:
        """Packs by the day they are needed: those of a plan as far as there is room, then the best."""
        dealer = Dealer(self.goods, self.lines, Cumulated(self.goods, self.come), self.untouched)
        if packs is not None:
            dealer.accept(packs)
            dealer.reopen(lots.shortages(self.lines, dealer.arriving()))
        dealer.deal()
        return dealer

    def finish(self, dealer: Dealer) -> Draft:
        """Put a dealer's packs on days; lines whose kits come late go first in another attempt."""
        urgent = np.zeros(len(self.lines), dtype=bool)
        for _ in range(ATTEMPTS):
            draft = self.fill(timed(self.goods, self.come, dealer, urgent))
            late = draft.open[:, :, 0].any(axis=1)
            if not (late & ~urgent).any():
                break
            urgent |= late
        return draft

    def fill(self, room: Daily) -> Draft:
        """Deal what is left in a room, day by day; count what stays short."""
        lines, goods = self.lines, self.goods
        dealer = Dealer(goods, lines, room, lots.shortages(lines, arrivals(goods, lines, room.moved)))
        dealer.deal()
        open_ = lots.shortages(lines, arrivals(goods, lines, room.moved))
        travel = float(np.sum(room.moved.sum(axis=2) * np.outer(goods.lane_cost, goods.volume)))
        penalty = float(np.einsum("ndk,ndk->", open_[:, :, 1:], lines.worth[:, :, 1:]))
        return Draft(room.moved, open_, penalty + travel, int(open_[:, :, 0].sum()))

    def kit_available(self, draft: Draft) -> np.ndarray:
        """[S, I, D] kit units that are not on site in time; kits are used before anything else."""
        short = np.zeros(self.goods.shape, dtype=np.int64)
        short[self.lines.site, self.lines.item] = draft.open[:, :, 0]
        return short

    def item_cost(self, open_: np.ndarray) -> np.ndarray:
        """[I] penalty, kits included."""
        penalty = np.einsum("ndk,ndk->n", open_, self.lines.worth)
        return np.bincount(self.lines.item, penalty, len(self.goods.items))

    def answer(self, draft: Draft, certificate: Certificate) -> SupplyAnswer:
        goods, lines = self.goods, self.lines
        day, lane, item = np.nonzero(draft.moved.transpose(2, 0, 1))
        shipments = Shipments(
            day, day + goods.lane_lead[lane], goods.lane_from[lane], goods.lane_to[lane], item,
            draft.moved[lane, item, day],
        )  # fmt: skip
        supplier, when = np.nonzero(self.ordered)
        line, rank = lots.need_segments(goods, lines)
        used = goods.need - sum(draft.open[line, :, 1 + 3 * rank + k] for k in range(3))
        orders = Orders(supplier, when, self.ordered[supplier, when])
        return SupplyAnswer(shipments, orders, used, self.kit_available(draft), draft.cost, certificate)


def arrivals(goods: Goods, lines: lots.Lines, moved: np.ndarray) -> np.ndarray:
    """[n, D] units that reach each line, of shipments [L, I, D]."""
    line = np.full(goods.shape[:2], -1)
    line[lines.site, lines.item] = np.arange(len(lines))
    units = np.zeros((len(lines), goods.days), dtype=np.int64)
    lane, item, day = np.nonzero(moved)
    site, arrives = goods.lane_to[lane] - goods.depots, day + goods.lane_lead[lane]
    kept = (site >= 0) & (arrives < goods.days)
    where = line[site[kept], item[kept]], arrives[kept]
    np.add.at(units, where, moved[lane[kept], item[kept], day[kept]])
    return units

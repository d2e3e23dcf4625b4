"""What prices say: what a unit costs at a site, and how little the depots' side can cost.

Prices are numbers >= 0 on goods at depots, litres through doors and on lanes, and yuan. Whatever
they are, any plan's penalty and distance is at least what its lines pay at least, plus
`network_bound`: weak duality, recomputed here in numpy from the prices alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from allocator.goods import Goods

INF = np.inf


@dataclass(frozen=True)
class Prices:
    """Penalty saved by one more unit; every array is >= 0."""

    kit_price: np.ndarray
    """[S, I, D] per unit of the item on hand at the site"""
    goods: np.ndarray
    """[N, I, D] per unit on hand at the depot"""
    throughput: np.ndarray
    """[N, D] per litre"""
    lanes: np.ndarray
    """[L, D] per litre"""
    budget: float
    """per yuan"""
    supplier_capacity: np.ndarray
    """[V, D] per unit"""
    orders: np.ndarray
    """[V, D] units ordered in the linear model (packs may be broken)"""
    seconds: float = 0.0


def offers(goods: Goods) -> tuple[np.ndarray, np.ndarray]:
    """(supplier, day) of every order that arrives within the horizon."""
    days = np.arange(goods.days)
    last = np.minimum(goods.supplier_last, goods.days - 1 - goods.supplier_lead)
    supplier, day = np.nonzero((days >= goods.supplier_first[:, None]) & (days <= last[:, None]))
    return supplier, day


def most_packs(goods: Goods) -> np.ndarray:
    """[V] whole packs that can be ordered in a day."""
    return goods.supplier_most // goods.pack[goods.supplier_item]


def landed_ceiling(goods: Goods) -> np.ndarray:
    """[I] more than any unit can be worth: for kits at sites no lane leads to."""
    need = np.zeros(len(goods.items))
    np.maximum.at(need, goods.need_item, goods.need_weight * goods.first_half)
    return np.maximum(need, goods.kit_worth)


def supplier_value(goods: Goods, at_depot: np.ndarray, budget: float) -> np.ndarray:
    """[V, D] what one more unit of a day's offer would save."""
    value = np.zeros((len(goods.suppliers), goods.days))
    offer, day = offers(goods)
    arrive = day + goods.supplier_lead[offer]
    gain = at_depot[goods.supplier_depot[offer], goods.supplier_item[offer], arrive]
    value[offer, day] = np.maximum(gain - budget * goods.supplier_cost[offer], 0.0)
    return value


@dataclass(frozen=True)
class Landing:
    """The cheapest way of one unit to a site up to a day, each [S, I, D]: what it costs, infinite where there is
    none, by which lane, and when it leaves the depot (the latest of equals)."""

    price: np.ndarray
    lane: np.ndarray
    leaves: np.ndarray


def landing(goods: Goods, at_depot: np.ndarray, through: np.ndarray, lanes: np.ndarray) -> Landing:
    """Cheapest ways at prices of goods [N, I, D], and of litres through doors [N, D] and on lanes [L, D]."""
    price, lane = np.full(goods.shape, INF), np.full(goods.shape, -1)
    for some, lead in _layers(goods):
        origin, site = goods.lane_from[some], goods.lane_to[some] - goods.depots
        litre = goods.lane_cost[some, None] + through[origin] + lanes[some]
        offer = (at_depot[origin] + goods.volume[:, None] * litre[:, None, :])[:, :, : goods.days - lead]
        best, way = price[site, :, lead:], lane[site, :, lead:]
        lane[site, :, lead:] = np.where(offer < best, some[:, None, None], way)
        price[site, :, lead:] = np.minimum(offer, best)
    least = np.minimum.accumulate(price, axis=2)
    arrives = np.maximum.accumulate(np.where(price <= least, np.arange(goods.days), 0), axis=2)
    lane = np.take_along_axis(lane, arrives, axis=2)
    return Landing(least, lane, arrives - np.append(goods.lane_lead, 0)[lane])


def _layers(goods: Goods) -> Iterator[tuple[np.ndarray, int]]:
    """Lanes to sites, no two of a layer to the same one, and the days they all take; those within the horizon."""
    lanes = np.flatnonzero((goods.lane_to >= goods.depots) & (goods.lane_lead < goods.days))
    order = lanes[np.argsort(goods.lane_to[lanes], kind="stable")]
    rank = np.arange(len(order)) - np.searchsorted(goods.lane_to[order], goods.lane_to[order])
    for layer, lead in np.unique(np.column_stack([rank, goods.lane_lead[order]]), axis=0).tolist():
        yield order[(rank == layer) & (goods.lane_lead[order] == lead)], lead


def unit_price(goods: Goods, at_depot: np.ndarray, through: np.ndarray, lanes: np.ndarray) -> np.ndarray:
    """[S, I, D] least price of one unit arriving at a site up to a day; infinite where none can."""
    return landing(goods, at_depot, through, lanes).price


def network_bound(goods: Goods, prices: Prices) -> float:
    """Least cost of the depots' side when lines pay `prices`: valid for any prices >= 0.

    Stock, deliveries and capacity are sold at their price; orders, transfers and stock at night are
    taken wherever they would earn something, up to what could ever be there, so that the sum is
    finite whatever the prices.
    """
    value = prices.goods
    most = _ever(goods)
    total = -float(np.sum(value * goods.arrivals)) - float(
        np.sum(value[:, :, 0] * goods.stock[: goods.depots])
    )
    total -= float(np.sum(prices.throughput.sum(axis=1) * goods.throughput)) + prices.budget * goods.budget
    limited = np.isfinite(goods.lane_litres)
    total -= float(np.sum(prices.lanes[limited].sum(axis=1) * goods.lane_litres[limited]))
    rise = np.minimum(value[:, :, :-1] - value[:, :, 1:], 0.0)
    total += float(np.sum(rise * most[None, :, None])) + float(np.sum(np.minimum(value[:, :, -1], 0) * most))
    return total + _order_bound(goods, prices) + _transfer_bound(goods, prices, most)


def _ever(goods: Goods) -> np.ndarray:
    """[I] units of an item that could ever be anywhere."""
    offer, _ = offers(goods)
    ordered = np.zeros(len(goods.items))
    np.add.at(
        ordered, goods.supplier_item[offer], (most_packs(goods) * goods.pack[goods.supplier_item])[offer]
    )
    return goods.stock.sum(axis=0) + goods.arrivals.sum(axis=(0, 2)) + ordered


def _order_bound(goods: Goods, prices: Prices) -> float:
    """supplier_capacity: every order that earns something is placed in full."""
    units = most_packs(goods) * goods.pack[goods.supplier_item]
    return -float(np.sum(supplier_value(goods, prices.goods, prices.budget) * units[:, None]))


def _transfer_bound(goods: Goods, prices: Prices, most: np.ndarray) -> float:
    """A transfer that earns something is as large as its lane, its depot and the goods allow."""
    total = 0.0
    for lane in np.flatnonzero(goods.lane_to < goods.depots):
        origin, target, lead = goods.lane_from[lane], goods.lane_to[lane], int(goods.lane_lead[lane])
        litre = goods.lane_cost[lane] + prices.throughput[origin] + prices.lanes[lane]
        paid = prices.goods[origin] + goods.volume[:, None] * litre
        earned = np.zeros_like(paid)
        earned[:, : max(0, goods.days - lead)] = prices.goods[target][:, lead:]
        litres = min(goods.throughput[origin], goods.lane_litres[lane])
        limit = np.minimum(most, litres / np.maximum(goods.volume, 1e-12))
        total += float(np.sum(np.minimum(paid - earned, 0.0) * limit[:, None]))
    return total

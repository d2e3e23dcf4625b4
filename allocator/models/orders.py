"""Orders: whole packs of what the linear model buys, as early as suppliers can.

supplier_capacity  no more than a supplier's units a day, on its days
budget             the orders' cost stays within the budget
whole_packs        orders are packs

Waiting at a depot costs nothing, so an order placed early serves all that a late one would.
"""

from __future__ import annotations

import numpy as np

from allocator.goods import Goods
from allocator.models import market
from allocator.models.market import Prices


def placed(goods: Goods, prices: Prices) -> np.ndarray:
    """[V, D] units ordered: the model's totals in packs, then the best packs the money left buys."""
    item = goods.supplier_item
    packs = np.floor(prices.orders.sum(axis=1) / goods.pack[item] + 1e-6).astype(np.int64)
    packs = np.minimum(packs, _most(goods))
    cost = goods.supplier_cost * goods.pack[item]
    money = goods.budget - float(np.sum(packs * cost))
    while money < 0:
        packs[np.flatnonzero(packs)[-1]] -= 1
        money = goods.budget - float(np.sum(packs * cost))
    value = np.array([prices.goods[n, i].max(initial=0.0) for n, i in zip(goods.supplier_depot, item, strict=True)])
    for v in np.argsort(-value / np.maximum(goods.supplier_cost, 1e-9), kind="stable"):
        if value[v] > 0:
            room = _most(goods)[v] - packs[v]
            more = min(room, int(money / cost[v] + 1e-9)) if cost[v] > 0 else room
            packs[v] += more
            money -= more * cost[v]
    return _early(goods, packs)


def _most(goods: Goods) -> np.ndarray:
    """[V] packs that can be ordered over all days and still arrive."""
    offer, _ = market.offers(goods)
    return np.bincount(offer, minlength=len(goods.suppliers)) * market.most_packs(goods)


def _early(goods: Goods, packs: np.ndarray) -> np.ndarray:
    """Spread each supplier's packs over its first days."""
    ordered = np.zeros((len(packs), goods.days), dtype=np.int64)
    daily = market.most_packs(goods)
    for supplier, day in zip(*market.offers(goods), strict=True):
        now = min(packs[supplier] - ordered[supplier].sum(), daily[supplier])
        ordered[supplier, day] = now
    return ordered * goods.pack[goods.supplier_item][:, None]


def supplies(goods: Goods, ordered: np.ndarray) -> np.ndarray:
    """[N, I, D] units that come to depots from outside, by day, with orders [V, D]."""
    come = goods.arrivals.copy()
    come[:, :, 0] += goods.stock[: goods.depots]
    for supplier, day in np.argwhere(ordered > 0):
        arrive = day + goods.supplier_lead[supplier]
        if arrive < goods.days:
            come[goods.supplier_depot[supplier], goods.supplier_item[supplier], arrive] += ordered[supplier, day]
    return come

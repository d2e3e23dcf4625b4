"""Orders: whole packs of what the linear model buys, as early as suppliers can.

supplier_capacity  no more than a supplier's units a day, on its days
budget             the orders' cost stays within the budget
whole_packs        orders are packs

Waiting at a depot costs nothing, so an order placed early serves all that a late one would.
"""

from __future__ import annotations

import numpy as np

from allocator.goods import Goods
from allocator.models.tariff import Prices, most_packs, offers


def placed(goods: Goods, prices: Prices) -> np.ndarray:
    """[V, D] units ordered."""
    packs = whole_packs(goods, prices)
    return supplier_capacity(goods, budget(goods, prices, packs))


def whole_packs(goods: Goods, prices: Prices) -> np.ndarray:
    """[V] the model's totals in packs, none of them over what can be had."""
    packs = np.floor(prices.orders.sum(axis=1) / goods.pack[goods.supplier_item] + 1e-6).astype(np.int64)
    return np.minimum(packs, _most(goods))


def budget(goods: Goods, prices: Prices, packs: np.ndarray) -> np.ndarray:
    """[V] packs within the budget; money left buys the packs worth most per yuan."""
    packs, item = packs.copy(), goods.supplier_item
    cost = goods.supplier_cost * goods.pack[item]
    value = prices.goods[goods.supplier_depot, item].max(axis=1, initial=0.0) * goods.pack[item]
    order = np.argsort(-value / np.maximum(cost, 1e-9), kind="stable")
    money = goods.budget - float(np.sum(packs * cost))
    for v in order[::-1]:
        if money < 0 and cost[v] > 0:
            less = min(packs[v], int(np.ceil(-money / cost[v])))
            packs[v] -= less
            money += less * cost[v]
    for v in order[value[order] > 0]:
        room = _most(goods)[v] - packs[v]
        more = min(room, int(max(0.0, money) / cost[v])) if cost[v] > 0 else room
        packs[v] += more
        money -= more * cost[v]
    return packs


def _most(goods: Goods) -> np.ndarray:
    """[V] packs that can be ordered over all days and still arrive."""
    offer, _ = offers(goods)
    return np.bincount(offer, minlength=len(goods.suppliers)) * most_packs(goods)


def supplier_capacity(goods: Goods, packs: np.ndarray) -> np.ndarray:
    """[V, D] units: each supplier's packs on its first days, no day above its offer."""
    ordered = np.zeros((len(packs), goods.days), dtype=np.int64)
    daily = most_packs(goods)
    for supplier, day in zip(*offers(goods), strict=True):
        ordered[supplier, day] = min(packs[supplier] - ordered[supplier].sum(), daily[supplier])
    return ordered * goods.pack[goods.supplier_item][:, None]


def supplies(goods: Goods, ordered: np.ndarray) -> np.ndarray:
    """[N, I, D] units that come to depots from outside, by day, with orders [V, D]."""
    come = goods.arrivals.copy()
    come[:, :, 0] += goods.stock[: goods.depots]
    for supplier, day in np.argwhere(ordered > 0):
        arrive = day + goods.supplier_lead[supplier]
        depot, item = goods.supplier_depot[supplier], goods.supplier_item[supplier]
        if arrive < goods.days:
            come[depot, item, arrive] += ordered[supplier, day]
    return come

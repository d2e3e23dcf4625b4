"""Decisions in arrays -> the tables of a plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocator.goods import Goods
from allocator.instance import Instance
from allocator.models import supply
from allocator.models.board import Board
from allocator.tables import TIERS

PRICES = ["rule", "key", "shadow_price", "unit"]


def tables(
    inst: Instance, stock: Goods, board: Board, sent: supply.SupplyAnswer, prices: supply.Prices | None
) -> dict[str, pd.DataFrame]:
    """The decisions of a plan for one case."""
    c = np.flatnonzero(board.site >= 0)
    row, day = np.nonzero(board.plan >= 0)
    moved, orders = sent.shipments, sent.orders
    return {
        "postings": postings(inst, c, board.batch[c], board.site[c]),
        "assignments": assignments(inst, row, board.plan[row, day], day),
        "shipments": shipments(
            stock, moved.day, moved.arrives, moved.origin, moved.destination, moved.item, moved.quantity
        ),
        "orders": ordered(stock, orders.supplier, orders.day, orders.quantity),
        "supply": used(stock, sent.used),
        "prices": priced(prices, stock),
    }


def postings(inst: Instance, cadre: np.ndarray, batch: np.ndarray, site: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "cadre": inst.cadres[cadre],
            "batch": inst.batches[batch],
            "site": inst.sites[site],
            "first_day": inst.first[cadre, batch],
            "last_day": inst.last[cadre, batch],
            "minutes": np.round(inst.minutes[cadre, site], 3),
        }
    )


def assignments(inst: Instance, cadre: np.ndarray, post: np.ndarray, day: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "cadre": inst.cadres[cadre],
            "day": day,
            "shift": inst.shifts[inst.post_shift[post]],
            "site": inst.sites[inst.post_site[post]],
            "duty": inst.duties[inst.post_duty[post]],
        }
    )


def shipments(
    stock: Goods, day: np.ndarray, arrives: np.ndarray, origin: np.ndarray, destination: np.ndarray,
    item: np.ndarray, quantity: np.ndarray,
) -> pd.DataFrame:  # fmt: skip
    places, items = np.array(stock.places, object), np.array(stock.items, object)
    return pd.DataFrame(
        {
            "day": day,
            "arrives": arrives,
            "origin": places[origin],
            "destination": places[destination],
            "item": items[item],
            "quantity": quantity,
        }
    )


def ordered(stock: Goods, offer: np.ndarray, day: np.ndarray, quantity: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "supplier": np.array(stock.suppliers, object)[offer],
            "item": np.array(stock.items, object)[stock.supplier_item[offer]],
            "day": day,
            "quantity": quantity,
            "cost": quantity * stock.supplier_cost[offer],
        }
    )


def used(stock: Goods, taken: np.ndarray) -> pd.DataFrame:
    """The table `supply`, of units used [R, D]."""
    places, items = np.array(stock.places, object), np.array(stock.items, object)
    line, day = np.nonzero(stock.need > 0)
    return pd.DataFrame(
        {
            "site": places[stock.depots + stock.need_site[line]],
            "item": items[stock.need_item[line]],
            "tier": np.array(TIERS, object)[stock.need_tier[line]],
            "day": day,
            "needed": stock.need[line, day],
            "used": taken[line, day],
            "shortage": stock.need[line, day] - taken[line, day],
        }
    )


def priced(prices: supply.Prices | None, stock: Goods) -> pd.DataFrame:
    """What one more unit of goods at a depot on the first day, of budget, would save."""
    rows: list[dict[str, Any]] = []
    if prices is not None:
        for n in range(stock.depots):
            for i, item in enumerate(stock.items):
                value = float(prices.goods[n, i, 0])
                if value > 0:
                    key = f"depot={stock.places[n]} item={item} day=0"
                    rows.append(dict(zip(PRICES, ("stock_balance", key, value, "penalty/unit"), strict=True)))
        if prices.budget > 0:
            rows.append(dict(zip(PRICES, ("budget", "budget", prices.budget, "penalty/yuan"), strict=True)))
    return pd.DataFrame(rows, columns=PRICES).assign(less=0.0, more=0.0)

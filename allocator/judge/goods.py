"""Rules of goods: stock, kits, lanes, suppliers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocator.errors import Violation
from allocator.judge.evidence import Evidence
from allocator.keys import positions, totals

_LITRES = 1e-6
"""Litres are sums of products, which are not exact."""
_SHIPMENT = ["day", "origin", "destination", "item"]
_ORDER = ["supplier", "item", "day"]
_LANE = ["origin", "destination"]
_PLACE = ["place", "item", "day"]


def kit_available(evidence: Evidence) -> list[Violation]:
    """Nobody works a shift without its kit on site."""
    missing = evidence.ledger.rows(evidence.ledger.kits_missing, "missing")
    return evidence.found(
        "kit_available", missing, _PLACE, "the kits of the day take {missing} more than is here"
    )


def stock_balance(evidence: Evidence) -> list[Violation]:
    """What is shipped or used is there: stock never falls below zero."""
    missing = evidence.ledger.rows(evidence.ledger.goods_missing, "missing")
    return evidence.found("stock_balance", missing, _PLACE, "{missing} more shipped or used than is here")


def throughput(evidence: Evidence) -> list[Violation]:
    """No more leaves a depot in a day than its throughput."""
    left = totals(evidence.litres, ["origin", "day"], ["litres"]).rename(columns={"origin": "depot"})
    most = left["depot"].map(evidence.given("depots").set_index("depot")["throughput"]).to_numpy(dtype=float)
    over = left.assign(most=most)[left["litres"].to_numpy() > most + _LITRES]
    return evidence.found(
        "throughput", over, ["depot", "day"], "{litres:g} litres leave, at most {most:g} can"
    )


def lane_capacity(evidence: Evidence) -> list[Violation]:
    """Goods travel on lanes, no more in a day than each can carry."""
    lane = positions(evidence.litres, evidence.lanes, _LANE)
    off = evidence.litres[lane < 0]
    loads = totals(evidence.litres[lane >= 0], [*_LANE, "day"], ["litres"])
    most = evidence.lanes["per_day"].to_numpy(dtype=float)[positions(loads, evidence.lanes, _LANE)]
    over = loads.assign(most=most)[loads["litres"].to_numpy() > most + _LITRES]
    return [
        *evidence.found("lane_capacity", off, _SHIPMENT, "no lane leads from {origin} to {destination}"),
        *evidence.found(
            "lane_capacity", over, [*_LANE, "day"], "{litres:g} litres travel, at most {most:g} can"
        ),
    ]


def lead_time(evidence: Evidence) -> list[Violation]:
    """A shipment arrives as many days after it leaves as its lane takes."""
    shipments = evidence.tables["shipments"]
    lane = positions(shipments, evidence.lanes, _LANE)
    days = np.append(evidence.lanes["lead_days"].to_numpy(dtype=int), 0)[lane]
    due = shipments["day"].to_numpy() + days
    wrong = shipments.assign(due=due)[(lane >= 0) & (shipments["arrives"].to_numpy() != due)]
    return evidence.found("lead_time", wrong, _SHIPMENT, "arrives {arrives}, its lane brings it {due}")


def supplier_capacity(evidence: Evidence) -> list[Violation]:
    """A supplier takes orders on its days, no more in a day than it offers."""
    ordered = totals(evidence.tables["orders"], _ORDER, ["quantity"])
    offers = evidence.given("suppliers")[["supplier", "item", "first_day", "last_day", "per_day"]]
    ordered = ordered.merge(offers, on=["supplier", "item"])
    closed = (ordered["day"] < ordered["first_day"]) | (ordered["day"] > ordered["last_day"])
    over = ~closed & (ordered["quantity"] > ordered["per_day"])
    days = "takes orders only from {first_day} to {last_day}"
    return [
        *evidence.found("supplier_capacity", ordered[closed], _ORDER, days),
        *evidence.found(
            "supplier_capacity", ordered[over], _ORDER, "{quantity} ordered, at most {per_day} a day"
        ),
    ]


def budget(evidence: Evidence) -> list[Violation]:
    """All orders together cost at most the budget; `cost` says the truth."""
    prices = evidence.given("suppliers")[["supplier", "item", "unit_cost"]]
    orders = evidence.tables["orders"].merge(prices, on=["supplier", "item"])
    orders["right"] = orders["quantity"] * orders["unit_cost"]
    false = ~np.isclose(orders["cost"], orders["right"], rtol=1e-9, atol=1e-5)
    total = pd.DataFrame({"total": [orders["right"].sum()], "budget": [evidence.settings.supply.budget]})
    over = total[total["total"] > total["budget"] * (1 + 1e-9) + 1e-6]
    return [
        *evidence.found(
            "budget", orders[false], _ORDER, "cost is {cost:g}, quantity x unit_cost is {right:g}"
        ),
        *evidence.found(
            "budget", over, ["budget"], "all orders cost {total:.2f}, the budget is {budget:.2f}"
        ),
    ]


def whole_packs(evidence: Evidence) -> list[Violation]:
    """Shipments and orders are whole packs."""
    pack = evidence.given("items").set_index("item")["pack"]
    violations = []
    for name, key in (("shipments", _SHIPMENT), ("orders", _ORDER)):
        rows = evidence.tables[name]
        rows = rows.assign(pack=rows["item"].map(pack).astype(int))
        broken = rows[(rows["quantity"] % rows["pack"] != 0) | (rows["quantity"] < 1)]
        violations += evidence.found(
            "whole_packs", broken, key, "{quantity} units are not whole packs of {pack}"
        )
    return violations

"""Goods of a plan, day by day: what comes in, goes out, is used, and is left.

Order of a day at a place: deliveries, orders and shipments come in; shipments leave; kits are
used; needs are used; what is left is `on_hand`. Arrays have axes place, item, day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from allocator.agenda import NEED, needs_by_day, only_open, open_from
from allocator.keys import positions, totals
from allocator.scenario import Scenario


@dataclass(frozen=True)
class Ledger:
    """The goods account of a plan; what cannot be taken is missing and does not go below zero."""

    places: pd.Index
    items: pd.Index
    incoming: np.ndarray
    outgoing: np.ndarray
    kits: np.ndarray
    used: np.ndarray
    on_hand: np.ndarray
    kits_missing: np.ndarray
    """Goods the kits of the day ask for beyond what is at hand."""
    goods_missing: np.ndarray
    """Goods shipped or used that are not there, on days when the kits fit."""

    def rows(self, values: np.ndarray, name: str) -> pd.DataFrame:
        """(place, item, day, `name`) of the entries that are not 0."""
        place, item, day = np.nonzero(values)
        columns = {"place": self.places[place], "item": self.items[item], "day": day}
        return pd.DataFrame({**columns, name: values[place, item, day]})


def kit_use(scenario: Scenario, assignments: pd.DataFrame) -> pd.DataFrame:
    """(site, item, day, quantity) that the kits of those who work take."""
    shifts = totals(assignments.assign(people=1), ["site", "duty", "day"], ["people"])
    worn = shifts.merge(scenario.table("kits"), on="duty")
    worn["quantity"] = worn["people"] * worn["per_shift"]
    return totals(worn, ["site", "item", "day"], ["quantity"])


def supply_table(scenario: Scenario, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The output table `supply`: every need of an open site, with `used` as `tables["supply"]` says.

    `tables` needs `openings`, `reopenings` and, in `supply`, the columns site, item, tier, day, used;
    a row that is absent there uses 0.
    """
    first_open = open_from(scenario, tables["openings"], tables["reopenings"])
    needs = only_open(needs_by_day(scenario), first_open)
    said = totals(tables["supply"], NEED, ["used"])
    used = np.append(said["used"].to_numpy(), 0)[positions(needs, said, NEED)].astype(np.int64)
    shortage = np.maximum(needs["needed"].to_numpy() - used, 0)
    return needs.assign(used=used, shortage=shortage)


def ledger(scenario: Scenario, tables: Mapping[str, pd.DataFrame]) -> Ledger:
    """The account of `shipments`, `orders`, `assignments` (kits) and `supply` (used) of a plan."""
    places = pd.Index([*scenario.table("depots")["depot"], *scenario.table("sites")["site"]])
    items = pd.Index(scenario.table("items")["item"])
    shape = (len(places), len(items), scenario.settings.days)

    def spread(frame: pd.DataFrame, place: str, day: str, quantity: str) -> np.ndarray:
        at = (places.get_indexer(pd.Index(frame[place])), items.get_indexer(pd.Index(frame["item"])))
        return _spread(shape, *at, frame[day].to_numpy(), frame[quantity].to_numpy())

    shipments, stock = tables["shipments"], scenario.table("stock").assign(day=0)
    incoming = (
        spread(scenario.table("deliveries"), "depot", "day", "quantity")
        + spread(_arrivals(scenario, tables["orders"]), "depot", "arrives", "quantity")
        + spread(shipments, "destination", "arrives", "quantity")
    )
    outgoing = spread(shipments, "origin", "day", "quantity")
    kits = spread(kit_use(scenario, tables["assignments"]), "site", "day", "quantity")
    used = spread(tables["supply"], "site", "day", "used")
    opening = spread(stock, "place", "day", "quantity")[:, :, 0]
    return Ledger(
        places, items, incoming, outgoing, kits, used, *_balance(opening, incoming, outgoing, kits, used)
    )


def _spread(
    shape: tuple[int, int, int], place: np.ndarray, item: np.ndarray, day: np.ndarray, quantity: np.ndarray
) -> np.ndarray:
    """Sum of quantities per place, item and day; rows of unknown things and other days are left out."""
    known = (place >= 0) & (item >= 0) & (day >= 0) & (day < shape[2])
    flat = np.ravel_multi_index((place[known], item[known], day[known]), shape)
    sums = np.bincount(flat, weights=quantity[known], minlength=int(np.prod(shape)))
    return np.rint(sums).astype(np.int64).reshape(shape)


def _arrivals(scenario: Scenario, orders: pd.DataFrame) -> pd.DataFrame:
    suppliers = scenario.table("suppliers")[["supplier", "item", "depot", "lead_days"]]
    placed = orders[["supplier", "item", "day", "quantity"]].merge(suppliers, on=["supplier", "item"])
    return placed.assign(arrives=placed["day"] + placed["lead_days"])


def _balance(
    opening: np.ndarray, incoming: np.ndarray, outgoing: np.ndarray, kits: np.ndarray, used: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(on_hand, kits_missing, goods_missing) of every place, item and day."""
    on_hand, kits_missing, goods_missing = np.zeros_like(kits), np.zeros_like(kits), np.zeros_like(kits)
    hand = opening
    for day in range(kits.shape[2]):
        hand = hand + incoming[:, :, day] - outgoing[:, :, day]
        overshipped, hand = np.maximum(-hand, 0), np.maximum(hand, 0)
        kits_missing[:, :, day] = np.maximum(kits[:, :, day] - hand, 0)
        hand = np.maximum(hand - kits[:, :, day], 0) - used[:, :, day]
        goods_missing[:, :, day] = overshipped + np.where(
            kits_missing[:, :, day] > 0, 0, np.maximum(-hand, 0)
        )
        hand = np.maximum(hand, 0)
        on_hand[:, :, day] = hand
    return on_hand, kits_missing, goods_missing


def inventory_table(scenario: Scenario, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The output table `inventory`: what is left anywhere at the end of a day; no row means nothing."""
    account = ledger(scenario, tables)
    return account.rows(account.on_hand, "on_hand")

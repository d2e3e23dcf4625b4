"""Scenario -> arrays for the supply stage; pandas stops here.

Places are numbered depots first (rows of `depots`), then sites (rows of `sites`); items and
suppliers by row; days from 0. Letters in shapes: N depots, S sites, P = N + S places, I items,
D days, L lanes, V suppliers, R need lines. A *need line* is one (site, item, tier) and its days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from allocator.instance import CLOSED, closed_sites
from allocator.tables import TIERS

if TYPE_CHECKING:
    import pandas as pd

    from allocator.scenario import Scenario

EARTH_KM = 6371.0088


@dataclass(frozen=True)
class Goods:
    """What there is, what it may travel on, and what a missing unit costs."""

    places: tuple[str, ...]
    items: tuple[str, ...]
    suppliers: tuple[str, ...]
    days: int
    depots: int
    """N, the number of places that are depots."""
    pack: np.ndarray
    """[I] units in one pack"""
    volume: np.ndarray
    """[I] litres per unit"""
    throughput: np.ndarray
    """[N] litres that can leave a depot in a day"""
    stock: np.ndarray
    """[P, I] units on hand when day 0 begins"""
    arrivals: np.ndarray
    """[N, I, D] units delivered for certain"""
    lane_from: np.ndarray
    """[L] depot"""
    lane_to: np.ndarray
    """[L] place"""
    lane_litres: np.ndarray
    """[L] litres a day, infinite where unlimited"""
    lane_lead: np.ndarray
    """[L] days under way"""
    lane_cost: np.ndarray
    """[L] penalty per litre moved: W.distance x km / 1000"""
    supplier_item: np.ndarray
    supplier_depot: np.ndarray
    supplier_first: np.ndarray
    supplier_last: np.ndarray
    supplier_most: np.ndarray
    """[V] units that can be ordered in a day"""
    supplier_lead: np.ndarray
    supplier_cost: np.ndarray
    """[V] yuan per unit"""
    budget: float
    need_site: np.ndarray
    """[R] site, 0..S-1"""
    need_item: np.ndarray
    need_tier: np.ndarray
    """[R] index into tables.TIERS"""
    need: np.ndarray
    """[R, D] units needed"""
    need_weight: np.ndarray
    """[R] penalty per unit short of the second half: tier weight x item weight"""
    first_half: float
    """factor on units short in the first half of a need"""
    kit_rate: np.ndarray
    """[duties, I] units one person uses up on one shift of the duty"""
    kit_worth: np.ndarray
    """[I] penalty that a unit missing for a kit may cost at most: the shift it stops, weight 1"""

    @property
    def sites(self) -> int:
        return len(self.places) - self.depots

    @property
    def shape(self) -> tuple[int, int, int]:
        """S, I, D: the shape of kits."""
        return self.sites, len(self.items), self.days


def goods(scenario: Scenario, opens: Mapping[str, int] = CLOSED) -> Goods:
    """Arrays of one scenario; sites that open or resume need goods from their day in `opens` on."""
    settings = scenario.settings
    table = {name: scenario.table(name) for name in ("depots", "sites", "items", "suppliers")}
    places = (*table["depots"]["depot"], *table["sites"]["site"])
    items = tuple(table["items"]["item"])
    place, item = _index(places), _index(items)
    depots, days = len(table["depots"]), settings.days
    lanes = _lanes(scenario, place)
    offers = table["suppliers"]
    return Goods(
        places=places,
        items=items,
        suppliers=tuple(offers["supplier"]),
        days=days,
        depots=depots,
        pack=table["items"]["pack"].to_numpy(dtype=np.int64),
        volume=table["items"]["volume"].to_numpy(dtype=float),
        throughput=table["depots"]["throughput"].to_numpy(dtype=float),
        stock=_stock(scenario, place, item),
        arrivals=_arrivals(scenario, place, item)[:depots],
        lane_from=lanes["origin"].to_numpy(dtype=np.int64),
        lane_to=lanes["destination"].to_numpy(dtype=np.int64),
        lane_litres=lanes["per_day"].to_numpy(dtype=float),
        lane_lead=lanes["lead_days"].to_numpy(dtype=np.int64),
        lane_cost=settings.weights.distance * lanes["km"].to_numpy(dtype=float) / 1000,
        supplier_item=_codes(offers["item"], item),
        supplier_depot=_codes(offers["depot"], place),
        supplier_first=offers["first_day"].to_numpy(dtype=np.int64),
        supplier_last=offers["last_day"].to_numpy(dtype=np.int64),
        supplier_most=offers["per_day"].to_numpy(dtype=np.int64),
        supplier_lead=offers["lead_days"].to_numpy(dtype=np.int64),
        supplier_cost=offers["unit_cost"].to_numpy(dtype=float),
        budget=float(settings.supply.budget),
        **_needs(scenario, item, opens),
        first_half=float(settings.weights.first_half),
        **_kits(scenario, item),
    )


def _index(labels: tuple[str, ...]) -> dict[str, int]:
    return {label: k for k, label in enumerate(labels)}


def _codes(column: pd.Series, index: dict[str, int]) -> np.ndarray:
    return column.map(index).to_numpy(dtype=np.int64)


def _stock(scenario: Scenario, place: dict[str, int], item: dict[str, int]) -> np.ndarray:
    table = scenario.table("stock")
    stock = np.zeros((len(place), len(item)), dtype=np.int64)
    np.add.at(
        stock, (_codes(table["place"], place), _codes(table["item"], item)), table["quantity"].to_numpy()
    )
    return stock


def _arrivals(scenario: Scenario, place: dict[str, int], item: dict[str, int]) -> np.ndarray:
    table = scenario.table("deliveries")
    arrivals = np.zeros((len(place), len(item), scenario.settings.days), dtype=np.int64)
    where = (
        _codes(table["depot"], place),
        _codes(table["item"], item),
        table["day"].to_numpy(dtype=np.int64),
    )
    np.add.at(arrivals, where, table["quantity"].to_numpy())
    return arrivals


def _lanes(scenario: Scenario, place: dict[str, int]) -> pd.DataFrame:
    """Lanes by index with their road km: those of the table, or the usual ones where there is none."""
    lanes = scenario.table("lanes") if "lanes" in scenario.given else usual_lanes(scenario)
    points = [scenario.table(name)[["lon", "lat"]].to_numpy(dtype=float) for name in ("depots", "sites")]
    at = np.radians(np.concatenate(points))
    frame = lanes.assign(
        origin=_codes(lanes["origin"], place), destination=_codes(lanes["destination"], place)
    )
    a, b = at[frame["origin"].to_numpy(dtype=np.int64)], at[frame["destination"].to_numpy(dtype=np.int64)]
    return frame.assign(km=_great_circle_km(a, b) * scenario.settings.travel.detour)


def _great_circle_km(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Haversine distance of points given as rows (lon, lat) in radians."""
    half = np.sin((b - a) / 2) ** 2
    chord = half[:, 1] + np.cos(a[:, 1]) * np.cos(b[:, 1]) * half[:, 0]
    return 2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))


def usual_lanes(scenario: Scenario) -> pd.DataFrame:
    """City depots -> district depots -> sites of the district, or city depots -> sites without one."""
    import pandas as pd

    depots, sites = scenario.table("depots"), scenario.table("sites")
    city, local = depots[depots["district"] == ""], depots[depots["district"] != ""]
    down = city[["depot"]].merge(local[["depot"]].rename(columns={"depot": "destination"}), how="cross")
    last = local[["depot", "district"]].merge(sites[["site", "district"]], on="district")
    alone = sites.loc[~sites["district"].isin(local["district"]), ["site"]]
    direct = city[["depot"]].merge(alone, how="cross")
    site = {"site": "destination"}
    lanes = pd.concat([down, last.rename(columns=site), direct.rename(columns=site)], ignore_index=True)
    return lanes.rename(columns={"depot": "origin"}).assign(per_day=np.inf, lead_days=0)


def _needs(scenario: Scenario, item: dict[str, int], opens: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Need lines of the sites that are open, spans of one line added up."""
    needs, weights = scenario.table("needs"), scenario.settings.weights
    needs = needs[~needs["site"].isin(closed_sites(scenario) - opens.keys())]
    begins = needs["site"].map(opens).fillna(0).to_numpy(dtype=np.int64)[:, None]
    site = _index(tuple(scenario.table("sites")["site"]))
    codes = np.column_stack(
        [_codes(needs["site"], site), _codes(needs["item"], item), _codes(needs["tier"], _index(TIERS))]
    )
    lines, row = np.unique(codes, axis=0, return_inverse=True)
    days = np.arange(scenario.settings.days)
    first, last = (needs[name].to_numpy(dtype=np.int64)[:, None] for name in ("first_day", "last_day"))
    first = np.maximum(first, begins)
    daily = np.where((days >= first) & (days <= last), needs["per_day"].to_numpy(dtype=np.int64)[:, None], 0)
    need = np.zeros((len(lines), len(days)), dtype=np.int64)
    np.add.at(need, row.ravel(), daily)
    asked = need.any(axis=1)
    lines, need = lines[asked], need[asked]
    tier = np.array([weights.tiers[name] for name in TIERS], dtype=float)
    weight = tier[lines[:, 2]] * scenario.table("items")["weight"].to_numpy(dtype=float)[lines[:, 1]]
    names = ("need_site", "need_item", "need_tier")
    return {name: lines[:, k] for k, name in enumerate(names)} | {"need": need, "need_weight": weight}


def _kits(scenario: Scenario, item: dict[str, int]) -> dict[str, np.ndarray]:
    """Units per shift of a duty, and the most a unit can be worth to a shift of an ordinary site."""
    kits, duties = scenario.table("kits"), scenario.table("duties")
    duty = _index(tuple(duties["duty"]))
    rate = np.zeros((len(duty), len(item)), dtype=np.int64)
    rate[_codes(kits["duty"], duty), _codes(kits["item"], item)] = kits["per_shift"].to_numpy()
    shift = scenario.settings.weights.required * duties["weight"].to_numpy(dtype=float)[:, None]
    worth = np.divide(shift, rate, out=np.zeros(rate.shape), where=rate > 0)
    return {"kit_rate": rate, "kit_worth": worth.max(axis=0, initial=0.0)}

"""Scenario -> arrays of goods, on a scenario small enough to check by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from allocator import scenario as scenarios
from allocator.goods import Goods, goods
from allocator.scenario import Scenario
from allocator.tables import TIERS

SMALL = Path(__file__).parent.parent / "scenarios" / "small"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return scenarios.read(SMALL)


@pytest.fixture(scope="module")
def arrays(scenario: Scenario) -> Goods:
    return goods(scenario)


def test_places_are_depots_then_sites(scenario: Scenario, arrays: Goods) -> None:
    assert arrays.places[: arrays.depots] == tuple(scenario.table("depots")["depot"])
    assert arrays.places[arrays.depots :] == tuple(scenario.table("sites")["site"])
    sizes = len(scenario.table("sites")), len(scenario.table("items")), scenario.settings.days
    assert arrays.shape == sizes


def test_stock_and_deliveries_add_up(scenario: Scenario, arrays: Goods) -> None:
    assert arrays.stock.sum() == scenario.table("stock")["quantity"].sum()
    assert arrays.arrivals.sum() == scenario.table("deliveries")["quantity"].sum()


def test_need_lines_are_the_spans_of_open_sites(scenario: Scenario, arrays: Goods) -> None:
    closed = {*scenario.table("candidates")["site"], *scenario.table("applications")["site"]}
    expected: dict[tuple[str, str, str, int], int] = {}
    for row in scenario.table("needs").itertuples():
        for day in range(int(row.first_day), int(row.last_day) + 1):
            if row.site not in closed and row.per_day:
                key = (str(row.site), str(row.item), str(row.tier), day)
                expected[key] = expected.get(key, 0) + int(row.per_day)
    found = {}
    for r, day in np.argwhere(arrays.need > 0):
        site = arrays.places[arrays.depots + arrays.need_site[r]]
        key = (site, arrays.items[arrays.need_item[r]], TIERS[arrays.need_tier[r]], int(day))
        found[key] = int(arrays.need[r, day])
    assert found == expected


def test_weights_are_tier_times_item(scenario: Scenario, arrays: Goods) -> None:
    items, tiers = scenario.table("items"), scenario.settings.weights.tiers
    for r in range(len(arrays.need)):
        weight = tiers[TIERS[arrays.need_tier[r]]] * items["weight"].iloc[arrays.need_item[r]]
        assert arrays.need_weight[r] == pytest.approx(weight)


def test_usual_lanes_run_city_district_site(scenario: Scenario, arrays: Goods) -> None:
    if "lanes" in scenario.given:
        pytest.skip("the small scenario names its lanes")
    depots, sites = scenario.table("depots"), scenario.table("sites")
    local = {d for d in depots["district"] if d}
    for origin, target in zip(arrays.lane_from, arrays.lane_to, strict=True):
        served = depots["district"].iloc[origin]
        if target < arrays.depots:
            assert served == ""
            assert depots["district"].iloc[target] != ""
        else:
            district = sites["district"].iloc[target - arrays.depots]
            assert served == (district if district in local else "")
    assert set(arrays.lane_to[arrays.lane_to >= arrays.depots] - arrays.depots) == set(range(len(sites)))
    assert np.isinf(arrays.lane_litres).all()
    assert (arrays.lane_lead == 0).all()


def test_named_lanes_are_the_only_ones(scenario: Scenario) -> None:
    depot, site = scenario.table("depots")["depot"].iloc[0], scenario.table("sites")["site"].iloc[0]
    row = {"origin": depot, "destination": site, "per_day": 12.5, "lead_days": 2}
    arrays = goods(scenario.change(lanes=pd.DataFrame([row])))
    assert len(arrays.lane_from) == 1
    assert (arrays.lane_litres[0], arrays.lane_lead[0]) == (12.5, 2)


def test_lane_cost_is_distance_times_detour(scenario: Scenario, arrays: Goods) -> None:
    points = pd.concat([scenario.table("depots")[["lon", "lat"]], scenario.table("sites")[["lon", "lat"]]])
    lon, lat = np.radians(points.to_numpy(dtype=float)).T
    a, b = arrays.lane_from[-1], arrays.lane_to[-1]
    across = math.cos(lat[a]) * math.cos(lat[b]) * math.cos(lon[a] - lon[b])
    angle = math.acos(min(1.0, math.sin(lat[a]) * math.sin(lat[b]) + across))
    cost = 6371.0088 * angle * scenario.settings.travel.detour * scenario.settings.weights.distance / 1000
    assert arrays.lane_cost[-1] == pytest.approx(cost, rel=1e-4, abs=1e-9)


def test_kits_by_duty(scenario: Scenario, arrays: Goods) -> None:
    duties = list(scenario.table("duties")["duty"])
    for row in scenario.table("kits").itertuples():
        assert arrays.kit_rate[duties.index(row.duty), arrays.items.index(row.item)] == row.per_shift
    assert arrays.kit_rate.sum() == scenario.table("kits")["per_shift"].sum()


def test_closed_sites_need_nothing(scenario: Scenario, arrays: Goods) -> None:
    site = int(arrays.need_site[0])
    row = {"site": arrays.places[arrays.depots + site], "capacity": 10, "lead_days": 1, "cost": 5.0}
    closed = goods(scenario.change(candidates=pd.DataFrame([row])))
    assert site not in closed.need_site
    assert len(closed.need) == np.count_nonzero(arrays.need_site != site)

"""Policies for all lines at once, and the cheapest ways they come by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import supplies

from allocator.certificate import Status
from allocator.goods import Goods
from allocator.limits import Limits, Watch
from allocator.models import lots, policies, supply, tariff
from allocator.models.dealer import Dealer
from allocator.models.room import Cumulated


def asked(goods: Goods, kits: np.ndarray) -> lots.Lines:
    return lots.lines(goods, kits, supply.kit_force(goods)[None, :, None])


def found(goods: Goods, kits: np.ndarray) -> policies.Mixed:
    answer = policies.mixed(goods, asked(goods, kits), supply.prices(goods, kits), Watch())
    assert answer is not None
    return answer


@pytest.mark.parametrize("seed", range(40))
def test_a_landing_is_the_cheapest_way_up_to_the_day(seed: int) -> None:
    """Against every lane and every day of leaving."""
    goods, _ = supplies.tiny(seed)
    rng = np.random.default_rng(seed)
    at_depot = rng.random(goods.arrivals.shape)
    through, lanes = rng.random((goods.depots, goods.days)), rng.random((len(goods.lane_from), goods.days))
    ways = tariff.landing(goods, at_depot, through, lanes)
    for site in range(goods.sites):
        mine = np.flatnonzero(goods.lane_to == goods.depots + site)
        for item in range(len(goods.items)):
            for day in range(goods.days):
                costs = {
                    (int(lane), left): at_depot[goods.lane_from[lane], item, left]
                    + goods.volume[item]
                    * (goods.lane_cost[lane] + through[goods.lane_from[lane], left] + lanes[lane, left])
                    for lane in mine
                    for left in range(day - int(goods.lane_lead[lane]) + 1)
                }
                price = ways.price[site, item, day]
                if not costs:
                    assert np.isinf(price)
                    continue
                assert price == pytest.approx(min(costs.values()))
                way = int(ways.lane[site, item, day]), int(ways.leaves[site, item, day])
                assert costs[way] == pytest.approx(price)


@pytest.mark.parametrize("seed", range(40))
def test_prices_in_the_end_prove_a_bound(seed: int) -> None:
    goods, kits = supplies.tiny(seed)
    answer = supply.solve(goods, kits, Watch())
    kept = kits - answer.kit_short
    best = supplies.Plain(goods, kept, must=True).solve()
    assert best.status is Status.OPTIMAL
    assert best.objective is not None
    desk = supply.Desk(goods, kept, found(goods, kept).prices)
    assert desk.bound() <= best.objective + 1e-6


def test_prices_in_the_end_prove_more_than_those_of_broken_packs() -> None:
    goods, kits = supplies.large(0, sites=300, items=4, days=14)
    before = supply.Desk(goods, kits, supply.prices(goods, kits)).bound()
    after = supply.Desk(goods, kits, found(goods, kits).prices).bound()
    answer = supply.solve(goods, kits, Watch())
    assert before < after <= answer.objective
    assert answer.objective - after < 0.01 * after


@pytest.mark.parametrize("seed", range(3))
def test_what_policies_take_is_there(seed: int) -> None:
    """One depot that serves all sites: packs summed up to each day never pass what has come."""
    goods, kits = supplies.large(seed, sites=60, items=3, days=7)
    inner = np.flatnonzero(goods.lane_to >= goods.depots)
    goods = replace(
        goods, lane_from=np.zeros(len(inner), np.int64), lane_to=goods.lane_to[inner], lane_lead=goods.lane_lead[inner],
        lane_cost=goods.lane_cost[inner], lane_litres=goods.lane_litres[inner],
        throughput=np.full(goods.depots, 1e9),
    )  # fmt: skip
    answer, lines = found(goods, kits), asked(goods, kits)
    taken = np.zeros((len(goods.items), goods.days))
    np.add.at(taken, lines.item, answer.packs * lines.pack[:, None])
    come = goods.arrivals[0].astype(float)
    come[:, 0] += goods.stock[0]
    for supplier, day in zip(*np.nonzero(answer.prices.orders), strict=True):
        arrives = day + goods.supplier_lead[supplier]
        come[goods.supplier_item[supplier], arrives] += answer.prices.orders[supplier, day]
    assert (taken.cumsum(axis=1) <= come.cumsum(axis=1) + 1e-3).all()
    assert taken.sum() > 0.5 * come.sum()


def test_no_time_no_policies() -> None:
    goods, kits = supplies.tiny(3)
    watch = Watch(Limits(seconds=0.0))
    watch.stop()
    assert policies.mixed(goods, asked(goods, kits), supply.prices(goods, kits), watch) is None


def test_a_line_that_cannot_have_all_its_packs_has_some() -> None:
    """Ten packs wanted on a day, seven there: seven are booked, not none."""
    goods, kits = supplies.large(0, sites=1, items=1, days=3)
    need = np.zeros((1, 3), np.int64)
    need[0, 1] = 10
    goods = replace(
        goods, pack=np.ones(1, np.int64), need=need, need_site=np.zeros(1, np.int64), need_item=np.zeros(1, np.int64),
        need_tier=np.zeros(1, np.int64), need_weight=np.ones(1), throughput=np.full(goods.depots, 1e9),
    )  # fmt: skip
    lines = lots.lines(goods, np.zeros_like(kits), 1.0)
    come = np.zeros_like(goods.arrivals)
    come[1, 0, 0] = 7
    dealer = Dealer(goods, lines, Cumulated(goods, come), lots.shortages(lines, np.zeros((1, 3), np.int64)))
    dealer.accept(np.array([[0, 10, 0]]))
    assert dealer.arriving().tolist() == [[0, 7, 0]]

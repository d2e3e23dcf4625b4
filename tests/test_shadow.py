"""Shadow prices are what a scenario with more or fewer goods saves when it is solved again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pandas as pd
import pytest
from cities import city

from allocator import pipeline, shadow
from allocator.errors import InputError
from allocator.goods import goods
from allocator.limits import Limits
from allocator.scenario import Scenario
from allocator.shadow import Curve, Price
from allocator.state import State

SEEDS = range(12)


@cache
def case(seed: int) -> tuple[Scenario, State, Curve, tuple[Price, ...]]:
    scenario = city(seed, closed=False)
    state = State(scenario, pipeline.solve(scenario, Limits(rounds=0, prove=False)))
    curve = Curve(state.goods, state.kits)
    return scenario, state, curve, tuple(shadow.priced(curve, shadow.limits(curve, (0, state.goods.days // 2))))


def differences(state: State, curve: Curve, price: Price) -> Iterator[tuple[float, float]]:
    """Units more and what they save, from scenarios solved anew: at both ends of the range, and one unit more.

    A scenario that loses the last of an item that kits take is refused; it then keeps one.
    """
    for units in {-price.less, 1.0, price.more} - {0.0}:
        try:
            again, end = changed(state.scenario, price.limit, units), units
        except InputError:
            again, end = changed(state.scenario, price.limit, units + 1), units + 1
        yield end, curve.base - Curve(goods(again), state.kits).base


def changed(scenario: Scenario, limit: shadow.Limit, units: float) -> Scenario:
    if limit.rule == "budget":
        return scenario.change({"supply.budget": scenario.settings.supply.budget + units})
    key = dict(part.split("=") for part in limit.key.split(" "))
    day, left = int(key["day"]), int(units)
    arrived, stock = scenario.table("deliveries").copy(), scenario.table("stock").copy()
    due = (arrived["depot"] == key["depot"]) & (arrived["item"] == key["item"]) & (arrived["day"] == day)
    lies = (stock["place"] == key["depot"]) & (stock["item"] == key["item"]) & (day == 0)
    if left > 0:
        row = {"depot": key["depot"], "item": key["item"], "day": day, "quantity": 0}
        arrived = pd.concat([arrived, pd.DataFrame([row])] if not due.any() else [arrived], ignore_index=True)
        due = (arrived["depot"] == key["depot"]) & (arrived["item"] == key["item"]) & (arrived["day"] == day)
        arrived.loc[due, "quantity"] += left
        return scenario.change({"deliveries": arrived})
    for table, rows in ((arrived, due), (stock, lies)):
        for at in table.index[rows]:
            taken = min(-left, int(table.loc[at, "quantity"]))
            table.loc[at, "quantity"] -= taken
            left += taken
    assert not left
    return scenario.change({"deliveries": arrived, "stock": stock})


@pytest.mark.parametrize("seed", SEEDS)
def test_a_price_is_the_difference_of_solved_scenarios(seed: int) -> None:
    _, state, curve, found = case(seed)
    for p in found:
        for units, saved in differences(state, curve, p):
            assert saved == pytest.approx(p.value * units, abs=1e-8 * max(100.0, abs(curve.base)))


def test_beyond_its_range_a_price_is_wrong() -> None:
    beyond = 0
    for seed in SEEDS:
        _, _, curve, found = case(seed)
        for p in found:
            for end, far in ((p.more, p.limit.most), (-p.less, -p.limit.least)):
                if abs(end) < abs(far) - 1:
                    units = end + (1 if far > 0 else -1)
                    saved = curve.base - curve.at(p.limit.row, units)[0]
                    assert saved < p.value * units + curve.tolerance, "convex: less is saved, more is lost"
                    assert saved != pytest.approx(p.value * units, abs=curve.tolerance)
                    beyond += 1
    assert beyond >= 20


def test_enough_limits_are_priced() -> None:
    found = [p for seed in SEEDS for p in case(seed)[3]]
    assert len(found) >= 60
    assert sum(p.value > 0 for p in found) >= 20
    assert {p.limit.rule for p in found} == {"stock_balance", "budget"}
    table = shadow.table(found)
    assert (table["shadow_price"] > 0).all()
    assert (table["more"] >= 1).all()

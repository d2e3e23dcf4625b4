"""The supply stage against an independent plain MIP of all of it, on tiny random instances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import supplies

from allocator.certificate import Status
from allocator.goods import Goods
from allocator.limits import Limits, Watch
from allocator.models import lots, market, supply
from allocator.models.tariff import Prices

SEEDS = range(60)


def answer_of(goods: Goods, kits: np.ndarray, effort: str = "full") -> supply.SupplyAnswer:
    return supply.solve(goods, kits, Watch(), effort)


def random_prices(goods: Goods, kits: np.ndarray, seed: int) -> Prices:
    """Any non-negative numbers: rising, zero, far too high, on lanes that need none."""
    rng = np.random.default_rng(seed)
    shapes = {
        "kit_price": kits.shape,
        "goods": goods.arrivals.shape,
        "throughput": (goods.depots, goods.days),
        "lanes": (len(goods.lane_from), goods.days),
        "supplier_capacity": (len(goods.suppliers), goods.days),
        "orders": (len(goods.suppliers), goods.days),
    }
    scale = {name: rng.choice([0.0, 0.5, 3.0, 20.0]) for name in shapes}
    arrays = {name: rng.random(shape) * scale[name] for name, shape in shapes.items()}
    return Prices(budget=float(rng.choice([0.0, 0.1, 2.0])), **arrays)


@pytest.mark.parametrize("seed", SEEDS)
def test_plan_keeps_every_rule_and_counts_right(seed: int) -> None:
    goods, kits = supplies.tiny(seed)
    for effort in ("quick", "full"):
        answer = answer_of(goods, kits, effort)
        assert supplies.broken_rules(goods, kits, answer) == set()
        assert answer.objective == pytest.approx(supplies.cost(goods, answer))


@pytest.mark.parametrize("seed", SEEDS)
def test_best_plan_lies_between_bound_and_plan(seed: int) -> None:
    goods, kits = supplies.tiny(seed)
    answer = answer_of(goods, kits)
    kept = kits - answer.kit_short
    again = answer_of(goods, kept)
    best = supplies.Plain(goods, kept, must=True).solve()
    assert best.status is Status.OPTIMAL
    assert best.objective is not None
    if not again.kit_short.any():
        assert again.objective >= best.objective - 1e-6
        assert again.certificate.bound is not None
        assert again.certificate.bound <= best.objective + 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_bound_holds_with_kits_that_earn_their_price(seed: int) -> None:
    goods, kits = supplies.tiny(seed)
    prices = supply.prices(goods, kits)
    for trial in (prices, random_prices(goods, kits, seed), random_prices(goods, kits, seed + 1000)):
        best = supplies.Plain(goods, kits, trial.kit_price).solve()
        assert best.bound is not None
        assert max(supply.bound(goods, trial, kits)) <= best.objective + 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_bound_holds_with_no_prices_at_all(seed: int) -> None:
    goods, kits = supplies.tiny(seed)
    zero = replace(random_prices(goods, kits, seed), budget=0.0)
    names = ("kit_price", "goods", "throughput", "lanes")
    zero = replace(zero, **{name: np.zeros_like(getattr(zero, name)) for name in names})
    best = supplies.Plain(goods, kits, 0.0).solve()
    assert best.objective is not None
    assert supply.bound(goods, zero, kits)[0] <= best.objective + 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_prices_are_prices(seed: int) -> None:
    goods, kits = supplies.tiny(seed)
    prices = supply.prices(goods, kits)
    for name in ("kit_price", "goods", "throughput", "lanes", "supplier_capacity"):
        assert (getattr(prices, name) >= 0).all()
        assert np.isfinite(getattr(prices, name)).all()
    assert (np.diff(prices.goods, axis=2) <= 1e-12).all()
    assert prices.budget >= 0


@pytest.mark.parametrize("seed", range(30))
def test_line_program_is_exact(seed: int) -> None:
    """Against trying every number of packs on every day."""
    rng = np.random.default_rng(seed)
    goods, kits = supplies.tiny(seed)
    lines = lots.lines(goods, kits, 1e3)
    price = np.minimum.accumulate(rng.random((len(lines), goods.days)) * 6, axis=1)
    plan = lots.bought(lines, price)
    np.testing.assert_allclose(plan.cost, lots.cheapest(lines, price), atol=1e-9)
    short = lots.shortages(lines, plan.packs * lines.pack[:, None])
    paid = np.einsum("nd,nd->n", plan.packs, price)
    np.testing.assert_allclose(np.einsum("ndk,ndk->n", short, lines.worth) + paid, plan.cost, atol=1e-9)
    for trial in range(200):
        packs = rng.integers(0, 2 + trial % 3, price.shape)
        short = lots.shortages(lines, packs * lines.pack[:, None])
        cost = np.einsum("ndk,ndk->n", short, lines.worth) + np.einsum("nd,nd->n", packs, price)
        assert (cost >= plan.cost - 1e-9).all()


@pytest.mark.parametrize("seed", range(30))
def test_the_bound_of_sites_that_open_late_is_the_bound_less_the_days_before(seed: int) -> None:
    """`bound` with a site open from a day on >= `bound` with it open always - `charge` of the days before."""
    goods, kits = supplies.tiny(seed)
    rng, prices = np.random.default_rng(seed), random_prices(goods, kits, seed)
    sites = np.flatnonzero(rng.random(goods.sites) < 0.7)
    each = supply.charge(goods, prices, kits, sites)
    assert each.shape == (len(sites), goods.days)
    assert (each >= 0).all()
    first = np.zeros(goods.sites, np.int64)
    first[sites] = rng.integers(0, goods.days + 1, len(sites))
    closed = np.arange(goods.days) < first[:, None]
    late = replace(goods, need=np.where(closed[goods.need_site], 0, goods.need))
    before = float(each[closed[sites]].sum())
    always = supply.bound(goods, prices, kits)[0]
    assert supply.bound(late, prices, np.where(closed[:, None], 0, kits))[0] >= always - before - 1e-6


def test_a_day_open_takes_what_its_needs_cost_or_miss() -> None:
    """One line by hand: packs of one, price 3, a need worth 5 and then 2 a unit, two units on hand."""
    length = np.zeros((1, 3, 4), np.int64)
    length[0, :, 1], length[0, :, 3] = 2, 1
    worth = np.zeros((1, 3, 4))
    worth[0, :, 1], worth[0, :, 3] = 5.0, 2.0
    nothing = lots.Lines(np.zeros(1, int), np.zeros(1, int), np.array([0]), np.array([1]), length, worth)
    some = replace(nothing, start=np.array([2]))
    price = np.full((1, 3), 3.0)
    np.testing.assert_allclose(lots.withheld(nothing, price), [[8.0, 8.0, 8.0]])
    # the two on hand serve whichever day is first open
    np.testing.assert_allclose(lots.withheld(some, price), [[8.0, 8.0, 2.0]])


def test_same_question_same_answer() -> None:
    goods, kits = supplies.tiny(7)
    one, two = answer_of(goods, kits), answer_of(goods, kits)
    for name in ("day", "origin", "destination", "item", "quantity"):
        np.testing.assert_array_equal(getattr(one.shipments, name), getattr(two.shipments, name))
    np.testing.assert_array_equal(one.used, two.used)


def test_stopped_watch_still_gives_a_plan_and_a_bound() -> None:
    goods, kits = supplies.tiny(3)
    watch = Watch(Limits(seconds=0.0))
    watch.stop()
    answer = supply.solve(goods, kits, watch)
    assert supplies.broken_rules(goods, kits, answer) == set()


def test_nothing_needed_costs_nothing() -> None:
    goods, kits = supplies.tiny(1)
    none = np.zeros(0, dtype=np.int64)
    empty = replace(
        goods, need=np.zeros((0, goods.days), dtype=np.int64), need_site=none, need_item=none, need_tier=none,
        need_weight=np.zeros(0),
    )  # fmt: skip
    answer = answer_of(empty, np.zeros_like(kits))
    assert (answer.objective, answer.certificate.bound) == (0.0, pytest.approx(0.0))
    assert len(answer.shipments.day) == 0


def test_a_city_is_planned_close_to_its_bound() -> None:
    goods, kits = supplies.large(0, sites=300, items=4, days=14)
    answer = answer_of(goods, kits)
    assert supplies.broken_rules(goods, kits, answer) == set()
    assert answer.certificate.gap is not None
    assert answer.certificate.gap < 0.05


def test_groups_share_gate_item_and_wishes() -> None:
    goods, kits = supplies.large(1, sites=100, items=3, days=7)
    lines = lots.lines(goods, kits, 1.0)
    groups = market.groups(goods, lines)
    assert (groups.item[groups.line] == lines.item).all()
    assert (groups.gate[groups.line] == groups.site_gate[lines.site]).all()


def test_lines_of_a_group_ask_for_units_of_one_worth() -> None:
    """A need of one unit has no halves; pooled at a mean worth it would seem to cost more than it does."""
    goods, _ = supplies.large(1, sites=100, items=3, days=7)
    goods = replace(goods, need=np.minimum(goods.need, 1))
    lines = lots.lines(goods, np.zeros(goods.shape, np.int64), 1.0)
    wished = lines.length.any(axis=1)
    worth = np.where(wished, lines.worth.max(axis=1), 0.0)
    assert len(np.unique(worth[lines.item == 0].max(axis=1))) > 1
    line = market.groups(goods, lines).line
    for group in np.unique(line):
        assert np.ptp(worth[line == group], axis=0).max() < 1e-6

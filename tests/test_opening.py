"""Openings against every way to open, each served by an independent flow."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from ortools.graph.python import min_cost_flow

from allocator.certificate import Status
from allocator.limits import Limits, Watch
from allocator.models import opening
from allocator.models.opening import Question
from allocator.models.places import blocks, serve, worth


def drawn(seed: int, hard: bool = False) -> Question:
    """A tiny question in whole numbers; with `hard` everybody must have a place."""
    rng = np.random.default_rng(seed)
    cases, towns, places, days = (int(rng.integers(1, n)) for n in (4, 4, 4, 4))
    days = 1 if hard else days
    people = rng.integers(0, 9, (cases, towns, days))
    chance = rng.integers(1, 4, cases) / 1.0
    capacity = rng.integers(3, 15, places) + (people.sum(1).max() if hard else 0) * (rng.random(places) < 0.5)
    if hard:
        capacity[0] = max(capacity[0], people.sum(1).max())
    return Question(
        people,
        chance / chance.sum(),
        capacity,
        np.zeros(places, int) if hard else rng.integers(0, days + 1, places),
        rng.integers(0, 60, places).astype(float),
        rng.integers(0, 12, (towns, places)).astype(float),
        math.inf if hard else float(rng.integers(5, 30)),
        None if seed % 3 == 0 else rng.integers(-1 if seed % 5 == 0 else 0, 15, (places, days)).astype(float),
        None if seed % 4 else rng.random(places) < 0.7,
    )


def transport(people: np.ndarray, capacity: np.ndarray, move: np.ndarray, without: float) -> float:
    """Least cost of one day by a flow in whole numbers; infinite where people are left who must not be."""
    towns, places = move.shape
    flow = min_cost_flow.SimpleMinCostFlow()
    ceiling = 10_000 if math.isinf(without) else int(without)
    for k, i in itertools.product(range(towns), range(places)):
        flow.add_arc_with_capacity_and_unit_cost(k, towns + i, int(people[k]), int(move[k, i]))
    for i in range(places):
        flow.add_arc_with_capacity_and_unit_cost(towns + i, towns + places, int(capacity[i]), 0)
    for k in range(towns):
        flow.add_arc_with_capacity_and_unit_cost(k, towns + places, int(people[k]), ceiling)
        flow.set_node_supply(k, int(people[k]))
    flow.set_node_supply(towns + places, -int(people.sum()))
    assert flow.solve() == flow.OPTIMAL
    cost = flow.optimal_cost()
    return math.inf if math.isinf(without) and cost >= ceiling else float(cost)


def priced(q: Question, first: tuple[int, ...]) -> float:
    cases, _, places, days = q.shape
    total = sum(q.cost[i] for i in range(places) if first[i] < days)
    for day in range(days):
        there = np.array([first[i] <= day for i in range(places)])
        if q.price is not None:
            total += q.price[there, day].sum()
        for case in range(cases):
            total += q.chance[case] * transport(q.people[case, :, day], q.capacity * there, q.move, q.without)
    return float(total)


def best(q: Question) -> float:
    _, _, places, days = q.shape
    may = np.ones(places, bool) if q.allowed is None else q.allowed
    choices = [[*range(int(q.lead[i]), days), days] if may[i] else [days] for i in range(places)]
    return min(priced(q, first) for first in itertools.product(*choices))


@pytest.mark.parametrize("seed", range(120))
def test_the_best_of_all_openings_is_found_and_proved(seed: int) -> None:
    q = drawn(seed)
    found = opening.solve(q)
    assert found.first_day is not None
    assert found.certificate.status is Status.OPTIMAL
    assert found.certificate.objective == pytest.approx(best(q), abs=1e-6)
    assert found.certificate.bound == pytest.approx(found.certificate.objective, rel=1e-6, abs=1e-6)
    assert priced(q, tuple(found.first_day.tolist())) == pytest.approx(found.certificate.objective)


@pytest.mark.parametrize("seed", range(200, 240))
def test_where_everybody_must_have_a_place(seed: int) -> None:
    q = drawn(seed, hard=True)
    found, least = opening.solve(q), best(q)
    if math.isinf(least):
        assert found.first_day is None
        assert found.certificate.status in (Status.BOUND, Status.UNKNOWN)
    else:
        assert found.certificate.objective == pytest.approx(least)
        assert found.certificate.status is Status.OPTIMAL


@pytest.mark.parametrize("seed", range(40))
def test_the_answer_keeps_every_rule_in_whole_people(seed: int) -> None:
    q = drawn(seed)
    found = opening.solve(q)
    assert found.first_day is not None
    assert found.moved is not None
    assert found.left is not None
    _, _, _, days = q.shape
    there = found.first_day[:, None] <= np.arange(days)
    assert (found.moved == np.round(found.moved)).all()
    assert (found.moved.sum(2) + found.left == q.people).all()
    assert (found.moved.sum(1) <= q.capacity[None, :, None] * there).all()
    assert (found.first_day[found.first_day < days] >= q.lead[found.first_day < days]).all()
    if q.allowed is not None:
        assert (found.first_day[~q.allowed] == days).all()
    parts = found.opening + found.staying + q.chance @ (found.case_uncovered + found.case_transfer)
    assert parts == pytest.approx(found.certificate.objective)


@pytest.mark.parametrize("seed", range(30))
def test_a_bound_holds_however_short_the_time(seed: int) -> None:
    q = drawn(seed)
    found = opening.solve(q, Watch(Limits(seconds=1e-9)))
    assert found.certificate.objective >= best(q) - 1e-6
    assert found.certificate.bound is None or found.certificate.bound <= best(q) + 1e-6


@pytest.mark.parametrize("seed", range(40))
def test_a_cut_is_below_the_cost_of_every_opening(seed: int) -> None:
    """For prices out of the air as well as for those of a block's own answer."""
    q = drawn(seed)
    rng = np.random.default_rng(seed)
    for block in blocks(q.people, q.chance, q.move):
        own = serve(block, q.capacity, rng.random(len(q.capacity)), q.without).alpha
        for alpha in (own, rng.random(len(block.people)) * q.without):
            saves = worth(alpha, block.people, block.move, q.capacity)
            for there in itertools.product((0.0, 1.0), repeat=len(q.capacity)):
                cost = serve(block, q.capacity, np.array(there), q.without).cost
                assert cost >= alpha @ block.people - saves @ there - 1e-6


def test_second_stage_of_given_openings() -> None:
    q = drawn(7)
    found = opening.solve(q)
    assert found.first_day is not None
    again = opening.assess(q, found.first_day)
    assert again.certificate.objective == pytest.approx(found.certificate.objective)
    assert again.certificate.bound is None
    assert again.certificate.status is Status.FEASIBLE


def test_waiting_pays_where_a_day_open_has_a_price() -> None:
    """One hotel, nobody before day 2: it opens on day 2, not when it could."""
    people = np.array([[[0, 0, 4, 4]]])
    terms = (people, np.ones(1), np.array([5]), np.array([1]), np.array([3.0]), np.array([[1.0]]), 20.0)
    assert opening.solve(Question(*terms, price=np.full((1, 4), 2.0))).first_day.tolist() == [2]
    assert opening.solve(Question(*terms, price=np.full((1, 4), 39.0))).first_day.tolist() == [2]
    assert opening.solve(Question(*terms, price=np.full((1, 4), 100.0))).first_day.tolist() == [4]

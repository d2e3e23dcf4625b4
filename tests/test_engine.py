"""The engine: arrays in, certified answers out, on every solver."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ortools.graph.python import min_cost_flow
from ortools.math_opt.python import mathopt

from allocator.certificate import Status
from allocator.models import engine

INF = math.inf


def random_model(seed: int, integer: bool = False) -> engine.Model:
    """A covering model that always has a solution; entries repeated on purpose."""
    rng = np.random.default_rng(seed)
    height, width = int(rng.integers(2, 6)), int(rng.integers(2, 8))
    dense = rng.integers(0, 4, (height, width)) + np.eye(height, width, dtype=int)
    dense[:, 0] += 1
    rows, columns = np.nonzero(dense)
    values = dense[rows, columns] / 2
    twice = np.arange(len(rows)).repeat(2)
    shuffled = rng.permutation(twice)
    return engine.Model(
        cost=rng.integers(1, 9, width).astype(float),
        rows=rows[shuffled],
        columns=columns[shuffled],
        values=values[shuffled],
        row_lower=rng.integers(1, 9, height).astype(float),
        row_upper=np.full(height, INF),
        upper=50.0,
        integer=integer,
        offset=2.5,
    )


@pytest.mark.parametrize("solver", sorted(set(engine.SOLVERS) - {"scip"}))
@pytest.mark.parametrize("seed", range(5))
def test_solvers_agree_and_their_duals_prove_the_bound(solver: str, seed: int) -> None:
    model = random_model(seed)
    best = engine.solve(model, "glop")
    answer = engine.solve(model, solver)
    assert answer.status is Status.OPTIMAL
    assert answer.objective == pytest.approx(best.objective, rel=1e-4)
    assert answer.bound == pytest.approx(best.objective, rel=1e-4)
    assert answer.duals is not None
    assert answer.reduced is not None
    assert engine.dual_bound(model, answer.duals) == pytest.approx(best.objective, rel=1e-2)
    rebuilt = np.bincount(model.columns, model.values * answer.duals[model.rows], len(model.cost))
    np.testing.assert_allclose(rebuilt + answer.reduced, model.cost, atol=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_dual_bound_holds_for_any_duals(seed: int) -> None:
    model = random_model(seed, integer=True)
    best = engine.solve(model)
    assert best.status is Status.OPTIMAL
    assert best.objective is not None
    rng = np.random.default_rng(seed)
    for _ in range(20):
        assert engine.dual_bound(model, rng.normal(0, 3, len(model.row_lower))) <= best.objective + 1e-9


def test_integer_columns_are_integers() -> None:
    model = engine.Model(
        cost=np.array([-5.0, -4.0]),
        rows=np.array([0, 0, 1, 1]),
        columns=np.array([0, 1, 0, 1]),
        values=np.array([6.0, 4.0, 1.0, 2.0]),
        row_lower=np.array([-INF, -INF]),
        row_upper=np.array([24.0, 6.0]),
        integer=np.array([True, True]),
    )
    answer = engine.solve(model)
    assert (answer.objective, answer.bound) == (pytest.approx(-20), pytest.approx(-20))
    assert answer.x == pytest.approx([4, 0])
    assert engine.solve(model, hint=np.array([3.0, 1.0])).objective == pytest.approx(-20)


@pytest.mark.parametrize(("lower", "cost", "reason"), [(5.0, 1.0, "infeasible"), (0.0, -1.0, "unbounded")])
def test_no_answer_has_no_numbers(lower: float, cost: float, reason: str) -> None:
    one = np.zeros(1, dtype=int)
    model = engine.Model(
        cost=np.array([cost]),
        rows=one,
        columns=one,
        values=np.ones(1),
        row_lower=np.array([lower]),
        row_upper=np.array([INF]),
        upper=INF if cost < 0 else 1.0,
    )
    answer = engine.solve(model)
    assert answer.status is Status.UNKNOWN
    assert reason in answer.reason
    assert answer.objective is None
    assert answer.bound is None
    assert answer.certificate("trial").bound is None


def test_a_model_without_rows() -> None:
    none, zero = np.zeros(0, dtype=int), np.zeros(0)
    model = engine.Model(np.array([1.0, -1.0]), none, none, zero, zero, zero, upper=3.0)
    assert engine.solve(model).objective == pytest.approx(-3)


@pytest.mark.parametrize("seed", range(5))
def test_glop_goes_on_from_a_basis_with_columns_added(seed: int) -> None:
    model = random_model(seed)
    first = engine.solve(model, "glop")
    height, width = model.shape
    wider = engine.Model(
        cost=np.append(model.cost, 0.5),
        rows=np.append(model.rows, np.arange(height)),
        columns=np.append(model.columns, np.full(height, width)),
        values=np.append(model.values, np.ones(height)),
        row_lower=model.row_lower,
        row_upper=model.row_upper,
        upper=50.0,
    )
    again = engine.solve(wider, "glop", basis=first.basis)
    assert again.objective == pytest.approx(engine.solve(wider, "highs").objective)


def test_every_way_to_end_is_mapped() -> None:
    assert set(engine.REASONS) == set(mathopt.TerminationReason)


def test_no_time_is_no_claim() -> None:
    answer = engine.solve(random_model(0, integer=True), seconds=0.0)
    assert answer.status in (Status.UNKNOWN, Status.BOUND, Status.FEASIBLE, Status.OPTIMAL)
    assert answer.objective is None or answer.x is not None


def test_flow_is_cheapest() -> None:
    answer = engine.flow(
        tails=np.array([0, 0, 1, 2]),
        heads=np.array([1, 2, 3, 3]),
        capacity=np.array([2, 5, 5, 5]),
        cost=np.array([1, 3, 1, 1]),
        supply=np.array([4, 0, 0, -4]),
    )
    assert (answer.reason, answer.cost) == ("optimal", 12)
    assert answer.units.tolist() == [2, 2, 2, 2]


def test_flow_that_does_not_fit() -> None:
    arcs = {"tails": np.array([0]), "heads": np.array([1]), "capacity": np.array([2]), "cost": np.array([1])}
    assert engine.flow(**arcs, supply=np.array([3, -3])).reason != "optimal"
    assert engine.flow(**arcs, supply=np.array([3, -3]), most=True).units.tolist() == [2]


def test_flow_reasons_are_words() -> None:
    assert all(status.name for status in min_cost_flow.SimpleMinCostFlow.Status.__members__.values())

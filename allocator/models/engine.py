"""The only module that runs a solver: arrays in, a certified answer out.

Linear and integer models go to OR-Tools MathOpt (HiGHS, GLOP, PDLP, SCIP) as protocol buffers built
straight from arrays: MathOpt's Python objects would take longer to build than the models take to
solve. Network flows go to OR-Tools' `SimpleMinCostFlow`. Every model is minimised.

A solver's own claim is never needed for a proof: `dual_bound` recomputes, in numpy, the bound that
any row duals prove.
"""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ortools.graph.python import min_cost_flow
from ortools.math_opt import (
    callback_pb2,
    model_parameters_pb2,
    model_pb2,
    parameters_pb2,
    result_pb2,
    solution_pb2,
)
from ortools.math_opt.core.python import solver as core
from ortools.math_opt.python import init_arguments, mathopt

from allocator.certificate import Certificate, Status

THREADS = 1
"""One value per process: HiGHS starts one thread pool, and refuses a second size."""

SOLVERS: Mapping[str, mathopt.SolverType] = {
    "highs": mathopt.SolverType.HIGHS,
    "glop": mathopt.SolverType.GLOP,
    "pdlp": mathopt.SolverType.PDLP,
    "scip": mathopt.SolverType.GSCIP,
}

MIXED = ("highs", "scip")
"""Solvers that take whole numbers, and so gaps."""

REASONS: Mapping[mathopt.TerminationReason, Status] = {
    mathopt.TerminationReason.OPTIMAL: Status.OPTIMAL,
    mathopt.TerminationReason.FEASIBLE: Status.FEASIBLE,
    mathopt.TerminationReason.IMPRECISE: Status.UNKNOWN,
    mathopt.TerminationReason.NO_SOLUTION_FOUND: Status.BOUND,
    mathopt.TerminationReason.INFEASIBLE: Status.UNKNOWN,
    mathopt.TerminationReason.UNBOUNDED: Status.UNKNOWN,
    mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED: Status.UNKNOWN,
    mathopt.TerminationReason.NUMERICAL_ERROR: Status.UNKNOWN,
    mathopt.TerminationReason.OTHER_ERROR: Status.UNKNOWN,
}
"""What each way to end lets us say; BOUND becomes UNKNOWN where there is no finite bound."""

BASIC = solution_pb2.BASIS_STATUS_BASIC
AT_LOWER = solution_pb2.BASIS_STATUS_AT_LOWER_BOUND
AT_UPPER = solution_pb2.BASIS_STATUS_AT_UPPER_BOUND
FREE = solution_pb2.BASIS_STATUS_FREE


@dataclass(frozen=True)
class Model:
    """Minimise cost @ x + offset with row_lower <= A x <= row_upper and lower <= x <= upper.

    A is given by its entries: `rows[k]`, `columns[k]`, `values[k]`, in any order; entries of one
    place add up. Bounds may be infinite; a scalar stands for all.
    """

    cost: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    row_lower: np.ndarray
    row_upper: np.ndarray
    lower: np.ndarray | float = 0.0
    upper: np.ndarray | float = math.inf
    integer: np.ndarray | bool = False
    offset: float = 0.0

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.row_lower), len(self.cost)

    def full(self, name: str, kind: type = float) -> np.ndarray:
        """The column attribute `name` with a scalar spread over all columns."""
        return np.broadcast_to(np.asarray(getattr(self, name), dtype=kind), self.cost.shape)

    def only(self, columns: np.ndarray) -> Model:
        """The model of some columns, in the order given."""
        place = np.full(len(self.cost), -1)
        place[columns] = np.arange(len(columns))
        some = place[self.columns] >= 0
        return Model(
            self.cost[columns], self.rows[some], place[self.columns[some]], self.values[some], self.row_lower,
            self.row_upper, self.full("lower")[columns], self.full("upper")[columns],
            self.full("integer", bool)[columns], self.offset,
        )  # fmt: skip


@dataclass(frozen=True)
class Basis:
    """Where a simplex solver stopped, as MathOpt basis statuses per row and column."""

    rows: np.ndarray
    columns: np.ndarray


@dataclass(frozen=True)
class Answer:
    """What a solver returned; arrays are None where it has nothing to show.

    `duals` and `reduced` follow the minimisation: cost = A^T duals + reduced, a row at its lower
    bound has duals >= 0. `reason` is MathOpt's word, such as `optimal` or `no_solution_found/time`.
    """

    status: Status
    reason: str
    objective: float | None
    bound: float | None
    x: np.ndarray | None
    duals: np.ndarray | None
    reduced: np.ndarray | None
    basis: Basis | None
    seconds: float
    solver: str

    def certificate(self, stage: str) -> Certificate:
        return Certificate(stage, self.status, self.objective, self.bound, self.seconds, self.solver)


def solve(
    model: Model,
    solver: str = "highs",
    seconds: float | None = None,
    gap: float = 0.0,
    seed: int = 0,
    hint: np.ndarray | None = None,
    basis: Basis | None = None,
    algorithm: str | None = None,
    tolerance: float | None = None,
) -> Answer:
    """Solve an LP or MIP.

    `hint` is a starting solution for a MIP, `basis` a starting basis for GLOP (of the same rows;
    columns added since start at a bound), `algorithm` one of primal_simplex, dual_simplex,
    barrier, first_order, `tolerance` the relative accuracy of PDLP.
    """
    started = time.perf_counter()
    proto = _proto(model)
    limits = _parameters(solver, seconds, gap, seed, algorithm, tolerance)
    result = core.solve(
        proto,
        SOLVERS[solver].value,
        init_arguments.StreamableSolverInitArguments().to_proto(),
        limits,
        _starts(model, hint, basis),
        None,
        callback_pb2.CallbackRegistrationProto(),
        None,
        None,
    )
    return _answer(model, result, time.perf_counter() - started, solver)


def dual_bound(model: Model, duals: np.ndarray) -> float:
    """Lower bound on the model (integer or not) that `duals` prove, for any numbers in `duals`.

    Rows: y+ row_lower - y- row_upper, where y is set to 0 if that side is infinite. Columns: the
    least of (cost - A^T y) x over the column's bounds; minus infinity if that is unbounded.
    """
    y = np.where(np.isfinite(np.where(duals > 0, model.row_lower, model.row_upper)), duals, 0.0)
    side = np.where(y > 0, model.row_lower, model.row_upper)
    rows = float(np.sum(y[y != 0] * side[y != 0]))
    reduced = model.cost - np.bincount(model.columns, model.values * y[model.rows], len(model.cost))
    lower, upper = model.full("lower"), model.full("upper")
    at = np.where(reduced > 0, lower, upper)
    moving = reduced != 0
    return rows + float(np.sum(reduced[moving] * at[moving])) + model.offset


@dataclass(frozen=True)
class Flow:
    """Units on every arc and their cost; `reason` is the solver's word, `optimal` when it is."""

    reason: str
    cost: int
    units: np.ndarray


def flow(
    tails: np.ndarray,
    heads: np.ndarray,
    capacity: np.ndarray,
    cost: np.ndarray,
    supply: np.ndarray,
    most: bool = False,
) -> Flow:
    """Cheapest flow on arcs of integer cost and capacity; `supply` < 0 is demand of a node.

    With `most`, ship as much as fits (supply and demand need not match), then cheapest.
    """
    network = min_cost_flow.SimpleMinCostFlow()
    arcs = network.add_arcs_with_capacity_and_unit_cost(
        np.asarray(tails, dtype=np.int32),
        np.asarray(heads, dtype=np.int32),
        np.asarray(capacity, dtype=np.int64),
        np.asarray(cost, dtype=np.int64),
    )
    network.set_nodes_supplies(np.arange(len(supply), dtype=np.int32), np.asarray(supply, dtype=np.int64))
    status = network.solve_max_flow_with_min_cost() if most else network.solve()
    if status != network.OPTIMAL:
        return Flow(status.name.lower(), 0, np.zeros(len(tails), dtype=np.int64))
    return Flow("optimal", int(network.optimal_cost()), np.asarray(network.flows(arcs), dtype=np.int64))


def _proto(model: Model) -> model_pb2.ModelProto:
    """The model as MathOpt reads it: ids 0.., entries by row, then column, without repeats."""
    height, width = model.shape
    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(range(width))
    proto.variables.lower_bounds.extend(model.full("lower").tolist())
    proto.variables.upper_bounds.extend(model.full("upper").tolist())
    proto.variables.integers.extend(model.full("integer", bool).tolist())
    proto.objective.offset = model.offset
    priced = np.flatnonzero(model.cost)
    proto.objective.linear_coefficients.ids.extend(priced.tolist())
    proto.objective.linear_coefficients.values.extend(np.asarray(model.cost, dtype=float)[priced].tolist())
    proto.linear_constraints.ids.extend(range(height))
    proto.linear_constraints.lower_bounds.extend(np.asarray(model.row_lower, dtype=float).tolist())
    proto.linear_constraints.upper_bounds.extend(np.asarray(model.row_upper, dtype=float).tolist())
    rows, columns, values = _entries(model)
    proto.linear_constraint_matrix.row_ids.extend(rows.tolist())
    proto.linear_constraint_matrix.column_ids.extend(columns.tolist())
    proto.linear_constraint_matrix.coefficients.extend(values.tolist())
    return proto


def _entries(model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries of A by row, then column, each place once, no zeros."""
    width = max(1, len(model.cost))
    place = np.asarray(model.rows, dtype=np.int64) * width + np.asarray(model.columns, dtype=np.int64)
    order = np.argsort(place, kind="stable")
    place = place[order]
    first = np.flatnonzero(np.diff(place, prepend=-1))
    values = np.asarray(model.values, dtype=float)[order]
    values = np.add.reduceat(values, first) if len(first) else values
    kept = values != 0
    place = place[first][kept]
    return place // width, place % width, values[kept]


def _parameters(
    solver: str, seconds: float | None, gap: float, seed: int, algorithm: str | None, tolerance: float | None
) -> parameters_pb2.SolveParametersProto:
    """Limits and settings; GLOP and PDLP refuse what is not theirs, so only HiGHS and SCIP get gaps."""
    chosen = mathopt.SolveParameters(
        time_limit=None if seconds is None else datetime.timedelta(seconds=seconds),
        threads=THREADS if solver == "pdlp" else None,
        random_seed=seed if solver != "pdlp" else None,
        relative_gap_tolerance=gap if solver in MIXED else None,
        absolute_gap_tolerance=1e-9 if solver in MIXED else None,
        lp_algorithm=None if algorithm is None else mathopt.LPAlgorithm[algorithm.upper()],
    )
    proto = chosen.to_proto()
    if solver == "highs":
        proto.highs.int_options["threads"] = THREADS
    if solver == "pdlp" and tolerance is not None:
        proto.pdlp.termination_criteria.simple_optimality_criteria.eps_optimal_relative = tolerance
        proto.pdlp.termination_criteria.simple_optimality_criteria.eps_optimal_absolute = tolerance
    return proto


def _starts(
    model: Model, hint: np.ndarray | None, basis: Basis | None
) -> model_parameters_pb2.ModelSolveParametersProto:
    proto = model_parameters_pb2.ModelSolveParametersProto()
    height, width = model.shape
    if hint is not None:
        values = proto.solution_hints.add().variable_values
        values.ids.extend(range(width))
        values.values.extend(np.asarray(hint, dtype=float).tolist())
    if basis is not None:
        lower, upper = model.full("lower"), model.full("upper")
        columns = np.where(np.isfinite(lower), AT_LOWER, np.where(np.isfinite(upper), AT_UPPER, FREE))
        columns[: len(basis.columns)] = basis.columns
        proto.initial_basis.constraint_status.ids.extend(range(height))
        proto.initial_basis.constraint_status.values.extend(basis.rows.tolist())
        proto.initial_basis.variable_status.ids.extend(range(width))
        proto.initial_basis.variable_status.values.extend(columns.tolist())
    return proto


def _answer(model: Model, result: result_pb2.SolveResultProto, seconds: float, solver: str) -> Answer:
    """Read a result; a dual bound that is not finite is no bound."""
    height, width = model.shape
    end = result.termination
    reason = mathopt.TerminationReason(end.reason)
    word = reason.name.lower()
    if end.limit:
        word += "/" + mathopt.Limit(end.limit).name.lower()
    status = REASONS[reason]
    bound = end.objective_bounds.dual_bound if status is not Status.UNKNOWN else math.inf
    x = duals = reduced = basis = None
    objective = None
    for found in result.solutions[:1] if status is not Status.UNKNOWN else []:
        primal, dual = found.primal_solution, found.dual_solution
        if primal.feasibility_status == solution_pb2.SOLUTION_STATUS_FEASIBLE:
            x, objective = _vector(primal.variable_values, width), primal.objective_value
        if found.HasField("dual_solution"):
            duals, reduced = _vector(dual.dual_values, height), _vector(dual.reduced_costs, width)
        if found.HasField("basis"):
            basis = Basis(_codes(found.basis.constraint_status), _codes(found.basis.variable_status))
    known = bound if math.isfinite(bound) else None
    if status is Status.BOUND and known is None:
        status = Status.UNKNOWN
    return Answer(status, word, objective, known, x, duals, reduced, basis, seconds, solver)


def _vector(sparse: Any, size: int) -> np.ndarray:
    vector = np.zeros(size)
    vector[np.array(sparse.ids, dtype=np.int64)] = np.array(sparse.values, dtype=float)
    return vector


def _codes(sparse: Any) -> np.ndarray:
    return np.array(sparse.values, dtype=np.int64)

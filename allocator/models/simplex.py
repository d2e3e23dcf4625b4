"""A linear program that stays in the solver's memory while columns come and bounds change.

The second module that runs a solver: GLOP through MathOpt, which goes on from its last basis. HiGHS
refuses such updates in MathOpt and would start anew each time, twenty times slower in a master LP.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ortools.math_opt import (
    callback_pb2,
    model_parameters_pb2,
    model_pb2,
    model_update_pb2,
    parameters_pb2,
)
from ortools.math_opt.core.python import solver as core
from ortools.math_opt.python import init_arguments, mathopt


@dataclass(frozen=True)
class Point:
    """An optimal solution: value, columns, row duals (a row at its lower bound has duals >= 0)."""

    objective: float
    x: np.ndarray
    duals: np.ndarray


class Simplex:
    """Minimise cost @ x with row_lower <= A x <= row_upper and lower <= x <= upper."""

    def __init__(self, row_lower: np.ndarray, row_upper: np.ndarray):
        self._lower, self._upper = row_lower.astype(float), row_upper.astype(float)
        self._width = 0
        self._bounds: dict[int, tuple[float, float]] = {}
        self._rows: dict[int, tuple[float, float]] = {}
        model = model_pb2.ModelProto()
        model.linear_constraints.ids.extend(range(len(row_lower)))
        model.linear_constraints.lower_bounds.extend(self._lower.tolist())
        model.linear_constraints.upper_bounds.extend(self._upper.tolist())
        arguments = init_arguments.StreamableSolverInitArguments().to_proto()
        self._solver = core.new(mathopt.SolverType.GLOP.value, model, arguments)

    @property
    def width(self) -> int:
        """Columns so far."""
        return self._width

    def add(
        self, cost: np.ndarray, rows: Sequence[np.ndarray], values: Sequence[np.ndarray] | None = None
    ) -> np.ndarray:
        """Add columns at 0 or above, by the rows they enter (with 1 where no values are given)."""
        self._flush()
        count = len(cost)
        ids = np.arange(self._width, self._width + count)
        if not count:
            return ids
        lengths = np.array([len(r) for r in rows])
        row, column = np.concatenate(rows), np.repeat(ids, lengths)
        value = np.ones(len(row)) if values is None else np.concatenate(values)
        order = np.lexsort((column, row))
        update = model_update_pb2.ModelUpdateProto()
        update.new_variables.ids.extend(ids.tolist())
        update.new_variables.lower_bounds.extend([0.0] * count)
        update.new_variables.upper_bounds.extend([math.inf] * count)
        update.new_variables.integers.extend([False] * count)
        priced = np.flatnonzero(cost)
        update.objective_updates.linear_coefficients.ids.extend(ids[priced].tolist())
        update.objective_updates.linear_coefficients.values.extend(np.asarray(cost, float)[priced].tolist())
        matrix = update.linear_constraint_matrix_updates
        matrix.row_ids.extend(row[order].tolist())
        matrix.column_ids.extend(column[order].tolist())
        matrix.coefficients.extend(value[order].tolist())
        self._send(update)
        self._width += count
        return ids

    def bound(self, columns: np.ndarray, lower: float, upper: float) -> None:
        """Set the bounds of columns."""
        self._bounds.update((int(j), (lower, upper)) for j in columns)

    def row(self, row: int, lower: float, upper: float) -> None:
        """Set the bounds of a row."""
        self._rows[row] = (lower, upper)

    def solve(self, dual: bool = False, seconds: float | None = None) -> Point | None:
        """Solve from the last basis; None where there is no optimum, or none in time.

        The dual simplex goes on best after changed bounds, the primal after new columns.
        """
        self._flush()
        parameters = mathopt.SolveParameters(
            time_limit=None if seconds is None else datetime.timedelta(seconds=seconds),
            lp_algorithm=mathopt.LPAlgorithm.DUAL_SIMPLEX if dual else mathopt.LPAlgorithm.PRIMAL_SIMPLEX,
            presolve=mathopt.Emphasis.OFF,
        ).to_proto()
        result = self._run(parameters)
        optimal = mathopt.TerminationReason(result.termination.reason) is mathopt.TerminationReason.OPTIMAL
        if not optimal or not result.solutions:
            return None
        found = result.solutions[0]
        x = _vector(found.primal_solution.variable_values, self._width)
        duals = _vector(found.dual_solution.dual_values, len(self._lower))
        return Point(float(found.primal_solution.objective_value), x, duals)

    def _run(self, parameters: parameters_pb2.SolveParametersProto) -> Any:
        wanted = model_parameters_pb2.ModelSolveParametersProto()
        wanted.variable_values_filter.skip_zero_values = True
        wanted.dual_values_filter.skip_zero_values = True
        wanted.reduced_costs_filter.filter_by_ids = True
        none = callback_pb2.CallbackRegistrationProto()
        return self._solver.solve(parameters, wanted, None, none, None, None)

    def _flush(self) -> None:
        """Send the bounds that changed."""
        if not self._bounds and not self._rows:
            return
        update = model_update_pb2.ModelUpdateProto()
        columns, rows = sorted(self._bounds), sorted(self._rows)
        for side, place in ((0, "lower_bounds"), (1, "upper_bounds")):
            of_columns = getattr(update.variable_updates, place)
            of_columns.ids.extend(columns)
            of_columns.values.extend(self._bounds[j][side] for j in columns)
            of_rows = getattr(update.linear_constraint_updates, place)
            of_rows.ids.extend(rows)
            of_rows.values.extend(self._rows[i][side] for i in rows)
        self._bounds.clear()
        self._rows.clear()
        self._send(update)

    def _send(self, update: model_update_pb2.ModelUpdateProto) -> None:
        if not self._solver.update(update):
            raise RuntimeError("GLOP takes no updates in this version of OR-Tools")


def _vector(sparse: Any, size: int) -> np.ndarray:
    vector = np.zeros(size)
    vector[np.array(sparse.ids, dtype=np.int64)] = np.array(sparse.values, dtype=float)
    return vector

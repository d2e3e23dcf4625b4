"""One peer on one city, in a process of its own; one JSON line on stdout.

    python tests/benchmarks/rival.py (cpsat | highs | timefold) CITY --seconds 100 [--columns 600000]
        [--memory 12] [--processes 2] [--seed 0] [--timefold-python PATH]

`seconds` counts from the start of the process, reading and building included. `path` lists what was known when:
seconds, value, bound. `value` at the end is that of the plan's tables as the allocator's measures give it, `claimed`
the model's own sum; `violations` are those the verifier finds. `bound` is a bound on the city only where all pairs
within reach are in the model (`near` says how many sites of each cadre are).

cpsat, highs   the model of `joint.py`: CP-SAT with its own search on all cores, HiGHS through ortools.math_opt
timefold       the model of `seats.py`, people alone; goods are then sent by the allocator's own supply stage, which
               flatters it
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

STARTED = time.monotonic()
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from joint import Joint, score
from ortools.math_opt.python import mathopt
from ortools.sat.python import cp_model

from allocator import scenario as scenarios
from allocator.models import engine

SCALE = 10**4
"""Whole numbers of CP-SAT per unit of penalty."""


def now() -> float:
    return round(time.monotonic() - STARTED, 2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=("cpsat", "highs", "timefold"))
    parser.add_argument("city", type=Path)
    parser.add_argument("--seconds", type=float, default=100.0)
    parser.add_argument("--columns", type=int, default=600_000, help="columns of shifts at most")
    parser.add_argument("--memory", type=float, default=12.0, help="GB of address space")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timefold-python", type=Path)
    given = parser.parse_args()
    limit = int(given.memory * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    record: dict[str, Any] = {"peer": given.peer, "city": str(given.city), "limit": given.seconds, "value": None}
    try:
        record |= {"cpsat": cpsat, "highs": highs, "timefold": timefold}[given.peer](given)
    except MemoryError:
        record["status"] = "out of memory"
    record["seconds"] = now()
    usage = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps(record | {"peak_mb": max(usage) // 1024}), flush=True)
    return 0


def built(given: Any) -> tuple[Joint, dict[str, Any]]:
    joint = Joint(scenarios.read(given.city), given.columns)
    height, width = joint.model.shape
    whole = bool(joint.reach.sum() >= np.isfinite(joint.inst.minutes[:, np.diff(joint.inst.site_posts) > 0]).sum())
    return joint, {"built": now(), "rows": height, "columns": width, "near": joint.near, "whole": whole}


def judged(joint: Joint, x: np.ndarray | None, bound: float | None, record: dict[str, Any]) -> dict[str, Any]:
    if x is not None:
        found = score(joint.scenario, joint.tables(x))
        record |= {"value": found.objective, "violations": found.violations, "shifts": found.shifts}
        record["claimed"] = float(joint.model.cost @ x) + joint.model.offset
    return record | {"bound": bound if record["whole"] else None, "model_bound": bound}


# -- CP-SAT


def whole_rows(model: engine.Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows in whole numbers, none looser than before: values, lower, upper."""
    worst = np.ones(len(model.row_lower))
    off = np.abs(model.values - np.rint(model.values)) > 1e-9
    worst[model.rows[off]] = 1000.0
    values = model.values * worst[model.rows]
    near = np.rint(values)
    values = np.where(np.abs(values - near) < 1e-6, near, np.ceil(values))
    return values.astype(np.int64), np.ceil(model.row_lower * worst - 1e-6), np.floor(model.row_upper * worst + 1e-6)


def cp_model_of(model: engine.Model) -> cp_model.CpModel:
    out = cp_model.CpModel()
    upper = np.minimum(model.full("upper"), 2**40).astype(np.int64)
    columns = [out.new_int_var(0, u, "") for u in upper.tolist()]
    values, low, high = whole_rows(model)
    order = np.argsort(model.rows, kind="stable")
    where = np.searchsorted(model.rows[order], np.arange(len(low) + 1))
    entry, value = model.columns[order].tolist(), values[order].tolist()
    for r in range(len(low)):
        a, b = int(where[r]), int(where[r + 1])
        lower = int(low[r]) if math.isfinite(low[r]) else cp_model.INT_MIN
        most = int(high[r]) if math.isfinite(high[r]) else cp_model.INT_MAX
        expression = cp_model.LinearExpr.weighted_sum([columns[k] for k in entry[a:b]], value[a:b])
        out.add_linear_constraint(expression, lower, most)
    out.minimize(cp_model.LinearExpr.weighted_sum(columns, np.rint(model.cost * SCALE).astype(np.int64).tolist()))
    return out


class Listener(cp_model.CpSolverSolutionCallback):
    """Keeps what was known when."""

    def __init__(self, offset: float):
        super().__init__()
        self.offset = offset
        self.path: list[list[Any]] = []

    def on_solution_callback(self) -> None:
        known = [self.objective_value / SCALE + self.offset, self.best_objective_bound / SCALE + self.offset]
        self.path.append([now(), *known])


def cpsat(given: Any) -> dict[str, Any]:
    joint, record = built(given)
    model = cp_model_of(joint.model)
    record["built"] = now()
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = max(1.0, given.seconds - now())
    solver.parameters.num_workers = given.processes
    solver.parameters.random_seed = given.seed
    listener = Listener(joint.model.offset)
    bounds: list[list[float | None]] = []
    solver.best_bound_callback = lambda b: bounds.append([now(), None, b / SCALE + joint.model.offset])
    status = solver.solve(model, listener)
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    x = np.array(solver.response_proto.solution, float) if found else None
    record |= {"status": solver.status_name(status), "path": sorted(listener.path + bounds, key=lambda p: p[0])}
    bound = solver.best_objective_bound / SCALE + joint.model.offset
    return judged(joint, x, bound if bounds or found else None, record)


# -- HiGHS


@contextlib.contextmanager
def printed_to(file: Any) -> Any:
    """What the library itself prints on stdout goes to a file."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(file.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def highs(given: Any) -> dict[str, Any]:
    joint, record = built(given)
    model = mathopt.Model.from_model_proto(engine._proto(joint.model))
    record["built"] = begun = now()
    parameters = mathopt.SolveParameters(enable_output=True, random_seed=given.seed)
    parameters.highs.int_options["threads"] = given.processes
    parameters.highs.double_options["time_limit"] = max(1.0, given.seconds - now())
    with tempfile.TemporaryFile("w+") as log:
        with printed_to(log):
            result = mathopt.solve(model, mathopt.SolverType.HIGHS, params=parameters)
        log.seek(0)
        path = [[round(t + begun, 2), v, b] for t, v, b in news(log.read())]
    x = None
    if result.has_primal_feasible_solution():
        values = result.variable_values()
        x = np.array([values[v] for v in model.variables()])
        whole = joint.model.full("integer", bool)
        x[whole] = np.rint(x[whole])
    bound = result.termination.objective_bounds.dual_bound
    record |= {"status": result.termination.reason.name.lower(), "path": path}
    return judged(joint, x, bound if math.isfinite(bound) else None, record)


def news(log: str) -> list[tuple[float, float | None, float | None]]:
    """(seconds, value, bound) of the lines of the branch-and-bound table that tell something new."""
    number = r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf)"
    line = rf"^\s*\S?\s+\d+\s+\d+\s+\d+\s+{number}%\s+({number})\s+({number})\s.*?([\d.]+)s\s*$"
    found: list[tuple[float, float | None, float | None]] = []
    for match in re.finditer(line, log, re.MULTILINE):
        bound, value, seconds = (float(x) for x in match.groups())
        new = (value if math.isfinite(value) else None, bound if math.isfinite(bound) else None)
        if not found or found[-1][1:] != new:
            found.append((seconds, *new))
    return found


# -- Timefold


def timefold(given: Any) -> dict[str, Any]:
    from seats import solve

    return solve(scenarios.read(given.city), given, now)


if __name__ == "__main__":
    sys.exit(main())

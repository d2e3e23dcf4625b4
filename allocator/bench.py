"""A model alone on instances that others published, to measure it against their values.

Assignment (OR-Library, Beasley 1990): n rows of n costs, choose one column per row, each
column once, at least total cost. As a scenario: n cadres, n sites that ask for one person
on one day, and travel minutes for costs.
"""

from __future__ import annotations

import datetime
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allocator import pipeline
from allocator.certificate import Status
from allocator.errors import InputError, Problem
from allocator.limits import Limits
from allocator.scenario import Batch, Rules, Scenario, Settings, Shift, Supply, Travel, Weights
from allocator.sheet import DTYPES, series
from allocator.tables import INPUTS, SETTINGS


@dataclass(frozen=True)
class Assignment:
    """Answer for one instance, in the instance's own costs."""

    status: Status
    objective: float | None
    bound: float | None
    seconds: float
    columns: np.ndarray
    """Column of each row, from 0; -1 where the row has none."""

    def record(self) -> dict[str, Any]:
        return {k: v for k, v in asdict(self).items() if k != "columns"}


def read_assign(path: Path) -> np.ndarray:
    """Costs of an OR-Library assignment file: n, then n times n whole numbers, however wrapped."""

    def problem(row: int | None, value: str, expected: str) -> InputError:
        return InputError([Problem(str(path), row, None, value, expected, "bad_instance")])

    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise problem(None, "", f"a readable text file ({error})") from None
    numbers: list[int] = []
    for row, line in enumerate(lines, 1):
        for word in line.split():
            try:
                numbers.append(int(word))
            except ValueError:
                raise problem(row, word, "a whole number") from None
    if not numbers or numbers[0] < 1 or len(numbers) != 1 + numbers[0] ** 2:
        raise problem(None, f"{len(numbers)} numbers", "n, then n times n costs")
    return np.array(numbers[1:], dtype=np.int64).reshape(numbers[0], numbers[0])


def assign(costs: np.ndarray, limits: Limits) -> Assignment:
    """Solve an assignment by the posting model, through a whole scenario and its plan."""
    shift = min(0, int(costs.min()))
    scenario = assign_scenario(costs - shift)
    plan = pipeline.solve(scenario, limits)
    places = plan.tables["postings"]
    columns = np.full(len(costs), -1)
    columns[places["cadre"].str[1:].astype(int)] = places["site"].str[1:].astype(int)
    complete = len(set(columns.tolist()) - {-1}) == len(costs)
    objective = float(costs[np.arange(len(costs)), columns].sum()) if complete else None
    # costs are whole, so the next whole number above a bound is a bound as well
    bound = None if plan.bound is None else float(math.ceil(plan.bound - 1e-6) + shift * len(costs))
    if objective is None:
        status = Status.UNKNOWN if bound is None else Status.BOUND
    else:
        status = Status.OPTIMAL if bound is not None and bound >= objective else Status.FEASIBLE
    return Assignment(status, objective, bound, round(sum(c.seconds for c in plan.certificates), 3), columns)


def write_assign(columns: np.ndarray, path: Path) -> None:
    """Write `row,column`, counted from 1, whole or not at all; rows without a column are left out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{i},{j}" for i, j in enumerate((columns + 1).tolist(), 1) if j > 0]
    part = path.with_name(path.name + ".part")
    part.write_text("\n".join(["row,column", *rows, ""]), encoding="utf-8")
    os.replace(part, path)


def assign_scenario(costs: np.ndarray) -> Scenario:
    """n cadres, n one-person sites, one day; an unstaffed site outweighs every travel cost."""
    n, top = len(costs), float(costs.max())
    start = datetime.date(2020, 2, 3)
    settings = Settings(
        name=f"assign{n}",
        title="",
        start=start,
        days=1,
        shifts=(Shift("day", 480, 480, False),),
        batches=(Batch("all", 0, n),),
        cases=(),
        rules=Rules(
            rest_hours=0.0,
            max_run=1,
            max_shifts_7_days=1,
            max_nights_7_days=0,
            max_travel=top,
            max_posting_days=1,
        ),
        weights=_weights(required=n * top + 1),
        travel=Travel(speed_kmh=30.0, detour=1.0),
        supply=Supply(budget=0.0),
    )
    tables = _tables(costs)
    given = frozenset(tables)
    return Scenario(settings, {name: _table(name, tables.get(name, {})) for name in INPUTS}, given)


def _weights(required: float) -> Weights:
    """Only travel and unstaffed sites cost anything."""
    off = {k.name: 0.0 for k in SETTINGS if k.section == "weights"}
    costs = off | {"required": required, "travel": 1.0, "first_half": 1.0}
    return Weights(**costs, tiers={k.name: 0.0 for k in SETTINGS if k.section == "weights.tiers"})


def _tables(costs: np.ndarray) -> dict[str, dict[str, Any]]:
    """Columns of every table that is there; one value stands for a whole column."""
    n = len(costs)
    cadres, sites = [f"r{i}" for i in range(n)], [f"c{j}" for j in range(n)]
    ask = {"duty": "work", "shift": "day", "weekdays": "1-7", "required": 1, "target": 1}
    place = {"kind": "community", "district": "d", "township": "d", "weight": 1.0}
    return {
        "districts": {"district": ["d"], "name": "d"},
        "sites": {"site": sites, "name": sites} | place,
        "duties": {"duty": ["work"], "name": "work", "weight": 1.0},
        "demand": {"site": sites} | ask,
        "cadres": {"cadre": cadres, "office": "o", "district": "d"},
        "travel": {
            "cadre": np.repeat(cadres, n),
            "site": np.tile(sites, n),
            "minutes": costs.ravel(),
        },
        "items": {"item": ["none"], "name": "none", "unit": "piece", "pack": 1, "volume": 1.0},
        "depots": {"depot": ["store"], "name": "store"},
        "stock": {"place": ["store"], "item": "none"},
        "needs": {},
        "kits": {},
    }


def _table(name: str, columns: dict[str, Any]) -> pd.DataFrame:
    """A table of the data dictionary; columns not given hold their default, or nothing."""
    table = INPUTS[name]
    rows = len(next(iter(columns.values()), ()))
    filled = {}
    for column in table.columns:
        blank = 0 if column.kind in DTYPES else ""
        value = columns.get(column.name, blank if column.default is None else column.default)
        whole = isinstance(value, list | np.ndarray)
        filled[column.name] = series(column, value if whole else [value] * rows)
    return pd.DataFrame(filled)

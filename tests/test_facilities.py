"""Facility location in the OR-Library's form: files, answers, proofs."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from ortools.graph.python import min_cost_flow

from allocator import facilities
from allocator.errors import InputError

Run = Callable[..., Result]
Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def invented(seed: int) -> Parts:
    """Capacity, fixed cost, demand, cost per unit, in whole numbers; all of it can be served."""
    rng = np.random.default_rng(seed)
    m, n = int(rng.integers(2, 6)), int(rng.integers(2, 7))
    demand = rng.integers(1, 20, n)
    capacity = rng.integers(5, 30, m)
    capacity[0] += max(0, demand.sum() - capacity.sum())
    return capacity, rng.integers(0, 200, m), demand, rng.integers(1, 30, (n, m))


def write(path: Path, parts: Parts) -> Path:
    """As the OR-Library wraps it: dots behind whole numbers, seven to a line."""
    capacity, fixed, demand, unit = parts
    lines = [f" {len(capacity)} {len(demand)} "]
    lines += [f" {a} {f}. " for a, f in zip(capacity, fixed, strict=True)]
    for d, row in zip(demand, unit, strict=True):
        words = [f"{d * c:.5f}" for c in row]
        lines += [f" {d} ", *(" " + " ".join(words[k : k + 7]) + " " for k in range(0, len(words), 7))]
    path.write_text("\n".join([*lines, ""]))
    return path


def served(parts: Parts, there: tuple[int, ...]) -> float:
    capacity, _, demand, unit = parts
    n, m = unit.shape
    flow = min_cost_flow.SimpleMinCostFlow()
    for k, i in itertools.product(range(n), range(m)):
        flow.add_arc_with_capacity_and_unit_cost(k, n + i, int(demand[k]), int(unit[k, i]))
    for i in range(m):
        flow.add_arc_with_capacity_and_unit_cost(n + i, n + m, int(capacity[i] * there[i]), 0)
    for k in range(n):
        flow.set_node_supply(k, int(demand[k]))
    flow.set_node_supply(n + m, -int(demand.sum()))
    return float(flow.optimal_cost()) if flow.solve() == flow.OPTIMAL else math.inf


def cheapest(parts: Parts) -> float:
    every = itertools.product((0, 1), repeat=len(parts[0]))
    return min(float(parts[1] @ there) + served(parts, there) for there in every)


@pytest.mark.parametrize("seed", range(25))
def test_the_answer_is_the_cheapest_and_proved(allocator: Run, tmp_path: Path, seed: int) -> None:
    parts = invented(seed)
    path = write(tmp_path / "cap.txt", parts)
    result = allocator("bench", "cap", path, "--out", "out")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert list(found) == ["file", "status", "objective", "bound", "seconds"]
    assert found["status"] == "optimal"
    assert found["objective"] == pytest.approx(cheapest(parts), rel=1e-9)
    assert found["bound"] == pytest.approx(found["objective"], rel=1e-6)
    header, *lines = Path("out/cap.csv").read_text().splitlines()
    assert header == "facility,customer,share"
    share = np.zeros(parts[3].shape)
    for facility, customer, part in (line.split(",") for line in lines):
        share[int(customer) - 1, int(facility) - 1] = float(part)
    assert share.sum(1) == pytest.approx(1)
    load = parts[2] @ share
    assert (load <= parts[0] + 1e-6).all()
    total = parts[1][load > 1e-9].sum() + (parts[2][:, None] * parts[3] * share).sum()
    assert total <= found["objective"] + 1e-6


def test_one_line_per_file(allocator: Run, tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.txt", invented(n)) for n in (1, 2, 3)]
    lines = allocator("bench", "cap", *paths).stdout.splitlines()
    assert [json.loads(line)["file"] for line in lines] == [str(p) for p in paths]


def test_too_small_facilities_are_named(allocator: Run, tmp_path: Path) -> None:
    capacity, fixed, demand, unit = invented(1)
    path = write(tmp_path / "cap.txt", (capacity * 0 + 1, fixed, demand + 9, unit))
    result = allocator("bench", "cap", path)
    assert result.exit_code == 4
    assert f"hold {len(capacity)}, the customers ask for {demand.sum() + 9 * len(demand)}" in result.stderr
    assert json.loads(result.stdout)["objective"] is None


GOOD = ["2 1", "5 10", "5 12", "4", "8 9"]


@pytest.mark.parametrize(
    ("line", "text", "row", "expected"),
    [
        (0, "", None, "9 for 5 facilities and 10 customers"),
        (0, "0 1", 1, "numbers of facilities"),
        (0, "2.5 1", 1, "numbers of facilities"),
        (1, "capacity 10", 2, "a number"),
        (1, "nan 10", 2, "a number"),
        (2, "-5 12", 3, "at least 0"),
        (3, "0", 4, "above 0"),
        (4, "8", None, "9 for 2 facilities"),
    ],
)
def test_a_file_that_is_no_instance(
    tmp_path: Path, line: int, text: str, row: int | None, expected: str
) -> None:
    path = tmp_path / "broken.txt"
    path.write_text("\n".join([*GOOD[:line], text, *GOOD[line + 1 :]]))
    with pytest.raises(InputError) as caught:
        facilities.read_all([path])
    assert caught.value.problems[0].row == row


def test_faults_of_all_files_at_once(allocator: Run, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text("2 1 x y")
    result = allocator("bench", "cap", tmp_path / "a", tmp_path / "b", tmp_path / "missing")
    assert result.exit_code == 2
    assert result.stderr.count("a number") == 4
    assert "missing" in result.stderr

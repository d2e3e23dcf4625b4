"""Assignment instances: their files, their answers and their proofs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from allocator.bench import read_assign
from allocator.errors import InputError

Run = Callable[..., Result]


def write(path: Path, costs: np.ndarray) -> Path:
    """As the OR-Library wraps it: n alone, then the numbers, a few to a line."""
    words = [str(v) for v in costs.ravel()]
    lines = [" " + " ".join(words[k : k + 3]) for k in range(0, len(words), 3)]
    path.write_text("\n".join([f" {len(costs)}", *lines, ""]))
    return path


def cheapest(costs: np.ndarray) -> int:
    rows = np.arange(len(costs))
    return min(int(costs[rows, list(order)].sum()) for order in itertools.permutations(rows))


@pytest.mark.parametrize("seed", range(4))
def test_the_answer_is_the_cheapest_assignment_and_proved(allocator: Run, tmp_path: Path, seed: int) -> None:
    low = -20 if seed == 3 else 0
    costs = np.random.default_rng(seed).integers(low, 100, (5 + seed % 2, 5 + seed % 2))
    path = write(tmp_path / "assign.txt", costs)
    result = allocator("bench", "assign", path, "--out", "out")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert list(found) == ["file", "status", "objective", "bound", "seconds"]
    assert (found["status"], found["objective"], found["bound"]) == (
        "optimal",
        cheapest(costs),
        cheapest(costs),
    )
    header, *rows = Path("out/assign.csv").read_text().splitlines()
    chosen = np.array([line.split(",") for line in rows], dtype=int) - 1
    assert header == "row,column"
    assert sorted(chosen[:, 1]) == list(range(len(costs)))
    assert costs[chosen[:, 0], chosen[:, 1]].sum() == found["objective"]


def test_one_line_per_file(allocator: Run, tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.txt", np.arange(n * n).reshape(n, n)) for n in (1, 2, 3)]
    lines = allocator("bench", "assign", *paths).stdout.splitlines()
    assert [json.loads(line)["file"] for line in lines] == [str(p) for p in paths]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("", None),
        ("0", None),
        ("2\n1 2\n3", None),
        ("2 1 2 3 4 5", None),
        ("2\n1 2\n3 x", 3),
        ("2\n1 2.5 3 4", 2),
    ],
)
def test_a_file_that_is_no_instance(tmp_path: Path, text: str, row: int | None) -> None:
    path = tmp_path / "broken.txt"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_assign(path)
    assert caught.value.problems[0].row == row

"""The opening model alone on capacitated facility location in the form of the OR-Library (Beasley 1988).

A file holds, however wrapped: the numbers of facilities m and customers n; capacity and fixed cost of
each facility; then for each customer its demand and the m costs of serving all of it. A customer may be
served in parts. As openings: n townships on one day of one case, everybody must have a place, and the
price of a move is the cost divided by the demand.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from allocator.errors import InputError, Problem
from allocator.models.opening import Openings, Question
from allocator.problems import read_each

FIELDS = ("capacity", "fixed cost")


@dataclass(frozen=True)
class Location:
    """One instance: m facilities, n customers."""

    capacity: np.ndarray
    """[m]"""
    fixed: np.ndarray
    """[m]"""
    demand: np.ndarray
    """[n], above 0."""
    cost: np.ndarray
    """[n, m] of serving the whole demand."""

    def question(self) -> Question:
        facilities = len(self.capacity)
        return Question(
            people=self.demand[None, :, None],
            chance=np.ones(1),
            capacity=self.capacity,
            lead=np.zeros(facilities, dtype=np.int64),
            cost=self.fixed,
            move=self.cost / self.demand[:, None],
            without=math.inf,
        )


def read_all(paths: Sequence[Path]) -> list[Location]:
    """Read instances, all faults of all files at once."""
    return read_each(read, paths)


def read(path: Path) -> Location:
    """Read one instance; InputError with every fault: file, line, what stands there, what belongs there."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, None, "", f"a readable text file ({error})") from None
    words = [(row, word) for row, line in enumerate(lines, 1) for word in line.split()]
    values = np.array([_number(word) for _, word in words])
    wrong = [(row, word) for (row, word), v in zip(words, values.tolist(), strict=True) if math.isnan(v)]
    if wrong:
        raise InputError([p for row, word in wrong for p in _bad(path, row, word, "a number").problems])
    if len(values) < 2 or (values[:2] < 1).any() or (values[:2] % 1 > 0).any():
        raise _bad(path, 1 if words else None, "", "the numbers of facilities and of customers")
    m, n = int(values[0]), int(values[1])
    whole = 2 + 2 * m + n * (m + 1)
    if len(values) != whole:
        raise _bad(path, None, f"{len(values)} numbers", f"{whole} for {m} facilities and {n} customers")
    faults = list(_faults(path, words, values, m))
    if faults:
        raise InputError(faults)
    sites, customers = values[2 : 2 + 2 * m].reshape(m, 2), values[2 + 2 * m :].reshape(n, m + 1)
    return Location(sites[:, 0], sites[:, 1], customers[:, 0], customers[:, 1:])


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _faults(path: Path, words: list[tuple[int, str]], values: np.ndarray, m: int) -> Iterator[Problem]:
    """Numbers out of range: everything at least 0, demands above 0."""
    for k in np.flatnonzero(values < 0).tolist():
        yield from _bad(path, *words[k], "a number of at least 0").problems
    for k in range(2 + 2 * m, len(values), m + 1):
        if values[k] == 0:
            yield from _bad(path, *words[k], "a demand above 0").problems


def _bad(path: Path, row: int | None, value: str, expected: str) -> InputError:
    return InputError([Problem(str(path), row, None, value, expected, "bad_instance")])


def why(instance: Location) -> str:
    """Why an instance has no answer."""
    room, demand = instance.capacity.sum(), instance.demand.sum()
    if room < demand:
        return f"no solution: all facilities together hold {room:g}, the customers ask for {demand:g}"
    return "no solution within the time; --seconds gives more"


def write(instance: Location, found: Openings, path: Path) -> None:
    """Write `facility,customer,share`, counted from 1, whole or not at all; shares of 0 are left out."""
    assert found.moved is not None
    share = found.moved[0, :, :, 0] / instance.demand[:, None]
    rows = [f"{i + 1},{k + 1},{share[k, i]:.12g}" for i, k in np.argwhere(share.T > 0).tolist()]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text("\n".join(["facility,customer,share", *rows, ""]), encoding="utf-8")
    os.replace(part, path)

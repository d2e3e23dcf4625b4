"""A linear model put together block by block: columns, rows, entries."""

from __future__ import annotations

import numpy as np

from allocator.models import engine

INF = np.inf


class Builder:
    """Columns >= 0 and rows with an upper side; blocks of either are arrays of numbers, of any shape."""

    def __init__(self) -> None:
        self.cost: list[np.ndarray] = []
        self.upper: list[np.ndarray] = []
        self.sides: list[np.ndarray] = []
        self.entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.width = self.height = 0

    def columns(
        self, shape: tuple[int, ...], cost: np.ndarray | float = 0.0, upper: np.ndarray | float = INF
    ) -> np.ndarray:
        self.cost.append(np.broadcast_to(cost, shape).ravel().astype(float))
        self.upper.append(np.broadcast_to(upper, shape).ravel().astype(float))
        numbers = self.width + np.arange(int(np.prod(shape))).reshape(shape)
        self.width += numbers.size
        return numbers

    def rows(self, at_most: np.ndarray) -> np.ndarray:
        self.sides.append(at_most.ravel().astype(float))
        numbers = self.height + np.arange(at_most.size).reshape(at_most.shape)
        self.height += at_most.size
        return numbers

    def enter(self, rows: np.ndarray, columns: np.ndarray, values: np.ndarray | float) -> None:
        rows, columns, values = np.broadcast_arrays(rows, columns, values)
        self.entries.append((rows.ravel(), columns.ravel(), values.ravel()))

    def model(self) -> engine.Model:
        rows, columns, values = (np.concatenate([e[k] for e in self.entries]) for k in range(3))
        sides = np.concatenate(self.sides)
        return engine.Model(
            np.concatenate(self.cost), rows, columns, values, np.full(len(sides), -INF), sides,
            upper=np.concatenate(self.upper),
        )  # fmt: skip

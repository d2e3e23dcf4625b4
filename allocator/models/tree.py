"""Branch and cut on models with a few hundred binary columns, proved without a solver's word.

What is trusted: nothing a MIP solver claims. Every node is a linear relaxation, and its bound is
`engine.dual_bound` of the duals that came back, recomputed in numpy and valid for any duals; a node
whose relaxation has no answer (it may be infeasible) gets the duals of the same rows made elastic. An
answer is a plan the task itself has priced. A MIP solver is asked for good plans only.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from allocator.certificate import Status
from allocator.limits import Watch
from allocator.models import engine

CLOSE = 1e-6
"""A value this near to a whole number is whole."""
TINY = 1e-8
"""Relative distance of objective and bound at which they meet."""
SLOW, ROUNDS = 0.01, 2
"""A node is split once so many rounds of cuts each close less than this part of what is left to prove."""
DIVES = 4
"""Times a MIP solver is asked for a plan at the root."""

PATIENCE = 30.0
"""Seconds for one relaxation: GLOP has cycled for ever on a master of seven rows."""


class Task(Protocol):
    """What is searched: the first `binaries` columns of the model are 0 or 1, all columns are bounded."""

    binaries: int

    def model(self, lower: np.ndarray, upper: np.ndarray) -> engine.Model:
        """Relaxation with the binaries between `lower` and `upper`, and all cuts found so far."""

    def cut(self, x: np.ndarray) -> bool:
        """Add rows that hold for every plan and are broken at `x`; False where there is none."""

    def plans(self, x: np.ndarray) -> Iterable[np.ndarray]:
        """Plans worth pricing near a relaxed `x`; whole vectors of the binaries."""

    def value(self, plan: np.ndarray) -> float | None:
        """Exact objective of a plan; None where it breaks a rule."""

    def imply(self, lower: np.ndarray, upper: np.ndarray) -> None:
        """Tighten bounds, in place, by what they imply."""


@dataclass(frozen=True)
class Found:
    """The best plan (None: none was found), its objective, a bound on every plan, and the nodes solved.

    `duals` and `x` are those of the root's last relaxation.
    """

    plan: np.ndarray | None
    objective: float | None
    bound: float | None
    nodes: int
    x: np.ndarray | None
    duals: np.ndarray | None


@dataclass(frozen=True)
class Node:
    bound: float
    lower: np.ndarray
    upper: np.ndarray


def search(task: Task, watch: Watch, gap: float = 0.0, dives: int = DIVES, stage: str = "tree") -> Found:
    """Return the best plan and bound found before the watch ends or the gap is closed."""
    return _Search(task, watch, gap, dives, stage).run()


class _Search:
    def __init__(self, task: Task, watch: Watch, gap: float, dives: int, stage: str):
        self.task, self.watch, self.dives, self.stage = task, watch, dives, stage
        self.gap = max(gap, TINY)
        self.best = math.inf
        self.plan: np.ndarray | None = None
        self.floor, self.nodes = math.inf, 0
        self.open: list[tuple[float, int, Node]] = []
        self.serial = itertools.count()
        self.seen: set[bytes] = set()
        self.root: tuple[np.ndarray | None, np.ndarray | None] = (None, None)

    def run(self) -> Found:
        lower, upper = np.zeros(self.task.binaries), np.ones(self.task.binaries)
        self.task.imply(lower, upper)
        self._push(Node(-math.inf, lower, upper))
        while self.open and not self._closed(self.open[0][0]) and (self.watch.left() > 0 or not self.nodes):
            self._solve(heapq.heappop(self.open)[2])
            self.watch.tell(self.stage, self._value(self.best), self._value(self.bound), f"{self.nodes} nodes")
        return Found(self.plan, self._value(self.best), self._value(self.bound), self.nodes, *self.root)

    @property
    def bound(self) -> float:
        return min(self.best, self.floor, min((entry[0] for entry in self.open), default=math.inf))

    @staticmethod
    def _value(value: float) -> float | None:
        return value if math.isfinite(value) else None

    def _closed(self, bound: float) -> bool:
        return math.isfinite(self.best) and self.best - bound <= self.gap * max(1.0, abs(self.best))

    def _push(self, node: Node) -> None:
        heapq.heappush(self.open, (node.bound, -next(self.serial), node))

    def _solve(self, node: Node) -> None:
        """Cut until nothing is broken, then drop the node or split it."""
        first, self.nodes = self.nodes == 0, self.nodes + 1
        slow = 0
        for _ in itertools.count():
            x, duals, bound = self._relaxed(node)
            slow = 0 if bound - node.bound > SLOW * max(TINY, self.best - bound) else slow + 1
            node = replace(node, bound=max(node.bound, bound))
            if first and x is not None:
                self.root = x, duals
            if x is not None:
                near = np.round(x[: self.task.binaries])
                self._try(itertools.chain([near], self.task.plans(x)))
            if self._closed(node.bound):
                self.floor = min(self.floor, node.bound)
                return
            if self.watch.left() <= 0:
                self._push(node)
                return
            column = self._fraction(node, x)
            if x is None or (slow >= ROUNDS and column is not None) or not self.task.cut(x):
                break
        if first and self._dive(node):
            # the plans of the dives brought cuts of their own
            node = replace(node, bound=max(node.bound, self._relaxed(node)[2]))
        self._split(node, column)

    def _split(self, node: Node, column: int | None) -> None:
        if column is None or self._closed(node.bound):
            self.floor = min(self.floor, node.bound)
            return
        for value in (0.0, 1.0):
            lower, upper = node.lower.copy(), node.upper.copy()
            lower[column] = upper[column] = value
            self.task.imply(lower, upper)
            if (lower <= upper).all():
                self._push(Node(node.bound, lower, upper))

    def _fraction(self, node: Node, x: np.ndarray | None) -> int | None:
        """The free binary furthest from whole; without a relaxed answer the first free one."""
        free = node.lower < node.upper
        if x is None:
            return int(np.argmax(free)) if free.any() else None
        far = np.minimum(x[: len(free)], 1 - x[: len(free)]) * free
        return int(np.argmax(far)) if far.size and far.max() > CLOSE else None

    def _relaxed(self, node: Node) -> tuple[np.ndarray | None, np.ndarray | None, float]:
        """Relaxed answer, duals and the bound they prove."""
        model = self.task.model(node.lower, node.upper)
        for solver in ("highs", "glop"):
            answer = engine.solve(model, solver, seconds=PATIENCE)
            if answer.status is Status.OPTIMAL and answer.x is not None and answer.duals is not None:
                return answer.x, answer.duals, engine.dual_bound(model, answer.duals)
        duals = engine.solve(_elastic(model), seconds=PATIENCE).duals
        return None, None, -math.inf if duals is None else engine.dual_bound(model, duals)

    def _try(self, plans: Iterable[np.ndarray]) -> None:
        for plan in plans:
            key = np.packbits(plan > 0.5).tobytes()
            if key in self.seen:
                continue
            self.seen.add(key)
            value = self.task.value(plan)
            if value is not None and value < self.best:
                self.best, self.plan = value, np.round(plan)

    def _dive(self, node: Node) -> bool:
        """Ask a MIP solver for plans while they get better; True where they brought cuts."""
        changed = False
        for _ in range(self.dives):
            left, before = self.watch.left(), self.best
            if self._closed(node.bound) or left <= 0:
                break
            model = self.task.model(node.lower, node.upper)
            whole = np.arange(len(model.cost)) < self.task.binaries
            x = engine.solve(replace(model, integer=whole), seconds=min(10.0, left / 5), gap=1e-5).x
            if x is None:
                break
            x[: self.task.binaries] = np.round(x[: self.task.binaries])
            self._try(itertools.chain([x[: self.task.binaries]], self.task.plans(x)))
            if not self.task.cut(x):
                break
            changed = True
            if 0 < before - self.best <= SLOW * (before - node.bound):
                break
        return changed


def rising(lower: np.ndarray, upper: np.ndarray, column: np.ndarray) -> None:
    """Tighten, in place, bounds of columns [I, D] that never fall from day to day; -1: there is none."""
    for row in column:
        own = np.unique(row[row >= 0])
        lower[own] = np.maximum.accumulate(lower[own])
        upper[own] = np.minimum.accumulate(upper[own][::-1])[::-1]


def _elastic(model: engine.Model) -> engine.Model:
    """The model with every row free to be broken, at a price above all costs."""
    height, width = model.shape
    price = 1e3 * (1.0 + float(np.abs(model.cost).max(initial=0.0)))
    slack = np.arange(height)
    spare = np.full(2 * height, math.inf)
    return replace(
        model,
        cost=np.concatenate([model.cost, np.full(2 * height, price)]),
        rows=np.concatenate([model.rows, slack, slack]),
        columns=np.concatenate([model.columns, width + slack, width + height + slack]),
        values=np.concatenate([model.values, np.ones(height), -np.ones(height)]),
        lower=np.concatenate([model.full("lower"), np.zeros(2 * height)]),
        upper=np.concatenate([model.full("upper"), spare]),
    )

"""Branch and price: the tree that proves a roster's bound, least bound first.

A node is a set of cells (person, day, type or day off) still allowed, and bounds on the sums of
under- and over-cover. It branches on these sums first, where they are fractional (the pricing then
stays as it is), then on work or day off, then on the type; always on the value nearest to half.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from allocator.models.master import TINY, Master

CLOSE = 1e-4
"""A value this near to a whole number is whole."""
POOL = 60
"""Columns a person may have before the tree forgets the dear ones."""


@dataclass(frozen=True)
class Node:
    """A part of all rosters; `cells` are (person, day, allowed types and day off)."""

    bound: float
    cells: tuple[tuple[int, int, tuple[bool, ...]], ...]
    sums: tuple[tuple[float, float], tuple[float, float]]


class Tree:
    """Open nodes of a team's master; values and bounds without `base`."""

    def __init__(self, master: Master, bound: float):
        self.master, self.start = master, master.allowed
        free = (-np.inf, np.inf)
        self._serial = itertools.count()
        self._open: list[tuple[float, int, float, Node]] = []
        self.nodes, self._floor = 0, np.inf
        self._push(Node(bound, (), (free, free)))

    def _push(self, node: Node) -> None:
        """Least rounded bound first, the newest of these: all of them must be solved anyway."""
        team = self.master.team
        level = team.bound(team.base + node.bound)
        heapq.heappush(self._open, (level, -next(self._serial), node.bound, node))

    @property
    def open(self) -> bool:
        """Is anything left to solve?"""
        return bool(self._open)

    def bound(self) -> float:
        """No roster costs less; infinite when no node is open."""
        return min(self._floor, min((entry[2] for entry in self._open), default=np.inf))

    def step(self, cutoff: float, more: Callable[[], bool] = lambda: True) -> np.ndarray | None:
        """Solve the open node of least bound; the roster it led to, if any.

        Nodes that cannot beat `cutoff` are dropped. Where `more` says no, the node stays open.
        """
        team = self.master.team
        while self._open and self._open[0][0] >= team.base + cutoff - TINY:
            heapq.heappop(self._open)
        if not self._open:
            return None
        node = heapq.heappop(self._open)[3]
        self.nodes += 1
        self._enter(node)
        _, bound = self.master.converge(cutoff=cutoff, dual=True, more=lambda *_: more())
        bound = max(bound, node.bound)
        if team.bound(team.base + bound) >= team.base + cutoff - TINY:
            return None
        found = self.master.roster() if self.master.point is not None else None
        parts = self._parts(replace(node, bound=bound)) if more() else None
        for part in [replace(node, bound=bound)] if parts is None else parts:
            self._push(part)
        return found

    def leave(self) -> None:
        """Leave the master as it was."""
        self.master.bound_sums(np.array([[-np.inf, np.inf]] * 2))
        self.master.allow(self.start)

    def _enter(self, node: Node) -> None:
        master = self.master
        if len(master.owner) > POOL * master.people and master.point is not None:
            master.keep(POOL // 2)
        allowed = self.start.copy()
        for person, day, cell in node.cells:
            allowed[person, day] &= np.array(cell)
        master.bound_sums(np.array(node.sums))
        master.allow(allowed)

    def _parts(self, node: Node) -> list[Node] | None:
        """What a node splits into; nothing where its LP is a roster, None where there is no LP."""
        master = self.master
        if master.point is None:
            return None
        totals = master.totals()
        for k, total in enumerate(totals):
            if abs(total - round(total)) > CLOSE and self._whole(k):
                return [self._sum(node, k, np.floor(total), upper=True), self._sum(node, k, np.ceil(total))]
        return self._split(node)

    def _whole(self, k: int) -> bool:
        """Is a sum of cover whole in every roster?"""
        required = self.master.team.required
        return bool((required == np.round(required)).all())

    def _sum(self, node: Node, k: int, limit: float, upper: bool = False) -> Node:
        bounds = list(node.sums)
        low, high = bounds[k]
        bounds[k] = (low, float(limit)) if upper else (float(limit), high)
        return replace(node, sums=(bounds[0], bounds[1]))

    def _split(self, node: Node) -> list[Node]:
        """Work or day off where that is open; else one type or any other."""
        values = self.master.cells()
        types = self.master.types
        off = values[:, :, -1]
        person, day = np.unravel_index(np.abs(off - 0.5).argmin(), off.shape)
        if CLOSE < off[person, day] < 1 - CLOSE:
            one = np.arange(types + 1) == types
        else:
            person, day, best = np.unravel_index(np.abs(values - 0.5).argmin(), values.shape)
            if not CLOSE < values[person, day, best] < 1 - CLOSE:
                if self.master.roster() is None:
                    self._floor = min(self._floor, node.bound)
                return []
            one = np.arange(types + 1) == best
        cells = [(int(person), int(day), tuple(bool(b) for b in part)) for part in (one, ~one)]
        return [replace(node, cells=(*node.cells, cell)) for cell in cells]

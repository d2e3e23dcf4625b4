"""Prices whole schedules: each person's cheapest ones under any costs of working a shift or a day off.

People with equal limits share a grid. A limit on the shifts of a type is first left to chance,
small ones apart; where a cheapest schedule breaks it, the type gets an axis of its own. Where that
grid would be too large, a best-first search counts the type instead, led by the grid's exact costs.
"""

from __future__ import annotations

import copy
import heapq
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from allocator.models.grid import Calendar, Grid, State, Table
from allocator.models.team import OFF, Team

COUNTED = 5
"""Limits up to this have an axis from the start."""
WIDEST = 60_000
"""States of a day beyond which no further axis is added."""
MEMORY = 48 << 20
"""Bytes of a table; groups are cut to fit."""
SEARCHED = 4000
"""Steps of the best-first search; then its bound stands without a schedule."""


@dataclass(frozen=True)
class Priced:
    """Schedules found: the people they are for, and per person the proven cheapest cost."""

    least: np.ndarray
    """(people) no schedule costs less; infinite where there is none; nan where not asked."""
    people: np.ndarray
    """(schedules) whose."""
    schedules: np.ndarray
    """(schedules, days) shift type or -1."""
    costs: np.ndarray


class Pricer:
    """Finds cheapest schedules of a team."""

    def __init__(self, team: Team):
        self.team, self.calendar = team, Calendar(team)
        people, self.days, _ = team.shape
        self.limits = [self._limits(p) for p in range(people)]
        self.grids: dict[tuple[object, ...], Grid] = {}
        self.usual = [self._small(p) for p in range(people)]

    def pick(self, people: np.ndarray, team: Team) -> Pricer:
        """The pricer of some of the people, as `team`, with the same grids."""
        part = copy.copy(self)
        part.team = team
        part.limits = [self.limits[p] for p in people]
        part.usual = [self.usual[p] for p in people]
        return part

    def _small(self, person: int) -> tuple[int, ...]:
        limits = self.team.most[person]
        found: tuple[int, ...] = ()
        for t in np.argsort(limits, kind="stable"):
            wider = tuple(sorted((*found, int(t))))
            if not 0 < limits[t] <= min(COUNTED, self.days - 1):
                continue
            if Grid(self.calendar, person, wider).size <= WIDEST:
                found = wider
        return found

    def grid(self, person: int, counted: tuple[int, ...]) -> Grid:
        """The grid of a person with an axis for each type counted, shared by all with equal limits."""
        key = (*self.limits[person], counted, tuple(int(self.team.most[person, t]) for t in counted))
        if key not in self.grids:
            self.grids[key] = Grid(self.calendar, person, counted)
        return self.grids[key]

    def _limits(self, person: int) -> tuple[int, ...]:
        """All that people of one grid have in common."""
        team = self.team
        names = ("min_minutes", "max_minutes", "max_run", "min_run", "min_off", "max_weekends")
        edges = team.edges.of(np.array([person]))
        limits = [int(getattr(team, name)[person]) for name in names]
        return (*limits, *(int(getattr(edges, name)[0]) for name in edges.__dataclass_fields__))

    def price(
        self,
        cost: np.ndarray,
        off: np.ndarray,
        below: np.ndarray,
        each: int = 1,
        people: Iterable[int] | None = None,
    ) -> Priced:
        """Up to `each` schedules a person that cost less than `below`, from distinct final states.

        `cost` is (people, days, types), `off` (people, days), infinite where barred.
        """
        cost = np.where(self.team.barred, np.inf, cost)
        todo = {p: self.usual[p] for p in (range(len(below)) if people is None else people)}
        least = np.full(len(below), np.nan)
        found: list[tuple[int, np.ndarray, float]] = []
        while todo:
            again: dict[int, tuple[int, ...]] = {}
            for grid, members in self._groups(todo):
                table = grid.fill(cost[members], off[members])
                for k, person in enumerate(members):
                    cheapest = self._cheapest(table, k, person, float(below[person]), each)
                    if isinstance(cheapest, tuple):
                        least[person], schedules = cheapest
                        found += [(person, *one) for one in schedules]
                    else:
                        again[person] = cheapest.counted
            todo = again
        found.sort(key=lambda one: one[0])
        return Priced(
            least,
            np.array([p for p, _, _ in found], dtype=np.int64),
            np.array([s for _, s, _ in found], dtype=np.int16).reshape(-1, self.days),
            np.array([c for _, _, c in found], dtype=float),
        )

    def _groups(self, people: dict[int, tuple[int, ...]]) -> Iterable[tuple[Grid, list[int]]]:
        """People by grid, cut so that a table fits the memory set aside."""
        members: dict[int, tuple[Grid, list[int]]] = {}
        for person, counted in people.items():
            grid = self.grid(person, counted)
            members.setdefault(id(grid), (grid, []))[1].append(person)
        for grid, group in members.values():
            width = max(1, MEMORY // (8 * grid.size * self.days))
            for first in range(0, len(group), width):
                yield grid, group[first : first + width]

    def _cheapest(
        self, table: Table, k: int, person: int, below: float, each: int
    ) -> tuple[float, list[tuple[np.ndarray, float]]] | Grid:
        """Least cost and schedules, or the grid with more counts that the person needs."""
        work, rest = table.ends(k)
        costs = np.concatenate([work, rest])
        least = float(costs.min())
        if not least < below:
            return least, []
        order = np.argpartition(costs, min(each, len(costs)) - 1)[:each]
        found = []
        for place in order[np.argsort(costs[order], kind="stable")]:
            if costs[place] < below:
                end = int(place) - (0 if place < len(work) else len(work))
                schedule = table.trace(k, table.state(bool(place < len(work)), end))
                found.append((schedule, float(costs[place])))
        excess = self._excess(person, found[0][0])
        if len(excess):
            return self._wider(table.grid, person, excess) or self._search(table, k, person, below)
        return least, [one for one in found if not len(self._excess(person, one[0]))]

    def _excess(self, person: int, schedule: np.ndarray) -> np.ndarray:
        """Types of which a schedule has more than the person may work."""
        counts = np.bincount(schedule[schedule >= 0], minlength=self.team.most.shape[1])
        return np.flatnonzero(counts > self.team.most[person])

    def _wider(self, grid: Grid, person: int, excess: np.ndarray) -> Grid | None:
        """The grid with one more type counted; None where it would be too large."""
        for t in excess:
            wider = self.grid(person, tuple(sorted({*grid.counted, int(t)})))
            if wider.size <= WIDEST:
                return wider
        return None

    def _search(
        self, table: Table, k: int, person: int, below: float
    ) -> tuple[float, list[tuple[np.ndarray, float]]]:
        """Cheapest schedule within all limits: backwards, best first, led by the table."""
        limits = self.team.most[person]
        free = [int(t) for t in table.grid.usable if int(t) not in table.grid.counted]
        place = {t: i for i, t in enumerate(free)}
        serial = itertools.count()
        heap: list[tuple[float, int, int, float, State, tuple[int, ...], tuple[int, ...]]] = []
        work, rest = table.ends(k)
        for kind, costs in ((True, work), (False, rest)):
            for end in np.flatnonzero(costs < below):
                state = table.state(kind, int(end))
                first = (float(costs[end]), -self.days, next(serial), 0.0, state, (0,) * len(free), ())
                heapq.heappush(heap, first)
        seen: set[tuple[int, State, tuple[int, ...]]] = set()
        for _ in range(SEARCHED):
            if not heap:
                return below, []
            least, left, _, spent, state, counts, tail = heapq.heappop(heap)
            day = -left
            if day == 0:
                return least, [(np.array(tail, dtype=np.int16), least)]
            if (day, state, counts) in seen:
                continue
            seen.add((day, state, counts))
            for t, earlier, reached in table.back(day - 1, k, state):
                total = reached + spent
                if not total < below:
                    continue
                paid = float(table.off[k, day - 1] if t == OFF else table.cost[k, day - 1, t])
                grown = counts
                if t != OFF and t in place:
                    i = place[t]
                    if counts[i] == limits[t]:
                        continue
                    grown = (*counts[:i], counts[i] + 1, *counts[i + 1 :])
                entry = (total, 1 - day, next(serial), spent + paid, earlier, grown, (t, *tail))
                heapq.heappush(heap, entry)
        return heap[0][0] if heap else below, []

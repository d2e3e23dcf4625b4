"""Prices whole schedules: each person's cheapest ones under any costs of working a shift or a day off.

People with equal limits share a grid. A limit on the shifts of a type is left to chance; where a
cheapest schedule breaks it, the type gets an axis, and keeps it while the limit goes on to bind. Where that
grid would be too large, each shift of the type is charged a price until the limit holds: the price
proves a bound (weak duality) that the schedule found mostly meets. If no price leads to a schedule,
a best-first search counts the types, led by the grid's exact costs.
"""

from __future__ import annotations

import copy
import heapq
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from allocator.models.grid import Calendar, Grid
from allocator.models.paths import State, Table
from allocator.models.team import OFF, Team

STRAIN = 3
"""Calls in a row that a limit must bind for its type to have an axis from the start."""
WIDEST = 60_000
"""States of a day beyond which no further axis is added."""
MEMORY = 48 << 20
"""Bytes of a table; groups are cut to fit."""
SLACK = 1e-6
CHARGES = 14
"""Prices tried for types beyond their limits."""
SEARCHED = 20_000
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
        self.strain = np.zeros(team.most.shape, dtype=np.int64)
        self.index = np.arange(people)

    def pick(self, people: np.ndarray, team: Team) -> Pricer:
        """The pricer of some of the people, as `team`, with the same grids."""
        part = copy.copy(self)
        part.team = team
        part.limits = [self.limits[p] for p in people]
        part.index = self.index[people]
        return part

    def counted(self, person: int) -> tuple[int, ...]:
        """Types with an axis from the start: those whose limits have been binding."""
        strained = np.flatnonzero(self.strain[self.index[person]] >= STRAIN)
        found: tuple[int, ...] = ()
        for t in strained.tolist():
            if self.grid(person, (*found, t)).size <= WIDEST:
                found = (*found, t)
        return found

    def _felt(self, person: int, schedule: np.ndarray) -> None:
        """Note which limits a cheapest schedule reaches."""
        limits, strain = self.team.most[person], self.strain[self.index[person]]
        counts = np.bincount(schedule[schedule >= 0], minlength=len(limits))
        strain += np.where((counts >= limits) & (limits > 0), 1, -1)
        np.clip(strain, 0, 2 * STRAIN, out=strain)

    def grid(self, person: int, counted: tuple[int, ...]) -> Grid:
        """The grid of a person with an axis for each type counted, shared by all with equal limits."""
        key = (*self.limits[person], counted, tuple(int(self.team.most[person, t]) for t in counted))
        if key not in self.grids:
            self.grids[key] = Grid(self.calendar, int(self.index[person]), counted)
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
        todo = {p: self.counted(p) for p in (range(len(below)) if people is None else people)}
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
        self._felt(person, found[0][0])
        excess = self._excess(person, found[0][0])
        if len(excess):
            return self._wider(table.grid, person, excess) or self._charge(table, k, person, below)
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

    def _charge(
        self, table: Table, k: int, person: int, below: float
    ) -> tuple[float, list[tuple[np.ndarray, float]]]:
        """Charge for types beyond their limits: a bound, and the cheapest schedule within them."""
        limits, cost, off = self.team.most[person], table.cost[[k]], table.off[[k]]
        price = np.zeros(len(limits))
        low, high = price.copy(), np.full(len(limits), np.inf)
        bound, best, schedule = -np.inf, np.inf, None
        first = max(1.0, float(np.abs(cost[np.isfinite(cost)]).max(initial=0.0))) / 4
        for _ in range(CHARGES):
            charge, charged = price, table.grid.fill(cost + price, off)
            least, found = _first(charged, 0)
            bound = max(bound, least - float((price * limits).sum()))
            counts = np.bincount(found[found >= 0], minlength=len(limits))
            total = least - float((price * counts).sum())
            if (counts <= limits).all() and total < best:
                best, schedule = total, found
            if best <= bound + SLACK:
                break
            low = np.where(counts > limits, price, low)
            high = np.where((counts < limits) & (price > 0), price, high)
            rising = np.where(np.isfinite(high), (low + high) / 2, np.maximum(2 * low, first))
            price = np.where((counts > limits) | ((counts < limits) & (price > 0)), rising, price)
        if schedule is None:
            least, exact = self._search(charged, person)
            bound = max(bound, least - float((charge * limits).sum()))
            if exact is None:
                return bound, []
            counts = np.bincount(exact[exact >= 0], minlength=len(limits))
            best, schedule = least - float((charge * counts).sum()), exact
        return bound, [(schedule, best)] if best < below else []

    def _search(self, table: Table, person: int) -> tuple[float, np.ndarray | None]:
        """Cheapest schedule within all limits in a table of one: backwards, best first."""
        limits = self.team.most[person]
        serial = itertools.count()
        none = (0,) * len(limits)
        heap: list[tuple[float, int, int, float, State, tuple[int, ...], tuple[int, ...]]] = []
        for work, costs in zip((True, False), table.ends(0), strict=True):
            for end in np.flatnonzero(np.isfinite(costs)):
                state = table.state(work, int(end))
                heapq.heappush(heap, (float(costs[end]), -self.days, next(serial), 0.0, state, none, ()))
        seen: set[tuple[int, State, tuple[int, ...]]] = set()
        for _ in range(SEARCHED):
            if not heap:
                return float("inf"), None
            least, left, _, spent, state, counts, tail = heapq.heappop(heap)
            if left == 0:
                return least, np.array(tail, dtype=np.int16)
            if (left, state, counts) in seen:
                continue
            seen.add((left, state, counts))
            day = -left - 1
            for t, earlier, reached in table.back(day, 0, state):
                paid = float(table.off[0, day] if t == OFF else table.cost[0, day, t])
                grown = counts if t == OFF else (*counts[:t], counts[t] + 1, *counts[t + 1 :])
                if np.isfinite(reached) and (t == OFF or grown[t] <= limits[t]):
                    entry = (reached + spent, -day, next(serial), spent + paid, earlier, grown, (t, *tail))
                    heapq.heappush(heap, entry)
        return (heap[0][0] if heap else float("inf")), None


def _first(table: Table, k: int) -> tuple[float, np.ndarray]:
    """The cheapest schedule of one person in a table that has one."""
    work, rest = table.ends(k)
    works = bool(len(work)) and float(work.min()) <= float(rest.min())
    costs = work if works else rest
    return float(costs.min()), table.trace(k, table.state(works, int(costs.argmin())))

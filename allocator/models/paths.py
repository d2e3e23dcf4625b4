"""What the dynamic programme of schedules leaves behind: cheapest costs, and the ways back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from allocator.models.team import OFF

if TYPE_CHECKING:
    from allocator.models.grid import Grid


class State(NamedTuple):
    """Where a schedule stands after a day."""

    kind: int
    """Class of the last shift, or -1 after a day off."""
    run: int
    """Index of the run: its days less 1, or for days off what is capped at the minimum."""
    rest: tuple[int, ...]
    """Weekends used, then shifts of each counted type."""
    units: int


class Table:
    """Cheapest costs by day; entry 0 is the state before day 0."""

    def __init__(self, grid: Grid, cost: np.ndarray, off: np.ndarray):
        self.grid, self.cost, self.off = grid, cost, off
        self.work: list[np.ndarray] = []
        self.rest: list[np.ndarray] = []

    def ends(self, person: int) -> tuple[np.ndarray, np.ndarray]:
        """Costs of all final states of a person, work then off, as flat arrays."""
        return self.work[-1][..., person].ravel(), self.rest[-1][..., person].ravel()

    def state(self, work: bool, place: int) -> State:
        """The final state at a place of `ends`."""
        shape = (self.work if work else self.rest)[-1].shape[:-1]
        places = [int(i) for i in np.unravel_index(place, shape)]
        kind, run, *rest, units = places if work else [-1, *places]
        low = self.grid.bands[-1][0]
        return State(kind, run, tuple(rest), units + low)

    def cheapest(self, day: int, person: int, state: State) -> float:
        """Cheapest cost of reaching a state after so many days; infinite outside the grid."""
        low, high = self.grid.bands[day]
        if not low <= state.units <= high or min(state.rest) < 0:
            return float("inf")
        place = (state.run, *state.rest, state.units - low, person)
        return float(self.rest[day][place] if state.kind < 0 else self.work[day][(state.kind, *place)])

    def back(self, day: int, person: int, state: State) -> Iterator[tuple[int, State, float]]:
        """Shift type worked on `day` (or OFF) to come to `state`, the state before, and their cost."""
        low, high = self.grid.bands[day]
        if state.kind < 0:
            paid = float(self.off[person, day])
            here: tuple[Any, ...] = (*state.rest, state.units - low, person)
            if low <= state.units <= high and paid < np.inf:
                yield from self._rested(day, here, state, paid)
            return
        grid, first = self.grid, state.run == 0
        week = grid.weekend(day, first)
        for t in grid.of_class[state.kind]:
            paid = float(self.cost[person, day, t])
            units = state.units - int(grid.calendar.units[t])
            if paid == np.inf or not low <= units <= high:
                continue
            rest = (state.rest[0] - week, *state.rest[1:])
            if t in grid.counted:
                k = 1 + grid.counted.index(t)
                rest = (*rest[:k], rest[k] - 1, *rest[k + 1 :])
            if min(rest) < 0:
                continue
            place: tuple[Any, ...] = (*rest, units - low, person)
            if first:
                yield t, State(-1, grid.min_off - 1, rest, units), float(self.rest[day][(-1, *place)]) + paid
                continue
            costs = self.work[day][(slice(None), state.run - 1, *place)]
            for kind in grid.calendar.before[t].tolist():
                yield t, State(kind, state.run - 1, rest, units), float(costs[kind]) + paid

    def _rested(
        self, day: int, place: tuple[Any, ...], state: State, paid: float
    ) -> Iterator[tuple[int, State, float]]:
        grid = self.grid
        costs = self.rest[day][(slice(None), *place)]
        if state.run > 0:
            yield OFF, state._replace(run=state.run - 1), float(costs[state.run - 1]) + paid
        if state.run == grid.min_off - 1:
            yield OFF, state, float(costs[state.run]) + paid
        if state.run == 0:
            costs = self.work[day][(slice(None), slice(None), *place)]
            for run in grid.plans[day].enders:
                for kind in range(len(costs)):
                    yield OFF, State(kind, run, state.rest, state.units), float(costs[kind, run]) + paid

    def trace(self, person: int, state: State) -> np.ndarray:
        """A cheapest schedule that ends in `state`."""
        days = self.cost.shape[1]
        schedule = np.full(days, OFF, dtype=np.int16)
        wanted = self.cheapest(days, person, state)
        for day in range(days - 1, -1, -1):
            for t, earlier, total in self.back(day, person, state):
                if total == wanted:
                    schedule[day], state = t, earlier
                    wanted = self.cheapest(day, person, state)
                    break
            else:
                raise AssertionError("a cheapest path has a way back")
        return schedule

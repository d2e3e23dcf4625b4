"""Cheapest schedules of people with equal limits: one forward dynamic programme for all of them.

State after a day: work (shift class, run length) or off (days off, capped at their minimum), times
shifts of the counted types, weekends used and minutes. Types with the same bans on what follows
form a class. Arrays are (class or off, run, weekends, counts..., minutes, people): the long axes
last, so that numpy works on long rows. Minutes keep only the band that can still end within limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from allocator.models.team import FREE, OFF, SATURDAY, SUNDAY, Team


class State(NamedTuple):
    """Where a schedule stands after a day."""

    kind: int
    """Class of the last shift, or -1 after a day off."""
    run: int
    """Index of the run: its days less 1, or for days off what is capped at the minimum."""
    rest: tuple[int, ...]
    """Weekends used, then shifts of each counted type."""
    units: int


@dataclass(frozen=True)
class Calendar:
    """What all people of a team share."""

    team: Team

    @cached_property
    def unit(self) -> int:
        """Greatest common divisor of the shift lengths, at least 1."""
        return max(1, int(np.gcd.reduce(self.team.minutes)))

    @cached_property
    def units(self) -> np.ndarray:
        return self.team.minutes // self.unit

    @cached_property
    def classes(self) -> np.ndarray:
        """(types) number of the class of a type."""
        return np.unique(self.team.banned, axis=0, return_inverse=True)[1].reshape(-1)

    @cached_property
    def before(self) -> list[np.ndarray]:
        """Per type, the classes it may follow."""
        one = [np.flatnonzero(self.classes == c)[0] for c in range(self.classes.max() + 1)]
        return [np.flatnonzero(~self.team.banned[one, t]) for t in range(len(self.units))]

    @cached_property
    def saturday(self) -> np.ndarray:
        return self.team.weekday == SATURDAY

    @cached_property
    def sunday(self) -> np.ndarray:
        return self.team.weekday == SUNDAY


class Grid:
    """The programme of a group of people with equal limits; `counted` types have an axis."""

    def __init__(self, calendar: Calendar, person: int, counted: tuple[int, ...]):
        team = calendar.team
        days = team.shape[1]
        self.calendar, self.counted = calendar, counted
        self.usable = np.flatnonzero(team.most[person] > 0)
        self.max_run = int(team.max_run[person])
        self.runs = int(min(team.max_run[person], days + team.first_day))
        self.min_run, self.min_off = int(team.min_run[person]), max(1, int(team.min_off[person]))
        self.low = -(-int(team.min_minutes[person]) // calendar.unit)
        self.high = int(team.max_minutes[person]) // calendar.unit
        saturdays = int(calendar.saturday.sum() + bool(calendar.sunday[0]))
        self.weekends = int(team.max_weekends[person]) if team.max_weekends[person] < saturdays else 0
        self.weekly = team.max_weekends[person] < saturdays
        self.limits = (self.weekends, *(int(team.most[person, t]) for t in counted))
        self.axes = tuple(limit + 1 for limit in self.limits)
        self.edge = team.edges.of(np.array([person]))
        self.bands = self._bands()

    @property
    def size(self) -> int:
        """States of the widest day, for one person."""
        kinds = (self.calendar.classes.max() + 1) * self.runs + self.min_off
        return int(kinds * np.prod(self.axes) * max(high - low + 1 for low, high in self.bands))

    def _bands(self) -> list[tuple[int, int]]:
        """First and last number of units worth keeping, before day 0 and after each day."""
        days = self.calendar.team.shape[1]
        longest = int(self.calendar.units[self.usable].max(initial=0))
        cycle = self.runs + self.min_off

        def most(n: int) -> int:
            return (n // cycle * self.runs + min(self.runs, n % cycle)) * longest

        bands = []
        for n in range(days + 1):
            high = min(self.high, most(n))
            bands.append((min(max(0, self.low - most(days - n)), high), high))
        return bands

    # ---- forward

    def fill(self, cost: np.ndarray, off: np.ndarray) -> Table:
        """Cheapest cost of reaching every state.

        `cost` is (people, days, types), infinite where barred; `off` (people, days) likewise.
        """
        table = Table(self, cost, off)
        table.work.append(self._empty(self.calendar.classes.max() + 1, self.runs, 0, len(cost)))
        table.rest.append(self._empty(1, self.min_off, 0, len(cost))[0])
        self._begin(table)
        for day in range(cost.shape[1]):
            self._step(table, day)
        self._close(table)
        return table

    def _empty(self, kinds: int, runs: int, day: int, people: int) -> np.ndarray:
        low, high = self.bands[day]
        return np.full((kinds, runs, *self.axes, high - low + 1, people), np.inf)

    def _begin(self, table: Table) -> None:
        before, run = int(self.edge.before[0]), int(self.edge.before_run[0])
        zero = (0,) * (len(self.axes) + 1)
        if before >= 0:
            table.work[0][(self.calendar.classes[before], run - 1, *zero)] = 0.0
        elif before == FREE:
            table.rest[0][(self.min_off - 1, *zero)] = 0.0
        else:
            table.rest[0][(min(run, self.min_off) - 1, *zero)] = 0.0

    def _step(self, table: Table, day: int) -> None:
        people = len(table.cost)
        work = self._empty(len(table.work[0]), self.runs, day + 1, people)
        rest = self._empty(1, self.min_off, day + 1, people)[0]
        self._rest(table, day, rest)
        inner: dict[bytes, np.ndarray] = {}
        for t in self.usable:
            key = self.calendar.before[t].tobytes()
            if key not in inner:
                inner[key] = table.work[-1][self.calendar.before[t]].min(axis=0)
            self._work(table, day, int(t), inner[key], work[self.calendar.classes[t]])
        table.work.append(work)
        table.rest.append(rest)

    def _rest(self, table: Table, day: int, rest: np.ndarray) -> None:
        """Days off: a run of work may end when long enough, a run of days off grows."""
        old, new = self._move(day, 0)
        ended = table.work[-1][:, self.enders(day)].min(axis=(0, 1), initial=np.inf)
        into, last = rest[..., new, :], table.rest[-1][..., old, :]
        into[0] = ended[..., old, :]
        into[1:] = np.minimum(into[1:], last[:-1])
        into[-1] = np.minimum(into[-1], last[-1])
        into += table.off[:, day]

    def _work(self, table: Table, day: int, t: int, grown: np.ndarray, work: np.ndarray) -> None:
        """Shifts of type t: a run grows, or begins after enough days off."""
        old, new = self._move(day, int(self.calendar.units[t]))
        if old.stop <= old.start:
            return
        paid = np.tile(table.cost[:, day, t], (old.stop - old.start, 1))
        if np.isinf(paid[0]).all():
            return
        for first, source, target in (
            (False, grown[:-1], work[1:]),
            (True, table.rest[-1][-1:], work[:1]),
        ):
            fro, to = self._used(day, t, first)
            into = target[(slice(None), *to, new)]
            np.minimum(into, source[(slice(None), *fro, old)] + paid, out=into)

    def _used(self, day: int, t: int, first: bool) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Slices of weekends and counts before and after a shift."""
        steps = [self.weekend(day, first), *(int(t == c) for c in self.counted)]
        fro = tuple(slice(None, -1) if step else slice(None) for step in steps)
        return fro, tuple(slice(1, None) if step else slice(None) for step in steps)

    def weekend(self, day: int, first: bool) -> int:
        """Does work on this day, the first of its run or not, use up a weekend?"""
        begins = self.calendar.saturday[day] or (first and self.calendar.sunday[day])
        return int(self.weekly and begins)

    def enders(self, day: int) -> np.ndarray:
        """Indices of runs of work that may end before this day."""
        runs = np.arange(1, self.runs + 1)
        return np.flatnonzero((runs >= self.min_run) | (runs == day + self.calendar.team.first_day))

    def _move(self, day: int, units: int) -> tuple[slice, slice]:
        """Slices of minutes before and after a shift of so many units."""
        (low, high), (first, last) = self.bands[day], self.bands[day + 1]
        start, stop = max(low, first - units), min(high, last - units) + 1
        stop = max(start, stop)
        return slice(start - low, stop - low), slice(start + units - first, stop + units - first)

    def _close(self, table: Table) -> None:
        """Bar the states that what follows the last day does not allow."""
        after, run = int(self.edge.after[0]), int(self.edge.after_run[0])
        team = self.calendar.team
        days = team.first_day + team.shape[1]
        runs = np.arange(1, self.runs + 1)
        if self.low > min(self.high, self.bands[-1][1]):
            table.work[-1][:] = table.rest[-1][:] = np.inf
        if after == FREE:
            return
        if after == OFF:
            table.work[-1][:, (runs < self.min_run) & (runs != days)] = np.inf
            if not self.edge.after_open[0]:
                kept = np.arange(1, self.min_off + 1) + run >= self.min_off
                table.rest[-1][~kept] = np.inf
                table.work[-1][:] = table.work[-1] if run >= self.min_off else np.inf
            return
        whole = runs + run
        fits = (whole <= self.max_run) & (
            (whole >= self.min_run) | (runs == days) | self.edge.after_open[0]
        )
        table.work[-1][:, ~fits] = np.inf
        barred = np.setdiff1d(np.arange(len(table.work[-1])), self.calendar.before[after])
        table.work[-1][barred] = np.inf
        table.rest[-1][:-1] = np.inf
        if run < self.min_run and not self.edge.after_open[0]:
            table.rest[-1][:] = np.inf


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
        kind, run, *rest, units = (0, 0, *np.unravel_index(place, shape))[-len(shape) - (not work) :]
        low = self.grid.bands[-1][0]
        kind = int(kind) if work else -1
        return State(kind, int(run), tuple(int(r) for r in rest), int(units) + low)

    def cheapest(self, day: int, person: int, state: State) -> float:
        """Cheapest cost of reaching a state after so many days; infinite outside the grid."""
        low, high = self.grid.bands[day]
        if not low <= state.units <= high or min(state.rest) < 0:
            return float("inf")
        place = (state.run, *state.rest, state.units - low, person)
        return float(self.rest[day][place] if state.kind < 0 else self.work[day][(state.kind, *place)])

    def back(self, day: int, person: int, state: State) -> Iterator[tuple[int, State, float]]:
        """Shift type worked on `day` (or OFF) to come to `state`, the state before, the day's cost."""
        if state.kind < 0:
            yield from self._rested(day, person, state)
            return
        grid, calendar = self.grid, self.grid.calendar
        for t in grid.usable:
            paid = float(self.cost[person, day, t])
            if calendar.classes[t] != state.kind or paid == np.inf:
                continue
            first = state.run == 0
            steps = (grid.weekend(day, first), *(int(t == c) for c in grid.counted))
            rest = tuple(have - step for have, step in zip(state.rest, steps, strict=True))
            units = state.units - int(calendar.units[t])
            if first:
                yield int(t), State(-1, grid.min_off - 1, rest, units), paid
            else:
                for kind in calendar.before[t]:
                    yield int(t), State(int(kind), state.run - 1, rest, units), paid

    def _rested(self, day: int, person: int, state: State) -> Iterator[tuple[int, State, float]]:
        grid, paid = self.grid, float(self.off[person, day])
        if state.run > 0:
            yield OFF, state._replace(run=state.run - 1), paid
        if state.run == grid.min_off - 1:
            yield OFF, state, paid
        if state.run == 0:
            for run in grid.enders(day):
                for kind in range(len(self.work[day])):
                    yield OFF, State(kind, int(run), state.rest, state.units), paid

    def trace(self, person: int, state: State) -> np.ndarray:
        """A cheapest schedule that ends in `state`."""
        days = self.cost.shape[1]
        schedule = np.full(days, OFF, dtype=np.int16)
        for day in range(days - 1, -1, -1):
            wanted = self.cheapest(day + 1, person, state)
            for t, earlier, paid in self.back(day, person, state):
                if self.cheapest(day, person, earlier) + paid == wanted:
                    schedule[day], state = t, earlier
                    break
            else:
                raise AssertionError("a cheapest path has a way back")
        return schedule

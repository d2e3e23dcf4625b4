"""Cheapest schedules of people with equal limits: one forward dynamic programme for all of them.

State after a day: work (shift class, run length) or off (days off, capped at their minimum), times
shifts of the counted types, weekends used and minutes. Types with the same bans on what follows
form a class. Arrays are (class or off, run, weekends, counts..., minutes, people): the long axes
last, so that numpy works on long rows. Minutes keep only the band that can still end within limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from allocator.models.paths import Table
from allocator.models.team import FREE, OFF, SATURDAY, SUNDAY, Team


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
    def before_of(self) -> np.ndarray:
        """(types) number of the set of classes a type may follow."""
        return np.unique(self.team.banned, axis=1, return_inverse=True)[1].reshape(-1)

    @cached_property
    def befores(self) -> list[np.ndarray]:
        """The classes in each such set."""
        return [
            self.before[int(np.flatnonzero(self.before_of == k)[0])] for k in range(self.before_of.max() + 1)
        ]

    @cached_property
    def saturday(self) -> np.ndarray:
        return self.team.weekday == SATURDAY

    @cached_property
    def sunday(self) -> np.ndarray:
        return self.team.weekday == SUNDAY


Part = tuple[tuple[slice, ...], tuple[slice, ...]]
"""Places to copy from and to."""


class Move(NamedTuple):
    """A shift type worked on a day: what may come before, and the parts of the grid it links."""

    type: int
    kind: int
    before: int
    parts: list[Part]


class Plan(NamedTuple):
    """How a day's states follow from those of the day before."""

    off: Part
    enders: list[int]
    moves: list[Move]


def _least(arrays: list[np.ndarray]) -> np.ndarray:
    """Element by element, the least of some arrays."""
    least = arrays[0] if len(arrays) == 1 else np.minimum(arrays[0], arrays[1])
    for other in arrays[2:]:
        np.minimum(least, other, out=least)
    return least


class Grid:
    """The programme of a group of people with equal limits; `counted` types have an axis."""

    def __init__(self, calendar: Calendar, person: int, counted: tuple[int, ...]):
        team = calendar.team
        days = team.shape[1]
        self.calendar, self.counted = calendar, counted
        self.usable = np.flatnonzero(team.most.max(axis=0) > 0)
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
        self.of_class = [
            [t for t in self.usable.tolist() if calendar.classes[t] == c]
            for c in range(calendar.classes.max() + 1)
        ]
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
        longest = int(self.calendar.units.max(initial=0))
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
        kinds = self.calendar.classes.max() + 1
        table.work.append(self._empty((kinds, self.runs), 0, len(cost)))
        table.rest.append(self._empty((self.min_off,), 0, len(cost)))
        self._begin(table)
        closed = np.isinf(cost).all(axis=0)
        for day in range(cost.shape[1]):
            self._step(table, day, closed[day])
        self._close(table)
        return table

    def _empty(self, kinds: tuple[int, ...], day: int, people: int) -> np.ndarray:
        low, high = self.bands[day]
        return np.full((*kinds, *self.axes, high - low + 1, people), np.inf)

    def _begin(self, table: Table) -> None:
        before, run = int(self.edge.before[0]), int(self.edge.before_run[0])
        zero = (0,) * (len(self.axes) + 1)
        if before >= 0:
            table.work[0][(self.calendar.classes[before], run - 1, *zero)] = 0.0
        elif before == FREE:
            table.rest[0][(self.min_off - 1, *zero)] = 0.0
        else:
            table.rest[0][(min(run, self.min_off) - 1, *zero)] = 0.0

    def _step(self, table: Table, day: int, closed: np.ndarray) -> None:
        """Days off: a run of work may end when long enough, a run of days off grows."""
        people = len(table.cost)
        plan, old, fresh = self.plans[day], table.work[-1], table.rest[-1]
        work = self._empty(old.shape[:2], day + 1, people)
        rest = self._empty(fresh.shape[:1], day + 1, people)
        fro, to = plan.off
        into, last = rest[to], fresh[fro]
        if len(plan.enders):
            into[0] = _least([old[k, r][fro[1:]] for k in range(len(old)) for r in plan.enders])
        into[1:] = last[:-1]
        np.minimum(into[-1], last[-1], out=into[-1])
        into += table.off[:, day]
        self._work(table, day, closed, work)
        table.work.append(work)
        table.rest.append(rest)

    def _work(self, table: Table, day: int, closed: np.ndarray, work: np.ndarray) -> None:
        """Shifts: a run grows, or begins after enough days off."""
        old, fresh = table.work[-1], table.rest[-1]
        grown: dict[int, np.ndarray] = {}
        paid = np.repeat(table.cost[:, day].T[:, None], old.shape[-2], axis=1)
        for move in self.plans[day].moves:
            if closed[move.type]:
                continue
            if move.before not in grown:
                source = grown[move.before] = np.empty_like(old[0])
                source[0] = fresh[-1]
                if self.runs > 1:
                    source[1:] = _least([old[k][:-1] for k in self.calendar.befores[move.before]])
            for fro, to in move.parts:
                into = work[move.kind][to]
                total = grown[move.before][fro] + paid[move.type, : into.shape[-2]]
                np.minimum(into, total, out=into)

    @cached_property
    def plans(self) -> list[Plan]:
        """Per day, what is copied from where to where."""
        return [self._plan(day) for day in range(len(self.bands) - 1)]

    def _plan(self, day: int) -> Plan:
        every = (slice(None),) * (1 + len(self.axes))
        fro, to = self._minutes(day, 0)
        moves = []
        for t in self.usable.tolist():
            source, target = self._minutes(day, int(self.calendar.units[t]))
            if source.stop > source.start:
                parts = [
                    ((runs, *before, source), (runs, *after, target))
                    for runs, first in self._runs(day)
                    for before, after in [self._used(day, t, first)]
                ]
                moves.append(Move(t, int(self.calendar.classes[t]), int(self.calendar.before_of[t]), parts))
        return Plan(((*every, fro), (*every, to)), self.enders(day).tolist(), moves)

    def _runs(self, day: int) -> list[tuple[slice, bool]]:
        """Runs to treat at once: on a Sunday, one that begins differs from one that grows."""
        if self.weekend(day, True) == self.weekend(day, False):
            return [(slice(None), False)]
        return [(slice(1, None), False), (slice(0, 1), True)]

    def _used(self, day: int, t: int, first: bool) -> Part:
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

    def _minutes(self, day: int, units: int) -> tuple[slice, slice]:
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
        fits = (whole <= self.max_run) & ((whole >= self.min_run) | (runs == days) | self.edge.after_open[0])
        table.work[-1][:, ~fits] = np.inf
        barred = np.setdiff1d(np.arange(len(table.work[-1])), self.calendar.before[after])
        table.work[-1][barred] = np.inf
        table.rest[-1][:-1] = np.inf
        if run < self.min_run and not self.edge.after_open[0]:
            table.rest[-1][:] = np.inf

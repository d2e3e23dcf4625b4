"""Rosters of long horizons: window by window, where a schedule of all days is too much for one grid.

A first roster comes from rolling windows, each with its share of everyone's limits and some days of
outlook. It gets better by freeing some people in one window, between the fixed days on both sides.
The bound adds up those of windows on their own: there a roster keeps every limit that it keeps in
all, and runs may be cut at the edges, so no roster can cost less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from allocator.models import greedy, neighbours
from allocator.models.grid import Calendar, Grid
from allocator.models.hub import Hub
from allocator.models.master import EACH, Duals, Master
from allocator.models.schedules import Pricer
from allocator.models.team import OFF, SATURDAY, SUNDAY, Edge, Team

WORK = 3e9
"""States times days times types, summed over people, from which on a team is cut into windows."""
TABLE = 3e8 / 8
"""The same of one table."""
SPAN, KEPT, AHEAD = 28, 21, 7
"""Days of a window, those kept of a first roster, and those that look ahead."""
PIECE = 6e7
"""Work of the people freed at once."""
ROUNDS = 40
"""Rounds of pricing in each window before any has more."""
MIP_SECONDS = 6.0


def effort(team: Team) -> tuple[float, float]:
    """States times days times types of all people; states times days of the largest table."""
    calendar, days = Calendar(team), team.shape[1]
    names = ("min_minutes", "max_minutes", "max_run", "min_run", "min_off", "max_weekends")
    keys = [tuple(int(getattr(team, name)[p]) for name in names) for p in range(len(team.most))]
    sizes = {key: Grid(calendar, keys.index(key), ()).size for key in set(keys)}
    return sum(sizes[key] for key in keys) * float(days * team.shape[2]), max(sizes.values()) * float(days)


def long(team: Team) -> bool:
    """Is the team's horizon too long for schedules of all its days?"""
    work, table = effort(team)
    return work > WORK or table > TABLE


# ---- windows


def between(team: Team, roster: np.ndarray, first: int, last: int) -> Team:
    """The days from `first` up to `last`, beside the rest of a roster."""
    outside = roster.copy()
    outside[:, first:last] = OFF
    return _cut(team, first, last, _spent(team, outside), (1.0, 0), _edges(roster, first, last))


def beginning(team: Team, roster: np.ndarray, first: int, last: int, fair: bool = True) -> Team:
    """The days from `first` up to `last` after those of a roster, with their share of the limits.

    Without `fair`, with all that is left of them.
    """
    days = team.shape[1]
    before = roster.copy()
    before[:, first:] = OFF
    share = last / days if fair else 1.0
    slack = 0 if last == days else int(team.minutes.max())
    found = _cut(team, first, last, _spent(team, before), (share, slack), _edges(roster, first, None))
    return found if fair or last == days else replace(found, min_minutes=np.zeros_like(found.min_minutes))


def alone(team: Team, first: int, last: int) -> Team:
    """The days from `first` up to `last` on their own: no more is asked of a schedule than in all."""
    nothing = np.full(team.shape[:2], OFF, dtype=np.int16)
    part = _cut(team, first, last, _spent(team, nothing), (1.0, 0), Edge.free(len(team.most)))
    return replace(part, min_minutes=np.zeros_like(part.min_minutes))


Spent = tuple[np.ndarray, np.ndarray, np.ndarray]


def _spent(team: Team, roster: np.ndarray) -> Spent:
    """Shifts by type, minutes and weekends of each person in a roster."""
    counts = (roster[:, :, None] == np.arange(team.shape[2])).sum(axis=1)
    end = (team.weekday == SATURDAY) | (team.weekday == SUNDAY)
    week = (team.first_weekday + team.first_day + np.arange(team.shape[1])) // 7
    touched = np.zeros((len(roster), int(week.max()) + 1), dtype=bool)
    people, days = np.nonzero((roster >= 0) & end)
    touched[people, week[days]] = True
    return counts, counts @ team.minutes, touched.sum(axis=1)


def _cut(team: Team, first: int, last: int, spent: Spent, share: tuple[float, int], edge: Edge) -> Team:
    counts, minutes, weekends = spent
    part, slack = share
    days = slice(first, last)
    return replace(
        team,
        most=np.maximum(0, np.ceil(team.most * part).astype(np.int64) - counts),
        max_minutes=np.maximum(0, np.ceil(team.max_minutes * part).astype(np.int64) - minutes),
        min_minutes=np.maximum(0, (team.min_minutes * part).astype(np.int64) - slack - minutes),
        max_weekends=np.maximum(0, np.ceil(team.max_weekends * part).astype(np.int64) - weekends),
        present=team.present[:, days],
        cost=team.cost[:, days],
        base=0.0,
        required=team.required[days],
        under=team.under[days],
        over=team.over[days],
        first_day=team.first_day + first,
        edge=edge,
    )


def _edges(roster: np.ndarray, first: int, last: int | None) -> Edge:
    """What a roster holds on both sides of a window; nothing after it where `last` is None."""
    people, days = roster.shape
    edge = Edge.free(people)
    if first > 0:
        for p in range(people):
            run = _run(roster[p, first - 1 :: -1] if first > 1 else roster[p, :1])
            edge.before[p] = roster[p, first - 1]
            # days off that touch the first day are long enough
            edge.before_run[p] = days if run == first and roster[p, 0] < 0 else run
    if last is not None and last < days:
        for p in range(people):
            run = _run(roster[p, last:])
            edge.after[p], edge.after_run[p] = roster[p, last], run
            edge.after_open[p] = last + run == days
    return edge


def _run(shifts: np.ndarray) -> int:
    """How many days it begins with that are all worked or all off."""
    other = np.flatnonzero((shifts >= 0) != (shifts[0] >= 0))
    return int(other[0]) if len(other) else len(shifts)


# ---- search and proof


def build(
    team: Team, rng: np.random.Generator, more: Callable[[], bool] = lambda: True
) -> np.ndarray | None:
    """A first roster, by rolling windows; None where no schedule is found for someone.

    Who has no way on after the days before, and everyone left once `more` says no, gets one shift
    type over the whole horizon instead.
    """
    people, days, _ = team.shape
    roster = np.full((people, days), OFF, dtype=np.int16)
    settled: set[int] = set()
    for first in range(0, days, KEPT):
        last = min(days, first + KEPT + AHEAD)
        parts = [beginning(team, roster, first, last, fair) for fair in (True, False)]
        pricers = [Pricer(part) for part in parts]
        staffed = np.zeros(parts[0].required.shape)
        for person in sorted(settled):
            staffed += greedy.worked(roster[person, first:last], team)
        for person in (int(p) for p in rng.permutation(people) if p not in settled):
            options = (greedy.answer(part, p, person, staffed) for part, p in zip(parts, pricers, strict=True))
            schedule = next((s for s in options if s is not None), None) if more() else None
            if schedule is not None:
                roster[person, first:last] = schedule
            else:
                whole = greedy.plain(team, person)
                if whole is None:
                    return None
                settled.add(person)
                roster[person] = whole
            staffed += greedy.worked(roster[person, first:last], team)
        if last == days:
            break
    return roster


def seek(team: Team, hub: Hub, rng: np.random.Generator) -> Iterator[None]:
    """Free some people in one window, for ever."""
    people, days, _ = team.shape
    while True:
        roster = hub.roster
        weeks = max(1, -(-(days - SPAN) // 7) + 1)
        first = 7 * int(rng.integers(weeks))
        last = min(days, first + SPAN)
        part, inner = between(team, roster, first, last), roster[:, first:last]
        each = effort(part)[0] / people
        count = int(np.clip(PIECE / max(1.0, each), 2, max(2, 0.6 * people)))
        free = np.sort(rng.choice(people, min(people, count), replace=False))
        none = (np.zeros(0, dtype=np.int64), np.zeros((0, last - first), dtype=np.int16))
        better = neighbours.people(part, Pricer(part), none, inner, free, MIP_SECONDS, rng)
        if better is not None:
            found = roster.copy()
            found[:, first:last] = better
            hub.offer(found)
        yield


def prove(team: Team, hub: Hub, more: Callable[[], bool]) -> Iterator[None]:
    """Bounds of windows on their own, one after the other, then once more to their end."""
    days = team.shape[1]
    parts = [alone(team, first, min(days, first + SPAN)) for first in range(0, days, SPAN)]
    bounds = [_plain(part) for part in parts]
    hub.raised(team.bound(team.base + sum(bounds)))
    yield
    for rounds in (ROUNDS, 10_000):
        for k in range(len(parts)):
            master = Master(parts[k])

            def told(value: float, bound: float, k: int = k) -> bool:
                bounds[k] = max(bounds[k], bound)
                hub.raised(team.bound(team.base + sum(bounds)))
                return more()

            master.converge(rounds, more=told)
            yield


def _plain(part: Team) -> float:
    """Every person's cheapest schedule, as if nobody were asked for."""
    nothing = Duals(np.zeros(part.required.shape), np.zeros(2))
    return Master(part).price(nothing, EACH)[0]

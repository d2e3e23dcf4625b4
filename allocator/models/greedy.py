"""A first roster: person by person, each on the cheapest schedule beside those already chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from allocator.models.schedules import Pricer
from allocator.models.team import OFF, Team


def build(team: Team, pricer: Pricer, rng: np.random.Generator) -> np.ndarray | None:
    """A roster within all limits, people in random order; None where someone has no schedule."""
    roster = np.full(team.shape[:2], OFF, dtype=np.int16)
    staffed = np.zeros(team.required.shape)
    for person in rng.permutation(len(roster)):
        schedule = answer(team, pricer, int(person), staffed)
        if schedule is None:
            schedule = plain(team, int(person))
        if schedule is None:
            return None
        roster[person] = schedule
        staffed += worked(schedule, team)
    return roster


def polish(
    team: Team, pricer: Pricer, roster: np.ndarray, rng: np.random.Generator, passes: int = 2
) -> np.ndarray:
    """Let each person in turn take the cheapest schedule beside all others'."""
    roster, staffed = roster.copy(), team.staffed(roster).astype(float)
    value = team.value(roster)
    for _ in range(passes):
        for person in rng.permutation(len(roster)):
            others = staffed - worked(roster[person], team)
            schedule = answer(team, pricer, int(person), others)
            if schedule is not None:
                roster[person], staffed = schedule, others + worked(schedule, team)
        before, value = value, team.value(roster)
        if value >= before:
            break
    return roster


def answer(team: Team, pricer: Pricer, person: int, staffed: np.ndarray) -> np.ndarray | None:
    """The person's cheapest schedule beside so many others at work."""
    lift = np.where(staffed < team.required, -team.under, team.over)
    people, days, types = team.shape
    cost = np.full((people, days, types), np.inf)
    cost[person] = team.cost[person] + lift
    below = np.full(people, np.inf)
    found = pricer.price(cost, np.zeros((people, days)), below, 1, [person]).schedules
    return found[0] if len(found) else None


def plain(team: Team, person: int) -> np.ndarray | None:
    """The person's cheapest schedule of one shift type, however long the horizon; None if no type will do.

    The number of shifts stands for minutes and for the limit of the type: a small grid, without
    charges. Types of which the person may work most come first, the same for few people.
    """
    one, types = team.pick(np.array([person])), team.shape[2]
    for t in sorted(range(types), key=lambda t: (-int(one.most[0, t]), (t - person) % types)):
        part = replace(
            one,
            minutes=team.minutes[[t]],
            banned=team.banned[np.ix_([t], [t])],
            most=np.where(one.most[:, [t]] > 0, team.shape[1], 0),
            max_minutes=np.minimum(one.max_minutes, one.most[:, t] * team.minutes[t]),
            cost=one.cost[:, :, [t]],
            required=team.required[:, [t]],
            under=team.under[:, [t]],
            over=team.over[:, [t]],
        )
        found = answer(part, Pricer(part), 0, np.zeros(part.required.shape))
        if found is not None:
            return np.where(found >= 0, t, OFF).astype(np.int16)
    return None


def worked(schedule: np.ndarray, team: Team) -> np.ndarray:
    """(days, types) 1 where a schedule works."""
    worked = np.zeros((len(schedule), team.shape[2]))
    days = np.flatnonzero(schedule >= 0)
    worked[days, schedule[days]] = 1.0
    return worked

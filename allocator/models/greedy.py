"""A first roster: person by person, each on the cheapest schedule beside those already chosen."""

from __future__ import annotations

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
            return None
        roster[person] = schedule
        staffed += _worked(schedule, team)
    return roster


def polish(
    team: Team, pricer: Pricer, roster: np.ndarray, rng: np.random.Generator, passes: int = 2
) -> np.ndarray:
    """Let each person in turn take the cheapest schedule beside all others'."""
    roster, staffed = roster.copy(), team.staffed(roster).astype(float)
    value = team.value(roster)
    for _ in range(passes):
        for person in rng.permutation(len(roster)):
            others = staffed - _worked(roster[person], team)
            schedule = answer(team, pricer, int(person), others)
            if schedule is not None:
                roster[person], staffed = schedule, others + _worked(schedule, team)
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


def _worked(schedule: np.ndarray, team: Team) -> np.ndarray:
    """(days, types) 1 where a schedule works."""
    worked = np.zeros(team.required.shape)
    days = np.flatnonzero(schedule >= 0)
    worked[days, schedule[days]] = 1.0
    return worked

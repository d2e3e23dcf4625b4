"""Judges rosters of Curtois & Qu instances from the file alone, and invents small instances.

Written from the description of the format; shares nothing with the allocator.
"""

from __future__ import annotations

import csv
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Rules:
    """A file as it stands: every line of every section, split at commas."""

    text: str
    sections: dict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        name = ""
        for line in self.text.splitlines():
            if line.startswith("SECTION"):
                name = line.strip()
            elif line.strip() and not line.startswith("#"):
                self.sections[name].append(line.strip().split(","))

    @property
    def days(self) -> int:
        return int(self.sections["SECTION_HORIZON"][0][0])


Schedule = dict[int, str]
"""Day -> shift; days off are missing."""


def load(path: Path) -> dict[str, Schedule]:
    """A roster as `bench curtois --out` writes it; a second shift on a day is an error."""
    roster: dict[str, Schedule] = defaultdict(dict)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            day = int(row["day"])
            assert day not in roster[row["staff"]], "two shifts on one day"
            roster[row["staff"]][day] = row["shift"]
    return roster


def faults(rules: Rules, roster: dict[str, Schedule]) -> list[str]:
    """Every broken rule, in words."""
    known = {line[0] for line in rules.sections["SECTION_STAFF"]}
    found = [f"{name}: unknown" for name in roster if name not in known]
    away = {line[0]: {int(d) for d in line[1:] if d} for line in rules.sections["SECTION_DAYS_OFF"]}
    for line in rules.sections["SECTION_STAFF"]:
        schedule = roster.get(line[0], {})
        found += [f"{line[0]}: {fault}" for fault in personal(rules, line, schedule)]
        found += [f"{line[0]}: works on day off {d}" for d in schedule if d in away.get(line[0], set())]
    return found


def personal(rules: Rules, line: list[str], schedule: Schedule) -> list[str]:
    """What one person's schedule breaks."""
    shifts = {s[0]: (int(s[1]), set(filter(None, s[2].split("|")))) for s in rules.sections["SECTION_SHIFTS"]}
    found = []
    for day, shift in schedule.items():
        if not 0 <= day < rules.days or shift not in shifts:
            return [f"no such day or shift: {day}, {shift}"]
        if schedule.get(day + 1) in shifts[shift][1]:
            found.append(f"{schedule[day + 1]} after {shift} on day {day}")
    counts = Counter(schedule.values())
    for part in line[1].split("|"):
        name, limit = part.split("=")
        if counts[name] > int(limit):
            found.append(f"{counts[name]} times {name}")
    most, least, long, short, rest, weekends = (int(v) for v in line[2:])
    minutes = sum(shifts[s][0] for s in schedule.values())
    if not least <= minutes <= most:
        found.append(f"{minutes} minutes")
    found += stretches(rules.days, schedule, long, short, rest)
    if len({day // 7 for day in schedule if day % 7 in (5, 6)}) > weekends:
        found.append("too many weekends")
    return found


def stretches(days: int, schedule: Schedule, long: int, short: int, rest: int) -> list[str]:
    """Runs too long, or too short without touching an end of the horizon."""
    found, start = [], 0
    for works, group in itertools.groupby(range(days), lambda d: d in schedule):
        length = len(list(group))
        inside = start > 0 and start + length < days
        if works and (length > long or (inside and length < short)):
            found.append(f"works {length} days from {start}")
        if not works and inside and length < rest:
            found.append(f"rests {length} days from {start}")
        start += length
    return found


def cost(rules: Rules, roster: dict[str, Schedule]) -> float:
    """Unmet and violated requests, people missing and too many, by their weights."""
    total = 0.0
    for name, day, shift, weight in rules.sections["SECTION_SHIFT_ON_REQUESTS"]:
        total += float(weight) * (roster.get(name, {}).get(int(day)) != shift)
    for name, day, shift, weight in rules.sections["SECTION_SHIFT_OFF_REQUESTS"]:
        total += float(weight) * (roster.get(name, {}).get(int(day)) == shift)
    there = Counter((day, shift) for schedule in roster.values() for day, shift in schedule.items())
    for day, shift, required, under, over in rules.sections["SECTION_COVER"]:
        spare = there[int(day), shift] - int(required)
        total += float(under) * max(0, -spare) + float(over) * max(0, spare)
    return total


def best(rules: Rules) -> float | None:
    """The least cost of any roster, by trying all of them; None where there is none."""
    names = [s[0] for s in rules.sections["SECTION_SHIFTS"]]
    choices: list[list[Schedule]] = []
    for line in rules.sections["SECTION_STAFF"]:
        every = itertools.product([None, *names], repeat=rules.days)
        one = ({d: s for d, s in enumerate(days) if s} for days in every)
        choices.append([s for s in one if not faults_of(rules, line, s)])
    people = [line[0] for line in rules.sections["SECTION_STAFF"]]
    rosters: Iterable[tuple[Schedule, ...]] = itertools.product(*choices)
    return min((cost(rules, dict(zip(people, r, strict=True))) for r in rosters), default=None)


def faults_of(rules: Rules, line: list[str], schedule: Schedule) -> list[str]:
    """What one person's schedule breaks, days off included."""
    away = [int(d) for a in rules.sections["SECTION_DAYS_OFF"] if a[0] == line[0] for d in a[1:] if d]
    return personal(rules, line, schedule) + [f"day off {d}" for d in away if d in schedule]


def invent(seed: int, people: int, days: int, lengths: dict[str, int], tight: float = 1.0) -> str:
    """An instance in the form of the published ones: rules of hospitals, random requests."""
    rng = random.Random(seed)
    order = list(lengths)
    lines = ["# invented", "SECTION_HORIZON", str(days), "", "SECTION_SHIFTS"]
    lines += [f"{s},{m},{'|'.join(order[: k - k % 2])}" for k, (s, m) in enumerate(lengths.items())]
    lines += ["", "SECTION_STAFF"]
    long = max(lengths.values())
    staff = [f"P{p}" for p in range(people)]
    for name in staff:
        full = rng.random() < 0.8
        most = int(days * (9 / 14 if full else 5 / 14)) * min(lengths.values())
        caps = [days if rng.random() < 0.5 else rng.choice([0, days // 2, max(1, days // 7)]) for _ in order]
        caps[rng.randrange(len(caps))] = days
        limits = "|".join(f"{s}={c}" for s, c in zip(order, caps, strict=True))
        run = rng.choice([(5, 2, 2), (5, 2, 2), (6, 2, 3), (5, 1, 2)])
        lines.append(
            f"{name},{limits},{most},{max(0, most - 2 * long)},{run[0]},{run[1]},{run[2]},{(days + 6) // 14}"
        )
    lines += ["", "SECTION_DAYS_OFF", *(f"{n},{rng.randrange(days)}" for n in staff)]
    for kind in ("ON", "OFF"):
        lines += ["", f"SECTION_SHIFT_{kind}_REQUESTS"]
        for name in staff:
            for _ in range(max(1, days // 7)):
                lines.append(f"{name},{rng.randrange(days)},{rng.choice(order)},{rng.randint(1, 3)}")
    lines += ["", "SECTION_COVER"]
    mean = tight * people * 0.5 / len(order)
    for day in range(days):
        for shift in order:
            required = max(0, round(rng.gauss(mean, mean / 4)))
            lines.append(f"{day},{shift},{required},100,1")
    return "\n".join([*lines, ""])

"""The roster model alone on shift-scheduling instances in the form of Curtois & Qu (2014).

A file holds `SECTION_...` headers, `#` comments and comma-separated lines. Days count from 0, a
Monday. The answer is in the instance's own weights: unmet on-requests, violated off-requests,
under- and over-cover.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from allocator.errors import InputError
from allocator.models.roster import Roster
from allocator.models.team import Team
from allocator.problems import Problems, nearest, read_each

SECTIONS = {
    "SECTION_HORIZON": ("days",),
    "SECTION_SHIFTS": ("shift", "minutes", "shifts that cannot follow"),
    "SECTION_STAFF": (
        "staff",
        "maximum per shift",
        "maximum minutes",
        "minimum minutes",
        "maximum consecutive shifts",
        "minimum consecutive shifts",
        "minimum consecutive days off",
        "maximum weekends",
    ),
    "SECTION_DAYS_OFF": ("staff", "days"),
    "SECTION_SHIFT_ON_REQUESTS": ("staff", "day", "shift", "weight"),
    "SECTION_SHIFT_OFF_REQUESTS": ("staff", "day", "shift", "weight"),
    "SECTION_COVER": ("day", "shift", "required", "weight under", "weight over"),
}
"""What a line of each section holds."""
NEEDED = ("SECTION_HORIZON", "SECTION_SHIFTS", "SECTION_STAFF", "SECTION_COVER")
LONGEST = 3660
"""Days of a horizon at most; more is taken for a slip."""


class Line(NamedTuple):
    """A line of a section: its number in the file, and its fields."""

    number: int
    fields: list[str]


@dataclass(frozen=True)
class Instance:
    """A team with the names its file uses."""

    staff: tuple[str, ...]
    shifts: tuple[str, ...]
    team: Team


def why(instance: Instance, found: Roster) -> str:
    """Say why there is no roster."""
    names = ", ".join(instance.staff[p] for p in found.stuck)
    return f"no roster: no schedule keeps the limits of {names}" if names else "no roster found"


def write(instance: Instance, shifts: np.ndarray, path: Path) -> None:
    """Write `staff,day,shift`, one row per shift worked, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    people, days = np.nonzero(shifts >= 0)
    rows = [
        f"{instance.staff[p]},{d},{instance.shifts[shifts[p, d]]}" for p, d in zip(people, days, strict=True)
    ]
    part = path.with_name(path.name + ".part")
    part.write_text("\n".join(["staff,day,shift", *rows, ""]), encoding="utf-8")
    os.replace(part, path)


def read_all(paths: Sequence[Path]) -> list[Instance]:
    """Read instances, all faults of all files at once."""
    return read_each(read, paths)


def read(path: Path) -> Instance:
    """Read an instance; every fault of the file is named with its line."""
    reader = Reader(str(path))
    reader.open(path)
    reader.stop()
    return reader.instance()


class Reader:
    """Reads one file and collects its problems."""

    def __init__(self, file: str):
        self.file, self.problems = file, Problems()
        self.lines: dict[str, list[Line]] = {}
        self.days = 0

    def stop(self) -> None:
        """Raise what was found so far."""
        if self.problems.errors:
            raise InputError(self.problems.listed())

    def fault(self, line: int | None, column: str | None, value: str, expected: str) -> None:
        self.problems.add("bad_instance", self.file, expected, line, column, value)

    # ---- lines and sections

    def open(self, path: Path) -> None:
        """Sort the lines into sections; too few or too many fields are faults."""
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            self.fault(None, None, "", f"a readable text file ({error})")
            return
        section = None
        for number, text in enumerate(lines, 1):
            text = text.strip()
            if text.startswith("SECTION_"):
                section = self._section(number, text)
            elif text and not text.startswith("#"):
                self._line(number, text, section)
        for name in NEEDED:
            if not self.lines.get(name) and not self.problems.errors:
                self.fault(None, None, "", f"a section {name} with at least one line")

    def _section(self, number: int, text: str) -> str:
        if text not in SECTIONS:
            self.fault(number, None, text, nearest(text, SECTIONS))
        elif text in self.lines:
            self.fault(number, None, text, "each section once")
        self.lines.setdefault(text, [])
        return text

    def _line(self, number: int, text: str, section: str | None) -> None:
        if section is None:
            self.fault(number, None, text, "a line SECTION_... before the first data")
        if section not in SECTIONS:
            return
        names, fields = SECTIONS[section], [field.strip() for field in text.split(",")]
        if section == "SECTION_SHIFTS" and len(fields) == 2:
            fields.append("")
        if len(fields) != len(names) and section != "SECTION_DAYS_OFF":
            self.fault(number, None, text, f"{len(names)} fields: {', '.join(names)}")
            return
        self.lines[section].append(Line(number, fields))

    # ---- fields

    def whole(self, line: Line, place: int, column: str, low: int = 0, high: int | None = None) -> int:
        """A whole number; `low` where it is none."""
        text = line.fields[place]
        span = f"from {low}" if high is None else f"from {low} to {high}"
        try:
            number = int(text)
        except ValueError:
            self.fault(line.number, column, text, f"a whole number {span}")
            return low
        if number < low or (high is not None and number > high):
            self.fault(line.number, column, text, f"a whole number {span}")
            return low
        return min(number, 1 << 40)

    def weight(self, line: Line, place: int, column: str) -> float:
        """A number of at least 0."""
        text = line.fields[place]
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 <= number < 1e12:
            self.fault(line.number, column, text, "a number of at least 0")
            return 0.0
        return number

    def known(self, line: Line, text: str, column: str, names: dict[str, int]) -> int:
        """The number of a name that must be known."""
        if text not in names:
            self.fault(line.number, column, text, nearest(text, names))
        return names.get(text, 0)

    def names(self, section: str, column: str) -> dict[str, int]:
        """Number of each name in the first field; no name twice or blank."""
        found: dict[str, int] = {}
        for line in self.lines[section]:
            if not line.fields[0] or line.fields[0] in found:
                self.fault(line.number, column, line.fields[0], "a name, each once")
            found.setdefault(line.fields[0], len(found))
        return found

    # ---- the instance

    def instance(self) -> Instance:
        """The instance, or everything that is wrong with it."""
        head = self.lines["SECTION_HORIZON"]
        self.days = self.whole(head[0], 0, "days", 1, LONGEST)
        for line in head[1:]:
            self.fault(line.number, "days", line.fields[0], "one line in this section")
        shifts, staff = self.names("SECTION_SHIFTS", "shift"), self.names("SECTION_STAFF", "staff")
        self.stop()
        minutes, banned = self._shifts(shifts)
        limits, most = self._staff(shifts)
        cost, base = self._requests(staff, shifts)
        required, under, over = self._cover(shifts)
        present = self._present(staff)
        self.stop()
        names = ("max_minutes", "min_minutes", "max_run", "min_run", "min_off", "max_weekends")
        team = Team(
            minutes=minutes,
            banned=banned,
            most=most,
            present=present,
            cost=cost,
            base=base,
            required=required,
            under=under,
            over=over,
            **dict(zip(names, limits.T, strict=True)),
        )
        return Instance(tuple(staff), tuple(shifts), team)

    def _shifts(self, shifts: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
        minutes, banned = np.zeros(len(shifts), dtype=np.int64), np.zeros((len(shifts), len(shifts)), bool)
        for t, line in enumerate(self.lines["SECTION_SHIFTS"]):
            minutes[t] = self.whole(line, 1, "minutes", 1)
            for name in filter(None, (part.strip() for part in line.fields[2].split("|"))):
                banned[t, self.known(line, name, "shifts that cannot follow", shifts)] = True
        return minutes, banned

    def _staff(self, shifts: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
        lines, names = self.lines["SECTION_STAFF"], SECTIONS["SECTION_STAFF"]
        most = np.full((len(lines), len(shifts)), self.days)
        limits = np.zeros((len(lines), 6), dtype=np.int64)
        for p, line in enumerate(lines):
            lows = (0, 0, 1, 0, 0, 0)
            limits[p] = [self.whole(line, k + 2, names[k + 2], low) for k, low in enumerate(lows)]
            for part in filter(None, line.fields[1].split("|")):
                name, _, limit = part.partition("=")
                t = self.known(line, name.strip(), names[1], shifts)
                most[p, t] = self.whole(Line(line.number, [limit.strip()]), 0, names[1])
        return limits, most

    def _present(self, staff: dict[str, int]) -> np.ndarray:
        present = np.ones((len(staff), self.days), dtype=bool)
        for line in self.lines.get("SECTION_DAYS_OFF", []):
            p = self.known(line, line.fields[0], "staff", staff)
            for place in range(1, len(line.fields)):
                if line.fields[place]:
                    present[p, self.whole(line, place, "days", 0, self.days - 1)] = False
        return present

    def _requests(self, staff: dict[str, int], shifts: dict[str, int]) -> tuple[np.ndarray, float]:
        cost, base = np.zeros((len(staff), self.days, len(shifts))), 0.0
        for sign, kind in ((-1.0, "ON"), (1.0, "OFF")):
            for line in self.lines.get(f"SECTION_SHIFT_{kind}_REQUESTS", []):
                p = self.known(line, line.fields[0], "staff", staff)
                day = self.whole(line, 1, "day", 0, self.days - 1)
                t = self.known(line, line.fields[2], "shift", shifts)
                weight = self.weight(line, 3, "weight")
                cost[p, day, t] += sign * weight
                base += weight if sign < 0 else 0.0
        return cost, base

    def _cover(self, shifts: dict[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        shape = (self.days, len(shifts))
        required, under, over = np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape)
        seen: dict[tuple[int, int], int] = {}
        for line in self.lines["SECTION_COVER"]:
            day = self.whole(line, 0, "day", 0, self.days - 1)
            t = self.known(line, line.fields[1], "shift", shifts)
            if (day, t) in seen:
                place = f"one line per day and shift; the first is line {seen[day, t]}"
                self.fault(line.number, "day, shift", ",".join(line.fields[:2]), place)
            seen.setdefault((day, t), line.number)
            required[day, t] = self.whole(line, 2, "required")
            under[day, t], over[day, t] = (
                self.weight(line, 3, "weight under"),
                self.weight(line, 4, "weight over"),
            )
        return required, under, over

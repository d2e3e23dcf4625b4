"""Settings of a scenario: what scenario.toml (or the sheets of a workbook) says beside the tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from allocator.cells import Horizon

ARRAYS = ("shift", "batch", "case")
"""Sections that are lists of entries: [[shift]], [[batch]], [[case]]."""


ORDER = "a<b<c<school"
"""Order of resumption where a scenario names none: class by class, schools last."""


@dataclass(frozen=True)
class Shift:
    id: str
    start: int
    """Minutes after midnight."""
    minutes: int
    """Length."""
    night: bool

    @property
    def end(self) -> int:
        return self.start + self.minutes


@dataclass(frozen=True)
class Batch:
    id: str
    start: int
    """Day, 0 = first day of the horizon."""
    size: int


@dataclass(frozen=True)
class Case:
    id: str
    probability: float


@dataclass(frozen=True)
class Rules:
    rest_hours: float
    max_run: int
    max_shifts_7_days: int
    max_nights_7_days: int
    max_travel: float
    max_posting_days: int
    class_order: str = ORDER
    """Who resumes before whom, as `classes.pairs` reads it."""


@dataclass(frozen=True)
class Weights:
    required: float
    target: float
    travel: float
    change: float
    fairness: float
    first_half: float
    distance: float
    opening: float
    uncovered: float
    transfer: float
    reopening: float
    tiers: Mapping[str, float]


@dataclass(frozen=True)
class Travel:
    speed_kmh: float
    detour: float


@dataclass(frozen=True)
class Supply:
    budget: float


@dataclass(frozen=True)
class Settings:
    name: str
    title: str
    start: dt.date
    days: int
    shifts: tuple[Shift, ...]
    batches: tuple[Batch, ...]
    cases: tuple[Case, ...]
    """Empty: one certain case."""
    rules: Rules
    weights: Weights
    travel: Travel
    supply: Supply

    @property
    def horizon(self) -> Horizon:
        return Horizon(self.start, self.days)

    def labels(self, what: str) -> tuple[str, ...]:
        """Return the ids of `shift`, `batch` or `case`."""
        entries: Mapping[str, Sequence[Shift | Batch | Case]]
        entries = {"shift": self.shifts, "batch": self.batches, "case": self.cases}
        return tuple(e.id for e in entries[what])

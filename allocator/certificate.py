"""What is proved about a value: status, objective, bound, gap."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass


class Status(enum.StrEnum):
    """What can be said of an answer, in the words solvers use."""

    OPTIMAL = "optimal"
    """Objective and bound meet (to the tolerance of the stage)."""
    FEASIBLE = "feasible"
    """A valid answer with a bound that does not meet it."""
    BOUND = "bound"
    """A bound alone."""
    UNKNOWN = "unknown"
    """Neither an answer nor a bound within the limits."""


def gap(objective: float | None, bound: float | None) -> float | None:
    """(objective - bound) / max(1, |objective|); None where either is missing."""
    if objective is None or bound is None:
        return None
    return max(0.0, (objective - bound) / max(1.0, abs(objective)))


@dataclass(frozen=True)
class Certificate:
    """The proof of one stage; `bound` is a number no plan can beat, None where there is none."""

    stage: str
    status: Status
    objective: float | None
    bound: float | None
    seconds: float
    solver: str

    def __post_init__(self) -> None:
        for name in ("objective", "bound"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"certificate {self.stage}: {name} is {value}; use None")

    @property
    def gap(self) -> float | None:
        return gap(self.objective, self.bound)

"""The best roster and bound known to a process, and what it tells the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from allocator.models.team import Team

TINY = 1e-6


@dataclass
class Hub:
    """Best roster and bound so far; `send` tells them to other processes."""

    team: Team
    roster: np.ndarray
    bound: float
    send: Callable[[str, object], None] = lambda kind, what: None
    deadline: float = np.inf
    value: float = field(init=False)

    def __post_init__(self) -> None:
        self.value = self.team.value(self.roster)

    @property
    def closed(self) -> bool:
        return self.bound >= self.value - TINY

    @property
    def left(self) -> float:
        return self.deadline - time.monotonic()

    @property
    def going(self) -> bool:
        return not self.closed and self.left > 0

    def offer(self, roster: np.ndarray) -> None:
        value = self.team.value(roster)
        if value < self.value - TINY:
            self.roster, self.value = roster, value
            self.send("roster", roster)

    def raised(self, bound: float) -> None:
        bound = min(bound, self.value)
        if bound > self.bound + TINY:
            self.bound = bound
            self.send("bound", bound)

    def hear(self, kind: str, what: Any) -> None:
        """Take over what another process found; it is not sent on."""
        if kind == "bound":
            self.bound = max(self.bound, what)
        elif self.team.value(what) < self.value - TINY:
            self.roster, self.value = what, self.team.value(what)

"""How much effort a solve may take, and how it tells what it is doing.

Effort is no part of the question: limits stay outside the scenario's fingerprint.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from allocator.certificate import gap


@dataclass(frozen=True)
class Limits:
    """What a solve may spend."""

    seconds: float | None = None
    """Wall time for deciding, in seconds; None: until the stages have nothing more to try."""
    gap: float = 0.0
    """Stop once the whole-plan gap is at most this."""
    seed: int = 0
    processes: int = 1
    rounds: int = 40
    """Rounds of search at most once kits are charged; with no time limit, these alone bound the work."""
    prove: bool = True
    """False: no bound is asked for."""
    scheduler: str | None = None
    """Address of a Dask scheduler, whose workers plan the parts of a large scenario; None: processes here."""


@dataclass(frozen=True)
class Progress:
    """One line of news: values of the stage named, None where not known yet."""

    stage: str
    objective: float | None
    bound: float | None
    seconds: float
    note: str = ""

    @property
    def gap(self) -> float | None:
        return gap(self.objective, self.bound)


@dataclass
class Watch:
    """Clock of one solve: time left, a request to stop, and the listener for news."""

    limits: Limits = field(default_factory=Limits)
    listen: Callable[[Progress], None] | None = None
    started: float = field(default_factory=time.monotonic)
    share: Callable[[object], None] | None = None
    """Where work beside the main one leaves what the main one may use already; None: nobody asks."""
    look: Callable[[], Any] | None = None
    """Where it finds what the main one has shown it last; None: nothing is shown."""
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def stop(self) -> None:
        """Ask the solve to end with the best plan so far (what Ctrl-C does)."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def left(self, until: float = 1.0) -> float:
        """Seconds left of the first `until` share of the limit; infinite without a limit."""
        if self.stopped:
            return 0.0
        if self.limits.seconds is None:
            return float("inf")
        return max(0.0, self.limits.seconds * until - self.seconds)

    def tell(self, stage: str, objective: float | None = None, bound: float | None = None, note: str = "") -> None:
        if self.listen is not None:
            self.listen(Progress(stage, objective, bound, self.seconds, note))

"""Sites that may open or resume, and the people who need a place: what is asked of openings and resumptions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Choices:
    """Letters in shapes: O sites to decide on, T townships, D days, K cases; all values are penalties."""

    site: np.ndarray
    """[O] index of the site; candidates first."""
    candidates: int
    earliest: np.ndarray
    """[O] first day it can open or resume."""
    cost: np.ndarray
    """[O] of opening it; 0 for applications."""
    closed: np.ndarray
    """[O] of each day it stays closed; 0 for candidates."""
    capacity: np.ndarray
    """[O] people it takes; 0 for applications."""
    order: tuple[tuple[int, int], ...]
    """Pairs of O: the first is of an earlier class."""
    people: np.ndarray
    """[K, T, D] who need a place."""
    move: np.ndarray
    """[T, O] per person-day moved there; infinite where there is no way."""
    without: float
    """Per person-day without a place."""
    chance: np.ndarray
    """[K]"""

    def __len__(self) -> int:
        return len(self.site)

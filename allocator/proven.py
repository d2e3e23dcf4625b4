"""What a solve has proved: bounds of its parts, and the certificates made of them."""

from __future__ import annotations

from dataclasses import dataclass

from allocator.certificate import Certificate, Status, gap

TIGHT = 1e-6
"""Relative gap at which a stage counts as optimal."""


@dataclass(frozen=True)
class Proof:
    """Bounds of the two halves at the same prices of kits."""

    people: float
    goods: float
    people_seconds: float
    goods_seconds: float
    sites: float = 0.0
    """What openings and resumptions add."""

    @property
    def whole(self) -> float:
        return self.people + self.goods + self.sites


def certificate(stage: str, objective: float, bound: float | None, seconds: float, solver: str) -> Certificate:
    """Certificate of a stage: optimal where nothing is left between objective and bound."""
    bound = None if bound is None else min(bound, objective)
    share = gap(objective, bound)
    status = Status.OPTIMAL if share is not None and share <= TIGHT else Status.FEASIBLE
    return Certificate(stage, status, objective, bound, seconds, solver)

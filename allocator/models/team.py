"""A team and what is asked of it: the data of the roster model.

Sets: people p, days d (day 0 is a Monday unless `first_weekday` says otherwise), shift types t.
Axes keep this order everywhere. A roster holds one shift type, or -1 for a day off, per person and day.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

OFF, FREE = -1, -2
SATURDAY, SUNDAY = 5, 6


@dataclass(frozen=True)
class Edge:
    """What lies before the first and after the last day, per person; FREE where nothing does.

    A run of work or of days off that touches a free edge need not reach its minimum.
    """

    before: np.ndarray
    """Shift type on the day before, OFF, or FREE."""
    before_run: np.ndarray
    """Days that run of work, or of days off, has lasted."""
    after: np.ndarray
    """Shift type on the day after, OFF, or FREE."""
    after_run: np.ndarray
    """Days that run goes on."""
    after_open: np.ndarray
    """Does that run reach the end of the horizon?"""

    @staticmethod
    def free(people: int) -> Edge:
        none, zero = np.full(people, FREE), np.zeros(people, dtype=np.int64)
        return Edge(none, zero, none.copy(), zero.copy(), np.ones(people, dtype=bool))

    def of(self, people: np.ndarray) -> Edge:
        return Edge(*(getattr(self, name)[people] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Team:
    """People with their limits, and what is asked of them.

    Minutes and limits are whole numbers; weights are at least 0.
    """

    minutes: np.ndarray
    """(types) length of a shift."""
    banned: np.ndarray
    """(types, types) may the second not be worked on the day after the first?"""
    most: np.ndarray
    """(people, types) shifts of a type at most; 0 bars it."""
    min_minutes: np.ndarray
    max_minutes: np.ndarray
    max_run: np.ndarray
    min_run: np.ndarray
    min_off: np.ndarray
    max_weekends: np.ndarray
    """(people) weekends with a Saturday or Sunday worked, at most."""
    present: np.ndarray
    """(people, days) False on a fixed day off."""
    cost: np.ndarray
    """(people, days, types) cost of working it: off-request minus on-request."""
    base: float
    """Weights of all on-requests: what a roster of nothing but days off leaves unmet."""
    required: np.ndarray
    """(days, types) people asked for."""
    under: np.ndarray
    over: np.ndarray
    """(days, types) cost per person missing and per person too many."""
    first_weekday: int = 0
    first_day: int = 0
    """Days of the horizon before day 0; above 0 in a window of a longer roster."""
    edge: Edge | None = None
    names: tuple[str, ...] = field(default=(), compare=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """People, days, shift types."""
        return self.cost.shape

    @cached_property
    def edges(self) -> Edge:
        return Edge.free(len(self.most)) if self.edge is None else self.edge

    @cached_property
    def weekday(self) -> np.ndarray:
        return (self.first_weekday + self.first_day + np.arange(self.shape[1])) % 7

    @cached_property
    def whole(self) -> bool:
        """Are all costs whole numbers, so that a bound may be rounded up?"""
        costs = (self.cost, self.under, self.over, np.array([self.base]))
        return all(bool((values == np.round(values)).all()) for values in costs)

    @cached_property
    def barred(self) -> np.ndarray:
        """(people, days, types) shifts a person never works: fixed days off and types barred."""
        return ~self.present[:, :, None] | (self.most == 0)[:, None, :]

    def staffed(self, roster: np.ndarray) -> np.ndarray:
        """(days, types) people at work."""
        days, types = self.required.shape
        p, d = np.nonzero(roster >= 0)
        return np.bincount(d * types + roster[p, d], minlength=days * types).reshape(days, types)

    def personal(self, roster: np.ndarray) -> np.ndarray:
        """(people) cost of the requests a roster meets or breaks, without `base`."""
        chosen = np.take_along_axis(self.cost, np.maximum(roster, 0)[:, :, None].astype(np.int64), 2)[:, :, 0]
        return np.where(roster >= 0, chosen, 0.0).sum(axis=1)

    def cover(self, roster: np.ndarray) -> float:
        """Cost of people missing and people too many."""
        spare = self.staffed(roster) - self.required
        return float((np.maximum(-spare, 0) * self.under + np.maximum(spare, 0) * self.over).sum())

    def value(self, roster: np.ndarray) -> float:
        """What a roster costs in all."""
        return self.base + float(self.personal(roster).sum()) + self.cover(roster)

    @cached_property
    def floor(self) -> float:
        """No roster costs less: every wish met, nobody missing."""
        return self.base + float(np.minimum(self.cost.min(axis=2), 0.0).sum())

    def bound(self, value: float) -> float:
        """The bound that a value proves: the next whole number where all costs are whole."""
        return float(np.ceil(value - 1e-6)) if self.whole else value

    def part(self, people: np.ndarray, roster: np.ndarray) -> Team:
        """The team of some people, asked for what the others in `roster` leave uncovered.

        Over-cover by the others alone is part of `base`.
        """
        rest = roster.copy()
        rest[people] = OFF
        staffed = self.staffed(rest)
        left = self.required - staffed
        lone = float((np.maximum(-left, 0) * self.over).sum())
        lone += float(self.personal(rest).sum())
        return replace(
            self.pick(people),
            base=self.base + lone,
            required=np.maximum(left, 0),
        )

    def pick(self, people: np.ndarray) -> Team:
        """The team of some people alone."""
        limits = ("most", "min_minutes", "max_minutes", "max_run", "min_run", "min_off", "max_weekends")
        names = (*limits, "present", "cost")
        return replace(
            self,
            **{name: getattr(self, name)[people] for name in names},
            edge=None if self.edge is None else self.edge.of(people),
            names=(),
        )

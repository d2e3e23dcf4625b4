"""Prices of the shifts of a site: the duals of the most penalty a team can remove there.

Sets      posts of one demand profile, days D, team classes K (batch x what the class may do).
Data      required, target and worth of the posts, days each class is there, work rules.
Decisions people of a class on a post and day (fractions: the aggregate of their rosters).
Objective the benefit of the cover, to be made large.

one_shift_per_day   a class works at most its head count a day.
max_run, max_shifts_7_days, max_nights_7_days   sums over windows of days, per head.
rest_between_shifts a late shift and an early one the next day share the head count.

The *frontier* of a profile is the value of this LP as a function of the team. Its cover duals p
give, for ANY team S, the cut  U(S) <= surplus(p) + sum over S of the best schedule under p  (weak
duality), tight where the duals were taken. The cut holds whatever p is, so nothing here needs to
be exact: the LP only has to point to good prices. At whole teams the duals are degenerate, so
they are taken at 0.98 of the head count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.models import engine
from allocator.models.patterns import MEMORY, Rules

SHY = 0.98
"""Share of the head count at which duals are taken."""


@dataclass(frozen=True)
class Profile:
    """Demand of a site, its weight aside."""

    shift: np.ndarray
    """[p] position of the post's shift in `start`, `end`, `night`."""
    required: np.ndarray
    """[p, D]"""
    target: np.ndarray
    first: np.ndarray
    """[p] benefit of a person up to required."""
    second: np.ndarray
    """[p] benefit of a person up to target."""


class Frontier:
    """The LP of one profile; `prices` re-solves it for one team after another."""

    def __init__(
        self, profile: Profile, start: np.ndarray, end: np.ndarray, night: np.ndarray, rules: Rules,
        able: np.ndarray, there: np.ndarray,
    ):
        """`able` [K, p] which posts a class may take, `there` [K, D] the days it is present."""
        self.profile = profile
        self.able, self.there = able, there
        posts, days = profile.required.shape
        classes = len(able)
        self.shape = (posts, days)
        k, p, d = np.nonzero(able[:, :, None] & there[:, None, :] & (profile.target > 0)[None])
        self.work = (k, p, d)
        n = len(k)
        self._rows: list[tuple[np.ndarray, float]] = []
        self._row_class: list[int] = []
        shift = profile.shift[p]
        for c in range(classes):
            mine = k == c
            self._windows(mine, d, shift, start, end, night, rules, c, days)
        self._assemble(n, p, d)

    def _add(self, columns: np.ndarray, share: float, c: int) -> None:
        if len(columns):
            self._rows.append((columns, share))
            self._row_class.append(c)

    def _windows(self, mine, d, shift, start, end, night, rules, c, days) -> None:  # type: ignore[no-untyped-def]
        late = {int(s): 1440 - end[s] for s in np.unique(shift)}
        clash = {s: [t for t in late if late[s] + start[t] < rules.rest_minutes] for s in late}
        run = rules.max_run + 1
        for day in range(days):
            on = mine & (d == day)
            self._add(np.flatnonzero(on), 1.0, c)
            for s, others in clash.items():
                if others:
                    after = mine & (d == day + 1) & np.isin(shift, others)
                    self._add(np.flatnonzero((on & (shift == s)) | after), 1.0, c)
            span = mine & (d >= day) & (d < day + run)
            if day + run <= days:
                self._add(np.flatnonzero(span), float(rules.max_run), c)
            week = mine & (d >= day) & (d <= day + MEMORY)
            if day + MEMORY < days or day == 0:
                if rules.max_shifts_7_days < min(7, rules.max_run):
                    self._add(np.flatnonzero(week), float(rules.max_shifts_7_days), c)
                if rules.max_nights_7_days < 7:
                    self._add(np.flatnonzero(week & night[shift]), float(rules.max_nights_7_days), c)

    def _assemble(self, n: int, p: np.ndarray, d: np.ndarray) -> None:
        profile = self.profile
        post, day = np.nonzero(profile.target > 0)
        cell = np.full(self.shape, -1)
        cell[post, day] = np.arange(len(post))
        cells = len(post)
        low = profile.required[post, day]
        high = profile.target[post, day] - low
        rows = [np.full(len(c), r) for r, (c, _) in enumerate(self._rows)]
        base = len(self._rows)
        self._cells = (post, day)
        self._model_rows = np.concatenate(
            [*rows, base + cell[p, d], base + np.arange(cells), base + np.arange(cells)]
        ).astype(np.int64)
        self._model_columns = np.concatenate(
            [*[c for c, _ in self._rows], np.arange(n), n + np.arange(cells), n + cells + np.arange(cells)]
        ).astype(np.int64)
        self._model_values = np.concatenate(
            [np.ones(sum(len(c) for c, _ in self._rows)), np.ones(n), -np.ones(2 * cells)]
        )
        self._cost = np.concatenate([np.zeros(n), -profile.first[post], -profile.second[post]])
        self._upper = np.concatenate([np.full(n, np.inf), low, high]).astype(float)

    def prices(self, team: np.ndarray) -> np.ndarray | None:
        """[p, D] cover duals at `SHY` times the head counts `team` [K]; None where the LP fails.

        Classes nobody belongs to are left out: most teams have one or two.
        """
        heads = SHY * np.asarray(team, float)
        n, cells, limits = len(self.work[0]), len(self._cells[0]), len(self._rows)
        keep_column = np.concatenate([heads[self.work[0]] > 0, np.ones(2 * cells, bool)])
        kinds = np.array(self._row_class, int)
        keep_row = np.concatenate([heads[kinds] > 0, np.ones(cells, bool)]) if limits else np.ones(cells, bool)
        column, row = np.cumsum(keep_column) - 1, np.cumsum(keep_row) - 1
        entries = keep_column[self._model_columns] & keep_row[self._model_rows]
        limit = np.array([share for _, share in self._rows]) * heads[kinds] if limits else np.zeros(0)
        lower = np.concatenate([np.full(limits, -np.inf), np.zeros(cells)])[keep_row]
        upper = np.concatenate([limit, np.full(cells, np.inf)])[keep_row]
        model = engine.Model(
            cost=self._cost[keep_column],
            rows=row[self._model_rows[entries]],
            columns=column[self._model_columns[entries]],
            values=self._model_values[entries],
            row_lower=lower,
            row_upper=upper,
            upper=self._upper[keep_column],
        )
        answer = engine.solve(model, "glop", seconds=5.0)
        if answer.duals is None or n == 0:
            return None
        out = np.zeros(self.shape)
        out[self._cells] = np.maximum(0.0, answer.duals[-cells:])
        return out

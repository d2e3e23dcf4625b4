"""Work patterns one person may follow, as a small deterministic automaton.

Sets      days D, the shifts S a site uses, states A of the automaton.
Data      the work rules; what a person gains on each day and shift.
Decision  one shift or a day off for each day.
Objective the largest total gain.

one_shift_per_day   one symbol a day.
rest_between_shifts a shift is refused where the one of the day before ends too late.
max_run             states count the days worked in a row.
max_shifts_7_days   states remember which of the last six days were worked
                    (six of seven is the same as a run of at most six: no memory needed).
max_nights_7_days   states remember which of the last six nights were worked.

States that allow the same futures are merged (Moore's algorithm), so a day-shift site
under 'six days in seven' has seven states and a station with four shifts about a hundred.
The dynamic programme over days x states is exact, for any gains.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from allocator.models import kernel

MEMORY = 6
"""Days to remember for rules on any seven days."""
State = tuple[int, int, int, int]
"""Days worked in a row, days and nights worked of the last six (bits), shift of the day before."""


@dataclass(frozen=True)
class Rules:
    """Work rules of one person; minutes and days."""

    rest_minutes: int
    max_run: int
    max_shifts_7_days: int
    max_nights_7_days: int


@dataclass(frozen=True)
class Pattern:
    """`step[a, s]` is the state after shift `s` in state `a`; A (one past the last) where it is refused.

    The last column is a day off. State 0 is the first morning of somebody rested.
    """

    shifts: tuple[int, ...]
    step: np.ndarray
    first: np.ndarray
    """State of the first morning, for each of the pasts asked for."""

    @property
    def states(self) -> int:
        return len(self.step)


RESTED: tuple[int, ...] = (-1,) * MEMORY
"""The past of somebody who did not work on the last days."""


def pattern(
    shifts: tuple[int, ...], start: np.ndarray, end: np.ndarray, night: np.ndarray, rules: Rules,
    pasts: tuple[tuple[int, ...], ...] = (RESTED,),
) -> Pattern:
    """Automaton of all patterns over `shifts` (indices into start, end, night) that keep the rules.

    `pasts` are the shifts (any, -1: a day off) of the days before the first, as some people have
    them; what they did counts, whether or not the rules would have allowed it.
    """
    longest = rules.max_run if rules.max_shifts_7_days >= 7 else min(rules.max_run, 6)
    window = rules.max_shifts_7_days < MEMORY
    nights = rules.max_nights_7_days < 7 and any(night[s] for s in shifts)
    mask = (1 << MEMORY) - 1

    def done(state: State, s: int) -> State:
        run, worked, dark, _ = state
        worked = (worked << 1 | 1) & mask if window else 0
        return min(run + 1, longest), worked, (dark << 1 | int(night[s])) & mask if nights else 0, s

    def after(state: State, s: int | None) -> State | None:
        run, worked, dark, last = state
        if s is None:
            return 0, worked << 1 & mask, dark << 1 & mask, -1
        rested = last < 0 or 1440 - end[last] + start[s] >= rules.rest_minutes
        if not rested or run >= longest:
            return None
        if window and worked.bit_count() >= rules.max_shifts_7_days:
            return None
        if nights and night[s] and dark.bit_count() >= rules.max_nights_7_days:
            return None
        if night[s] and rules.max_nights_7_days == 0:
            return None
        return done(state, s)

    number: dict[State, int] = {}
    roots = []
    for past in (RESTED, *pasts):
        state: State = (0, 0, 0, -1)
        for s in past:
            state = done(state, s) if s >= 0 else (0, state[1] << 1 & mask, state[2] << 1 & mask, -1)
        roots.append(number.setdefault(state, len(number)))
    queue = deque(number)
    rows: list[list[int]] = []
    while queue:
        state = queue.popleft()
        row = []
        for k in [*shifts, None]:
            nxt = after(state, k)
            if nxt is None:
                row.append(-1)
                continue
            if nxt not in number:
                number[nxt] = len(number)
                queue.append(nxt)
            row.append(number[nxt])
        rows.append(row)
    step, label = _merge(np.array(rows, np.int64))
    return Pattern(shifts, step, label[roots[1:]])


def _merge(step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Merge states with equal futures; state 0 stays first. Also the new number of each state."""
    label = np.zeros(len(step), np.int64)
    count = 0
    while True:
        seen = np.where(step < 0, -1, label[step])
        _, label = np.unique(np.column_stack([label, seen]), axis=0, return_inverse=True)
        label = label.reshape(-1)
        if label.max() + 1 == count:
            break
        count = int(label.max()) + 1
    _, order = np.unique(label, return_index=True)
    rank = np.empty(count, np.int64)
    rank[label[np.sort(order)]] = np.arange(count)
    label = rank[label]
    merged = np.empty((count, step.shape[1]), np.int64)
    merged[label] = np.where(step < 0, count, label[step])
    return merged, label


def best_schedules(p: Pattern, gains: np.ndarray, past: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Best schedule of each of N persons.

    Parameters
    ----------
    gains
        [N, D, S]; a gain of at most 0 is never worked.
    past
        [N] which of the pattern's pasts a person has; None: the first for all.

    Returns
    -------
    values [N] and schedule [N, D]: position in `p.shifts`, -1 for a day off.
    """
    n, days, _ = gains.shape
    values, schedule = np.zeros(n), np.full((n, days), -1)
    start = np.broadcast_to(p.first[0 if past is None else past], n)
    step = np.ascontiguousarray(p.step.T.astype(np.uint32))
    kernel.rows(step, np.ascontiguousarray(gains, np.float64), start, values, schedule)
    return values, schedule

"""Which enterprises and schools resume, and on which day.

Sets: applications j, days d of the horizon, means r (person-shifts of cadres, items). Data:
`Applications`. Decisions: y_jd, is j open on day d (integer).

Objective: sum over j and d >= earliest_j of value_j (1 - y_jd) + price_jd y_jd.

earliest    y_jd = 0 before earliest_j
once        y_jd <= y_j,d+1: what has resumed stays open
means       sum_j uses_jrd y_jd <= budget_rd
site_open   in order of `rank`: for every a of lower rank and d >= e = earliest_a, y_jd - y_j,e-1 <= y_ad, as who
            opens between e and d opens after a; by way of gates h_red, shared by rank and earliest day:
            y_jd - y_j,e-1 <= h_r-1,ed, h_red <= h_r-1,ed, h_red <= y_ad for a of rank r and earliest e
            Where who never resumes holds up nobody: h_red <= y_ad + 1 - y_a,D-1

The order rows are added where a relaxed answer breaks them. Small questions are solved to the end by
`tree`, large ones as far as the time allows: the relaxed prices of the means then order a greedy, and a
MIP solver may offer better plans. The bound is recomputed in numpy from row duals; the prices of the
means are those of the last relaxation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from allocator.certificate import Certificate, Status
from allocator.limits import Limits, Watch
from allocator.models import engine, tree

BROKEN = 1e-6
"""A row of the order broken by less than this is kept."""


@dataclass(frozen=True)
class Applications:
    """What is asked; J applications, R means, D days."""

    value: np.ndarray
    """[J] penalty per day closed from `earliest` on: weight `reopening` times value."""
    earliest: np.ndarray
    """[J] earliest day, 0 = first day."""
    rank: np.ndarray
    """[J] order: a lower rank goes first (a 0, b 1, c 2, schools 3)."""
    uses: np.ndarray
    """[J, R, D] what an open application uses of each mean on each day."""
    budget: np.ndarray
    """[R, D] what there is; infinite: enough."""
    price: np.ndarray | None = None
    """[J, D] penalty of a day open; None: none."""
    skips: bool = False
    """Does who never resumes hold up nobody?"""

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.uses.shape

    def cost(self, first_day: np.ndarray) -> float:
        """Objective of resuming on given days [J], D or more: never."""
        days = self.uses.shape[2]
        actual = np.minimum(first_day, days)
        waited = float((self.value * np.maximum(actual - self.earliest, 0)).sum())
        return waited + (0.0 if self.price is None else float((self.price * self.open(first_day)).sum()))

    def open(self, first_day: np.ndarray) -> np.ndarray:
        """[J, D] is it open."""
        return first_day[:, None] <= np.arange(self.uses.shape[2])

    def spent(self, first_day: np.ndarray) -> np.ndarray:
        """[R, D] means used."""
        return (self.uses * self.open(first_day)[:, None, :]).sum(0)

    def in_order(self, first_day: np.ndarray) -> bool:
        """Does nobody resume before all of lower rank that could be open by then?"""
        days = self.uses.shape[2]
        for j in np.flatnonzero(first_day < days).tolist():
            ahead = (self.rank < self.rank[j]) & (self.earliest <= first_day[j])
            if self.skips:
                ahead &= first_day < days
            if (first_day[ahead] > first_day[j]).any():
                return False
        return True


@dataclass(frozen=True)
class Reopenings:
    """`first_day` [J], D where it stays closed; `spent` [R, D]; `shadow_price` [R, D] per unit of a mean."""

    certificate: Certificate
    first_day: np.ndarray
    spent: np.ndarray
    shadow_price: np.ndarray


def solve(
    asked: Applications, watch: Watch | None = None, gap: float = 0.0, start: np.ndarray | None = None
) -> Reopenings:
    """Decide the reopenings; `start` are first days known to be possible."""
    watch = watch or Watch(Limits())
    before = watch.seconds
    task = _Reopenings(asked, start)
    found = tree.search(task, watch, gap, stage="reopening")
    day = np.full(len(asked.value), asked.shape[2]) if found.plan is None else task.first_day(found.plan)
    objective, bound = asked.cost(day), found.bound
    near = bound is not None and objective - bound <= 10 * tree.TINY * max(1.0, abs(objective))
    status = Status.OPTIMAL if near else Status.FEASIBLE
    seconds = watch.seconds - before
    certificate = Certificate("reopening", status, objective, bound, seconds, "highs, branch and cut")
    return Reopenings(certificate, day, asked.spent(day), task.prices(found.duals))


class _Reopenings(tree.Task):
    """Columns: y_jd by application and day, then the gates h_red for every rank r but the last."""

    def __init__(self, asked: Applications, start: np.ndarray | None):
        self.asked, self.start = asked, start
        count, _, days = asked.shape
        first = np.clip(asked.earliest, 0, days)
        self.may = np.arange(days) >= first[:, None]
        self.column = np.where(self.may, np.cumsum(self.may).reshape(count, days) - 1, -1)
        self.binaries = int(self.may.sum())
        ranks, self.rank = np.unique(asked.rank, return_inverse=True)
        self.day, self.group = np.unique(first, return_inverse=True)
        gates = np.arange(max(0, len(ranks) - 1) * len(self.day) * days)
        self.gate = self.binaries + gates.reshape(-1, len(self.day), days)
        self.price = np.zeros((count, days)) if asked.price is None else np.asarray(asked.price, float)
        self.leaving = np.zeros((count, len(self.day), days), dtype=bool)
        self.ahead = np.zeros((count, days), dtype=bool)
        self._base = self._fixed_part()
        self._started = False

    def _fixed_part(self) -> engine.Model:
        """Costs, the means (the first rows), `once`, and the order of gates among themselves."""
        asked = self.asked
        _, means, days = asked.shape
        cost = np.zeros(self.binaries + self.gate.size)
        cost[: self.binaries] = (self.price - asked.value[:, None])[self.may]
        offset = float((asked.value * np.maximum(days - asked.earliest, 0)).sum())
        # days before the horizon are lost whatever is decided
        j, r, d = np.nonzero((asked.uses != 0) & self.may[:, None, :])
        early = self.column[:, :-1][self.may[:, :-1]]
        late = self.column[:, 1:][self.may[:, :-1]]
        rows = [r * days + d, *[means * days + np.arange(len(early))] * 2]
        columns = [self.column[j, d], early, late]
        values = [asked.uses[j, r, d], np.ones(len(early)), -np.ones(len(early))]
        height = means * days + len(early)
        upper, lower = self.gate[1:].ravel(), self.gate[:-1].ravel()
        rows += [height + np.arange(len(upper))] * 2
        columns += [upper, lower]
        values += [np.ones(len(upper)), -np.ones(len(lower))]
        height += len(upper)
        ends = np.concatenate([asked.budget.ravel(), np.zeros(height - means * days)])
        return engine.Model(
            cost,
            np.concatenate(rows),
            np.concatenate(columns),
            np.concatenate(values).astype(float),
            np.full(height, -np.inf),
            ends,
            0.0,
            1.0,
            offset=offset,
        )

    # ---- tree.Task

    def model(self, lower: np.ndarray, upper: np.ndarray) -> engine.Model:
        base, height = self._base, len(self._base.row_lower)
        j, e, d = np.nonzero(self.leaving)
        row = height + np.arange(len(j))
        # column of y_j on the day before e, -1 where there is none
        before = np.append(self.column, np.full((len(self.column), 1), -1), axis=1)[j, self.day[e] - 1]
        late = before >= 0
        a, at = np.nonzero(self.ahead)
        other = height + len(j) + np.arange(len(a))
        rows = [base.rows, row, row[late], row, other, other]
        columns = [base.columns, self.column[j, d], before[late], self.gate[self.rank[j] - 1, e, d]]
        columns += [self.gate[self.rank[a], self.group[a], at], self.column[a, at]]
        ones = [np.ones(len(j)), -np.ones(int(late.sum())), -np.ones(len(j)), np.ones(len(a)), -np.ones(len(a))]
        ends = np.zeros(len(j) + len(a))
        if self.asked.skips:
            rows, columns, ones = [*rows, other], [*columns, self.column[a, -1]], [*ones, np.ones(len(a))]
            ends[len(j) :] = 1.0
        spare = np.ones(self.gate.size)
        return replace(
            base,
            rows=np.concatenate(rows),
            columns=np.concatenate(columns),
            values=np.concatenate([base.values, *ones]),
            row_lower=np.concatenate([base.row_lower, np.full(len(j) + len(a), -np.inf)]),
            row_upper=np.concatenate([base.row_upper, ends]),
            lower=np.concatenate([lower, 0 * spare]),
            upper=np.concatenate([upper, spare]),
        )

    def cut(self, x: np.ndarray) -> bool:
        """Add the rows of the order that `x` breaks: who resumes too early, and those he passes."""
        y = self._y(x)
        days = y.shape[1]
        before = np.append(y, np.zeros((len(y), 1)), axis=1)[:, self.day - 1]
        there = y + 1 - y[:, -1:] if self.asked.skips else y
        count, added = np.arange(days), False
        limit = np.ones((len(self.day), days))
        for rank in range(len(self.gate)):
            own = np.flatnonzero(self.rank == rank)
            np.minimum.at(limit, self.group[own], np.where(self.may[own], there[own], 1.0))
            next_ = np.flatnonzero(self.rank == rank + 1)
            starts = np.where(count >= self.day[:, None], y[next_, None, :] - before[next_, :, None], 0.0)
            over = starts - limit
            worst = (over >= over.max(1, keepdims=True)) & (over > BROKEN)
            new = self.leaving[next_] | worst
            most = np.where(worst, starts, 0.0).max(0)
            lower = (self.rank <= rank)[:, None] & self.may & (there < most[self.group] - BROKEN)
            added |= bool((new != self.leaving[next_]).any() or (lower & ~self.ahead).any())
            self.leaving[next_] = new
            self.ahead |= lower
        return added

    def plans(self, x: np.ndarray) -> Iterable[np.ndarray]:
        if not self._started:
            self._started = True
            yield np.zeros(self.binaries)
            if self.start is not None:
                yield self._plan(self.start)
        y = self._y(x)
        wait = self.may.shape[1] - y.sum(1)
        thirst = self.asked.uses.sum((1, 2)) / np.maximum(self.asked.value, 1e-9)
        due = self.first_day(x[: self.binaries])
        for order, soonest in ((wait, self.asked.earliest), (wait, due), (thirst, self.asked.earliest)):
            yield self._plan(self._dealt(np.lexsort((thirst, order, self.rank)), soonest))

    def value(self, plan: np.ndarray) -> float | None:
        day = self.first_day(plan)
        room = self.asked.budget * (1 + 1e-9) + 1e-9
        if (self.asked.spent(day) > room).any() or not self.asked.in_order(day):
            return None
        return self.asked.cost(day)

    def imply(self, lower: np.ndarray, upper: np.ndarray) -> None:
        tree.rising(lower, upper, self.column)

    # ---- parts

    def _dealt(self, order: np.ndarray, soonest: np.ndarray) -> np.ndarray:
        """First days, one application after the other, each on the best day that is still possible."""
        asked = self.asked
        count, _, days = asked.shape
        day, left = np.full(count, days), asked.budget + 1e-9
        gain = np.cumsum(((asked.value[:, None] - self.price) * self.may)[:, ::-1], axis=1)[:, ::-1]
        at = np.arange(days)
        for j in order.tolist():
            fits = (asked.uses[j] <= left).all(0)
            until_end = np.logical_and.accumulate(fits[::-1])[::-1]
            ahead = self.rank < self.rank[j]
            if asked.skips:
                ahead &= day < days
            passed = (asked.earliest[ahead, None] <= at) & (at < day[ahead, None])
            good = until_end & ~passed.any(0) & self.may[j] & (at >= soonest[j]) & (gain[j] > 0)
            if good.any():
                day[j] = int(np.argmax(np.where(good, gain[j], -np.inf)))
                left[:, day[j] :] -= asked.uses[j][:, day[j] :]
        return day

    def _plan(self, day: np.ndarray) -> np.ndarray:
        return self.asked.open(day)[self.may].astype(float)

    def _y(self, x: np.ndarray) -> np.ndarray:
        """[J, D] open parts."""
        return np.append(x[: self.binaries], 0.0)[np.where(self.may, self.column, self.binaries)]

    def first_day(self, plan: np.ndarray) -> np.ndarray:
        """[J] first day with at least half open; D where there is none."""
        there = self._y(plan) > 0.5
        return np.where(there.any(1), there.argmax(1), there.shape[1])

    def prices(self, duals: np.ndarray | None) -> np.ndarray:
        """[R, D] what one more unit of a mean saves; 0 where nothing was relaxed."""
        shape = self.asked.shape[1:]
        if duals is None:
            return np.zeros(shape)
        return np.maximum(0.0, -duals[: shape[0] * shape[1]]).reshape(shape)

"""The master of `opening`: who may open when, and one cost per block with its cuts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from allocator.models import engine, tree
from allocator.models.places import Block, Served, blocks, serve, worth

BROKEN = 1e-8
"""Relative amount by which a cut must be broken to be added."""
LOUD = 0.01
"""Relative amount by which a cut with the prices of another block must be broken to be taken."""
SHARE = 0.8
"""How far from the relaxed point towards the middle cuts are looked for first."""
IDLE = 15
"""Relaxations a cut may be slack in before it is forgotten."""
KEPT = 20_000
"""Answers of blocks kept."""


@dataclass(frozen=True)
class Question:
    """What is asked. All prices are penalties; I candidates, K townships, D days, S cases."""

    people: np.ndarray
    """[S, K, D] persons who need a place."""
    chance: np.ndarray
    """[S] probability of each case."""
    capacity: np.ndarray
    """[I] persons a candidate takes."""
    lead: np.ndarray
    """[I] earliest day it can be open, 0 = first day."""
    cost: np.ndarray
    """[I] penalty of opening it: weight `opening` times yuan."""
    move: np.ndarray
    """[K, I] penalty per person-day: weight `transfer` times km."""
    without: float
    """Penalty per person-day without a place; infinite: everybody must have one."""
    price: np.ndarray | None = None
    """[I, D] penalty of a day open (what its staff and kits would have done elsewhere); None: none."""
    allowed: np.ndarray | None = None
    """[I] False: may not open; None: all may."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Cases, townships, candidates, days."""
        cases, townships, days = self.people.shape
        return cases, townships, len(self.capacity), days


@dataclass
class Cut:
    """cost of `block` + coefficients [I] @ y on its day >= constant."""

    block: int
    constant: float
    coefficients: np.ndarray
    idle: int = 0


class Siting(tree.Task):
    """The master: y in columns 0.., then the cost of every block."""

    def __init__(self, question: Question):
        self.question = question
        _, _, candidates, days = question.shape
        self.staying = np.zeros((candidates, days)) if question.price is None else np.asarray(question.price, float)
        self.blocks = blocks(question.people, question.chance, question.move)
        self.column = self._columns()
        self.binaries = int(self.column.max(initial=-1)) + 1
        self.cuts: list[Cut] = []
        self._served: dict[tuple[int, bytes], Served] = {}
        self._base = self._fixed_part()
        self._started = False
        self._centre = np.ones(self.binaries)

    def _columns(self) -> np.ndarray:
        """Column [I, D] of y_id, -1 where it is 0; a day shares the next day's where waiting spares nothing."""
        _, _, candidates, days = self.question.shape
        may = np.ones(candidates, dtype=bool) if self.question.allowed is None else self.question.allowed
        column, at = np.full((candidates, days), -1), 0
        for i in np.flatnonzero(may).tolist():
            first = int(max(0, self.question.lead[i]))
            own = self.staying[i, first:] > 0
            own[-1:] = True
            # the column of a day is that of the first day from it on that has its own
            column[i, first:] = at + np.cumsum(own) - own
            at += int(own.sum())
        return column

    def _fixed_part(self) -> engine.Model:
        """Costs, bounds and the rows that do not depend on cuts."""
        question, width = self.question, self.binaries + len(self.blocks)
        cost, there = np.zeros(width), self.column >= 0
        np.add.at(cost, self.column[there], self.staying[there])
        last = self.column[:, -1]
        np.add.at(cost, last[last >= 0], question.cost[last >= 0])
        cost[self.binaries :] = [b.chance for b in self.blocks]
        upper = np.concatenate([np.ones(self.binaries), [b.most(question.without) for b in self.blocks]])
        lower = np.concatenate([np.zeros(self.binaries), [self._least(b) for b in self.blocks]])
        pairs = {
            (a, b)
            for row in self.column
            for a, b in zip(row[:-1].tolist(), row[1:].tolist(), strict=True)
            if 0 <= a < b
        }
        early, late = np.array(sorted(pairs), dtype=int).reshape(-1, 2).T
        number = np.arange(len(early))
        rows, columns = [number, number], [early, late]
        values: list[np.ndarray] = [np.ones(len(early)), -np.ones(len(early))]
        ends = [np.full(len(early), -np.inf)], [np.zeros(len(early))]
        if np.isinf(question.without):
            for n, block in enumerate(self.blocks, len(early)):
                use = np.flatnonzero(self.column[:, block.day] >= 0)
                rows.append(np.full(len(use), n))
                columns.append(self.column[use, block.day])
                values.append(question.capacity[use].astype(float))
                ends[0].append(np.array([block.people.sum()]))
                ends[1].append(np.array([np.inf]))
        return engine.Model(
            cost,
            np.concatenate(rows),
            np.concatenate(columns),
            np.concatenate(values),
            np.concatenate(ends[0]),
            np.concatenate(ends[1]),
            lower,
            upper,
        )

    def _least(self, block: Block) -> float:
        open_ = self.column[:, block.day] >= 0
        best = block.move[:, open_].min(1, initial=np.inf)
        best = np.minimum(best, self.question.without)
        return float(block.people @ np.where(np.isfinite(best), best, 0.0))

    # ---- tree.Task

    def model(self, lower: np.ndarray, upper: np.ndarray) -> engine.Model:
        base, height = self._base, len(self._base.row_lower)
        rows, columns, values = [base.rows], [base.columns], [base.values]
        for n, cut in enumerate(self.cuts, height):
            at = self.column[:, self.blocks[cut.block].day]
            use = np.flatnonzero((at >= 0) & (cut.coefficients != 0))
            rows.append(np.full(len(use) + 1, n))
            columns.append(np.append(at[use], self.binaries + cut.block))
            values.append(np.append(cut.coefficients[use], 1.0))
        count = len(self.cuts)
        return engine.Model(
            base.cost,
            np.concatenate(rows),
            np.concatenate(columns),
            np.concatenate(values),
            np.concatenate([base.row_lower, [cut.constant for cut in self.cuts]]),
            np.concatenate([base.row_upper, np.full(count, np.inf)]),
            np.concatenate([lower, base.full("lower")[self.binaries :]]),
            np.concatenate([upper, base.full("upper")[self.binaries :]]),
        )

    def cut(self, x: np.ndarray) -> bool:
        """Cuts broken at `x`, one per block at most.

        They are looked for between `x` and the mean of the points seen so far, where they are deeper
        (in-out, Ben-Ameur and Neto 2007), and at `x` itself where that finds none. A block first tries the
        prices of the block before it, which differ little from day to day.
        """
        self._forget(x)
        y, added = x[: self.binaries], False
        between = y + (self._centre - y) * SHARE
        self._centre = (self._centre + y) / 2
        heard = np.full(len(self.question.move), np.nan)
        for number, block in enumerate(self.blocks):
            said = heard[block.clients]
            if not np.isnan(said).any() and self._broken(self._cut(number, said), x) > LOUD:
                self.cuts.append(self._cut(number, said))
                added = True
                continue
            for point in (between, y):
                found = self.served(number, self._part(point, block.day))
                cut = self._cut(number, found.alpha)
                if self._broken(cut, x) > BROKEN:
                    heard[block.clients] = found.alpha
                    self.cuts.append(cut)
                    added = True
                    break
        return added

    def _broken(self, cut: Cut, x: np.ndarray) -> float:
        """How far `x` is below a cut, relative to the cut's constant."""
        part = self._part(x, self.blocks[cut.block].day)
        short = cut.constant - float(cut.coefficients @ part) - x[self.binaries + cut.block]
        return float(short) / max(1.0, abs(cut.constant))

    def plans(self, x: np.ndarray) -> Iterable[np.ndarray]:
        if not self._started:
            self._started = True
            yield np.ones(self.binaries)
            yield np.zeros(self.binaries)
        if len(self.blocks) <= 4:
            yield (x[: self.binaries] > 0.1).astype(float)

    def value(self, plan: np.ndarray) -> float | None:
        """Objective of a plan, each block served to optimality; what that teaches is kept as cuts."""
        total, cuts = float(self._base.cost[: self.binaries] @ plan), []
        for number, block in enumerate(self.blocks):
            found = self.served(number, self._part(plan, block.day))
            if not np.isfinite(found.cost):
                return None
            total += block.chance * found.cost
            cuts.append(self._cut(number, found.alpha))
        self.cuts += cuts
        return total

    def imply(self, lower: np.ndarray, upper: np.ndarray) -> None:
        tree.rising(lower, upper, self.column)

    # ---- parts

    def first_day(self, plan: np.ndarray) -> np.ndarray:
        """First day [I] each candidate is open; D where it stays closed."""
        days = self.column.shape[1]
        openings = (self.column >= 0) & (np.append(plan, 0.0)[self.column] > 0.5)
        return np.where(openings.any(1), openings.argmax(1), days)

    def served(self, number: int, part: np.ndarray) -> Served:
        key = (number, np.round(part, 9).tobytes())
        if key not in self._served:
            if len(self._served) > 20_000:
                self._served.clear()
            self._served[key] = serve(self.blocks[number], self.question.capacity, part, self.question.without)
        return self._served[key]

    def _part(self, x: np.ndarray, day: int) -> np.ndarray:
        """Open part [I] of every candidate on a day."""
        return np.clip(np.append(x[: self.binaries], 0.0)[self.column[:, day]], 0.0, 1.0)

    def _cut(self, number: int, alpha: np.ndarray) -> Cut:
        block = self.blocks[number]
        saves = worth(alpha, block.people, block.move, self.question.capacity)
        return Cut(number, float(alpha @ block.people), saves)

    def _forget(self, x: np.ndarray) -> None:
        """Drop cuts that have been slack for long."""
        for cut in self.cuts:
            cut.idle = cut.idle + 1 if self._broken(cut, x) < -1e-6 else 0
        self.cuts = [cut for cut in self.cuts if cut.idle < IDLE]

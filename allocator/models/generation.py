"""Prices of people from the city seen as cohorts: a master LP over teams.

Sets      cohorts K, blocks G and batches B of `cohorts.py`.
Data      how many of each; what a team gives, by the cut that says least, less travel.
Decisions how many sites of a block get each team (a fraction; teams are columns).
Objective what the teams give, to be made large.

batch_size   a row per batch; its dual is the price of a place in the batch.

Column generation: under the prices of the master each block names its best team, and every block of the
profile gets the teams its likes named; teams whose cut value may be loose get a cut of their own. The
prices are a guide only. What they prove is worked out by peers, or person by person (`proof.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.limits import Watch
from allocator.models import engine
from allocator.models.board import Board
from allocator.models.cohorts import Cohorts

__all__ = ["Prices", "solve"]


@dataclass(frozen=True)
class Prices:
    """Prices of cohorts [K] and batches [B], and the bound of the cohort model at them."""

    cohort: np.ndarray
    batch: np.ndarray
    bound: float
    value: float


class Master:
    """The master LP: teams as columns, and what each gives."""

    def __init__(self, cohorts: Cohorts):
        self.cohorts = cohorts
        self.columns: list[tuple[int, np.ndarray]] = []
        self._entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._seen: set[tuple[int, bytes]] = set()

    def add(self, block: int, team: np.ndarray) -> bool:
        """Take a team up as a column of a block, unless it is there or empty."""
        key = (block, team.tobytes())
        if key in self._seen or not team.any():
            return False
        self._seen.add(key)
        self.columns.append((block, team))
        k, b = np.nonzero(team)
        self._entries.append((k, b, team[k, b]))
        return True

    def add_plan(self, board: Board) -> None:
        """Teams of the plan in hand as columns."""
        posted = np.flatnonzero(board.site >= 0)
        if not len(posted):
            return
        posted = posted[np.argsort(board.site[posted], kind="stable")]
        site = board.site[posted]
        edges = np.flatnonzero(np.r_[True, np.diff(site) != 0]) if len(site) else np.zeros(0, int)
        for a, z in zip(edges, np.r_[edges[1:], len(site)], strict=True):
            if self.cohorts.block[site[a]] >= 0:
                team = np.zeros((len(self.cohorts.size), len(self.cohorts.inst.batches)))
                np.add.at(team, (self.cohorts.of[posted[a:z]], board.batch[posted[a:z]]), 1)
                self.add(int(self.cohorts.block[site[a]]), team)

    def worth(self, column: int) -> float:
        """Value of a column by the cut that says least, less travel."""
        block = self.columns[column][0]
        kind = self.cohorts.kind[block]
        k, b, heads = self._entries[column]
        n = int(np.searchsorted(self.cohorts.of_kind[kind], block))
        each = self.cohorts.tables[kind][:, k, b, n] @ heads
        return max(-1e9, float((each + self.cohorts.cuts.base[kind][:, self.cohorts.column[block]]).min()))

    def solve(self, values: list[float], basis: engine.Basis | None) -> tuple[engine.Answer, np.ndarray, np.ndarray]:
        """Solve the master over the columns so far; the answer and the prices u [K], s [B]."""
        room = [self.cohorts.size, self.cohorts.inst.batch_size, self.cohorts.count]
        cohorts, batches, blocks = (len(r) for r in room)
        block = np.array([g for g, _ in self.columns], int)
        n = np.array([len(e[0]) for e in self._entries], int)
        column = np.repeat(np.arange(len(n)), n)
        k, b, heads = (np.concatenate([e[i] for e in self._entries]) for i in range(3))
        model = engine.Model(
            cost=-np.array(values),
            rows=np.concatenate([k, cohorts + b, cohorts + batches + block]),
            columns=np.concatenate([column, column, np.arange(len(n))]),
            values=np.concatenate([heads, heads, np.ones(len(n))]).astype(float),
            row_lower=np.full(cohorts + batches + blocks, -np.inf),
            row_upper=np.concatenate(room).astype(float),
        )
        answer = engine.solve(model, "glop", basis=basis, seconds=20.0)
        if answer.duals is None:
            return answer, np.zeros(cohorts), np.zeros(batches)
        y = np.maximum(0, -answer.duals)
        return answer, y[:cohorts], y[cohorts : cohorts + batches]


def solve(
    cohorts: Cohorts, board: Board, watch: Watch, until: float = 1.0, rounds: int = 60, stop: float = 5e-4
) -> Prices:
    """Column generation from the plan in hand, with smoothed prices; the best prices found."""
    master = Master(cohorts)
    master.add_plan(board)
    zero = np.zeros(len(cohorts.size)), np.zeros(len(cohorts.inst.batches))
    if not master.columns:
        return Prices(*zero, cohorts.bound(*zero, cohorts.price(*zero)), 0.0)
    values = [master.worth(n) for n in range(len(master.columns))]
    basis: engine.Basis | None = None
    centre: tuple[np.ndarray, np.ndarray] | None = None
    best = Prices(*zero, np.inf, 0.0)
    scale = cohorts.inst.unstaffed
    for k in range(rounds):
        answer, u, s = master.solve(values, basis)
        if answer.duals is None:
            break
        basis = answer.basis
        at: tuple[np.ndarray, np.ndarray] = (u, s)
        if centre is not None:
            at = 0.5 * centre[0] + 0.5 * u, 0.5 * centre[1] + 0.5 * s
        priced = cohorts.price(*at)
        bound, inside = cohorts.bound(*at, priced), -float(answer.objective or 0.0)
        if bound < best.bound:
            best, centre = Prices(*at, bound, inside), at
        new = sum(master.add(g, team) for g, team in priced.teams)
        values.extend(master.worth(n) for n in range(len(values), len(master.columns)))
        fresh: set[int] = set()
        if k % 2 == 1 or not new:
            fresh = cohorts.cuts.at(priced.named)
            if fresh:
                cohorts.evaluate(fresh)
                values = [
                    master.worth(n) if cohorts.kind[master.columns[n][0]] in fresh else v for n, v in enumerate(values)
                ]
        watch.tell("cohorts", scale - inside, scale - bound, f"{len(master.columns)} teams, round {k + 1}")
        if watch.left(until) <= 0 or (not new and not fresh):
            break
        if bound - inside < stop * abs(scale - inside) and not fresh:
            break
    final = cohorts.price(best.cohort, best.batch)
    return Prices(best.cohort, best.batch, cohorts.bound(best.cohort, best.batch, final), best.value)

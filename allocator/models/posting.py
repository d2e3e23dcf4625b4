"""Who goes to which site, from which day - and who works which shift there.

Sets      cadres C, batches B, sites J, posts P (site, duty, shift), days D.
Data      worth of every cell, minutes, spans of postings, leave, traits, pins, previous postings.
Decisions site and batch of each cadre, and a post or a day off for each day.
Objective benefit of the cover less travel and change, to be made large.

batch_size      labels of a batch are dealt within its size, and moves only exchange them.
batch_start, posting_length, available, night_allowed, skill_held
                part of a cadre's shape in a batch: what a site can see of it.
travel_limit    sites beyond the limit are infinitely far.
pins            `must` leaves one site in reach, `never` takes one away.
one_posting, one_site   a cadre holds one site; rosters take posts of that site only.
site_open       closed sites have no posts.

Method. A very large neighbourhood: take one member off each site, compute exactly what every one
of them (and everyone at home) would gain at every site next to the people who stayed, and give
each site at most one back by a min-cost flow. The old places are among the choices, so no move
makes the plan worse, and leave, nights, skills and batches are seen exactly. Exchanges of places
between batches and of batch labels between places are matched in the same way. The start comes
from the same step: everyone at home, sites filled a layer at a time, best first. After a few rounds of it simulated
annealing (`annealing.py`) exchanges cadres in pairs, where most of the rest is found. Given minutes, the plan is put
together anew from whole teams after that (`assembly.py`), at the prices that the proof has by then, again and again.
In the end every team is rostered anew, over and over. Wuxi, a plan of 410,650: 500 tries of every team at a time
gained 66 after 6,000 tries (17 s), 99 after 26,000 (50 s), 115 after 66,000 (114 s), all of it where four or more
work.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from allocator.instance import Instance
from allocator.limits import Watch
from allocator.models import fairness
from allocator.models.annealing import COLD, HOT, Annealing
from allocator.models.assembly import Assembly
from allocator.models.board import Board
from allocator.models.field import Field
from allocator.models.moves import Search
from allocator.models.proved import Proved
from allocator.models.reshuffle import polish, reshuffle
from allocator.models.worth import worth

__all__ = ["People"]

RESHUFFLES = 40
"""Reshuffles of every team in a round of search."""
THOROUGH, LARGE = 500, 4
"""The same at a time in the end, where only teams of so many people at least gain anything after the first time."""
ROSTERS, STILL = 100, 10
"""Times of that at most, and those in a row that gain nothing after which it ends."""
DULL = 5e-5
"""A round that gains less than this share gains nothing much."""

PROBE = 0.05
"""Part of a round that shows how long one takes."""
ENOUGH = 20
"""Rounds that it takes to cool down from `HOT`."""
ASSEMBLIES, GATHER = 40, 0.4
"""Times that a plan is put together anew, at most, and the share of the time left that goes into a look for teams."""
QUICK = 60.0
"""Seconds below which few teams are looked for."""
FAINT, PATIENT = 1e-5, 3
"""Gain, as a share, and times in a row that gain less, with which that comes to its end."""


def _cooled(hot: float, done: float) -> float:
    """Temperature when `done` of the way from hot to cold is gone."""
    return float(hot * (min(COLD, hot) / hot) ** done)


class People:
    """Postings and rosters under tolls for kits and prices for fairness; keeps the best seen."""

    def __init__(self, inst: Instance, seed: int):
        self.inst, self.seed = inst, seed
        self.field = Field(inst)
        self.price = np.zeros(inst.districts)
        self.toll = np.zeros(inst.required.shape)
        self.search = Search(Board(inst, self.field, worth(inst)), seed)
        self.best = self.search.board.copy()
        self._round = 0

    def start(self, watch: Watch, layers: int, hear: Callable[[], None] | None = None) -> None:
        """Fill the sites from nothing, in so many layers, at the prices of kits there are."""
        before = self.best if (self.best.site >= 0).any() else None
        self.search = Search(Board(self.inst, self.field, worth(self.inst)), self.seed)
        self._reprice()
        self.search.label()
        self.search.fill(layers, watch, hear)
        if before is None or self.tolled(self.search.board) < self.tolled(before):
            self.best = self.search.board.copy()

    def objective(self, board: Board | None = None) -> float:
        """Staffing, travel, change and fairness of a board (the best one), tolls aside."""
        board = self.best if board is None else board
        plain = worth(self.inst).benefit(board.staffed).sum() - board.costs().sum()
        unfair = fairness.penalty(self.inst, board.staffed)
        return self.inst.unstaffed + self.inst.moved - float(plain) + unfair

    def tolled(self, board: Board | None = None) -> float:
        """The same with the kits of those who work at their price."""
        board = self.best if board is None else board
        return self.objective(board) + float((self.toll * board.staffed).sum())

    def charge(self, toll: np.ndarray) -> None:
        """New prices of kits [P, D]; the best plan so far counts at the new prices."""
        self.toll = toll
        self._reprice()

    def _reprice(self) -> None:
        self.search.board.worth = worth(self.inst, fairness.bonus(self.inst, self.price), self.toll)

    def settle(self, watch: Watch, until: float, most: int = 40) -> None:
        """Move single cadres as long as that gains much: what a plan in hand needs where little has changed."""
        for _ in range(most):
            if watch.left(until) <= 0 or not self.search.relocate():
                break
            held, value = self.tolled(self.best), self.tolled(self.search.board)
            if value < held:
                self.best = self.search.board.copy()
            watch.tell("posting", self.objective(), None, "single moves")
            if value > held - DULL * abs(held):
                break

    def improve(self, watch: Watch, until: float, rounds: int, hear: Callable[[], None] | None = None) -> None:
        """Rounds of all neighbourhoods until nothing much is gained, `rounds` are done or time is up."""
        board = self.search.board
        held = self.tolled(self.best)
        dull = 0
        for _ in range(rounds):
            if watch.left(until) <= 0:
                break
            self._fair()
            self.search.move(0.35 if self._round % 2 else 0.7)
            self.search.relabel()
            self.search.exchange()
            polish(board, self.search.rng)
            reshuffle(board, self.search.rng, RESHUFFLES)
            value = self.tolled(board)
            dull = dull + 1 if value > held - DULL * abs(held) else 0
            held = self._kept(held, value)
            if hear is not None:
                hear()
            watch.tell("posting", self.objective(), None, f"round {self._round}")
            if dull >= 3:
                break

    def anneal(self, watch: Watch, until: float, rounds: int, hear: Callable[[], None] | None = None) -> None:
        """Exchange cadres while a temperature falls, over `rounds` rounds or in the time there is.

        The temperature follows the rounds done or the time spent, whichever is further: with time enough
        the same seed gives the same plan. Little of either starts colder, as heat takes time to cool off.
        """
        board, annealing = self.search.board, Annealing(self.search.board, self.search.rng)
        held, begun = self.tolled(self.best), watch.seconds
        annealing.round(COLD, COLD, PROBE)
        pace, begun = (watch.seconds - begun) / PROBE, watch.seconds
        span = max(1e-9, watch.left(until))
        done, hot = 0.0, HOT * min(1.0, (min(rounds, span / max(1e-9, pace)) / ENOUGH) ** 0.5)
        for k in range(rounds):
            if done >= 1 or watch.stopped:
                break
            self._fair()
            then = min(1.0, done + max(1 / rounds, pace / span))
            annealing.round(_cooled(hot, done), _cooled(hot, then))
            reshuffle(board, self.search.rng, RESHUFFLES)
            spent = watch.seconds - begun
            done, pace = max((k + 1) / rounds, spent / span), spent / (k + 1)
            held = self._kept(held, self.tolled(board))
            if hear is not None:
                hear()
            watch.tell("posting", self.objective(board), None, f"annealing, {min(1.0, done):.0%}")

    def roster(self, watch: Watch, until: float, hear: Callable[[], None] | None = None) -> None:
        """Roster the teams of the best plan anew over and over: large ones need many tries (`reshuffle.py`)."""
        board = self.search.board = self.best.copy()
        self._reprice()
        dull = 0
        for k in range(ROSTERS):
            if watch.left(until) <= 0 or dull >= STILL:
                break
            gain = reshuffle(board, self.search.rng, THOROUGH, LARGE if k else 2)
            dull = 0 if gain > 1e-6 else dull + 1
            self._kept(self.tolled(self.best), self.tolled(board))
            if hear is not None:
                hear()
            watch.tell("posting", self.objective(), None, f"rosters, {k + 1}")

    def assemble(
        self, watch: Watch, until: float, known: Proved, hear: Callable[[], None] | None = None
    ) -> None:
        """Put the best plan together anew from whole teams (`assembly.py`), again and again while that gains much."""
        board = self.search.board = self.best.copy()
        self._reprice()
        assembly, dull = Assembly(board, known, self.seed, watch.left(until) < QUICK), 0
        for _ in range(ASSEMBLIES):
            begun = watch.seconds
            part = watch.left(until) * GATHER

            def enough(ends: float = begun + part) -> bool:
                if hear is not None:
                    hear()
                return watch.stopped or watch.seconds > ends

            assembly.gather(enough)
            left = watch.left(until)
            teams = assembly.choose(max(1.0, left) if left < np.inf else None)
            if teams is None or watch.stopped:
                break
            gain = assembly.put(teams)
            self.search.redeal()
            reshuffle(board, self.search.rng, RESHUFFLES)
            held = self.tolled(self.best)
            self._kept(held, self.tolled(board))
            watch.tell("posting", self.objective(), None, f"{len(assembly.pool)} teams put together anew")
            dull = dull + 1 if gain < FAINT * abs(held) else 0
            if dull >= PATIENT or watch.left(until) < watch.seconds - begun:
                break
            assembly.reprice()

    def _fair(self) -> None:
        """The next round, with prices of fairness from the plan so far."""
        self._round += 1
        if self.inst.w_fairness:
            self.price = fairness.step(self.inst, self.search.board.staffed, self.price, 1 / (1 + self._round))
            self._reprice()

    def _kept(self, held: float, value: float) -> float:
        """Keep the board if it is better than the best so far."""
        if value >= held:
            return held
        self.best = self.search.board.copy()
        return value

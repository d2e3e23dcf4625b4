"""The plan put together anew from whole teams: a choice of one team for each site.

Sets      sites J, teams of whole people that may work there (columns), cadres C, batches B.
Data      what each team gives, with a roster of its own (`rating.py`), less travel and change.
Decisions which of its teams every site gets.
Objective what the teams give, to be made large.

one_posting  no cadre is in two teams that are chosen (a row each).
batch_size   no more people of a batch than it has places (a row each).
pins         who must be posted is in a team; only teams of the site named have them.

Columns come from the prices of people that the proof has found so far (`proved.py`): the best small teams of every
site (`crews.py`), the whole teams where many work that it found (`headcount.py`), teams between those and the ones in
hand, and teams with one member exchanged, added or gone, all as promising as its cuts say. Chains of exchanges over
many sites at once are found this way, which single exchanges never get to. The LP comes out almost whole; where it
is not, a small integer programme decides. The next time teams are looked for at prices halfway to those of the LP.

Wuxi, staffing with kits, one of two shared cores, all seconds so far:

    after 60 s of search  (411,664)     65,000 columns    9 s    411,308
    after 300 s           (411,192)    113,000           36 s    410,875
      the 100,000 that the LP likes go over, with the
      20 best teams and exchanges of each site anew      112 s    410,588
                                                         183 s    410,432
    the same, up to 200 teams of a site at first 334,000  57 s    410,794
                                                         116 s    410,654
                                                         204 s    410,396
    as many every time (200,000 columns and more)        174 s    410,668
    60,000 go over                                       155 s    410,696

Where the LP is solved to its end columns that it misses then can be hundreds of points better at its prices: what
counts is to ask again, not to ask for many. The LP is whole but for some tens of points; with few columns left over
from before the plan is not, as what it lacks fits nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from allocator.models import crews, engine
from allocator.models.board import Board
from allocator.models.cuts import Cuts
from allocator.models.fractions import Fractions, whole
from allocator.models.peers import alike
from allocator.models.proved import Proved, recalled
from allocator.models.rating import rated
from allocator.models.working import benefit, offers
from allocator.models.worth import ordinary

__all__ = ["Assembly"]

NEAR, MOST = 1.2, 60
"""Teams within this many ordinary shifts of the best one at the prices, so many of a site at most."""
SWAPS = 40
"""Teams with one member exchanged, for every three members."""
LATER = 20, 20
"""The most of these teams, and of those exchanges, from the second time on."""
KEPT = 100_000
"""Columns that go over to the next time, at most."""
TRIES = 30
"""Times that some members of a team are rostered anew."""
SMALL = 6
"""Largest teams that are looked for from nothing."""
FEWER, LONGER = 40, 1000
"""The same for a team that the proof found, and how often its members are rostered anew."""
BETWEEN = (0.25, 0.5, 0.75, 0.75, 0.5, 0.25)
"""Parts of what tells such a team from the one in hand that are exchanged, at random, for teams in between."""
NODES = 20_000
"""Parts of teams looked at for a site, at most."""
LIKELY = 400
"""People who may come in for a member of a team, at most."""


class Team(NamedTuple):
    """A column: people at a site, what they give there and how."""

    site: int
    rows: np.ndarray
    """[H] (cadre, batch) pairs, sorted"""
    value: float
    plan: np.ndarray
    """[H, D] posts"""


class Assembly:
    """Teams that might work at the sites of a board, by the prices that are `known` of people and shifts.

    Where time is short they are `few` from the first time on.
    """

    def __init__(self, board: Board, known: Proved, seed: int, few: bool = False):
        self.board, self.inst = board, board.inst
        inst = self.inst
        self.seed = np.array([2 * seed + 77], np.uint64)
        self.cadre, self.batch = np.nonzero(inst.shape >= 0)
        self.shape = inst.shape[self.cadre, self.batch]
        self.number = np.full(inst.shape.shape, -1)
        self.number[self.cadre, self.batch] = np.arange(len(self.cadre))
        self.pay = known.people[self.cadre] + known.batches[self.batch]
        self.cuts = Cuts(board.field, board.worth, np.arange(len(inst.shape_trait)))
        recalled(self.cuts, known)
        shifts = np.bincount(inst.post_site, inst.required.sum(1), len(inst.sites))
        self.heads = shifts / max(1.0, 0.7 * inst.days)
        self.near = NEAR * ordinary(inst)
        self.nobody = np.zeros_like(board.staffed)
        self.offer = offers(board.field.deck, board.worth.arrays(), self.nobody)
        self.mixes: dict[tuple[int, int], dict[int, np.ndarray]] = {}
        self.pool: dict[tuple[int, bytes], Team] = {}
        self.lp = Fractions()
        self.most, self.swaps = LATER if few else (MOST, SWAPS)
        self.rng = np.random.default_rng(seed)
        self.told = self._teams(known)

    def _teams(self, known: Proved) -> dict[int, list[np.ndarray]]:
        """By site, the teams that the proof found, as sorted pairs: of those who are alike who is there, or anybody."""
        board, like = self.board, alike(self.inst)[1]
        told: dict[int, list[np.ndarray]] = {}
        for site, cadres, batches in known.teams:
            team: dict[int, int] = {}
            for kind in np.unique(like[cadres]):
                asked = batches[like[cadres] == kind].tolist()
                mine = self.rng.permutation(np.flatnonzero(like == kind))
                mine = mine[np.argsort(board.site[mine] != site, kind="stable")]
                for c in mine[board.site[mine] == site].tolist():
                    if board.batch[c] in asked:
                        team[c] = int(board.batch[c])
                        asked.remove(team[c])
                team.update(zip([c for c in mine.tolist() if c not in team], asked, strict=False))
            if len(team) == len(cadres):
                rows = self.number[list(team), list(team.values())]
                told.setdefault(site, []).append(np.sort(rows))
        return told

    # -- columns -----------------------------------------------------------------------------

    def gather(self, enough: Callable[[], bool]) -> None:
        """Teams for every site until `enough`."""
        sites = np.flatnonzero(self.cuts.group >= 0)
        for j in sites:
            self._held(int(j))
        # in no order of theirs: where time is short, sites of every kind have their turn
        for j in np.random.default_rng(int(self.seed[0])).permutation(sites):
            if enough():
                break
            self._look(int(j))

    def _held(self, j: int) -> None:
        """The team in hand."""
        team = self.board.team(j)
        if len(team):
            rows = self.number[team, self.board.batch[team]]
            worth = benefit(self.board.field.deck, self.board.worth.arrays(), self.board.staffed, j)
            cost = self.inst.posting_cost(team, self.board.batch[team], j)
            self._add(j, rows, float(worth - cost.sum()), self.board.plan[team].astype(np.int16))

    def _add(self, j: int, rows: np.ndarray, value: float, plan: np.ndarray) -> None:
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        key = (j, rows.tobytes())
        held = self.pool.get(key)
        if held is None or held.value < value:
            self.pool[key] = Team(j, rows, value, plan[order])

    def _rate(self, j: int, shapes: np.ndarray, plans: np.ndarray, worth: np.ndarray, tries: int = TRIES) -> None:
        deck, value = self.board.field.deck, self.board.worth.arrays()
        rated(deck, value, self.nobody, self.offer, j, shapes.astype(np.int64), plans, tries, self.seed, worth)

    def _look(self, j: int) -> None:
        """Teams of one site."""
        inst = self.inst
        may = np.isfinite(inst.minutes[self.cadre, j])
        may &= (inst.must[self.cadre] < 0) | (inst.must[self.cadre] == j)
        some = np.flatnonzero(may)
        cost = inst.posting_cost(self.cadre[some], self.batch[some], j)
        kind = int(self.cuts.kind[j])
        column = int(np.searchsorted(self.cuts.groups[kind], self.cuts.group[j]))
        base = self.cuts.base[kind][:, column]
        gain = self.cuts.value[kind][:, self.shape[some], column] - (self.pay[some] + cost)
        if self.heads[j] <= SMALL - 1 and len(some):
            self._best(j, some, cost, base, gain)
        team = self.board.team(j)
        if len(team):
            mine = np.searchsorted(some, self.number[team, self.board.batch[team]])
            self._swaps(j, some, cost, base, gain, mine, self.board.plan[team], self.swaps)
        for n, rows in enumerate(self.told.get(j, [])):
            self._told(j, some, cost, base, gain, rows, not n)

    def _best(self, j: int, some: np.ndarray, cost: np.ndarray, base: np.ndarray, gain: np.ndarray) -> None:
        """The best small teams at the prices."""
        peer = np.unique(self.cadre[some], return_inverse=True)[1].reshape(-1)
        people = crews.People(peer, np.ones(len(some), np.int64), min(SMALL, int(self.heads[j]) + 2))
        mixes = self.mixes.setdefault((int(self.cuts.kind[j]), len(base)), {})
        found = crews.best(base, gain, people, self.near, self.most, mixes, NODES).teams
        if not len(found):
            return
        found = np.take_along_axis(found, np.argsort(found < 0, axis=1, kind="stable"), 1)
        shapes = np.where(found >= 0, self.shape[some][found], -1)
        plans, worth = np.full((*found.shape, self.inst.days), -1, np.int16), np.zeros(len(found))
        self._rate(j, shapes, plans, worth)
        for team, plan, value in zip(found, plans, worth, strict=True):
            who = team[team >= 0]
            self._add(j, some[who], value - cost[who].sum(), plan[: len(who)])

    def _told(self, j: int, some: np.ndarray, cost: np.ndarray, base: np.ndarray, gain: np.ndarray,
              rows: np.ndarray, swaps: bool) -> None:
        """A team that the proof found, those between it and the team in hand, and exchanges of one of its members."""
        board, inst, rng = self.board, self.inst, self.rng
        at = np.searchsorted(some, rows)
        if (at >= len(some)).any() or (some[at] != rows).any():
            return
        team = board.team(j)
        held = np.searchsorted(some, self.number[team, board.batch[team]])
        teams = [at]
        stay = np.intersect1d(held, at)
        go, come = np.setdiff1d(held, at), np.setdiff1d(at, held)
        for part in BETWEEN if len(come) > 2 else ():
            gone, new = rng.random(len(go)) < part, rng.random(len(come)) < part
            between = np.concatenate([stay, go[~gone], come[new]])
            if 0 < len(between) == len(np.unique(self.cadre[some[between]])):
                teams.append(between)
        plan = dict(zip(held.tolist(), board.plan[team], strict=True))
        none = np.full(inst.days, -1)
        for n, who in enumerate(teams):
            plans = np.array([plan.get(k, none) for k in who.tolist()], np.int16)[None]
            worth = np.zeros(1)
            self._rate(j, self.shape[some[who]][None], plans, worth, TRIES if n else LONGER)
            self._add(j, some[who], worth[0] - cost[who].sum(), plans[0])
            if not n and swaps:
                self._swaps(j, some, cost, base, gain, who, plans[0], FEWER)

    def _swaps(self, j: int, some: np.ndarray, cost: np.ndarray, base: np.ndarray, gain: np.ndarray,
               at: np.ndarray, rosters: np.ndarray, most: int) -> None:
        """A team, `at` of `some`, with one member exchanged, one more or one less: what says most at the prices."""
        inst, team = self.inst, self.cadre[some[at]]
        free = np.append(inst.must[team] < 0, True)
        says = base + gain[:, at].sum(1)
        near = np.argsort(says, kind="stable")[:3]
        others = np.flatnonzero(~np.isin(self.cadre[some], team))
        others = others[np.argsort(-gain[np.ix_(near, others)].min(0), kind="stable")[:LIKELY]]
        # the last of those who go, and who come, is nobody
        gone = np.column_stack([gain[:, at], np.zeros(len(base))])
        come = np.column_stack([gain[:, others], np.zeros(len(base))])
        least = np.full((gone.shape[1], come.shape[1]), np.inf)
        for q in range(len(base)):
            np.minimum(least, says[q] - gone[q][:, None] + come[q], out=least)
        least[~free] = -np.inf
        least[-1, -1] = -np.inf
        pick = np.argsort(-least, axis=None, kind="stable")[: most * max(1, len(team) // 3)]
        pick = pick[np.isfinite(least.reshape(-1)[pick])]
        out, into = np.unravel_index(pick, least.shape)
        size = len(team) + 1
        shapes, plans = np.full((len(pick), size), -1), np.full((len(pick), size, inst.days), -1, np.int16)
        who = np.full((len(pick), size), -1)
        for n, (o, i) in enumerate(zip(out, into, strict=True)):
            stay = np.delete(np.arange(len(team)), o) if o < len(team) else np.arange(len(team))
            who[n, : len(stay)], plans[n, : len(stay)] = at[stay], rosters[stay]
            if i < len(others):
                who[n, len(stay)] = others[i]
        shapes = np.where(who >= 0, self.shape[some][who], -1)
        worth = np.zeros(len(pick))
        self._rate(j, shapes, plans, worth)
        for rows, plan, value in zip(who, plans, worth, strict=True):
            rows = rows[rows >= 0]
            if len(rows):
                self._add(j, some[rows], value - cost[rows].sum(), plan[: len(rows)])

    # -- the choice --------------------------------------------------------------------------

    def choose(self, seconds: float | None) -> list[Team] | None:
        """One team for each site at most, none where that cannot be decided soon; None where the LP has no time."""
        teams = list(self.pool.values())
        model = self._model(teams)
        x = self._fractions(model, teams, seconds)
        if x is None:
            return None
        made = whole(model, x, seconds)
        return [] if made is None else [teams[n] for n in np.flatnonzero(made)]

    def _fractions(self, model: engine.Model, teams: list[Team], seconds: float | None) -> np.ndarray | None:
        """How much of each column the LP takes; its prices are half of the next ones."""
        hand = self._hand()
        held = np.array([(t.site, t.rows.tobytes()) in hand for t in teams])
        # from the second time on those that the last LP misses join
        likely = np.zeros(0, np.int64) if len(self.lp.inside) else self._likely(teams)
        return self.lp.solve(model, likely, np.flatnonzero(held), seconds)

    def _likely(self, teams: list[Team]) -> np.ndarray:
        """Columns by how far they are, at the prices, from the best of their site."""
        gain = np.array([t.value - self.pay[t.rows].sum() for t in teams])
        site, top = np.array([t.site for t in teams]), np.full(len(self.inst.sites), -np.inf)
        np.maximum.at(top, site, gain)
        return np.argsort(top[site] - gain, kind="stable")

    def reprice(self) -> None:
        """Look at people halfway to the prices of the last LP from now on: what is missing shows there.

        Columns that are far from good at those prices go; what is good at the new ones is found again.
        """
        if self.lp.basis is None:
            return
        kept = list(self.pool.items())
        self.pool = dict(kept[n] for n in self.lp.keep(KEPT))
        self.most, self.swaps = LATER
        cadres, batches = len(self.inst.cadres), len(self.inst.batch_size)
        prices = np.maximum(0.0, -self.lp.duals)
        found = prices[self.cadre] + prices[cadres : cadres + batches][self.batch]
        self.pay = (self.pay + found) / 2
        self.mixes = {}
        self.told = {}

    def _hand(self) -> set[tuple[int, bytes]]:
        """The teams in hand: those who must be posted are in them."""
        teams = ((int(j), self.board.team(j)) for j in np.unique(self.board.site[self.board.site >= 0]))
        return {(j, np.sort(self.number[team, self.board.batch[team]]).tobytes()) for j, team in teams}

    def _model(self, teams: list[Team]) -> engine.Model:
        """Rows of cadres, batches and sites."""
        inst = self.inst
        cadres, batches = len(inst.cadres), len(inst.batch_size)
        sizes = np.array([len(t.rows) for t in teams])
        rows, column = np.concatenate([t.rows for t in teams]), np.repeat(np.arange(len(teams)), sizes)
        site = np.array([t.site for t in teams])
        low = np.full(cadres + batches + len(inst.sites), -np.inf)
        low[:cadres][(inst.must >= 0) & (self.board.site >= 0)] = 1.0
        # who stays where nobody is asked for is left alone
        aside = np.flatnonzero((self.board.site >= 0) & (self.cuts.group[self.board.site] < 0))
        free, places = np.ones(cadres), inst.batch_size - np.bincount(self.board.batch[aside], minlength=batches)
        free[aside] = low[aside] = 0.0
        return engine.Model(
            cost=-np.array([t.value for t in teams]),
            rows=np.concatenate([self.cadre[rows], cadres + self.batch[rows], cadres + batches + site]),
            columns=np.concatenate([column, column, np.arange(len(teams))]),
            values=np.ones(2 * len(rows) + len(teams)),
            row_lower=low,
            row_upper=np.concatenate([free, places, np.ones(len(inst.sites))]).astype(float),
            upper=1.0,
        )

    def put(self, teams: list[Team]) -> float:
        """The teams on the board, if that is better; what is gained."""
        board = self.board
        before, value = board.copy(), board.value()
        posted = np.flatnonzero((board.site >= 0) & (self.cuts.group[board.site] >= 0))
        board.lift(posted)
        board.batch[board.site < 0] = -1
        for team in teams:
            cadres = self.cadre[team.rows]
            board.post(cadres, self.batch[team.rows], np.full(len(cadres), team.site))
            board.work(cadres, team.plan.astype(np.int64))
        gain = board.value() - value
        if gain <= 1e-9:
            board.site, board.batch, board.plan, board.staffed = before.site, before.batch, before.plan, before.staffed
            return 0.0
        return gain

"""Exchanges of two cadres, or moves of one, accepted by simulated annealing (Kirkpatrick et al. 1983).

Each proposal is worked out exactly: who leaves gives up the shifts held, who comes gets the best
schedule next to the team. Three kinds: two cadres exchange sites, or sites and batches; batches alone; one goes
elsewhere. A proposal that loses x is accepted with probability exp(-x / temperature).

Most proposals are hopeless, and that is known before a schedule is worked out: who comes gains no more than at the
site with nobody there, which is looked up (`hopes.py`), and exactly that where the site is empty then. A round of
550,000 proposals took 1.2 s without, 0.7 s with it; of 30 s of annealing, side by side, two seeds: 412.6 and 412.7
thousand without, 412.3 both with it.

Where a proposal fell short, up to two of either team used to work their schedules out again. At the first
temperature 315 of 29,100 such tries made it good, at the last 4 of 27,500, and a round took almost twice as long.
20 s from three rounds of neighbourhoods (421.7), and two more after it, side by side, two seeds, in thousands: with it
412.4 and 412.9, without 412.3 and 412.4. Cooling to 0.015 instead of 0.03 alone, before those two rounds: 413.2 and
412.5, were 413.8 and 412.8; to 0.008 no better.

What a team with somebody else in it could give at most, by cuts at the teams in hand (`cuts.py`), tells nine in ten
hopeless proposals at teams of two and more from others, and a round takes 0.14 to 0.21 s instead of 0.23 to 0.30;
but the cuts must be worked out again as teams change, and 25 s of annealing ended no lower. Nor did it where sites
near a cadre were proposed more often, or chains of three sites. Moves of one cadre count: with 0.01 of the proposals
for them 20 s end at 413.0, with 0.05 at 412.6, with 0.1 at 412.2, with 0.2 at 412.3 (three seeds each); 50 s end at
411.9 with 0.05 and 0.1 alike.

An earlier version, staffing with kits in thousands, CPU seconds on one of two shared cores, from the plan after three
rounds of neighbourhoods (419.9); twelve of those rounds, 60 s, had reached 417.2:

    10 rounds of 250 proposals per cadre, 0.25 -> 0.03    15 s    414.1
    13 rounds, 0.25 -> 0.03                               20 s    413.7
    13 rounds, 0.15 -> 0.03                               20 s    413.5
    40 rounds, 0.25 -> 0.03                               60 s    412.6
    400 rounds, 0.15 -> 0.03                             515 s    411.3
    13 rounds, fewer exchanges and more of batches        20 s    414.5

Exchanges are what counts (of moves of one cadre 1 in 1,000 is accepted): cadres differ by leave,
nights and last days, and a plan is good when they differ at the right places.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from allocator.models.board import Board
from allocator.models.cuts import profiles
from allocator.models.hopes import Hopes, hopes
from allocator.models.kernel import Deck, Value, compiled, scratch
from allocator.models.working import back, holds, leave, offers, random, work
from allocator.models.worth import ordinary

__all__ = ["Annealing"]

MOVES, EXCHANGES = 0.1, 0.85
"""Share of proposals that move one cadre; up to where exchanges of sites go; the rest exchange batches."""
HOT, COLD = 0.15, 0.015
"""First and last temperature, in worth of an ordinary shift."""
EACH = 250
"""Proposals per cadre in a round."""


class People(NamedTuple):
    """Who may go where, and at what cost."""

    shape: np.ndarray
    """[C, B]"""
    minutes: np.ndarray
    """[C, J] infinite out of reach"""
    length: np.ndarray
    """[C, B] days of a posting"""
    previous: np.ndarray
    travel: float
    change: float


class Teams(NamedTuple):
    """Who is where: the members of a site as a chain."""

    site: np.ndarray
    """[C]"""
    batch: np.ndarray
    head: np.ndarray
    """[J] a member, -1: nobody"""
    after: np.ndarray
    """[C] the next member"""
    before: np.ndarray
    size: np.ndarray
    """[J]"""


@compiled
def _cost(people: People, c: int, b: int, j: int) -> float:
    if j < 0:
        return 0.0
    return float(people.travel * people.minutes[c, j] * people.length[c, b] - people.change * (people.previous[c] == j))


@compiled
def _go(teams: Teams, c: int, b: int, j: int) -> None:
    """Move a cadre from one chain to another."""
    old = teams.site[c]
    teams.batch[c] = b
    if old == j:
        return
    if old >= 0:
        if teams.before[c] >= 0:
            teams.after[teams.before[c]] = teams.after[c]
        else:
            teams.head[old] = teams.after[c]
        if teams.after[c] >= 0:
            teams.before[teams.after[c]] = teams.before[c]
        teams.size[old] -= 1
    teams.site[c] = j
    if j >= 0:
        teams.before[c] = -1
        teams.after[c] = teams.head[j]
        if teams.head[j] >= 0:
            teams.before[teams.head[j]] = c
        teams.head[j] = c
        teams.size[j] += 1


@compiled
def _left(teams: Teams, site: int, one: int, other: int) -> int:
    """How many are left at a site when somebody leaves `one` and somebody `other` (-1: nobody does)."""
    return int(teams.size[site] - (site == one) - (site == other))


@compiled
def _hold(deck: Deck, value: Value, staffed: np.ndarray, teams: Teams, plan: np.ndarray, site: int,
          held: np.ndarray) -> None:
    """What would be lost without each member of a site: `held` [C]."""
    c = teams.head[site]
    while c >= 0:
        held[c] = holds(deck, value, staffed, plan[c])
        c = teams.after[c]


@compiled
def _anneal(deck: Deck, value: Value, people: People, teams: Teams, hopes: Hopes, staffed: np.ndarray,
            plan: np.ndarray, movable: np.ndarray, targets: np.ndarray, proposals: int, hot: float, cold: float,
            seed: np.ndarray) -> int:
    """Make proposals while the temperature falls from `hot` to `cold`; how many were accepted."""
    walk, offer = scratch(deck, staffed.shape[1]), offers(deck, value, staffed)
    old = np.empty((2, staffed.shape[1]), plan.dtype)
    held = np.zeros(len(plan))
    for s in range(len(teams.head)):
        _hold(deck, value, staffed, teams, plan, s, held)
    accepted = 0
    for turn in range(proposals):
        bar = hot * (cold / hot) ** (turn / proposals) * np.log(random(seed) + 1e-300)
        c = movable[int(random(seed) * len(movable))]
        i, b = teams.site[c], teams.batch[c]
        i2, b2 = i, b
        d, j, e, j2, e2 = -1, -1, -1, -1, -1
        kind = random(seed)
        if kind < MOVES:
            j = i2 = targets[int(random(seed) * len(targets))]
            if i2 == i:
                continue
        else:
            d = movable[int(random(seed) * len(movable))]
            j, e = teams.site[d], teams.batch[d]
            j2, e2 = j, e
            if kind < EXCHANGES:
                if i == j:
                    continue
                i2, j2 = j, i
                if b != e and random(seed) < 0.5:
                    b2, e2 = e, b
            else:
                if b == e:
                    continue
                b2, e2 = e, b
            if people.shape[d, e2] < 0 or (j2 >= 0 and not np.isfinite(people.minutes[d, j2])):
                continue
        if people.shape[c, b2] < 0 or (i2 >= 0 and not np.isfinite(people.minutes[c, i2])):
            continue
        delta = _cost(people, c, b, i) - _cost(people, c, b2, i2)
        if d >= 0:
            delta += _cost(people, d, e, j) - _cost(people, d, e2, j2)
        # what newcomers gain at most
        gain_c = hopes.value[hopes.group[i2], people.shape[c, b2]] if i2 >= 0 else 0.0
        gain_d = hopes.value[hopes.group[j2], people.shape[d, e2]] if j2 >= 0 else 0.0
        alone_c = False
        if i != j:
            alone_c = i2 < 0 or (hopes.exact[hopes.group[i2]] and _left(teams, i2, i, j if d >= 0 else -1) == 0)
            lost = held[c] + (held[d] if d >= 0 else 0.0)
            if delta + gain_c + gain_d - lost < bar:
                continue
        old[0] = plan[c]
        delta -= leave(deck, value, staffed, offer, plan[c])
        if d >= 0:
            old[1] = plan[d]
            delta -= leave(deck, value, staffed, offer, plan[d])
        # an empty site last: what it gives is known, and may not be enough
        delta += gain_c + gain_d
        for side in (1, 0) if alone_c else (0, 1):
            if delta < bar:
                break
            if side == 0 and i2 >= 0:
                delta -= gain_c
                shape = people.shape[c, b2]
                delta += work(deck, value, staffed, offer, shape, i2, 0.0, seed, walk, plan[c], bar - delta)
            if side == 1 and j2 >= 0:
                delta -= gain_d
                shape = people.shape[d, e2]
                delta += work(deck, value, staffed, offer, shape, j2, 0.0, seed, walk, plan[d], bar - delta)
        if delta < bar:
            back(deck, value, staffed, offer, plan[c], old[0])
            if d >= 0:
                back(deck, value, staffed, offer, plan[d], old[1])
            continue
        accepted += 1
        _go(teams, c, b2, i2)
        held[c] = 0.0
        if d >= 0:
            _go(teams, d, e2, j2)
            held[d] = 0.0
        for s in (i, j):
            if s >= 0:
                _hold(deck, value, staffed, teams, plan, s, held)
    return accepted


class Annealing:
    """Rounds of proposals on a board."""

    def __init__(self, board: Board, rng: np.random.Generator):
        inst = board.inst
        self.board, self.rng = board, rng
        self.kind = profiles(inst)[0]
        length = np.maximum(0, inst.last - inst.first + 1).astype(float)
        self.people = People(
            np.ascontiguousarray(inst.shape), np.ascontiguousarray(inst.minutes, np.float32), length, inst.previous,
            float(inst.w_travel), float(inst.w_change),
        )
        self.targets = np.flatnonzero(board.field.site_pattern >= 0)
        self.unit = ordinary(inst)

    @property
    def movable(self) -> np.ndarray:
        return np.flatnonzero((self.board.inst.must < 0) & (self.board.batch >= 0))

    def round(self, hot: float, cold: float, part: float = 1.0) -> int:
        """`EACH` proposals per cadre (or a part), at temperatures in worth of an ordinary shift; how many accepted."""
        board, movable = self.board, self.movable
        if not len(movable) or not len(self.targets):
            return 0
        seed = self.rng.integers(1, 1 << 63, 1, dtype=np.uint64)
        cooling = int(part * EACH * len(movable)), hot * self.unit, cold * self.unit
        return int(
            _anneal(
                board.field.deck, board.worth.arrays(), self.people, self._teams(), hopes(board, self.kind),
                board.staffed, board.plan, movable, self.targets, *cooling, seed,
            )
        )

    def _teams(self) -> Teams:
        board = self.board
        sites, cadres = len(board.inst.sites), len(board.site)
        head, after, before = np.full(sites, -1), np.full(cadres, -1), np.full(cadres, -1)
        for c in np.flatnonzero(board.site >= 0):
            j = board.site[c]
            after[c] = head[j]
            if head[j] >= 0:
                before[head[j]] = c
            head[j] = c
        size = np.bincount(board.site[board.site >= 0], minlength=sites)
        return Teams(board.site, board.batch, head, after, before, size)

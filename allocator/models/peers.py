"""Cadres told apart by their leave, and what they prove: a bound at any prices of people.

Peers are cadres with equal shapes in every batch (skills, night fitness, leave, all days), the same
home district and the same previous site. A place of work is a block (`blocks.py`): the sites of a district that
ask for the same, or a site by itself. For prices u of peers, s of batches (both >= 0), the value of a plan is at most

    size @ u + batch_size @ s + sum over blocks of count x W(block),

W = max over teams of min over cuts (`cuts.py`) of base + sum of (best schedule - travel - u - s).
Travel is that of the nearest member to the nearest site of the block, so nothing is averaged and
the bound holds as it stands. Where few work, W is over whole people (`crews.py`); where many do,
over fractions of people or by the size of the team, whichever says less; between the two, either way (`choose`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from allocator.instance import Instance
from allocator.models import crews, engine, team_loops
from allocator.models.blocks import NEVER, Blocks
from allocator.models.cuts import Cuts
from allocator.models.headcount import Group
from allocator.models.volume import Crowd, Sharp, sharpest
from allocator.models.worth import Worth

NEAR, TEAMS = 3.0, 8
"""Teams within this of the best one of their block join the master, so many at most."""
MIDDLE = 24
"""Teams larger than those listed are told apart by size up to this one."""
LARGEST = 6
"""Teams of whole people are searched up to this size."""
SOME = 3
"""Blocks that need more people than this get prices of their own: sharper cuts, with which whole people say
less at first and fractions of people in the end."""
ROWS = 300
"""Rows of peers in the LP of a place where many work, at most."""
PATIENCE = 0.3
"""Seconds for an LP of one place; it takes a hundredth of a second."""


@dataclass
class Team:
    """A column of the master: rows of peers and how many of each."""

    block: int
    rows: np.ndarray
    heads: np.ndarray
    most: float = np.inf
    """what the team gives at most, by sharper cuts than those of its profile"""


class Counter(Protocol):
    """A search of one place for the best team of whole people (`counting.py`)."""

    def best(self, pay: np.ndarray, splits: int, enough: Callable[[], bool]) -> tuple[float, list[Group]]:
        """Bound on what a team gives above its pay [R], and the teams that say so."""


def alike(inst: Instance) -> tuple[np.ndarray, np.ndarray]:
    """What peers are told apart by (shapes by batch, home, previous site), and the peer [C] of each cadre."""
    key = np.column_stack([inst.shape, inst.home, inst.previous])
    keys, of = np.unique(key, axis=0, return_inverse=True)
    return keys, of.reshape(-1)


class Peers:
    """The LP over teams of peers and its prices."""

    def __init__(self, places: Blocks, cuts: Cuts):
        self.places, self.cuts = places, cuts
        inst = self.inst = places.inst
        keys, self.of = alike(inst)
        self.room = np.bincount(self.of, minlength=len(keys))
        shape = keys[:, : len(inst.batches)]
        self.peer, self.batch = np.nonzero(shape >= 0)
        self.shape = shape[self.peer, self.batch]
        self.row = np.full(shape.shape, -1)
        self.row[self.peer, self.batch] = np.arange(len(self.peer))
        self.cost = self._costs(keys[:, -1])
        self.heads = self._heads()
        size = self.room[self.peer]
        self.people = [crews.People(self.peer, size, min(LARGEST, int(h) + 2)) for h in self.heads]
        self.many = (self.heads > LARGEST - 1)[self.places.kind]
        self.some = (self.heads > SOME)[self.places.kind]
        self.either = np.flatnonzero(self.some & ~self.many)
        self.mix: dict[int, np.ndarray] = {}
        self.counted: dict[int, Counter] = {}
        """places where whole people are counted"""
        self.splits = 0
        """how many of its nodes may be split at a look, each"""
        self.enough: Callable[[], bool] = lambda: False
        """is it time to split no more?"""
        self.mixed: list[dict[int, np.ndarray]] = [{} for _ in self.people]
        """[profiles] mixtures of cuts by size of the team, of the last block looked at"""

    def repriced(self, worth: Worth) -> Peers:
        """The same people and cuts where shifts are worth something else; it takes the place of this one."""
        cuts = self.cuts.repriced(worth)
        return Peers(Blocks(cuts, self.places.alone), cuts)

    def _costs(self, previous: np.ndarray) -> np.ndarray:
        """[R, blocks] least travel of a peer to a site of a block, less what staying saves."""
        inst, block = self.inst, self.places.block
        cadres, sites = np.argsort(self.of, kind="stable"), np.argsort(block, kind="stable")
        sites = sites[block[sites] >= 0]
        nearest = np.minimum.reduceat(inst.minutes[cadres], np.cumsum(self.room) - self.room, axis=0)[:, sites]
        count = np.bincount(block[sites], minlength=len(self.places.blocks))
        minutes = np.minimum.reduceat(nearest, np.cumsum(count) - count, axis=1)
        span = np.zeros(self.row.shape)
        span[self.of] = np.maximum(0, inst.last - inst.first + 1)
        near = np.isfinite(minutes)
        cost = np.where(near, inst.w_travel * np.where(near, minutes, 0), NEVER)[self.peer]
        cost = np.where(near[self.peer], cost * span[self.peer, self.batch][:, None], NEVER)
        stay = np.flatnonzero((previous[self.peer] >= 0) & (block[np.maximum(previous[self.peer], 0)] >= 0))
        cost[stay, block[previous[self.peer[stay]]]] -= inst.w_change
        return np.asfortranarray(cost)

    def _heads(self) -> np.ndarray:
        """[profiles] how many it takes to cover what a site of the profile must have."""
        inst = self.inst
        shifts = np.bincount(inst.post_site, inst.required.sum(1), len(inst.sites))
        return shifts[self.cuts.sample] / max(1.0, 0.7 * inst.days)

    # -- the bound ---------------------------------------------------------------------------

    def idle(self) -> float:
        """What staying where nobody is asked for may save, at most."""
        inst = self.inst
        lost = (inst.previous >= 0) & (self.places.block[np.maximum(inst.previous, 0)] < 0)
        return float(inst.w_change * lost.sum())

    @staticmethod
    def _named(g: int, found: crews.Found) -> list[Team]:
        rows = np.sort(found.teams, axis=1)
        first = (rows >= 0).argmax(1)
        plain = ((rows[:, 1:] != rows[:, :-1]) | (rows[:, 1:] < 0)).all(1)
        teams = []
        for n in range(len(rows)):
            some, heads = rows[n, first[n] :], np.ones(rows.shape[1] - first[n])
            if not plain[n]:
                some, count = np.unique(some, return_counts=True)
                heads = count.astype(float)
            teams.append(Team(g, some, heads))
        return teams

    def price(self, u: np.ndarray, s: np.ndarray) -> tuple[float, list[Team]]:
        """Bound on the value at the prices, and the teams that look best at them."""
        most, found = self.most(u, s)
        return float(self.room @ u + self.inst.batch_size @ s) + most, found

    def most(self, u: np.ndarray, s: np.ndarray) -> tuple[float, list[Team]]:
        """What all places can make of people beyond their prices, at most, and the teams that look best."""
        pay = u[self.peer] + s[self.batch]
        total = self.idle()
        found: list[Team] = []
        last, values = -1, np.zeros((0, 0))
        for g in range(len(self.places.blocks)):
            if g in self.counted:
                value, teams = self._by_number(g, pay)
            else:
                if self.places.group[g] != last:  # they are in order
                    last, values = self.places.group[g], self._values(g, pay)
                gain = values - self.cost[:, g]
                value, teams = self._fraction(g, gain) if self.many[g] else self._whole(g, gain)
            total += float(self.places.count[g]) * value
            found.extend(teams)
        return total, found

    def _by_number(self, g: int, pay: np.ndarray) -> tuple[float, list[Team]]:
        value, groups = self.counted[g].best(pay, self.splits, self.enough)
        return value, [Team(g, t.rows, np.round(t.heads, 4), t.gives) for t in groups]

    def _values(self, g: int, pay: np.ndarray) -> np.ndarray:
        """[Q, R] what people gain at the sites of a block before they travel, by its cuts."""
        value: np.ndarray = self.cuts.value[self.places.kind[g]][:, :, self.places.column[g]][:, self.shape] - pay
        return value

    def _gain(self, g: int, pay: np.ndarray) -> np.ndarray:
        return self._values(g, pay) - self.cost[:, g]

    def _base(self, g: int) -> np.ndarray:
        base: np.ndarray = self.cuts.base[self.places.kind[g]][:, self.places.column[g]]
        return base

    def says(self, team: Team) -> np.ndarray:
        """[Q] what every cut says about the benefit of a team."""
        kind, column = self.places.kind[team.block], self.places.column[team.block]
        value = self.cuts.value[kind][:, self.shape[team.rows], column]
        return np.asarray(self.cuts.base[kind][:, column] + value @ team.heads)

    def sharpest(self, team: Team, start: np.ndarray, steps: int, reach: float) -> Sharp:
        """The sharpest prices of the cells for a team, from prices `start` [p, D]."""
        crowd, site = Crowd.team(self.shape[team.rows], team.heads), self.cuts.site[self.places.group[team.block]]
        return sharpest(self.cuts.field, self.cuts.worth, int(site), crowd, start, steps, reach)

    def choose(self, u: np.ndarray, s: np.ndarray) -> None:
        """Look at blocks of middling size in whole people or in fractions, whichever says less at the prices.

        What holds for one of a group is taken to hold for all.
        """
        pay = u[self.peer] + s[self.batch]
        many: dict[int, bool] = {}
        for g in self.either:
            if int(g) in self.counted:
                continue
            group = int(self.places.group[g])
            if group not in many:
                gain = self._gain(int(g), pay)
                many[group] = self._fraction(int(g), gain)[0] < self._whole(int(g), gain)[0]
            self.many[g] = many[group]

    def least(self, g: int, pay: np.ndarray) -> int:
        """The cut under which whoever gains at a block gains least."""
        return int((self._base(g) + team_loops.gained(self._gain(g, pay), self.room[self.peer])).argmin())

    def _whole(self, g: int, gain: np.ndarray) -> tuple[float, list[Team]]:
        kind, base = int(self.places.kind[g]), self._base(g)
        people = self.people[kind]
        tops = _tops(gain, people)
        found = crews.best(base, gain, people, NEAR, TEAMS, self.mixed[kind], tops=tops)
        value = max(found.value, self._by_size(base, gain, tops, people, people.most + 1))
        return value, self._named(g, found)

    def _by_size(
        self, base: np.ndarray, gain: np.ndarray, tops: np.ndarray, people: crews.People, first: int
    ) -> float:
        """Bound on teams from a size on, by size up to the last of the tops, then by whoever still gains."""
        if not gain.shape[1]:
            return 0.0
        says = base[:, None] + tops
        # beyond the last size: whoever still gains
        says[:, -1] = base + team_loops.gained(gain, people.size) + np.minimum(0, tops[:, -1] - tops.max(1))
        return max(0.0, float(says[:, first:].min(0).max()))

    def _fraction(self, g: int, gain: np.ndarray) -> tuple[float, list[Team]]:
        base, people = self._base(g), self.people[int(self.places.kind[g])]
        some = np.flatnonzero(gain.max(0) > 0)
        if not len(some):
            return max(0.0, float(base.min())), []
        if len(some) > ROWS:
            weight = self.mix.get(g)
            known = weight is not None and len(weight) == len(base)
            likely = weight @ gain[:, some] if known else np.sort(gain[:, some], axis=0)[len(base) // 2 :].mean(0)
            some = some[np.argpartition(-likely, ROWS)[:ROWS]]
        cuts, n, room = len(base), len(some), self.room[self.peer]
        model = engine.Model(
            cost=np.append(np.zeros(n), -1.0),
            rows=np.repeat(np.arange(cuts), n + 1),
            columns=np.tile(np.arange(n + 1), cuts),
            values=np.concatenate([-gain[:, some], np.ones((cuts, 1))], axis=1).reshape(-1),
            row_lower=np.full(cuts, -np.inf),
            row_upper=base,
            lower=np.append(np.zeros(n), -np.inf),
            upper=np.append(room[some].astype(float), np.inf),
        )
        answer = engine.solve(model, "glop", seconds=PATIENCE)
        if answer.duals is None:  # now and then GLOP goes round in circles
            answer = engine.solve(model, "highs", seconds=5.0)
        each = base + team_loops.gained(gain, room)
        if answer.duals is None or answer.x is None:
            return max(0.0, float(each.min())), []
        weight = np.maximum(0, -answer.duals)
        weight /= max(1e-12, weight.sum())
        value = float(weight @ base + np.maximum(0, weight @ gain) @ room)
        self.mix[g] = weight
        heads = np.round(answer.x[:-1], 3)
        use = heads > 0
        value = max(0.0, min(value, float(each.min()), self._by_size(base, gain, _tops(gain, people), people, 1)))
        return value, [Team(g, some[use], heads[use])] if use.any() else []


def _tops(gain: np.ndarray, people: crews.People) -> np.ndarray:
    """[Q, sizes + 1] the most that so many people gain under each cut: up to `MIDDLE`, or one more than are listed."""
    return team_loops.top(gain, people.size, max(MIDDLE, people.most + 1))

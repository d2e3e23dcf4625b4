"""Places where many work, counted in whole people: what `headcount.py` needs to know of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from allocator.models.blocks import NEVER
from allocator.models.headcount import Ask, Group, Headcount, Kinds, Sharp
from allocator.models.peers import Peers, Team
from allocator.models.volume import values

Plan = tuple[np.ndarray, np.ndarray]
"""Site and batch of each cadre [C], -1 at home."""
DAYS = (0.3, 0.5, 0.65, 0.8, 0.93)
"""Parts of all days from which people who are there so long are a kind."""
STEPS, REACH = 400, 0.001
"""Steps towards the sharpest prices of a team, and how far below what is known the first of them aims, relative to
what its people give. Wuxi, from 407.6 thousand, bound (thousand) after a first look at all and a round: 200 steps with
a reach of 0.02 408.08 (83 s), of 0.002 408.25 (115 s); 300 of 0.001 408.28 (110 s); 600 of 0.02 408.30 (133 s)."""
FIRST = 24
"""Nodes that are split at once."""
BASIC = 3
"""Cuts of the profile that join where shifts are worth something else."""
USED = 60
"""Cuts found at places of the same profile that a place begins with, at most."""
ROOM = 3e8
"""Bytes for the cuts of all places, about."""


def kinds(peers: Peers, rows: np.ndarray) -> Kinds:
    """What rows are told apart by: all; batch and days there; then trait and the days themselves."""
    inst, shape = peers.inst, peers.shape[rows]
    there, trait = inst.shape_days[shape].T, inst.shape_trait[shape]
    days = there.sum(0)
    first = [np.ones(len(days), bool)]
    first += [peers.batch[rows] == b for b in range(len(inst.batches))]
    first += [days >= part * inst.days for part in DAYS]
    then = [trait == t for t in np.unique(trait)] + list(there)
    level = np.repeat([0, 1], [len(first), len(then)])
    return Kinds(np.array(first + then), level)


@dataclass
class Counted:
    """The search of one block, among the rows of people who may go there."""

    rows: np.ndarray
    cost: np.ndarray
    search: Headcount

    def best(self, pay: np.ndarray, splits: int, enough: Callable[[], bool]) -> tuple[float, list[Group]]:
        """As of the search, with prices and teams by rows of all people."""
        value, found = self.search.best(pay[self.rows] + self.cost, splits, enough)
        return value, [Group(self.rows[team.rows], team.heads, team.gives) for team in found]


class Counting:
    """Makes the searches of places, each with the cuts found at those like it."""

    def __init__(self, peers: Peers):
        self.peers, self.cuts = peers, peers.cuts
        self.pool: dict[int, list[np.ndarray]] = {}
        """by profile: prices per unit of worth"""
        self.found: dict[int, Counted] = {}

    def moved(self, peers: Peers, to: np.ndarray) -> Counting:
        """The same searches where shifts are worth something else, and blocks are called `to` [blocks]."""
        other = Counting(peers)
        other.pool = self.pool
        for old, found in self.found.items():
            g, search = int(to[old]), found.search
            worth = peers.cuts.worth.rows(other._mine(g))
            search.renew(np.array([worth.surplus(cells).sum() for cells in search.prices]), other._asker(g, found.rows))
            # what the shifts themselves are worth is a price as well, and sharp where there is work for one
            search.learn(*other._profile(g, found.rows, BASIC))
            other.found[g] = peers.counted[g] = found
        return other

    def all(self, pay: np.ndarray, plan: Plan, enough: Callable[[], bool]) -> None:
        """Begin at all blocks where many may work, those of one profile in a row, until `enough`."""
        peers = self.peers
        blocks = np.flatnonzero(peers.some)
        size = 0.0
        for g in blocks[np.argsort(-peers.heads[peers.places.kind[blocks]], kind="stable")].tolist():
            if enough() or size > ROOM:
                break
            found = self.begin(g, plan, pay)
            found.best(pay, FIRST, enough)
            size += found.search.value.nbytes
            peers.counted[g] = self.found[g] = found

    def teams(self, most: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Whole teams, best at the last prices, so many of a site at most: a cadre like each member, and batches."""
        peers = self.peers
        like = np.full(len(peers.room), -1)
        like[peers.of[::-1]] = np.arange(len(peers.of))[::-1]
        for g, found in self.found.items():
            site = int(np.flatnonzero(peers.places.block == g)[0])
            for team in found.search.teams[:most]:
                rows = np.repeat(found.rows[team.rows], team.heads.astype(np.int64))
                yield site, like[peers.peer[rows]], peers.batch[rows]

    def begin(self, g: int, plan: Plan, pay: np.ndarray) -> Counted:
        """The search of a block, from prices [R], which knows the team that the plan has there."""
        peers, cuts = self.peers, self.cuts
        kind, group = int(peers.places.kind[g]), int(peers.places.group[g])
        rows = np.flatnonzero(peers.cost[:, g] < NEVER)
        known = self.pool.get(kind, [])[-USED:]
        more = [self._cut(g, rows, cuts.cells(group, p)) for p in known]
        prices, base, value = self._profile(g, rows)
        people, peer = np.unique(peers.peer[rows], return_inverse=True)
        cost = peers.cost[rows, g]
        search = Headcount(
            np.stack([*prices, *[cuts.cells(group, p) for p in known]]),
            np.concatenate([base, [m[0] for m in more]]),
            np.concatenate([value, *[m[1][None] for m in more]]),
            pay[rows] + cost,
            peer.reshape(-1),
            peers.room[people],
            kinds(peers, rows),
            self._asker(g, rows),
        )
        at, batch = plan
        held = np.flatnonzero((peers.places.block[at] == g) & (at >= 0))
        if len(held) and peers.places.count[g] == 1:
            team, heads = np.unique(peers.row[peers.of[held], batch[held]], return_counts=True)
            team = np.searchsorted(rows, team)
            gives = search.base + search.value[:, team].astype(float) @ heads
            search.know(team, heads.astype(float), float(gives.min()))
        return Counted(rows, cost, search)

    def _profile(self, g: int, rows: np.ndarray, most: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The first cuts of the profile of a block: prices of its cells, base, and what each row gives."""
        peers, cuts = self.peers, self.cuts
        kind, group, column = int(peers.places.kind[g]), int(peers.places.group[g]), peers.places.column[g]
        prices = np.stack([cuts.cells(group, p) for p in cuts.prices[kind][:most]])
        return prices, cuts.base[kind][:most, column], cuts.value[kind][:most][:, peers.shape[rows], column]

    def _asker(self, g: int, rows: np.ndarray) -> Ask:
        return lambda *team: self._sharp(g, rows, *team)

    def _mine(self, g: int) -> slice:
        """The posts of a block."""
        site = int(self.cuts.site[self.peers.places.group[g]])
        return slice(int(self.peers.inst.site_posts[site]), int(self.peers.inst.site_posts[site + 1]))

    def _sharp(
        self, g: int, rows: np.ndarray, some: np.ndarray, heads: np.ndarray, start: np.ndarray, gives: float
    ) -> Sharp:
        """The sharpest cut at a team of `some` rows, from prices of the cells or those of a cut of the profile."""
        peers, cuts = self.peers, self.cuts
        kind, group = int(peers.places.kind[g]), int(peers.places.group[g])
        team = Team(g, rows[some], heads)
        says = peers.says(team)
        if says.min() < gives:
            start = cuts.cells(group, cuts.prices[kind][int(says.argmin())])
        found = peers.sharpest(team, start, STEPS, REACH)
        self.pool.setdefault(kind, []).append(cuts.normal(group, found.prices))
        return Sharp(found.prices, *self._cut(g, rows, found.prices), found.least)

    def _cut(self, g: int, rows: np.ndarray, cells: np.ndarray) -> tuple[float, np.ndarray]:
        """Surplus, and what each row gives, at prices [p, D] of the posts of a block."""
        peers, cuts = self.peers, self.cuts
        site = int(cuts.site[peers.places.group[g]])
        base = float(cuts.worth.rows(self._mine(g)).surplus(cells).sum())
        shapes, of = np.unique(peers.shape[rows], return_inverse=True)
        return base, values(cuts.field, site, shapes, cells)[of.reshape(-1)]

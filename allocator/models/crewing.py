"""Prices of peers and batches by column generation: a master LP over teams (`peers.py`).

Sets      peers K, batches B, blocks G.
Data      how many of each; what a team gives by the cut that says least, less travel.
Decisions how many sites of a block get each team (a fraction; teams are columns).
Objective what the teams give, to be made large.

batch_size   a row per batch; its dual is the price of a place in the batch.

The master moves prices within a box around the best so far (boxstep: Marsten, Hogan & Blankenship 1975);
the box follows a better bound, widens while that goes on and narrows when it does not. Without one the
dual of the master swings: 18 rounds from the prices of the cohort model proved 384.0 thousand on the Wuxi
case, from the rents' and with prices between best and dual 401.7, with the box 402.6. Cuts join at the
teams that the master likes, and at the sizes that busy places like (`volume.py`): the value of a team is only as
true as the sharpest cut at it. Blocks of middling size are looked at in whole people or in fractions, whichever says
less. Wuxi, the bound alone on one core from a finished plan (412.6), thousand after about 60, 100, 150 s, one run each:

    each refinement 50 teams and 1 block of a profile more, four steps of an LP        401.9  402.6  403.5
    all teams of the master, 300 steps of the volume algorithm for a block             405.2  405.5  405.6

How far prices may move says as much: 4 % of their mean at first, and 2 % at least after each look at cuts, proved 405.7
after nine rounds and 406.7 after three more site by site (60 s); 1 % and 0.4 % prove 406.4 and 407.3 (52 s).

At the teams of a MIP over the columns of the master cuts were some 7 thousand too high with the first, 0.7 with the
second. There the whole rosters found fall 2.4 thousand short of those in fractions, and the MIP 0.9 of its LP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from allocator.limits import Watch
from allocator.models import engine
from allocator.models.blocks import NEVER
from allocator.models.board import Board
from allocator.models.counting import Counting, Plan
from allocator.models.peers import MIDDLE, Peers, Team
from allocator.models.volume import Crowd, sharpest
from allocator.models.worth import Worth

ALL = 200
"""Rounds at most."""
ROUND = 3
"""Rounds between two looks at cuts and bound."""
BOX = 0.01
"""How far prices may move in a round at first, relative to their mean."""
FRESH = 0.004
"""How far at least once there are sharper cuts."""
WIDER, NARROWER = 1.4, 0.7
"""What the box grows or shrinks by after two rounds in a row that did, or did not, better the bound."""
FEW, KEPT = 24, 100
"""Cuts of a profile, at most: the fewer where a city has many kinds of people and places. With 60 a look at cuts took
away some that were wanted elsewhere: Wuxi stood still at 407,395 after 47 s, where 100 prove 407,509 after 117."""
ROOM = 4e7
"""Best schedules, of kinds of people at places under cuts, that are kept in a small city."""
COLUMNS = 40_000
"""Teams in the master, at most."""
LOOSE = 0.5
"""A cut at a team of the master joins where it says so much less about the team than those there are."""
LIKELY = 150
"""Rows of people looked at for sharper prices of a block: those who gain most."""
DULL = 12
"""Rounds in a row that gain next to nothing after which there is nothing more to gain."""
SHARPENED = 4
"""Blocks of a profile, where many work, that get better prices at a time, from the first time on one more each
time up to so many."""
STEPS, TEAM_STEPS = 200, 600
REACH, TEAM_REACH = 0.002, 0.005
"""Steps towards the sharpest prices of a block, and of a team, at most, and how far below the value of what is known
the first of them aims: not far, as they begin from prices that are nearly right."""
CLOSE = 2e-4
"""Relative distance of master and bound at which only sharper cuts bring more."""
SPLITS = 2
"""Nodes that are split at a look at a place where whole people are counted."""
IDLE = 3
"""Times in a row that they bring next to nothing after which the prices are final."""


After = Callable[[float], float]
"""Seconds of what is to come after, from those that a look at all places took."""


def nothing(_: float) -> float:
    return 0.0


class Clock:
    """Time left, once a look at all places, and what is to come after, has had its own."""

    def __init__(self, watch: Watch, until: float, after: After = nothing):
        self.watch, self.until, self.after = watch, until, after
        self.took = 0.0

    def left(self) -> float:
        return self.watch.left(self.until) - self.took - self.after(self.took)

    @contextmanager
    def round(self) -> Iterator[None]:
        """A look at all places: the next will take as long."""
        begun = self.watch.seconds
        yield
        self.took = self.watch.seconds - begun


class Crewing:
    """The master LP over teams of peers, and its prices."""

    def __init__(self, peers: Peers):
        self.peers, self.counting = peers, Counting(peers)
        self.places, self.cuts, self.inst = peers.places, peers.cuts, peers.inst
        self.teams: list[Team] = []
        self.seen: set[tuple[int, bytes, bytes]] = set()
        self.busy = np.zeros(len(self.places.blocks))
        self.sharp: dict[tuple[int, bytes, bytes], tuple[float, np.ndarray]] = {}
        """by group and shapes of a team: what its sharpest cut says, and its prices; dropped, it may be wanted again"""
        self.turn: dict[int, int] = {}
        self.refined = 0
        self.slack = np.full(len(self.places.blocks), 1e3)
        self.worth = np.zeros(0)
        self.basis: engine.Basis | None = None
        self.x = np.zeros(0)
        self.clock = Clock(Watch(), 1.0)
        peers.enough = lambda: self.clock.left() <= 0
        self.hear: Callable[[np.ndarray, np.ndarray], None] | None = None
        """who is told the best prices u, s after every look at cuts"""

    def add(self, team: Team) -> bool:
        key = (team.block, team.rows.tobytes(), team.heads.tobytes())
        if key in self.seen:
            return False
        self.seen.add(key)
        self.teams.append(team)
        return True

    def add_plan(self, site: np.ndarray, batch: np.ndarray) -> None:
        """Teams of a plan as columns: the site and batch of each cadre [C], -1 at home."""
        posted = np.flatnonzero(site >= 0)
        posted = posted[np.argsort(site[posted], kind="stable")]
        for cadres in np.split(posted, np.flatnonzero(np.diff(site[posted])) + 1):
            block = int(self.places.block[site[cadres[0]]]) if len(cadres) else -1
            if block >= 0:
                rows, heads = np.unique(self.peers.row[self.peers.of[cadres], batch[cadres]], return_counts=True)
                self.add(Team(block, rows, heads.astype(float)))

    def estimate(self, fresh: int = 0) -> None:
        """What each team gives by the cut that says least, less travel; of those from `fresh` on."""
        values = np.zeros(len(self.teams))
        values[:fresh] = self.worth[:fresh]
        for n in range(fresh, len(self.teams)):
            team = self.teams[n]
            gives = min(team.most, self.peers.says(team).min()) - self.peers.cost[team.rows, team.block] @ team.heads
            values[n] = max(-NEVER, float(gives))
        self.worth = values

    def master(self, u: np.ndarray, s: np.ndarray, box: float) -> tuple[float, np.ndarray, np.ndarray] | None:
        """Value of the master and its prices u [K], s [B], none of them further than `box` from those given.

        People may be had, or let go, at the price of that side of the box (Marsten et al. 1975).
        """
        peers, batches, blocks = len(self.peers.room), len(self.inst.batches), len(self.places.blocks)
        n = np.array([len(t.rows) for t in self.teams])
        prices = peers + batches
        first = 2 * prices
        column = first + np.repeat(np.arange(len(n)), n)
        rows = np.concatenate([t.rows for t in self.teams])
        heads = np.concatenate([t.heads for t in self.teams])
        block = np.array([t.block for t in self.teams])
        at, side = np.concatenate([u, s]), np.full(prices, box)
        model = engine.Model(
            cost=np.concatenate([at + side, -np.maximum(0, at - side), -self.worth]),
            rows=np.concatenate(
                [np.tile(np.arange(prices), 2), self.peers.peer[rows], peers + self.peers.batch[rows], prices + block]
            ),
            columns=np.concatenate([np.arange(first), column, column, first + np.arange(len(n))]),
            values=np.concatenate([np.full(prices, -1.0), np.ones(prices), heads, heads, np.ones(len(n))]),
            row_lower=np.full(prices + blocks, -np.inf),
            row_upper=np.concatenate([self.peers.room, self.inst.batch_size, self.places.count]).astype(float),
        )
        answer = engine.solve(model, "glop", seconds=20.0, basis=self.basis, algorithm="primal_simplex")
        self.basis = answer.basis
        if answer.duals is None or answer.x is None:
            return None
        self.x = answer.x[first:]
        y = np.maximum(0, -answer.duals)
        return -float(answer.objective or 0.0), y[:peers], y[peers:prices]

    def purge(self, u: np.ndarray, s: np.ndarray) -> None:
        """Drop the teams that the prices like least."""
        if len(self.teams) <= COLUMNS:
            return
        pay = u[self.peers.peer] + s[self.peers.batch]
        reduced = np.array([w - pay[t.rows] @ t.heads for w, t in zip(self.worth, self.teams, strict=True)])
        top = np.full(len(self.places.blocks), 0.0)
        block = np.array([t.block for t in self.teams])
        np.maximum.at(top, block, reduced)
        behind = top[block] - reduced
        behind[: len(self.x)][self.x > 0] = -1
        keep = np.sort(np.argsort(behind, kind="stable")[: COLUMNS * 3 // 4])
        self.teams = [self.teams[n] for n in keep]
        self.basis = None
        self.worth, self.x = self.worth[keep], np.zeros(len(keep))

    # -- sharper cuts ------------------------------------------------------------------------

    def sharpen(self, u: np.ndarray, s: np.ndarray) -> None:
        """Better prices for the blocks where many work, at the prices of people, some blocks of a profile each time."""
        pay = u[self.peers.peer] + s[self.peers.batch]
        for kind, mine in enumerate(self.places.of_kind):
            if not len(mine) or not self.peers.some[mine].any():
                continue
            likely = mine[np.argsort(-self.places.count[mine] * self.slack[mine], kind="stable")]
            # of places that are worth the same, one
            _, first = np.unique(self.places.group[likely], return_index=True)
            for g in likely[np.sort(first)[: min(SHARPENED, self.refined)]]:
                if self.clock.left() > 0 and int(g) not in self.peers.counted:
                    self._sharpen(kind, int(g), pay)

    def _sharpen(self, kind: int, g: int, pay: np.ndarray) -> None:
        """A cut for the profile and a team for the master, from the sharpest prices of one block."""
        cells = [self.cuts.cells(int(self.places.group[g]), p) for p in self.cuts.prices[kind]]
        weight = self.peers.mix.get(g)
        if weight is not None and len(weight) == len(cells):
            start = np.tensordot(weight, cells, 1)
        else:
            start = cells[self.peers.least(g, pay)]
        heads = self._size(g)
        rows = self._likely(g, pay, start)
        people, peer = np.unique(self.peers.peer[rows], return_inverse=True)
        cost = pay[rows] + self.peers.cost[rows, g]
        crowd = Crowd(self.peers.shape[rows], cost, peer.reshape(-1), self.peers.room[people].astype(float), heads)
        site = int(self.cuts.site[self.places.group[g]])
        sharp = sharpest(self.cuts.field, self.cuts.worth, site, crowd, start, STEPS, REACH)
        if heads is None:
            self.slack[g], self.busy[g] = max(0.05, sharp.before - sharp.least), sharp.heads.sum()
        else:
            self.slack[g] *= 0.7
        self.cuts.add(kind, [self.cuts.normal(int(self.places.group[g]), sharp.prices)])
        some = sharp.heads > 0.01
        if some.any():
            self.add(Team(g, rows[some], np.round(sharp.heads[some], 4)))

    def _likely(self, g: int, pay: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Rows of people who gain most at a block at the prices of its cells, `LIKELY` at most."""
        near = np.flatnonzero(self.peers.cost[:, g] < NEVER)
        site = np.array([self.cuts.site[self.places.group[g]]])
        cells = np.zeros(self.inst.required.shape)
        cells[self.inst.site_posts[site[0]] : self.inst.site_posts[site[0] + 1]] = start
        shapes, of = np.unique(self.peers.shape[near], return_inverse=True)
        value = self.cuts.field.values(self.cuts.field.site_gains(cells, site), shapes, site)[:, 0]
        gain = value[of.reshape(-1)] - pay[near] - self.peers.cost[near, g]
        return near[np.argsort(-gain, kind="stable")[:LIKELY]]

    def _size(self, g: int) -> int | None:
        """Size of the teams that a cut is wanted for: all at first, then the sizes next to the best in turn."""
        turn = self.turn[g] = self.turn.get(g, -1) + 1
        heads = self.busy[g]
        if turn % 3 == 0 or heads > MIDDLE - 1 or heads < 0.5:
            return None
        return int(np.floor(heads) + turn % 3 - 1)

    def tighten(self) -> None:
        """A cut at each of the teams that the master uses, where it says less."""
        fresh: dict[int, list[np.ndarray]] = {}
        for n in np.argsort(-self.x, kind="stable"):
            team = self.teams[n]
            if self.x[n] < 1e-3 or self.clock.left() <= 0:
                break
            kind, group = int(self.places.kind[team.block]), int(self.places.group[team.block])
            order = np.argsort(self.peers.shape[team.rows], kind="stable")
            key = (group, self.peers.shape[team.rows][order].tobytes(), team.heads[order].tobytes())
            if team.heads.sum() < 1.5 or team.block in self.peers.counted:
                continue
            says = self.peers.says(team)
            if key not in self.sharp:
                start = self.cuts.cells(group, self.cuts.prices[kind][int(says.argmin())])
                found = self.peers.sharpest(team, start, TEAM_STEPS, TEAM_REACH)
                self.sharp[key] = found.least, self.cuts.normal(group, found.prices)
            least, prices = self.sharp[key]
            if says.min() - least > LOOSE:
                fresh.setdefault(kind, []).append(prices)
        for kind, more in fresh.items():
            self.cuts.add(kind, more)

    def trim(self) -> None:
        """Keep the cuts of each profile that say least about the teams in the master or about the best ones."""
        each = len(self.cuts.shapes) * len(self.cuts.site)
        kept = int(np.clip(ROOM / max(1, each), FEW, KEPT))
        for kind, mine in enumerate(self.places.of_kind):
            cuts = len(self.cuts.prices[kind])
            if cuts <= kept or not len(mine):
                continue
            self.cuts.keep(kind, self._used(kind, kept))

    def _used(self, kind: int, most: int) -> np.ndarray:
        """The cuts of a profile, so many at most, that say least about the teams in the master or about the best."""
        cuts = len(self.cuts.prices[kind])
        use = np.zeros(cuts)
        use[:3] += 1e6
        use += np.arange(cuts) * 1e-3
        for n, team in enumerate(self.teams):
            if self.places.kind[team.block] == kind and (n >= len(self.x) or self.x[n] > 1e-6):
                use[int(self.peers.says(team).argmin())] += 1 + 1e3 * (self.x[n] if n < len(self.x) else 0)
        for g in self.places.of_kind[kind]:
            if len(self.peers.mix.get(int(g), ())) == cuts:
                use += 1e3 * (self.peers.mix[int(g)] > 1e-6)
        return np.sort(np.argsort(-use, kind="stable")[:most])

    def liked(self, most: int) -> tuple[tuple[np.ndarray, ...], ...]:
        """[profiles][q] prices [p, D] of the cuts that count, per unit of worth, so many of each at most."""
        kinds = range(len(self.places.of_kind))
        return tuple(tuple(self.cuts.prices[k][q] for q in self._used(k, most)) for k in kinds)

    def charged(self, u: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, ...]:
        """[profiles] prices [p, D], per unit of worth, that the blocks of each charge on average."""
        pay, out = u[self.peers.peer] + s[self.peers.batch], []
        for kind, mine in enumerate(self.places.of_kind):
            stack = np.stack(self.cuts.prices[kind])
            weight = np.zeros(len(stack))
            for g in mine:
                mix = self.peers.mix.get(int(g))
                if mix is not None and len(mix) == len(stack) and self.peers.many[g]:
                    weight += mix
                else:
                    weight[self.peers.least(int(g), pay)] += 1
            out.append(np.tensordot(weight / max(1, len(mine)), stack, 1))
        return tuple(out)

    # -- column generation -------------------------------------------------------------------

    def solve(
        self,
        board: Board,
        u: np.ndarray,
        s: np.ndarray,
        watch: Watch,
        until: float,
        enough: float,
        rounds: int = ALL,
        after: After = nothing,
        box: float = BOX,
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Least bound found on the value, from prices u [K] of peers and s [B] of batches; stops at `enough`.

        Leaves time for what is to come `after`. In the first round prices may move by `box`, relative
        to their mean. Also returns the best prices, under the cuts that there are in the end.
        """
        clock = self.clock = Clock(watch, until, after)
        self.add_plan(board.site, board.batch)
        least, turn, box = np.inf, 0, box * float(u.mean()) if len(u) else 1.0
        best, dull, since, idle, held = np.inf, 0, 0, 0, np.inf
        fresh, looked = FRESH, np.inf
        scale = self.inst.unstaffed + self.inst.moved
        for k in range(rounds):
            if k and (clock.left() <= 0 or least <= enough or dull >= DULL):
                break
            if since % ROUND == 0:
                best, teams = self._refine(u, s) if k else self._price(u, s)
                for team in teams:
                    self.add(team)
                least, since = min(least, best), 0
                if self.hear is not None:
                    self.hear(u, s)
                # where all rounds since the last look brought nothing, prices were moved too far
                fresh = min(FRESH, 2 * fresh) if least < looked - 1e-5 * abs(scale - least) else 0.5 * fresh
                looked, box = least, max(box, fresh * float(u.mean()))
                if clock.left() <= 0:
                    break
            if watch.look is not None and (plan := watch.look()) is not None:
                self.add_plan(*plan[:2])
            if not self.teams:
                break
            self.estimate(len(self.worth))
            self.purge(u, s)
            found = self.master(u, s, box)
            if found is None:
                break
            inside, *at = found
            value, teams = self._price(at[0], at[1])
            for team in teams:
                self.add(team)
            if value < best:
                (u, s), best, turn = at, value, max(1, turn + 1)
            else:
                turn = min(-1, turn - 1)
            box *= WIDER if turn >= 2 else NARROWER if turn <= -2 else 1.0
            dull = 0 if best < least - 1e-5 * abs(scale - least) else dull + 1
            least = min(least, best)
            watch.tell("peers", scale - inside, scale - least, f"{len(self.teams)} teams, round {k + 1}")
            since += 1
            if best - inside < CLOSE * abs(scale - inside):  # more needs sharper cuts
                idle = 0 if least < held - 1e-5 * abs(scale - least) else idle + 1
                since, held = 0, least
                if idle and 0 < self.peers.splits < 16:
                    self.peers.splits, idle = 2 * self.peers.splits, 0
                if idle >= IDLE:
                    break
        return least, u, s

    def repriced(self, worth: Worth) -> Crewing:
        """The same where shifts are worth something else: all but teams where whole people are counted goes over.

        Each block is a site by itself.
        """
        old, site = self.peers, np.zeros(len(self.places.blocks), np.int64)
        asked = np.flatnonzero(self.places.block >= 0)
        site[self.places.block[asked]] = asked
        peers = old.repriced(worth)
        to = peers.places.block[site]
        back = np.argsort(to)
        peers.many = old.many[back]
        peers.mix = {int(to[g]): mix for g, mix in old.mix.items()}
        other = Crewing(peers)
        other.counting = self.counting.moved(peers, to)
        peers.splits, other.refined = old.splits, self.refined
        other.busy, other.slack = self.busy[back], self.slack[back]
        for team in self.teams:
            if team.block not in old.counted:
                other.add(Team(int(to[team.block]), team.rows, team.heads))
        return other

    def count(self, plan: Plan, u: np.ndarray, s: np.ndarray, watch: Watch, until: float) -> None:
        """Count whole people from now on at the places where many work."""
        peers, self.clock = self.peers, Clock(watch, until)
        self.counting.all(u[peers.peer] + s[peers.batch], plan, peers.enough)
        peers.splits = SPLITS
        self.teams = [team for team in self.teams if team.block not in peers.counted]
        self.basis, self.worth, self.x = None, np.zeros(0), np.zeros(0)

    def _price(self, u: np.ndarray, s: np.ndarray) -> tuple[float, list[Team]]:
        with self.clock.round():
            return self.peers.price(u, s)

    def _refine(self, u: np.ndarray, s: np.ndarray) -> tuple[float, list[Team]]:
        """Sharper cuts where they are loose, none that say nothing; the bound at the prices then, and good teams."""
        self.refined += 1
        self.sharpen(u, s)
        if len(self.x):
            self.tighten()
        self.trim()
        self.estimate()
        self.peers.choose(u, s)
        return self._price(u, s)

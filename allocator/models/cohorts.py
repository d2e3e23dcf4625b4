"""Prices of people from the city seen as cohorts: a master LP over teams, and its pricing.

Sets      cohorts K (same batches open, trait and home district), blocks G (sites of one group in
          one district), batches B.
Data      how many of each; the value of a member under each cut of a block, averaged over the
          cohort with all its leave; average travel from district to district.
Decisions how many sites of a block get each team (a fraction; teams are columns).
Objective what the teams give, by the cut that says least, less travel, to be made large.

batch_size   a row per batch; its dual is the price of a place in the batch.

Column generation: under the prices of the master each block names its best team; teams whose cut
value may be loose get a cut of their own. The prices are a guide only. What they prove is worked
out person by person in `proof.py`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np

from allocator.instance import Instance
from allocator.limits import Watch
from allocator.models import engine
from allocator.models.board import Board
from allocator.models.cuts import Cuts

MOST = 1100
"""Teams of whole people listed for one profile at most."""


BUSY = 4
"""Blocks whose sites ask for at least this many people a day are staffed in fractions of people."""
NEVER = 1e12


@dataclass(frozen=True)
class Priced:
    """Best team of each block: reduced value [G], members [K, B] of each, the weight [Q, G] of the
    cuts that bind it, and the surplus of the best member of each class."""

    value: np.ndarray
    teams: list[np.ndarray]
    weight: np.ndarray
    level: list[np.ndarray]


@lru_cache(maxsize=64)
def combinations(classes: int) -> np.ndarray:
    """[n, classes] all teams of whole people, up to a size that keeps them few."""
    size = next((h for h in (4, 3, 2) if comb(classes + h, h) <= MOST), 1)
    rows = [
        np.bincount(pick, minlength=classes)
        for h in range(1, size + 1)
        for pick in itertools.combinations_with_replacement(range(classes), h)
    ]
    return np.array(rows, np.int64).reshape(-1, classes)


@dataclass(frozen=True)
class Prices:
    """Prices by cohort and batch, and what each block thinks of its best team."""

    cohort: np.ndarray
    """[K]"""
    batch: np.ndarray
    """[B]"""
    bound: float
    """Upper bound of the cohort model at these prices (a guide, not a proof)."""
    value: float
    """Value of the master."""


class Cohorts:
    """The cohort model of an instance under a set of cuts."""

    def __init__(self, cuts: Cuts):
        inst = cuts.inst
        self.inst, self.cuts = inst, cuts
        trait = inst.shape_trait[np.maximum(inst.shape, 0).max(1)]
        key = np.column_stack([inst.shape >= 0, trait, inst.home])
        self.keys, self.of = np.unique(key, axis=0, return_inverse=True)
        self.of = self.of.reshape(-1)
        self.size = np.bincount(self.of)
        self.open = self.keys[:, : len(inst.batches)].astype(bool)
        self.trait = self.keys[:, len(inst.batches)]
        sites = np.flatnonzero(cuts.group >= 0)
        pair = np.column_stack([cuts.group[sites], inst.site_district[sites]])
        self.blocks, block = np.unique(pair, axis=0, return_inverse=True)
        self.block = np.full(len(inst.sites), -1)
        self.block[sites] = block.reshape(-1)
        self.count = np.bincount(self.block[sites], minlength=len(self.blocks))
        self.group = self.blocks[:, 0]
        daily = np.zeros((len(inst.sites), inst.days), np.int64)
        np.add.at(daily, inst.post_site, inst.required)
        peak = daily.max(1)
        self.big = np.array([peak[cuts.site[g]] >= BUSY for g in self.group], bool)
        self.average = self._average()
        self.cost = self._travel()
        self.classes = [cuts.classes(k) for k in range(len(cuts.sample))]
        self.columns: list[tuple[int, np.ndarray]] = []
        self._seen: set[tuple[int, bytes]] = set()

    def _average(self) -> np.ndarray:
        """[K, B, U] share of the cohort's members that have each shape in the batch."""
        inst = self.inst
        out = np.zeros((len(self.size), len(inst.batches), len(inst.shape_trait)), np.float32)
        c, b = np.nonzero(inst.shape >= 0)
        np.add.at(out, (self.of[c], b, inst.shape[c, b]), 1 / self.size[self.of[c]])
        return out

    def _travel(self) -> np.ndarray:
        """[K, B, G] average travel cost of the nearer half; infinite where less than a tenth is in reach."""
        inst = self.inst
        homes, districts = inst.districts, inst.districts
        minutes = np.full((homes, districts), np.inf)
        for h in range(homes):
            for d in range(districts):
                part = inst.minutes[np.ix_(inst.home == h, inst.site_district == d)]
                near = np.sort(part[np.isfinite(part)])
                if part.size and len(near) > part.size // 10:
                    minutes[h, d] = near[: max(1, len(near) // 2)].mean()
        length = np.zeros((len(self.size), len(inst.batches)))
        for k in range(len(self.size)):
            members = self.of == k
            length[k] = np.maximum(0, inst.last[members] - inst.first[members] + 1).mean(0)
        home = self.keys[:, -1]
        away = minutes[home][:, self.blocks[:, 1]]
        cost = inst.w_travel * np.where(np.isfinite(away), away, 0)[:, None, :] * length[:, :, None]
        cost = np.where(np.isfinite(away)[:, None, :], cost, np.inf)
        return np.where(self.open[:, :, None], cost, np.inf)

    def member(self) -> np.ndarray:
        """[Q, K, B, G] value of an average member of a cohort under each cut of a block, less travel."""
        cuts = self.cuts
        used, batches = len(self.size), len(self.inst.batches)
        flat = self.average.reshape(used * batches, -1)
        worth_ = np.stack([flat @ cuts.value[q].astype(np.float32) for q in range(len(cuts.base))])
        worth_ = worth_.reshape(len(cuts.base), used, batches, -1)[:, :, :, self.group]
        return worth_ - self.cost[None]

    # -- pricing -----------------------------------------------------------------------------

    def price(self, member: np.ndarray, u: np.ndarray, s: np.ndarray) -> Priced:
        """The best team of each block under prices of cohorts [K] and batches [B]."""
        net = member - u[None, :, None, None] - s[None, None, :, None]
        base = self.cuts.base[:, self.group]
        blocks = len(self.group)
        value, weight = np.zeros(blocks), np.zeros((len(base), blocks))
        level = [np.zeros(0)] * blocks
        teams = [np.zeros((len(self.size), len(s)))] * blocks
        for kind in range(len(self.cuts.sample)):
            mine = np.flatnonzero((self.cuts.kind_of_group[self.group] == kind) & ~self.big)
            if len(mine):
                self._whole(kind, mine, net, base, value, weight, level, teams)
        for g in np.flatnonzero(self.big):
            value[g], teams[g], weight[:, g] = self._fraction(net[:, :, :, g], base[:, g])
            level[g] = np.zeros(self.classes[self.cuts.kind_of_group[self.group[g]]].max() + 1)
        return Priced(value, teams, weight, level)

    def _whole(self, kind, mine, net, base, value, weight, level, teams) -> None:  # type: ignore[no-untyped-def]
        """Best teams of whole people, told apart by class, of the blocks `mine` of one profile."""
        number = self.classes[kind]
        count = number.max() + 1
        live = np.flatnonzero(np.isfinite(base[:, mine]).any(1))
        best = np.full((len(live), count, len(mine)), -NEVER)
        who = np.zeros((len(live), count, len(mine)), np.int64)
        for c in range(count):
            b = int(np.flatnonzero((number == c).any(1))[0])
            members = np.flatnonzero((number[b, self.trait] == c) & self.open[:, b])
            if len(members):
                part = net[np.ix_(live, members, [b], mine)][:, :, 0]
                pick = part.argmax(1)
                who[:, c] = members[pick]
                best[:, c] = np.maximum(-NEVER, np.take_along_axis(part, pick[:, None], 1)[:, 0])
        combos = combinations(count)
        says = base[np.ix_(live, mine)][:, None, :] + np.tensordot(combos, best, (1, 1)).transpose(1, 0, 2)
        least = says.min(0)
        k = np.argmax(least, axis=0)
        for n, g in enumerate(mine):
            q = int(np.argmin(says[:, k[n], n]))
            if least[k[n], n] <= 0:
                weight[0, g] = 1
                level[g] = np.zeros(count)
                continue
            value[g] = least[k[n], n]
            weight[live[q], g] = 1
            level[g] = np.where(best[q, :, n] > -NEVER, best[q, :, n], 0.0)
            team = np.zeros(teams[g].shape)
            for c, heads in enumerate(combos[k[n]]):
                if heads:
                    team[who[q, c, n], np.flatnonzero((number == c).any(1))[0]] += heads
            teams[g] = team

    def _fraction(self, net: np.ndarray, base: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Best team of a big block, in fractions of people: value, members [K, B], weight of each cut."""
        cuts = np.flatnonzero(np.isfinite(base))
        team, weight = np.zeros(net.shape[1:]), np.zeros(len(base))
        k, b = np.nonzero(np.isfinite(net[cuts[0]]) & (net[cuts].max(0) > 0))
        weight[cuts[0]] = 1.0
        if not len(k):
            return 0.0, team, weight
        gain = net[cuts][:, k, b]
        rows = np.repeat(np.arange(len(cuts)), len(k) + 1)
        columns = np.tile(np.arange(len(k) + 1), len(cuts))
        values = np.concatenate([gain, np.full((len(cuts), 1), -1.0)], axis=1).reshape(-1)
        model = engine.Model(
            cost=np.append(np.zeros(len(k)), -1.0),
            rows=rows,
            columns=columns,
            values=values,
            row_lower=-base[cuts],
            row_upper=np.full(len(cuts), np.inf),
            upper=np.append(self.size[k], np.inf).astype(float),
        )
        answer = engine.solve(model, "highs", seconds=5.0)
        if answer.x is None or answer.duals is None:
            return 0.0, team, weight
        team[k, b] = np.round(answer.x[:-1], 2)
        shares = np.maximum(0, answer.duals)
        if shares.sum() > 0:
            weight[:] = 0
            weight[cuts] = shares / shares.sum()
        return max(0.0, float(answer.x[-1])), team, weight

    # -- the master --------------------------------------------------------------------------

    def add(self, block: int, team: np.ndarray) -> bool:
        key = (block, team.tobytes())
        if key in self._seen or not team.any():
            return False
        self._seen.add(key)
        self.columns.append((block, team))
        return True

    def add_plan(self, board: Board) -> None:
        """Teams of the plan in hand as columns."""
        posted = np.flatnonzero(board.site >= 0)
        posted = posted[np.argsort(board.site[posted], kind="stable")]
        site = board.site[posted]
        edges = np.flatnonzero(np.r_[True, np.diff(site) != 0]) if len(site) else np.zeros(0, int)
        for a, z in zip(edges, np.r_[edges[1:], len(site)], strict=True):
            if self.block[site[a]] >= 0:
                team = np.zeros((len(self.size), len(self.inst.batches)))
                np.add.at(team, (self.of[posted[a:z]], board.batch[posted[a:z]]), 1)
                self.add(int(self.block[site[a]]), team)

    def master(self, member: np.ndarray, basis: engine.Basis | None) -> tuple[engine.Answer, np.ndarray, np.ndarray]:
        """Solve the master over the columns so far; returns the answer and the prices u [K], s [B]."""
        cohorts, batches, blocks = len(self.size), len(self.inst.batches), len(self.blocks)
        block = np.array([g for g, _ in self.columns])
        entries = [np.nonzero(team) for _, team in self.columns]
        n = np.array([len(e[0]) for e in entries])
        column = np.repeat(np.arange(len(n)), n)
        k = np.concatenate([e[0] for e in entries])
        b = np.concatenate([e[1] for e in entries])
        heads = np.concatenate([team[e] for (_, team), e in zip(self.columns, entries, strict=True)])
        each = member[:, k, b, block[column]] * heads
        each = np.where(np.isfinite(each), each, -1e9)
        value = np.stack([np.bincount(column, row, len(n)) for row in each])
        value = (value + self.cuts.base[:, self.group[block]]).min(0)
        model = engine.Model(
            cost=-value,
            rows=np.concatenate([k, cohorts + b, cohorts + batches + block]),
            columns=np.concatenate([column, column, np.arange(len(n))]),
            values=np.concatenate([heads, heads, np.ones(len(n))]).astype(float),
            row_lower=np.full(cohorts + batches + blocks, -np.inf),
            row_upper=np.concatenate([self.size, self.inst.batch_size, self.count]).astype(float),
        )
        answer = engine.solve(model, "glop", basis=basis)
        if answer.duals is None:
            return answer, np.zeros(cohorts), np.zeros(batches)
        return answer, np.maximum(0, -answer.duals[:cohorts]), np.maximum(0, -answer.duals[cohorts : cohorts + batches])

    def solve(self, board: Board, watch: Watch, until: float = 1.0, rounds: int = 40, stop: float = 1e-3) -> Prices:
        """Column generation from the plan in hand, with smoothed prices; the best prices found."""
        self.add_plan(board)
        member = self.member()
        best: Prices | None = None
        centre: tuple[np.ndarray, np.ndarray] | None = None
        basis: engine.Basis | None = None
        for k in range(rounds):
            answer, u, s = self.master(member, basis)
            if answer.duals is None:
                break
            basis = answer.basis
            at = (u, s) if centre is None else (0.4 * centre[0] + 0.6 * u, 0.4 * centre[1] + 0.6 * s)
            priced = self.price(member, *at)
            teams = priced.teams
            bound = float(self.size @ at[0] + self.inst.batch_size @ at[1] + self.count @ priced.value)
            inside = -float(answer.objective or 0.0)
            if best is None or bound < best.bound:
                best = Prices(at[0], at[1], bound, inside)
                centre = at
            new = sum(self.add(g, team) for g, team in enumerate(teams))
            if not new and centre is not None:
                teams = self.price(member, u, s).teams
                new = sum(self.add(g, team) for g, team in enumerate(teams))
            fresh = self.refine(teams) if k % 3 == 2 or not new else 0
            if fresh:
                member = self.member()
                best = None
                centre = at
            if watch.left(until) <= 0 or (not new and not fresh):
                break
            if best is not None and best.bound - inside < stop * abs(inside) and not fresh:
                break
        if best is None:
            zero = np.zeros(len(self.size)), np.zeros(len(self.inst.batches))
            return Prices(*zero, np.inf, 0.0) if centre is None else self._at(member, *centre)
        return best

    def _at(self, member: np.ndarray, u: np.ndarray, s: np.ndarray) -> Prices:
        bound = float(self.size @ u + self.inst.batch_size @ s + self.count @ self.price(member, u, s).value)
        return Prices(u, s, bound, 0.0)

    def refine(self, teams: list[np.ndarray]) -> int:
        """Give the teams just named cuts of their own."""
        wanted: dict[tuple[int, bytes], np.ndarray] = {}
        kinds = self.classes
        for g, team in enumerate(teams):
            if not 1 < team.sum():
                continue
            kind = int(self.cuts.kind_of_group[self.group[g]])
            k, b = np.nonzero(team)
            heads = np.bincount(kinds[kind][b, self.trait[k]], team[k, b], kinds[kind].max() + 1)
            wanted[kind, heads.tobytes()] = heads
        return self.cuts.at([(kind, heads) for (kind, _), heads in wanted.items()])

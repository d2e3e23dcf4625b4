"""The city seen as cohorts: what a team is worth at a block of sites, and the best team under prices.

Cohorts K are people of the same open batches, trait and home district; blocks G are sites of one group in
one district; batches B. The value of a member under each cut of a block is averaged over a sample of the
cohort with all its leave, travel from district to district over the nearer half.

Under prices of cohorts and batches each block names its best team, of whole people where few work, in
fractions where many do. The prices come from `generation.py`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import lru_cache
from math import comb

import numpy as np

from allocator.instance import Instance
from allocator.models import engine
from allocator.models.blocks import NEVER, Blocks
from allocator.models.cuts import Cuts

MOST = 3100
"""Teams of whole people listed for one profile at most."""
SAMPLE = 16
"""Members looked at per batch and trait."""


@dataclass
class Priced:
    """The best team of each block under given prices."""

    value: np.ndarray
    """[G] reduced value"""
    weight: list[np.ndarray]
    """[G][q] weight of the cuts that bind it"""
    near: list[np.ndarray]
    """[kinds][q] how often a cut of the profile says least about a good team"""
    teams: list[tuple[int, np.ndarray]] = field(default_factory=list)
    """(block, members [K, B])"""
    named: list[tuple[int, np.ndarray]] = field(default_factory=list)
    """(profile, head counts by class) of the best teams"""


@lru_cache(maxsize=64)
def combinations(classes: int) -> np.ndarray:
    """[n, classes] all teams of whole people, up to a size that keeps them few."""
    size = next((h for h in (6, 5, 4, 3, 2) if comb(classes + h, h) <= MOST), 1)
    rows = [
        np.bincount(pick, minlength=classes)
        for h in range(1, size + 1)
        for pick in itertools.combinations_with_replacement(range(classes), h)
    ]
    return np.array(rows, np.int64).reshape(-1, classes)


def average_members(inst: Instance, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Shapes drawn from every batch and trait [U], and what share of the draws each has [T, B, U].

    All of one batch and trait count alike: were cohorts of one class to differ by their leave, each
    cut would find another one best, and the bound would pay for the difference.
    """
    rng = np.random.default_rng(seed)
    c, b = np.nonzero(inst.shape >= 0)
    shape = inst.shape[c, b]
    trait = inst.shape_trait[shape]
    drawn: list[tuple[int, int, np.ndarray]] = []
    for t, batch in itertools.product(range(len(inst.traits)), range(len(inst.batches))):
        rows = np.flatnonzero((trait == t) & (b == batch))
        if len(rows):
            drawn.append((t, batch, shape[rows[rng.permutation(len(rows))[:SAMPLE]]]))
    shapes = np.unique(np.concatenate([d for _, _, d in drawn])) if drawn else np.zeros(0, np.int64)
    average = np.zeros((len(inst.traits), len(inst.batches), len(shapes)))
    for t, batch, d in drawn:
        np.add.at(average[t, batch], np.searchsorted(shapes, d), 1 / len(d))
    return shapes, average


class Cohorts(Blocks):
    """The cohort model of an instance under a set of cuts, which it refines."""

    def __init__(self, cuts: Cuts, average: np.ndarray):
        super().__init__(cuts)
        inst = cuts.inst
        trait = inst.shape_trait[np.maximum(inst.shape, 0).max(1)]
        key = np.column_stack([inst.shape >= 0, trait, inst.home])
        self.keys, self.of = np.unique(key, axis=0, return_inverse=True)
        self.of = self.of.reshape(-1)
        self.size = np.bincount(self.of)
        self.open = self.keys[:, : len(inst.batches)].astype(bool)
        self.trait = self.keys[:, len(inst.batches)]
        self.average = average[self.trait] * self.open[:, :, None]
        self.cost = self._travel()
        self.members = [self._members(number) for number in cuts.classes]
        self.tables: list[np.ndarray] = [np.zeros(0)] * len(cuts.sample)
        self.evaluate(set(range(len(cuts.sample))))

    def _travel(self) -> np.ndarray:
        """[K, B, G] average travel cost of the nearer half; infinite where less than a tenth is in reach."""
        inst = self.inst
        minutes = np.full((inst.districts, inst.districts), np.inf)
        for h, d in itertools.product(range(inst.districts), repeat=2):
            part = inst.minutes[np.ix_(inst.home == h, inst.site_district == d)]
            near = np.sort(part[np.isfinite(part)])
            if part.size and len(near) > part.size // 10:
                minutes[h, d] = near[: max(1, len(near) // 2)].mean()
        span = np.maximum(0, inst.last - inst.first + 1)
        length = np.zeros((len(self.size), len(inst.batches)))
        np.add.at(length, self.of, span / self.size[self.of][:, None])
        away = minutes[self.keys[:, -1]][:, self.blocks[:, 1]]
        cost = inst.w_travel * np.where(np.isfinite(away), away, 0)[:, None, :] * length[:, :, None]
        reach = np.isfinite(away)[:, None, :] & self.open[:, :, None] & (self.average.sum(2) > 0)[:, :, None]
        return np.where(reach, cost, np.inf)

    def _members(self, number: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """Batch and cohorts of each class of a profile."""
        out = []
        for c in range(int(number.max(initial=-1)) + 1):
            b = int(np.flatnonzero((number == c).any(1))[0])
            out.append((b, np.flatnonzero((number[b, self.trait] == c) & self.open[:, b])))
        return out

    def evaluate(self, kinds: set[int]) -> None:
        """Value less travel of an average member, [q, K, B, blocks of the profile], for changed profiles."""
        flat = self.average.reshape(-1, self.average.shape[2])
        for k in kinds:
            value = np.einsum("xu,qun->qxn", flat, self.cuts.value[k], optimize=True)
            value = value.reshape(len(value), *self.average.shape[:2], -1)
            mine = self.of_kind[k]
            self.tables[k] = value[:, :, :, self.column[mine]] - self.cost[None][:, :, :, mine]

    # -- pricing -----------------------------------------------------------------------------

    def price(self, u: np.ndarray, s: np.ndarray, whole: bool = False, share: bool = True) -> Priced:
        """The best team of each block under prices of cohorts [K] and batches [B]."""
        blocks = len(self.group)
        out = Priced(np.zeros(blocks), [np.zeros(0)] * blocks, [])
        pay = u[:, None] + s[None, :]
        for kind, mine in enumerate(self.of_kind):
            net = self.tables[kind] - pay[None, :, :, None]
            base = self.cuts.base[kind][:, self.column[mine]]
            out.near.append(np.zeros(len(base)))
            if not len(mine):
                continue
            if whole and not self.big[mine[0]]:
                self._whole(kind, mine, net, base, out, share)
            else:
                self._fraction(kind, mine, net, base, out)
        return out

    def _whole(self, kind: int, mine: np.ndarray, net: np.ndarray, base: np.ndarray, out: Priced, share: bool) -> None:
        """Best teams of whole people, told apart by class, of the blocks `mine` of one profile."""
        classes = self.members[kind]
        best, who = self._best(classes, net)
        combos = combinations(len(classes))
        says = base[:, None, :] + np.tensordot(combos, best, (1, 1)).transpose(1, 0, 2)
        least, cut = says.min(0), says.argmin(0)
        top = np.argmax(least, axis=0)
        good = np.argsort(-least, axis=0)[:30]
        columns = np.arange(len(mine))
        out.near[kind] += np.bincount(cut[good, columns].reshape(-1), minlength=len(base))
        for n, g in enumerate(mine):
            k, q = top[n], cut[top[n], n]
            out.weight[g] = np.zeros(len(base))
            if least[k, n] <= 0:
                out.weight[g][0] = 1
                continue
            out.value[g] = least[k, n]
            out.weight[g][q] = 1
            out.named.append((kind, combos[k].astype(float)))
        liked = np.unique(top[least[top, columns] > 0])
        for n, g in enumerate(mine):
            for k in liked if share else [top[n]]:
                q = cut[k, n]
                if least[k, n] > -1e3:
                    out.teams.append((int(g), self._team(combos[k], classes, who[q, :, n])))

    def _team(self, heads: np.ndarray, classes: list[tuple[int, np.ndarray]], who: np.ndarray) -> np.ndarray:
        team = np.zeros((len(self.size), len(self.inst.batches)))
        for c in np.flatnonzero(heads):
            team[who[c], classes[c][0]] += heads[c]
        return team

    def _fraction(self, kind: int, mine: np.ndarray, net: np.ndarray, base: np.ndarray, out: Priced) -> None:
        """Best teams in fractions of people of the blocks `mine`, each by an LP over classes and cuts."""
        classes = self.members[kind]
        best, who = self._best(classes, net)
        for n, g in enumerate(mine):
            out.weight[g] = np.zeros(len(base))
            out.weight[g][0] = 1
            use = np.flatnonzero(best[:, :, n].max(0) > 0)
            if not len(use):
                continue
            width = len(use) + 1
            model = engine.Model(
                cost=np.append(np.zeros(len(use)), -1.0),
                rows=np.repeat(np.arange(len(base)), width),
                columns=np.tile(np.arange(width), len(base)),
                values=np.concatenate([best[:, use, n], np.full((len(base), 1), -1.0)], axis=1).reshape(-1),
                row_lower=-base[:, n],
                row_upper=np.full(len(base), np.inf),
                upper=np.append(np.full(len(use), float(len(self.of))), np.inf),
            )
            answer = engine.solve(model, "glop", seconds=1.0)
            if answer.x is None or answer.duals is None:
                answer = engine.solve(model, "highs", seconds=1.0)
            if answer.x is None or answer.duals is None:
                out.weight[g] = np.eye(len(base))[np.argmin(np.where(best[:, use, n].max(1) <= 0, base[:, n], np.inf))]
                continue
            heads = np.zeros(len(classes))
            heads[use] = np.round(answer.x[:-1], 2)
            shares = np.maximum(0, answer.duals)
            if shares.sum() > 0:
                out.weight[g] = shares / shares.sum()
            out.near[kind] += out.weight[g] > 1e-6
            out.value[g] = max(0.0, float(answer.x[-1]))
            main = int(np.argmax(out.weight[g]))
            out.teams.append((int(g), self._team(heads, classes, who[main, :, n])))
            if heads.sum() > 0:
                out.named.append((kind, np.round(heads, 1)))

    def _best(self, classes: list[tuple[int, np.ndarray]], net: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[q, classes, n] the best member's net value under each cut, and its cohort."""
        best = np.full((len(net), len(classes), net.shape[-1]), -NEVER)
        who = np.zeros(best.shape, np.int64)
        for c, (b, cohorts) in enumerate(classes):
            if len(cohorts):
                part = net[:, cohorts, b]
                pick = part.argmax(1)
                who[:, c] = cohorts[pick]
                best[:, c] = np.maximum(-NEVER, np.take_along_axis(part, pick[:, None], 1)[:, 0])
        return best, who

    def bound(self, u: np.ndarray, s: np.ndarray, priced: Priced) -> float:
        return float(self.size @ u + self.inst.batch_size @ s + self.count @ priced.value)

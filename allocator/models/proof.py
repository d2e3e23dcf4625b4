"""A bound on the people stages that no plan can beat.

Every cadre gets a price u (what a site pays for the person), every batch a price s (what the
place in the batch costs). For any u, and any s >= 0, the value of a plan (benefit less costs) is
at most

    sum of u + sum over batches of s x size + sum over sites of W(site),
    W = max over teams S of  U(S) - sum over S of (cost + u + s).

U(S), the most benefit the team can give, is bounded by cuts: for any prices p of the site's cells

    U(S) <= surplus(p) + sum over S of the person's best schedule under p,

whose persons' part is an exact dynamic programme with the person's own leave, nights, skills and
last day. One price for the site: if nobody gains there at price p, W <= surplus(p) (`rents.py`). Whole
people: the best team, by the cut that says least, which sees that people do not come in fractions
(`peers.py`, and in small cities person by person here).

Nothing is assumed of u, s or p: they come from the cohort model (`generation.py`), from steps on the
rents of places (`rents.py`) and from a master LP over teams of peers (`crewing.py`), which has most of
the time, first with the sites of a district that ask for the same taken together, then with each by itself.
Wuxi, against a plan of 412.1 thousand, seconds of one of two shared cores, the other busy with a like run:

    rents                                               16 s    396.9
    sites together, 3 rounds                            18 s    400.4
    6 rounds                                            28 s    404.7
    9 rounds                                            41 s    405.7
    each by itself, 1 round                             50 s    406.3
    3 rounds                                            59 s    406.7
    6 rounds                                            86 s    406.9

Together to the end, 16 rounds, it was 406.2 after 102 s. One by one from the third round on: 406.6 after 59 s, 406.8
after 86 s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from allocator.instance import Instance
from allocator.limits import Watch
from allocator.models import generation
from allocator.models.blocks import NEVER, Blocks
from allocator.models.board import Board
from allocator.models.cohorts import Cohorts, Priced, average_members, combinations
from allocator.models.crewing import Crewing
from allocator.models.cuts import Cuts, teams_in_hand
from allocator.models.field import Field
from allocator.models.matching import match
from allocator.models.peers import Peers
from allocator.models.rents import Rents
from allocator.models.worth import Worth

MIDDLE = 24
"""Teams larger than those listed are told apart by size up to this one."""


STEPS = 400
"""Steps on rents at most."""
COMPACT = 400_000
"""Pairs of cadre and site up to which the matching gives a second set of prices."""
CUTS, FEW = 32, 12
"""Cuts of a profile that are worked out for everybody, at most: person by person, and by peers to begin with."""
COARSE = 9
"""Rounds of the master with the sites of a district taken together, before each is looked at by itself."""
RENTS = 16
"""Rents tried for a first bound."""
ROUNDS = 15
"""Rounds of the cohort model of a large city; with 40 the peers get no further in the same time."""


@dataclass(frozen=True)
class Proved:
    """A bound, and what proves it: prices, and the cuts that matter at them."""

    bound: float
    people: np.ndarray
    """[C] of cadres"""
    batches: np.ndarray
    """[B] of a place in each batch"""
    cuts: tuple[tuple[np.ndarray, ...], ...]
    """[profiles][q] prices [p, D] of shifts per unit of worth"""
    named: tuple[bytes, ...] = ()
    """[profiles] what tells each from the others, in this instance and in others (`demands`)"""
    posted: tuple[np.ndarray, ...] = ()
    """[profiles] price [p, D] that its blocks charge on average"""


def sharpen(cohorts: Cohorts, priced: Priced, most: int, whole: bool) -> Cuts:
    """The `most` cuts of each profile that bind a block or come near, worked out for all shapes.

    `whole`: none for busy sites, which whole people would not see.
    """
    keep = []
    for kind, mine in enumerate(cohorts.of_kind):
        near = priced.near[kind].copy()
        for g in mine:
            near += 1e6 * priced.weight[g]
        near[:3] += 1e9
        busy = whole and bool(len(mine)) and bool(cohorts.big[mine[0]])
        keep.append(np.zeros(0, np.int64) if busy else np.sort(np.argsort(-near, kind="stable")[:most]))
    return cohorts.cuts.chosen(keep, np.arange(len(cohorts.inst.shape_trait)))


class Dual:
    """Evaluates the bound for prices of cadres and batches, person by person and site by site."""

    def __init__(self, cohorts: Cohorts, cuts: Cuts):
        self.cohorts, self.cuts = cohorts, cuts
        self.inst: Instance = cohorts.inst
        self.c, self.b = np.nonzero(self.inst.shape >= 0)
        self.shape = self.inst.shape[self.c, self.b]
        self.trait = self.inst.shape_trait[self.shape]
        self.length = self.inst.last[self.c, self.b] - self.inst.first[self.c, self.b] + 1

    def evaluate(self, u: np.ndarray, s: np.ndarray, most: np.ndarray) -> float:
        """Upper bound on the value; `most` [J] is a bound on W that holds at u and s (or infinite)."""
        pay = u[self.c] + s[self.b]
        worth = sum(self._block(g, pay, most) for g in range(len(self.cohorts.blocks)))
        return float(u.sum() + s @ self.inst.batch_size + worth + self._idle(pay))

    def _idle(self, pay: np.ndarray) -> float:
        """Sum of W over sites that ask for nobody: staying there may still save the change penalty."""
        inst = self.inst
        stay = inst.previous[self.c]
        rows = np.flatnonzero((stay >= 0) & (self.cohorts.block[np.maximum(stay, 0)] < 0))
        minutes = inst.minutes[self.c[rows], stay[rows]]
        near = np.isfinite(minutes)
        gain = inst.w_change - inst.w_travel * np.where(near, minutes, 0) * self.length[rows] - pay[rows]
        best = np.zeros(len(inst.cadres))
        np.maximum.at(best, self.c[rows], np.where(near, gain, 0.0))
        return float(best.sum())

    def _block(self, g: int, pay: np.ndarray, most: np.ndarray) -> float:
        """Sum of W over the sites of a block."""
        sites = np.flatnonzero(self.cohorts.block == g)
        kind, column = self.cohorts.kind[g], self.cohorts.column[g]
        base, best = self.cuts.base[kind][:, column], self.cuts.value[kind][:, :, column]
        if not len(base):
            return float(most[sites].sum())
        number = self.cohorts.cuts.classes[kind]
        member = number[self.b, self.trait]
        order = np.argsort(member, kind="stable")
        edge = np.searchsorted(member[order], np.arange(number.max() + 2))
        value = best[:, self.shape[order]] - pay[order]
        return sum(min(most[j], _whole(value - self._cost(int(j), order), base, edge)) for j in sites)

    def _cost(self, j: int, order: np.ndarray) -> np.ndarray:
        inst, c = self.inst, self.c[order]
        minutes = inst.minutes[c, j]
        far = ~np.isfinite(minutes)
        cost = inst.w_travel * np.where(far, 0, minutes) * self.length[order]
        if inst.w_change:
            cost -= inst.w_change * (inst.previous[c] == j)
        return np.where(far, NEVER, cost)


def _whole(gain: np.ndarray, base: np.ndarray, edge: np.ndarray) -> float:
    """W of a site in whole people: all teams by class up to a size, then by size alone."""
    if (base + np.maximum(gain, 0).sum(1)).min() <= 0:
        return 0.0
    classes = len(edge) - 1
    combos = combinations(classes)
    size = int(combos.sum(1).max(initial=0))
    prefix = _best_of_each(gain, edge, size)
    says = base[:, None] + sum(prefix[:, k, combos[:, k]] for k in range(classes))
    return max(0.0, float(says.min(0).max()), _beyond(gain, base, size))


def _best_of_each(gain: np.ndarray, edge: np.ndarray, size: int) -> np.ndarray:
    """[Q, classes, size + 1] total of the best members of each class."""
    classes = len(edge) - 1
    prefix = np.full((len(gain), classes, size + 1), -NEVER)
    prefix[:, :, 0] = 0
    for n in range(classes):
        top = _top(gain[:, edge[n] : edge[n + 1]], size)
        prefix[:, n, 1 : top.shape[1] + 1] = np.cumsum(top, axis=1)
    return prefix


def _top(gain: np.ndarray, k: int) -> np.ndarray:
    """The k largest of each row, largest first; fewer where there are fewer."""
    k = min(k, gain.shape[1])
    best = -np.partition(-gain, k - 1, axis=1)[:, :k] if 0 < k < gain.shape[1] else gain[:, :k]
    return -np.sort(-best, axis=1)


def _beyond(gain: np.ndarray, base: np.ndarray, size: int) -> float:
    """Bound on teams larger than `size`, by size up to `MIDDLE`, then by whoever still gains."""
    if gain.shape[1] <= size:
        return -np.inf
    top = _top(gain, max(MIDDLE, size + 1))
    says = base[:, None] + np.cumsum(top, axis=1)
    says[:, -1] += np.maximum(gain, 0).sum(1) - np.maximum(top, 0).sum(1)
    return float(says.min(0)[size:].max())


def quick(field: Field, worth: Worth) -> Proved:
    """A bound in one pass: everyone alone at the best site, where every site pays for a schedule what the others do.

    A site pays what its shifts are worth, or less: so much that nobody has more than a rent, the same everywhere.
    Shifts that are worth more than they pay keep the rest.
    """
    inst = field.inst
    first = np.where(worth.required > 0, worth.first, worth.second) - worth.toll
    price = np.where(worth.target > 0, np.maximum(0.0, first), 0.0)
    value = field.values(field.slot_gains(price), np.arange(len(inst.shape_trait)))
    scale = _rent(inst, worth, price, value)
    price, value = price * scale[inst.post_site][:, None], value * scale
    best = np.zeros(len(inst.cadres))
    for b in range(len(inst.batches)):
        c = np.flatnonzero(inst.shape[:, b] >= 0)
        if len(c):
            length = (inst.last[c, b] - inst.first[c, b] + 1)[:, None]
            near = np.isfinite(inst.minutes[c])
            cost = inst.w_travel * np.where(near, inst.minutes[c], 0) * length
            cost -= inst.w_change * (inst.previous[c][:, None] == np.arange(len(inst.sites)))
            gain = np.where(near, value[inst.shape[c, b]] - cost, -NEVER)
            best[c] = np.maximum(best[c], gain.max(1, initial=0.0))
    most = float(worth.surplus(price).sum() + best.sum())
    cuts = Cuts(field, worth, np.zeros(0, np.int64))
    spans = [slice(inst.site_posts[j], inst.site_posts[j + 1]) for j in cuts.site]
    sold = tuple(tuple(cuts.normal(int(g), price[spans[g]]) for g in groups) for groups in cuts.groups)
    return Proved(inst.unstaffed + inst.moved - most, best, np.zeros(len(inst.batches)), sold)


def _rent(inst: Instance, worth: Worth, price: np.ndarray, value: np.ndarray) -> np.ndarray:
    """[J] scale of the prices [P, D] of each site at the best rent; `value` [U, J] are schedules at full prices."""
    shape = inst.shape.max(1, initial=-1)
    heads = np.bincount(shape[shape >= 0], minlength=len(value))
    dear = value.max(0, initial=0.0)
    least, found = np.inf, np.ones(len(dear))
    for rent in np.append(np.quantile(dear, np.linspace(0.05, 1, RENTS)), np.inf) if dear.any() else ():
        scale = np.minimum(1.0, rent / np.maximum(dear, 1e-12))
        most = worth.surplus(price * scale[inst.post_site][:, None]).sum() + heads @ (value * scale).max(1, initial=0.0)
        if most < least:
            least, found = most, scale
    return found


def demands(cuts: Cuts) -> tuple[bytes, ...]:
    """[profiles] what is asked of a site, as in any instance of the same duties, shifts and days."""
    inst, out = cuts.inst, []
    for j in cuts.sample:
        rows = slice(inst.site_posts[j], inst.site_posts[j + 1])
        scale = max(float(inst.worth[rows].max()), 1e-9)
        asked = (inst.post_shift, inst.post_duty, inst.required, inst.target, np.round(inst.worth / scale, 9))
        out.append(b"|".join(np.ascontiguousarray(a[rows]).tobytes() for a in asked))
    return tuple(out)


def solve(
    field: Field, worth: Worth, board: Board, watch: Watch, until: float, like: Proved | None = None
) -> Proved:
    """Lower bound on staffing, travel, change and fairness, with the prices and tolls in `worth`.

    `board` is a plan to start from; the better it is, the sooner good prices are found. `like` is what was
    proved of another instance that asks for much the same, such as another part of a province: its cuts
    and what it charges for shifts stand in for the cohort model.
    """
    if like is not None:
        full, posted, s = _likened(Cuts(field, worth, np.arange(len(field.inst.shape_trait))), like)
        places = Blocks(full)
        peers, charged = Peers(places, full), [posted[k] for k in places.kind]
        return _sharpest(peers, charged, s, worth, board, watch, until, begun=False)
    inst = field.inst
    compact = inst.minutes.size <= COMPACT
    shapes, average = average_members(inst)
    cuts = Cuts(field, worth, shapes)
    cuts.basic()
    cuts.at(teams_in_hand(board, cuts))
    cohorts = Cohorts(cuts, average)
    prices = generation.solve(cohorts, board, watch, until - 0.15, 60 if compact else ROUNDS)
    for _ in range(2):
        cohorts.evaluate(cuts.at(cohorts.price(prices.cohort, prices.batch, whole=True).named))
    likely = cohorts.price(prices.cohort, prices.batch, whole=True)
    mixed = cohorts.price(prices.cohort, prices.batch)
    near = sharpen(cohorts, likely, FEW, False)
    _mix(cohorts, mixed, near)
    peers = Peers(cohorts, near)
    stacks = [np.stack(p) for p in cohorts.cuts.prices]
    posted = [np.tensordot(mixed.weight[g], stacks[kind], 1) for g, kind in enumerate(cohorts.kind)]
    if compact:
        dual, most = Dual(cohorts, sharpen(cohorts, likely, CUTS, True)), np.full(len(inst.sites), np.inf)
        least = dual.evaluate(*_matched(field, worth), most)
        return _sharpest(
            peers, posted, prices.batch, worth, board, watch, until, lambda u, s: min(least, dual.evaluate(u, s, most))
        )
    return _sharpest(peers, posted, prices.batch, worth, board, watch, until)


def _sharpest(
    peers: Peers,
    posted: list[np.ndarray],
    s: np.ndarray,
    worth: Worth,
    board: Board,
    watch: Watch,
    until: float,
    alone: Callable[[np.ndarray, np.ndarray], float] = lambda u, s: np.inf,
    begun: bool = True,
) -> Proved:
    """The bound from prices [G] of the shifts of blocks and s [B] of batches.

    Steps on rents have all the seconds they need where nothing went before them (not `begun`).
    `alone` bounds the value in another way, from prices [C] of cadres and [B] of batches.
    """
    inst, cuts = peers.inst, peers.cuts
    value, constant = float(worth.benefit(board.staffed).sum() - board.costs().sum()), inst.unstaffed + inst.moved
    bound, u, s = Rents(posted, cuts, peers).descend(s, value, watch, until if begun else np.inf, STEPS)
    watch.tell("rents", constant - value, constant - bound, "a price for every place")
    bound = min(bound, alone(u[peers.of], s))
    crewing = Crewing(peers)
    if (peers.places.count > 1).any():
        times = len(inst.sites) / len(peers.places.count)
        found, u, s = crewing.solve(board, u, s, watch, until, value, COARSE, times)
        bound = min(bound, found)
        if watch.left(until) > 0:
            peers = Peers(Blocks(cuts, alone=True), cuts)
            peers.choose(u, s)
            crewing = Crewing(peers)
    if watch.left(until) > 0:
        found, u, s = crewing.solve(board, u, s, watch, until, value)
        bound = min(bound, found)
    charged = crewing.charged(u, s)
    sold = tuple(tuple(p) for p in cuts.prices)
    return Proved(constant - bound, u[peers.of], s, sold, demands(cuts), charged)


def _likened(cuts: Cuts, like: Proved) -> tuple[Cuts, list[np.ndarray], np.ndarray]:
    """Cuts of an instance, what its profiles charge, and prices of batches, by what is known of one like it."""
    known = {name: k for k, name in enumerate(like.named)}
    cuts.basic()
    posted = []
    for kind, name in enumerate(demands(cuts)):
        k = known.get(name)
        if k is not None:
            cuts.add(kind, list(like.cuts[k]))
        # of what is not known there: half of what the shifts are worth
        posted.append(cuts.prices[kind][0] / 2 if k is None else like.posted[k])
    return cuts, posted, like.batches.copy()


def _mix(cohorts: Cohorts, priced: Priced, full: Cuts) -> None:
    """Add to every profile the price that its blocks would charge on average."""
    for kind, mine in enumerate(cohorts.of_kind):
        if len(mine):
            stack = np.stack(cohorts.cuts.prices[kind])
            full.add(kind, [np.mean([np.tensordot(priced.weight[g], stack, 1) for g in mine], axis=0)])


def _matched(field: Field, worth: Worth) -> tuple[np.ndarray, np.ndarray]:
    """Prices of cadres [C] and batches [B] from matching each to one place of one site.

    Exact where sites take one person each: the assignment problem is its own dual.
    """
    inst = field.inst
    alone = np.maximum(0.0, worth.marginal(np.zeros(inst.required.shape, np.int64)))
    value = field.values(field.slot_gains(alone), np.arange(len(inst.shape_trait)))
    net = np.full(inst.minutes.shape, -np.inf)
    for b in range(len(inst.batches)):
        c = np.flatnonzero(inst.shape[:, b] >= 0)
        near = np.isfinite(inst.minutes[c])
        length = (inst.last[c, b] - inst.first[c, b] + 1)[:, None]
        cost = inst.w_travel * np.where(near, inst.minutes[c], 0) * length
        cost -= inst.w_change * (inst.previous[c][:, None] == np.arange(len(inst.sites)))
        net[c] = np.maximum(net[c], np.where(near, value[inst.shape[c, b]] - cost, -np.inf))
    room = np.ones(len(inst.sites), np.int64)
    return match(net, room, rounds=30).price, np.zeros(len(inst.batches))

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
(`peers.py`, in small cities person by person, `dual.py`, and where many work by how many come of each kind,
`headcount.py`, given minutes).

What a shift is worth depends on the prices of fairness, and the bound holds at any. Those of the plan from which the
proof begins say little; while it works the search finds better ones, which it takes over with all its cuts: once it
has rents, when it looks at sites by themselves, when it begins to count whole people, and once more after that.
Wuxi, proofs of 60 s from what an earlier one found: without fairness 407.0 thousand, with half the prices of the
finished plan 407.3, with these 407.5; whole people counted for 170 s at prices of 18 s 408.22, at those of the
finished plan 408.47. Teams of the plan as it is join the master all along.

Nothing is assumed of u, s or p: they come from the cohort model (`generation.py`), from steps on the
rents of places (`rents.py`) and from a master LP over teams of peers (`crewing.py`), which has most of
the time, first with the sites of a district that ask for the same taken together, then with each by itself.
Wuxi, against a plan of 412.1 thousand, seconds of one of two shared cores, the other busy half of the time:

    rents                                               16 s    396.9
    sites together, 3 rounds                            19 s    401.2
    6 rounds                                            28 s    405.4
    9 rounds                                            38 s    406.4
    each by itself, 1 round                             45 s    407.0
    3 rounds                                            52 s    407.3
    6 rounds                                            72 s    407.4
    10 rounds                                          110 s    407.5

With the wider steps of before (`crewing.py`), sites together to the end proved 406.2 after 102 s, where each by itself
from the tenth round on proved 406.9 after 86 s, from the third on 406.8. Each cadre by himself after that, with more
than twice as many prices and steps of 4, 1.2 or 0.4 thousandths, proved 34 (not thousands) more in 150 s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from allocator.limits import Watch
from allocator.models import generation
from allocator.models.blocks import Blocks
from allocator.models.board import Board
from allocator.models.cohorts import Cohorts, Priced, average_members
from allocator.models.counting import Plan
from allocator.models.crewing import ALL, BOX, FRESH, After, Crewing, nothing
from allocator.models.cuts import Cuts, teams_in_hand
from allocator.models.dual import Dual, matched, sharpen
from allocator.models.field import Field
from allocator.models.peers import Peers
from allocator.models.proved import Proved, demands, recalled
from allocator.models.rents import Rents
from allocator.models.worth import Worth

STEPS = 400
"""Steps on rents at most."""
COMPACT = 400_000
"""Pairs of cadre and site up to which the matching gives a second set of prices."""
CUTS, FEW = 32, 12
"""Cuts of a profile that are worked out for everybody, at most: person by person, and by peers to begin with."""
COARSE = 9
"""Rounds of the master with the sites of a district taken together, before each is looked at by itself."""
FINE, COUNTED = 0.2, 120.0
"""Share of the time left, with each site by itself, before whole people are counted where many work, and the seconds
that must be left for that."""
LEGS = (0.4, 1.0)
"""Shares of the time left with whole people counted, each with the prices of fairness of then."""
SHARED = 20
"""Cuts of a profile that the search is told of while the proof goes on."""
TEAMS = 4
"""Whole teams of a site, where they are counted, that it is told of as well."""
ROUNDS = 15
"""Rounds of the cohort model of a large city; with 40 the peers get no further in the same time."""


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
        least = dual.evaluate(*matched(field, worth), most)
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
    made = Sharpening(peers, worth, board, watch, until)
    made.rents(posted, s, until if begun else np.inf)
    made.bound = min(made.bound, alone(made.u[peers.of], made.s))
    made.fair()
    if (peers.places.count == 1).all() or made.together():
        made.apart()
    return made.proved()


class Sharpening:
    """Prices made better step by step: `bound` at prices `u` [K] of peers and `s` [B] of batches, or better ones."""

    def __init__(self, peers: Peers, worth: Worth, board: Board, watch: Watch, until: float):
        self.peers, self.worth, self.board, self.watch, self.until = peers, worth, board, watch, until
        self.constant = peers.inst.unstaffed + peers.inst.moved
        self.bound, self.u, self.s = np.inf, np.zeros(0), np.zeros(0)
        self.seconds = 0.0
        """it takes to work out a cut at other prices of fairness"""

    @property
    def value(self) -> float:
        """Benefit of the plan less its costs."""
        return float(self.worth.benefit(self.board.staffed).sum() - self.board.costs().sum())

    def rents(self, posted: list[np.ndarray], s: np.ndarray, until: float) -> None:
        """One price for every place."""
        descent, value = Rents(posted, self.peers.cuts, self.peers), self.value
        self.bound, self.u, self.s = descent.descend(s, value, self.watch, until, STEPS)
        told = self.constant - value, self.constant - self.bound
        self.watch.tell("rents", *told, "a price for every place")

    def fair(self) -> None:
        """Go on with the prices of fairness that the plan has by now."""
        now, begun = _fair(self.worth, self.watch), self.watch.seconds
        if now is not None:
            self.worth, self.peers = now, self.peers.repriced(now)
            self.seconds = (self.watch.seconds - begun) / max(1, self.peers.cuts.count)
            self.peers.choose(self.u, self.s)
        self.crewing = _heard(Crewing(self.peers), self.watch)

    def together(self) -> bool:
        """The master with places of many sites; is there the time to look at each site by itself after that?"""
        places, cuts = self.peers.places, self.peers.cuts
        times = len(self.peers.inst.sites) / len(places.count)

        def ahead(took: float) -> float:
            """Seconds of such a look, with prices of fairness of then."""
            return times * took + self.seconds * cuts.count

        self._master(self.until, COARSE, ahead)
        if self.watch.left(self.until) <= ahead(self.crewing.clock.took):
            if self.watch.left(self.until) > 0:
                self._master(self.until)
            return False
        now = _fair(self.worth, self.watch)
        if now is not None:
            self.worth, cuts = now, cuts.repriced(now)
        self.peers = Peers(Blocks(cuts, alone=True), cuts)
        self.peers.choose(self.u, self.s)
        self.crewing = _heard(Crewing(self.peers), self.watch)
        return True

    def apart(self) -> None:
        """The master with each site by itself, with whole people counted where there is the time."""
        watch, until = self.watch, self.until
        if watch.left(until) <= 0:
            return
        counted = watch.left(until) * (1 - FINE) > COUNTED and bool(self.peers.some.any())
        self._master(_part(watch, until, FINE) if counted else until, box=FRESH)
        for leg in LEGS if counted else ():
            if watch.left(until) <= 0 or self.bound <= self.value:
                break
            now = _fair(self.worth, watch)
            if now is not None:
                self.worth, self.crewing = now, _heard(self.crewing.repriced(now), watch)
            if not self.crewing.peers.counted:
                self.crewing.count(_posted(self.board, watch), self.u, self.s, watch, until)
            self._master(_part(watch, until, leg), box=FRESH)

    def _master(self, until: float, rounds: int = ALL, after: After = nothing, box: float = BOX) -> None:
        asked = self.board, self.u, self.s, self.watch, until, self.value
        found, self.u, self.s = self.crewing.solve(*asked, rounds, after, box)
        self.bound = min(self.bound, found)

    def proved(self) -> Proved:
        """What has been found."""
        cuts, people = self.crewing.cuts, self.u[self.crewing.peers.of]
        sold, charged = tuple(tuple(p) for p in cuts.prices), self.crewing.charged(self.u, self.s)
        return Proved(self.constant - self.bound, people, self.s, sold, demands(cuts), charged)


def _shown(watch: Watch) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Site and batch [C] of the plan as it is by now, and what shifts are worth in it; None where nobody shows it."""
    return watch.look() if watch.look is not None else None


def _fair(worth: Worth, watch: Watch) -> Worth | None:
    """The same with the prices of fairness that the plan has by now, which say far more than those of its beginning."""
    shown = _shown(watch)
    return None if shown is None else replace(worth, first=shown[2])


def _posted(board: Board, watch: Watch) -> Plan:
    """The plan as it is by now."""
    shown = _shown(watch)
    return (board.site, board.batch) if shown is None else shown[:2]


def _part(watch: Watch, until: float, share: float) -> float:
    """The share of the limit at which such a share of the time left until then is gone."""
    seconds, left = watch.limits.seconds, watch.left(until)
    return until if seconds is None or not np.isfinite(left) else (watch.seconds + share * left) / seconds


def _heard(crewing: Crewing, watch: Watch) -> Crewing:
    """Have the prices that it finds shared as it goes."""
    share, cuts = watch.share, crewing.cuts
    if share is not None:

        def hear(u: np.ndarray, s: np.ndarray) -> None:
            teams = tuple(crewing.counting.teams(TEAMS))
            share(Proved(0.0, u[crewing.peers.of], s, crewing.liked(SHARED), demands(cuts), teams=teams))

        crewing.hear = hear
    return crewing


def _likened(cuts: Cuts, like: Proved) -> tuple[Cuts, list[np.ndarray], np.ndarray]:
    """Cuts of an instance, what its profiles charge, and prices of batches, by what is known of one like it."""
    found = recalled(cuts, like)
    # of what is not known there: half of what the shifts are worth
    posted = [cuts.prices[kind][0] / 2 if k is None else like.posted[k] for kind, k in enumerate(found)]
    return cuts, posted, like.batches.copy()


def _mix(cohorts: Cohorts, priced: Priced, full: Cuts) -> None:
    """Add to every profile the price that its blocks would charge on average."""
    for kind, mine in enumerate(cohorts.of_kind):
        if len(mine):
            stack = np.stack(cohorts.cuts.prices[kind])
            full.add(kind, [np.mean([np.tensordot(priced.weight[g], stack, 1) for g in mine], axis=0)])

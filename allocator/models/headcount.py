"""The best team of whole people where many work: branch and bound on how many there are of each kind.

A team S gives at most min over cuts of base + sum over S of value, less what its people are paid. In fractions of
people that says too much: 7 people, two of them there for half of the weeks, count as 6.3. To branch on single
people helps little, as hundreds are all but equal at the prices of a proof; to branch on how many come in all, in each
batch, for so many days at least, of each skill, or on a given day does. Every node is an LP over cuts and people,
and its bound is recomputed from the duals, valid for any numbers in them:

    W <= mix @ base + sum over kinds of charge x limit + sum over peers of room x max(0, best row),
    row = mix @ value - pay - charges of the kinds it is of.

At the teams that come out new cuts are made, as the cuts at hand are sharp for teams without limits only. The leaves
are kept from one set of prices to the next: where prices moved little the search goes on from where it was.

Wuxi, after the proof had come to its end (407.6 thousand, 600 s), at its prices: by how much the bounds of two
sites that need 6 or 7 people fall with so many nodes, and seconds of one of two shared cores.

                              10 single people first     numbers first, most in fractions    best of 5 looked at
    853 (a team gives 816)    no less after 90 s         20.2 after 64 nodes, 2.3 s          20.8, 3.6 s
    734 (a team gives 709)    2 less after 90 s          16.7, 7.6 s                         18.3, 8.0 s

In 24 nodes each, 97 places where many work: 400 in 94 s.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from allocator.models import engine

CLOSE = 1e-4
"""A number this near to a whole one is whole."""
LOOSE = 0.2
"""What a cut must say less to join, and a node more than the best team to be looked into."""
MISSED = 0.1
"""What a cut at hand must say less than those in the LP to join them."""
SHARPER = 4
"""Times that a node gets new cuts, at most."""
WORKING, FRESH = 120, 40
"""Rows of people in the LP of a node to begin with, and those that join at a time."""
ROUNDS = 40
"""LPs of a node, at most."""
STRONG = 5
"""Kinds that are looked at before a node is split."""
PENALTY = 1e4
"""What it costs an LP to break a limit: far more than a person gives."""
PATIENCE = 0.5
"""Seconds for an LP; it takes some thousandths."""
MOST = 400
"""Cuts of a place beyond which those that no leaf uses are dropped."""


@dataclass(frozen=True)
class Kinds:
    """What people are told apart by: `of` [A, R] is a row of the kind, and `level` [A], lower ones first."""

    of: np.ndarray
    level: np.ndarray


@dataclass(frozen=True)
class Sharp:
    """A cut: its prices [p, D], base, what each row gives [R], and what it says about the team it was made for."""

    prices: np.ndarray
    base: float
    value: np.ndarray
    says: float


Ask = Callable[[np.ndarray, np.ndarray, np.ndarray, float], Sharp]
"""A sharper cut at rows and how many of each, from prices to begin with, and what these say of them."""


@dataclass
class Leaf:
    """Limits [A] of the numbers of each kind; the cuts and rows of its LP, and the duals that gave its bound."""

    least: np.ndarray
    most: np.ndarray
    cuts: np.ndarray
    rows: np.ndarray
    mix: np.ndarray
    """[len(cuts)]"""
    charge: np.ndarray
    """[A]"""
    gives: float = 0.0
    """what the people of the last LP give, by the cuts"""

    def __post_init__(self) -> None:
        self.heads = np.zeros(len(self.rows))
        """[len(rows)] these people; none before the first LP"""


@dataclass(frozen=True)
class Group:
    """Rows, how many of each, and what they give."""

    rows: np.ndarray
    heads: np.ndarray
    gives: float


class Headcount:
    """One place, its cuts, and the leaves of its search.

    Parameters
    ----------
    prices, base, value
        cuts to begin with: [Q, p, D], [Q], and [Q, R] what each row of people gives.
    pay
        [R] prices of the rows to begin with, with their travel.
    peer, room
        [R] whose row it is, sorted, and [peers] how many there are.
    ask
        makes a sharper cut.
    """

    def __init__(
        self, prices: np.ndarray, base: np.ndarray, value: np.ndarray, pay: np.ndarray, peer: np.ndarray,
        room: np.ndarray, kinds: Kinds, ask: Ask,
    ):  # fmt: skip
        self.prices, self.base, self.value = prices, base, _above(value)
        self.peer, self.room, self.kinds, self.ask = peer, room.astype(float), kinds, ask
        self.first = np.flatnonzero(np.diff(peer, prepend=-1))
        self.pay = pay
        some = len(kinds.level)
        cuts = np.arange(len(base))
        rows = np.sort(np.argsort(pay - value.mean(0), kind="stable")[:WORKING])
        mix = np.full(len(base), 1 / len(base))
        self.leaves = [Leaf(np.zeros(some), np.full(some, np.inf), cuts, rows, mix, np.zeros(some))]
        self.asked: set[bytes] = set()
        """teams at which cuts are as sharp as they get"""
        self.teams: list[Group] = []
        """whole teams, the best at the last prices first"""

    def know(self, rows: np.ndarray, heads: np.ndarray, gives: float) -> None:
        """Tell of a whole team, and what it gives by the cuts."""
        self.teams.append(Group(rows, heads, gives))

    def renew(self, base: np.ndarray, ask: Ask) -> None:
        """The same cuts and leaves where shifts are worth something else: the cuts' bases [Q], and who makes more."""
        self.base, self.ask = base, ask
        self.teams.clear()
        self.asked.clear()

    def learn(self, prices: np.ndarray, base: np.ndarray, value: np.ndarray) -> None:
        """Further cuts [Q], as of the first."""
        self.prices, self.base = np.concatenate([self.prices, prices]), np.concatenate([self.base, base])
        self.value = np.concatenate([self.value, _above(value)])

    def best(
        self, pay: np.ndarray, nodes: int, enough: Callable[[], bool] = lambda: False
    ) -> tuple[float, list[Group]]:
        """Bound on what a team gives above its pay [R], splitting so many nodes at most; the teams that say so."""
        self.pay = pay
        floor = self._floor()
        heap = [(-self._again(leaf), n) for n, leaf in enumerate(self.leaves)]
        heapq.heapify(heap)
        # 0: by the duals of before; 1: by an LP; 2: by the sharpest cuts as well
        state = [0] * len(self.leaves)
        made = 0
        while True:
            over, n = heap[0]
            leaf = self.leaves[n]
            if -over <= floor:
                break
            if state[n] < 2:
                value = self._solve(leaf, floor) if state[n] == 0 else self._sharpen(leaf, floor)
                floor = self._floor()
                state[n] += 1
                heapq.heapreplace(heap, (max(over, -value), n))
                continue
            if -over <= floor + LOOSE or made >= nodes or enough():
                break
            floor = self._rounded(leaf)
            kind = self._pick(leaf)
            if kind is None:
                break
            made += 1
            count = self._counts(leaf)[kind]
            above = self._limited(leaf, kind, least=np.ceil(count))
            self.leaves[n] = self._limited(leaf, kind, most=np.floor(count))
            self.leaves.append(above)
            state[n] = 0
            state.append(0)
            heapq.heapreplace(heap, (over, n))
            heapq.heappush(heap, (over, len(self.leaves) - 1))
        self._purge()
        value = max(floor, -heap[0][0])
        good = [self._group(self.leaves[n]) for n in range(len(state)) if state[n]]
        return value, [g for g in [*good, *self.teams[:2]] if len(g.rows)]

    # -- nodes -------------------------------------------------------------------------------

    def _floor(self) -> float:
        """What the best team known gives."""
        self.teams.sort(key=lambda t: -(t.gives - self.pay[t.rows] @ t.heads))
        del self.teams[8:]
        if not self.teams:
            return 0.0
        top = self.teams[0]
        return max(0.0, float(top.gives - self.pay[top.rows] @ top.heads))

    def _bound(self, leaf: Leaf, cuts: np.ndarray, mix: np.ndarray, charge: np.ndarray) -> tuple[float, np.ndarray]:
        """What the duals prove of a leaf, and what each row gains under them."""
        some = np.flatnonzero(charge)
        gain = mix @ self.value[cuts].astype(float) - self.pay
        limit = 0.0
        if len(some):
            gain -= charge[some] @ self.kinds.of[some]
            limit = float(charge[some] @ np.where(charge[some] > 0, leaf.most[some], leaf.least[some]))
        best = np.maximum.reduceat(gain, self.first)
        return float(mix @ self.base[cuts]) + limit + float(self.room @ np.maximum(0.0, best)), gain

    def _again(self, leaf: Leaf) -> float:
        """What the duals of before prove at the prices of now."""
        return self._bound(leaf, leaf.cuts, leaf.mix, leaf.charge)[0]

    def _lp(
        self, leaf: Leaf, cuts: np.ndarray, rows: np.ndarray
    ) -> tuple[np.ndarray, float, np.ndarray, np.ndarray] | None:
        """Heads [len(rows)], what they give above their pay, the mix [len(cuts)] and the charges [A]."""
        n, q = len(rows), len(cuts)
        some = np.flatnonzero((leaf.least > 0) | np.isfinite(leaf.most))
        a = len(some)
        of, at = np.nonzero(self.kinds.of[np.ix_(some, rows)])
        people, mine = np.unique(self.peer[rows], return_inverse=True)
        gain = self.value[np.ix_(cuts, rows)] - self.pay[rows]
        # columns: heads, what they give, and for every limit what is missing and what is too much
        model = engine.Model(
            cost=np.concatenate([np.zeros(n), [-1.0], np.full(2 * a, PENALTY)]),
            rows=np.concatenate([np.repeat(np.arange(q), n + 1), q + of, q + np.tile(np.arange(a), 2),
                                 q + a + mine.reshape(-1)]),
            columns=np.concatenate([np.tile(np.arange(n + 1), q), at, n + 1 + np.arange(2 * a), np.arange(n)]),
            values=np.concatenate([np.concatenate([-gain, np.ones((q, 1))], axis=1).reshape(-1), np.ones(len(of)),
                                   np.repeat([1.0, -1.0], a), np.ones(n)]),
            row_lower=np.concatenate([np.full(q, -np.inf), leaf.least[some], np.full(len(people), -np.inf)]),
            row_upper=np.concatenate([self.base[cuts], leaf.most[some], self.room[people]]),
            lower=np.concatenate([np.zeros(n), [-np.inf], np.zeros(2 * a)]),
            upper=np.concatenate([self.room[self.peer[rows]], np.full(1 + 2 * a, np.inf)]),
        )  # fmt: skip
        answer = engine.solve(model, "glop", seconds=PATIENCE)
        if answer.x is None or answer.duals is None:
            return None
        mix = np.maximum(0.0, -answer.duals[:q])
        if mix.sum() <= 0:
            return None
        charge = np.zeros(len(leaf.least))
        charge[some] = -answer.duals[q : q + a]
        charge[(charge > 0) & ~np.isfinite(leaf.most)] = 0.0
        return answer.x[:n], float(answer.x[n]), mix / mix.sum(), charge

    def _solve(self, leaf: Leaf, floor: float) -> float:
        """Bound on the leaf, with the rows and cuts at hand that matter to it; below the floor it need not be sharp."""
        least = np.inf
        for _ in range(ROUNDS):
            found = self._lp(leaf, leaf.cuts, leaf.rows)
            if found is None:
                break
            heads, gives, mix, charge = found
            over, gain = self._bound(leaf, leaf.cuts, mix, charge)
            if over < least:
                least, leaf.mix, leaf.charge = over, mix, charge
            some = heads > 1e-6
            leaf.heads = np.where(some, heads, 0.0)
            on = leaf.rows[some]
            paid = float(self.pay[on] @ heads[some])
            leaf.gives = gives + paid
            if least <= floor + LOOSE:
                break
            out = np.setdiff1d(np.flatnonzero(gain > 1e-6), leaf.rows, assume_unique=True)
            if over - gives > 0.05 and len(out):
                self._join(leaf, out[np.argsort(-gain[out], kind="stable")[:FRESH]])
                continue
            says = self.base + self.value[:, on].astype(float) @ heads[some] - paid
            low = np.flatnonzero(says < gives - MISSED)
            if not len(low):
                break
            self._cut(leaf, low[np.argsort(says[low], kind="stable")[:5]])
        return least

    def _sharpen(self, leaf: Leaf, floor: float) -> float:
        """The same with new cuts at the team of its LP."""
        least = np.inf
        for _ in range(SHARPER):
            some = leaf.heads > 0
            on, heads = leaf.rows[some], leaf.heads[some]
            key = on.tobytes() + np.round(heads, 3).tobytes()
            if not len(on) or key in self.asked:
                break
            self.asked.add(key)
            sharp = self.ask(on, heads, np.tensordot(leaf.mix, self.prices[leaf.cuts], 1), leaf.gives)
            if np.abs(heads - np.rint(heads)).max() < CLOSE:
                self.know(on, np.rint(heads), sharp.says)
                floor = self._floor()
            if leaf.gives - sharp.says <= LOOSE:
                break
            self.learn(sharp.prices[None], np.array([sharp.base]), sharp.value[None])
            self._cut(leaf, np.array([len(self.base) - 1]))
            least = min(least, self._solve(leaf, floor))
            if least <= floor + LOOSE:
                break
        self._slim(leaf)
        return least

    def _rounded(self, leaf: Leaf) -> float:
        """Look at the whole team nearest to that of the LP; what the best team known gives then."""
        heads = np.floor(leaf.heads + CLOSE)
        more = int(np.rint(leaf.heads.sum() - heads.sum()))
        heads[np.argsort(heads - leaf.heads, kind="stable")[:more]] += 1
        some = heads > 0
        on, heads = leaf.rows[some], heads[some]
        key = on.tobytes() + heads.tobytes()
        fits = (np.bincount(self.peer[on], heads, len(self.room)) <= self.room).all()
        if len(on) and fits and key not in self.asked:
            self.asked.add(key)
            start = np.tensordot(leaf.mix, self.prices[leaf.cuts], 1)
            self.know(on, heads, self.ask(on, heads, start, np.inf).says)
        return self._floor()

    @staticmethod
    def _cut(leaf: Leaf, more: np.ndarray) -> None:
        leaf.mix = np.append(leaf.mix, np.zeros(len(more)))
        leaf.cuts = np.append(leaf.cuts, more)

    @staticmethod
    def _join(leaf: Leaf, more: np.ndarray) -> None:
        order = np.argsort(np.append(leaf.rows, more), kind="stable")
        leaf.rows = np.append(leaf.rows, more)[order]
        leaf.heads = np.append(leaf.heads, np.zeros(len(more)))[order]

    def _slim(self, leaf: Leaf) -> None:
        """Only what matters is kept for the next time."""
        used = leaf.mix > 0
        leaf.cuts, leaf.mix = leaf.cuts[used], leaf.mix[used]
        if len(leaf.rows) > WORKING:
            gain = self._bound(leaf, leaf.cuts, leaf.mix, leaf.charge)[1][leaf.rows]
            gain[leaf.heads > 0] = np.inf
            keep = np.sort(np.argsort(-gain, kind="stable")[:WORKING])
            leaf.rows, leaf.heads = leaf.rows[keep], leaf.heads[keep]

    def _counts(self, leaf: Leaf) -> np.ndarray:
        return np.asarray(self.kinds.of[:, leaf.rows] @ leaf.heads)

    @staticmethod
    def _limited(leaf: Leaf, kind: int, least: float | None = None, most: float | None = None) -> Leaf:
        low, high = leaf.least.copy(), leaf.most.copy()
        if least is not None:
            low[kind] = least
        if most is not None:
            high[kind] = most
        return Leaf(low, high, leaf.cuts, leaf.rows, leaf.mix, leaf.charge)

    def _pick(self, leaf: Leaf) -> int | None:
        """The kind whose two sides fall most, of those in fractions; None where all numbers are whole."""
        count = self._counts(leaf)
        part = np.abs(count - np.rint(count))
        some = np.flatnonzero(part > CLOSE)
        some = some[self.kinds.level[some] == self.kinds.level[some].min(initial=99)]
        some = some[np.argsort(-part[some], kind="stable")[:STRONG]]
        if len(some) < 2:
            return int(some[0]) if len(some) else None
        sides = np.array([
            [self._glance(self._limited(leaf, k, most=np.floor(count[k]))),
             self._glance(self._limited(leaf, k, least=np.ceil(count[k])))] for k in some
        ])  # fmt: skip
        return int(some[np.argmin(sides.max(1) + 0.01 * sides.min(1))])

    def _glance(self, leaf: Leaf) -> float:
        found = self._lp(leaf, leaf.cuts, leaf.rows)
        if found is None:
            return np.inf
        return self._bound(leaf, leaf.cuts, found[2], found[3])[0]

    def _group(self, leaf: Leaf) -> Group:
        some = leaf.heads > 0
        return Group(leaf.rows[some], leaf.heads[some], leaf.gives)

    def _purge(self) -> None:
        """Drop cuts that no leaf uses once there are many."""
        if len(self.base) <= MOST:
            return
        used = np.unique(np.concatenate([leaf.cuts for leaf in self.leaves]))
        place = np.full(len(self.base), -1)
        place[used] = np.arange(len(used))
        self.prices, self.base, self.value = self.prices[used], self.base[used], self.value[used]
        for leaf in self.leaves:
            leaf.cuts = place[leaf.cuts]


def _above(value: np.ndarray) -> np.ndarray:
    """In half the memory, and no less."""
    near = value.astype(np.float32)
    return np.where(near < value, np.nextafter(near, np.float32(np.inf)), near)

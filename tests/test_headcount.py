"""Whole people counted where many work: the search against all teams there are, and the bound of a city with it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_peers import peers_of, town

from allocator.limits import Limits, Watch
from allocator.models import counting, engine, fairness, headcount, proof
from allocator.models.blocks import Blocks
from allocator.models.counting import Counting
from allocator.models.crewing import Crewing
from allocator.models.headcount import Headcount, Kinds, Sharp
from allocator.models.peers import Peers
from allocator.models.worth import worth

ROWS, CUTS = 8, 5


class Drawn:
    """A place with cuts drawn at random, of which some are known at first and the others found on the way."""

    def __init__(self, seed: int, single: bool = True):
        rng = self.rng = np.random.default_rng(seed)
        self.peer = np.sort(rng.integers(0, 5, ROWS))
        self.peer = np.unique(self.peer, return_inverse=True)[1].reshape(-1)
        self.room = rng.integers(1, 3, self.peer.max() + 1)
        self.base, self.value = rng.uniform(0, 30, CUTS), rng.uniform(0, 20, (CUTS, ROWS))
        of = [np.ones(ROWS, bool), *(rng.random((2, ROWS)) < 0.5)]
        level = [0, 0, 0]
        if single:
            of, level = [*of, *np.eye(ROWS, dtype=bool)], [*level, *[1] * ROWS]
        self.kinds = Kinds(np.array(of), np.array(level))

    def search(self, pay: np.ndarray, known: int = 1) -> Headcount:
        prices = np.arange(CUTS, dtype=float)[:, None, None]
        return Headcount(
            prices[:known], self.base[:known], self.value[:known], pay, self.peer, self.room, self.kinds, self._ask
        )

    def _ask(self, rows: np.ndarray, heads: np.ndarray, start: np.ndarray, gives: float) -> Sharp:
        says = self.base + self.value[:, rows] @ heads
        q = int(says.argmin())
        return Sharp(np.full((1, 1), float(q)), float(self.base[q]), self.value[q], float(says[q]))

    def pay(self) -> np.ndarray:
        return self.rng.uniform(0, 16, ROWS)

    def brute(self, pay: np.ndarray) -> float:
        """The best of all teams."""
        most = self.room[self.peer]
        best = 0.0
        for heads in itertools.product(*(range(m + 1) for m in most)):
            x = np.array(heads)
            if (np.bincount(self.peer, x) <= self.room).all():
                best = max(best, float((self.base + self.value @ x).min() - pay @ x))
        return best


@pytest.mark.parametrize("seed", range(30))
def test_the_best_number_of_each_kind_is_that_of_all_teams(seed: int) -> None:
    drawn = Drawn(seed)
    pay = drawn.pay()
    true = drawn.brute(pay)
    value, _ = drawn.search(pay).best(pay, 500)
    # a cut that says little less does not join, and a node that gives little more is not looked into
    assert true - 1e-6 <= value <= true + headcount.LOOSE + headcount.MISSED + 1e-6


def test_few_nodes_and_new_prices_still_bound() -> None:
    loose = 0
    for seed in range(20):
        drawn = Drawn(seed, single=seed % 2 == 0)
        pay = drawn.pay()
        search = drawn.search(pay, 2)
        for splits in (0, 1, 3, 0, 8):
            true = drawn.brute(pay)
            value, _ = search.best(pay, splits)
            assert value >= true - 1e-6
            loose += value > true + headcount.LOOSE + headcount.MISSED
            pay = np.maximum(0, pay + drawn.rng.normal(0, 2, ROWS))
    assert loose


def test_more_nodes_say_no_more() -> None:
    less = 0
    for seed in range(20):
        drawn = Drawn(seed)
        pay = drawn.pay()
        search = drawn.search(pay, CUTS)
        values = [search.best(pay, splits)[0] for splits in (0, 2, 4, 8)]
        assert (np.diff(values) <= 1e-4).all()
        less += values[-1] < values[0] - headcount.LOOSE
    assert less


def test_teams_of_a_search_can_come() -> None:
    whole = 0
    for seed in range(20):
        drawn = Drawn(seed)
        pay = drawn.pay()
        search = drawn.search(pay)
        search.best(pay, 20)
        for team in search.teams:
            assert (team.heads == np.rint(team.heads)).all()
            assert (np.bincount(drawn.peer[team.rows], team.heads, len(drawn.room)) <= drawn.room).all()
            true = (drawn.base + drawn.value[:, team.rows] @ team.heads).min()
            assert team.gives == pytest.approx(float(true))
            whole += 1
    assert whole > 20


def test_cuts_that_no_leaf_uses_can_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headcount, "MOST", 2)
    gone = 0
    for seed in range(10):
        drawn = Drawn(seed)
        pay = drawn.pay()
        search = drawn.search(pay, CUTS)
        first, _ = search.best(pay, 10)
        gone += len(search.base) < CUTS
        assert len(search.base) == len(search.value) == len(search.prices)
        assert drawn.brute(pay) - 1e-6 <= search.best(pay, 0)[0] <= first + 1e-4
    assert gone


def test_where_the_solver_has_no_answer_the_bound_of_before_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Drawn(1)
    pay = drawn.pay()
    search = drawn.search(pay, CUTS)
    none = engine.Answer(engine.Status.UNKNOWN, "", None, None, None, None, None, None, 0.0, "glop")
    monkeypatch.setattr(engine, "solve", lambda *a, **k: none)
    value, _ = search.best(pay, 10)
    assert np.isfinite(value)
    assert value >= drawn.brute(pay) - 1e-6


def test_half_the_memory_says_no_less() -> None:
    value = np.random.default_rng(0).normal(0, 1e3, 10_000)
    above = headcount._above(value)
    assert above.dtype == np.float32
    assert (above.astype(float) >= value).all()
    assert (above.astype(float) - value <= 1e-6 * np.abs(value)).all()


@pytest.mark.parametrize("seed", range(8))
def test_counted_places_say_less_and_no_less_than_the_plan(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allocator.models.peers.SOME", -1)
    inst, field, board = town(seed)
    value = worth(inst)
    gained = float(value.benefit(board.staffed).sum() - board.costs().sum())
    crewing = Crewing(peers_of(inst, field, board))
    peers = crewing.peers
    peers.many[:] = True
    u, s = np.full(len(peers.room), 12.0), np.zeros(len(inst.batches))
    before, _ = peers.price(u, s)
    crewing.add_plan(board.site, board.batch)
    crewing.estimate()
    crewing.count((board.site, board.batch), u, s, Watch(Limits(seconds=30)), 1.0)
    assert set(peers.counted) == set(np.flatnonzero(peers.some).tolist())
    after, teams = peers.price(u, s)
    assert gained - 1e-6 <= after <= before + 1e-3
    assert any(np.isfinite(team.most) for team in teams)
    least, *_ = crewing.solve(board, u, s, Watch(Limits(seconds=4)), 1.0, gained)
    assert gained - 1e-6 <= least <= after + 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_counted_places_go_over_to_other_prices_of_fairness(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allocator.models.peers.SOME", 0)
    inst, field, board = town(seed)
    few = peers_of(inst, field, board)
    peers = Peers(Blocks(few.cuts, alone=True), few.cuts)
    peers.many[:] = True
    u, s = np.full(len(peers.room), 12.0), np.zeros(len(inst.batches))
    crewing = Crewing(peers)
    crewing.add_plan(board.site, board.batch)
    crewing.estimate()
    crewing.count((board.site, board.batch), u, s, Watch(Limits(seconds=30)), 1.0)
    crewing.add_plan(board.site, board.batch)
    crewing.estimate()
    assert peers.counted
    other = worth(inst, fairness.bonus(inst, np.linspace(0, inst.w_fairness, inst.districts)))
    gained = float(other.benefit(board.staffed).sum() - board.costs().sum())
    plain = peers.repriced(other)
    plain.many[:] = True
    most = plain.price(u, s)[0]
    moved = crewing.repriced(other)
    site = [np.flatnonzero(p.places.block == g)[0] for p in (peers, moved.peers) for g in sorted(p.counted)]
    assert sorted(site[: len(peers.counted)]) == sorted(site[len(peers.counted) :])
    assert {moved.places.block[int(np.flatnonzero(peers.places.block == t.block)[0])] for t in crewing.teams
            if t.block not in peers.counted} == {t.block for t in moved.teams}  # fmt: skip
    found = moved.peers.price(u, s)[0]
    assert gained - 1e-6 <= found <= most + 1e-3
    least, *_ = moved.solve(board, u, s, Watch(Limits(seconds=2)), 1.0, gained)
    assert gained - 1e-6 <= least <= found + 1e-6


def test_whole_teams_are_told_as_cadres_like_their_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allocator.models.peers.SOME", -1)
    told = 0
    for seed in range(6):
        inst, field, board = town(seed)
        peers = peers_of(inst, field, board)
        pay = np.full(len(peers.peer), 6.0)
        found = Counting(peers)
        found.all(pay, (board.site, board.batch), lambda: False)
        for site, cadres, batches in found.teams(3):
            rows = peers.row[peers.of[cadres], batches]
            assert (rows >= 0).all()
            assert (peers.cost[rows, peers.places.block[site]] < 1e12).all()
            assert (np.bincount(peers.of[cadres], minlength=len(peers.room)) <= peers.room).all()
            told += 1
    assert told


def test_places_are_counted_while_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allocator.models.peers.SOME", -1)
    inst, field, board = town(3)
    sizes = []
    for room in (0.0, 1e9):
        monkeypatch.setattr(counting, "ROOM", room)
        peers = peers_of(inst, field, board)
        Counting(peers).all(np.full(len(peers.peer), 6.0), (board.site, board.batch), lambda: False)
        sizes.append(len(peers.counted))
    assert sizes[0] == 1 < sizes[1]


def test_large_cities_are_proved_with_whole_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allocator.models.peers.SOME", 0)
    monkeypatch.setattr(proof, "COMPACT", 0)
    monkeypatch.setattr(proof, "COUNTED", 0.5)
    inst, field, board = town(3)
    value = worth(inst)
    shared: list[object] = []
    charges = [np.full(inst.districts, 0.0), np.linspace(0, inst.w_fairness, inst.districts)]
    again = itertools.cycle(worth(inst, fairness.bonus(inst, charge)).first for charge in charges)
    watch = Watch(Limits(seconds=10), share=shared.append, look=lambda: (board.site, board.batch, next(again)))
    bound = proof.solve(field, value, board, watch, 1.0).bound
    plan = inst.unstaffed + inst.moved - float(value.benefit(board.staffed).sum() - board.costs().sum())
    assert bound <= plan + fairness.penalty(inst, board.staffed) + 1e-6
    assert bound > 0.3 * plan
    assert shared

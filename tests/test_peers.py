"""Parts of the bound over teams of peers: the search for teams, the sharpest prices, the whole bound."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from cities import city
from scheduled import Scheduled, most

from allocator.instance import Instance, instance
from allocator.limits import Limits, Watch
from allocator.models import crews, engine, fairness, proof, quick, team_loops
from allocator.models.blocks import Blocks
from allocator.models.board import Board
from allocator.models.cohorts import Cohorts, average_members
from allocator.models.crewing import Clock, Crewing
from allocator.models.cuts import Cuts, teams_in_hand
from allocator.models.field import Field
from allocator.models.peers import Peers
from allocator.models.posting import People
from allocator.models.volume import Crowd, sharpest
from allocator.models.worth import Worth, worth

HEADS = 3


def crowd(rng: np.random.Generator, rows: int, cuts: int) -> tuple[np.ndarray, np.ndarray, crews.People]:
    """Every other peer may come in two batches: rows that share its room."""
    peer = np.sort(rng.integers(0, max(2, 2 * rows // 3), rows))
    people = crews.People(peer, rng.integers(1, 3, rows)[peer], HEADS)
    return rng.uniform(0, 12, cuts), rng.normal(1, 6, (cuts, rows)), people


def brute(base: np.ndarray, gain: np.ndarray, people: crews.People) -> float:
    best = 0.0
    for h in range(1, HEADS + 1):
        for team in itertools.combinations_with_replacement(range(len(people.peer)), h):
            rows = np.array(team)
            if (np.bincount(people.peer[rows], minlength=len(people.peer)) <= _room(people)).all():
                best = max(best, float((base + gain[:, rows].sum(1)).min()))
    return best


def _room(people: crews.People) -> np.ndarray:
    room = np.zeros(len(people.peer), np.int64)
    room[people.peer] = people.size
    return room


@pytest.mark.parametrize("seed", range(40))
def test_best_team_is_that_of_all_teams(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base, gain, people = crowd(rng, 9, 4)
    found = crews.best(base, gain, people, 2.0, 20)
    assert found.value == pytest.approx(brute(base, gain, people))
    for team, gives in zip(found.teams, found.worth, strict=True):
        rows = team[team >= 0]
        assert gives == pytest.approx(float((base + gain[:, rows].sum(1)).min()))
        assert (np.bincount(people.peer[rows], minlength=9) <= _room(people)).all()


@pytest.mark.parametrize("seed", range(40))
def test_people_who_gain_nothing_still_use_what_a_loose_cut_grants(seed: int) -> None:
    rng = np.random.default_rng(seed)
    base, gain, people = crowd(rng, 6, 2)
    base, gain = base + 5, gain - rng.choice([4.0, 9.0, 30.0])
    assert crews.best(base, gain, people, 2.0, 20).value == pytest.approx(brute(base, gain, people))


def test_mixtures_of_other_places_change_nothing_but_the_effort() -> None:
    mixes: dict[int, np.ndarray] = {}
    for seed in range(40):
        base, gain, people = crowd(np.random.default_rng(seed), 9, 4 + seed % 2)
        assert crews.best(base, gain, people, 2.0, 20, mixes).value == pytest.approx(brute(base, gain, people))
        assert all(weight.sum() == pytest.approx(1) for weight in mixes.values())
    assert mixes


def test_search_cut_short_still_bounds() -> None:
    short = 0
    for seed in range(40):
        base, gain, people = crowd(np.random.default_rng(seed), 9, 4)
        true = brute(base, gain, people)
        value = crews.best(base, gain, people, 2.0, 20, nodes=3).value
        assert value >= true - 1e-9
        short += value > true + 1e-9
    assert short


@pytest.mark.parametrize("seed", range(40))
def test_people_who_are_not_needed_leave_the_best_team_as_it_is(seed: int) -> None:
    """People are much the same, some better than others under every cut, and two batches have room for one of each."""
    rng = np.random.default_rng(seed)
    base, gain, people = crowd(rng, 10, 3)
    gain = rng.normal(2, 4, 10) + rng.normal(0, 0.7, gain.shape)
    best = crews.best(base, gain, people, 2.0, 20).value
    assert best == pytest.approx(brute(base, gain, people))


def test_most_people_are_not_needed() -> None:
    rng = np.random.default_rng(0)
    part = rng.normal(2, 4, 400)[:, None] + rng.normal(0, 0.5, (400, 3))
    part = part[np.argsort(-part.min(1))]
    one_by_one, ones = np.arange(400), np.ones(400, np.int64)
    needed = team_loops.needed(part, one_by_one, ones, 2)
    for r in range(400):
        ahead = (part[:r] >= part[r]).all(1).sum()
        assert (r in needed) == (ahead < 2)
    assert len(needed) < 40
    # two batches of one and the same person are no two who could take a place
    pairs = np.array([[3.0, 3.0], [2.9, 2.9], [1.0, 1.0]])
    assert list(team_loops.needed(pairs, np.array([0, 0, 1]), ones[:3], 1)) == [0]
    assert list(team_loops.needed(pairs, np.array([0, 0, 1]), ones[:3], 2)) == [0, 2]
    assert list(team_loops.needed(pairs, np.array([0, 1, 2]), ones[:3], 2)) == [0, 1]


BUSY = {"cadres": 9, "sites": 5, "days": 9, "items": 2, "duties": 2}


def town(seed: int) -> tuple[Instance, Field, Board]:
    inst = instance(city(seed, **BUSY))
    people = People(inst, 0)
    watch = Watch(Limits(seconds=5))
    people.start(watch, 3)
    people.improve(watch, 1.0, 3)
    return inst, people.field, people.best


@pytest.mark.parametrize("heads", [None, 1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_sharp_prices_meet_the_lp(seed: int, heads: int | None) -> None:
    """Never below what an LP over schedules can do, and close to it."""
    inst, field, _ = town(seed)
    value = worth(inst)
    row = np.flatnonzero(inst.shape.reshape(-1) >= 0)
    shape = inst.shape.reshape(-1)[row]
    crowd = Crowd(shape, np.full(len(shape), 3.0), row // len(inst.batches), np.ones(len(inst.cadres)), heads)
    far, all_ = 0.0, 0.0
    for j in range(len(inst.sites)):
        rows = slice(inst.site_posts[j], inst.site_posts[j + 1])
        if not value.target[rows].any():
            continue
        lp = Scheduled(field, value, j)
        start = np.zeros(lp.form)
        lp.run(crowd, start, 80, 1e-6)
        found = sharpest(field, value, j, crowd, start, 3000)
        if heads is None and (value.first[rows] >= value.second[rows]).all():  # else the LP takes the dearer first
            assert found.least >= lp.inside - 1e-6
        assert found.least <= found.before + 1e-9
        assert found.least == pytest.approx(_gained(field, value, j, crowd, found.prices))
        far, all_ = far + max(0.0, found.least - lp.least), all_ + max(0.0, lp.least)
        if heads is not None:
            assert found.heads.sum() <= heads + 1e-6
    assert all_ > 0
    assert far < 0.01 * all_


def _gained(field: Field, value: Worth, j: int, crowd: Crowd, prices: np.ndarray) -> float:
    """What people gain at a site under prices, and what its cells keep."""
    inst = field.inst
    full = np.zeros(inst.required.shape)
    rows = slice(inst.site_posts[j], inst.site_posts[j + 1])
    full[rows] = prices
    site = np.array([j])
    best = field.values(field.site_gains(full, site), crowd.shape, site)[:, 0]
    return float(value.rows(rows).surplus(prices).sum()) + most(crowd, best - crowd.pay)


def peers_of(inst: Instance, field: Field, board: Board) -> Peers:
    shapes, average = average_members(inst)
    cuts = Cuts(field, worth(inst), shapes)
    cuts.basic()
    cuts.at(teams_in_hand(board, cuts))
    full = cuts.chosen([np.arange(len(p)) for p in cuts.prices], np.arange(len(inst.shape_trait)))
    return Peers(Cohorts(cuts, average), full)


@pytest.mark.parametrize("seed", range(6))
def test_places_are_looked_at_the_way_that_says_less(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allocator.models.peers.SOME", -1)
    peers = peers_of(*town(seed))
    u, s = np.full(len(peers.room), 12.0), np.zeros(len(peers.inst.batches))
    assert len(peers.either)
    values = []
    for many in (False, True):
        peers.many[peers.either] = many
        values.append(peers.price(u, s)[0])
    peers.choose(u, s)
    assert peers.price(u, s)[0] <= min(values) + 1e-6


def test_sites_by_themselves_know_the_way_there_better() -> None:
    """Never a looser bound than that of sites taken together, and often a sharper one."""
    sharper = 0
    for seed in range(8):
        drawn = city(seed, cadres=12, sites=6, days=7, districts=1, closed=False, fairness=0.0, previous=False)
        demand, sites = drawn.table("demand"), drawn.table("sites")
        like = demand[demand["site"] == demand["site"].iloc[0]]
        alike = pd.concat([like.assign(site=site) for site in sites["site"]], ignore_index=True)
        inst = instance(drawn.change({"demand": alike, "sites": sites.assign(weight=1.0)}))
        cuts = Cuts(Field(inst), worth(inst), np.arange(len(inst.shape_trait)))
        cuts.basic()
        both = [Peers(Blocks(cuts, alone), cuts) for alone in (False, True)]
        u, s = np.full(len(both[0].room), 5.0), np.zeros(len(inst.batches))
        together, alone = (peers.price(u, s)[0] for peers in both)
        assert (np.bincount(both[1].places.block[both[1].places.block >= 0]) == 1).all()
        assert alone <= together + 1e-6
        sharper += alone < together - 1e-3
    assert sharper


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_another_solver_takes_over_where_one_is_stopped(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    peers = peers_of(*town(seed))
    peers.many[:] = True
    u, s = np.full(len(peers.room), 1.0), np.zeros(len(peers.inst.batches))
    usual, _ = peers.price(u, s)
    solve, asked = engine.solve, []

    def stopped(model: engine.Model, solver: str, **limits: float) -> engine.Answer:
        asked.append(solver)
        return solve(model, solver, seconds=0.0 if solver == "glop" else 5.0)

    monkeypatch.setattr(engine, "solve", stopped)
    assert peers.price(u, s)[0] == pytest.approx(usual, rel=1e-6)
    assert "highs" in asked


@pytest.mark.parametrize("seed", range(12))
def test_bound_of_peers_holds_and_rises(seed: int) -> None:
    inst, field, board = town(seed)
    value = worth(inst)
    crewing = Crewing(peers_of(inst, field, board))
    gained = float(value.benefit(board.staffed).sum() - board.costs().sum())
    u, s = np.full(len(crewing.peers.room), 20.0), np.zeros(len(inst.batches))
    first, _ = crewing.peers.price(u, s)
    least, *_ = crewing.solve(board, u, s, Watch(Limits(seconds=4)), 1.0, gained)
    assert gained - 1e-6 <= least <= first + 1e-6


def test_cuts_that_were_dropped_come_back_when_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    again = 0
    for seed in range(6):
        inst, field, board = town(seed)
        crewing = Crewing(peers_of(inst, field, board))
        u, s = np.full(len(crewing.peers.room), 10.0), np.zeros(len(inst.batches))
        crewing.add_plan(board.site, board.batch)
        crewing.estimate()
        crewing.x = np.ones(len(crewing.teams))
        crewing.clock = Clock(Watch(Limits(None)), 1.0)
        cuts = crewing.cuts
        before = [len(p) for p in cuts.prices]
        crewing.tighten()
        sharp, _ = crewing.peers.price(u, s)
        for kind, few in enumerate(before):
            cuts.keep(kind, np.arange(few))
        with monkeypatch.context() as patch:
            patch.setattr("allocator.models.crewing.sharpest", None)
            crewing.tighten()
        assert crewing.peers.price(u, s)[0] == pytest.approx(sharp)
        again += sum(len(p) for p in cuts.prices) > sum(before)
    assert again


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_a_proof_that_is_shown_plans_and_other_prices_of_fairness_holds(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "COMPACT", 0)
    inst, field, board = town(seed)
    value = worth(inst)
    first = worth(inst, fairness.bonus(inst, np.linspace(0, inst.w_fairness, inst.districts))).first
    looks: list[int] = []

    def look() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        looks.append(1)
        return board.site, board.batch, first

    found = proof.solve(field, value, board, Watch(Limits(seconds=10), look=look), 1.0)
    plan = inst.unstaffed + inst.moved - float(value.benefit(board.staffed).sum() - board.costs().sum())
    assert found.bound <= plan + fairness.penalty(inst, board.staffed) + 1e-6
    assert found.bound > 0
    assert len(looks) > 1


def test_large_cities_are_proved_by_peers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "COMPACT", 0)
    inst, field, board = town(3)
    value = worth(inst)
    bound = proof.solve(field, value, board, Watch(Limits(seconds=10)), 1.0).bound
    plan = inst.unstaffed + inst.moved - float(value.benefit(board.staffed).sum() - board.costs().sum())
    assert bound <= plan + 1e-6
    assert bound > 0.3 * plan


@pytest.mark.parametrize("seed", range(8))
def test_a_first_bound_is_below_every_plan(seed: int) -> None:
    inst, field, board = town(seed)
    value = worth(inst)
    plan = inst.unstaffed + inst.moved - float(value.benefit(board.staffed).sum() - board.costs().sum())
    assert quick.prove(field, value).bound <= plan + 1e-6


def test_a_rent_that_all_sites_pay_says_more_than_all_they_are_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    more = 0
    for seed in range(8):
        inst, field, _ = town(seed)
        value = worth(inst)
        rent = quick.prove(field, value).bound
        with monkeypatch.context() as patch:
            patch.setattr(quick, "RENTS", 0)
            more += rent > quick.prove(field, value).bound + 1e-6
    assert more >= 1

"""A plan put together anew from whole teams: never worse, within the rules, and the best choice there is."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from cities import city

from allocator import beside, pipeline, timetable, verifier
from allocator.beside import Beside, Shelf
from allocator.instance import instance
from allocator.limits import Limits, Progress, Watch
from allocator.models import assembly as assembly_
from allocator.models import engine, fractions, proof
from allocator.models.assembly import Assembly, Team
from allocator.models.board import Board
from allocator.models.posting import People
from allocator.models.proved import Proved
from allocator.models.rating import rated
from allocator.models.reshuffle import reshuffle
from allocator.models.working import offers

SEEDS = range(8)


def searched(seed: int) -> tuple[People, Proved]:
    """People of a small city, searched a little, and what is proved of them."""
    people = People(instance(city(seed, cadres=40, sites=10, days=14, items=3)), seed)
    watch = Watch(Limits(None))
    people.start(watch, 2)
    people.improve(watch, 1.0, 1)
    return people, proof.solve(people.field, people.search.board.worth, people.best.copy(), watch, 1.0)


def sound(board: Board) -> None:
    """Counts, batches, reach and pins of a board are as they must be."""
    inst = board.inst
    staffed = np.zeros_like(board.staffed)
    cadre, day = np.nonzero(board.plan >= 0)
    post = board.plan[cadre, day]
    np.add.at(staffed, (post, day), 1)
    assert (staffed == board.staffed).all()
    assert (inst.post_site[post] == board.site[cadre]).all()
    posted = np.flatnonzero(board.site >= 0)
    assert (inst.shape[posted, board.batch[posted]] >= 0).all()
    assert (np.bincount(board.batch[board.batch >= 0], minlength=len(inst.batch_size)) <= inst.batch_size).all()
    assert np.isfinite(inst.minutes[posted, board.site[posted]]).all()
    assert inst.shape_days[inst.shape[cadre, board.batch[cadre]], day].all()
    held = np.flatnonzero(inst.must >= 0)
    assert (board.site[held] == inst.must[held]).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plan_put_together_anew_is_sound_and_no_worse(seed: int) -> None:
    people, known = searched(seed)
    before = people.tolled()
    people.assemble(Watch(Limits(None)), 1.0, known)
    assert people.tolled() <= before + 1e-6
    sound(people.best)
    sound(people.search.board)


def test_some_plans_get_better() -> None:
    gains = []
    for seed in SEEDS:
        people, known = searched(seed)
        before = people.tolled()
        people.assemble(Watch(Limits(None)), 1.0, known)
        gains.append(before - people.tolled())
    assert max(gains) > 1.0


def test_teams_rostered_anew_stay_and_give_no_less() -> None:
    gained = 0.0
    for seed in SEEDS:
        people, _ = searched(seed)
        board = people.best
        sizes = np.bincount(board.site[board.site >= 0])
        board.rest(board.team(int(sizes.argmax())))
        before, value = board.copy(), people.tolled()
        people.roster(Watch(Limits(None)), 1.0)
        sound(people.best)
        assert (people.best.site == before.site).all()
        assert (people.best.batch == before.batch).all()
        assert people.tolled() <= value + 1e-6
        gained += value - people.tolled()
    assert gained > 0


def test_only_teams_that_are_large_enough_are_rostered_anew() -> None:
    people, _ = searched(2)
    board = people.best.copy()
    size = np.bincount(board.site[board.site >= 0], minlength=len(board.inst.sites))
    largest = int(size.max())
    before = board.plan.copy()
    assert reshuffle(board, np.random.default_rng(0), 200, largest + 1) == 0
    assert (board.plan == before).all()
    reshuffle(board, np.random.default_rng(0), 200, largest)
    changed = np.unique(board.site[(board.plan != before).any(1)])
    assert (size[changed] == largest).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_chosen_is_worth_what_the_board_says_then(seed: int) -> None:
    people, known = searched(seed)
    board = people.search.board
    assembly = Assembly(board, known, seed)
    value = board.value()
    assembly.gather(lambda: False)
    teams = assembly.choose(20.0)
    assert teams is not None
    cadres = np.concatenate([assembly.cadre[t.rows] for t in teams])
    assert len(set(cadres.tolist())) == len(cadres)
    assert len({t.site for t in teams}) == len(teams)
    gain = assembly.put(teams)
    assert board.value() == pytest.approx(value + gain)
    aside = np.flatnonzero((board.site >= 0) & (assembly.cuts.group[board.site] < 0))
    if gain > 0:
        assert sum(t.value for t in teams) - board.costs()[aside].sum() == pytest.approx(board.value(), abs=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_team_gives_what_its_roster_gives(seed: int) -> None:
    people, _ = searched(seed)
    board = people.search.board
    deck, value, inst = board.field.deck, board.worth.arrays(), board.inst
    nobody, worth = np.zeros_like(board.staffed), np.zeros(1)
    for j in np.unique(board.site[board.site >= 0]):
        if board.field.site_pattern[j] < 0:
            continue
        team = board.team(j)
        shapes = inst.shape[team, board.batch[team]][None].astype(np.int64)
        plans = board.plan[team][None].astype(np.int16)
        own = np.zeros_like(board.staffed)
        row, day = np.nonzero(plans[0] >= 0)
        np.add.at(own, (plans[0][row, day], day), 1)
        offer, seed_ = offers(deck, value, nobody), np.array([5], np.uint64)
        rated(deck, value, nobody, offer, int(j), shapes, plans, 0, seed_, worth)
        idle = (board.plan[team] < 0).all(1).any()
        assert worth[0] == pytest.approx(board.worth.benefit(own).sum()) or idle
        held = worth[0]
        rated(deck, value, nobody, offer, int(j), shapes, plans, 40, seed_, worth)
        assert worth[0] >= held - 1e-9
        now = np.zeros_like(board.staffed)
        row, day = np.nonzero(plans[0] >= 0)
        np.add.at(now, (plans[0][row, day], day), 1)
        assert worth[0] == pytest.approx(board.worth.benefit(now).sum())
        assert not nobody.any()


def test_what_the_lp_leaves_open_is_decided_in_whole_teams() -> None:
    people, known = next(
        (p, k) for p, k in map(searched, SEEDS) if not (p.inst.must >= 0).any() and (p.best.site >= 0).sum() > 2
    )
    board = people.search.board
    assembly = Assembly(board, known, 0)
    posted = np.flatnonzero(board.site >= 0)[:3]
    a, b, c = assembly.number[posted, board.batch[posted]].tolist()
    sites = np.flatnonzero(board.field.site_pattern >= 0)[:3].tolist()
    plan = np.full((2, board.inst.days), -1, np.int16)
    # any two of three people: half of each pair is worth most in fractions
    pairs = [(a, b), (b, c), (a, c)]
    for site, pair in zip(sites, pairs, strict=True):
        rows = np.sort(np.array(pair))
        assembly.pool[site, rows.tobytes()] = Team(site, rows, 10.0, plan)
    single = np.array([c])
    assembly.pool[sites[1], single.tobytes()] = Team(sites[1], single, 4.0, plan[:1])
    teams = assembly.choose(10.0)
    assert teams is not None
    best = max(
        10.0 * sum(x) + 4.0 * y
        for *x, y in product((0, 1), repeat=4)
        if x[0] + x[2] <= 1 and x[0] + x[1] <= 1 and x[1] + x[2] + y <= 1 and x[1] + y <= 1
    )
    assert sum(t.value for t in teams) == pytest.approx(best)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_lp_in_parts_chooses_as_well_as_one_of_all(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sums, sizes = [], []
    people, known = searched(seed)
    for part in (10**6, 7):
        monkeypatch.setattr(fractions, "PART", part)
        assembly = Assembly(people.search.board, known, seed)
        assembly.gather(lambda: False)
        teams = list(assembly.pool.values())
        model = assembly._model(teams)
        x = assembly._fractions(model, teams, None)
        assert x is not None
        sums.append(model.cost @ x)
        sizes.append((len(assembly.lp.inside), len(teams)))
    assert sums[0] == pytest.approx(sums[1])
    assert sizes[0][0] == sizes[0][1]
    assert sizes[1][0] < sizes[1][1]


def test_from_the_second_time_on_prices_are_those_of_the_lp_and_no_column_is_missed() -> None:
    more = 0
    for seed in SEEDS:
        people, known = searched(seed)
        assembly = Assembly(people.search.board, known, seed)
        values = []
        for _ in range(3):
            assembly.gather(lambda: False)
            teams = assembly.choose(None)
            assert teams is not None
            model = assembly._model(list(assembly.pool.values()))
            assert not len(assembly.lp._missed(model))
            values.append(-model.cost[assembly.lp.inside] @ assembly.lp.x)
            assembly.reprice()
            assert (assembly.pay >= 0).all()
            assert len(assembly.pool) == len(assembly.lp.inside)
        assert (np.diff(values) >= -1e-6).all()
        more += values[-1] > values[0] + 1e-6
    assert more


def test_what_the_lp_took_goes_over_to_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in SEEDS:
        people, known = searched(seed)
        assembly = Assembly(people.search.board, known, seed)
        assembly.reprice()
        assembly.gather(lambda: False)
        many = len(assembly.pool)
        assert assembly.choose(None) is not None
        before = -assembly._model(list(assembly.pool.values())).cost[assembly.lp.inside] @ assembly.lp.x
        monkeypatch.setattr(assembly_, "KEPT", int((assembly.lp.x > 0).sum()) + len(assembly.lp.duals))
        assembly.reprice()
        assert len(assembly.pool) < many
        again = assembly._model(list(assembly.pool.values()))
        assert -again.cost @ assembly.lp.x == pytest.approx(before)
        for j in np.unique(people.search.board.site[people.search.board.site >= 0]):
            assembly._held(int(j))
        assert assembly.choose(None) is not None
        after = -assembly._model(list(assembly.pool.values())).cost[assembly.lp.inside] @ assembly.lp.x
        assert after >= before - 1e-6


def test_an_lp_that_has_no_time_chooses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    people, known = searched(0)
    assembly = Assembly(people.search.board, known, 0)
    assembly.gather(lambda: False)
    solve = engine.solve

    def late(*given: object, **limits: object) -> engine.Answer:
        return replace(solve(*given, **limits), reason="feasible/time")  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "solve", late)
    assert assembly.choose(1.0) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_teams_that_the_proof_tells_of_are_among_the_columns(seed: int) -> None:
    people, known = searched(seed)
    board, inst = people.search.board, people.inst
    sites = [j for j in np.unique(board.site[board.site >= 0]) if board.field.site_pattern[j] >= 0]
    teams = [(int(j), board.team(j), board.batch[board.team(j)]) for j in sites]
    # one team is too many of a kind: nobody else is like the first cadre twice over
    many = np.full(len(inst.cadres) + 1, teams[0][1][0])
    told = (*teams, (teams[0][0], many, np.full(len(many), teams[0][2][0])))
    assembly = Assembly(board, replace(known, teams=told), seed)
    assert sum(map(len, assembly.told.values())) == len(teams)
    key = np.column_stack([inst.shape, inst.home, inst.previous])
    for j, cadres, batches in teams:
        rows = assembly.told[j][0]
        like = np.column_stack([key[assembly.cadre[rows]], assembly.batch[rows]])
        asked = np.column_stack([key[cadres], batches])
        assert sorted(map(tuple, like.tolist())) == sorted(map(tuple, asked.tolist()))
    assembly.gather(lambda: False)
    for j, *_ in teams:
        assert (j, assembly.told[j][0].tobytes()) in assembly.pool


def test_a_choice_that_is_worse_is_not_put() -> None:
    people, known = searched(0)
    board = people.search.board
    before, value = board.copy(), board.value()
    assert Assembly(board, known, 0).put([]) == 0.0
    assert board.value() == value
    assert (board.plan == before.plan).all()
    assert (board.site == before.site).all()


def test_what_work_beside_leaves_is_there_at_once() -> None:
    def work(watch: Watch) -> int:
        assert watch.share is not None
        for n in range(3):
            watch.share({"prices": np.full(5, n)})
        watch.tell("ready")
        time.sleep(0.5)
        return 7

    news: list[Progress] = []
    running = Beside(work, Watch(Limits(60.0), news.append), True)
    while not news:
        running.hear()
        time.sleep(0.01)
    assert (running.shared()["prices"] == 2).all()
    assert running.result() == 7


def test_work_beside_sees_what_it_is_shown_last() -> None:
    def work(watch: Watch) -> list[int]:
        assert watch.look is not None
        seen = [watch.look()]
        watch.tell("ready")
        while seen[-1] is None or seen[-1][0] < 2:
            seen.append(watch.look())
        return [int(s[0]) for s in seen if s is not None]

    news: list[Progress] = []
    running = Beside(work, Watch(Limits(60.0), news.append), True)
    while not news:
        running.hear()
        time.sleep(0.01)
    for n in range(3):
        running.show(np.full(5, n))
    assert running.result()[-1] == 2
    running.show("late")


def test_long_solves_put_the_plan_together_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "COMPACT", 0)
    monkeypatch.setattr(timetable, "ASSEMBLED", ((1.0, 0.45),))
    found = city(5, cadres=60, sites=20, days=14, items=3)
    news: list[Progress] = []
    limits = Limits(seconds=16, processes=1)
    made = pipeline.solve(found, limits, Watch(limits, news.append))
    assert verifier.verify(found, made) == []
    assert made.objective is not None
    assert made.bound is not None
    assert made.bound <= made.objective
    assert any("together anew" in n.note for n in news)


def test_work_on_the_spot_leaves_what_it_has_once_it_is_done() -> None:
    def work(watch: Watch) -> int:
        assert watch.share is not None
        watch.share("first")
        watch.share("last")
        return 1

    doing = Beside(work, Watch(), False)
    assert doing.shared() is None
    assert doing.result() == 1
    assert doing.shared() == "last"


def test_no_more_is_shared_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "ROOM", 4096)
    shelf = Shelf(multiprocessing.get_context("fork").Lock())
    assert shelf.get() is None
    shelf.put("first")
    shelf.put(np.zeros(10_000))
    assert shelf.get() == "first"

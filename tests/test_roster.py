"""The roster model: schedules against all schedules, rosters against all rosters, judged from the file."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from allocator import curtois
from allocator.certificate import Status
from allocator.limits import Limits, Watch
from allocator.models import engine, greedy, roster, schedules, spans
from allocator.models.master import Duals, Master
from allocator.models.schedules import Pricer
from allocator.models.simplex import Simplex
from allocator.models.team import OFF, Team
from tests import rosters

INF = np.inf
ONE, TWO, THREE = {"D": 480}, {"E": 480, "N": 600}, {"E": 480, "L": 480, "N": 600}


def team(tmp_path: Path, seed: int, people: int, days: int, lengths: dict[str, int]) -> tuple[str, Team]:
    text = rosters.invent(seed, people, days, lengths)
    path = tmp_path / "team.txt"
    path.write_text(text)
    return text, curtois.read(path).team


def named(found: np.ndarray, lengths: dict[str, int]) -> dict[str, rosters.Schedule]:
    names = list(lengths)
    return {f"P{p}": {d: names[t] for d, t in enumerate(row) if t >= 0} for p, row in enumerate(found)}


def solve(found: Team, seconds: float = 20.0, processes: int = 1) -> roster.Roster:
    return roster.solve(found, Watch(Limits(seconds, 0.0, 1, processes)))


# ---- schedules of one person


@pytest.mark.parametrize("widest", [schedules.WIDEST, 1])
@pytest.mark.parametrize("seed", range(12))
def test_the_cheapest_schedule_is_the_cheapest_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, widest: int
) -> None:
    monkeypatch.setattr(schedules, "WIDEST", widest)
    text, found = team(tmp_path, seed, 3, 8, TWO)
    rng = np.random.default_rng(seed)
    cost = rng.integers(-9, 6, found.shape).astype(float)
    off = np.where(rng.random(found.shape[:2]) < 0.1, INF, 0.0)
    priced = Pricer(found).price(cost, off, np.full(3, INF), each=3)
    rules = rosters.Rules(text)
    for person, line in enumerate(rules.sections["SECTION_STAFF"]):
        best = cheapest(rules, line, cost[person], off[person])
        found_costs = priced.costs[priced.people == person]
        if widest > 1:
            assert priced.least[person] == best
        assert priced.least[person] <= best
        assert found_costs.min(initial=INF) >= best - 1e-9
        assert (len(found_costs) > 0) == np.isfinite(best)
    for person, schedule, total in zip(priced.people, priced.schedules, priced.costs, strict=True):
        chosen = {d: list(TWO)[t] for d, t in enumerate(schedule) if t >= 0}
        assert rosters.faults_of(rules, rules.sections["SECTION_STAFF"][person], chosen) == []
        assert total == pytest.approx(sum(cost[person, d, t] for d, t in enumerate(schedule) if t >= 0))


def cheapest(rules: rosters.Rules, line: list[str], cost: np.ndarray, off: np.ndarray) -> float:
    names = list(TWO)
    best = INF
    for choice in itertools.product((OFF, 0, 1), repeat=rules.days):
        total = sum(off[d] if t == OFF else cost[d, t] for d, t in enumerate(choice))
        if total < best:
            schedule = {d: names[t] for d, t in enumerate(choice) if t != OFF}
            best = best if rosters.faults_of(rules, line, schedule) else total
    return best


def test_a_binding_limit_gets_an_axis(tmp_path: Path) -> None:
    _, found = team(tmp_path, 0, 1, 14, TWO)
    found = replace(found, most=np.array([[14, 2]]), present=np.ones((1, 14), dtype=bool))
    cost = np.zeros((1, 14, 2))
    cost[:, :, 1] = -1.0
    pricer = Pricer(found)
    for _ in range(schedules.STRAIN):
        assert pricer.price(cost, np.zeros((1, 14)), np.full(1, INF)).least[0] == -2.0
    assert pricer.counted(0) == (1,)


# ---- the master and its bound


@pytest.mark.parametrize("seed", range(6))
def test_any_duals_prove_a_bound(tmp_path: Path, seed: int) -> None:
    text, found = team(tmp_path, seed, 2, 6, TWO)
    best = rosters.best(rosters.Rules(text))
    assert best is not None
    master = Master(found)
    rng = np.random.default_rng(seed)
    for _ in range(10):
        cover = rng.uniform(-found.over, found.under)
        assert found.base + master.price(Duals(cover, np.zeros(2)))[0] <= best + 1e-6
    assert 0 <= found.floor <= best
    value, bound = master.converge()
    assert found.base + bound <= found.base + value + 1e-6
    assert found.bound(found.base + bound) <= best


def test_columns_and_bounds_change_as_in_a_model_built_anew() -> None:
    rng = np.random.default_rng(0)
    rows, side = 6, np.arange(1.0, 7.0)
    simplex = Simplex(side, np.full(rows, INF))
    costs: list[float] = []
    entries: list[np.ndarray] = []
    upper: list[float] = []
    for step in range(8):
        fresh = [np.sort(rng.choice(rows, 3, replace=False)) for _ in range(4)]
        fresh.append(np.arange(rows))
        price = rng.integers(1, 9, 5).astype(float)
        simplex.add(price, fresh)
        costs, entries, upper = [*costs, *price], [*entries, *fresh], [*upper, *[INF] * 5]
        shut = int(rng.integers(len(costs) - 1))
        if shut % 5 != 4:
            simplex.bound(np.array([shut]), 0.0, 1.0)
            upper[shut] = 1.0
        point = simplex.solve(dual=bool(step % 2))
        model = engine.Model(
            np.array(costs),
            np.concatenate(entries),
            np.repeat(np.arange(len(costs)), [len(e) for e in entries]),
            np.ones(sum(len(e) for e in entries)),
            side,
            np.full(rows, INF),
            upper=np.array(upper),
        )
        assert point is not None
        assert point.objective == pytest.approx(engine.solve(model).objective)
        assert engine.dual_bound(model, point.duals) == pytest.approx(point.objective)


# ---- rosters


@pytest.mark.parametrize("seed", range(8))
def test_small_rosters_are_the_best_of_all(tmp_path: Path, seed: int) -> None:
    lengths = TWO if seed % 2 else ONE
    text, found = team(tmp_path, seed, 2, 6 if seed % 2 else 8, lengths)
    best = rosters.best(rosters.Rules(text))
    answer = solve(found)
    if best is None:
        assert answer.shifts is None
        return
    assert answer.shifts is not None
    assert answer.certificate.status is Status.OPTIMAL
    assert answer.certificate.objective == answer.certificate.bound == best


@pytest.mark.parametrize("processes", [1, 2])
def test_a_team_of_ten(tmp_path: Path, processes: int) -> None:
    text, found = team(tmp_path, 5, 10, 14, THREE)
    heard: list[float] = []
    watch = Watch(Limits(4.0, 0.0, 1, processes), lambda news: heard.append(news.objective or 0.0))
    answer = roster.solve(found, watch)
    judged(text, answer, THREE)
    proof = answer.certificate
    assert proof.bound is not None
    assert proof.objective is not None
    assert proof.objective - proof.bound <= 3
    assert heard[0] >= heard[-1] == proof.objective


def judged(text: str, answer: roster.Roster, lengths: dict[str, int]) -> None:
    """Judge an answer by the file alone."""
    rules = rosters.Rules(text)
    assert answer.shifts is not None
    chosen = named(answer.shifts, lengths)
    assert rosters.faults(rules, chosen) == []
    proof = answer.certificate
    assert proof.objective == pytest.approx(rosters.cost(rules, chosen))
    assert proof.bound is not None
    assert 0 <= proof.bound <= proof.objective


def test_the_same_seed_gives_the_same_roster(tmp_path: Path) -> None:
    _, found = team(tmp_path, 3, 6, 14, TWO)
    first, second = solve(found), solve(found)
    np.testing.assert_array_equal(first.shifts, second.shifts)


def test_those_without_a_schedule_are_named(tmp_path: Path) -> None:
    _, found = team(tmp_path, 1, 3, 7, ONE)
    never = found.present.copy()
    never[1] = False
    answer = solve(replace(found, present=never, min_minutes=np.full(3, 480)))
    assert answer.shifts is None
    assert answer.stuck == (1,)
    assert answer.certificate.status is Status.UNKNOWN


def test_no_time_still_gives_a_roster(tmp_path: Path) -> None:
    text, found = team(tmp_path, 2, 10, 28, THREE)
    judged(text, solve(found, seconds=1e-3), THREE)


# ---- long horizons


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut every horizon into short windows."""
    monkeypatch.setattr(spans, "WORK", 0.0)
    monkeypatch.setattr(spans, "SPAN", 14)
    monkeypatch.setattr(spans, "KEPT", 7)


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.usefixtures("cut")
def test_a_long_horizon_goes_window_by_window(tmp_path: Path, processes: int) -> None:
    text, found = team(tmp_path, 4, 5, 35, TWO)
    first = spans.build(found, np.random.default_rng(1))
    assert first is not None
    answer = solve(found, 4.0, processes)
    judged(text, answer, TWO)
    assert answer.certificate.objective is not None
    assert answer.certificate.objective < found.value(first)
    assert answer.certificate.bound is not None


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.usefixtures("cut")
def test_windows_that_leave_no_way_on_still_make_a_roster(tmp_path: Path, seed: int) -> None:
    text, found = team(tmp_path, 4, 5, 35, TWO)
    first = spans.build(found, np.random.default_rng(seed))
    assert first is not None
    assert rosters.faults(rosters.Rules(text), named(first, TWO)) == []


@pytest.mark.usefixtures("cut")
def test_a_long_horizon_in_no_time(tmp_path: Path) -> None:
    text, found = team(tmp_path, 4, 5, 35, TWO)
    judged(text, solve(found, seconds=1e-3), TWO)


@pytest.mark.parametrize("seed", range(6))
def test_a_plain_schedule_keeps_all_limits(tmp_path: Path, seed: int) -> None:
    text, found = team(tmp_path, seed, 4, 28, TWO)
    rules = rosters.Rules(text)
    plain = [greedy.plain(found, person) for person in range(4)]
    assert any(schedule is not None for schedule in plain)
    for person, schedule in enumerate(plain):
        if schedule is not None:
            chosen = named(schedule[None], TWO)["P0"]
            assert rosters.faults_of(rules, rules.sections["SECTION_STAFF"][person], chosen) == []
            assert len(set(chosen.values())) <= 1


@pytest.mark.usefixtures("cut")
def test_bounds_of_windows_add_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = team(tmp_path, 6, 3, 14, TWO)
    proved = solve(found, 3.0).certificate.bound
    monkeypatch.setattr(spans, "WORK", 1e12)
    best = solve(found).certificate
    assert best.status is Status.OPTIMAL
    assert proved is not None
    assert best.objective is not None
    assert proved <= best.objective


@pytest.mark.parametrize("seed", range(4))
def test_a_window_allows_what_was_there(tmp_path: Path, seed: int) -> None:
    _, found = team(tmp_path, seed, 6, 28, TWO)
    pricer, rng = Pricer(found), np.random.default_rng(seed)
    whole = greedy.build(found, pricer, rng)
    assert whole is not None
    for first in (0, 7, 14, 21):
        for last in range(first + 7, 29, 7):
            part, inner = spans.between(found, whole, first, last), whole[:, first:last]
            free = np.full(part.shape, INF)
            people, days = np.nonzero(inner >= 0)
            free[people, days, inner[people, days]] = -1.0
            off = np.where(inner >= 0, INF, 0.0)
            priced = Pricer(part).price(free, off, np.full(len(inner), INF))
            np.testing.assert_array_equal(priced.least, -(inner >= 0).sum(axis=1))

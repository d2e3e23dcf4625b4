"""Large scenarios part by part: what a part is, that plans keep every rule, that the bound holds for the whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cities
import numpy as np
import pandas as pd
import pytest
from oracle import optimum
from test_scenarios import SMALL

from allocator import city, executor, parts, pipeline, province, scenario, verifier
from allocator.limits import Limits, Progress, Watch
from allocator.models import beyond, proof
from allocator.models.proved import Proved
from allocator.scenario import Scenario

SHAPE: dict[str, Any] = {"cadres": 3, "sites": 2, "days": 4, "items": 1, "duties": 2, "closed": False, "odd": False}


def double(seed: int, folder: Path, times: float = 2) -> Scenario:
    """A tiny city and its copy beside it, near enough to work in the other."""
    found = cities.city(seed, **SHAPE)
    while not len(found.table("depots")):
        seed += 1000
        found = cities.city(seed, **SHAPE)
    city.write(found, times, seed, folder)
    return scenario.read(folder)


def inline(
    job: Callable[[Any, Any], Any], shared: bytes, tasks: Mapping[str, Any], scheduler: str | None, workers: int
) -> Iterator[tuple[str, Any]]:
    for key in reversed(tasks):
        yield key, job(shared, tasks[key])


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever can be taken apart is; the jobs run here."""
    monkeypatch.setattr(parts, "LARGE", 0)
    monkeypatch.setattr(parts, "SMALL", 1)
    monkeypatch.setattr(executor, "run", inline)


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """Three copies of the small scenario."""
    folder = tmp_path_factory.mktemp("towns") / "three"
    city.write(scenario.read(SMALL), 3, 1, folder)
    return scenario.read(folder)


# ---- parts


def test_a_scenario_of_usual_size_is_not_taken_apart(towns: Scenario) -> None:
    assert parts.division(towns) is None


@pytest.mark.usefixtures("apart")
def test_parts_are_the_copies(towns: Scenario) -> None:
    division = parts.division(towns)
    assert division is not None
    found = division.parts()
    one = scenario.read(SMALL)
    assert len(found) == 3
    for part in found:
        for name in ("sites", "cadres", "demand", "needs", "stock", "leave", "depots", "suppliers"):
            assert len(part.scenario.table(name)) == len(one.table(name)), name
        assert [b.size for b in part.scenario.settings.batches] == [b.size for b in one.settings.batches]
        assert len({str(s).partition(".")[2] for s in part.scenario.table("sites")["site"]}) == 1


@pytest.mark.usefixtures("apart")
def test_parts_hold_every_row_once_and_share_what_is_common(towns: Scenario) -> None:
    division = parts.division(towns)
    assert division is not None
    found = [p.scenario for p in division.parts()]
    for name in ("sites", "cadres", "demand", "needs", "stock", "deliveries", "leave", "lanes", "pins", "previous"):
        assert sum(len(p.table(name)) for p in found) == len(towns.table(name)), name
    for k, batch in enumerate(towns.settings.batches):
        assert sum(p.settings.batches[k].size for p in found) == batch.size
    budget = sum(p.settings.supply.budget for p in found)
    assert towns.settings.supply.budget - 0.01 * len(found) <= budget <= towns.settings.supply.budget


@pytest.mark.usefixtures("apart")
def test_who_is_named_for_a_batch_has_a_place_in_it(towns: Scenario) -> None:
    first = towns.settings.batches[0]
    cadres = towns.table("cadres").copy()
    ours = cadres["cadre"].str.endswith(".2").to_numpy()
    cadres["batch"] = np.where(ours & (np.cumsum(ours) <= first.size // 2), first.id, "")
    found = parts.Division(towns.change({"cadres": cadres})).parts()
    for part in found:
        named = (part.scenario.table("cadres")["batch"] == first.id).sum()
        assert named <= part.scenario.settings.batches[0].size
    assert sum(p.scenario.settings.batches[0].size for p in found) == first.size


@pytest.mark.usefixtures("apart")
def test_a_part_is_a_sound_scenario(towns: Scenario, tmp_path: Path) -> None:
    division = parts.division(towns)
    assert division is not None
    for k, part in enumerate(division.parts()):
        scenario.write(part.scenario, tmp_path / str(k))
        assert scenario.read(tmp_path / str(k)).table("cadres").equals(part.scenario.table("cadres"))


@pytest.mark.usefixtures("apart")
def test_one_depot_for_all_keeps_a_scenario_together() -> None:
    assert parts.division(scenario.read(SMALL)) is None


def test_small_parts_join_the_nearest(towns: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LARGE", 0)
    people = len(towns.table("cadres")) // 3
    monkeypatch.setattr(parts, "SMALL", people + 1)
    monkeypatch.setattr(parts, "MOST", 2 * people)
    division = parts.division(towns)
    assert division is not None
    assert sorted(len(division.members(k)) for k in range(division.count)) == [people, 2 * people]


@pytest.mark.usefixtures("apart")
def test_who_is_pinned_belongs_where_the_pin_is(towns: Scenario) -> None:
    cadre = next(c for c in towns.table("cadres")["cadre"] if "." not in c)
    site = next(s for s in towns.table("sites")["site"] if s.endswith(".2"))
    pins = towns.table("pins")
    pins = pins[pins["cadre"] != cadre]
    moved = pins.iloc[:0].copy()
    moved.loc[0] = {"cadre": cadre, "site": site, "kind": "must", "first_day": -1}
    found = parts.Division(towns.change({"rules.max_travel": 100000, "pins": moved.astype(pins.dtypes)}))
    assert found.of["cadre"][cadre] == found.of["site"][site]


@pytest.mark.usefixtures("apart")
def test_who_may_work_in_a_part_is_never_left_out(towns: Scenario) -> None:
    from allocator.instance import instance

    division = parts.division(towns)
    assert division is not None
    whole = instance(towns)
    for k in range(division.count):
        here = division.of["site"].to_numpy() == k
        able = np.isfinite(whole.minutes[:, here]).any(1) & ((whole.must < 0) | here[whole.must])
        assert set(np.flatnonzero(able)) <= set(division.within(k).tolist())


# ---- plans and bounds


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("seed", range(12))
def test_a_bound_of_parts_is_below_the_optimum_of_the_whole(seed: int, tmp_path: Path) -> None:
    found = double(seed, tmp_path / "two")
    if parts.division(found) is None:
        pytest.skip("the copies hang together")
    truth = optimum(found)
    made = pipeline.solve(found, Limits(seconds=2))
    assert verifier.verify(found, made) == []
    assert truth.exact
    assert truth.objective is not None
    assert made.objective is not None
    assert made.bound is not None
    slack = 1e-6 * truth.scale
    assert made.bound <= truth.objective + slack
    assert made.objective >= truth.objective - slack


@pytest.mark.usefixtures("apart")
@pytest.mark.parametrize("seed", range(0, 12, 2))
def test_whole_people_counted_at_the_prices_of_the_whole_bound_it(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(province, "COUNTED", 0.0)
    monkeypatch.setattr("allocator.models.peers.SOME", 0)
    looked: list[tuple[float, float]] = []
    most = beyond.most

    def both(*given: Any) -> float:
        assert given[-1] > 0
        looked.append((most(*given), most(*given[:-1])))
        return looked[-1][0]

    monkeypatch.setattr(beyond, "most", both)
    found = double(seed, tmp_path / "two")
    if parts.division(found) is None:
        pytest.skip("the copies hang together")
    made = pipeline.solve(found, Limits(seconds=4, processes=1))
    truth = optimum(found)
    assert truth.objective is not None
    assert made.bound is not None
    assert made.bound <= truth.objective + 1e-6 * truth.scale
    assert len(looked) == 2
    assert all(counted <= plain + 1e-3 for counted, plain in looked)


@pytest.mark.parametrize("seed", range(10))
def test_prices_of_fairness_of_all_parts_take_no_more_than_the_whole_pays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts_, weight, most = [], 3.0, 0.0
    for part in "ab":
        need = rng.integers(1, 40, 3).astype(float)
        codes = [f"{part}{n}" for n in range(3)]
        frame = pd.DataFrame({"price": rng.choice([0.0, weight, 1.3], 3), "need": need}, codes)
        # where people of both parts live and nobody is asked for
        frame.loc["home"] = [weight, 0.0]
        parts_.append(SimpleNamespace(fair=frame))
    added = province._fair(parts_)  # type: ignore[arg-type]
    need = pd.concat([p.fair["need"] for p in parts_])[added.index]
    for _ in range(200):
        held = np.floor(rng.random(len(need)) * (need + 1))
        paid = weight * np.maximum(0.0, held.sum() / need.sum() * need - held).sum()
        assert -float(added @ held) <= paid + 1e-9
        most = max(most, -float(added @ held) / max(paid, 1e-9))
    assert most > 0.3


@pytest.mark.usefixtures("apart")
def test_a_plan_of_parts_is_verified_proved_and_told(towns: Scenario) -> None:
    news: list[Progress] = []
    limits = Limits(seconds=12, processes=1)
    made = pipeline.solve(towns, limits, Watch(limits, news.append))
    assert verifier.verify(towns, made) == []
    assert made.bound is not None
    assert made.gap is not None
    assert made.gap < 0.5
    assert [c.stage for c in made.certificates] == ["staffing", "supply", "plan"]
    halves = sum(c.objective or 0 for c in made.certificates[:2])
    assert halves == pytest.approx(made.objective)
    notes = [n.note for n in news if n.stage == "parts"]
    assert "3 of 3 planned" in " ".join(notes)
    assert "3 of 3 bounds" in " ".join(notes)


@pytest.mark.usefixtures("apart")
def test_the_first_part_has_time_to_learn_what_the_others_begin_with(
    towns: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[province.Given] = []
    plan = province._plan

    def noted(shared: bytes, task: bytes) -> province.Planned:
        given.append(province._shared(shared))
        return plan(shared, task)

    monkeypatch.setattr(province, "_plan", noted)
    monkeypatch.setattr(province, "LEARNING", 0.5)
    pipeline.solve(towns, Limits(seconds=12, processes=1))
    first, *others = given
    assert first.limits.seconds == pytest.approx(6.0)
    assert first.like is None
    assert len(others) == 2
    assert all(g.like is not None and g.like.named for g in others)
    assert all(0 < (g.limits.seconds or 0) < 6 for g in others)


def test_with_a_proof_of_a_like_city_there_is_always_time_for_one(towns: Scenario) -> None:
    long = Limits(seconds=20)
    learnt = pipeline.Solve(towns, long, Watch(long))
    learnt.decide()
    soon = Limits(seconds=0.01)
    alone, taught = (pipeline.Solve(towns, soon, Watch(soon), like=like) for like in (None, learnt.proved))
    for one in (alone, taught):
        one.decide()
    assert learnt.proved is not None
    assert alone.proved is not None
    assert taught.proved is not None
    assert not alone.proved.named
    assert taught.proved.named == learnt.proved.named
    plan = learnt.people.best
    value = taught.people.objective(plan) + float((taught.people.toll * plan.staffed).sum())
    assert alone.proved.bound < taught.proved.bound <= value


def test_a_proof_that_says_less_than_the_first_bound_is_not_kept(
    towns: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Proved] = []
    solve = proof.solve

    def worse(*question: Any) -> Proved:
        said.append(dataclasses.replace(solve(*question), bound=-1.0))
        return said[-1]

    monkeypatch.setattr(proof, "solve", worse)
    one = pipeline.Solve(towns, Limits(seconds=6), Watch(Limits(seconds=6)))
    one.decide()
    assert said
    assert one.proved is not None
    assert one.proved.bound > 0


@pytest.mark.usefixtures("apart")
def test_a_solve_of_parts_starts_from_a_plan(towns: Scenario) -> None:
    first = pipeline.solve(towns, Limits(seconds=6))
    again = pipeline.solve(towns, Limits(seconds=6, rounds=1, prove=False), None, first)
    assert verifier.verify(towns, again) == []
    assert again.bound is None
    assert again.objective is not None
    assert first.objective is not None
    assert again.objective <= first.objective * 1.001


@pytest.mark.usefixtures("apart")
def test_a_solve_that_is_stopped_still_has_a_plan_of_every_part(towns: Scenario) -> None:
    limits = Limits(seconds=60)
    watch = Watch(limits)
    watch.stop()
    made = pipeline.solve(towns, limits, watch)
    assert verifier.verify(towns, made) == []


def test_parts_run_in_processes_of_their_own(towns: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LARGE", 0)
    monkeypatch.setattr(parts, "SMALL", 1)
    made = pipeline.solve(towns, Limits(seconds=6, processes=2))
    assert verifier.verify(towns, made) == []
    assert made.bound is not None

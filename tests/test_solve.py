"""Whole plans of tiny cities against the plain MIP: value, bound, rules, repeatability.

With `-s -n 0` the module ends with a line of figures: how often the optimum is met and proved.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import extensive
import numpy as np
import pytest
from cities import city
from oracle import OracleAnswer, optimum

from allocator import exact, pipeline, plan, verifier
from allocator.limits import Limits, Progress, Watch
from allocator.models.proved import Proved
from allocator.plan import Plan
from allocator.scenario import Scenario
from allocator.timetable import Timetable

CHUNK, CHUNKS = 10, 22
BRIEF = Limits(seconds=1)
TOLERANCE = 1e-6
BUSY = {"cadres": 9, "sites": 5, "days": 9, "items": 2, "duties": 2}


@dataclass(frozen=True)
class Case:
    """How one city came out."""

    seed: int
    gap: float
    met: bool
    """The objective is the optimum."""


seen: list[Case] = []


@pytest.fixture(autouse=True)
def claims(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every bound the pipeline was told, before it picks the best: a wrong one must not hide behind the plan."""
    told: list[float] = []
    proof = pipeline.Proof

    def listening(*parts: float, **named: float) -> pipeline.Proof:
        made = proof(*parts, **named)
        told.append(made.whole)
        return made

    monkeypatch.setattr(pipeline, "Proof", listening)
    return told


@pytest.fixture(scope="module", autouse=True)
def figures() -> Iterator[None]:
    yield
    if seen:
        count = len(seen)
        print(
            f"\n{count} cities: mean gap {sum(c.gap for c in seen) / count:.3%}, "
            f"largest {max(c.gap for c in seen):.2%}; "
            f"proved {sum(c.gap <= TOLERANCE for c in seen) / count:.0%}, "
            f"optimum met {sum(c.met for c in seen) / count:.0%}; "
            f"not met: {[c.seed for c in seen if not c.met]}"
        )


@cache
def truth(seed: int) -> OracleAnswer:
    found = city(seed)
    return extensive.optimum(found) if exact.asked(found) else optimum(found)


def open_question(found: Scenario) -> bool:
    """Has the extensive form no row for a term: the shares of districts where sites may open?"""
    return exact.asked(found) and found.settings.weights.fairness > 0


def faults(found: Scenario, made: Plan) -> list[str]:
    """What is wrong with a plan whatever the optimum is."""
    wrong = [str(violation) for violation in verifier.verify(found, made)]
    if made.objective is None or made.bound is None:
        return [*wrong, f"objective {made.objective}, bound {made.bound}"]
    if not (
        math.isfinite(made.bound) and made.bound <= made.objective + TOLERANCE * max(1, abs(made.objective))
    ):
        wrong.append(f"bound {made.bound} above objective {made.objective}")
    return wrong


def disputes(made: Plan, answer: OracleAnswer) -> list[str]:
    """Where a plan's figures contradict the oracle's; an oracle that ran out of time says less."""
    if answer.objective is None or answer.bound is None:
        return [f"the oracle found nothing: {answer.status}"]
    if made.objective is None or made.bound is None or made.gap is None:
        return ["no figures"]
    slack, wrong = TOLERANCE * answer.scale, []
    if made.bound > answer.objective + slack:
        wrong.append(f"bound {made.bound:.9g} is above the optimum {answer.objective:.9g}")
    if made.objective < answer.bound - slack:
        wrong.append(f"objective {made.objective:.9g} is below the optimum {answer.bound:.9g}")
    if made.gap <= TOLERANCE and made.objective > answer.objective + 2 * slack:
        wrong.append(f"proved at {made.objective:.9g}, the optimum is {answer.objective:.9g}")
    return wrong


def judged(seed: int, claims: list[float]) -> list[str]:
    found = city(seed)
    claims.clear()
    if open_question(found):
        return [f"city({seed}): {fault}" for fault in faults(found, pipeline.solve(found, BRIEF))]
    answer, made = truth(seed), pipeline.solve(found, BRIEF)
    wrong = faults(found, made) + disputes(made, answer)
    if answer.objective is not None and max(claims, default=0.0) > answer.objective + TOLERANCE * answer.scale:
        wrong.append(f"bounds claimed {claims}, the optimum is {answer.objective:.9g}")
    if made.objective is not None and made.gap is not None and answer.objective is not None:
        met = made.objective <= answer.objective + TOLERANCE * answer.scale
        seen.append(Case(seed, made.gap, met))
    return [f"city({seed}): {fault}" for fault in wrong]


@pytest.mark.parametrize("chunk", range(CHUNKS), ids=lambda n: f"{n * CHUNK}-{n * CHUNK + CHUNK - 1}")
def test_plans_keep_the_rules_and_bounds_hold(chunk: int, claims: list[float]) -> None:
    wrong = [fault for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK) for fault in judged(seed, claims)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("seed", [1000, 1002, 1003, 1004, 1005, 1007])
def test_busier_cities(seed: int) -> None:
    found = city(seed, **BUSY)
    made = pipeline.solve(found, Limits(seconds=1.5))
    assert faults(found, made) + disputes(made, optimum(found, 12)) == []


def test_the_small_scenario(small: Scenario) -> None:
    """The oracle proves little here in time; what it has is still a test of both sides."""
    made = pipeline.solve(small, Limits(seconds=5))
    assert faults(small, made) + disputes(made, optimum(small, 15)) == []


def files(made: Plan, folder: Path, found: Scenario) -> dict[str, bytes]:
    plan.write(made, folder, found.settings.start)
    return {p.name: p.read_bytes() for p in sorted(folder.glob("*.csv"))}


@pytest.mark.parametrize(("seed", "options"), [(3, {}), (11, {}), (1002, BUSY)])
def test_the_same_seed_gives_the_same_tables(seed: int, options: dict[str, int], tmp_path: Path) -> None:
    first, again = (
        files(pipeline.solve(found := city(seed, **options), Limits(seed=5)), tmp_path / name, found)
        for name in ("first", "again")
    )
    assert first == again


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_stopped_at_once_there_is_still_a_plan_and_a_bound(seed: int) -> None:
    watch = Watch(Limits())
    watch.stop()
    found = city(seed)
    made = pipeline.solve(found, watch.limits, watch)
    assert faults(found, made) == []
    assert open_question(found) or disputes(made, truth(seed)) == []


@pytest.mark.parametrize("seed", range(1, 41, 4))
def test_stopped_at_the_first_news_there_is_still_a_plan_and_a_bound(seed: int) -> None:
    watch = Watch(Limits())

    def stop(_: Progress) -> None:
        watch.stop()

    watch.listen = stop
    found = city(seed)
    made = pipeline.solve(found, watch.limits, watch)
    assert faults(found, made) == []
    assert open_question(found) or disputes(made, truth(seed)) == []


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.05])
def test_hardly_any_time_is_enough_for_a_plan_and_a_bound(seconds: float) -> None:
    for seed in (2, 6):
        found = city(seed)
        made = pipeline.solve(found, Limits(seconds=seconds))
        assert faults(found, made) + disputes(made, truth(seed)) == []


@pytest.mark.parametrize(("seconds", "rounds"), [(None, 40), (math.inf, 40), (5.0, 40), (40.0, 80), (200.0, 400)])
def test_a_long_limit_cools_down_more_slowly(seconds: float | None, rounds: int) -> None:
    limits = Limits(seconds)
    assert pipeline.Solve(city(1), limits, Watch(limits)).timetable.cooling == rounds


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("processes", [1, 2])
def test_the_steps_of_a_solve_follow_one_another(processes: int, large: bool, begun: bool, known: bool) -> None:
    for seconds in (None, math.inf, 0.0, 1e-3, 1.0, 10.0, 49.0, 50.0, 60.0, 149.0, 150.0, 600.0, 1e6):
        for prove in (False, True):
            times = Timetable(Limits(seconds, processes=processes, prove=prove), large, begun, known)
            assert 0 < times.annealed <= times.rounds < times.searched < times.ends <= 1
            assert times.ends >= 0.9
            if not prove:
                continue
            if times.apart:
                assert times.proved == times.ends
                assert times.assembling == (seconds in (50.0, 60.0, 149.0, 150.0, 600.0, 1e6))
                assert not times.in_turn
            else:
                assert times.annealed == times.rounds
                assert times.in_turn == (large and not begun and seconds in (150.0, 600.0, 1e6))
                soon = known and 0 < (seconds or math.inf) < 18
                if large and not times.in_turn:
                    assert times.searched == (0.8 if soon else 0.5)
            if times.in_turn:
                assert times.searched < times.proved < times.anew[0] < times.anew[1] < 1


@pytest.mark.parametrize("seed", [2, 6])
def test_time_that_is_left_goes_into_a_second_proof(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found, proofs, real = city(seed), list[tuple[object, ...]](), pipeline.proof.solve

    def kept(*asked: Any) -> Proved:
        proofs.append(asked)
        return real(*asked)

    monkeypatch.setattr(pipeline.proof, "solve", kept)
    solve = pipeline.Solve(found, Limits(processes=1), Watch(Limits(processes=1)))
    solve.timetable = replace(solve.timetable, large=True)
    made = solve.run()
    assert len(proofs) == 2
    assert proofs[0][-1] is None
    assert proofs[1][-1] is not None
    assert faults(found, made) + disputes(made, truth(seed)) == []


def test_a_first_bound_is_no_lower_for_poor_prices_of_fairness() -> None:
    """Those of a plan that has hardly been worked on may take shifts for dearer, or cheaper, than they are."""
    lower = 0
    for seed in range(8):
        found = city(seed, **BUSY, fairness=20.0)
        watch = Watch(Limits(processes=1))
        solve = pipeline.Solve(found, watch.limits, watch)
        solve._start()
        solve._charge()
        plain = solve._quick_bound(watch)[0].bound
        for district in range(solve.inst.districts):
            solve.people.price = np.zeros(solve.inst.districts)
            solve.people.price[district] = solve.inst.w_fairness
            solve.people._reprice()
            alone = pipeline.quick.prove(*solve._bounded()[:2]).bound
            assert solve._quick_bound(watch)[0].bound == pytest.approx(max(alone, plain))
            lower += alone < plain - 1e-6
    assert lower

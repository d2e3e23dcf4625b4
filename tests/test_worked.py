"""Days worked before the horizon begins count for rest, runs and nights, in model, oracle and verifier."""

from __future__ import annotations

import extensive
import pandas as pd
import pytest
import sound
from cities import city
from oracle import optimum

from allocator import exact, pipeline, verifier
from allocator.errors import InputError
from allocator.limits import Limits
from allocator.scenario import Scenario, read, write

SEEDS = range(40)


@pytest.mark.parametrize("seed", SEEDS)
def test_plans_keep_the_rules_and_the_bound_holds(seed: int) -> None:
    found = city(seed, worked=True)
    plan = pipeline.solve(found, Limits(seconds=20, seed=seed))
    assert verifier.verify(found, plan) == []
    if exact.asked(found) and found.settings.weights.fairness > 0:
        return  # no row for the shares of districts where sites may open
    answer = extensive.optimum(found) if exact.asked(found) else optimum(found, 20)
    assert plan.bound is not None
    assert plan.objective is not None
    if answer.bound is not None:
        assert answer.bound <= plan.objective + 1e-6 * answer.scale
    if answer.exact:
        assert answer.objective is not None
        assert plan.bound <= answer.objective + 1e-6 * answer.scale
        assert plan.objective <= 1.25 * answer.objective + 25, "the search sees the days before"


def test_the_past_costs() -> None:
    """The same city is dearer when its people come tired; somewhere it has to show."""
    dearer = 0
    for seed in SEEDS[:16]:
        tired, fresh = optimum(city(seed, worked=True), 10), optimum(city(seed), 10)
        if tired.exact and fresh.exact:
            assert tired.objective >= fresh.objective - 1e-6 * fresh.scale
            dearer += tired.objective > fresh.objective + 1e-6 * fresh.scale
    assert dearer >= 2


def worked(given: Scenario, *rows: tuple[str, int, str]) -> Scenario:
    return given.change({"worked": pd.DataFrame(rows, columns=["cadre", "day", "shift"])})


def broken(given: Scenario) -> set[str]:
    plan = sound.plan(given)
    return {v.rule for v in verifier.verify(given, plan)}


def first_shift(given: Scenario) -> tuple[str, str]:
    """Somebody of the sound plan who works on the first day, and when."""
    rows = sound.plan(given).tables["assignments"]
    row = rows[rows["day"] == 0].iloc[0]
    return str(row["cadre"]), str(row["shift"])


def test_a_run_that_began_before_is_too_long() -> None:
    given = sound.scenario()
    cadre, shift = first_shift(given)
    rules = given.settings.rules
    most = min(rules.max_run, rules.max_shifts_7_days)
    found = broken(worked(given, *((cadre, -d, shift) for d in range(1, most + 1))))
    assert found & {"max_run", "max_shifts_7_days"}


def test_days_before_are_read_back(tmp_path: object, small: Scenario) -> None:
    given = worked(small, ("C01", -1, "day"), ("C01", -6, "night"))
    write(given, f"{tmp_path}/case")
    again = read(f"{tmp_path}/case")
    assert again.fingerprint == given.fingerprint != small.fingerprint
    assert again.table("worked").to_dict("records") == given.table("worked").to_dict("records")


@pytest.mark.parametrize("day", [-7, 0])
def test_only_the_six_days_before_are_asked_for(small: Scenario, day: int) -> None:
    with pytest.raises(InputError, match="before the horizon, 2020-01-28 to 2020-02-02"):
        worked(small, ("C01", day, "day"))

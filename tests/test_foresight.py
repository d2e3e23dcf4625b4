"""What planning for several cases is worth, and demand nobody planned for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from twins import twin

from allocator import exact, finish, foresight, pipeline, runs, verifier
from allocator.cases import cases, scenario_in
from allocator.limits import Limits
from allocator.plan import Plan
from allocator.recourse import Recourse
from allocator.scenario import Scenario


def planned(seed: int) -> tuple[Scenario, Plan]:
    found = twin(seed)
    return found, pipeline.solve(found, Limits(seconds=60))


@pytest.mark.parametrize("seed", [0, 1, 2, 5, 8])
def test_a_plan_that_follows_its_cases_keeps_the_rules_and_what_was_decided(seed: int) -> None:
    found, plan = planned(seed)
    known = Recourse(found, plan.tables)
    total = 0.0
    for case in cases(found):
        view = scenario_in(found, case.id)
        value = known.follow(view)
        followed = finish.plan(view, Limits(), value, None, ())
        assert {v.rule for v in verifier.verify(view, followed)} == set()
        for name in ("postings", "openings", "reopenings", "orders"):
            assert followed.table(name).equals(plan.table(name)), name
        total += case.probability * value.objective
    assert plan.bound is not None
    assert total >= plan.bound - 1e-6, "no plan scores below the bound, whatever follows"


def test_draws_are_none_of_the_cases_and_keep_what_is_certain() -> None:
    found = twin(0)
    views = [foresight.draw(found, seed) for seed in range(40)]
    for view in views:
        rows = view.table("demand")
        assert (rows["target"] >= rows["required"]).all()
        assert (rows["case"] == "").all()
        assert view.settings.cases == ()
    demand = found.table("demand")
    certain = set(demand["site"]) - set(demand.loc[demand["case"] != "", "site"])
    assert {frozenset(v.table("demand")["site"]) for v in views} == {
        frozenset(scenario_in(found, c.id).table("demand")["site"]) for c in cases(found)
    }
    for view in views[:5]:
        same = view.table("demand")[view.table("demand")["site"].isin(certain)]
        given = demand[demand["site"].isin(certain)]
        assert (
            same[["required", "target"]].to_numpy().tolist()
            == given[["required", "target"]].to_numpy().tolist()
        )
    assert foresight.draw(found, 3).fingerprint == views[3].fingerprint
    assert len({v.fingerprint for v in views}) > 1


def test_the_draws_mean_what_the_cases_mean() -> None:
    found = twin(0)
    rows = [foresight.draw(found, seed).table("isolation_demand")["people"].sum() for seed in range(300)]
    chance = {c.id: c.probability for c in cases(found)}
    wanted = sum(
        p * scenario_in(found, name).table("isolation_demand")["people"].sum() for name, p in chance.items()
    )
    assert np.mean(rows) == pytest.approx(wanted, rel=0.15)


def test_worst_tenth() -> None:
    told = foresight.Told.of(np.arange(100.0))
    assert told.mean == 49.5
    assert told.worst == np.arange(90, 100).mean()


@pytest.mark.parametrize("seed", [0, 2])
def test_figures_of_the_command_add_up(allocator: Callable[..., Result], tmp_path: Path, seed: int) -> None:
    found, plan = planned(seed)
    runs.save(found, plan, tmp_path / "all")
    asked = ("foresight", tmp_path / "all", "--keep", tmp_path / "other", "--draws", 6, "--processes", 1)
    result = allocator(*asked, "--json", "--quiet")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    chance = {c.id: c.probability for c in cases(found)}
    for name in ("planned_for_all", "planned_for_mean"):
        assert told[name] == pytest.approx(sum(chance[r["case"]] * r[name] for r in told["cases"]))
    assert told["value_of_stochastic_solution"] == pytest.approx(
        told["planned_for_mean"] - told["planned_for_all"]
    )
    assert plan.objective is not None
    assert told["value_of_perfect_information"] == pytest.approx(plan.objective - told["each_case_known"])
    assert told["value_of_perfect_information_at_most"] >= told["value_of_perfect_information"] - 1e-6
    assert told["draws"]["count"] == 6
    assert sorted(p.name for p in (tmp_path / "other").iterdir()) == ["calm", "mean", "storm"]
    again = allocator(*asked, "--json", "--quiet")
    assert json.loads(again.stdout) == told, "plans that are kept are not made again"
    assert "planning for all cases gains" in allocator(*asked).stdout


def test_processes_make_no_difference() -> None:
    found, plan = planned(2)
    seeds = range(7)
    alone = dict(foresight.over_draws(found, {"a": plan.tables}, seeds))
    assert dict(foresight.over_draws(found, {"a": plan.tables}, seeds, 2)) == alone
    assert set(alone) == set(seeds)


def test_a_plan_for_one_case_has_nothing_to_foresee(
    allocator: Callable[..., Result], small_run: Path
) -> None:
    result = allocator("foresight", small_run)
    assert result.exit_code == 2
    assert "a plan for several cases" in result.output


def test_knowing_the_case_is_never_worth_less_than_nothing() -> None:
    found, plan = planned(5)
    assert exact.asked(found)
    own = {c.id: pipeline.solve(scenario_in(found, c.id), Limits(seconds=30)) for c in cases(found)}
    known = {name: (float(p.objective or 0.0), p.bound) for name, p in own.items()}
    each = foresight.in_cases(found, plan.tables)
    told = foresight.values(found, float(plan.objective or 0.0), each, each, known)
    assert told["value_of_perfect_information_at_most"] >= -1e-6
    assert told["value_of_stochastic_solution"] == 0.0

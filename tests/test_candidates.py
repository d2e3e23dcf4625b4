"""Candidates for a gap: each cost is that of a whole verified plan, and no forced re-solve finds a better one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import oracle
import pandas as pd
import pytest
from cities import city
from click.testing import Result
from ortools.math_opt.python import mathopt
from ortools.math_opt.python.parameters import SolverType

from allocator import candidates, outcome, pipeline, verifier
from allocator.candidates import Move, candidates_for
from allocator.limits import Limits
from allocator.plan import Plan
from allocator.scenario import Scenario
from allocator.state import State

SEEDS = range(24)
EVERYONE = 10_000


@cache
def planned(seed: int, kits: bool) -> tuple[Scenario, Plan, State]:
    scenario = city(seed, closed=False)
    if not kits:
        # the table must not be empty: a duty nobody asks for wears all there is
        duties = pd.concat([scenario.table("duties"), scenario.table("duties").head(1).assign(duty="none")])
        scenario = scenario.change({"duties": duties, "kits": scenario.table("kits").head(1).assign(duty="none")})
    plan = pipeline.solve(scenario, Limits(rounds=1, prove=False))
    return scenario, plan, State(scenario, plan)


def moves(seed: int, kits: bool) -> Iterator[Move]:
    scenario, _, state = planned(seed, kits)
    for site in scenario.table("sites")["site"]:
        yield from candidates.ranked(state, site, EVERYONE)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_cost_is_that_of_a_whole_plan(seed: int) -> None:
    scenario, plan, state = planned(seed, True)
    for move in moves(seed, True):
        made = outcome.moved(state, move)
        assert verifier.verify(scenario, made) == []
        assert made.objective is not None
        assert made.objective - plan.objective == pytest.approx(move.change.total, abs=1e-6)
        for name in ("travel", "change", "fairness"):
            assert made.terms[name] - plan.terms[name] == pytest.approx(getattr(move.change, name), abs=1e-6)


def forced(scenario: Scenario, plan: Plan, cadre: str, site: str) -> float:
    """People's terms of the best plan in which the cadre is at the site and all others stay as they are."""
    whole = oracle._Whole(scenario)
    posted = set(plan.tables["postings"][["cadre", "batch", "site"]].itertuples(index=False, name=None))
    work = plan.tables["assignments"][["cadre", "site", "duty", "day", "shift"]]
    works = set(work.itertuples(index=False, name=None))
    batch = {c: b for c, b, _ in posted}.get(cadre)
    for (c, b, s), var in whole.post.items():
        if c != cadre:
            whole.model.add_linear_constraint(var == int((c, b, s) in posted))
        elif s != site or batch not in (None, b):
            whole.model.add_linear_constraint(var == 0)
    whole.model.add_linear_constraint(
        mathopt.fast_sum(v for (c, _, s), v in whole.post.items() if (c, s) == (cadre, site)) == 1
    )
    for (c, *key), var in whole.work.items():
        if c != cadre:
            whole.model.add_linear_constraint(var == int((c, *key) in works))
    whole.model.minimize(mathopt.fast_sum(whole.terms[n] for n in ("staffing", "travel", "change", "fairness")))
    answer = whole.solve(30, SolverType.GSCIP)
    assert answer.exact
    return float(answer.objective or 0.0)


def test_no_forced_solve_finds_a_better_plan() -> None:
    """Where no kit binds a shift to goods, each cost is the optimum of the plain model, the rest fixed."""
    judged = 0
    for seed in SEEDS:
        scenario, plan, state = planned(seed, False)
        now = sum(plan.terms[n] for n in ("staffing", "travel", "change", "fairness"))
        for move in list(moves(seed, False))[:4]:
            cadre, site = state.inst.cadres[move.cadre], state.inst.sites[move.site]
            right = forced(scenario, plan, cadre, site) - now
            mine = move.change.total - move.change.supply
            assert mine == pytest.approx(right, abs=1e-5), (seed, cadre, site)
            assert move.change.supply <= 1e-9
            judged += 1
    assert judged >= 50


def test_the_first_are_the_best_of_all() -> None:
    for seed in (3, 5, 8, 13):
        scenario = city(seed, cadres=40, sites=8, days=9, closed=False)
        state = State(scenario, pipeline.solve(scenario, Limits(rounds=1, prove=False)))
        for site in scenario.table("sites")["site"]:
            every = [m.change.total for m in candidates.ranked(state, site, EVERYONE)]
            assert every == sorted(every)
            few = [m.change.total for m in candidates.ranked(state, site, 3)]
            assert few == pytest.approx(every[:3])


def test_who_cannot_go_is_not_listed() -> None:
    for seed in SEEDS:
        _, _, state = planned(seed, True)
        for move in moves(seed, True):
            assert np.isfinite(state.inst.minutes[move.cadre, move.site])
            assert state.board.site[move.cadre] != move.site
            assert state.inst.must[move.cadre] in (-1, move.site)
            if state.board.site[move.cadre] < 0:
                assert state.room[move.batch] > 0
            else:
                assert move.batch == state.board.batch[move.cadre]


def test_the_command(allocator: Callable[..., Result], small_run: Path, small: Scenario) -> None:
    from allocator.runs import load

    found = json.loads(allocator("candidates", small_run, "S05", "--top", "4", "--json").stdout)
    wanted = candidates_for(*load(small_run), "S05", 4)
    assert [c["cadre"] for c in found["candidates"]] == wanted["cadre"].tolist()
    parts = wanted[["travel", "moving", "fairness", "supply", "lost_there"]].sum(axis=1) - wanted["gained_here"]
    assert parts.to_numpy() == pytest.approx(wanted["change"].to_numpy())
    text = allocator("candidates", small_run, "S05")
    assert text.stdout.splitlines()[1].split()[0] == found["candidates"][0]["cadre"]
    wrong = allocator("candidates", small_run, "S99")
    assert wrong.exit_code == 2
    assert "a site of the scenario" in wrong.stderr

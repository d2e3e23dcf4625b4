"""A fix that is made ends its shortage in a whole verified plan, however freely the rest is solved again."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from cities import city
from click.testing import Result
from test_explain import short

from allocator import cure, explain, fixes, pipeline, ready, runs, seal, verifier
from allocator.errors import InputError, NoPlanError
from allocator.explain import Explained
from allocator.limits import Limits
from allocator.state import State

Ask = Callable[..., Result]
SEEDS = range(12)


@cache
def case(seed: int) -> tuple[State, tuple[Explained, ...]]:
    scenario = city(seed, closed=False)
    state = State(scenario, pipeline.solve(scenario, Limits(rounds=1, prove=False)))
    return state, tuple(explain.explained(state, explain.shortages(state)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rounds", [0, 1])
def test_the_shortage_ends_and_nothing_is_worse(seed: int, rounds: int) -> None:
    state, found = case(seed)
    for e in [e for e in found if e.fix is not None][: 2 if rounds else None]:
        made = cure.cured(state, e, rounds)
        assert made.scenario.fingerprint == fixes.applied(state.scenario, [json.loads(e.fix.text())]).fingerprint
        assert verifier.verify(made.scenario, made.plan) == []
        assert short(made.plan, state, e) == 0
        assert made.plan.objective <= made.settled.objective
        assert state.plan.objective - made.settled.objective == pytest.approx(e.fix.gain, abs=1e-6)


def test_a_search_that_spends_the_means_elsewhere_does_not_count() -> None:
    kept = 0
    for seed in SEEDS:
        state, found = case(seed)
        for e in [e for e in found if e.fix is not None][:2]:
            made = cure.cured(state, e, 1)
            assert made.found is not None
            if short(made.found, state, e):
                assert made.plan is made.settled
                kept += 1
    assert kept


def test_what_is_asked_for_is_chosen() -> None:
    state, found = next(case(seed) for seed in SEEDS if sum(e.fix is not None for e in case(seed)[1]) > 2)
    for e in found:
        site, what = str(state.inst.sites[e.shortage.site]), explain.named(state, e.shortage)
        if e.fix is None:
            with pytest.raises(NoPlanError, match="no fix was found"):
                cure.chosen(state, site, what)
            continue
        assert cure.chosen(state, site, what).fix == e.fix
        dearest = cure.chosen(state, site, None).fix
        assert dearest is not None
        assert dearest.gain >= e.fix.gain
    with pytest.raises(InputError, match="is short of"):
        cure.chosen(state, site, "nothing ever")
    with pytest.raises(InputError, match="a site of the scenario"):
        cure.chosen(state, "nowhere", None)


def test_the_command(allocator: Ask, small_run: Path, tmp_path: Path) -> None:
    state = State(*runs.load(small_run))
    found = explain.explained(state, explain.shortages(state))
    e = next(e for e in found if e.fix is not None)
    site, what = str(state.inst.sites[e.shortage.site]), explain.named(state, e.shortage)
    out = tmp_path / "fixed"
    answer = allocator("fix", small_run, site, what, "--out", out, "--json")
    assert answer.exit_code == 0
    told = json.loads(answer.stdout)
    scenario, plan = runs.load(out)
    assert told["objective"] == pytest.approx(plan.objective)
    assert told["before"] == pytest.approx(state.plan.objective)
    assert verifier.verify(scenario, plan) == []
    assert seal.broken(out, seal.digests(out)) == []
    assert ready.kept(out, ready.digest(out)) is not None
    assert short(plan, state, e) == 0
    again = allocator("fix", out, site, what, "--out", tmp_path / "more")
    assert again.exit_code == 2
    assert "short of" in again.stderr or "a site that is short" in again.stderr
    text = allocator("fix", small_run, site, what, "--out", out, "--rounds", "1")
    assert "the shortage is gone" in text.stdout

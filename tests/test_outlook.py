"""Scenarios with openings or several cases beyond the integer program, held against it on tiny ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sound
from twins import twin

from allocator import blend, exact, pipeline, verifier
from allocator.cases import cases, scenario_in
from allocator.instance import Instance, asking, instance
from allocator.limits import Limits
from allocator.models.board import Board
from allocator.models.field import Field
from allocator.models.worth import worth
from allocator.scenario import Scenario

SEEDS = (0, 2, 5)


@pytest.mark.parametrize("seed", SEEDS)
def test_plans_are_sound_and_the_bound_holds(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = twin(seed)
    best = pipeline.solve(found, Limits(seconds=60))
    monkeypatch.setattr(exact, "solve", lambda *_: None)
    made = pipeline.solve(found, Limits(seconds=60))
    assert verifier.verify(found, made) == []
    assert made.objective is not None
    assert best.objective is not None
    assert made.bound is not None
    slack = 1e-6 * max(1.0, best.objective)
    assert made.bound <= best.objective + slack
    assert best.objective <= made.objective + slack


def _insts(found: Scenario) -> list[Instance]:
    views = [scenario_in(found, case.id) for case in cases(found)]
    first = instance(views[0])
    return [first, *(asking(first, view) for view in views[1:])]


@pytest.mark.parametrize("seed", range(6))
def test_blended_worth_is_the_mean_of_all_cases(seed: int) -> None:
    """Whatever people do alike in all cases, the one instance saves what the cases save on average."""
    found = twin(seed)
    insts, chance = _insts(found), np.array([case.probability for case in cases(found)])
    one = blend.blended(insts, chance, np.full(len(insts[0].sites), -1))
    every = blend.cells(insts)
    assert one.unstaffed == pytest.approx(sum(p * inst.unstaffed for p, inst in zip(chance, insts, strict=True)))
    rng = np.random.default_rng(seed)
    staffed = rng.integers(0, 4, every.target.shape[1:])
    staffed = np.minimum(staffed, every.target.max(0))
    right = 0.0
    for k, share in enumerate(chance):
        mine = blend.reposted(insts[k], every.keys, every.worth, every.traits, every.required[k], every.target[k])
        right += share * float(worth(mine).benefit(staffed).sum())
    assert _filled(one, every, staffed) == pytest.approx(right)


def _filled(one: Instance, every: blend.Cells, staffed: np.ndarray) -> float:
    """What people [P, D] save in the blended posts, the dearest taken first."""
    keys = {tuple(key): n for n, key in enumerate(every.keys.tolist())}
    rest, saved = staffed.copy(), 0.0
    for p in np.argsort(-one.worth, kind="stable"):
        row = keys[tuple(blend.keys(one)[p].tolist())]
        taken = np.minimum(rest[row], one.target[p])
        rest[row] -= taken
        low = np.minimum(taken, one.required[p])
        saved += one.worth[p] * float((one.w_required * low + one.w_target * (taken - low)).sum())
    return saved


def test_another_case_is_the_instance_of_its_scenario() -> None:
    found = twin(3)
    for case in cases(found):
        view = scenario_in(found, case.id)
        fresh, changed = instance(view), asking(_insts(found)[0], view)
        for name in ("post_site", "post_duty", "post_shift", "required", "target", "worth", "traits", "site_posts"):
            np.testing.assert_array_equal(getattr(changed, name), getattr(fresh, name))


def test_first_days_are_worth_more_than_others() -> None:
    found = replace(sound.scenario(), settings=replace(sound.scenario().settings, cases=()))
    opens = {"s4": 7}
    inst = instance(found, opens)
    days = np.full(len(inst.sites), -1)
    days[list(inst.sites).index("s4")] = 7
    one = blend.blended([inst], np.ones(1), days)
    assert int(one.target.sum()) == int(inst.target.sum())
    assert int(one.required.sum()) == int(inst.required.sum())
    assert one.unstaffed > inst.unstaffed
    board = Board(inst, Field(inst), worth(inst))
    assert (blend.plan_for(inst, board.plan, one) == -1).all()
    assert pd.unique(inst.sites[one.post_site]).tolist() == pd.unique(inst.sites[inst.post_site]).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_shifts_keep_their_kind_and_fill_the_dearest_posts_first(seed: int) -> None:
    found = twin(seed)
    inst, rng = _insts(found)[0], np.random.default_rng(seed)
    opens = np.where(rng.random(len(inst.sites)) < 0.5, rng.integers(0, inst.days, len(inst.sites)), -1)
    one = blend.blended([inst], np.ones(1), opens)
    plan = rng.integers(-1, len(inst.post_site), (40, inst.days))
    made = blend.plan_for(inst, plan, one)
    assert (made[plan < 0] == -1).all()
    mine, other = (list(map(tuple, blend.keys(i).tolist())) for i in (inst, one))
    for p, key in enumerate(mine):
        posts = sorted((q for q in range(len(other)) if other[q] == key), key=lambda q: -one.worth[q])
        for d in range(inst.days):
            left = people = int((plan[:, d] == p).sum())
            held = [int((made[:, d] == q).sum()) for q in posts]
            asked = [int(one.target[q, d]) for q in posts]
            assert sum(held) == (people if sum(asked) else 0)
            for count, most in zip(held, asked, strict=True):
                assert count >= min(left, most)
                left -= min(left, most)


def test_openings_with_district_shares_are_planned_stage_by_stage() -> None:
    found = sound.scenario()
    made = pipeline.solve(found, Limits(seconds=60))
    assert verifier.verify(found, made) == []
    assert [c.stage for c in made.certificates] == ["opening", "plan"]
    assert made.bound is not None
    assert made.bound <= made.objective

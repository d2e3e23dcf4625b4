"""The names a notebook imports: which they are, that they cost nothing until used, that they work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, SMALL

import allocator
from allocator import dated, load, read, save, solve, verify
from allocator.errors import InputError
from allocator.scenario import Scenario

PUBLIC = ["Limits", "Plan", "Scenario", "candidates_for", "dated", "load", "read", "save", "solve", "verify", "write"]


def test_the_public_names() -> None:
    assert allocator.__all__ == PUBLIC
    assert set(PUBLIC) <= set(dir(allocator))
    assert all(getattr(allocator, name).__doc__ for name in PUBLIC)
    with pytest.raises(AttributeError, match="public: Limits, Plan"):
        allocator.solution  # noqa: B018


def test_importing_costs_nothing() -> None:
    code = (
        "import sys, allocator; heavy = {'numpy', 'pandas', 'ortools', 'click'}; print(heavy & set(sys.modules)); "
        "allocator.read; print('ortools' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert found.stdout.split("\n")[:2] == ["set()", "False"]


def test_ask_change_and_look(tmp_path: Path) -> None:
    case = read(SMALL)
    fewer = case.table("cadres").head(15)
    dropped = set(case.table("cadres")["cadre"]) - set(fewer["cadre"])
    changes = {
        name: frame[~frame["cadre"].isin(dropped)]
        for name, frame in case.tables.items()
        if "cadre" in frame and name in case.given
    }
    smaller = case.change(changes)
    plan, less = (solve(s, seconds=20, processes=1) for s in (case, smaller))
    assert plan.objective is not None
    assert less.objective is not None
    assert less.objective > plan.objective, "five people fewer cost something"
    assert verify(smaller, less) == []
    postings = dated(smaller, less, "postings")
    assert set(postings["cadre"]) <= set(fewer["cadre"])
    assert postings["first_day"].min() == pd.Timestamp(case.settings.start)
    save(smaller, less, tmp_path / "run")
    again, same = load(tmp_path / "run")
    assert again.fingerprint == smaller.fingerprint
    assert same.objective == pytest.approx(less.objective)


def test_a_plan_in_hand_is_a_start(small: Scenario) -> None:
    plan = solve(small, seconds=20, processes=1)
    again = solve(small, seconds=0.001, processes=1, start=plan)
    assert plan.objective is not None
    assert again.objective is not None
    assert again.objective <= plan.objective * 1.02, "no time to search, the plan in hand stands"
    assert verify(small, again) == []


def test_a_run_of_another_scenario_is_refused(small: Scenario, small_run: Path, tmp_path: Path) -> None:
    other = small.change({"rules.max_run": 4})
    with pytest.raises(InputError, match="the scenario this plan was made for"):
        load(small_run, other)
    with pytest.raises(InputError, match="there is none"):
        load(tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match="--scenario"):
        load(tmp_path / "bare")


def test_what_ifs_that_move_nobody_share_their_distances(small: Scenario) -> None:
    from allocator import instance, reach

    reach._between.cache_clear()
    one = instance.instance(small)
    two = instance.instance(small.change({"batch.b2.size": 4, "rules.max_travel": 20}))
    assert reach._between.cache_info().hits == 1
    assert np.isfinite(two.minutes).sum() < np.isfinite(one.minutes).sum()
    near = small.table("cadres").assign(lon=small.table("sites")["lon"].iloc[0])
    moved = instance.instance(small.change({"cadres": near}))
    assert reach._between.cache_info().misses == 2
    assert (moved.minutes != one.minutes).any()
    assert np.array_equal(instance.instance(small).minutes, one.minutes, equal_nan=True)

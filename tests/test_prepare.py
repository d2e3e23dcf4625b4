"""What is compiled once is compiled for good: no later run compiles anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from allocator import pipeline, scenario
from allocator.cli import main
from allocator.limits import Limits, Progress, Watch

ROOT = Path(__file__).resolve().parent.parent
LOOPS = {"reroster", "offers", "values", "slot_gains", "_anneal", "_reshuffle"}
LOOPS |= {"_programmes", "_serve", "_finds", "search"}


def run(cache: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "allocator", *words],
        cwd=ROOT, env=os.environ | {"NUMBA_CACHE_DIR": str(cache)}, capture_output=True, text=True, timeout=400,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def kept(cache: Path) -> set[str]:
    return {f.name for f in cache.rglob("*.nbc")}


def test_after_prepare_no_solve_compiles(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert "compiled" in run(cache, "prepare", "scenarios/wuxi-2020-02")
    made = kept(cache)
    assert {name.split(".")[1].rsplit("-", 1)[0] for name in made} >= LOOPS
    run(cache, "solve", "scenarios/wuxi-2020-02", "--seconds", "8", "--out", str(tmp_path / "run"), "--quiet")
    run(cache, "solve", "scenarios/small", "--seconds", "5", "--out", str(tmp_path / "small"), "--quiet")
    assert kept(cache) == made


def test_prepare_names_what_is_wrong_with_a_scenario(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["prepare", str(tmp_path)])
    assert done.exit_code == 2
    assert "scenario.toml" in done.output


def test_the_first_plan_is_verified_while_the_search_goes_on() -> None:
    news: list[Progress] = []
    watch = Watch(Limits(None, processes=2))

    def listen(what: Progress) -> None:
        news.append(what)
        if "verified" in what.note:
            watch.stop()

    watch.listen = listen
    plan = pipeline.solve(scenario.read(ROOT / "scenarios" / "wuxi-2020-02"), watch.limits, watch)
    plans = [n for n in news if n.stage == "plan"]
    assert [n.note for n in plans[:2]] == ["first plan", "first plan, verified"]
    first = plans[1]
    assert first.bound is not None
    assert first.objective is not None
    assert plans[0].objective == pytest.approx(first.objective, rel=1e-9)
    assert first.objective >= plan.objective >= first.bound

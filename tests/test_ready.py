"""The standing kept beside a run: questions get the same answer from it, and none that is out of date."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cities import city
from click.testing import Result

from allocator import candidates, pipeline, ready, runs
from allocator.limits import Limits
from allocator.seal import STANDING
from allocator.settings import Case
from allocator.state import State

ROOT = Path(__file__).resolve().parent.parent
Ask = Callable[..., Result]


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    """A run that nobody has asked yet."""
    folder = tmp_path / "run"
    shutil.copytree(small_run, folder, ignore=shutil.ignore_patterns(STANDING))
    return folder


@pytest.mark.parametrize("seed", range(12))
def test_what_is_kept_ranks_like_what_is_read(seed: int, tmp_path: Path) -> None:
    scenario = city(seed, closed=False)
    state = State(scenario, pipeline.solve(scenario, Limits(rounds=1, prove=False)))
    ready.keep(state, tmp_path, "made from this")
    kept = ready.kept(tmp_path, "made from this")
    assert kept is not None
    for site in scenario.table("sites")["site"]:
        both = [candidates.rows(s, candidates.ranked(s, site)) for s in (kept, state)]
        assert both[0] == both[1]
    assert ready.kept(tmp_path, "made from that") is None


def test_the_second_question_reads_no_table(allocator: Ask, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = allocator("candidates", run, "S05", "--json")
    assert (run / STANDING).is_file()
    assert sorted(p.name for p in run.iterdir() if p.name.startswith(".")) == []
    monkeypatch.setattr(runs, "load", lambda *_: pytest.fail("the tables were read"))
    assert allocator("candidates", run, "S05", "--json").stdout == first.stdout


def test_a_changed_file_is_heard(allocator: Ask, run: Path) -> None:
    before = allocator("candidates", run, "S05", "--json").stdout
    gone = (run / "postings.csv").read_text(encoding="utf-8").splitlines()[1].split(",")[0]
    for name in ("postings.csv", "assignments.csv"):
        lines = (run / name).read_text(encoding="utf-8").splitlines(keepends=True)
        (run / name).write_text("".join(line for line in lines if not line.startswith(gone)), encoding="utf-8")
    after = allocator("candidates", run, "S05", "--json").stdout
    assert after != before
    (run / STANDING).unlink()
    assert allocator("candidates", run, "S05", "--json").stdout == after


def test_a_scenario_of_ones_own_is_heard(allocator: Ask, run: Path) -> None:
    file = run / "scenario" / "scenario.toml"
    allocator("candidates", run, "S05")
    file.write_text(file.read_text(encoding="utf-8").replace("rest_hours", "rest_hour"), encoding="utf-8")
    wrong = allocator("candidates", run, "S05")
    assert wrong.exit_code == 2
    assert "rest_hour" in wrong.stderr


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", None])
def test_a_damaged_file_is_made_anew(allocator: Ask, run: Path, damage: bytes | None) -> None:
    first = allocator("candidates", run, "S05", "--json").stdout
    whole = (run / STANDING).read_bytes()
    (run / STANDING).write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert allocator("candidates", run, "S05", "--json").stdout == first
    assert ready.kept(run, ready.digest(run)) is not None


def test_texts_of_any_kind_are_never_run(run: Path) -> None:
    """Nobody's objects come out of the file: arrays of plain numbers and texts only."""
    np.savez(run / STANDING, digest=np.array([{"a": 1}], dtype=object))
    assert ready.kept(run, ready.digest(run)) is None


def test_a_run_that_cannot_be_written_is_asked_all_the_same(run: Path) -> None:
    ready.keep(State(*runs.load(run)), run / "nowhere", "x")
    assert not (run / "nowhere").exists()


def test_solve_leaves_the_first_question_ready(allocator: Ask, small_run: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    allocator("solve", small_run / "scenario", "--out", made, "--seconds", "2", "--quiet")
    assert ready.kept(made, ready.digest(made)) is not None
    runs.save(*runs.load(made), made)
    assert not (made / STANDING).exists()


def test_an_answer_from_it_loads_no_pandas_and_no_solver(allocator: Ask, run: Path) -> None:
    allocator("candidates", run, "S05")
    code = "import sys; from allocator.cli import main; main(sys.argv[1:], standalone_mode=False);"
    code += " sys.exit(bool({'ortools', 'pandas', 'scipy'} & set(sys.modules)))"
    words = [sys.executable, "-c", code, "candidates", str(run), "S05"]
    assert subprocess.run(words, cwd=ROOT, check=False, stdout=subprocess.DEVNULL).returncode == 0


def test_of_several_cases_it_is_the_likeliest(run: Path) -> None:
    scenario, plan = runs.load(run)
    two = replace(scenario.settings, cases=(Case("mild", 0.4), Case("harsh", 0.6)))
    more = scenario.table("demand").head(1).assign(case="mild")
    given = replace(scenario, settings=two).change({"demand": pd.concat([scenario.table("demand"), more])})
    one, likely = State(scenario, plan), State(given, plan)
    assert not likely.scenario.settings.cases
    np.testing.assert_array_equal(likely.inst.required, one.inst.required)

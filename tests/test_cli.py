"""The command line: exit codes, what goes to which stream, what is written and what is not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from broken import FAULTS, WARNINGS, Fault, plant
from click.testing import Result
from conftest import ROOT, SMALL

from allocator import pipeline, verifier
from allocator import plan as plans
from allocator.errors import NoPlanError, Problem, Violation
from allocator.limits import Limits, Watch
from allocator.scenario import Scenario

Run = Callable[..., Result]
QUICK = ("--seconds", "20", "--quiet")
BROKEN = Violation("max_run", "cadre=C01 day=2020-02-09", "works 7 days in a row, at most 6")


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*")}


def document(result: Result) -> dict[str, Any]:
    """What stdout holds, which has to be one JSON document and nothing else."""
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    assert found["exit_code"] == result.exit_code
    assert found["ok"] == (result.exit_code == 0)
    return found


@pytest.fixture
def planned(
    monkeypatch: pytest.MonkeyPatch, small: Scenario, small_run: Path
) -> list[tuple[Scenario, Limits]]:
    """Solving gives the small plan at once; the calls are listed."""
    calls: list[tuple[Scenario, Limits]] = []
    plan = plans.read(small_run, small.settings.start)

    def solve(scenario: Scenario, limits: Limits, watch: Watch) -> plans.Plan:
        calls.append((scenario, limits))
        watch.tell("posting", plan.objective, plan.bound, "as before")
        return plan

    monkeypatch.setattr(pipeline, "solve", solve)
    return calls


def test_check_passes_a_sound_scenario(allocator: Run) -> None:
    result = allocator("check", SMALL)
    assert result.exit_code == 0
    assert "no problems; 7 days" in result.stdout


def test_check_as_json(allocator: Run) -> None:
    found = document(allocator("check", SMALL, "--json"))
    assert found["problems"] == []
    assert found["rows"]["cadres"] == 20


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_broken_input_is_named_by_check_and_by_solve(allocator: Run, tmp_path: Path, fault: Fault) -> None:
    path = plant(fault, tmp_path / "scenario")
    before = files(tmp_path)
    for command in (["check", path], ["solve", path, "--out", "run"]):
        result = allocator(*command, "--json")
        named = [p for p in document(result)["problems"] if is_named(fault, p)]
        assert result.exit_code == 2
        assert named, result.stdout
        assert "Traceback" not in result.output
        said = allocator(*command)
        assert said.exit_code == 2
        assert str(Problem(**named[0])) in said.output
    assert files(tmp_path) == before


def is_named(fault: Fault, problem: dict[str, Any]) -> bool:
    return tuple(problem[key] for key in ("fault", "file", "row", "column")) in fault.expected


@pytest.mark.parametrize("fault", WARNINGS, ids=lambda fault: fault.name)
def test_check_shows_warnings_and_passes(allocator: Run, tmp_path: Path, fault: Fault) -> None:
    path = plant(fault, tmp_path / "scenario")
    found = document(allocator("check", path, "--json"))
    named = [p for p in found["warnings"] if is_named(fault, p)]
    assert named
    result = allocator("check", path)
    assert result.exit_code == 0
    assert f"warning: {Problem(**named[0])}" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["check", "nowhere"],
        ["check", "nowhere.xlsx"],
        ["solve", "nowhere"],
        ["solve", SMALL, "--seconds", "0"],
        ["solve", SMALL, "--seconds", "soon"],
        ["solve", SMALL, "--seconds", "nan"],
        ["solve", SMALL, "--gap", "2"],
        ["solve", SMALL, "--processes", "0"],
        ["solve", SMALL, "--set", "rules.max_run"],
        ["solve", SMALL, "--set", "rules.max_runs=5"],
        ["solve", SMALL, "--set", "rules.max_run=often"],
        ["solve", SMALL, "--previous", "nowhere"],
        ["solve", SMALL, "--out", SMALL],
        ["solve", SMALL, "--out", SMALL / "scenario.toml"],
        ["solve", SMALL, "--out", SMALL / "scenario.toml" / "run"],
        ["verify", SMALL],
        ["verify", SMALL, "nowhere"],
        ["verify", SMALL, SMALL],
        ["bench", "assign"],
        ["bench", "assign", "nowhere.txt"],
        ["fly"],
    ],
    ids=lambda words: " ".join(Path(w).name for w in words),
)
def test_a_command_that_cannot_be_meant(allocator: Run, tmp_path: Path, arguments: list[str]) -> None:
    result = allocator(*arguments)
    assert result.exit_code == 2, result.output
    assert result.output
    assert "Traceback" not in result.output
    assert files(tmp_path) == set()


def test_solve_writes_a_plan_that_verify_passes(allocator: Run, small_run: Path) -> None:
    result = allocator("verify", SMALL, small_run)
    assert result.exit_code == 0
    assert "every rule holds" in result.stdout


def test_solve_summarizes_on_stdout_and_reports_progress_on_stderr(allocator: Run, planned: Any) -> None:
    result = allocator("solve", SMALL)
    assert result.exit_code == 0
    assert "no plan can score below the bound" in result.stdout
    assert "objective" in result.stderr.splitlines()[0]
    assert result.stderr.splitlines()[1].endswith("as before")
    (folder,) = Path("runs").iterdir()
    assert folder.name.startswith("small-20")
    assert str(folder) in result.stdout


def test_solve_as_json(allocator: Run, planned: Any) -> None:
    found = document(allocator("solve", SMALL, "--json", "--out", "run"))
    assert found["run"] == "run"
    assert found["violations"] == []
    assert found["objective"] == pytest.approx(sum(found["terms"].values()))
    assert found["bound"] <= found["objective"] + 1e-6
    assert {c["stage"] for c in found["certificates"]}
    assert found["kpis"]["worst_sites"]


def test_quiet_says_nothing(allocator: Run, planned: Any) -> None:
    assert allocator("solve", SMALL, "--quiet").output == ""


def test_two_runs_get_two_folders(allocator: Run, planned: Any) -> None:
    for _ in range(2):
        assert allocator("solve", SMALL, "--quiet").exit_code == 0
    assert len(list(Path("runs").iterdir())) == 2


def test_an_earlier_plan_is_replaced_and_a_foreign_folder_is_not(allocator: Run, planned: Any) -> None:
    for _ in range(2):
        assert allocator("solve", SMALL, "--out", "run", "--quiet").exit_code == 0
    Path("mine").mkdir()
    Path("mine/letter.txt").write_text("dear")
    assert allocator("solve", SMALL, "--out", "mine", "--quiet").exit_code == 2
    assert len(planned) == 2, "refused before the work starts"
    assert files(Path("mine")) == {"letter.txt"}


def test_limits_reach_the_solve(allocator: Run, planned: list[tuple[Scenario, Limits]]) -> None:
    allocator("solve", SMALL, "--seconds", "3", "--gap", "0.02", "--seed", "7", "--processes", "2", "--quiet")
    allocator("solve", SMALL, "--seconds", "inf", "--processes", "1", "--quiet")
    assert [limits for _, limits in planned] == [Limits(3.0, 0.02, 7, 2), Limits(None, 0.0, 0, 1)]


def test_set_changes_the_scenario(allocator: Run, planned: list[tuple[Scenario, Limits]]) -> None:
    allocator("solve", SMALL, "--set", "rules.max_run=5", "--set", "weights.tiers.public=3", "--quiet")
    ((scenario, _),) = planned
    assert scenario.settings.rules.max_run == 5
    assert scenario.settings.weights.tiers["public"] == 3


def test_a_plan_for_changed_settings_is_verified_with_the_same_ones(allocator: Run, tmp_path: Path) -> None:
    change = ("--set", "rules.max_run=4")
    assert allocator("solve", SMALL, "--out", "run", *change, *QUICK).exit_code == 0
    assert allocator("verify", SMALL, "run", *change).exit_code == 0
    result = allocator("verify", SMALL, "run", "--json")
    assert result.exit_code == 3
    assert {v["rule"] for v in document(result)["violations"]} == {"fingerprint"}


def test_previous_are_the_postings_of_an_earlier_run(
    allocator: Run, planned: list[tuple[Scenario, Limits]], small: Scenario, small_run: Path
) -> None:
    allocator("solve", SMALL, "--previous", small_run, "--quiet")
    ((scenario, _),) = planned
    postings = plans.read(small_run, small.settings.start).tables["postings"]
    assert dict(zip(postings["cadre"], postings["site"], strict=True)) == dict(
        scenario.table("previous")[["cadre", "site"]].itertuples(index=False)
    )


def test_a_plan_that_breaks_a_rule_is_kept_apart(
    allocator: Run, planned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "verify", lambda *_: [BROKEN])
    result = allocator("solve", SMALL, "--out", "run", "--quiet")
    assert result.exit_code == 3
    assert str(BROKEN) in result.stderr
    assert [p.name for p in Path().iterdir()] == ["run.rejected"]
    again = document(allocator("solve", SMALL, "--out", "run", "--json"))
    assert again["violations"] == [BROKEN.record()]
    assert again["run"] == "run.rejected"


def test_verify_lists_every_violation(
    allocator: Run, small_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "verify", lambda *_: [BROKEN, BROKEN])
    result = allocator("verify", SMALL, small_run)
    assert result.exit_code == 3
    assert result.stdout.count(str(BROKEN)) == 2
    assert "2 violations" in result.stdout


def test_no_plan_within_the_limits(allocator: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def solve(*_: Any) -> None:
        raise NoPlanError("the pins leave no plan")

    monkeypatch.setattr(pipeline, "solve", solve)
    result = allocator("solve", SMALL)
    assert (result.exit_code, result.stderr) == (4, "Error: the pins leave no plan\n")
    assert document(allocator("solve", SMALL, "--json"))["error"] == "the pins leave no plan"
    assert files(tmp_path) == set()


def test_an_error_of_ours_is_one_line_and_a_traceback_on_request(
    allocator: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def solve(*_: Any) -> None:
        raise KeyError("site")

    monkeypatch.setattr(pipeline, "solve", solve)
    result = allocator("solve", SMALL)
    assert result.exit_code == 1
    assert result.stderr == "Error: internal error, KeyError: 'site' (--debug shows where)\n"
    assert "Traceback" in allocator("solve", SMALL, "--debug").stderr
    assert files(tmp_path) == set()


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, allocator.cli; print({'numpy', 'pandas', 'ortools'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert found.stdout.strip() == "set()"


INTERRUPTED = """
import os, signal, sys, time
from allocator import cli, pipeline, plan, scenario
kept = plan.read(sys.argv[2], scenario.read(sys.argv[1]).settings.start)
def solve(found, limits, watch):
    os.kill(os.getpid(), signal.SIGINT)
    while not watch.stopped:
        time.sleep(0.01)
    if len(sys.argv) > 4:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(30)
    return kept
pipeline.solve = solve
cli.main(["solve", sys.argv[1], "--out", sys.argv[3], "--quiet"])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="no signals")
@pytest.mark.parametrize(("twice", "code"), [(False, 0), (True, 130)])
def test_ctrl_c_keeps_the_best_plan_and_twice_aborts(
    tmp_path: Path, small_run: Path, twice: bool, code: int
) -> None:
    words = [sys.executable, "-c", INTERRUPTED, SMALL, small_run, tmp_path / "run", *(["twice"] * twice)]
    found = subprocess.run([str(w) for w in words], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert found.returncode == code, found.stderr
    assert "Keeping the best plan so far" in found.stderr
    assert (tmp_path / "run").exists() is not twice
    assert "Traceback" not in found.stderr


def test_an_interrupt_while_reading_writes_nothing(
    allocator: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("allocator.scenario.read", read)
    assert allocator("solve", SMALL).exit_code == 130
    assert files(tmp_path) == set()

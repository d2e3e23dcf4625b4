"""What a plan keeps of its scenario: enough to be shown without it, and of a person only the office."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from allocator import context, plan
from allocator.errors import InputError
from allocator.scenario import Scenario
from allocator.tables import CONTEXT
from allocator.verifier import verify


@pytest.fixture
def run(small: Scenario, small_run: Path, tmp_path: Path) -> Path:
    plan.write(plan.read(small_run), tmp_path / "run", small.settings.start)
    return tmp_path / "run"


def faults(run: Path) -> list[tuple[str, str]]:
    with pytest.raises(InputError) as caught:
        plan.read(run)
    return [(p.file, p.fault) for p in caught.value.problems]


def test_solve_keeps_the_context(small: Scenario, small_run: Path) -> None:
    found = plan.read(small_run)
    assert found.context is not None
    assert context.same(found.context, context.of(small))
    assert found.context.names("districts") == {"north": "城北区", "south": "城南区"}
    assert [d.isoformat() for d in found.context.days][-1] == "2020-02-09"
    assert verify(small, found) == []


def test_of_a_person_the_office_alone(small_run: Path) -> None:
    header = (small_run / "context" / "cadres.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "cadre,office"
    assert CONTEXT["cadres"].names == ("cadre", "office")


def test_the_same_plan_gives_the_same_context(small_run: Path, run: Path) -> None:
    ours, theirs = small_run / "context", run / "context"
    assert {p.name for p in ours.iterdir()} == {"scenario.toml", *(f"{name}.csv" for name in CONTEXT)}
    for file in ours.iterdir():
        assert file.read_bytes() == (theirs / file.name).read_bytes(), file.name


def test_a_plan_without_context_is_read_with_a_start(small: Scenario, run: Path) -> None:
    for file in (run / "context").iterdir():
        file.unlink()
    (run / "context").rmdir()
    assert faults(run) == [(str(run), "no_context")]
    found = plan.read(run, small.settings.start)
    assert found.context is None
    assert verify(small, found) == []


def test_a_context_of_another_scenario_is_a_violation(small: Scenario, small_run: Path) -> None:
    found = plan.read(small_run)
    assert found.context is not None
    sites = found.context.table("sites").assign(name="elsewhere")
    other = replace(found.context, tables={**found.context.tables, "sites": sites})
    assert {v.rule for v in verify(small, replace(found, context=other))} == {"context"}
    longer = replace(found.context, settings=replace(found.context.settings, title="another"))
    assert {v.rule for v in verify(small, replace(found, context=longer))} == {"context"}


def test_every_fault_of_a_context_is_named(run: Path) -> None:
    (run / "context" / "sites.csv").unlink()
    (run / "context" / "duties.csv").write_text("duty,title\nwatch,值守\n", encoding="utf-8")
    (run / "context" / "kits.csv").write_text("duty,item,per_shift\nwatch,mask,many\n", encoding="utf-8")
    (run / "context" / "scenario.toml").write_text('name = "small"\n', encoding="utf-8")
    found = faults(run)
    assert ("context/sites.csv", "missing_file") in found
    assert ("context/duties.csv", "unknown_column") in found
    assert ("context/kits.csv", "wrong_type") in found
    assert ("context/scenario.toml", "missing_key") in found


def test_a_new_plan_takes_the_old_report_away(small: Scenario, run: Path) -> None:
    (run / "report.html").write_text("old", encoding="utf-8")
    (run / "notes.txt").write_text("mine", encoding="utf-8")
    plan.write(plan.read(run), run, small.settings.start)
    assert not (run / "report.html").exists()
    assert (run / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert plan.read(run).context is not None

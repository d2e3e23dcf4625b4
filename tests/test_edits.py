"""Plans changed by hand: scored as they stand, and completed around what the hand decided."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result
from conftest import SMALL

from allocator.distance import reachable
from allocator.runs import load
from allocator.scenario import Scenario

Run = Callable[..., Result]


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    """A copy of the small plan, to be changed by hand."""
    shutil.copytree(small_run, tmp_path / "edited")
    return tmp_path / "edited"


def rows(run: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(run / f"{name}.csv", dtype=str)


def movable(scenario: Scenario, run: Path) -> tuple[str, str, str]:
    """A cadre without a pin, where they are, and another site in reach that asks for somebody."""
    pinned = set(scenario.table("pins")["cadre"])
    for row in rows(run, "postings").to_dict("records"):
        for site in scenario.table("demand")["site"].unique():
            pair = pd.Series([row["cadre"]]), pd.Series([site])
            if row["cadre"] not in pinned and site != row["site"] and reachable(scenario, *pair).all():
                return row["cadre"], row["site"], site
    raise AssertionError("nobody can move")


def verified(allocator: Run, run: Path) -> dict[str, Any]:
    found = json.loads(allocator("verify", run / "scenario", run, "--json").stdout)
    assert isinstance(found, dict)
    return found


def test_a_shift_struck_out_is_scored_at_once(allocator: Run, run: Path) -> None:
    work = rows(run, "assignments")
    work.drop(index=0).to_csv(run / "assignments.csv", index=False)
    found = verified(allocator, run)
    assert found["exit_code"] == 3
    assert found["difference"]["staffing"] > 0
    claimed = json.loads((run / "plan.json").read_text())["objective"]
    assert found["recomputed"]["objective"] == pytest.approx(claimed + found["difference"]["objective"])
    assert {v["rule"] for v in found["violations"]} <= {"coverage", "objective", "kpis", "supply", "inventory"}


def test_an_untouched_plan_differs_in_nothing(allocator: Run, run: Path) -> None:
    found = verified(allocator, run)
    assert found["ok"]
    assert max(abs(v) for v in found["difference"].values()) < 1e-6


def test_broken_rules_and_unknown_names_are_listed_together(allocator: Run, run: Path) -> None:
    postings = rows(run, "postings")
    postings.loc[0, "site"] = "nowhere"
    postings.loc[1, "first_day"] = "2020-02-09"
    postings.to_csv(run / "postings.csv", index=False)
    text = allocator("verify", run / "scenario", run)
    assert text.exit_code == 3
    assert {"unknown", "batch_start"} <= {v["rule"] for v in verified(allocator, run)["violations"]}
    assert "as it stands" in text.stdout


@pytest.mark.parametrize("form", ["run", "postings", "assignments", "pins"])
def test_pins_complete_what_the_hand_decided(allocator: Run, run: Path, small: Scenario, form: str) -> None:
    cadre, _, site = movable(small, run)
    postings = rows(run, "postings")
    postings["site"] = postings["site"].where(postings["cadre"] != cadre, site)
    given: Path = run
    if form == "run":
        postings.to_csv(run / "postings.csv", index=False)
    else:
        given = Path("hand.csv")
        mine = postings[postings["cadre"] == cadre]
        if form == "assignments":
            mine = mine[["cadre", "site"]].assign(day="2020-02-08", shift="day", duty="guard")
        if form == "pins":
            mine = mine[["cadre", "site"]].assign(kind="must")
        mine.to_csv(given, index=False)
    result = allocator("solve", SMALL, "--pins", given, "--out", "done", "--seconds", "20", "--quiet")
    assert result.exit_code == 0, result.output
    made, plan = load("done")
    assert plan.tables["postings"].set_index("cadre")["site"][cadre] == site
    if form == "run":
        assert plan.tables["postings"]["site"].tolist() == postings["site"].tolist()
    assert json.loads(allocator("verify", "done/scenario", "done", "--json").stdout)["ok"]
    assert len(made.table("pins")) >= len(small.table("pins"))


def test_pins_that_cannot_be_kept_are_all_told(allocator: Run, small: Scenario) -> None:
    pinned = small.table("pins")
    must = pinned[pinned["kind"] == "must"].iloc[0]
    other = next(s for s in small.table("sites")["site"] if s != must["site"])
    pd.DataFrame({"cadre": [must["cadre"], "C99"], "site": [other, other]}).to_csv("hand.csv", index=False)
    result = allocator("solve", SMALL, "--pins", "hand.csv", "--out", "done")
    assert result.exit_code == 2
    assert "hand.csv" in result.stderr
    assert "C99" in result.stderr
    assert must["cadre"] in result.stderr
    assert not Path("done").exists()
    assert allocator("solve", SMALL, "--pins", "none.csv").exit_code == 2

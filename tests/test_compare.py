"""Two runs side by side: every difference is listed, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from click.testing import Result

from allocator import measures
from allocator.compare import compare
from allocator.plan import Plan, arrange
from allocator.runs import load, save
from allocator.scenario import Scenario


@pytest.fixture(scope="module")
def run(small_run: Path) -> tuple[Scenario, Plan]:
    return load(small_run)


def remade(scenario: Scenario, plan: Plan, **tables: pd.DataFrame) -> Plan:
    """The plan with other tables, measured anew."""
    full = arrange(measures.complete(scenario, {**plan.tables, **tables}))
    terms = measures.objective_terms(scenario, full)
    return replace(
        plan, tables=full, terms=terms, objective=sum(terms.values()), kpis=measures.kpis(scenario, full), bound=None
    )


@pytest.fixture(scope="module")
def edited(run: tuple[Scenario, Plan]) -> tuple[Scenario, Plan, dict[str, str]]:
    """One cadre sent home, one moved without shifts, one shift dropped of a third."""
    scenario, plan = run
    postings, work = plan.tables["postings"], plan.tables["assignments"]
    home, moved, tired = work["cadre"].drop_duplicates().head(3)
    site = postings.set_index("cadre")["site"][moved]
    other = next(s for s in scenario.table("sites")["site"] if s != site)
    postings = postings[postings["cadre"] != home]
    postings = postings.assign(site=postings["site"].where(postings["cadre"] != moved, other))
    last = work[work["cadre"] == tired].index[-1]
    work = work[~work["cadre"].isin([home, moved])].drop(index=last)
    names = {"home": home, "moved": moved, "tired": tired, "from": site, "to": other}
    return scenario, remade(scenario, plan, postings=postings, assignments=work), names


def test_a_run_does_not_differ_from_itself(run: tuple[Scenario, Plan]) -> None:
    found = compare(run, run)
    assert set(found.counts.values()) == {0}
    assert (found.terms["change"] == 0).all()
    assert not len(found.sites)
    assert (found.districts["change"] == 0).all()


def test_every_difference_is_listed(
    run: tuple[Scenario, Plan], edited: tuple[Scenario, Plan, dict[str, str]]
) -> None:
    scenario, plan, who = edited
    found = compare(run, (scenario, plan))
    moves = found.moves.set_index("cadre")
    assert moves["what"].to_dict() == {who["home"]: "withdrawn", who["moved"]: "moved"}
    assert (moves.loc[who["moved"], "site_a"], moves.loc[who["moved"], "site_b"]) == (who["from"], who["to"])
    before = run[1].tables["assignments"]
    gone = before["cadre"].isin([who["home"], who["moved"]]).sum()
    assert found.counts["shifts"] == gone + 1
    assert set(found.shifts["what"]) == {"dropped"}
    assert found.counts["moved"] == found.counts["withdrawn"] == 1


def test_gains_and_losses_add_up(
    run: tuple[Scenario, Plan], edited: tuple[Scenario, Plan, dict[str, str]]
) -> None:
    scenario, plan, _ = edited
    found = compare(run, (scenario, plan))
    lost = plan.kpis["people"]["covered"] - run[1].kpis["people"]["covered"]
    assert lost < 0
    assert found.districts["change"].sum() == found.kinds["change"].sum() == lost
    assert (found.sites["covered_b"] - found.sites["covered_a"]).sum() == lost
    terms = found.terms.set_index("term")["change"]
    assert terms["objective"] == pytest.approx(terms.drop("objective").sum())
    back = compare((scenario, plan), run)
    assert back.districts["change"].sum() == -lost
    assert set(back.shifts["what"]) == {"gained"}


def test_text_json_and_sheet_say_the_same(
    allocator: Callable[..., Result],
    small_run: Path,
    edited: tuple[Scenario, Plan, dict[str, str]],
    tmp_path: Path,
) -> None:
    scenario, plan, who = edited
    save(scenario, plan, tmp_path / "b")
    text = allocator("compare", small_run, "b")
    assert text.exit_code == 0, text.output
    assert who["moved"] in text.stdout
    shown = allocator("compare", small_run, "b", "--json", "--sheet", "both.xlsx")
    found = json.loads(shown.stdout)
    assert found["counts"]["moved"] == 1
    assert {m["cadre"] for m in found["moves"]} == {who["home"], who["moved"]}
    book = openpyxl.load_workbook("both.xlsx")
    assert book.sheetnames == ["terms", "moves", "shifts", "districts", "kinds", "tiers", "sites"]
    assert book["shifts"].max_row == 1 + len(found["shifts"])
    assert book["moves"]["A2"].value in {who["home"], who["moved"]}


@pytest.mark.parametrize(("name", "word"), [("both.csv", ".xlsx"), ("none/both.xlsx", "folder that exists")])
def test_a_sheet_that_cannot_be_written(
    allocator: Callable[..., Result], small_run: Path, name: str, word: str
) -> None:
    result = allocator("compare", small_run, small_run, "--sheet", name)
    assert result.exit_code == 2
    assert word in result.stderr

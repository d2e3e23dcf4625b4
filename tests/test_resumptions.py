"""What reopening gives back for what it takes, on the small scenario with five sites that ask to resume."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from conftest import SMALL

from allocator import resumptions, scenario
from allocator.errors import InputError
from allocator.scenario import Case, Scenario

Run = Callable[..., Result]

ASKED = """\
site,value,class,earliest
S04,5,a,2020-02-03
S09,3,b,2020-02-03
S03,4,b,2020-02-05
S11,4,a,2020-02-06
S10,9,c,2020-02-04
"""
"""A market, a village, two communities and a school. S11 is a school: last, whatever its class."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "asked.csv"
    path.write_text(ASKED)
    return path


@pytest.fixture
def asked(small: Scenario, file: Path) -> Scenario:
    return scenario.apply_settings(small, [f"applications={file}"])


def test_what_a_site_uses_can_be_counted_by_hand(asked: Scenario) -> None:
    found, names = resumptions.question(asked)
    shifts, masks, suits = (names.index(name) for name in ("cadre-shifts", "mask", "suit"))
    assert found.rank.tolist() == [0, 1, 1, 3, 2]
    assert found.earliest.tolist() == [0, 0, 2, 3, 1]
    assert found.uses[3, shifts].tolist() == [0, 0, 0, 1, 1, 0, 0]
    assert found.uses[4, shifts].tolist() == [1, 2, 1, 2, 1, 1, 1]
    # 10 a day for the market, two for the guard; the school's guard is there on two of its four days
    assert found.uses[[0, 3], masks, -1].tolist() == [12, 11]
    assert found.uses[4, suits, -1] == pytest.approx(2 / 6)
    assert "chlorine" not in names


def test_what_the_city_has(asked: Scenario) -> None:
    found, names = resumptions.question(asked)
    assert found.budget[names.index("cadre-shifts"), -1] == pytest.approx(20 * 5 / 7, abs=3)
    masks = sum(t.loc[t["item"] == "mask", "quantity"].sum() for t in map(asked.table, ("stock", "deliveries")))
    assert 7 * found.budget[names.index("mask"), 0] >= masks
    none = asked.change({"supply.budget": 0})
    alone, _ = resumptions.question(none)
    assert 7 * alone.budget[names.index("mask"), 0] == pytest.approx(masks)


def test_cadres_without_a_batch_take_the_first_free_place(small: Scenario, asked: Scenario) -> None:
    everyone = asked.table("cadres").assign(batch="", first_day=0, last_day=6)
    found, _ = resumptions.question(asked.change(cadres=everyone, leave=None, pins=None))
    assert found.budget[0] == pytest.approx(np.array([12, 12, 20, 20, 20, 20, 20]) * 5 / 7)


def test_demand_of_cases_counts_by_its_probability(asked: Scenario) -> None:
    row = asked.table("demand").query("site == 'S04'")
    rows = pd.concat([asked.table("demand"), row.assign(case="bad", required=4, target=4)])
    settings = replace(asked.settings, cases=(Case("bad", 0.25), Case("good", 0.75)))
    uncertain = replace(asked, settings=settings, tables={**asked.tables, "demand": rows})
    found, _ = resumptions.question(uncertain)
    assert found.uses[0, 0].tolist() == [2.0] * 7


def test_value_rises_with_the_means_up_to_all_of_it(asked: Scenario) -> None:
    points = resumptions.curve(asked, 8, math.inf)
    assert all(a.share < b.share and a.value <= b.value and a.at_most <= b.at_most for a, b in pairwise(points))
    assert all(p.value <= p.at_most + 1e-6 for p in points)
    assert points[-1].value == 5 * 7 + 3 * 7 + 4 * 5 + 4 * 4 + 9 * 6
    assert points[-1].resumed == 5
    assert points[-1].worth == 0
    assert {p.binding for p in points} <= set(points[0].spent)
    assert all(p.worth > 0 for p in points[:-1])


def test_more_of_what_binds_helps_and_more_of_the_rest_does_not(asked: Scenario) -> None:
    """At half of what all would take masks bind: more cadres regain nothing, more masks do."""
    half = resumptions.curve(asked, 2, math.inf)[0]
    assert half.binding == "mask"
    stock = asked.table("stock")
    richer = stock.assign(quantity=stock["quantity"].where(stock["item"] != "mask", stock["quantity"] * 3))
    more = resumptions.curve(asked.change(stock=richer), 2, math.inf)
    assert more[0].spent["mask"] / more[0].share > half.spent["mask"] / half.share


def test_nobody_asks(small: Scenario) -> None:
    with pytest.raises(InputError) as caught:
        resumptions.curve(small)
    assert caught.value.problems[0].file == "applications.csv"


def test_the_command_shows_and_draws_the_curve(allocator: Run, file: Path, tmp_path: Path) -> None:
    picture = tmp_path / "curve.svg"
    few = ("--points", 8, "--seconds", 6)
    result = allocator("frontier", SMALL, "--set", f"applications={file}", *few, "--out", picture)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert len(lines) == 9
    assert "held back by" in lines[0]
    root = ElementTree.fromstring(picture.read_text(encoding="utf-8"))
    dots = [e for e in root.iter() if e.get("class") == "dot"]
    assert len(dots) == 16
    text = "".join(root.itertext())
    assert "cadre-shifts spent" in text
    assert "mask spent" in text


def test_the_command_as_json(allocator: Run, file: Path) -> None:
    few = ("--points", 3, "--seconds", 3)
    result = allocator("frontier", SMALL, "--set", f"applications={file}", *few, "--json", "--quiet")
    assert result.stderr == ""
    found = json.loads(result.stdout)
    assert found["staple"] == "mask"
    assert len(found["points"]) == 3
    assert set(found["points"][0]) == {"share", "resumed", "value", "at_most", "spent", "binding", "worth"}


@pytest.mark.parametrize("name", ["curve.png", "missing/curve.svg"])
def test_a_picture_that_could_not_be_written(allocator: Run, file: Path, name: str) -> None:
    result = allocator("frontier", SMALL, "--set", f"applications={file}", "--out", name)
    assert result.exit_code == 2
    assert "--out" in result.stderr


def test_a_scenario_without_applications(allocator: Run) -> None:
    result = allocator("frontier", SMALL)
    assert result.exit_code == 2
    assert "applications.csv" in result.stderr

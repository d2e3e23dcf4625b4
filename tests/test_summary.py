"""The organizer's summary: one fixed block, aligned also where names are Chinese."""

from __future__ import annotations

import datetime
import json
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from allocator import summary
from allocator.certificate import Certificate, Status
from allocator.console import Ticker, aligned, percent, value, width
from allocator.limits import Progress
from allocator.plan import Plan

KPIS = {
    "people": {
        "cadres": 20,
        "posted": 18,
        "shifts": 1090,
        "required": 1200,
        "covered": 1080,
        "target": 1500,
        "present": 1090,
        "shortage": 120,
    },
    "by_kind": [
        {"kind": "station", "required": 200, "covered": 200, "target": 300, "present": 210},
        {"kind": "village", "required": 1000, "covered": 880, "target": 1200, "present": 880},
    ],
    "by_district": [
        {"district": "320205", "required": 1200, "covered": 1080, "target": 1500, "present": 1090},
        {"district": "320282", "required": 0, "covered": 0, "target": 0, "present": 0},
    ],
    "by_day": [],
    "supplies": {
        "by_tier": [{"tier": "medical", "needed": 900, "used": 450, "shortage": 450}],
        "by_item": [{"item": "mask", "needed": 900, "used": 450, "shortage": 450, "kits": 2180}],
        "ordered_cost": 1999.6,
        "shipments": 37,
    },
    "worst_sites": [
        {
            "site": "V07",
            "name": "荡口村",
            "kind": "village",
            "district": "320205",
            "people_short": 42,
            "goods_short": 0,
            "penalty": 420.0,
        }
    ],
    "batches": [{"batch": "b1", "start": "2020-02-03", "size": 20, "posted": 18}],
}
PROOF = (
    Certificate("people", Status.FEASIBLE, 2000.0, 1990.0, 1.25, "highs"),
    Certificate("supply", Status.UNKNOWN, None, None, 0.5, "none"),
)
TEXT = """\
A town: 7 days from 2020-02-03
18 of 20 cadres posted, 1,090 shifts worked; 1,080 of 1,200 required person-shifts covered (90.0 %), \
1,090 of 1,500 wanted

person-shifts by kind of site  required  covered           short  wanted  present
station                             200      200  100.0 %      0     300      210  70.0 %
village                           1,000      880   88.0 %    120   1,200      880  73.3 %

person-shifts by district  required  covered          short  wanted  present
320205 锡山                   1,200    1,080  90.0 %    120   1,500    1,090  72.7 %
320282 宜兴                       0        0       -      0       0        0       -

batch  start       size  posted
b1     2020-02-03    20      18

units by tier  needed  used          short
medical           900   450  50.0 %    450
kits of those at work 2,180 units; 37 shipments; orders 2,000 of 5,000 yuan

worst places  name    kind     district     person-shifts short  units short  penalty
V07           荡口村  village  320205 锡山                   42            0    420.0

term of the objective  penalty
staffing               1,990.0
travel                    10.0

proof   status    objective    bound     gap  seconds  solver
people  feasible    2,000.0  1,990.0  0.50 %      1.2   highs
supply  unknown           -        -       -      0.5    none
objective 2,000.0, bound 1,990.0, gap 0.50 %: no plan can score below the bound; 12.3 seconds in all

The plan is in runs/town"""


@pytest.fixture
def town() -> Any:
    districts = pd.DataFrame({"district": ["320205", "320282"], "name": ["锡山", "宜兴"]})
    settings = SimpleNamespace(
        name="town",
        title="A town",
        start=datetime.date(2020, 2, 3),
        days=7,
        supply=SimpleNamespace(budget=5000.0),
    )
    return SimpleNamespace(settings=settings, table={"districts": districts}.__getitem__)


@pytest.fixture
def plan() -> Plan:
    terms = {"staffing": 1990.0, "travel": 10.0, "change": 0.0}
    return Plan("town", "f", objective=2000.0, bound=1990.0, terms=terms, kpis=KPIS, certificates=PROOF)


def test_the_summary_for_people(town: Any, plan: Plan) -> None:
    assert summary.render(town, plan, "runs/town", 12.34) == TEXT


def test_the_summary_for_programs_is_json(town: Any, plan: Plan) -> None:
    found = json.loads(json.dumps(summary.document(town, plan), allow_nan=False))
    assert found["gap"] == pytest.approx(0.005)
    assert found["certificates"][0]["stage"] == "people"
    assert found["certificates"][1]["bound"] is None
    assert found["kpis"]["batches"] == KPIS["batches"]


def test_a_plan_without_bound_says_so(town: Any) -> None:
    text = summary.render(town, Plan("town", "f", objective=5.0, kpis=KPIS), "run", 1)
    assert "objective 5.0, bound -, gap -: nothing is proved" in text


def test_a_chinese_character_takes_two_columns() -> None:
    assert (width("荡口村 A"), width("é"), width("e\u0301")) == (8, 1, 1)
    lines = aligned(("name", "n"), [("荡口村", "1"), ("x", "1,000")]).splitlines()
    assert {width(line) for line in lines} == {13}


def test_a_table_without_rows_is_left_out() -> None:
    assert aligned(("a", "b"), []) == ""


def test_numbers_that_are_not_known_are_dashes() -> None:
    assert (value(None), percent(None), value(1234.56), percent(0.0123)) == ("-", "-", "1,234.6", "1.23 %")


def test_news_has_one_header(capsys: pytest.CaptureFixture[str]) -> None:
    tick = Ticker()
    tick(Progress("posting", None, 10.0, 0.5))
    tick(Progress("roster", 12.5, 10.0, 63.0, "20 sites"))
    assert capsys.readouterr().err.splitlines() == [
        "    time  stage              objective           bound      gap",
        "   0.5 s  posting                    -            10.0        -",
        "  63.0 s  roster                  12.5            10.0  20.00 %  20 sites",
    ]

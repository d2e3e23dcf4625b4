"""Every rule on a sound plan, then broken alone: exactly that rule must be reported."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
import sound
from cities import city
from hypothesis import given as for_all
from hypothesis import settings as effort
from hypothesis import strategies as st
from random_plans import random_decisions
from sound import Edit, add, completed, drop, edit, post, then

from allocator.errors import Violation
from allocator.plan import Plan
from allocator.scenario import Scenario
from allocator.tables import OUTPUTS, RULES
from allocator.verifier import CHECKS, RECORDS, verify

C2_LAST = {"cadre": "c2", "day": 8}
TO_S2 = {"destination": "s2"}
BREAK: dict[str, Edit] = {
    "batch_size": post("c6", "b1", "s1", 0, 9),
    "batch_start": edit("postings", {"cadre": "c5"}, first_day=5),
    "available": edit("assignments", {"cadre": "c1", "day": 2}, day=3),
    "one_posting": post("c5", "b2", "s3", 4, 13),
    "posting_length": edit("postings", {"cadre": "c5"}, last_day=12),
    "travel_limit": post("c6", "b2", "s5", 4, 13),
    "pins": post("c6", "b2", "s2", 4, 13),
    "one_site": edit("assignments", C2_LAST, site="s2", shift="late"),
    "duty_asked": edit("assignments", {"cadre": "c3", "day": 2}, day=5),
    "skill_held": edit("assignments", C2_LAST, duty="screen"),
    "night_allowed": edit("assignments", C2_LAST, shift="night"),
    "one_shift_per_day": add("assignments", cadre="c2", day=8, shift="late", site="s1", duty="guard"),
    "rest_between_shifts": edit("assignments", {"cadre": "c2", "day": 4}, shift="late"),
    "max_run": edit("assignments", {"cadre": "c2", "day": 5}, day=3),
    "max_shifts_7_days": add("assignments", cadre="c2", day=6, shift="day", site="s1", duty="guard"),
    "max_nights_7_days": add("assignments", cadre="c1", day=9, shift="night", site="s1", duty="guard"),
    "site_open": edit("reopenings", {"site": "s3"}, first_day=6),
    "ready_when_open": then(
        edit("openings", {"site": "s4"}, first_day=7),
        post("c6", "b2", "s4", 4, 13),
        add("assignments", cadre="c6", day=7, shift="day", site="s4", duty="guard"),
        add("shipments", day=7, arrives=7, origin="D2", destination="s4", item="mask", quantity=10),
    ),
    "place_capacity": add("transfers", township="t1", day=2, site="s4", people=1),
    "class_order": add("reopenings", site="s5", first_day=3),
    "kit_available": edit("shipments", TO_S2, day=1, arrives=1),
    "stock_balance": add(
        "supply", site="s1", item="suit", tier="medical", day=2, needed=1, used=1, shortage=0
    ),
    "throughput": edit("shipments", {"origin": "D2"}, quantity=150),
    "lane_capacity": edit("shipments", {"destination": "s1"}, quantity=60),
    "lead_time": edit("shipments", {"destination": "D1"}, arrives=2),
    "supplier_capacity": edit("orders", {"supplier": "f1"}, quantity=60, cost=60.0),
    "budget": edit("orders", {"supplier": "f2"}, quantity=10, cost=200.0),
    "whole_packs": edit("shipments", TO_S2, quantity=11),
}
"""One smallest change per rule that breaks this rule and no other."""

OTHER_WAYS: list[tuple[str, Edit, str]] = [
    ("available", edit("postings", {"cadre": "c4"}, batch="b1"), "batch b1"),
    (
        "available",
        add("assignments", cadre="c2", day=11, shift="day", site="s1", duty="guard"),
        "outside the posting",
    ),
    (
        "available",
        add("assignments", cadre="c4", day=13, shift="late", site="s1", duty="guard"),
        "2020-02-15",
    ),
    ("available", edit("assignments", {"cadre": "c4", "day": 6}, day=7), "leave"),
    ("travel_limit", edit("postings", {"cadre": "c5"}, minutes=1.0), "minutes is 1.000"),
    ("pins", drop("postings", cadre="c3"), "must be posted"),
    ("site_open", edit("openings", {"site": "s4"}, first_day=1), "can from 2020-02-05"),
    ("site_open", edit("openings", {"site": "s4"}, first_day=14), "opens 2020-02-17"),
    ("site_open", add("openings", site="s4", first_day=7, capacity=40), "more than one row"),
    ("ready_when_open", edit("openings", {"site": "s4"}, first_day=7), "2 units missing"),
    ("ready_when_open", edit("openings", {"site": "s4"}, first_day=7), "1 people missing"),
    ("place_capacity", add("transfers", township="t1", day=9, site="s4", people=5), "4 are under"),
    ("place_capacity", edit("openings", {"site": "s4"}, capacity=41), "it has 40"),
    ("lane_capacity", edit("shipments", TO_S2, origin="D2"), "no lane leads"),
    ("supplier_capacity", edit("orders", {"supplier": "f1"}, day=7), "only from"),
    ("budget", edit("orders", {"supplier": "f1"}, cost=4.0), "cost is 4"),
    ("whole_packs", edit("orders", {"supplier": "f2"}, quantity=4, cost=80.0), "packs of 5"),
    ("whole_packs", edit("shipments", TO_S2, quantity=-10), "-10"),
    ("stock_balance", edit("shipments", {"destination": "D1"}, quantity=210), "10 more"),
    ("supply", edit("supply", {"site": "s1", "day": 0}, used=5), "from 0 to 4"),
]
"""The other arms of the rules; here a second rule may break as well."""


@pytest.fixture(scope="module")
def given() -> Scenario:
    return sound.scenario()


@pytest.fixture(scope="module")
def plan(given: Scenario) -> Plan:
    return sound.plan(given)


def broken(scenario: Scenario, change: Edit) -> list[Violation]:
    """What the verifier says when the decisions are changed and everything else follows them."""
    return verify(scenario, completed(scenario, change(sound.decisions(scenario))))


def rules(violations: list[Violation]) -> set[str]:
    return {violation.rule for violation in violations}


def test_the_sound_plan_breaks_nothing(given: Scenario, plan: Plan) -> None:
    assert verify(given, plan) == []


def test_the_registry_is_the_list_of_rules() -> None:
    assert tuple(CHECKS) == RULES == tuple(BREAK)
    for name, check in (CHECKS | RECORDS).items():
        assert check.__name__ == name
        assert check.__doc__


@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_is_that_violation_alone(given: Scenario, rule: str) -> None:
    violations = broken(given, BREAK[rule])
    assert rules(violations) == {rule}
    assert len(violations) == 1
    assert violations[0].where
    assert violations[0].message


@pytest.mark.parametrize(("rule", "change", "words"), OTHER_WAYS)
def test_the_other_ways_to_break_a_rule(given: Scenario, rule: str, change: Edit, words: str) -> None:
    violations = broken(given, change)
    assert any(v.rule == rule and words in f"{v.message} {v.where}" for v in violations), violations


def test_travel_csv_rules_out_what_it_does_not_list(given: Scenario) -> None:
    elsewhere = edit("postings", {"cadre": "c3"}, site="s3")
    assert "does not list" in next(v.message for v in broken(given, elsewhere) if v.rule == "travel_limit")


def test_a_pin_names_the_first_day(given: Scenario) -> None:
    late = edit("postings", {"cadre": "c3"}, batch="b2", first_day=4, last_day=13)
    assert "from 2020-02-03" in next(v.message for v in broken(given, late) if v.rule == "pins")


def test_all_violations_are_listed(given: Scenario) -> None:
    tables = sound.decisions(given)
    for rule in ("batch_size", "night_allowed", "lead_time", "throughput"):
        tables = BREAK[rule](tables)
    found = rules(verify(given, completed(given, tables)))
    assert found == {"batch_size", "night_allowed", "lead_time", "throughput"}


def test_violations_say_where(given: Scenario) -> None:
    (violation,) = broken(given, BREAK["night_allowed"])
    assert violation.where == "cadre=c2 day=2020-02-11 shift=night"
    (violation,) = broken(given, BREAK["max_run"])
    assert violation.where == "cadre=c2 day=2020-02-07"
    assert violation.message.startswith("5 days worked on end")


def test_without_lanes_goods_take_the_usual_chain(given: Scenario) -> None:
    usual = given.change({"lanes": None})
    same_day = edit("shipments", {"destination": "D1"}, arrives=0)
    assert verify(usual, completed(usual, same_day(sound.decisions(usual)))) == []
    astray = edit("shipments", TO_S2, origin="D0")
    assert rules(verify(usual, completed(usual, astray(same_day(sound.decisions(usual)))))) == {
        "lane_capacity"
    }
    wholesale = usual.change({"depots": usual.table("depots").assign(district=["", "d1", ""])})
    orphan = edit("shipments", {"origin": "D2"}, origin="D0")
    assert verify(wholesale, completed(wholesale, orphan(same_day(sound.decisions(wholesale))))) == []


UNKNOWN: list[tuple[str, str, Any]] = [
    ("postings", "cadre", "c99"),
    ("postings", "batch", "b9"),
    ("assignments", "site", "s99"),
    ("assignments", "duty", "dance"),
    ("assignments", "shift", "noon"),
    ("assignments", "day", 14),
    ("assignments", "day", -1),
    ("shipments", "origin", "s1"),
    ("shipments", "destination", "nowhere"),
    ("shipments", "item", "mousse"),
    ("orders", "supplier", "f9"),
    ("orders", "item", "glove"),
    ("supply", "tier", "gentry"),
    ("inventory", "place", "nowhere"),
    ("coverage", "duty", "dance"),
    ("openings", "site", "s1"),
    ("reopenings", "site", "s4"),
    ("shipments", "case", "dire"),
]


@pytest.mark.parametrize(("table", "column", "value"), UNKNOWN)
def test_rows_of_unknown_things_are_named_and_left_aside(
    given: Scenario, plan: Plan, table: str, column: str, value: Any
) -> None:
    row = {**plan.tables[table].iloc[-1].to_dict(), column: value}
    violations = verify(given, dataclasses.replace(plan, tables=add(table, **row)(dict(plan.tables))))
    assert rules(violations) == {"unknown"}
    assert len(violations) == 1
    assert f"{table} names {column} {value}" in violations[0].message


STATED: list[tuple[str, str, Callable[[Plan], dict[str, Any]]]] = [
    ("fingerprint", "plan.json fingerprint", lambda p: {"fingerprint": "0" * 64}),
    ("fingerprint", "plan.json scenario", lambda p: {"scenario": "another"}),
    ("objective", "plan.json objective", lambda p: {"objective": p.objective * 1.001}),
    ("objective", "plan.json objective", lambda p: {"objective": None}),
    ("objective", "plan.json objective", lambda p: {"objective": float("nan")}),
    ("objective", "plan.json bound", lambda p: {"bound": p.objective + 0.1}),
    ("objective", "plan.json terms.travel", lambda p: {"terms": {**p.terms, "travel": 0.0}}),
    ("objective", "plan.json terms.luck", lambda p: {"terms": {**p.terms, "luck": -1.0}}),
    (
        "objective",
        "plan.json terms.change",
        lambda p: {"terms": {k: v for k, v in p.terms.items() if k != "change"}},
    ),
    (
        "kpis",
        "plan.json kpis.people",
        lambda p: {"kpis": {**p.kpis, "people": {**p.kpis["people"], "posted": 6}}},
    ),
    ("kpis", "plan.json kpis.by_kind", lambda p: {"kpis": {**p.kpis, "by_kind": p.kpis["by_kind"][1:]}}),
]


@pytest.mark.parametrize(("rule", "where", "lie"), STATED)
def test_what_plan_json_says_is_recomputed(
    given: Scenario, plan: Plan, rule: str, where: str, lie: Callable[[Plan], dict[str, Any]]
) -> None:
    violations = verify(given, sound.stated(plan, **lie(plan)))
    assert [(v.rule, v.where) for v in violations] == [(rule, where)]


def test_no_bound_is_no_violation(given: Scenario, plan: Plan) -> None:
    assert verify(given, sound.stated(plan, bound=None)) == []


@pytest.mark.parametrize("table", ["coverage", "supply", "inventory"])
@pytest.mark.parametrize("fault", ["missing", "twice", "different", "extra"])
def test_derived_tables_are_recomputed(given: Scenario, plan: Plan, table: str, fault: str) -> None:
    frame, last = plan.tables[table], next(n for n in reversed(OUTPUTS[table].names) if n != "case")
    row = frame.iloc[[0]]
    other = {"missing": frame.iloc[1:], "twice": pd.concat([frame, row]), "different": frame.copy()}
    other["different"].loc[0, last] += 1
    strange = {"coverage": {"duty": "screen", "shift": "late"}, "supply": {"item": "glove"}}
    other["extra"] = pd.concat([frame, row.assign(**strange.get(table, {"place": "s5"}))])
    tables = {**plan.tables, table: other[fault].reset_index(drop=True)}
    mine = [v for v in verify(given, sound.stated(plan, tables=tables)) if v.rule == table]
    words = {"missing": "is missing", "twice": "twice", "different": "recomputed", "extra": "nothing calls"}
    assert any(words[fault] in v.message for v in mine)


def test_an_inventory_row_of_nothing_is_no_violation(given: Scenario, plan: Plan) -> None:
    idle = add("inventory", place="s5", item="mask", day=0, on_hand=0)
    assert verify(given, sound.stated(plan, tables=idle(dict(plan.tables)))) == []


def test_a_plan_of_nothing_is_judged_too(given: Scenario) -> None:
    nothing = Plan(scenario=given.settings.name, fingerprint=given.fingerprint)
    assert {"pins", "coverage", "supply", "objective"} <= rules(verify(given, nothing))


@effort(max_examples=15, deadline=None)
@for_all(st.integers(0, 10_000))
def test_any_plan_can_be_judged(seed: int) -> None:
    scenario = city(seed)
    plan = completed(scenario, random_decisions(scenario, seed))
    for violation in verify(scenario, plan):
        assert violation.rule in RULES or violation.rule in ("unknown", *RECORDS)
        assert violation.rule not in ("fingerprint", "coverage", "inventory", "objective", "kpis")


def test_the_judges_know_no_model_and_no_solver() -> None:
    script = (
        "import sys, allocator.verifier, allocator.measures, allocator.plan\n"
        "deciding = ['ortools', *(f'allocator.{m}' for m in ('models', 'instance', 'goods', 'pipeline'))]\n"
        "print([m for m in sys.modules if m.startswith(tuple(deciding))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

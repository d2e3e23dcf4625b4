"""The oracle on cases solved by hand, by a second solver, and before the judges of plans."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from cities import START, Shape, assemble, city
from oracle import OracleAnswer, kilometres, optimum, second_opinion, weekdays

from allocator import measures, scenario, verifier
from allocator.plan import Plan, arrange
from allocator.scenario import Batch, Rules, Scenario, Settings, Shift, Supply, Travel, Weights

Rows = dict[str, list[dict[str, Any]]]
FREE = Rules(
    rest_hours=11, max_run=7, max_shifts_7_days=7, max_nights_7_days=7, max_travel=60, max_posting_days=28
)
PRICES = Weights(
    required=10,
    target=2,
    travel=0,
    change=5,
    fairness=0,
    first_half=2,
    distance=0,
    opening=0.001,
    uncovered=100,
    transfer=0.05,
    reopening=1,
    tiers={"medical": 8, "frontline": 4, "enterprise": 2, "public": 1},
)
DAY, NIGHT = Shift("day", 8 * 60, 8 * 60, False), Shift("night", 0, 8 * 60, True)
HERE = {"lon": 120.3, "lat": 31.57}


def settings(days: int = 2, **changes: Any) -> Settings:
    plain = Settings(
        name="hand",
        title="",
        start=START,
        days=days,
        shifts=(DAY, NIGHT),
        batches=(Batch("b1", 0, 9),),
        cases=(),
        rules=FREE,
        weights=PRICES,
        travel=Travel(30, 1.0),
        supply=Supply(0),
    )
    return replace(plain, **changes)


def site(name: str, district: str = "d1", **more: Any) -> dict[str, Any]:
    return {"site": name, "name": name, "kind": "village", "district": district, "weight": 1.0, **HERE} | more


def cadre(name: str, **more: Any) -> dict[str, Any]:
    return {"cadre": name, "office": "o", "district": "d1", "night_ok": True, **HERE} | more


def asks(where: str, required: int, target: int, **more: Any) -> dict[str, Any]:
    row = {"site": where, "duty": "guard", "shift": "day", "weekdays": "1-7", "required": required}
    return row | {"target": target} | more


def needs(where: str, per_day: int, tier: str = "public", **more: Any) -> dict[str, Any]:
    return {"site": where, "item": "mask", "per_day": per_day, "tier": tier} | more


def town(rows: Mapping[str, list[dict[str, Any]]], days: int = 2, **changes: Any) -> Scenario:
    """One district, site s1, cadre c1, duty guard, item mask, depot D; `rows` replaces tables."""
    plain: Rows = {
        "districts": [{"district": "d1", "name": "d1"}],
        "sites": [site("s1")],
        "duties": [{"duty": "guard", "name": "guard", "weight": 1.0}],
        "cadres": [cadre("c1")],
        "items": [{"item": "mask", "name": "mask", "unit": "piece", "pack": 1, "volume": 1.0, "weight": 1.0}],
        "depots": [{"depot": "D", "name": "D", "throughput": 1000.0, **HERE}],
    }
    return assemble(settings(days, **changes), plain | dict(rows))


def value(rows: Mapping[str, list[dict[str, Any]]], days: int = 2, **changes: Any) -> float:
    answer = optimum(town(rows, days, **changes))
    assert answer.exact
    assert answer.objective is not None
    return answer.objective


def test_one_person_covers_one_of_two_every_day() -> None:
    # each day: 1 of required 2 missing (10), target 3 beyond required 2 (2)
    assert value({"demand": [asks("s1", 2, 3)]}) == pytest.approx(2 * 12)


def test_rows_of_a_cell_add_up_and_weekdays_count_from_monday() -> None:
    rows = [asks("s1", 1, 1), asks("s1", 1, 1, weekdays="2")]
    assert START.isoweekday() == 1
    assert value({"demand": rows}) == pytest.approx(10)


def test_rest_lets_a_day_follow_a_night_but_not_a_night_a_day() -> None:
    asked = [asks("s1", 1, 1, last_day=0), asks("s1", 1, 1, shift="night", first_day=1)]
    assert value({"demand": asked}) == pytest.approx(10)
    asked = [asks("s1", 1, 1, shift="night", last_day=0), asks("s1", 1, 1, first_day=1)]
    assert value({"demand": asked}) == pytest.approx(0)


@pytest.mark.parametrize(
    ("limit", "shift", "most"),
    [
        ({"max_run": 2}, "day", 5),
        ({"max_shifts_7_days": 3}, "day", 3),
        ({"max_nights_7_days": 2}, "night", 2),
        ({"max_nights_7_days": 2}, "day", 7),
    ],
)
def test_limits_of_work(limit: Mapping[str, int], shift: str, most: int) -> None:
    rules = replace(FREE, **limit)
    asked = [asks("s1", 1, 1, shift=shift)]
    assert value({"demand": asked}, days=7, rules=rules) == pytest.approx(10 * (7 - most))


def test_nights_skills_leave_and_last_day_keep_people_from_work() -> None:
    nights = [asks("s1", 1, 1, shift="night")]
    assert value({"demand": nights, "cadres": [cadre("c1", night_ok=False)]}) == pytest.approx(20)
    skilled = [{"duty": "guard", "name": "guard", "skill": "medical", "weight": 1.0}]
    assert value({"demand": [asks("s1", 1, 1)], "duties": skilled}) == pytest.approx(20)
    assert value({"demand": [asks("s1", 1, 1)], "leave": [{"cadre": "c1", "day": 1}]}) == pytest.approx(10)
    assert value({"demand": [asks("s1", 1, 1)], "cadres": [cadre("c1", last_day=0)]}) == pytest.approx(10)


def test_a_posting_lasts_from_its_batch_to_the_longest_stay() -> None:
    batches = (Batch("b1", 1, 1), Batch("b2", 4, 1))
    rules = replace(FREE, max_posting_days=2)
    people = [cadre("c1"), cadre("c2")]
    answer = optimum(
        town({"demand": [asks("s1", 1, 1)], "cadres": people}, days=7, batches=batches, rules=rules)
    )
    assert answer.objective == pytest.approx(30)
    assert answer.tables["postings"][["batch", "first_day", "last_day"]].values.tolist() in (
        [["b1", 1, 2], ["b2", 4, 5]],
        [["b2", 4, 5], ["b1", 1, 2]],
    )


def test_travel_is_paid_per_day_and_bounded() -> None:
    weights = replace(PRICES, travel=0.1)
    listed = [{"cadre": "c1", "site": "s1", "minutes": 20.0}]
    assert value({"demand": [asks("s1", 1, 1)], "travel": listed}, weights=weights) == pytest.approx(4)
    listed[0]["minutes"] = 60.0
    assert value({"demand": [asks("s1", 1, 1)], "travel": listed}, weights=weights) == pytest.approx(12)
    listed[0]["minutes"] = 60.5
    assert value({"demand": [asks("s1", 1, 1)], "travel": listed}, weights=weights) == pytest.approx(20)


def test_distance_is_the_great_circle() -> None:
    assert kilometres(120, 31, 120, 32) == pytest.approx(111.195, abs=1e-3)
    far = [site("s1", lat=32.57)]
    weights = replace(PRICES, distance=1.0)
    goods: Rows = {
        "sites": far,
        "demand": [asks("s1", 0, 1)],
        "needs": [needs("s1", 4)],
        "stock": [{"place": "D", "item": "mask", "quantity": 99}],
    }
    assert value(goods, weights=weights) == pytest.approx(2 * 2 + 8 * 111.195 / 1000, abs=1e-4)


def test_pins_and_previous() -> None:
    sites = [site("s1"), site("s2")]
    rows: Rows = {"sites": sites, "demand": [asks("s1", 1, 1)], "previous": [{"cadre": "c1", "site": "s2"}]}
    assert value(rows) == pytest.approx(5)
    assert value(rows | {"pins": [{"cadre": "c1", "site": "s2", "kind": "must"}]}) == pytest.approx(20)
    assert value(rows | {"pins": [{"cadre": "c1", "site": "s1", "kind": "never"}]}) == pytest.approx(20)


def test_fairness_counts_what_a_district_has_less_than_its_share() -> None:
    rows: Rows = {
        "districts": [{"district": "d1", "name": "d1"}, {"district": "d2", "name": "d2"}],
        "sites": [site("s1"), site("s2", "d2")],
        "demand": [asks("s1", 1, 1), asks("s2", 1, 1)],
    }
    weights = replace(PRICES, fairness=3.0)
    # two of four shifts covered, all in one district: the other lacks 1/2 x 2 = 1
    assert value(rows, weights=weights) == pytest.approx(20 + 3)
    # dear enough, it is better to cover nothing at all: no share, no lag
    assert value(rows, weights=replace(PRICES, fairness=100.0)) == pytest.approx(40)


def test_a_scarce_good_goes_to_first_halves() -> None:
    sites = [site("s1"), site("s2")]
    rows: Rows = {
        "sites": sites,
        "demand": [asks("s1", 0, 1)],
        "needs": [needs("s1", 4), needs("s2", 4)],
        "stock": [{"place": "D", "item": "mask", "quantity": 4}],
    }
    # staffing 2 x 0: c1 stands at s1. 16 wanted, 4 there: first halves lack 8 - 4, rest 8
    assert value(rows) == pytest.approx(4 * 2 + 8)


def test_packs_throughput_and_tiers() -> None:
    goods = {"item": "mask", "name": "mask", "unit": "piece", "pack": 5, "volume": 1.0, "weight": 1.0}
    rows: Rows = {
        "items": [goods],
        "demand": [asks("s1", 0, 1)],
        "needs": [needs("s1", 4, "medical"), needs("s1", 4)],
        "stock": [{"place": "D", "item": "mask", "quantity": 9}],
    }
    # one pack of 5 leaves; the odd 4 stay behind: 3 medical (beyond the half) and 8 public are short
    assert value(rows) == pytest.approx(3 * 8 + 4 * (2 + 1))
    narrow = [{"depot": "D", "name": "D", "throughput": 4.9, **HERE}]
    assert value(rows | {"depots": narrow}) == pytest.approx(2 * (2 * 2 + 2) * (8 + 1))


def test_orders_cost_money_and_take_time() -> None:
    offer = {"supplier": "u", "item": "mask", "depot": "D", "per_day": 10, "lead_days": 1, "unit_cost": 2.0}
    rows: Rows = {
        "demand": [asks("s1", 0, 1)],
        "needs": [needs("s1", 4)],
        "stock": [{"place": "D", "item": "mask", "quantity": 0}],
        "suppliers": [offer],
    }
    # nothing on day 0 (2 x 2 + 2); 3 units for 7 yuan on day 1
    assert value(rows, supply=Supply(7.0)) == pytest.approx(6 + 1)
    assert value(rows, supply=Supply(0.0)) == pytest.approx(12)


def test_lanes_replace_the_usual_chain() -> None:
    rows: Rows = {
        "demand": [asks("s1", 0, 1)],
        "needs": [needs("s1", 2)],
        "stock": [{"place": "D", "item": "mask", "quantity": 9}],
        "lanes": [{"origin": "D", "destination": "s1", "per_day": 1.5, "lead_days": 1}],
    }
    # day 0: both short (1 x 2 + 1); day 1: one litre came, the second half is short
    assert value(rows) == pytest.approx(3 + 1)


def test_a_shift_waits_for_its_kit() -> None:
    rows: Rows = {
        "demand": [asks("s1", 1, 1)],
        "kits": [{"duty": "guard", "item": "mask", "per_shift": 2}],
        "stock": [{"place": "s1", "item": "mask", "quantity": 3}],
    }
    assert value(rows) == pytest.approx(10)
    # four medical masks outweigh a shift: 2 x 8 x 2 beyond, 10 within
    ward = [needs("s1", 3, "medical", last_day=0)]
    assert value(rows | {"needs": ward}) == pytest.approx(20)


def test_closed_sites_ask_for_nothing() -> None:
    rows: Rows = {
        "sites": [site("s1"), site("s2")],
        "demand": [asks("s1", 1, 1), asks("s2", 9, 9)],
        "needs": [needs("s2", 9)],
        "stock": [{"place": "D", "item": "mask", "quantity": 9}],
        "applications": [{"site": "s2", "value": 3.0, "class": "a", "earliest": 1}],
        "isolation_demand": [{"township": "", "day": 0, "people": 2}],
    }
    assert value(rows) == pytest.approx(3 + 200)


def test_weekdays() -> None:
    assert weekdays("1-3,6") == {1, 2, 3, 6}


# ---- random cities


def plan_of(found: Scenario, answer: OracleAnswer) -> Plan:
    """The oracle's decisions as a plan that says what `measures` makes of it."""
    tables = arrange(measures.complete(found, arrange(answer.tables)))
    terms = measures.objective_terms(found, tables)
    return Plan(
        scenario=found.settings.name,
        fingerprint=found.fingerprint,
        objective=sum(terms.values()),
        bound=answer.bound,
        terms=terms,
        kpis=measures.kpis(found, tables),
        tables=tables,
    )


@pytest.mark.parametrize("seed", range(60))
def test_the_judges_agree_with_the_oracle(seed: int) -> None:
    """Two readings of the rules: an optimum by one breaks nothing and costs the same by the other."""
    found = city(seed)
    answer = optimum(found)
    plan = plan_of(found, answer)
    assert [v for v in verifier.verify(found, plan) if v.rule != "objective"] == []
    assert plan.terms == pytest.approx(answer.terms, abs=1e-5 * answer.scale)


@pytest.mark.parametrize("seed", range(100, 130))
def test_two_solvers_agree(seed: int) -> None:
    found = city(seed)
    first, second = optimum(found), second_opinion(found)
    assert first.exact
    assert second.exact
    assert first.objective == pytest.approx(second.objective, abs=1e-6 * first.scale)


@pytest.mark.parametrize("seed", range(0, 200, 5))
def test_cities_pass_the_checks_of_a_scenario(seed: int, tmp_path: Any) -> None:
    found = city(seed)
    scenario.write(found, tmp_path / "city")
    assert scenario.read(tmp_path / "city").fingerprint == found.fingerprint


def test_cities_vary_and_repeat() -> None:
    prints = {city(seed).fingerprint for seed in range(50)}
    assert len(prints) == 50
    assert city(7).fingerprint in prints
    large = city(7, cadres=40, sites=12, days=14, items=3)
    assert [len(large.table(n)) for n in ("cadres", "sites", "items")] == [40, 12, 3]
    assert isinstance(large.settings.start, dt.date)
    with pytest.raises(TypeError, match="colour"):
        city(1, colour="red")


def test_cities_show_every_trait() -> None:
    """Among the first two hundred every optional table and every kind of row turns up."""
    seen = [city(seed) for seed in range(200)]
    given = frozenset().union(*(s.given for s in seen))
    assert given >= {
        "leave",
        "pins",
        "travel",
        "suppliers",
        "lanes",
        "candidates",
        "applications",
        "previous",
    }
    pins = {kind for s in seen for kind in s.table("pins")["kind"]}
    assert pins == {"must", "never"}
    assert {len(s.settings.batches) for s in seen} == {1, 2, 3}
    assert {len(s.settings.shifts) for s in seen} == {1, 2, 3, 4}
    assert any((s.table("items")["pack"] > 1).any() for s in seen)
    assert {f.name for f in fields(Shape)} > {"cadres", "sites", "days"}

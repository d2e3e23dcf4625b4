"""Several demand cases: views of one, tables laid together, terms and rules expected and case by case."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
import sound
from sound import add, completed

from allocator import cases, measures, plan, verifier
from allocator.scenario import Case, Scenario

TWO = (Case("mild", 0.25), Case("harsh", 0.75))


@pytest.fixture(scope="module")
def given() -> Scenario:
    """The sound scenario, with one more guard wanted at s1 and more people under observation if it is harsh."""
    one = sound.scenario()
    more = {"site": "s1", "duty": "guard", "shift": "day", "first_day": 1, "last_day": 1, "weekdays": "1-7"}
    demand = pd.concat([one.table("demand"), pd.DataFrame([more | {"required": 2, "target": 2, "case": "harsh"}])])
    people = one.table("isolation_demand")
    extra = pd.DataFrame([{"township": "t1", "day": 9, "case": "harsh", "people": 8}])
    found = replace(one, settings=replace(one.settings, cases=TWO))
    return found.change({"demand": demand, "isolation_demand": pd.concat([people, extra])})


def test_a_view_is_a_scenario_of_one_case(given: Scenario) -> None:
    mild, harsh = (cases.scenario_in(given, name) for name in ("mild", "harsh"))
    assert len(harsh.table("demand")) == len(mild.table("demand")) + 1
    assert not (harsh.table("demand")["case"] != "").any()
    assert mild.table("isolation_demand")["people"].tolist() == [3, 4]
    assert cases.likeliest(given) == "harsh"
    assert cases.scenario_in(sound.scenario(), "any") is sound.scenario()


def test_the_mean_of_all_cases(given: Scenario) -> None:
    mean = cases.expected(given)
    assert mean.table("isolation_demand").groupby("day")["people"].sum().to_dict() == {2: 3, 9: 10}
    extra = mean.table("demand").query("site == 's1' and first_day == 1 and last_day == 1")
    assert extra[["required", "target"]].to_numpy().tolist() == [[2, 2]]  # 1.5 people are two
    assert mean.settings.cases == ()


def test_rows_of_every_case_stand_once() -> None:
    first = pd.DataFrame({"site": ["a", "b"], "people": [1, 2]})
    second = pd.DataFrame({"site": ["b", "c"], "people": [2, 3]})
    laid = cases.together(["x", "y"], [first, second])
    assert sorted(laid.itertuples(index=False, name=None)) == [("a", 1, "x"), ("b", 2, ""), ("c", 3, "y")]
    for name, right in (("x", first), ("y", second)):
        view = cases.rows_in(laid, name).drop(columns="case").sort_values("site", ignore_index=True)
        pd.testing.assert_frame_equal(view, right, check_dtype=False)


def test_terms_are_expected_over_cases(given: Scenario) -> None:
    made = completed(given, sound.decisions(given))
    each = measures.terms_by_case(given, made.tables)
    for name, value in made.terms.items():
        assert value == pytest.approx(0.25 * each["mild"][name] + 0.75 * each["harsh"][name])
    assert each["harsh"]["opening"] - each["mild"]["opening"] == 3 * 8
    assert each["harsh"]["staffing"] - each["mild"]["staffing"] == pytest.approx(10 * 2)
    assert made.kpis["worst"]["case"] == "harsh"
    assert [row["case"] for row in made.kpis["cases"]] == ["mild", "harsh"]
    assert made.kpis["expected"]["objective"] == pytest.approx(sum(made.terms.values()))
    assert verifier.verify(given, made) == []


def test_what_breaks_in_one_case_is_told_with_it(given: Scenario) -> None:
    extra = add("assignments", cadre="c2", day=11, shift="day", site="s1", duty="guard", case="harsh")
    found = verifier.verify(given, completed(given, extra(sound.decisions(given))))
    assert found
    assert all(v.where.startswith("case=harsh ") for v in found)
    both = add("assignments", cadre="c2", day=11, shift="day", site="s1", duty="guard", case="")
    again = verifier.verify(given, completed(given, both(sound.decisions(given))))
    assert {v.rule for v in again} == {v.rule for v in found}
    assert not any("case=" in v.where for v in again)


def test_a_place_is_not_taken_twice_in_a_case(given: Scenario) -> None:
    sent = add("transfers", township="t1", day=9, site="s4", people=5, case="harsh")
    made = completed(given, sent(sound.decisions(given)))
    assert verifier.verify(given, made) == []
    mild = add("transfers", township="t1", day=9, site="s4", people=5, case="mild")
    (found,) = verifier.verify(given, completed(given, mild(sound.decisions(given))))
    assert (found.rule, found.where) == ("place_capacity", "case=mild township=t1 day=2020-02-12")


def test_cases_survive_the_folder(given: Scenario, tmp_path) -> None:  # type: ignore[no-untyped-def]
    made = completed(given, sound.decisions(given))
    plan.write(replace(made, context=None), tmp_path / "run", given.settings.start)
    read = plan.read(tmp_path / "run", given.settings.start)
    assert set(read.table("coverage")["case"]) == {"", "harsh", "mild"}
    assert "case" not in (tmp_path / "run" / "assignments.csv").read_text(encoding="utf-8")
    assert verifier.verify(given, replace(read, context=None)) == []


def test_the_value_of_nothing_to_choose(given: Scenario) -> None:
    """One case with a name is as good as none."""
    one = replace(given, settings=replace(given.settings, cases=(Case("only", 1.0),)))
    assert not cases.several(one)
    assert cases.cases(one) == cases.CERTAIN

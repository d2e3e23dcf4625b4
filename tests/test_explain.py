"""Explanations: no fix is shown that does not hold when it is made, and reasons are facts."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cities import city
from click.testing import Result

from allocator import explain, fixes, means, pipeline, seal, verifier
from allocator.explain import Explained
from allocator.limits import Limits
from allocator.plan import Plan
from allocator.runs import load
from allocator.scenario import Scenario
from allocator.state import State
from allocator.tables import RULES

SEEDS = range(24)


@cache
def case(seed: int) -> tuple[Scenario, Plan, State, tuple[Explained, ...]]:
    scenario = city(seed, closed=False)
    plan = pipeline.solve(scenario, Limits(rounds=1, prove=False))
    state = State(scenario, plan)
    return scenario, plan, state, tuple(explain.explained(state, explain.shortages(state)))


def short(plan: Plan, state: State, e: Explained) -> int:
    """What the plan's own table says of a shortage."""
    table = explain.reasons(state, [e]).iloc[0]
    name, key = ("coverage", ["duty", "shift"]) if e.shortage.people else ("supply", ["item", "tier"])
    rows = plan.tables[name]
    rows = rows[(rows["site"] == table["site"]) & (rows[key[0]] + " " + rows[key[1]] == table["what"])]
    return int(rows["shortage"].sum())


@pytest.mark.parametrize("seed", SEEDS)
def test_every_fix_holds_when_it_is_made_alone(seed: int) -> None:
    scenario, plan, state, found = case(seed)
    for e in found:
        assert short(plan, state, e) == e.shortage.short.sum() > 0
        if e.fix is None:
            continue
        again = fixes.applied(scenario, [json.loads(e.fix.text())])
        made = explain.with_fixes(state, [e.fix])
        assert made.fingerprint == again.fingerprint, "the text of the fix says all of it"
        assert verifier.verify(again, made) == []
        assert short(made, state, e) == 0
        assert made.objective is not None
        assert plan.objective - made.objective == pytest.approx(e.fix.gain, abs=1e-6)
        assert e.fix.gain >= -1e-9


def test_most_shortages_have_a_fix() -> None:
    found = [e for seed in SEEDS for e in case(seed)[3]]
    fixed = sum(e.fix is not None for e in found)
    assert len(found) >= 100
    assert fixed >= 0.7 * len(found)
    assert len({e.reason.rule for e in found}) >= 10


def test_every_shortage_is_explained_once() -> None:
    for seed in SEEDS:
        _, plan, state, found = case(seed)
        table = explain.reasons(state, found)
        cells = plan.tables["coverage"].query("shortage > 0")
        units = plan.tables["supply"].query("shortage > 0")
        posts = set(cells[["site", "duty", "shift"]].itertuples(index=False, name=None))
        lines = set(units[["site", "item", "tier"]].itertuples(index=False, name=None))
        wanted = [f"{site} {a} {b}" for site, a, b in [*posts, *lines]]
        assert Counter(table["site"] + " " + table["what"]) == Counter(wanted)


def test_reasons_are_in_both_languages_and_name_a_rule() -> None:
    for seed in SEEDS:
        table = explain.reasons(case(seed)[2], case(seed)[3])
        assert set(table["rule"]) <= {*RULES, ""}
        assert not table["reason"].str.contains("[一-鿿]").any()
        assert table["reason_zh"].str.contains("[一-鿿]").all()
        assert ((table["fix"] != "") == (table["fix_zh"] != "")).all()
        assert not table["fix"].str.contains("[一-鿿]").any()


def test_the_facts_behind_reasons() -> None:
    """Reasons with a simple fact behind them, checked on the tables of the scenario."""
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        scenario, plan, state, found = case(seed)
        for e in found:
            rule, s = e.reason.rule, e.shortage
            seen[rule] += 1
            if rule == "skill_held":
                skill = re.findall("skill (.+)", e.reason.english)[0]
                held = scenario.table("cadres")["skills"][(state.inst.shape >= 0).any(axis=1)]
                assert not held.str.split(";").map(lambda h, skill=skill: skill in h).any()
            if rule == "budget":
                left = scenario.settings.supply.budget - plan.tables["orders"]["cost"].sum()
                item = e.reason.english.split(" ")[0]
                offers = scenario.table("suppliers").query("item == @item")
                packs = scenario.table("items").set_index("item")["pack"]
                assert left < (offers["unit_cost"] * packs[item]).min()
            if rule == "batch_start" and s.people:
                last = scenario.date(int(s.short.nonzero()[0][-1]))
                assert re.findall(r"\d{4}-\d\d-\d\d", e.reason.english)[0] > str(last)
                held = plan.tables["postings"].set_index("cadre")["first_day"]
                skill = scenario.table("duties")["skill"][state.inst.post_duty[s.index]]
                cadres = scenario.table("cadres").set_index("cadre").loc[held.index]
                fit = cadres["skills"].str.split(";").map(lambda h, skill=skill: skill in ("", *h)) & cadres["night_ok"]
                near = np.isfinite(state.inst.minutes[pd.Index(state.inst.cadres).get_indexer(held.index), s.site])
                assert (held[fit & near] > s.short.nonzero()[0][-1]).all()
            if rule == "kit_available":
                rate = state.goods.kit_rate[state.inst.post_duty[s.index]]
                for day in s.short.nonzero()[0]:
                    lacks = []
                    for i in rate.nonzero()[0]:
                        more = state.kits[s.site, i].copy()
                        more[day] += rate[i]
                        lacks.append(state.larder.served(s.site, int(i), more).short)
                    assert any(lacks), "one more person has the kit"
    assert seen["budget"]
    assert seen["kit_available"]
    assert seen["one_posting"]


def test_the_rule_that_holds_somebody_back_does() -> None:
    """Putting a member of the team on the shift breaks the very rule that is named."""
    from allocator.phrases import blocking

    broken = 0
    for seed in SEEDS:
        scenario, plan, state, found = case(seed)
        inst = state.inst
        for e in (e for e in found if e.shortage.people):
            s = e.shortage
            for c in state.board.team(s.site):
                shape = inst.shape[c, state.board.batch[c]]
                if state.board.plan[c, s.day] >= 0 or not inst.traits[inst.shape_trait[shape], s.index]:
                    continue
                rule = blocking(state, int(c), s.day, s.index)
                p = s.index
                row = {"cadre": inst.cadres[c], "day": s.day, "shift": inst.shifts[inst.post_shift[p]]}
                row |= {"site": inst.sites[s.site], "duty": inst.duties[inst.post_duty[p]]}
                work = pd.concat([plan.tables["assignments"], pd.DataFrame([row])], ignore_index=True)
                made = Plan(plan.scenario, plan.fingerprint, tables={**plan.tables, "assignments": work})
                rules = {v.rule for v in verifier.verify(scenario, made)}
                kept = {"available", "rest_between_shifts", "max_run", "max_shifts_7_days", "max_nights_7_days"}
                assert (rule in rules) if rule else not (rules & kept)
                broken += bool(rule)
    assert broken >= 5


def test_what_would_help_most_does_help() -> None:
    helped = 0
    for seed in (3, 6, 9, 12):
        scenario, plan, state, _ = case(seed)
        table = means.means(state)
        assert table["gain"].is_monotonic_decreasing
        helped += len(table)
        for row in table.to_dict("records"):
            if not row["means"].startswith("pack of"):
                continue
            item = row["means"].split(" ")[2]
            pack = int(scenario.table("items").set_index("item")["pack"][item])
            more = {"site": row["site"], "people": [], "doors": []}
            more["deliveries"] = [(row["where"], item, row["day"], pack)]
            again = pipeline.solve(fixes.applied(scenario, [more]), Limits(rounds=0, prove=False), None, plan)
            assert again.objective is not None
            assert again.objective <= plan.objective + 1e-6
    assert helped


def test_no_names_of_another_district() -> None:
    """What a district reads about its sites names neither places nor people of others."""
    told = 0
    for seed in SEEDS:
        scenario, plan, state, found = case(seed)
        table = explain.reasons(state, found)
        sites = scenario.table("sites").set_index("site")["district"]
        held = plan.tables["postings"].set_index("cadre")["site"].map(sites)
        for row in table.to_dict("records"):
            words = set(re.findall(r"[\w-]+", f"{row['reason']} {row['fix']} {row['change']}", re.ASCII))
            words |= set(re.findall(r"[\w-]+", f"{row['reason_zh']} {row['fix_zh']}", re.ASCII))
            own = sites[row["site"]]
            assert all(sites[w] == own for w in words & set(sites.index))
            assert all(held[w] == own for w in words & set(held.index))
            told += "of another district" in row["reason"]
    assert told, "somebody of another district is meant, and not named"


def test_the_toll_of_a_kit_is_what_the_site_loses_when_it_is_taken() -> None:
    """Priced at once for all days, it is what each day alone gives."""
    short = dear = 0
    for seed in SEEDS:
        state = case(seed)[2]
        for j, i in state.larder.lines:
            kits = state.kits[j, i]
            for units in (1, 3):
                found = state.larder.penalties(j, i, kits, units)
                for day in range(state.inst.days):
                    taken = kits.copy()
                    taken[day] += units
                    then = state.larder.served(j, i, taken)
                    assert found[day] == (np.inf if then.short else then.penalty)
                    short += then.short > 0
                    dear += 0 < state.penalty[j, i] < then.penalty < np.inf
    assert short > 100
    assert dear > 100


# ---- the command line


def test_the_command_fills_the_table(allocator: Callable[..., Result], small_run: Path, tmp_path: Path) -> None:
    import shutil

    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    one = allocator("explain", run, "--site", "S09", "--quiet")
    assert one.exit_code == 0, one.output
    assert set(load(run)[1].tables["reasons"]["site"]) == {"S09"}
    assert allocator("verify", run / "scenario", run).exit_code == 0
    found = json.loads(allocator("explain", run, "--json", "--quiet").stdout)
    assert seal.broken(run, seal.digests(run)) == [], "a verified run can be published with its reasons"
    scenario, plan = load(run)
    assert len(found["reasons"]) == len(plan.tables["reasons"])
    assert 5 <= len(found["means"]) <= 10
    assert verifier.verify(scenario, plan) == []
    assert allocator("verify", run / "scenario", run).exit_code == 0
    table = plan.tables["reasons"]
    assert (table["fix"] != "").mean() > 0.8
    south = allocator("explain", run, "--district", "south", "--top", "3", "--quiet")
    assert south.stdout.count("why") == 3
    assert "救" not in south.stdout
    assert len(load(run)[1].tables["reasons"]) == len(table), "the other district's reasons are kept"
    for wrong in (("--site", "S99"), ("--district", "east")):
        assert allocator("explain", run, *wrong).exit_code == 2

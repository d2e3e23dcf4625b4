"""Re-plans: what has happened stays, what is reported counts, and moves are counted and bounded."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest
from cities import city
from click.testing import Result
from conftest import SMALL

from allocator import events, pipeline, replan, trade, verifier
from allocator.errors import InputError
from allocator.limits import Limits
from allocator.plan import Plan
from allocator.runs import load
from allocator.scenario import Scenario
from allocator.tables import EVENTS

Run = Callable[..., Result]
QUICK = Limits(seconds=None, rounds=2, prove=False)


def reported(scenario: Scenario, folder: Path, *rows: Mapping[str, Any]) -> pd.DataFrame:
    """Events as a file gives them; days are given as numbers."""
    (folder / "events.csv").write_text(text(scenario, *rows), encoding="utf-8")
    return events.read(folder / "events.csv", scenario)


def text(scenario: Scenario, *rows: Mapping[str, Any]) -> str:
    lines = [",".join(EVENTS.names)]
    for n, row in enumerate(rows):
        cells = {"event": f"e{n}"} | {
            k: scenario.date(v).isoformat() if k in ("first_day", "last_day") else str(v) for k, v in row.items()
        }
        lines.append(",".join(cells.get(name, "") for name in EVENTS.names))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def run(small_run: Path) -> tuple[Scenario, Plan]:
    return load(small_run)


def followed(
    run: tuple[Scenario, Plan], folder: Path, first: int, *rows: Mapping[str, Any]
) -> tuple[Scenario, Plan]:
    """The scenario that is left, and a plan of it."""
    scenario, plan = run
    found = replan.follow(scenario, plan, reported(scenario, folder, *rows), first)
    made = pipeline.solve(found, QUICK, None, replan.carried(plan, first))
    assert verifier.verify(found, made) == []
    return found, made


def test_what_was_used_is_gone_and_what_was_ordered_comes(run: tuple[Scenario, Plan], tmp_path: Path) -> None:
    scenario, plan = run
    found = replan.follow(scenario, plan, reported(scenario, tmp_path), 3)
    before = plan.tables["inventory"]
    before = before[before["day"] == 2].set_index(["place", "item"])["on_hand"]
    assert found.table("stock").set_index(["place", "item"])["quantity"].to_dict() == before.to_dict()
    spent = plan.tables["orders"].query("day < 3")["cost"].sum()
    assert found.settings.supply.budget == pytest.approx(scenario.settings.supply.budget - spent)
    leads = scenario.table("suppliers").set_index(["supplier", "item"])["lead_days"]
    orders = plan.tables["orders"].query("day < 3")
    days = orders["day"].to_numpy() + leads[pd.MultiIndex.from_frame(orders[["supplier", "item"]])].to_numpy()
    known = scenario.table("deliveries").query("day >= 3")["quantity"].sum()
    open_ = ((days >= 3) & (days < scenario.settings.days)).astype(int)
    assert found.table("deliveries")["quantity"].sum() == known + (orders["quantity"].to_numpy() * open_).sum()
    assert found.settings.start == scenario.date(3)
    assert found.settings.days == scenario.settings.days - 3


def test_who_is_in_the_field_stays_there_at_no_cost(run: tuple[Scenario, Plan], tmp_path: Path) -> None:
    scenario, plan = run
    found = replan.follow(scenario, plan, reported(scenario, tmp_path), 3)
    made = pipeline.solve(found.change({"weights.change": 5000}), QUICK, None, replan.carried(plan, 3))
    old = plan.tables["postings"].set_index("cadre")
    assert made.tables["postings"].set_index("cadre")["site"].to_dict() == old["site"].to_dict()
    assert replan.moves(found, made) == 0
    assert made.terms["change"] == 0
    ends = made.tables["postings"].set_index("cadre")["last_day"] + 3
    assert ends.to_dict() == old["last_day"].to_dict()


def test_the_whole_roster_keeps_the_rules_over_the_seam(run: tuple[Scenario, Plan], tmp_path: Path) -> None:
    """Old days and new ones laid together, judged by the verifier of the whole horizon."""
    scenario, plan = run
    rows = [{"kind": "absence", "first_day": 4, "cadre": "C05"}]
    found, made = followed(run, tmp_path, 4, *rows)
    new = made.tables["assignments"]
    work = pd.concat([plan.tables["assignments"].query("day < 4"), new.assign(day=new["day"] + 4)])
    tables = {**plan.tables, "assignments": work.reset_index(drop=True)}
    whole = Plan(plan.scenario, plan.fingerprint, tables=tables)
    rules = {v.rule for v in verifier.verify(scenario, whole)}
    assert not rules & {"rest_between_shifts", "max_run", "max_shifts_7_days", "max_nights_7_days", "night_allowed"}
    assert set(found.table("worked")["cadre"]) <= set(plan.tables["assignments"]["cadre"])
    assert len(found.table("worked")) == len(plan.tables["assignments"].query("day < 4 and cadre != 'C05'"))


def test_the_absent_do_not_work(run: tuple[Scenario, Plan], tmp_path: Path) -> None:
    gone, ill = {"kind": "absence", "first_day": 2, "cadre": "C05"}, {"kind": "absence", "first_day": 3, "cadre": "C08"}
    found, made = followed(run, tmp_path, 3, gone, ill | {"last_day": 4})
    assert "C05" not in set(found.table("cadres")["cadre"])
    assert {0, 1} <= set(found.table("leave").query("cadre == 'C08'")["day"])
    work = made.tables["assignments"]
    assert not len(work.query("cadre == 'C05' or (cadre == 'C08' and day < 2)"))
    assert "C05" not in set(found.table("previous")["cadre"]), "who is gone for good is no change"


def test_changed_needs_and_closed_sites(run: tuple[Scenario, Plan], tmp_path: Path) -> None:
    _, plan = run
    cell = plan.tables["coverage"].query("day == 5").iloc[0]
    need = plan.tables["supply"].query("day == 5").iloc[0]
    shut = next(s for s in plan.tables["coverage"]["site"] if s not in (cell["site"], need["site"]))
    people = {"kind": "need", "place": cell["site"], "duty": cell["duty"], "shift": cell["shift"]}
    goods = {"kind": "need", "place": need["site"], "item": need["item"], "tier": need["tier"]}
    _, made = followed(
        run,
        tmp_path,
        2,
        people | {"first_day": 4, "last_day": 5, "required": 7, "target": 9},
        goods | {"first_day": 5, "quantity": 77},
        {"kind": "closure", "first_day": 3, "place": shut},
    )
    cells = made.tables["coverage"]
    mine = cells[(cells["site"] == cell["site"]) & (cells["duty"] == cell["duty"]) & (cells["shift"] == cell["shift"])]
    mine = mine.set_index("day")
    assert (mine.loc[[2, 3], "required"] == 7).all()
    assert (mine.loc[[2, 3], "target"] == 9).all()
    old = plan.tables["coverage"].merge(cell.to_frame().T[["site", "duty", "shift"]]).set_index("day")["required"]
    assert mine["required"].drop([2, 3]).to_dict() == {d - 2: r for d, r in old.items() if d >= 2 and d not in (4, 5)}
    units = made.tables["supply"].merge(need.to_frame().T[["site", "item", "tier"]])
    assert (units.query("day >= 3")["needed"] == 77).all()
    assert set(cells[cells["site"] == shut]["day"]) <= {0}
    others = ~cells["site"].isin([cell["site"], shut])
    same = plan.tables["coverage"].query("day >= 2").assign(day=lambda f: f["day"] - 2)
    same = same[~same["site"].isin([cell["site"], shut])]
    key = ["site", "duty", "day", "shift", "required", "target"]
    assert cells[others][key].reset_index(drop=True).equals(same[key].reset_index(drop=True))


def test_stock_lost_and_found(run: tuple[Scenario, Plan], tmp_path: Path) -> None:
    scenario, plan = run
    depot = scenario.table("depots")["depot"].iloc[0]
    plain = replan.follow(scenario, plan, reported(scenario, tmp_path), 3)
    lost = {"kind": "stock", "first_day": 3, "place": depot, "item": "mask", "quantity": -10_000}
    found = {"kind": "stock", "first_day": 2, "place": "S06", "item": "suit", "quantity": 6}
    later = {"kind": "stock", "first_day": 5, "place": depot, "item": "suit", "quantity": 4}
    stock = replan.follow(scenario, plan, reported(scenario, tmp_path, lost, found, later), 3)
    before, after = (s.table("stock").set_index(["place", "item"])["quantity"] for s in (plain, stock))
    assert (depot, "mask") not in after.index
    assert after["S06", "suit"] == before.get(("S06", "suit"), 0) + 6
    coming = [s.table("deliveries")["quantity"].sum() for s in (plain, stock)]
    assert coming[1] == coming[0] + 4
    with pytest.raises(InputError, match="later ones are a new report"):
        replan.follow(scenario, plan, reported(scenario, tmp_path, lost | {"first_day": 5}), 3)


@pytest.mark.parametrize("seed", range(30))
def test_random_cities_after_random_events(seed: int, tmp_path: Path) -> None:
    scenario, rng = city(seed, days=8, closed=False, lanes=False), Random(seed)
    plan = pipeline.solve(scenario, QUICK)
    first = rng.randrange(2, 7)
    rows: list[dict[str, Any]] = []
    for cadre in scenario.table("cadres")["cadre"]:
        if rng.random() < 0.4:
            day = rng.randrange(0, 8)
            rows.append({"kind": "absence", "cadre": cadre, "first_day": day, "last_day": rng.randrange(day, 8)})
    depot, item = scenario.table("depots")["depot"].iloc[0], scenario.table("items")["item"].iloc[0]
    rows.append({"kind": "stock", "first_day": 1, "place": depot, "item": item, "quantity": rng.choice((-9, 9))})
    row = rng.choice(scenario.table("demand").to_dict("records"))
    need = {"place": row["site"], "duty": row["duty"], "shift": row["shift"], "required": 1, "target": 2}
    rows.append({"kind": "need", "first_day": rng.randrange(0, 8)} | need)
    found, made = followed((scenario, plan), tmp_path, first, *rows)
    assert (made.tables["postings"]["first_day"] >= 0).all()
    again = pipeline.solve(found, Limits(seconds=20))
    assert again.bound is not None
    assert made.objective is not None
    assert again.bound <= made.objective + 1e-6 * max(1, abs(made.objective))


def bad_day(seed: int, folder: Path) -> tuple[Scenario, Plan]:
    """A city of 40 that loses eight people on day 3, and what is left of its plan."""
    traits = {"closed": False, "previous": False, "pins": False, "lanes": False, "tight": False}
    scenario = city(seed, cadres=40, sites=12, days=10, crowd=1.0, **traits)
    plan = pipeline.solve(scenario, QUICK)
    posted = plan.tables["postings"]["cadre"].tolist()
    happened = reported(scenario, folder, *({"kind": "absence", "first_day": 3, "cadre": c} for c in posted[:8]))
    return replan.follow(scenario, plan, happened, 3), replan.carried(plan, 3)


def test_only_so_many_move(tmp_path: Path) -> None:
    found, start = bad_day(27, tmp_path)
    found = found.change({"weights.change": 0.0})
    free = replan.moves(found, pipeline.solve(found, QUICK, None, start))
    assert free >= 3
    values = []
    for most in (0, 2, free):
        made = trade.limited(found, most, QUICK, start)
        assert verifier.verify(found, made) == []
        assert replan.moves(found, made) <= most
        values.append(made.objective)
    assert values[0] > values[1] >= values[2]


def test_the_curve_falls(tmp_path: Path) -> None:
    found, start = bad_day(8, tmp_path)
    points = trade.curve(found, QUICK, start, points=8)
    assert points[0].changes == 0
    assert len(points) >= 3
    for one, two in pairwise(points):
        assert one.changes < two.changes
        assert one.staffing > two.staffing
        assert one.penalty > two.penalty
    for point in points:
        assert verifier.verify(found, point.plan) == []
        assert point.penalty == pytest.approx(point.plan.objective - point.plan.terms["change"])


# ---- the command line


def test_a_day_later_on_the_command_line(allocator: Run, small_run: Path, small: Scenario) -> None:
    absent = {"kind": "absence", "first_day": 3, "cadre": "C05"}
    Path("events.csv").write_text(text(small, absent), encoding="utf-8")
    words = ("solve", SMALL, "--previous", small_run, "--events", "events.csv", "--seconds", "10", "--quiet", "--out")
    assert allocator(*words, "next", "--frozen", "1", "--max-changes", "0").exit_code == 0
    found, plan = load("next")
    assert found.settings.start == small.date(4), "today is the first day of the events, and is frozen"
    assert replan.moves(found, plan) == 0
    assert json.loads(allocator("verify", "next/scenario", "next", "--json").stdout)["ok"]
    differences = json.loads(allocator("compare", small_run, "next", "--json").stdout)
    assert min((s["day"] for s in differences["shifts"]), default="9") >= found.settings.start.isoformat()
    later = (found.settings.start + dt.timedelta(days=1)).isoformat()
    Path("more.csv").write_text(text(found, {"kind": "absence", "first_day": 1, "cadre": "C08"}), encoding="utf-8")
    again = ("solve", "next/scenario", "--previous", "next", "--events", "more.csv", "--today", later, "--quiet")
    assert allocator(*again, "--seconds", "10", "--out", "third").exit_code == 0
    assert json.loads(allocator("verify", "third/scenario", "third", "--json").stdout)["ok"]


def test_the_trade_on_the_command_line(allocator: Run, small_run: Path, small: Scenario) -> None:
    Path("events.csv").write_text(text(small, {"kind": "absence", "first_day": 2, "cadre": "C05"}), encoding="utf-8")
    words = ("trade", SMALL, "--previous", small_run, "--events", "events.csv", "--points", "3", "--rounds", "2")
    found = json.loads(allocator(*words, "--json", "--quiet", "--out", "curve").stdout)
    assert found["points"][0]["changes"] == 0
    kept = {int(p.name.removeprefix("changes-")) for p in Path("curve").iterdir()}
    assert kept == {p["changes"] for p in found["points"]}


FAULTS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "who is absent": ({"kind": "absence", "first_day": 1}, "names it"),
    "a stranger": ({"kind": "absence", "first_day": 1, "cadre": "C99"}, "a cadre of the scenario"),
    "a kind nobody knows": ({"kind": "flood", "first_day": 1}, "one of absence, need"),
    "a need at a depot": ({"kind": "closure", "first_day": 1, "place": "D-city"}, "a site, not a depot"),
    "backwards": ({"kind": "closure", "first_day": 3, "last_day": 1, "place": "S01"}, "not before the first"),
    "less wanted than needed": (
        {"kind": "need", "first_day": 1, "place": "S01", "duty": "watch", "shift": "day", "required": 3},
        "at least the people required",
    ),
    "no number": (
        {"kind": "stock", "first_day": 1, "place": "S01", "item": "mask", "quantity": "many"},
        "whole number",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_events_that_cannot_be_meant(name: str, small: Scenario, tmp_path: Path) -> None:
    row, word = FAULTS[name]
    with pytest.raises(InputError) as error:
        reported(small, tmp_path, row)
    assert word in str(error.value)
    assert "events.csv, row 2" in str(error.value)


def test_every_bad_event_is_told_at_once(small: Scenario, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        reported(small, tmp_path, *(row for row, _ in FAULTS.values()))
    assert len({p.row for p in error.value.problems}) == len(FAULTS)


@pytest.mark.parametrize(
    "words",
    [
        ["--events", "events.csv"],
        ["--today", "2020-02-05"],
        ["--max-changes", "3"],
        ["--previous", "RUN", "--events", "none.csv"],
        ["--previous", "RUN", "--events", "events.csv"],
        ["--previous", "RUN", "--events", "events.csv", "--today", "tomorrow"],
        ["--previous", "RUN", "--events", "events.csv", "--today", "2020-02-03"],
        ["--previous", "RUN", "--events", "events.csv", "--today", "2020-02-04", "--frozen", "9"],
    ],
)
def test_options_that_cannot_be_meant(
    allocator: Run, small_run: Path, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("events.csv").write_text(",".join(EVENTS.names) + "\n", encoding="utf-8")
    found = allocator("solve", SMALL, "--out", "run", *(str(small_run) if w == "RUN" else w for w in words))
    assert found.exit_code == 2, found.output
    assert "Traceback" not in found.output
    assert not Path("run").exists()

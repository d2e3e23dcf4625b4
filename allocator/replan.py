"""The scenario that is left of one after some days: what a re-plan decides.

`follow` takes a scenario, the plan that was being carried out, what has happened since, and the
first day that can still change. What lies before that day has happened and stays: shifts worked
count for rest and runs (`worked`), goods used, shipped and ordered are gone, under way or on hand.
Who is in the field is there already, and `previous` says where, so that moving costs `weights.change`.

Batches that have left are one from then on; a posting goes on to the day it was to end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from allocator.agenda import daily, demand_cells
from allocator.errors import InputError, Problem
from allocator.events import absences
from allocator.keys import totals
from allocator.ledger import Ledger, ledger
from allocator.plan import Plan
from allocator.scenario import Scenario
from allocator.tables import INPUTS

__all__ = ["carried", "follow", "moves"]

BACK = 6
Tables = dict[str, pd.DataFrame]


def follow(scenario: Scenario, plan: Plan, happened: pd.DataFrame, first: int) -> Scenario:
    """Return the scenario of the days from `first` on, in which nothing decided before can change.

    Parameters
    ----------
    plan
        of the scenario, carried out up to the day before `first`.
    happened
        events as `events.read` returns them.

    Raises
    ------
    InputError
        The horizon does not hold the day, or something that happened cannot be told to a scenario.
    """
    if not 0 < first < scenario.settings.days:
        span = f"{scenario.date(1)} to {scenario.date(scenario.settings.days - 1)}"
        way = f"a first day to plan anew inside the horizon, {span}"
        raise InputError([Problem("--today", None, None, str(scenario.date(first)), way, "outside_horizon")])
    away = absences(happened)
    tables = _carried_out(scenario, plan, away, first)
    changes: dict[str, Any] = {"start": scenario.date(first).isoformat(), "days": scenario.settings.days - first}
    found = _people(scenario, plan, tables, away, first)
    found |= _goods(scenario, tables, happened, first)
    found |= {"demand": _demand(scenario, happened, first), "needs": _needs(scenario, happened, first)}
    found |= _openings(scenario, plan, first)
    batches, named = _batches(scenario, first)
    changes["supply.budget"] = max(0.0, scenario.settings.supply.budget - float(tables["orders"]["cost"].sum()))
    for name, frame in found.items():
        if len(frame) or name in scenario.given:
            changes[name] = frame[list(INPUTS[name].names)]
    if named:
        changes["cadres"] = changes["cadres"].replace({"batch": dict.fromkeys(named, named[-1])})
    return _changed(scenario, batches, changes)


def carried(plan: Plan, first: int) -> Plan:
    """The part of a plan from `first` on, days counted from there: what a re-plan starts from."""
    work = plan.tables["assignments"]
    work = work[work["day"] >= first]
    tables = {**plan.tables, "assignments": work.assign(day=work["day"] - first)}
    return replace(plan, tables=tables)


def _changed(scenario: Scenario, batches: tuple[Any, ...], changes: Mapping[str, Any]) -> Scenario:
    """Batches are no table: they are exchanged before the rest is changed and checked."""
    eased = replace(scenario, settings=replace(scenario.settings, batches=batches))
    return eased.change(changes)


def _batches(scenario: Scenario, first: int) -> tuple[tuple[Any, ...], list[str]]:
    """The batches from `first` on, and the ids of those that have left, the last of them last."""
    left = [b for b in scenario.settings.batches if b.start <= first]
    rest = tuple(b for b in scenario.settings.batches if b.start > first)
    if not left:
        return rest, []
    one = replace(left[-1], start=first, size=sum(b.size for b in left))
    return (one, *rest), [b.id for b in left]


def moves(scenario: Scenario, plan: Plan) -> int:
    """Cadres of `previous` who are not posted where they were."""
    previous = scenario.table("previous")[["cadre", "site"]]
    return len(previous) - len(previous.merge(plan.tables["postings"][["cadre", "site"]], on=["cadre", "site"]))


def _carried_out(scenario: Scenario, plan: Plan, away: pd.DataFrame, first: int) -> Tables:
    """The plan's tables up to the day before `first`, without the shifts of those who were away."""
    tables = dict(plan.tables)
    work = tables["assignments"].merge(away.assign(away=True), on=["cadre", "day"], how="left")
    tables["assignments"] = work[work["away"].isna()].drop(columns="away").reset_index(drop=True)
    for name in ("assignments", "shipments", "orders", "supply"):
        tables[name] = tables[name][tables[name]["day"] < first].reset_index(drop=True)
    return tables


# ---- people


def _people(scenario: Scenario, plan: Plan, tables: Tables, away: pd.DataFrame, first: int) -> Tables:
    cadres = scenario.table("cadres").merge(
        plan.tables["postings"][["cadre", "batch", "site", "first_day", "last_day"]],
        on="cadre", how="left", suffixes=("", "_posted"),
    )  # fmt: skip
    field = (cadres["first_day_posted"] < first).to_numpy()
    last = cadres["last_day"].where(~field, np.minimum(cadres["last_day"], cadres["last_day_posted"].fillna(0)))
    cadres["last_day"] = np.minimum(last, _last_present(cadres, away, scenario.settings.days)).astype("int64")
    cadres["first_day"] = cadres["first_day"].clip(lower=first)
    cadres["batch"] = cadres["batch"].where(~field, cadres["batch_posted"])
    there = (cadres["last_day"] >= cadres["first_day"]).to_numpy()
    kept, here = set(cadres.loc[there, "cadre"]), cadres[there]
    found = {"cadres": here, "previous": here.loc[here["site"].notna(), ["cadre", "site"]]}
    leave = pd.concat([scenario.table("leave")[["cadre", "day"]], away]).drop_duplicates()
    found["leave"] = leave[leave["cadre"].isin(kept) & (leave["day"] >= first)]
    found["travel"] = _of(scenario, "travel", kept)
    found["pins"] = _pins(scenario, kept, set(cadres.loc[field, "cadre"]), first)
    found["worked"] = _worked(scenario, tables["assignments"], kept, first)
    return found


def _last_present(cadres: pd.DataFrame, away: pd.DataFrame, days: int) -> np.ndarray:
    """The day after which somebody is away to the end; a shorter absence is leave."""
    absent = np.zeros((len(cadres), days + 1), dtype=bool)
    absent[:, days] = True
    rows = pd.Index(cadres["cadre"]).get_indexer(pd.Index(away["cadre"]))
    absent[rows, away["day"].to_numpy(dtype=np.int64)] = True
    run = np.logical_and.accumulate(absent[:, ::-1], axis=1)[:, ::-1]
    return run.argmax(axis=1) - 1


def _of(scenario: Scenario, name: str, cadres: set[str]) -> pd.DataFrame:
    frame = scenario.table(name)
    return frame[frame["cadre"].isin(cadres)]


def _pins(scenario: Scenario, kept: set[str], field: set[str], first: int) -> pd.DataFrame:
    """Pins of those who are left; a day that has passed binds nobody."""
    pins = _of(scenario, "pins", kept)
    past = pins["cadre"].isin(field) | (pins["first_day"] < first)
    return pins.assign(first_day=pins["first_day"].where(~past, -1))


def _worked(scenario: Scenario, assignments: pd.DataFrame, kept: set[str], first: int) -> pd.DataFrame:
    both = pd.concat([scenario.table("worked"), assignments])[["cadre", "day", "shift"]]
    return both[(both["day"] >= first - BACK) & both["cadre"].isin(kept)].astype({"day": "int64"})


# ---- what is asked for


def _demand(scenario: Scenario, happened: pd.DataFrame, first: int) -> pd.DataFrame:
    """Demand from `first` on; lines that events touch are written anew, day by day."""
    key = ["site", "duty", "shift"]
    changed = happened[happened["what"] == "people"].rename(columns={"place": "site"})
    rows = _clipped(scenario.table("demand"), first)
    touched = pd.concat([changed[key], rows.loc[rows.duplicated(list(INPUTS["demand"].key), keep=False), key]])
    cells = demand_cells(scenario)
    cells = _closed(cells[cells["day"] >= first], happened)
    asked = _overwritten(cells, changed, key, ["required", "target"], first, scenario.settings.days)
    touched = pd.concat([touched, _closed_lines(rows, happened, key)]).drop_duplicates()
    spans = _spans(_matching(asked, touched, key), key, ["required", "target"])
    return pd.concat([_matching(rows, touched, key, keep=False), spans.assign(weekdays="1-7", case="")])


def _needs(scenario: Scenario, happened: pd.DataFrame, first: int) -> pd.DataFrame:
    key = ["site", "item", "tier"]
    changed = happened[happened["what"] == "goods"].drop(columns="required")
    changed = changed.rename(columns={"place": "site", "quantity": "per_day"})
    rows = _clipped(scenario.table("needs"), first)
    touched = pd.concat([changed[key], rows.loc[rows.duplicated(list(INPUTS["needs"].key), keep=False), key]])
    cells = daily(scenario.table("needs"), scenario.settings.days)
    cells = totals(cells[cells["day"] >= first], [*key, "day"], ["per_day"])
    asked = _overwritten(_closed(cells, happened), changed, key, ["per_day"], first, scenario.settings.days)
    touched = pd.concat([touched, _closed_lines(rows, happened, key)]).drop_duplicates()
    spans = _spans(_matching(asked, touched, key), key, ["per_day"])
    return pd.concat([_matching(rows, touched, key, keep=False), spans])


def _clipped(rows: pd.DataFrame, first: int) -> pd.DataFrame:
    left = rows[rows["last_day"] >= first]
    return left.assign(first_day=left["first_day"].clip(lower=first))


def _closed(cells: pd.DataFrame, happened: pd.DataFrame) -> pd.DataFrame:
    """The cells of sites that are not closed on the day."""
    shut = np.zeros(len(cells), dtype=bool)
    for row in happened[happened["kind"] == "closure"].to_dict("records"):
        shut |= ((cells["site"] == row["place"]) & cells["day"].between(row["first_day"], row["last_day"])).to_numpy()
    return cells[~shut]


def _closed_lines(rows: pd.DataFrame, happened: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    return rows.loc[rows["site"].isin(happened.loc[happened["kind"] == "closure", "place"]), key]


def _overwritten(
    cells: pd.DataFrame, changed: pd.DataFrame, key: list[str], values: list[str], first: int, days: int
) -> pd.DataFrame:
    """The cells with those of the events in place of what was there; a later row wins."""
    new = daily(changed[[*key, *values, "first_day", "last_day"]], days)
    new = new[new["day"] >= first]
    return pd.concat([cells[[*key, "day", *values]], new]).drop_duplicates([*key, "day"], keep="last")


def _matching(rows: pd.DataFrame, lines: pd.DataFrame, key: list[str], keep: bool = True) -> pd.DataFrame:
    inside = pd.MultiIndex.from_frame(rows[key]).isin(pd.MultiIndex.from_frame(lines[key]))
    return rows[inside if keep else ~inside]


def _spans(cells: pd.DataFrame, key: list[str], values: list[str]) -> pd.DataFrame:
    """Cells of single days as spans of equal days that follow each other."""
    cells = cells[(cells[values] > 0).any(axis=1)].sort_values([*key, "day"])
    if not len(cells):
        return cells.assign(first_day=0, last_day=0).drop(columns="day")
    before = cells.shift()
    follows = (cells[[*key, *values]] == before[[*key, *values]]).all(axis=1) & (cells["day"] == before["day"] + 1)
    groups = cells.assign(span=(~follows).cumsum()).groupby("span")
    ends = groups["day"].agg(first_day="min", last_day="max")
    return groups[[*key, *values]].first().join(ends).reset_index(drop=True)


# ---- goods


def _goods(scenario: Scenario, tables: Tables, happened: pd.DataFrame, first: int) -> Tables:
    account = ledger(scenario, tables)
    depots = set(scenario.table("depots")["depot"])
    deliveries = scenario.table("deliveries")
    arriving = [deliveries[deliveries["day"] >= first], _ordered(scenario, tables["orders"], first)]
    arriving.append(_under_way(tables["shipments"], depots, first))
    stock, found = _stock(account, happened, depots, first)
    coming = totals(pd.concat([*arriving, found], ignore_index=True), ["depot", "item", "day"], ["quantity"])
    suppliers = _clipped(scenario.table("suppliers"), first)
    return {"stock": stock, "deliveries": coming, "suppliers": suppliers}


def _ordered(scenario: Scenario, orders: pd.DataFrame, first: int) -> pd.DataFrame:
    """Orders placed that have not come yet: certain by now."""
    terms = scenario.table("suppliers")[["supplier", "item", "depot", "lead_days"]]
    placed = orders[["supplier", "item", "day", "quantity"]].merge(terms, on=["supplier", "item"])
    placed["day"] = placed["day"] + placed["lead_days"]
    inside = (placed["day"] >= first) & (placed["day"] < scenario.settings.days)
    return placed.loc[inside, ["depot", "item", "day", "quantity"]]


def _under_way(shipments: pd.DataFrame, depots: set[str], first: int) -> pd.DataFrame:
    late = shipments[shipments["arrives"] >= first]
    stray = late[~late["destination"].isin(depots)]
    if len(stray):
        rows = stray[["quantity", "item", "destination"]].head(3).to_numpy()
        shown = ", ".join(f"{n} {i} to {d}" for n, i, d in rows)
        way = f"a day on which no goods are under way to a site (now {shown}); choose --today a little later"
        raise InputError([Problem("--today", None, None, "", way, "under_way")])
    coming = late.assign(depot=late["destination"], day=late["arrives"])
    return coming[["depot", "item", "day", "quantity"]]


def _stock(account: Ledger, happened: pd.DataFrame, depots: set[str], first: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is on hand when `first` begins, and what is found at depots later."""
    on_hand = account.on_hand[:, :, first - 1].copy()
    rows = happened[happened["kind"] == "stock"]
    later = (rows["first_day"] > first).to_numpy()
    wild = later & ((rows["quantity"] < 0) | ~rows["place"].isin(depots)).to_numpy()
    if wild.any():
        way = "a loss, or goods found at a site, by the first day that is planned anew; later ones are a new report"
        names = ", ".join(rows.loc[wild, "event"].head(5))
        raise InputError([Problem("events.csv", None, "first_day", names, way, "bad_event")])
    for row in rows[~later].to_dict("records"):
        at = account.places.get_loc(row["place"]), account.items.get_loc(row["item"])
        on_hand[at] = max(0, on_hand[at] + row["quantity"])
    place, item = np.nonzero(on_hand)
    stock = pd.DataFrame(
        {"place": account.places[place], "item": account.items[item], "quantity": on_hand[place, item]}
    )
    found = rows[later].rename(columns={"place": "depot", "first_day": "day"})
    return stock, found[["depot", "item", "day", "quantity"]]


# ---- openings


def _openings(scenario: Scenario, plan: Plan, first: int) -> Tables:
    """What is decided to open or resume opens on that day, at no further cost."""
    found: Tables = {}
    for name, answer, column in (("candidates", "openings", "lead_days"), ("applications", "reopenings", "earliest")):
        table = scenario.table(name)
        decided = plan.tables[answer].set_index("site")["first_day"]
        day = table["site"].map(decided)
        when = table[column].clip(lower=first) if name == "applications" else table[column]
        fixed = day.clip(lower=first) if name == "applications" else (day - first).clip(lower=0)
        found[name] = table.assign(**{column: fixed.where(day.notna(), when).astype("int64")})
        if name == "candidates":
            found[name] = found[name].assign(cost=table["cost"].where(day.isna(), 0.0))
    people = scenario.table("isolation_demand")
    found["isolation_demand"] = people[people["day"] >= first]
    return found

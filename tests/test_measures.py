"""The value of a plan, against sums in plain Python and against figures worked out by hand."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sound
from cities import city
from hypothesis import given as for_all
from hypothesis import settings as effort
from hypothesis import strategies as st
from random_plans import random_decisions
from sound import Tables

from allocator import agenda, keys, measures
from allocator.distance import great_circle_km
from allocator.scenario import Scenario

Row = dict[str, Any]


class Slow:
    """The same sums, row by row, with nothing but loops and dictionaries."""

    def __init__(self, given: Scenario, tables: Tables):
        self.settings = given.settings
        self.given = {name: frame.to_dict("records") for name, frame in given.tables.items()}
        self.plan = {name: frame.to_dict("records") for name, frame in tables.items()}
        self.sites = {row["site"]: row for row in self.given["sites"]}
        self.items = {row["item"]: row for row in self.given["items"]}
        self.duties = {row["duty"]: row for row in self.given["duties"]}
        self.staffed = Counter((r["site"], r["duty"], r["day"], r["shift"]) for r in self.plan["assignments"])

    def open(self, site: str, day: int) -> bool:
        for asking, answer in (("candidates", "openings"), ("applications", "reopenings")):
            if any(row["site"] == site for row in self.given[asking]):
                first = [row["first_day"] for row in self.plan[answer] if row["site"] == site]
                if not first or day < min(first):
                    return False
        return True

    def cells(self) -> dict[tuple[str, str, int, str], tuple[int, int]]:
        asked: dict[tuple[str, str, int, str], list[int]] = defaultdict(lambda: [0, 0])
        for row in self.given["demand"]:
            for day in range(row["first_day"], row["last_day"] + 1):
                weekday = (self.settings.start.weekday() + day) % 7 + 1
                parts = [part.split("-") for part in row["weekdays"].split(",")]
                if any(int(part[0]) <= weekday <= int(part[-1]) for part in parts):
                    cell = asked[row["site"], row["duty"], day, row["shift"]]
                    cell[0] += row["required"]
                    cell[1] += row["target"]
        return {k: (v[0], v[1]) for k, v in asked.items() if v[1] > 0 and self.open(k[0], k[2])}

    def needs(self) -> dict[tuple[str, str, str, int], int]:
        asked: Counter[tuple[str, str, str, int]] = Counter()
        for row in self.given["needs"]:
            for day in range(row["first_day"], row["last_day"] + 1):
                if self.open(row["site"], day):
                    asked[row["site"], row["item"], row["tier"], day] += row["per_day"]
        return {k: q for k, q in asked.items() if q > 0}

    def staffing(self) -> float:
        total, weights = 0.0, self.settings.weights
        for cell, (required, target) in self.cells().items():
            here = self.staffed[cell]
            short = weights.required * max(0, required - here) + weights.target * max(
                0, target - max(required, here)
            )
            total += self.sites[cell[0]]["weight"] * self.duties[cell[1]]["weight"] * short
        return total

    def fairness(self) -> float:
        required: Counter[str] = Counter()
        covered: Counter[str] = Counter()
        for cell, (least, _) in self.cells().items():
            district = self.sites[cell[0]]["district"]
            required[district] += least
            covered[district] += min(least, self.staffed[cell])
        if not sum(required.values()):
            return 0.0
        share = sum(covered.values()) / sum(required.values())
        return self.settings.weights.fairness * sum(
            max(0.0, share * required[d] - covered[d]) for d in required
        )

    def supply(self) -> float:
        total = 0.0
        used = {(r["site"], r["item"], r["tier"], r["day"]): r["used"] for r in self.plan["supply"]}
        for key, q in self.needs().items():
            u = used.get(key, 0)
            short = max(0.0, q / 2 - u) * self.settings.weights.first_half + min(q / 2, max(0, q - u))
            total += self.settings.weights.tiers[key[2]] * self.items[key[1]]["weight"] * short
        return total

    @staticmethod
    def km(a: Row, b: Row) -> float:
        """Great circle by the chord, not by the haversine."""

        def vector(row: Row) -> tuple[float, float, float]:
            lon, lat = math.radians(row["lon"]), math.radians(row["lat"])
            return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)

        return 6371.0088 * 2 * math.asin(min(1.0, math.dist(vector(a), vector(b)) / 2))

    def travel(self) -> float:
        total, travel = 0.0, self.settings.travel
        listed = {(r["cadre"], r["site"]): r["minutes"] for r in self.given["travel"]}
        homes = {row["cadre"]: row for row in self.given["cadres"]}
        for row in self.plan["postings"]:
            km = self.km(homes[row["cadre"]], self.sites[row["site"]]) * travel.detour
            minutes = listed.get((row["cadre"], row["site"]), km / travel.speed_kmh * 60)
            total += minutes * (row["last_day"] - row["first_day"] + 1)
        return self.settings.weights.travel * total

    def distance(self) -> float:
        places = {row["depot"]: row for row in self.given["depots"]} | self.sites
        total = 0.0
        for row in self.plan["shipments"]:
            km = self.km(places[row["origin"]], places[row["destination"]]) * self.settings.travel.detour
            total += row["quantity"] * self.items[row["item"]]["volume"] * km / 1000
        return self.settings.weights.distance * total

    def change(self) -> float:
        posted = {(row["cadre"], row["site"]) for row in self.plan["postings"]}
        moved = [row for row in self.given["previous"] if (row["cadre"], row["site"]) not in posted]
        return self.settings.weights.change * len(moved)

    def opening(self) -> float:
        opened = {row["site"] for row in self.plan["openings"]}
        cost = sum(row["cost"] for row in self.given["candidates"] if row["site"] in opened)
        people = sum(row["people"] for row in self.given["isolation_demand"])
        return self.settings.weights.opening * cost + self.settings.weights.uncovered * people

    def reopening(self) -> float:
        first = {row["site"]: row["first_day"] for row in self.plan["reopenings"]}
        waits = (
            row["value"] * max(0, first.get(row["site"], self.settings.days) - row["earliest"])
            for row in self.given["applications"]
        )
        return self.settings.weights.reopening * sum(waits)

    def on_hand(self) -> dict[tuple[str, str, int], int]:
        """What is left at each place, item and day; nothing goes below zero."""
        moves: Counter[tuple[str, str, str, int]] = Counter()
        for row in self.given["stock"]:
            moves["in", row["place"], row["item"], 0] += row["quantity"]
        for row in self.given["deliveries"]:
            moves["in", row["depot"], row["item"], row["day"]] += row["quantity"]
        offers = {(row["supplier"], row["item"]): row for row in self.given["suppliers"]}
        for row in self.plan["orders"]:
            offer = offers[row["supplier"], row["item"]]
            moves["in", offer["depot"], row["item"], row["day"] + offer["lead_days"]] += row["quantity"]
        for row in self.plan["shipments"]:
            moves["in", row["destination"], row["item"], row["arrives"]] += row["quantity"]
            moves["out", row["origin"], row["item"], row["day"]] += row["quantity"]
        for row in self.plan["assignments"]:
            for kit in self.given["kits"]:
                if kit["duty"] == row["duty"]:
                    moves["out2", row["site"], kit["item"], row["day"]] += kit["per_shift"]
        for row in self.plan["supply"]:
            moves["out3", row["site"], row["item"], row["day"]] += row["used"]
        left = {}
        for place in [*(row["depot"] for row in self.given["depots"]), *self.sites]:
            for item in self.items:
                hand = 0
                for day in range(self.settings.days):
                    hand += moves["in", place, item, day]
                    for out in ("out", "out2", "out3"):
                        hand = max(0, hand - moves[out, place, item, day])
                    left[place, item, day] = hand
        return left


@effort(max_examples=40, deadline=None)
@for_all(st.integers(0, 100_000))
def test_terms_equal_plain_sums(seed: int) -> None:
    given = city(seed)
    tables = measures.complete(given, random_decisions(given, seed))
    terms, slow = measures.objective_terms(given, tables), Slow(given, tables)
    assert tuple(terms) == measures.TERMS
    for name, value in terms.items():
        assert value == pytest.approx(getattr(slow, name)(), rel=1e-9, abs=1e-9), name


@effort(max_examples=25, deadline=None)
@for_all(st.integers(0, 100_000))
def test_derived_tables_equal_plain_sums(seed: int) -> None:
    given = city(seed)
    tables = measures.complete(given, random_decisions(given, seed))
    slow = Slow(given, tables)
    rows = tables["coverage"].itertuples(index=False)
    found = {(r.site, r.duty, r.day, r.shift): (r.required, r.target, r.staffed, r.shortage) for r in rows}
    assert found == {
        cell: (least, wish, slow.staffed[cell], max(0, least - slow.staffed[cell]))
        for cell, (least, wish) in slow.cells().items()
    }
    needed = {(r.site, r.item, r.tier, r.day): r.needed for r in tables["supply"].itertuples(index=False)}
    assert needed == slow.needs()
    left = {(r.place, r.item, r.day): r.on_hand for r in tables["inventory"].itertuples(index=False)}
    assert left == {key: hand for key, hand in slow.on_hand().items() if hand > 0}


@effort(max_examples=15, deadline=None)
@for_all(st.integers(0, 100_000))
def test_kpis_add_up(seed: int) -> None:
    given = city(seed)
    tables = measures.complete(given, random_decisions(given, seed))
    figures, terms = measures.kpis(given, tables, worst=99), measures.objective_terms(given, tables)
    for name in ("required", "covered", "target", "present"):
        for group in ("by_kind", "by_district", "by_day"):
            assert sum(row[name] for row in figures[group]) == figures["people"][name]
    for name in ("needed", "used", "shortage"):
        supplies = figures["supplies"]
        assert sum(r[name] for r in supplies["by_tier"]) == sum(r[name] for r in supplies["by_item"])
    penalty = math.fsum(row["penalty"] for row in figures["worst_sites"])
    assert penalty == pytest.approx(terms["staffing"] + terms["supply"], abs=1e-3)
    penalties = [row["penalty"] for row in figures["worst_sites"]]
    assert penalties == sorted(penalties, reverse=True)


@pytest.fixture(scope="module")
def given() -> Scenario:
    return sound.scenario()


@pytest.fixture(scope="module")
def tables(given: Scenario) -> Tables:
    return measures.complete(given, sound.decisions(given))


def test_figures_worked_out_by_hand(given: Scenario, tables: Tables) -> None:
    terms = measures.objective_terms(given, tables)
    assert terms["change"] == 20
    assert terms["opening"] == 0.01 * 5000 + 3 * (3 + 4)
    assert terms["reopening"] == 2 * 6 * (5 - 3)
    # s1 masks: 3 days with 2 of 4, 11 days with none; its suits: 14 days with none of 1
    # s3 masks: 9 days in full; s4 suits: none of 2 on the 7 days that it is asked
    masks, suits = 1 * 1.0 * (3 * 2 + 11 * (2 * 2 + 2)), 8 * 3.0 * (14 * 1.5 + 7 * 3)
    assert terms["supply"] == masks + suits


def test_kpis_worked_out_by_hand(given: Scenario, tables: Tables) -> None:
    figures = measures.kpis(given, tables)
    assert figures["people"]["posted"] == 5
    assert figures["people"]["cadres"] == 6
    assert figures["people"]["shifts"] == 23
    assert figures["batches"] == [
        {"batch": "b1", "start": "2020-02-03", "size": 3, "posted": 3},
        {"batch": "b2", "start": "2020-02-07", "size": 3, "posted": 2},
    ]
    enterprise = next(row for row in figures["by_kind"] if row["kind"] == "enterprise")
    assert enterprise == {"kind": "enterprise", "required": 9, "covered": 3, "target": 9, "present": 3}
    assert figures["supplies"]["ordered_cost"] == 140
    glove = next(row for row in figures["supplies"]["by_item"] if row["item"] == "glove")
    assert glove == {"item": "glove", "needed": 0, "used": 0, "shortage": 0, "kits": 4}
    assert figures["worst_sites"][0]["site"] == "s1"
    assert "s5" not in {row["site"] for row in figures["worst_sites"]}


def test_more_people_than_wanted_are_no_credit(given: Scenario, tables: Tables) -> None:
    crowd = pd.concat([tables["assignments"]] * 9)
    more = measures.objective_terms(given, {**tables, "assignments": crowd})
    assert 0 <= more["staffing"] <= measures.objective_terms(given, tables)["staffing"]


@pytest.mark.parametrize(
    ("text", "days"), [("1-7", {1, 2, 3, 4, 5, 6, 7}), ("2,4", {2, 4}), ("1-3,6", {1, 2, 3, 6}), ("5", {5})]
)
def test_weekdays(text: str, days: set[int]) -> None:
    assert agenda.weekdays(text) == days


def test_great_circle() -> None:
    quarter = great_circle_km(np.array([0.0]), np.array([0.0]), np.array([0.0]), np.array([90.0]))
    assert quarter[0] == pytest.approx(6371.0088 * math.pi / 2)
    assert great_circle_km(np.array([120.0]), np.array([31.0]), np.array([120.0]), np.array([31.0]))[0] == 0


@for_all(st.lists(st.tuples(st.sampled_from("ab人"), st.integers(-3, 3), st.integers(-9, 9)), max_size=12))
def test_totals_and_positions(rows: list[tuple[str, int, int]]) -> None:
    frame = pd.DataFrame(rows, columns=["name", "day", "count"]).astype({"day": "int64", "count": "int64"})
    sums: Counter[tuple[str, int]] = Counter()
    for name, day, count in rows:
        sums[name, day] += count
    found = keys.totals(frame, ["name", "day"], ["count"])
    assert {
        (r.name_, r.day): r.count_ for r in found.set_axis(["name_", "day", "count_"], axis=1).itertuples()
    } == dict(sums)
    wanted = pd.DataFrame({"name": ["a", "人", "zz"], "day": [1, 0, 1]})
    at = keys.positions(wanted, found, ["name", "day"])
    for row, position in zip(wanted.itertuples(), at, strict=True):
        expected = (row.name, row.day) in sums
        assert (position >= 0) == expected
        if expected:
            assert tuple(found.loc[position, ["name", "day"]]) == (row.name, row.day)

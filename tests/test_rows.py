"""What comes out of the store: every row, page by page and filtered, and what a report may name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from databases import bodies, cadre_of, opened, typed

from allocator.store import MisfitError, Place, Run, Store, filters, organizers_only
from allocator.store.schema import CITY, EVERYBODY, SERVED


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store for all of these tests, which leave it as it is."""
    with opened(request, tmp_path_factory.mktemp("store")) as url:
        made = Store(url)
        yield made
        made.close()


@pytest.fixture(scope="module")
def run(store: Store, small_run: Path) -> Run:
    return store.runs.publish(small_run, "monday")[0]



@pytest.mark.parametrize("name", SERVED)
def test_every_row_of_a_run_comes_out_of_either_database(store: Store, run: Run, small_run: Path, name: str) -> None:
    page = store.rows.page(run.number, name)
    assert page.columns == SERVED[name].names
    assert sorted(page.rows) == sorted(typed(small_run, name))
    assert store.runs.counts(run.number)[name] == len(page.rows)
    assert page.end is None


def test_a_table_has_no_column_that_the_store_needs_for_itself() -> None:
    for table in SERVED.values():
        assert not {"run", "part", "n"} & set(table.names)


def test_the_rows_of_a_part_are_those_of_its_places(store: Store, run: Run) -> None:
    homes = {row["site"]: row["district"] for row in store.rows.page(run.number, "sites").records()}
    homes |= {row["depot"]: row["district"] for row in store.rows.page(run.number, "depots").records()}
    for district in store.runs.districts(run.number):
        for name, column in (("assignments", "site"), ("shipments", "destination"), ("inventory", "place")):
            found = store.rows.page(run.number, name, district).records()
            assert found
            assert {homes[row[column]] for row in found} == {district}
    parts = {p for p in homes.values() if p != CITY}
    assert sum(len(store.rows.page(run.number, "assignments", p).rows) for p in parts) == len(
        store.rows.page(run.number, "assignments").rows
    )


def test_a_cadre_belongs_to_the_district_of_the_posting_not_of_the_home(store: Store, run: Run) -> None:
    for district in store.runs.districts(run.number):
        posted = {row["cadre"] for row in store.rows.page(run.number, "postings", district).records()}
        seen = {row["cadre"] for row in store.rows.page(run.number, "cadres", district).records()}
        assert seen == posted


def test_pages_put_together_are_the_table(store: Store, run: Run) -> None:
    for name in ("assignments", "shipments", "items"):
        whole, pages, after = store.rows.page(run.number, name).rows, [], None
        while True:
            page = store.rows.page(run.number, name, after=after, limit=7)
            pages += page.rows
            after = page.end
            if after is None:
                break
            assert len(page.rows) == 7
        assert pages == whole


@pytest.mark.parametrize("name", [n for n in SERVED if filters(n)])
def test_every_filter_gives_the_rows_with_its_value_and_no_other(store: Store, run: Run, name: str) -> None:
    whole = store.rows.page(run.number, name).records()
    for word, column in filters(name).items():
        if word == "district":
            continue
        for value in {row[column] for row in whole}:
            found = store.rows.page(run.number, name, given={word: str(value)}).records()
            if word == "day" and column == "first_day":
                expected = [r for r in whole if r[column] <= value <= r.get("last_day", "9999")]
            else:
                expected = [r for r in whole if r[column] == value]
            assert found == expected, (word, value)


def test_a_filter_is_no_way_around_the_district(store: Store, run: Run) -> None:
    for name in SERVED:
        if organizers_only(name):
            assert store.rows.page(run.number, name, "north").rows == []
            continue
        own = store.rows.page(run.number, name, "north").rows
        there = {"district": "south"} if "district" in filters(name) else {}
        south = store.rows.page(run.number, name, given=there).records()
        for word, column in filters(name).items():
            for row in south:
                value = "south" if word == "district" else str(row[column])
                found = store.rows.page(run.number, name, "north", {word: value})
                assert set(found.rows) <= set(own)
        beyond = store.rows.page(run.number, name, "north", after=Place(CITY, -1)).rows
        assert beyond == own
        assert set(store.rows.page(run.number, name, "north", after=Place("north", 10**6)).rows) <= set(own)


MISFITS = [
    ("absence", "cadre", "C99"),
    ("absence", "first_day", "2020-01-01"),
    ("absence", "last_day", "2021-01-01"),
    ("absence", "last_day", "2020-02-04"),
    ("people", "place", "nowhere"),
    ("people", "duty", "sleep"),
    ("people", "shift", "never"),
    ("people", "target", 1),
    ("goods", "item", "gold"),
    ("stock", "place", "SOUTH"),
    ("closure", "place", "DEPOT"),
    ("closure", "place", "SOUTH"),
    ("absence", "cadre", "SOUTH"),
]


@pytest.mark.parametrize(("kind", "column", "value"), MISFITS)
def test_events_that_do_not_fit_name_the_column(store: Store, run: Run, kind: str, column: str, value: Any) -> None:
    name, body = bodies(store, run)[kind]
    if value == "SOUTH":
        south = store.rows.page(run.number, "sites", "south").records()[0]["site"]
        value = cadre_of(store, run, "south") if column == "cadre" else south
    if value == "DEPOT":
        value = store.rows.page(run.number, "depots", "north").records()[0]["depot"]
    with pytest.raises(MisfitError) as caught:
        store.events.report("k", run, "north", name, body | {column: value})
    assert [p.column for p in caught.value.problems] == [column]
    assert store.events.all() == []


def test_a_foreign_site_is_told_as_one_that_does_not_exist(store: Store, run: Run) -> None:
    name, body = bodies(store, run)["closure"]
    south = store.rows.page(run.number, "sites", "south").records()[0]["site"]
    told = []
    for place in (south, "nowhere"):
        with pytest.raises(MisfitError) as caught:
            store.events.report("k", run, "north", name, body | {"place": place})
        told.append(caught.value.problems[0].expected)
    assert told[0] == told[1]


def test_the_run_knows_its_first_day(run: Run) -> None:
    assert run.start == date(2020, 2, 3)
    assert run.head["days"] == 7
    assert [s["id"] for s in run.head["shifts"]] == ["day", "late", "night"]


def test_word_lists_are_everybodys(store: Store, run: Run) -> None:
    for name in ("duties", "items", "kits"):
        assert store.rows.page(run.number, name, "north").rows == store.rows.page(run.number, name).rows
        assert store.runs.counts(run.number, "north")[name] == store.runs.counts(run.number)[name]
    assert EVERYBODY not in store.runs.districts(run.number)


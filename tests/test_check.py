"""Every kind of fault in the input is told at its place; sound input passes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from broken import CELL_FAULTS, FAULTS, ROW_FAULTS, SETTINGS_FAULTS, WARNINGS, Fault, add, edit, plant
from tiny import TABLES, sound

from allocator import scenario
from allocator.errors import InputError, Problem
from allocator.problems import MOST, nearest


def problems(path: Path) -> tuple[Problem, ...]:
    """All problems of a scenario, warnings too."""
    try:
        return scenario.read(path).warnings
    except InputError as error:
        return error.problems


def places(found: tuple[Problem, ...]) -> set[tuple[str, str, int | None, str | None]]:
    return {(p.fault, p.file, p.row, p.column) for p in found}


def test_sound_scenario_has_no_problems(tmp_path: Path) -> None:
    assert problems(sound(tmp_path / "tiny")) == ()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_fault_is_told_at_its_place_and_nowhere_else(fault: Fault, tmp_path: Path) -> None:
    found = problems(plant(fault, tmp_path / "tiny"))
    assert places(found) == fault.expected
    assert {p.level for p in found} == {"error"}
    assert all(p.expected for p in found)


@pytest.mark.parametrize("fault", WARNINGS, ids=lambda f: f.name)
def test_warning_is_told_and_the_scenario_is_read(fault: Fault, tmp_path: Path) -> None:
    found = scenario.read(plant(fault, tmp_path / "tiny")).warnings
    assert places(found) == fault.expected
    assert {p.level for p in found} == {"warning"}


def test_catalogue_is_broad() -> None:
    assert len({f.name for f in FAULTS + WARNINGS}) == len(FAULTS + WARNINGS) >= 130
    assert len({f.fault for f in FAULTS}) >= 40
    assert {f.file.removesuffix(".csv") for f in FAULTS + WARNINGS} >= TABLES.keys()


@pytest.mark.parametrize("seed", range(12))
def test_faults_of_many_files_are_told_at_once(seed: int, tmp_path: Path) -> None:
    """One random fault per file, save those another file may hide: of the calendar, and of musts."""
    pool = [*CELL_FAULTS, *ROW_FAULTS, *(f for f in SETTINGS_FAULTS if f.column not in ("start", "days"))]
    pool = [f for f in pool if f.name != "kit nobody stocks" and not f.fault.startswith("must_")]
    random.Random(seed).shuffle(pool)
    chosen = {fault.file: fault for fault in pool}
    folder = sound(tmp_path / "tiny")
    for fault in chosen.values():
        fault.mutate(folder)
    expected = set().union(*(f.expected for f in chosen.values()))
    assert len(expected) >= 13
    assert expected <= places(problems(folder))


def test_tables_are_judged_even_without_settings(tmp_path: Path) -> None:
    folder = sound(tmp_path / "tiny")
    (folder / "scenario.toml").unlink()
    edit("stock.csv", "500", "many")(folder)
    edit("leave.csv", "C1", "C9")(folder)
    assert places(problems(folder)) == {
        ("missing_table", "scenario.toml", None, None),
        ("wrong_type", "stock.csv", 2, "quantity"),
        ("dangling", "leave.csv", 2, "cadre"),
    }


def test_missing_table_hides_no_other_fault_and_invents_none(tmp_path: Path) -> None:
    folder = sound(tmp_path / "tiny")
    (folder / "sites.csv").unlink()
    edit("stock.csv", "500", "many")(folder)
    assert places(problems(folder)) == {
        ("missing_table", "sites.csv", None, None),
        ("wrong_type", "stock.csv", 2, "quantity"),
    }


def test_rows_are_counted_as_a_spreadsheet_does(tmp_path: Path) -> None:
    """A quoted line break and blank rows do not shift the row that is named."""
    folder = sound(tmp_path / "tiny")
    edit("districts.csv", "D1,梁溪,1000\n", 'D1,"梁\n溪",1000\n\n,,\n')(folder)
    edit("districts.csv", "D2,滨湖,", "D2,滨湖,many")(folder)
    assert places(problems(folder)) == {("wrong_type", "districts.csv", 5, "population")}


def test_problems_come_in_the_order_of_files_and_rows(tmp_path: Path) -> None:
    folder = sound(tmp_path / "tiny")
    add("leave.csv", "C9,2020-02-06", "C1,soon")(folder)
    edit("sites.csv", "120.32", "x")(folder)
    edit("scenario.toml", "size = 3", "size = -3")(folder)
    found = [(p.file, p.row) for p in problems(folder)]
    assert found == [("scenario.toml", None), ("sites.csv", 3), ("leave.csv", 4), ("leave.csv", 5)]


def test_very_many_faults_of_one_kind_are_counted(tmp_path: Path) -> None:
    folder = sound(tmp_path / "tiny")
    add("leave.csv", *(f"X{n},2020-02-06" for n in range(10_000)))(folder)
    found = problems(folder)
    assert len(found) == MOST + 1
    assert found[0].row == 4
    assert found[-1].expected.startswith("and 9,800 more rows")


def test_messages_name_place_value_and_way_out(tmp_path: Path) -> None:
    folder = sound(tmp_path / "tiny")
    add("demand.csv", "S1,gaurd,day,2020-02-03,2020-02-09,1-7,1,1,")(folder)
    edit("leave.csv", "2020-02-06", "43867")(folder)
    said = "\n".join(map(str, problems(folder)))
    assert "demand.csv, row 5, column duty: 'gaurd' - a duty of duties; did you mean 'guard'?" in said
    assert "2020-02-06" in said


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("dmand", "did you mean 'demand'?"),
        ("Stock", "did you mean 'stock'?"),
        ("xyz", "known: demand, stock"),
    ],
)
def test_nearest(word: str, said: str) -> None:
    assert nearest(word, ["demand", "stock"]) == said


def test_nearest_of_nothing() -> None:
    assert nearest("x", []) == "none is known"


def test_duplicates_of_a_faulty_entry_do_not_hide_dangling_references(tmp_path: Path) -> None:
    folder = sound(tmp_path / "tiny")
    edit("scenario.toml", "[rules]", '[[batch]]\nid = "b1"\nstart = 2020-02-06\nsize = 1\n\n[rules]')(folder)
    edit("cadres.csv", "true,b2", "true,b9")(folder)
    assert places(problems(folder)) == {
        ("duplicate_id", "scenario.toml", None, "batch[3].id"),
        ("dangling", "cadres.csv", 5, "batch"),
    }

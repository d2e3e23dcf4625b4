"""Reading, writing and changing a scenario."""

from __future__ import annotations

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import TABLES, sound

from allocator import files, scenario
from allocator.errors import InputError
from allocator.scenario import Scenario
from allocator.tables import INPUTS, SETTINGS

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return sound(tmp_path / "tiny")


@pytest.fixture
def tiny(folder: Path) -> Scenario:
    return scenario.read(folder)


def faults(error: pytest.ExceptionInfo[InputError]) -> set[tuple[str, str, int | None, str | None]]:
    return {(p.fault, p.file, p.row, p.column) for p in error.value.problems}


def rewrite(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8", newline="")


def test_tables_are_typed_by_the_dictionary(tiny: Scenario) -> None:
    assert tiny.tables.keys() == INPUTS.keys()
    kinds = {"int": "i", "date": "i", "number": "f", "bool": "b"}
    for name, table in INPUTS.items():
        frame = tiny.table(name)
        assert tuple(frame.columns) == table.names
        for column in table.columns:
            if column.kind in kinds:
                assert frame[column.name].dtype.kind == kinds[column.kind], (name, column.name)
            else:
                assert all(type(value) is str for value in frame[column.name]), (name, column.name)


def test_days_are_counted_from_the_start_and_blanks_have_defaults(tiny: Scenario) -> None:
    assert tiny.table("demand")["first_day"].tolist() == [0, 0, 1]
    assert tiny.table("cadres")["first_day"].tolist() == [0, 0, 1, 0, 0, 0]
    assert tiny.table("cadres")["last_day"].tolist() == [6, 5, 6, 6, 6, 6]
    assert tiny.table("pins")["first_day"].tolist() == [0, -1, -1]
    assert tiny.table("districts")["population"].tolist() == [1000, 0]
    assert tiny.day("2020-02-05") == 2
    assert tiny.date(2) == dt.date(2020, 2, 5)


def test_settings(tiny: Scenario) -> None:
    late = tiny.settings.shifts[1]
    assert (late.start, late.minutes, late.end, late.night) == (960, 480, 1440, True)
    assert [(b.id, b.start, b.size) for b in tiny.settings.batches] == [("b1", 0, 4), ("b2", 2, 3)]
    assert tiny.settings.rules.max_travel == 60
    defaults = {k.path: k.default for k in SETTINGS}
    assert tiny.settings.rules.rest_hours == defaults["rules.rest_hours"]
    assert tiny.settings.weights.tiers["public"] == defaults["weights.tiers.public"]


def test_absent_optional_table_has_no_rows(folder: Path) -> None:
    (folder / "lanes.csv").unlink()
    tiny = scenario.read(folder)
    assert tiny.given == TABLES.keys() - {"lanes"}
    assert len(tiny.table("lanes")) == 0
    assert tiny.table("lanes")["per_day"].dtype == np.float64


@pytest.mark.parametrize("form", ["copy", "copy.xlsx"])
def test_what_is_written_reads_the_same(tiny: Scenario, tmp_path: Path, form: str) -> None:
    scenario.write(tiny, tmp_path / form)
    again = scenario.read(tmp_path / form)
    assert again.settings == tiny.settings
    assert again.given == tiny.given
    assert again.fingerprint == tiny.fingerprint
    for name in INPUTS:
        pd.testing.assert_frame_equal(again.table(name), tiny.table(name))


def test_folder_to_workbook_and_back_gives_the_same_bytes(tiny: Scenario, tmp_path: Path) -> None:
    scenario.write(tiny, tmp_path / "one")
    scenario.write(scenario.read(tmp_path / "one"), tmp_path / "book.xlsx")
    scenario.write(scenario.read(tmp_path / "book.xlsx"), tmp_path / "two")
    names = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert names == sorted([*(f"{name}.csv" for name in INPUTS), "scenario.toml"])
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_fingerprint_does_not_see_how_files_are_formatted(folder: Path, tiny: Scenario) -> None:
    rewrite(folder, "leave.csv", "cadre,day\nC1,2020-02-06\n", "day, cadre \r\n\r\n2020-02-06 , C1\r\n")
    rewrite(folder, "leave.csv", "C2,2020-02-07", "2020-02-07,C2")
    rewrite(folder, "duties.csv", "guard,Guard,,1\n", 'guard,"Guard",,1.00,,\n')
    rewrite(folder, "demand.csv", '"2,4"', '"2, 4"')
    rewrite(folder, "scenario.toml", "days = 7", "days = 7  # a week")
    (folder / "stock.csv").write_bytes(b"\xef\xbb\xbf" + (folder / "stock.csv").read_bytes())
    assert scenario.read(folder).fingerprint == tiny.fingerprint


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("stock.csv", "500", "501"),
        ("sites.csv", "120.30,31.57,1", "120.30,31.58,1"),
        ("scenario.toml", "budget = 1000", "budget = 1001"),
        ("scenario.toml", "hours = 8\nnight", "hours = 7.5\nnight"),
        ("cadres.csv", "C6,Works,D2,120.27,31.56,,true", "C6,Works,D2,120.27,31.56,,false"),
        ("demand.csv", "1-5", "1-4"),
    ],
)
def test_fingerprint_sees_data(folder: Path, tiny: Scenario, file: str, old: str, new: str) -> None:
    rewrite(folder, file, old, new)
    assert scenario.read(folder).fingerprint != tiny.fingerprint


def test_no_lanes_and_lanes_without_rows_differ(folder: Path) -> None:
    (folder / "lanes.csv").write_text("origin,destination,per_day,lead_days\n", encoding="utf-8")
    none = scenario.read(folder)
    (folder / "lanes.csv").unlink()
    assert scenario.read(folder).fingerprint != none.fingerprint


def test_writing_keeps_what_is_the_authors_own(folder: Path, tiny: Scenario) -> None:
    scenario.write(tiny.change({"leave": None}), folder)
    assert (folder / "README.md").read_text(encoding="utf-8") == "# Tiny\n"
    assert (folder / "sources" / "raw.csv").exists()
    assert not (folder / "leave.csv").exists()


def test_writing_refuses_a_folder_that_is_no_scenario(tiny: Scenario, tmp_path: Path) -> None:
    other = tmp_path / "photos"
    other.mkdir()
    (other / "cat.jpg").write_bytes(b"cat")
    with pytest.raises(InputError, match="something else"):
        scenario.write(tiny, other)
    assert [p.name for p in other.iterdir()] == ["cat.jpg"]
    with pytest.raises(InputError):
        scenario.write(tiny, other / "cat.jpg")


@pytest.mark.parametrize("form", ["tiny", "tiny.xlsx"])
def test_writing_is_whole_or_not_at_all(tiny: Scenario, tmp_path: Path, form: str, monkeypatch: Any) -> None:
    path = tmp_path / form
    if form.endswith("xlsx"):
        scenario.write(tiny, path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("csv.writer", fail)
    monkeypatch.setattr("xlsxwriter.Workbook.close", fail)
    with pytest.raises(InputError, match="no space left"):
        scenario.write(tiny, path)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_workbook_takes_real_dates_and_numbers_as_text(tiny: Scenario, tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    scenario.write(tiny, path)
    book = openpyxl.load_workbook(path)
    book["leave"]["B2"] = dt.datetime(2020, 2, 6)
    book["stock"]["C2"] = "500"
    book["scenario"]["B4"] = dt.date(2020, 2, 3)
    book["shifts"]["B2"] = dt.time(8, 0)
    book.create_sheet("Sheet1")
    book.save(path)
    assert scenario.read(path).fingerprint == tiny.fingerprint


def test_change_of_settings(tiny: Scenario) -> None:
    other = tiny.change(
        {"weights.travel": 0.01, "batch.b2.size": 5, "shift.day.hours": 7.5, "supply.budget": 0}
    )
    assert other.settings.weights.travel == 0.01
    assert [b.size for b in other.settings.batches] == [4, 5]
    assert other.settings.shifts[0].minutes == 450
    assert other.settings.supply.budget == 0
    assert other.fingerprint != tiny.fingerprint
    assert (
        other.change({"weights.travel": 0.005, "batch.b2.size": 3, "shift.day.hours": 8})
        .change({"supply.budget": 1000})
        .fingerprint
        == tiny.fingerprint
    )


def test_change_of_a_table(tiny: Scenario) -> None:
    stock = tiny.table("stock").assign(quantity=7)
    other = tiny.change(stock=stock)
    assert other.table("stock")["quantity"].tolist() == [7, 7]
    assert tiny.table("stock")["quantity"].tolist() == [500, 20]
    leave = pd.DataFrame({"cadre": ["C4", "C4"], "day": ["2020-02-06", dt.date(2020, 2, 7)]})
    assert tiny.change({"leave": leave}).table("leave")["day"].tolist() == [3, 4]
    assert tiny.change({"leave": leave.assign(day=np.array([3, 4]))}).table("leave")["day"].tolist() == [3, 4]
    assert "lanes" not in tiny.change({"lanes": None}).given


def test_change_of_the_horizon_keeps_dates_on_the_calendar(tiny: Scenario) -> None:
    longer = tiny.change({"days": 14, "start": "2020-02-01", "worked": None})
    assert longer.table("leave")["day"].tolist() == [5, 6]
    assert longer.table("cadres")["last_day"].tolist() == [13, 7, 13, 13, 13, 13]
    assert [b.start for b in longer.settings.batches] == [2, 4]
    with pytest.raises(InputError) as error:
        tiny.change({"days": 3})
    assert ("outside_horizon", "leave.csv", 2, "day") in faults(error)


def test_change_tells_all_that_is_wrong_at_once(tiny: Scenario) -> None:
    stock = pd.DataFrame({"place": ["W0", "W7"], "item": ["mask", "mask"], "quantity": [1.5, -1]})
    changes = {"weights.travle": 1, "rules.max_run": 0, "batch.b9.size": 1, "stock": stock, "needs": None}
    with pytest.raises(InputError) as error:
        tiny.change({**changes, "kits": 5})
    assert faults(error) == {
        ("unknown_key", "change", None, "weights.travle"),
        ("unknown_key", "change", None, "batch.b9.size"),
        ("out_of_range", "change", None, "rules.max_run"),
        ("missing_table", "change", None, "needs"),
        ("wrong_type", "change", None, "kits"),
        ("fraction", "change:stock", 2, "quantity"),
        ("negative", "change:stock", 3, "quantity"),
        ("dangling", "change:stock", 3, "place"),
    }
    assert "did you mean 'weights.travel'?" in str(error.value)


def test_settings_of_the_command_line(tiny: Scenario, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("place,item,quantity\nW0,mask,1\n", encoding="utf-8")
    words = ["weights.travel=0.01", f"stock={other}", "batch.b2.start=2020-02-06", "leave=", "title=二月"]
    changed = scenario.apply_settings(tiny, words)
    assert changed.settings.weights.travel == 0.01
    assert changed.table("stock")["quantity"].tolist() == [1]
    assert changed.settings.batches[1].start == 3
    assert changed.settings.title == "二月"
    assert "leave" not in changed.given


def test_settings_of_the_command_line_tell_all_at_once(tiny: Scenario, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("place,item,quantity\nW0,mask,many\n", encoding="utf-8")
    words = ["days", "stok=1", "days=x", "days=8", f"stock={other}", "needs=", "kits=nowhere.csv"]
    with pytest.raises(InputError) as error:
        scenario.apply_settings(tiny, words)
    assert {p.fault for p in error.value.problems} == {
        "bad_setting",
        "unknown_key",
        "wrong_type",
        "duplicate_key",
        "missing_table",
        "unreadable",
    }
    assert ("wrong_type", str(other), 2, "quantity") in faults(error)
    assert ("wrong_type", "--set", None, "days") in faults(error)


@pytest.mark.parametrize(
    "path", ["nowhere", "nowhere.xlsx", "README.md", "sources", "bad\0name", "x" * 5000, ""]
)
def test_paths_that_are_no_scenario(folder: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "book.xlsx").mkdir()
    monkeypatch.chdir(folder / "sources")
    with pytest.raises(InputError):
        scenario.read(folder / path if path == "README.md" else path)


def test_a_missing_path_names_its_neighbour(folder: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'tiny'"):
        scenario.read(folder.with_name("tinny"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(folder: Path) -> None:
    (folder / "leave.csv").chmod(0)
    with pytest.raises(InputError, match="can be read"):
        scenario.read(folder)


def test_a_hundred_thousand_rows_take_seconds(folder: Path) -> None:
    sites = "".join(f"X{n},点{n},village,D1,T1,120.{n:05d},31.5,1,{n},\n" for n in range(50_000))
    needs = "".join(f"X{n},mask,2020-02-0{3 + n % 5},2020-02-09,{n % 9 + 1},public\n" for n in range(50_000))
    lines = "".join(f"W1,X{n},5,0\n" for n in range(50_000))
    for name, rows in (("sites", sites), ("needs", needs), ("lanes", lines)):
        with (folder / f"{name}.csv").open("a", encoding="utf-8") as out:
            out.write(rows)
    begun = time.process_time()
    tiny = scenario.read(folder)
    assert len(tiny.table("needs")) == 50_002
    assert time.process_time() - begun < 6


def test_a_hundred_thousand_wrong_rows_take_seconds(folder: Path) -> None:
    rows = "".join(f"Z{n},maskk{n},soon{n},x{n},-1.5,P{n}\n" for n in range(100_000))
    with (folder / "needs.csv").open("a", encoding="utf-8") as out:
        out.write(rows)
    begun = time.process_time()
    with pytest.raises(InputError) as error:
        scenario.read(folder)
    assert len(error.value.problems) == 6 * 201
    assert time.process_time() - begun < 10


CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "nan", "1e999", "-0", "9" * 400, "2020-02-03", "0000-00-00", "43867", "1-7", "\ufeff"]
    ),
    st.integers().map(str),
    st.floats().map(repr),
)
WORDS = st.binary(max_size=80) | st.text(max_size=80).map(lambda t: t.encode("utf-8", "surrogatepass"))


def survives(path: Path) -> None:
    """Reading gives a scenario or problems, and nothing else."""
    try:
        found = scenario.read(path).warnings
    except InputError as error:
        found = error.problems or None
    assert found is not None
    assert all(isinstance(p.row, int | None) and p.expected and str(p) for p in found)


@QUICK
@given(
    name=st.sampled_from([*(f"{n}.csv" for n in INPUTS), "scenario.toml"]),
    data=WORDS,
    keep=st.integers(0, 200),
)
def test_no_bytes_break_the_reader(folder: Path, name: str, data: bytes, keep: int) -> None:
    whole = (folder / name).read_bytes()
    try:
        (folder / name).write_bytes(whole[:keep] + data + whole[keep:])
        survives(folder)
    finally:
        (folder / name).write_bytes(whole)


@QUICK
@given(name=st.sampled_from(sorted(INPUTS)), cells=st.lists(CELLS, min_size=1, max_size=12))
def test_no_cells_break_the_reader(folder: Path, name: str, cells: list[str]) -> None:
    whole = (folder / f"{name}.csv").read_bytes()
    width = len(INPUTS[name].columns)
    row = ",".join('"' + c.replace('"', '""') + '"' for c in (cells * width)[:width])
    try:
        (folder / f"{name}.csv").write_bytes(whole + row.encode("utf-8", "replace") + b"\n")
        survives(folder)
    finally:
        (folder / f"{name}.csv").write_bytes(whole)


@QUICK
@given(
    key=st.sampled_from([k.path for k in SETTINGS if k.section not in ("shift", "batch", "case")]),
    value=st.sampled_from(
        ["{}", "[]", "[[]]", "inf", "1e400", "0x" + "f" * 6000, "1979-05-27T07:32:00Z", "07:32:00"]
    )
    | st.integers().map(str)
    | st.floats().map(repr)
    | st.booleans().map(lambda b: str(b).lower()),
)
def test_no_setting_breaks_the_reader(folder: Path, key: str, value: str) -> None:
    whole = (folder / "scenario.toml").read_text(encoding="utf-8")
    lines = [line for line in whole.splitlines() if not line.startswith(key.rpartition(".")[2] + " ")]
    head, _, name = key.rpartition(".")
    text = "\n".join(lines) + "\n"
    place = f"[{head}]\n"
    text = text.replace(place, f"{place}{name} = {value}\n") if head else f"{name} = {value}\n{text}"
    (folder / "scenario.toml").write_text(text, encoding="utf-8")
    survives(folder)
    (folder / "scenario.toml").write_text(whole, encoding="utf-8")


@QUICK
@given(place=st.floats(0, 1), data=st.binary(min_size=1, max_size=40))
def test_no_damaged_workbook_breaks_the_reader(folder: Path, place: float, data: bytes) -> None:
    path = folder.with_name("book.xlsx")
    if not path.exists():
        scenario.write(scenario.read(folder), path)
        path.with_suffix(".whole").write_bytes(path.read_bytes())
    whole = path.with_suffix(".whole").read_bytes()
    at = int(place * len(whole))
    path.write_bytes(whole[:at] + data + whole[at + len(data) :])
    survives(path)


TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf"], exclude_characters="\ufffd\ufffe\uffff"), max_size=30
)


@QUICK
@given(
    name=TEXT,
    lon=st.floats(-180, 180),
    weight=st.floats(0, 1e300),
    population=st.integers(0, 10**12),
    travel=st.floats(0, 1e6),
    title=TEXT,
)
def test_any_sound_values_survive_a_round_trip(
    folder: Path, name: str, lon: float, weight: float, population: int, travel: float, title: str
) -> None:
    tiny = scenario.read(folder)
    sites = tiny.table("sites").copy()
    sites.loc[4, ["name", "lon", "weight", "population"]] = [name.strip() or "x", lon, weight, population]
    changed = tiny.change({"sites": sites, "weights.travel": travel, "title": title})
    for form in ("copy", "copy.xlsx"):
        path = folder.with_name(form)
        scenario.write(changed, path)
        assert scenario.read(path).fingerprint == changed.fingerprint


def test_toml_is_written_in_the_order_of_the_dictionary(tiny: Scenario, tmp_path: Path) -> None:
    scenario.write(tiny, tmp_path / "copy")
    text = (tmp_path / "copy" / files.SETTINGS_FILE).read_text(encoding="utf-8")
    marks = [
        'name = "tiny"',
        "start = 2020-02-03",
        "[[shift]]",
        "[[batch]]",
        "[[case]]",
        "[rules]",
        "[weights]",
    ]
    spots = [text.index(mark) for mark in [*marks, "[weights.tiers]", "[travel]", "[supply]"]]
    assert spots == sorted(spots)

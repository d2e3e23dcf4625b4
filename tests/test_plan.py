"""A plan on disk: the same bytes every time, whole or not at all, and no fault goes unnamed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
import sound
from cities import START, city
from hypothesis import given, settings
from hypothesis import strategies as st
from random_plans import random_decisions

from allocator import planfile
from allocator.certificate import Status
from allocator.errors import InputError, Problem
from allocator.plan import HEAD, Plan, arrange, empty, read, write
from allocator.scenario import Scenario
from allocator.tables import OUTPUTS
from allocator.verifier import verify


@pytest.fixture(scope="module")
def made() -> Plan:
    return sound.plan(sound.scenario())


@pytest.fixture
def folder(made: Plan, tmp_path: Path) -> Path:
    write(made, tmp_path / "run", START)
    return tmp_path / "run"


def problems(folder: Path) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        read(folder, START)
    return list(caught.value.problems)


def same(a: Plan, b: Plan) -> None:
    for name in OUTPUTS:
        pd.testing.assert_frame_equal(a.tables[name], b.tables[name])
    assert a.certificates == b.certificates
    assert (a.scenario, a.fingerprint, a.objective, a.bound) == (
        b.scenario,
        b.fingerprint,
        b.objective,
        b.bound,
    )
    assert (a.terms, a.kpis, a.limits, a.versions) == (b.terms, b.kpis, b.limits, b.versions)


def test_what_is_written_is_read(made: Plan, folder: Path) -> None:
    found = read(folder, START)
    same(found, made)
    assert found.gap == made.gap
    assert found.certificates[1].status is Status.UNKNOWN
    assert verify(sound.scenario(), found) == []


def test_a_folder_holds_the_tables_and_the_head(folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == {HEAD, *(f"{name}.csv" for name in OUTPUTS)}
    for name, table in OUTPUTS.items():
        first_line = (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0]
        assert first_line == ",".join(c.name for c in table.columns if not c.sparse)
    head = json.loads((folder / HEAD).read_text(encoding="utf-8"))
    keys = "scenario fingerprint versions limits objective bound gap terms kpis certificates"
    assert list(head) == keys.split()
    assert list(head["certificates"][0]) == ["stage", "status", "objective", "bound", "seconds", "solver"]


def test_dates_are_iso_and_minutes_have_three_decimals(folder: Path) -> None:
    lines = (folder / "postings.csv").read_text(encoding="utf-8").splitlines()
    assert lines[3] == "c3,b1,s2,2020-02-03,2020-02-12,25.000"
    assert "f1,mask,2020-02-04,40,40" in (folder / "orders.csv").read_text(encoding="utf-8").splitlines()


def test_the_order_of_rows_does_not_matter(made: Plan, folder: Path, tmp_path: Path) -> None:
    mixed = {name: frame.sample(frac=1, random_state=3) for name, frame in made.tables.items()}
    write(sound.stated(made, tables=mixed), tmp_path / "mixed", START)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "mixed" / path.name).read_bytes()


def test_numbers_are_plain() -> None:
    frame = pd.DataFrame(
        {"rule": "budget", "key": "k", "shadow_price": [1e-9, 0.25, 1e12, -0.0], "unit": "yuan"}
    )
    text = planfile.as_text(OUTPUTS["prices"], frame, START)
    assert text["shadow_price"].tolist() == ["0", "0.25", "1000000000000", "0"]


def test_text_may_hold_anything(made: Plan, tmp_path: Path) -> None:
    reason = {
        "site": "s1",
        "what": 'guard, "day"',
        "day": 3,
        "shortage": 2.0,
        "reason": "人手不足",
        "fix": "x\ny",
        "gain": 1.5,
    }
    order = [column.name for column in OUTPUTS["reasons"].columns]
    reason = {name: reason.get(name, "") for name in order}
    asked = sound.stated(made, tables={**made.tables, "reasons": pd.DataFrame([reason])})
    write(asked, tmp_path / "run", START)
    assert read(tmp_path / "run", START).tables["reasons"].to_dict("records") == [reason]


def test_tables_left_out_are_empty() -> None:
    tables = arrange({})
    assert set(tables) == set(OUTPUTS)
    assert all(len(frame) == 0 for frame in tables.values())
    assert empty("postings")["first_day"].dtype == "int64"


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_any_plan_survives_the_disk(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    scenario = city(seed)
    made = sound.completed(scenario, random_decisions(scenario, seed))
    folder = tmp_path_factory.mktemp("any") / "run"
    write(made, folder, scenario.settings.start)
    same(read(folder, scenario.settings.start), made)


def test_a_plan_is_replaced_and_other_files_stay(made: Plan, folder: Path) -> None:
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    (folder / "drawings").mkdir()
    (folder / "drawings" / "map.svg").write_text("<svg/>", encoding="utf-8")
    write(sound.stated(made, bound=None), folder, START)
    assert read(folder, START).bound is None
    assert (folder / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert (folder / "drawings" / "map.svg").exists()
    assert [p.name for p in folder.parent.iterdir()] == ["run"]


def test_an_empty_folder_is_filled(made: Plan, tmp_path: Path) -> None:
    (tmp_path / "deep" / "run").mkdir(parents=True)
    write(made, tmp_path / "deep" / "run", START)
    assert read(tmp_path / "deep" / "run", START).objective == made.objective


@pytest.mark.parametrize("stranger", ["notes.txt", "plan.json", "postings.csv"])
def test_what_is_no_plan_is_not_overwritten(made: Plan, tmp_path: Path, stranger: str) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / stranger).write_text("mine", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        write(made, tmp_path / "home", START)
    assert caught.value.problems[0].fault == "not_a_plan"
    assert (tmp_path / "home" / stranger).read_text(encoding="utf-8") == "mine"
    with pytest.raises(InputError):
        write(made, tmp_path / "home" / stranger, START)


def test_nothing_is_left_when_writing_fails(made: Plan, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write(sound.stated(made, objective=float("nan")), tmp_path / "run", START)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_plan_survives_a_failed_write(made: Plan, folder: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write(sound.stated(made, objective=float("inf")), folder, START)
    assert [p.name for p in folder.parent.iterdir()] == ["run"]
    same(read(folder, START), made)


def test_a_folder_that_cannot_be_made_is_a_problem(made: Plan, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        write(made, tmp_path / "file" / "run", START)
    assert caught.value.problems[0].fault == "unwritable"


def test_no_folder_is_a_problem(tmp_path: Path) -> None:
    assert [p.fault for p in problems(tmp_path / "nowhere")] == ["missing"]


DAMAGE: list[tuple[str, str, str, tuple[int | None, str | None, str]]] = [
    ("postings.csv", "2020-02-03", "3 Feb", (2, "first_day", "type")),
    ("postings.csv", "25.000", "soon", (4, "minutes", "type")),
    ("postings.csv", "25.000", "nan", (4, "minutes", "type")),
    ("postings.csv", "25.000", "-3", (4, "minutes", "range")),
    ("postings.csv", "c3,b1", ",b1", (4, "cadre", "blank")),
    ("postings.csv", "c3,b1", "c3,b1,x", (4, None, "ragged_row")),
    ("postings.csv", "c3,b1", "c3", (4, None, "ragged_row")),
    ("postings.csv", "c3,b1", 'c3,"b1', (4, None, "broken_csv")),
    ("postings.csv", "cadre,batch", "cadre,wave", (1, "batch", "missing_column")),
    ("postings.csv", "cadre,batch", "cadre,wave", (1, "wave", "unknown_column")),
    ("postings.csv", "cadre,batch", "batch,batch", (1, "batch", "duplicate_column")),
    ("orders.csv", ",40,", ",40.5,", (2, "quantity", "type")),
    ("orders.csv", ",40,", ",1e99,", (2, "quantity", "type")),
    ("orders.csv", ",40,", ",0,", (2, "quantity", "range")),
    ("supply.csv", "public", "private", (2, "tier", "choice")),
    (HEAD, '"scenario": "sound"', '"scenario": 7', (None, "scenario", "type")),
    (HEAD, '"scenario": "sound",', "", (None, "scenario", "missing_key")),
    (HEAD, '"scenario"', '"scenery"', (None, "scenery", "unknown_key")),
    (HEAD, '"objective"', '"objective": true, "gone"', (None, "objective", "type")),
    (HEAD, '"travel": ', '"travel": "x", "t": ', (None, "terms.travel", "type")),
    (HEAD, '"status": "feasible"', '"status": "fine"', (None, "certificates[1].status", "choice")),
    (HEAD, '"stage": "people",', "", (None, "certificates[1].stage", "missing_key")),
    (HEAD, '"terms": {', '"terms": {}, "mood": {', (None, "mood", "unknown_key")),
    (HEAD, "{", "", (2, None, "broken_json")),
    (HEAD, '"bound": ', '"bound": NaN, "b": ', (None, None, "broken_json")),
]


@pytest.mark.parametrize(("file", "old", "new", "expected"), DAMAGE)
def test_damage_is_named(
    folder: Path, file: str, old: str, new: str, expected: tuple[int | None, str | None, str]
) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    found = problems(folder)
    assert all(p.file == file and p.expected for p in found)
    assert expected in [(p.row, p.column, p.fault) for p in found]


def test_a_gap_edited_by_hand_is_named(folder: Path) -> None:
    head = json.loads((folder / HEAD).read_text(encoding="utf-8"))
    (folder / HEAD).write_text(json.dumps({**head, "gap": 0.0}), encoding="utf-8")
    assert [(p.column, p.fault) for p in problems(folder)] == [("gap", "contradiction")]


def test_all_damage_is_named_at_once(folder: Path) -> None:
    (folder / "orders.csv").unlink()
    (folder / "coverage.csv").write_bytes("site,duty\n荡口".encode("gbk"))
    (folder / HEAD).write_text("[]", encoding="utf-8")
    text = (folder / "assignments.csv").read_text(encoding="utf-8").replace("2020-02-03", "today")
    (folder / "assignments.csv").write_text(text, encoding="utf-8")
    found = {(p.file, p.fault) for p in problems(folder)}
    assert found == {
        ("orders.csv", "missing_file"),
        ("coverage.csv", "encoding"),
        (HEAD, "type"),
        ("assignments.csv", "type"),
    }


@pytest.mark.parametrize("table", OUTPUTS)
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x00\x01", b"\xff\xfe", b'"', b"a,b\n1"])
def test_rubbish_is_never_a_traceback(folder: Path, table: str, content: bytes) -> None:
    (folder / f"{table}.csv").write_bytes(content)
    assert {p.file for p in problems(folder)} == {f"{table}.csv"}


def test_excel_leaves_its_marks(made: Plan, folder: Path) -> None:
    """A byte order mark, CRLF, blank lines and cells of blanks around are not faults."""
    for name in OUTPUTS:
        lines = (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        text = "\r\n".join([*lines, "", "," * lines[0].count(","), ""])
        (folder / f"{name}.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    same(read(folder, START), made)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_a_problem(folder: Path) -> None:
    (folder / "orders.csv").chmod(0)
    assert [(p.file, p.fault) for p in problems(folder)] == [("orders.csv", "unreadable")]


def test_only_the_tables_a_question_needs_are_read(small: Scenario, small_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    (run / "inventory.csv").write_text("nonsense\n")
    part = read(run, small.settings.start, ("postings", "supply"))
    assert set(part.tables) == {"postings", "supply"}
    assert part.table("supply").equals(read(small_run, small.settings.start).table("supply"))
    with pytest.raises(InputError):
        read(run, small.settings.start)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a,b\n1,2\n", True),
        ("a,b\n", True),
        ("a,b\n1,2", False),
        ("a,b\n1,2\n\n", False),
        ("a,b\n,\n1,2\n", False),
        ("a,b\n1,\n", True),
        ("a,b\n1,2,3\n", False),
        ("a,b\n1\n", False),
        ('a,b\n"1",2\n', False),
        ("a,b\r\n1,2\r\n", False),
        ("", False),
    ],
)
def test_what_is_read_at_once_is_plain(text: str, plain: bool) -> None:
    assert planfile._even(text.encode()) == plain

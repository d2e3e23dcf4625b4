"""Files of Curtois and Qu, the command that solves them, and the judge of its rosters."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from allocator import curtois
from allocator.cli import main
from allocator.errors import InputError
from allocator.limits import Limits, Watch
from allocator.models import roster
from tests import rosters

TEXT = rosters.invent(3, 4, 14, {"E": 480, "N": 600})


def test_the_command_writes_what_the_judge_accepts(tmp_path: Path) -> None:
    files = [tmp_path / "one.txt", tmp_path / "two.txt"]
    texts = [TEXT, rosters.invent(5, 3, 7, {"E": 480})]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    args = ["bench", "curtois", *map(str, files), "--seconds", "20", "--out", str(tmp_path / "out")]
    answer = CliRunner().invoke(main, args)
    assert answer.exit_code == 0
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [line["file"] for line in lines] == [str(file) for file in files]
    for file, text, line in zip(files, texts, lines, strict=True):
        assert set(line) == {"file", "status", "objective", "bound", "seconds"}
        found, rules = rosters.load(tmp_path / "out" / f"{file.stem}.csv"), rosters.Rules(text)
        assert rosters.faults(rules, found) == []
        assert line["status"] == "optimal"
        assert line["objective"] == line["bound"] == rosters.cost(rules, found)


def test_no_roster_names_who_has_no_schedule(tmp_path: Path) -> None:
    lines = TEXT.splitlines()
    place = next(k for k, line in enumerate(lines) if line.startswith("P2,"))
    fields = lines[place].split(",")
    fields[2], fields[3] = "480", "4800"
    lines[place] = ",".join(fields)
    file = tmp_path / "stuck.txt"
    file.write_text("\n".join(lines))
    answer = CliRunner().invoke(main, ["bench", "curtois", str(file), "--seconds", "5"])
    assert answer.exit_code == 4
    assert "P2" in answer.stderr
    assert json.loads(answer.stdout)["objective"] is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("SECTION_COVER", "SECTION_COVERS", "SECTION_COVER"),
        ("SECTION_HORIZON\n14", "SECTION_HORIZON\nfortnight", "whole number"),
        ("E,480,", "E,480,Z", "E"),
        ("P1,", "P0,", "each once"),
        ("0,E,", "99,E,", "from 0 to 13"),
    ],
)
def test_faults_of_a_file_are_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in TEXT
    file = tmp_path / "bad.txt"
    file.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        curtois.read(file)
    assert any(expected in problem.expected for problem in caught.value.problems)
    answer = CliRunner().invoke(main, ["bench", "curtois", str(file)])
    assert answer.exit_code == 2
    assert answer.stdout == ""


def test_the_judge_sees_every_rule() -> None:
    text = """SECTION_HORIZON
14
SECTION_SHIFTS
E,480,
N,600,E
SECTION_STAFF
A,E=14|N=2,5000,1000,4,2,2,1
SECTION_DAYS_OFF
A,3
SECTION_SHIFT_ON_REQUESTS
A,0,E,3
A,1,N,2
SECTION_SHIFT_OFF_REQUESTS
A,1,E,5
SECTION_COVER
0,E,2,100,1
0,N,0,100,7
"""
    rules = rosters.Rules(text)
    sound = {0: "E", 1: "E", 2: "E", 7: "E", 8: "N"}
    assert rosters.faults(rules, {"A": sound}) == []
    assert rosters.cost(rules, {"A": sound}) == 2 + 5 + 100
    broken = {
        "works on day off 3": {**sound, 3: "E"},
        "E after N": {**sound, 7: "N", 8: "E"},
        "3 times N": {**sound, 9: "N", 10: "N"},
        "960 minutes": {0: "E", 1: "E"},
        "works 5 days": {6: "E", 7: "E", 8: "E", 9: "E", 10: "E"},
        "works 1 days": {0: "E", 1: "E", 7: "E"},
        "rests 1 days": {**sound, 10: "E", 11: "E"},
        "too many weekends": {**sound, 5: "E", 6: "E", 12: "E", 13: "E"},
    }
    for fault, schedule in broken.items():
        assert any(fault in one for one in rosters.faults(rules, {"A": schedule})), fault


BENCH = os.environ.get("ALLOCATOR_BENCH")


@pytest.mark.skipif(not BENCH, reason="ALLOCATOR_BENCH names no folder with published instances")
@pytest.mark.parametrize(("number", "best"), [(1, 607), (2, 828), (4, 1716)])
def test_published_instances(number: int, best: int) -> None:
    path = Path(str(BENCH)) / "curtois" / f"Instance{number}.txt"
    instance = curtois.read(path)
    answer = roster.solve(instance.team, Watch(Limits(120.0, 0.0, 1, 1)))
    assert answer.shifts is not None
    rules = rosters.Rules(path.read_text())
    chosen = {
        name: {d: instance.shifts[t] for d, t in enumerate(row) if t >= 0}
        for name, row in zip(instance.staff, answer.shifts, strict=True)
    }
    assert rosters.faults(rules, chosen) == []
    assert answer.certificate.objective == answer.certificate.bound == rosters.cost(rules, chosen) == best

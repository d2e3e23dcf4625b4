"""The commands of the service: what they print, what they refuse, and the way from a solve to a page token."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from conftest import ROOT, SMALL
from databases import cadre_of, sealed_copy

from allocator import seal
from allocator.store import Store
from allocator.tables import EVENTS

Run = Callable[..., Result]


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    url = f"sqlite:///{tmp_path}/store.db"
    monkeypatch.setenv("ALLOCATOR_DB", url)
    return url


def document(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["exit_code"] == result.exit_code
    return found


def test_publish_puts_a_run_in_force(allocator: Run, db: str, small_run: Path) -> None:
    result = allocator("publish", small_run)
    assert result.exit_code == 0
    assert result.stdout.startswith("small is in force: ")
    again = document(allocator("publish", small_run, "--json"))
    assert (again["run"], again["new"], again["current"]) == ("small", False, True)
    named = document(allocator("publish", small_run, "--name", "tuesday", "--json"))
    assert named["new"]
    assert named["rows"]["postings"] == again["rows"]["postings"] > 0


def test_the_default_database_is_a_file_here(allocator: Run, small_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLOCATOR_DB", raising=False)
    assert allocator("publish", small_run).exit_code == 0
    assert Path("allocator.db").exists()


def test_a_plan_nobody_verified_is_refused_until_it_is(
    allocator: Run, db: str, small_run: Path, tmp_path: Path
) -> None:
    run = sealed_copy(small_run, tmp_path / "run")
    (run / seal.SEAL).unlink()
    refused = allocator("publish", run)
    assert refused.exit_code == 3
    assert "never verified" in refused.stderr
    assert document(allocator("runs", "list", "--json"))["runs"] == []
    assert allocator("verify", SMALL, run).exit_code == 0
    assert allocator("publish", run).exit_code == 0


def test_a_changed_plan_is_refused_and_verify_does_not_seal_what_is_wrong(
    allocator: Run, db: str, small_run: Path, tmp_path: Path
) -> None:
    run = sealed_copy(small_run, tmp_path / "run")
    lines = (run / "coverage.csv").read_text(encoding="utf-8").splitlines()
    cells = lines[1].split(",")
    cells[6] = str(int(cells[6]) + 1)
    (run / "coverage.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n", encoding="utf-8")
    refused = allocator("publish", run, "--json")
    assert refused.exit_code == 3
    assert document(refused)["violations"][0]["where"].endswith("coverage.csv")
    assert allocator("verify", SMALL, run).exit_code == 3
    assert allocator("publish", run).exit_code == 3


def test_a_run_that_cannot_be_sealed_is_verified_all_the_same(
    allocator: Run, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sealed_copy(small_run, tmp_path / "run")
    (run / seal.SEAL).unlink()

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(seal, "seal", refuse)
    result = allocator("verify", SMALL, run)
    assert result.exit_code == 0
    assert "cannot be sealed" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("publish", "nowhere"), "the folder of a plan"),
        (("publish", "RUN", "--name", "current"), "--name"),
        (("publish", "RUN", "--db", "oracle://x"), "--db"),
        (("publish", "RUN", "--db", "sqlite:////no/such/folder/x.db"), "--db"),
        (("runs", "use", "never"), "there are: small"),
        (("runs", "remove", "small"), "not in force"),
        (("runs", "remove", "never"), "there are: small"),
        (("runs", "compare", "small", "never"), "there are: small"),
        (("token", "create"), "--district D or --organizer"),
        (("token", "create", "--district", "north", "--organizer"), "--district D or --organizer"),
        (("token", "create", "--district", "nroth"), "north, south"),
        (("token", "revoke", "7"), "token list"),
        (("events", "--since", "never"), "there are: small"),
        (("serve", "--db", "sqlite:////no/such/folder/x.db"), "--db"),
    ],
)
def test_what_is_refused_says_why(
    allocator: Run, db: str, small_run: Path, arguments: tuple[str, ...], said: str
) -> None:
    allocator("publish", small_run)
    result = allocator(*(str(small_run) if a == "RUN" else a for a in arguments))
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_runs_are_listed_compared_put_in_force_and_removed(allocator: Run, db: str, small_run: Path) -> None:
    assert "no run is published" in allocator("runs", "list").stdout
    for name in ("monday", "tuesday"):
        allocator("publish", small_run, "--name", name)
    lines = allocator("runs", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["*", "monday"]
    assert "all tables are the same" in allocator("runs", "compare", "monday", "tuesday").stdout
    compared = document(allocator("runs", "compare", "monday", "tuesday", "--json"))
    assert all(counts == [0, 0] for counts in compared["rows"].values())
    assert allocator("runs", "use", "monday").exit_code == 0
    assert allocator("runs", "remove", "tuesday").exit_code == 0
    assert [r["run"] for r in document(allocator("runs", "list", "--json"))["runs"]] == ["monday"]


def test_a_token_is_printed_alone_and_once(allocator: Run, db: str, small_run: Path) -> None:
    allocator("publish", small_run)
    secret = allocator("token", "create", "--district", "north", "--note", "区防控办").stdout.strip()
    organizer = allocator("token", "create", "--organizer").stdout.strip()
    store = Store(db)
    assert store.tokens.who(secret).district == "north"  # type: ignore[union-attr]
    assert store.tokens.who(organizer).district is None  # type: ignore[union-attr]
    listed = allocator("token", "list").stdout
    assert "区防控办" in listed
    assert secret not in listed
    assert allocator("token", "revoke", "1").exit_code == 0
    assert store.tokens.who(secret) is None
    store.close()


def test_a_district_is_taken_as_it_is_before_a_run_is_published(allocator: Run, db: str) -> None:
    result = allocator("token", "create", "--district", "north")
    assert result.exit_code == 0
    assert "No run is published yet" in result.stderr
    assert len(result.stdout.split()) == 1


def test_events_come_out_as_the_table_a_replan_takes(allocator: Run, db: str, small_run: Path) -> None:
    allocator("publish", small_run, "--name", "monday")
    store = Store(db)
    run = store.runs.named("monday")
    body = {"cadre": cadre_of(store, run, "north"), "first_day": "2020-02-05"}
    store.events.report("k", run, "north", "absence", body)
    rows = list(csv.DictReader(io.StringIO(allocator("events", "--since", "monday").stdout)))
    assert list(rows[0]) == list(EVENTS.names)
    assert rows[0]["event"] == "E1"
    assert rows[0]["cadre"] == body["cadre"]
    assert rows[0]["last_day"] == ""
    published = allocator("publish", small_run, "--name", "tuesday")
    assert "1 events were reported while monday was in force" in published.stdout
    assert document(allocator("events", "--since", "tuesday", "--json"))["events"] == []
    result = allocator("events", "--out", "events.csv")
    assert "1 events in events.csv" in result.stdout
    text = Path("events.csv").read_text(encoding="utf-8")
    assert list(csv.DictReader(io.StringIO(text))) == rows
    store.close()


def test_serve_answers_until_it_is_interrupted(allocator: Run, db: str, small_run: Path) -> None:
    allocator("publish", small_run)
    process = subprocess.Popen(
        [sys.executable, "-m", "allocator", "serve", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # as from a terminal: tests that run in the background pass on that they ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout
    line = process.stdout.readline()
    address = line.split(";")[0].removeprefix("serving on ")
    with urllib.request.urlopen(f"{address}/healthz", timeout=20) as answer:
        assert json.load(answer)["status"] == "ok"
    process.send_signal(signal.SIGINT)
    _, log = process.communicate(timeout=20)
    assert process.returncode in (0, 130)
    # every line is JSON, also those of a server that is busy ("Task queue depth is 1")
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["route"] for line in lines if line["event"] == "request"] == ["/healthz"]
    assert "Traceback" not in log


def test_what_the_server_logs_has_the_form_of_the_log_and_names_no_path() -> None:
    program = """if True:
        import logging
        from flask import Flask
        from allocator.service import log
        log.register(Flask("x"), to_stderr=True)
        logging.getLogger("waitress.queue").warning("Task queue depth is %d", 3)
        try:
            raise OSError("C0001")
        except OSError:
            logging.getLogger("waitress").exception("Exception while serving %s" % "/cadres/C0001")
    """
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    busy, broken = (json.loads(line) for line in done.stderr.splitlines())
    assert (busy["event"], busy["level"], busy["message"]) == ("server", "warning", "Task queue depth is 3")
    assert (broken["level"], broken["message"]) == ("error", "Exception while serving")
    assert (broken["kind"], broken["where"]) == ("OSError", ["<string>:8"])
    assert "C0001" not in done.stderr

"""SIGKILL at any instant: a run is published whole or not at all, an acknowledged event is never lost.

`ALLOCATOR_KILLS` says how often each of the four is killed; 13 by default, so that each program is
killed 26 times, on either database.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from conftest import ROOT
from databases import cadre_of, heavy, opened

from allocator.store import SERVED, Store
from allocator.store.schema import published

KILLS = int(os.environ.get("ALLOCATOR_KILLS", "13"))
ROWS = 20_000
SENDERS = 3


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with opened(request, tmp_path) as made:
        yield made


def start(*arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"ALLOCATOR_RATE": "0", "ALLOCATOR_FRESHNESS": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "allocator", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def kill(process: subprocess.Popen[str]) -> bool:
    """Tell whether it was still running."""
    process.send_signal(signal.SIGKILL)
    code = process.wait()
    if process.stdout:
        process.stdout.close()
    return code == -signal.SIGKILL


def numbers(store: Store) -> set[int]:
    """Every run number that has a row anywhere in the database."""
    with store._engine.connect() as connection:
        return {
            number
            for table in published.values()
            for number in connection.execute(table.select().with_only_columns(table.c.run).distinct()).scalars()
        }


def clients(store: Store) -> set[int]:
    """Processes in which a database server does what its clients asked for."""
    if store._engine.dialect.name != "postgresql":
        return set()
    asked = "select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend'"
    with store._engine.connect() as connection:
        return set(connection.execute(sa.text(asked)).scalars())


def settle(store: Store, known: set[int]) -> None:
    """Wait for what the server does without the client that was killed: a commit that was sent goes through."""
    until = time.monotonic() + 30
    while clients(store) - known:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_killed_publish_leaves_the_old_run_or_the_new_one(url: str, small_run: Path, tmp_path: Path) -> None:
    folder = heavy(small_run, tmp_path / "heavy", ROWS)
    store = Store(url)
    store.runs.publish(small_run, "old")
    begun = time.perf_counter()
    with start("publish", str(folder), "--db", url, "--name", "whole") as first:
        assert first.wait() == 0
    usual = time.perf_counter() - begun
    whole = store.runs.counts(store.runs.named("whole").number)
    assert whole["supply"] == ROWS
    before, killed = "whole", 0
    chance = random.Random(1)
    for n in range(4 * KILLS):
        if killed == KILLS:
            break
        known = clients(store)
        process = start("publish", str(folder), "--db", url, "--name", f"new-{n}")
        time.sleep(usual * chance.uniform(0.3, 1.05))
        if kill(process):
            killed += 1
        else:  # it was faster than the first: how long one takes follows the load of the machine
            usual *= 0.9
        settle(store, known)
        current = store.runs.get()
        assert current is not None
        assert current.run in (before, f"new-{n}")
        assert store.runs.counts(current.number) == whole
        listed = {run.number for run in store.runs.all()}
        assert numbers(store) == listed
        for name in SERVED:
            assert len(store.rows.page(current.number, name).rows) == whole[name]
        before = current.run
        for run in store.runs.all():
            if run.run not in (before, "old"):
                store.runs.remove(run.run)
    assert killed == KILLS
    made, _ = store.runs.publish(folder, "last")
    assert store.runs.counts(made.number) == whole
    store.close()


class Sender(threading.Thread):
    """Reports one absence after the other until the server is gone; notes what was acknowledged."""

    def __init__(self, address: str, token: str, key: str, body: dict[str, Any]):
        super().__init__(daemon=True)
        self.address, self.token, self.key, self.body = address, token, key, body
        self.sent: dict[str, dict[str, Any]] = {}
        self.kept: dict[str, str] = {}

    def run(self) -> None:
        for n in range(10_000):
            key, body = f"{self.key}-{n}", self.body | {"last_day": f"2020-02-0{5 + n % 5}"}
            self.sent[key] = body
            try:
                self.kept[key] = send(self.address, self.token, key, body)
            except (OSError, http.client.HTTPException):
                return


def send(address: str, token: str, key: str, body: dict[str, Any]) -> str:
    """The code of the event, once it is acknowledged."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/events", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(json.load(answer)["event"])
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read()) from error


def serve(url: str) -> tuple[subprocess.Popen[str], str]:
    process = start("serve", "--db", url, "--port", "0")
    assert process.stdout
    found = re.search(r"http://\S+?(?=;)", process.stdout.readline())
    assert found
    return process, found.group()


def test_a_killed_server_loses_no_acknowledged_event(url: str, small_run: Path) -> None:
    store = Store(url)
    run, _ = store.runs.publish(small_run, "run")
    _, token = store.tokens.create("north")
    body = {"kind": "absence", "cadre": cadre_of(store, run, "north"), "first_day": "2020-02-04"}
    chance = random.Random(2)
    sent: dict[str, dict[str, Any]] = {}
    kept: dict[str, str] = {}
    for n in range(KILLS):
        process, address = serve(url)
        unanswered = sorted(sent.keys() - kept.keys())
        for key in unanswered:
            kept[key] = send(address, token, key, sent[key])
        senders = [Sender(address, token, f"{n}-{k}", body) for k in range(SENDERS)]
        for sender in senders:
            sender.start()
        time.sleep(chance.uniform(0.01, 0.5))
        assert kill(process)
        for sender in senders:
            sender.join(30)
            assert not sender.is_alive()
            sent |= sender.sent
            kept |= sender.kept
        found = {event.code: event.row() for event in store.events.all()}
        assert set(kept.values()) <= found.keys()
        for key, code in kept.items():
            assert found[code]["last_day"] == sent[key]["last_day"]
        assert len(set(kept.values())) == len(kept)
        assert len(found) <= len(sent)
    assert len(kept) > 2 * KILLS
    store.close()

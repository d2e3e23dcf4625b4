"""Databases for tests: a PostgreSQL of their own in a temporary folder, and runs big enough to be killed in."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from allocator import seal
from allocator.store import SERVED, Run, Store
from allocator.store.load import rows as file_rows
from allocator.tables import Column

CASTS: dict[str, Callable[[str], Any]] = {"int": int, "number": float}

VARIABLE = "ALLOCATOR_TEST_PG"
"""URL of a PostgreSQL whose user may create databases; without it the tests start one of their own."""
USER = "allocator"


def programs() -> Path | None:
    """The folder of Debian's PostgreSQL programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    beside = shutil.which("initdb")
    return found[-1].parent if found else Path(beside).resolve().parent if beside else None


@contextmanager
def cluster() -> Iterator[str]:
    """Start a server that listens on a socket in its own folder alone; yield its URL."""
    bin = programs()
    assert bin is not None
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    unprivileged = "nobody" if os.getuid() == 0 else None
    if unprivileged:
        shutil.chown(folder, unprivileged)

    def call(*command: str) -> None:
        subprocess.run(
            [str(bin / command[0]), *command[1:]], user=unprivileged, cwd=folder, check=True, capture_output=True
        )

    data = str(folder / "data")
    settings = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c max_connections=50"
    call("initdb", "-D", data, "-A", "trust", "-U", USER, "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
    call("pg_ctl", "-D", data, "-o", settings, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql+psycopg://{USER}@/postgres?host={folder}"
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(server: str) -> Iterator[str]:
    """A new, empty database of a server."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()


def sealed_copy(run: Path, folder: Path) -> Path:
    """A copy of a run; change its files, then seal it."""
    shutil.copytree(run, folder)
    return folder


def reseal(run: Path) -> None:
    seal.seal(run, seal.digests(run))


def heavy(run: Path, folder: Path, rows: int) -> Path:
    """A copy of a run whose table `supply` is repeated until it has so many rows."""
    copy = sealed_copy(run, folder)
    with open(copy / "supply.csv", encoding="utf-8", newline="") as lines:
        header, *found = csv.reader(lines)
    with open(copy / "supply.csv", "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(found[n % len(found)] for n in range(rows))
    reseal(copy)
    return copy


@contextmanager
def opened(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """An empty database of the kind a fixture is asked for."""
    if request.param == "sqlite":
        yield f"sqlite:///{folder}/store.db"
        return
    with database(request.getfixturevalue("postgresql")) as made:
        yield made



def typed(run: Path, name: str) -> list[tuple[Any, ...]]:
    """The rows of a run's file as the dictionary types them."""
    header, found = file_rows(run, name)
    columns: list[Column] = [SERVED[name].column(c) for c in header]
    # a plan for one case has no column for it in its files, and a blank one in the database
    absent = ("",) * (len(SERVED[name].names) - len(header))
    return [tuple(CASTS.get(c.kind, str)(v) for c, v in zip(columns, row, strict=True)) + absent for row in found]


def cadre_of(store: Store, run: Run, district: str) -> str:
    return str(store.rows.page(run.number, "postings", district).records()[0]["cadre"])


def bodies(store: Store, run: Run) -> dict[str, tuple[str, dict[str, Any]]]:
    site = store.rows.page(run.number, "sites", "north").records()[0]["site"]
    duty = store.rows.page(run.number, "duties").records()[0]["duty"]
    item = store.rows.page(run.number, "items").records()[0]["item"]
    day, shift = "2020-02-05", run.head["shifts"][0]["id"]
    return {
        "absence": ("absence", {"cadre": cadre_of(store, run, "north"), "first_day": day}),
        "people": ("need", {"place": site, "duty": duty, "shift": shift, "required": 2, "target": 3, "first_day": day}),
        "goods": ("need", {"place": site, "item": item, "tier": "medical", "quantity": 5, "first_day": day}),
        "stock": ("stock", {"place": site, "item": item, "quantity": -5, "first_day": day}),
        "closure": ("closure", {"place": site, "first_day": day, "last_day": day}),
    }

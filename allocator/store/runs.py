"""Published runs: put in, listed, put in force, compared, taken out."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from allocator import seal
from allocator.errors import InputError, PlanError, Problem
from allocator.store.compare import Comparison, compare
from allocator.store.engine import reading, writing
from allocator.store.load import load
from allocator.store.schema import EVERYBODY, current, events, extents, offered, offers, published, runs

CURRENT = "current"
NAME = re.compile(r"[^\W_][\w.-]{0,99}", re.ASCII)


@dataclass(frozen=True)
class Run:
    """One published run; `head` holds plan.json and what its readers need of the settings."""

    number: int
    run: str
    published: str
    digest: str
    current: bool
    events: int
    """The last event that was reported before it was published."""
    head: dict[str, Any] = field(repr=False)

    @property
    def start(self) -> date:
        return date.fromisoformat(self.head["start"])


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Runs:
    """The runs of a store."""

    def __init__(self, engine: sa.Engine):
        self._engine = engine

    def publish(self, folder: Path, name: str | None = None) -> tuple[Run, bool]:
        """Load a verified run and put it in force, in one transaction; return it and whether it is new.

        A run that is there already, byte for byte, is only put in force.

        Raises
        ------
        InputError
            Where the folder is no run, or another run has its name.
        PlanError
            Where the run was not verified, or changed since.
        """
        run = name or folder.resolve().name
        _check_name(run, name is None)
        if not (folder / "plan.json").is_file():
            raise _refused(str(folder), "", "the folder of a plan, as `allocator solve` writes it", "no_plan")
        files = seal.digests(folder)
        _refuse(seal.broken(folder, files))
        digest = seal.digest(files)
        with writing(self._engine) as connection:
            _one_at_a_time(connection)
            found = _find(connection, run)
            if found is not None and found.digest != digest:
                expected = "a name of its own: a published run never changes; --name gives another"
                raise _refused("--name", run, expected, "name_taken")
            number = found.number if found is not None else _insert(connection, folder, run, digest)
            _refuse(seal.broken(folder, seal.digests(folder)))
            _put_in_force(connection, number)
        published = self.get(run)
        assert published is not None
        return published, found is None

    def all(self) -> list[Run]:
        """Return all runs, the newest first."""
        with reading(self._engine) as connection:
            return [_run(row) for row in connection.execute(_query().order_by(runs.c.number.desc()))]

    def get(self, run: str = CURRENT) -> Run | None:
        """Return a run by its name, or the one in force."""
        with reading(self._engine) as connection:
            return _find(connection, run)

    def named(self, run: str) -> Run:
        """Return a run by its name; raises `InputError` where there is none."""
        found = self.get(run)
        if found is None:
            known = ", ".join(r.run for r in self.all()[:10]) or "none yet"
            raise _refused("RUN", run, f"a published run; there are: {known}", "unknown_run")
        return found

    def use(self, run: str) -> Run:
        """Put a published run in force."""
        found = self.named(run)
        with writing(self._engine) as connection:
            _put_in_force(connection, found.number)
        return self.named(run)

    def remove(self, run: str) -> Run:
        """Take a run out, all its rows; events that were reported on it stay.

        Raises
        ------
        InputError
            Where there is no such run, or it is in force.
        """
        found = self.named(run)
        with writing(self._engine) as connection:
            if connection.scalar(sa.select(current.c.number)) == found.number:
                expected = "a run that is not in force; `allocator runs use` puts another one in force"
                raise _refused("RUN", found.run, expected, "run_in_force")
            for table in published.values():
                connection.execute(table.delete().where(table.c.run == found.number))
            for table in (offers, offered):
                connection.execute(table.delete().where(table.c.run == found.number))
            connection.execute(extents.delete().where(extents.c.number == found.number))
            connection.execute(runs.delete().where(runs.c.number == found.number))
        return found

    def compare(self, run_a: str, run_b: str) -> Comparison:
        """Compare two published runs."""
        a, b = self.named(run_a), self.named(run_b)
        with reading(self._engine) as connection:
            return compare(connection, a, b)

    def counts(self, number: int, district: str | None = None) -> dict[str, int]:
        """Return table -> rows of a run; those a district may read, where one is named."""
        query = sa.select(extents.c.name, sa.func.sum(extents.c.rows)).where(extents.c.number == number)
        if district is not None:
            query = query.where(extents.c.part.in_([district, EVERYBODY]))
        with reading(self._engine) as connection:
            found = {name: int(rows) for name, rows in connection.execute(query.group_by(extents.c.name))}
        return {name: found.get(name, 0) for name in published}

    def districts(self, number: int) -> list[str]:
        """Return the codes of a run's districts."""
        table = published["districts"]
        query = sa.select(table.c.district).where(table.c.run == number).order_by(table.c.district)
        with reading(self._engine) as connection:
            return list(connection.scalars(query))


def _check_name(run: str, from_folder: bool) -> None:
    if run == CURRENT or not NAME.fullmatch(run):
        column = "RUN" if from_folder else "--name"
        expected = f"a name of letters, digits, '.', '_' and '-', not '{CURRENT}'; --name gives one"
        raise _refused(column, run, expected, "bad_name")


def _refused(place: str, value: str, expected: str, fault: str) -> InputError:
    return InputError([Problem(place, None, None, value, expected, fault)])


def _refuse(violations: list[Any]) -> None:
    if violations:
        raise PlanError(violations)


def _one_at_a_time(connection: sa.Connection) -> None:
    """SQLite lets one writer in anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE current IN EXCLUSIVE MODE")


def _insert(connection: sa.Connection, folder: Path, run: str, digest: str) -> int:
    head = json.dumps(_head(folder), ensure_ascii=False)
    row = {"run": run, "published": now(), "digest": digest, "head": head}
    number = int(connection.execute(runs.insert().values(row)).inserted_primary_key[0])  # type: ignore[index]
    counts = load(connection, folder, number)
    connection.execute(
        extents.insert(),
        [{"number": number, "name": t, "part": part, "rows": n} for (t, part), n in counts.items()],
    )
    if connection.dialect.name == "postgresql":  # no report may come in under a lower number later
        connection.exec_driver_sql("LOCK TABLE events IN SHARE MODE")
    last = connection.scalar(sa.select(sa.func.max(events.c.event))) or 0
    connection.execute(runs.update().where(runs.c.number == number).values(events=last))
    return number


def _head(folder: Path) -> dict[str, Any]:
    """plan.json, and of the settings: title, start, days, shifts and batches."""
    head: dict[str, Any] = json.loads((folder / "plan.json").read_text(encoding="utf-8-sig"))
    settings = tomllib.loads((folder / "context" / "scenario.toml").read_text(encoding="utf-8"))
    keys = {"title": settings.get("title", ""), "start": settings["start"], "days": settings["days"]}
    lists = {f"{name}s": settings.get(name, []) for name in ("shift", "case")}
    plain = keys | lists | {"batches": settings.get("batch", [])}
    return head | json.loads(json.dumps(plain, default=str))


def _put_in_force(connection: sa.Connection, number: int) -> None:
    if connection.execute(current.update().values(number=number)).rowcount == 0:
        connection.execute(current.insert().values(one=1, number=number))


def _query() -> sa.Select[Any]:
    return sa.select(runs, (current.c.number == runs.c.number).label("current")).select_from(
        runs.outerjoin(current, current.c.one == 1)
    )


def _find(connection: sa.Connection, run: str) -> Run | None:
    query = _query()
    query = query.where(current.c.number == runs.c.number) if run == CURRENT else query.where(runs.c.run == run)
    row = connection.execute(query).one_or_none()
    return None if row is None else _run(row)


def _run(row: Any) -> Run:
    return Run(row.number, row.run, row.published, row.digest, bool(row.current), row.events, json.loads(row.head))

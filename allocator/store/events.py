"""Events: what districts report, checked against the run in force, kept once however often it is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from allocator.errors import AllocatorError, Problem
from allocator.store.engine import reading, writing
from allocator.store.fit import fit
from allocator.store.runs import Run, now
from allocator.store.schema import events
from allocator.tables import EVENTS


@dataclass(frozen=True)
class Event:
    """One report; `body` holds the columns of `tables.EVENTS` that it fills."""

    number: int
    district: str
    """Whose place or person it is about; blank: the city's own."""
    run: str
    reported: str
    kind: str
    body: Mapping[str, Any]

    @property
    def code(self) -> str:
        return f"E{self.number}"

    def row(self) -> dict[str, Any]:
        """The report as a row of `tables.EVENTS`, days as ISO dates."""
        blank = {c.name: 0 if c.kind == "int" else "" for c in EVENTS.columns}
        return blank | dict(self.body) | {"event": self.code, "kind": self.kind}


class KeyUsedError(AllocatorError):
    """The key of a report was used before, for another report."""


class MisfitError(AllocatorError):
    """The report does not fit the run in force; `problems` says where."""

    def __init__(self, problems: list[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in problems))


class Events:
    """The events of a store."""

    def __init__(self, engine: sa.Engine):
        self._engine = engine

    def report(
        self, key: str, run: Run | None, district: str | None, kind: str, body: Mapping[str, Any]
    ) -> tuple[Event, bool]:
        """Keep a report; return it and whether it is new. When this returns, it is on disk.

        Parameters
        ----------
        key
            The sender's name for this report; the same report under the same key is kept once.
        run
            The run in force.
        district
            Who reports; None: the organizers.

        Raises
        ------
        KeyUsedError
            Where the key stands for another report of the sender.
        MisfitError
            Where the report does not fit the run in force.
        """
        text = json.dumps(dict(body), ensure_ascii=False, sort_keys=True)
        owner = district if district is not None else "*"
        with writing(self._engine) as connection:
            if (known := _known(connection, owner, key, kind, text)) is not None:
                return known, False
            if run is None:
                raise MisfitError([Problem("", None, None, "", "a run in force; none is published", "no_run")])
            part, problems = fit(connection, run, district, kind, body)
            if problems:
                raise MisfitError(problems)
            row = {"owner": owner, "key": key, "part": part, "run": run.run, "reported": now()}
            number = _insert(connection, row | {"kind": kind, "body": text})
            if number is not None:
                return Event(number, part, run.run, str(row["reported"]), kind, dict(body)), True
        with reading(self._engine) as connection:
            raced = _known(connection, owner, key, kind, text)
        assert raced is not None
        return raced, False

    def all(
        self,
        district: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[Event]:
        """Return reports, oldest first: after the number `after`, of one district where it is named."""
        query = sa.select(events).where(events.c.event > after)
        if district is not None:
            query = query.where(events.c.part == district)
        with reading(self._engine) as connection:
            return [_event(row) for row in connection.execute(query.order_by(events.c.event).limit(limit))]

    def get(self, number: int, district: str | None = None) -> Event | None:
        query = sa.select(events).where(events.c.event == number)
        if district is not None:
            query = query.where(events.c.part == district)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _event(row)


def _known(connection: sa.Connection, owner: str, key: str, kind: str, text: str) -> Event | None:
    query = sa.select(events).where(events.c.owner == owner, events.c.key == key)
    row = connection.execute(query).one_or_none()
    if row is not None and (row.kind, row.body) != (kind, text):
        raise KeyUsedError(f"key {key!r} stands for another report already; use a new key for a new report")
    return None if row is None else _event(row)


def _insert(connection: sa.Connection, row: Mapping[str, Any]) -> int | None:
    """The number of the new event; None where another process kept the same key a moment ago."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    query = insert(events).values(row).on_conflict_do_nothing().returning(events.c.event)
    found = connection.scalar(query)
    return None if found is None else int(found)


def _event(row: Any) -> Event:
    return Event(row.event, row.part, row.run, row.reported, row.kind, json.loads(row.body))

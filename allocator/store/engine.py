"""Connections: SQLite or PostgreSQL by URL, transactions that hold or leave no trace, the schema."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from allocator.errors import InputError, Problem
from allocator.store.schema import metadata

DEFAULT = "sqlite:///allocator.db"
VARIABLE = "ALLOCATOR_DB"
PATIENCE = 30
"""Seconds a writer waits for another one."""
_LOCK = 0x616C6C6F
"""Key of the lock under which PostgreSQL's tables are made: any number nobody else uses."""


def url(given: str | None = None) -> sa.URL:
    """Return the database's URL: the one given, that of ALLOCATOR_DB, or a file in this folder.

    Raises
    ------
    InputError
        Where it is no URL of a database this program knows.
    """
    text = given or os.environ.get(VARIABLE) or DEFAULT
    try:
        found = sa.make_url(text)
    except ArgumentError:
        raise _refused(text) from None
    if found.get_backend_name() in ("postgresql", "postgres"):
        return found.set(drivername="postgresql+psycopg")
    if found.get_backend_name() != "sqlite":
        raise _refused(found.render_as_string(hide_password=True))
    return found


def _refused(text: str) -> InputError:
    expected = "sqlite:///FILE or postgresql://USER@HOST/NAME"
    return InputError([Problem("--db", None, None, text, expected, "bad_url")])


def engine(given: str | None = None) -> sa.Engine:
    """Open a database and see to it that its tables are there.

    Raises
    ------
    InputError
        Where it cannot be reached.
    """
    where = url(given)
    try:
        made = sa.create_engine(where, pool_pre_ping=where.get_backend_name() != "sqlite", pool_size=16)
        if made.dialect.name == "sqlite":
            sa.event.listen(made, "connect", _sqlite)
            sa.event.listen(made, "begin", _begin)
        _prepare(made)
    except (DBAPIError, NoSuchModuleError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        shown = where.render_as_string(hide_password=True)
        problem = Problem("--db", None, None, shown, f"a database that can be opened ({reason})", "no_database")
        raise InputError([problem]) from error
    return made


def _sqlite(connection: Any, _: Any) -> None:
    """Readers never wait for a writer; what is committed survives a power cut."""
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={PATIENCE * 1000}",
        "journal_mode=wal",
        "synchronous=full",
        "foreign_keys=on",
        "cache_size=-65536",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that writes: all of it or nothing."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One transaction that reads: everything in it as of one instant."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


def _prepare(engine: sa.Engine) -> None:
    """Make the tables and columns that are missing: those of a newer dictionary join an older database."""
    if not _missing(engine):
        return
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        metadata.create_all(connection)
        for table, column in _missing(connection):
            kind = column.type.compile(engine.dialect)
            name = engine.dialect.identifier_preparer.quote(column.name)
            default = str(column.server_default.arg)  # type: ignore[union-attr]
            shown = "''" if default == "" else default
            connection.exec_driver_sql(
                f"ALTER TABLE {table.name} ADD COLUMN {name} {kind} NOT NULL DEFAULT {shown}"
            )


def _missing(bind: sa.Engine | sa.Connection) -> list[tuple[sa.Table, sa.Column[Any]]]:
    """Columns the schema has and the database does not."""
    inspector = sa.inspect(bind)
    found = {
        key[1]: {c["name"] for c in columns}
        for key, columns in inspector.get_multi_columns(
            filter_names=[t.name for t in metadata.sorted_tables]
        ).items()
    }
    return [
        (table, column)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name not in found.get(table.name, set())
    ]

"""The database as tables: one per table of the dictionary, and runs, tokens and events.

Every published row carries the number of its run, the `part` of the city it belongs to and its
place `n` in the file. A part is a district's code, CITY where a row is the organizers' alone, or
EVERYBODY where it is a word list that all may read.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from allocator.tables import CONTEXT, OUTPUTS, Column, Table

CITY, EVERYBODY = "", "*"
SERVED: Mapping[str, Table] = {**OUTPUTS, **CONTEXT}
"""Tables that a published run holds."""
WORDS = frozenset({"duties", "items", "kits"})
"""Tables that say nothing of a place or a person: all may read them."""
OWNERS = ("site", "destination", "place", "cadre", "district")
"""Columns that say whose a row is; the first one a table has decides."""

metadata = sa.MetaData()

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run", sa.Text, nullable=False, unique=True),
    sa.Column("published", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("head", sa.Text, nullable=False),
    sa.Column("events", sa.Integer, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)
"""One row per published run; `head` is plan.json and the settings its readers need, as JSON, `events`
the last event reported before it was published."""

current = sa.Table(
    "current",
    metadata,
    sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, sa.ForeignKey("runs.number"), nullable=False),
)
"""The run in force: one row, or none before the first is published."""

extents = sa.Table(
    "extents",
    metadata,
    sa.Column("number", sa.Integer, sa.ForeignKey("runs.number"), primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("part", sa.Text, primary_key=True),
    sa.Column("rows", sa.Integer, nullable=False),
)
"""How many rows each part has in each table of a run."""

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("district", sa.Text, nullable=True),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("created", sa.Text, nullable=False),
    sa.Column("revoked", sa.Text, nullable=True),
    sqlite_autoincrement=True,
)
"""Access: SHA-256 of the token, and its district (none: the organizers)."""

events = sa.Table(
    "events",
    metadata,
    sa.Column("event", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("part", sa.Text, nullable=False, index=True),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("reported", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.UniqueConstraint("owner", "key"),
    sqlite_autoincrement=True,
)
"""What districts reported: `owner` is who sent it, `part` whose place or person it is about."""

offers = sa.Table(
    "offers",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.number"), primary_key=True, autoincrement=False),
    sa.Column("site", sa.Text, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("part", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Candidates for the gaps of a run, best first; `part` is where the cadre is posted, `body` the row as JSON."""

offered = sa.Table(
    "offered",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("runs.number"), primary_key=True, autoincrement=False),
    sa.Column("site", sa.Text, primary_key=True),
    sqlite_with_rowid=False,
)
"""Sites whose candidates are worked out."""

_KINDS = {"int": sa.BigInteger, "number": sa.Double, "bool": sa.Boolean}


def _column(column: Column) -> sa.Column[object]:
    blank = {"int": "0", "number": "0", "bool": "false"}.get(column.kind, "")
    return sa.Column(column.name, _KINDS.get(column.kind, sa.Text)(), nullable=False, server_default=blank)


def _served(table: Table) -> sa.Table:
    return sa.Table(
        f"plan_{table.name}",
        metadata,
        sa.Column("run", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("part", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        *(_column(column) for column in table.columns),
        sqlite_with_rowid=False,
    )


published: Mapping[str, sa.Table] = {name: _served(table) for name, table in SERVED.items()}
"""The table of the database that holds each table of the dictionary."""


def owner(name: str) -> str | None:
    """Return the column that says whose a row of a table is; none: the organizers' or everybody's."""
    return next((c for c in OWNERS if c in SERVED[name].names), None) if name not in WORDS else None


def organizers_only(name: str) -> bool:
    """Tell whether no district has rows of its own in a table."""
    return name not in WORDS and owner(name) is None

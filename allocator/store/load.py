"""Rows of a run on their way into the database: from its CSV files, in bulk, as text.

The database gives the cells their types: the files were written from typed tables and verified.
"""

from __future__ import annotations

import csv
import gc
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from allocator.store.schema import CITY, EVERYBODY, SERVED, WORDS, owner, published
from allocator.tables import CONTEXT

Row = list[Any]
AT_ONCE = 32
"""Rows in one INSERT: a third faster than one by one."""
NULL = "\x01"
"""What stands for no value in COPY; no cell holds it, as none may be without a value."""


def rows(run: Path, name: str) -> tuple[list[str], list[Row]]:
    """Return the header of a table's file and its rows, as text."""
    path = run / "context" / f"{name}.csv" if name in CONTEXT else run / f"{name}.csv"
    with open(path, encoding="utf-8-sig", newline="") as lines:
        read = csv.reader(lines)
        return next(read), [row for row in read if row]


class Parts:
    """Whose a row is: the district of its site, depot or posting."""

    def __init__(self, run: Path):
        places = self._pairs(run, "depots", "depot", "district")
        places |= self._pairs(run, "sites", "site", "district")
        posted = self._pairs(run, "postings", "cadre", "site")
        self._places = places
        self._cadres = {cadre: places.get(site, CITY) for cadre, site in posted.items()}

    @staticmethod
    def _pairs(run: Path, name: str, key: str, value: str) -> dict[str, str]:
        header, found = rows(run, name)
        k, v = header.index(key), header.index(value)
        return {row[k]: row[v] for row in found}

    def of(self, name: str, header: Sequence[str], found: Sequence[Row]) -> list[str]:
        """Return the part of each row of a table."""
        column = owner(name)
        if column is None:
            return [EVERYBODY if name in WORDS else CITY] * len(found)
        k = header.index(column)
        if column == "district":
            return [row[k] for row in found]
        known: Mapping[str, str] = self._cadres if column == "cadre" else self._places
        return [known.get(row[k], CITY) for row in found]


def load(connection: sa.Connection, run: Path, number: int) -> dict[tuple[str, str], int]:
    """Copy every table of a run folder into the database; return the rows per table and part.

    `connection` is in the transaction that publishes the run.
    """
    counts: dict[tuple[str, str], int] = {}
    with _uncollected():
        parts = Parts(run)
        for name in SERVED:
            header, found = rows(run, name)
            shares: defaultdict[str, list[Row]] = defaultdict(list)
            for n, (part, row) in enumerate(zip(parts.of(name, header, found), found, strict=True)):
                shares[part].append([number, part, n, *row])
            for part in sorted(shares):
                _insert(connection, published[name], header, shares[part])
                counts[name, part] = len(shares[part])
    return counts


@contextmanager
def _uncollected() -> Iterator[None]:
    """A million fresh lists and no cycle among them: looking for cycles would take three times the work."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _insert(connection: sa.Connection, table: sa.Table, header: Sequence[str], ready: list[Row]) -> None:
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in ("run", "part", "n", *header))
    cursor: Any = connection.connection.cursor()
    if connection.dialect.name == "postgresql":
        buffer = io.StringIO(newline="")
        csv.writer(buffer, lineterminator="\n").writerows(ready)
        with cursor.copy(
            f"COPY {table.name} ({columns}) FROM STDIN WITH (FORMAT csv, NULL '{NULL}')"
        ) as copy:
            copy.write(buffer.getvalue())
    else:
        marks = f"({', '.join('?' * (3 + len(header)))})"
        into = f"INSERT INTO {table.name} ({columns}) VALUES "
        whole = len(ready) // AT_ONCE * AT_ONCE
        chunks = (list(chain.from_iterable(ready[k : k + AT_ONCE])) for k in range(0, whole, AT_ONCE))
        cursor.executemany(into + ", ".join([marks] * AT_ONCE), chunks)
        cursor.executemany(into + marks, ready[whole:])
    cursor.close()

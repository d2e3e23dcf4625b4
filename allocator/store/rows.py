"""Rows of a published run: filtered, page by page, and never more than the reader may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from allocator.store.engine import reading
from allocator.store.schema import EVERYBODY, SERVED, organizers_only, owner, published

ALIASES = {"site": ("site", "destination", "place")}
"""Filter -> the columns it may stand for; the first one a table has."""
SPAN = ("first_day", "last_day")
KINDS = ("id", "choice", "date")
"""Kinds of columns one can filter by, where they are part of a table's key."""


@dataclass(frozen=True)
class Place:
    """Where a page ends: the last row's part and number."""

    part: str
    n: int


@dataclass(frozen=True)
class Page:
    """Some rows of a table, in the dictionary's columns, and where the next page begins."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    end: Place | None
    """None: there are no more rows."""

    def records(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def filters(name: str) -> dict[str, str]:
    """Return filter -> column of a table: `district`, `site`, `day`, `cadre` and the columns of its key."""
    table = SERVED[name]
    found = {"district": "part"} if owner(name) is not None else {}
    for word, columns in ALIASES.items():
        if own := next((c for c in columns if c in table.names), None):
            found[word] = own
    keys = [c.name for c in table.columns if c.kind in KINDS and (c.name in table.key or c.name == "arrives")]
    for column in ("cadre", *keys):
        if column in table.names and column not in found and column not in found.values():
            found[column] = column
    if "day" not in table.names and SPAN[0] in table.names:
        found["day"] = SPAN[0]
    return found


class Rows:
    """The rows of a store's runs."""

    def __init__(self, engine: sa.Engine):
        self._engine = engine

    def page(
        self,
        number: int,
        name: str,
        district: str | None = None,
        given: Mapping[str, str] | None = None,
        after: Place | None = None,
        limit: int | None = None,
    ) -> Page:
        """Return rows of a table of run `number`, after a place, at most `limit`.

        Parameters
        ----------
        district
            Whose rows the reader may see; None: the organizers, who see all.
        given
            Filter of `filters(name)` -> value.
        """
        columns = SERVED[name].names
        query = self._query(number, name, district, given or {})
        table = published[name]
        if after is not None:
            beyond = sa.and_(table.c.part == after.part, table.c.n > after.n)
            query = query.where(sa.or_(table.c.part > after.part, beyond), table.c.part >= after.part)
        if limit is not None:
            query = query.limit(limit + 1)
        with reading(self._engine) as connection:
            found = connection.execute(query).all()
        more = limit is not None and len(found) > limit
        kept = found[:limit] if more else found
        end = Place(kept[-1][0], kept[-1][1]) if more else None
        return Page(columns, [tuple(row[2:]) for row in kept], end)

    def _query(
        self, number: int, name: str, district: str | None, given: Mapping[str, str]
    ) -> sa.Select[Any]:
        table = published[name]
        columns = [table.c[c] for c in SERVED[name].names]
        query = sa.select(table.c.part, table.c.n, *columns).where(table.c.run == number)
        if district is not None:
            query = query.where(table.c.part.in_([district, EVERYBODY]))
        known = filters(name)
        for word, value in given.items():
            query = query.where(_matches(table, known[word], word, value))
        if "district" not in given and (parts := self._parts(number, name, given)) is not None:
            query = query.where(table.c.part.in_([*parts, EVERYBODY]))
        return query.order_by(table.c.part, table.c.n)

    def _parts(self, number: int, name: str, given: Mapping[str, str]) -> list[str] | None:
        """The parts a site's or cadre's rows can lie in, so that no other part is read; None: any."""
        if organizers_only(name):
            return None
        if "site" in given:
            return [part for table in ("sites", "depots") for part in self.parts(number, table, given["site"])]
        return self.parts(number, "cadres", given["cadre"]) if "cadre" in given else None

    def parts(self, number: int, name: str, code: str) -> list[str]:
        """Return the part of the site, depot, cadre or district with a code: one, or none where there is no such."""
        table = published[name]
        key = table.c[SERVED[name].key[0]]
        query = sa.select(table.c.part).where(table.c.run == number, key == code)
        with reading(self._engine) as connection:
            return list(connection.scalars(query))


def _matches(table: sa.Table, column: str, word: str, value: str) -> sa.ColumnElement[bool]:
    if word == "day" and column == SPAN[0]:
        begun = table.c[SPAN[0]] <= value
        return sa.and_(begun, table.c[SPAN[1]] >= value) if SPAN[1] in table.c else begun
    return table.c[column] == value

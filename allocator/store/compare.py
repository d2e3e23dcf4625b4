"""Two published runs side by side: what they are worth, and the rows only one of them has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from allocator.store.schema import published
from allocator.tables import OUTPUTS

if TYPE_CHECKING:
    from allocator.store.runs import Run

VALUES = ("objective", "bound", "gap")


@dataclass(frozen=True)
class Comparison:
    """The first of each pair is the first run's."""

    values: Mapping[str, tuple[float | None, float | None]]
    """Objective, bound, gap and every term; None where a run has none."""
    rows: Mapping[str, tuple[int, int]]
    """Table -> rows that only the first, and only the second run has."""


def compare(connection: sa.Connection, a: Run, b: Run) -> Comparison:
    """Compare two runs of a store."""
    values: dict[str, tuple[Any, Any]] = {name: (a.head[name], b.head[name]) for name in VALUES}
    for name in a.head["terms"] | b.head["terms"]:
        values[name] = a.head["terms"].get(name), b.head["terms"].get(name)
    rows = {
        name: (_only(connection, name, a.number, b.number), _only(connection, name, b.number, a.number))
        for name in OUTPUTS
    }
    return Comparison(values, rows)


def _only(connection: sa.Connection, name: str, here: int, there: int) -> int:
    table = published[name]
    columns = [table.c[c] for c in OUTPUTS[name].names]
    one, other = (sa.select(*columns).where(table.c.run == number) for number in (here, there))
    return int(connection.scalar(sa.select(sa.func.count()).select_from(one.except_(other).subquery())) or 0)

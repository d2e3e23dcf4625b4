"""A scenario on its way in, and how a fault in a row of it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocator.document import Document, Parsed
from allocator.problems import Problems
from allocator.settings import Settings
from allocator.sheet import Sheet
from allocator.tables import INPUTS


@dataclass(frozen=True)
class Draft:
    """A scenario on its way in: settings and typed tables, with what is wrong in them."""

    parsed: Parsed
    document: Document
    sheets: dict[str, Sheet | None]
    """None: the table is there, or should be, and could not be read."""
    given: frozenset[str]

    @property
    def settings(self) -> Settings:
        return self.parsed.settings

    def sheet(self, name: str) -> Sheet:
        """Return a table; without rows where it could not be read."""
        found = self.sheets[name]
        if found is not None:
            return found
        empty: dict[str, list[Any]] = {c.name: [] for c in INPUTS[name].columns}
        return Sheet(INPUTS[name], name, pd.DataFrame(empty, dtype=object), np.zeros(0, np.int64))

    @property
    def starts(self) -> bool:
        """Tell whether the days on which postings can begin are known."""
        lost = (f"{e}.{key}" for e in self._entries("batch") for key in ("id", "start"))
        return self.parsed.horizon is not None and not self.parsed.bad.intersection({"batch", *lost})

    def _entries(self, array: str) -> list[str]:
        return [f"{array}[{n}]" for n in range(1, len(self.settings.labels(array)) + 1)]

    def readable(self, *names: str) -> bool:
        return all(self.sheets[n] is not None and not self.sheet(n).missing for n in names)

    def names(self, refers: str) -> set[str] | None:
        """Return the values a reference may take; None where that is not known."""
        if refers == "places":
            sites, depots = self.names("sites.site"), self.names("depots.depot")
            return None if sites is None or depots is None else sites | depots
        table, _, column = refers.partition(".")
        if table == "settings":
            labels = self.settings.labels(column)
            return None if column in self.parsed.bad or "" in labels else set(labels)
        if self.sheets[table] is None or column in self.sheet(table).missing:
            return None
        return set(self.sheet(table).values(column).tolist()) - {""}


def report(
    problems: Problems,
    sheet: Sheet,
    fault: str,
    column: str,
    where: np.ndarray,
    expected: str | Sequence[str],
    level: str = "error",
) -> None:
    """Report rows of a table (positions or a mask) with the value that stands in a column."""
    where = np.flatnonzero(where) if where.dtype == bool else where
    if len(where):
        values = sheet.values(column)[where].tolist()
        problems.add_rows(fault, sheet.file, column, sheet.rows[where], values, expected, level)

"""A table on its way in: rows of text -> typed columns, with the rows and cells that are wrong.

Columns are read by their distinct texts, so a column of 100,000 cells costs about as much
as its different values.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from allocator.cells import Fault, Horizon, reader
from allocator.problems import Problems, hints, nearest
from allocator.tables import Column, Table

DTYPES: dict[str, Any] = {"int": np.int64, "date": np.int64, "number": np.float64, "bool": np.bool_}


@dataclass(frozen=True)
class Raw:
    """One table as it stands in a file: stripped text, column by column."""

    file: str
    columns: dict[str, Sequence[str]]
    rows: np.ndarray
    """Row of each record as a spreadsheet counts it, the header being row 1."""
    ragged: np.ndarray
    """True where a record has too few or too many cells: reported already, its cells are not."""


@dataclass(frozen=True)
class Sheet:
    """One table, typed; where a cell is wrong it holds a stand-in and `bad` says so."""

    table: Table
    file: str
    frame: pd.DataFrame
    rows: np.ndarray
    bad: dict[str, np.ndarray] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    """Columns that are not there and should be."""

    def ok(self, *names: str) -> np.ndarray:
        """Rows whose cells in these columns can be judged."""
        sound = np.full(len(self.frame), not self.missing.intersection(names))
        for name in names:
            if name in self.bad:
                sound &= ~self.bad[name]
        return sound

    def values(self, name: str) -> np.ndarray:
        return self.frame[name].to_numpy(dtype=DTYPES.get(self.table.column(name).kind, object))


def raw(
    table: str, file: str, header: Sequence[str], records: Sequence[Sequence[str]], problems: Problems
) -> Raw | None:
    """Split records (all rows below the header, blank ones too) into columns; check the shape."""
    header = [name.strip() for name in header]
    while header and not header[-1]:
        header = header[:-1]
    if not header:
        problems.add("no_header", file, "column names in row 1", 1)
        return None
    if len(header) == 1 and (other := next((s for s in (";", "\t", "|", "，") if s in header[0]), "")):
        problems.add("separator", file, f"cells separated by commas, not by {other!r}", 1, None, header[0])
        return None
    width = len(header)
    kept = [(n, r) for n, r in enumerate(records, start=2) if any(map(str.strip, r))]
    lengths = np.fromiter((len(r) for _, r in kept), np.int64, len(kept))
    long = [k for k in np.flatnonzero(lengths > width) if any(c.strip() for c in kept[k][1][width:])]
    ragged = lengths < width
    ragged[long] = True
    rows = np.fromiter((n for n, _ in kept), np.int64, len(kept))
    _report_ragged(file, rows, kept, ragged, width, problems)
    even = [_fitted(r, width) if len(r) != width else r for _, r in kept]
    columns = [[c.strip() for c in column] for column in zip(*even, strict=True)] or [[] for _ in header]
    return Raw(file, _named(file, header, columns, problems), rows, ragged)


def _fitted(record: Sequence[str], width: int) -> Sequence[str]:
    return [*record[:width], *[""] * (width - len(record))]


def _report_ragged(
    file: str, rows: np.ndarray, kept: Sequence[Any], ragged: np.ndarray, width: int, problems: Problems
) -> None:
    where = np.flatnonzero(ragged)
    counts = [len(kept[k][1]) for k in where.tolist()]
    expected = [f"{width} cells as in the header, not {c}; quote a text that holds a comma" for c in counts]
    problems.add_rows(
        "ragged_row", file, None, rows[where], [",".join(kept[k][1]) for k in where.tolist()], expected
    )


def _named(
    file: str, header: Sequence[str], columns: Sequence[Sequence[str]], problems: Problems
) -> dict[str, Sequence[str]]:
    named: dict[str, Sequence[str]] = {}
    for n, (name, cells) in enumerate(zip(header, columns, strict=True), start=1):
        if not name and any(cells):
            problems.add("unnamed_column", file, f"a name for column {n}, which has cells", 1)
        elif name in named:
            problems.add("duplicate_column", file, "each column once", 1, name, name)
        elif name:
            named[name] = cells
    return named


def typed(raw: Raw, table: Table, horizon: Horizon | None, problems: Problems) -> Sheet:
    """Read every column of the dictionary; unknown and missing ones are problems."""
    names = table.names
    for name in raw.columns:
        if name not in names:
            problems.add("unknown_column", raw.file, f"a known column; {nearest(name, names)}", 1, name, name)
    bad: dict[str, np.ndarray] = {}
    data: dict[str, Any] = {}
    missing = set()
    for column in table.columns:
        if column.name not in raw.columns and column.required:
            missing.add(column.name)
            expected = f"a column '{column.name}': {column.meaning}"
            problems.add("missing_column", raw.file, expected, 1, column.name)
        data[column.name], bad[column.name] = _column(raw, column, horizon, problems)
    if not table.optional and not len(raw.rows):
        problems.add("empty_table", raw.file, f"at least one row: {table.meaning}")
    return Sheet(table, raw.file, pd.DataFrame(data), raw.rows, bad, frozenset(missing))


def _column(
    raw: Raw, column: Column, horizon: Horizon | None, problems: Problems
) -> tuple[pd.Series, np.ndarray]:
    cells = raw.columns.get(column.name)
    stand_in = default(column, horizon)
    if cells is None:
        return series(column, [stand_in] * len(raw.rows)), raw.ragged.copy()
    read = _blank_aware(column, reader(column, horizon), stand_in)
    values = {cell: read(cell) for cell in set(cells)}
    faults = {cell: v for cell, v in values.items() if isinstance(v, Fault)}
    if not faults:
        return series(column, [values[cell] for cell in cells]), raw.ragged.copy()
    wrong = np.fromiter((cell in faults for cell in cells), bool, len(cells))
    _report_cells(raw, column, faults, wrong & ~raw.ragged, problems)
    values |= dict.fromkeys(faults, stand_in)
    return series(column, [values[cell] for cell in cells]), wrong | raw.ragged


def _report_cells(
    raw: Raw, column: Column, faults: dict[str, Fault], wrong: np.ndarray, problems: Problems
) -> None:
    cells = raw.columns[column.name]
    by_fault: dict[str, list[int]] = {}
    for k in np.flatnonzero(wrong).tolist():
        by_fault.setdefault(faults[cells[k]].name, []).append(k)
    for name, where in by_fault.items():
        texts = [cells[k] for k in where]
        expected = [faults[t].expected for t in texts]
        if column.choices and name == "unknown_choice":
            expected = [e + hint for e, hint in zip(expected, hints(texts, column.choices), strict=False)]
        problems.add_rows(name, raw.file, column.name, raw.rows[where], texts, expected)


def _blank_aware(column: Column, read: Callable[[str], Any], stand_in: Any) -> Callable[[str], Any]:
    def cell(text: str) -> Any:
        if text:
            return read(text)
        return Fault("blank", f"{column.meaning}, not a blank cell") if column.required else stand_in

    return cell


def default(column: Column, horizon: Horizon | None) -> Any:
    """Return what a blank cell of an optional column means (a stand-in for a required one)."""
    if column.kind == "date" and column.default is None:
        last = column.name == "last_day" and horizon is not None and not column.required
        return horizon.days - 1 if last and horizon else 0
    if column.default is not None:
        return column.default
    return {"int": 0, "number": 0.0, "date": 0, "bool": False}.get(column.kind, "")


def series(column: Column, values: Sequence[Any]) -> pd.Series:
    dtype = DTYPES.get(column.kind)
    if dtype is None:
        return pd.Series(np.array(values, dtype=object), dtype="str")
    return pd.Series(np.array(values, dtype=dtype))


def absent(table: Table, file: str) -> Sheet:
    """Return the sheet of an optional table that is not there: no rows."""
    data = {c.name: series(c, []) for c in table.columns}
    return Sheet(table, file, pd.DataFrame(data), np.zeros(0, np.int64))


def text(frame: pd.DataFrame, table: Table, horizon: Horizon) -> dict[str, list[str]]:
    """Turn a typed table back into the text of its cells, column by column."""
    return {c.name: _texts(frame[c.name], c, horizon) for c in table.columns if c.name in frame}


def _texts(cells: pd.Series, column: Column, horizon: Horizon) -> list[str]:
    values = cells.tolist()
    known = {v: _text(v, column, horizon) for v in set(values)}
    return [known[v] for v in values]


def _text(value: Any, column: Column, horizon: Horizon) -> str:
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return "" if column.kind not in ("int", "number") or not column.required else "nan"
    if column.kind == "date":
        return _date_text(value, column, horizon)
    if column.kind == "bool" and value in (0, 1):
        return "true" if value else "false"
    if isinstance(value, float):
        if not column.required and value == column.default == math.inf:
            return ""
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))
    return str(value)


def _date_text(value: Any, column: Column, horizon: Horizon) -> str:
    if isinstance(value, pd.Timestamp | dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
    if isinstance(value, int | float | np.integer) and not isinstance(value, bool):
        if not column.required and value == default(column, horizon):
            return ""
        # far beyond any calendar, or half a day: shown as it is, and refused when it is read
        whole = float(value).is_integer() and -50_000 < float(value) < 50_000
        return horizon.date(int(value)).isoformat() if whole else str(value)
    return str(value)

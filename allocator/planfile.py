"""The files of a plan folder: text of a table, table of a text, and what is wrong with either."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allocator.certificate import Certificate, Status
from allocator.errors import Problem
from allocator.tables import Column, Table

_DECIMALS = {"minutes": 3}
_OTHER_DECIMALS = 6
_DTYPES = {"int": "int64", "date": "int64", "number": "float64"}


def as_text(table: Table, frame: pd.DataFrame, start: date) -> pd.DataFrame:
    """The table as it stands in the file: ISO dates, numbers rounded to what is meant."""
    columns = {}
    for column in table.columns:
        if column.sparse and not (column.name in frame and (frame[column.name] != column.default).any()):
            continue
        if column.name not in frame and not column.required:
            values = pd.Series([column.default] * len(frame), index=frame.index, dtype=object)
        else:
            values = frame[column.name]
        if column.kind == "date":
            values = _by_label(values, lambda day: (start + timedelta(days=int(day))).isoformat())
        elif column.name in _DECIMALS:
            values = values.map(f"{{:.{_DECIMALS[column.name]}f}}".format)
        elif column.kind == "number":
            values = values.map(_plain)
        columns[column.name] = values
    return pd.DataFrame(columns)


def _by_label(values: pd.Series, text: Callable[[Any], Any]) -> pd.Series:
    codes, labels = pd.factorize(values)
    return pd.Series(np.array([text(v) for v in labels], dtype=object)[codes], dtype="str")


def _plain(value: float) -> str:
    """A number without exponent and without trailing zeros."""
    text = f"{value:.{_OTHER_DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def read_table(path: Path, table: Table, start: date) -> tuple[pd.DataFrame, list[Problem]]:
    """One CSV as typed table; with problems, the table returned is of no use."""
    if table.optional and not path.exists():
        # a plan of a version that did not write it
        return _parsed_frame(path.name, table, pd.DataFrame(columns=list(table.names), dtype=str), start)
    frame, problems = _read_csv(path, table)
    if frame is None:
        return pd.DataFrame(columns=list(table.names)), problems
    return _parsed_frame(path.name, table, frame, start)


def _parsed_frame(
    file: str, table: Table, frame: pd.DataFrame, start: date
) -> tuple[pd.DataFrame, list[Problem]]:
    columns, problems = {}, []
    for column in table.columns:
        if column.name not in frame:
            # a plan of a version that did not write it
            columns[column.name] = pd.Series([column.default] * len(frame), dtype=object).astype("str")
            continue
        columns[column.name], found = _parsed(file, column, frame[column.name], start)
        problems += found
    return pd.DataFrame(columns), problems


def _read_csv(path: Path, table: Table) -> tuple[pd.DataFrame | None, list[Problem]]:
    """All cells as text, indexed by spreadsheet row, or every reason why that failed."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        return None, [
            Problem(path.name, None, None, "", "a file of every plan; it is missing", "missing_file")
        ]
    except OSError as error:
        return None, [Problem(path.name, None, None, "", f"a readable file: {error.strerror}", "unreadable")]
    except UnicodeDecodeError as error:
        return None, [
            Problem(path.name, None, None, repr(error.object[error.start : error.end]), "UTF-8", "encoding")
        ]
    even = _even(content)
    problems = _shape_problems(path.name, text[: text.find("\n")] if even else text, table)
    if problems:
        return None, problems
    frame = pd.read_csv(
        io.StringIO(text),
        dtype=str,
        keep_default_na=False,
        na_filter=False,
        skip_blank_lines=False,
        engine="c",
    )
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    return frame if even else frame[(frame != "").any(axis=1)], []


def _even(content: bytes) -> bool:
    """Has the text no quotes, and every row as many cells as the first, not all of them blank?

    Looked at as bytes, as a plan of a city has a million rows; what is not so plain is read row by row.
    """
    if b'"' in content or b"\r" in content or not content.endswith(b"\n"):
        return False
    letters = np.frombuffer(content, np.uint8)
    ends, commas = np.flatnonzero(letters == ord("\n")), np.flatnonzero(letters == ord(","))
    between, odd = divmod(len(commas), len(ends))
    starts = np.append(0, ends[:-1] + 1)
    if odd or not (ends - starts > between).all():
        return False
    rows = commas.reshape(len(ends), between)
    return not between or bool((rows[:, 0] >= starts).all() and (rows[:, -1] < ends).all())


def _shape_problems(file: str, text: str, table: Table) -> list[Problem]:
    """Wrong header, or rows with too many or too few cells."""
    lines = csv.reader(io.StringIO(text), strict=True)
    row = 1
    try:
        header = next(lines, [])
        problems = _header_problems(file, header, table)
        width = len(header)
        expected = f"{width} cells as in the header"
        for row, cells in enumerate(lines, start=2):
            if len(cells) != width and cells:
                problems.append(Problem(file, row, None, f"{len(cells)} cells", expected, "ragged_row"))
    except csv.Error as error:
        return [Problem(file, row + 1, None, "", f"readable CSV: {error}", "broken_csv")]
    return problems


def _header_problems(file: str, header: list[str], table: Table) -> list[Problem]:
    known = f"one of {', '.join(table.names)}"
    unknown = [
        Problem(file, 1, name, name, known, "unknown_column") for name in header if name not in table.names
    ]
    twice = {name for name in header if header.count(name) > 1 and name in table.names}
    missing = [column.name for column in table.columns if column.required and column.name not in header]
    return [
        *unknown,
        *(Problem(file, 1, name, name, "each column once", "duplicate_column") for name in sorted(twice)),
        *(Problem(file, 1, name, "", "this column; it is missing", "missing_column") for name in missing),
    ]


def _parsed(file: str, column: Column, cells: pd.Series, start: date) -> tuple[pd.Series, list[Problem]]:
    """The column's values; each distinct text is parsed once."""
    codes, labels = pd.factorize(cells)
    values: list[Any] = []
    faults: dict[int, tuple[str, str]] = {}
    for code, label in enumerate(labels):
        try:
            values.append(_value(column, label.strip(), start))
        except _Fault as fault:
            values.append(_value_of_none(column))
            faults[code] = fault.args
    problems = []
    for position in np.flatnonzero(np.isin(codes, list(faults))) if faults else ():
        expected, kind = faults[int(codes[position])]
        row = int(cells.index.to_numpy()[position])
        problems.append(Problem(file, row, column.name, cells.iloc[position], expected, kind))
    few = pd.Series(values, dtype=_DTYPES.get(column.kind, "str"))
    return few.take(codes).reset_index(drop=True), problems


class _Fault(Exception):
    """(what is expected, kind of fault) of one cell."""


def _value_of_none(column: Column) -> Any:
    return 0 if column.kind in _DTYPES else ""


def _value(column: Column, text: str, start: date) -> Any:
    if column.kind == "text":
        return text
    if not text and column.sparse:
        return text
    if not text:
        raise _Fault(f"a value: {column.meaning}", "blank")
    if column.kind == "date":
        return _day(text, start)
    if column.kind in ("int", "number"):
        return _number(column, text)
    if column.choices and text not in column.choices:
        raise _Fault(f"one of {', '.join(column.choices)}", "choice")
    return text


def _day(text: str, start: date) -> int:
    try:
        return (date.fromisoformat(text) - start).days
    except ValueError:
        raise _Fault("a date such as 2020-02-03", "type") from None


def _number(column: Column, text: str) -> int | float:
    whole = column.kind == "int"
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text or abs(value) > 1e15:
        raise _Fault("a whole number" if whole else "a number", "type")
    if whole and value != int(value):
        raise _Fault("a whole number", "type")
    if column.low is not None and value < column.low:
        raise _Fault(f"at least {column.low:g}", "range")
    return int(value) if whole else value


_HEAD: dict[str, tuple[type | tuple[type, ...], str]] = {
    "scenario": (str, "text"),
    "fingerprint": (str, "text"),
    "versions": (dict, "an object"),
    "limits": (dict, "an object"),
    "objective": ((int, float, type(None)), "a number or null"),
    "bound": ((int, float, type(None)), "a number or null"),
    "gap": ((int, float, type(None)), "a number or null"),
    "terms": (dict, "an object of numbers"),
    "kpis": (dict, "an object"),
    "certificates": (list, "a list"),
}
_CERTIFICATE: dict[str, tuple[type | tuple[type, ...], str]] = {
    "stage": (str, "text"),
    "status": (str, f"one of {', '.join(Status)}"),
    "objective": ((int, float, type(None)), "a number or null"),
    "bound": ((int, float, type(None)), "a number or null"),
    "seconds": ((int, float), "a number"),
    "solver": (str, "text"),
}


def read_head(path: Path) -> tuple[dict[str, Any] | None, list[Problem]]:
    """`plan.json` as keyword arguments of `Plan` (and `gap`), or None and what is wrong with it."""
    try:
        head = json.loads(path.read_bytes().decode("utf-8-sig"), parse_constant=_no_constant)
    except FileNotFoundError:
        return None, [
            Problem(path.name, None, None, "", "a file of every plan; it is missing", "missing_file")
        ]
    except OSError as error:
        return None, [Problem(path.name, None, None, "", f"a readable file: {error.strerror}", "unreadable")]
    except UnicodeDecodeError:
        return None, [Problem(path.name, None, None, "", "UTF-8", "encoding")]
    except (ValueError, RecursionError) as error:
        row = error.lineno if isinstance(error, json.JSONDecodeError) else None
        return None, [Problem(path.name, row, None, "", f"JSON: {error}", "broken_json")]
    if not isinstance(head, dict):
        return None, [Problem(path.name, None, None, "", "a JSON object", "type")]
    problems = _key_problems(path.name, "", head, _HEAD)
    if problems:
        return None, problems
    problems = _item_problems(path.name, head)
    if problems:
        return None, problems
    head["certificates"] = tuple(
        Certificate(**{**record, "status": Status(record["status"])}) for record in head["certificates"]
    )
    return head, []


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _key_problems(
    file: str, prefix: str, found: dict[str, Any], keys: dict[str, tuple[type | tuple[type, ...], str]]
) -> list[Problem]:
    problems = []
    for name in found.keys() - keys.keys():
        problems.append(Problem(file, None, prefix + name, "", f"one of {', '.join(keys)}", "unknown_key"))
    for name, (kinds, expected) in keys.items():
        if name not in found:
            problems.append(
                Problem(file, None, prefix + name, "", f"{expected}; it is missing", "missing_key")
            )
        elif not isinstance(found[name], kinds) or isinstance(found[name], bool) or _infinite(found[name]):
            problems.append(Problem(file, None, prefix + name, str(found[name])[:40], expected, "type"))
    return sorted(problems, key=lambda p: str(p.column))


def _infinite(value: Any) -> bool:
    return isinstance(value, int | float) and not abs(value) <= 1e300


def _item_problems(file: str, head: dict[str, Any]) -> list[Problem]:
    """Faults inside `terms` and `certificates`."""
    problems = []
    for name, value in head["terms"].items():
        if isinstance(value, bool) or not isinstance(value, int | float) or _infinite(value):
            problems.append(Problem(file, None, f"terms.{name}", str(value)[:40], "a number", "type"))
    for number, record in enumerate(head["certificates"], start=1):
        prefix = f"certificates[{number}]."
        if not isinstance(record, dict):
            problems.append(Problem(file, None, prefix[:-1], str(record)[:40], "an object", "type"))
            continue
        problems += _key_problems(file, prefix, record, _CERTIFICATE)
        status = record.get("status")
        if isinstance(status, str) and status not in list(Status):
            problems.append(
                Problem(file, None, prefix + "status", status, _CERTIFICATE["status"][1], "choice")
            )
    return problems


def certificate_record(certificate: Certificate) -> dict[str, Any]:
    """One certificate as it stands in `plan.json`."""
    return {name: getattr(certificate, name) for name in _CERTIFICATE}

"""One .xlsx workbook as a scenario: reads its sheets, writes them whole or not at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from allocator.document import Document
from allocator.files import replace_file
from allocator.problems import Problems, nearest
from allocator.sheet import Raw, raw
from allocator.tables import INPUTS, SETTINGS

SETTINGS_SHEET = "scenario"
SHEETS = {"shifts": "shift", "batches": "batch", "cases": "case"}
"""Sheet -> the array of settings it holds."""


def workbook(path: Path, problems: Problems) -> tuple[Document | None, dict[str, Raw | None]]:
    """Read a scenario workbook; a table that cannot be read is None."""
    label = {name: f"{path.name}:{name}" for name in (SETTINGS_SHEET, *SHEETS, *INPUTS)}
    for file in (path.name, *label.values()):
        problems.announce(file)
    cells = _cells(path, problems)
    if cells is None:
        return None, dict.fromkeys(INPUTS)
    for name in sorted(cells.keys() - label.keys()):
        if cells[name]:
            known = f"a sheet of the data dictionary; {nearest(name, label)}"
            problems.add("unknown_table", f"{path.name}:{name}", known)
    sheets: dict[str, Raw | None] = {}
    for name, table in INPUTS.items():
        if name in cells:
            sheets[name] = _sheet(label[name], name, cells[name], problems)
        elif not table.optional:
            problems.add(
                "missing_table", label[name], f"this sheet: {table.meaning} ({', '.join(table.names)})"
            )
            sheets[name] = None
    return _document(path, cells, label, problems), sheets


def _cells(path: Path, problems: Problems) -> dict[str, list[list[str]]] | None:
    """Read all cells as text."""
    import python_calamine

    try:
        with python_calamine.CalamineWorkbook.from_path(str(path)) as book:
            return {name: _texts(book.get_sheet_by_name(name)) for name in book.sheet_names}
    except IsADirectoryError:
        problems.add("unreadable", path.name, "a file, not a folder")
    except OSError as error:
        problems.add("unreadable", path.name, f"a file that can be read ({error.strerror or error})")
    except BaseException as error:
        # a damaged workbook may panic in calamine, which is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        problems.add("bad_workbook", path.name, f"an .xlsx workbook without a password ({error})")
    return None


def _texts(sheet: Any) -> list[list[str]]:
    return [[_text(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        return str(int(cell)) if float(cell).is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ")
    if isinstance(cell, dt.timedelta):
        return str(cell)
    return cell.isoformat()


def _sheet(file: str, name: str, cells: list[list[str]], problems: Problems) -> Raw | None:
    if not cells:
        problems.add("empty_file", file, "a sheet with content; it is empty")
        return None
    return raw(name, file, cells[0], cells[1:], problems)


def _document(
    path: Path, cells: Mapping[str, list[list[str]]], label: Mapping[str, str], problems: Problems
) -> Document | None:
    file = label[SETTINGS_SHEET]
    if SETTINGS_SHEET not in cells:
        problems.add("missing_table", file, "this sheet, with columns key and value: name, start, days ...")
        return None
    scalars: dict[str, Any] = {}
    places: dict[str, tuple[str, int | None, str]] = {}
    settings = list(_rows(file, SETTINGS_SHEET, ("key", "value"), cells[SETTINGS_SHEET], problems))
    if not settings or settings[0][1].keys() != {"key", "value"}:
        problems.add("missing_column", file, "columns key and value, and a row for each setting", 1)
        return None
    for row, given in settings:
        key = given.get("key", "")
        if key in scalars:
            problems.add("duplicate_key", file, "each key once", row, key, given.get("value", ""))
        else:
            scalars[key], places[key] = given.get("value", ""), (file, row, key)
    arrays: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for name, array in SHEETS.items():
        keys = [k for k in SETTINGS if k.section == array]
        entries = list(_rows(label[name], name, [k.name for k in keys], cells.get(name, []), problems))
        arrays[array] = tuple(entry for _, entry in entries)
        places[array] = (label[name], None, "id")
        for n, (row, _) in enumerate(entries, start=1):
            places |= {f"{array}[{n}].{k.name}": (label[name], row, k.name) for k in keys}
    return Document(file, scalars, arrays, places, loose=True)


def _rows(
    file: str, name: str, columns: Sequence[str], cells: list[list[str]], problems: Problems
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield spreadsheet row and cells by column name of a sheet that holds settings."""
    sheet = raw(name, file, cells[0], cells[1:], problems) if cells else None
    if sheet is None:
        return
    for column in sorted(sheet.columns.keys() - set(columns)):
        problems.add("unknown_column", file, f"a known column; {nearest(column, columns)}", 1, column, column)
    for k, row in enumerate(sheet.rows):
        yield int(row), {c: sheet.columns[c][k] for c in columns if c in sheet.columns}


def write_workbook(
    path: Path, document: Document, tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[str]]]]
) -> None:
    """Write settings and tables as the sheets of one workbook."""
    replace_file(path, lambda fresh: _fill(fresh, document, tables))


def _fill(
    path: Path, document: Document, tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[str]]]]
) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"strings_to_numbers": False, "constant_memory": False})
    settings = [(key, value) for key, value in document.scalars.items()]
    _write(book, SETTINGS_SHEET, ("key", "value"), settings)
    for sheet, array in SHEETS.items():
        entries = document.arrays.get(array, ())
        keys = [k.name for k in SETTINGS if k.section == array]
        if entries:
            _write(book, sheet, keys, [[entry[k] for k in keys] for entry in entries])
    for name, (header, rows) in tables.items():
        numeric = {c.name for c in INPUTS[name].columns if c.kind in ("int", "number")}
        typed = [
            [float(v) if h in numeric and v else v for h, v in zip(header, r, strict=True)] for r in rows
        ]
        _write(book, name, header, typed)
    book.set_properties({"created": dt.datetime(2020, 1, 1)})
    book.close()


def _write(book: Any, name: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True})
    for column, title in enumerate(header):
        sheet.write_string(0, column, title, bold)
    for n, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if isinstance(value, bool):
                sheet.write_boolean(n, column, value)
            elif isinstance(value, int | float) and float(f"{value:.16G}") == value:
                sheet.write_number(n, column, value)
            elif isinstance(value, int | float):
                # the file format keeps 16 digits; text keeps them all, and is read as a number
                sheet.write_string(n, column, repr(value))
            elif value != "":
                sheet.write_string(n, column, value if isinstance(value, str) else value.isoformat())
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(header) - 1, 14)

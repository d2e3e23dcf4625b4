"""Scenario files: reads a folder of scenario.toml and CSV files, and writes one whole or not at all.

Bytes are judged before they are text: whatever they are, the answer is tables and problems,
never an exception of a lower layer.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from allocator.document import Document, flatten
from allocator.errors import InputError, Problem
from allocator.problems import Problems, nearest
from allocator.settings import ARRAYS
from allocator.sheet import Raw, raw
from allocator.tables import INPUTS, SETTINGS

SETTINGS_FILE = "scenario.toml"
TABLE_LIKE = (".csv", ".tsv", ".xlsx", ".xls", ".toml", ".ods")
"""Endings of files that someone may take for a part of the scenario."""
SAVE_AS = "save it as 'CSV UTF-8'"


def folder(path: Path, problems: Problems) -> tuple[Document | None, dict[str, Raw | None]]:
    """Read a scenario folder; a table that cannot be read is None."""
    problems.announce(SETTINGS_FILE)
    for name in INPUTS:
        problems.announce(f"{name}.csv")
    _strangers(path, problems)
    document = settings(path / SETTINGS_FILE, problems)
    sheets: dict[str, Raw | None] = {}
    for name, table in INPUTS.items():
        file = path / f"{name}.csv"
        if os.path.lexists(file):
            sheets[name] = read_csv(file, name, problems)
        elif not table.optional:
            problems.add("missing_table", file.name, f"this file: {table.meaning} ({', '.join(table.names)})")
            sheets[name] = None
    return document, sheets


def _strangers(path: Path, problems: Problems) -> None:
    known = {SETTINGS_FILE, *(f"{name}.csv" for name in INPUTS)}
    for entry in sorted(os.scandir(path), key=lambda e: e.name):
        name = entry.name
        if name in known or name.startswith((".", "~$")) or not name.lower().endswith(TABLE_LIKE):
            continue
        if name.lower().endswith(".csv") or entry.is_file():
            problems.add(
                "unknown_table", name, f"a table of the data dictionary; {nearest(name, sorted(known))}"
            )


def content(file: Path, name: str, problems: Problems) -> str | None:
    """Read a file as text; encodings other than UTF-8 are problems, the rest is read on."""
    try:
        data = file.read_bytes()
    except IsADirectoryError:
        problems.add("unreadable", name, "a file, not a folder")
        return None
    except OSError as error:
        problems.add("unreadable", name, f"a file that can be read ({error.strerror})")
        return None
    if not data.strip():
        problems.add("empty_file", name, "a file with content; it is empty")
        return None
    return _decoded(data, name, problems)


def _decoded(data: bytes, name: str, problems: Problems) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.add("encoding", name, f"UTF-8, not UTF-16; {SAVE_AS}")
        return data.decode("utf-16", "replace").replace("\ufffd", "?")
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        problems.add("encoding", name, f"text; this is a workbook with another name: open it and {SAVE_AS}")
        return None
    if b"\0" in data:
        row = data.count(b"\n", 0, data.index(b"\0")) + 1
        if data.count(b"\0") > len(data) // 4:
            problems.add("encoding", name, f"UTF-8, not UTF-16 or binary data; {SAVE_AS}")
            return None
        problems.add("null_byte", name, "text without null bytes; the file is damaged", row)
        data = data.replace(b"\0", b"")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _patched(data.removeprefix(b"\xef\xbb\xbf"), name, problems)


def _patched(data: bytes, name: str, problems: Problems) -> str:
    """Read line by line what is not UTF-8, and say which lines."""
    lines, wrong, utf8, gbk = [], [], 0, 0
    for n, line in enumerate(data.splitlines(keepends=True), start=1):
        try:
            lines.append(line.decode("utf-8"))
            utf8 += not line.isascii()
            continue
        except UnicodeDecodeError:
            wrong.append(n)
        try:
            lines.append(line.decode("gb18030"))
            gbk += 1
        except UnicodeDecodeError:
            lines.append(line.decode("utf-8", "replace").replace("\ufffd", "?"))
    what = "GBK" if gbk == len(wrong) else "another encoding"
    if utf8:
        expected = (
            f"UTF-8 throughout; this row is in {what}, other rows are UTF-8: retype it, or mend the export"
        )
        problems.add_rows("encoding", name, None, wrong, [""] * len(wrong), expected)
    else:
        problems.add("encoding", name, f"UTF-8; the file seems to be in {what}: {SAVE_AS}", wrong[0])
    return "".join(lines)


def settings(file: Path, problems: Problems) -> Document | None:
    if not os.path.lexists(file):
        problems.add(
            "missing_table", file.name, "this file: name, start, days, [[shift]], [[batch]], [rules] ..."
        )
        return None
    text = content(file, file.name, problems)
    if text is None:
        return None
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        problems.add("bad_toml", file.name, f"valid TOML; {error}")
        return None
    return flatten(file.name, tree, problems)


def read_csv(file: Path, table: str, problems: Problems) -> Raw | None:
    """Read one CSV file; None where there are no rows to look at."""
    text = content(file, file.name, problems)
    if text is None:
        return None
    records: list[list[str]] = []
    try:
        records.extend(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        row = len(records) + 1
        problems.add(
            "bad_csv", file.name, f"cells quoted as in CSV; {error}: look for an unpaired quote", row
        )
        return None
    if not records[0] or not any(c.strip() for c in records[0]):
        problems.add("no_header", file.name, "column names in row 1", 1)
        return None
    return raw(table, file.name, records[0], records[1:], problems)


def write_folder(
    path: Path, document: Document, tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[str]]]]
) -> None:
    """Write settings and tables as a folder; README.md and subfolders there are kept."""
    if path.is_dir() and any(path.iterdir()) and not (path / SETTINGS_FILE).exists():
        raise refused(path, "a new folder or a scenario to replace; this folder holds something else")
    if os.path.lexists(path) and not path.is_dir():
        raise refused(path, "a folder; there is a file of this name")

    def fill(fresh: Path) -> None:
        if path.is_dir():
            _keep(path, fresh)
        (fresh / SETTINGS_FILE).write_text(toml(document), encoding="utf-8", newline="\n")
        for name, (header, rows) in tables.items():
            with open(fresh / f"{name}.csv", "w", encoding="utf-8", newline="") as out:
                csv.writer(out, lineterminator="\n").writerows([header, *rows])

    replace_folder(path, fill)


def _keep(old: Path, fresh: Path) -> None:
    """Carry over what is the author's own."""
    replaced = {SETTINGS_FILE, *(f"{name}.csv" for name in INPUTS)}
    for entry in old.iterdir():
        if entry.name in replaced:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.copytree(entry, fresh / entry.name, symlinks=True)
        else:
            shutil.copy2(entry, fresh / entry.name, follow_symlinks=False)


def replace_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Fill a new folder beside the old one, then let it take its place."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        fresh, old = work / "new", work / "old"
        fresh.mkdir()
        fill(fresh)
        if path.exists():
            path.rename(old)
        try:
            fresh.rename(path)
        except OSError:
            with suppress(OSError):
                old.rename(path)
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def replace_file(path: Path, fill: Callable[[Path], None]) -> None:
    """Write a file beside the old one, then let it take its place."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        fresh = work / path.name
        fill(fresh)
        os.replace(fresh, path)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def refused(path: Path, expected: str, fault: str = "not_a_scenario") -> InputError:
    return InputError([Problem(str(path), None, None, "", expected, fault)])


def toml(document: Document) -> str:
    """Write settings as TOML, in the order of the data dictionary."""
    lines: list[str] = []
    section = ""
    for key in SETTINGS:
        if key.section in ARRAYS:
            continue
        if key.section != section:
            lines += _arrays(document) if not section else []
            lines += ["", f"[{key.section}]"]
            section = key.section
        if key.path in document.scalars:
            lines.append(f"{key.name} = {_toml(document.scalars[key.path])}")
    return "\n".join(lines) + "\n"


def _arrays(document: Document) -> list[str]:
    lines = []
    for name in ARRAYS:
        for entry in document.arrays.get(name, ()):
            lines += ["", f"[[{name}]]", *(f"{key} = {_toml(value)}" for key, value in entry.items())]
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON escapes are TOML escapes, save for DEL, which no checked text holds
        return json.dumps(value, ensure_ascii=False)
    return repr(value) if isinstance(value, int | float) else value.isoformat()

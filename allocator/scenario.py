"""Scenario: settings and tables of one question; reads, writes and changes it.

scenario = read("scenarios/small")
cheaper = scenario.change({"weights.travel": 0.01, "batch.b2.size": 20, "stock": frame})
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allocator import files, sheet
from allocator.check import check
from allocator.document import Document, Parsed, document, parse
from allocator.draft import Draft
from allocator.errors import InputError, Problem
from allocator.problems import Problems, nearest
from allocator.settings import Batch, Case, Rules, Settings, Shift, Supply, Travel, Weights
from allocator.sheet import Raw, Sheet
from allocator.tables import INPUTS, SETTINGS

__all__ = [
    "Batch",
    "Case",
    "Rules",
    "Scenario",
    "Settings",
    "Shift",
    "Supply",
    "Travel",
    "Weights",
    "apply_settings",
    "read",
    "write",
]


@dataclass(frozen=True)
class Scenario:
    """One question: settings, and every table of the data dictionary with every column.

    Days are whole numbers, 0 = `settings.start`. Treat the tables as read-only.
    """

    settings: Settings
    tables: Mapping[str, pd.DataFrame]
    given: frozenset[str]
    """Tables that are really there; an absent optional table has no rows."""
    warnings: tuple[Problem, ...] = ()

    def table(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    def day(self, iso: str | dt.date) -> int:
        """Return the day of an ISO date, 0 = first day; may lie outside the horizon."""
        date = dt.date.fromisoformat(iso) if isinstance(iso, str) else iso
        return self.settings.horizon.day(date)

    def date(self, day: int) -> dt.date:
        return self.settings.horizon.date(day)

    def change(self, changes: Mapping[str, Any] | None = None, /, **tables: Any) -> Scenario:
        """Return the scenario with other settings or tables, checked anew.

        Parameters
        ----------
        changes
            `"weights.travel"`, `"rules.max_travel"`, `"supply.budget"`, `"days"`: key of
            scenario.toml -> value; `"batch.b1.size"`: field of the entry with that id -> value;
            name of a table -> DataFrame (days as whole numbers or ISO dates) or None to drop
            an optional one.

        Raises
        ------
        InputError
            With every problem of the changes and of the scenario they make.
        """
        from allocator.change import changed

        return changed(self, {**(changes or {}), **tables})

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what the scenario says, whatever the files look like."""
        digest = hashlib.sha256()
        doc = document(self.settings)
        scalars = {k: v.isoformat() if isinstance(v, dt.date) else v for k, v in doc.scalars.items()}
        arrays = {name: [{**e} for e in entries] for name, entries in doc.arrays.items()}
        digest.update(json.dumps([scalars, arrays], sort_keys=True, default=str).encode())
        for name, table in INPUTS.items():
            frame = self.tables[name]
            # lanes without rows mean that nothing travels; other tables without rows mean nothing
            if len(frame) or (name == "lanes" and name in self.given):
                digest.update(f"\x1d{name}".encode())
                for column in table.columns:
                    digest.update(b"\x1e" + _bytes(frame[column.name], column.kind))
        return digest.hexdigest()


def _bytes(cells: pd.Series, kind: str) -> bytes:
    if kind == "number":
        return (cells.to_numpy(np.float64) + 0.0).astype("<f8").tobytes()
    if kind in sheet.DTYPES:
        return cells.to_numpy(np.int64).astype("<i8").tobytes()
    return "\x1f".join(cells.tolist()).encode()


def read(path: str | Path) -> Scenario:
    """Read a scenario folder or an .xlsx workbook.

    Raises
    ------
    InputError
        With all problems, those of every file and those between files.
    """
    path = Path(path)
    problems = Problems()
    found = _found(path, problems)
    if found is None:
        raise InputError(problems.listed())
    doc, raws = found
    if doc is None:
        # tables are still read, so that what is wrong in them is told at once
        every = frozenset(word for key in SETTINGS for word in (key.section, key.path))
        parsed = parse(Document(files.SETTINGS_FILE, {}, {}, broken=every), Problems())
        return built(_drafted(parsed, Document("", {}, {}), raws, problems), problems)
    return built(_drafted(parse(doc, problems), doc, raws, problems), problems)


def _found(path: Path, problems: Problems) -> tuple[Document | None, dict[str, Raw | None]] | None:
    try:
        if path.is_dir():
            return files.folder(path, problems)
        if path.is_file() and path.suffix.lower() in (".xlsx", ".xlsm"):
            from allocator.workbook import workbook

            return workbook(path, problems)
        exists = path.exists()
    except (OSError, ValueError) as error:
        problems.add("unreadable", str(path), f"a scenario that can be read ({error})")
        return None
    if exists:
        problems.add("not_a_scenario", str(path), "a folder with scenario.toml, or an .xlsx workbook")
    else:
        problems.add("not_found", str(path), f"a scenario folder or workbook{_beside(path)}")
    return None


def _beside(path: Path) -> str:
    try:
        names = [p.name for p in path.absolute().parent.iterdir() if p.is_dir() or p.suffix == ".xlsx"]
    except OSError:
        return ""
    return "; " + nearest(path.name, sorted(names)) if names else ""


def _drafted(parsed: Parsed, doc: Document, raws: Mapping[str, Raw | None], problems: Problems) -> Draft:
    sheets: dict[str, Sheet | None] = {}
    for name, table in INPUTS.items():
        raw = raws.get(name)
        if raw is not None:
            sheets[name] = sheet.typed(raw, table, parsed.horizon, problems)
        else:
            sheets[name] = None if name in raws else sheet.absent(table, f"{name}.csv")
    return Draft(parsed, doc, sheets, frozenset(raws))


def built(draft: Draft, problems: Problems) -> Scenario:
    """Check a draft; return the scenario where nothing is wrong with it."""
    check(draft, problems)
    listed = problems.listed()
    if problems.errors:
        raise InputError(listed)
    tables = {name: s.frame for name, s in draft.sheets.items() if s is not None}
    return Scenario(draft.settings, tables, draft.given, listed)


def write(scenario: Scenario, path: str | Path) -> None:
    """Write a folder, or a workbook where the path ends in .xlsx; whole or not at all."""
    path = Path(path)
    doc = document(scenario.settings)
    tables = {}
    for name, table in INPUTS.items():
        if name in scenario.given:
            texts = sheet.text(scenario.tables[name], table, scenario.settings.horizon)
            tables[name] = (table.names, list(zip(*(texts[c] for c in table.names), strict=True)))
    try:
        if path.suffix.lower() == ".xlsx":
            from allocator.workbook import write_workbook

            write_workbook(path, doc, tables)
        else:
            files.write_folder(path, doc, tables)
    except OSError as error:
        raise files.refused(
            path, f"a place that can be written ({error.strerror or error})", "unwritable"
        ) from error


def apply_settings(scenario: Scenario, settings: Sequence[str]) -> Scenario:
    """Apply `key=value` and `table=file.csv` of a command line; all problems at once.

    `table=` with nothing behind it drops an optional table.
    """
    from allocator.change import applied

    return applied(scenario, settings)

"""Context: what a reader of a plan must know of its scenario, kept in the plan's own folder.

Settings, names and places: enough to draw, print and serve the plan where the scenario is not
at hand. `tables.CONTEXT` says which columns; of a person it is only the office.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pandas as pd

from allocator import files, sheet
from allocator.document import document, parse
from allocator.errors import Problem
from allocator.problems import Problems
from allocator.scenario import Scenario
from allocator.settings import Settings
from allocator.tables import CONTEXT

FOLDER = "context"


@dataclass(frozen=True)
class Context:
    """Settings of a scenario, and the tables of `tables.CONTEXT`."""

    settings: Settings
    tables: Mapping[str, pd.DataFrame]

    def table(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    def names(self, table: str) -> dict[str, str]:
        """Return code -> name of districts, sites, duties, items or depots."""
        frame = self.tables[table]
        return dict(zip(frame[CONTEXT[table].key[0]].tolist(), frame["name"].tolist(), strict=True))

    @property
    def days(self) -> list[date]:
        """Every day of the horizon."""
        return [self.settings.horizon.date(day) for day in range(self.settings.days)]

    @property
    def title(self) -> str:
        return self.settings.title or self.settings.name


def of(scenario: Scenario) -> Context:
    """Return the context of a scenario."""
    tables = {name: scenario.table(name)[list(table.names)] for name, table in CONTEXT.items()}
    return Context(scenario.settings, tables)


def same(one: Context, other: Context) -> bool:
    """Tell whether two contexts say the same, cell by cell."""
    return one.settings == other.settings and all(_cells(one, n) == _cells(other, n) for n in CONTEXT)


def _cells(context: Context, name: str) -> dict[str, list[str]]:
    return sheet.text(context.tables[name], CONTEXT[name], context.settings.horizon)


def write(context: Context, folder: Path) -> None:
    """Write `scenario.toml` and a CSV per table into a new folder."""
    folder.mkdir()
    text = files.toml(document(context.settings))
    (folder / files.SETTINGS_FILE).write_text(text, encoding="utf-8", newline="\n")
    for name, table in CONTEXT.items():
        cells = _cells(context, name)
        with open(folder / f"{name}.csv", "w", encoding="utf-8", newline="") as out:
            rows = zip(*(cells[column] for column in table.names), strict=True)
            csv.writer(out, lineterminator="\n").writerows([table.names, *rows])


def read(folder: Path) -> tuple[Context | None, list[Problem]]:
    """Read the subfolder of a plan: (None, []) where there is none, (None, problems) where it is broken."""
    if not folder.is_dir():
        return None, []
    problems = Problems()
    settings = _settings(folder, problems)
    tables = {}
    for name, table in CONTEXT.items():
        raw = _raw(folder / f"{name}.csv", name, problems)
        if raw is not None:
            horizon = settings.horizon if settings else None
            tables[name] = sheet.typed(raw, replace(table, optional=True), horizon, problems).frame
    if problems.errors or settings is None:
        return None, [replace(p, file=f"{FOLDER}/{p.file}") for p in problems.listed()]
    return Context(settings, tables), []


def _settings(folder: Path, problems: Problems) -> Settings | None:
    found = files.settings(folder / files.SETTINGS_FILE, problems)
    return None if found is None else parse(found, problems).settings


def _raw(file: Path, name: str, problems: Problems) -> sheet.Raw | None:
    if not file.exists():
        problems.add("missing_file", file.name, "a file of every plan; it is missing")
        return None
    return files.read_csv(file, name, problems)

"""Changes of a scenario: other settings, other tables, checked like a scenario that is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allocator import files, sheet
from allocator.document import Document, document, parse
from allocator.draft import Draft
from allocator.problems import Problems, nearest
from allocator.scenario import Scenario, built
from allocator.settings import ARRAYS
from allocator.sheet import Raw, Sheet
from allocator.tables import INPUTS, SETTINGS

CHANGED = "change"
"""File named in problems of a change that is no file."""


def applied(scenario: Scenario, settings: Sequence[str]) -> Scenario:
    """Apply `key=value` and `table=file.csv`; see `scenario.apply_settings`."""
    problems = Problems()
    changes: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = (part.strip() for part in setting.partition("="))
        if not equals or not key:
            problems.add("bad_setting", "--set", "key=value, such as weights.travel=0.01", value=setting)
        elif key in changes:
            problems.add("duplicate_key", "--set", "each key once", column=key, value=value)
        elif key in INPUTS and value:
            raw = files.read_csv(Path(value), key, problems)
            changes[key] = replace(raw, file=value) if raw else None
        else:
            changes[key] = value
    failed = [key for key, value in changes.items() if value is None]
    sound = {key: value for key, value in changes.items() if key not in failed}
    return changed(scenario, sound, "--set", problems)


def changed(
    scenario: Scenario, changes: Mapping[str, Any], file: str = CHANGED, problems: Problems | None = None
) -> Scenario:
    """Return a scenario with other settings or tables; `Scenario.change` tells of what."""
    problems = problems or Problems()
    tables = {key: value for key, value in changes.items() if key in INPUTS}
    doc = _document(scenario, {k: v for k, v in changes.items() if k not in tables}, file, problems)
    parsed = parse(doc, problems)
    moved = parsed.settings.start, parsed.settings.days
    shifted = moved != (scenario.settings.start, scenario.settings.days)
    given = set(scenario.given)
    sheets: dict[str, Sheet | None] = {}
    for name, table in INPUTS.items():
        if name in tables:
            raw = _raw(name, tables[name], scenario, file, problems)
            given = given | {name} if raw else given - {name}
            sheets[name] = (
                sheet.typed(raw, table, parsed.horizon, problems)
                if raw
                else sheet.absent(table, f"{name}.csv")
            )
        elif shifted and name in given:
            # dates stay what they are on the calendar, so they are read again
            raw = _raw_frame(f"{name}.csv", name, scenario.tables[name], scenario)
            sheets[name] = sheet.typed(raw, table, parsed.horizon, problems)
        else:
            frame = scenario.tables[name]
            sheets[name] = Sheet(table, f"{name}.csv", frame, np.arange(2, len(frame) + 2))
    return built(Draft(parsed, doc, sheets, frozenset(given)), problems)


def _raw(name: str, value: Any, scenario: Scenario, file: str, problems: Problems) -> Raw | None:
    if isinstance(value, Raw):
        return value
    if isinstance(value, pd.DataFrame) and not value.columns.map(str).is_unique:
        problems.add("duplicate_column", f"{file}:{name}", "each column once")
    elif isinstance(value, pd.DataFrame):
        return _raw_frame(f"{file}:{name}", name, value, scenario)
    elif value is None or (isinstance(value, str) and not value):
        if INPUTS[name].optional:
            return None
        problems.add(
            "missing_table", file, f"rows of {name}; only optional tables may be dropped", column=name
        )
    else:
        problems.add("wrong_type", file, f"a DataFrame with the columns of {name}", column=name, value=value)
    return None


def _raw_frame(file: str, name: str, frame: pd.DataFrame, scenario: Scenario) -> Raw:
    named = frame.rename(columns=str)
    columns: dict[str, Sequence[str]] = {**sheet.text(named, INPUTS[name], scenario.settings.horizon)}
    columns |= {c: [""] * len(named) for c in named.columns if c not in columns}
    stripped: dict[str, Sequence[str]] = {c: [t.strip() for t in cells] for c, cells in columns.items()}
    return Raw(file, stripped, np.arange(2, len(frame) + 2), np.zeros(len(frame), bool))


def _document(scenario: Scenario, changes: Mapping[str, Any], file: str, problems: Problems) -> Document:
    """Put changed settings into the document of a scenario; those that fit nowhere are problems."""
    doc = document(scenario.settings)
    scalars = dict(doc.scalars)
    arrays = {name: [dict(e) for e in entries] for name, entries in doc.arrays.items()}
    places: dict[str, tuple[str, int | None, str]] = {}
    for key, value in changes.items():
        spot = _spot(key, arrays)
        if spot is None:
            known = _known(arrays)
            problems.add(
                "unknown_key", file, f"a known key or table; {nearest(key, known)}", column=key, value=value
            )
        elif spot[0] is None:
            scalars[key], places[key] = value, (file, None, key)
        else:
            arrays[spot[0]][spot[1]][spot[2]] = value
            places[f"{spot[0]}[{spot[1] + 1}].{spot[2]}"] = (file, None, key)
    loose = {k: v.isoformat() if isinstance(v, dt.date) else v for k, v in scalars.items()}
    return Document(doc.file, loose, {k: tuple(v) for k, v in arrays.items()}, places, loose=True)


def _spot(key: str, arrays: Mapping[str, list[dict[str, Any]]]) -> tuple[str | None, int, str] | None:
    """Find where a key such as `batch.b1.size` or `rules.max_run` lives."""
    if any(k.path == key and k.section not in ARRAYS for k in SETTINGS):
        return None, 0, key
    section, _, rest = key.partition(".")
    label, _, name = rest.rpartition(".")
    if section in arrays and any(k.section == section and k.name == name for k in SETTINGS):
        for n, entry in enumerate(arrays[section]):
            if entry["id"] == label:
                return section, n, name
    return None


def _known(arrays: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    scalars = [k.path for k in SETTINGS if k.section not in ARRAYS]
    entries = [f"{name}.{e['id']}.{key}" for name, given in arrays.items() for e in given for key in e]
    return [*scalars, *entries, *INPUTS]

"""Events: what districts report after a plan was made, read and checked against its scenario."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from allocator import files, sheet
from allocator.errors import InputError, Problem
from allocator.problems import Problems, nearest
from allocator.scenario import Scenario
from allocator.tables import EVENTS

__all__ = ["absences", "read"]

ASKED = {
    "absence": ("cadre",),
    "people": ("place", "duty", "shift"),
    "goods": ("place", "item", "tier"),
    "stock": ("place", "item"),
    "closure": ("place",),
}
"""Columns each kind must fill; a need is one of people or of goods."""
SITES_ONLY = ("people", "goods", "closure")


def read(path: Path, scenario: Scenario) -> pd.DataFrame:
    """Read a file of events; days are those of the scenario, `what` tells needs of people and goods apart.

    Raises `InputError` with every row that cannot be meant.
    """
    problems = Problems()
    if not path.is_file():
        raise InputError([Problem(str(path), None, None, "", "a file of events; there is none", "missing")])
    raw = files.read_csv(path, EVENTS.name, problems)
    if raw is None:
        raise InputError(problems.listed())
    table = replace(EVENTS, optional=True)
    found = sheet.typed(replace(raw, file=path.name), table, scenario.settings.horizon, problems)
    frame = found.frame
    if found.missing:
        raise InputError(problems.listed())
    what = np.where(frame["kind"] == "need", np.where(frame["item"] != "", "goods", "people"), frame["kind"])
    frame = frame.assign(what=what)
    _keys(found, problems)
    _references(found, scenario, problems)
    for n, row in enumerate(frame.to_dict("records")):
        for column, expected in _faults({str(k): v for k, v in row.items()}, scenario):
            problems.add("bad_event", path.name, expected, int(found.rows[n]), column, row[column])
    if problems.errors:
        raise InputError(problems.listed())
    return frame


def _keys(found: sheet.Sheet, problems: Problems) -> None:
    again = found.frame["event"].duplicated().to_numpy()
    words = found.frame["event"][again].tolist()
    problems.add_rows(
        "duplicate_key", found.file, "event", found.rows[again], words, ["each code once"] * len(words)
    )


def _references(found: sheet.Sheet, scenario: Scenario, problems: Problems) -> None:
    known = {
        "cadre": scenario.table("cadres")["cadre"],
        "place": pd.concat([scenario.table("depots")["depot"], scenario.table("sites")["site"]]),
        "duty": scenario.table("duties")["duty"],
        "shift": pd.Series(scenario.settings.labels("shift")),
        "item": scenario.table("items")["item"],
    }
    for column, labels in known.items():
        cells = found.frame[column]
        wrong = (~cells.isin([*labels, ""])).to_numpy()
        words = cells[wrong].tolist()
        expected = [f"a {column} of the scenario; {nearest(w, list(labels))}" for w in words]
        problems.add_rows("dangling", found.file, column, found.rows[wrong], words, expected)


def _faults(row: dict[str, object], scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Columns of one event that are blank and should not be, or the other way round."""
    what = str(row["what"])
    for column in ASKED.get(what, ()):
        if row[column] == "":
            yield column, f"the {column}; a report of {what} names it"
    sites = set(scenario.table("sites")["site"])
    if what in SITES_ONLY and row["place"] and row["place"] not in sites:
        yield "place", "a site, not a depot"
    if int(str(row["last_day"])) < int(str(row["first_day"])):
        yield "last_day", "a last day not before the first"
    if what == "people" and int(str(row["target"])) < int(str(row["required"])):
        yield "target", "at least the people required"
    if what == "goods" and int(str(row["quantity"])) < 0:
        yield "quantity", "0 or more: what is needed each day"


def absences(found: pd.DataFrame) -> pd.DataFrame:
    """(cadre, day) of every day somebody is away."""
    rows = found[found["kind"] == "absence"]
    days = [
        (cadre, day)
        for cadre, first, last in zip(rows["cadre"], rows["first_day"], rows["last_day"], strict=True)
        for day in range(first, last + 1)
    ]
    return pd.DataFrame(days, columns=["cadre", "day"]).astype({"cadre": "str", "day": "int64"}).drop_duplicates()

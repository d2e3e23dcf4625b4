"""Decisions made by hand on a plan: a changed table of postings or assignments becomes pins.

Whoever stands in the table must go where it says, from the day it says; everything else is open.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from allocator import files, sheet
from allocator.errors import InputError, Problem
from allocator.problems import Problems
from allocator.scenario import Scenario
from allocator.tables import INPUTS, OUTPUTS, Column, Table

__all__ = ["pinned"]

POSTINGS, ASSIGNMENTS = OUTPUTS["postings"], OUTPUTS["assignments"]


def pinned(scenario: Scenario, path: Path) -> Scenario:
    """The scenario with the postings of a run, or of a file, pinned.

    A file has the columns of `postings`, `assignments` or `pins`; rows nobody cares about can be
    left out.

    Raises `InputError` with every fault of the file, and with every pin the scenario cannot keep.
    """
    file = path / "postings.csv" if path.is_dir() else path
    new = _read(scenario, file)
    old = scenario.table("pins")
    again = pd.MultiIndex.from_frame(old[["cadre", "site"]]).isin(
        pd.MultiIndex.from_frame(new.loc[new["kind"] == "must", ["cadre", "site"]])
    )
    kept = old[~(again & (old["kind"] == "must").to_numpy())]
    try:
        return scenario.change({"pins": pd.concat([kept, new], ignore_index=True)})
    except InputError as error:
        raise InputError([replace(p, file=f"{file} as {p.file}") for p in error.problems]) from error


def _read(scenario: Scenario, file: Path) -> pd.DataFrame:
    problems = Problems()
    if not file.is_file():
        raise InputError([Problem(str(file), None, None, "", "a run, or a table of postings", "missing")])
    raw = files.read_csv(file, "pins", problems)
    frame = None
    if raw is not None:
        table = _kind(set(raw.columns))
        horizon = scenario.settings.horizon
        read = sheet.typed(replace(raw, file=str(file)), replace(table, optional=True), horizon, problems)
        frame = read.frame
    if problems.errors or frame is None:
        raise InputError(problems.listed())
    if "kind" not in frame:
        day = frame.get("first_day", -1)
        frame = frame[["cadre", "site"]].assign(kind="must", first_day=day).drop_duplicates()
    return frame[list(INPUTS["pins"].names)]


def _kind(columns: set[str]) -> Table:
    """The table a file is, by its columns."""
    if "kind" in columns:
        return INPUTS["pins"]
    if {"day", "shift"} & columns:
        wanted = ("cadre", "day", "shift", "site", "duty")
        return replace(ASSIGNMENTS, columns=tuple(ASSIGNMENTS.column(n) for n in wanted))
    return replace(POSTINGS, columns=tuple(_eased(column) for column in POSTINGS.columns))


def _eased(column: Column) -> Column:
    """Only cadre and site have to be there; without a first day the posting may begin on any."""
    if column.name in ("cadre", "site"):
        return column
    default = {"batch": "", "first_day": -1, "last_day": -1}.get(column.name, 0.0)
    return replace(column, required=False, default=default)

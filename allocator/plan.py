"""Plan: the tables of a decision and its proof; written to a folder and read back.

A plan folder holds `plan.json`, one CSV per table of `tables.OUTPUTS` (UTF-8, ISO dates) and
the subfolder `context` with what its readers must know of the scenario.
It appears whole or not at all, and the same plan always gives the same bytes.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allocator import context as contexts
from allocator import planfile
from allocator.certificate import Certificate, gap
from allocator.context import Context
from allocator.errors import InputError, Problem
from allocator.seal import SEAL, STANDING
from allocator.tables import OUTPUTS, Table

HEAD = "plan.json"
REPORTS = ("report.html", "report.xlsx")
"""What `allocator report` adds; a new plan in the folder takes the report of the old one away."""
NO_CONTEXT = f"a plan with the subfolder {contexts.FOLDER}, which older versions did not write; solve anew"
_DTYPES = {"int": "int64", "date": "int64", "number": "float64"}


@dataclass(frozen=True)
class Plan:
    """Who goes where, what is shipped when, and how far from the best possible that is."""

    scenario: str
    fingerprint: str
    versions: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    objective: float | None = None
    bound: float | None = None
    """No plan for this scenario can score below it; None where nothing is proved."""
    terms: Mapping[str, float] = field(default_factory=dict)
    kpis: Mapping[str, Any] = field(default_factory=dict)
    certificates: tuple[Certificate, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """Every table of `tables.OUTPUTS`; dates are days since the scenario's start."""
    context: Context | None = None
    """Names and places of the scenario; None in plans of versions that did not keep them."""

    @property
    def gap(self) -> float | None:
        return gap(self.objective, self.bound)

    def table(self, name: str) -> pd.DataFrame:
        return self.tables[name]


def empty(name: str) -> pd.DataFrame:
    """The output table `name` with its columns and no rows."""
    return _typed(OUTPUTS[name], pd.DataFrame(columns=list(OUTPUTS[name].names)))


def arrange(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Every output table, columns and rows in the dictionary's order, absent tables empty."""
    return {
        name: _sorted(table, _typed(table, tables[name])) if name in tables else empty(name)
        for name, table in OUTPUTS.items()
    }


def _typed(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    dtypes: dict[str, Any] = {c.name: _DTYPES.get(c.kind, "str") for c in table.columns}
    for column in (c for c in table.columns if c.sparse):
        given = frame[column.name].fillna(column.default) if column.name in frame else column.default
        frame = frame.assign(**{column.name: given})
    return frame[list(table.names)].astype(dtypes).reset_index(drop=True)


def _sorted(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows by key, then by the other columns, so that row order never depends on the solver."""
    order = [*table.key, *(n for n in table.names if n not in table.key)]
    ranks = [_ranks(frame[name]) for name in reversed(order)]
    return frame.iloc[np.lexsort(ranks)].reset_index(drop=True)


def _ranks(column: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy()
    codes, labels = pd.factorize(column)
    place = np.empty(len(labels), dtype=np.int64)
    place[sorted(range(len(labels)), key=list(labels).__getitem__)] = np.arange(len(labels))
    return place[codes]


def write(plan: Plan, folder: str | Path, start: date) -> None:
    """Write the plan to `folder`, replacing a plan that is there; other files in it stay.

    Raises `InputError` when the folder holds something that is not a plan, or cannot be written.
    """
    folder = Path(folder)
    _refuse_foreign(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            _fill(plan, staging, start)
            _swap(staging, folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise InputError(
            [_folder_problem(folder, "unwritable", f"cannot be written: {error.strerror}")]
        ) from error


def _refuse_foreign(folder: Path) -> None:
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise InputError([_folder_problem(folder, "not_a_plan", "a folder for the plan; this is a file")])
    if any(folder.iterdir()) and not is_plan(folder):
        expected = f"a new or empty folder or an earlier plan; this one has files and no {HEAD} of a plan"
        raise InputError([_folder_problem(folder, "not_a_plan", expected)])


def is_plan(folder: Path) -> bool:
    """Whether `folder` looks like a plan: a head file with a fingerprint beside the postings."""
    if not (folder / "postings.csv").is_file():
        return False
    try:
        head = json.loads((folder / HEAD).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(head, dict) and {"scenario", "fingerprint"} <= head.keys()


def _folder_problem(folder: Path, fault: str, expected: str) -> Problem:
    return Problem(str(folder), None, None, "", expected, fault)


def _fill(plan: Plan, staging: Path, start: date) -> None:
    staging.chmod(0o755)
    for name, frame in arrange(plan.tables).items():
        text = planfile.as_text(OUTPUTS[name], frame, start)
        text.to_csv(staging / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\n")
    if plan.context is not None:
        contexts.write(plan.context, staging / contexts.FOLDER)
    head = json.dumps(_head(plan), indent=2, ensure_ascii=False, allow_nan=False)
    (staging / HEAD).write_text(head + "\n", encoding="utf-8")


def _swap(staging: Path, folder: Path) -> None:
    """Put the new folder in place of the old one, which keeps its foreign files until the end."""
    if not folder.exists():
        staging.rename(folder)
        return
    ours = {HEAD, SEAL, STANDING, contexts.FOLDER, *REPORTS, *(f"{name}.csv" for name in OUTPUTS)}
    for entry in folder.iterdir():
        if entry.name not in ours:
            copy = shutil.copytree if entry.is_dir() and not entry.is_symlink() else shutil.copy2
            copy(entry, staging / entry.name)
    folder = folder.resolve()
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    folder.rename(old)
    try:
        staging.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _head(plan: Plan) -> dict[str, Any]:
    return {
        "scenario": plan.scenario,
        "fingerprint": plan.fingerprint,
        "versions": dict(plan.versions),
        "limits": dict(plan.limits),
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "terms": dict(plan.terms),
        "kpis": dict(plan.kpis),
        "certificates": [planfile.certificate_record(c) for c in plan.certificates],
    }


def read(folder: str | Path, start: date | None = None, names: Collection[str] = tuple(OUTPUTS)) -> Plan:
    """Read a plan folder; without `start`, days are counted as its own context says.

    `names` are the tables to read where a question needs only some; the others are left out.

    Raises `InputError` with every fault of every file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError([_folder_problem(folder, "missing", "the folder of a plan; there is none")])
    context, problems = contexts.read(folder / contexts.FOLDER)
    if start is None and context is None:
        raise InputError(problems or [_folder_problem(folder, "no_context", NO_CONTEXT)])
    start = start or context.settings.start  # type: ignore[union-attr]
    head, found = planfile.read_head(folder / HEAD)
    problems += found
    tables = {}
    for name in (name for name in OUTPUTS if name in names):
        tables[name], found = planfile.read_table(folder / f"{name}.csv", OUTPUTS[name], start)
        problems += found
    if head is not None:
        problems += _gap_problem(head)
    if problems or head is None:
        raise InputError(problems)
    head.pop("gap")
    return Plan(**head, tables=tables, context=context)


def _gap_problem(head: Mapping[str, Any]) -> list[Problem]:
    right, found = gap(head["objective"], head["bound"]), head["gap"]
    if right is None or found is None:
        same = right is found
    else:
        same = math.isclose(right, found, rel_tol=1e-6, abs_tol=1e-9)
    expected = f"{right}, the gap between objective and bound"
    return [] if same else [Problem(HEAD, None, "gap", str(found), expected, "contradiction")]

"""Runs: the folder of a plan together with the scenario it was made for.

`allocator solve` keeps the scenario, as it was after --set, --previous, --pins and --events, in the
subfolder `scenario` of the run, so that questions about a plan need nothing but its folder.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from allocator import plan as plans
from allocator import scenario as scenarios
from allocator.errors import InputError, Problem
from allocator.plan import Plan
from allocator.scenario import Scenario
from allocator.tables import OUTPUTS

FOLDER = "scenario"


def save(scenario: Scenario, plan: Plan, run: str | Path) -> None:
    """Write the plan folder `run` and the scenario in it.

    Raises `InputError` where the folder holds something else, or cannot be written.
    """
    plans.write(plan, run, scenario.settings.start)
    scenarios.write(scenario, Path(run) / FOLDER)


def load(
    run: str | Path, scenario: str | Path | Scenario | None = None, names: Collection[str] = tuple(OUTPUTS)
) -> tuple[Scenario, Plan]:
    """Read a run and its scenario; `scenario` names one where the run has none of its own.

    `names` are the tables of the plan to read where a question needs only some.

    Raises `InputError` where either cannot be read, or the plan was made for another scenario.
    """
    run = Path(run)
    if not run.is_dir():
        raise InputError([Problem(str(run), None, None, "", "the folder of a plan; there is none", "missing")])
    found = scenario if isinstance(scenario, Scenario) else _scenario(run, scenario)
    plan = plans.read(run, found.settings.start, names)
    if plan.fingerprint != found.fingerprint:
        way = (
            "the scenario this plan was made for, unchanged since; name it with --scenario, "
            "a folder that holds what --set and --previous made of it included"
        )
        raise InputError([Problem(str(run), None, None, found.settings.name, way, "other_scenario")])
    return found, plan


def _scenario(run: Path, given: str | Path | None) -> Scenario:
    if given is not None:
        return scenarios.read(given)
    kept = run / FOLDER
    if not kept.is_dir():
        way = f"a run with the subfolder {FOLDER}, as `allocator solve` writes it; or name the scenario: --scenario"
        raise InputError([Problem(str(run), None, None, "", way, "no_scenario")])
    return scenarios.read(kept)


def dated(scenario: Scenario, plan: Plan, table: str) -> pd.DataFrame:
    """A table of a plan with real dates (`datetime64`) instead of days since the start."""
    frame = plan.table(table).copy()
    first = pd.Timestamp(scenario.settings.start)
    for column in OUTPUTS[table].columns:
        if column.kind == "date":
            frame[column.name] = first + pd.to_timedelta(frame[column.name].to_numpy(), unit="D")
    return frame

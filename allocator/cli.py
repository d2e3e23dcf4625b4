"""The command line: `check`, `solve`, `verify` and `bench`.

Answers go to stdout, news of the work to stderr. Exit codes: 0 fine, 2 problems in the
input or the command, 3 the plan breaks a rule, 4 no plan within the limits, 130 aborted.
Everything heavy is imported inside the commands, so that `allocator --help` answers at once.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from allocator.errors import InputError, NoPlanError, PlanError, Problem, Violation
from allocator.limits import Limits, Watch
from allocator.shell import Seconds, command, emit

if TYPE_CHECKING:
    from allocator.plan import Plan
    from allocator.scenario import Scenario


def _changes(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that change a scenario before it is used."""
    function = click.option(
        "--previous",
        metavar="RUN",
        type=Path,
        help="Postings in force: those of an earlier run; staying is preferred.",
    )(function)
    return click.option(
        "--set",
        "settings",
        metavar="KEY=VALUE",
        multiple=True,
        help="Change a setting, or take a table from another file: rules.max_run=5, demand=more.csv.",
    )(function)


def _load(path: str, settings: tuple[str, ...] = (), previous: Path | None = None) -> Scenario:
    from allocator import scenario

    found = scenario.read(path)
    if settings:
        found = scenario.apply_settings(found, settings)
    if previous is not None:
        found = found.change({"previous": _postings_in_force(found, previous)})
    return found


def _postings_in_force(scenario: Scenario, run: Path) -> Any:
    """Cadre and site of a run's postings that reach into this scenario and still exist in it."""
    from allocator.planfile import read_table
    from allocator.tables import OUTPUTS

    table, problems = read_table(run / "postings.csv", OUTPUTS["postings"], scenario.settings.start)
    if problems:
        raise InputError([replace(p, file=str(run / p.file)) for p in problems])
    in_force = (
        table["cadre"].isin(scenario.table("cadres")["cadre"])
        & table["site"].isin(scenario.table("sites")["site"])
        & (table["last_day"] >= 0)
    )
    return table.loc[in_force, ["cadre", "site"]].reset_index(drop=True)


def _limits(seconds: float, gap: float = 0.0, seed: int = 0, processes: int | None = None) -> Limits:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Limits(None if math.isinf(seconds) else seconds, gap, seed, processes or cores)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="allocator")
def main() -> None:
    """Post people, roster them and ship goods in an epidemic, with a proof of how good the plan is.

    A SCENARIO is a folder of tables or one .xlsx workbook; a RUN is the folder of a plan.
    """


@main.command()
@click.argument("scenario")
@command
def check(scenario: str, as_json: bool) -> int:
    """Check SCENARIO and list all problems: file, row, column, value, what is expected."""
    try:
        found = _load(scenario)
    except InputError as error:
        if not as_json:
            click.echo("\n".join(str(p) for p in error.problems))
            click.echo(f"{scenario}: {_count(error.problems)}")
            return error.exit_code
        raise
    rows = {name: len(found.table(name)) for name in sorted(found.given)}
    if as_json:
        warnings = [p.record() for p in found.warnings]
        head = {"ok": True, "exit_code": 0, "scenario": found.settings.name}
        emit(head | {"problems": [], "warnings": warnings, "rows": rows})
        return 0
    for warning in found.warnings:
        click.echo(f"warning: {warning}")
    counts = ", ".join(f"{n} {name}" for name, n in rows.items())
    click.echo(f"{scenario}: no problems; {found.settings.days} days, {counts}")
    return 0


def _count(problems: tuple[Problem, ...]) -> str:
    errors = sum(p.level == "error" for p in problems)
    return f"{errors} problem{'' if errors == 1 else 's'}"


@main.command()
@click.argument("scenario")
@click.option("--out", type=Path, metavar="RUN", help="Folder for the plan [default: runs/NAME-DATE-TIME].")
@click.option(
    "--seconds",
    type=Seconds(),
    default=100.0,
    show_default=True,
    help="Time to decide; inf: until nothing is left to try.",
)
@click.option(
    "--gap", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Stop at this gap, 0.02 = 2 %."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="Seed of all random choices.",
)
@click.option("--processes", type=click.IntRange(min=1), help="Processes to use [default: one per core].")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
@_changes
@command
def solve(
    scenario: str,
    out: Path | None,
    seconds: float,
    gap: float,
    seed: int,
    processes: int | None,
    previous: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> int:
    """Plan SCENARIO: write who goes where, who works when and what is shipped, verified and with a proof.

    Ctrl-C keeps the best plan so far; a second Ctrl-C aborts and writes nothing.
    """
    from allocator import console, pipeline, summary
    from allocator import plan as plans

    limits = _limits(seconds, gap, seed, processes)
    watch = Watch(limits, None if quiet else console.Ticker())
    if out is not None:
        _refuse_foreign(out)
    found = _load(scenario, settings, previous)
    folder = out if out is not None else _new_run(found.settings.name)
    plan = console.interruptible(watch, lambda: pipeline.solve(found, limits, watch))
    violations = _verify(found, plan)
    if violations:
        folder = folder.with_name(folder.name + ".rejected")
    plans.write(plan, folder, found.settings.start)
    if as_json:
        made = {"run": str(folder), "seconds": round(watch.seconds, 3)}
        emit(_judgement(violations) | made | summary.document(found, plan))
    elif not quiet:
        click.echo(summary.render(found, plan, str(folder), watch.seconds))
    if violations:
        _list(violations, err=True)
        click.echo(f"The plan breaks rules; it is kept for inspection in {folder}.", err=True)
    return _code(violations)


def _new_run(name: str) -> Path:
    """A folder under `runs/` that does not exist yet."""
    base = Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    folder, n = base, 1
    while folder.exists():
        n += 1
        folder = base.with_name(f"{base.name}-{n}")
    return folder


def _refuse_foreign(folder: Path) -> None:
    """Refuse before the work starts what could not be written after it."""
    from allocator.plan import is_plan

    above = next((p for p in folder.absolute().parents if p.exists()), None)
    if folder.exists() and not (folder.is_dir() and (is_plan(folder) or not any(folder.iterdir()))):
        expected = "a new or empty folder, or an earlier plan to replace"
    elif above is None or not above.is_dir() or not os.access(above, os.W_OK):
        expected = "a folder that can be created"
    else:
        return
    raise InputError([Problem("--out", None, None, str(folder), expected, "bad_out")])


def _verify(scenario: Scenario, plan: Plan) -> list[Violation]:
    from allocator import verifier

    return verifier.verify(scenario, plan)


def _code(violations: list[Violation]) -> int:
    return PlanError.exit_code if violations else 0


def _judgement(violations: list[Violation]) -> dict[str, Any]:
    records = [v.record() for v in violations]
    return {"ok": not violations, "exit_code": _code(violations), "violations": records}


def _list(violations: list[Violation], err: bool = False) -> None:
    for violation in violations:
        click.echo(str(violation), err=err)


@main.command()
@click.argument("scenario")
@click.argument("run", type=Path)
@_changes
@command
def verify(scenario: str, run: Path, previous: Path | None, settings: tuple[str, ...], as_json: bool) -> int:
    """Recompute every rule and the objective of RUN from its tables; list all violations.

    Give the same --set and --previous as to `solve`.
    """
    from allocator import plan as plans

    found = _load(scenario, settings, previous)
    plan = plans.read(run, found.settings.start)
    violations = _verify(found, plan)
    if as_json:
        values = {"objective": plan.objective, "bound": plan.bound, "gap": plan.gap}
        emit(_judgement(violations) | values)
        return _code(violations)
    _list(violations)
    broken = f"{len(violations)} violations" if violations else "every rule holds, the objective is as stated"
    click.echo(f"{run}: {broken}")
    return _code(violations)


@main.group()
def bench() -> None:
    """Run one model alone on public instances; one JSON line per file."""


@bench.command("assign")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=Path)
@click.option(
    "--seconds",
    type=Seconds(),
    default=60.0,
    show_default=True,
    help="Per file.",
)
@click.option(
    "--out", type=Path, metavar="DIR", help="Also write each solution as DIR/FILE.csv: row,column from 1."
)
@command
def bench_assign(files: tuple[Path, ...], seconds: float, out: Path | None, as_json: bool) -> int:
    """Solve OR-Library assignment FILES as postings of n cadres to n one-person sites."""
    from allocator import bench as benches

    matrices = [benches.read_assign(path) for path in files]
    for path, costs in zip(files, matrices, strict=True):
        result = benches.assign(costs, _limits(seconds))
        if out is not None:
            benches.write_assign(result.columns, out / f"{path.stem}.csv")
        click.echo(json.dumps({"file": str(path)} | result.record()))
    return 0


@bench.command("curtois")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=Path)
@click.option("--seconds", type=Seconds(), default=600.0, show_default=True, help="Per file.")
@click.option(
    "--out", type=Path, metavar="DIR", help="Also write each roster as DIR/FILE.csv: staff,day,shift."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="Seed of all random choices.",
)
@command
def bench_curtois(
    files: tuple[Path, ...], seconds: float, out: Path | None, seed: int, as_json: bool
) -> int:
    """Roster the teams of Curtois & Qu shift-scheduling FILES; a proof with each.

    Ctrl-C keeps the best roster so far and goes on with the next file.
    """
    from allocator import console, curtois
    from allocator.models import roster

    instances = curtois.read_all(files)
    code = 0
    for path, instance in zip(files, instances, strict=True):
        click.echo(str(path), err=True)
        watch = Watch(_limits(seconds, seed=seed), console.Ticker())
        found = console.interruptible(watch, partial(roster.solve, instance.team, watch))
        if found.shifts is None:
            code = NoPlanError.exit_code
            click.echo(f"{path}: {curtois.why(instance, found)}", err=True)
        elif out is not None:
            curtois.write(instance, found.shifts, out / f"{path.stem}.csv")
        names = ("status", "objective", "bound", "seconds")
        click.echo(json.dumps({"file": str(path)} | {n: getattr(found.certificate, n) for n in names}))
    return code

"""The command line: `check`, `solve` and `verify`; `questions`, `cli_frontier`, `cli_service` and `cli_bench`
have the rest.

Answers go to stdout, news of the work to stderr. Exit codes: 0 fine, 2 problems in the
input or the command, 3 the plan breaks a rule, 4 no plan within the limits, 130 aborted.
Everything heavy is imported inside the commands, so that `allocator --help` answers at once.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from allocator import cli_service, questions
from allocator.cli_bench import bench
from allocator.cli_city import city
from allocator.cli_fix import fix
from allocator.cli_foresight import foresight
from allocator.cli_frontier import frontier
from allocator.cli_prepare import prepare
from allocator.errors import InputError, PlanError, Problem, Violation
from allocator.limits import Watch
from allocator.options import after_options, begun
from allocator.shell import Seconds, command, emit, limits_of

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


def load(path: str, settings: tuple[str, ...] = (), previous: Path | None = None) -> Scenario:
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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="allocator")
def main() -> None:
    """Post people, roster them and ship goods in an epidemic, with a proof of how good the plan is.

    A SCENARIO is a folder of tables or one .xlsx workbook; a RUN is the folder of a plan.
    """
    # looking for cycles among millions of cells takes a sixth of a solve; there are hardly any to find
    gc.set_threshold(200_000, 50, 1000)


for _command in (*questions.COMMANDS, fix, *cli_service.COMMANDS, frontier, foresight, bench, city, prepare):
    main.add_command(_command)


@main.command()
@click.argument("scenario")
@command
def check(scenario: str, as_json: bool) -> int:
    """Check SCENARIO and list all problems: file, row, column, value, what is expected."""
    try:
        found = load(scenario)
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
@click.option(
    "--scheduler", metavar="ADDRESS", help="Plan the parts of a large scenario on the workers of this Dask scheduler."
)
@click.option(
    "--pins",
    type=Path,
    metavar="RUN_OR_FILE",
    help="Postings that must stand: those of a run changed by hand, or of a file with cadre and site.",
)
@after_options
@click.option("--max-changes", type=click.IntRange(0), metavar="K", help="Move at most K cadres of --previous.")
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
    scheduler: str | None,
    pins: Path | None,
    events: Path | None,
    today: str | None,
    frozen: int,
    max_changes: int | None,
    previous: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> int:
    """Plan SCENARIO: write who goes where, who works when and what is shipped, verified and with a proof.

    Ctrl-C keeps the best plan so far; a second Ctrl-C aborts and writes nothing.
    """
    from allocator import console, parts, ready, runs, seal, state, summary, trade

    limits = replace(limits_of(seconds, gap, seed, processes), scheduler=scheduler)
    watch = Watch(limits, None if quiet else console.Ticker())
    if out is not None:
        _refuse_foreign(out)
    found, start = begun(scenario, settings, previous, events, today, frozen, max_changes)
    folder = out if out is not None else _new_run(found.settings.name)
    if pins is not None:
        found = _pinned(found, pins)
    plan = console.interruptible(watch, lambda: trade.decide(found, watch, start, max_changes))
    violations = _verify(found, plan)
    if violations:
        folder = folder.with_name(folder.name + ".rejected")
    runs.save(found, plan, folder)
    if not violations:
        seal.seal(folder, seal.digests(folder))
        if len(found.settings.cases) < 2 and not parts.large(found):
            ready.keep(state.State(found, plan), folder, ready.digest(folder))
    if as_json:
        made = {"run": str(folder), "seconds": round(watch.seconds, 3)}
        emit(_judgement(violations) | made | summary.document(found, plan))
    elif not quiet:
        click.echo(summary.render(found, plan, str(folder), watch.seconds))
    if violations:
        _list(violations, err=True)
        click.echo(f"The plan breaks rules; it is kept for inspection in {folder}.", err=True)
    return _code(violations)


def _pinned(scenario: Scenario, path: Path) -> Scenario:
    from allocator import edits

    return edits.pinned(scenario, path)


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

    Give the same --set and --previous as to `solve`, or RUN/scenario as SCENARIO. A plan whose postings or
    assignments were changed by hand is scored as it now stands, beside what plan.json claims. A plan
    without violations gets the seal that `publish` asks for.
    """
    from allocator import console, seal, verifier
    from allocator import plan as plans

    found = load(scenario, settings, previous)
    files = seal.digests(run)
    plan = plans.read(run, found.settings.start)
    violations = _verify(found, plan)
    if not violations:
        _seal(run, files)
    score = verifier.score(found, plan)
    if as_json:
        values = {"objective": plan.objective, "bound": plan.bound, "gap": plan.gap}
        emit(_judgement(violations) | values | score.record())
        return _code(violations)
    _list(violations)
    if violations:
        rows = [[name, *(console.value(v, 3) for v in values)] for name, *values in score.rows()]
        click.echo(console.aligned(("term", "plan.json", "as it stands", "difference"), rows))
    broken = f"{len(violations)} violations" if violations else "every rule holds, the objective is as stated"
    click.echo(f"{run}: {broken}")
    return _code(violations)


def _seal(run: Path, files: dict[str, str]) -> None:
    from allocator import seal

    try:
        if seal.broken(run, files):
            seal.seal(run, files)
    except OSError as error:
        click.echo(f"{run} cannot be sealed for `publish`: {error.strerror or error}", err=True)

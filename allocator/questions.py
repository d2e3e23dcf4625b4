"""Commands that ask about plans in hand; `cli` adds them to the command line."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from allocator.errors import InputError, Problem
from allocator.limits import Limits
from allocator.options import after_options, begun, scenario_option
from allocator.shell import Seconds, command, emit

if TYPE_CHECKING:
    from allocator.standing import Standing


@click.command()
@click.argument("run_a", type=Path)
@click.argument("run_b", type=Path)
@click.option("--sheet", type=Path, metavar="FILE", help="Also write a workbook, one sheet per table: FILE.xlsx.")
@scenario_option
@command
def compare(run_a: Path, run_b: Path, sheet: Path | None, scenario: str | None, as_json: bool) -> int:
    """Say what differs between RUN_A and RUN_B: who moved, which shifts changed, who gained, who lost."""
    from allocator import compare as comparing
    from allocator import runs

    if sheet is not None:
        _workbook(sheet)
    found = comparing.compare(runs.load(run_a, scenario), runs.load(run_b, scenario))
    if sheet is not None:
        found.write(sheet)
    if as_json:
        emit({"ok": True, "exit_code": 0, "a": str(run_a), "b": str(run_b)} | found.document())
    else:
        click.echo(found.render())
    return 0


def _workbook(path: Path) -> None:
    """Refuse before the work starts what could not be written after it."""
    if path.suffix.lower() != ".xlsx":
        expected = "a file whose name ends in .xlsx"
    elif path.is_dir() or not path.absolute().parent.is_dir():
        expected = "a file in a folder that exists"
    else:
        return
    raise InputError([Problem("--sheet", None, None, str(path), expected, "bad_sheet")])


@click.command()
@click.argument("scenario")
@click.argument("variants", type=Path)
@click.option("--out", type=Path, metavar="DIR", help="Folder of the sweep [default: sweeps/SCENARIO-VARIANTS].")
@click.option(
    "--seconds", type=Seconds(), default=100.0, show_default=True, help="Time to plan the scenario itself first."
)
@click.option("--rounds", type=click.IntRange(0), default=3, show_default=True, help="Rounds of search per variant.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Seed of every search.")
@click.option("--processes", type=click.IntRange(min=1), help="Variants at a time here [default: one per core].")
@click.option("--scheduler", metavar="ADDRESS", help="Run on the workers of this Dask scheduler: tcp://host:8786.")
@click.option(
    "--against", type=Path, metavar="BASELINE", help="An earlier sweep or its table.csv; exit code 5 if worse."
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.005,
    show_default=True,
    help="Share by which an objective may be above the baseline's.",
)
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Change the scenario of all variants.")
@click.option("--quiet", is_flag=True, help="No progress.")
@command
def sweep(
    scenario: str,
    variants: Path,
    out: Path | None,
    seconds: float,
    rounds: int,
    seed: int,
    processes: int | None,
    scheduler: str | None,
    against: Path | None,
    tolerance: float,
    settings: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> int:
    """Solve the VARIANTS (a .toml file) of SCENARIO and compare them in one table.

    A result is kept as soon as it is there: a sweep that was killed goes on where it was.
    """
    from allocator import cli, front, pipeline, sweep, tornado
    from allocator import variants as asked

    found = cli.load(scenario, settings)
    wanted = asked.read(variants, found)
    folder = out or Path("sweeps") / f"{found.settings.name}-{variants.stem}"
    _own(folder)
    say: Callable[[str], None] = (lambda line: None) if quiet else (lambda line: click.echo(line, err=True))
    limits = Limits(None, 0.0, seed, 1, rounds, prove=False)
    wide = Limits(None if math.isinf(seconds) else seconds, 0.0, seed, processes or front.cores())
    say(f"{len(wanted)} variants, {folder}")
    start = sweep.base(found, folder, lambda: pipeline.solve(found, wide))
    made = sweep.sweep(found, wanted, folder, start, limits, scheduler, wide.processes, say)
    table, keys = made.table, list(dict.fromkeys(k for v in wanted for k in v.changes))
    sweep.write(made, folder, tornado.drawn(tornado.bars(table, keys), start.objective or 0.0))
    told = [] if against is None else sweep.worse(table, against, tolerance)
    code = 5 if told else 0
    if as_json:
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        head = {"ok": not told, "exit_code": code, "sweep": str(folder)}
        emit(head | {"reused": made.reused, "worse": told, "rows": rows})
        return code
    click.echo(_ranking(table))
    click.echo(f"{folder}: table.csv, table.xlsx, tornado.svg")
    for line in told:
        click.echo(f"worse than {against}: {line}", err=True)
    return code


def _own(folder: Path) -> None:
    """Refuse a folder that holds something else."""
    ours = any((folder / name).is_dir() for name in ("base", "results"))
    if folder.exists() and not folder.is_dir():
        fault = "a folder; this is a file"
    elif folder.is_dir() and any(folder.iterdir()) and not ours:
        fault = "a new or empty folder, or that of an earlier sweep"
    else:
        return
    raise InputError([Problem("--out", None, None, str(folder), fault, "bad_out")])


def _ranking(table: Any, most: int = 30) -> str:
    """The variants by objective, best first."""
    from allocator.console import aligned, value

    ranked = table.sort_values("objective", na_position="last").head(most)
    digits = {"objective": 1, "difference": 1, "covered": 0, "shortage": 0}
    columns = ["variant", *digits]
    rows = [
        [str(row["variant"]), *(value(None if row[c] != row[c] else row[c], n) for c, n in digits.items())]
        for row in ranked.to_dict("records")
    ]
    more = f"\n... {len(table) - most} more in table.csv" if len(table) > most else ""
    return aligned(columns, rows) + more


@click.command()
@click.argument("scenario")
@click.option("--previous", type=Path, metavar="RUN", required=True, help="The plan that is carried out.")
@after_options
@click.option("--points", type=click.IntRange(2), default=9, show_default=True, help="Plans to make.")
@click.option("--rounds", type=click.IntRange(0), default=8, show_default=True, help="Rounds of search per plan.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Seed of every search.")
@click.option("--out", type=Path, metavar="DIR", help="Also keep every plan of the curve: DIR/changes-N.")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Change a setting of the days left.")
@click.option("--quiet", is_flag=True, help="No progress.")
@command
def trade(
    scenario: str,
    previous: Path,
    events: Path | None,
    today: str | None,
    frozen: int,
    points: int,
    rounds: int,
    seed: int,
    out: Path | None,
    settings: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> int:
    """Show what a re-plan of SCENARIO gains with every cadre it moves: shortage against changes."""
    from allocator import plan, runs, trade
    from allocator.console import aligned, value

    found, start = begun(scenario, settings, previous, events, today, frozen)
    if start is None:
        start = plan.read(previous, found.settings.start)
    limits = Limits(None, 0.0, seed, 1, rounds, prove=False)

    def tell(point: trade.Point) -> None:
        if not quiet:
            click.echo(f"{point.changes} changes, {point.shortage} shifts short, {point.penalty:,.1f}", err=True)

    kept = trade.curve(found, limits, start, points, tell)
    if out is not None:
        for point in kept:
            runs.save(found, point.plan, out / f"changes-{point.changes}")
    if as_json:
        emit({"ok": True, "exit_code": 0, "points": [p.record() for p in kept]})
        return 0
    rows = [[str(p.changes), str(p.shortage), value(p.staffing), value(p.penalty)] for p in kept]
    click.echo(aligned(("changes", "shifts short", "weighted", "penalty"), rows, 0))
    return 0


@click.command()
@click.argument("run", type=Path)
@click.argument("site")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Candidates to list.")
@scenario_option
@command
def candidates(run: Path, site: str, top: int, scenario: str | None, as_json: bool) -> int:
    """Rank the cadres who could be posted to SITE in the plan RUN by what that changes, their own place included."""
    from allocator.candidates import COLUMNS, ranked, rows
    from allocator.console import aligned, value

    standing = _standing(run, scenario)
    found = rows(standing, ranked(standing, site, top))
    if as_json:
        emit({"ok": True, "exit_code": 0, "site": site, "candidates": found})
        return 0
    if not found:
        click.echo(f"{site}: nobody else can be posted here: too far, pinned elsewhere, or no batch has a place")
        return 0
    words = ("cadre", "from", "batch")
    cells = [[row[c] if c in words else value(row[c], 1) for c in COLUMNS] for row in found]
    click.echo(aligned(COLUMNS, cells, len(words)))
    return 0


def _standing(run: Path, scenario: str | None) -> Standing:
    """The standing of a run: the one kept beside it, or that of its tables, which is then kept."""
    from allocator import ready

    before = ready.digest(run)
    if scenario is None and (found := ready.kept(run, before)):
        return found
    from allocator import runs
    from allocator.state import State

    state = State(*runs.load(run, scenario, ready.TABLES))
    # the tables may be written anew while they are read
    if scenario is None and ready.digest(run) == before:
        ready.keep(state, run, before)
    return state


@click.command()
@click.argument("run", type=Path)
@click.option("--site", metavar="SITE", help="Only the shortages of one site.")
@click.option("--district", metavar="DISTRICT", help="Only those of one district.")
@click.option("--top", type=click.IntRange(0), default=20, show_default=True, help="Shortages to print, dearest first.")
@click.option("--prices", is_flag=True, help="Also price goods and budget, with the range in which each price holds.")
@scenario_option
@click.option("--quiet", is_flag=True, help="No progress.")
@command
def explain(
    run: Path,
    site: str | None,
    district: str | None,
    top: int,
    prices: bool,
    scenario: str | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Say why each shortage of the plan RUN remains, and the cheapest way to end it; fill its table `reasons`.

    A fix is shown only after a whole plan with it was verified, the shortage gone and the objective no worse.
    """
    from allocator import explain, means, planfile, runs, seal, shadow
    from allocator.state import State
    from allocator.tables import OUTPUTS

    sealed = not seal.broken(run, seal.digests(run))
    found, plan = runs.load(run, scenario)
    state = State(found, plan)
    say: Callable[[str], None] = (lambda line: None) if quiet else (lambda line: click.echo(line, err=True))
    wanted = explain.shortages(state, explain.sites_of(state, site, district))
    say(f"{len(wanted)} shortages")
    table = explain.reasons(state, explain.explained(state, wanted, say))
    totals = None
    if site is None and district is None:
        say("what would help most")
        totals = means.means(state)
    kept = {"reasons": table if totals is not None else explain.updated(plan.tables["reasons"], table)}
    if prices:
        curve = shadow.Curve(state.goods, state.kits)
        limits = list(shadow.limits(curve))
        say(f"prices of {len(limits)} limits, and how far each holds")
        kept["prices"] = shadow.table(shadow.priced(curve, limits))
    for name, frame in kept.items():
        text = planfile.as_text(OUTPUTS[name], frame, found.settings.start)
        runs.rewrite(run / f"{name}.csv", text.to_csv(index=False, lineterminator="\n"))
    if sealed:
        seal.seal(run, seal.digests(run))
    if as_json:
        rows = [] if totals is None else totals.to_dict("records")
        shown = planfile.as_text(OUTPUTS["reasons"], table, found.settings.start).to_dict("records")
        emit({"ok": True, "exit_code": 0, "reasons": shown, "means": rows})
        return 0
    click.echo(explain.rendered(state, table, totals, top))
    return 0


COMMANDS = (compare, candidates, explain, sweep, trade)

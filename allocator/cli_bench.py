"""Commands that run one model alone on public instances: `bench assign`, `bench cap` and `bench curtois`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from allocator.errors import NoPlanError
from allocator.limits import Watch
from allocator.shell import Seconds, command, limits_of

if TYPE_CHECKING:
    from allocator.certificate import Certificate


@click.group()
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
        result = benches.assign(costs, limits_of(seconds))
        if out is not None:
            benches.write_assign(result.columns, out / f"{path.stem}.csv")
        click.echo(json.dumps({"file": str(path)} | result.record()))
    return 0


@bench.command("cap")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=Path)
@click.option("--seconds", type=Seconds(), default=60.0, show_default=True, help="Per file.")
@click.option(
    "--out",
    type=Path,
    metavar="DIR",
    help="Also write each solution as DIR/FILE.csv: facility,customer,share from 1.",
)
@command
def bench_cap(files: tuple[Path, ...], seconds: float, out: Path | None, as_json: bool) -> int:
    """Open facilities of OR-Library capacitated location FILES; a proof with each.

    Ctrl-C keeps the best solution so far and goes on with the next file.
    """
    from allocator import console, facilities
    from allocator.models import opening

    instances = facilities.read_all(files)
    code = 0
    for path, instance in zip(files, instances, strict=True):
        watch = Watch(limits_of(seconds), console.Ticker())
        found = console.interruptible(watch, partial(opening.solve, instance.question(), watch))
        if found.first_day is None:
            code = NoPlanError.exit_code
            click.echo(f"{path}: {facilities.why(instance)}", err=True)
        elif out is not None:
            facilities.write(instance, found, out / f"{path.stem}.csv")
        click.echo(_line(path, found.certificate))
    return code


def _line(path: Path, certificate: Certificate) -> str:
    names = ("status", "objective", "bound", "seconds")
    return json.dumps({"file": str(path)} | {name: getattr(certificate, name) for name in names})


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
        watch = Watch(limits_of(seconds, seed=seed), console.Ticker())
        found = console.interruptible(watch, partial(roster.solve, instance.team, watch))
        if found.shifts is None:
            code = NoPlanError.exit_code
            click.echo(f"{path}: {curtois.why(instance, found)}", err=True)
        elif out is not None:
            curtois.write(instance, found.shifts, out / f"{path.stem}.csv")
        click.echo(_line(path, found.certificate))
    return code

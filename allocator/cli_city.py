"""The command that makes a city of any size: `city`."""

from __future__ import annotations

from pathlib import Path

import click

from allocator.limits import Watch
from allocator.shell import command, emit


@click.command()
@click.argument("out", type=Path)
@click.option("--like", required=True, metavar="SCENARIO", help="The city whose shape is taken.")
@click.option(
    "--times",
    type=click.FloatRange(0, 1000, min_open=True),
    required=True,
    help="Size, 1 = as large as it is; 0.05 is a twentieth.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="Seed of all random choices.",
)
@click.option("--quiet", is_flag=True, help="No progress, no summary.")
@command
def city(out: Path, like: str, times: float, seed: int, quiet: bool, as_json: bool) -> int:
    """Write a scenario to OUT with the shape of a given one, any number of times as large.

    People to demand and goods to needs stay what they are. OUT must be a new or empty folder.
    """
    from allocator import city as cities
    from allocator import console, scenario

    watch = Watch(listen=None if quiet else console.Ticker())
    rows = cities.write(scenario.read(like), times, seed, out, watch)
    if as_json:
        emit({"ok": True, "exit_code": 0, "scenario": str(out), "rows": rows, "seconds": round(watch.seconds, 3)})
    elif not quiet:
        click.echo(f"{out}: " + ", ".join(f"{n:,} {name}" for name, n in rows.items()))
    return 0

"""The command `frontier`: what reopening gives back for the cadres and goods it takes."""

from __future__ import annotations

import os
from pathlib import Path

import click

from allocator.errors import InputError, Problem
from allocator.shell import Seconds, command, emit


@click.command()
@click.argument("scenario")
@click.option("--points", type=click.IntRange(2), default=10, show_default=True, help="Shares of the means to try.")
@click.option("--seconds", type=Seconds(), default=60.0, show_default=True, help="Time for all points together.")
@click.option(
    "--gap", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Leave a point at this gap, 0.02 = 2 %."
)
@click.option("--out", type=Path, metavar="FILE.svg", help="Also draw the curve.")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Change a setting of the scenario.")
@click.option("--quiet", is_flag=True, help="No progress.")
@command
def frontier(
    scenario: str,
    points: int,
    seconds: float,
    gap: float,
    out: Path | None,
    settings: tuple[str, ...],
    quiet: bool,
    as_json: bool,
) -> int:
    """Show what the enterprises and schools of SCENARIO regain for the cadres and goods they are granted.

    Each point names the cadres or the item that holds the value back.
    """
    from allocator import cli, resumptions

    if out is not None:
        _picture(out)
    found = cli.load(scenario, settings)

    def tell(point: resumptions.Point) -> None:
        if not quiet:
            click.echo(f"{100 * point.share:.1f} %: {point.value:,.1f} of at most {point.at_most:,.1f}", err=True)

    kept = resumptions.curve(found, points, seconds, gap, tell)
    item = resumptions.staple(found, list(kept[0].spent))
    if out is not None:
        part = out.with_name(out.name + ".part")
        part.write_text(resumptions.drawn(kept, item), encoding="utf-8")
        os.replace(part, out)
    if as_json:
        emit({"ok": True, "exit_code": 0, "staple": item, "points": [p.record() for p in kept]})
    else:
        click.echo(resumptions.rendered(kept, item))
    return 0


def _picture(path: Path) -> None:
    """Refuse before the work starts what could not be written after it."""
    if path.suffix.lower() != ".svg":
        expected = "a file whose name ends in .svg"
    elif path.is_dir() or not path.absolute().parent.is_dir():
        expected = "a file in a folder that exists"
    else:
        return
    raise InputError([Problem("--out", None, None, str(path), expected, "bad_out")])

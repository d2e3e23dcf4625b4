"""Commands that ask about plans in hand; `cli` adds them to the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from allocator.shell import command, emit


def scenario_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--scenario",
        "scenario",
        metavar="SCENARIO",
        help="The scenario of a run that does not hold its own.",
    )(function)


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
    from allocator.errors import InputError, Problem

    if path.suffix.lower() != ".xlsx":
        expected = "a file whose name ends in .xlsx"
    elif path.is_dir() or not path.absolute().parent.is_dir():
        expected = "a file in a folder that exists"
    else:
        return
    raise InputError([Problem("--sheet", None, None, str(path), expected, "bad_sheet")])


COMMANDS = (compare,)

"""The command that an installation ends with: `prepare`."""

from __future__ import annotations

import click

from allocator.limits import Limits, Watch
from allocator.shell import command, emit

FEW = 44
"""Cadres of the part of a city that is planned: enough to go through every loop."""
PEOPLE = 400
"""Cadres of a scenario that is planned as it is."""


@click.command()
@click.argument("scenario")
@command
def prepare(scenario: str, as_json: bool) -> int:
    """Compile the inner loops once, so that the first solve is as fast as every other.

    Plans a small part of SCENARIO and keeps no plan. What is compiled stays with the program, or in the
    user's cache folder, until the program changes.
    """
    import numpy as np

    from allocator import exact, pipeline
    from allocator.outlook import outlook
    from allocator.sample import sample
    from allocator.scenario import read

    if not as_json:
        click.echo("compiling the inner loops, once: up to a minute", err=True)
    limits = Limits(None, processes=1, rounds=1)
    watch = Watch(limits)
    found = read(scenario)
    cadres = len(found.table("cadres"))
    if cadres > PEOPLE:
        found = sample(found, FEW / cadres, np.random.default_rng(limits.seed))
    # never as one integer program, which needs none of the loops and might take for ever
    seen = outlook(found, limits, watch) if exact.asked(found) else None
    pipeline.Solve(found, limits, watch, None, seen).run()
    if as_json:
        emit({"ok": True, "exit_code": 0, "seconds": round(watch.seconds, 3)})
    else:
        click.echo(f"ready after {watch.seconds:.0f} s: the inner loops are compiled")
    return 0

"""The command that makes a fix: `allocator explain` finds it, `allocator fix` plans with it."""

from __future__ import annotations

from pathlib import Path

import click

from allocator.options import scenario_option
from allocator.shell import command, emit


@click.command()
@click.argument("run", type=Path)
@click.argument("site")
@click.argument("what", required=False)
@click.option("--out", type=Path, metavar="RUN", required=True, help="Folder for the plan with the fix.")
@click.option(
    "--rounds", type=click.IntRange(0), default=0, show_default=True,
    help="Rounds of search for all that can be better beside it; 0: everybody else stays.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Seed of the search.")
@scenario_option
@command
def fix(
    run: Path, site: str, what: str | None, out: Path, rounds: int, seed: int, scenario: str | None, as_json: bool
) -> int:
    """End a shortage of SITE in the plan RUN: write the plan with the fix that `allocator explain` shows, verified.

    WHAT is what is short, as `explain` names it ("guard day", "mask frontline"); without it, what saves most.
    """
    from allocator import cure, explain, phrases, ready, runs, seal
    from allocator.console import value
    from allocator.state import State

    state = State(*runs.load(run, scenario))
    e = cure.chosen(state, site, what)
    made = cure.cured(state, e, rounds, seed)
    runs.save(made.scenario, made.plan, out)
    seal.seal(out, seal.digests(out))
    ready.keep(State(made.scenario, made.plan), out, ready.digest(out))
    now, then = state.plan.objective or 0.0, made.plan.objective or 0.0
    assert e.fix is not None
    english, chinese = phrases.fix_words(state, e.fix)
    if as_json:
        head = {"ok": True, "exit_code": 0, "run": str(out), "site": site, "what": explain.named(state, e.shortage)}
        emit(head | {"fix": english, "fix_zh": chinese, "before": now, "objective": then})
        return 0
    click.echo(f"{site}, {explain.named(state, e.shortage)}: {english}")
    click.echo(f"{out}: the shortage is gone, the objective {value(then, 1)} instead of {value(now, 1)}")
    return 0

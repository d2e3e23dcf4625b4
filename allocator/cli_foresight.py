"""The command `foresight`: what planning for all cases is worth, and how it fares in demand nobody foresaw."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from allocator.errors import InputError, Problem
from allocator.limits import Limits
from allocator.shell import Seconds, command, emit, limits_of


@click.command()
@click.argument("run", type=Path)
@click.option(
    "--seconds", type=Seconds(), default=100.0, show_default=True,
    help="Time for each of the other plans; take that of RUN.",
)  # fmt: skip
@click.option(
    "--draws", type=click.IntRange(0), default=0, show_default=True, help="Draws of unplanned demand."
)
@click.option("--known/--no-known", default=True, help="Also plan for each case alone [default: yes].")
@click.option(
    "--keep", type=Path, metavar="FOLDER", help="Keep the other plans here, and take those that are here."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=0,
    show_default=True,
    help="Seed of all that is random.",
)
@click.option("--processes", type=click.IntRange(min=1), help="Processes to use [default: one per core].")
@click.option("--quiet", is_flag=True, help="No progress.")
@command
def foresight(
    run: Path,
    seconds: float,
    draws: int,
    known: bool,
    keep: Path | None,
    seed: int,
    processes: int | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Say what it is worth that RUN plans for several cases of demand at once.

    Plans for the mean demand and for each case alone are made; postings, openings and orders of RUN and of the plan for
    the mean are then followed through every case, and through --draws of demand nobody planned for.
    """
    from allocator import cases, foresight, runs

    scenario, plan = runs.load(run)
    if not cases.several(scenario):
        name = scenario.settings.name
        raise InputError([Problem(str(run), None, None, name, "a plan for several cases", "one_case")])
    limits = limits_of(seconds, 0.0, seed, processes)

    def say(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    def other(name: str, asked: Any) -> Any:
        return _made(name, asked, keep, limits, say)

    of_mean = other("mean", cases.expected(scenario))
    own = (
        {c.id: other(c.id, cases.scenario_in(scenario, c.id)) for c in cases.cases(scenario)} if known else {}
    )
    say("following both plans through every case")
    found = foresight.values(
        scenario,
        float(plan.objective or 0.0),
        foresight.in_cases(scenario, plan.tables),
        foresight.in_cases(scenario, of_mean.tables),
        {name: (float(p.objective or 0.0), p.bound) for name, p in own.items()},
    )
    if draws:
        seeds = range(1000 * (seed + 1), 1000 * (seed + 1) + draws)
        plans = {"planned_for_all": plan.tables, "planned_for_mean": of_mean.tables}
        found["draws"] = _draws(foresight.over_draws(scenario, plans, seeds, limits.processes), draws, say)
    if as_json:
        emit({"ok": True, "exit_code": 0, "run": str(run)} | found)
    else:
        click.echo(_rendered(found))
    return 0


def _made(name: str, asked: Any, keep: Path | None, limits: Limits, say: Any) -> Any:
    """A plan for a scenario of one case: the one kept, or a new one."""
    from allocator import pipeline, runs

    folder = None if keep is None else keep / name
    if folder is not None and (folder / "plan.json").is_file():
        # what one case alone asks for need not be a sound scenario by itself: it is planned anew then
        with contextlib.suppress(InputError):
            scenario, plan = runs.load(folder)
            if scenario.fingerprint == asked.fingerprint:
                return plan
    say(f"planning for {name}")
    plan = pipeline.solve(asked, limits)
    if folder is not None:
        runs.save(asked, plan, folder)
    return plan


def _draws(answers: Iterable[tuple[int, dict[str, float]]], count: int, say: Any) -> dict[str, Any]:
    """Mean and worst tenth of each plan, and how often planning for all cases is better."""
    import numpy as np

    from allocator.foresight import Told

    rows: list[dict[str, float]] = []
    for _, row in answers:
        rows.append(row)
        if len(rows) % 10 == 0 or len(rows) == count:
            say(f"{len(rows)} of {count} draws")
    each = {name: np.array([row[name] for row in rows]) for name in ("planned_for_all", "planned_for_mean")}
    better = int((each["planned_for_all"] < each["planned_for_mean"]).sum())
    told = {name: Told.of(penalties).record() for name, penalties in each.items()}
    return {"count": count, "planned_for_all_better_in": better} | told


def _rendered(found: dict[str, Any]) -> str:
    from allocator.console import aligned, percent, value

    rows = [
        (
            r["case"], percent(r["probability"]), value(r["planned_for_all"], 1), value(r["planned_for_mean"], 1),
            value(r["planned_for_it"], 1), value(r["bound"], 1),
        )
        for r in found["cases"]
    ]  # fmt: skip
    mean = (
        "mean",
        "",
        *(value(found[n], 1) for n in ("planned_for_all", "planned_for_mean", "each_case_known")),
        "",
    )
    header = (
        "demand case",
        "probability",
        "planned for all",
        "planned for the mean",
        "planned for it",
        "bound",
    )
    lines = [aligned(header, [*rows, mean])]
    lines.append(f"planning for all cases gains {value(found['value_of_stochastic_solution'], 1)}")
    most = found["value_of_perfect_information_at_most"]
    if most is not None:
        lines.append(f"knowing the case beforehand would gain at most {value(most, 1)}")
    if (drawn := found.get("draws")) is not None:
        told = [
            (words, value(drawn[name]["mean"], 1), value(drawn[name]["worst_tenth"], 1))
            for name, words in (
                ("planned_for_all", "planned for all"),
                ("planned_for_mean", "planned for the mean"),
            )
        ]
        lines.append(
            "\n" + aligned((f"{drawn['count']} draws", "mean penalty", "mean of the worst tenth"), told)
        )
        lines.append(f"planning for all cases is better in {drawn['planned_for_all_better_in']} of them")
    return "\n".join(lines)

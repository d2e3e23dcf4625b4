"""Options that several commands share, and the scenario and plan they stand for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from allocator.errors import InputError, Problem

if TYPE_CHECKING:
    from allocator.plan import Plan
    from allocator.scenario import Scenario


def scenario_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--scenario",
        "scenario",
        metavar="SCENARIO",
        help="The scenario of a run that does not hold its own.",
    )(function)


def after_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what has happened since the plan before."""
    function = click.option(
        "--frozen",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        help="Days from --today that stay as they are.",
    )(function)
    function = click.option(
        "--today", metavar="DATE", help="Day of the re-plan; what was before stays [default: first day of the events]."
    )(function)
    return click.option(
        "--events", type=Path, metavar="FILE", help="What has happened since --previous: plan the days that are left."
    )(function)


def begun(
    scenario: str,
    settings: tuple[str, ...],
    previous: Path | None,
    events: Path | None,
    today: str | None,
    frozen: int,
    max_changes: int | None = None,
) -> tuple[Scenario, Plan | None]:
    """The scenario a solve is about, and the plan it starts from where one is carried on."""
    from allocator import cli, plan, runs

    if events is None:
        found = cli.load(scenario, settings, previous)
        lone = [name for name, value in (("--today", today), ("--frozen", frozen)) if value]
        if lone or (max_changes is not None and previous is None):
            name = lone[0] if lone else "--max-changes"
            expected = "--events beside it" if lone else "--previous beside it"
            raise _refused(name, "", expected)
        start = None if max_changes is None or previous is None else plan.read(previous, found.settings.start)
        return found, start
    if previous is None:
        raise _refused("--events", str(events), "--previous beside it: the run carried on")
    return _after(*runs.load(previous, cli.load(scenario)), events, today, frozen, settings)


def _refused(option: str, value: str, expected: str) -> InputError:
    return InputError([Problem(option, None, None, value, expected, "bad_option")])


def _after(
    scenario: Scenario, plan: Plan, file: Path, today: str | None, frozen: int, settings: tuple[str, ...]
) -> tuple[Scenario, Plan]:
    from allocator import events, replan
    from allocator import scenario as scenarios

    happened = events.read(file, scenario)
    if today is None and not len(happened):
        raise _refused("--today", "", "a date: there are no events to begin with")
    try:
        day = int(happened["first_day"].min()) if today is None else scenario.day(today)
    except ValueError:
        raise _refused("--today", str(today), "a date such as 2020-02-08") from None
    first = day + frozen
    found = replan.follow(scenario, plan, happened, first)
    if settings:
        found = scenarios.apply_settings(found, settings)
    return found, replan.carried(plan, first)

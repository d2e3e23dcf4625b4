"""How every command answers: exit codes, one JSON document, errors without a traceback."""

from __future__ import annotations

import functools
import json
import math
import os
import traceback
from collections.abc import Callable
from typing import Any

import click

from allocator.errors import AllocatorError, InputError, PlanError
from allocator.limits import Limits

INTERNAL, ABORTED = 1, 130


def emit(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False, default=_plain))


def _plain(value: Any) -> Any:
    """A numpy number or a path, as JSON knows it."""
    return value.item() if hasattr(value, "item") else str(value)


def fail(error: Exception, as_json: bool, debug: bool) -> int:
    """Say what is wrong, everything of it, and return the exit code."""
    if debug:
        click.echo("".join(traceback.format_exception(error)), err=True)
    code = _exit_code(error)
    message = str(error)
    if code == INTERNAL:
        hint = "" if debug else " (--debug shows where)"
        message = f"internal error, {type(error).__name__}: {message}{hint}"
    if as_json:
        emit({"ok": False, "exit_code": code} | _rows(error, message))
    else:
        click.echo(f"Errors:\n{message}" if "\n" in message else f"Error: {message}", err=True)
    return code


def _exit_code(error: Exception) -> int:
    if isinstance(error, AllocatorError):
        return error.exit_code
    return InputError.exit_code if isinstance(error, OSError) else INTERNAL


def _rows(error: Exception, message: str) -> dict[str, Any]:
    if isinstance(error, InputError):
        return {"problems": [p.record() for p in error.problems]}
    if isinstance(error, PlanError):
        return {"violations": [v.record() for v in error.violations]}
    return {"error": message}


def command(function: Callable[..., int]) -> Callable[..., None]:
    """Give a command `--json` and `--debug`; its errors and its answer become exit codes."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    @functools.wraps(function)
    def run(as_json: bool, debug: bool, **options: Any) -> None:
        try:
            code = function(as_json=as_json, **options)
        except click.ClickException:
            raise
        except KeyboardInterrupt:
            click.echo("Aborted, nothing written.", err=True)
            code = ABORTED
        except Exception as error:
            code = fail(error, as_json, debug)
        click.get_current_context().exit(code)

    return run


class Seconds(click.FloatRange):
    """A time above 0; `inf` is one, `nan` is not."""

    name = "seconds"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a time.", param, ctx)
        return seconds


def limits_of(seconds: float, gap: float = 0.0, seed: int = 0, processes: int | None = None) -> Limits:
    """Limits of a solve; as many processes as there are cores unless told otherwise."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Limits(None if math.isinf(seconds) else seconds, gap, seed, processes or cores)

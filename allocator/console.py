"""What a person at a terminal sees and does while a plan is made: news, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import click

from allocator.limits import Progress, Watch
from allocator.shell import ABORTED

Answer = TypeVar("Answer")


class Ticker:
    """Prints one line of news on stderr for each step, under a header."""

    def __init__(self) -> None:
        self.begun = False

    def __call__(self, news: Progress) -> None:
        if not self.begun:
            click.echo(f"{'time':>8}  {'stage':<12}{'objective':>16}{'bound':>16}{'gap':>9}", err=True)
            self.begun = True
        numbers = f"{value(news.objective):>16}{value(news.bound):>16}{percent(news.gap):>9}"
        click.echo(f"{news.seconds:6.1f} s  {news.stage:<12}{numbers}  {news.note}".rstrip(), err=True)


def value(number: float | None, digits: int = 1) -> str:
    """A number with thousands separated; a dash where there is none."""
    return "-" if number is None else f"{number:,.{digits}f}"


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f} %"


def width(text: str) -> int:
    """Columns a text takes on a terminal: a Chinese character takes two."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table in plain text: the first `left` columns flush left, the others flush right."""
    if not rows:
        return ""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(width(line[k]) for line in lines) for k in range(len(header))]

    def cell(text: str, k: int) -> str:
        space = " " * (widths[k] - width(text))
        return text + space if k < left else space + text

    return "\n".join("  ".join(cell(text, k) for k, text in enumerate(line)).rstrip() for line in lines)


def interruptible(watch: Watch, decide: Callable[[], Answer]) -> Answer:
    """Run `decide` so that Ctrl-C asks it to end with what it has, and a second one aborts.

    It runs in a second thread: Python hears a signal only between two of its own
    instructions, and a solver may stay in its library for a long time.
    """
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(decide())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="decide", daemon=True)
    with _heard(watch):
        thread.start()
        while thread.is_alive():
            thread.join(0.2)
    if errors:
        raise errors[0]
    return answers[0]


@contextmanager
def _heard(watch: Watch) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        if watch.stopped:
            click.echo("Aborted, nothing written.", err=True)
            os._exit(ABORTED)  # the solver's thread cannot be stopped in any gentler way
        click.echo("Keeping the best plan so far; Ctrl-C once more aborts.", err=True)
        watch.stop()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

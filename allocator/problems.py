"""Collects problems: all of them, in reading order, long runs of one kind cut short."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from allocator.errors import InputError, Problem

Read = TypeVar("Read")

MOST = 200
"""Problems of one kind listed for one column; what is beyond is counted in one last line."""
SHOWN = 60
"""Characters of a value that are shown."""


def nearest(word: str, known: Iterable[str], count: int = 3) -> str:
    """Say which known names a wrong one may have meant, or which there are."""
    names = [k for k in dict.fromkeys(known) if k]
    if not names:
        return "none is known"
    folded = {n.casefold(): n for n in reversed(names)}
    close = difflib.get_close_matches(word.casefold(), list(folded)[:5000], count, 0.6)
    best = difflib.SequenceMatcher(None, word.casefold(), close[0]).ratio() if close else 0
    close = [c for c in close if difflib.SequenceMatcher(None, word.casefold(), c).ratio() > best - 0.1]
    if close:
        return "did you mean " + " or ".join(f"'{folded[c]}'" for c in close) + "?"
    listed = ", ".join(names[:8])
    return f"known: {listed}" + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def hints(words: Sequence[str], known: Iterable[str]) -> list[str]:
    """Return '; did you mean ...' for the words that will be shown, as far as that is quick."""
    names = sorted(known)
    quick = max(3, min(MOST, 10_000 // max(1, len(names))))
    near = {word: f"; {nearest(word, names)}" for word in list(dict.fromkeys(words[:MOST]))[:quick]}
    return [near.get(word, "") for word in words[:MOST]]


def shown(value: Any) -> str:
    """Make a value printable on one line."""
    if isinstance(value, int) and value.bit_length() > 1000:
        return "a number of more than 300 digits"
    text = "".join(ch if ch.isprintable() else "\ufffd" for ch in str(value).replace("\n", " "))
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def read_each(read: Callable[[Path], Read], paths: Sequence[Path]) -> list[Read]:
    """Read every file; InputError with the faults of all of them."""
    found: list[Read] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found.append(read(path))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return found


@dataclass
class Problems:
    """The problems found so far; `add` for one place, `add_rows` for many rows of a column."""

    found: list[Problem] = field(default_factory=list)
    order: dict[str, int] = field(default_factory=dict)
    """File -> place in the final list; files are listed in the order they are announced."""

    def announce(self, file: str) -> None:
        self.order.setdefault(file, len(self.order))

    def add(
        self,
        fault: str,
        file: str,
        expected: str,
        row: int | None = None,
        column: str | None = None,
        value: Any = "",
        level: str = "error",
    ) -> None:
        self.announce(file)
        self.found.append(Problem(file, row, column, shown(value), expected, fault, level))

    def add_rows(
        self,
        fault: str,
        file: str,
        column: str | None,
        rows: Sequence[int] | np.ndarray,
        values: Sequence[Any],
        expected: str | Sequence[str],
        level: str = "error",
    ) -> None:
        """Add one problem per row, at most `MOST`, then one that counts the rest.

        `values` and `expected` may end after `MOST`.
        """
        for k in range(min(len(rows), MOST)):
            text = expected if isinstance(expected, str) else expected[k]
            self.add(fault, file, text, int(rows[k]), column, values[k], level)
        rest = len(rows) - MOST
        if rest > 0:
            more = f"and {rest:,} more rows, the last is row {int(rows[-1])}: the same kind of fault"
            self.add(fault, file, more, None, column, "", level)

    @property
    def errors(self) -> bool:
        return any(p.level == "error" for p in self.found)

    def listed(self) -> tuple[Problem, ...]:
        """All problems once, by file, row and the order found."""
        unique = list(dict.fromkeys(self.found))
        last = 1 << 60
        # a problem of a whole column comes first, the count of the rest of a long run last
        unique.sort(key=lambda p: (self.order[p.file], last if p.expected.startswith("and ") else p.row or 0))
        return tuple(unique)

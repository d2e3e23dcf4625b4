"""Rows of the run in force as a page needs them, and nothing the reader may not see.

`scope` is the district a reader is bound to, None for the organizers; every question carries it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Protocol

from allocator.store import Run, Token

Rows = list[dict[str, Any]]
KEPT = 64
"""Tables of runs that are kept in memory; a run never changes."""


class Source(Protocol):
    """A store, as far as pages read it."""

    @property
    def rows(self) -> Any: ...


class Gate(Protocol):
    """Who asks, which run is in force, and how often one may ask."""

    def who(self, secret: str) -> Token | None: ...
    def failed(self) -> None: ...
    def work(self, caller: Token) -> None: ...
    def current(self) -> Run | None: ...


@dataclass(frozen=True)
class Tally:
    """People required and missing on a day or at a place."""

    required: int = 0
    covered: int = 0

    @property
    def short(self) -> int:
        return self.required - self.covered


@dataclass(frozen=True)
class Span:
    """The hours of a shift, in minutes after midnight."""

    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


class Reader:
    """Reads a store; small tables and sums are kept, as a run never changes."""

    def __init__(self, store: Source):
        self._store = store
        self._kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._lock = threading.Lock()

    def rows(self, run: Run, name: str, scope: str | None, **given: str) -> Rows:
        """Return rows of a table, filtered, as far as `scope` may see them and the case shown has them."""
        found: Rows = self._store.rows.page(run.number, name, scope, given).records()
        return [row for row in found if row.get("case", "") in ("", case(run))]

    def table(self, run: Run, name: str, scope: str | None) -> Mapping[str, dict[str, Any]]:
        """Return a table of names and places by its code."""
        key = {"districts": "district", "sites": "site", "duties": "duty"}
        key |= {"cadres": "cadre", "items": "item", "depots": "depot"}

        def read() -> dict[str, dict[str, Any]]:
            return {row[key[name]]: row for row in self.rows(run, name, scope)}

        return self._keep((run.number, name, scope), read)

    def kits(self, run: Run) -> dict[str, Rows]:
        """Return duty -> what one person uses up on a shift of it."""

        def read() -> dict[str, Rows]:
            found = defaultdict(list)
            for row in self.rows(run, "kits", None):
                found[row["duty"]].append(row)
            return found

        return self._keep((run.number, "kits"), read)

    def rings(self, run: Run, scope: str | None) -> dict[str, list[list[tuple[float, float]]]]:
        """Return district -> its outline."""

        def read() -> dict[str, list[list[tuple[float, float]]]]:
            found: dict[tuple[str, int], list[tuple[int, float, float]]] = defaultdict(list)
            for row in self.rows(run, "outlines", scope):
                found[row["district"], row["ring"]].append((row["point"], row["lon"], row["lat"]))
            rings: dict[str, list[list[tuple[float, float]]]] = defaultdict(list)
            for (district, _), points in sorted(found.items()):
                rings[district].append([(x, y) for _, x, y in sorted(points)])
            return rings

        return self._keep((run.number, "rings", scope), read)

    def days(self, run: Run, scope: str | None) -> dict[str, Tally]:
        """Return ISO date -> people required and covered, every day of the run."""

        def read() -> dict[str, Tally]:
            sums = {day.isoformat(): [0, 0] for day in days(run)}
            for row in self.rows(run, "coverage", scope):
                sums[row["day"]][0] += row["required"]
                sums[row["day"]][1] += row["required"] - row["shortage"]
            return {day: Tally(*pair) for day, pair in sums.items()}

        return self._keep((run.number, "days", scope, case(run)), read)

    def _keep(self, key: tuple[Any, ...], read: Callable[[], Any]) -> Any:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = read()
        with self._lock:
            self._kept[key] = found
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found


def days(run: Run) -> list[date]:
    """Return every day of a run."""
    return [run.start + timedelta(days=n) for n in range(int(run.head["days"]))]


def spans(run: Run) -> dict[str, Span]:
    """Return shift -> its hours."""
    found = {}
    for shift in run.head["shifts"]:
        hour, minute = (int(part) for part in str(shift["start"]).split(":")[:2])
        found[shift["id"]] = Span(60 * hour + minute, round(60 * float(shift["hours"])))
    return found


def cases(run: Run) -> dict[str, float]:
    """Return demand case -> probability, in the plan's order; empty where there is one certain case."""
    return {str(entry["id"]): float(entry["probability"]) for entry in run.head.get("cases", [])}


def case(run: Run) -> str:
    """Return the case that is shown: the one chosen by `in_case`, else the likeliest."""
    known = cases(run)
    return str(run.head.get("shown_case") or max(known, key=known.__getitem__, default=""))


def in_case(run: Run, wish: str) -> Run:
    """Return the run as it is in a case, where it has it."""
    return replace(run, head=run.head | {"shown_case": wish}) if wish in cases(run) else run


def title(run: Run) -> str:
    return str(run.head.get("title") or run.head["scenario"])

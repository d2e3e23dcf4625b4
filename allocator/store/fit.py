"""Does a report fit the run in force: does it name what is there, on days that the run has?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from allocator.errors import Problem
from allocator.store.runs import Run
from allocator.store.schema import CITY, SERVED, WORDS, published

PLACES = ("sites", "depots")


def fit(
    connection: sa.Connection, run: Run, district: str | None, kind: str, body: Mapping[str, Any]
) -> tuple[str, list[Problem]]:
    """Return the part of the city a report is about, and everything in it that does not fit.

    What another district has is answered as what does not exist.
    """
    look = _Look(connection, run.number, district)
    problems = [*_days(run, body), *_target(body), *_shift(run, body)]
    part = CITY
    if "cadre" in body:
        found = look.part("cadres", body["cadre"])
        problems += [_problem("cadre", body, _ours("a cadre", district))] if found is None else []
        part = found or CITY
    if "place" in body:
        tables = PLACES if kind == "stock" else PLACES[:1]
        found = next((p for t in tables if (p := look.part(t, body["place"])) is not None), None)
        named = "a site or depot" if kind == "stock" else "a site"
        problems += [_problem("place", body, _ours(named, district))] if found is None else []
        part = found or CITY
    for name, column in (("duties", "duty"), ("items", "item")):
        if column in body and look.part(name, body[column]) is None:
            problems.append(_problem(column, body, f"one of the run's {name}"))
    return part, problems


class _Look:
    """What a reader can see of a run."""

    def __init__(self, connection: sa.Connection, number: int, district: str | None):
        self._connection, self._number, self._district = connection, number, district

    def part(self, name: str, code: str) -> str | None:
        """The part that a code lies in; None where there is none, or none for this reader."""
        table = published[name]
        key = table.c[SERVED[name].key[0]]
        found = self._connection.scalar(
            sa.select(table.c.part).where(table.c.run == self._number, key == code)
        )
        foreign = name not in WORDS and self._district not in (None, found)
        return None if found is None or foreign else str(found)


def _ours(what: str, district: str | None) -> str:
    return f"{what} of the run in force" if district is None else f"{what} of your district in the run in force"


def _days(run: Run, body: Mapping[str, Any]) -> Iterator[Problem]:
    last = run.start + timedelta(days=int(run.head["days"]) - 1)
    given = {c: date.fromisoformat(body[c]) for c in ("first_day", "last_day") if body.get(c)}
    for column, day in given.items():
        if not run.start <= day <= last:
            yield _problem(column, body, f"a day from {run.start} to {last}")
    if "last_day" in given and given["last_day"] < given["first_day"]:
        yield _problem("last_day", body, "a day not before first_day")


def _target(body: Mapping[str, Any]) -> Iterator[Problem]:
    if "target" in body and body["target"] < body["required"]:
        yield _problem("target", body, f"at least required, {body['required']}")


def _shift(run: Run, body: Mapping[str, Any]) -> Iterator[Problem]:
    known = [shift["id"] for shift in run.head["shifts"]]
    if "shift" in body and body["shift"] not in known:
        yield _problem("shift", body, f"one of {', '.join(known)}")


def _problem(column: str, body: Mapping[str, Any], expected: str) -> Problem:
    return Problem("event", None, column, str(body[column])[:100], expected, "misfit")

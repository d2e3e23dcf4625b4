"""Assignments with their names: what rosters in workbooks and calendars are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from allocator.store import Page, Run, Store


@dataclass(frozen=True)
class Line:
    """One cadre on one shift."""

    cadre: str
    office: str
    day: date
    shift: str
    begins: datetime
    """Local time."""
    ends: datetime
    site: str
    place: str
    township: str
    district: str
    duty: str
    work: str
    """Name of the duty."""


def lines(store: Store, run: Run, district: str | None, page: Page) -> list[Line]:
    """Return the lines of a page of assignments, by day, shift, place and cadre.

    `district` None: the reader is an organizer.
    """
    sites = _by_code(store, run, "sites", district)
    cadres = _by_code(store, run, "cadres", district)
    duties = _by_code(store, run, "duties", district)
    districts = _by_code(store, run, "districts", district)
    spans = {shift["id"]: _span(shift) for shift in run.head["shifts"]}
    made = []
    for row in page.records():
        site, day = sites[row["site"]], date.fromisoformat(row["day"])
        start, length = spans[row["shift"]]
        begins = datetime.combine(day, datetime.min.time()) + start
        made.append(
            Line(
                cadre=row["cadre"],
                office=cadres[row["cadre"]]["office"],
                day=day,
                shift=row["shift"],
                begins=begins,
                ends=begins + length,
                site=row["site"],
                place=site["name"],
                township=site["township"],
                district=districts[site["district"]]["name"],
                duty=row["duty"],
                work=duties[row["duty"]]["name"],
            )
        )
    return sorted(made, key=lambda line: (line.day, line.begins, line.shift, line.site, line.cadre))


def _by_code(store: Store, run: Run, name: str, district: str | None) -> Mapping[str, Mapping[str, Any]]:
    page = store.rows.page(run.number, name, district)
    return {row[0]: dict(zip(page.columns, row, strict=True)) for row in page.rows}


def _span(shift: Mapping[str, Any]) -> tuple[timedelta, timedelta]:
    hour, minute = (int(part) for part in str(shift["start"]).split(":"))
    return timedelta(hours=hour, minutes=minute), timedelta(hours=float(shift["hours"]))


def title(run: Run, found: Sequence[Line]) -> str:
    """What a roster is of: the scenario's title, and the district or cadre where it is one."""
    parts = [str(run.head["title"] or run.head["scenario"])]
    for values in ({line.district for line in found}, {line.cadre for line in found}):
        parts += values if len(values) == 1 else ()
    return " · ".join(parts)

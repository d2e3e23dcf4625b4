"""What a page shows, put together from rows: gaps of a night, places of a day, arrivals, a week's roster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from allocator.pages.reader import Reader, Rows, Span, spans
from allocator.store import Run
from allocator.words import brief, hours

EVENING, MORNING, DAY = 20 * 60, 4 * 60, 24 * 60
"""A night lasts from 20:00 to 04:00 of the day after."""


@dataclass(frozen=True)
class Gap:
    """People missing at one place on one shift."""

    site: str
    name: str
    township: str
    duty: str
    day: date
    hours: str
    start: int
    """Minutes after midnight of the day the night begins."""
    short: int
    staffed: int
    required: int


@dataclass(frozen=True)
class Night:
    """The night that begins on a day: everything that is missing in it."""

    gaps: list[Gap]
    required: int

    @property
    def short(self) -> int:
        return sum(gap.short for gap in self.gaps)

    @property
    def places(self) -> int:
        return len({gap.site for gap in self.gaps})


@dataclass
class Place:
    """One site on one day."""

    site: dict[str, Any]
    required: int = 0
    covered: int = 0
    present: int = 0
    by_shift: dict[tuple[int, str], int] = field(default_factory=lambda: defaultdict(int))
    """Start and hours of a shift -> people missing."""

    @property
    def short(self) -> int:
        return self.required - self.covered

    @property
    def gaps(self) -> list[str]:
        """Hours of the shifts that lack people, and how many: '8–16 −2'."""
        return [f"{label} −{short}" for (_, label), short in sorted(self.by_shift.items())]


def night(reader: Reader, run: Run, scope: str | None, day: date) -> Night:
    """Return what is missing on the shifts of the night that begins on a day, the largest gap first."""
    known, sites, duties = spans(run), reader.table(run, "sites", scope), reader.table(run, "duties", scope)
    gaps, required = [], 0
    for shift_day, offset in ((day, 0), (day + timedelta(days=1), DAY)):
        for row in reader.rows(run, "coverage", scope, day=shift_day.isoformat()):
            span = known[row["shift"]]
            if not in_night(span, offset):
                continue
            required += row["required"]
            if row["shortage"]:
                gaps.append(_gap(row, sites, duties, span, shift_day, offset))
    gaps.sort(key=lambda gap: (-gap.short, gap.start, gap.site))
    return Night(gaps, required)


def in_night(span: Span, offset: int) -> bool:
    """Tell whether a shift, `offset` minutes after the day began, reaches into its night."""
    return span.start + offset < DAY + MORNING and span.end + offset > EVENING


def _gap(
    row: Mapping[str, Any], sites: Mapping[str, Any], duties: Mapping[str, Any], span: Span, day: date, offset: int
) -> Gap:
    site = sites[row["site"]]
    return Gap(
        site=row["site"],
        name=site["name"],
        township=site["township"],
        duty=duties[row["duty"]]["name"],
        day=day,
        hours=hours(span.start, span.length),
        start=span.start + offset,
        short=row["shortage"],
        staffed=row["staffed"],
        required=row["required"],
    )


def places(reader: Reader, run: Run, scope: str | None, day: date) -> list[Place]:
    """Return every site that asks for people on a day, the largest shortage first."""
    known, sites = spans(run), reader.table(run, "sites", scope)
    found: dict[str, Place] = {}
    for row in reader.rows(run, "coverage", scope, day=day.isoformat()):
        place = found.setdefault(row["site"], Place(sites[row["site"]]))
        place.required += row["required"]
        place.covered += row["required"] - row["shortage"]
        place.present += row["staffed"]
        if row["shortage"]:
            span = known[row["shift"]]
            place.by_shift[span.start, brief(span.start, span.length)] += row["shortage"]
    return sorted(found.values(), key=lambda p: (-p.short, p.site["township"], p.site["site"]))


def townships(found: Iterable[Place]) -> list[dict[str, Any]]:
    """Return the townships of some places, the largest shortage first."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for place in found:
        entry = sums[place.site["district"], place.site["township"]]
        entry[0] += place.required
        entry[1] += place.covered
        entry[2] += 1
    rows = [
        {"district": d, "township": t, "required": r, "covered": c, "short": r - c, "places": n}
        for (d, t), (r, c, n) in sums.items()
    ]
    return sorted(rows, key=lambda row: (-row["short"], row["district"], row["township"]))


def shifts(reader: Reader, run: Run, scope: str | None, work: Rows) -> list[dict[str, Any]]:
    """Return assignments, or cells of coverage, with their names and hours, by day, place, hours and cadre."""
    known, sites = spans(run), reader.table(run, "sites", scope)
    duties, cadres = reader.table(run, "duties", scope), reader.table(run, "cadres", scope)
    found = []
    for row in work:
        span, site = known[row["shift"]], sites[row["site"]]
        found.append(
            row
            | {
                "date": date.fromisoformat(row["day"]),
                "start": span.start,
                "hours": hours(span.start, span.length),
                "brief": brief(span.start, span.length),
                "name": site["name"],
                "township": site["township"],
                "work": duties[row["duty"]]["name"],
                "office": cadres.get(row.get("cadre", ""), {}).get("office", ""),
            }
        )
    return sorted(found, key=lambda r: (r["date"], r["township"], r["site"], r["start"], r.get("cadre", "")))


@dataclass(frozen=True)
class Arrivals:
    """Goods that arrive somewhere on a day: at each place, and in all by item."""

    places: list[tuple[str, list[tuple[str, int, str]]]]
    totals: list[tuple[str, int, str]]


def arrivals(reader: Reader, run: Run, scope: str | None, day: date, site: str | None = None) -> Arrivals:
    """Return what arrives on a day at the sites (or at one site) of a district; depots are left out."""
    given = {"arrives": day.isoformat()} | ({"site": site} if site else {})
    sites, items = reader.table(run, "sites", scope), reader.table(run, "items", scope)
    by_place: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    totals: dict[str, int] = defaultdict(int)
    for row in reader.rows(run, "shipments", scope, **given):
        if row["destination"] in sites:
            by_place[row["destination"]][row["item"]] += row["quantity"]
            totals[row["item"]] += row["quantity"]

    def named(sums: Mapping[str, int]) -> list[tuple[str, int, str]]:
        return [(items[i]["name"], sums[i], items[i]["unit"]) for i in items if i in sums]

    order = sorted(by_place, key=lambda code: (sites[code]["township"], code))
    return Arrivals([(code, named(by_place[code])) for code in order], named(totals))


def week(reader: Reader, run: Run, scope: str | None, first: date) -> list[dict[str, Any]]:
    """Return a roster of seven days: one row per place and cadre, seven cells of shifts."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for n in range(7):
        day = (first + timedelta(days=n)).isoformat()
        for row in shifts(reader, run, scope, reader.rows(run, "assignments", scope, day=day)):
            key = (row["township"], row["site"], row["cadre"])
            entry = rows.setdefault(key, row | {"cells": [None] * 7})
            entry["cells"][n] = row
    return [rows[key] for key in sorted(rows)]


def monday(day: date) -> date:
    """Return the first day of a day's week."""
    return day - timedelta(days=day.weekday())


def calendar(found: list[dict[str, Any]]) -> list[list[tuple[date, Any]]]:
    """The shifts of one cadre, week by week from Monday, from the first week worked to the last."""
    if not found:
        return []
    worked = {row["date"]: row for row in found}
    day, last = min(worked), max(worked)
    day = monday(day)
    weeks = []
    while day <= last:
        weeks.append([(d := day + timedelta(days=n), worked.get(d)) for n in range(7)])
        day += timedelta(days=7)
    return weeks

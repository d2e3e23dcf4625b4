"""Rosters as iCalendar (RFC 5545): one event per shift, for the calendar of a telephone.

Times are local, without a zone: eight in the morning is eight in the morning at the site.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from allocator.service.roster import Line, title
from allocator.store import Run

WIDTH = 75
"""Octets a line may have."""
ESCAPES = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})


def calendar(run: Run, found: Sequence[Line]) -> bytes:
    """Return a calendar of these lines; the same run gives the same bytes."""
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//allocator//roster//ZH", "CALSCALE:GREGORIAN"]
    head += ["METHOD:PUBLISH", f"X-WR-CALNAME:{_text(title(run, found))}"]
    events = (entry for line in found for entry in _event(run, line))
    return "".join(_folded([*head, *events, "END:VCALENDAR"])).encode()


def _event(run: Run, line: Line) -> Iterator[str]:
    code = f"{line.cadre}-{line.day:%Y%m%d}@{run.head['scenario']}.allocator"
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(code)}"
    yield f"DTSTAMP:{datetime.fromisoformat(run.published):%Y%m%dT%H%M%SZ}"
    yield f"SEQUENCE:{run.number}"
    yield f"DTSTART:{line.begins:%Y%m%dT%H%M%S}"
    yield f"DTEND:{line.ends:%Y%m%dT%H%M%S}"
    yield f"SUMMARY:{_text(f'{line.work} · {line.place}')}"
    yield f"LOCATION:{_text(f'{line.district} {line.township} {line.place}')}"
    yield "DESCRIPTION:" + _text(f"干部 cadre {line.cadre} {line.office}\n班次 shift {line.shift}")
    yield "END:VEVENT"


def _text(text: str) -> str:
    return text.translate(ESCAPES)


def _folded(entries: Iterable[str]) -> Iterator[str]:
    """Break lines at 75 octets, never inside a character."""
    for entry in entries:
        room, part = WIDTH, ""
        for character in entry:
            size = len(character.encode())
            if size > room:
                yield f"{part}\r\n"
                part, room = " ", WIDTH - 1
            part += character
            room -= size
        yield f"{part}\r\n"

"""Duties, shifts and what every profile asks for in people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from .places import Place

START, DAYS = date(2020, 2, 3), 28
END = START + timedelta(days=DAYS - 1)

DUTIES = (
    ("watch", "交通要道与小区(村)口值守", "", 1.0),
    ("distribution", "防疫物资配送", "logistics", 0.9),
    ("tracing", "人员排查与随访", "medical", 1.3),
    ("patrol", "车站等公共场所巡查", "", 1.1),
    ("disinfection", "消毒与清洁", "", 1.0),
    ("publicity", "社区、企业、学校宣传", "", 0.8),
)
SHIFTS = (
    ("day", "08:00", 8, False),
    ("late", "16:00", 8, False),
    ("night", "00:00", 8, True),
    ("rail1", "00:00", 6, True),
    ("rail2", "06:00", 6, False),
    ("rail3", "12:00", 6, False),
    ("rail4", "18:00", 6, False),
    ("morning", "05:30", 6.5, False),
)


@dataclass(frozen=True)
class Ask:
    """So many people for a duty and a shift on some days of February (first, last: day of the month)."""

    duty: str
    shift: str
    required: int
    target: int
    weekdays: str = "1-7"
    first: int = 3
    last: int = 30


def _gate(required: int, target: int) -> Ask:
    return Ask("watch", "day", required, target)


def _weekend() -> Ask:
    """One more wanted at the gate on Saturday and Sunday, when people go out."""
    return Ask("watch", "day", 0, 1, "6-7")


def _one(duty: str, weekdays: str, first: int = 3) -> Ask:
    return Ask(duty, "day", 1, 1, weekdays, first)


def _clock(duty: str, *teams: tuple[int, int]) -> tuple[Ask, ...]:
    """Four six-hour shifts round the clock."""
    return tuple(Ask(duty, f"rail{i}", r, t) for i, (r, t) in enumerate(teams, 1))


def _post(day: tuple[int, int], late: tuple[int, int], night: tuple[int, int]) -> tuple[Ask, ...]:
    """Three eight-hour shifts at a checkpoint, which closes on 24 February."""
    teams = (("day", day), ("late", late), ("night", night))
    return tuple(Ask("watch", shift, r, t, last=24) for shift, (r, t) in teams)


def _firm(large: bool, first: int) -> tuple[Ask, ...]:
    asks = (_one("publicity", "2,4", first), _one("disinfection", "1", first))
    return (Ask("watch", "day", 1, 2, "1-6", first), *asks) if large else asks


PROFILES: dict[str, tuple[Ask, ...]] = {
    "village-S": (_gate(1, 1), Ask("publicity", "day", 0, 1, "2")),
    "village-M": (_gate(1, 1), _weekend(), _one("publicity", "2")),
    "village-L": (_gate(1, 2), _one("publicity", "2"), _one("disinfection", "3")),
    "village-S-high": (_gate(1, 2), _one("publicity", "2"), _one("disinfection", "1,4")),
    "village-M-high": (_gate(1, 2), _one("publicity", "2"), _one("disinfection", "1,4")),
    "village-L-high": (
        _gate(2, 3),
        _one("publicity", "2,5"),
        _one("disinfection", "1,4"),
        _one("distribution", "6"),
    ),
    "community-S": (_gate(1, 1), _one("publicity", "2"), Ask("disinfection", "day", 0, 1, "3")),
    "community-M": (_gate(1, 1), _weekend(), _one("publicity", "2"), _one("distribution", "4")),
    "community-L": (
        _gate(1, 2),
        _one("publicity", "2"),
        _one("disinfection", "3"),
        _one("distribution", "4"),
    ),
    "community-S-high": (
        _gate(1, 2),
        _one("publicity", "2"),
        _one("disinfection", "3,6"),
        _one("distribution", "4"),
    ),
    "community-M-high": (
        _gate(1, 2),
        _one("publicity", "2"),
        _one("disinfection", "3,6"),
        _one("distribution", "4"),
        _one("tracing", "1,3,5"),
    ),
    "community-L-high": (
        _gate(2, 3),
        _one("publicity", "2"),
        _one("disinfection", "3,6"),
        _one("distribution", "1,4"),
        _one("tracing", "1-5"),
    ),
    "rail-main": (
        *_clock("patrol", (10, 12), (13, 16), (14, 17), (11, 14)),
        Ask("disinfection", "rail2", 2, 3),
        Ask("disinfection", "rail4", 2, 3),
    ),
    "rail-east": (*_clock("patrol", (3, 4), (7, 9), (8, 10), (6, 8)), Ask("disinfection", "rail3", 1, 2)),
    "rail-yixing": (*_clock("patrol", (3, 3), (5, 6), (5, 7), (4, 5)), Ask("disinfection", "rail3", 1, 1)),
    "rail-small": _clock("patrol", (3, 3), (3, 5), (4, 5), (3, 4)),
    "airport": (*_clock("patrol", (2, 3), (5, 7), (5, 7), (4, 6)), Ask("disinfection", "rail3", 1, 2)),
    "bus-main": (Ask("patrol", "rail2", 3, 4), Ask("patrol", "rail3", 3, 4), Ask("patrol", "rail4", 1, 2)),
    "bus": (Ask("patrol", "rail2", 1, 2), Ask("patrol", "rail3", 1, 2)),
    "metro-busy": (Ask("patrol", "rail2", 2, 3), Ask("patrol", "rail3", 2, 3), Ask("patrol", "rail4", 1, 2)),
    "metro": (Ask("patrol", "rail2", 1, 1), Ask("patrol", "rail3", 1, 1)),
    "ferry": (Ask("watch", "day", 2, 3), Ask("watch", "late", 1, 2)),
    "dock": (Ask("watch", "day", 1, 2),),
    "exit-trunk": _post((3, 4), (3, 4), (2, 2)),
    "exit": _post((2, 3), (2, 2), (1, 1)),
    "road": _post((1, 2), (1, 1), (1, 1)),
    "park": (
        Ask("watch", "day", 1, 2, "1-7", 10),
        _one("publicity", "2,4", 10),
        _one("distribution", "1", 10),
    ),
    "firm-S-14": _firm(False, 14),
    "firm-S-17": _firm(False, 17),
    "firm-S-20": _firm(False, 20),
    "firm-S-24": _firm(False, 24),
    "firm-L-10": _firm(True, 10),
    "firm-L-14": _firm(True, 14),
    "firm-L-17": _firm(True, 17),
    "market": (Ask("watch", "morning", 1, 1), Ask("watch", "morning", 0, 1, "6-7")),
    "market-large": (Ask("watch", "morning", 2, 3), _one("disinfection", "1")),
    "wholesale": (Ask("watch", "morning", 3, 4), Ask("watch", "day", 2, 3), _one("disinfection", "1,3,5")),
    "school": (_one("publicity", "1", 17),),
    "school-middle": (_one("publicity", "1", 17), _one("disinfection", "3", 17)),
    "university": (_gate(1, 2), Ask("disinfection", "day", 1, 2, "1-5", 17)),
    "isolation": (
        _gate(1, 2),
        Ask("watch", "late", 1, 1),
        Ask("watch", "night", 1, 1),
        _one("distribution", "1,4"),
    ),
    "isolation-large": (
        _gate(2, 3),
        Ask("watch", "late", 1, 2),
        Ask("watch", "night", 1, 2),
        _one("distribution", "1,3,5"),
        _one("disinfection", "1-7"),
    ),
    "hospital": (_gate(2, 3), Ask("watch", "late", 1, 2), _one("distribution", "1,4")),
    "clinic": (_gate(1, 2),),
}


def day(of_february: int) -> str:
    """ISO date of a day counted in February; 30 is 1 March."""
    return (date(2020, 2, 1) + timedelta(days=of_february - 1)).isoformat()


def weekdays(text: str) -> set[int]:
    """The days of the week a text such as '1-3,6' names, 1 = Monday."""
    spans = [part.partition("-") for part in text.split(",")]
    return {d for a, _, b in spans for d in range(int(a), int(b or a) + 1)}


def days_of(ask: Ask) -> list[int]:
    """Days of the horizon (0 = 3 February) on which an ask counts."""
    wanted = weekdays(ask.weekdays)
    return [
        d for d in range(ask.first - 3, ask.last - 2) if (START + timedelta(days=d)).isoweekday() in wanted
    ]


def demand(places: list[Place]) -> list[tuple[object, ...]]:
    """Rows of the demand table."""
    return [
        (p.site, a.duty, a.shift, day(a.first), day(a.last), a.weekdays, a.required, a.target, "")
        for p in places
        for a in PROFILES[p.profile]
    ]

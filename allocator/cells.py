"""Text of one cell -> value, or the fault it has and what is expected instead."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

INTEGER = re.compile(r"[+-]?[0-9]+(\.0*)?\Z")
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z")
ENDLESS = re.compile(r"[+-]?(nan|inf|infinity|#n/a|n/a|null|none)\Z", re.IGNORECASE)
ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
OTHER_DATE = re.compile(
    r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?(?:[ T]+0{1,2}:00(?::00)?(?:\.0+)?)?\Z"
)
COMPACT_DATE = re.compile(r"((?:19|20)[0-9]{2})([01][0-9])([0-3][0-9])\Z")
SERIAL = re.compile(r"([0-9]{5})(?:\.[0-9]+)?\Z")
CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::00)?\Z")
WEEKDAYS = re.compile(r"[1-7](-[1-7])?(,[1-7](-[1-7])?)*\Z")
CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\ud800-\udfff\ufeff\ufffd-\uffff]"
)
BREAK = re.compile(r"[\t\n\r\u2028\u2029]")
SEPARATOR = re.compile(r"[,，、；|]")
YES, NO = ("true", "yes", "1", "是"), ("false", "no", "0", "否")
LARGEST = 10**12
LONGEST = {"id": 100, "list": 1000, "text": 10_000}
EPOCH = dt.date(1899, 12, 30)
"""Day 0 of Excel's serial dates (for every day after February 1900)."""


@dataclass(frozen=True)
class Fault:
    name: str
    expected: str


@dataclass(frozen=True)
class Horizon:
    """First day and length; a day of the scenario is a whole number from 0 to days - 1."""

    start: dt.date
    days: int

    @property
    def end(self) -> dt.date:
        return self.start + dt.timedelta(days=self.days - 1)

    def day(self, date: dt.date) -> int:
        return (date - self.start).days

    def date(self, day: int) -> dt.date:
        return self.start + dt.timedelta(days=int(day))


def text(cell: str, kind: str = "text") -> str | Fault:
    """Check a text, id or list of ids for characters that cannot be meant."""
    if CONTROL.search(cell):
        return Fault(
            "control_character", "text without control, invisible or lost characters; retype the cell"
        )
    if kind != "text" and BREAK.search(cell):
        return Fault("line_break", "a code on one line")
    if len(cell) > LONGEST[kind]:
        return Fault("too_long", f"at most {LONGEST[kind]} characters")
    if kind == "list":
        return listed(cell)
    return cell.replace("\r\n", "\n").replace("\r", "\n") if "\r" in cell else cell


def listed(cell: str) -> str | Fault:
    if SEPARATOR.search(cell):
        return Fault("separator", "names separated by ';', such as 'medical;logistics'")
    return ";".join(dict.fromkeys(part.strip() for part in cell.split(";") if part.strip()))


def number(cell: str, low: float | None = None, high: float | None = None, unit: str = "") -> float | Fault:
    if not NUMBER.match(cell):
        return no_number(cell, "a number")
    value = float(cell)
    if not math.isfinite(value):
        return Fault("not_finite", "a number that is not endless")
    return within(value, low, high, unit)


def integer(cell: str, low: float | None = None, high: float | None = None, unit: str = "") -> int | Fault:
    if len(cell) > 300:
        return Fault("out_of_range", f"a whole number{_of(unit)} of at most {LARGEST:,}")
    if INTEGER.match(cell):
        value = int(cell.partition(".")[0])
    elif not NUMBER.match(cell):
        return no_number(cell, "a whole number")
    elif not math.isfinite(exact := float(cell)):
        return Fault("not_finite", "a number that is not endless")
    elif exact != math.floor(exact):
        way = "; choose a smaller unit if part of one is meant (pieces for boxes)" if "unit" in unit else ""
        return Fault("fraction", f"a whole number{_of(unit)}{way}")
    else:
        value = int(exact)
    if abs(value) > LARGEST:
        return Fault("out_of_range", f"a whole number{_of(unit)} of at most {LARGEST:,}")
    checked = within(value, low, high, unit)
    return checked if isinstance(checked, Fault) else value


def no_number(cell: str, wanted: str) -> Fault:
    if ENDLESS.match(cell):
        return Fault("not_finite", f"{wanted}; '{cell}' is none")
    if NUMBER.match(plain := cell.replace(",", "").replace("，", "").replace(" ", "")):
        return Fault("wrong_type", f"{wanted} without thousands separators; did you mean {plain}?")
    if cell.endswith("%"):
        return Fault("wrong_type", f"{wanted} without a percent sign, such as 0.5 for 50%")
    if ISO.match(cell):
        return Fault(
            "wrong_type", f"{wanted}; Excel may have taken it for a date: format the column as number"
        )
    if re.fullmatch(r"[+-]?[0-9.,]+\s*\D{1,12}", cell):
        return Fault("wrong_type", f"{wanted} alone; the unit stands in the data dictionary")
    return Fault("wrong_type", wanted)


def within(value: float, low: float | None, high: float | None, unit: str = "") -> float | Fault:
    if low is not None and value < low:
        wanted = "0 or more" if low == 0 and high is None else _range(low, high)
        return Fault("negative" if value < 0 and low >= 0 else "out_of_range", wanted + _of(unit, " "))
    if high is not None and value > high:
        return Fault("out_of_range", _range(low, high) + _of(unit, " "))
    return value


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"from {low:g} to {high:g}"


def _of(unit: str, joint: str = " of ") -> str:
    return joint + unit if unit and unit not in ("factor", "penalty") else ""


def flag(cell: str) -> bool | Fault:
    word = cell.casefold()
    if word in YES or word in NO:
        return word in YES
    return Fault("wrong_type", "true or false")


def choice(cell: str, choices: tuple[str, ...]) -> str | Fault:
    return cell if cell in choices else Fault("unknown_choice", f"one of {', '.join(choices)}")


def date(cell: str) -> dt.date | Fault:
    """Read an ISO date; tell what day another form probably means."""
    if ISO.match(cell):
        try:
            return dt.date.fromisoformat(cell)
        except ValueError as error:
            return Fault("bad_date", f"a day that exists, as YYYY-MM-DD ({error})")
    if found := OTHER_DATE.match(cell) or COMPACT_DATE.match(cell):
        try:
            likely = dt.date(*(int(part) for part in found.groups()))
        except ValueError as error:
            return Fault("bad_date", f"a day that exists, as YYYY-MM-DD ({error})")
        return Fault("bad_date", f"an ISO date; write {likely}")
    if found := SERIAL.match(cell):
        likely = EPOCH + dt.timedelta(days=int(found[1]))
        return Fault(
            "date_as_number",
            f"an ISO date; the number is probably Excel's for {likely}: format the column as YYYY-MM-DD",
        )
    return Fault("bad_date", "an ISO date such as 2020-02-03")


def day(cell: str, horizon: Horizon | None, low: float | None = None, high: float | None = None) -> int | Fault:
    """Read a date as days since the start, from `low` to `high`; without a horizon only its form is checked."""
    value = date(cell)
    if isinstance(value, Fault):
        return value
    if horizon is None:
        return 0
    first, last = int(low or 0), int(horizon.days - 1 if high is None else high)
    if not first <= horizon.day(value) <= last:
        what = "of the horizon" if last >= 0 else "before the horizon"
        return Fault("outside_horizon", f"a day {what}, {horizon.date(first)} to {horizon.date(last)}")
    return horizon.day(value)


def clock(cell: str) -> int | Fault:
    """Read HH:MM as minutes after midnight."""
    if found := CLOCK.match(cell):
        return int(found[1]) * 60 + int(found[2])
    return Fault("bad_clock", "a time of day such as '08:30', from '00:00' to '23:59'")


def weekdays(cell: str) -> str | Fault:
    compact = cell.replace(" ", "")
    expected = "days of the week, 1 = Monday: '1-7', '1-5', '2,4'"
    if WEEKDAYS.match(compact):
        spans = [part.split("-") for part in compact.split(",")]
        if all(span[0] <= span[-1] for span in spans):
            return compact
        return Fault("bad_weekdays", f"{expected}; a span runs from the earlier day to the later")
    if re.search(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[A-Za-z]{3}|月", cell):
        expected += "; Excel may have taken it for a date: format the column as text, or write 1,2,3,4,5"
    return Fault("bad_weekdays", expected)


def week(text: str) -> frozenset[int]:
    """Return the ISO weekdays a sound `weekdays` text means, 1 = Monday."""
    spans = [part.split("-") for part in text.split(",")]
    return frozenset(d for span in spans for d in range(int(span[0]), int(span[-1]) + 1))


def reader(column: Any, horizon: Horizon | None) -> Callable[[str], Any]:
    """Return the function that reads the cells of a `tables.Column` or a `tables.Key`."""
    kind = column.kind
    if kind in ("id", "text", "list"):
        return lambda cell: text(cell, kind)
    if kind in ("int", "number"):
        parse = integer if kind == "int" else number
        return lambda cell: parse(cell, column.low, column.high, column.unit)
    if kind == "choice":
        return lambda cell: choice(cell, column.choices)
    if kind == "date":
        return lambda cell: day(cell, horizon, column.low, column.high)
    return {"bool": flag, "clock": clock, "weekdays": weekdays}[kind]

"""The roster of one district, to print.

A row per week, place and cadre, and a column per day of the week; a cell holds the hours of the
shift and the letter of the duty, which the head of the sheet explains.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from allocator.figures import Line, rows
from allocator.handbook.book import Book, both, monday, write
from allocator.keys import looked_up
from allocator.settings import Shift
from allocator.words import KINDS, WEEKDAYS, brief, duty_letters, short_day, word

WIDTHS = (11, 13, 24, 10, 15, 9, 26, *[11] * 7)
TOP = 4
"""Rows above the first row of a roster: title, sums, duties, header."""


def roster(book: Book, line: Line) -> None:
    """One district: who works when and where, week by week; each week begins a page."""
    sheet = book.sheet(book.names.get(line.key, line.key), landscape=True)
    for column, width in enumerate(WIDTHS):
        sheet.set_column(column, column, width)
    letters = duty_letters(book.found.context.table("duties")["duty"].tolist())
    lines = _roster_rows(book, line.key, letters)
    _roster_head(book, sheet, line, letters, len({cells[5] for cells in lines}))
    at, breaks, week = TOP, [], None
    for cells in lines:
        if cells[0] != week:
            week = cells[0]
            if at > TOP:
                breaks.append(at)
            at = _band(book, sheet, at, week)
        for column, cell in enumerate(cells):
            write(sheet, at, column, cell, book.day if column == 0 else book.text if column < 7 else book.middle)
        at += 1
    sheet.set_h_pagebreaks(breaks)
    book.ready(sheet, TOP, 6, at - 1, 13, heads=2)


def _roster_head(book: Book, sheet: Any, line: Line, letters: dict[str, str], cadres: int) -> None:
    name = book.names.get(line.key, line.key)
    sheet.write(0, 0, f"{name} {word('roster', 'zh')} {word('roster', 'en')}", book.title)
    share = f"{line.got / line.total:.1%}" if line.total else "-"
    sums = (
        f"{book.span()} · 上岗 at work {cadres:,} 人 · 需要 required {line.total:,} · "
        f"到位 covered {line.got:,} ({share}) · 缺口 short {line.short:,} 人班"
    )
    sheet.write(1, 0, sums, book.note)
    duties = book.found.context.names("duties")
    sheet.set_row(2, 15 * (1 + len(duties) // 7))
    keys = "   ".join(f"{letters[duty]} {text}" for duty, text in duties.items())
    sheet.merge_range(2, 0, 2, 13, f"{both('duties').replace(chr(10), ' ')}:  {keys}", book.wrapped)
    sheet.set_row(3, 30)
    heads = [both(n) for n in ("week_of", "township", "site", "kind", "code", "cadre", "office")]
    heads += [f"{zh}\n{en}" for zh, en in zip(WEEKDAYS["zh"], WEEKDAYS["en"], strict=True)]
    for column, head in enumerate(heads):
        sheet.write(3, column, head, book.head)


def _band(book: Book, sheet: Any, row: int, week: dt.date) -> int:
    """The days of a week, above its rows."""
    sheet.write(row, 0, week, book.day)
    for column in range(1, 7):
        sheet.write(row, column, "", book.band)
    for n in range(7):
        sheet.write(row, 7 + n, short_day(week + dt.timedelta(days=n)), book.band)
    return row + 1


def _roster_rows(book: Book, district: str, letters: dict[str, str]) -> list[list[Any]]:
    context = book.found.context
    work = book.found.plan.table("assignments")
    sites = context.table("sites")
    work = work[looked_up(work["site"], sites, "site", "district") == district]
    labels = shift_labels(context.settings.shifts)
    offices = dict(context.table("cadres").itertuples(index=False, name=None))
    places = sites.set_index("site")
    weeks: dict[tuple[Any, ...], list[str]] = {}
    for row in rows(work):
        day = context.settings.horizon.date(row.day)
        township = places["township"][row.site]
        key = (monday(day), township, row.site, row.cadre)
        weeks.setdefault(key, [""] * 7)[day.weekday()] = f"{labels[row.shift]} {letters[row.duty]}"
    made = []
    for (week, township, site, cadre), cells in sorted(weeks.items()):
        place = [places["name"][site], word(places["kind"][site], "zh", KINDS), site]
        made.append([week, township, *place, cadre, offices[cadre], *cells])
    return made


def shift_labels(shifts: Sequence[Shift]) -> dict[str, str]:
    """Return shift -> its hours, as short as can be; shifts of the same hours also show their code."""
    spans = {s.id: brief(s.start, s.minutes) for s in shifts}
    twice = {span for span in spans.values() if list(spans.values()).count(span) > 1}
    return {code: f"{span} {code}" if span in twice else span for code, span in spans.items()}

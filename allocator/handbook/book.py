"""The workbook itself: formats, names of sheets, tables, print set-up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from allocator.figures import Figures
from allocator.words import day_label, word

FONT = "Microsoft YaHei"
MOST = 31
"""Characters in the name of a sheet."""


def both(key: str) -> str:
    """A heading in both languages, Chinese first, on two lines."""
    return f"{word(key, 'zh')}\n{word(key, 'en')}"


class Book:
    """One workbook, its figures, and the formats its sheets share."""

    def __init__(self, book: Any, found: Figures):
        self.book, self.found = book, found
        self.names = found.context.names("districts")
        self.used: set[str] = set()
        font = {"font_name": FONT, "font_size": 10, "valign": "vcenter"}
        thin = font | {"border": 1, "border_color": "#C8CED4"}
        head = {"bold": True, "text_wrap": True, "align": "center", "bg_color": "#DCE6EC"}
        make = book.add_format
        self.title = make(font | {"bold": True, "font_size": 15})
        self.note = make(font | {"font_color": "#444444"})
        self.wrapped = make(font | {"text_wrap": True, "valign": "top"})
        self.part = make(font | {"bold": True, "font_size": 12, "bottom": 2})
        self.head = make(thin | head)
        self.text = make(thin)
        self.middle = make(thin | {"align": "center"})
        self.whole = make(thin | {"num_format": "#,##0"})
        self.value = make(thin | {"num_format": "#,##0.0"})
        self.share = make(thin | {"num_format": "0.0%"})
        self.day = make(thin | {"num_format": "yyyy-mm-dd", "align": "center"})
        self.band = make(thin | {"bold": True, "bg_color": "#F3EEE2", "align": "center"})
        self.lack = make({"bg_color": "#FCCF5C"})
        self.worse = make({"bg_color": "#CC4C02", "font_color": "#FFFFFF"})

    def sheet(self, name: str, landscape: bool) -> Any:
        sheet = self.book.add_worksheet(self._name(name))
        sheet.set_paper(9)
        if landscape:
            sheet.set_landscape()
        sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer(f"&L{_plain(self.found.context.title)} · &A&R{word('page', 'zh')}")
        sheet.hide_gridlines(2)
        sheet.set_row(0, 24)
        return sheet

    def _name(self, wish: str) -> str:
        """A name that is allowed and that no other sheet has."""
        base = "".join("_" if c in "[]:*?/\\" else c for c in wish).strip("'")[:MOST] or "-"
        name, n = base, 1
        while name.lower() in self.used:
            n += 1
            name = f"{base[: MOST - 4]} {n}"
        self.used.add(name.lower())
        return name

    def span(self) -> str:
        days = self.found.context.days
        first, last = (f"{d.year}年{day_label(d, 'zh')}" for d in (days[0], days[-1]))
        case = f" · 情形 case {self.found.case}" if self.found.case else ""
        return f"{first} – {last} · {len(days)} 天 days · {self.found.plan.scenario}{case}"

    def table(
        self, sheet: Any, row: int, title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], formats: Any
    ) -> int:
        """Write one table with its title; return the row for the next."""
        sheet.write(row, 0, both(title).replace("\n", " "), self.part)
        sheet.set_row(row + 1, 44)
        for column, name in enumerate(heads):
            sheet.write(row + 1, column, both(name), self.head)
        row += 2
        for cells in rows:
            for column, (cell, form) in enumerate(zip(cells, formats, strict=True)):
                write(sheet, row, column, cell, form)
            row += 1
        return row + 1

    def ready(self, sheet: Any, top: int, left: int, last: int, right: int, heads: int = 1) -> None:
        """Freeze, filter and print: the header row is the one above `top`; `heads` rows stand on every page."""
        sheet.freeze_panes(top, left)
        sheet.autofilter(top - 1, 0, max(last, top - 1), right)
        sheet.repeat_rows(top - heads, top - 1)
        sheet.print_area(0, 0, max(last, top), right)


def monday(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday())


def _plain(text: str) -> str:
    """Text for a footer, where & begins a command."""
    return text.replace("&", "&&")[:120]


def write(sheet: Any, row: int, column: int, cell: Any, form: Any) -> None:
    """Write a cell by its type; text stays text whatever it begins with."""
    if cell is None:
        sheet.write_blank(row, column, None, form)
    elif isinstance(cell, str):
        sheet.write_string(row, column, cell, form)
    elif isinstance(cell, dt.date):
        sheet.write_datetime(row, column, dt.datetime(cell.year, cell.month, cell.day), form)
    else:
        sheet.write_number(row, column, float(cell), form)

"""Rosters as a workbook: one row per shift, to be filtered, sorted and printed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from allocator.service.roster import Line, title
from allocator.store import Run

SHEET = "排班表 Roster"
COLUMNS = (
    ("日期\nday", 12, lambda line: line.day),
    ("开始\nbegins", 8, lambda line: line.begins),
    ("结束\nends", 8, lambda line: line.ends),
    ("班次\nshift", 9, lambda line: line.shift),
    ("区县\ndistrict", 11, lambda line: line.district),
    ("镇街\ntownship", 13, lambda line: line.township),
    ("点位\nsite", 26, lambda line: line.place),
    ("点位编号\nsite code", 16, lambda line: line.site),
    ("工作\nduty", 24, lambda line: line.work),
    ("工作编号\nduty code", 13, lambda line: line.duty),
    ("干部\ncadre", 10, lambda line: line.cadre),
    ("单位\noffice", 28, lambda line: line.office),
)
"""Header, width and cell of each column."""
LITERAL = ("strings_to_numbers", "strings_to_formulas", "strings_to_urls")
"""Text stays text, whatever it looks like."""


def spreadsheet(run: Run, found: Sequence[Line]) -> bytes:
    """Return a workbook of these lines; the same run gives the same bytes."""
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True} | dict.fromkeys(LITERAL, False))
    stamp = datetime.fromisoformat(run.published).replace(tzinfo=None)
    book.set_properties({"title": title(run, found), "created": stamp})
    sheet = book.add_worksheet(SHEET)
    head = book.add_format({"bold": True, "text_wrap": True, "bg_color": "#DCE6EC", "border": 1})
    forms: dict[type, Any] = {
        datetime: book.add_format({"num_format": "hh:mm", "align": "center"}),
        date: book.add_format({"num_format": "yyyy-mm-dd", "align": "center"}),
    }
    sheet.write_string(0, 0, title(run, found), book.add_format({"bold": True, "font_size": 14}))
    for k, (name, width, _) in enumerate(COLUMNS):
        sheet.set_column(k, k, width)
        sheet.write_string(1, k, name, head)
    for n, line in enumerate(found, start=2):
        for k, (_, _, cell) in enumerate(COLUMNS):
            _write(sheet, n, k, cell(line), forms)
    _page(sheet, len(found) + 1)
    book.close()
    return out.getvalue()


def _write(sheet: Any, row: int, column: int, cell: Any, forms: dict[type, Any]) -> None:
    if isinstance(cell, str):
        sheet.write_string(row, column, cell)
    else:
        sheet.write_datetime(row, column, cell, forms[type(cell)])


def _page(sheet: Any, last: int) -> None:
    sheet.freeze_panes(2, 0)
    sheet.autofilter(1, 0, last, len(COLUMNS) - 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0, 1)
    sheet.set_footer("&L&A&R&P / &N")

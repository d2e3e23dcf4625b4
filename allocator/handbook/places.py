"""The second sheet: every place with what it lacks in each week, to be filtered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from allocator.figures import rows
from allocator.handbook.book import Book, both, monday, write
from allocator.keys import totals
from allocator.words import KINDS, short_day, word

WIDTHS = (10, 13, 26, 11, 15, 10, 10, 10, 9, 11, 13)
NOTE = (
    "人班 person-shifts;黄色:到位率低于 60% yellow: below 60 %;日期:第一个缺人的日子 day: the first one short;"
    "各周:缺口人班 weeks: person-shifts short"
)


def places(book: Book) -> None:
    """Every place with its coverage and what is short in each week; to be filtered."""
    sheet = book.sheet("点位 Places", landscape=True)
    heads: tuple[str, ...] = ("district", "township", "site", "kind", "code", "required", "covered", "short")
    heads = (*heads, "coverage", "short_units", "day")
    weeks = _weeks(book)
    for column, width in enumerate((*WIDTHS, *[9] * len(weeks))):
        sheet.set_column(column, column, width)
    sheet.write(0, 0, f"{word('sites', 'zh')} {word('sites', 'en')} · {book.found.context.title}", book.title)
    sheet.write(1, 0, NOTE, book.note)
    sheet.set_row(2, 32)
    for column, name in enumerate(heads):
        sheet.write(2, column, both(name), book.head)
    for n, week in enumerate(weeks):
        sheet.write(2, len(heads) + n, f"{short_day(week)} 起\n{word('week', 'en')}", book.head)
    rows = _place_rows(book, weeks)
    formats = [book.text] * 5 + [book.whole] * 3 + [book.share, book.whole, book.day]
    formats += [book.whole] * len(weeks)
    for n, cells in enumerate(rows, start=3):
        for column, (cell, form) in enumerate(zip(cells, formats, strict=True)):
            write(sheet, n, column, cell, form)
    last = len(rows) + 2
    book.ready(sheet, 3, 3, last, len(formats) - 1)
    sheet.conditional_format(
        3, 8, last, 8, {"type": "cell", "criteria": "<", "value": 0.6, "format": book.lack}
    )


def _place_rows(book: Book, weeks: Sequence[dt.date]) -> list[list[Any]]:
    found = book.found
    horizon = found.context.settings.horizon
    sites = found.sites.sort_values(["district", "township", "site"])
    week = {d: n for n, d in enumerate(weeks)}
    cells = found.cells.assign(
        week=np.array([week[monday(horizon.date(d))] for d in found.cells["day"].tolist()], np.int64)
    )
    table = np.zeros((len(sites), len(weeks)), dtype=np.int64)
    summed = totals(cells, ["site", "week"], ["shortage"])
    at = pd.Index(sites["site"]).get_indexer(pd.Index(summed["site"]))
    table[at, summed["week"].to_numpy()] = summed["shortage"].to_numpy()
    made = []
    for row, short in zip(rows(sites), table.tolist(), strict=True):
        head = [book.names.get(row.district, row.district), row.township, row.name]
        head += [word(row.kind, "zh", KINDS), row.site, row.required, row.covered, row.short]
        share = row.covered / row.required if row.required else None
        first = horizon.date(row.first_day) if row.first_day >= 0 else None
        made.append([*head, share, row.units, first, *(n or None for n in short)])
    return made


def _weeks(book: Book) -> list[dt.date]:
    return sorted({monday(day) for day in book.found.context.days})

"""Workbook on a plan: a summary, the places, and one roster to print for every district."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import xlsxwriter

from allocator.figures import Figures
from allocator.handbook.book import Book
from allocator.handbook.places import places
from allocator.handbook.roster import roster
from allocator.handbook.summary import summary

__all__ = ["write"]

LITERAL = ("strings_to_numbers", "strings_to_formulas", "strings_to_urls")
"""Text of a scenario stays text, whatever it looks like."""


def write(found: Figures, path: Path) -> None:
    """Write the workbook; the same plan gives the same sheets."""
    book = xlsxwriter.Workbook(str(path), dict.fromkeys(LITERAL, False))
    start = found.context.settings.start
    book.set_properties({"title": found.context.title, "created": dt.datetime(start.year, start.month, start.day)})
    shared = Book(book, found)
    summary(shared)
    places(shared)
    for line in found.districts:
        roster(shared, line)
    book.close()

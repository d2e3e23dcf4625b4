"""The first sheet: what is covered and short, the worst places, the proof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from allocator.figures import Line
from allocator.handbook.book import Book
from allocator.words import KINDS, STATUS, TERMS, TIERS, word


def summary(book: Book) -> None:
    found, plan = book.found, book.found.plan
    sheet = book.sheet("总览 Summary", landscape=False)
    for column, width in enumerate((26, 14, 14, 14, 14, 12, 22)):
        sheet.set_column(column, column, width)
    sheet.write(0, 0, found.context.title, book.title)
    sheet.write(1, 0, book.span(), book.note)
    sheet.write(2, 0, _proved(book), book.note)
    sheet.freeze_panes(3, 0)
    people = ("required_shifts", "covered_shifts", "short_shifts", "coverage")
    districts = [(book.names.get(x.key, x.key), x) for x in found.districts]
    kinds = [(f"{word(x.key, 'zh', KINDS)} {x.key}", x) for x in found.kinds]
    city = [(f"{word('all', 'zh')} {word('all', 'en')}", found.city)]
    row = _lines(book, sheet, 4, "district", people, districts + city)
    row = _lines(book, sheet, row, "kind", people, kinds + city)
    tiers = [(f"{word(x.key, 'zh', TIERS)} {x.key}", x) for x in found.tiers]
    row = _lines(book, sheet, row, "tier", ("needed", "used", "short_units", "share"), tiers)
    row = _worst(book, sheet, row)
    terms = [(f"{word(n, 'zh', TERMS)} {n}", v) for n, v in plan.terms.items() if v]
    row = book.table(sheet, row, "term", ("term", "penalty"), terms, (book.text, book.value))
    _certificates(book, sheet, row)


def _proved(book: Book) -> str:
    plan = book.found.plan
    if plan.objective is None or plan.bound is None or plan.gap is None:
        return "尚无下界。 Nothing is proved."
    shown = f"{plan.objective:,.1f} / {plan.bound:,.1f}"
    return f"方案罚分 / 下界 objective / bound: {shown} · 差距 gap {plan.gap:.2%}"


def _lines(
    book: Book, sheet: Any, row: int, key: str, columns: Sequence[str], lines: Sequence[tuple[str, Line]]
) -> int:
    rows = [(name, x.total, x.got, x.short, x.got / x.total if x.total else None) for name, x in lines]
    formats = (book.text, book.whole, book.whole, book.whole, book.share)
    return book.table(sheet, row, key, (key, *columns), rows, formats)


def _worst(book: Book, sheet: Any, row: int) -> int:
    worst = book.found.plan.kpis.get("worst_sites", [])
    heads = ("site", "kind", "district", "short_shifts", "short_units", "penalty")
    rows = [
        (
            w["name"],
            word(w["kind"], "zh", KINDS),
            book.names.get(w["district"], w["district"]),
            w["people_short"],
            w["goods_short"],
            w["penalty"],
        )
        for w in worst
    ]
    formats = (book.text, book.text, book.text, book.whole, book.whole, book.value)
    return book.table(sheet, row, "worst", heads, rows, formats)


def _certificates(book: Book, sheet: Any, row: int) -> None:
    heads = ("stage", "status", "objective", "bound", "gap", "seconds", "solver")
    rows = [
        (
            f"{word(c.stage, 'zh', TERMS)} {c.stage}",
            word(c.status, "zh", STATUS),
            c.objective,
            c.bound,
            c.gap,
            c.seconds,
            c.solver,
        )
        for c in book.found.plan.certificates
    ]
    formats = (book.text, book.text, book.value, book.value, book.share, book.value, book.text)
    book.table(sheet, row, "proof", heads, rows, formats)

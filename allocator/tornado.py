"""A tornado picture: for every key of a sweep how far its values move the objective, widest first."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import pandas as pd

WIDTH, ROW, BARS = 760, 30, 300
LETTER, SMALL = 7.2, 5.8
"""Width of a letter of a key and of a label, at most on average."""
MOST = 8
"""Values of a key that are told apart; more are cut into quarters."""


@dataclass(frozen=True)
class Bar:
    """One key: the values with the lowest and the highest objective, and what these are above the base."""

    key: str
    low_value: str
    high_value: str
    low: float
    high: float


def bars(table: pd.DataFrame, keys: list[str]) -> list[Bar]:
    """Bars of a sweep's table, widest first.

    A key's effect at a value is the mean change of the objective over the variants that have it, so
    grids, lists and draws are read alike.
    """
    found = []
    for key in keys:
        rows = table[(table[key] != "") & table["difference"].notna()]
        if not len(rows):
            continue
        means = rows.groupby(_levels(rows[key]))["difference"].mean()
        low, high = means.idxmin(), means.idxmax()
        found.append(Bar(key, str(low), str(high), min(0.0, float(means.min())), max(0.0, float(means.max()))))
    return sorted(found, key=lambda b: b.low - b.high)


def _levels(values: pd.Series) -> pd.Series:
    """The values, or their quarter where there are many numbers."""
    if values.nunique() <= MOST:
        return values
    words = values.str.split(" ").str[-1]
    numbers = pd.to_numeric(words, errors="coerce")
    if numbers.isna().any():
        return values
    quarter = pd.qcut(numbers, 4, duplicates="drop")
    return quarter.map(lambda i: f"{i.left:.4g} to {i.right:.4g}").astype(str)


def _label(value: str, change: float) -> str:
    return f"{value} ({change:+,.1f})"


def drawn(found: list[Bar], base: float) -> str:
    """The picture as SVG, complete in itself."""
    height = ROW * len(found) + 70
    span = max([1e-9, *(b.high - b.low for b in found)])
    lowest = min([0.0, *(b.low for b in found)])
    highest = max([lowest + span, *(b.high for b in found)])
    left = 10 + LETTER * max([0, *(len(b.key) for b in found)])
    left += max([20.0, *(SMALL * len(_label(b.low_value, b.low)) for b in found)])
    right = max([20.0, *(SMALL * len(_label(b.high_value, b.high)) for b in found)])
    width = max(WIDTH, left + BARS + right)
    scale = (width - left - right) / (highest - lowest)

    def x(value: float) -> float:
        return left + (value - lowest) * scale

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" font-family="sans-serif" '
        f'font-size="12"><title>Objective by key</title>',
        f'<text x="{x(0):.1f}" y="20" text-anchor="middle">base {base:,.1f}</text>',
    ]
    for n, bar in enumerate(found):
        y = 34 + n * ROW
        for a, b, colour, value, anchor in (
            (bar.low, 0.0, "#2b6a99", bar.low_value, "end"),
            (0.0, bar.high, "#c0504d", bar.high_value, "start"),
        ):
            if b > a:
                edge = x(a) - 4 if anchor == "end" else x(b) + 4
                label = _label(value, a + b)
                lines.append(
                    f'<rect x="{x(a):.1f}" y="{y}" width="{(b - a) * scale:.1f}" height="{ROW - 12}" fill="{colour}">'
                    f"<title>{escape(bar.key)} {escape(label)}</title></rect>"
                    f'<text x="{edge:.1f}" y="{y + 13}" text-anchor="{anchor}" font-size="10">{escape(label)}</text>'
                )
        lines.append(f'<text x="6" y="{y + 13}">{escape(bar.key)}</text>')
    lines.append(f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="26" y2="{height - 30}" stroke="#444"/></svg>')
    return "\n".join(lines) + "\n"

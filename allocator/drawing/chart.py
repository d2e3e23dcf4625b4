"""Bars by day: what is asked for as an outline, what there is as a filled bar in it."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from allocator.drawing import svg

WIDTH, HEIGHT = 960.0, 240.0
HALF = 460.0
"""Width of a chart that stands beside another."""
LEFT, RIGHT, TOP, BOTTOM = 64.0, 8.0, 12.0, 30.0


def bars(
    label: str,
    days: Sequence[str],
    asked: Sequence[int],
    there: Sequence[int],
    width: float = WIDTH,
    height: float = HEIGHT,
) -> Markup:
    """Return a chart with one bar per day; the labels of days are thinned until they fit."""
    top = _round_up(max([*asked, *there, 1]))
    span = height - TOP - BOTTOM
    step = (width - LEFT - RIGHT) / max(1, len(days))
    parts = _grid(top, span, width)
    for n, (day, wish, got) in enumerate(zip(days, asked, there, strict=True)):
        x, wide = LEFT + n * step + step * 0.12, step * 0.76
        tall, full = span * wish / top, span * got / top
        share = f"{100 * got / wish:.0f} %" if wish else "-"
        parts.append(
            svg.element(
                "g",
                svg.title(f"{day}: {got:,} / {wish:,} ({share})"),
                svg.element("rect", x=x, y=TOP + span - tall, width=wide, height=tall, class_="asked"),
                svg.element("rect", x=x, y=TOP + span - full, width=wide, height=full, class_="there"),
            )
        )
    parts += _day_labels(days, step, height)
    return svg.picture(width, height, label, parts, "chart")


def _round_up(value: float) -> int:
    """Return the least even number with one or two digits and then zeros that is at least the value."""
    power = 10 ** max(0, len(str(int(value))) - 2)
    step = 2 if value / power <= 20 else 4 if value / power <= 40 else 10
    return int(-(-value // (step * power)) * step * power)


def _grid(top: int, span: float, width: float) -> list[str]:
    parts = []
    for part in (0, 0.5, 1):
        y = TOP + span * (1 - part)
        parts.append(svg.element("line", x1=LEFT, x2=width - RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(svg.text(f"{top * part:,.0f}", LEFT - 6, y + 4, class_="tick end"))
    return parts


def _day_labels(days: Sequence[str], step: float, height: float) -> list[str]:
    every = max(1, round(44 / step + 0.49))
    return [
        svg.text(day, LEFT + (n + 0.5) * step, height - 8, class_="tick middle")
        for n, day in enumerate(days)
        if n % every == 0
    ]

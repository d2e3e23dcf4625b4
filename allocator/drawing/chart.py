"""Bars by day: what is asked for as an outline, what there is as a filled bar in it. Curves: one thing for another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from allocator.drawing import svg

WIDTH, HEIGHT = 960.0, 240.0
HALF = 460.0
"""Width of a chart that stands beside another."""
LEFT, RIGHT, TOP, BOTTOM = 64.0, 8.0, 12.0, 30.0
TALL = 300.0
"""Height of a curve."""


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


@dataclass(frozen=True)
class Panel:
    """One curve: what is along x, and for every point x, y and the most y could be."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    most: Sequence[float]


STYLE = (
    "svg{background:#fff;font:12px sans-serif}.line{fill:none;stroke:#2b6a99;stroke-width:2}"
    ".most{fill:none;stroke:#999;stroke-dasharray:4 3}.dot{fill:#2b6a99}.grid{stroke:#ddd}"
    ".tick{fill:#444;font-size:11px}.end{text-anchor:end}.middle{text-anchor:middle}"
)


def curves(label: str, up: str, panels: Sequence[Panel], notes: Sequence[str]) -> Markup:
    """Return a picture, complete in itself, of curves side by side; `notes` name their points in turn.

    A dashed line is what could be at most. Beside a point stands its note, where it differs from the one before.
    """
    parts = [svg.element("style", STYLE), svg.text(label, LEFT, 18)]
    for n, panel in enumerate(panels):
        left = n * (HALF + 40)
        parts.append(svg.element("g", *_panel(panel, up, notes), transform=f"translate({left} 44)"))
    width = len(panels) * (HALF + 40) - 20
    return svg.picture(width, TALL + 64, label, parts, "curves")


def _panel(panel: Panel, up: str, notes: Sequence[str]) -> list[str]:
    right, top = _round_up(max([*panel.x, 1])), _round_up(max([*panel.y, *panel.most, 1]))
    wide, span = HALF - LEFT - 30, TALL - TOP - BOTTOM
    x = [LEFT + wide * value / right for value in panel.x]
    y = [TOP + span * (1 - value / top) for value in panel.y]
    above = sorted((a, TOP + span * (1 - value / top)) for a, value in zip(x, panel.most, strict=True))
    parts = _grid(top, span, HALF - 30 + RIGHT)
    parts += [svg.text(f"{right * n / 2:,.0f}", LEFT + wide * n / 2, TALL - 12, class_="tick middle") for n in range(3)]
    parts += [svg.text(panel.label, LEFT + wide / 2, TALL + 8, class_="middle"), svg.text(up, LEFT, 2, class_="tick")]
    parts.append(svg.element("polyline", points=_path(above), class_="most"))
    parts.append(svg.element("polyline", points=_path(sorted(zip(x, y, strict=True))), class_="line"))
    for n, (a, b) in enumerate(zip(x, y, strict=True)):
        shown = f"{notes[n]}; {panel.x[n]:,.0f}, {panel.y[n]:,.0f}"
        parts.append(svg.element("circle", svg.title(shown), cx=a, cy=b, r=4, class_="dot"))
        mean = notes[n].rpartition(": ")[2]
        if n == 0 or mean != notes[n - 1].rpartition(": ")[2]:
            parts.append(svg.text(f"held back by {mean}", a + 7, b + 14, class_="tick"))
    return parts


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{svg.number(a)},{svg.number(b)}" for a, b in points)

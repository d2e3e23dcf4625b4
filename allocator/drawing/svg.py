"""SVG as text: elements, numbers and the one colour scale all pictures share."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import pairwise
from typing import Any

from markupsafe import Markup

LIMITS = (0.05, 0.2, 0.4, 0.6)
"""Where the classes of a share that is short begin; below the first almost nothing is."""
COLOURS = ("#fbfaf7", "#fccf5c", "#fe9929", "#cc4c02", "#662506")
"""From light to dark, told apart in grey and by colour-blind people (ColorBrewer YlOrBr, its light end wider apart)."""
INKS = ("#222", "#222", "#222", "#fff", "#fff")
"""Text on them."""


def shade(share: float) -> int:
    """Return the class of a share that is short, 0 to 4."""
    return sum(share >= limit for limit in LIMITS)


def shade_labels() -> list[str]:
    """Return the classes in words: '<5 %', '5–20 %' ... '≥60 %'."""
    marks = [f"{100 * limit:g}" for limit in LIMITS]
    inner = [f"{a}–{b} %" for a, b in pairwise(marks)]
    return [f"<{marks[0]} %", *inner, f"≥{marks[-1]} %"]


def element(name: str, *inside: str, **attributes: Any) -> str:
    """Return an element; `inside` is markup already. `class_` and `font_size` become `class`, `font-size`."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{shown}>{''.join(inside)}</{name}>" if inside else f"<{name}{shown}/>"


def text(content: str, x: float, y: float, **attributes: Any) -> str:
    return element("text", escape(content, quote=False), x=x, y=y, **attributes)


def title(content: str) -> str:
    """What a pointer over the parent shows, and a reader without eyes hears."""
    return element("title", escape(content, quote=False))


def number(value: Any) -> str:
    """A coordinate to a tenth, anything else as it is."""
    return f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def picture(width: float, height: float, label: str, parts: Iterable[str], kind: str) -> Markup:
    """Return a whole picture that scales with the page."""
    inside = (title(label), *parts)
    box = f"0 0 {number(float(width))} {number(float(height))}"
    return Markup(element("svg", *inside, viewBox=box, role="img", class_=kind, xmlns="http://www.w3.org/2000/svg"))

"""The map: outlines of districts, sites by what they lack, depots, and a legend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from allocator.drawing import svg

WIDTH, MARGIN, LEGEND = 960.0, 14.0, 74.0
SMALL, LARGE = 1.8, 9.5
"""Radius of a site that lacks nothing, and of the one that lacks most, where there are MANY sites."""
MANY, LARGEST = 600, 2.4
"""With fewer sites circles grow, at most so many times."""

Ring = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Dot:
    """One site: where it lies, what it asks for and what is missing."""

    lon: float
    lat: float
    required: int
    short: int
    label: str
    link: str = ""


@dataclass(frozen=True)
class Region:
    """A district: its rings (lon, lat), and what to write on it."""

    rings: Sequence[Ring]
    label: str
    note: str = ""
    link: str = ""
    faint: bool = False
    """True: drawn for orientation, nothing is told of it."""


@dataclass(frozen=True)
class Mark:
    """One place to be found on the map."""

    lon: float
    lat: float
    label: str


@dataclass(frozen=True)
class Frame:
    """Equirectangular projection around the middle latitude."""

    west: float
    north: float
    stretch: float
    scale: float
    height: float

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        x = MARGIN + (lon - self.west) * self.stretch * self.scale
        return x, MARGIN + (self.north - lat) * self.scale


def draw(
    regions: Sequence[Region],
    dots: Sequence[Dot],
    depots: Sequence[tuple[float, float, str]],
    words: Mapping[str, str],
) -> Markup:
    """Return the map; `words` has `map`, `legend_size`, `legend_colour`, `depot`."""
    points = [p for r in regions for ring in r.rings for p in ring]
    points += [(d.lon, d.lat) for d in dots] + [(x, y) for x, y, _ in depots]
    frame = _frame(points)
    most = max((d.short for d in dots), default=0)
    grown = min(LARGEST, max(1.0, math.sqrt(MANY / max(1, len(dots)))))
    parts = [_region(frame, r) for r in regions]
    parts += [_dot(frame, d, most, grown) for d in sorted(dots, key=lambda d: (d.short, d.lon))]
    parts += [_depot(frame, *d) for d in depots]
    parts += _labels(frame, regions)
    parts.append(svg.element("g", *_legend(frame.height, most, grown, words), class_="legend"))
    return svg.picture(WIDTH, frame.height + LEGEND, words["map"], parts, "map")


def locate(regions: Sequence[Region], mark: Mark, label: str) -> Markup:
    """Return a map that shows where one place lies."""
    frame = _frame([p for r in regions for ring in r.rings for p in ring] + [(mark.lon, mark.lat)])
    x, y = frame.at(mark.lon, mark.lat)
    pin = f"M{x:.1f},{y:.1f}l-15,-38a16,16 0 1 1 30,0z"
    parts = [_region(frame, r) for r in regions] + [svg.element("path", svg.title(mark.label), d=pin, class_="pin")]
    end, shift = ("end", -26) if x > WIDTH / 2 else ("start", 26)
    parts.append(svg.text(mark.label, x + shift, y - 30, class_=f"name {end}"))
    return svg.picture(WIDTH, max(frame.height, 90.0), label, parts, "map")


def _frame(points: Sequence[tuple[float, float]]) -> Frame:
    lons, lats = [p[0] for p in points] or [0.0], [p[1] for p in points] or [0.0]
    west, east, south, north = min(lons), max(lons), min(lats), max(lats)
    stretch = math.cos(math.radians((south + north) / 2))
    wide, high = max((east - west) * stretch, 1e-3), max(north - south, 1e-3)
    scale = (WIDTH - 2 * MARGIN) / max(wide, high / 1.2)
    west -= ((WIDTH - 2 * MARGIN) / scale - wide) / 2 / stretch
    return Frame(west, north, stretch, scale, high * scale + 2 * MARGIN)


def _region(frame: Frame, region: Region) -> str:
    lines = (" ".join("{:.1f},{:.1f}".format(*frame.at(*p)) for p in ring) for ring in region.rings)
    path = " ".join(f"M{line}Z" for line in lines)
    shape = svg.element("path", svg.title(region.label), d=path, class_="region faint" if region.faint else "region")
    return _linked(shape, region.link)


def _linked(shape: str, link: str) -> str:
    return svg.element("a", shape, href=link) if link else shape


def _dot(frame: Frame, dot: Dot, most: int, grown: float) -> str:
    x, y = frame.at(dot.lon, dot.lat)
    level = svg.shade(dot.short / dot.required) if dot.required else 0
    name = f"dot s{level}" if dot.short else "dot full"
    shape = svg.element("circle", svg.title(dot.label), cx=x, cy=y, r=grown * radius(dot.short, most), class_=name)
    return _linked(shape, dot.link)


def radius(short: int, most: int) -> float:
    """Return a radius whose circle has an area in proportion to what is short."""
    return SMALL + (LARGE - SMALL) * math.sqrt(short / most) if short else SMALL


def _depot(frame: Frame, lon: float, lat: float, label: str) -> str:
    x, y = frame.at(lon, lat)
    return svg.element("rect", svg.title(label), x=x - 5, y=y - 5, width=10, height=10, class_="depot")


def _labels(frame: Frame, regions: Sequence[Region]) -> list[str]:
    """Names in the middle of the largest ring, moved down where they would lie on another."""
    placed: list[tuple[float, float]] = []
    parts = []
    for region in sorted((r for r in regions if r.rings), key=lambda r: -max(map(_area, r.rings))):
        x, y = frame.at(*_middle(max(region.rings, key=_area)))
        while any(abs(x - a) < 110 and abs(y - b) < 48 for a, b in placed):
            y += 12
        placed.append((x, y))
        parts.append(svg.text(region.label, x, y, class_="name"))
        if region.note:
            parts.append(svg.text(region.note, x, y, dy="1.25em", class_="note"))
    return parts


def _edges(ring: Ring) -> list[tuple[float, float, float]]:
    """Cross product, and the sums of x and y, of every edge."""
    pairs = zip(ring, [*ring[1:], ring[0]], strict=True)
    return [(a * d - c * b, a + c, b + d) for (a, b), (c, d) in pairs]


def _area(ring: Ring) -> float:
    return abs(sum(cross for cross, _, _ in _edges(ring))) / 2


def _middle(ring: Ring) -> tuple[float, float]:
    """Centroid of a ring."""
    edges = _edges(ring)
    total = sum(cross for cross, _, _ in edges)
    if abs(total) < 1e-12:
        return ring[0]
    x = sum(cross * sx for cross, sx, _ in edges) / (3 * total)
    return x, sum(cross * sy for cross, _, sy in edges) / (3 * total)


def _legend(top: float, most: int, grown: float, words: Mapping[str, str]) -> list[str]:
    y = top + 16
    parts = [svg.text(words["legend_colour"], MARGIN, y, class_="key")]
    for n, label in enumerate(svg.shade_labels()):
        x = MARGIN + 8 + n * 92
        parts += [svg.element("circle", cx=x, cy=y + 24, r=8, class_=f"dot s{n}")]
        parts += [svg.text(label, x + 14, y + 29, class_="key")]
    x = WIDTH / 2 + 20
    parts.append(svg.text(words["legend_size"], x, y, class_="key"))
    x += 14
    for size in _sizes(most):
        r = grown * radius(size, most)
        parts.append(svg.element("circle", cx=x, cy=y + 24, r=r, class_="dot s2"))
        parts.append(svg.text(f"{size:,}", x + r + 5, y + 29, class_="key"))
        x += 62
    parts.append(svg.element("rect", x=x + 20, y=y + 19, width=10, height=10, class_="depot"))
    parts.append(svg.text(words["depot"], x + 36, y + 29, class_="key"))
    return parts


def _sizes(most: int) -> list[int]:
    return sorted({max(1, most // 16), max(1, most // 4), most}) if most else [0]

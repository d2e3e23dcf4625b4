"""Read the facts, draw from named random streams, and find places on the map."""

from __future__ import annotations

import csv
import json
import math
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np

SOURCES = Path(__file__).resolve().parent.parent / "sources"
SEED = 20200203
DISTRICTS = {
    "锡山区": "xishan",
    "惠山区": "huishan",
    "滨湖区": "binhu",
    "梁溪区": "liangxi",
    "新吴区": "xinwu",
    "江阴市": "jiangyin",
    "宜兴市": "yixing",
}
Row = dict[str, str]
T = TypeVar("T")


@cache
def read(name: str) -> tuple[Row, ...]:
    """Rows of one source table, all values as text."""
    with (SOURCES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


class Draw:
    """One random stream; streams of different names do not disturb each other.

    Everything is derived from `Generator.random`, the most stable part of numpy's
    generators, so that other versions give the same bytes.
    """

    def __init__(self, name: str) -> None:
        seed = np.random.SeedSequence([SEED, zlib.crc32(name.encode())])
        self._rng = np.random.Generator(np.random.PCG64(seed))

    def unit(self) -> float:
        return float(self._rng.random())

    def below(self, n: int) -> int:
        return int(self.unit() * n)

    def choice(self, values: Sequence[T], shares: Sequence[float] | None = None) -> T:
        if shares is None:
            return values[self.below(len(values))]
        mark = self.unit() * sum(shares)
        for value, share in zip(values, shares, strict=True):
            mark -= share
            if mark < 0:
                return value
        return values[-1]

    def normal(self) -> float:
        """One standard normal number (Box and Muller)."""
        radius = math.sqrt(-2 * math.log(1 - self.unit()))
        return radius * math.cos(2 * math.pi * self.unit())

    def order(self, values: Sequence[T]) -> list[T]:
        """The values in random order."""
        keys = [self.unit() for _ in values]
        return [values[i] for i in sorted(range(len(values)), key=keys.__getitem__)]

    def near(self, district: str, lon: float, lat: float, km: float) -> tuple[float, float]:
        """A point about `km` from (lon, lat), inside the district's outline where one is found."""
        for _ in range(20):
            x = lon + self.normal() * km / (111.32 * math.cos(math.radians(lat)))
            y = lat + self.normal() * km / 110.57
            if inside(district, x, y):
                return round(x, 5), round(y, 5)
        return round(lon, 5), round(lat, 5)


@cache
def _outlines() -> dict[str, list[list[tuple[float, float]]]]:
    data = json.loads((SOURCES / "districts.geojson").read_text(encoding="utf-8"))
    outlines: dict[str, list[list[tuple[float, float]]]] = {}
    for feature in data["features"]:
        shape = feature["geometry"]
        polygons = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
        rings = [[(p[0], p[1]) for p in polygon[0]] for polygon in polygons]
        outlines[DISTRICTS[feature["properties"]["name"]]] = rings
    return outlines


def outlines() -> list[tuple[object, ...]]:
    """Rows of the table of outlines; the last point of a source ring is the first again."""
    return [
        (district, n, k, round(x, 5), round(y, 5))
        for district, rings in _outlines().items()
        for n, ring in enumerate(rings, start=1)
        for k, (x, y) in enumerate(ring[:-1] if ring[0] == ring[-1] else ring, start=1)
    ]


def inside(district: str, x: float, y: float) -> bool:
    """Whether a point lies in the coarse outline of a district (ray casting)."""
    for ring in _outlines()[district]:
        odd = False
        for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                odd = not odd
        if odd:
            return True
    return False


def km(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Great-circle distance, mean Earth radius."""
    a, b = math.radians(lat1), math.radians(lat2)
    h = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(h))


def nearest_village(district: str, lon: float, lat: float) -> Row:
    """The village or community of a district closest to a point."""
    rows = [v for v in read("villages") if DISTRICTS[v["district"]] == district and v["type"] != "园区"]
    return min(rows, key=lambda v: km(lon, lat, float(v["lon"]), float(v["lat"])))


def shared_out(total: int, weights: dict[str, float], least: int = 0) -> dict[str, int]:
    """`total` dealt out by weight, whole numbers, at least `least` each (largest remainders)."""
    rest = total - least * len(weights)
    exact = {k: rest * w / sum(weights.values()) for k, w in weights.items()}
    parts = {k: least + int(x) for k, x in exact.items()}
    late = sorted(exact, key=lambda k: (int(exact[k]) - exact[k], k))
    for k in late[: total - sum(parts.values())]:
        parts[k] += 1
    return parts

"""Cities of any size with the shape of a given one: whole copies side by side, and a sample for the rest.

2.5 times a city is the city itself, a copy beside it, and half of it (`sample.py`) beside that. A copy has
districts, sites, cadres, depots and suppliers of its own, so a district stays as large as it is; they lie on a
grid of tiles as large as the city, and people who live near a border may work across it. In copies homes are
moved a little and what people can do, and when, is dealt anew among them; sums stay exactly what they were.
Goods stay with the depots of their copy; batches and the budget are common. Tables are written copy by copy.
"""

from __future__ import annotations

import csv
import math
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from allocator import files, sheet
from allocator.document import document
from allocator.errors import InputError, Problem
from allocator.goods import usual_lanes
from allocator.limits import Watch
from allocator.sample import sample
from allocator.scenario import Scenario
from allocator.settings import Settings
from allocator.tables import INPUTS, Table

DEGREE_KM = 111.195
"""Kilometres in a degree of latitude on the mean Earth radius."""
POLE = 80.0
"""Degrees of latitude beyond which nothing is placed."""
MARGIN_KM = 2.0
"""Between two tiles."""
HOME_KM = 0.3
"""Standard deviation of how far a home is moved in a copy, along either axis."""
OWN = {"sites.site", "cadres.cadre", "districts.district", "depots.depot", "suppliers.supplier", "places"}
"""Columns whose codes every copy has for itself."""
NAMED = {("districts", "name"), ("sites", "name"), ("sites", "township"), ("depots", "name")}
NAMED |= {("isolation_demand", "township")}
LABEL = {"districts": "district", "sites": "site", "cadres": "cadre", "depots": "depot", "suppliers": "supplier"}
DEALT = ("skills", "night_ok", "batch", "first_day", "last_day")
"""What is dealt anew among the people of a copy, with their leave and the shifts they worked."""


@dataclass(frozen=True)
class Tile:
    """A part of the new city: number, what is copied, and where it lies."""

    number: int
    model: Scenario
    east: int
    north: int


def write(scenario: Scenario, times: float, seed: int, out: Path, watch: Watch | None = None) -> dict[str, int]:
    """Write a city `times` as large to a new or empty folder, whole or not at all; return rows per table.

    The same scenario, times and seed give the same bytes.

    Raises
    ------
    InputError
        `out` holds something or cannot be written; nothing is left of so small a city; so large a one
        does not fit on the globe.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise files.refused(out, "a new or an empty folder; nothing here is replaced", "bad_out")
    watch = watch or Watch()
    tiles = _tiles(scenario, times, seed)
    settings = _settings(scenario.settings, times, tiles)
    shape = _Shape(scenario)
    shape.check(tiles)
    counts: dict[str, int] = {}

    def fill(folder: Path) -> None:
        text = files.toml(document(settings))
        (folder / files.SETTINGS_FILE).write_text(text, encoding="utf-8", newline="\n")
        (folder / "README.md").write_text(_readme(scenario, times, seed), encoding="utf-8", newline="\n")
        counts.update(_fill(folder, scenario, shape, tiles, seed, watch))

    try:
        files.replace_folder(out, fill)
    except OSError as error:
        expected = f"a place that can be written ({error.strerror or error})"
        raise files.refused(out, expected, "unwritable") from error
    return counts


def _tiles(scenario: Scenario, times: float, seed: int) -> list[Tile]:
    whole = math.floor(times + 1e-9)
    part = round(times - whole, 9)
    models = [scenario] * whole
    if part > 0:
        models.append(sample(scenario, part, np.random.default_rng([seed, 0])))
    spots = _spots(len(models))
    return [Tile(n, model, *spot) for n, (model, spot) in enumerate(zip(models, spots, strict=True))]


def _spots(count: int) -> list[tuple[int, int]]:
    """Tiles (east, north) of a square around the first, nearest first."""
    half = math.ceil(math.sqrt(count)) // 2 + 1
    every = [(east, north) for east in range(-half, half + 1) for north in range(-half, half + 1)]
    return sorted(every, key=lambda spot: (max(map(abs, spot)), spot[0] ** 2 + spot[1] ** 2, spot))[:count]


def _settings(settings: Settings, times: float, tiles: list[Tile]) -> Settings:
    models = [tile.model.settings for tile in tiles]
    sizes = [sum(m.batches[k].size for m in models) for k in range(len(settings.batches))]
    return replace(
        settings,
        name=f"{settings.name}-x{times:g}",
        title=f"{settings.title} × {times:g}",
        batches=tuple(replace(b, size=size) for b, size in zip(settings.batches, sizes, strict=True)),
        supply=replace(settings.supply, budget=round(sum(m.supply.budget for m in models), 2)),
    )


def _readme(scenario: Scenario, times: float, seed: int) -> str:
    name = scenario.settings.name
    return (
        f"# {name} × {times:g}\n\nMade by `allocator city --like {name} --times {times:g} --seed {seed}`, for tests of "
        f"size. Nothing in it is a fact; what the columns and weights mean is told in the README of {name}.\n"
    )


def _fill(
    folder: Path, scenario: Scenario, shape: _Shape, tiles: list[Tile], seed: int, watch: Watch
) -> dict[str, int]:
    names = [name for name in INPUTS if name in scenario.given or (name == "lanes" and len(tiles) > 1)]
    counts = dict.fromkeys(names, 0)
    with ExitStack() as stack:
        sheets = {}
        for name in names:
            file = stack.enter_context(open(folder / f"{name}.csv", "w", encoding="utf-8", newline=""))
            sheets[name] = csv.writer(file, lineterminator="\n")
            sheets[name].writerow(INPUTS[name].names)
        texts: dict[int, dict[str, dict[str, list[str]]]] = {}
        for tile in tiles:
            copy = _Copy(tile, shape, np.random.default_rng([seed, 1, tile.number]))
            known = texts.setdefault(id(tile.model), {})
            for name in names:
                if tile.number and name in ("duties", "items", "kits"):
                    continue
                rows = copy.rows(name, known)
                sheets[name].writerows(rows)
                counts[name] += len(rows)
            done = ", ".join(f"{counts[n]:,} {n}" for n in ("cadres", "sites", "demand", "needs"))
            watch.tell("city", note=f"part {tile.number + 1} of {len(tiles)}: {done}")
    return counts


class _Shape:
    """Middle and size of the city, for the grid."""

    def __init__(self, scenario: Scenario):
        points = pd.concat([scenario.table(n)[["lon", "lat"]] for n in ("sites", "cadres", "depots")]).to_numpy()
        low, high = points.min(0), points.max(0)
        self.lon, self.lat = (low + high) / 2
        self.narrow = max(1e-3, math.cos(math.radians(self.lat)))
        self.north = (high[1] - low[1]) + MARGIN_KM / DEGREE_KM
        self.east = (high[0] - low[0]) + MARGIN_KM / DEGREE_KM / self.narrow

    def check(self, tiles: list[Tile]) -> None:
        """Refuse tiles that would lie near a pole or beyond the date line."""
        for tile in tiles:
            up = self.lat + tile.north * self.north
            side = abs(self.lon) + (abs(tile.east) + 1) * self.east * self._wide(up)
            if (tile.east or tile.north) and (abs(up) + self.north > POLE or side > 180):
                expected = f"fewer times; part {tile.number + 1} of the city would not lie on the map any more"
                raise InputError([Problem("--times", None, None, "", expected, "too_large")])

    def _wide(self, lat: float) -> float:
        """Degrees of longitude at a latitude that are as long as one in the middle of the city."""
        return self.narrow / max(1e-3, math.cos(math.radians(lat)))

    def moved(self, lon: np.ndarray, lat: np.ndarray, tile: Tile) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates in a tile: kilometres from the middle stay what they are."""
        if not (tile.east or tile.north):
            return lon, lat
        north = tile.north * self.north
        east = self.lon + (tile.east * self.east + (lon - self.lon)) * self._wide(self.lat + north)
        return np.round(east, 5), np.round(lat + north, 5)


class _Copy:
    """The tables of one tile as rows of text."""

    def __init__(self, tile: Tile, shape: _Shape, rng: np.random.Generator):
        self.tile, self.shape, self.model = tile, shape, tile.model
        self.code = f".{tile.number + 1}" if tile.number else ""
        cadres = self.model.table("cadres")
        self.dealt = np.arange(len(cadres))
        self.drift = np.zeros((2, len(cadres)))
        if tile.number:
            fixed = set(self.model.table("pins")["cadre"]) | set(self.model.table("previous")["cadre"])
            free = np.flatnonzero(~cadres["cadre"].isin(fixed).to_numpy(dtype=bool))
            self.dealt[free] = rng.permutation(free)
            self.drift[:, free] = rng.normal(0, HOME_KM / DEGREE_KM, (2, len(free)))
        receiver = np.argsort(self.dealt)
        codes = cadres["cadre"].to_numpy(dtype=object)
        self.heir = dict(zip(codes, codes[receiver], strict=True))

    def rows(self, name: str, known: dict[str, dict[str, list[str]]]) -> list[tuple[str, ...]]:
        table = INPUTS[name]
        if name not in known:
            known[name] = self._texts(name, table)
        columns = dict(known[name])
        if {"lon", "lat"} <= columns.keys() and self.tile.number:
            columns |= self._places(name)
        if name == "cadres":
            columns |= {c: [columns[c][k] for k in self.dealt.tolist()] for c in DEALT}
        if name in ("leave", "worked"):
            columns["cadre"] = [self.heir[c] for c in columns["cadre"]]
        if self.code:
            for column in table.columns:
                own = column.refers in OWN or LABEL.get(name) == column.name
                end = self.code if own else f" {self.code[1:]}" if (name, column.name) in NAMED else ""
                if end:
                    columns[column.name] = [text and text + end for text in columns[column.name]]
        return list(zip(*(columns[c] for c in table.names), strict=True))

    def _texts(self, name: str, table: Table) -> dict[str, list[str]]:
        frame = self.model.table(name)
        if name == "lanes" and name not in self.model.given:
            frame = usual_lanes(self.model)
        return sheet.text(frame, table, self.model.settings.horizon)

    def _places(self, name: str) -> dict[str, list[str]]:
        frame = self.model.table(name)
        lon, lat = (frame[c].to_numpy(dtype=float) for c in ("lon", "lat"))
        if name == "cadres":
            lon, lat = lon + self.drift[0] / self.shape.narrow, lat + self.drift[1]
        east, north = self.shape.moved(lon, lat, self.tile)
        return {"lon": [repr(x) for x in east.tolist()], "lat": [repr(y) for y in north.tolist()]}


__all__ = ["write"]

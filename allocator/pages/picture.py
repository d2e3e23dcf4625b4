"""Maps of the pages: the places of a day with what they lack, or where one place lies."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from flask import g, url_for
from markupsafe import Markup

from allocator import words
from allocator.drawing import city
from allocator.pages.facts import Place
from allocator.pages.language import say
from allocator.pages.reader import Reader
from allocator.store import Run


def map_of(reader: Reader, run: Run, scope: str | None, day: date, found: Iterable[Place]) -> Markup:
    """Return the map of a district, or of the city, on a day; places and districts are links."""
    found = list(found)
    short: dict[str, int] = {}
    for place in found:
        code = place.site["district"]
        short[code] = short.get(code, 0) + place.short
    names = reader.table(run, "districts", scope)
    regions = []
    for code, rings in reader.rings(run, scope).items():
        link = "" if scope else url_for("pages.district", district=code, day=day.isoformat())
        note = f"{say('short')} {short.get(code, 0):,}"
        regions.append(city.Region(rings, names[code]["name"], note, link))
    dots = [_dot(place, day) for place in found]
    return city.draw(regions, dots, _depots(reader, run, scope), _words("map"))


def _dot(place: Place, day: date) -> city.Dot:
    site = place.site
    kind = words.word(site["kind"], g.language, words.KINDS)
    gap = f"{say('short')} {place.short}: {', '.join(place.gaps)}" if place.short else say("no_shortage")
    label = f"{site['name']} ({kind}) {place.covered}/{place.required}, {gap}"
    link = url_for("pages.site", site=site["site"], day=day.isoformat())
    return city.Dot(site["lon"], site["lat"], place.required, place.short, label, link)


def _depots(reader: Reader, run: Run, scope: str | None) -> list[tuple[float, float, str]]:
    return [(d["lon"], d["lat"], d["name"]) for d in reader.table(run, "depots", scope).values()]


def _words(key: str) -> dict[str, str]:
    found = {"map": say(key), "depot": say("depot"), "legend_colour": say("legend_colour")}
    return found | {"legend_size": say("legend_size")}


def place_of(reader: Reader, run: Run, site: dict[str, Any]) -> Markup:
    """Return the outline of a district with one place marked in it."""
    district = site["district"]
    rings = reader.rings(run, district).get(district, [])
    names = reader.table(run, "districts", district)
    region = city.Region(rings, names[district]["name"])
    mark = city.Mark(site["lon"], site["lat"], site["name"])
    return city.locate([region] if rings else [], mark, say("map"))

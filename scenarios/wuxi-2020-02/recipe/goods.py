"""Items, kits, and what every kind of site uses up besides."""

from __future__ import annotations

from dataclasses import dataclass

from .places import Place
from .work import PROFILES, Ask, day


@dataclass(frozen=True)
class Item:
    """One row of the items table."""

    item: str
    name: str
    unit: str
    pack: int
    volume: float
    weight: float


ITEMS = (
    Item("mask", "医用外科口罩", "只", 10, 0.04, 0.08),
    Item("n95", "医用防护口罩(N95)", "只", 4, 0.15, 0.15),
    Item("suit", "一次性防护服", "件", 2, 2.5, 0.3),
    Item("goggles", "护目镜", "副", 1, 0.5, 0.3),
    Item("gloves", "一次性手套", "只", 6, 0.015, 0.012),
    Item("shoecover", "鞋套", "双", 5, 0.04, 0.015),
    Item("chlorine", "84消毒液", "瓶(0.5升)", 4, 0.6, 0.08),
    Item("alcohol", "75%酒精", "瓶(0.5升)", 2, 0.6, 0.1),
    Item("sanitizer", "免洗手消毒液", "瓶(0.5升)", 2, 0.6, 0.1),
    Item("thermometer", "额温枪", "支", 1, 1.0, 0.8),
    Item("leaflet", "宣传单", "份", 20, 0.01, 0.003),
)
KITS = (
    ("watch", "mask", 2),
    ("distribution", "mask", 2),
    ("distribution", "gloves", 3),
    ("tracing", "n95", 1),
    ("tracing", "suit", 1),
    ("tracing", "gloves", 3),
    ("patrol", "mask", 2),
    ("patrol", "gloves", 3),
    ("patrol", "shoecover", 1),
    ("disinfection", "mask", 2),
    ("disinfection", "gloves", 3),
    ("disinfection", "chlorine", 2),
    ("publicity", "mask", 2),
    ("publicity", "leaflet", 20),
)


@dataclass(frozen=True)
class Need:
    """Units a day of an item for a tier (first, last: day of February)."""

    item: str
    tier: str
    per_day: int
    first: int = 3
    last: int = 30


def _daily(tier: str, first: int = 3, last: int = 30, **units: int) -> tuple[Need, ...]:
    return tuple(Need(item, tier, n, first, last) for item, n in units.items() if n)


def _thermometers(tier: str, units: int = 1, first: int = 5) -> tuple[Need, ...]:
    """Bought once: so many on each of three days, and again two weeks later (lost, broken)."""
    return (
        Need("thermometer", tier, units, first, min(30, first + 2)),
        *(Need("thermometer", tier, units, n, n) for n in (first + 14,) if n <= 30),
    )


def _neighbourhood(kind: str, size: str, high: bool) -> tuple[Need, ...]:
    """Own workers at the gates stand beside the cadres; residents get masks and leaflets."""
    step = "SML".index(size)
    town = kind == "community"
    staff = (8, 12, 18)[step] + (4 if town else 0) + (4 if high else 0)
    needs = _daily(
        "frontline",
        mask=staff,
        gloves=(6, 6, 12)[step] + (6 if high else 0),
        chlorine=(2, 3, 4)[step] + (1 if town else 0),
        alcohol=((1, 1, 2)[step]) if town else 0,
        n95=2 if town and high and size != "S" else 0,
        suit=1 if town and high and size != "S" else 0,
    )
    public = _daily("public", mask=((20, 40, 60) if town else (0, 10, 20))[step], leaflet=(20, 30, 40)[step])
    return needs + public + (_thermometers("frontline") if town or size != "S" else ())


def _station(scale: int) -> tuple[Need, ...]:
    """The station's own staff, by size of the team."""
    return _daily(
        "frontline",
        mask=20 * scale,
        gloves=12 * scale,
        shoecover=5 * scale,
        chlorine=4 * scale,
        alcohol=2 * scale,
        sanitizer=2 * scale,
        n95=4 * (scale - 1),
        goggles=2 * (scale - 1),
    ) + _thermometers("frontline", scale)


def _checkpoint(scale: int) -> tuple[Need, ...]:
    """Police, doctors and drivers' samples at a checkpoint; closed after 24 February."""
    return _daily(
        "frontline",
        last=24,
        mask=12 * scale,
        n95=4 * scale,
        goggles=scale,
        gloves=12 * scale,
        chlorine=2 * scale,
        alcohol=2 * scale,
    ) + _thermometers("frontline", scale)


def _firm(size: str, first: int) -> tuple[Need, ...]:
    """What a firm may draw from the city's stock, about a third of its need."""
    large = {"mask": 120, "sanitizer": 4, "chlorine": 4, "gloves": 6}
    small = {"mask": 50, "sanitizer": 2, "chlorine": 2, "gloves": 2}
    return _daily("enterprise", first, **(large if size == "L" else small)) + _thermometers(
        "enterprise", 1, first
    )


def _market(scale: int) -> tuple[Need, ...]:
    """Entrance staff and stall holders."""
    staff = _daily("frontline", mask=10 * scale, gloves=6 * scale, chlorine=3 * scale)
    return (
        staff
        + _daily("public", mask=40 * scale, sanitizer=2 * scale, leaflet=20 * scale)
        + _thermometers("frontline")
    )


def _school(scale: int) -> tuple[Need, ...]:
    """Preparation from 17 February on."""
    units = {"mask": 20, "sanitizer": 2, "chlorine": 2, "leaflet": 6, "gloves": 3}
    return _daily("public", 17, **{i: n * scale for i, n in units.items()}) + _thermometers("public", 1, 17)


def _ward(scale: int) -> tuple[Need, ...]:
    """Isolation sites, fever clinics and hospitals, per ten staff on the ward."""
    return _daily(
        "medical",
        mask=30 * scale,
        n95=12 * scale,
        suit=8 * scale,
        goggles=4 * scale,
        gloves=60 * scale,
        shoecover=15 * scale,
        chlorine=6 * scale,
        alcohol=6 * scale,
        sanitizer=2 * scale,
    ) + _thermometers("medical", scale)


def _table() -> dict[str, tuple[Need, ...]]:
    table = {
        f"{kind}-{size}{risk}": _neighbourhood(kind, size, bool(risk))
        for kind in ("village", "community")
        for size in "SML"
        for risk in ("", "-high")
    }
    table |= {
        "rail-main": _station(8),
        "rail-east": _station(4),
        "airport": _station(4),
        "rail-yixing": _station(3),
    }
    table |= {"rail-small": _station(2), "bus-main": _station(2), "bus": _station(1), "ferry": _station(1)}
    table |= {
        name: _daily("frontline", mask=10, gloves=6, shoecover=5, chlorine=2) for name in ("metro", "dock")
    }
    table |= {"metro-busy": _station(1)}
    table |= {"exit-trunk": _checkpoint(3), "exit": _checkpoint(2), "road": _checkpoint(1)}
    table |= {name: _firm(name[5], int(name[7:])) for name in PROFILES if name.startswith("firm")}
    table |= {"park": _firm("L", 10) + _daily("public", 10, leaflet=20)}
    table |= {"market": _market(1), "market-large": _market(2), "wholesale": _market(3)}
    table |= {"school": _school(1), "school-middle": _school(2), "university": _school(5)}
    table |= {"isolation": _ward(1), "isolation-large": _ward(2), "clinic": _ward(1)}
    return table


NEEDS = _table()
HOSPITAL = {"L": _ward(8), "M": _ward(5)}


def needs_of(place: Place) -> tuple[Need, ...]:
    """The needs of one site."""
    return HOSPITAL[place.size] if place.profile == "hospital" else NEEDS[place.profile]


def needs(places: list[Place]) -> list[tuple[object, ...]]:
    """Rows of the needs table."""
    return [
        (p.site, n.item, day(n.first), day(n.last), n.per_day, n.tier) for p in places for n in needs_of(p)
    ]


def kits_of(ask: Ask) -> list[tuple[str, int]]:
    """Items one person uses up on one shift of the duty."""
    return [(item, n) for duty, item, n in KITS if duty == ask.duty]


def lines(places: list[Place]) -> dict[str, set[str]]:
    """Site -> items it ever needs, kits included."""
    return {
        p.site: {n.item for n in needs_of(p)} | {i for a in PROFILES[p.profile] for i, _ in kits_of(a)}
        for p in places
    }

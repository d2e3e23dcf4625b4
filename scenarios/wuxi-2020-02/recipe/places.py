"""Sites with real names: villages, communities, parks, stations, docks, checkpoints and the like."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from .sources import DISTRICTS, Draw, Row, nearest_village, read


@dataclass(frozen=True)
class Place:
    """One site. `profile` names what it asks for in people, `size` scales its goods."""

    site: str
    name: str
    kind: str
    district: str
    township: str
    lon: float
    lat: float
    weight: float
    population: int
    source: str
    profile: str
    size: str


# --- villages, communities, parks -------------------------------------------------------------

LIMITS = {"village": (3200, 4600), "community": (5200, 7600)}
RISKS = {"village": (0.24, 0.62, 0.14), "community": (0.14, 0.72, 0.14)}
RISK_WEIGHT = {"low": 0.8, "plain": 1.0, "high": 1.25}


def villages() -> Iterator[Place]:
    """The 1,250 real villages and communities, with a drawn size and risk."""
    rows = [v for v in read("villages") if v["type"] != "园区"]
    draw = Draw("risk")
    for row, population in zip(rows, _populations(rows), strict=True):
        kind = "village" if row["type"] == "村" else "community"
        small, large = LIMITS[kind]
        size = "S" if population < small else "M" if population < large else "L"
        risk = draw.choice(("low", "plain", "high"), RISKS[kind])
        profile = f"{kind}-{size}" + ("-high" if risk == "high" else "")
        yield Place(
            f"V{row['code']}",
            row["name"],
            kind,
            DISTRICTS[row["district"]],
            row["township"],
            float(row["lon"]),
            float(row["lat"]),
            RISK_WEIGHT[risk],
            population,
            "placed",
            profile,
            size,
        )


def _populations(rows: list[Row]) -> list[int]:
    """Estimates spread by a lognormal factor; every district and type keeps its total to within rounding."""
    draw = Draw("population")
    spread = [int(r["est_pop_2019"]) * math.exp(0.35 * draw.normal()) for r in rows]
    totals: dict[tuple[str, str], list[float]] = {}
    for row, value in zip(rows, spread, strict=True):
        total = totals.setdefault((row["district"], row["type"]), [0.0, 0.0])
        total[0] += float(row["est_pop_2019"])
        total[1] += value
    result = []
    for row, value in zip(rows, spread, strict=True):
        known, drawn = totals[row["district"], row["type"]]
        result.append(round(value * known / drawn / 10) * 10)
    return result


def parks() -> Iterator[Place]:
    """The 20 real park units: the first to resume."""
    for row in read("villages"):
        if row["type"] == "园区":
            yield Place(
                f"P{row['code']}",
                row["name"],
                "enterprise",
                DISTRICTS[row["district"]],
                row["township"],
                float(row["lon"]),
                float(row["lat"]),
                1.25,
                int(row["est_pop_2019"]),
                "placed",
                "park",
                "L",
            )


# --- facilities with real names ---------------------------------------------------------------

CODES = {
    "rail_station": ("R", "station"),
    "airport": ("A", "station"),
    "bus_terminal": ("B", "station"),
    "metro_station": ("M", "station"),
    "dock": ("K", "dock"),
    "expressway_exit": ("X", "checkpoint"),
    "road_checkpoint": ("T", "checkpoint"),
    "hospital": ("H", "hospital"),
    "university": ("U", "school"),
}
BUSY_METRO = ("无锡火车站", "三阳广场", "人民医院", "无锡东站")
FERRIES = ("汽渡", "客货")
TRUNK = ("G2", "G42无锡", "父子岭")


def _profile(category: str, name: str) -> tuple[str, str, float]:
    """Profile, size and weight of a real facility."""
    if category == "rail_station":
        known = {
            "无锡站": ("rail-main", "L", 2.0),
            "无锡东站": ("rail-east", "M", 1.6),
            "宜兴站": ("rail-yixing", "M", 1.6),
        }
        return known.get(name, ("rail-small", "S", 1.25))
    if category == "airport":
        return "airport", "M", 2.0
    if category == "bus_terminal":
        return ("bus-main", "M", 1.6) if name == "无锡汽车客运站" else ("bus", "S", 1.25)
    if category == "metro_station":
        return ("metro-busy", "S", 1.25) if name.startswith(BUSY_METRO) else ("metro", "S", 1.0)
    if category == "dock":
        return ("ferry", "M", 1.25) if any(f in name for f in FERRIES) else ("dock", "S", 1.0)
    if category == "expressway_exit":
        trunk = name.startswith(TRUNK[:2]) or TRUNK[2] in name
        return ("exit-trunk", "L", 1.6) if trunk else ("exit", "M", 1.25)
    if category == "road_checkpoint":
        return "road", "S", 1.25
    if category == "hospital":
        return "hospital", "M" if name in ("锡山人民医院", "惠山区人民医院") else "L", 1.6
    return "university", "L", 1.0


def facilities() -> Iterator[Place]:
    """Stations, airport, terminals, docks, checkpoints, hospitals and universities by name."""
    for category, (letter, kind) in CODES.items():
        rows = [f for f in read("facilities") if f["category"] == category]
        for i, row in enumerate(rows, 1):
            profile, size, weight = _profile(category, row["name"])
            yield real_place(f"{letter}{i:02d}", row, kind, profile, size, weight)


def real_place(site: str, row: Row, kind: str, profile: str, size: str, weight: float) -> Place:
    """A facility at its place in the sources; the township is that of the nearest village."""
    district, lon, lat = DISTRICTS[row["district"]], float(row["lon"]), float(row["lat"])
    township = nearest_village(district, lon, lat)["township"]
    return Place(site, row["name"], kind, district, township, lon, lat, weight, 0, "real", profile, size)

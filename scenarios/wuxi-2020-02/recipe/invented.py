"""Invented sites, each within a real township: enterprises, markets, schools, isolation sites, clinics."""

from __future__ import annotations

from collections.abc import Iterator

from .names import MARKET_ORDINALS, SCHOOLS, firm_name, stem
from .places import Place, facilities, parks, real_place, villages
from .sources import DISTRICTS, Draw, Row, nearest_village, read, shared_out


def sites() -> list[Place]:
    """All sites, real and invented, in the order of the table."""
    parts = (villages(), facilities(), parks(), firms(), markets(), schools(), isolation(), clinics())
    return [place for part in parts for place in part]


def settled() -> dict[str, tuple[Row, int]]:
    """Township code -> its row and residents; parks without villages are left out."""
    towns = {}
    for town in read("townships"):
        people = sum(
            int(v["est_pop_2019"])
            for v in read("villages")
            if v["township_code"] == town["code"] and v["type"] != "园区"
        )
        if people:
            towns[town["code"]] = (town, people)
    return towns


def spot_in(draw: Draw, township_code: str) -> tuple[float, float]:
    """A point close to some village of the township."""
    row = draw.choice([v for v in read("villages") if v["township_code"] == township_code])
    return draw.near(DISTRICTS[row["district"]], float(row["lon"]), float(row["lat"]), 0.35)


def placed_in(
    site: str,
    name: str,
    kind: str,
    town: Row,
    spot: tuple[float, float],
    weight: float,
    profile: str,
    size: str,
) -> Place:
    district = DISTRICTS[town["district"]]
    return Place(site, name, kind, district, town["name"], *spot, weight, 0, "invented", profile, size)


FIRMS = 260
WAVES = {
    "S": (("14", 0.2), ("17", 0.3), ("20", 0.3), ("24", 0.2)),
    "L": (("10", 0.4), ("14", 0.35), ("17", 0.25)),
}


def firms() -> Iterator[Place]:
    """Invented enterprises that resume from 10 February on, more of them where parks are."""
    draw, used = Draw("firms"), set[str]()
    towns = {t["code"]: t for t in read("townships")}
    people = {code: float(n) for code, (_, n) in settled().items()}
    weights = {code: people.get(code, 90_000.0) for code in towns}
    weights = {c: w * (0.35 if towns[c]["district"] == "梁溪区" else 1.0) for c, w in weights.items()}
    number = 0
    for code, count in shared_out(FIRMS, weights).items():
        for _ in range(count):
            number += 1
            size = draw.choice(("S", "L"), (0.62, 0.38))
            wave = draw.choice([w for w, _ in WAVES[size]], [s for _, s in WAVES[size]])
            name = firm_name(draw, towns[code]["district"], used)
            weight = 1.0 if size == "L" else 0.8
            spot = spot_in(draw, code)
            yield placed_in(
                f"E{number:03d}", name, "enterprise", towns[code], spot, weight, f"firm-{size}-{wave}", size
            )


def markets() -> Iterator[Place]:
    """131 markets: 126 farmers' and 5 wholesale; 22 in urban Jiangyin; five have real names."""
    draw, towns = Draw("markets"), settled()
    named: dict[str, list[Row]] = {}
    for row in (f for f in read("facilities") if f["category"] == "farmers_market"):
        town = nearest_village(DISTRICTS[row["district"]], float(row["lon"]), float(row["lat"]))
        code = next(c for c, (t, _) in towns.items() if t["name"] == town["township"])
        if row["district"] == "江阴市":
            code = "320281001"
        named.setdefault(code, []).append(row)
    counts = shared_out(104, {c: float(n) for c, (_, n) in towns.items() if c != "320281001"}, least=0)
    counts["320281001"] = 22
    number = 0
    for code, (town, _) in towns.items():
        real = [f for f in named.get(code, []) if "批发" not in f["name"]]
        for k in range(max(counts[code], len(real))):
            number += 1
            urban = "街道" in town["name"]
            profile, size, weight = (
                ("market-large", "M", 1.25)
                if urban and k == 0 and counts[code] >= 2
                else ("market", "S", 1.0)
            )
            if k < len(real):
                yield real_place(f"F{number:03d}", real[k], "market", "market-large", "M", 1.25)
                continue
            name = f"{stem(town['name'])}{MARKET_ORDINALS[k]}农贸市场"
            yield placed_in(f"F{number:03d}", name, "market", town, spot_in(draw, code), weight, profile, size)
    yield from _wholesale(draw, towns, number)


def _wholesale(draw: Draw, towns: dict[str, tuple[Row, int]], number: int) -> Iterator[Place]:
    row = next(f for f in read("facilities") if "批发" in f["name"])
    yield real_place(f"F{number + 1:03d}", row, "market", "wholesale", "L", 1.6)
    for i, code in enumerate(("320205002", "320206001", "320281005", "320282001"), number + 2):
        town = towns[code][0]
        name = f"{stem(town['name'])}农副产品批发市场"
        yield placed_in(f"F{i:03d}", name, "market", town, spot_in(draw, code), 1.6, "wholesale", "L")


SCHOOL_COUNT = 164


def schools() -> Iterator[Place]:
    """Invented schools, by residents; they prepare from 17 February on."""
    draw, towns, number = Draw("schools"), settled(), 0
    for code, count in shared_out(
        SCHOOL_COUNT, {c: float(n) for c, (_, n) in towns.items()}, least=1
    ).items():
        town = towns[code][0]
        for k in range(count):
            number += 1
            middle = "中学" in SCHOOLS[k]
            profile = "school-middle" if middle else "school"
            name = f"{stem(town['name'])}{SCHOOLS[k]}"
            size = "M" if middle else "S"
            yield placed_in(f"L{number:03d}", name, "school", town, spot_in(draw, code), 0.8, profile, size)


ISOLATION_COUNT, CLINIC_COUNT = 25, 13


def largest(total: int, least: int) -> Iterator[tuple[Row, str]]:
    """Townships with most residents, every district having its share."""
    towns = settled()
    people: dict[str, float] = {}
    for town, n in towns.values():
        people[town["district"]] = people.get(town["district"], 0.0) + n
    for district, count in shared_out(total, people, least).items():
        own = sorted((-n, c) for c, (t, n) in towns.items() if t["district"] == district)
        for _, code in own[:count]:
            yield towns[code][0], code


def isolation() -> Iterator[Place]:
    """Invented hotels taken over as isolation sites, open from the first day."""
    draw = Draw("isolation")
    for i, (town, code) in enumerate(largest(ISOLATION_COUNT, 2), 1):
        size = "L" if i % 3 == 1 else "S"
        name = f"{stem(town['name'])}集中隔离观察点"
        profile = "isolation-large" if size == "L" else "isolation"
        yield placed_in(f"G{i:02d}", name, "isolation", town, spot_in(draw, code), 1.6, profile, size)


def clinics() -> Iterator[Place]:
    """Invented fever clinics beside the seven real hospitals."""
    draw = Draw("clinics")
    for i, (town, code) in enumerate(largest(CLINIC_COUNT, 1), 8):
        suffix = "街道社区卫生服务中心" if "街道" in town["name"] else "镇中心卫生院"
        name = f"{stem(town['name'])}{suffix}(发热门诊)"
        yield placed_in(f"H{i:02d}", name, "hospital", town, spot_in(draw, code), 1.25, "clinic", "S")

"""Depots, stock, deliveries, suppliers and the budget, scaled from the wishes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from .goods import ITEMS, KITS, Item, lines, needs_of
from .people import iso
from .places import Place
from .sources import DISTRICTS, Draw, read
from .work import DAYS, PROFILES, days_of

CITY = "D-city"
SEATS = {
    "锡山区": "东亭街道",
    "惠山区": "堰桥街道",
    "滨湖区": "蠡湖街道",
    "梁溪区": "山北街道",
    "新吴区": "旺庄街道",
    "江阴市": "澄江街道",
    "宜兴市": "宜城街道",
}


@dataclass(frozen=True)
class Plenty:
    """How much of an item comes by itself, as shares of the wishes over the horizon.

    `certain` arrives in deliveries, `depot_days` and `site_days` of wishes lie ready on the
    first morning, `ramp` is how steeply deliveries grow.
    """

    certain: float
    depot_days: float
    site_days: float
    ramp: float


@dataclass(frozen=True)
class Offer:
    """What a supplier could add: a share of the wishes, from a day on, at a price."""

    supplier: str
    item: str
    share: float
    first: int
    lead: int
    unit_cost: float


PLENTY = {
    "mask": Plenty(0.31, 1.0, 1.0, 1.2),
    "n95": Plenty(0.25, 1.0, 1.0, 1.2),
    "suit": Plenty(0.22, 1.0, 1.0, 1.4),
    "goggles": Plenty(0.27, 1.0, 1.0, 1.0),
    "gloves": Plenty(0.36, 1.0, 1.0, 0.8),
    "shoecover": Plenty(0.38, 1.0, 1.0, 0.5),
    "chlorine": Plenty(0.34, 1.5, 1.0, 0.6),
    "alcohol": Plenty(0.31, 1.5, 1.0, 0.8),
    "sanitizer": Plenty(0.34, 1.0, 1.0, 0.8),
    "thermometer": Plenty(0.45, 3.0, 0.0, -0.6),
    "leaflet": Plenty(0.55, 2.0, 1.0, 0.0),
}
OFFERS = (
    Offer("HONGDOU-1", "mask", 0.14, 0, 2, 1.2),
    Offer("HONGDOU-2", "mask", 0.12, 8, 2, 1.2),
    Offer("BUY-MASK", "mask", 0.16, 0, 4, 2.2),
    Offer("BUY-N95", "n95", 0.20, 0, 3, 16.0),
    Offer("IMPORT-N95", "n95", 0.16, 7, 5, 9.0),
    Offer("HONGDOU-3", "suit", 0.18, 0, 2, 68.0),
    Offer("HONGDOU-4", "suit", 0.18, 8, 2, 68.0),
    Offer("BUY-GOGGLES", "goggles", 0.40, 0, 5, 22.0),
    Offer("BUY-GLOVES", "gloves", 0.40, 0, 3, 0.5),
    Offer("BUY-SHOECOVER", "shoecover", 0.35, 0, 3, 0.6),
    Offer("BUY-CHLORINE", "chlorine", 0.40, 0, 2, 5.0),
    Offer("BUY-ALCOHOL", "alcohol", 0.44, 0, 2, 8.0),
    Offer("BUY-SANITIZER", "sanitizer", 0.40, 0, 3, 12.0),
    Offer("BUY-THERMOMETER", "thermometer", 0.40, 0, 5, 260.0),
    Offer("PRINT-LEAFLET", "leaflet", 0.15, 0, 2, 0.12),
)
BUDGET_SHARE = 0.55
KIT_SHARE = 0.6
"""Part of the wished kits that is expected to be used: there are fewer people than places."""


def wishes(places: list[Place]) -> dict[str, list[float]]:
    """Item -> units wished for on each day, needs and expected kits."""
    wish = {item.item: [0.0] * DAYS for item in ITEMS}
    kits = {(duty, code): units for duty, code, units in KITS}
    for p in places:
        for n in needs_of(p):
            for d in range(n.first - 3, n.last - 2):
                wish[n.item][d] += n.per_day
        for a in PROFILES[p.profile]:
            for (duty, code), units in kits.items():
                if duty == a.duty:
                    for d in days_of(a):
                        wish[code][d] += units * a.required * KIT_SHARE
    return wish


def depots(throughput: dict[str, int]) -> list[tuple[object, ...]]:
    """Rows of the depots table: one for the city, one in each district."""
    rows: list[tuple[object, ...]] = [(CITY, "市应急物资储备中心库", "", 120.3352, 31.5731, throughput[CITY])]
    for district, code in DISTRICTS.items():
        town = next(
            t for t in read("townships") if t["name"] == SEATS[district] and t["district"] == district
        )
        lon, lat = Draw("depot " + code).near(code, float(town["lon"]), float(town["lat"]), 0.8)
        rows.append((f"D-{code}", f"{district}防疫物资仓库", code, lon, lat, throughput[f"D-{code}"]))
    return rows


def throughput(places: list[Place], wish: dict[str, list[float]]) -> dict[str, int]:
    """Litres a day: a fifth above the expected mean outflow (a third in the districts).

    Ample on most days, tight on the first ones, when the depots' first stock should go out at once.
    """
    litres = sum(sum(wish[i.item]) * i.volume * _supplied(i.item) for i in ITEMS) / DAYS
    volume = {i.item: i.volume for i in ITEMS}
    weight = dict.fromkeys(DISTRICTS.values(), 0.0)
    for p in places:
        weight[p.district] += sum(n.per_day * volume[n.item] * (n.last - n.first + 1) for n in needs_of(p))
    total = sum(weight.values())
    result = {f"D-{code}": math.ceil(1.35 * litres * w / total / 100) * 100 for code, w in weight.items()}
    return {CITY: math.ceil(1.2 * litres / 100) * 100} | result


def _supplied(item: str) -> float:
    return PLENTY[item].certain + BUDGET_SHARE * sum(o.share for o in OFFERS if o.item == item)


def stock(places: list[Place], wish: dict[str, list[float]]) -> list[tuple[object, ...]]:
    """Rows of the stock table: depots first, then about a day's need at the sites."""
    shares = district_shares(places)
    rows: list[tuple[object, ...]] = []
    for item in ITEMS:
        mean = sum(wish[item.item]) / DAYS
        ready = PLENTY[item.item].depot_days * mean
        rows.append((CITY, item.item, packs(0.6 * ready, item)))
        rows += [(f"D-{code}", item.item, packs(0.4 * ready * s, item)) for code, s in shares.items()]
    return rows + _site_stock(places)


def _site_stock(places: list[Place]) -> list[tuple[object, ...]]:
    """A day of the first needs, or a pack where only kits are used; one line in eight has nothing."""
    draw = Draw("site stock")
    rows: list[tuple[object, ...]] = []
    held = lines(places)
    for p in places:
        first = dict.fromkeys(held[p.site], 0)
        for n in needs_of(p):
            if n.first == 3:
                first[n.item] += n.per_day
        kits: dict[str, int] = {}
        for a in PROFILES[p.profile]:
            for duty, code, units in KITS:
                if duty == a.duty and a.first == 3:
                    kits[code] = kits.get(code, 0) + units * max(1, a.required)
        for item in ITEMS:
            amount = (first.get(item.item, 0) + kits.get(item.item, 0)) * PLENTY[item.item].site_days
            if amount and draw.unit() < 0.875:
                rows.append((p.site, item.item, math.ceil(amount * (0.7 + 0.6 * draw.unit()))))
    return rows


def district_shares(places: list[Place]) -> dict[str, float]:
    """District -> part of all sites."""
    count = dict.fromkeys(DISTRICTS.values(), 0)
    for p in places:
        count[p.district] += 1
    return {code: n / len(places) for code, n in count.items()}


def packs(units: float, item: Item) -> int:
    """Units rounded to whole packs."""
    return round(units / item.pack) * item.pack


def deliveries(wish: dict[str, list[float]]) -> list[tuple[object, ...]]:
    """Daily arrivals at the city depot, growing; a few gifts for Jiangyin and Yixing."""
    draw, rows = Draw("deliveries"), list[tuple[object, ...]]()
    for item in ITEMS:
        plenty = PLENTY[item.item]
        total = plenty.certain * sum(wish[item.item])
        shape = [(1 + plenty.ramp * d / (DAYS - 1)) * (0.8 + 0.4 * draw.unit()) for d in range(DAYS)]
        for d, s in enumerate(shape):
            amount = packs(total * s / sum(shape), item)
            if amount:
                rows.append((CITY, item.item, iso(d), amount))
    mean = sum(wish["mask"]) / DAYS
    for depot, d in (("D-jiangyin", 2), ("D-yixing", 3), ("D-jiangyin", 9), ("D-yixing", 12)):
        rows.append((depot, "mask", iso(d), packs(0.25 * mean, ITEMS[0])))
    return rows


def suppliers(wish: dict[str, list[float]]) -> list[tuple[object, ...]]:
    """Rows of the suppliers table; the last order still arrives on the last day."""
    items = {i.item: i for i in ITEMS}
    rows: list[tuple[object, ...]] = []
    for o in OFFERS:
        item, last = items[o.item], DAYS - 1 - o.lead
        per_day = max(item.pack, packs(o.share * sum(wish[o.item]) / (last - o.first + 1), item))
        rows.append((o.supplier, o.item, CITY, iso(o.first), iso(last), per_day, o.lead, o.unit_cost))
    return rows


def budget(offers: list[tuple[object, ...]]) -> int:
    """Yuan: a part of what everything on offer would cost."""
    return round(BUDGET_SHARE * cost_of_all(offers) / 1000) * 1000


def cost_of_all(offers: list[tuple[object, ...]]) -> int:
    """Yuan for everything the suppliers could deliver."""
    total = 0.0
    for _, _, _, first, last, per_day, _, cost in offers:
        days = (date.fromisoformat(str(last)) - date.fromisoformat(str(first))).days + 1
        total += days * int(str(per_day)) * float(str(cost))
    return round(total)

"""Random tiny cities that a plain MIP can still solve, and that touch every rule.

`city(seed)` draws a `Shape` first and everything else from it; `city(seed, cadres=40, sites=10,
days=14, items=3)` draws a larger one with the same habits. Whatever comes out passes the checks
of `allocator.scenario`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any

import pandas as pd

from allocator.scenario import Batch, Rules, Scenario, Settings, Shift, Supply, Travel, Weights
from allocator.tables import INPUTS, SITE_KINDS, TIERS, Table

START = dt.date(2020, 2, 3)
SKILLS = ("medical", "logistics")
CLOCKS = (
    (("day", 8, 8, False),),
    (("early", 6, 8, False), ("late", 14, 8, False)),
    (("night", 0, 8, True), ("day", 8, 12, False)),
    (("morning", 8, 4, False), ("noon", 12, 4.5, False)),
    (("night", 0, 8, True), ("early", 8, 8, False), ("late", 16, 8, False)),
    (("night", 0, 6, True), ("morning", 6, 6, False), ("noon", 12, 6, False), ("evening", 18, 6, True)),
)
DTYPES = {"int": "int64", "date": "int64", "number": "float64", "bool": "bool"}


@dataclass(frozen=True)
class Shape:
    """What a city is like; every field can be given to `city` by name."""

    cadres: int
    sites: int
    days: int
    districts: int
    duties: int
    items: int
    batches: int
    clock: int
    """Index into CLOCKS."""
    crowd: float
    """People wanted per shift, roughly; above 1 there are never enough."""
    goods: float
    """Goods there are over goods wanted."""
    kits: bool
    fairness: float
    tight: bool
    """Few hours, short runs, short postings."""
    lanes: bool
    travel: bool
    throughput: bool
    suppliers: bool
    pins: bool
    previous: bool
    leave: bool
    closed: bool
    """One site is a candidate or an applicant."""
    odd: bool
    """Target outweighs required, an order the weights allow though nobody would want it."""
    worked: bool = False
    """People come with shifts of the days before; on request only."""

    @classmethod
    def draw(cls, rng: Random) -> Shape:
        pick, often = rng.choice, lambda share: rng.random() < share
        return cls(
            cadres=rng.randint(2, 6),
            sites=rng.randint(1, 4),
            days=rng.randint(4, 8),
            districts=rng.randint(1, 3),
            duties=rng.randint(1, 3),
            items=rng.randint(1, 2),
            batches=rng.randint(1, 3),
            clock=rng.randrange(len(CLOCKS)),
            crowd=pick((0.3, 0.7, 1.0)),
            goods=pick((0.2, 0.5, 0.8, 1.5)),
            kits=often(0.7),
            fairness=pick((0.0, 0.3, 1.0, 20.0)),
            tight=often(0.5),
            lanes=often(0.3),
            travel=often(0.3),
            throughput=often(0.4),
            suppliers=often(0.5),
            pins=often(0.4),
            previous=often(0.3),
            leave=often(0.6),
            closed=often(0.2),
            odd=often(0.04),
        )


def city(seed: int, **options: Any) -> Scenario:
    """A random scenario; `options` override fields of its `Shape`.

    Options leave the other traits of the seed's shape as they are.
    """
    rng = Random(f"city {seed}")
    unknown = set(options) - {f.name for f in fields(Shape)}
    if unknown:
        raise TypeError(f"no such traits of a city: {sorted(unknown)}")
    return _City(f"city-{seed}", rng, replace(Shape.draw(rng), **options)).scenario()


def assemble(settings: Settings, rows: dict[str, list[dict[str, Any]]]) -> Scenario:
    """A scenario from rows that may leave out optional columns; tables without rows are not given."""
    tables = {name: frame(table, rows.get(name, []), settings.days) for name, table in INPUTS.items()}
    return Scenario(settings, tables, frozenset(name for name in tables if rows.get(name)))


def frame(table: Table, rows: Iterable[dict[str, Any]], days: int) -> pd.DataFrame:
    """Rows with defaults filled in, columns and dtypes as the dictionary has them."""
    defaults = {c.name: _default(c, days) for c in table.columns}
    found = pd.DataFrame([defaults | row for row in rows], columns=list(table.names))
    return found.astype({c.name: DTYPES.get(c.kind, "str") for c in table.columns})


def _default(column: Any, days: int) -> Any:
    if column.kind == "date" and column.default is None:
        return days - 1 if column.name.startswith("last") else 0
    return "" if column.default is None else column.default


def _ids(letter: str, count: int) -> list[str]:
    return [f"{letter}{n + 1}" for n in range(count)]


class _City:
    """One draw, table by table."""

    def __init__(self, name: str, rng: Random, shape: Shape):
        self.rng, self.shape = rng, shape
        self.days = shape.days
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.settings = self._settings(name)
        self.districts = _ids("d", shape.districts)
        self.sites = _ids("s", shape.sites)
        self.cadres = _ids("c", shape.cadres)
        self.items = _ids("i", shape.items)
        self.duties = _ids("w", shape.duties)

    def scenario(self) -> Scenario:
        for step in (self._places, self._people, self._demand, self._goods, self._depots, self._means):
            step()
        shape = self.shape
        wanted = {
            self._leave: shape.leave,
            self._travel: shape.travel,
            self._closed: shape.closed and shape.sites > 1,
            self._pins: shape.pins,
            self._previous: shape.previous,
            self._lanes: shape.lanes,
            self._suppliers: shape.suppliers,
            self._worked: shape.worked,
        }
        for step, on in wanted.items():
            if on:
                step()
        return assemble(self.settings, self.rows)

    def _often(self, share: float) -> bool:
        return self.rng.random() < share

    def _span(self) -> dict[str, int]:
        """Mostly the whole horizon, sometimes a part of it."""
        if self._often(0.6):
            return {"first_day": 0, "last_day": self.days - 1}
        first = self.rng.randrange(self.days)
        return {"first_day": first, "last_day": self.rng.randint(first, self.days - 1)}

    # ---- settings

    def _settings(self, name: str) -> Settings:
        pick, shape = self.rng.choice, self.shape
        shifts = tuple(
            Shift(k, start * 60, round(hours * 60), night) for k, start, hours, night in CLOCKS[shape.clock]
        )
        starts = sorted(self.rng.sample(range(max(shape.batches, self.days // 2)), shape.batches))
        if self._often(0.7):
            starts[0] = 0
        share = math.ceil(shape.cadres / shape.batches)
        sizes = [max(1, share + self.rng.randint(-1, 1)) for _ in starts]
        return Settings(
            name=name,
            title="",
            start=START + dt.timedelta(days=self.rng.randrange(7)),
            days=self.days,
            shifts=shifts,
            batches=tuple(
                Batch(f"b{n + 1}", s, z) for n, (s, z) in enumerate(zip(starts, sizes, strict=True))
            ),
            cases=(),
            rules=self._rules(),
            weights=self._weights(),
            travel=Travel(speed_kmh=pick((20.0, 30.0)), detour=pick((1.0, 1.3))),
            supply=Supply(budget=float(pick((0, 15, 60, 1000))) if shape.suppliers else 0.0),
        )

    def _rules(self) -> Rules:
        pick = self.rng.choice
        if not self.shape.tight:
            return Rules(
                rest_hours=11.0,
                max_run=6,
                max_shifts_7_days=6,
                max_nights_7_days=3,
                max_travel=90.0,
                max_posting_days=28,
            )
        return Rules(
            rest_hours=pick((0.0, 8.0, 12.0, 15.5, 16.0, 24.0)),
            max_run=pick((1, 2, 3)),
            max_shifts_7_days=pick((1, 2, 3, 4, 5)),
            max_nights_7_days=pick((0, 1, 2)),
            max_travel=pick((15.0, 30.0, 60.0)),
            max_posting_days=pick((1, 2, 3, 5, 28)),
        )

    def _weights(self) -> Weights:
        pick = self.rng.choice
        required, target = pick((10.0, 5.0)), pick((2.0, 1.0, 0.0))
        if self.shape.odd:
            required, target = target, required
        return Weights(
            required=required,
            target=target,
            travel=pick((0.0, 0.005, 0.05)),
            change=pick((0.0, 1.0, 20.0)),
            fairness=self.shape.fairness,
            first_half=pick((1.0, 2.0, 3.5)),
            distance=pick((0.0, 0.01, 1.0)),
            opening=0.001,
            uncovered=100.0,
            transfer=0.05,
            reopening=1.0,
            tiers=dict(zip(TIERS, pick(((8.0, 4.0, 2.0, 1.0), (3.0, 1.5, 0.5, 0.2))), strict=True)),
        )

    # ---- people

    def _worked(self) -> None:
        for cadre in self.cadres:
            for day in range(-6, 0):
                if self._often(0.6):
                    shift = self.rng.choice(self.settings.shifts).id
                    self.rows["worked"].append({"cadre": cadre, "day": day, "shift": shift})

    def _place(self, spread: float = 0.12) -> dict[str, float]:
        lon, lat = (self.rng.uniform(-spread, spread) for _ in range(2))
        return {"lon": round(120.3 + lon, 5), "lat": round(31.57 + lat, 5)}

    def _places(self) -> None:
        pick = self.rng.choice
        self.rows["districts"] = [{"district": d, "name": d} for d in self.districts]
        for site in self.sites:
            self.rows["sites"].append(
                {"site": site, "name": site, "kind": pick(SITE_KINDS), "township": pick(("north", "south"))}
                | {"district": pick(self.districts), "weight": pick((1.0, 1.0, 2.0, 0.7)), **self._place()}
            )

    def _people(self) -> None:
        pick = self.rng.choice
        for duty in self.duties:
            skill = "" if self._often(0.6) else pick(SKILLS)
            self.rows["duties"].append(
                {"duty": duty, "name": duty, "skill": skill, "weight": pick((1.0, 1.0, 1.5, 0.5))}
            )
        asked = sorted({r["skill"] for r in self.rows["duties"]} - {""})
        for cadre in self.cadres:
            row = {"cadre": cadre, "office": "office", "district": pick(self.districts), **self._place()}
            row["skills"] = ";".join(s for s in asked if self._often(0.6))
            row["night_ok"] = self._often(0.7)
            row["batch"] = pick(self.settings.batches).id if self._often(0.4) else ""
            if self._often(0.25):
                row["first_day"] = self.rng.randrange(self.days)
            if self._often(0.25):
                row["last_day"] = self.rng.randint(row.get("first_day", 0), self.days - 1)
            self.rows["cadres"].append(row)

    def _demand(self) -> None:
        """People asked for so that all sites together want about `crowd` per cadre and day."""
        rng, rows = self.rng, {}
        lines = [(s, w, k.id) for s in self.sites for w in self.duties for k in self.settings.shifts]
        chosen = rng.sample(lines, min(len(lines), max(1, round(self.shape.sites * rng.choice((1, 2, 3))))))
        most = max(1, round(2 * self.shape.crowd * self.shape.cadres / len(chosen)))
        for site, duty, shift in chosen:
            for _ in range(1 + self._often(0.15)):
                required = rng.randint(0, most)
                target = max(1, required + rng.choice((0, 0, 1)))
                pattern = rng.choice(("1-7", "1-7", "1-5", "2,4", "1-3,6"))
                row = {"site": site, "duty": duty, "shift": shift, **self._span(), "weekdays": pattern}
                row |= {"required": required, "target": target}
                rows[site, duty, shift, row["first_day"], pattern] = row
        self.rows["demand"] = list(rows.values())

    def _leave(self) -> None:
        for cadre in self.cadres:
            for day in self.rng.sample(range(self.days), self.rng.randint(0, min(2, self.days))):
                self.rows["leave"].append({"cadre": cadre, "day": day})

    def _travel(self) -> None:
        """Minutes for some cadres, some of them exactly at the limit."""
        limit = self.settings.rules.max_travel
        for cadre in self.cadres:
            if self._often(0.5):
                for site in self.rng.sample(self.sites, self.rng.randint(1, len(self.sites))):
                    minutes = limit if self._often(0.15) else round(self.rng.uniform(1, 1.3 * limit), 1)
                    self.rows["travel"].append({"cadre": cadre, "site": site, "minutes": minutes})

    def _near(self, cadre: str) -> list[str]:
        """Open sites surely within reach of a cadre."""
        listed = {r["site"]: r["minutes"] for r in self.rows["travel"] if r["cadre"] == cadre}
        limit, t = self.settings.rules.max_travel, self.settings.travel
        home = next(r for r in self.rows["cadres"] if r["cadre"] == cadre)
        near = []
        for r in self.rows["sites"]:
            km = 111.2 * math.hypot(r["lat"] - home["lat"], (r["lon"] - home["lon"]) * 0.852)
            minutes = listed.get(r["site"], math.inf) if listed else 1.01 * km * t.detour / t.speed_kmh * 60
            if minutes <= limit and r["site"] not in self._shut():
                near.append(r["site"])
        return near

    def _shut(self) -> set[str]:
        return {r["site"] for r in self.rows["candidates"] + self.rows["applications"]}

    def _pins(self) -> None:
        """Musts that fit into their batches together, and a few nevers."""
        room = {b.id: b.size for b in self.settings.batches}
        for row in self.rows["cadres"]:
            cadre, near = row["cadre"], self._near(row["cadre"])
            batches = [b for b in self.settings.batches if row["batch"] in ("", b.id) and room[b.id]]
            batches = [b for b in batches if b.start <= row.get("last_day", self.days - 1)]
            if near and batches and self._often(0.25):
                batch = self.rng.choice(batches)
                room[batch.id] -= 1
                pin = {"cadre": cadre, "site": self.rng.choice(near), "kind": "must"}
                if self._often(0.5):
                    pin["first_day"] = max(batch.start, row.get("first_day", 0))
                self.rows["pins"].append(pin)
            elif near and self._often(0.3):
                self.rows["pins"].append({"cadre": cadre, "site": self.rng.choice(near), "kind": "never"})

    def _previous(self) -> None:
        for cadre in self.cadres:
            near = self._near(cadre)
            if near and self._often(0.5):
                self.rows["previous"].append({"cadre": cadre, "site": self.rng.choice(near)})

    def _closed(self) -> None:
        site, rng = self.rng.choice(self.sites), self.rng
        if self._often(0.5):
            self.rows["candidates"].append({"site": site, "capacity": 20, "lead_days": 1, "cost": 500.0})
            people = rng.randint(0, 5)
            self.rows["isolation_demand"].append(
                {"township": "north", "day": rng.randrange(self.days), "people": people}
            )
        else:
            earliest = rng.randrange(self.days)
            self.rows["applications"].append({"site": site, "value": 3.0, "class": "b", "earliest": earliest})

    # ---- goods

    def _goods(self) -> None:
        pick = self.rng.choice
        for item in self.items:
            self.rows["items"].append(
                {"item": item, "name": item, "unit": "piece", "pack": pick((1, 1, 2, 4, 5))}
                | {"volume": pick((0.05, 1.0, 2.5)), "weight": pick((0.1, 0.5, 1.0))}
            )
        lines = [(s, i, t) for s in self.sites for i in self.items for t in TIERS]
        for site, item, tier in self.rng.sample(
            lines, min(len(lines), self.shape.sites * self.rng.randint(1, 2))
        ):
            row = {
                "site": site,
                "item": item,
                "tier": tier,
                **self._span(),
                "per_day": self.rng.randint(1, 5),
            }
            self.rows["needs"].append(row)
            if row["first_day"] > 0 and self._often(0.2):
                self.rows["needs"].append(row | {"first_day": 0, "per_day": 1})
        pairs = [(w, i) for w in self.duties for i in self.items]
        count = self.rng.randint(1, len(pairs)) if self.shape.kits else 1
        for duty, item in self.rng.sample(pairs, count):
            self.rows["kits"].append({"duty": duty, "item": item, "per_shift": self.rng.randint(1, 2)})

    def _wanted(self, item: str) -> int:
        """Units of the item the city wants over the horizon, roughly."""
        needs = sum(
            r["per_day"] * (r["last_day"] - r["first_day"] + 1)
            for r in self.rows["needs"]
            if r["item"] == item
        )
        kits = {r["duty"]: r["per_shift"] for r in self.rows["kits"] if r["item"] == item}
        shifts = sum(kits.get(r["duty"], 0) * r["target"] * self.days for r in self.rows["demand"])
        return needs + min(shifts, max(kits.values(), default=0) * len(self.cadres) * self.days)

    def _depots(self) -> None:
        """A city depot, district depots in most districts, throughput that may pinch."""
        rng = self.rng
        districts = [d for d in self.districts if self._often(0.6)]
        homes = ["", *districts] if self._often(0.85) or not districts else districts
        if homes and self._often(0.15):
            homes.append(homes[-1])
        litres = sum(self._wanted(r["item"]) * r["volume"] for r in self.rows["items"]) / self.days
        for n, district in enumerate(homes):
            most = max(1.0, round(litres * rng.choice((0.3, 0.8, 2)), 1)) if self.shape.throughput else 1e6
            row = {"depot": f"D{n + 1}", "name": f"D{n + 1}", "district": district, "throughput": most}
            self.rows["depots"].append(row | self._place())

    def _means(self) -> None:
        """Stock and deliveries that come to `goods` times what is wanted."""
        rng, depots = self.rng, [r["depot"] for r in self.rows["depots"]]
        for item in self.items:
            total = max(2, round(self._wanted(item) * self.shape.goods))
            stock = {rng.choice(depots): max(1, round(total * rng.choice((0.3, 0.6, 1.0))))}
            for site in self.sites:
                if self._often(0.4):
                    stock[site] = rng.randint(0, 4)
            self.rows["stock"] += [{"place": p, "item": item, "quantity": q} for p, q in stock.items()]
            later = total - next(iter(stock.values()))
            for day in rng.sample(range(self.days), 2):
                if later > 1:
                    row = {"depot": rng.choice(depots), "item": item, "day": day, "quantity": later // 2}
                    self.rows["deliveries"].append(row)

    def _lanes(self) -> None:
        """A lane from each depot to most places, with days under way and room that may be scarce."""
        depots = [r["depot"] for r in self.rows["depots"]]
        for n, depot in enumerate(depots):
            for place in [*depots[n + 1 :], *self.sites]:
                if self._often(0.7):
                    row = {"origin": depot, "destination": place, "lead_days": self.rng.choice((0, 0, 1, 2))}
                    self.rows["lanes"].append(row | {"per_day": self.rng.choice((3.0, 10.0, 1000.0))})

    def _suppliers(self) -> None:
        depots = [r["depot"] for r in self.rows["depots"]]
        for item in self.items:
            for supplier in _ids("u", self.rng.randint(1, 2)):
                row = {"supplier": supplier, "item": item, "depot": self.rng.choice(depots), **self._span()}
                row |= {"per_day": self.rng.randint(1, 12), "lead_days": self.rng.choice((0, 1, 2))}
                self.rows["suppliers"].append(row | {"unit_cost": self.rng.choice((0.5, 1.0, 3.0))})

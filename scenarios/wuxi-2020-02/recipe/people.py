"""The 2,210 cadres: office, home, skills, availability; pins and postings in force."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from .names import CITY_OFFICES, LOGISTIC, MEDICAL, TOWN_OFFICES
from .places import Place
from .sources import DISTRICTS, Draw, Row, km, read, shared_out
from .work import DAYS, START

BATCHES = (("b1", 0, 410), ("b2", 3, 500), ("b3", 7, 500), ("b4", 11, 450), ("b5", 16, 350))
"""Id, first day (0 = 3 February), size. Size and day of the first are facts, the rest is assumed."""
NAMED = {"b1": 250, "b2": 225, "b3": 225, "b4": 180, "b5": 115}
"""Cadres whose office was told the batch; the solver chooses for the others."""
TOTAL = sum(size for _, _, size in BATCHES)
SPEED_KMH, DETOUR, MAX_TRAVEL = 40, 1.3, 75


@dataclass(frozen=True)
class Cadre:
    """One row of the table; days count from 0, -1 stands for blank."""

    cadre: str
    office: str
    district: str
    lon: float
    lat: float
    skills: tuple[str, ...]
    night_ok: bool
    batch: str = ""
    first_day: int = -1
    last_day: int = -1


def cadres() -> list[Cadre]:
    """Everybody, named by home district and drawn from its offices."""
    draw = Draw("cadres")
    homes = [home for home, count in _homes().items() for _ in range(count)]
    people = [_person(draw, number, home) for number, home in enumerate(draw.order(homes), 1)]
    return _calendar(_batched(people))


def _homes() -> dict[str, int]:
    """Township code -> cadres who live there: 60 % in the city, 20 % in Jiangyin, 20 % in Yixing."""
    people: dict[str, dict[str, float]] = {"江阴市": {}, "宜兴市": {}, "无锡": {}}
    for v in read("villages"):
        group = people.get(v["district"], people["无锡"])
        group[v["township_code"]] = group.get(v["township_code"], 0.0) + float(v["est_pop_2019"])
    for town in people["无锡"]:
        # the offices are in the old town and the new seat of government
        people["无锡"][town] *= {"320213": 1.35, "320211": 1.25}.get(town[:6], 1.0)
    shares = shared_out(TOTAL, {"江阴市": 0.2, "宜兴市": 0.2, "无锡": 0.6})
    return {town: n for name, group in people.items() for town, n in shared_out(shares[name], group).items()}


def _person(draw: Draw, number: int, town_code: str) -> Cadre:
    town = next(t for t in read("townships") if t["code"] == town_code)
    offices, prefix = {"江阴市": (TOWN_OFFICES, "江阴市"), "宜兴市": (TOWN_OFFICES, "宜兴市")}.get(
        town["district"], (CITY_OFFICES, "无锡")
    )
    office = prefix + draw.choice(list(offices), [float(n) for n in offices.values()])
    if prefix != "无锡" and office.startswith(prefix + "市级"):
        office = prefix + office[len(prefix) + 1 :]
    district = DISTRICTS[town["district"]]
    lon, lat = _home(draw, town, district)
    medical = draw.unit() < (0.6 if any(m in office for m in MEDICAL) else 0.083)
    logistics = draw.unit() < (0.6 if any(x in office for x in LOGISTIC) else 0.17)
    skills = tuple(s for s, held in (("medical", medical), ("logistics", logistics)) if held)
    return Cadre(f"C{number:04d}", office, district, lon, lat, skills, draw.unit() < 0.7)


def _home(draw: Draw, town: Row, district: str) -> tuple[float, float]:
    spread = 1.0 if "街道" in town["name"] else 1.8
    return draw.near(district, float(town["lon"]), float(town["lat"]), spread)


def _batched(people: list[Cadre]) -> list[Cadre]:
    """Name the batch of some cadres, at random."""
    order = Draw("batches").order(range(len(people)))
    names = [batch for batch, count in NAMED.items() for _ in range(count)]
    batch = dict(zip(order, names, strict=False))
    return [replace(c, batch=batch.get(i, "")) for i, c in enumerate(people)]


def _calendar(people: list[Cadre]) -> list[Cadre]:
    """Some leave early, some come late; never so that nothing is left of the posting."""
    draw = Draw("calendar")
    starts = {batch: start for batch, start, _ in BATCHES}
    result = []
    for c in people:
        mark, when = draw.unit(), draw.unit()
        start = starts.get(c.batch, 0)
        if mark < 0.04:
            first = max(start + 6, 13)
            c = replace(c, last_day=first + int(when * (DAYS - 1 - first)))
        elif mark < 0.07:
            c = replace(c, first_day=start + 1 + int(when * min(9, DAYS - 8 - start)))
        result.append(c)
    return result


def leave(people: list[Cadre]) -> list[tuple[str, str]]:
    """One to three days away for about 30 %, in a row for half of those who have several."""
    draw, rows = Draw("leave"), []
    starts = {batch: start for batch, start, _ in BATCHES}
    for c in people:
        if draw.unit() >= 0.3:
            continue
        count = draw.choice((1, 2, 3), (0.5, 0.3, 0.2))
        first = max(starts.get(c.batch, 0), c.first_day)
        last = DAYS - 1 if c.last_day < 0 else c.last_day
        span = last - first + 1
        if draw.unit() < 0.5:
            begin = first + draw.below(span - count + 1)
            days = list(range(begin, begin + count))
        else:
            days = sorted(draw.order(range(first, last + 1))[:count])
        rows += [(c.cadre, iso(d)) for d in days]
    return rows


def iso(day: int) -> str:
    """ISO date of a day of the horizon."""
    return (START + timedelta(days=day)).isoformat()


def minutes(cadre: Cadre, place: Place) -> float:
    """Travel one way."""
    return km(cadre.lon, cadre.lat, place.lon, place.lat) * DETOUR / SPEED_KMH * 60


def pins(people: list[Cadre], places: list[Place]) -> list[tuple[str, str, str, str]]:
    """Fourteen decisions already taken.

    Team leaders for three stations and the airport, medical cadres for four isolation sites; six
    never (close relatives in charge of the place).
    """
    rail = [p for p in places if p.site in ("R01", "R02", "R05", "A01")]
    wards = [p for p in places if p.profile == "isolation-large"][:4]
    used: set[str] = set()
    rows = [(_pick(people, p, used, night=True), p.site, "must", START.isoformat()) for p in rail]
    rows += [(_pick(people, p, used, skill="medical"), p.site, "must", "") for p in wards]
    towns = [p for p in places if p.profile == "community-L-high"][::7][:6]
    rows += [(_pick(people, p, used), p.site, "never", "") for p in towns]
    return rows


def _pick(people: list[Cadre], place: Place, used: set[str], *, night: bool = False, skill: str = "") -> str:
    """The nearest cadre who fits; with `night`, one of the first batch who is free to start at once."""
    fits = [
        c
        for c in people
        if c.cadre not in used
        and (not night or (c.night_ok and c.batch == "b1" and c.first_day < 0))
        and (not skill or skill in c.skills)
    ]
    best = min(fits, key=lambda c: (minutes(c, place), c.cadre))
    used.add(best.cadre)
    return best.cadre


def previous(people: list[Cadre], places: list[Place], pinned: set[str]) -> list[tuple[str, str]]:
    """Sixty cadres who already help in the village or community nearest to their home."""
    draw, rows, used = Draw("previous"), [], set[str]()
    free = [c for c in people if c.cadre not in pinned and c.batch in ("", "b1") and c.first_day < 0]
    for c in draw.order(free)[:60]:
        near = [p for p in places if p.kind in ("village", "community") and p.site not in used]
        place = min(near, key=lambda p: (minutes(c, p), p.site))
        used.add(place.site)
        rows.append((c.cadre, place.site))
    return sorted(rows)


def rows(people: list[Cadre]) -> list[tuple[object, ...]]:
    """Rows of the cadres table."""

    def day(value: int) -> str:
        return "" if value < 0 else iso(value)

    return [
        (
            c.cadre,
            c.office,
            c.district,
            c.lon,
            c.lat,
            ";".join(c.skills),
            "true" if c.night_ok else "false",
            c.batch,
            day(c.first_day),
            day(c.last_day),
        )
        for c in people
    ]


def shifts_available(people: list[Cadre], away: list[tuple[str, str]]) -> float:
    """Person-shifts they can work, about: six of seven days of the batch, less what leave costs.

    Blank batches take the places the named ones leave, in proportion.
    """
    left = {b: size - NAMED[b] for b, _, size in BATCHES}
    mean = sum(left[b] * start for b, start, _ in BATCHES) / sum(left.values())
    starts = {b: float(start) for b, start, _ in BATCHES}
    total = 0.0
    for c in people:
        first = max(starts.get(c.batch, mean), c.first_day)
        last = DAYS - 1 if c.last_day < 0 else c.last_day
        total += (last - first + 1) * 6 / 7
    return total - 0.5 * len(away)

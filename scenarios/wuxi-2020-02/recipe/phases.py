"""What opens and resumes: candidates for isolation, people under observation in three cases, applications."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from .invented import largest, placed_in, settled, spot_in
from .names import stem
from .places import Place, facilities
from .sources import Draw, shared_out
from .work import DAYS, PROFILES, START

Rows = list[tuple[object, ...]]

CASES = (("low", 0.3, 0.6), ("expected", 0.5, 1.0), ("high", 0.2, 1.6))
"""Id, probability, and people under observation beyond those of 2 February as a multiple of what was counted."""

STAFF = {"low": 0.8, "expected": 1.0, "high": 1.3}
"""People asked for at running isolation sites and hospitals, as a multiple of the base scenario; assumed."""

OBSERVED = {2: 287, 12: 796, 13: 860, 16: 900, 30: 420}
"""Day of February -> people under observation in the city; the last two are assumed, the others fact."""

HOTELS = 28
WEIGHTS = {"opening": 0.01, "uncovered": 40, "transfer": 0.05, "reopening": 1}


def candidates() -> list[Place]:
    """Hotels, dormitories at the universities, wards at the hospitals; every one of them invented."""
    return [*_hotels(), *_annexes()]


def _hotels() -> Iterator[Place]:
    """In the townships with most residents."""
    draw = Draw("candidates")
    for i, (town, code) in enumerate(largest(HOTELS, 3), 1):
        size = "L" if i % 3 == 0 else "S"
        name = f"{stem(town['name'])}商务酒店(备用隔离点)"
        profile = "isolation-large" if size == "L" else "isolation"
        yield placed_in(f"Q{i:02d}", name, "isolation", town, spot_in(draw, code), 1.6, profile, size)


def _annexes() -> Iterator[Place]:
    """Beside a real university or hospital, at its place."""
    number = HOTELS
    for host in facilities():
        if host.site[0] not in "UH":
            continue
        number += 1
        dormitory = host.site[0] == "U"
        name, kind = (
            (f"{host.name}学生公寓(备用隔离点)", "isolation")
            if dormitory
            else (f"{host.name}备用病区", "hospital")
        )
        profile, size = ("isolation-large", "D") if dormitory else ("isolation", "W")
        yield Place(
            f"Q{number:02d}",
            name,
            kind,
            host.district,
            host.township,
            host.lon,
            host.lat,
            1.6,
            0,
            "invented",
            profile,
            size,
        )


ROOMS = {"S": (40, 2, 20_000), "L": (80, 2, 36_000), "D": (150, 3, 55_000), "W": (30, 4, 40_000)}
"""Size -> people, days from decision to opening, yuan."""


def terms(places: list[Place]) -> Rows:
    """Rows of the candidates table; costs are drawn within a fifth."""
    draw = Draw("opening costs")
    return [
        (p.site, people, lead, round(cost * (0.8 + 0.4 * draw.unit()) / 100) * 100)
        for p in places
        for people, lead, cost in (ROOMS[p.size],)
    ]


def observed() -> Rows:
    """Rows of isolation_demand: people beyond the 287 that the running sites hold, by residents of the township."""
    residents: dict[str, float] = {}
    for town, people in settled().values():
        residents[town["name"]] = residents.get(town["name"], 0.0) + people
    rows: Rows = []
    for case, _, factor in CASES:
        for d in range(DAYS):
            extra = round(factor * max(0.0, _city(d + 3) - OBSERVED[2]))
            day = (START + timedelta(days=d)).isoformat()
            rows += [(name, day, case, n) for name, n in shared_out(extra, residents).items() if n]
    return rows


def staffed(demand: Rows, places: list[Place]) -> Rows:
    """Rows of the demand table; isolation sites and hospitals ask for more people where more are under observation."""
    follows = {p.site for p in places if p.kind in ("isolation", "hospital")}
    rows: Rows = []
    for *head, required, target, _ in demand:
        if head[0] not in follows:
            rows.append((*head, required, target, ""))
            continue
        for case, factor in STAFF.items():
            rows.append((*head, *(int(factor * float(str(n)) + 0.5) for n in (required, target)), case))
    return rows


def _city(of_february: int) -> float:
    """People under observation on a day, straight lines between the days counted."""
    days = sorted(OBSERVED)
    after = next(n for n in days if n >= of_february)
    before = max(n for n in days if n <= of_february)
    if before == after:
        return OBSERVED[after]
    part = (of_february - before) / (after - before)
    return OBSERVED[before] + part * (OBSERVED[after] - OBSERVED[before])


WORTH = {"park": 120.0, "firm-L": 40.0, "firm-S": 15.0, "school": 10.0, "school-middle": 14.0}


def applications(places: list[Place]) -> Rows:
    """Parks, firms and schools that are closed at first: value, class and the day their demand begins."""
    draw, rows = Draw("applications"), list[tuple[object, ...]]()
    for p in places:
        worth = WORTH.get(p.profile, WORTH.get(p.profile[:6]))
        if worth is not None:
            begins = min(a.first for a in PROFILES[p.profile]) - 3
            value = max(1, round(worth * (0.6 + 0.8 * draw.unit())))
            day = (START + timedelta(days=begins)).isoformat()
            rows.append((p.site, value, _class(p, begins), day))
    return rows


def _class(place: Place, begins: int) -> str:
    """Parks and firms of the first wave before those of the second, small ones and schools last."""
    if place.kind == "school":
        return "c"
    return "a" if begins <= 7 else "b" if begins <= 14 else "c"


def toml(text: str) -> str:
    """The settings of the scenario with a name of its own, the cases and the weights of this part."""
    head = 'name = "wuxi-2020-02'
    cases = "".join(f'\n[[case]]\nid = "{name}"\nprobability = {chance}\n' for name, chance, _ in CASES)
    weights = "".join(f"{name} = {value}\n" for name, value in WEIGHTS.items())
    text = text.replace(f'{head}"', f'{head}-phases"').replace("\n[rules]\n", f"{cases}\n[rules]\n")
    return text.replace("\n[weights.tiers]\n", f"{weights}\n[weights.tiers]\n")

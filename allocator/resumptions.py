"""What reopening gives back for the cadres and goods it takes: `allocator frontier`.

Every point grants the enterprises and schools of `applications` a share of what the city has, of cadres and
of the items in kits alike, and `models.reopening` decides who resumes on which day. Without a kit nobody works
(`kit_available`); other needs of a site that resumes may stay short, so they hold nothing back. Cadres count by
day and shift; goods can wait, so a site asks for its mean per day, kits and needs, and the city's goods are
spread evenly over the days.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
import pandas as pd

from allocator.agenda import demand_cells, needs_by_day
from allocator.console import aligned, percent, value
from allocator.drawing import chart
from allocator.errors import InputError, Problem
from allocator.limits import Limits, Watch
from allocator.models import reopening
from allocator.models.reopening import Applications
from allocator.scenario import Scenario

__all__ = ["Point", "curve", "drawn", "question", "rendered", "staple"]

CADRES = "cadre-shifts"
ORDER = ("a", "b", "c", "school")
TIGHT = 1e-9


@dataclass(frozen=True)
class Point:
    """One share of the city's means and what it buys; values in the unit of `applications.value`."""

    share: float
    resumed: int
    """Applications open by the last day."""
    value: float
    """Value of the days open."""
    at_most: float
    """No choice of days within this share regains more."""
    spent: dict[str, float]
    """Units of each mean used over all days."""
    binding: str
    """The mean that holds the value back: its shadow prices weigh most; without prices the one used furthest."""
    worth: float
    """Value gained by one more unit of it on each day, as the relaxation prices it; 0: nothing more to gain."""

    def record(self) -> dict[str, Any]:
        return asdict(self)


def question(scenario: Scenario) -> tuple[Applications, list[str]]:
    """The applications against all the city has, and the names of the means.

    Raises InputError where nobody asks to resume, or nothing would be used.
    """
    asked, days = scenario.table("applications"), scenario.settings.days
    earliest = asked["earliest"].to_numpy(dtype=np.int64)
    uses = {CADRES: np.zeros((len(asked), days))} | _goods(scenario)
    cells = _cells(scenario)
    np.add.at(uses[CADRES], (_rows(scenario, cells), cells["day"].to_numpy()), cells["required"].to_numpy(float))
    may = np.arange(days) >= earliest[:, None]
    names = [name for name, used in uses.items() if (used * may).any()]
    if not names:
        expected = "rows for sites that ask for cadres or for goods of kits once they resume"
        raise InputError([Problem("applications.csv", None, None, "", expected, "nothing_to_resume")])
    stores = _stores(scenario)
    there = {name: np.full(days, stores.get(name, 0.0) / days) for name in names} | {CADRES: _cadre_shifts(scenario)}
    kind = asked["site"].map(scenario.table("sites").set_index("site")["kind"])
    label = np.where(kind == "school", "school", asked["class"])
    rank = np.array([ORDER.index(word) for word in label], dtype=np.int64)
    used, budget = np.stack([uses[name] for name in names], axis=1), np.stack([there[name] for name in names])
    return Applications(asked["value"].to_numpy(dtype=float), earliest, rank, used, budget), names


def _rows(scenario: Scenario, frame: pd.DataFrame) -> np.ndarray:
    row = {site: n for n, site in enumerate(scenario.table("applications")["site"])}
    return frame["site"].map(row).to_numpy(dtype=np.int64)


def _cells(scenario: Scenario) -> pd.DataFrame:
    """(site, duty, day, required) of the sites that ask to resume, expected over the cases of demand."""
    chance = {"": 1.0} | {case.id: case.probability for case in scenario.settings.cases}
    demand = scenario.table("demand")
    demand = demand[demand["site"].isin(scenario.table("applications")["site"])]
    weighed = {name: demand[name] * demand["case"].map(chance) for name in ("required", "target")}
    one = replace(scenario.settings, cases=())
    return demand_cells(replace(scenario, settings=one, tables={**scenario.tables, "demand": demand.assign(**weighed)}))


def _goods(scenario: Scenario) -> dict[str, np.ndarray]:
    """Item of some kit -> [J, D] mean units a day of kits and needs, from the earliest day on."""
    asked, days = scenario.table("applications"), scenario.settings.days
    kits = _cells(scenario).merge(scenario.table("kits"), on="duty")
    kits["units"] = kits["required"] * kits["per_shift"]
    needs = needs_by_day(scenario).rename(columns={"needed": "units"})
    needs = needs[needs["site"].isin(asked["site"]) & needs["item"].isin(scenario.table("kits")["item"])]
    both = pd.concat([kits[["site", "item", "day", "units"]], needs[["site", "item", "day", "units"]]])
    earliest = asked["earliest"].to_numpy(dtype=np.int64)
    found = {}
    for item, rows in both.groupby("item"):
        row = _rows(scenario, rows)
        later = rows["day"].to_numpy() >= earliest[row]
        total = np.bincount(row, rows["units"].to_numpy(dtype=float) * later, len(asked))
        found[str(item)] = np.repeat((total / np.maximum(1, days - earliest))[:, None], days, axis=1)
    return found


def _stores(scenario: Scenario) -> dict[str, float]:
    """Item -> units there are in all: stock, deliveries, and orders with the budget spread evenly."""
    offers = scenario.table("suppliers").assign(day=0)
    last = offers["last_day"].clip(upper=scenario.settings.days - 1)
    offers["quantity"] = offers["per_day"] * (last - offers["first_day"].clip(lower=0) + 1).clip(lower=0)
    whole = float((offers["quantity"] * offers["unit_cost"]).sum())
    offers["quantity"] *= min(1.0, scenario.settings.supply.budget / whole) if whole > 0 else 1.0
    parts = [scenario.table("stock"), scenario.table("deliveries"), offers]
    sums = pd.concat([part[["item", "quantity"]] for part in parts]).groupby("item")["quantity"].sum()
    return {str(item): float(units) for item, units in sums.items()}


def _cadre_shifts(scenario: Scenario) -> np.ndarray:
    """[D] shifts the cadres can work: those who are there, as many days in seven as the rules allow.

    Who names no batch takes the first place that is free.
    """
    settings, cadres = scenario.settings, scenario.table("cadres")
    start = {batch.id: batch.start for batch in settings.batches}
    named = cadres["batch"].to_numpy(dtype=object)
    free = {b.id: b.size - int((named == b.id).sum()) for b in sorted(settings.batches, key=lambda b: b.start)}
    places = iter([batch for batch, size in free.items() for _ in range(max(0, size))])
    begins = np.array([start[b or next(places, b)] if b or start else 0 for b in named], dtype=np.int64)
    first = np.maximum(begins, cadres["first_day"].to_numpy(dtype=np.int64))
    last = np.minimum(cadres["last_day"].to_numpy(dtype=np.int64), first + settings.rules.max_posting_days - 1)
    days = np.arange(settings.days)
    there = ((days >= first[:, None]) & (days <= last[:, None])).sum(0)
    away = scenario.table("leave")["day"].to_numpy(dtype=np.int64)
    there = there - np.bincount(away[(away >= 0) & (away < settings.days)], minlength=settings.days)
    rules = settings.rules
    return np.maximum(there, 0) * min(rules.max_shifts_7_days / 7, rules.max_run / (rules.max_run + 1))


def staple(scenario: Scenario, names: list[str]) -> str | None:
    """The item most kits hold, of those that are used here: masks."""
    kits = scenario.table("kits")
    counted = kits[kits["item"].isin(names)].groupby("item")["duty"].nunique()
    return str(counted.idxmax()) if len(counted) else None


def curve(
    scenario: Scenario,
    points: int = 10,
    seconds: float = 60.0,
    gap: float = 0.0,
    tell: Callable[[Point], None] = lambda point: None,
) -> list[Point]:
    """Points of rising shares up to the one at which everybody resumes on the earliest day, or to all there is.

    The plan of each point is the next one's first; so the value never falls.
    """
    asked, names = question(scenario)
    top = min(1.0, _whole(asked))
    start, found = None, []
    for n in range(1, points + 1):
        share = top * n / points
        here = replace(asked, budget=share * asked.budget)
        made = reopening.solve(here, Watch(Limits(seconds / points)), gap, start)
        start = made.first_day
        found.append(_point(here, names, share, made))
        tell(found[-1])
    # what a larger share cannot regain a smaller one cannot either
    least = list(accumulate((p.at_most for p in reversed(found)), min))[::-1]
    return [replace(point, at_most=most) for point, most in zip(found, least, strict=True)]


def _whole(asked: Applications) -> float:
    """Share of the means at which everybody resumes on the earliest day."""
    full = asked.spent(asked.earliest)
    used = full > 0
    with np.errstate(divide="ignore"):
        return float((full[used] / asked.budget[used]).max()) if used.any() else 1.0


def _point(asked: Applications, names: list[str], share: float, made: reopening.Reopenings) -> Point:
    whole = asked.cost(np.full(len(asked.value), asked.shape[2]))
    weight = (made.shadow_price * np.where(np.isfinite(asked.budget), asked.budget, 0.0)).sum(1)
    bound = made.certificate.bound
    priced = bool(weight.max() > TIGHT * max(1.0, whole))
    with np.errstate(divide="ignore", invalid="ignore"):
        filled = np.nan_to_num(made.spent / asked.budget, nan=0.0).max(1)
    binding = int(np.argmax(weight if priced else filled))
    return Point(
        share,
        int((made.first_day < asked.shape[2]).sum()),
        whole - asked.cost(made.first_day),
        whole if bound is None else min(whole, whole - bound),
        {name: float(units) for name, units in zip(names, made.spent.sum(1), strict=True)},
        names[binding],
        float(made.shadow_price[binding].sum()) if priced else 0.0,
    )


def rendered(points: list[Point], item: str | None) -> str:
    """The points as a table; of the items the one given and those that bind somewhere."""
    binding = {p.binding for p in points}
    shown = [name for name in points[0].spent if name in {CADRES, item, *binding}]
    rows = [
        [
            percent(p.share),
            str(p.resumed),
            value(p.value),
            value(p.at_most),
            *(value(p.spent[name], 0) for name in shown),
            p.binding,
            value(p.worth, 2),
        ]
        for p in points
    ]
    header = ("share", "resumed", "value", "at most", *shown, "held back by", "one more a day")
    return aligned(header, rows, 0)


def drawn(points: list[Point], item: str | None) -> str:
    """The picture as SVG, complete in itself: value against cadre-shifts, and against an item."""
    panels = []
    for mean in (CADRES, item):
        if mean is not None and mean in points[0].spent:
            x = [p.spent[mean] for p in points]
            panels.append(chart.Panel(f"{mean} spent", x, [p.value for p in points], [p.at_most for p in points]))
    notes = [f"{100 * p.share:.1f} %: {p.binding}" for p in points]
    return chart.curves("Value regained by reopening", "value regained", panels, notes) + "\n"

"""What is asked for on which day: demand and needs spread over the days they cover.

For the judging side alone: `measures`, `ledger` and `verifier`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocator.keys import totals
from allocator.scenario import Scenario

CELL = ["site", "duty", "day", "shift"]
NEED = ["site", "item", "tier", "day"]


def weekdays(text: str) -> frozenset[int]:
    """ISO days of the week in '1-5', '2,4' or '1-3,6'; 1 = Monday."""
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        days.update(range(int(first), int(last or first) + 1))
    return frozenset(days)


def daily(frame: pd.DataFrame, days: int) -> pd.DataFrame:
    """One row per row of `frame` and day from its first_day to its last_day, with column `day`."""
    first = frame["first_day"].to_numpy().clip(0)
    length = (frame["last_day"].to_numpy().clip(max=days - 1) - first + 1).clip(0)
    rows = np.repeat(np.arange(len(frame)), length)
    since = np.arange(len(rows)) - np.repeat(np.cumsum(length) - length, length)
    spread = frame.drop(columns=["first_day", "last_day"]).take(rows)
    return spread.assign(day=first[rows] + since).reset_index(drop=True)


def demand_cells(scenario: Scenario) -> pd.DataFrame:
    """(site, duty, day, shift, required, target) of every cell that asks for someone, open or not.

    Of a scenario in one case: rows of several cases would add up.
    """
    cells = daily(scenario.table("demand"), scenario.settings.days)
    codes, labels = pd.factorize(cells["weekdays"])
    asked = np.array([[day in weekdays(label) for day in range(8)] for label in labels], dtype=bool).reshape(
        -1, 8
    )
    weekday = (scenario.settings.start.weekday() + cells["day"].to_numpy()) % 7 + 1
    sums = totals(cells[asked[codes, weekday]], CELL, ["required", "target"])
    return sums[sums["target"] > 0].reset_index(drop=True)


def needs_by_day(scenario: Scenario) -> pd.DataFrame:
    """(site, item, tier, day, needed) of every need above 0, of open sites and of closed ones."""
    sums = totals(daily(scenario.table("needs"), scenario.settings.days), NEED, ["per_day"])
    return sums[sums["per_day"] > 0].rename(columns={"per_day": "needed"}).reset_index(drop=True)


def open_from(scenario: Scenario, openings: pd.DataFrame, reopenings: pd.DataFrame) -> pd.Series:
    """First day each site counts; past the horizon for one that stays closed."""
    never = scenario.settings.days
    first = pd.Series(0, index=pd.Index(scenario.table("sites")["site"]))
    for asking, answer in (("candidates", openings), ("applications", reopenings)):
        decided = answer.groupby("site")["first_day"].min()
        closed = scenario.table(asking)["site"]
        first[closed] = np.maximum(
            first[closed], decided.reindex(closed).fillna(never).astype(int).to_numpy()
        )
    return first


def only_open(rows: pd.DataFrame, first_open: pd.Series) -> pd.DataFrame:
    """The rows (site, day) of sites that are open that day."""
    codes, sites = pd.factorize(rows["site"])
    opens = first_open.reindex(sites).to_numpy()
    return rows[rows["day"].to_numpy() >= opens[codes]].reset_index(drop=True)

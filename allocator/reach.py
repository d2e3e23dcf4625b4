"""Who can reach which site, and how long it takes: travel, its limit, pins."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from allocator.scenario import Scenario

__all__ = ["great_circle_km", "minutes", "pins"]

EARTH_KM = 6371.0088
FAR = np.inf
KEPT = 20_000_000
"""Pairs of home and site up to which distances are kept from one scenario to the next."""
BLOCK = 1_000_000
"""Pairs measured at a time."""


def great_circle_km(lon1: np.ndarray, lat1: np.ndarray, lon2: np.ndarray, lat2: np.ndarray) -> np.ndarray:
    """Haversine distance in km on a sphere of the mean Earth radius; degrees in, arrays broadcast."""
    lon1, lat1, lon2, lat2 = (np.radians(x) for x in (lon1, lat1, lon2, lat2))
    h = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(h, 0, 1)))


def minutes(scenario: Scenario, cadre: dict[str, int], site: dict[str, int]) -> np.ndarray:
    """One way from each cadre to each site [C, J]; infinite beyond the travel limit.

    A cadre with rows in the table `travel` reaches the sites named there alone.
    """
    cadres, sites, settings = scenario.table("cadres"), scenario.table("sites"), scenario.settings
    homes, places = (frame[["lon", "lat"]].to_numpy(np.float64) for frame in (cadres, sites))
    if len(homes) * len(places) <= KEPT:
        out = _between(homes.tobytes(), places.tobytes()).copy()
    else:
        out = _measured(homes, places)
    # in the order in which the judging side counts, so that both agree to the last digit
    out *= settings.travel.detour
    out /= settings.travel.speed_kmh
    out *= 60
    given = scenario.table("travel")
    c = _codes(given["cadre"], cadre)
    out[np.unique(c)] = FAR
    out[c, _codes(given["site"], site)] = given["minutes"].to_numpy()
    out[out > settings.rules.max_travel] = FAR
    return out


@lru_cache(maxsize=2)
def _between(homes: bytes, places: bytes) -> np.ndarray:
    """[C, J] km, kept for the what-ifs that move neither people nor sites; (lon, lat) pairs as bytes."""
    found = _measured(*(np.frombuffer(pairs).reshape(-1, 2) for pairs in (homes, places)))
    found.setflags(write=False)
    return found


def _measured(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[C, J] km, a block of rows at a time, so that nothing else is ever as large as the answer."""
    out = np.empty((len(a), len(b)))
    step = max(1, BLOCK // max(1, len(b)))
    for low in range(0, len(a), step):
        part = a[low : low + step]
        out[low : low + step] = great_circle_km(part[:, :1], part[:, 1:], b[None, :, 0], b[None, :, 1])
    return out


def pins(
    scenario: Scenario, cadre: dict[str, int], site: dict[str, int], travel: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fold `never` and `must` into the minutes; return the site each cadre must go to and the day it names [C]."""
    table = scenario.table("pins")
    must = np.full(len(travel), -1)
    must_day = np.full(len(travel), -1)
    for c, j, kind, day in zip(
        _codes(table["cadre"], cadre), _codes(table["site"], site), table["kind"], table["first_day"], strict=True
    ):
        if kind == "never":
            travel[c, j] = FAR
        else:
            keep = travel[c, j]
            travel[c] = FAR
            travel[c, j] = keep
            must[c], must_day[c] = j, day
    return must, must_day


def _codes(column: pd.Series, index: dict[str, int]) -> np.ndarray:
    return column.map(index).to_numpy(dtype=np.int64)

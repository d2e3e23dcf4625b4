"""Distances and travel times, as the judging side counts them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocator.scenario import Scenario

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the WGS84 ellipsoid (IUGG)."""


def great_circle_km(lon_a: np.ndarray, lat_a: np.ndarray, lon_b: np.ndarray, lat_b: np.ndarray) -> np.ndarray:
    """Great-circle distance by the haversine formula; degrees in, km out."""
    lon_a, lat_a, lon_b, lat_b = (np.radians(v) for v in (lon_a, lat_a, lon_b, lat_b))
    half = np.sin((lat_b - lat_a) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0)))


def _road_km(scenario: Scenario, points_a: pd.DataFrame, points_b: pd.DataFrame) -> np.ndarray:
    a, b = points_a.to_numpy(dtype=float), points_b.to_numpy(dtype=float)
    return great_circle_km(a[:, 0], a[:, 1], b[:, 0], b[:, 1]) * scenario.settings.travel.detour


def _points(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    return frame.set_index(name)[["lon", "lat"]]


def place_km(scenario: Scenario, origins: pd.Series, destinations: pd.Series) -> np.ndarray:
    """Road km between places (depots or sites), row by row."""
    places = pd.concat([_points(scenario.table("depots"), "depot"), _points(scenario.table("sites"), "site")])
    return _road_km(scenario, places.loc[origins], places.loc[destinations])


def township_km(scenario: Scenario, townships: pd.Series, sites: pd.Series) -> np.ndarray:
    """Road km from the middle of a township (the mean of its sites) to a site, row by row."""
    places = scenario.table("sites")
    middle = places.groupby("township")[["lon", "lat"]].mean()
    return _road_km(scenario, middle.loc[townships], _points(places, "site").loc[sites])


def travel_minutes(scenario: Scenario, cadres: pd.Series, sites: pd.Series) -> np.ndarray:
    """Minutes one way from home to site, row by row.

    From `travel` where it lists the pair, else from the great circle. A pair that `travel`
    rules out has a time here all the same; `reachable` tells.
    """
    homes = _points(scenario.table("cadres"), "cadre").loc[cadres]
    km = _road_km(scenario, homes, _points(scenario.table("sites"), "site").loc[sites])
    estimate = km / scenario.settings.travel.speed_kmh * 60
    travel = scenario.table("travel")
    given = pd.MultiIndex.from_frame(travel[["cadre", "site"]])
    found = given.get_indexer(pd.MultiIndex.from_arrays([cadres, sites]))
    if not len(given):
        return estimate
    return np.where(found >= 0, travel["minutes"].to_numpy()[found], estimate)


def reachable(scenario: Scenario, cadres: pd.Series, sites: pd.Series) -> np.ndarray:
    """False where `travel` has rows for the cadre but none for the site."""
    travel = scenario.table("travel")
    given = pd.MultiIndex.from_frame(travel[["cadre", "site"]])
    listed = pd.MultiIndex.from_arrays([cadres, sites]).isin(given)
    return listed | ~cadres.isin(travel["cadre"]).to_numpy()

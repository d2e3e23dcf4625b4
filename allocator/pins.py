"""Checks of pins: decisions already taken that contradict each other or that no plan can keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from allocator.draft import Draft, report
from allocator.problems import Problems
from allocator.sheet import Sheet


def check_pins(draft: Draft, problems: Problems) -> None:
    """Report musts that clash with another pin, and musts that cannot be kept."""
    pins = draft.sheet("pins")
    sound = pins.ok("cadre", "site", "kind")
    frame = pins.frame[["cadre", "site", "kind"]].astype(object)
    must = sound & (frame["kind"] == "must").to_numpy(dtype=bool)
    sites = frame[must].groupby("cadre")["site"].nunique()
    several = must & frame["cadre"].isin(sites[sites > 1].index).to_numpy(dtype=bool)
    again = several & frame["cadre"].where(several).duplicated().to_numpy()
    report(problems, pins, "two_musts", "cadre", again, "at most one must per cadre")
    kinds = frame[sound].groupby(["cadre", "site"])["kind"].nunique()
    both = {pair for pair, count in kinds.items() if count > 1}
    pairs = list(zip(frame["cadre"], frame["site"], strict=True))
    clash = sound & np.array([p in both for p in pairs], dtype=bool)
    clash &= pins.frame.duplicated(["cadre", "site"]).to_numpy()
    report(problems, pins, "must_and_never", "kind", clash, "must or never for this cadre and site, not both")
    if draft.readable("cadres", "sites", "travel"):
        _musts(draft, pins, np.flatnonzero(must), problems)


def _musts(draft: Draft, pins: Sheet, musts: np.ndarray, problems: Problems) -> None:
    """Report musts that no plan can keep: too far, on a day no posting begins, at a site that is closed."""
    closed = {
        site: name
        for name in ("candidates", "applications")
        for site in draft.sheet(name).values("site").tolist()
    }
    cadres, sites = _rows(draft.sheet("cadres"), "cadre"), _rows(draft.sheet("sites"), "site")
    listed: Mapping[Any, Any] = draft.sheet("travel").frame.groupby("cadre").indices if len(musts) else {}
    columns = (pins.values("cadre"), pins.values("site"), pins.values("first_day"))
    for k in musts:
        cadre, site, day = (values[k] for values in columns)
        if cadre not in cadres or site not in sites:
            continue
        here = np.array([k])
        if site in closed:
            way = f"a site that is open from the start; {site} is in {closed[site]}"
            report(problems, pins, "must_at_closed_site", "site", here, way)
        if way := _too_far(draft, cadres[cadre], sites[site], listed.get(cadre)):
            report(problems, pins, "must_too_far", "site", here, way)
        if (way := _start_days(draft, cadres[cadre], int(day))) and pins.ok("first_day")[k]:
            shown = str(draft.settings.horizon.date(day)) if day >= 0 else ""
            problems.add("must_day", pins.file, way, int(pins.rows[k]), "first_day", shown)


def _rows(sheet: Sheet, key: str) -> dict[str, int]:
    return {code: k for k, code in reversed(list(enumerate(sheet.values(key).tolist()))) if code}


def _too_far(draft: Draft, c: int, s: int, own: np.ndarray | None) -> str:
    """Return what is expected where a site is beyond max_travel; `own`: the cadre's rows of travel."""
    cadres, sites, travel = draft.sheet("cadres"), draft.sheet("sites"), draft.sheet("travel")
    if not (draft.parsed.sound("rules.max_travel") and draft.parsed.sound("travel")):
        return ""
    limit, cadre, site = draft.settings.rules.max_travel, cadres.values("cadre")[c], sites.values("site")[s]
    if own is not None:
        there = own[travel.values("site")[own] == site]
        if not len(there):
            return f"a site this cadre can reach; travel has rows for {cadre}, but none to {site}"
        if not travel.ok("minutes")[there].all():
            return ""
        minutes = float(travel.values("minutes")[there][0])
    else:
        if not (cadres.ok("lon", "lat")[c] and sites.ok("lon", "lat")[s]):
            return ""
        ends = [
            float(sheet.values(name)[k]) for sheet, k in ((cadres, c), (sites, s)) for name in ("lon", "lat")
        ]
        minutes = _km(*ends) * draft.settings.travel.detour / draft.settings.travel.speed_kmh * 60
    if minutes <= limit:
        return ""
    return f"a site within rules.max_travel of {limit:g} minutes; it is {minutes:.1f} minutes away"


def _km(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Great-circle distance by the haversine formula, on the mean Earth radius."""
    lon_a, lat_a, lon_b, lat_b = (math.radians(v) for v in (lon_a, lat_a, lon_b, lat_b))
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(min(half, 1.0)))


def _start_days(draft: Draft, c: int, day: int) -> str:
    """Return what is expected where no posting of a cadre can begin on the day of a must (-1: any)."""
    cadres = draft.sheet("cadres")
    if not draft.starts:
        return ""
    if not cadres.ok("batch", "first_day", "last_day")[c]:
        return ""
    batch, first, last = (cadres.values(n)[c] for n in ("batch", "first_day", "last_day"))
    if batch and batch not in draft.settings.labels("batch"):
        return ""
    days = {max(b.start, int(first)) for b in draft.settings.batches if batch in ("", b.id)}
    possible = sorted(d for d in days if d <= last)
    if not possible:
        return "a cadre who can be posted; no batch starts by the cadre's last day"
    if day < 0 or day in possible:
        return ""
    listed = ", ".join(str(draft.settings.horizon.date(d)) for d in possible)
    return f"a day on which a posting of this cadre can begin ({listed}), or a blank cell"

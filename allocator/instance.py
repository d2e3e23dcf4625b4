"""Scenario -> arrays for the people stages: labels to indices, calendars, travel, cohorts.

Axis order never changes: cadre C, batch B, site J, post P, day D, shift S, shape U.
A *post* is a (site, duty, shift) that asks for somebody on at least one day; posts are
sorted by site. A *shape* is what a site can see of a cadre in a batch: trait (skills and
night fitness) and the days on which the cadre can work there; equal shapes are decided alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from allocator import reach

if TYPE_CHECKING:
    import pandas as pd

    from allocator.scenario import Scenario

BACK = 6
"""Days before the first that rules on any seven days look back to."""
CLOSED: Mapping[str, int] = MappingProxyType({})
"""Nothing opens and nothing resumes."""


@dataclass(frozen=True)
class Instance:
    """The people half of a scenario in arrays."""

    cadres: np.ndarray
    """[C] codes."""
    sites: np.ndarray
    """[J] codes."""
    duties: np.ndarray
    shifts: np.ndarray
    batches: np.ndarray
    """[B] codes."""
    days: int

    post_site: np.ndarray
    """[P] site of the post, ascending."""
    post_duty: np.ndarray
    post_shift: np.ndarray
    required: np.ndarray
    """[P, D] persons."""
    target: np.ndarray
    worth: np.ndarray
    """[P] site weight x duty weight."""
    site_posts: np.ndarray
    """[J + 1] first post of each site."""
    site_district: np.ndarray
    districts: int

    shift_start: np.ndarray
    """[S] minutes after midnight."""
    shift_end: np.ndarray
    shift_night: np.ndarray

    traits: np.ndarray
    """[T, P] bool: may a person of this trait take this post?"""
    minutes: np.ndarray
    """[C, J] one way; infinite where the site is out of reach or pinned away."""
    first: np.ndarray
    """[C, B] first day of a posting in the batch."""
    last: np.ndarray
    """[C, B] last day; below `first` where the batch is not open to the cadre."""
    batch_size: np.ndarray
    must: np.ndarray
    """[C] site the cadre must be posted to, -1: none."""
    home: np.ndarray
    """[C] district the cadre lives in."""
    previous: np.ndarray
    """[C] site of the posting in force, -1: none."""
    shape: np.ndarray
    """[C, B] shape, -1 where the batch is not open to the cadre."""
    shape_trait: np.ndarray
    """[U]"""
    shape_days: np.ndarray
    """[U, D] bool: days on which the cadre can work."""
    shape_past: np.ndarray
    """[U] index into `pasts`."""
    pasts: tuple[tuple[int, ...], ...]
    """Shifts worked on the six days before the first, oldest first, -1: none; the first past has none."""

    w_required: float
    w_target: float
    w_travel: float
    w_change: float
    w_fairness: float
    rest_minutes: int
    max_run: int
    max_shifts_7_days: int
    max_nights_7_days: int

    @property
    def unstaffed(self) -> float:
        """Staffing penalty when nobody works anywhere."""
        below, above = self.required.sum(1), (self.target - self.required).sum(1)
        return float((self.worth * (self.w_required * below + self.w_target * above)).sum())

    @property
    def moved(self) -> float:
        """Change penalty when no cadre stays."""
        return self.w_change * float((self.previous >= 0).sum())

    def posting_cost(self, c: np.ndarray | int, b: np.ndarray | int, j: np.ndarray | int) -> np.ndarray:
        """Travel of a posting, less the change penalty that staying saves."""
        days = self.last[c, b] - self.first[c, b] + 1
        stay = (self.previous[c] == j) & (self.previous[c] >= 0)
        return self.w_travel * self.minutes[c, j] * days - self.w_change * stay


def weekday_mask(text: str, start_weekday: int, days: int) -> np.ndarray:
    """[D] bool for a weekdays text such as '1-5' or '2,4'; `start_weekday` 0 = Monday."""
    wanted = np.zeros(7, bool)
    for part in text.replace(" ", "").split(","):
        low, _, high = part.partition("-")
        wanted[int(low) - 1 : int(high or low)] = True
    return wanted[(start_weekday + np.arange(days)) % 7]


def _index(labels: pd.Series) -> dict[str, int]:
    return {label: k for k, label in enumerate(labels)}


def _codes(column: pd.Series, index: dict[str, int]) -> np.ndarray:
    return column.map(index).to_numpy(dtype=np.int64)


def closed_sites(scenario: Scenario) -> set[str]:
    """Sites that ask for nothing until a plan opens or resumes them."""
    return set(scenario.table("candidates")["site"]) | set(scenario.table("applications")["site"])


def _posts(  # type: ignore[no-untyped-def]
    scenario: Scenario, site: dict[str, int], duty: dict[str, int], shift: dict[str, int], opens: Mapping[str, int]
):
    settings = scenario.settings
    demand = scenario.table("demand")
    demand = demand[~demand["site"].isin(closed_sites(scenario) - opens.keys())]
    begins = demand["site"].map(opens).fillna(0).to_numpy(dtype=np.int64)
    keys = np.stack(
        [_codes(demand["site"], site), _codes(demand["duty"], duty), _codes(demand["shift"], shift)], axis=1
    ).reshape(-1, 3)
    posts, row_post = np.unique(keys, axis=0, return_inverse=True)
    row_post = row_post.reshape(-1)
    masks = {
        text: weekday_mask(text, settings.start.weekday(), settings.days) for text in demand["weekdays"].unique()
    }
    on = np.array([masks[text] for text in demand["weekdays"]], bool).reshape(-1, settings.days)
    span = np.arange(settings.days)
    begins = np.maximum(begins, demand["first_day"].to_numpy())
    on &= (span >= begins[:, None]) & (span <= demand["last_day"].to_numpy()[:, None])
    asked = []
    for name in ("required", "target"):
        cells = np.zeros((len(posts), settings.days), np.int64)
        np.add.at(cells, row_post, on * demand[name].to_numpy(dtype=np.int64)[:, None])
        asked.append(cells)
    busy = asked[1].max(1, initial=0) > 0
    return posts[busy], asked[0][busy], asked[1][busy]


def _spans(scenario: Scenario, must_day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    settings, cadres = scenario.settings, scenario.table("cadres")
    start = np.array([b.start for b in settings.batches], np.int64)
    first = np.maximum(start[None, :], cadres["first_day"].to_numpy(dtype=np.int64)[:, None])
    last = np.minimum(
        np.minimum(settings.days - 1, cadres["last_day"].to_numpy(dtype=np.int64)[:, None]),
        first + settings.rules.max_posting_days - 1,
    )
    ids = np.array([b.id for b in settings.batches], object)
    named = cadres["batch"].to_numpy(dtype=object)
    shut = (named[:, None] != "") & (named[:, None] != ids[None, :])
    shut |= (must_day[:, None] >= 0) & (must_day[:, None] != first)
    last = np.where(shut, -1, last)
    return first, last


def _traits(scenario: Scenario, post_duty: np.ndarray, post_night: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cadres = scenario.table("cadres")
    kinds: dict[tuple[frozenset[str], bool], int] = {}
    trait = np.empty(len(cadres), np.int64)
    for c, (skills, night) in enumerate(zip(cadres["skills"], cadres["night_ok"], strict=True)):
        held = frozenset(s.strip() for s in str(skills).split(";") if s.strip())
        trait[c] = kinds.setdefault((held, bool(night)), len(kinds))
    skill = scenario.table("duties")["skill"].to_numpy(dtype=object)
    allowed = np.zeros((len(kinds), len(post_duty)), bool)
    for (held, night), t in kinds.items():
        skilled = np.array([s == "" or s in held for s in skill], bool)
        allowed[t] = skilled[post_duty] & (night | ~post_night)
    return trait, allowed


def _pasts(scenario: Scenario, cadre: dict[str, int], shift: dict[str, int]):  # type: ignore[no-untyped-def]
    """Which past each cadre has, and the pasts there are."""
    worked = scenario.table("worked")
    before = np.full((len(cadre), BACK), -1)
    before[_codes(worked["cadre"], cadre), BACK + worked["day"].to_numpy(dtype=np.int64)] = _codes(
        worked["shift"], shift
    )
    rows = np.concatenate([np.full((1, BACK), -1), before])
    unique, inverse = np.unique(rows, axis=0, return_inverse=True)
    order = inverse.reshape(-1)
    pasts = [tuple(int(s) for s in row) for row in unique]
    rank = np.argsort(np.arange(len(pasts)) != order[0], kind="stable")
    place = np.empty(len(pasts), np.int64)
    place[rank] = np.arange(len(pasts))
    return place[order[1:]], tuple(pasts[k] for k in rank)


def _shapes(trait: np.ndarray, past: np.ndarray, first: np.ndarray, last: np.ndarray, away: np.ndarray):  # type: ignore[no-untyped-def]
    days = np.arange(away.shape[1])
    n, batches = first.shape
    there = (days >= first[:, :, None]) & (days <= last[:, :, None]) & ~away[:, None, :]
    open_ = last >= first
    kind = np.broadcast_to(np.stack([trait, past], axis=1)[:, None, :], (n, batches, 2))
    rows = np.concatenate([kind, there], axis=2)[open_]
    unique, inverse = np.unique(rows.astype(np.int32), axis=0, return_inverse=True)
    shape = np.full((n, batches), -1)
    shape[open_] = inverse.reshape(-1)
    return shape, unique[:, 0].astype(np.int64), unique[:, 1].astype(np.int64), unique[:, 2:].astype(bool)


def asking(inst: Instance, scenario: Scenario, opens: Mapping[str, int] = CLOSED) -> Instance:
    """The instance with the demand of another case of the same scenario, or with other sites open."""
    settings = scenario.settings
    duty, site = _index(scenario.table("duties")["duty"]), _index(scenario.table("sites")["site"])
    shift = {s.id: k for k, s in enumerate(settings.shifts)}
    posts, required, target = _posts(scenario, site, duty, shift, opens)
    night = np.array([s.night for s in settings.shifts], bool)
    return replace(
        inst,
        post_site=posts[:, 0],
        post_duty=posts[:, 1],
        post_shift=posts[:, 2],
        required=required,
        target=target,
        worth=_worths(scenario, posts),
        site_posts=np.searchsorted(posts[:, 0], np.arange(len(site) + 1)),
        traits=_traits(scenario, posts[:, 1], night[posts[:, 2]])[1],
    )


def _worths(scenario: Scenario, posts: np.ndarray) -> np.ndarray:
    sites, duties = (scenario.table(name)["weight"].to_numpy() for name in ("sites", "duties"))
    return sites[posts[:, 0]] * duties[posts[:, 1]]


def instance(scenario: Scenario, opens: Mapping[str, int] = CLOSED) -> Instance:
    """Turn the people tables of a sound scenario in one case into arrays.

    `opens` is the first day of sites that open or resume; the others of that kind ask for nothing.
    """
    settings = scenario.settings
    sites, cadres = scenario.table("sites"), scenario.table("cadres")
    duties = scenario.table("duties")
    site, cadre = _index(sites["site"]), _index(cadres["cadre"])
    duty = _index(duties["duty"])
    shift = {s.id: k for k, s in enumerate(settings.shifts)}
    posts, required, target = _posts(scenario, site, duty, shift, opens)
    night = np.array([s.night for s in settings.shifts], bool)

    minutes = reach.minutes(scenario, cadre, site)
    must, must_day = reach.pins(scenario, cadre, site, minutes)
    first, last = _spans(scenario, must_day)
    away = np.zeros((len(cadres), settings.days), bool)
    leave = scenario.table("leave")
    away[_codes(leave["cadre"], cadre), leave["day"].to_numpy(dtype=np.int64)] = True
    trait, allowed = _traits(scenario, posts[:, 1], night[posts[:, 2]])
    past, pasts = _pasts(scenario, cadre, shift)
    shape, shape_trait, shape_past, shape_days = _shapes(trait, past, first, last, away)
    previous = np.full(len(cadres), -1)
    before = scenario.table("previous")
    previous[_codes(before["cadre"], cadre)] = _codes(before["site"], site)
    district = _index(scenario.table("districts")["district"])
    weights, rules = settings.weights, settings.rules
    return Instance(
        cadres=cadres["cadre"].to_numpy(dtype=object),
        sites=sites["site"].to_numpy(dtype=object),
        duties=duties["duty"].to_numpy(dtype=object),
        shifts=np.array(list(shift), object),
        batches=np.array([b.id for b in settings.batches], object),
        days=settings.days,
        post_site=posts[:, 0],
        post_duty=posts[:, 1],
        post_shift=posts[:, 2],
        required=required,
        target=target,
        worth=_worths(scenario, posts),
        site_posts=np.searchsorted(posts[:, 0], np.arange(len(sites) + 1)),
        site_district=_codes(sites["district"], district),
        districts=len(district),
        shift_start=np.array([s.start for s in settings.shifts], np.int64),
        shift_end=np.array([s.start + s.minutes for s in settings.shifts], np.int64),
        shift_night=night,
        traits=allowed,
        minutes=minutes,
        first=first,
        last=last,
        batch_size=np.array([b.size for b in settings.batches], np.int64),
        must=must,
        home=_codes(cadres["district"], district),
        previous=previous,
        shape=shape,
        shape_trait=shape_trait,
        shape_days=shape_days,
        shape_past=shape_past,
        pasts=pasts,
        w_required=weights.required,
        w_target=weights.target,
        w_travel=weights.travel,
        w_change=weights.change,
        w_fairness=weights.fairness,
        rest_minutes=round(rules.rest_hours * 60),
        max_run=rules.max_run,
        max_shifts_7_days=rules.max_shifts_7_days,
        max_nights_7_days=rules.max_nights_7_days,
    )

"""The changes to the city's means that would help most, one unit each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from allocator import remedies
from allocator.models.patterns import best_schedules
from allocator.state import State

__all__ = ["means"]


def means(state: State, most: int = 10) -> pd.DataFrame:
    """The changes to the city's means that would help most, one unit each, each worked out at its best site.

    One more cadre (skill, day of a batch) in a district: the best schedule at any site there. One more
    pack at a depot on a day: the best use at any site it serves. `gain` is the objective saved, exact
    for the plan in hand with everything else fixed. A skill is named only where it saves more than none.
    """
    rows = [*_cadre_means(state), *_pack_means(state)]
    table = pd.DataFrame(rows, columns=["means", "where", "day", "gain", "site"])
    best = table.sort_values("gain", ascending=False, kind="stable").drop_duplicates(["means", "where"])
    plain = best[best["means"] == "cadre"].set_index("where")["gain"]
    skilled = best["means"].str.startswith("cadre ")
    idle = skilled & (best["gain"] <= best["where"].map(plain).fillna(-np.inf) + 1e-9)
    return best[(best["gain"] > 0) & ~idle].head(most).reset_index(drop=True)


def _cadre_means(state: State) -> Iterator[tuple[str, str, int, float, str]]:
    skills = state.scenario.table("duties")["skill"].to_numpy(dtype=object)
    districts = state.scenario.table("districts")["district"].to_numpy(dtype=object)
    marginal = np.maximum(state.board.worth.marginal(state.board.staffed), 0.0)
    for skill in sorted(set(skills)):
        able = np.isin(skills[state.inst.post_duty], ["", skill])
        for batch in state.scenario.settings.batches:
            gain = marginal * able[:, None]
            gain[:, : batch.start] = 0.0
            gain[:, batch.start + state.scenario.settings.rules.max_posting_days :] = 0.0
            for j, saved in _best_sites(state, *_best_posts(state, gain)):
                district = str(districts[state.inst.site_district[j]])
                yield f"cadre {skill}".strip(), district, batch.start, saved, str(state.inst.sites[j])


def _best_posts(state: State, gain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Worth [J] and posts [J, D] of the best schedule of one person at every site, from `gain` [P, D]."""
    inst, field = state.inst, state.field
    value, posts = np.zeros(len(inst.sites)), np.full((len(inst.sites), inst.days), -1)
    if not len(field.order):
        return value, posts
    ordered = gain[field.order]
    top = np.maximum.reduceat(ordered, field.begin, axis=0)
    size = np.diff(np.append(field.begin, len(field.order)))
    place = np.where(ordered == np.repeat(top, size, axis=0), np.arange(len(ordered))[:, None], len(ordered))
    best = field.order[np.minimum.reduceat(place, field.begin, axis=0)]
    day = np.arange(inst.days)
    for p, sites in zip(field.patterns, field.pattern_sites, strict=True):
        first = field.site_slots[sites]
        offered = np.stack([top[first + k] for k in range(len(p.shifts))], axis=2)
        value[sites], plan = best_schedules(p, offered)
        posts[sites] = np.where(plan >= 0, best[first[:, None] + np.maximum(plan, 0), day], -1)
    return value, posts


def _best_sites(state: State, value: np.ndarray, posts: np.ndarray) -> Iterator[tuple[int, float]]:
    """The site of each district where the person saves most, and how much.

    A shift covered takes off its worth and no more of fairness than its weight; kits only cost. So
    a site is passed over where that bound is no better than what another saves.
    """
    inst = state.inst
    bound = value + inst.w_fairness * (posts >= 0).sum(axis=1)
    for district in range(inst.districts):
        best, where = 0.0, -1
        here = np.flatnonzero(inst.site_district == district)
        for j in here[np.argsort(-bound[here], kind="stable")]:
            if bound[j] <= best:
                break
            saved = _gain(state, int(j), posts[j])
            best, where = (saved, int(j)) if saved > best else (best, where)
        if where >= 0:
            yield where, best


def _gain(state: State, j: int, posts: np.ndarray) -> float:
    staffing, covers = state.joined(posts)
    more = np.zeros(state.inst.districts)
    more[state.inst.site_district[j]] = covers
    return -(staffing + state.unfairness(more) + state.supplied(j, state.worn(posts)))


def _pack_means(state: State) -> Iterator[tuple[str, str, int, float, str]]:
    goods = state.goods
    for (j, item), lines in state.larder.lines.items():
        if state.penalty[j, item] <= 0:
            continue
        now = state.larder.served(j, item, state.kits[j, item])
        short = (goods.need[lines] - now.used).sum(axis=0)
        day = int(np.flatnonzero(short)[0]) if short.any() else -1
        wanted = np.zeros(goods.days, np.int64)
        if day < 0:
            continue
        wanted[day] = 1
        lift = remedies.carried(state, j, item, wanted)
        if lift is None or lift.doors or not lift.deliveries:
            continue
        more = remedies.arriving(state, goods.items[item], lift.parcels)
        gain = state.penalty[j, item] - state.larder.served(j, item, state.kits[j, item], more).penalty + lift.gain
        depot, _, when, _ = lift.deliveries[0]
        yield f"pack of {goods.items[item]} ({goods.pack[item]})", depot, when, gain, lift.site

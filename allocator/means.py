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
    for the plan in hand with everything else fixed.
    """
    rows = [*_cadre_means(state), *_pack_means(state)]
    table = pd.DataFrame(rows, columns=["means", "where", "day", "gain", "site"])
    best = table.sort_values("gain", ascending=False).drop_duplicates(["means", "where"])
    return best[best["gain"] > 0].head(most).reset_index(drop=True)


def _cadre_means(state: State) -> Iterator[tuple[str, str, int, float, str]]:
    inst = state.inst
    skills = state.scenario.table("duties")["skill"].to_numpy(dtype=object)
    districts = state.scenario.table("districts")["district"].to_numpy(dtype=object)
    for skill in sorted(set(skills)):
        for batch in state.scenario.settings.batches:
            for j in range(len(inst.sites)):
                rows = np.arange(inst.site_posts[j], inst.site_posts[j + 1])
                if not len(rows) or state.field.site_pattern[j] < 0:
                    continue
                able = np.array([skills[inst.post_duty[p]] in ("", skill) for p in rows])
                posts = _best_posts(state, j, rows, able, batch.start)
                gain = _gain(state, j, posts)
                name = f"cadre {skill}".strip()
                yield name, str(districts[inst.site_district[j]]), batch.start, gain, str(inst.sites[j])


def _best_posts(state: State, j: int, rows: np.ndarray, able: np.ndarray, first: int) -> np.ndarray:
    inst = state.inst
    gain = np.where(able[:, None], np.maximum(state.marginal(j)[rows], 0.0), 0.0)
    gain[:, :first] = 0.0
    gain[:, first + state.scenario.settings.rules.max_posting_days :] = 0.0
    p = state.field.patterns[state.field.site_pattern[j]]
    offered, best = np.zeros((1, inst.days, len(p.shifts))), np.full((inst.days, len(p.shifts)), -1)
    for k, shift in enumerate(p.shifts):
        mine = np.flatnonzero(inst.post_shift[rows] == shift)
        offered[0, :, k] = gain[mine].max(axis=0)
        best[:, k] = rows[mine[gain[mine].argmax(axis=0)]]
    plan = best_schedules(p, offered)[1][0]
    return np.where(plan >= 0, best[np.arange(inst.days), np.maximum(plan, 0)], -1)


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

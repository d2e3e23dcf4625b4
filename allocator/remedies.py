"""The fix of a shortage, built around the plan in hand.

The rest of the plan stays, the newcomers get the best schedules that cover what is short, goods travel on
the lanes there are in whole packs, and at the site they are used anew, kits first. `people` and `goods`
find the fix and what it saves; whether it holds is for the verifier to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from allocator.fixes import Fix, Parcel, Person, merged
from allocator.models.patterns import best_schedules
from allocator.state import State

__all__ = ["arriving", "carried", "goods", "people"]

SURELY = 1e6
"""Worth of a shift that is short, above all others."""
MOST = 40
"""People a fix brings at most."""


# ---- people


def people(state: State, post: int, short: np.ndarray) -> Fix | None:
    """The fewest newcomers found that cover `short` [D] people on a post, and the goods their kits take."""
    inst = state.inst
    j = int(inst.post_site[post])
    rows = np.arange(inst.site_posts[j], inst.site_posts[j + 1])
    skills = state.scenario.table("duties")["skill"].to_numpy(dtype=object)
    staffed, left = state.board.staffed[rows].copy(), short.copy()
    toll = state.tolls(j)
    found: list[Person] = []
    skill = str(skills[inst.post_duty[post]])
    able = np.array([skills[inst.post_duty[p]] in ("", skill) for p in rows], bool)
    while left.any():
        if len(found) == MOST:
            return None
        person = _newcomer(state, j, rows, able, staffed, left, toll, int(post - rows[0]), skill)
        worked = np.array(person.posts)
        if not (worked[left > 0] == post).any():
            return None
        day = np.flatnonzero(worked >= 0)
        staffed[worked[day] - rows[0], day] += 1
        left[(worked == post) & (left > 0)] -= 1
        found.append(person)
    return _with_kits(state, j, tuple(found))


def _newcomer(
    state: State, j: int, rows: np.ndarray, able: np.ndarray, staffed: np.ndarray, left: np.ndarray, toll: np.ndarray,
    target: int, skill: str,
) -> Person:
    """Somebody who comes on the first day short and works what is worth most, what is short first."""
    inst = state.inst
    w = state.board.worth.rows(slice(int(rows[0]), int(rows[-1]) + 1))
    gain = np.where(staffed < w.required, w.first, np.where(staffed < w.target, w.second, 0.0)) - toll
    gain = np.where(able[:, None], np.maximum(gain, 0.0), 0.0)
    gain[target] = np.where(left > 0, SURELY, gain[target])
    days = np.flatnonzero(left)
    first = int(days[0])
    last = min(int(days[-1]), first + state.scenario.settings.rules.max_posting_days - 1)
    gain[:, :first] = gain[:, last + 1 :] = 0.0
    p = state.field.patterns[state.field.site_pattern[j]]
    offered, best = np.zeros((1, inst.days, len(p.shifts))), np.full((inst.days, len(p.shifts)), -1)
    for k, shift in enumerate(p.shifts):
        mine = np.flatnonzero(inst.post_shift[rows] == shift)
        offered[0, :, k] = gain[mine].max(axis=0)
        best[:, k] = rows[mine[gain[mine].argmax(axis=0)]]
    plan = best_schedules(p, offered)[1][0]
    posts = np.where(plan >= 0, best[np.arange(inst.days), np.maximum(plan, 0)], -1)
    return Person(skill, first, last, tuple(int(x) for x in posts))


def _with_kits(state: State, j: int, found: tuple[Person, ...]) -> Fix | None:
    """The fix with the goods it takes: none if what is there does and pays, else all kits."""
    inst = state.inst
    posts = [np.array(p.posts) for p in found]
    worn = sum((state.worn(p) for p in posts), np.zeros((len(state.goods.items), inst.days), np.int64))
    gained, covers = 0.0, 0
    staffed = state.board.staffed.copy()
    w = state.board.worth
    for p in posts:
        day = np.flatnonzero(p >= 0)
        there = staffed[p[day], day]
        low = there < w.required[p[day], day]
        extra = np.where(there < w.target[p[day], day], w.second[p[day], 0], 0.0)
        gained += float(np.where(low, w.first[p[day], 0], extra).sum())
        covers += int(low.sum())
        staffed[p[day], day] += 1
    more = np.zeros(inst.districts)
    more[inst.site_district[j]] = covers
    gained -= state.unfairness(more)
    use = {state.goods.items[i]: worn[i] for i in np.flatnonzero(worn.any(axis=1))}
    supply = state.supplied(j, worn)
    if np.isfinite(supply) and gained - supply >= 0:
        return Fix(str(inst.sites[j]), found, gain=gained - supply, use=use)
    brought = Fix(str(inst.sites[j]), found, use=use)
    cost = 0.0
    for i in np.flatnonzero(worn.any(axis=1)):
        lift = carried(state, j, int(i), worn[i])
        if lift is None:
            return None
        cost += lift.gain
        brought = merged(brought, lift)
    supply = supply_after(state, j, worn, brought.parcels)
    whole = replace(brought, gain=gained - supply + cost)
    return whole if np.isfinite(supply) and whole.gain >= 0 else None


# ---- goods


def arriving(state: State, item: str, parcels: Iterable[Parcel]) -> np.ndarray:
    """[D] units of an item that parcels bring."""
    more = np.zeros(state.goods.days, np.int64)
    for parcel in parcels:
        if parcel.item == item:
            more[parcel.arrives] += parcel.units
    return more


def supply_after(state: State, j: int, worn: np.ndarray, parcels: tuple[Parcel, ...]) -> float:
    """What kits and parcels add to the supply term at a site; infinite if kits are short."""
    total = 0.0
    for i, item in enumerate(state.goods.items):
        more = arriving(state, item, parcels)
        if worn[i].any() or more.any():
            served = state.larder.served(j, i, state.kits[j, i] + worn[i], more)
            if served.short:
                return np.inf
            total += served.penalty - state.penalty[j, i]
    return total


def goods(state: State, j: int, item: int, line: int) -> Fix | None:
    """Goods that end the shortage of a need line, and of whoever is served before it."""
    lines = state.larder.lines[j, item]
    now = state.larder.served(j, item, state.kits[j, item])
    short = state.goods.need[lines] - now.used
    weight = state.goods.need_weight
    before = np.array([weight[r] * state.goods.first_half >= weight[line] for r in lines])
    for rows in (before, np.ones(len(lines), bool)):
        lift = carried(state, j, item, short[rows].sum(axis=0))
        if lift is None:
            return None
        more = arriving(state, state.goods.items[item], lift.parcels)
        then = state.larder.served(j, item, state.kits[j, item], more)
        if (then.used[lines == line] == state.goods.need[line]).all():
            gain = state.penalty[j, item] - then.penalty + lift.gain
            return replace(lift, gain=gain) if gain >= 0 else None
    return None


def carried(state: State, j: int, item: int, wanted: np.ndarray) -> Fix | None:
    """Parcels that bring `wanted` [D] units, and what depot and door lack for them; gain: less distance."""
    goods_ = state.goods
    pack, name = int(goods_.pack[item]), goods_.items[item]
    lanes = np.flatnonzero(goods_.lane_to == goods_.depots + j)
    if not len(lanes) or not wanted.any():
        return None
    lane = int(lanes[np.lexsort((goods_.lane_cost[lanes], goods_.lane_lead[lanes]))[0]])
    depot, lead = int(goods_.lane_from[lane]), int(goods_.lane_lead[lane])
    packs = np.diff(-(-np.cumsum(wanted) // pack), prepend=0)
    litres = goods_.volume[item] * pack
    room = np.minimum(state.door[depot], state.lane_room(lane)).copy()
    parcels, wider = [], 0.0
    for day in np.flatnonzero(packs):
        leave = int(day) - lead
        if leave < 0:
            return None
        left = int(packs[day])
        for d in range(leave, -1, -1):
            take = min(left, int((room[d] + 1e-9) // litres)) if litres else left
            if take > 0:
                room[d] -= take * litres
                left -= take
                parcels.append(Parcel(d, d + lead, goods_.places[depot], name, take * pack))
            if not left:
                break
        if left:
            if np.isfinite(goods_.lane_litres[lane]):
                return None
            wider = max(wider, left * litres - max(0.0, float(room[leave])))
            room[leave] = 0.0
            parcels.append(Parcel(leave, leave + lead, goods_.places[depot], name, left * pack))
    return _stocked(state, j, item, lane, tuple(parcels), wider)


def _stocked(state: State, j: int, item: int, lane: int, parcels: tuple[Parcel, ...], wider: float) -> Fix:
    """The parcels with the delivery they need, where what lies at the depot does not do."""
    goods_ = state.goods
    depot = int(goods_.lane_from[lane])
    gone = np.zeros(goods_.days, np.int64)
    for parcel in parcels:
        gone[parcel.day] += parcel.units
    lacking = int((np.cumsum(gone) - state.spare[depot, item]).max())
    first = min(p.day for p in parcels)
    name = goods_.places[depot]
    deliveries = ((name, goods_.items[item], first, lacking),) if lacking > 0 else ()
    doors = ((name, float(np.ceil(wider + 1e-6))),) if wider > 0 else ()
    cost = float(goods_.lane_cost[lane] * goods_.volume[item] * gone.sum())
    merged_ = _joined(parcels)
    return Fix(goods_.places[goods_.depots + j], deliveries=deliveries, doors=doors, parcels=merged_, gain=-cost)


def _joined(parcels: tuple[Parcel, ...]) -> tuple[Parcel, ...]:
    """One parcel per day."""
    units: dict[tuple[int, int, str, str], int] = {}
    for p in parcels:
        key = p.day, p.arrives, p.depot, p.item
        units[key] = units.get(key, 0) + p.units
    return tuple(Parcel(*key, n) for key, n in sorted(units.items()))

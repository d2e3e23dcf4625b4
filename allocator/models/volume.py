"""Prices of a site's shifts at which given people gain least: the sharpest cut for them.

Minimise over prices p of the cells

    f(p) = surplus(p) + sum over people of room x max(0, best schedule under p - pay),

or, for teams of a given size, surplus(p) + the most that many people gain. The dual says: staff the cells with
schedules of these people, in fractions.

The volume algorithm (Barahona & Anbil 2000): steps from the best prices so far against a running mean of the
subgradients, which is also a plan in fractions. Everything is compiled, and a step is one dynamic programme
per shape. Wuxi, 47 teams of 2 to 62 people, one core: how much the prices found are too high in all, against an LP
over schedules (column generation, prices halfway to the dual of the LP) that went on for 150 rounds:

    the LP, 10 rounds       2.0 s   2,656
    the LP, 150 rounds     20.6 s      10
    1,500 steps as here     0.8 s     151, of which 144 at the two largest rail stations

Steps from the last prices instead of the best (Polyak), tried before, stood still some 700 to 1,400 too high. An LP
over schedules with prices in a box around the best goes on where the steps stand still: at a team of 68 it comes to
29,888 in 1.0 s, the roster found in the end gives as much, and 400 steps to 29,953 in 0.1; at teams of 10 to 30 it
is 1 to 17 less. Where whole people are counted (`headcount.py`) its seconds bring as much elsewhere: 408.50 after
330 s, without 408.53.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from allocator.models.field import Field
from allocator.models.kernel import best as walked
from allocator.models.kernel import compiled
from allocator.models.worth import Worth

MEMORY = 0.1
"""What the last subgradient counts for in the mean, at most."""
REACH = 0.02
"""How far below the best value the first step aims, relative to what the people give."""
PATIENT, SHORTER, LONGER = 20, 0.66, 1.1
"""Steps without success before they are shortened, and by how much they are, or grow after one that went well."""
END = 1e-4
"""Shortest steps, relative to the first."""


@dataclass(frozen=True)
class Crowd:
    """People who might work at a site: rows with a shape, what they cost, and who shares whose room."""

    shape: np.ndarray
    """[N]"""
    pay: np.ndarray
    """[N]"""
    person: np.ndarray
    """[N] whose row it is"""
    room: np.ndarray
    """[persons] how many there are, or which fraction takes part"""
    heads: int | None = None
    """size of the team, where it is given"""

    @staticmethod
    def team(shape: np.ndarray, heads: np.ndarray) -> Crowd:
        """These and no others: shapes [N] and how many of each, whatever they cost."""
        return Crowd(shape, np.zeros(len(shape)), np.arange(len(shape)), heads)


@dataclass(frozen=True)
class Sharp:
    """Prices [p, D] under which the people gain least, what that is, and a plan in fractions near it."""

    prices: np.ndarray
    least: float
    before: float
    """what they gain at the prices it began from"""
    heads: np.ndarray
    """[N] how many of each row"""


class Place(NamedTuple):
    """The rules of a site, its posts by slot, and which of some shapes may take which, is there when, begins where."""

    step: np.ndarray
    """[kinds + 1, states]"""
    slot_first: np.ndarray
    order: np.ndarray
    able: np.ndarray
    """[U, p]"""
    there: np.ndarray
    """[U, D]"""
    begin: np.ndarray
    """[U]"""


def sharpest(
    field: Field, worth: Worth, site: int, crowd: Crowd, start: np.ndarray, steps: int, reach: float = REACH
) -> Sharp:
    """Descend from prices `start` [p, D] of the site's posts."""
    inst = field.inst
    mine = worth.rows(slice(int(inst.site_posts[site]), int(inst.site_posts[site + 1])))
    shapes, of = np.unique(crowd.shape, return_inverse=True)
    heads, prices = np.zeros(len(crowd.shape)), np.zeros(mine.target.shape)
    before, least = _descend(
        _place(field, site, shapes),
        of.reshape(-1).astype(np.int64),
        np.asarray(crowd.pay, np.float64),
        np.asarray(crowd.person, np.int64),
        np.asarray(crowd.room, np.float64),
        -1.0 if crowd.heads is None else float(crowd.heads),
        mine.first - mine.toll,
        mine.second - mine.toll,
        mine.required.astype(np.float64),
        (mine.target - mine.required).astype(np.float64),
        np.ascontiguousarray(start, np.float64),
        steps,
        reach,
        prices,
        heads,
    )
    return Sharp(prices, float(least), float(before), heads)


def values(field: Field, site: int, shapes: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """[len(shapes)] what the best schedule of each shape at a site is worth at prices [p, D] of its posts."""
    value, plan = np.zeros(len(shapes)), np.zeros((len(shapes), prices.shape[1]), np.int64)
    _schedules(_place(field, site, shapes), np.ascontiguousarray(prices, np.float64), value, plan)
    return value


def _place(field: Field, site: int, shapes: np.ndarray) -> Place:
    inst, deck = field.inst, field.deck
    rows = slice(int(inst.site_posts[site]), int(inst.site_posts[site + 1]))
    pattern = int(deck.site_pattern[site])
    walk = deck.steps[deck.step_first[pattern] : deck.step_first[pattern + 1]].reshape(deck.kinds[pattern] + 1, -1)
    slots = slice(int(deck.site_slots[site]), int(deck.site_slots[site + 1]))
    return Place(
        np.ascontiguousarray(walk),
        deck.slot_first[slots.start : slots.stop + 1],
        deck.order - rows.start,
        np.ascontiguousarray(deck.traits[deck.shape_trait[shapes]][:, rows]),
        np.ascontiguousarray(deck.shape_days[shapes]),
        deck.start[pattern, deck.shape_past[shapes]],
    )


@compiled
def _descend(place: Place, shape: np.ndarray, pay: np.ndarray, person: np.ndarray, room: np.ndarray, heads: float,
             first: np.ndarray, second: np.ndarray, low: np.ndarray, high: np.ndarray, start: np.ndarray,
             steps: int, reach: float, best: np.ndarray, mean_heads: np.ndarray) -> tuple[float, float]:
    """Value at the start, and the least found; `best` [P, D] gets its prices, `mean_heads` [N] the mean of who works.

    `shape` [N] is one of those of the place; `first` and `second` [P, D] what one more on a cell is worth, `low` and
    `high` [P, D] how many are worth that.
    """
    posts, days = start.shape
    cap = _caps(first, second, low, high)
    price = np.minimum(np.maximum(start, 0.0), cap)
    slope, mean = np.zeros((posts, days)), np.zeros((posts, days))
    value, plan = np.zeros(len(place.begin)), np.zeros((len(place.begin), days), np.int64)
    taken = np.zeros(len(shape))
    before, least, aim, length, failed = 0.0, 1e18, 0.0, 1.0, 0
    for k in range(steps):
        surplus = _buy(first, second, low, high, price, slope)
        _schedules(place, price, value, plan)
        gross, gained = _take(value, shape, pay, person, room, heads, taken)
        for n in range(len(shape)):
            if taken[n] > 0:
                for d in range(days):
                    if plan[shape[n], d] >= 0:
                        slope[plan[shape[n], d], d] += taken[n]
        if k == 0:
            mean[:], mean_heads[:] = slope, taken
            before, aim = surplus + gained, reach * max(surplus + gross, 1e-9)
        if surplus + gained < least - 1e-9:
            if (mean * slope).sum() > 0:
                length = min(2.0, length * LONGER)
            least, failed = surplus + gained, 0
            best[:] = price
        else:
            failed += 1
            if failed >= PATIENT:
                length, failed = length * SHORTER, 0
                if length < END:
                    break
        share = _shortest(mean, slope)
        mean[:] = share * slope + (1 - share) * mean
        mean_heads[:] = share * taken + (1 - share) * mean_heads
        if not _move(best, mean, cap, length * aim, price):
            break
    return before, least


@compiled
def _caps(first: np.ndarray, second: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """[P, D] prices above which nobody is bought."""
    cap = np.zeros(first.shape)
    for p in range(first.shape[0]):
        for d in range(first.shape[1]):
            if low[p, d] > 0:
                cap[p, d] = max(0.0, first[p, d])
            if high[p, d] > 0:
                cap[p, d] = max(cap[p, d], second[p, d])
    return cap


@compiled
def _buy(first: np.ndarray, second: np.ndarray, low: np.ndarray, high: np.ndarray, price: np.ndarray,
         slope: np.ndarray) -> float:
    """Surplus of the cells at the prices; minus what they buy goes into `slope`."""
    total = 0.0
    for p in range(price.shape[0]):
        for d in range(price.shape[1]):
            some = (first[p, d] - price[p, d]) * low[p, d]
            all_ = some + (second[p, d] - price[p, d]) * high[p, d]
            slope[p, d] = 0.0
            if all_ > some and all_ > 0:
                total += all_
                slope[p, d] = -low[p, d] - high[p, d]
            elif some > 0:
                total += some
                slope[p, d] = -low[p, d]
    return total


@compiled
def _schedules(place: Place, price: np.ndarray, value: np.ndarray, plan: np.ndarray) -> None:
    """Best schedule of every shape under the prices: its total, and the post of each day."""
    kinds, days = place.step.shape[0] - 1, price.shape[1]
    gain, pick = np.zeros((kinds, days)), np.zeros((kinds, days), np.int64)
    table = np.zeros((days + 1, place.step.shape[1] + 1))
    for u in range(len(place.begin)):
        for k in range(kinds):
            for d in range(days):
                gain[k, d] = 0.0
                pick[k, d] = -1
            for n in range(place.slot_first[k], place.slot_first[k + 1]):
                post = place.order[n]
                if place.able[u, post]:
                    for d in range(days):
                        if place.there[u, d] and price[post, d] > gain[k, d]:
                            gain[k, d] = price[post, d]
                            pick[k, d] = post
        value[u] = walked(place.step, gain, place.begin[u], table, plan[u])
        for d in range(days):
            if plan[u, d] >= 0:
                plan[u, d] = pick[plan[u, d], d]


@compiled
def _take(value: np.ndarray, shape: np.ndarray, pay: np.ndarray, person: np.ndarray, room: np.ndarray,
          heads: float, taken: np.ndarray) -> tuple[float, float]:
    """Who works: `taken` [N] of each row; what they give in all, and what they give above their pay."""
    gain, row = np.full(len(room), -1e18), np.full(len(room), -1)
    for n in range(len(shape)):
        taken[n] = 0.0
        if value[shape[n]] - pay[n] > gain[person[n]]:
            gain[person[n]] = value[shape[n]] - pay[n]
            row[person[n]] = n
    gross, gained = 0.0, 0.0
    if heads < 0:
        for m in range(len(room)):
            if gain[m] > 0:
                taken[row[m]] = room[m]
    else:
        left = heads
        for m in np.argsort(-gain):
            if left <= 0 or row[m] < 0:
                break
            taken[row[m]] = min(left, room[m])
            left -= taken[row[m]]
    for n in range(len(shape)):
        gross += taken[n] * value[shape[n]]
        gained += taken[n] * (value[shape[n]] - pay[n])
    return gross, gained


@compiled
def _shortest(mean: np.ndarray, slope: np.ndarray) -> float:
    """Weight of the new subgradient that makes the mean shortest, within what it may count for."""
    apart, towards = 0.0, 0.0
    for p in range(mean.shape[0]):
        for d in range(mean.shape[1]):
            apart += (slope[p, d] - mean[p, d]) ** 2
            towards += mean[p, d] * (mean[p, d] - slope[p, d])
    if apart < 1e-9:
        return MEMORY
    return min(MEMORY, max(0.1 * MEMORY, towards / apart))


@compiled
def _move(best: np.ndarray, mean: np.ndarray, cap: np.ndarray, aim: float, price: np.ndarray) -> bool:
    """Prices that would lower the value by `aim`, were the mean the slope; False where there is nowhere to go."""
    norm = 0.0
    for p in range(best.shape[0]):
        for d in range(best.shape[1]):
            down, up = mean[p, d] > 0 and best[p, d] > 0, mean[p, d] < 0 and best[p, d] < cap[p, d]
            if down or up:
                norm += mean[p, d] ** 2
    if norm < 1e-12:
        return False
    for p in range(best.shape[0]):
        for d in range(best.shape[1]):
            price[p, d] = min(cap[p, d], max(0.0, best[p, d] - aim / norm * mean[p, d]))
    return True

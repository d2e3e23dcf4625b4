"""One person's shifts next to those of the others: worked, given up, put back. Inner loops of the search, compiled."""

from __future__ import annotations

import numpy as np

from allocator.models.kernel import Deck, Value, Walk, best, compiled, scratch


@compiled
def random(seed: np.ndarray) -> float:
    """The next of a row of numbers in [0, 1) (xorshift64*)."""
    x = seed[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    seed[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


@compiled
def marginal(deck: Deck, value: Value, have: int, post: int, d: int) -> float:
    """Benefit of one person more on a cell with `have`; 0 where the target is met."""
    if have >= deck.target[post, d]:
        return 0.0
    return float((value.first[post] if have < deck.required[post, d] else value.second[post]) - value.toll[post, d])


@compiled
def offers(deck: Deck, value: Value, staffed: np.ndarray) -> np.ndarray:
    """[P, D] benefit of one person more: read all the time, so kept beside `staffed` by those who change it."""
    out = np.empty(staffed.shape)
    for post in range(staffed.shape[0]):
        for d in range(staffed.shape[1]):
            out[post, d] = marginal(deck, value, staffed[post, d], post, d)
    return out


@compiled
def _ceiling(gain: np.ndarray, weekly: int) -> float:
    """No schedule gains more [kinds, D]: the best shifts of every seven days, so many of them."""
    total = 0.0
    top = np.zeros(7)
    for first in range(0, gain.shape[1], 7):
        top[:] = 0.0
        for d in range(first, min(first + 7, gain.shape[1])):
            most = 0.0
            for k in range(gain.shape[0]):
                most = max(most, gain[k, d])
            n = 6
            while n >= 0 and top[n] < most:
                if n < 6:
                    top[n + 1] = top[n]
                n -= 1
            if n < 6:
                top[n + 1] = most
        for n in range(min(7, weekly)):
            total += top[n]
    return total


@compiled
def work(deck: Deck, value: Value, staffed: np.ndarray, offer: np.ndarray, shape: int, site: int, noise: float,
         seed: np.ndarray, walk: Walk, row: np.ndarray, least: float = -1e30) -> float:
    """Give one resting person the best schedule next to those who work; `row` [D] gets the posts.

    Where no schedule gains more than `least`, none is given, and nothing gained.
    """
    p = deck.site_pattern[site]
    row[:] = -1
    if p < 0:
        return 0.0
    gain, pick = walk.gain, walk.pick
    kinds, days, t = deck.kinds[p], len(row), deck.shape_trait[shape]
    for k in range(kinds):
        slot = deck.site_slots[site] + k
        for d in range(days):
            gain[k, d] = 0.0
            pick[k, d] = -1
        for n in range(deck.slot_first[slot], deck.slot_first[slot + 1]):
            post = deck.order[n]
            if not deck.traits[t, post]:
                continue
            for d in range(days):
                m = offer[post, d]
                if noise > 0:
                    m *= 1 + noise * random(seed)
                if m > gain[k, d] and deck.shape_days[shape, d]:
                    gain[k, d] = m
                    pick[k, d] = post
    if least > 0 and _ceiling(gain[:kinds], deck.weekly) <= least:
        return 0.0
    step = deck.steps[deck.step_first[p] : deck.step_first[p + 1]].reshape(kinds + 1, -1)
    best(step, gain[:kinds], deck.start[p, deck.shape_past[shape]], walk.table, row)
    total = 0.0
    for d in range(days):
        if row[d] >= 0:
            post = pick[row[d], d]
            row[d] = post
            staffed[post, d] += 1
            total += offer[post, d]
            offer[post, d] = marginal(deck, value, staffed[post, d], post, d)
    return total


@compiled
def benefit(deck: Deck, value: Value, staffed: np.ndarray, site: int) -> float:
    """What the people on the shifts of a site are worth."""
    total = 0.0
    for post in range(deck.site_posts[site], deck.site_posts[site + 1]):
        for d in range(staffed.shape[1]):
            have = staffed[post, d]
            low = min(have, deck.required[post, d])
            high = min(have, deck.target[post, d]) - low
            total += value.first[post] * low + value.second[post] * high - value.toll[post, d] * have
    return total


@compiled
def holds(deck: Deck, value: Value, staffed: np.ndarray, row: np.ndarray) -> float:
    """What would be lost if one person left the shifts of `row` [D]."""
    lost = 0.0
    for d in range(len(row)):
        post = row[d]
        if post >= 0:
            lost += marginal(deck, value, staffed[post, d] - 1, post, d)
            if staffed[post, d] > deck.target[post, d]:
                lost -= value.toll[post, d]
    return lost


@compiled
def leave(deck: Deck, value: Value, staffed: np.ndarray, offer: np.ndarray, row: np.ndarray) -> float:
    """Take one person off the shifts of `row` [D]; what is lost."""
    lost = holds(deck, value, staffed, row)
    for d in range(len(row)):
        post = row[d]
        if post >= 0:
            staffed[post, d] -= 1
            offer[post, d] = marginal(deck, value, staffed[post, d], post, d)
            row[d] = -1
    return lost


@compiled
def back(deck: Deck, value: Value, staffed: np.ndarray, offer: np.ndarray, row: np.ndarray, old: np.ndarray) -> None:
    """Put one person back on the shifts `old` [D]."""
    for d in range(len(row)):
        if row[d] == old[d]:
            continue
        if row[d] >= 0:
            staffed[row[d], d] -= 1
            offer[row[d], d] = marginal(deck, value, staffed[row[d], d], row[d], d)
        row[d] = old[d]
        if row[d] >= 0:
            staffed[row[d], d] += 1
            offer[row[d], d] = marginal(deck, value, staffed[row[d], d], row[d], d)


@compiled
def reroster(deck: Deck, value: Value, staffed: np.ndarray, plan: np.ndarray, cadres: np.ndarray,
             shapes: np.ndarray, sites: np.ndarray) -> None:
    """Give the cadres in turn their best schedule next to everybody else's; plan [C, D] and staffed follow."""
    walk, offer, seed = scratch(deck, staffed.shape[1]), offers(deck, value, staffed), np.ones(1, np.uint64)
    for n in range(len(cadres)):
        row = plan[cadres[n]]
        leave(deck, value, staffed, offer, row)
        work(deck, value, staffed, offer, shapes[n], sites[n], 0.0, seed, walk, row)

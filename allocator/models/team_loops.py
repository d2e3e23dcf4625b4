"""Inner loops of the search for the best team of a place (`crews.py`), compiled.

Who may be in a team above a bar (`able`), in what order to look (`ordered`), whom the search can do without (`needed`),
what so many people gain at most (`top`, `gained`, `mixture`), and the search itself (`search`).
"""

from __future__ import annotations

import numpy as np

from allocator.models.kernel import compiled

STEPS, RATE = 120, 3.0
"""Steps towards the best mixture of cuts, and how far the first one goes."""
IDLE, SOON = 25, 8
"""Steps without gain after which the mixture is good enough, from nothing and from the mixture of a place like it."""
WARM = 30
"""As how many steps such a mixture counts: the first ones from there are shorter."""
ROWS = 400
"""People of whom teams are made, at most; the others count with their bound."""


@compiled
def able(base: np.ndarray, gain: np.ndarray, others: np.ndarray, size: np.ndarray, heads: int, bar: float,
         weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that may lift a team above the bar, and their gain [n, Q].

    Cut by cut with the best `others` [Q], one less than the team has, and by a mixture of cuts.
    """
    cuts, rows = gain.shape
    mixed, least = np.zeros(rows), np.full(rows, 1e18)
    total = 0.0
    for q in range(cuts):
        with_others = base[q] + others[q]
        total += weight[q] * base[q]
        for r in range(rows):
            mixed[r] += weight[q] * gain[q, r]
            least[r] = min(least[r], with_others + gain[q, r])
    total += top(mixed.reshape((1, rows)), size, heads - 1)[0, -1]
    keep = np.flatnonzero(np.minimum(least, total + mixed) > bar)
    part = np.empty((len(keep), cuts))
    for q in range(cuts):
        for n in range(len(keep)):
            part[n, q] = gain[q, keep[n]]
    return keep, part


@compiled
def ordered(
    base: np.ndarray, part: np.ndarray, mixed: np.ndarray, size: np.ndarray, heads: int, bar: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows of part [R, Q] with which a team may be above the bar, those of the best teams first.

    Also base and gain of these rows with a mixture of the cuts as one cut more, and what such teams give at most.
    """
    rows, cuts = part.shape
    total, gain = np.empty(cuts + 1), np.empty((rows, cuts + 1))
    total[:cuts], total[cuts] = base, 0.0
    for q in range(cuts):
        total[cuts] += mixed[q] * base[q]
    for r in range(rows):
        g = 0.0
        for q in range(cuts):
            gain[r, q] = part[r, q]
            g += mixed[q] * part[r, q]
        gain[r, cuts] = g
    others = total + top(np.ascontiguousarray(gain.T), size, heads - 1)[:, -1]
    potential = np.full(rows, 1e18)
    for r in range(rows):
        for q in range(cuts + 1):
            potential[r] = min(potential[r], others[q] + gain[r, q])
    order = np.argsort(-potential, kind="mergesort")
    order = order[potential[order] > bar]
    return order, total, gain[order], potential[order]


@compiled
def needed(part: np.ndarray, peer: np.ndarray, size: np.ndarray, heads: int) -> np.ndarray:
    """Rows of part [R, Q] that the search needs, one more than `ROWS` at most.

    A row is not needed where so many people as the team has come before it and gain no less under any cut: one of
    them is free to take its place.
    """
    rows, cuts = part.shape
    out, before = np.zeros(min(rows, ROWS + 1), np.int64), np.zeros(rows, np.int64)
    found = 0
    for r in range(rows):
        above, people = 0, 0
        for k in range(found):
            o = out[k]
            ahead = True
            for q in range(cuts):
                if part[o, q] < part[r, q]:
                    ahead = False
                    break
            if not ahead:
                continue
            if peer[o] == peer[r]:
                above = heads
            new = True
            for n in range(people):
                new = new and before[n] != peer[o]
            if new:
                before[people] = peer[o]
                people += 1
                above += size[o]
            if above >= heads:
                break
        if above < heads:
            out[found] = r
            found += 1
            if found > ROWS:
                break
    return out[:found]


@compiled
def top(gain: np.ndarray, size: np.ndarray, most: int) -> np.ndarray:
    """[Q, most + 1] the most that so many people gain under each cut, from gain [Q, R] and how many there are [R]."""
    cuts, rows = gain.shape
    out, best = np.zeros((cuts, most + 1)), np.zeros(most)
    for q in range(cuts):
        best[:] = -1e9
        for r in range(rows):
            g = gain[q, r]
            for _ in range(min(size[r], most)):
                if g <= best[most - 1]:
                    break
                k = most - 1
                while k > 0 and best[k - 1] < g:
                    best[k] = best[k - 1]
                    k -= 1
                best[k] = g
        for h in range(most):
            out[q, h + 1] = out[q, h] + best[h]
    return out


@compiled
def gained(gain: np.ndarray, size: np.ndarray) -> np.ndarray:
    """[Q] what all gain under each cut who gain anything, from gain [Q, R] and how many there are [R]."""
    cuts, rows = gain.shape
    out = np.zeros(cuts)
    for q in range(cuts):
        for r in range(rows):
            out[q] += max(0.0, gain[q, r]) * size[r]
    return out


@compiled
def mixture(
    base: np.ndarray, gain: np.ndarray, size: np.ndarray, heads: int, bar: float, begin: np.ndarray, warm: bool
) -> tuple[np.ndarray, float]:
    """Weights [Q] of cuts under which a team of `heads` gives least at best, and what it gives; `bar` is low enough.

    Steps go from the weights `begin`, which are `warm` where they were good at a place like this one.

    Any mixture of cuts is a cut; the best mixture sees people in fractions, where single cuts each choose
    their own team. Exponentiated gradient steps (Kivinen & Warmuth 1997).
    """
    rows, cuts = gain.shape
    weight = begin.copy()
    idle, past = (SOON, WARM) if warm else (IDLE, 0)
    best, least, since = weight.copy(), 1e18, 0
    says = np.zeros(cuts)
    top, at = np.zeros(heads), np.zeros(heads, np.int64)
    for step in range(STEPS):
        for k in range(heads):
            top[k], at[k] = -1e9, -1
        for r in range(rows):
            g = 0.0
            for q in range(cuts):
                g += weight[q] * gain[r, q]
            for _ in range(min(size[r], heads)):
                if g <= top[heads - 1]:
                    break
                k = heads - 1
                while k > 0 and top[k - 1] < g:
                    top[k], at[k] = top[k - 1], at[k - 1]
                    k -= 1
                top[k], at[k] = g, r
        value = 0.0
        low, high = 1e18, -1e18
        for q in range(cuts):
            value += weight[q] * base[q]
            says[q] = base[q]
            for k in range(heads):
                if at[k] >= 0:
                    says[q] += gain[at[k], q]
            low, high = min(low, says[q]), max(high, says[q])
        for k in range(heads):
            value += top[k]
        if value < least:
            if value < least - 1e-4 * abs(value):
                since = step
            least = value
            best[:] = weight
        if high - low < 1e-9 or least <= bar or step - since >= idle:
            break
        total, rate = 0.0, RATE / np.sqrt(1.0 + past + step) / (high - low)
        for q in range(cuts):
            weight[q] = max(1e-9, weight[q]) * np.exp(-rate * (says[q] - low))
            total += weight[q]
        weight /= total
    return best, least


@compiled
def search(base: np.ndarray, gain: np.ndarray, peer: np.ndarray, size: np.ndarray, heads: int, floor: float,
           near: float, nodes: int, out: np.ndarray, gives: np.ndarray) -> float:
    """Bound on the best team of `heads` people; the best are listed in `out` [n, heads] and `gives` [n].

    `gain` [R, Q], rows by what a team with them may give, best first.
    """
    rows, cuts = gain.shape
    # later[r, k, q]: the most that k people of rows r and later gain under cut q
    later = np.full((rows + 1, heads + 1, cuts), -1e9)
    for q in range(cuts):
        best = np.full(heads, -1e9)
        later[rows, 0, q] = 0.0
        for r in range(rows - 1, -1, -1):
            for _ in range(min(size[r], heads)):
                g = gain[r, q]
                for k in range(heads):
                    if g > best[k]:
                        best[k], g = g, best[k]
            total = 0.0
            later[r, 0, q] = 0.0
            for k in range(heads):
                total = max(-1e9, total + best[k])
                later[r, k + 1, q] = total
    part = np.zeros((heads + 1, cuts))
    part[0] = base
    at = np.zeros(heads, np.int64)
    listed, seen, level, bound, worst = 0, 0, 0, 0.0, -1e18
    # cuts by which parts of teams fell last: most fall by them again
    first, second = 0, 0
    while level >= 0:
        r = at[level]
        left = heads - level
        bar = max(0.0, floor - near)
        if listed == len(gives):
            # worse teams than those are not listed
            bar = max(bar, worst)
        says = -1e18
        if r < rows:
            says = part[level, first] + later[r, left, first]
            if says > bar:
                for q in range(cuts):
                    each = part[level, q] + later[r, left, q]
                    if each < says:
                        says = each
                        if says <= bar:
                            first = q
                            break
        if says <= bar or seen >= nodes:
            if says > bar:
                # what was not looked at counts with its bound
                bound = max(bound, says)
            level -= 1
            if level >= 0:
                at[level] += 1
            continue
        seen += 1
        used = 0
        for k in range(level):
            if peer[at[k]] == peer[r]:
                used += 1
        if used >= size[r]:
            at[level] += 1
            continue
        worth = part[level, second] + gain[r, second] + later[r, left - 1, second]
        if worth > bar:
            for q in range(cuts):
                each = part[level, q] + gain[r, q] + later[r, left - 1, q]
                if each < worth:
                    worth = each
                    if worth <= bar:
                        second = q
                        break
        if worth <= bar:
            at[level] += 1
            continue
        if left > 1:
            for q in range(cuts):
                part[level + 1, q] = part[level, q] + gain[r, q]
            level += 1
            at[level] = r
            continue
        bound = max(bound, worth)
        floor = max(floor, worth)
        place = listed
        if listed < len(gives):
            listed += 1
        else:
            place = int(gives.argmin())
        if gives[place] < worth:
            gives[place] = worth
            for k in range(heads):
                out[place, k] = at[k]
            if listed == len(gives):
                worst = gives.min()
        at[level] += 1
    return bound

"""The best team of whole people at a site whose benefit is bounded by cuts.

A team S gives at most min over cuts q of base[q] + sum over S of gain[q]. Branch and bound by the size
of the team: a part of a team lives on while, cut by cut, the best people left could still lift it above
the floor. What a search that is cut short leaves out counts with its bound, so `Found.value` is never
below the true maximum.

Besides the cuts the search knows their best mixture, under which people come in fractions: without it,
what 60,000 parts of teams left open cost 0.4 % of the bound on Wuxi, with it 0.1 %. The loops are
compiled (`kernel.py`): 215 places, 2,000 rows and 24 cuts each, in 1.3 s. Each place begins with the mixture
found at the last one like it: 1,985 sites, 2,857 rows and up to 60 cuts took 4.9 s instead of 8.0, and their bound
became a little sharper (406.4 instead of 406.36 thousand).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.models.kernel import compiled

NODES = 60_000
"""Parts of teams of one size looked at for a site, at most."""
STEPS, RATE = 120, 3.0
"""Steps towards the best mixture of cuts, and how far the first one goes."""
IDLE, SOON = 25, 8
"""Steps without gain after which the mixture is good enough, from nothing and from the mixture of a place like it."""
WARM = 30
"""As how many steps such a mixture counts: the first ones from there are shorter."""
ROWS = 400
"""People of whom teams are made, at most; the others count with their bound."""


@dataclass(frozen=True)
class People:
    """Who there is: rows are (peer, batch) pairs."""

    peer: np.ndarray
    """[R]"""
    size: np.ndarray
    """[R] how many there are of the peer"""
    most: int
    """size of the largest team looked at"""


@dataclass(frozen=True)
class Found:
    """`value` bounds what the best team gives; `teams` [n, H] are rows, -1 beyond, `worth` [n] what they give."""

    value: float
    teams: np.ndarray
    worth: np.ndarray


def best(
    base: np.ndarray,
    gain: np.ndarray,
    people: People,
    near: float,
    most: int,
    mixes: dict[int, np.ndarray] | None = None,
    nodes: int = NODES,
) -> Found:
    """Search with cuts base [Q] and gain [Q, R]; also lists up to `most` teams within `near` of the best.

    `mixes` are the best mixtures of cuts by size of the team, as found at the last place like this one; those
    found here take their place.
    """
    mixes = {} if mixes is None else mixes
    cuts, rows = gain.shape
    size = min(people.most, int(people.size.sum()) if rows else 0)
    value, teams, worth = 0.0, np.full((0, max(1, size)), -1), np.zeros(0)
    if not size or not cuts:
        return Found(value, teams, worth)
    gain = np.ascontiguousarray(gain)
    tops = top(gain, people.size, size)
    says = (base[:, None] + tops).min(0)
    floor = 0.0
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for h in np.argsort(-says[1:], kind="stable") + 1:
        if says[h] <= max(0.0, floor - near):
            break
        potential = _potential(base + tops[:, h - 1], gain)
        keep = np.flatnonzero(potential > max(0.0, floor - near))
        if not len(keep):
            continue
        part = np.ascontiguousarray(gain[:, keep].T)
        begin = mixes.get(h, np.zeros(0))
        warm = len(begin) == cuts
        if not warm:
            begin = np.full(cuts, 1.0 / cuts)
        mixed, over = _mixes(base, part, people.size[keep], h, max(0.0, floor - near), begin, warm)
        mixes[h] = mixed
        if over <= max(0.0, floor - near):
            value = max(value, min(over, float(says[h])))
            continue
        total, each = np.append(base, mixed @ base), np.column_stack([part, part @ mixed])
        keep, each, rest = _likely(total, each, keep, people.size, h, max(0.0, floor - near))
        out, gives = np.full((most, h), -1), np.full(most, -np.inf)
        limit = _search(total, each, people.peer[keep], people.size[keep], h, floor, near, nodes, out, gives)
        got = np.flatnonzero(gives > -np.inf)
        value = max(value, limit, rest)
        if len(got):
            floor = max(floor, float(gives[got].max()))
            wide = np.full((len(got), size), -1)
            wide[:, :h] = keep[out[got]]
            found.append((wide, gives[got]))
    value = max(value, floor)
    if found:
        teams, worth = np.concatenate([t for t, _ in found]), np.concatenate([w for _, w in found])
        order = np.argsort(-worth, kind="stable")[:most]
        order = order[worth[order] > floor - near]
        teams, worth = teams[order], worth[order]
    return Found(value, teams, worth)


def _likely(
    base: np.ndarray, gain: np.ndarray, keep: np.ndarray, size: np.ndarray, heads: int, bar: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Rows that may be in a team above the bar, best first, at most `ROWS`; bound of the others."""
    others = top(np.ascontiguousarray(gain.T), size[keep], heads - 1)[:, -1] if heads > 1 else 0.0
    potential = (base + others + gain).min(1)
    order = np.argsort(-potential, kind="stable")
    order = order[potential[order] > bar]
    rest = float(potential[order[ROWS]]) if len(order) > ROWS else 0.0
    order = order[:ROWS]
    return keep[order], np.ascontiguousarray(gain[order]), rest


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
def _potential(base: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """[R] the least over cuts of base [Q] and gain [Q, R]."""
    cuts, rows = gain.shape
    least = np.full(rows, 1e18)
    for q in range(cuts):
        for r in range(rows):
            least[r] = min(least[r], base[q] + gain[q, r])
    return least


@compiled
def _mixes(
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
def _search(base: np.ndarray, gain: np.ndarray, peer: np.ndarray, size: np.ndarray, heads: int, floor: float,
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
    listed, seen, level, bound = 0, 0, 0, 0.0
    while level >= 0:
        r = at[level]
        left = heads - level
        says = -1e18
        if r < rows:
            says = 1e18
            for q in range(cuts):
                says = min(says, part[level, q] + later[r, left, q])
        bar = max(0.0, floor - near)
        if says <= bar:
            level -= 1
            if level >= 0:
                at[level] += 1
            continue
        if seen >= nodes:
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
        worth = 1e18
        for q in range(cuts):
            part[level + 1, q] = part[level, q] + gain[r, q]
            worth = min(worth, part[level + 1, q] + (later[r, left - 1, q] if left > 1 else 0.0))
        if worth <= bar:
            at[level] += 1
            continue
        if left > 1:
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
        at[level] += 1
    return bound

"""The best team of whole people at a site whose benefit is bounded by cuts.

A team S gives at most min over cuts q of base[q] + sum over S of gain[q]. Branch and bound by the size
of the team: a part of a team lives on while, cut by cut, the best people left could still lift it above
the floor. What a search that is cut short leaves out counts with its bound, so `Found.value` is never
below the true maximum.

Besides the cuts the search knows their best mixture, under which people come in fractions: without it,
what 60,000 parts of teams left open cost 0.4 % of the bound on Wuxi, with it 0.1 %. The loops are
compiled (`team_loops.py`). Each place begins with the mixture found at the last one like it: 1,985 sites,
2,857 rows and up to 60 cuts took 4.9 s instead of 8.0.

Who is not needed is left out first: of some 450 people of a place who could be in a team above the floor, 24 are
left, as most gain no more under any cut than enough others do. So nearly every search comes to its end. Wuxi at the
prices of a proof of 60 s, 1,985 sites and 13 to 81 cuts: seconds of a look at all, and how much closer it bounds.

    60,000 parts of teams                               2.5      0
    the same, none worse than those listed already      2.6     31
    1,000,000                                           4.4    198
    20,000,000                                          9.8    288
    only who is needed, 500,000                         1.5    327
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.models import team_loops

NODES = 500_000
"""Parts of teams of one size looked at for a site, at most."""


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
    tops: np.ndarray | None = None,
) -> Found:
    """Search with cuts base [Q] and gain [Q, R]; also lists up to `most` teams within `near` of the best.

    `mixes` are the best mixtures of cuts by size of the team, as found at the last place like this one; those
    found here take their place. `tops` [Q, people.most + 1 or more] is what `team_loops.top` says, where it is known.
    Teams with someone for whom another free one gains no less under any cut may be left out of the list.
    """
    mixes = {} if mixes is None else mixes
    cuts, rows = gain.shape
    size = min(people.most, int(people.size.sum()) if rows else 0)
    value, teams, worth = 0.0, np.full((0, max(1, size)), -1), np.zeros(0)
    if not size or not cuts:
        return Found(value, teams, worth)
    gain = np.ascontiguousarray(gain)
    if tops is None:
        tops = team_loops.top(gain, people.size, size)
    says = (base[:, None] + tops[:, : size + 1]).min(0)
    floor = 0.0
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for h in np.argsort(-says[1:], kind="stable") + 1:
        bar = max(0.0, floor - near)
        if says[h] <= bar:
            break
        begin = mixes.get(h, np.zeros(0))
        warm = len(begin) == cuts
        if not warm:
            begin = np.full(cuts, 1.0 / cuts)
        keep, part = team_loops.able(base, gain, tops[:, h - 1], people.size, h, bar, begin)
        order, _, _, potential = team_loops.ordered(base, part, begin, people.size[keep], h, bar)
        some = team_loops.needed(part[order], people.peer[keep[order]], people.size[keep[order]], h)
        if not len(some):
            continue
        # those beyond count with what a team with them gives at most
        rest = float(potential[some[team_loops.ROWS]]) if len(some) > team_loops.ROWS else 0.0
        order = order[some[: team_loops.ROWS]]
        keep, part = keep[order], part[order]
        mixed, over = team_loops.mixture(base, part, people.size[keep], h, bar, begin, warm)
        mixes[h] = mixed
        over = max(over, rest)
        if over <= bar:
            value = max(value, min(over, float(says[h])))
            continue
        order, total, each, _ = team_loops.ordered(base, part, mixed, people.size[keep], h, bar)
        keep = keep[order]
        out, gives = np.full((most, h), -1), np.full(most, -np.inf)
        limit = team_loops.search(total, each, people.peer[keep], people.size[keep], h, floor, near, nodes, out, gives)
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

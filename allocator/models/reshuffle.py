"""Who of a team works which shift: schedules chosen against those of the others at the site."""

from __future__ import annotations

import numpy as np

from allocator.models.board import Board
from allocator.models.kernel import Deck, Value, Walk, compiled, scratch
from allocator.models.working import back, benefit, leave, offers, random, work

NOISE = 0.2
"""How far what a shift is worth is off at every other try."""
FEW = 4
"""Members of a team rostered anew at a time, at most."""

__all__ = ["polish", "ranks", "reshuffle", "shuffled"]


def polish(board: Board, rng: np.random.Generator) -> float:
    """Give every cadre the best schedule against the others of the team."""
    before = board.value()
    board.reroster(rng.permutation(np.flatnonzero(board.site >= 0)))
    return board.value() - before


def reshuffle(board: Board, rng: np.random.Generator, tries: int, least: int = 2) -> float:
    """Rest a few members of every team, of so many at `least`, at once and roster them anew, one after another.

    Schedules of a team lock each other in place where nights and rest bind; taking several out
    unlocks them. Every site keeps the better of its two rosters.
    """
    cadres = np.flatnonzero(board.site >= 0)
    cadres = cadres[np.argsort(board.site[cadres], kind="stable")]
    cadres = cadres[np.bincount(board.site[cadres])[board.site[cadres]] >= least]
    sites = board.site[cadres]
    first = np.append(np.flatnonzero(np.r_[True, np.diff(sites) != 0]), len(sites)) if len(sites) else np.zeros(1, int)
    seed = rng.integers(1, 1 << 63, 1, dtype=np.uint64)
    return float(
        _reshuffle(
            board.field.deck, board.worth.arrays(), board.staffed, board.plan, cadres,
            board.inst.shape[cadres, board.batch[cadres]], sites, first, tries, seed,
        )
    )


@compiled
def shuffled(deck: Deck, value: Value, staffed: np.ndarray, offer: np.ndarray, site: int, shapes: np.ndarray,
             size: int, tries: int, seed: np.ndarray, walk: Walk, row: np.ndarray, old: np.ndarray) -> float:
    """Roster a few members of a team [size, D] anew, so many times; the better roster stays. What the team gives."""
    held = benefit(deck, value, staffed, site)
    if size < 2:
        return held
    member = np.arange(size)
    for turn in range(tries):
        few = min(size, 2 + int(random(seed) * (FEW - 1)))
        for k in range(few):
            other = k + int(random(seed) * (size - k))
            member[k], member[other] = member[other], member[k]
            old[k] = row[member[k]]
            leave(deck, value, staffed, offer, row[member[k]])
        for k in range(few):
            m = member[k]
            work(deck, value, staffed, offer, shapes[m], site, NOISE if turn % 2 else 0.0, seed, walk, row[m])
        now = benefit(deck, value, staffed, site)
        if now < held - 1e-9:
            for k in range(few):
                back(deck, value, staffed, offer, row[member[k]], old[k])
        else:
            held = now
    return held


@compiled
def _reshuffle(deck: Deck, value: Value, staffed: np.ndarray, plan: np.ndarray, cadres: np.ndarray,
              shapes: np.ndarray, sites: np.ndarray, first: np.ndarray, tries: int, seed: np.ndarray) -> float:
    """Shuffle each team; what is gained.

    The cadres are sorted by site; `first` [N + 1] are the positions at which teams begin.
    """
    walk, offer = scratch(deck, staffed.shape[1]), offers(deck, value, staffed)
    old = np.empty((FEW, staffed.shape[1]), plan.dtype)
    total = 0.0
    for team in range(len(first) - 1):
        begin, size = first[team], first[team + 1] - first[team]
        if size < 2:
            continue
        mine = cadres[begin : begin + size]
        row = plan[mine]
        total -= benefit(deck, value, staffed, sites[begin])
        total += shuffled(deck, value, staffed, offer, sites[begin], shapes[begin : begin + size], size, tries, seed,
                          walk, row, old)
        for k in range(size):
            plan[mine[k]] = row[k]
    return total


def ranks(sites: np.ndarray) -> np.ndarray:
    """How often the site of each position came before."""
    order = np.argsort(sites, kind="stable")
    ranked = sites[order]
    start = np.r_[0, np.flatnonzero(np.diff(ranked)) + 1] if len(ranked) else np.zeros(0, np.int64)
    rank = np.empty(len(sites), np.int64)
    rank[order] = np.arange(len(ranked)) - np.repeat(start, np.diff(np.r_[start, len(ranked)]))
    return rank

"""Who of a team works which shift: schedules chosen against those of the others at the site."""

from __future__ import annotations

import numpy as np

from allocator.models.board import Board

__all__ = ["layers", "polish", "ranks", "reshuffle"]


def polish(board: Board, rng: np.random.Generator) -> float:
    """Give every cadre the best schedule against the others of the team, one of each site at a time."""
    before = board.value()
    posted = rng.permutation(np.flatnonzero(board.site >= 0))
    for layer in layers(board.site[posted]):
        board.reroster(posted[layer])
    return board.value() - before


def reshuffle(board: Board, rng: np.random.Generator, rounds: int, most: int = 4) -> float:
    """Rest a few members of every team at once and roster them anew, one after another.

    Schedules of a team lock each other in place where nights and rest bind; taking several out
    unlocks them. Every site keeps the better of its two rosters.
    """
    start = board.value()
    size = np.bincount(board.site[board.site >= 0], minlength=len(board.inst.sites))
    wanted = size > 1
    members = np.flatnonzero((board.site >= 0) & wanted[np.maximum(board.site, 0)])
    if not len(members):
        return 0.0
    for _ in range(rounds):
        order = rng.permutation(members)
        rank = ranks(board.site[order])
        count = rng.integers(2, most + 1, len(board.inst.sites))
        taken = order[rank < count[board.site[order]]]
        noise = rng.random() < 0.5
        _reroster(board, rng, taken, noise)
    return board.value() - start


def _reroster(board: Board, rng: np.random.Generator, taken: np.ndarray, noise: bool) -> None:
    before, plans = _by_site(board), board.plan[taken].copy()
    board.rest(taken)
    for layer in layers(board.site[taken]):
        marginal = board.worth.marginal(board.staffed)
        if noise:
            marginal = marginal * (1 + 0.2 * rng.random(marginal.shape))
        cadres = taken[layer]
        gains = board.field.slot_gains(marginal)
        _, posts = board.schedule(cadres, board.batch[cadres], board.site[cadres], gains, marginal)
        board.work(cadres, posts)
    worse = _by_site(board) < before - 1e-9
    back = worse[board.site[taken]]
    board.rest(taken[back])
    board.work(taken[back], plans[back])


def _by_site(board: Board) -> np.ndarray:
    """[J] benefit of the cover."""
    return np.bincount(
        board.inst.post_site, board.worth.benefit(board.staffed).sum(1), len(board.inst.sites)
    )


def ranks(sites: np.ndarray) -> np.ndarray:
    """How often the site of each position came before."""
    order = np.argsort(sites, kind="stable")
    ranked = sites[order]
    start = np.r_[0, np.flatnonzero(np.diff(ranked)) + 1] if len(ranked) else np.zeros(0, np.int64)
    rank = np.empty(len(sites), np.int64)
    rank[order] = np.arange(len(ranked)) - np.repeat(start, np.diff(np.r_[start, len(ranked)]))
    return rank


def layers(sites: np.ndarray) -> list[np.ndarray]:
    """Positions in layers so that no site comes twice in one layer; earlier positions first."""
    rank = ranks(sites)
    return [np.flatnonzero(rank == k) for k in range(int(rank.max(initial=-1)) + 1)]

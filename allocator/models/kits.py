"""The link between people and goods: what those who work use up, what that costs, what to withdraw.

kit_available   nobody works a shift without its kit on site: shifts whose kit did not come are
                withdrawn, the least worth first.
"""

from __future__ import annotations

import numpy as np

from allocator.instance import Instance
from allocator.models.board import Board


def used(inst: Instance, kit_rate: np.ndarray, staffed: np.ndarray) -> np.ndarray:
    """[J, I, D] units used by `staffed` [P, D] people."""
    out = np.zeros((len(inst.sites), kit_rate.shape[1], inst.days), np.int64)
    busy = np.flatnonzero(kit_rate[inst.post_duty].any(1)) if len(inst.post_duty) else np.zeros(0, int)
    each = staffed[busy][:, None, :] * kit_rate[inst.post_duty[busy]][:, :, None]
    np.add.at(out, inst.post_site[busy], each.astype(np.int64))
    return out


def tolls(inst: Instance, kit_rate: np.ndarray, kit_price: np.ndarray) -> np.ndarray:
    """[P, D] price of the kit of one person on each cell, from prices [J, I, D]."""
    out = np.zeros(inst.required.shape)
    for i in np.flatnonzero(kit_rate.any(0)):
        out += kit_rate[inst.post_duty, i][:, None] * kit_price[inst.post_site, i, :]
    return out


def withdraw(board: Board, kit_rate: np.ndarray, short: np.ndarray, thorough: bool = False) -> int:
    """Take people off shifts until the kits `short` [J, I, D] are no longer missing; how many went.

    With `thorough` everyone whose kit holds a missing item goes.
    """
    inst = board.inst
    gone = 0
    sites, days = np.nonzero(short.any(1))
    for j, d in zip(sites.tolist(), days.tolist(), strict=True):
        missing = short[j, :, d].copy()
        workers = board.team(j)
        workers = workers[board.plan[workers, d] >= 0]
        posts = board.plan[workers, d]
        for n in np.argsort(_loss(board, posts, d), kind="stable"):
            rate = kit_rate[inst.post_duty[posts[n]]]
            if not ((rate > 0) & (missing > 0)).any():
                continue
            board.staffed[posts[n], d] -= 1
            board.plan[workers[n], d] = -1
            gone += 1
            if not thorough:
                missing = missing - rate
    return gone


def _loss(board: Board, posts: np.ndarray, d: int) -> np.ndarray:
    """Benefit lost when one person leaves each of the posts on day `d`."""
    w = board.worth
    there = board.staffed[posts, d]
    step = np.where(there <= w.required[posts, d], w.first[posts, 0], w.second[posts, 0])
    return np.where(there <= w.target[posts, d], step, 0.0)

"""Several cases of demand, or sites about to open, as one instance that the people stages can plan.

A cell that asks for the same in every case keeps its post. One that does not becomes posts of one kind
laid over each other: the h-th person there is worth the mean, over cases, of what he is worth in each,
and every post takes the people worth one amount. The dearest post is filled first, so the sum is right.

A candidate that opens must be ready: on its first day the people it requires make posts of their own, worth
more than any others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from allocator.goods import Goods
from allocator.instance import Instance
from allocator.models.board import Board
from allocator.models.field import Field
from allocator.models.reshuffle import ranks
from allocator.models.worth import Worth

READY = 30.0
"""Factor on what is required or needed on the first day of a site that opens."""


@dataclass(frozen=True)
class Cells:
    """Demand of all cases on one list of posts, sorted by site: keys [P, 3] of site, duty and shift."""

    keys: np.ndarray
    worth: np.ndarray
    """[P]"""
    traits: np.ndarray
    """[T, P]"""
    required: np.ndarray
    """[K, P, D]"""
    target: np.ndarray


def keys(inst: Instance) -> np.ndarray:
    """[P, 3] site, duty and shift of each post."""
    return np.stack([inst.post_site, inst.post_duty, inst.post_shift], axis=1).reshape(-1, 3)


def cells(insts: Sequence[Instance]) -> Cells:
    """Posts of all cases in one order."""
    union, at = np.unique(np.concatenate([keys(inst) for inst in insts]), axis=0, return_inverse=True)
    at = at.reshape(-1)
    worth, traits = np.zeros(len(union)), np.zeros((len(insts[0].traits), len(union)), bool)
    asked = np.zeros((2, len(insts), len(union), insts[0].days), np.int64)
    begin = 0
    for k, inst in enumerate(insts):
        own = at[begin : begin + len(inst.post_site)]
        begin += len(own)
        worth[own], traits[:, own] = inst.worth, inst.traits
        asked[0, k, own], asked[1, k, own] = inst.required, inst.target
    return Cells(union, worth, traits, *asked)


def mean(insts: Sequence[Instance], chance: np.ndarray) -> Instance:
    """What is asked on average, in parts of people.

    Whoever may follow the case covers on average no more than he would of the mean demand: the penalty of a
    cell is convex in what is missing, so a bound for this instance holds for all cases together.
    """
    all_ = cells(insts)
    required, target = (np.tensordot(chance, asked, 1) for asked in (all_.required, all_.target))
    return reposted(insts[0], all_.keys, all_.worth, all_.traits, required, target)


def blended(
    insts: Sequence[Instance], chance: np.ndarray, opens: np.ndarray, ready: float = READY
) -> Instance:
    """One instance for people who do the same in all cases; `opens` [J] is the first day of what opens, else -1."""
    all_, inst = cells(insts), insts[0]
    first = inst.w_required if inst.w_required > 0 else inst.w_target
    rows: list[tuple[int, float, np.ndarray, np.ndarray]] = []
    required, target = all_.required.copy(), all_.target.copy()
    for p, day in enumerate(opens[all_.keys[:, 0]].tolist()):
        if 0 <= day < inst.days and required[:, p, day].any():
            most = np.zeros(inst.days, np.int64)
            most[day] = required[:, p, day].max()
            rows.append((p, ready * all_.worth[p], most, most))
            target[:, p, day] = np.maximum(0, target[:, p, day] - most[day])
            required[:, p, day] = 0
    for p in range(len(all_.keys)):
        same = (required[:, p] == required[:1, p]).all(0) & (target[:, p] == target[:1, p]).all(0)
        rows.append((p, float(all_.worth[p]), required[0, p] * same, target[0, p] * same))
        for level, count in _levels(required[:, p] * ~same, target[:, p] * ~same, chance, inst):
            needed = count if inst.w_required > 0 else 0 * count
            rows.append((p, all_.worth[p] * level / first if first > 0 else 0.0, needed, count))
    rows = [row for row in rows if row[3].any()]
    at = np.array([row[0] for row in rows], np.int64)
    asked = [np.array([row[n] for row in rows], np.int64).reshape(-1, inst.days) for n in (2, 3)]
    return reposted(inst, all_.keys[at], np.array([row[1] for row in rows]), all_.traits[:, at], *asked)


def _levels(
    required: np.ndarray, target: np.ndarray, chance: np.ndarray, inst: Instance
) -> list[tuple[float, np.ndarray]]:
    """(mean penalty saved by one person, [D] how many save that much), dearest first, of demand [K, D]."""
    found: dict[float, np.ndarray] = {}
    for h in range(int(target.max(initial=0))):
        step = inst.w_required * (h < required) + inst.w_target * ((h >= required) & (h < target))
        saved = np.round(chance @ step, 9)
        for level in np.unique(saved[saved > 0]):
            found.setdefault(float(level), np.zeros(inst.days, np.int64))[saved == level] += 1
    return sorted(found.items(), key=lambda pair: -pair[0])


def reposted(
    inst: Instance, posts: np.ndarray, worth: np.ndarray, traits: np.ndarray, required: np.ndarray, target: np.ndarray
) -> Instance:
    """The instance with other posts, sorted by site."""
    order = np.argsort(posts[:, 0], kind="stable")
    posts = posts[order]
    return replace(
        inst,
        post_site=posts[:, 0],
        post_duty=posts[:, 1],
        post_shift=posts[:, 2],
        worth=worth[order],
        traits=traits[:, order],
        required=required[order],
        target=target[order],
        site_posts=np.searchsorted(posts[:, 0], np.arange(len(inst.sites) + 1)),
    )


def plan_for(inst: Instance, plan: np.ndarray, other: Instance) -> np.ndarray:
    """A plan [C, D] of posts of `inst` in posts of `other`, without what `other` does not ask for.

    Where `other` has several posts of one kind, the dearest are filled first.
    """
    kinds, of = np.unique(keys(other), axis=0, return_inverse=True)
    number = {tuple(key): k for k, key in enumerate(kinds.tolist())}
    kind_of = np.array([number.get(tuple(key), -1) for key in keys(inst).tolist()] + [-1], np.int64)
    row, day = np.nonzero(kind_of[plan] >= 0)
    kind = kind_of[plan[row, day]]
    rank, to = ranks(kind * plan.shape[1] + day), np.full(len(row), -1)
    filled, open_ = np.zeros(len(row), np.int64), np.full(len(row), -1)
    for posts in _layers(of.reshape(-1), other.worth):
        post = posts[kind]
        room = np.where(post >= 0, other.target[post, day], 0)
        to = np.where((to < 0) & (rank < filled + room), post, to)
        filled, open_ = filled + room, np.where(room > 0, post, open_)
    found = np.full(plan.shape, -1)
    found[row, day] = np.where(to < 0, open_, to)
    return found


def _layers(kind: np.ndarray, worth: np.ndarray) -> list[np.ndarray]:
    """Posts by kind, -1 where there is none: the dearest of every kind, the second, and so on."""
    order = np.lexsort((-worth, kind))
    rank = ranks(kind[order])
    layers = []
    for k in range(int(rank.max(initial=-1)) + 1):
        layer = np.full(int(kind.max(initial=-1)) + 1, -1)
        mine = order[rank == k]
        layer[kind[mine]] = mine
        layers.append(layer)
    return layers


def readied(goods: Goods, opens: np.ndarray, ready: float = READY) -> Goods:
    """Goods with needs of the first day of what opens as lines of their own, worth more than any others."""
    day = opens[goods.need_site]
    line = np.flatnonzero((day >= 0) & (day < goods.days))
    line = line[goods.need[line, day[line]] > 0]
    need, own = goods.need.copy(), np.zeros((len(line), goods.days), np.int64)
    own[np.arange(len(line)), day[line]] = need[line, day[line]]
    need[line, day[line]] = 0
    return replace(
        goods,
        need=np.concatenate([need, own]),
        need_weight=np.concatenate([goods.need_weight, ready * goods.need_weight[line]]),
        need_site=np.concatenate([goods.need_site, goods.need_site[line]]),
        need_item=np.concatenate([goods.need_item, goods.need_item[line]]),
        need_tier=np.concatenate([goods.need_tier, goods.need_tier[line]]),
    )


def moved(board: Board, inst: Instance, field: Field, priced: Worth) -> Board:
    """A board with its postings and, as far as they are asked for, its shifts in the posts of another instance."""
    other = Board(inst, field, priced)
    other.site, other.batch = board.site.copy(), board.batch.copy()
    other.work(np.arange(len(board.site)), plan_for(board.inst, board.plan, inst))
    return other

"""A plan in hand as the start of a search: what of it can stand under the scenario is put on the board.

Postings are kept where batch, reach and pins allow them, shifts where they are still asked for and
the person may and can work them; the work rules are replayed day by day, and a shift that breaks
one is dropped. Everybody else gets a batch where there is room, and waits to be posted.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from allocator.instance import Instance
from allocator.models.board import Board


def place(board: Board, tables: Mapping[str, pd.DataFrame], idle: bool = False) -> None:
    """Put `postings` and `assignments` of a plan on an empty board, as far as they can stand.

    Who is posted and has no shift gets the best there is, unless `idle` leaves the plan as it is.
    """
    inst = board.inst
    site, batch = _postings(inst, tables["postings"])
    left = inst.batch_size.copy()
    for c in np.lexsort((site < 0, inst.must < 0)):
        b = _label(inst, int(c), int(batch[c]), left)
        if b >= 0:
            board.batch[c] = b
            left[b] -= 1
            j = inst.must[c] if inst.must[c] >= 0 else site[c]
            if j >= 0 and np.isfinite(inst.minutes[c, j]):
                board.site[c] = j
    posted = np.flatnonzero(board.site >= 0)
    plan = _lawful(board, posted, _wished(board, tables["assignments"])[posted])
    board.work(posted, plan)
    for c in () if idle else posted[(plan < 0).all(1)]:
        board.reroster(np.array([c]))


def _positions(labels: np.ndarray, column: pd.Series) -> np.ndarray:
    return pd.Index(labels).get_indexer(pd.Index(column.to_numpy(dtype=object)))


def _postings(inst: Instance, postings: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Site and batch of each cadre, -1 for none or one the instance does not have."""
    site, batch = np.full(len(inst.cadres), -1), np.full(len(inst.cadres), -1)
    c = _positions(inst.cadres, postings["cadre"])
    known = c >= 0
    site[c[known]] = _positions(inst.sites, postings["site"])[known]
    batch[c[known]] = _positions(inst.batches, postings["batch"])[known]
    return site, batch


def _label(inst: Instance, c: int, wanted: int, left: np.ndarray) -> int:
    """The batch wanted where it is open to the cadre and has room, else the one with the longest stay."""
    able = np.flatnonzero((inst.shape[c] >= 0) & (left > 0))
    if not len(able):
        return -1
    if wanted in able:
        return wanted
    return int(able[np.argmax(inst.last[c, able] - inst.first[c, able])])


def _wished(board: Board, assignments: pd.DataFrame) -> np.ndarray:
    """[C, D] posts the plan has the cadres work, of those that are asked for at their site."""
    inst = board.inst
    wished = np.full((len(inst.cadres), inst.days), -1)
    size = (len(inst.sites) + 1, len(inst.duties) + 1, len(inst.shifts) + 1)
    post = pd.Index(np.ravel_multi_index((inst.post_site, inst.post_duty, inst.post_shift), size))
    columns = ("site", "duty", "shift")
    labels = (inst.sites, inst.duties, inst.shifts)
    at = [_positions(label, assignments[name]) for label, name in zip(labels, columns, strict=True)]
    c, day = _positions(inst.cadres, assignments["cadre"]), assignments["day"].to_numpy(dtype=np.int64)
    known = (c >= 0) & (day >= 0) & (day < inst.days) & (np.stack(at) >= 0).all(0)
    c, day = c[known], day[known]
    p = post.get_indexer(pd.Index(np.ravel_multi_index([a[known] for a in at], size)))
    here = (p >= 0) & (board.site[c] == inst.post_site[p])
    c, day, p = c[here], day[here], p[here]
    shape = inst.shape[c, board.batch[c]]
    can = inst.traits[inst.shape_trait[shape], p] & inst.shape_days[shape, day] & (inst.target[p, day] > 0)
    wished[c[can], day[can]] = p[can]
    return wished


def _lawful(board: Board, cadres: np.ndarray, posts: np.ndarray) -> np.ndarray:
    """The posts [N, D] without those that break a work rule, replayed from the first day on."""
    inst, field = board.inst, board.field
    kept = posts.copy()
    pattern = field.site_pattern[board.site[cadres]]
    for index, p in enumerate(field.patterns):
        rows = np.flatnonzero(pattern == index)
        place_of = np.full(len(inst.shifts), -1)
        place_of[list(p.shifts)] = np.arange(len(p.shifts))
        state = p.first[inst.shape_past[inst.shape[cadres[rows], board.batch[cadres[rows]]]]]
        for day in range(inst.days):
            work = kept[rows, day]
            k = np.where(work >= 0, place_of[inst.post_shift[work]], len(p.shifts))
            refused = p.step[state, k] >= p.states
            kept[rows[refused], day] = -1
            state = p.step[state, np.where(refused, len(p.shifts), k)]
    return kept

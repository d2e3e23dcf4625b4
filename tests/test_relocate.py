"""Single moves of a plan in hand: each gain is exact, and none is left at the end."""

from __future__ import annotations

import numpy as np
import pytest
from cities import city

from allocator import pipeline
from allocator.instance import instance
from allocator.limits import Limits, Watch
from allocator.models.board import Board
from allocator.models.moves import Search
from allocator.models.posting import People


def searched(seed: int) -> Search:
    people = People(instance(city(seed, cadres=30, sites=10, days=8, closed=False)), seed)
    people.start(Watch(), 2)
    return people.search


def alone(board: Board, c: int, j: int) -> float:
    """What the value gains when one cadre moves and takes the best schedule there."""
    tried = board.copy()
    one = np.array([c])
    tried.lift(one)
    tried.post(one, board.batch[one], np.array([j]))
    tried.reroster(one)
    return tried.value() - board.value()


@pytest.mark.parametrize("seed", range(8))
def test_single_moves_end_where_no_single_move_gains(seed: int) -> None:
    search = searched(seed)
    board, inst = search.board, search.inst
    for _ in range(60):
        before, sites = board.value(), board.site.copy()
        moved = search.relocate()
        assert int((board.site != sites).sum()) == moved
        if not moved:
            break
        assert board.value() > before
    gains = [
        alone(board, int(c), int(j))
        for c in np.flatnonzero((inst.must < 0) & (board.batch >= 0))
        for j in np.flatnonzero(np.isfinite(inst.minutes[c]))
        if j != board.site[c]
    ]
    assert gains
    assert max(gains) < 0.01
    assert (np.bincount(board.batch[board.site >= 0], minlength=len(inst.batch_size)) <= inst.batch_size).all()


def test_moves_happened_somewhere() -> None:
    assert sum(searched(seed).relocate() for seed in range(8)) > 0


def test_no_rounds_leave_a_plan_as_it_is() -> None:
    scenario = city(3, cadres=30, sites=10, days=8, closed=False)
    plan = pipeline.solve(scenario, Limits(rounds=0, prove=False))
    again = pipeline.solve(scenario, Limits(rounds=0, prove=False), None, plan)
    assert again.table("postings").equals(plan.table("postings"))

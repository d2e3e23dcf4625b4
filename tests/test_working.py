"""One person's shifts in a team, and what is known of them before they are worked out."""

from __future__ import annotations

import numpy as np
import pytest
from cities import city

from allocator.instance import instance
from allocator.limits import Limits, Watch
from allocator.models import working
from allocator.models.annealing import Annealing
from allocator.models.board import Board
from allocator.models.cuts import profiles
from allocator.models.hopes import hopes
from allocator.models.posting import People

SEEDS = range(12)


def started(seed: int) -> Board:
    """A plan of a small city, searched a little."""
    people = People(instance(city(seed, cadres=40, sites=10, days=14, items=3)), seed)
    watch = Watch(Limits(None))
    people.start(watch, 2)
    people.improve(watch, 1.0, 1)
    return people.search.board


def newcomers(board: Board) -> list[tuple[int, int, int]]:
    """(cadre, batch, site) of those who could be posted in a batch and are at home."""
    idle = np.flatnonzero(board.site < 0)
    sites = np.flatnonzero(board.field.site_pattern >= 0)
    batches = range(len(board.inst.batches))
    return [(int(c), b, int(j)) for c in idle for b in batches for j in sites if board.inst.shape[c, b] >= 0]


def gains(board: Board, cadre: int, batch: int, site: int, least: float = -1e30) -> tuple[float, np.ndarray]:
    """What the newcomer gains, and the shifts; the board stays as it is."""
    deck, value, row = board.field.deck, board.worth.arrays(), np.full(board.inst.days, -1)
    staffed = board.staffed.copy()
    offer, walk = working.offers(deck, value, staffed), working.scratch(deck, board.inst.days)
    shape, seed = int(board.inst.shape[cadre, batch]), np.ones(1, np.uint64)
    return working.work(deck, value, staffed, offer, shape, site, 0.0, seed, walk, row, least), row


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_gains_more_than_hoped(seed: int) -> None:
    board = started(seed)
    board.lift(np.flatnonzero(board.site >= 0)[::3])
    known = hopes(board, profiles(board.inst)[0])
    empty = np.bincount(board.site[board.site >= 0], minlength=len(board.inst.sites)) == 0
    tried = exact = 0
    for cadre, batch, site in newcomers(board)[:400]:
        gain, _ = gains(board, cadre, batch, site)
        most = known.value[known.group[site], board.inst.shape[cadre, batch]]
        assert gain <= most + 1e-9
        tried += 1
        if empty[site] and known.exact[known.group[site]]:
            assert gain == pytest.approx(most)
            exact += 1
    assert tried > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_who_asks_for_too_much_gets_nothing(seed: int) -> None:
    board = started(seed)
    board.lift(np.flatnonzero(board.site >= 0)[::3])
    for cadre, batch, site in newcomers(board)[:200]:
        gain, row = gains(board, cadre, batch, site)
        less, same = gains(board, cadre, batch, site, gain - 0.01)
        assert less == gain
        assert (same == row).all()
        none, nothing = gains(board, cadre, batch, site, 1e6)
        assert none == 0
        assert (nothing == -1).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_held_is_what_is_lost(seed: int) -> None:
    board = started(seed)
    deck, value = board.field.deck, board.worth.arrays()
    for cadre in np.flatnonzero(board.site >= 0):
        before, row = board.worth.benefit(board.staffed).sum(), board.plan[cadre].copy()
        staffed = board.staffed.copy()
        held = working.holds(deck, value, staffed, row)
        assert working.leave(deck, value, staffed, working.offers(deck, value, staffed), row) == pytest.approx(held)
        assert before - board.worth.benefit(staffed).sum() == pytest.approx(held)


@pytest.mark.parametrize("seed", SEEDS)
def test_annealing_keeps_count_of_what_it_does(seed: int) -> None:
    """Proposals turned down unseen leave no trace: the board is as its postings and shifts say."""
    board = started(seed)
    annealing = Annealing(board, np.random.default_rng(seed))
    before = board.value()
    assert annealing.round(0.15, 0.01) > 0
    fresh = np.zeros_like(board.staffed)
    cadre, day = np.nonzero(board.plan >= 0)
    np.add.at(fresh, (board.plan[cadre, day], day), 1)
    assert (fresh == board.staffed).all()
    assert (board.inst.post_site[board.plan[cadre, day]] == board.site[cadre]).all()
    assert board.value() >= before - 0.2 * abs(before)

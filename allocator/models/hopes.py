"""What anybody may gain at a site, whoever is there: what tells hopeless proposals from others at once.

Somebody who joins a team gains no more than at the site with nobody there, as long as a shift is worth no less to
the first people on it. Sites of equal demand and worth share a row. Where work patterns have many states, the best
shifts of every seven days, as many as may be worked, stand for the best schedule: it takes a tenth of the time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from allocator.models.board import Board
from allocator.models.cuts import groups

LIGHT = 16
"""States of a work pattern up to which best schedules are worked out."""


class Hopes(NamedTuple):
    """By group of sites and shape."""

    value: np.ndarray
    """[N + 1, U] no shape gains more at a site of the group; the last row, for sites where nobody is asked for, is 0"""
    exact: np.ndarray
    """[N + 1] is it what a site with nobody there gives?"""
    group: np.ndarray
    """[J] -1 where nobody is asked for"""


def hopes(board: Board, kind: np.ndarray) -> Hopes:
    """For the worth of shifts on the board; `kind` [J] are the profiles of the sites (`cuts.profiles`)."""
    inst, field, worth = board.inst, board.field, board.worth
    group, sample = groups(inst, worth, kind)
    low, high = worth.required > 0, worth.target > worth.required
    first, second = np.where(low, worth.first, -np.inf), np.where(high, worth.second, -np.inf)
    gain = np.where(low | high, np.maximum(first, second), 0.0) - worth.toll
    value, light = np.zeros((len(sample) + 1, len(inst.shape_trait))), np.zeros(len(sample) + 1, bool)
    light[:-1] = [field.patterns[field.site_pattern[j]].states <= LIGHT for j in sample]
    some, shapes = np.flatnonzero(light), np.arange(len(inst.shape_trait))
    value[some] = field.values(field.site_gains(gain, sample[some]), shapes, sample[some]).T
    for n in np.flatnonzero(~light[:-1]):
        value[n] = _ceiling(board, gain, sample[n])
    exact = light & (not (second > first)[low].any())
    exact[-1] = True
    return Hopes(value, exact, group)


def _ceiling(board: Board, gain: np.ndarray, site: int) -> np.ndarray:
    """[U] the best shifts of every seven days that a shape may take at a site, `max_shifts_7_days` of them."""
    inst = board.inst
    rows = slice(inst.site_posts[site], inst.site_posts[site + 1])
    able = np.where(inst.traits[:, rows, None], np.maximum(gain[rows], 0.0), 0.0).max(axis=1)
    daily = able[inst.shape_trait] * inst.shape_days
    weeks = np.pad(daily, ((0, 0), (0, -inst.days % 7))).reshape(len(daily), -1, 7)
    return np.asarray(np.sort(weeks, axis=2)[:, :, 7 - inst.max_shifts_7_days :].sum(axis=(1, 2)))

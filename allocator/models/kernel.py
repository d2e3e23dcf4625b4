"""Inner loops of search and proof, compiled (numba): schedules of one person, and of a team in turn.

The rules are those of the automaton in `patterns.py`; here they are walked with plain loops, which
numba turns into machine code. What is compiled is kept on disk beside the code, or in the user's
cache folder, so only the first run on a machine waits for it (about ten seconds).

Measured on two shared cores, Wuxi: best schedules of 4.3 million (person, site) pairs 0.2 s (numpy
over blocks of pairs: 1.1 s); every cadre once against the rest of the team 0.03 s (2.1 s).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])
WIDE = 32
"""Shapes that are worked out side by side."""


def compiled(function: Function) -> Function:
    """Compile at the first call; keep the result on disk where some folder can be written."""
    try:
        kept: Any = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:
        kept = numba.njit(nogil=True)(function)
    return cast(Function, kept)


class Deck(NamedTuple):
    """The instance as the loops see it: arrays only."""

    slot_first: np.ndarray
    """[L + 1] first of the posts of a slot in `order`"""
    order: np.ndarray
    """[P] posts by slot"""
    site_slots: np.ndarray
    """[J + 1] first slot of a site"""
    site_posts: np.ndarray
    """[J + 1] first post of a site"""
    site_pattern: np.ndarray
    """[J] pattern of a site, -1 where nobody is asked for"""
    steps: np.ndarray
    """steps of all patterns, one after another, each [kinds of shift + 1, states]; `states` where refused"""
    step_first: np.ndarray
    """[patterns + 1] where the steps of a pattern begin"""
    kinds: np.ndarray
    """[patterns] shifts of a pattern"""
    start: np.ndarray
    """[patterns, pasts] state of the first morning"""
    traits: np.ndarray
    """[T, P]"""
    shape_trait: np.ndarray
    shape_days: np.ndarray
    """[U, D]"""
    shape_past: np.ndarray
    required: np.ndarray
    """[P, D]"""
    target: np.ndarray
    weekly: int
    """shifts of one person in any seven days, at most"""


class Value(NamedTuple):
    """Benefit of people at the cells, as `worth.Worth`."""

    first: np.ndarray
    """[P]"""
    second: np.ndarray
    toll: np.ndarray
    """[P, D]"""


@compiled
def slot_gains(marginal: np.ndarray, traits: np.ndarray, slot_first: np.ndarray, order: np.ndarray,
               slots: np.ndarray, out: np.ndarray) -> None:
    """out[T, L, D] = the most a trait can gain on some slots and each day, never below 0."""
    days = marginal.shape[1]
    for t in range(traits.shape[0]):
        for s in slots:
            for n in range(slot_first[s], slot_first[s + 1]):
                post = order[n]
                if traits[t, post]:
                    for d in range(days):
                        if marginal[post, d] > out[t, s, d]:
                            out[t, s, d] = marginal[post, d]


@compiled
def values(step: np.ndarray, gains: np.ndarray, first: np.ndarray, trait: np.ndarray, there: np.ndarray,
           start: np.ndarray, out: np.ndarray) -> None:
    """out[n, u] = largest total gain of shape u at the n-th site.

    Parameters
    ----------
    step
        [kinds + 1, states] of the pattern of the sites.
    gains
        [T, L, D] by slot; `first` [N] is the first slot of each site.
    trait
        [U] sorted; `there` [D, U] is 1 on the days a shape can work; `start` [U] is its first state.
    """
    kinds, states = step.shape[0] - 1, step.shape[1]
    days, shapes = there.shape
    value = np.empty((states, WIDE), gains.dtype)
    new = np.empty((states, WIDE), gains.dtype)
    away = np.empty((days, WIDE), gains.dtype)
    for n in range(len(first)):
        at = 0
        while at < shapes:
            t = trait[at]
            end = at + 1
            while end < shapes and end < at + WIDE and trait[end] == t:
                end += 1
            wide = end - at
            for d in range(days):
                for w in range(wide):
                    away[d, w] = 0.0 if there[d, at + w] > 0 else -1e30
            value[:] = 0
            for d in range(days - 1, -1, -1):
                for a in range(states):
                    o = step[kinds, a]
                    for w in range(wide):
                        new[a, w] = value[o, w]
                for k in range(kinds):
                    g = gains[t, first[n] + k, d]
                    if g <= 0:
                        continue
                    for a in range(states):
                        b = step[k, a]
                        if b == states:
                            continue
                        # without a branch in it: twice as fast
                        for w in range(wide):
                            worked = value[b, w] + (g + away[d, w])
                            rested = new[a, w]
                            new[a, w] = worked if worked > rested else rested
                value, new = new, value
            for w in range(wide):
                out[n, at + w] = value[start[at + w], w]
            at = end


@compiled
def best(step: np.ndarray, gain: np.ndarray, start: int, table: np.ndarray, plan: np.ndarray) -> float:
    """Best schedule of one person: its total gain; `plan` [D] gets the kind worked, -1 for a day off.

    `gain` [kinds, D]; at most 0 is never worked. `table` [D + 1, states + 1 or more] is scratch.
    """
    kinds, states = step.shape[0] - 1, step.shape[1]
    days = gain.shape[1]
    for a in range(states):
        table[days, a] = 0.0
    table[days, states] = -1e30
    for d in range(days - 1, -1, -1):
        later, here = table[d + 1], table[d]
        for a in range(states):
            here[a] = later[step[kinds, a]]
        here[states] = -1e30
        for k in range(kinds):
            g = gain[k, d]
            if g > 0:
                for a in range(states):
                    here[a] = max(here[a], later[step[k, a]] + g)
    state = step[kinds, 0] * 0 + start
    for d in range(days):
        most = table[d + 1, step[kinds, state]]
        pick = kinds
        for k in range(kinds):
            if gain[k, d] > 0:
                worked = table[d + 1, step[k, state]] + gain[k, d]
                if worked > most:
                    most = worked
                    pick = k
        plan[d] = pick if pick < kinds else -1
        state = step[pick, state]
    return float(table[0, start])


class Walk(NamedTuple):
    """Scratch for the walk of one person."""

    gain: np.ndarray
    """[kinds, D]"""
    pick: np.ndarray
    """[kinds, D] post that gains it"""
    table: np.ndarray
    """[D + 1, states + 1]"""


@compiled
def scratch(deck: Deck, days: int) -> Walk:
    """Room for a walk at the widest pattern."""
    kinds, states = 1, 1
    for p in range(len(deck.kinds)):
        kinds = max(kinds, deck.kinds[p])
        states = max(states, (deck.step_first[p + 1] - deck.step_first[p]) // (deck.kinds[p] + 1))
    return Walk(np.zeros((kinds, days)), np.zeros((kinds, days), np.int64), np.zeros((days + 1, states + 1)))


@compiled
def schedules(deck: Deck, gains: np.ndarray, shapes: np.ndarray, sites: np.ndarray, total: np.ndarray,
              slots: np.ndarray) -> None:
    """Best schedule of shape n at site n under gains [T, L, D]: total [N], slots [N, D], -1 for a day off."""
    walk = scratch(deck, gains.shape[2])
    gain = walk.gain
    for n in range(len(shapes)):
        p = deck.site_pattern[sites[n]]
        if p < 0:
            continue
        kinds = deck.kinds[p]
        step = deck.steps[deck.step_first[p] : deck.step_first[p + 1]].reshape(kinds + 1, -1)
        first, t = deck.site_slots[sites[n]], deck.shape_trait[shapes[n]]
        for k in range(kinds):
            for d in range(gains.shape[2]):
                gain[k, d] = gains[t, first + k, d] if deck.shape_days[shapes[n], d] else 0.0
        start = deck.start[p, deck.shape_past[shapes[n]]]
        total[n] = best(step, gain[:kinds], start, walk.table, slots[n])
        for d in range(gains.shape[2]):
            if slots[n, d] >= 0:
                slots[n, d] += first


@compiled
def rows(step: np.ndarray, gains: np.ndarray, start: np.ndarray, total: np.ndarray, plan: np.ndarray) -> None:
    """Best schedule of each of N persons with gains [N, D, kinds]: total [N] and the kind worked [N, D]."""
    table = np.zeros((gains.shape[1] + 1, step.shape[1] + 1))
    for n in range(len(gains)):
        total[n] = best(step, np.ascontiguousarray(gains[n].T), start[n], table, plan[n])

"""Matching people to places: a min-cost flow on few arcs, proved optimal over all of them.

Everybody's few best places are everybody else's too, so a matching on each person's best arcs
leaves people over. The arcs left out are therefore priced with the prices of the matching
(shortest paths in its residual graph); those that could improve it are added until none is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.models import engine

NEAREST = 24
"""Best arcs per row to begin with, and most added per row and round."""
SCALE = 1e8


@dataclass(frozen=True)
class Matching:
    """Column of each row (-1: none), and dual prices: price[i] + rent[j] >= net[i, j] on the arcs seen."""

    chosen: np.ndarray
    price: np.ndarray
    rent: np.ndarray
    complete: bool
    """The prices hold on all arcs: the matching is optimal to the tolerance of the rounding."""


def match(
    net: np.ndarray,
    capacity: np.ndarray,
    keep: np.ndarray | None = None,
    forced: np.ndarray | None = None,
    rent: np.ndarray | None = None,
    rounds: int = 6,
) -> Matching:
    """Give each row at most one column so that the total of `net` is largest.

    Parameters
    ----------
    net
        [R, K]; -inf where the pair is not allowed.
    capacity
        [K] rows a column can take.
    keep
        [R] column that is among a row's first arcs whatever it is worth, -1: none.
    forced
        [R] bool: rows that must get a column where there is one.
    rent
        [K] prices of the columns, if known, to choose the first arcs by.
    """
    rows, columns = net.shape
    keep = np.full(rows, -1) if keep is None else keep
    forced = np.zeros(rows, bool) if forced is None else forced
    if not rows or not columns:
        return Matching(np.full(rows, -1), np.zeros(rows), np.zeros(columns), True)
    allowed = np.isfinite(net) & ((net > 0) | forced[:, None])
    guess = np.where(allowed, net - (0 if rent is None else rent), -np.inf)
    arcs = _best(guess, NEAREST)
    held = np.flatnonzero(keep >= 0)
    arcs[held, keep[held]] = np.isfinite(net[held, keep[held]])
    highest = max(1.0, float(np.abs(net[allowed]).max(initial=1.0)))
    slack = highest * 1e-6
    for k in range(rounds):
        tail, head = np.nonzero(arcs)
        gain = net[tail, head].astype(np.float64)
        chosen = _flow(tail, head, gain, capacity, forced, SCALE / highest, rows, columns)
        price, rents = _prices(tail, head, gain, chosen, net, forced, columns)
        if k == rounds - 1:
            break
        better = np.where(allowed & ~arcs, net - rents - price[:, None], -np.inf)
        better[better <= slack] = -np.inf
        if not np.isfinite(better).any():
            return Matching(chosen, price, rents, True)
        arcs |= _best(better, NEAREST)
    return Matching(chosen, price, rents, False)


def _best(value: np.ndarray, wide: int) -> np.ndarray:
    """[R, K] bool: the `wide` largest finite entries of each row."""
    rows, columns = value.shape
    out = np.zeros((rows, columns), bool)
    if wide >= columns:
        return np.isfinite(value)
    top = np.argpartition(-value, wide - 1, axis=1)[:, :wide]
    np.put_along_axis(out, top, True, axis=1)
    return out & np.isfinite(value)


def _flow(
    tail: np.ndarray, head: np.ndarray, gain: np.ndarray, capacity: np.ndarray, forced: np.ndarray,
    unit: float, rows: int, columns: int,
) -> np.ndarray:
    sink = rows + columns
    home = np.where(forced, int(4 * SCALE), 0)
    flow = engine.flow(
        np.concatenate([tail, np.arange(rows), rows + np.arange(columns)]),
        np.concatenate([rows + head, np.full(rows, sink), np.full(columns, sink)]),
        np.concatenate([np.ones(len(tail) + rows, np.int64), capacity]),
        np.concatenate([-np.round(gain * unit).astype(np.int64), home, np.zeros(columns, np.int64)]),
        np.concatenate([np.ones(rows, np.int64), np.zeros(columns, np.int64), [-rows]]),
    )
    chosen = np.full(rows, -1)
    used = flow.units[: len(tail)] > 0
    chosen[tail[used]] = head[used]
    return chosen


def _prices(
    tail: np.ndarray, head: np.ndarray, gain: np.ndarray, chosen: np.ndarray, net: np.ndarray,
    forced: np.ndarray, columns: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Least rents that support the matching on the arcs given (Bellman-Ford over the columns)."""
    rows = np.arange(len(chosen))
    matched = chosen >= 0
    own = np.where(matched, net[rows, np.maximum(chosen, 0)], 0.0).astype(np.float64)
    rent = np.zeros(columns)
    other = head != chosen[tail]
    t, h, g = tail[other], head[other], gain[other]
    price = own
    for _ in range(columns + 1):
        price = own - np.where(matched, rent[np.maximum(chosen, 0)], 0.0)
        wanted = np.zeros(columns)
        np.maximum.at(wanted, h, g - price[t])
        if (wanted <= rent + 1e-9 * (1 + np.abs(rent))).all():
            break
        rent = np.maximum(rent, wanted)
        if len(own) and rent.max() > 1e3 * (1 + np.abs(own).max()):
            break
    return np.where(forced, price, np.maximum(price, 0.0)), rent

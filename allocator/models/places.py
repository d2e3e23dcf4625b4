"""People to places of known size: one transport problem per block, its price and its cuts.

A block is one day of one case (cases that agree on a day share a block). With the part y_i of place
i that is open, 0 <= y_i <= 1:

    Q(y) = least sum c_ki x_ki + w u_k   with   sum_i x_ki + u_k = d_k,   sum_k x_ki <= a_i y_i,
                                               0 <= x_ki <= d_k y_i,  u_k >= 0

The rows x_ki <= d_k y_i (one per client, not one big M per place) make the relaxation tight; for whole
y they say nothing new. For any alpha_k <= w,

    Q(y) >= sum d_k alpha_k - sum_i y_i V_i(alpha),
    V_i(alpha) = most of sum_k (alpha_k - c_ki) x_k  with  0 <= x_k <= d_k, sum_k x_k <= a_i

which is the cut used: V_i is a continuous knapsack, worked out here by sorting, so a cut holds
whatever solver alpha came from (Geoffrion and McBride 1978; Fischetti, Ljubic and Sinnl 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.certificate import Status
from allocator.models import engine

CLOSE = 1e-6
"""A number of people this near to a whole one is whole."""
NEAR = 8
"""Nearest open places of a client that are looked at first; others come in by their reduced cost."""
PATIENCE = 5.0
"""Seconds for GLOP, before HiGHS is asked."""


@dataclass(frozen=True)
class Block:
    """One transport problem: `clients` [k] are townships with people, `days` the day it stands for."""

    day: int
    chance: float
    members: tuple[tuple[int, int], ...]
    """(case, day) pairs it stands for."""
    clients: np.ndarray
    people: np.ndarray
    """[k] persons."""
    move: np.ndarray
    """[k, I] penalty per person at each place."""

    def least(self, without: float) -> float:
        """No plan serves the block for less."""
        return float(self.people @ np.minimum(self.move.min(1, initial=np.inf), without))

    def most(self, without: float) -> float:
        """No sensible plan costs more: everybody without a place, or at the furthest."""
        worst = self.move.max(1) if np.isinf(without) else np.full(len(self.people), without)
        return float(self.people @ worst)


@dataclass(frozen=True)
class Served:
    """Answer to a block: people [k, I] moved, people [k] without a place, cost, and prices alpha [k]."""

    moved: np.ndarray
    left: np.ndarray
    cost: float
    alpha: np.ndarray


def blocks(people: np.ndarray, chance: np.ndarray, move: np.ndarray) -> list[Block]:
    """Blocks of people [S, K, D]: one per day and distinct vector of people; empty ones left out."""
    found = []
    for day in range(people.shape[2]):
        seen: dict[bytes, list[int]] = {}
        for case in np.flatnonzero(chance > 0).tolist():
            seen.setdefault(np.ascontiguousarray(people[case, :, day]).tobytes(), []).append(case)
        for cases in seen.values():
            asked = people[cases[0], :, day]
            clients = np.flatnonzero(asked > 0)
            if len(clients):
                members = tuple((case, day) for case in cases)
                weight = float(chance[cases].sum())
                found.append(Block(day, weight, members, clients, asked[clients].astype(float), move[clients]))
    return found


def serve(block: Block, capacity: np.ndarray, part: np.ndarray, without: float) -> Served:
    """Serve a block from the open parts [I] of places of `capacity` [I].

    An infinite price `without` a place stands for one above any detour: nobody is left where all
    fit. Whole people stay whole where places are wholly open.
    """
    ceiling = without if np.isfinite(without) else float((part.size + 2) * (1.0 + np.abs(block.move).max()))
    used = np.flatnonzero(part > 1e-9)
    move, room = block.move[:, used], (capacity * part)[used]
    near = np.argsort(np.argsort(move, axis=1, kind="stable"), axis=1, kind="stable") < NEAR
    while True:
        x, alpha, rent = _transport(block.people, move, room, part[used], near & (move < ceiling), ceiling)
        fresh = (move + rent < alpha[:, None] - 1e-9 * (1.0 + np.abs(alpha[:, None]))) & ~near
        if not fresh.any():
            break
        near |= fresh
    if all(np.allclose(v, np.round(v), rtol=0.0, atol=1e-9) for v in (block.people, part, capacity)):
        x = np.round(x) if np.abs(x - np.round(x)).max(initial=0.0) < CLOSE else x
    moved = np.zeros((len(block.people), len(part)))
    moved[:, used] = x
    left = np.maximum(block.people - moved.sum(1), 0.0)
    left[left < 1e-9 * block.people] = 0.0
    # nobody left times an infinite price is nothing
    rest = float(left.sum()) * without if left.any() else 0.0
    way = np.where(moved > 0, block.move, 0.0)  # no way there is no cost where nobody goes
    return Served(moved, left, float((moved * way).sum()) + rest, np.minimum(alpha, ceiling))


def _transport(
    people: np.ndarray, move: np.ndarray, room: np.ndarray, part: np.ndarray, arcs: np.ndarray, ceiling: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People moved [k, i] on the given arcs, prices of clients [k] and rents of places [i]."""
    k, i = np.nonzero(arcs)
    count, clients, places = len(k), len(people), len(room)
    most = people[k] * part[i]
    model = engine.Model(
        cost=np.concatenate([move[k, i], np.full(clients, ceiling)]),
        rows=np.concatenate([k, np.arange(clients), clients + i]),
        columns=np.concatenate([np.arange(count), count + np.arange(clients), np.arange(count)]),
        values=np.ones(2 * count + clients),
        row_lower=np.concatenate([people, np.full(places, -np.inf)]),
        row_upper=np.concatenate([people, room]),
        upper=np.concatenate([most, people]),
    )
    for solver in ("glop", "highs"):
        answer = engine.solve(model, solver, seconds=PATIENCE)
        if answer.status is Status.OPTIMAL and answer.x is not None and answer.duals is not None:
            moved = np.zeros((clients, places))
            moved[k, i] = np.clip(answer.x[:count], 0.0, most)
            return moved, answer.duals[:clients], -answer.duals[clients:]
    raise RuntimeError(f"a transport problem of {model.shape} has no answer: {answer.reason}")


def worth(alpha: np.ndarray, people: np.ndarray, move: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    """V [I]: the most a place of `capacity` saves when client k would pay `alpha` [k] per person."""
    saved = np.maximum(alpha[:, None] - move, 0.0)
    order = np.argsort(-saved, axis=0, kind="stable")
    most = people[order]
    before = np.cumsum(most, axis=0) - most
    taken = np.clip(capacity[None, :] - before, 0.0, most)
    return (np.take_along_axis(saved, order, axis=0) * taken).sum(0)

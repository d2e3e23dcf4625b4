"""What a part of a province proves for the whole, at prices that hold everywhere.

For prices u >= 0 of cadres, s >= 0 of places in the batches, which are common, and cuts at every site, the
value of a plan of the whole is at most

    sum of u + sum over batches of s x size + sum over parts of M(part),

M = what the sites of a part make of people beyond these prices, idle savings included (`peers.py`). The teams
of a part may hold whoever can reach it, from wherever; so its instance has these people too.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from allocator.instance import Instance
from allocator.models.blocks import Blocks
from allocator.models.counting import Counting
from allocator.models.cuts import Cuts
from allocator.models.field import Field
from allocator.models.peers import Peers
from allocator.models.worth import Worth


def most(
    inst: Instance, worth: Worth, people: np.ndarray, batches: np.ndarray, prices: Sequence[Sequence[np.ndarray]],
    seconds: float = 0.0,
) -> float:  # fmt: skip
    """M of the sites of an instance.

    Parameters
    ----------
    people, batches
        [C] and [B], prices of cadres and of a place in the batches.
    prices
        of every profile of demand, [q][p, D] prices of its shifts per unit of worth, as `Proved.cuts`: any will do.
    seconds
        in which whole people are counted (`headcount.py`), those places first that need most.
    """
    cuts = Cuts(Field(inst), worth, np.arange(len(inst.shape_trait)))
    for kind, found in enumerate(prices):
        cuts.add(kind, list(found))
    peers = Peers(Blocks(cuts, alone=True), cuts)
    u = np.full(len(peers.room), np.inf)
    np.minimum.at(u, peers.of, people)
    peers.choose(u, batches)
    if seconds > 0:
        nobody, ends = np.full(len(inst.cadres), -1), time.monotonic() + seconds
        Counting(peers).all(u[peers.peer] + batches[peers.batch], (nobody, nobody), lambda: time.monotonic() > ends)
    return peers.most(u, batches)[0]

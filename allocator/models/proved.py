"""What is proved of the people stages, and what proves it: enough to begin the proof of an instance like it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.models.cuts import Cuts


@dataclass(frozen=True)
class Proved:
    """A bound, and what proves it: prices, and the cuts that matter at them."""

    bound: float
    people: np.ndarray
    """[C] of cadres"""
    batches: np.ndarray
    """[B] of a place in each batch"""
    cuts: tuple[tuple[np.ndarray, ...], ...]
    """[profiles][q] prices [p, D] of shifts per unit of worth"""
    named: tuple[bytes, ...] = ()
    """[profiles] what tells each from the others, in this instance and in others (`demands`)"""
    posted: tuple[np.ndarray, ...] = ()
    """[profiles] price [p, D] that its blocks charge on average"""
    teams: tuple[tuple[int, np.ndarray, np.ndarray], ...] = ()
    """whole teams that look good at the prices: a site, a cadre like each member, and the member's batch"""


def recalled(cuts: Cuts, known: Proved) -> list[int | None]:
    """Give cuts the basic ones and those known of an instance like theirs.

    [profiles] which profile it is there; None where it is not known.
    """
    at = {name: k for k, name in enumerate(known.named)}
    found = [at.get(name) for name in demands(cuts)]
    cuts.basic()
    for kind, k in enumerate(found):
        if k is not None:
            cuts.add(kind, list(known.cuts[k]))
    return found


def demands(cuts: Cuts) -> tuple[bytes, ...]:
    """[profiles] what is asked of a site, as in any instance of the same duties, shifts and days."""
    inst, out = cuts.inst, []
    for j in cuts.sample:
        rows = slice(inst.site_posts[j], inst.site_posts[j + 1])
        scale = max(float(inst.worth[rows].max()), 1e-9)
        asked = (inst.post_shift, inst.post_duty, inst.required, inst.target, np.round(inst.worth / scale, 9))
        out.append(b"|".join(np.ascontiguousarray(a[rows]).tobytes() for a in asked))
    return tuple(out)

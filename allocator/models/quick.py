"""A first bound on the people stages, in a second: what is known before anything is searched (`proof.py` goes on)."""

from __future__ import annotations

import numpy as np

from allocator.instance import Instance
from allocator.models.cuts import Cuts
from allocator.models.field import Field
from allocator.models.proved import Proved
from allocator.models.worth import Worth

RENTS = 16
"""Rents tried for a first bound."""


def prove(field: Field, worth: Worth) -> Proved:
    """A bound in one pass: everyone alone at the best site, where every site pays for a schedule what the others do.

    A site pays what its shifts are worth, or less: so much that nobody has more than a rent, the same everywhere.
    Shifts that are worth more than they pay keep the rest.
    """
    inst = field.inst
    first = np.where(worth.required > 0, worth.first, worth.second) - worth.toll
    price = np.where(worth.target > 0, np.maximum(0.0, first), 0.0)
    value = field.values(field.slot_gains(price), np.arange(len(inst.shape_trait)))
    scale = _rent(inst, worth, price, value)
    price, value = price * scale[inst.post_site][:, None], value * scale
    best = alone(inst, value).max(1, initial=0.0)
    most = float(worth.surplus(price).sum() + best.sum())
    cuts = Cuts(field, worth, np.zeros(0, np.int64))
    spans = [slice(inst.site_posts[j], inst.site_posts[j + 1]) for j in cuts.site]
    sold = tuple(tuple(cuts.normal(int(g), price[spans[g]]) for g in groups) for groups in cuts.groups)
    return Proved(inst.unstaffed + inst.moved - most, best, np.zeros(len(inst.batches)), sold)


def alone(inst: Instance, value: np.ndarray) -> np.ndarray:
    """[C, J] what each cadre gains alone at each site in the best batch, from schedules worth `value` [U, J].

    Less travel and change; -inf out of reach.
    """
    net = np.full(inst.minutes.shape, -np.inf)
    for b in range(len(inst.batches)):
        c = np.flatnonzero(inst.shape[:, b] >= 0)
        near = np.isfinite(inst.minutes[c])
        length = (inst.last[c, b] - inst.first[c, b] + 1)[:, None]
        cost = inst.w_travel * np.where(near, inst.minutes[c], 0) * length
        cost -= inst.w_change * (inst.previous[c][:, None] == np.arange(len(inst.sites)))
        net[c] = np.maximum(net[c], np.where(near, value[inst.shape[c, b]] - cost, -np.inf))
    return net


def _rent(inst: Instance, worth: Worth, price: np.ndarray, value: np.ndarray) -> np.ndarray:
    """[J] scale of the prices [P, D] of each site at the best rent; `value` [U, J] are schedules at full prices."""
    shape = inst.shape.max(1, initial=-1)
    heads = np.bincount(shape[shape >= 0], minlength=len(value))
    dear = value.max(0, initial=0.0)
    least, found = np.inf, np.ones(len(dear))
    for rent in np.append(np.quantile(dear, np.linspace(0.05, 1, RENTS)), np.inf) if dear.any() else ():
        scale = np.minimum(1.0, rent / np.maximum(dear, 1e-12))
        most = worth.surplus(price * scale[inst.post_site][:, None]).sum() + heads @ (value * scale).max(1, initial=0.0)
        if most < least:
            least, found = most, scale
    return found

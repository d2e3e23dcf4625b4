"""Blocks of sites that ask for the same and are worth the same: those of a district, or each by itself."""

from __future__ import annotations

import numpy as np

from allocator.instance import Instance
from allocator.models.cuts import Cuts

BUSY = 4
"""Sites that ask for at least this many people a day are staffed in fractions of people."""
NEVER = 1e12
"""What a posting out of reach costs."""


class Blocks:
    """Blocks G of the sites that ask for people, and where their cuts are.

    Those of a district look alike but for the way there, which counts as if all were as near as the nearest.
    Each by itself (`alone`), there are many times as many.
    """

    def __init__(self, cuts: Cuts, alone: bool = False):
        inst: Instance = cuts.inst
        self.inst, self.cuts, self.alone = inst, cuts, alone
        sites = np.flatnonzero(cuts.group >= 0)
        apart = sites if alone else inst.site_district[sites]
        pair = np.column_stack([cuts.group[sites], apart]).reshape(-1, 2)
        self.blocks, block = np.unique(pair, axis=0, return_inverse=True)
        """[G, 2] group, and district or site"""
        self.block = np.full(len(inst.sites), -1)
        """[J]"""
        self.block[sites] = block.reshape(-1)
        self.count = np.bincount(self.block[sites], minlength=len(self.blocks))
        """[G] sites"""
        self.group = self.blocks[:, 0]
        self.kind = cuts.kind_of_group[self.group] if len(self.group) else np.zeros(0, int)
        daily = np.zeros((len(inst.sites), inst.days), np.int64)
        np.add.at(daily, inst.post_site, inst.required)
        peak = daily.max(1, initial=0)
        self.big = np.array([peak[cuts.site[g]] >= BUSY for g in self.group], bool)
        """[G] does it take many people?"""
        self.of_kind = [np.flatnonzero(self.kind == k) for k in range(len(cuts.sample))]
        self.column = np.zeros(len(self.group), np.int64)
        """[G] column of the group in the cuts of its profile"""
        for k, groups in enumerate(cuts.groups):
            self.column[self.of_kind[k]] = np.searchsorted(groups, self.group[self.of_kind[k]])

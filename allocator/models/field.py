"""What a person would gain at every site, given what each shift there is worth.

A *slot* is a (site, shift) with at least one post; slots are sorted by site, then shift. The
values of all shapes at all sites come from one dynamic programme per set of shifts, run over
whole blocks of (site, shape) pairs at once: about 4 million pairs a second for day-shift sites.

duty_asked and skill_held hold because a slot offers only posts that ask for somebody and that
the trait may take; night_allowed is part of the trait; available is the shape's days.
"""

from __future__ import annotations

import numpy as np

from allocator.instance import Instance
from allocator.models.patterns import Pattern, Rules, best_schedules, best_values, pattern

BLOCK = 1 << 16
"""Pairs per block: small enough for the caches, large enough for numpy."""


class Field:
    """Slots, shift sets and work patterns of an instance."""

    def __init__(self, inst: Instance):
        self.inst = inst
        key = inst.post_site * len(inst.shifts) + inst.post_shift
        self.order = np.argsort(key, kind="stable")
        slots, begin = np.unique(key[self.order], return_index=True)
        self.begin = begin
        self.slot_site = slots // max(1, len(inst.shifts))
        self.slot_shift = slots % max(1, len(inst.shifts))
        self.slot_of_post = np.searchsorted(slots, key)
        self.site_slots = np.searchsorted(self.slot_site, np.arange(len(inst.sites) + 1))
        rules = Rules(inst.rest_minutes, inst.max_run, inst.max_shifts_7_days, inst.max_nights_7_days)
        kinds: dict[tuple[int, ...], list[int]] = {}
        for j in range(len(inst.sites)):
            shifts = tuple(self.slot_shift[self.site_slots[j] : self.site_slots[j + 1]].tolist())
            if shifts:
                kinds.setdefault(shifts, []).append(j)
        self.patterns: list[Pattern] = []
        self.pattern_sites: list[np.ndarray] = []
        self.site_pattern = np.full(len(inst.sites), -1)
        for shifts, sites in kinds.items():
            self.site_pattern[sites] = len(self.patterns)
            self.patterns.append(
                pattern(shifts, inst.shift_start, inst.shift_end, inst.shift_night, rules, inst.pasts)
            )
            self.pattern_sites.append(np.array(sites))

    def slot_gains(self, marginal: np.ndarray) -> np.ndarray:
        """[T, L, D] the best a trait can gain on a slot and day, from `marginal` [P, D]; never below 0."""
        inst = self.inst
        traits = len(inst.traits)
        gains = np.zeros((traits, len(self.begin), inst.days), marginal.dtype)
        if not len(self.begin):
            return gains
        sorted_marginal = np.maximum(marginal, 0)[self.order]
        for t in range(traits):
            offered = sorted_marginal * inst.traits[t][self.order][:, None]
            gains[t] = np.maximum.reduceat(offered, self.begin, axis=0)
        return gains

    def site_gains(self, marginal: np.ndarray, sites: np.ndarray) -> np.ndarray:
        """`slot_gains` where only the slots of `sites` matter; the others are 0."""
        inst = self.inst
        gains = np.zeros((len(inst.traits), len(self.begin), inst.days), marginal.dtype)
        for j in sites:
            for slot in range(self.site_slots[j], self.site_slots[j + 1]):
                end = self.begin[slot + 1] if slot + 1 < len(self.begin) else len(self.order)
                posts = self.order[self.begin[slot] : end]
                offered = np.maximum(marginal[posts], 0)[None] * inst.traits[:, posts][:, :, None]
                gains[:, slot] = offered.max(1)
        return gains

    def values(self, gains: np.ndarray, shapes: np.ndarray, sites: np.ndarray | None = None) -> np.ndarray:
        """[len(shapes), len(sites)] largest total gain of each shape at each site.

        Parameters
        ----------
        gains
            [T, L, D] from `slot_gains`.
        shapes
            indices into the instance's shapes.
        sites
            indices; all sites if None.
        """
        inst = self.inst
        wanted = np.arange(len(inst.sites)) if sites is None else np.asarray(sites)
        column = np.full(len(inst.sites), -1)
        column[wanted] = np.arange(len(wanted))
        out = np.zeros((len(shapes), len(wanted)), gains.dtype)
        trait = inst.shape_trait[shapes]
        there = inst.shape_days[shapes]
        past = inst.shape_past[shapes] if len(inst.pasts) > 1 else None
        for p, members in zip(self.patterns, self.pattern_sites, strict=True):
            mine = members[column[members] >= 0]
            step = max(1, BLOCK * 7 // (max(1, len(shapes)) * p.states))
            for at in range(0, len(mine), step):
                some = mine[at : at + step]
                out[:, column[some]] = best_values(p, self._layers(gains, p, some, trait, there), past).T
        return out

    def _layers(
        self, gains: np.ndarray, p: Pattern, sites: np.ndarray, trait: np.ndarray, there: np.ndarray
    ) -> list[list[np.ndarray | None]]:
        days: list[list[np.ndarray | None]] = []
        first = self.site_slots[sites]
        for d in range(self.inst.days):
            here = there[:, d].astype(gains.dtype)
            layer: list[np.ndarray | None] = []
            for k in range(len(p.shifts)):
                offered = gains[:, first + k, d]
                layer.append(offered[trait].T * here if offered.any() else None)
            days.append(layer)
        if all(g is None for layer in days for g in layer):
            days[0][0] = np.zeros((len(sites), len(trait)), gains.dtype)
        return days

    def schedules(self, gains: np.ndarray, shapes: np.ndarray, sites: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Best schedule of shape[n] at site[n]: values [N] and slots [N, D], -1 for a day off."""
        inst = self.inst
        values = np.zeros(len(shapes))
        slots = np.full((len(shapes), inst.days), -1)
        for index, p in enumerate(self.patterns):
            rows = np.flatnonzero(self.site_pattern[sites] == index)
            if not len(rows):
                continue
            first = self.site_slots[sites[rows]]
            trait, there = inst.shape_trait[shapes[rows]], inst.shape_days[shapes[rows]]
            offered = np.stack(
                [gains[trait, first + k] * there for k in range(len(p.shifts))], axis=2
            )
            got, plan = best_schedules(p, offered.astype(np.float64), inst.shape_past[shapes[rows]])
            values[rows] = got
            slots[rows] = np.where(plan >= 0, first[:, None] + plan, -1)
        return values, slots

    def posts(self, marginal: np.ndarray, shapes: np.ndarray, slots: np.ndarray) -> np.ndarray:
        """[N, D] the post worth most on each slot worked, -1 for a day off."""
        inst = self.inst
        out = np.full(slots.shape, -1)
        row, day = np.nonzero(slots >= 0)
        slot = slots[row, day]
        trait = inst.shape_trait[shapes[row]]
        end = np.append(self.begin[1:], len(self.order))
        best = np.full(len(row), -np.inf)
        pick = np.full(len(row), -1)
        for k in range(int((end - self.begin).max(initial=0))):
            at = self.begin[slot] + k
            inside = at < end[slot]
            post = self.order[np.where(inside, at, 0)]
            offer = np.where(inside & inst.traits[trait, post], marginal[post, day], -np.inf)
            better = offer > best
            best, pick = np.where(better, offer, best), np.where(better, post, pick)
        out[row, day] = pick
        return out

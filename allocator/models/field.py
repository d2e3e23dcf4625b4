"""What a person would gain at every site, given what each shift there is worth.

A *slot* is a (site, shift) with at least one post; slots are sorted by site, then shift. The
values of all shapes at all sites come from one dynamic programme per set of shifts (`kernel.py`).

duty_asked and skill_held hold because a slot offers only posts that ask for somebody and that
the trait may take; night_allowed is part of the trait; available is the shape's days.
"""

from __future__ import annotations

import numpy as np

from allocator.instance import Instance
from allocator.models import kernel
from allocator.models.patterns import Pattern, Rules, pattern


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
        self.deck = self._deck()

    def _deck(self) -> kernel.Deck:
        inst = self.inst
        self.steps = [np.ascontiguousarray(p.step.T.astype(np.uint32)) for p in self.patterns]
        steps = [step.reshape(-1) for step in self.steps]
        return kernel.Deck(
            slot_first=np.append(self.begin, len(self.order)).astype(np.int64),
            order=self.order.astype(np.int64),
            site_slots=self.site_slots.astype(np.int64),
            site_posts=inst.site_posts.astype(np.int64),
            site_pattern=self.site_pattern.astype(np.int64),
            steps=np.concatenate([*steps, np.zeros(0, np.uint32)]),
            step_first=np.cumsum([0, *(len(s) for s in steps)]).astype(np.int64),
            kinds=np.array([len(p.shifts) for p in self.patterns], np.int64),
            start=np.array([p.first for p in self.patterns], np.int64).reshape(len(self.patterns), len(inst.pasts)),
            traits=np.ascontiguousarray(inst.traits),
            shape_trait=inst.shape_trait.astype(np.int64),
            shape_days=np.ascontiguousarray(inst.shape_days),
            shape_past=inst.shape_past.astype(np.int64),
            required=np.ascontiguousarray(inst.required, np.int64),
            target=np.ascontiguousarray(inst.target, np.int64),
            weekly=int(inst.max_shifts_7_days),
        )

    def slot_gains(self, marginal: np.ndarray) -> np.ndarray:
        """[T, L, D] the best a trait can gain on a slot and day, from `marginal` [P, D]; never below 0."""
        return self._gains(marginal, np.arange(len(self.begin)))

    def site_gains(self, marginal: np.ndarray, sites: np.ndarray) -> np.ndarray:
        """`slot_gains` where only the slots of `sites` matter; the others are 0."""
        spans = [np.arange(self.site_slots[j], self.site_slots[j + 1]) for j in sites]
        return self._gains(marginal, np.concatenate([*spans, np.zeros(0, np.int64)]))

    def _gains(self, marginal: np.ndarray, slots: np.ndarray) -> np.ndarray:
        gains = np.zeros((len(self.inst.traits), len(self.begin), self.inst.days), marginal.dtype)
        kernel.slot_gains(marginal, self.deck.traits, self.deck.slot_first, self.deck.order, slots, gains)
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
        out = np.zeros((len(wanted), len(shapes)), gains.dtype)
        order = np.argsort(inst.shape_trait[shapes], kind="stable")
        some = shapes[order]
        trait, there = inst.shape_trait[some], np.ascontiguousarray(inst.shape_days[some].T.astype(gains.dtype))
        kinds = self.site_pattern[wanted]
        for index, p in enumerate(self.patterns):
            mine = np.flatnonzero(kinds == index)
            if len(mine) and len(some):
                found = np.empty((len(mine), len(some)), gains.dtype)
                start = p.first[inst.shape_past[some]]
                kernel.values(self.steps[index], gains, self.site_slots[wanted[mine]], trait, there, start, found)
                out[mine[:, None], order] = found
        return out.T

    def schedules(self, gains: np.ndarray, shapes: np.ndarray, sites: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Best schedule of shape[n] at site[n]: values [N] and slots [N, D], -1 for a day off."""
        values = np.zeros(len(shapes))
        slots = np.full((len(shapes), self.inst.days), -1)
        kernel.schedules(self.deck, gains, np.asarray(shapes), np.asarray(sites), values, slots)
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

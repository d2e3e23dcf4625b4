"""Cuts: what any team can give at a site, as a price for everyone in it.

For any prices p of the cells of a site and any team S (weak duality)

    U(S) <= surplus(p) + sum over S of the person's best schedule under p.

Prices come from the frontier of the site's demand profile at teams that matter; the best schedule
of a shape is an exact dynamic programme. Sites with equal demand, worth and tolls form a group and
share their cuts; groups of one profile share the frontier, scaled.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from allocator.instance import Instance
from allocator.models.board import Board
from allocator.models.field import Field
from allocator.models.frontier import Frontier, Profile
from allocator.models.patterns import Rules
from allocator.models.worth import Worth


class Cuts:
    """Cuts of the groups, evaluated for some shapes.

    For every profile k: `prices[k]` [q, p, D] per unit of worth, `base[k]` [q, n] surplus and
    `value[k]` [q, U, n] best schedules of the shapes, for the groups `groups[k]` [n] of the profile.
    """

    def __init__(self, field: Field, worth: Worth, shapes: np.ndarray):
        self.inst: Instance = field.inst
        self.field, self.worth, self.shapes = field, worth, shapes
        self.kind, self.sample = profiles(self.inst)
        self.group, self.site = groups(self.inst, worth, self.kind)
        self.kind_of_group = self.kind[self.site] if len(self.site) else np.zeros(0, int)
        self.groups = [np.flatnonzero(self.kind_of_group == k) for k in range(len(self.sample))]
        self.classes = [team_classes(self.inst, j)[0] for j in self.sample]
        self.prices: list[list[np.ndarray]] = [[] for _ in self.sample]
        self.base = [np.zeros((0, len(g))) for g in self.groups]
        self.value = [np.zeros((0, len(shapes), len(g))) for g in self.groups]
        self._lp: dict[int, Frontier] = {}
        self._seen: set[tuple[int, tuple[float, ...]]] = set()

    def basic(self) -> None:
        """Three cuts of every group: nobody there yet, required met everywhere, all met."""
        for k, j in enumerate(self.sample):
            profile = self._profile(j)
            asked = profile.target > 0
            first = np.where(profile.required > 0, profile.first[:, None], profile.second[:, None])
            second = np.where(asked, profile.second[:, None], 0.0)
            self.add(k, [np.where(asked, first, 0.0), second, np.zeros(asked.shape)])

    def at(self, wanted: list[tuple[int, np.ndarray]]) -> set[int]:
        """Add cuts at teams (profile, head counts by class); the profiles that got a new one."""
        fresh: dict[int, list[np.ndarray]] = {}
        for kind, team in wanted:
            key = (kind, tuple(np.round(team, 2).tolist()))
            if key in self._seen:
                continue
            self._seen.add(key)
            price = self._frontier(kind).prices(team)
            known = [*self.prices[kind], *fresh.get(kind, [])]
            if price is not None and not any(np.allclose(price, o, atol=1e-6) for o in known):
                fresh.setdefault(kind, []).append(price)
        for kind, found in fresh.items():
            self.add(kind, found)
        return set(fresh)

    def chosen(self, keep: list[np.ndarray], shapes: np.ndarray) -> Cuts:
        """The cuts `keep[k]` of every profile, evaluated for other shapes."""
        other = Cuts.__new__(Cuts)
        other.__dict__.update(self.__dict__)
        other.shapes = shapes
        other.prices = [[] for _ in self.sample]
        other.base = [np.zeros((0, len(g))) for g in self.groups]
        other.value = [np.zeros((0, len(shapes), len(g))) for g in self.groups]
        for k, rows in enumerate(keep):
            other.add(k, [self.prices[k][q] for q in rows])
        return other

    def scaled(self, group: int, price: np.ndarray, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Surplus [len(scales)] of a group at multiples of a price per unit of worth; best schedules [U] at it."""
        inst, j = self.inst, self.site[group]
        rows = slice(inst.site_posts[j], inst.site_posts[j + 1])
        cells = self._scaled(price, rows)
        mine = self.worth.rows(rows)
        base = np.array([mine.surplus(cells * scale).sum() for scale in scales])
        return base, self._evaluate(np.array([group]), price)[1][:, 0]

    @property
    def count(self) -> int:
        """How many prices all profiles have."""
        return sum(map(len, self.prices))

    def repriced(self, worth: Worth) -> Cuts:
        """The same prices per unit where shifts are worth something else; what was worked out here is let go."""
        other = Cuts(self.field, worth, self.shapes)
        for kind, prices in enumerate(self.prices):
            self.base[kind], self.value[kind] = self.base[kind][:0].copy(), self.value[kind][:0].copy()
            other.add(kind, prices)
        return other

    def add(self, kind: int, prices: list[np.ndarray]) -> None:
        """Add cuts to a profile at prices [p, D] per unit of worth."""
        if not prices:
            return
        found = [self._evaluate(self.groups[kind], price) for price in prices]
        self.prices[kind].extend(prices)
        self.base[kind] = np.concatenate([self.base[kind], np.stack([base for base, _ in found])])
        self.value[kind] = np.concatenate([self.value[kind], np.stack([value for _, value in found])])

    def _evaluate(self, groups: np.ndarray, price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Surplus [n] and best schedules [U, n] of groups under a price [p, D] per unit of worth."""
        inst = self.inst
        cells = np.zeros(inst.required.shape)
        sites = self.site[groups]
        for j in sites:
            rows = slice(inst.site_posts[j], inst.site_posts[j + 1])
            cells[rows] = self._scaled(price, rows)
        slots = [slice(inst.site_posts[j], inst.site_posts[j + 1]) for j in sites]
        base = np.array([self.worth.rows(s).surplus(cells[s]).sum() for s in slots])
        return base, self.field.values(self.field.site_gains(cells, sites), self.shapes, sites)

    def keep(self, kind: int, rows: np.ndarray) -> None:
        """Drop all cuts of a profile but `rows`."""
        self.prices[kind] = [self.prices[kind][q] for q in rows]
        self.base[kind], self.value[kind] = self.base[kind][rows], self.value[kind][rows]

    def cells(self, group: int, price: np.ndarray) -> np.ndarray:
        """Prices [p, D] of the cells of a group from those per unit of worth."""
        j = self.site[group]
        return self._scaled(price, slice(self.inst.site_posts[j], self.inst.site_posts[j + 1]))

    def normal(self, group: int, cells: np.ndarray) -> np.ndarray:
        """The prices per unit of worth whose `cells` are these."""
        j, inst = self.site[group], self.inst
        rows = slice(inst.site_posts[j], inst.site_posts[j + 1])
        unit = inst.worth[rows].max() * self._ratio(rows)
        price = np.where(cells > 0, cells + self.worth.toll[rows], 0.0)
        return np.divide(price, unit, out=np.zeros(price.shape), where=np.broadcast_to(unit, price.shape) > 1e-12)

    def _frontier(self, kind: int) -> Frontier:
        if kind not in self._lp:
            inst, j = self.inst, self.sample[kind]
            rules = Rules(inst.rest_minutes, inst.max_run, inst.max_shifts_7_days, inst.max_nights_7_days)
            _, able, there = team_classes(inst, j)
            self._lp[kind] = Frontier(
                self._profile(j), inst.shift_start, inst.shift_end, inst.shift_night, rules, able, there
            )
        return self._lp[kind]

    def _profile(self, j: int) -> Profile:
        inst = self.inst
        rows = slice(inst.site_posts[j], inst.site_posts[j + 1])
        share = inst.worth[rows] / max(inst.worth[rows].max(), 1e-9)
        return Profile(
            inst.post_shift[rows], inst.required[rows], inst.target[rows],
            inst.w_required * share, inst.w_target * share,
        )

    def _scaled(self, price: np.ndarray, rows: slice) -> np.ndarray:
        """Prices of a site from those per unit of worth, moved with its fairness price and tolls."""
        return np.maximum(0.0, price * self.inst.worth[rows].max() * self._ratio(rows) - self.worth.toll[rows])

    def _ratio(self, rows: slice) -> np.ndarray | float:
        """[p, 1] how the fairness price of its district moves the worth of a site's posts."""
        inst = self.inst
        normal = np.maximum(inst.w_required * inst.worth[rows][:, None], 1e-12)
        return np.maximum(self.worth.first[rows], 0) / normal if inst.w_required > 0 else 1.0


def profiles(inst: Instance) -> tuple[np.ndarray, list[int]]:
    """[J] demand profile of each site (-1: none), and a site of each profile."""
    seen: dict[tuple[bytes, ...], int] = {}
    kind = np.full(len(inst.sites), -1)
    sample: list[int] = []
    for j in range(len(inst.sites)):
        rows = slice(inst.site_posts[j], inst.site_posts[j + 1])
        if rows.start == rows.stop:
            continue
        scale = inst.worth[rows].max()
        ratio = np.round(inst.worth[rows] / scale, 9) if scale > 0 else inst.worth[rows]
        key = (
            inst.post_shift[rows].tobytes(),
            np.ascontiguousarray(inst.traits[:, rows]).tobytes(),
            inst.required[rows].tobytes(),
            inst.target[rows].tobytes(),
            ratio.tobytes(),
        )
        if key not in seen:
            seen[key] = len(seen)
            sample.append(j)
        kind[j] = seen[key]
    return kind, sample


def groups(inst: Instance, worth: Worth, kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[J] group of equal worth and tolls within a profile `kind` [J] (-1: nobody is asked for), and a site of each."""
    seen: dict[tuple[object, ...], int] = {}
    group = np.full(len(inst.sites), -1)
    sample: list[int] = []
    for j in np.flatnonzero(kind >= 0):
        rows = slice(inst.site_posts[j], inst.site_posts[j + 1])
        key = (kind[j], worth.first[rows].tobytes(), worth.second[rows].tobytes(), worth.toll[rows].tobytes())
        if key not in seen:
            seen[key] = len(seen)
            sample.append(int(j))
        group[j] = seen[key]
    return group, np.array(sample, int)


def team_classes(inst: Instance, j: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Classes of people at a site: class of [B, T], able [K, p], there [K, D]."""
    rows = slice(inst.site_posts[j], inst.site_posts[j + 1])
    able, kind = np.unique(inst.traits[:, rows], axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    batches = len(inst.batches)
    begin = np.array([_begin(inst, b) for b in range(batches)])
    there = np.arange(inst.days)[None, :] >= begin[:, None]
    number = np.arange(batches)[:, None] * len(able) + kind[None, :]
    return number, np.tile(able, (batches, 1)), np.repeat(there, len(able), axis=0)


def _begin(inst: Instance, b: int) -> int:
    open_ = inst.last[:, b] >= inst.first[:, b]
    return int(inst.first[open_, b].min()) if open_.any() else inst.days


def teams_in_hand(board: Board, cuts: Cuts, most: int = 4) -> list[tuple[int, np.ndarray]]:
    """Teams of the plan in hand, the most frequent of each profile, and larger and smaller ones."""
    inst = board.inst
    posted = np.flatnonzero(board.site >= 0)
    if not len(posted):
        return []
    trait = inst.shape_trait[inst.shape[posted, board.batch[posted]]]
    counts: list[Counter[tuple[int, ...]]] = [Counter() for _ in cuts.sample]
    number = cuts.classes
    order = np.argsort(board.site[posted], kind="stable")
    site = board.site[posted][order]
    edges = np.flatnonzero(np.r_[True, np.diff(site) != 0]) if len(site) else np.zeros(0, int)
    for a, z in zip(edges, np.r_[edges[1:], len(site)], strict=True):
        kind = cuts.kind[site[a]]
        if kind < 0:
            continue
        rows = order[a:z]
        team = np.bincount(number[kind][board.batch[posted[rows]], trait[rows]], minlength=int(number[kind].max()) + 1)
        counts[kind][tuple(team.tolist())] += 1
    out: list[tuple[int, np.ndarray]] = []
    for kind, count in enumerate(counts):
        for heads, _ in count.most_common(most):
            out.extend((kind, np.array(heads) * f) for f in (1.0, 1.4) if sum(heads) > 1 or f > 1)
        for heads, _ in count.most_common(1):
            out.extend((kind, np.array(heads) * f) for f in (0.7, 1.2, 2.0, 3.0))
    return out

"""The best team of whole people at a site whose benefit is bounded by cuts.

A team S gives at most min over cuts q of base[q] + sum over S of gain[q]. The search goes through
all head counts by class, most promising first, and within one through members in the order of the
cut that binds it: a part of a team lives on while the best completion under every cut, taken cut by
cut, beats the best team so far. Branches that are cut off count with their bound, so `Found.value`
is never below the true maximum.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np

NEVER = 1e9
LISTED = 25_000
"""Head counts listed for a site, at most."""
MEMBERS = 64
"""Members of a class tried at a place of a team."""
FIRST, FEW = 4, 60
"""Head counts tried first, and parts of teams kept then, for a team to beat."""
PARTS = 400
"""Parts of teams kept at once."""
COUNTS = 40
"""Head counts searched; the others count with their bound."""


@dataclass(frozen=True)
class People:
    """Who there is: rows are (peer, batch) pairs."""

    peer: np.ndarray
    """[R]"""
    size: np.ndarray
    """[R] how many there are of the peer"""
    number: np.ndarray
    """[R] class at the site"""
    counts: np.ndarray
    """[M, classes] head counts of all teams that may be best"""


@dataclass(frozen=True)
class Found:
    """`value` bounds what the best team gives; `teams` [n, H] are rows, -1 beyond, `worth` [n] what they give."""

    value: float
    teams: np.ndarray
    worth: np.ndarray


@lru_cache(maxsize=64)
def counts(classes: int, most: int = 8) -> np.ndarray:
    """[M, classes] head counts of all teams of up to `most`, or up to a size that keeps them fewer than `LISTED`."""
    size = next((h for h in range(most, 1, -1) if comb(classes + h, h) <= LISTED), 1)
    rows = [
        np.bincount(pick, minlength=classes)
        for h in range(1, size + 1)
        for pick in itertools.combinations_with_replacement(range(classes), h)
    ]
    return np.array(rows, np.int64).reshape(-1, classes)


def best(base: np.ndarray, gain: np.ndarray, people: People, near: float, most: int) -> Found:
    """Search with cuts base [Q] and gain [Q, R]; also lists up to `most` teams within `near` of the best."""
    return _Hunt(base, gain, people, near).run(most)


def good(base: np.ndarray, gain: np.ndarray, people: People, near: float, most: int) -> Found:
    """Up to `most` good teams, quickly; the value is that of the best found and bounds nothing."""
    return _Hunt(base, gain, people, near).glance(most)


class _Hunt:
    """One search. Who gains under no cut only joins teams of such people, each worth no more than one alone."""

    def __init__(self, base: np.ndarray, gain: np.ndarray, people: People, near: float):
        some = gain.max(0) > 0
        useful = np.flatnonzero(some)
        self.rows = useful
        self.alone = float((base[:, None] + gain[:, ~some]).min(0).max(initial=0.0))
        self.base, self.gain, self.near = base, np.ascontiguousarray(gain[:, useful]), near
        self.peer, self.size, self.number = people.peer[useful], people.size[useful], people.number[useful]
        self.counts = people.counts
        self.classes = people.counts.shape[1]
        self.heads = people.counts.sum(1)
        self.deep = int(people.counts.max(initial=0))
        self.of = [np.flatnonzero(self.number == c) for c in range(self.classes)]
        self.prefix, self.first = self._prefix()
        self.turned = np.ascontiguousarray(self.gain.T)

    def run(self, most: int) -> Found:
        order, says, floor = self._start()
        if len(order):
            floor = max(floor, float(self._search(order[:FIRST], floor, FEW)[1].max(initial=0.0)))
        alive = order[says[order] > max(0.0, floor - self.near)]
        loose = float(says[alive[COUNTS]]) if len(alive) > COUNTS else 0.0
        alive = alive[:COUNTS]
        if not len(alive):
            return Found(max(self.alone, floor), np.zeros((0, 1), np.int64), np.zeros(0))
        teams, worth, cutoff = self._search(alive, max(0.0, floor - self.near), PARTS)
        found = self._found(teams, worth, most)
        return Found(max(found.value, floor, cutoff, loose, self.alone), found.teams, found.worth)

    def glance(self, most: int) -> Found:
        order, _, floor = self._start()
        if not len(order):
            return Found(0.0, np.zeros((0, 1), np.int64), np.zeros(0))
        teams, worth, _ = self._search(order[: 2 * FIRST], max(0.0, floor - self.near), FEW)
        return self._found(teams, worth, most)

    def _start(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Head counts that may give anything, best first; their bounds; what a team in hand gives."""
        says, cut = self._says()
        order = np.argsort(-says, kind="stable")
        order = order[says[order] > 0]
        return order, says, max((self._greedy(m, cut[m]) for m in order[:FIRST]), default=0.0)

    def _found(self, teams: np.ndarray, worth: np.ndarray, most: int) -> Found:
        top = float(worth.max(initial=0.0))
        keep = np.argsort(-worth, kind="stable")[:most]
        keep = keep[worth[keep] > top - self.near]
        return Found(top, np.where(teams[keep] >= 0, self.rows[teams[keep]], -1), worth[keep])

    def _prefix(self) -> tuple[np.ndarray, np.ndarray]:
        """[Q, classes, deep + 1] total of the best members of each class, and [Q, classes, deep] who they are."""
        cuts = len(self.base)
        total = np.full((cuts, self.classes, self.deep + 1), -NEVER)
        total[:, :, 0] = 0
        who = np.full((cuts, self.classes, self.deep), -1)
        for c, rows in enumerate(self.of):
            k = min(self.deep, len(rows))
            if not k:
                continue
            part = self.gain[:, rows]
            pick = np.argpartition(-part, k - 1, axis=1)[:, :k] if k < len(rows) else np.tile(np.arange(k), (cuts, 1))
            pick = np.take_along_axis(pick, np.argsort(-np.take_along_axis(part, pick, 1), axis=1, kind="stable"), 1)
            upto = np.cumsum(self.size[rows[pick]], axis=1)
            for h in range(self.deep):
                at = (upto <= h).sum(1)
                inside = at < k
                row = rows[pick[np.arange(cuts), np.minimum(at, k - 1)]]
                who[:, c, h] = np.where(inside, row, -1)
                step = np.where(inside, self.gain[np.arange(cuts), row], -NEVER)
                total[:, c, h + 1] = total[:, c, h] + step
        return total, who

    def _says(self) -> tuple[np.ndarray, np.ndarray]:
        """[M] bound of each head count, and the cut that gives it."""
        pick = np.zeros((self.classes * (self.deep + 1), len(self.counts)))
        place = np.arange(self.classes)[:, None] * (self.deep + 1) + self.counts.T
        pick[place, np.arange(len(self.counts))[None, :]] = 1
        says = self.base[:, None] + self.prefix.reshape(len(self.base), -1) @ pick
        return says.min(0), says.argmin(0)

    def _greedy(self, m: int, q: int) -> float:
        """What the team gives that cut q likes best."""
        rows = np.concatenate([self.first[q, c, : self.counts[m, c]] for c in range(self.classes)])
        if (rows < 0).any() or self._crowded(rows):
            return 0.0
        return float((self.base + self.gain[:, rows].sum(1)).min())

    def _crowded(self, rows: np.ndarray) -> bool:
        peer, n = np.unique(self.peer[rows], return_counts=True)
        room = {int(p): int(s) for p, s in zip(self.peer[rows], self.size[rows], strict=True)}
        return any(k > room[int(p)] for p, k in zip(peer, n, strict=True))

    def _search(self, alive: np.ndarray, floor: float, most: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Teams of the head counts `alive` above the floor, what they give, and the bound of what was cut off."""
        longest = int(self.heads[alive].max())
        place = np.full((len(alive), longest + 1), -1)
        for i, m in enumerate(alive):
            place[i, : self.heads[m]] = np.repeat(np.arange(self.classes), self.counts[m])
        choice, cutoff = self._choices(alive, floor)
        rest = self._rest(place)
        which = np.arange(len(alive))
        part = np.tile(self.base, (len(alive), 1))
        team = np.full((len(alive), longest), -1)
        at = np.zeros(len(alive), np.int64)
        teams: list[np.ndarray] = []
        worth: list[np.ndarray] = []
        for level in range(longest):
            rows = choice[which, place[which, level]]
            same = (place[which, level] == place[which, level - 1]) if level else np.zeros(len(which), bool)
            fits = (rows >= 0) & (np.arange(rows.shape[1])[None, :] >= np.where(same, at, 0)[:, None])
            used = (self.peer[team[:, :level]][:, None, :] == self.peer[rows][:, :, None]).sum(2)
            n, k = np.nonzero(fits & (used < self.size[rows]))
            more = part[n] + self.turned[rows[n, k]]
            says = (more + rest[which[n], level + 1]).min(1)
            good = np.flatnonzero(says > floor)
            if len(good) > most:
                order = np.argsort(-says[good], kind="stable")
                cutoff = max(cutoff, float(says[good[order[most]]]))
                good = good[order[:most]]
            n, k = n[good], k[good]
            team, part, at = team[n], more[good], k.astype(np.int64)
            team[:, level] = rows[n, k]
            which = which[n]
            done = self.heads[alive[which]] == level + 1
            teams.append(team[done])
            worth.append(part[done].min(1))
            team, part, at, which = team[~done], part[~done], at[~done], which[~done]
            if not len(which):
                break
        return np.concatenate(teams), np.concatenate(worth), cutoff

    def _rest(self, place: np.ndarray) -> np.ndarray:
        """[n, places + 1, Q] the most the places from each on can add under each cut."""
        out = np.zeros((*place.shape, len(self.base)))
        for level in range(place.shape[1] - 1):
            for c in np.unique(place[:, level:]):
                if c >= 0:
                    out[:, level] += self.prefix[:, c, (place[:, level:] == c).sum(1)].T
        return out

    def _choices(self, alive: np.ndarray, floor: float) -> tuple[np.ndarray, float]:
        """[n, classes, L] rows that may be in a team above the floor, best first, -1 beyond; bound of those left out.

        A team with the member gives at most the member next to the best others, cut by cut.
        """
        counts = self.counts[alive]
        best = np.zeros((len(alive), len(self.base)))
        for c in range(self.classes):
            best += self.prefix[:, c, counts[:, c]].T
        out = np.full((len(alive), self.classes, MEMBERS), -1)
        left = 0.0
        for c, rows in enumerate(self.of):
            n = np.flatnonzero(counts[:, c] > 0)
            if not len(n) or not len(rows):
                continue
            h = counts[n, c]
            others = self.base + best[n] - (self.prefix[:, c, h] - self.prefix[:, c, h - 1]).T
            says = (others[:, :, None] + self.gain[None, :, rows]).min(1)
            order = np.argsort(-says, axis=1, kind="stable")[:, : MEMBERS + 1]
            ranked = np.take_along_axis(says, order, 1)
            if ranked.shape[1] > MEMBERS:
                left = max(left, float(ranked[:, MEMBERS].max()))
                order, ranked = order[:, :MEMBERS], ranked[:, :MEMBERS]
            out[n, c, : order.shape[1]] = np.where(ranked > floor, rows[order], -1)
        return out, left

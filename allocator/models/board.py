"""The plan of the people stages while it is being improved: who is where, and works what."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from allocator.instance import Instance
from allocator.models import working
from allocator.models.field import Field
from allocator.models.worth import Worth


class Board:
    """Postings and rosters of all cadres, with the cover they give.

    `site` and `batch` [C] are -1 for a cadre who stays home; `plan` [C, D] is the post worked,
    -1 for a day off; `staffed` [P, D] counts people.

    one_posting and one_site hold by construction: a cadre has one site, and `put` only takes
    posts of that site.
    """

    def __init__(self, inst: Instance, field: Field, worth: Worth):
        self.inst, self.field, self.worth = inst, field, worth
        cadres = len(inst.cadres)
        self.site = np.full(cadres, -1)
        self.batch = np.full(cadres, -1)
        self.plan = np.full((cadres, inst.days), -1)
        self.staffed = np.zeros(inst.required.shape, np.int64)

    def copy(self) -> Board:
        other = Board.__new__(Board)
        other.inst, other.field, other.worth = self.inst, self.field, self.worth
        other.site, other.batch = self.site.copy(), self.batch.copy()
        other.plan, other.staffed = self.plan.copy(), self.staffed.copy()
        return other

    def rest(self, cadres: Iterable[int] | np.ndarray) -> None:
        """Take the cadres off their shifts; postings stay."""
        rows = np.asarray(cadres, np.int64)
        row, day = np.nonzero(self.plan[rows] >= 0)
        np.subtract.at(self.staffed, (self.plan[rows[row], day], day), 1)
        self.plan[rows] = -1

    def work(self, cadres: np.ndarray, posts: np.ndarray) -> None:
        """Put resting cadres on the posts [N, D]."""
        row, day = np.nonzero(posts >= 0)
        np.add.at(self.staffed, (posts[row, day], day), 1)
        self.plan[cadres] = posts

    def lift(self, cadres: np.ndarray) -> None:
        """Take cadres off their shifts and postings; batches stay as a label."""
        self.rest(cadres)
        self.site[cadres] = -1

    def post(self, cadres: np.ndarray, batches: np.ndarray, sites: np.ndarray) -> None:
        self.batch[cadres] = batches
        self.site[cadres] = sites

    def costs(self) -> np.ndarray:
        """[C] travel and change of each posting."""
        out = np.zeros(len(self.site))
        c = np.flatnonzero(self.site >= 0)
        out[c] = self.inst.posting_cost(c, self.batch[c], self.site[c])
        return out

    def value(self) -> float:
        """Benefit of the cover less the costs of the postings; to be made large."""
        return float(self.worth.benefit(self.staffed).sum() - self.costs().sum())

    def team(self, site: int) -> np.ndarray:
        return np.flatnonzero(self.site == site)

    def schedule(self, cadres: np.ndarray, batches: np.ndarray, sites: np.ndarray, gains: np.ndarray,
                 marginal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Best schedules, each alone against `marginal`: values [N] and posts [N, D]."""
        shapes = self.inst.shape[cadres, batches]
        values, slots = self.field.schedules(gains, shapes, sites)
        return values, self.field.posts(marginal, shapes, slots)

    def reroster(self, cadres: np.ndarray) -> None:
        """Give posted cadres, one after another, their best schedule against everybody else's."""
        sites = self.site[cadres]
        shapes = self.inst.shape[cadres, self.batch[cadres]]
        working.reroster(self.field.deck, self.worth.arrays(), self.staffed, self.plan, cadres, shapes, sites)

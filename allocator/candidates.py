"""Who could fill a gap: cadres ranked by what posting them to a site changes, their own place included.

The question is a forced re-solve with the rest fixed: the cadre is posted to the site, in the batch
held or, from home, the best one with a place left, and works the best schedule there beside the
people who are there; all other postings and shifts, orders and shipments stay. At the two sites
goods are used anew, kits first; a shift whose kit is not there is left out. `change` is the exact
difference of the objective, with its terms.

The best schedule is that of an exact dynamic programme over the person's days, at the worth of each
shift, less what its kit is worth to others there, once for each slope the fairness term can have;
where kits of several shifts draw on the same goods the cheapest shifts are dropped until they fit.
Sites are few to look at: a bound on what each cadre can save tells when nobody left can do better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from allocator.errors import InputError, Problem
from allocator.problems import nearest
from allocator.standing import Change, Standing

if TYPE_CHECKING:
    import pandas as pd

    from allocator.plan import Plan
    from allocator.scenario import Scenario

__all__ = ["Move", "candidates_for", "measured", "neighbours", "ranked", "rows", "table"]

GAINLESS = 1e-9
CHUNK = 16
"""Cadres looked at together."""
COLUMNS = (
    *("cadre", "from", "batch", "minutes", "shifts", "covers", "change", "gained_here", "lost_there"),
    *("travel", "moving", "fairness", "supply"),
)


@dataclass(frozen=True)
class Move:
    """One cadre posted to a site, and what that changes."""

    cadre: int
    site: int
    batch: int
    posts: np.ndarray
    """[D] posts worked there, -1: a day off"""
    covers: int
    """required shifts covered there"""
    lost: float
    """what the own place loses: staffing, fairness aside"""
    change: Change


def ranked(state: Standing, code: str, most: int = 20) -> list[Move]:
    """The `most` best moves to a site, best first.

    Raises `InputError` where the scenario has no such site.
    """
    offers = _Offers(state, _known(state, code))
    return _best(offers, np.arange(len(offers.least)), most)


def neighbours(state: Standing, code: str, most: int = 20) -> list[Move]:
    """The `most` best moves to a site, and beside them the `most` best of those posted in its district."""
    offers = _Offers(state, _known(state, code))
    old, home = state.board.site[offers.cadre], state.inst.site_district
    near = np.flatnonzero((old >= 0) & (home[old] == home[offers.site]))
    best = _best(offers, np.arange(len(offers.least)), most)
    known = {m.cadre for m in best}
    both = [*best, *(m for m in _best(offers, near, most) if m.cadre not in known)]
    return sorted(both, key=lambda m: _rank(state, m))


def _known(state: Standing, code: str) -> int:
    if code not in state.site:
        way = f"a site of the scenario; {nearest(code, list(state.site))}"
        raise InputError([Problem("SITE", None, None, code, way, "unknown_site")])
    return state.site[code]


def _rank(state: Standing, move: Move) -> tuple[float, str]:
    return move.change.total, str(state.inst.cadres[move.cadre])


def _best(offers: _Offers, rows: np.ndarray, most: int) -> list[Move]:
    """The best of some offers; somebody at home may be offered in several batches: the best one counts."""
    best: list[Move] = []
    order = rows[np.argsort(offers.least[rows], kind="stable")]
    for begin in range(0, len(order), CHUNK):
        few = order[begin : begin + CHUNK]
        if len(best) >= most and offers.least[few[0]] > best[most - 1].change.total - GAINLESS:
            break
        found = sorted([*best, *offers.moves(few)], key=lambda m: _rank(offers.state, m))
        best = list({m.cadre: m for m in found[::-1]}.values())[::-1]
        best.sort(key=lambda m: _rank(offers.state, m))
    return best[:most]


class _Offers:
    """All cadres who can go to a site, with a bound on what each can save."""

    def __init__(self, state: Standing, j: int):
        self.state, self.site = state, j
        inst, board = state.inst, state.board
        here = np.isfinite(inst.minutes[:, j]) & (board.site != j)
        here &= (inst.must < 0) | (inst.must == j)
        home = board.site < 0
        able = (inst.shape >= 0) & (np.where(home[:, None], state.room[None, :] > 0, False))
        posted = np.flatnonzero(here & ~home)
        idle_c, idle_b = np.nonzero(able & here[:, None])
        self.cadre = np.concatenate([posted, idle_c])
        self.batch = np.concatenate([board.batch[posted], idle_b])
        self.shape = inst.shape[self.cadre, self.batch]
        self._values()
        self._bounds()

    def _values(self) -> None:
        """Gains under every slope of fairness, net of kits; `value` [slopes, N] the best of each."""
        state = self.state
        inst = state.inst
        shapes, back = np.unique(self.shape, return_inverse=True)
        self.slopes = state.slopes(int(inst.site_district[self.site]), inst.days)
        self.schemes, values = [], []
        for slope in self.slopes:
            marginal = state.net(self.site, slope)
            gains = state.field.site_gains(marginal, np.array([self.site]))
            values.append(state.field.values(gains, shapes, np.array([self.site]))[:, 0][back])
            self.schemes.append((marginal, gains))
        self.value = np.array(values).reshape(len(self.slopes), len(self.cadre))

    def _bounds(self) -> None:
        """Nobody changes the objective by less than this.

        A schedule that covers k required shifts is worth at most the best value at a slope plus k
        times the slope; with what k more here and u fewer there do to fairness, that bounds the
        whole for any slope, so the tightest counts.
        """
        state = self.state
        inst = state.inst
        days = inst.last[self.cadre, self.batch] - inst.first[self.cadre, self.batch] + 1
        travel = inst.w_travel * inst.minutes[self.cadre, self.site] * days
        stay = inst.w_change * (inst.previous[self.cadre] == self.site)
        lost, uncovered, freed = (a[self.cadre] for a in state.leaving)
        fair = state.unfairness_of_moves(int(inst.site_district[self.site]))
        old = np.maximum(state.board.site[self.cadre], 0)
        mine = fair[inst.site_district[old], uncovered]
        steps = np.array(self.slopes)[:, None, None] * np.arange(inst.days + 1)
        tightest = ((mine[None] - steps).min(axis=2) - self.value).max(axis=0)
        own = state.board.costs()[self.cadre]
        self.least = travel - stay - own + lost - freed + tightest

    def moves(self, rows: np.ndarray) -> list[Move]:
        """The best of the schedules under each slope, measured exactly."""
        shapes, site = self.shape[rows], np.full(len(rows), self.site)
        plans = []
        for marginal, gains in self.schemes:
            _, slots = self.state.field.schedules(gains, shapes, site)
            plans.append(self.state.field.posts(marginal, shapes, slots))
        return [
            self._best(int(row), np.unique(np.array(options), axis=0))
            for row, options in zip(rows, zip(*plans, strict=True), strict=True)
        ]

    def _best(self, row: int, options: np.ndarray) -> Move:
        c, b = int(self.cadre[row]), int(self.batch[row])
        found = [measured(self.state, c, b, self.site, posts) for posts in options]
        return min(found, key=lambda m: m.change.total)


def measured(state: Standing, c: int, b: int, j: int, posts: np.ndarray) -> Move:
    """What posting a cadre to a site with these posts changes; shifts without a kit are left out."""
    inst, board = state.inst, state.board
    posts = posts.copy()
    while not np.isfinite(supply := state.supplied(j, state.worn(posts))):
        day = np.flatnonzero(posts >= 0)
        posts[day[np.argmin(state.marginal(j)[posts[day], day])]] = -1
    staffing, covers = state.joined(posts)
    travel, change = state.posting(c, b, j)
    more = np.zeros(inst.districts)
    more[inst.site_district[j]] += covers
    lost, old = 0.0, int(board.site[c])
    if old >= 0:
        lost, uncovered = state.left(c)
        more[inst.site_district[old]] += uncovered
        before = state.posting(c, int(board.batch[c]), old)
        travel, change = travel - before[0], change - before[1]
        supply += state.freed(c)
    found = Change(staffing + lost, travel, change, state.unfairness(more), supply)
    return Move(c, j, b, posts, covers, lost, found)


def rows(standing: Standing, moves: list[Move]) -> list[dict[str, Any]]:
    """The moves as records of `COLUMNS`: who, from where, what is covered, what it changes."""
    inst = standing.inst
    found = []
    for m in moves:
        old = int(standing.board.site[m.cadre])
        head = (str(inst.cadres[m.cadre]), str(inst.sites[old]) if old >= 0 else "", str(inst.batches[m.batch]))
        change, minutes = m.change, round(float(inst.minutes[m.cadre, m.site]), 1)
        here = (change.total, m.lost - change.staffing, m.lost)
        terms = (float(x) for x in (*here, change.travel, change.change, change.fairness, change.supply))
        found.append(dict(zip(COLUMNS, (*head, minutes, int((m.posts >= 0).sum()), m.covers, *terms), strict=True)))
    return found


def table(standing: Standing, moves: list[Move]) -> pd.DataFrame:
    """The moves as a table of `COLUMNS`."""
    import pandas as pd

    return pd.DataFrame(rows(standing, moves), columns=list(COLUMNS))


def candidates_for(scenario: Scenario, plan: Plan, site: str, most: int = 20) -> pd.DataFrame:
    """The cadres who could best be posted to a site, and what each move changes; see `table`.

    `change` is the exact difference of the objective, below 0 for a better plan: what is gained here,
    what the own place loses, travel, moving, fairness and goods.
    """
    from allocator.state import State

    state = State(scenario, plan)
    return table(state, ranked(state, site, most))

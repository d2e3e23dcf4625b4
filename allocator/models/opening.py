"""Which isolation sites and back-up hospitals open, and on which day.

Sets: cases s, townships k, candidates i, days d of the horizon. Data: `Question`. Decisions: y_id, is
candidate i open on day d, once for all cases (integer); x_skid, people of township k who spend day d of
case s at i, and u_skd, those without a place, once the case is known.

Objective: sum cost_i y_i,last + sum price_id y_id + sum chance_s (move_ki x_skid + without u_skd).

lead_time     y_id = 0 before lead_i, counted from day 0
once          y_id <= y_i,d+1: what has opened stays open
places        sum_k x_skid <= capacity_i y_id
asked         sum_i x_skid + u_skd = people_skd
site_open     x_skid <= people_skd y_id, one row per client, not one big M per candidate

Branch and Benders cut: the master holds y and one cost per block of `places`. Days on which waiting
spares nothing (`price` <= 0) share the decision of the next day. With one case, one day and an infinite
price `without` a place this is capacitated facility location with divisible demand.

What is trusted: the objective is recomputed from the people moved; the bound is the least of the open
leaves of `tree`, each recomputed in numpy from row duals over cuts that are themselves recomputed in
numpy. No MIP solver's OPTIMAL is believed: HiGHS has claimed a false one on a tiny model here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.certificate import Certificate, Status
from allocator.limits import Limits, Watch
from allocator.models import tree
from allocator.models.siting import Question, Siting

__all__ = ["Openings", "Question", "assess", "solve"]


@dataclass(frozen=True)
class Openings:
    """What is decided, and what it costs.

    `first_day` [I] is D where a candidate stays closed. `moved` [S, K, I, D] and `left` [S, K, D] are
    persons, whole where `people` and `capacity` are. Terms: `opening` (cost), `staying` (price),
    `case_uncovered` [S] and `case_transfer` [S]. Without a plan (`first_day` None) only the certificate says something.
    """

    certificate: Certificate
    first_day: np.ndarray | None
    moved: np.ndarray | None
    left: np.ndarray | None
    opening: float = 0.0
    staying: float = 0.0
    case_uncovered: np.ndarray | None = None
    case_transfer: np.ndarray | None = None


def solve(question: Question, watch: Watch | None = None, gap: float = 0.0) -> Openings:
    """Decide the openings; stop at the relative `gap`, or with the watch and the best plan so far."""
    watch = watch or Watch(Limits())
    before = watch.seconds
    task = Siting(question)
    found = tree.search(task, watch, gap, stage="opening")
    day = None if found.plan is None else task.first_day(found.plan)
    return _result(question, day, found.bound, watch.seconds - before, task)


def assess(question: Question, first_day: np.ndarray) -> Openings:
    """The second stage alone: openings on given days [I] (D or more: never), no bound."""
    return _result(question, np.asarray(first_day), None, 0.0, Siting(question))


def _result(
    question: Question, day: np.ndarray | None, bound: float | None, seconds: float, task: Siting
) -> Openings:
    solver = "glop, branch and Benders cut"
    if day is None:
        status = Status.UNKNOWN if bound is None else Status.BOUND
        return Openings(Certificate("opening", status, None, bound, seconds, solver), None, None, None)
    cases, townships, candidates, days = question.shape
    moved, left = np.zeros((cases, townships, candidates, days)), np.zeros((cases, townships, days))
    openings = day[:, None] <= np.arange(days)
    for number, block in enumerate(task.blocks):
        found = task.served(number, openings[:, block.day].astype(float))
        for case, at in block.members:
            moved[case, block.clients, :, at] = found.moved
            left[case, block.clients, at] = found.left
    opening = float(question.cost[day < days].sum())
    staying = float((task.staying * openings).sum())
    without = np.where(left > 0, question.without, 0.0) * left
    way = np.where(moved > 0, question.move[None, :, :, None], 0.0)  # no way there is no cost where nobody goes
    uncovered, transfer = without.sum((1, 2)), (moved * way).sum((1, 2, 3))
    objective = opening + staying + float((question.chance * (uncovered + transfer)).sum())
    certificate = Certificate("opening", _status(objective, bound), objective, bound, seconds, solver)
    return Openings(certificate, day, moved, left, opening, staying, uncovered, transfer)


def _status(objective: float, bound: float | None) -> Status:
    near = bound is not None and objective - bound <= 10 * tree.TINY * max(1.0, abs(objective))
    return Status.OPTIMAL if near else Status.FEASIBLE

"""Small scenarios with several cases, or sites that may open or resume: solved as one integer program."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocator import finish, layout, sites
from allocator.cases import cases, scenario_in, several, together
from allocator.certificate import Certificate, Status
from allocator.goods import Goods, goods
from allocator.instance import Instance, instance
from allocator.limits import Limits, Watch
from allocator.models import whole
from allocator.models.choice import Choices
from allocator.plan import Plan
from allocator.scenario import Scenario

SECONDS = 60.0
"""Time for a small scenario where no limit is given."""


def asked(scenario: Scenario) -> bool:
    """Is there more to decide than postings, rosters and goods of one case?"""
    return several(scenario) or bool(len(scenario.table("candidates")) or len(scenario.table("applications")))


def solve(scenario: Scenario, limits: Limits, watch: Watch) -> Plan | None:
    """The best plan of a small scenario; None where it is too large, or nothing was found in time."""
    choices = sites.choices(scenario)
    codes = scenario.table("sites")["site"].to_numpy(dtype=object)
    opens = {str(codes[j]): int(d) for j, d in zip(choices.site, choices.earliest, strict=True)}
    views = [scenario_in(scenario, case.id) for case in cases(scenario)]
    insts = [instance(view, opens) for view in views]
    stocks = [goods(view, opens) for view in views]
    if not (whole.small(insts, stocks) and whole.exact(insts, choices)):
        return None
    watch.tell("whole", None, None, "one integer program")
    left = watch.left(0.9)
    found = whole.solve(insts, stocks, choices, SECONDS if left == np.inf else max(0.1, left), limits.seed)
    if found is None:
        return None
    value = finish.measured(scenario, tables(scenario, insts, stocks, choices, found))
    bound = None if found.bound is None else min(value.objective, max(0.0, found.bound))
    status = Status.OPTIMAL if found.optimal else Status.FEASIBLE
    certificate = Certificate("plan", status, value.objective, bound, found.seconds, "scip")
    watch.tell("plan", value.objective, bound, "whole")
    return finish.plan(scenario, limits, value, bound, (certificate,))


def tables(
    scenario: Scenario, insts: list[Instance], stocks: list[Goods], choices: Choices, found: whole.Whole
) -> dict[str, pd.DataFrame]:
    """The decisions as tables; what is the same in every case stands once."""
    names = [case.id for case in cases(scenario)]
    inst, stock = insts[0], stocks[0]
    worked, sent, taken = [], [], []
    for k, own in enumerate(insts):
        cadre, post, day = found.work[k].T
        worked.append(layout.assignments(own, cadre, post, day))
        lane, item, left = np.nonzero(found.moved[k])
        ends = stock.lane_from[lane], stock.lane_to[lane]
        amount = found.moved[k][lane, item, left]
        sent.append(layout.shipments(stock, left, left + stock.lane_lead[lane], *ends, item, amount))
        taken.append(layout.used(stocks[k], found.used[k]))
    offer, when = np.nonzero(found.ordered)
    made = {
        "postings": layout.postings(inst, *found.posted.T),
        "assignments": together(names, worked),
        "shipments": together(names, sent),
        "orders": layout.ordered(stock, offer, when, found.ordered[offer, when]),
        "supply": together(names, taken),
    }
    return made | opened(scenario, choices, found.first_day, found.placed)


def opened(
    scenario: Scenario, choices: Choices, first_day: np.ndarray, placed: np.ndarray
) -> dict[str, pd.DataFrame]:
    """Openings, resumptions and transfers, of first days [O] and people placed [K, T, O, D]."""
    codes = scenario.table("sites")["site"].to_numpy(dtype=object)[choices.site]
    townships = np.array(sites.townships(scenario), object)
    open_ = first_day < scenario.settings.days
    candidate = np.arange(len(codes)) < choices.candidates
    new, resumed = np.flatnonzero(open_ & candidate), np.flatnonzero(open_ & ~candidate)
    names, moved = [case.id for case in cases(scenario)], []
    for people in placed:
        t, o, day = np.nonzero(people)
        rows = {"township": townships[t], "day": day, "site": codes[o], "people": people[t, o, day]}
        moved.append(pd.DataFrame(rows))
    return {
        "openings": pd.DataFrame(
            {"site": codes[new], "first_day": first_day[new], "capacity": choices.capacity[new]}
        ),
        "reopenings": pd.DataFrame({"site": codes[resumed], "first_day": first_day[resumed]}),
        "transfers": together(names, moved),
    }

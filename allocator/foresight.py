"""What planning for several cases is worth: a plan for all of them, one for their mean, one for each.

    planned for all     mean penalty of the plan for all cases (recourse problem, RP)
    planned for mean    the plan for the mean demand, once each case has come and rosters and shipments
                        have followed it (EEV)
    each case known     mean penalty of the plans for one case each (wait and see, WS)

EEV - RP is the value of the stochastic solution, RP - WS that of perfect information (Birge & Louveaux,
Introduction to Stochastic Programming, 2nd ed. 2011, section 4). Plans are not optimal, so what is told is what
is sure: the gain of this plan over that one, and what knowing the case would gain at most, from bounds.

Draws are demand nobody planned for: a case by its probability, its rows scaled by site and township at random.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from allocator import executor
from allocator.cases import cases, scenario_in
from allocator.recourse import Recourse
from allocator.scenario import Scenario

SPREAD = 0.2
"""Standard deviation of the logarithm of a draw's factors."""
DRAWN = (("demand", "site", ("required", "target")), ("isolation_demand", "township", ("people",)))
"""Tables whose rows are scaled, what a factor is drawn for, and the columns scaled."""
AT_ONCE = 5
"""Draws that a process follows before it answers."""
TENTH = 0.1
"""Share of the draws, the worst, whose mean is told."""

Tables = Mapping[str, pd.DataFrame]


def in_cases(scenario: Scenario, tables: Tables) -> dict[str, float]:
    """Penalty of a plan in each case of `scenario`, once rosters and shipments follow the case."""
    known = Recourse(scenario, tables)
    return {case.id: known.follow(scenario_in(scenario, case.id)).objective for case in cases(scenario)}


def mean(scenario: Scenario, each: Mapping[str, float]) -> float:
    return float(sum(case.probability * each[case.id] for case in cases(scenario)))


def draw(scenario: Scenario, seed: int) -> Scenario:
    """Demand that is none of the cases: one of them by its probability, its rows scaled at random.

    Factors are log-normal with mean 1, one per site and one per township; rows that hold in every case stay.
    """
    random = np.random.default_rng([seed, 7])
    every = cases(scenario)
    chance = np.array([case.probability for case in every])
    case = every[int(random.choice(len(every), p=chance / chance.sum()))].id
    tables = dict(scenario.tables)
    for name, label, columns in DRAWN:
        rows = tables[name][tables[name]["case"].isin(["", case])]
        factors = np.where(rows["case"] == "", 1.0, _factors(rows[label], random))
        scaled = {c: np.floor(rows[c].to_numpy(dtype=float) * factors + 0.5).astype(np.int64) for c in columns}
        tables[name] = rows.assign(case="", **scaled).reset_index(drop=True)
    return replace(scenario, settings=replace(scenario.settings, cases=()), tables=tables)


def _factors(label: pd.Series, random: np.random.Generator) -> np.ndarray:
    """One factor per label, spread over the rows."""
    codes, names = pd.factorize(label, sort=True)
    return np.asarray(np.exp(SPREAD * random.standard_normal(len(names)) - SPREAD**2 / 2)[codes])


@dataclass(frozen=True)
class Told:
    """Penalties of one plan over draws."""

    mean: float
    worst: float
    """mean of the worst tenth"""

    @classmethod
    def of(cls, penalties: np.ndarray) -> Told:
        tail = max(1, round(TENTH * len(penalties)))
        return cls(float(penalties.mean()), float(np.sort(penalties)[-tail:].mean()))

    def record(self) -> dict[str, float]:
        return {"mean": self.mean, "worst_tenth": self.worst}


def over_draws(
    scenario: Scenario, plans: Mapping[str, Tables], seeds: range, processes: int = 1
) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield for each draw its seed and the penalty of every plan, as they are done.

    `plans` are for the sites and cadres of `scenario`; every plan is followed through the same draws.
    """
    shared = pickle.dumps((scenario, {name: dict(tables) for name, tables in plans.items()}), protocol=5)
    some = {str(seed): list(seeds[n : n + AT_ONCE]) for n, seed in enumerate(seeds) if n % AT_ONCE == 0}
    if processes == 1:
        for task in some.values():
            yield from _followed(shared, task)
        return
    for _, answer in executor.run(_followed, shared, some, None, processes):
        yield from answer


@lru_cache(maxsize=1)
def _known(shared: bytes) -> tuple[Scenario, dict[str, Recourse]]:
    scenario, plans = pickle.loads(shared)
    return scenario, {name: Recourse(scenario, tables) for name, tables in plans.items()}


def _followed(shared: bytes, seeds: list[int]) -> list[tuple[int, dict[str, float]]]:
    scenario, known = _known(shared)
    views: list[tuple[int, Scenario]] = [(seed, draw(scenario, seed)) for seed in seeds]
    return [(seed, {name: r.follow(view).objective for name, r in known.items()}) for seed, view in views]


def values(
    scenario: Scenario,
    objective: float,
    all_: Mapping[str, float],
    of_mean: Mapping[str, float],
    known: Mapping[str, tuple[float, float | None]],
) -> dict[str, Any]:
    """All figures.

    Parameters
    ----------
    objective
        of the plan for all cases, as it stands.
    all_, of_mean
        penalty by case of that plan and of the one for the mean demand, both followed alike.
    known
        objective and bound of the plan for each case alone; may be empty.
    """
    every = cases(scenario)
    planned, blind = mean(scenario, all_), mean(scenario, of_mean)
    wait = mean(scenario, {name: value for name, (value, _) in known.items()}) if known else None
    least = None
    if known and all(bound is not None for _, bound in known.values()):
        least = mean(scenario, {name: float(bound or 0.0) for name, (_, bound) in known.items()})
    rows = [
        {
            "case": case.id,
            "probability": case.probability,
            "planned_for_all": all_[case.id],
            "planned_for_mean": of_mean[case.id],
            "planned_for_it": known[case.id][0] if case.id in known else None,
            "bound": known[case.id][1] if case.id in known else None,
        }
        for case in every
    ]
    return {
        "cases": rows,
        "planned_for_all": planned,
        "planned_for_mean": blind,
        "each_case_known": wait,
        "value_of_stochastic_solution": blind - planned,
        "value_of_perfect_information": None if wait is None else objective - wait,
        "value_of_perfect_information_at_most": None if least is None else objective - least,
    }

"""Every rule checked on scenario and plan, from their tables alone.

The verifier knows no model and no solver. It reports everything that is wrong: the rules of
`tables.RULES`, each under its own name, and under `RECORDS` what a plan says of itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from allocator import measures
from allocator.cases import cases, scenario_in, several, tables_in
from allocator.errors import Violation
from allocator.judge import goods, postings, records, shifts, sites
from allocator.judge.evidence import Evidence
from allocator.judge.known import known
from allocator.plan import Plan, empty
from allocator.scenario import Scenario
from allocator.tables import OUTPUTS

Check = Callable[[Evidence], list[Violation]]

CHECKS: Mapping[str, Check] = {
    "batch_size": postings.batch_size,
    "batch_start": postings.batch_start,
    "available": shifts.available,
    "one_posting": postings.one_posting,
    "posting_length": postings.posting_length,
    "travel_limit": postings.travel_limit,
    "pins": postings.pins,
    "one_site": shifts.one_site,
    "duty_asked": shifts.duty_asked,
    "skill_held": shifts.skill_held,
    "night_allowed": shifts.night_allowed,
    "one_shift_per_day": shifts.one_shift_per_day,
    "rest_between_shifts": shifts.rest_between_shifts,
    "max_run": shifts.max_run,
    "max_shifts_7_days": shifts.max_shifts_7_days,
    "max_nights_7_days": shifts.max_nights_7_days,
    "site_open": sites.site_open,
    "ready_when_open": sites.ready_when_open,
    "place_capacity": sites.place_capacity,
    "class_order": sites.class_order,
    "kit_available": goods.kit_available,
    "stock_balance": goods.stock_balance,
    "throughput": goods.throughput,
    "lane_capacity": goods.lane_capacity,
    "lead_time": goods.lead_time,
    "supplier_capacity": goods.supplier_capacity,
    "budget": goods.budget,
    "whole_packs": goods.whole_packs,
}
"""One check per rule, in the order of `tables.RULES`."""

DERIVED: Mapping[str, Check] = {
    "coverage": records.coverage,
    "supply": records.supply,
    "inventory": records.inventory,
}
RECORDS: Mapping[str, Check] = {
    "fingerprint": records.fingerprint,
    "context": records.context,
    **DERIVED,
    "objective": records.objective,
    "kpis": records.kpis,
}
"""Checks of what a plan says of itself. A row that names something unknown breaks `unknown`."""


def verify(scenario: Scenario, plan: Plan) -> list[Violation]:
    """All violations of a plan; none means that it can be carried out and says the truth.

    Rows that name a cadre, site, day... the scenario does not have are violations of `unknown`;
    the other checks leave them out. With several demand cases every rule is checked in each; what is
    broken in one and not in all is told with its case.
    """
    sound, violations = known(scenario, _whole(plan))
    evidence = Evidence(scenario, plan, sound)
    if not several(scenario):
        for check in (*CHECKS.values(), *RECORDS.values()):
            violations += check(evidence)
        return violations
    violations += _case_by_case(evidence)
    for name in RECORDS.keys() - DERIVED.keys():
        violations += RECORDS[name](evidence)
    return violations


def _case_by_case(evidence: Evidence) -> list[Violation]:
    """Violations of the rules in each case, those of every case once."""
    found: dict[Violation, list[str]] = {}
    names = [case.id for case in cases(evidence.scenario)]
    for name in names:
        view = scenario_in(evidence.scenario, name)
        inside = Evidence(view, evidence.plan, tables_in(evidence.tables, name))
        for check in (*CHECKS.values(), *DERIVED.values()):
            for violation in check(inside):
                found.setdefault(violation, []).append(name)
    return [
        violation if len(of) >= len(names) else replace(violation, where=f"case={name} {violation.where}")
        for violation, of in found.items()
        for name in (of if len(of) < len(names) else of[:1])
    ]


def _whole(plan: Plan) -> dict[str, pd.DataFrame]:
    return {name: plan.tables[name] if name in plan.tables else empty(name) for name in OUTPUTS}


@dataclass(frozen=True)
class Score:
    """Terms of the objective as plan.json claims them and as the tables give them."""

    claimed: Mapping[str, float]
    terms: Mapping[str, float]

    def rows(self) -> Iterator[tuple[str, float | None, float, float | None]]:
        """(term, claimed, recomputed, difference), the objective last; None where nothing is claimed."""
        for name, value in self.terms.items():
            said = self.claimed.get(name)
            yield name, said, value, None if said is None else value - said

    def record(self) -> dict[str, Any]:
        return {
            "recomputed": dict(self.terms),
            "difference": {name: change for name, _, _, change in self.rows()},
        }


def score(scenario: Scenario, plan: Plan) -> Score:
    """The objective of a plan as it stands; rows that name something unknown count for nothing."""
    terms = measures.objective_terms(scenario, known(scenario, _whole(plan))[0])
    claimed = {**plan.terms} | ({} if plan.objective is None else {"objective": plan.objective})
    return Score(claimed, {**terms, "objective": math.fsum(terms.values())})

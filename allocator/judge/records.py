"""What a plan says of itself: its derived tables and plan.json against the recomputation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from allocator import context as contexts
from allocator import measures
from allocator.errors import Violation
from allocator.judge.evidence import Evidence
from allocator.keys import positions
from allocator.tables import OUTPUTS

TOLERANCE = 1e-6
"""Relative to max(1, value)."""


def coverage(evidence: Evidence) -> list[Violation]:
    """`coverage` lists every cell of an open site and who is there."""
    return _same(evidence, "coverage", evidence.derived.coverage)


def supply(evidence: Evidence) -> list[Violation]:
    """`supply` lists every need of an open site; between nothing and the need is used."""
    said = evidence.tables["supply"]
    wild = said[(said["used"] < 0) | (said["used"] > said["needed"])]
    key = _key("supply")
    beyond = evidence.found("supply", wild, key, "used is {used}, from 0 to {needed} can be")
    return beyond + _same(evidence, "supply", evidence.derived.supply)


def inventory(evidence: Evidence) -> list[Violation]:
    """`inventory` lists what is left of every item anywhere; no row means nothing."""
    right = evidence.ledger.rows(evidence.ledger.on_hand, "on_hand")
    return _same(evidence, "inventory", right, zeros="on_hand")


def _key(name: str) -> list[str]:
    """What tells the rows of a table apart in one case."""
    return [column for column in OUTPUTS[name].key if column != "case"]


def _same(evidence: Evidence, name: str, right: pd.DataFrame, zeros: str = "") -> list[Violation]:
    """Rows of table `name` that are missing, too many or different from the right ones."""
    table = OUTPUTS[name]
    key, values = _key(name), [c for c in table.names if c not in table.key]
    said = evidence.tables[name]
    if zeros:
        said = said[said[zeros] != 0]
    twice = said.duplicated(key).to_numpy()
    once = said[~twice].reset_index(drop=True)
    at, back = positions(right, once, key), positions(once, right, key)
    wrong = np.zeros(len(right), dtype=bool)
    for column in values:
        wrong |= (at >= 0) & (right[column].to_numpy() != _picked(once[column], at))
    shown = right[wrong].assign(said=_text(once.take(at[wrong]), values), right=_text(right[wrong], values))
    return [
        *evidence.found(name, said[twice], key, "the row stands twice"),
        *evidence.found(name, right[at < 0], key, "the row is missing"),
        *evidence.found(name, once[back < 0], key, "nothing calls for this row"),
        *evidence.found(name, shown, key, "the plan says {said}; recomputed {right}"),
    ]


def _picked(column: pd.Series, at: np.ndarray) -> np.ndarray:
    return np.append(column.to_numpy(), 0)[at]


def _text(rows: pd.DataFrame, columns: list[str]) -> list[str]:
    return [", ".join(f"{k} {v}" for k, v in row.items()) for row in rows[columns].to_dict("records")]


def fingerprint(evidence: Evidence) -> list[Violation]:
    """The plan was made for this scenario, unchanged since."""
    plan, scenario = evidence.plan, evidence.scenario
    violations = []
    if plan.scenario != scenario.settings.name:
        message = f"the plan is for {plan.scenario}, this scenario is {scenario.settings.name}"
        violations.append(Violation("fingerprint", "plan.json scenario", message))
    if plan.fingerprint != scenario.fingerprint:
        message = (
            f"the plan was made for {plan.fingerprint[:12]}, this scenario is {scenario.fingerprint[:12]}"
        )
        violations.append(Violation("fingerprint", "plan.json fingerprint", message))
    return violations


def context(evidence: Evidence) -> list[Violation]:
    """The names and places kept with the plan are the scenario's; plans of older versions keep none."""
    kept = evidence.plan.context
    if kept is None or evidence.plan.fingerprint != evidence.scenario.fingerprint:
        return []
    if contexts.same(kept, contexts.of(evidence.scenario)):
        return []
    return [Violation("context", f"folder {contexts.FOLDER}", "differs from the scenario; solve anew")]


def objective(evidence: Evidence) -> list[Violation]:
    """Objective and terms are those recomputed, and the bound does not lie above."""
    plan = evidence.plan
    right = measures.objective_terms(evidence.scenario, evidence.tables, evidence.derived)
    total = math.fsum(right.values())
    violations = []
    for name in sorted(right.keys() | plan.terms.keys()):
        violations += _differs(f"terms.{name}", plan.terms.get(name), right.get(name))
    violations += _differs("objective", plan.objective, total)
    if plan.bound is not None and not plan.bound <= total + TOLERANCE * max(1.0, abs(total)):
        message = f"the bound {plan.bound} lies above the value of the plan, {total}"
        violations.append(Violation("objective", "plan.json bound", message))
    return violations


def _differs(name: str, said: float | None, right: float | None) -> list[Violation]:
    if said is not None and right is not None and abs(said - right) <= TOLERANCE * max(1.0, abs(right)):
        return []
    message = f"the plan says {said}; recomputed {right}"
    return [Violation("objective", f"plan.json {name}", message)]


def kpis(evidence: Evidence) -> list[Violation]:
    """The figures in plan.json are those recomputed, as far as it gives them."""
    right = measures.kpis(evidence.scenario, evidence.tables, evidence.derived)
    wrong = [
        name
        for name in right
        if name in evidence.plan.kpis and not _alike(evidence.plan.kpis[name], right[name])
    ]
    return [
        Violation("kpis", f"plan.json kpis.{name}", "differs from the recomputed figures") for name in wrong
    ]


def _alike(said: Any, right: Any) -> bool:
    if isinstance(right, Mapping):
        return (
            isinstance(said, Mapping)
            and said.keys() == right.keys()
            and all(_alike(said[k], right[k]) for k in right)
        )
    if isinstance(right, list):
        return isinstance(said, list) and len(said) == len(right) and all(map(_alike, said, right))
    if isinstance(right, float):
        return isinstance(said, int | float) and abs(said - right) <= TOLERANCE * max(1.0, abs(right))
    return bool(said == right)

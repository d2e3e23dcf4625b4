"""From decisions in tables to a measured plan."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import pandas as pd

from allocator import context, measures, verifier
from allocator.certificate import Certificate
from allocator.limits import Limits
from allocator.plan import Plan, arrange
from allocator.scenario import Scenario


@dataclass(frozen=True)
class Value:
    """A plan's tables, complete, and what they come to."""

    tables: dict[str, pd.DataFrame]
    derived: measures.Derived
    terms: dict[str, float]

    @property
    def objective(self) -> float:
        return sum(self.terms.values())


def measured(scenario: Scenario, tables: Mapping[str, pd.DataFrame]) -> Value:
    """Complete the tables of decisions and work out every term of the objective."""
    whole = arrange(measures.complete(scenario, arrange(tables)))
    derived = measures.derive(scenario, whole)
    return Value(whole, derived, measures.objective_terms(scenario, whole, derived))


def plan(
    scenario: Scenario,
    limits: Limits,
    value: Value,
    bound: float | None,
    certificates: tuple[Certificate, ...],
    more: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan as it is handed out; `more` are figures beside those the judges work out."""
    return Plan(
        scenario=scenario.settings.name,
        fingerprint=scenario.fingerprint,
        versions=versions(),
        limits={"seconds": limits.seconds, "gap": limits.gap, "seed": limits.seed},
        objective=value.objective,
        bound=bound,
        terms=value.terms,
        kpis={**measures.kpis(scenario, value.tables, value.derived), **(more or {})},
        certificates=certificates,
        tables=value.tables,
        context=context.of(scenario),
    )


def judged(scenario: Scenario, limits: Limits, tables: Mapping[str, pd.DataFrame]) -> tuple[float, int]:
    """Objective of decisions, and how many violations they have, by their tables alone."""
    value = measured(scenario, tables)
    return value.objective, len(verifier.verify(scenario, plan(scenario, limits, value, None, ())))


def versions() -> dict[str, str]:
    """Versions of what made a plan."""
    found = {"python": platform.python_version()}
    for name in ("allocator", "ortools", "numpy", "pandas"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "source"
    return found

"""Rows that name something the scenario does not have; the other checks never see them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd

from allocator.errors import Violation
from allocator.keys import positions
from allocator.scenario import Scenario
from allocator.tables import OUTPUTS, TIERS, Column, Table

_FREE = ("prices", "reasons")
"""Tables for readers, which no rule concerns."""


def known(
    scenario: Scenario, tables: Mapping[str, pd.DataFrame]
) -> tuple[dict[str, pd.DataFrame], list[Violation]]:
    """The plan's tables without rows of unknown things, and a violation for each such cell."""
    sound: dict[str, pd.DataFrame] = {}
    violations: list[Violation] = []
    for name, table in OUTPUTS.items():
        frame = tables[name]
        if name in _FREE:
            sound[name] = frame
            continue
        keep = np.ones(len(frame), dtype=bool)
        for column in table.columns:
            strange = _strange(scenario, column, frame[column.name])
            if not strange.any():
                continue
            violations += _violations(table, column.name, frame[strange & keep])
            keep &= ~strange
        sound[name] = frame[keep].reset_index(drop=True)
    sound["orders"], more = _known_offers(scenario, sound["orders"])
    return sound, violations + more


def _strange(scenario: Scenario, column: Column, values: pd.Series) -> np.ndarray:
    if column.name == "day":
        return ((values < 0) | (values >= scenario.settings.days)).to_numpy()
    labels = _labels(scenario, column)
    if labels is None:
        return np.zeros(len(values), dtype=bool)
    codes, distinct = pd.factorize(values)
    return ~pd.Index(distinct).isin(labels)[codes]


def _labels(scenario: Scenario, column: Column) -> list[str] | None:
    if column.name == "tier":
        return list(TIERS)
    if column.refers == "places":
        return [*scenario.table("depots")["depot"], *scenario.table("sites")["site"]]
    if column.refers == "settings.shift":
        return [shift.id for shift in scenario.settings.shifts]
    if column.refers == "settings.batch":
        return [batch.id for batch in scenario.settings.batches]
    if column.refers == "settings.case":
        return ["", *(case.id for case in scenario.settings.cases)]
    if column.refers:
        table, _, name = column.refers.partition(".")
        return scenario.table(table)[name].tolist()
    return None


def _known_offers(scenario: Scenario, orders: pd.DataFrame) -> tuple[pd.DataFrame, list[Violation]]:
    """Orders of a known supplier for an item it does not sell."""
    pair = ["supplier", "item"]
    sold = positions(orders, scenario.table("suppliers"), pair) >= 0
    return orders[sold].reset_index(drop=True), _violations(OUTPUTS["orders"], "item", orders[~sold])


def _violations(table: Table, column: str, rows: pd.DataFrame) -> list[Violation]:
    return [
        Violation(
            "unknown", _where(table, row), f"{table.name} names {column} {row[column]}, not in the scenario"
        )
        for row in rows.to_dict("records")
    ]


def _where(table: Table, row: Mapping[Hashable, object]) -> str:
    return " ".join([f"table={table.name}", *(f"{name}={row[name]}" for name in table.key if row[name] != "")])

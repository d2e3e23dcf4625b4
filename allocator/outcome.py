"""The whole plan with a move or a fix made: its tables, and every figure measured anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from allocator import context, measures
from allocator.candidates import Move
from allocator.plan import Plan, arrange
from allocator.scenario import Scenario
from allocator.state import State

__all__ = ["measured_plan", "moved", "reused"]


def moved(state: State, move: Move) -> Plan:
    """The whole plan with the move made, measured anew; it carries no bound."""
    inst, c, j, b = state.inst, move.cadre, move.site, move.batch
    code, old = inst.cadres[c], int(state.board.site[c])
    tables = dict(state.plan.tables)
    days = np.flatnonzero(move.posts >= 0)
    posts = move.posts[days]
    posting = {"cadre": code, "batch": inst.batches[b], "site": inst.sites[j], "first_day": int(inst.first[c, b])}
    posting |= {"last_day": int(inst.last[c, b]), "minutes": round(float(inst.minutes[c, j]), 3)}
    work = pd.DataFrame(
        {
            "cadre": code,
            "day": days,
            "shift": inst.shifts[inst.post_shift[posts]],
            "site": inst.sites[j],
            "duty": inst.duties[inst.post_duty[posts]],
        }
    )
    for name, new in (("postings", pd.DataFrame([posting])), ("assignments", work)):
        kept = tables[name][tables[name]["cadre"] != code]
        tables[name] = pd.concat([kept, new], ignore_index=True) if len(new) else kept
    plus = {j: state.worn(move.posts)} | ({old: -state.worn(state.board.plan[c])} if old >= 0 else {})
    tables["supply"] = reused(state, plus)
    return measured_plan(state.scenario, state.plan, tables)


def reused(state: State, plus: dict[int, np.ndarray], more: dict[int, np.ndarray] | None = None) -> pd.DataFrame:
    """The supply table with goods used anew where kits change by `plus` or `more` arrives (site -> [I, D])."""
    supply = state.plan.tables["supply"]
    used = supply["used"].to_numpy(copy=True)
    for j, units in plus.items():
        come = np.zeros_like(units) if more is None else more[j]
        for item in np.flatnonzero(units.any(axis=1) | come.any(axis=1)):
            served = state.larder.served(j, int(item), state.kits[j, item] + units[item], come[item])
            for r, line in enumerate(state.larder.lines.get((j, int(item)), ())):
                day = np.flatnonzero(state.goods.need[line])
                used[state.supply_row[line, day]] = served.used[r, day]
    return supply.assign(used=used)


def measured_plan(scenario: Scenario, plan: Plan, tables: dict[str, pd.DataFrame]) -> Plan:
    """The plan with other tables, every figure worked out anew, and no proof."""
    full = arrange(measures.complete(scenario, arrange(tables)))
    derived = measures.derive(scenario, full)
    terms = measures.objective_terms(scenario, full, derived)
    figures = measures.kpis(scenario, full, derived)
    named = replace(plan, fingerprint=scenario.fingerprint, context=context.of(scenario), certificates=())
    named = replace(named, tables=full, kpis=figures)
    return replace(named, objective=sum(terms.values()), bound=None, terms=terms)

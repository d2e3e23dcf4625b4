"""What follows the case: rosters and shipments of each, and sites that turn out not to be ready.

Postings, openings and orders stand. In each case the teams of sites whose demand differs are rostered anew,
and goods are sent for the kits they use. A candidate not fully staffed and supplied on its first day opens on
the next day it is, in every case, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from allocator import blend, exact, layout, measures, recourse, sites
from allocator.cases import cases, together
from allocator.instance import Instance
from allocator.limits import Watch
from allocator.models import kits, supply
from allocator.models.board import Board
from allocator.models.choice import Choices
from allocator.outlook import Outlook
from allocator.plan import arrange
from allocator.recourse import Turn
from allocator.scenario import Scenario


def tables(
    seen: Outlook, board: Board, sent: supply.SupplyAnswer, prices: supply.Prices | None, watch: Watch
) -> dict[str, pd.DataFrame]:
    """The decisions of a plan for all cases, from what people do alike in all of them."""
    turns = _turns(seen, board, sent, prices, watch)
    made = _laid(seen, board, sent, prices, turns)
    days = ready(seen, made)
    return settled(seen, made, days)


def _turns(
    seen: Outlook, board: Board, sent: supply.SupplyAnswer, prices: supply.Prices | None, watch: Watch
) -> list[Turn]:
    one = len(seen.insts) == 1
    if one:
        return [Turn(board, sent)]
    stock = recourse.ordered(seen.goods, sent.orders)
    known = None if prices is None else recourse.without_suppliers(prices)
    rate = seen.goods.kit_rate
    alike = kits.used(seen.inst, rate, board.staffed)
    differs, turns = _differing(seen.insts), []
    for own in seen.insts:
        mine = recourse.rerostered(board, own, seen.opens, prices, rate, differs)
        if (kits.used(mine.inst, rate, mine.staffed) == alike).all():
            turns.append(Turn(mine, replace(sent, orders=_none(sent))))
        else:
            turns.append(recourse.sent(mine, stock, known, watch, "full" if watch.left(1.1) > 0 else "quick"))
    return turns


def _differing(insts: tuple[Instance, ...]) -> np.ndarray:
    """[J] bool: sites that ask for something else in one case than in another."""
    every = blend.cells(insts)
    apart = (every.required != every.required[:1]).any((0, 2)) | (every.target != every.target[:1]).any((0, 2))
    differs = np.zeros(len(insts[0].sites), bool)
    differs[every.keys[apart, 0]] = True
    return differs


def _none(sent: supply.SupplyAnswer) -> supply.Orders:
    return supply.Orders(*(getattr(sent.orders, name)[:0] for name in ("supplier", "day", "quantity")))


def _laid(
    seen: Outlook, board: Board, sent: supply.SupplyAnswer, prices: supply.Prices | None, turns: list[Turn]
) -> dict[str, pd.DataFrame]:
    """All decisions but openings and resumptions as tables."""
    names = [case.id for case in cases(seen.scenario)]
    each = [layout.tables(turn.board.inst, seen.goods, turn.board, turn.sent, None) for turn in turns]
    once = layout.tables(board.inst, seen.goods, board, sent, prices)
    follow = {name: together(names, [found[name] for found in each]) for name in ("assignments", "shipments", "supply")}
    return once | follow


# -- sites that open


def ready(seen: Outlook, made: Mapping[str, pd.DataFrame]) -> np.ndarray:
    """[O] first day of each site: the planned one; of a candidate the next on which nothing is short in any case."""
    scenario, choices, days = seen.scenario, seen.choices, seen.scenario.settings.days
    first = seen.opened.first_day.copy()
    if not (first[: choices.candidates] < days).any():
        return first
    short = _short(scenario, measures.derive(scenario, arrange({**made, **_as_planned(seen)})), choices)
    for o in np.flatnonzero(first[: choices.candidates] < days).tolist():
        able = np.flatnonzero(~short[o, first[o] :])
        first[o] = first[o] + able[0] if len(able) else days
    return first


def _as_planned(seen: Outlook) -> dict[str, pd.DataFrame]:
    made = seen.choices
    shape = (len(made.chance), made.people.shape[1], len(made), seen.scenario.settings.days)
    return exact.opened(seen.scenario, made, seen.opened.first_day, np.zeros(shape, np.int64))


def _short(scenario: Scenario, derived: measures.Derived, choices: Choices) -> np.ndarray:
    """[O, D] is anybody or anything short at the site in any case?"""
    codes = scenario.table("sites")["site"].to_numpy(dtype=object)[choices.site]
    number = pd.Index(codes)
    short = np.zeros((len(codes), scenario.settings.days), bool)
    for rows in (derived.coverage, derived.supply):
        at = number.get_indexer(pd.Index(rows["site"]))
        keep = (at >= 0) & (rows["shortage"].to_numpy() > 0)
        short[at[keep], rows["day"].to_numpy(dtype=np.int64)[keep]] = True
    return short


def settled(seen: Outlook, made: Mapping[str, pd.DataFrame], first: np.ndarray) -> dict[str, pd.DataFrame]:
    """The tables with sites open from their day `first` [O] only, and a place for whom there is one."""
    scenario, choices = seen.scenario, seen.choices
    codes = scenario.table("sites")["site"].to_numpy(dtype=object)[choices.site]
    opens = dict(zip(codes.tolist(), first.tolist(), strict=True))
    found = dict(made)
    for name in ("assignments", "supply"):
        rows = found[name]
        day = rows["site"].map(opens).fillna(0).to_numpy()
        found[name] = rows[rows["day"].to_numpy() >= day].reset_index(drop=True)
    return found | exact.opened(scenario, choices, first, sites.placed(choices, first))

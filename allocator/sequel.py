"""What follows the case: rosters and shipments of each, and sites that turn out not to be ready.

Postings, openings and orders stand. In each case the teams of sites whose demand differs are rostered anew,
and goods are sent for the kits they use. A site not fully staffed and supplied on its first day opens on the
next day it is, in every case, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from allocator import blend, exact, layout, measures
from allocator.cases import cases, together
from allocator.errors import NoPlanError
from allocator.goods import Goods
from allocator.instance import Instance
from allocator.limits import Watch
from allocator.models import kits, opening, supply
from allocator.models.board import Board
from allocator.models.choice import Choices
from allocator.models.field import Field
from allocator.models.worth import worth
from allocator.outlook import Outlook, moved, question
from allocator.plan import arrange
from allocator.scenario import Scenario

PASSES = 4
"""Times every member of a team finds the best shifts next to the others."""


@dataclass(frozen=True)
class Turn:
    """One case: who works, what is sent."""

    board: Board
    sent: supply.SupplyAnswer


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
    stock = _ordered(seen.goods, sent)
    known = None if prices is None else _without_suppliers(prices)
    rate = seen.goods.kit_rate
    alike = kits.used(seen.inst, rate, board.staffed)
    turns = []
    for own, differs in zip(seen.insts, _differing(seen.insts), strict=True):
        inst = blend.blended([own], np.ones(1), seen.opens)
        field = Field(inst)
        toll = np.zeros(inst.required.shape) if prices is None else kits.tolls(inst, rate, prices.kit_price)
        mine = moved(board, inst, field, worth(inst, None, toll))
        _reroster(mine, differs)
        if (kits.used(inst, rate, mine.staffed) == alike).all():
            turns.append(Turn(mine, replace(sent, orders=_none(sent))))
        else:
            turns.append(_sent(mine, stock, known, watch))
    return turns


def _differing(insts: tuple[Instance, ...]) -> list[np.ndarray]:
    """Per case [J] bool: sites that ask for something else than in another case."""
    every = blend.cells(insts)
    apart = (every.required != every.required[:1]).any((0, 2)) | (every.target != every.target[:1]).any((0, 2))
    sites = np.zeros(len(insts[0].sites), bool)
    sites[every.keys[apart, 0]] = True
    return [sites] * len(insts)


def _reroster(board: Board, sites: np.ndarray) -> None:
    """Best shifts of each member of the teams at `sites`, next to the others, one after the other."""
    team = np.flatnonzero((board.site >= 0) & sites[np.maximum(board.site, 0)])
    for _ in range(PASSES):
        before = board.value()
        board.reroster(team)
        if board.value() <= before + 1e-9:
            break


def _ordered(stock: Goods, sent: supply.SupplyAnswer) -> Goods:
    """Goods with the orders as deliveries, and nothing more to order."""
    arrivals, orders = stock.arrivals.copy(), sent.orders
    arrives = orders.day + stock.supplier_lead[orders.supplier]
    in_time = arrives < stock.days
    v = orders.supplier[in_time]
    np.add.at(
        arrivals, (stock.supplier_depot[v], stock.supplier_item[v], arrives[in_time]), orders.quantity[in_time]
    )
    names = ("item", "depot", "first", "last", "most", "lead", "cost")
    none = {f"supplier_{name}": getattr(stock, f"supplier_{name}")[:0] for name in names}
    return replace(stock, arrivals=arrivals, suppliers=(), **none)


def _none(sent: supply.SupplyAnswer) -> supply.Orders:
    return supply.Orders(*(getattr(sent.orders, name)[:0] for name in ("supplier", "day", "quantity")))


def _without_suppliers(prices: supply.Prices) -> supply.Prices:
    return replace(prices, supplier_capacity=prices.supplier_capacity[:0], orders=prices.orders[:0])


def _sent(board: Board, stock: Goods, known: supply.Prices | None, watch: Watch) -> Turn:
    """Goods for a board; shifts whose kit cannot come are withdrawn."""
    effort = "full" if watch.left(1.1) > 0 else "quick"
    for attempt in range(12):
        answer = supply.solve(stock, kits.used(board.inst, stock.kit_rate, board.staffed), watch, effort, known)
        if not answer.kit_short.any():
            return Turn(board, answer)
        kits.withdraw(board, stock.kit_rate, answer.kit_short, thorough=attempt > 6)
    raise NoPlanError("shifts whose kits are missing could not be withdrawn")


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
    """[O] first day of each site: the planned one, or the next on which nothing is short in any case."""
    scenario, choices, days = seen.scenario, seen.choices, seen.scenario.settings.days
    first = seen.opened.first_day.copy()
    if not (first < days).any():
        return first
    short = _short(scenario, measures.derive(scenario, arrange({**made, **_as_planned(seen)})), choices)
    due = first.copy()
    while True:
        for o in np.flatnonzero(first < days).tolist():
            able = np.flatnonzero(~short[o, first[o] :])
            first[o] = first[o] + able[0] if len(able) else days
        late: dict[int, int] = {}
        for before, after in choices.order:
            if choices.earliest[before] <= first[after] < first[before] < days:
                late[after] = max(late.get(after, 0), int(first[before]))
        if not late:
            return np.where(due < days, first, days)
        for o, day in late.items():
            first[o] = day


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
    return found | exact.opened(scenario, choices, first, placed(choices, first))


def placed(choices: Choices, first: np.ndarray) -> np.ndarray:
    """[K, T, O, D] people with a place, once sites open on these days."""
    cases_, townships, days = choices.people.shape
    out = np.zeros((cases_, townships, len(choices), days), np.int64)
    n = choices.candidates
    if choices.people.any() and n:
        found = opening.assess(question(choices, np.zeros((len(choices), days))), first[:n])
        assert found.moved is not None
        out[:, :, :n] = np.rint(found.moved).astype(np.int64)
    return out


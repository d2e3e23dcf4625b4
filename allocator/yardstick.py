"""What a shift and a unit of goods are worth to a city, and sites to decide on at no more than that.

A quick plan without these sites gives the prices. A post or a need of theirs is worth what serving it would cost
there, or less: so a day open comes to what it takes, or to what is missed where that is cheaper.

Goods at the mean price over the days decide better what opens than at the price of each day: second Wuxi
scenario, 100 s, two runs each, 590.0 and 591.1 against 592.1 and 592.2 thousand. The bound takes each day's
(`outlook`). Prices without the sites alone decided on 591.6, the mean with prices that count them 589.6, these alone
589.0, prices after a third decision 591.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from allocator.goods import Goods
from allocator.instance import Instance
from allocator.limits import Limits, Watch
from allocator.models import kits, lots, supply, tariff
from allocator.models.board import Board
from allocator.models.choice import Choices
from allocator.models.posting import People
from allocator.models.worth import Worth, worth

QUARTER = 0.25
"""Shifts of this share of the cadres, those worth least, would be given up first: their worth is the price of one."""


@dataclass(frozen=True)
class Market:
    """Prices of a quick plan without the sites to decide on."""

    shift: float
    """of one person for a shift, his kit aside"""
    kits: np.ndarray
    """[I, D] of a unit for a kit"""
    landed: np.ndarray
    """[J, I, D] of a unit on site; infinite where none can come"""


def market(inst: Instance, stock: Goods, limits: Limits, watch: Watch) -> Market:
    """Fill the sites once, and see what shifts and goods are worth."""
    watch.tell("opening", None, None, "prices of shifts and goods")
    people = People(inst, limits.seed)
    people.start(watch, 3)
    board = people.best
    prices = supply.prices(stock, kits.used(inst, stock.kit_rate, board.staffed))
    priced = (prices.kit_price > 0).sum(0)
    kit = prices.kit_price.sum(0) / np.maximum(1, priced)
    toll = kits.tolls(inst, stock.kit_rate, np.broadcast_to(kit, prices.kit_price.shape))
    landed = tariff.unit_price(stock, prices.goods, prices.throughput, prices.lanes)
    return Market(_shift_price(board, worth(inst, None, toll)), kit, landed)


def _shift_price(board: Board, priced: Worth) -> float:
    """What a shift is worth to those who would give theirs up first; nothing while somebody waits at home."""
    if ((board.site < 0) & (board.batch >= 0)).any():
        return 0.0
    step = priced.benefit(board.staffed) - priced.benefit(np.maximum(0, board.staffed - 1))
    c, day = np.nonzero(board.plan >= 0)
    if not len(c):
        return 0.0
    shifts = np.bincount(c, minlength=len(board.site))
    held = np.bincount(c, step[board.plan[c, day], day], len(board.site))
    return max(0.0, float(np.quantile(held[shifts > 0] / shifts[shifts > 0], QUARTER)))


def lowered(
    inst: Instance, made: Choices, market: Market, kit_rate: np.ndarray, floor: np.ndarray
) -> tuple[Instance, np.ndarray]:
    """Posts of sites to decide on worth no more than a person and his kit cost; [O, D] what all of it comes to.

    `floor` [O] is the least share of their worth that is left.
    """
    number = _numbers(len(inst.sites), made)[inst.post_site]
    price = market.shift + kit_rate[inst.post_duty] @ market.kits.mean(1)
    full = np.maximum(inst.w_required * inst.worth, 1e-12)
    least = np.append(floor, 1.0)[number]
    value = np.where(number >= 0, inst.worth * np.maximum(np.minimum(1.0, price / full), least), inst.worth)
    each = inst.w_required * inst.required + inst.w_target * (inst.target - inst.required)
    charge = np.zeros((len(made), inst.days))
    mine = np.flatnonzero(number >= 0)
    np.add.at(charge, number[mine], value[mine, None] * each[mine])
    return replace(inst, worth=value), charge


def owed(stock: Goods, made: Choices, market: Market) -> np.ndarray:
    """[O, D] what a day open takes of goods at the price on site, or misses where that is cheaper."""
    lines = lots.lines(stock, np.zeros(stock.shape, np.int64), 0.0)
    lines = lines.part(np.flatnonzero(np.isin(lines.site, made.site)))
    price = (market.landed.mean(2)[lines.site, lines.item] * lines.pack)[:, None]
    return lots.by_site(lines, lots.withheld(lines, np.repeat(price, stock.days, axis=1)), stock.sites)[made.site]


def _numbers(count: int, made: Choices) -> np.ndarray:
    """[J] number of the site among those to decide on, -1 for others."""
    number = np.full(count, -1)
    number[made.site] = np.arange(len(made))
    return number

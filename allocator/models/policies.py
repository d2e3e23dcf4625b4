"""Which of its plans each line follows: whole packs for all lines at once, by column generation.

Sets       lines r, policies q of each: the packs that come to it, by day and way; the depots' side as in `depots`
Data       penalty and distance of each policy (`lots`), units it takes from which depot and when
Decisions  share[q] of each policy
Objective  penalty + distance, least

one_policy      the shares of a line's policies add up to one
stock_balance   units of the policies leave depots where and while they are on hand
throughput      litres out of a depot in a day, where doors have a price
lane_capacity   litres on the lane to a site in a day

A line's best policy at given prices is an exact dynamic program, so the linear model's value is the Lagrangian bound
of the stage at its best prices, and all but some lines follow one policy. Where a line has shares of several, it gets
the whole packs of their mean, summed up to each day: what that takes is there.

Wuxi (11,000 lines, 28 days, seven depots; one of two shared cores, quiet, the kits of a plan): penalty + distance and
the bound at the prices in the end.

    prices, lines' own plans, raised prices and greedy deals, the best by item    5.6 s    141,917    141,531
    two rounds of policies from prices at hand, dealt as they are                 6.8 s    141,620    141,578
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from allocator.goods import Goods
from allocator.limits import Watch
from allocator.models import engine, lots, tariff
from allocator.models.builder import Builder
from allocator.models.depots import Depots, values
from allocator.models.tariff import Landing, Prices

SPREAD = (1.0, 0.99, 1.01)
"""Factors on the prices at hand at which lines make their first policies."""
ROUNDS = 6
"""Rounds at most; two or three are enough."""
CLOSE = 1e-5
"""Relative distance of the model and the bound at which the prices are right."""


@dataclass(frozen=True)
class Mixed:
    """Packs [n, D] for every line, and the prices at which it buys them."""

    packs: np.ndarray
    prices: Prices


def mixed(goods: Goods, lines: lots.Lines, prices: Prices, watch: Watch) -> Mixed | None:
    """Policies from `prices` on; None where time is up before there is one for every line."""
    model = Policies(goods, lines, prices)
    ways = model.landing(prices)
    for factor in SPREAD:
        model.offer(ways, factor)
    found = None
    for _ in range(ROUNDS):
        answer = model.solve(watch)
        if answer is None:
            return found
        prices, last = model.priced(answer, prices), ways
        ways = model.landing(prices)
        bound = model.offer(ways) + tariff.network_bound(goods, prices)
        found = Mixed(model.packs(answer), prices)
        value = float(answer.objective or 0.0)
        if value - bound <= CLOSE * max(1.0, abs(value)) or watch.stopped:
            break
        model.offer(replace(ways, price=(ways.price + last.price) / 2))
    return found


class Policies:
    """The linear model, and the policies that are in it so far."""

    def __init__(self, goods: Goods, lines: lots.Lines, prices: Prices):
        self.goods, self.lines = goods, lines
        self.build = Builder()
        self.depots = Depots(goods, self.build, doors=bool(prices.throughput.any()))
        self.lane = np.full(len(goods.lane_from), -1)
        """first row of each limited lane to a site"""
        limited = np.flatnonzero((goods.lane_to >= goods.depots) & np.isfinite(goods.lane_litres))
        if len(limited):
            rows = self.build.rows(np.repeat(goods.lane_litres[limited, None], goods.days, axis=1))
            self.lane[limited] = rows[:, 0]
        self.line_rows = self.build.rows(np.full(len(lines), -1.0))
        self.line: list[np.ndarray] = []
        self.bought: list[np.ndarray] = []
        self.first = self.build.width
        self.known: set[tuple[int, bytes]] = set()
        self.basis: engine.Basis | None = None
        self.all = False
        """is doing nothing among the policies of every line?"""

    def landing(self, prices: Prices) -> Landing:
        return tariff.landing(self.goods, prices.goods, prices.throughput, prices.lanes)

    def offer(self, ways: Landing, factor: float = 1.0) -> float:
        """Add every line's best policy at the prices of the ways times `factor`; what the lines pay in all."""
        lines = self.lines
        price = ways.price[lines.site, lines.item] * (factor * lines.pack[:, None])
        plan = lots.bought(lines, price)
        self.add(plan.packs, ways.lane[lines.site, lines.item], ways.leaves[lines.site, lines.item])
        return float(plan.cost.sum())

    def add(self, packs: np.ndarray, lane: np.ndarray, leaves: np.ndarray) -> None:
        """Add a policy of each line, packs, lanes and days of leaving [n, D], unless it is known."""
        goods, lines = self.goods, self.lines
        names = np.where(packs > 0, (packs * len(goods.lane_from) + lane) * goods.days + leaves, 0)
        new = np.array([n for n, name in enumerate(names) if (n, name.tobytes()) not in self.known], np.int64)
        self.known.update((int(n), names[n].tobytes()) for n in new)
        part, packs, lane, leaves = lines.part(new), packs[new], lane[new], leaves[new]
        units = packs * part.pack[:, None]
        penalty = np.einsum("ndk,ndk->n", lots.shortages(part, units), part.worth)
        litres = units * goods.volume[part.item][:, None]
        travel = (litres * np.append(goods.lane_cost, 0.0)[lane]).sum(axis=1)
        column = self.build.columns(new.shape, penalty + travel)
        n, day = np.nonzero(packs)
        self._leave(column[n], part.item[n], lane[n, day], leaves[n, day], units[n, day], litres[n, day])
        self.build.enter(self.line_rows[new], column, -1.0)
        self.line.append(new)
        self.bought.append(packs)

    def _leave(
        self, column: np.ndarray, item: np.ndarray, lane: np.ndarray, day: np.ndarray, units: np.ndarray,
        litres: np.ndarray,
    ) -> None:  # fmt: skip
        """stock_balance, throughput and lane_capacity of what policies take."""
        depot = self.goods.lane_from[lane]
        self.build.enter(self.depots.rows[depot, item, day], column, units.astype(float))
        if self.depots.doors:
            self.build.enter(self.depots.throughput_rows[depot, day], column, litres)
        some = self.lane[lane] >= 0
        self.build.enter(self.lane[lane[some]] + day[some], column[some], litres[some])

    def solve(self, watch: Watch) -> engine.Answer | None:
        """A solution with duals, if there is one in time: doing nothing joins the policies where it must."""
        while watch.left() > 0:
            seconds = watch.left() if np.isfinite(watch.left()) else None
            answer = engine.solve(
                self.build.model(), "glop", seconds, basis=self.basis, algorithm="primal_simplex"
            )
            self.basis = answer.basis
            if answer.x is not None and answer.duals is not None and answer.objective is not None:
                return answer
            if self.all:
                return None
            self.all = True
            nothing = np.zeros((len(self.lines), self.goods.days), np.int64)
            self.add(nothing, nothing, nothing)
        return None

    def priced(self, answer: engine.Answer, known: Prices) -> Prices:
        """Prices of a solution; of kits those that are known."""
        found, value = self.depots.priced(answer), values(answer, self.build.height)
        lanes = found.lanes
        for lane in np.flatnonzero(self.lane >= 0):
            lanes[lane] = value[self.lane[lane] : self.lane[lane] + self.goods.days]
        return replace(found, kit_price=known.kit_price, seconds=known.seconds)

    def packs(self, answer: engine.Answer) -> np.ndarray:
        """[n, D] packs of each line: no more up to any day than the shares of its policies have together."""
        assert answer.x is not None
        share = answer.x[self.first :]
        line, bought = np.concatenate(self.line)[: len(share)], np.concatenate(self.bought)[: len(share)]
        mean = np.zeros((len(self.lines), self.goods.days))
        some = share > 1e-9
        np.add.at(mean, line[some], share[some, None] * np.cumsum(bought[some], axis=1))
        return np.diff(np.floor(mean + 1e-6).astype(np.int64), axis=1, prepend=0)

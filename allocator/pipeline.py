"""From a scenario to a measured plan with a proof: post, roster, supply, bound.

The one place where what decides (instance, goods, models) meets what judges (measures).

    people      postings and rosters by very large neighbourhoods       models/posting.py
    kits        what they use up; goods priced, shifts charged          models/kits.py, supply.py
    supply      orders and shipments for what is left                   models/supply.py
    bound       people priced one by one + goods priced line by line    models/proof.py, supply.py

The bound cuts the link between people and goods with a price on every kit: people pay it, goods
earn it, and each half is bounded on its own. Their sum is a bound for the whole plan at any price.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd

from allocator import context, measures, warm
from allocator.beside import Beside
from allocator.certificate import Certificate, Status, gap
from allocator.errors import InputError, NoPlanError, Problem
from allocator.goods import Goods, goods
from allocator.instance import Instance, instance
from allocator.limits import Limits, Watch
from allocator.models import kits, proof, supply
from allocator.models.board import Board
from allocator.models.posting import People
from allocator.plan import Plan, arrange
from allocator.scenario import Scenario
from allocator.tables import TIERS

TIGHT = 1e-6
"""Relative gap at which a stage counts as optimal."""

ROUNDS = 3
"""Rounds of neighbourhoods before the annealing, and after it."""


def solve(
    scenario: Scenario, limits: Limits | None = None, watch: Watch | None = None, start: Plan | None = None
) -> Plan:
    """Solve a sound scenario; the plan is complete and measured, and carries its bound.

    `start` is a plan in hand, of this scenario or a similar one: the search begins with what of it can stand.

    Raises
    ------
    InputError
        The scenario asks for what this version does not plan for.
    NoPlanError
        A pin cannot be kept.
    """
    limits = limits or (watch.limits if watch else Limits())
    return Solve(scenario, limits, watch or Watch(limits), start).run()


@dataclass(frozen=True)
class Proof:
    """Bounds of the two halves at the same prices of kits."""

    people: float
    goods: float
    people_seconds: float
    goods_seconds: float

    @property
    def whole(self) -> float:
        return self.people + self.goods


@dataclass(frozen=True)
class Answer:
    """Decisions of both halves, before they are measured."""

    board: Board
    goods: supply.SupplyAnswer


class Solve:
    """One solve: the state between its steps."""

    def __init__(self, scenario: Scenario, limits: Limits, watch: Watch, start: Plan | None = None):
        _one_case(scenario)
        self.start = start
        self.scenario, self.limits, self.watch = scenario, limits, watch
        self.inst: Instance = instance(scenario)
        self.goods: Goods = goods(scenario)
        self.people = People(self.inst, limits.seed)
        self.prices: supply.Prices | None = None
        self.proof: Proof | None = None
        self.best: tuple[float, Answer] | None = None

    def run(self) -> Plan:
        watch, people = self.watch, self.people
        self._start()
        self._pinned()
        if self.start is None:
            people.improve(watch, 0.1, 1)
        self._charge()
        if self.limits.prove:
            self._prove_quickly()
        proving = self._prove() if self.limits.prove and watch.left(0.5) > 0 else None
        if self.start is None:
            self._keep("first plan", "quick")
        if self.start is not None and self.limits.rounds:
            people.settle(watch, 0.5)
        if not self._enough():
            hear = proving.hear if proving else None
            rounds = self.limits.rounds
            people.improve(watch, 0.75, rounds if self.start else min(ROUNDS, rounds), hear)
            if self.start is None:
                people.anneal(watch, 0.72, rounds, hear)
                people.improve(watch, 0.75, min(ROUNDS, rounds), hear)
        if watch.left(0.9) > 0:
            self._keep("plan", "full")
        elif self.best is None:
            self._keep("plan", "quick")
        if proving is not None:
            self._proved(proving)
        return self._plan()

    # -- steps -------------------------------------------------------------------------------

    def _start(self) -> None:
        """Fill the sites, or put the plan in hand on the board."""
        if self.start is None:
            self.people.start(self.watch, 3 if self.watch.left() < 15 else 4)
            return
        warm.place(self.people.search.board, self.start.tables)
        self.people.best = self.people.search.board.copy()

    def _enough(self) -> bool:
        """Is the gap already as small as asked for?"""
        if self.best is None or self.proof is None or not self.limits.gap:
            return False
        share = gap(self.best[0], self.proof.whole)
        return share is not None and share <= self.limits.gap

    def _pinned(self) -> None:
        lost = self.inst.cadres[(self.inst.must >= 0) & (self.people.best.site < 0)]
        if len(lost):
            raise NoPlanError(
                f"pins.csv: {len(lost)} cadres must be posted but no batch has a place for them: "
                f"{', '.join(map(str, lost[:5]))}; enlarge a batch or lift a pin"
            )

    def _charge(self) -> None:
        """Price the kits at what goods are worth once the plan so far has taken its own."""
        use = kits.used(self.inst, self.goods.kit_rate, self.people.best.staffed)
        found = supply.prices(self.goods, use)
        self.prices = replace(found, kit_price=_everywhere(found.kit_price))
        self.people.charge(kits.tolls(self.inst, self.goods.kit_rate, self.prices.kit_price))

    def _kit_cap(self) -> np.ndarray:
        """[J, I, D] the most kits a site can use: nobody gains from more than `target` people."""
        return kits.used(self.inst, self.goods.kit_rate, self.inst.target)

    def _prove_quickly(self) -> None:
        assert self.prices is not None
        at = self.watch.seconds
        people = proof.quick(self.people.field, self.people.search.board.worth)
        mid = self.watch.seconds
        self._note(people, self._goods_bound(), mid - at, self.watch.seconds - mid)

    def _prove(self) -> Beside:
        """Start the proof beside the search: at full size it takes as long."""
        inst = self.inst
        apart = self.limits.processes > 1 and inst.minutes.size > proof.COMPACT
        people, best = self.people, self.people.best.copy()
        worth = people.search.board.worth
        begun = self.watch.seconds

        def work(watch: Watch) -> tuple[float, float]:
            return proof.solve(people.field, worth, best, watch, 0.9), watch.seconds - begun

        return Beside(work, self.watch, apart)

    def _proved(self, proving: Beside) -> None:
        found = proving.result()
        if found is not None and self.proof is not None:
            self._note(found[0], self.proof.goods, found[1], self.proof.goods_seconds)

    def _goods_bound(self) -> float:
        assert self.prices is not None
        return float(sum(supply.bound(self.goods, self.prices, self._kit_cap())))

    def _note(self, people: float, goods_: float, people_seconds: float, goods_seconds: float) -> None:
        new = Proof(people, goods_, people_seconds, goods_seconds)
        if self.proof is None or new.whole > self.proof.whole:
            self.proof = new
        objective = None if self.best is None else self.best[0]
        self.watch.tell("bound", objective, self.proof.whole)

    def _keep(self, note: str, effort: str) -> None:
        """Supply the people's best plan, and keep it if it is the best whole plan."""
        self.watch.tell("supply", None, None, "shipments and orders")
        answer = self._supplied(self.people.best.copy(), effort)
        value = self.people.objective(answer.board) + answer.goods.objective
        if self.best is None or value < self.best[0]:
            self.best = (value, answer)
        self.watch.tell("plan", self.best[0], self.proof.whole if self.proof else None, note)

    def _supplied(self, board: Board, effort: str) -> Answer:
        """Goods for a board; shifts whose kit cannot come are withdrawn."""
        rate = self.goods.kit_rate
        for attempt in range(12):
            use = kits.used(self.inst, rate, board.staffed)
            known = self.prices if effort == "quick" else None
            answer = supply.solve(self.goods, use, self.watch, effort, known)
            if not answer.kit_short.any():
                return Answer(board, answer)
            kits.withdraw(board, rate, answer.kit_short, thorough=attempt > 6)
        raise NoPlanError("shifts whose kits are missing could not be withdrawn")

    # -- the plan ----------------------------------------------------------------------------

    def _plan(self) -> Plan:
        assert self.best is not None
        answer = self.best[1]
        tables = arrange(_tables(self.scenario, self.inst, self.goods, answer, self.prices))
        tables = arrange(measures.complete(self.scenario, tables))
        derived = measures.derive(self.scenario, tables)
        terms = measures.objective_terms(self.scenario, tables, derived)
        objective = sum(terms.values())
        self._agree(objective)
        proof_ = self.proof
        bound = None if proof_ is None else min(objective, max(0.0, proof_.whole))
        return Plan(
            scenario=self.scenario.settings.name,
            fingerprint=self.scenario.fingerprint,
            versions=versions(),
            limits={"seconds": self.limits.seconds, "gap": self.limits.gap, "seed": self.limits.seed},
            objective=objective,
            bound=bound,
            terms=terms,
            kpis=measures.kpis(self.scenario, tables, derived),
            certificates=self._certificates(answer, objective, bound),
            tables=tables,
            context=context.of(self.scenario),
        )

    def _agree(self, objective: float) -> None:
        """A bound above a plan is no bound: better to prove nothing than to show it."""
        if self.proof is not None and self.proof.whole > objective + TIGHT * max(1.0, abs(objective)):
            self.watch.tell("bound", objective, None, "contradicts the plan and is dropped: please report")
            self.proof = None

    def _certificates(self, answer: Answer, objective: float, bound: float | None) -> tuple[Certificate, ...]:
        seconds = self.watch.seconds
        proof_, prices = self.proof, self.prices
        if proof_ is None or prices is None:
            return (Certificate("plan", Status.FEASIBLE, objective, None, seconds, "allocator"),)
        paid = float((self.people.toll * answer.board.staffed).sum())
        people = self.people.objective(answer.board) + paid
        goods_ = answer.goods.objective - paid
        return (
            _certificate("staffing", people, proof_.people, proof_.people_seconds, "search + dual prices"),
            _certificate("supply", goods_, proof_.goods, proof_.goods_seconds, "dealing + lot-sizing dual"),
            _certificate("plan", objective, bound, seconds, "allocator"),
        )


def _everywhere(price: np.ndarray) -> np.ndarray:
    """Kit prices [J, I, D] as their city-wide mean where there is one.

    The bound holds at any kit prices; with equal ones, sites of equal demand stay equal and share
    the work of the proof.
    """
    priced = (price > 0).sum(0)
    mean = price.sum(0) / np.maximum(1, priced)
    return np.broadcast_to(mean, price.shape).copy()


def _certificate(stage: str, objective: float, bound: float | None, seconds: float, solver: str) -> Certificate:
    bound = None if bound is None else min(bound, objective)
    share = gap(objective, bound)
    status = Status.OPTIMAL if share is not None and share <= TIGHT else Status.FEASIBLE
    return Certificate(stage, status, objective, bound, seconds, solver)


def versions() -> dict[str, str]:
    """Versions of what made a plan."""
    found = {"python": platform.python_version()}
    for name in ("allocator", "ortools", "numpy", "pandas"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "source"
    return found


def _one_case(scenario: Scenario) -> None:
    if len(scenario.settings.cases) > 1:
        raise InputError(
            [
                Problem(
                    "scenario.toml", None, "case", str(len(scenario.settings.cases)),
                    "this version plans for one case; keep one [[case]], or none", "several_cases",
                )
            ]
        )


def _tables(
    scenario: Scenario, inst: Instance, stock: Goods, answer: Answer, prices: supply.Prices | None
) -> dict[str, pd.DataFrame]:
    board, sent = answer.board, answer.goods
    c = np.flatnonzero(board.site >= 0)
    postings = pd.DataFrame(
        {
            "cadre": inst.cadres[c],
            "batch": inst.batches[board.batch[c]],
            "site": inst.sites[board.site[c]],
            "first_day": inst.first[c, board.batch[c]],
            "last_day": inst.last[c, board.batch[c]],
            "minutes": np.round(inst.minutes[c, board.site[c]], 3),
        }
    )
    row, day = np.nonzero(board.plan >= 0)
    post = board.plan[row, day]
    assignments = pd.DataFrame(
        {
            "cadre": inst.cadres[row],
            "day": day,
            "shift": inst.shifts[inst.post_shift[post]],
            "site": inst.sites[inst.post_site[post]],
            "duty": inst.duties[inst.post_duty[post]],
        }
    )
    people = {"postings": postings, "assignments": assignments}
    return people | _goods_tables(stock, sent) | {"prices": _prices(prices, stock)}


def _goods_tables(stock: Goods, sent: supply.SupplyAnswer) -> dict[str, pd.DataFrame]:
    places, items = np.array(stock.places, object), np.array(stock.items, object)
    shipments = pd.DataFrame(
        {
            "day": sent.shipments.day,
            "arrives": sent.shipments.arrives,
            "origin": places[sent.shipments.origin],
            "destination": places[sent.shipments.destination],
            "item": items[sent.shipments.item],
            "quantity": sent.shipments.quantity,
        }
    )
    offer = sent.orders.supplier
    orders = pd.DataFrame(
        {
            "supplier": np.array(stock.suppliers, object)[offer],
            "item": items[stock.supplier_item[offer]],
            "day": sent.orders.day,
            "quantity": sent.orders.quantity,
            "cost": sent.orders.quantity * stock.supplier_cost[offer],
        }
    )
    line, day = np.nonzero(stock.need > 0)
    used = pd.DataFrame(
        {
            "site": places[stock.depots + stock.need_site[line]],
            "item": items[stock.need_item[line]],
            "tier": np.array(TIERS, object)[stock.need_tier[line]],
            "day": day,
            "needed": stock.need[line, day],
            "used": sent.used[line, day],
            "shortage": stock.need[line, day] - sent.used[line, day],
        }
    )
    return {"shipments": shipments, "orders": orders, "supply": used}


def _prices(prices: supply.Prices | None, stock: Goods) -> pd.DataFrame:
    """What one more unit of goods at a depot on the first day, of budget, would save."""
    rows: list[dict[str, Any]] = []
    if prices is not None:
        for n in range(stock.depots):
            for i, item in enumerate(stock.items):
                value = float(prices.goods[n, i, 0])
                if value > 0:
                    key = f"depot={stock.places[n]} item={item} day=0"
                    rows.append({"rule": "stock_balance", "key": key, "shadow_price": value, "unit": "penalty/unit"})
        if prices.budget > 0:
            rows.append({"rule": "budget", "key": "budget", "shadow_price": prices.budget, "unit": "penalty/yuan"})
    return pd.DataFrame(rows, columns=["rule", "key", "shadow_price", "unit"]).assign(less=0.0, more=0.0)


__all__ = ["solve"]

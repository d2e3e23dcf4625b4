"""From a scenario to a measured plan with a proof: post, roster, supply, bound.

The one place where what decides (instance, goods, models) meets what judges (measures).

    people      postings and rosters: neighbourhoods, annealing, teams  models/posting.py
    kits        what they use up; goods priced, shifts charged          models/kits.py, supply.py
    supply      orders and shipments for what is left                   models/supply.py
    bound       people and their teams priced + goods line by line      models/proof.py, supply.py

The bound cuts the link between people and goods with a price on every kit: people pay it, goods
earn it, and each half is bounded on its own. Their sum is a bound for the whole plan at any price.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from allocator import exact, finish, layout, parts, sequel, warm
from allocator.beside import Beside
from allocator.certificate import Certificate, Status, gap
from allocator.errors import NoPlanError
from allocator.finish import versions
from allocator.goods import Goods, goods
from allocator.instance import Instance, instance
from allocator.limits import Limits, Watch
from allocator.models import kits, proof, quick, supply
from allocator.models.board import Board
from allocator.models.field import Field
from allocator.models.posting import People
from allocator.models.proved import Proved
from allocator.models.worth import Worth, worth
from allocator.outlook import Outlook, outlook
from allocator.plan import Plan
from allocator.proven import TIGHT, Proof, certificate
from allocator.scenario import Scenario
from allocator.timetable import AGAIN, EARLY, FEW, LATE, MANY, SHORT, Timetable

ROUNDS = 3
"""Rounds of neighbourhoods before the annealing, and after it."""
CONTRADICTED = "contradicts the plan and is dropped: please report"


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
    watch = watch or Watch(limits)
    if exact.asked(scenario):
        found = exact.solve(scenario, limits, watch)
        if found is not None:
            return found
        return Solve(scenario, limits, watch, None, outlook(scenario, limits, watch)).run()
    division = parts.division(scenario)
    if division is not None:
        from allocator import province  # which makes solves of its own

        return province.solve(scenario, division, limits, watch, start)
    return Solve(scenario, limits, watch, start).run()


@dataclass(frozen=True)
class Answer:
    """Decisions of both halves, before they are measured."""

    board: Board
    goods: supply.SupplyAnswer


class Solve:
    """One solve: the state between its steps."""

    def __init__(
        self, scenario: Scenario, limits: Limits, watch: Watch, start: Plan | None = None, seen: Outlook | None = None,
        like: Proved | None = None,
    ):  # fmt: skip
        self.start, self.seen = start, seen
        self.like = like
        """what is known of a city like this one"""
        self.scenario, self.limits, self.watch = scenario, limits, watch
        self.inst: Instance = instance(scenario) if seen is None else seen.inst
        self.goods: Goods = goods(scenario) if seen is None else seen.goods
        self.people = People(self.inst, limits.seed)
        self.prices: supply.Prices | None = None
        self.proof: Proof | None = None
        self.proved: Proved | None = None
        self.best: tuple[float, Answer] | None = None
        large, known = self.inst.minutes.size > proof.COMPACT, like is not None and len(like.named) > 0
        self.timetable = Timetable(limits, large, start is not None, known)

    def run(self) -> Plan:
        self.decide()
        return self._plan()

    def decide(self) -> None:
        """Search and prove until time is up or nothing more is to be gained; `best`, `prices`, `proved` tell what."""
        watch, people, times = self.watch, self.people, self.timetable
        self._start()
        self._pinned()
        self._charge()
        prove = self.limits.prove and (self.seen is None or self.seen.provable)
        if self.start is None and watch.left() < SHORT:
            people.improve(watch, LATE, times.soon[1])
        judging = self._first(prove) if self.start is None else None
        if prove and self.proof is None:
            self._quickly(*self._quick_bound(watch))
        if self._anew():
            hear = judging.hear if judging else None
            people.start(watch, MANY, hear)
            people.improve(watch, EARLY, ROUNDS, hear)
        if judging is not None:
            judging.result()
        # what is known of a city like this one gives a far better bound in seconds than a first one
        soon = (times.known and not watch.stopped) or watch.left(0.7) > 0
        proving = self._prove(self.like) if prove and soon else None
        if self.start is not None and self.limits.rounds:
            people.settle(watch, 0.5)
        if not self._enough():
            hear = self._beside(proving)
            rounds = self.limits.rounds
            people.improve(watch, times.searched, rounds if self.start else min(ROUNDS, rounds), hear)
            if self.start is None and watch.left(times.rounds) > 0:
                people.anneal(watch, times.annealed if proving is not None else times.rounds, times.cooling, hear)
                if proving is not None and times.assembling:
                    proving = self._assembled(proving, times.rounds)
                hear = self._beside(proving)
                people.improve(watch, times.searched, min(ROUNDS, rounds), hear)
                people.roster(watch, times.searched, hear)
        if watch.left(times.ends) > 0:
            self._keep("plan", "full")
        elif self.best is None:
            self._keep("plan", "quick")
        if proving is not None:
            self._proved(proving)
            if times.in_turn:
                self._anew_after(proving)
            elif times.large and watch.left(times.ends) > AGAIN and not self._enough():
                self._proved(self._prove(self.proved))

    # -- steps -------------------------------------------------------------------------------

    def _anew_after(self, proving: Beside) -> None:
        """Put the plan together anew at the prices of a proof that has ended."""
        prices = proving.shared()
        if prices is not None and not self._enough():
            assembled, rostered = self.timetable.anew
            self.people.assemble(self.watch, assembled, prices)
            self.people.roster(self.watch, rostered)
            self._keep("plan", "full")

    def _assembled(self, proving: Beside, until: float) -> Beside:
        """Put the plan together anew; a proof that has ended goes on from the plan so far. The proof under way."""
        prices = proving.shared()
        if proving.done and self.watch.left(self.timetable.ends) > AGAIN:
            self._proved(proving)
            proving = self._prove(self.proved)
        if prices is not None:
            self.people.assemble(self.watch, until, prices, self._beside(proving))
        return proving

    def _beside(self, proving: Beside | None) -> Callable[[], None] | None:
        """Hear the news of the proof, and show it the plan as it is with its prices of fairness.

        Without a limit it sees none of that: what it comes to would depend on which of the two is faster.
        """
        if proving is None or self.seen is not None or not np.isfinite(self.limits.seconds or np.inf):
            return proving.hear if proving else None

        def hear() -> None:
            board = self.people.search.board
            proving.hear()
            proving.show((board.site, board.batch, self._worth().first))

        return hear

    def _anew(self) -> bool:
        """Is there time to fill the sites once for a first plan, and once more for a better start?"""
        return self.start is None and self.seen is None and self.watch.left() >= SHORT

    def _start(self) -> None:
        """Fill the sites, or put the plan in hand on the board."""
        if self.start is None:
            many = self.seen is not None and self.watch.left() >= SHORT
            self.people.start(self.watch, MANY if many else min(FEW, self.timetable.soon[0]))
            return
        warm.place(self.people.search.board, self.start.tables)
        self.people.best = self.people.search.board.copy()

    def _enough(self) -> bool:
        """Is the gap already as small as asked for?"""
        if self.best is None or self.proof is None or not self.limits.gap or self.seen is not None:
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

    def _first(self, prove: bool) -> Beside | None:
        """A first plan, soon; what judges looks at it while the search goes on."""
        quickly = Beside(self._quick_bound, self.watch, self.timetable.apart) if prove else None
        self._supply("quick")
        found = quickly.result() if quickly is not None else None
        if found is not None:
            self._quickly(*found)
        self._told("first plan")
        if not (self.timetable.apart and self._anew()):
            return None
        assert self.best is not None
        answer, bound = self.best[1], self.proof.whole if self.proof else None
        tables = layout.tables(self.inst, self.goods, answer.board, answer.goods, self.prices)

        def judge(watch: Watch) -> None:
            objective, broken = finish.judged(self.scenario, self.limits, tables)
            note = f"first plan breaks {broken} rules" if broken else "first plan, verified"
            watch.tell("plan", objective, bound, note)

        return Beside(judge, self.watch, True)

    def _quick_bound(self, watch: Watch) -> tuple[Proved, float, float, float, float]:
        """Bounds of people, goods and sites at the prices of kits as they are; the seconds of the first two."""
        at = watch.seconds
        field, value, _ = self._bounded()
        people = quick.prove(field, value)
        if self.seen is None and self.people.price.any():
            # prices of fairness of a plan that has hardly been worked on may say less than none
            plain = quick.prove(field, worth(self.inst, None, self.people.toll))
            people = max(people, plain, key=lambda found: found.bound)
        mid = watch.seconds
        goods_ = self._goods_bound()
        return people, goods_, self._sites_bound(watch), mid - at, watch.seconds - mid

    def _bounded(self) -> tuple[Field, Worth, Board]:
        """What the bound of the people half is for: the question itself, or one that no plan of it can beat."""
        if self.seen is None:
            return self.people.field, self._worth(), self.people.best.copy()
        assert self.prices is not None
        return self.seen.bounded(self.people.best, self.prices)

    def _worth(self) -> Worth:
        """What shifts are worth in the bound of a city whose sites are given."""
        return self.people.search.board.worth

    def _prove(self, like: Proved | None) -> Beside:
        """Start the proof beside the search: at full size it takes as long. `like` is what is known so far."""
        field, value, board = self._bounded()
        begun = self.watch.seconds

        def work(watch: Watch) -> tuple[Proved, float]:
            return proof.solve(field, value, board, watch, self.timetable.proved, like), watch.seconds - begun

        return Beside(work, self.watch, self.timetable.apart)

    def _proved(self, proving: Beside) -> None:
        found = proving.result()
        if found is not None and self.proof is not None:
            if self.proved is None or found[0].bound > self.proved.bound:
                self.proved = found[0]
            self._note(found[0].bound, self.proof.goods, self.proof.sites, found[1], self.proof.goods_seconds)

    def _goods_bound(self) -> float:
        assert self.prices is not None
        if self.seen is not None:
            return self.seen.goods_bound(self.prices)
        return float(sum(supply.bound(self.goods, self.prices, self._kit_cap())))

    def _sites_bound(self, watch: Watch) -> float:
        """What openings and resumptions add to the bound, at the prices of kits and goods as they are."""
        if self.seen is None:
            return 0.0
        assert self.prices is not None
        return self.seen.sites_bound(self.prices, watch)

    def _quickly(self, people: Proved, *more: float) -> None:
        self.proved = people
        self._note(people.bound, *more)

    def _note(self, people: float, goods_: float, sites: float, people_seconds: float, goods_seconds: float) -> None:
        new = Proof(people, goods_, people_seconds, goods_seconds, sites)
        if self.proof is None or new.whole > self.proof.whole:
            self.proof = new
        objective = None if self.best is None or self.seen is not None else self.best[0]
        self.watch.tell("bound", objective, self.proof.whole)

    def _keep(self, note: str, effort: str) -> None:
        """Supply the people's best plan, and keep it if it is the best whole plan."""
        self._supply(effort)
        self._told(note)

    def _supply(self, effort: str) -> None:
        self.watch.tell("supply", None, None, "shipments and orders")
        answer = self._supplied(self.people.best.copy(), effort)
        value = self.people.objective(answer.board) + answer.goods.objective
        if self.best is None or value < self.best[0]:
            self.best = (value, answer)

    def _told(self, note: str) -> None:
        """Say how good the plan in hand is; what sites and cases cost is worked out at the end only."""
        assert self.best is not None
        if self.seen is not None:
            self.watch.tell("people, goods", self.best[0], None, note)
        else:
            self.watch.tell("plan", self.best[0], self.proof.whole if self.proof else None, note)

    def _supplied(self, board: Board, effort: str) -> Answer:
        """Goods for a board; shifts whose kit cannot come are withdrawn."""
        rate = self.goods.kit_rate
        for attempt in range(12):
            use = kits.used(self.inst, rate, board.staffed)
            answer = supply.solve(self.goods, use, self.watch, effort, self.prices)
            if not answer.kit_short.any():
                return Answer(board, answer)
            kits.withdraw(board, rate, answer.kit_short, thorough=attempt > 6)
        raise NoPlanError("shifts whose kits are missing could not be withdrawn")

    # -- the plan ----------------------------------------------------------------------------

    def _plan(self) -> Plan:
        assert self.best is not None
        answer = self.best[1]
        if self.seen is None:
            tables = layout.tables(self.inst, self.goods, answer.board, answer.goods, self.prices)
        else:
            tables = sequel.tables(self.seen, answer.board, answer.goods, self.prices, self.watch)
        value = finish.measured(self.scenario, tables)
        self._agree(value.objective)
        proved = None if self.proof is None or not np.isfinite(self.proof.whole) else self.proof.whole
        bound = None if proved is None else min(value.objective, max(0.0, proved))
        certificates = self._certificates(answer, value.objective, bound)
        return finish.plan(self.scenario, self.limits, value, bound, certificates)

    def _agree(self, objective: float) -> None:
        """A bound above a plan is no bound: better to prove nothing than to show it."""
        if self.proof is not None and self.proof.whole > objective + TIGHT * max(1.0, abs(objective)):
            self.watch.tell("bound", objective, None, CONTRADICTED)
            self.proof = None

    def _certificates(self, answer: Answer, objective: float, bound: float | None) -> tuple[Certificate, ...]:
        seconds = self.watch.seconds
        proof_, prices = self.proof, self.prices
        if proof_ is None or prices is None:
            return (Certificate("plan", Status.FEASIBLE, objective, None, seconds, "allocator"),)
        if self.seen is not None:
            return (*self.seen.opened.certificates, certificate("plan", objective, bound, seconds, "allocator"))
        paid = float((self.people.toll * answer.board.staffed).sum())
        people = self.people.objective(answer.board) + paid
        goods_ = answer.goods.objective - paid
        return (
            certificate("staffing", people, proof_.people, proof_.people_seconds, "search + dual prices"),
            certificate("supply", goods_, proof_.goods, proof_.goods_seconds, "dealing + lot-sizing dual"),
            certificate("plan", objective, bound, seconds, "allocator"),
        )


def _everywhere(price: np.ndarray) -> np.ndarray:
    """Kit prices [J, I, D] as their city-wide mean where there is one.

    The bound holds at any kit prices; with equal ones, sites of equal demand stay equal and share
    the work of the proof.
    """
    priced = (price > 0).sum(0)
    mean = price.sum(0) / np.maximum(1, priced)
    return np.broadcast_to(mean, price.shape).copy()


__all__ = ["solve", "versions"]

"""What is decided before people and goods: which sites open or resume, for demand that is one of several cases.

For scenarios too large for one integer program. A quick plan without the sites to decide on prices a shift
and a unit of goods. At these prices, `charge`, every site that could open is staffed and supplied, or left
short where that is cheaper; `opening` and `reopening` decide with them. People and goods are then planned
for all cases at once (`blend`), and may follow the case afterwards (`sequel`).

The bound holds for any decision: sites to decide on count as open from their earliest day, with what a
missing person or unit costs there lowered to what one costs: people at the prices of the quick plan, goods
at those of the bound itself, day by day, so that nobody gains by serving them. An open day costs at least what
is missing then; a closed day is given that, `charge`, back, and what opens pays it in the bounds of openings
and resumptions:

    people + goods, all open at lowered worth  -  sum of charge  +  openings at charge  +  resumptions at charge
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from allocator import blend, sites, yardstick
from allocator.cases import cases, scenario_in
from allocator.certificate import Certificate
from allocator.goods import Goods, goods
from allocator.instance import Instance, asking, instance
from allocator.limits import Limits, Watch
from allocator.models import kits, opening, reopening, supply
from allocator.models.board import Board
from allocator.models.choice import Choices
from allocator.models.field import Field
from allocator.models.worth import Worth, worth
from allocator.scenario import Scenario

SECONDS = 20.0
"""Time for openings, and for resumptions, where no limit is given."""


@dataclass(frozen=True)
class Opened:
    """What opens."""

    first_day: np.ndarray
    """[O], D where it stays closed"""
    certificates: tuple[Certificate, ...]


@dataclass(frozen=True)
class Outlook:
    """Everything the search for people and goods is asked, and what bounds it."""

    scenario: Scenario
    choices: Choices
    opened: Opened
    insts: tuple[Instance, ...]
    """Per case, with the sites that open."""
    stock: Goods
    """The same for goods."""
    ceiling: Instance
    """Mean demand with everything open, at lowered worth."""
    asked: Goods
    """Needs with everything open."""
    paid: np.ndarray
    """[O, D] what `ceiling` comes to where nobody is there."""
    floor: np.ndarray
    """[J] share of their worth that needs keep in the bound, 1 at sites that are open anyway."""
    most: np.ndarray
    """[J, I, D] the most kits of any case."""

    @cached_property
    def opens(self) -> np.ndarray:
        """[J] first day of candidates that open, and must be ready then; -1 elsewhere."""
        inst, n = self.insts[0], self.choices.candidates
        opens, first = np.full(len(inst.sites), -1), self.opened.first_day[:n]
        opens[self.choices.site[:n]] = np.where(first < inst.days, first, -1)
        return opens

    @cached_property
    def inst(self) -> Instance:
        """What people do in all cases alike; what opens comes first."""
        return blend.blended(self.insts, self.choices.chance, self.opens)

    @cached_property
    def goods(self) -> Goods:
        return blend.readied(self.stock, self.opens)

    @cached_property
    def field(self) -> Field:
        return Field(self.ceiling)

    @property
    def provable(self) -> bool:
        """A wish worth more than what is required would bend the penalty of a mean demand the wrong way."""
        return self.ceiling.w_required >= self.ceiling.w_target or len(self.insts) == 1

    def sites_bound(self, prices: supply.Prices, watch: Watch) -> float:
        """What people and goods at lowered worth fall short of the whole plan's bound; -inf where nothing is proved."""
        if not len(self.choices):
            return 0.0
        charge = self.paid + supply.charge(self.asked, prices, self.floor)[self.choices.site]
        return _least(self.choices, charge, watch) - float(charge.sum())

    def bounded(self, board: Board, prices: supply.Prices) -> tuple[Field, Worth, Board]:
        """What the proof of the people half is about, and the plan in hand there."""
        inst = self.ceiling
        priced = worth(inst, None, kits.tolls(inst, self.asked.kit_rate, prices.kit_price))
        return self.field, priced, blend.moved(board, inst, self.field, priced)

    def goods_bound(self, prices: supply.Prices) -> float:
        return float(sum(supply.bound(self.asked, prices, self.most, self.floor)))


def outlook(scenario: Scenario, limits: Limits, watch: Watch) -> Outlook:
    """Decide what opens and resumes, and lay all cases together."""
    made = sites.choices(scenario)
    views = [scenario_in(scenario, case.id) for case in cases(scenario)]
    closed = [instance(views[0])]
    closed += [asking(closed[0], view) for view in views[1:]]
    stock = goods(views[0])
    nothing = np.full(len(closed[0].sites), -1)
    if not len(made):
        ceiling, nought = blend.mean(closed, made.chance), np.zeros((0, stock.days))
        return Outlook(
            scenario, made, _opened(made, nought, nought, watch), tuple(closed), stock, ceiling, stock, nought,
            np.ones(stock.sites), _most(closed, stock),
        )  # fmt: skip
    market = yardstick.market(blend.blended(closed, made.chance, nothing), stock, limits, watch)
    every = _codes(scenario, made, made.earliest)
    open_ = [asking(closed[0], view, every) for view in views]
    whole, needs = blend.mean(open_, made.chance), goods(views[0], every)

    def at(floor: np.ndarray) -> np.ndarray:
        owed = yardstick.owed(needs, made, market, floor)
        return yardstick.lowered(whole, made, market, stock.kit_rate, floor)[1] + owed

    floor = _bearable(made, at(np.ones(len(made))))
    ceiling, paid = yardstick.lowered(whole, made, market, stock.kit_rate, floor)
    opened = _opened(made, at(np.zeros(len(made))), at(floor), watch)
    chosen = _codes(scenario, made, opened.first_day)
    insts = tuple(asking(closed[0], view, chosen) for view in views)
    kept = np.ones(stock.sites)
    kept[made.site] = floor
    return Outlook(
        scenario, made, opened, insts, goods(views[0], chosen), ceiling, needs, paid, kept, _most(open_, needs)
    )


def _codes(scenario: Scenario, made: Choices, first_day: np.ndarray) -> dict[str, int]:
    codes, days = scenario.table("sites")["site"].to_numpy(dtype=object), scenario.settings.days
    return {str(codes[j]): int(d) for j, d in zip(made.site, first_day, strict=True) if d < days}


def _most(insts: list[Instance], stock: Goods) -> np.ndarray:
    return np.max([kits.used(inst, stock.kit_rate, inst.target) for inst in insts], axis=0)


def _bearable(made: Choices, penalty: np.ndarray) -> np.ndarray:
    """[O] share of an open site's `penalty` [O, D] that staying closed costs as well, whatever day it opens.

    A site that counts as open at no more than this share of its worth never gains by staying closed: nothing
    of the bound is lost on it. Candidates cost nothing while closed.
    """
    share = np.zeros(len(made))
    for o in range(made.candidates, len(made)):
        due = np.cumsum(penalty[o, made.earliest[o] :])
        paid = made.closed[o] * np.arange(1, len(due) + 1)
        some = due > 0
        share[o] = min(1.0, float((paid[some] / due[some]).min(initial=1.0)))
    return share


def _opened(made: Choices, price: np.ndarray, charge: np.ndarray, watch: Watch) -> Opened:
    """Openings where a day open costs `charge` [O, D], resumptions where it costs `price`."""
    n = made.candidates
    first = np.full(len(made), charge.shape[1])
    told: list[Certificate] = []
    if made.people.any():
        found = opening.solve(sites.question(made, charge), _part(watch))
        told.append(found.certificate)
        if found.first_day is not None:
            first[:n] = found.first_day
    if len(made) > n:
        first[n:] = _resumed(made, price, watch)
    return Opened(first, tuple(told))


def _least(made: Choices, charge: np.ndarray, watch: Watch) -> float:
    """The least that openings and resumptions cost where an open day costs `charge` [O, D]; -inf: no proof."""
    n, least = made.candidates, 0.0
    if made.people.any():
        proved = opening.solve(sites.question(made, charge), _part(watch)).certificate.bound
        if proved is None:
            return -np.inf
        least = proved
    waited = made.closed[n:] * np.maximum(charge.shape[1] - made.earliest[n:], 0)
    return least + float((waited - _gains(made, charge).max(1, initial=0.0)).sum())


def _part(watch: Watch) -> Watch:
    """A clock of its own for one of the decisions."""
    seconds = min(SECONDS, 0.08 * (watch.limits.seconds or np.inf))
    return Watch(Limits(seconds=seconds, seed=watch.limits.seed), watch.listen, _stop=watch._stop)


def _gains(made: Choices, charge: np.ndarray) -> np.ndarray:
    """[applications, D + 1] what resuming on a day saves, over never; -inf before the earliest day."""
    n, days = made.candidates, charge.shape[1]
    daily = made.closed[n:, None] - charge[n:]
    saved = np.cumsum(daily[:, ::-1], axis=1)[:, ::-1]
    saved = np.where(np.arange(days) >= made.earliest[n:, None], saved, -np.inf)
    return np.column_stack([saved, np.zeros(len(saved))])


def _resumed(made: Choices, charge: np.ndarray, watch: Watch) -> np.ndarray:
    """First days of applications, in order; those that are not worth what they use never resume."""
    n, days = made.candidates, charge.shape[1]
    first = np.full(len(made) - n, days)
    some = np.flatnonzero(_gains(made, charge).max(1) > 0)
    if not len(some):
        return first
    rank = np.zeros(len(first), np.int64)
    before, after = (np.array(made.order, np.int64).reshape(-1, 2) - n).T
    for _ in range(4):
        np.maximum.at(rank, after, rank[before] + 1)
    nothing = np.zeros((len(some), 1, days))
    asked = reopening.Applications(
        made.closed[n:][some], made.earliest[n:][some], rank[some], nothing, np.full((1, days), np.inf),
        charge[n:][some],
    )  # fmt: skip
    start = _in_turn(asked)
    found = reopening.solve(asked, _part(watch), 1e-4, start)
    first[some] = found.first_day
    return first


def _in_turn(asked: reopening.Applications) -> np.ndarray:
    """[J] everybody on the earliest day: nobody is passed by one of a later class."""
    return np.minimum(asked.earliest, asked.shape[2])


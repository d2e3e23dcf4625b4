"""What is decided before people and goods: which sites open or resume, for demand that is one of several cases.

For scenarios too large for one integer program. A quick plan without the sites to decide on prices a shift
and a unit of goods. At these prices, `charge`, every site that could open is staffed and supplied, or left
short where that is cheaper; `opening` and `reopening` decide with them. What opens makes people and goods dearer:
a quick plan with these sites gives new prices, at which it is decided anew. People and goods are then planned
for all cases at once (`blend`), and may follow the case afterwards (`sequel`).

The bound holds for any decision: sites to decide on count as open from their earliest day, with what a
missing person costs there lowered to what one costs at the prices of the quick plan, so that nobody gains by
serving them. An open day costs at least what is missing then, and what its needs add to the cheapest goods of
the site (`lots.withheld`); a closed day is given that, `charge`, back, and what opens pays it in the bounds of
openings and of resumptions, which keep their order:

    people + goods, all open  -  sum of charge  +  openings at charge  +  resumptions at charge

Second Wuxi scenario, at one plan and its prices: what the plan's sites cost above this, 5.3 thousand while needs
were charged as if nothing were on hand and resumptions bounded one by one, 2.5 as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

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
DECIDED = 0.25, 1.0
"""Shares of that time for a first decision, at prices without these sites, and one at prices with those that open."""
NEAR = 1e-4
"""Gap at which resumptions are as good as decided."""


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
        charge = self.paid + supply.charge(self.asked, prices, self.most, self.choices.site)
        return _least(self.choices, charge, watch) - float(charge.sum())

    def bounded(self, board: Board, prices: supply.Prices) -> tuple[Field, Worth, Board]:
        """What the proof of the people half is about, and the plan in hand there."""
        inst = self.ceiling
        priced = worth(inst, None, kits.tolls(inst, self.asked.kit_rate, prices.kit_price))
        return self.field, priced, blend.moved(board, inst, self.field, priced)

    def goods_bound(self, prices: supply.Prices) -> float:
        return float(sum(supply.bound(self.asked, prices, self.most)))


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
            scenario, made, _opened(made, nought, watch), tuple(closed), stock, ceiling, stock, nought,
            _most(closed, stock),
        )  # fmt: skip
    every = _codes(scenario, made, made.earliest)
    open_ = [asking(closed[0], view, every) for view in views]
    whole, needs = blend.mean(open_, made.chance), goods(views[0], every)

    def at(first_day: np.ndarray) -> tuple[tuple[Instance, ...], Goods]:
        chosen = _codes(scenario, made, first_day)
        return tuple(asking(closed[0], view, chosen) for view in views), goods(views[0], chosen)

    insts, sent, first_day = tuple(closed), stock, np.full(len(made), stock.days)
    for part in DECIDED:
        market = yardstick.market(blend.blended(insts, made.chance, nothing), sent, limits, watch)
        owed = yardstick.owed(needs, made, market)
        people = partial(yardstick.lowered, whole, made, market, stock.kit_rate)
        opened = _opened(made, people(np.zeros(len(made)))[1] + owed, watch, part)
        if (opened.first_day == first_day).all():
            break
        first_day = opened.first_day
        insts, sent = at(first_day)
    ceiling, paid = people(_bearable(made, people(np.ones(len(made)))[1], owed))
    return Outlook(scenario, made, opened, insts, sent, ceiling, needs, paid, _most(open_, needs))


def _codes(scenario: Scenario, made: Choices, first_day: np.ndarray) -> dict[str, int]:
    codes, days = scenario.table("sites")["site"].to_numpy(dtype=object), scenario.settings.days
    return {str(codes[j]): int(d) for j, d in zip(made.site, first_day, strict=True) if d < days}


def _most(insts: list[Instance], stock: Goods) -> np.ndarray:
    return np.max([kits.used(inst, stock.kit_rate, inst.target) for inst in insts], axis=0)


def _bearable(made: Choices, people: np.ndarray, goods_: np.ndarray) -> np.ndarray:
    """[O] share of what missing `people` cost at an open site that staying closed costs beside its `goods_` [O, D].

    A site that counts as open at no more than this share of its worth never gains by staying closed, whatever
    day it opens: nothing of the bound is lost on it. Candidates cost nothing while closed.
    """
    share = np.zeros(len(made))
    for o in range(made.candidates, len(made)):
        first = int(made.earliest[o])
        due, left = np.cumsum(people[o, first:]), np.cumsum(made.closed[o] - goods_[o, first:])
        some = due > 0
        share[o] = np.clip((left[some] / due[some]).min(initial=1.0), 0.0, 1.0)
    return share


def _opened(made: Choices, charge: np.ndarray, watch: Watch, part: float = 1.0) -> Opened:
    """Openings and resumptions where a day open costs `charge` [O, D]; `part` of the time there is for them."""
    n = made.candidates
    first = np.full(len(made), charge.shape[1])
    told: list[Certificate] = []
    if made.people.any():
        found = opening.solve(sites.question(made, charge), _part(watch, part))
        told.append(found.certificate)
        if found.first_day is not None:
            first[:n] = found.first_day
    if len(made) > n:
        first[n:] = _resumed(made, charge, _part(watch, part))
    return Opened(first, tuple(told))


def _least(made: Choices, charge: np.ndarray, watch: Watch) -> float:
    """The least that openings and resumptions cost where an open day costs `charge` [O, D]; -inf: no proof."""
    n, least = made.candidates, 0.0
    if made.people.any():
        proved = opening.solve(sites.question(made, charge), _part(watch)).certificate.bound
        if proved is None:
            return -np.inf
        least = proved
    if len(made) > n:
        least += _least_resumed(made, charge, watch)
    return least


def _least_resumed(made: Choices, charge: np.ndarray, watch: Watch) -> float:
    asked = _applications(made, charge)
    least, rank = _unordered(asked), asked.rank
    if len(made.order) < (rank[:, None] < rank).sum():  # ranks ask for more than the order does
        return least
    proved = reopening.solve(asked, _part(watch), NEAR, _in_turn(asked)).certificate.bound
    return least if proved is None else max(least, proved)


def _part(watch: Watch, part: float = 1.0) -> Watch:
    """A clock of its own for one of the decisions."""
    seconds = part * min(SECONDS, 0.08 * (watch.limits.seconds or np.inf))
    return Watch(Limits(seconds=seconds, seed=watch.limits.seed), watch.listen, _stop=watch._stop)


def _applications(made: Choices, charge: np.ndarray) -> reopening.Applications:
    """All that ask to resume, where an open day costs `charge` [O, D]; who never does holds up nobody.

    Ranks keep the order, and may ask for more: of two chains, one may be told to wait for the other.
    """
    n, days = made.candidates, charge.shape[1]
    rank = np.zeros(len(made) - n, np.int64)
    before, after = (np.array(made.order, np.int64).reshape(-1, 2) - n).T
    for _ in range(4):
        np.maximum.at(rank, after, rank[before] + 1)
    nothing, enough = np.zeros((len(rank), 1, days)), np.full((1, days), np.inf)
    return reopening.Applications(made.closed[n:], made.earliest[n:], rank, nothing, enough, charge[n:], skips=True)


def _unordered(asked: reopening.Applications) -> float:
    """The least that resumptions cost, were there no order."""
    days = asked.shape[2]
    assert asked.price is not None
    saved = np.cumsum((asked.value[:, None] - asked.price)[:, ::-1], axis=1)[:, ::-1]
    saved = np.where(np.arange(days) >= asked.earliest[:, None], saved, 0.0)
    return float((asked.value * np.maximum(days - asked.earliest, 0) - saved.max(1, initial=0.0)).sum())


def _resumed(made: Choices, charge: np.ndarray, watch: Watch) -> np.ndarray:
    """First days of applications, in order; those that are not worth what they use never resume."""
    asked = _applications(made, charge)
    return reopening.solve(asked, watch, NEAR, _in_turn(asked)).first_day


def _in_turn(asked: reopening.Applications) -> np.ndarray:
    """[J] everybody on the earliest day: nobody is passed by one of a later class."""
    return np.minimum(asked.earliest, asked.shape[2])


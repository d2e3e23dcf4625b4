"""Shadow prices of goods and budget, and how far each holds.

The model is the linear one of the supply stage (`models.market`): packs may be broken, the shifts of
the plan and their kits stay. The price of a limit is what one more unit of it saves, the difference
of two solved models. As the limit changes the objective is convex, so a price that is right at the
end of a range is right all over it. The end is found by Newton steps on that curve: beyond the range
the tangent at a trial point meets the line of the price again nearer to the end, never before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from allocator.goods import Goods
from allocator.models import engine, lots
from allocator.models.market import Market
from allocator.tables import OUTPUTS

__all__ = ["Curve", "Price", "limits", "priced", "table"]

CLOSE = 1e-9
"""Relative tolerance of two objectives that should be equal."""
STEPS = 60
"""Newton steps at most; a range that needs more is cut to one unit."""


@dataclass(frozen=True)
class Limit:
    """A right-hand side of the model: its rule, its key, its row, and how far it can go down and up."""

    rule: str
    key: str
    row: int
    unit: str
    least: float
    most: float


@dataclass(frozen=True)
class Price:
    """`value` saved by one more unit, right from `less` units fewer to `more` units more."""

    limit: Limit
    value: float
    less: float
    more: float


class Curve:
    """The objective of the model as one right-hand side changes."""

    def __init__(self, goods: Goods, kits: np.ndarray):
        self.goods = goods
        self.market = Market(goods, lots.lines(goods, kits, goods.kit_worth[None, :, None]))
        self.model = self.market.build.model()
        self.base = self.at(-1, 0.0)[0]

    def at(self, row: int, change: float) -> tuple[float, float]:
        """Objective and its slope (one more unit) where the side of a row changes.

        Raises `ArithmeticError` where the solver finds no optimum.
        """
        sides = self.model.row_upper.copy()
        if row >= 0:
            sides[row] += change
        answer = engine.solve(replace(self.model, row_upper=sides))
        if answer.objective is None or answer.duals is None:
            raise ArithmeticError(f"no optimum of the supply model: {answer.reason}")
        return answer.objective, float(answer.duals[row]) if row >= 0 else 0.0

    @property
    def tolerance(self) -> float:
        return CLOSE * max(1.0, abs(self.base))

    def price(self, limit: Limit) -> Price:
        """The price of a limit and its range in whole units."""
        value = self.base - self.at(limit.row, 1.0)[0]
        value = value if value > self.tolerance else 0.0
        more = max(1.0, self._reach(limit.row, value, limit.most))
        less = abs(self._reach(limit.row, value, -limit.least))
        return Price(limit, value, less, more)

    def _reach(self, row: int, price: float, far: float) -> float:
        """The furthest whole change between 0 and `far` at which the price is still right."""
        change = float(np.trunc(far))
        for _ in range(STEPS):
            if not change:
                return 0.0
            objective, slope = self.at(row, change)
            if abs(objective - (self.base - price * change)) <= self.tolerance:
                return change
            meets = 0.0
            if abs(slope + price) > 1e-12:
                meets = (objective - slope * change - self.base) / -(price + slope)
            nearer = np.trunc(meets + np.sign(far) * 1e-7)
            inside = 0 <= nearer * np.sign(far) < abs(change)
            change = float(nearer) if inside else change - float(np.sign(far))
        return 0.0


def limits(curve: Curve, days: Iterable[int] = (0,), dated: Mapping[int, str] | None = None) -> Iterator[Limit]:
    """Goods at each depot on some days, and the budget; up to all that the city needs of an item."""
    goods = curve.goods
    for day in days:
        for n in range(goods.depots):
            for i, item in enumerate(goods.items):
                held = int(goods.arrivals[n, i, day]) + (int(goods.stock[n, i]) if day == 0 else 0)
                wanted = float(goods.need[goods.need_item == i].sum())
                key = f"depot={goods.places[n]} item={item} day={(dated or {}).get(day, str(day))}"
                row = int(curve.market.depots.rows[n, i, day])
                yield Limit("stock_balance", key, row, "penalty/unit", held, max(1.0, wanted))
    if np.isfinite(goods.budget) and len(goods.suppliers):
        row = curve.market.depots.budget_row
        spend = float((goods.supplier_cost * goods.supplier_most * goods.days).sum())
        yield Limit("budget", "budget", row, "penalty/yuan", float(goods.budget), max(1.0, spend))


def priced(curve: Curve, wanted: Iterable[Limit]) -> list[Price]:
    """Prices with their ranges."""
    return [curve.price(limit) for limit in wanted]


def table(found: Iterable[Price]) -> pd.DataFrame:
    """The output table `prices`: limits that save something."""
    rows = [
        {"rule": p.limit.rule, "key": p.limit.key, "shadow_price": p.value, "unit": p.limit.unit}
        | {"less": p.less, "more": p.more}
        for p in found
        if p.value > 0
    ]
    return pd.DataFrame(rows, columns=list(OUTPUTS["prices"].names))

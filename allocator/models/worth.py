"""What the people on each shift are worth: the staffing objective, cell by cell.

A cell is a (post, day). With s people on it the benefit, compared with nobody, is

    first x min(required, s) + second x (min(target, s) - required)+ - toll x s,

first = W.required x worth + fairness price of the district, second = W.target x worth, toll =
price of the kit one person uses up that day. Staffing penalty = `Instance.unstaffed` - benefit
when prices and tolls are 0. A person more than `target` is worth nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocator.instance import Instance
from allocator.models import kernel


@dataclass(frozen=True)
class Worth:
    """Benefit of people at the cells of an instance."""

    required: np.ndarray
    target: np.ndarray
    first: np.ndarray
    """[P, 1]"""
    second: np.ndarray
    toll: np.ndarray
    """[P, D]"""

    def marginal(self, staffed: np.ndarray) -> np.ndarray:
        """[P, D] benefit of one person more; 0 where the target is met."""
        step = np.where(staffed < self.required, self.first, self.second)
        return np.where(staffed < self.target, step - self.toll, 0.0)

    def benefit(self, staffed: np.ndarray) -> np.ndarray:
        """[P, D]"""
        low = np.minimum(self.required, staffed)
        high = np.minimum(self.target, staffed) - low
        return self.first * low + self.second * high - self.toll * staffed

    def arrays(self) -> kernel.Value:
        """The same for compiled loops."""
        first = np.ascontiguousarray(self.first[:, 0], np.float64)
        second = np.ascontiguousarray(self.second[:, 0], np.float64)
        return kernel.Value(first, second, np.ascontiguousarray(self.toll, np.float64))

    def rows(self, rows: slice) -> Worth:
        """The worth of some posts."""
        return Worth(
            self.required[rows], self.target[rows], self.first[rows], self.second[rows], self.toll[rows]
        )

    def surplus(self, price: np.ndarray) -> np.ndarray:
        """[P, D] the most over s of benefit(s) - price x s: what a cell earns if it buys at `price`.

        The benefit is piecewise linear with corners at 0, required and target, so the best s is one
        of the three, whether or not the benefit is concave.
        """
        low, high = self.required, self.target - self.required
        at_required = (self.first - self.toll - price) * low
        at_target = at_required + (self.second - self.toll - price) * high
        return np.maximum(0.0, np.maximum(at_required, at_target))


def ordinary(inst: Instance) -> float:
    """What an ordinary shift is worth; 1 where none is worth anything."""
    each = (inst.w_required or inst.w_target) * inst.worth
    return float(np.median(each[each > 0])) if (each > 0).any() else 1.0


def worth(inst: Instance, fairness: np.ndarray | None = None, toll: np.ndarray | None = None) -> Worth:
    """Worth of the cells.

    Parameters
    ----------
    fairness
        [districts] price added to a covered required person-shift of the district; may be negative.
    toll
        [P, D] price of the kit of one person at the cell.
    """
    bonus = np.zeros(inst.districts) if fairness is None else fairness
    return Worth(
        inst.required,
        inst.target,
        (inst.w_required * inst.worth + bonus[inst.site_district[inst.post_site]])[:, None],
        (inst.w_target * inst.worth)[:, None],
        np.zeros(inst.required.shape) if toll is None else toll,
    )

"""District fairness: no district far below the city's share of required shifts covered.

Term      W.fairness x sum over districts of max(0, C x R_d - K_d), with R_d the required and K_d the
          covered-required person-shifts (min(required, staffed)) of a district and C = K / R.
Prices    for any f_d in [0, W.fairness] the term is at least sum of f_d x (C x R_d - K_d)
          = sum of K_d x (f' - f_d), f' = sum of f_d x R_d / R: a bonus of f_d - f' on every covered
          required shift of the district. Linear, so it prices shifts and keeps bounds valid.
"""

from __future__ import annotations

import numpy as np

from allocator.instance import Instance


def required(inst: Instance) -> np.ndarray:
    """[districts] person-shifts that are required: R_d."""
    return np.bincount(inst.site_district[inst.post_site], inst.required.sum(1), inst.districts)


def lacking(inst: Instance, staffed: np.ndarray) -> np.ndarray:
    """[districts] C x R_d - K_d: required shifts a district has less than its share (more, if negative)."""
    district, need = inst.site_district[inst.post_site], required(inst)
    held = np.bincount(district, np.minimum(inst.required, staffed).sum(1), inst.districts)
    return need * (held.sum() / max(1.0, need.sum())) - held


def penalty(inst: Instance, staffed: np.ndarray) -> float:
    return inst.w_fairness * float(np.maximum(0, lacking(inst, staffed)).sum())


def bonus(inst: Instance, price: np.ndarray) -> np.ndarray:
    """[districts] added worth of a covered required shift under prices f [districts]."""
    return relative(price, required(inst))


def relative(price: np.ndarray, need: np.ndarray) -> np.ndarray:
    """[districts] prices f less f', their mean over the `need` of all districts that share."""
    return price - float(price @ need) / max(1.0, float(need.sum()))


def step(inst: Instance, staffed: np.ndarray, price: np.ndarray, size: float) -> np.ndarray:
    """Prices moved towards W.fairness where a district lacks shifts, towards 0 where it does not."""
    lack = lacking(inst, staffed)
    scale = max(1.0, float(np.abs(lack).max(initial=0.0)))
    return np.clip(price + size * inst.w_fairness * np.clip(4 * lack / scale, -1, 1), 0, inst.w_fairness)

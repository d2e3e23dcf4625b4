"""Reopenings against every possible choice of days."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from allocator.certificate import Status
from allocator.limits import Limits, Watch
from allocator.models import reopening
from allocator.models.reopening import Applications


def drawn(seed: int, skips: bool) -> Applications:
    rng = np.random.default_rng(seed)
    count, means, days = (int(rng.integers(1, n)) for n in (6, 3, 5))
    uses = rng.integers(0, 6, (count, means, days)).astype(float)
    budget = rng.integers(0, 14, (means, days)).astype(float)
    budget[rng.random((means, days)) < 0.1] = np.inf
    return Applications(
        rng.integers(0, 20, count).astype(float),
        rng.integers(0, days + 1, count),
        rng.integers(0, 3, count) * 2,
        uses,
        budget,
        None if seed % 3 else rng.integers(0, 12, (count, days)).astype(float),
        skips,
    )


def best(asked: Applications) -> float:
    """By trying all days; the rules are written anew."""
    count, means, days = asked.uses.shape
    least = np.inf
    for first in itertools.product(*(range(int(e), days + 1) for e in asked.earliest)):
        over = any(
            sum(asked.uses[j, r, d] for j in range(count) if first[j] <= d) > asked.budget[r, d]
            for r, d in itertools.product(range(means), range(days))
        )
        if over:
            continue
        passed = any(
            asked.rank[a] < asked.rank[b] and asked.earliest[a] <= first[b] < first[a]
            for a, b in itertools.permutations(range(count), 2)
            if first[b] < days and not (asked.skips and first[a] == days)
        )
        if passed:
            continue
        cost = sum(asked.value[j] * (first[j] - asked.earliest[j]) for j in range(count))
        if asked.price is not None:
            cost += sum(asked.price[j, d] for j in range(count) for d in range(first[j], days))
        least = min(least, cost)
    return float(least)


@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("seed", range(150))
def test_the_best_of_all_days_is_found_and_proved(seed: int, skips: bool) -> None:
    asked = drawn(seed, skips)
    found = reopening.solve(asked)
    assert found.certificate.status is Status.OPTIMAL
    assert found.certificate.objective == pytest.approx(best(asked), abs=1e-6)
    assert found.certificate.bound == pytest.approx(found.certificate.objective, rel=1e-6, abs=1e-6)
    assert (found.spent <= asked.budget + 1e-6).all()
    assert asked.in_order(found.first_day)
    assert (found.shadow_price >= 0).all()


@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_a_bound_holds_however_short_the_time(seed: int, skips: bool) -> None:
    asked = drawn(seed, skips)
    found = reopening.solve(asked, Watch(Limits(seconds=1e-9)))
    assert found.certificate.objective >= best(asked) - 1e-6
    assert found.certificate.bound is None or found.certificate.bound <= best(asked) + 1e-6


def test_who_never_resumes_holds_up_nobody_where_that_is_the_rule() -> None:
    """A dear enterprise of class a need not resume for one of class b to do so, unless it must go first."""
    days = 3
    price = np.stack([np.full(days, 9.0), np.full(days, 1.0)])
    nothing, enough = np.zeros((2, 1, days)), np.full((1, days), np.inf)
    asked = Applications(np.array([2.0, 5.0]), np.array([0, 0]), np.array([0, 1]), nothing, enough, price)
    strict, free = reopening.solve(asked), reopening.solve(replace(asked, skips=True))
    assert strict.first_day.tolist() == [3, 3]
    assert strict.certificate.objective == pytest.approx(21)
    assert free.first_day.tolist() == [3, 0]
    assert free.certificate.objective == pytest.approx(9)

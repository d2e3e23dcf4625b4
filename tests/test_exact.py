"""Tiny scenarios of two cases against their extensive form, an independent integer program."""

from __future__ import annotations

import pytest
from extensive import optimum
from twins import twin

from allocator import exact, pipeline, verifier
from allocator.limits import Limits

SEEDS = (0, 1, 2, 3, 5, 8)
TOLERANCE = 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tiny_scenario_is_solved_to_the_end(seed: int) -> None:
    found = twin(seed)
    made, right = pipeline.solve(found, Limits(seconds=60)), optimum(found)
    assert verifier.verify(found, made) == []
    assert right.exact
    assert made.objective == pytest.approx(right.objective, abs=TOLERANCE * right.scale)
    assert made.bound == pytest.approx(right.objective, abs=TOLERANCE * right.scale)
    for name, value in right.terms.items():
        if name in ("change",):
            assert made.terms[name] >= 0
        assert value >= -TOLERANCE


def test_what_is_asked_of_the_whole_model() -> None:
    assert exact.asked(twin(0))

"""Scenario -> arrays for openings and resumptions: what may open, and the people who need a place."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from allocator import classes
from allocator.cases import cases, rows_in
from allocator.models import opening
from allocator.models.choice import Choices
from allocator.reach import great_circle_km
from allocator.scenario import Scenario


def choices(scenario: Scenario) -> Choices:
    """Candidates and then applications of a sound scenario, with the people of all its cases."""
    weights = scenario.settings.weights
    candidates, asked = scenario.table("candidates"), scenario.table("applications")
    site = {code: n for n, code in enumerate(scenario.table("sites")["site"])}
    codes = [*candidates["site"], *asked["site"]]
    none, idle = np.zeros(len(candidates)), np.zeros(len(asked))
    names, people = _people(scenario)
    return Choices(
        site=np.array([site[code] for code in codes], np.int64),
        candidates=len(candidates),
        earliest=np.concatenate([candidates["lead_days"], asked["earliest"]]).astype(np.int64),
        cost=np.concatenate([weights.opening * candidates["cost"].to_numpy(dtype=float), idle]),
        closed=np.concatenate([none, weights.reopening * asked["value"].to_numpy(dtype=float)]),
        capacity=np.concatenate([candidates["capacity"], idle]).astype(np.int64),
        order=_order(scenario, len(candidates)),
        people=people,
        move=_move(scenario, names, codes),
        without=weights.uncovered,
        chance=np.array([case.probability for case in cases(scenario)]),
    )


def townships(scenario: Scenario) -> list[str]:
    """Townships with people under observation, in the order of `Choices.people`."""
    return list(dict.fromkeys(scenario.table("isolation_demand")["township"]))


def _people(scenario: Scenario) -> tuple[list[str], np.ndarray]:
    names, every = townships(scenario), cases(scenario)
    people = np.zeros((len(every), len(names), scenario.settings.days), np.int64)
    index = {name: n for n, name in enumerate(names)}
    for k, case in enumerate(every):
        rows = rows_in(scenario.table("isolation_demand"), case.id)
        at = rows["township"].map(index).to_numpy(dtype=np.int64), rows["day"].to_numpy(dtype=np.int64)
        np.add.at(people[k], at, rows["people"].to_numpy(dtype=np.int64))
    return names, people


def _move(scenario: Scenario, names: list[str], codes: list[str]) -> np.ndarray:
    """[T, O] penalty per person-day moved from the middle of a township, the mean of its sites."""
    places = scenario.table("sites")
    middle = places.groupby("township")[["lon", "lat"]].mean().reindex(names).to_numpy(dtype=float)
    to = places.set_index("site").loc[codes, ["lon", "lat"]].to_numpy(dtype=float)
    km = great_circle_km(middle[:, :1], middle[:, 1:], to[None, :, 0], to[None, :, 1])
    move = scenario.settings.weights.transfer * scenario.settings.travel.detour * km
    return np.where(np.isfinite(km), move, np.inf)


def _order(scenario: Scenario, ahead: int) -> tuple[tuple[int, int], ...]:
    """Pairs of applications of which the first goes before the second, numbered after the candidates."""
    order = classes.pairs(scenario.settings.rules.class_order)
    rows = scenario.table("applications").merge(scenario.table("sites")[["site", "kind"]], on="site", how="left")
    label = [classes.label(kind, class_) for kind, class_ in zip(rows["kind"], rows["class"], strict=True)]
    groups = pd.Series(range(len(label))).groupby(label).indices if label else {}
    return tuple(
        (ahead + int(a), ahead + int(b))
        for before, after in sorted(order)
        for a, b in product(groups.get(before, ()), groups.get(after, ()))
    )


def question(made: Choices, charge: np.ndarray) -> opening.Question:
    """What is asked about candidates, when a day open costs `charge` [O, D]."""
    n = made.candidates
    return opening.Question(
        made.people, made.chance, made.capacity[:n], made.earliest[:n], made.cost[:n], made.move[:, :n],
        made.without, charge[:n],
    )  # fmt: skip


def placed(made: Choices, first: np.ndarray) -> np.ndarray:
    """[K, T, O, D] people with a place, once sites open on the days `first` [O]."""
    every, towns, days = made.people.shape
    out = np.zeros((every, towns, len(made), days), np.int64)
    n = made.candidates
    if made.people.any() and n:
        found = opening.assess(question(made, np.zeros((len(made), days))), first[:n])
        assert found.moved is not None
        out[:, :, :n] = np.rint(found.moved).astype(np.int64)
    return out

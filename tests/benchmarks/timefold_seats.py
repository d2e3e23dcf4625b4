"""Timefold fills seats; run by `seats.py` under a Python that has the package `timefold`.

    python timefold_seats.py TASK.json ANSWER.json

Hard: one seat a day, one site, rest, days in a row, shifts and nights in any seven days. Soft: seats left empty at
what they are worth, the travel of each posting, less what staying saves. The model is that of Timefold's example of
employee scheduling, in constraint streams; construction and local search are the defaults.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from typing import Annotated

from timefold.solver import SolverFactory
from timefold.solver.config import Duration, ScoreDirectorFactoryConfig, SolverConfig, TerminationConfig
from timefold.solver.domain import (
    PlanningEntityCollectionProperty,
    PlanningId,
    PlanningScore,
    PlanningVariable,
    ProblemFactCollectionProperty,
    ValueRangeProvider,
    planning_entity,
    planning_solution,
)
from timefold.solver.score import (
    Constraint,
    ConstraintCollectors,
    ConstraintFactory,
    HardSoftScore,
    Joiners,
    constraint_provider,
)

with open(sys.argv[1], encoding="utf-8") as file:
    TASK = json.load(file)
REST, RUN, WEEK, NIGHTS, DAYS = (TASK[k] for k in ("rest", "run", "week", "nights", "days"))


@dataclass
class Cadre:
    id: Annotated[int, PlanningId]
    costs: dict[int, int]

    def cost(self, site: int) -> int:
        return self.costs[site]


@planning_entity
@dataclass
class Seat:
    id: Annotated[int, PlanningId]
    site: int
    day: int
    start: int
    end: int
    night: int
    value: int
    able: Annotated[list[Cadre], ValueRangeProvider(id="able")]
    cadre: Annotated[
        Cadre | None, PlanningVariable(value_range_provider_refs=["able"], allows_unassigned=True)
    ] = field(default=None)

    def code(self) -> int:
        return 2 * self.day + self.night


@planning_solution
@dataclass
class City:
    cadres: Annotated[list[Cadre], ProblemFactCollectionProperty]
    seats: Annotated[list[Seat], PlanningEntityCollectionProperty]
    score: Annotated[HardSoftScore | None, PlanningScore] = field(default=None)


def too_close(a: Seat, b: Seat) -> bool:
    return 1440 - a.end + b.start < REST


def excess(codes: list[int]) -> int:
    """Days and nights worked beyond what the rules on runs and on any seven days allow."""
    work = [0] * DAYS
    night = [0] * DAYS
    for code in codes:
        work[code // 2] = 1
        night[code // 2] = code % 2
    over = 0
    for first in range(DAYS):
        over += max(0, sum(work[first : first + 7]) - WEEK) + max(0, sum(night[first : first + 7]) - NIGHTS)
        over += max(0, sum(work[first : first + RUN + 1]) - RUN)
    return over


@constraint_provider
def rules(factory: ConstraintFactory) -> list[Constraint]:
    return [
        factory.for_each_unique_pair(Seat, Joiners.equal(lambda s: s.cadre), Joiners.equal(lambda s: s.day))
        .penalize(HardSoftScore.ONE_HARD)
        .as_constraint("one_shift_per_day"),
        factory.for_each(Seat)
        .group_by(lambda s: s.cadre, ConstraintCollectors.count_distinct(lambda s: s.site))
        .filter(lambda cadre, sites: sites > 1)
        .penalize(HardSoftScore.ONE_HARD, lambda cadre, sites: sites - 1)
        .as_constraint("one_site"),
        factory.for_each(Seat)
        .join(Seat, Joiners.equal(lambda s: s.cadre), Joiners.equal(lambda s: s.day + 1, lambda s: s.day))
        .filter(too_close)
        .penalize(HardSoftScore.ONE_HARD)
        .as_constraint("rest_between_shifts"),
        factory.for_each(Seat)
        .group_by(lambda s: s.cadre, ConstraintCollectors.to_list(lambda s: s.code()))
        .penalize(HardSoftScore.ONE_HARD, lambda cadre, codes: excess(codes))
        .as_constraint("windows"),
        factory.for_each_including_unassigned(Seat)
        .filter(lambda s: s.cadre is None)
        .penalize(HardSoftScore.ONE_SOFT, lambda s: s.value)
        .as_constraint("empty"),
        factory.for_each(Seat)
        .group_by(lambda s: s.cadre, lambda s: s.site)
        # staying saves, so a posting may cost less than nothing, which `penalize` refuses
        .impact(HardSoftScore.ONE_SOFT, lambda cadre, site: -cadre.cost(site))
        .as_constraint("posting"),
    ]


def main() -> int:
    cadres = {int(c): Cadre(int(c), {int(j): v for j, v in costs.items()}) for c, costs in TASK["costs"].items()}
    able = [[cadres[c] for c in row] for row in TASK["candidates"]]
    seats = [
        Seat(n, site, day, TASK["start"][shift], TASK["end"][shift], int(TASK["night"][shift]), value, able[cell])
        for n, (site, _, day, shift, value, cell) in enumerate(TASK["seats"])
        if able[cell]
    ]
    config = SolverConfig(
        solution_class=City,
        entity_class_list=[Seat],
        score_director_factory_config=ScoreDirectorFactoryConfig(constraint_provider_function=rules),
        termination_config=TerminationConfig(spent_limit=Duration(milliseconds=int(1000 * TASK["seconds"]))),
        random_seed=TASK["seed"],
    )
    begun, path = time.monotonic(), []
    solver = SolverFactory.create(config).build_solver()

    def heard(event: object) -> None:
        score = event.new_best_score  # type: ignore[attr-defined]
        path.append([round(time.monotonic() - begun, 2), score.hard_score, score.soft_score])

    solver.add_event_listener(heard)
    best = solver.solve(City(list(cadres.values()), seats))
    chosen = [-1] * len(TASK["seats"])
    for seat in best.seats:
        chosen[seat.id] = -1 if seat.cadre is None else seat.cadre.id
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        json.dump({"cadre": chosen, "path": path[-200:], "score": str(best.score)}, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())

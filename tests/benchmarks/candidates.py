"""Candidates for gaps of the full case: how long they take, and are their costs those of a forced re-solve?

    python tests/benchmarks/candidates.py RUN [--sites 20] [--seed 0]

For a random site that is short, its candidates are ranked, and one of them is forced two ways: the whole plan is
rebuilt with that posting, measured and verified; and a plain MIP (HiGHS) finds the cadre's best shifts there and the
best use of the site's goods, all others fixed, with the fairness of every number of covered shifts. All three
must agree.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
from ortools.math_opt.python import mathopt

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from allocator import candidates, offers, outcome, runs
from allocator.candidates import Move
from allocator.state import State
from allocator.verifier import verify

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    scenario, plan = runs.load(given.run)
    rng = np.random.default_rng(given.seed)
    sites = [str(s) for s in rng.choice(offers.places(plan), given.sites, replace=False)]
    words = [sys.executable, "-m", "allocator", "candidates", str(given.run.resolve()), sites[0]]
    tables = ("--scenario", str(given.run.resolve() / "scenario"))
    asked(words)
    for name, more in (("from the standing kept beside it", ()), ("with all tables read", tables)):
        took = sorted(asked([*words, *more]) for _ in range(5))
        line = f"{took[0]:.2f} to {took[-1]:.2f} s, mostly {took[2]:.2f} s"
        print(f"`allocator candidates RUN {sites[0]}` {name}: {line}", flush=True)
    begun = time.perf_counter()
    state = State(scenario, plan)
    print(f"plan in hand, ready for questions: {time.perf_counter() - begun:.2f} s", flush=True)
    longest, wrong = 0.0, 0
    print("site, cadre, change; whole plan, MIP; violations")
    for site in sites:
        begun = time.perf_counter()
        found = candidates.ranked(state, site)
        longest = max(longest, time.perf_counter() - begun)
        move = found[int(rng.integers(len(found)))]
        made = outcome.moved(state, move)
        whole = (made.objective or 0.0) - (plan.objective or 0.0)
        least, broken = forced(state, move), verify(scenario, made)
        equal = abs(whole - move.change.total) < TOLERANCE and abs(least - move.change.total) < TOLERANCE
        wrong += not equal or bool(broken)
        code, total = state.inst.cadres[move.cadre], move.change.total
        print(f"{site}, {code}, {total:+.6f}; {whole:+.6f}, {least:+.6f}; {len(broken)}", flush=True)
    print(f"{given.sites} sites, {wrong} costs differ or break a rule; a site takes at most {longest:.2f} s")
    return int(wrong > 0)


def asked(words: list[str]) -> float:
    """Seconds that a command takes, its start included."""
    begun = time.perf_counter()
    subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def forced(state: State, move: Move) -> float:
    """The least the objective can change by when the cadre is posted there and all others stay as they are."""
    inst, c, j, b = state.inst, move.cadre, move.site, move.batch
    model = mathopt.Model()
    shape = inst.shape[c, b]
    trait, there = inst.traits[inst.shape_trait[shape]], inst.shape_days[shape]
    posts = np.arange(inst.site_posts[j], inst.site_posts[j + 1])
    cells = [
        (p, d)
        for p in posts
        for d in range(inst.days)
        if trait[p] and there[d] and inst.target[p, d] > 0
    ]
    work = {cell: model.add_binary_variable() for cell in cells}
    _rules(model, state, work)
    covered = {cell: int(state.board.staffed[cell] < inst.required[cell]) for cell in cells}
    gain = state.marginal(j)
    worked = mathopt.fast_sum(-float(gain[cell]) * var for cell, var in work.items())
    old = int(state.board.site[c])
    staffing, uncovered = state.left(c) if old >= 0 else (0.0, 0)
    many = [model.add_binary_variable() for _ in range(inst.days + 1)]
    model.add_linear_constraint(mathopt.fast_sum(many) == 1)
    counted = mathopt.fast_sum(k * var for k, var in enumerate(many))
    model.add_linear_constraint(mathopt.fast_sum(covered[cell] * var for cell, var in work.items()) == counted)
    fair = mathopt.fast_sum(_unfair(state, j, old, k, uncovered) * var for k, var in enumerate(many))
    model.minimize(worked + fair + _supply(model, state, j, work))
    wanted = mathopt.SolveParameters(relative_gap_tolerance=0.0, time_limit=timedelta(seconds=60))
    answer = mathopt.solve(model, mathopt.SolverType.HIGHS, params=wanted)
    assert answer.termination.reason == mathopt.TerminationReason.OPTIMAL
    rest = move.change.travel + move.change.change + staffing + (state.freed(c) if old >= 0 else 0.0)
    return float(answer.objective_value()) + rest


def _supply(
    model: mathopt.Model, state: State, j: int, work: dict[tuple[int, int], mathopt.Variable]
) -> mathopt.LinearExpression:
    """What the kits add to the supply term of the site, where its goods are used anew, kits first."""
    goods, inst = state.goods, state.inst
    now = state.penalty[j]
    total = mathopt.LinearExpression(0.0)
    for item in np.flatnonzero(goods.kit_rate[np.unique(inst.post_duty[[p for p, _ in work]])].any(axis=0)):
        rows = state.larder.lines.get((j, int(item)), np.zeros(0, np.int64))
        used: list[list[mathopt.Variable]] = [[] for _ in range(inst.days)]
        for need, weight in zip(goods.need[rows], goods.need_weight[rows], strict=True):
            for day in range(inst.days):
                half, odd = divmod(int(need[day]), 2)
                for units, factor in ((half, goods.first_half), (odd, (goods.first_half + 1) / 2), (half, 1.0)):
                    served = model.add_variable(lb=0.0, ub=units)
                    used[day].append(served)
                    total += float(weight * factor) * (units - served)
        taken = mathopt.LinearExpression(0.0)
        for day in range(inst.days):
            kits = (float(goods.kit_rate[inst.post_duty[p], item]) * v for (p, d), v in work.items() if d == day)
            taken = taken + mathopt.fast_sum(used[day]) + mathopt.fast_sum(kits) + float(state.kits[j, item, day])
            model.add_linear_constraint(taken <= float(state.larder.have[j, item, day]))
        total += -float(now[item])
    return total


def _unfair(state: State, here: int, there: int, more: int, fewer: int) -> float:
    step = np.zeros(state.inst.districts)
    step[state.inst.site_district[here]] += more
    if there >= 0:
        step[state.inst.site_district[there]] += fewer
    return state.unfairness(step)


def _rules(model: mathopt.Model, state: State, work: dict[tuple[int, int], mathopt.Variable]) -> None:
    """One shift a day, rest between shifts, the longest run, and shifts and nights in any seven days."""
    inst = state.inst

    def total(days: range, nights: bool = False) -> mathopt.LinearExpression:
        return mathopt.fast_sum(
            var for (p, d), var in work.items() if d in days and (not nights or inst.shift_night[inst.post_shift[p]])
        )

    for day in range(inst.days):
        model.add_linear_constraint(total(range(day, day + 1)) <= 1)
        model.add_linear_constraint(total(range(day, day + inst.max_run + 1)) <= inst.max_run)
        model.add_linear_constraint(total(range(day, day + 7)) <= inst.max_shifts_7_days)
        model.add_linear_constraint(total(range(day, day + 7), True) <= inst.max_nights_7_days)
    for (p, d), one in work.items():
        for (q, e), other in work.items():
            pause = 1440 + inst.shift_start[inst.post_shift[q]] - inst.shift_end[inst.post_shift[p]]
            if e == d + 1 and pause < inst.rest_minutes:
                model.add_linear_constraint(one + other <= 1)


if __name__ == "__main__":
    sys.exit(main())

"""A bad day: 5 % of the cadres fall out on day 5. How many moves restore the coverage?

    python tests/benchmarks/replan.py RUN [--day 5] [--share 0.05] [--seconds 100] [--points 10] [--rounds 8]

RUN is a plan with its scenario. Those who fall out are drawn at random and stay away to the end. Compared are

    free      the days that are left solved anew, cold, for nothing per move, in --seconds
    greedy    what a dispatcher does: the site that misses most gets the nearest cadre whose own place loses less
              than is won, one after the other, until the coverage is within 1 % of the free plan's; kits
              are not looked at, which flatters it
    curve     `allocator trade`: plans with more and more moves; the first within 1 % counts

A move is a cadre of the plan in hand, able to come, who is not posted where the plan has the cadre.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from allocator import pipeline, replan, runs, trade, warm
from allocator.instance import instance
from allocator.limits import Limits
from allocator.models.board import Board
from allocator.models.field import Field
from allocator.models.worth import worth
from allocator.plan import Plan
from allocator.scenario import Scenario
from allocator.tables import EVENTS
from allocator.verifier import verify

CLOSE = 0.99
"""Share of the free plan's coverage that counts as restored."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--day", type=int, default=5, help="counted from 1")
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seconds", type=float, default=100.0)
    parser.add_argument("--points", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    scenario, plan = runs.load(given.run)
    first = given.day - 1
    happened = absences(scenario, given.share, first, given.seed)
    found, start = replan.follow(scenario, plan, happened, first), replan.carried(plan, first)
    print(f"{len(happened)} of {len(scenario.table('cadres'))} cadres away from {scenario.date(first)} on", flush=True)
    own = float(scenario.settings.weights.change)
    free = free_plan(found, given.seconds)
    wanted = CLOSE * covered(free)
    rows = [("free re-solve", trade.moves(found, free), covered(free), free.objective)]
    print(f"free re-solve: {rows[0][1]} moves, {covered(free):,} required shifts covered", flush=True)
    limits = Limits(None, 0.0, given.seed, 1, given.rounds, prove=False)
    begun = time.monotonic()
    curve = trade.curve(found, limits, start, given.points, lambda p: print(f"  {p.record()}", flush=True))
    spent = time.monotonic() - begun
    moved, held = greedy(found, curve[0].plan, wanted)
    rows.append(("greedy repair", moved, held, None))
    print(f"\nThe curve ({spent:,.0f} s, weight of a move {own:g}):\n\n| changes | shifts short | penalty | covered |")
    print("|---|---|---|---|")
    for point in curve:
        print(f"| {point.changes} | {point.shortage:,} | {point.penalty:,.1f} | {covered(point.plan):,} |")
    enough = next((p for p in curve if covered(p.plan) >= wanted), None)
    assert enough is not None, "no plan of the curve restores the coverage"
    rows.append(("this re-plan", enough.changes, covered(enough.plan), enough.plan.objective))
    print(f"\nWithin 1 % of the free plan is {wanted:,.0f} covered shifts:\n\n| | changes | covered |\n|---|---|---|")
    print("\n".join(f"| {name} | {changes:,} | {held:,} |" for name, changes, held, _ in rows))
    assert all(verify(found, p.plan) == [] for p in curve)
    falls = all(a.changes < b.changes and a.shortage > b.shortage and a.penalty > b.penalty for a, b in pairwise(curve))
    return 0 if falls and len(curve) >= 6 and enough.changes < min(moved, rows[0][1]) else 1


def absences(scenario: Scenario, share: float, first: int, seed: int) -> pd.DataFrame:
    """Events, as `events.read` returns them: who falls out on a day and stays away to the end."""
    cadres = scenario.table("cadres")["cadre"].to_numpy()
    away = np.random.default_rng(seed).choice(cadres, round(share * len(cadres)), replace=False)
    days = {"first_day": first, "last_day": scenario.settings.days - 1}
    blank = {c.name: 0 if c.kind == "int" else "" for c in EVENTS.columns}
    rows = [
        blank | days | {"event": f"E{n}", "kind": "absence", "what": "absence", "cadre": c} for n, c in enumerate(away)
    ]
    return pd.DataFrame(rows)


def free_plan(found: Scenario, seconds: float) -> Plan:
    """The days left solved anew, with no plan in hand and nothing to pay for a move."""
    return pipeline.solve(found.change({"weights.change": 0.0}), Limits(seconds, prove=False))


def covered(plan: Plan) -> int:
    return int(plan.kpis["people"]["covered"])


def greedy(found: Scenario, stay: Plan, wanted: float) -> tuple[int, int]:
    """Moves of a dispatcher, one at a time, and the required shifts covered at the end."""
    inst = instance(found)
    board = Board(inst, Field(inst), worth(inst))
    warm.place(board, stay.tables, idle=True)
    home, barren = board.site.copy(), np.zeros(len(inst.sites), bool)
    while (held := int(np.minimum(inst.required, board.staffed).sum())) < wanted:
        missing = np.bincount(inst.post_site, np.maximum(0, inst.required - board.staffed).sum(1), len(inst.sites))
        j = int(np.argmax(np.where(barren, -1, missing)))
        if barren[j] or missing[j] == 0:
            break
        helper = nearest(board, j)
        if helper < 0:
            barren[j] = True
            continue
        one = np.array([helper])
        board.lift(one)
        board.post(one, board.batch[one], np.array([j]))
        board.reroster(one)
    return int((board.site != home).sum()), held


def nearest(board: Board, j: int) -> int:
    """The nearest cadre who wins more at a site than the own place loses; -1: nobody does."""
    inst, w = board.inst, board.worth
    able = np.flatnonzero((board.site >= 0) & (board.site != j) & np.isfinite(inst.minutes[:, j]) & (inst.must < 0))
    marginal = w.marginal(board.staffed)
    gains = board.field.site_gains(marginal, np.array([j]))
    shapes, back = np.unique(inst.shape[able, board.batch[able]], return_inverse=True)
    won = board.field.values(gains, shapes, np.array([j]))[:, 0][back]
    row, day = np.nonzero(board.plan[able] >= 0)
    p = board.plan[able[row], day]
    there = board.staffed[p, day]
    step = np.where(there <= w.required[p, day], w.first[p, 0], np.where(there <= w.target[p, day], w.second[p, 0], 0))
    lost = np.bincount(row, step, len(able))
    better = np.flatnonzero(won > lost + 1e-9)
    return int(able[better[np.argmin(inst.minutes[able[better], j])]]) if len(better) else -1


if __name__ == "__main__":
    sys.exit(main())

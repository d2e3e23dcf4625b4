"""A bad day: 5 % of the cadres fall out on day 5. How many moves restore the coverage?

    python tests/benchmarks/replan.py RUN [--who random|dearest] [--day 5] [--share 0.05] [--seconds 100]
        [--points 10] [--rounds 8]

RUN is a plan with its scenario. Those who fall out stay away to the end: some drawn at random, or those whose
places lose most. Coverage is what is covered of the required person-shifts, and the same weighted by site and
duty, as the objective counts them. Compared are

    free      the days that are left solved anew, cold, for nothing per move, in --seconds
    greedy    what a dispatcher does: every place that lost somebody, the one that misses most first, gets the nearest
              cadre whose own place loses less than is won, until no such move is left; kits are not looked
              at, which flatters it
    curve     `allocator trade`: plans with more and more moves; the first whose coverage, weighted and not, is
              within 1 % of the free plan's counts

A move is a cadre of the plan in hand, able to come, who is not posted where the plan has the cadre.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

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
from allocator.state import State
from allocator.tables import EVENTS
from allocator.verifier import verify

CLOSE = 0.99
"""Share of the free plan's coverage that counts as restored."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--who", choices=("random", "dearest"), default="random")
    parser.add_argument("--day", type=int, default=5, help="counted from 1")
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seconds", type=float, default=100.0)
    parser.add_argument("--points", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    scenario, plan = runs.load(given.run)
    first = given.day - 1
    happened = absences(scenario, away(scenario, plan, given), first)
    found, start = replan.follow(scenario, plan, happened, first), replan.carried(plan, first)
    print(f"{len(happened)} of {len(scenario.table('cadres'))} cadres away from {scenario.date(first)} on", flush=True)
    judge = Judge(found)
    free = free_plan(found, given.seconds)
    print(f"free: {trade.moves(found, free)} moves, penalty {free.objective:,.1f}", flush=True)
    limits = Limits(None, 0.0, given.seed, 1, given.rounds, prove=False)
    begun = time.monotonic()
    curve = trade.curve(found, limits, start, given.points, lambda p: print(f"  {p.record()}", flush=True))
    print(f"\nThe curve, {time.monotonic() - begun:,.0f} s:\n")
    print("| changes | shifts short | weighted | penalty | covered |")
    print("|---|---|---|---|---|")
    for p in curve:
        share = judge.weighted(p.plan) / judge.weighted(free)
        print(f"| {p.changes:,} | {p.shortage:,} | {p.staffing:,.1f} | {p.penalty:,.1f} | {share:.2%} of free |")
    enough = next((p for p in curve if judge.close(p.plan, free)), None)
    assert enough is not None, "no plan of the curve restores the coverage"
    moved, repaired = greedy(found, curve[0].plan, lost_places(scenario, plan, happened))
    print("\n| | changes | required shifts covered | weighted |\n|---|---|---|---|")
    for name, changes, plan_ in (
        ("free re-solve", trade.moves(found, free), free),
        ("greedy repair", moved, repaired),
        ("this re-plan", enough.changes, enough.plan),
    ):
        print(f"| {name} | {changes:,} | {judge.raw(plan_):,.0f} | {judge.weighted(plan_):,.1f} |")
    assert all(verify(found, p.plan) == [] for p in curve)
    falls = all(a.changes < b.changes and a.staffing > b.staffing and a.penalty > b.penalty for a, b in pairwise(curve))
    return 0 if falls and len(curve) >= 6 and enough.changes < min(moved, trade.moves(found, free)) else 1


def away(scenario: Scenario, plan: Plan, given: Any) -> list[str]:
    """Who falls out: some drawn at random, or those whose places lose most."""
    cadres = scenario.table("cadres")["cadre"].to_numpy()
    count = round(given.share * len(cadres))
    if given.who == "random":
        return list(np.random.default_rng(given.seed).choice(cadres, count, replace=False))
    return list(cadres[np.argsort(-State(scenario, plan).leaving[0], kind="stable")[:count]])


def absences(scenario: Scenario, who: list[str], first: int) -> pd.DataFrame:
    """Events, as `events.read` returns them: who is away from a day to the end."""
    days = {"first_day": first, "last_day": scenario.settings.days - 1}
    blank = {c.name: 0 if c.kind == "int" else "" for c in EVENTS.columns}
    rows = [
        blank | days | {"event": f"E{n}", "kind": "absence", "what": "absence", "cadre": c} for n, c in enumerate(who)
    ]
    return pd.DataFrame(rows)


def lost_places(scenario: Scenario, plan: Plan, happened: pd.DataFrame) -> list[str]:
    postings = plan.table("postings")
    return postings.loc[postings["cadre"].isin(happened["cadre"]), "site"].unique().tolist()


class Judge:
    """Coverage of plans of one scenario."""

    def __init__(self, scenario: Scenario):
        self.site = scenario.table("sites").set_index("site")["weight"]
        self.duty = scenario.table("duties").set_index("duty")["weight"]

    def raw(self, plan: Plan) -> float:
        return float(self._covered(plan.table("coverage")).sum())

    def weighted(self, plan: Plan) -> float:
        frame = plan.table("coverage")
        weight = frame["site"].map(self.site).to_numpy() * frame["duty"].map(self.duty).to_numpy()
        return float((self._covered(frame) * weight).sum())

    @staticmethod
    def _covered(frame: pd.DataFrame) -> np.ndarray:
        return np.minimum(frame["required"].to_numpy(), frame["staffed"].to_numpy())

    def close(self, plan: Plan, free: Plan) -> bool:
        return self.raw(plan) >= CLOSE * self.raw(free) and self.weighted(plan) >= CLOSE * self.weighted(free)


def free_plan(found: Scenario, seconds: float) -> Plan:
    """The days left solved anew, with no plan in hand and nothing to pay for a move."""
    return pipeline.solve(found.change({"weights.change": 0.0}), Limits(seconds, prove=False))


def greedy(found: Scenario, stay: Plan, lost: list[str]) -> tuple[int, Plan]:
    """Moves of a dispatcher at the places that lost somebody, and the coverage then."""
    inst = instance(found)
    board = Board(inst, Field(inst), worth(inst))
    warm.place(board, stay.tables, idle=True)
    home, barren = board.site.copy(), ~np.isin(inst.sites, lost)
    while True:
        missing = np.bincount(inst.post_site, np.maximum(0, inst.required - board.staffed).sum(1), len(inst.sites))
        j = int(np.argmax(np.where(barren, 0, missing)))
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
    p, day = np.nonzero(inst.required)
    columns = {"site": inst.sites[inst.post_site[p]], "duty": inst.duties[inst.post_duty[p]]}
    cells = {"required": inst.required[p, day], "staffed": board.staffed[p, day]}
    return int((board.site != home).sum()), replace(stay, tables={"coverage": pd.DataFrame(columns | cells)})


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

"""Do the fixes hold, and the shadow prices?

    python tests/benchmarks/explain.py [--cities 60] [--first 0] [--resources 200] [--again 60] [--sites 0]
        [--alone 20] [--resolve 0] [RUN ...]

Random cities and the plans RUN are explained. Every fix is then read back from its text alone, made part of
the scenario, and a whole plan of it is solved again from the plan in hand: the newcomers' best rosters and the
site's goods, everybody else as they are. The verifier judges each plan, for random cities one fix at a time, for
RUN the fixes of different sites together, and --alone of them alone. A fix is false if its shortage remains in the
plan's table, a rule is broken, or the objective got worse. For --again of the random cities each fixed scenario
is also solved freely, all decisions open: how often the shortage is gone then too is told, since a free plan may
prefer to end another one.
--resolve of the fixes of each city or RUN are made as `allocator fix --rounds 1` does and solved again: the plan must
keep every rule, be no worse and free of the shortage. How often a search that is free to spend the means elsewhere
found a better plan with the shortage in it is told beside that.
Prices of goods and budget are compared with scenarios solved anew at both ends of their range.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from cities import city
from test_explain import short
from test_shadow import differences

from allocator import cure, explain, fixes, pipeline, runs, shadow
from allocator.explain import Explained
from allocator.limits import Limits
from allocator.plan import Plan
from allocator.shadow import Curve
from allocator.state import State
from allocator.verifier import verify


def hold(state: State, found: list[Explained]) -> int:
    """Read from their texts and made, how many fixes end their shortage, all rules kept and nothing worse?

    Several at a time are of different sites, and what they take from the depots is there for each of them.
    """
    made = [e.fix for e in found if e.fix is not None]
    means = [json.loads(fix.text()) for fix in made]
    shared = [explain.shared(state, made)] if len(made) > 1 else []
    scenario = fixes.applied(state.scenario, [*means, *shared])
    plan = explain.with_fixes(state, made, scenario)
    now, then = state.plan.objective, plan.objective
    assert now is not None
    assert then is not None
    if verify(scenario, plan) or then > now + 1e-6 * max(1.0, now):
        return 0
    left = missing(plan)
    asked = explain.reasons(state, found)
    return sum((site, what) not in left for site, what in zip(asked["site"], asked["what"], strict=True))


def missing(plan: Plan) -> set[tuple[str, str]]:
    """Site and what is short there, from the plan's own tables."""
    found: set[tuple[str, str]] = set()
    for name, key in (("coverage", ["duty", "shift"]), ("supply", ["item", "tier"])):
        rows = plan.tables[name]
        rows = rows[rows["shortage"] > 0]
        found |= set(zip(rows["site"], rows[key[0]] + " " + rows[key[1]], strict=True))
    return found


def turns(found: list[Explained]) -> list[list[Explained]]:
    """Fixes one of each site at a time."""
    sets: list[list[Explained]] = []
    seen: dict[int, int] = {}
    for e in found:
        n = seen.get(e.shortage.site, 0)
        seen[e.shortage.site] = n + 1
        sets += [[]] if n == len(sets) else []
        sets[n].append(e)
    return sets


def freely(state: State, e: Explained) -> bool:
    """With all decisions open, is the shortage gone too?"""
    assert e.fix is not None
    scenario = fixes.applied(state.scenario, [json.loads(e.fix.text())])
    start = explain.with_fixes(state, [e.fix], scenario)
    return short(pipeline.solve(scenario, Limits(rounds=1, prove=False), None, start), state, e) == 0


def solved_again(state: State, e: Explained) -> tuple[bool, bool, bool]:
    """Does the plan with the fix hold; did the search better it; did a better plan spend the means elsewhere?"""
    made = cure.cured(state, e, 1)
    now, then, settled = state.plan.objective, made.plan.objective, made.settled.objective
    assert now is not None
    assert then is not None
    assert settled is not None
    assert made.found is not None
    assert e.fix is not None
    key = (e.fix.site, explain.named(state, e.shortage))
    holds = key not in missing(made.plan) and not verify(made.scenario, made.plan)
    elsewhere = key in missing(made.found) and (made.found.objective or 0.0) < settled - 1e-6
    return holds and then <= now + 1e-6 * max(1.0, now), made.plan is not made.settled, elsewhere


def states(seeds: range, plans: list[Path]) -> Iterator[tuple[str, State]]:
    for seed in seeds:
        scenario = city(seed, closed=False)
        yield f"city {seed}", State(scenario, pipeline.solve(scenario, Limits(rounds=1, prove=False)))
    for run in plans:
        yield run.name, State(*runs.load(run))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plans", metavar="RUN", nargs="*", type=Path)
    parser.add_argument("--cities", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="seed of the first city")
    parser.add_argument("--again", type=int, default=60)
    parser.add_argument("--sites", type=int, default=0, help="sites of RUN, drawn at random; 0: all")
    parser.add_argument("--alone", type=int, default=20)
    parser.add_argument("--resolve", type=int, default=0, help="fixes of each plan to solve again")
    parser.add_argument("--resources", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no further city after this")
    given = parser.parse_args()
    shortages = shown = wrong = free = tried = priced = far = resources = cities = 0
    again = np.zeros(4, np.int64)
    began = time.monotonic()
    for name, state in states(range(given.first, given.first + given.cities), given.plans):
        if time.monotonic() - began > given.seconds:
            break
        random = name.startswith("city ")
        cities += random
        draw = np.random.default_rng(0)
        part = None if random or not given.sites else draw.permutation(len(state.inst.sites))[: given.sites]
        found = explain.explained(state, explain.shortages(state, part))
        fixed = [e for e in found if e.fix is not None]
        shortages, shown = shortages + len(found), shown + len(fixed)
        if random:
            wrong += sum(1 - hold(state, [e]) for e in fixed)
        else:
            wrong += sum(len(some) - hold(state, some) for some in turns(fixed))
            print(f"{name}: made together, {wrong} false", flush=True)
            alone = draw.permutation(len(fixed))[: given.alone]
            wrong += sum(1 - hold(state, [fixed[k]]) for k in alone)
        if random and cities <= given.again:
            tried += len(fixed)
            free += sum(freely(state, e) for e in fixed)
        for k in draw.permutation(len(fixed))[: given.resolve]:
            again += (1, *solved_again(state, fixed[k]))
            if not random:
                print(f"{name}: solved again {again[0]}, {again[1]} hold", flush=True)
        if random and resources < given.resources:
            curve = Curve(state.goods, state.kits)
            prices = shadow.priced(curve, shadow.limits(curve, (0, state.goods.days // 2)))
            resources, priced = resources + len(prices), priced + sum(p.value > 0 for p in prices)
            for p in prices:
                ends = [abs(saved - p.value * units) for units, saved in differences(state, curve, p)]
                far += max(ends) > 1e-8 * max(100.0, abs(curve.base))
        line = f"{name}: {shortages} shortages, {shown} fixes shown, {wrong} false; "
        line += f"{resources} prices ({priced} above 0), {far} wrong; solved freely {free} of {tried} gone"
        if given.resolve:
            made, held, better, elsewhere = again.tolist()
            line += f"; solved again {made}: {held} hold, {better} bettered, {elsewhere} left to itself spent elsewhere"
        print(line, flush=True)
    return int(wrong + far > 0 or again[1] < again[0])


if __name__ == "__main__":
    sys.exit(main())

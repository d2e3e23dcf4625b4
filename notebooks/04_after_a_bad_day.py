# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What now: planning on after a bad day
#
# A plan is carried out until something happens: cadres fall out, a store loses goods. What is left of the horizon is
# planned anew, with as few moves as one likes. `ALLOCATOR_SCENARIO` names the scenario (`scenarios/small` if not
# set), `ALLOCATOR_SECONDS` the time for the first plan, `ALLOCATOR_ROUNDS` the rounds of search for each later one;
# `ALLOCATOR_RUN` names a finished run to begin with instead.

# %%
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from allocator import Limits, candidates_for, load, read, solve, trade, verify
from allocator import compare as comparing
from allocator import events as reports
from allocator.replan import carried, follow, moves
from allocator.tables import EVENTS

ROOT = next(p for p in (Path.cwd(), *Path.cwd().parents) if (p / "scenarios").is_dir())
RUN = os.environ.get("ALLOCATOR_RUN")
if RUN:
    case, plan = load(RUN)
else:
    case = read(os.environ.get("ALLOCATOR_SCENARIO", str(ROOT / "scenarios" / "small")))
    plan = solve(case, seconds=float(os.environ.get("ALLOCATOR_SECONDS", "20")))
effort = Limits(None, rounds=int(os.environ.get("ALLOCATOR_ROUNDS", "4")), prove=False)
print(f"{case.settings.title or case.settings.name}: objective {plan.objective:,.1f}")

# %% [markdown]
# ## The bad day
#
# On the fifth day one cadre in twenty does not come, and stays away; one store loses half of an item. Districts
# report both, and `allocator events` exports what they reported as this table.

# %%
first = min(4, case.settings.days - 2)
day = case.date(first).isoformat()
people = case.table("cadres")["cadre"].to_numpy()
away = np.random.default_rng(5).choice(people, max(2, len(people) // 20), replace=False)
held = plan.table("inventory").query("day == @first - 1").sort_values("on_hand", ascending=False)

rows = [{"kind": "absence", "first_day": day, "cadre": cadre} for cadre in away]
rows += [
    {"kind": "stock", "first_day": day, "place": r["place"], "item": r["item"], "quantity": -(r["on_hand"] // 2)}
    for r in held.head(1).to_dict("records")
]
table = pd.DataFrame(rows, columns=list(EVENTS.names)).assign(event=[f"E{n}" for n in range(len(rows))])
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "events.csv"
    table.to_csv(file, index=False)
    happened = reports.read(file, case)
print(table.dropna(axis=1, how="all").tail(8).to_string(index=False))

# %% [markdown]
# ## Planning on
#
# `left` is the scenario of the days that are left: shifts worked count for rest, goods used are gone, whoever is in
# the field is there. Moving a cadre costs `weights.change`.

# %%
left, start = follow(case, plan, happened, first), carried(plan, first)
after = solve(left, seconds=None, start=start, rounds=effort.rounds, prove=False)
assert verify(left, after) == []
print(f"{moves(left, after)} moved, {after.kpis['people']['shortage']:,} of {after.kpis['people']['required']:,} short")
difference = comparing.compare((case, plan), (left, after))
print(difference.render(most=6))

# %% [markdown]
# ## How much is a move worth?
#
# Plans with more and more moves, each with less shortage, weighted by site and duty, than those before: the curve of
# shortage against changes. Where it flattens, further moves only make trouble.

# %%
curve = trade.curve(left, effort, start, points=10)
assert all(verify(left, point.plan) == [] for point in curve)
shown = pd.DataFrame([point.record() for point in curve])
print(shown.round(1).to_string(index=False))
figure, axis = plt.subplots(figsize=(8, 4), layout="constrained")
axis.step(shown["changes"], shown["staffing"], where="post", marker="o", color="#2b6a99")
axis.set(xlabel="cadres moved", ylabel="weighted shortage (staffing penalty)", title="What each move is worth")
axis.xaxis.set_major_locator(plt.MaxNLocator(integer=True))
plt.show()

# %% [markdown]
# ## Whom to send?
#
# The place that is short of most, and who could go there: what is gained there, what the own place loses, travel,
# moving, fairness and goods add up to `change`, the exact difference of the objective.

# %%
short = after.table("coverage").groupby("site")["shortage"].sum()
worst = short.idxmax()
print(f"{worst} {left.table('sites').set_index('site')['name'][worst]}: {short[worst]} shifts short")
columns = ["cadre", "from", "minutes", "shifts", "covers", "change", "gained_here", "lost_there", "moving", "supply"]
print(candidates_for(left, after, worst, 8)[columns].round(2).to_string(index=False))

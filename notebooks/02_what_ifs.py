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
# # What if: how many cadres are enough, and which item binds?
#
# Plans a scenario once and then asks it for more and fewer people, and for more of every item. Each what-if starts
# from the plan in hand. `ALLOCATOR_SCENARIO` names the scenario (`scenarios/small` if not set),
# `ALLOCATOR_SECONDS` the time for the first plan, `ALLOCATOR_ROUNDS` the rounds of search for each what-if;
# `ALLOCATOR_RUN` names a finished run to begin with instead.

# %%
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from allocator import Limits, load, read, solve, verify
from allocator.front import cores
from allocator.sweep import sweep
from allocator.tornado import bars
from allocator.variants import Variant

ROOT = next(p for p in (Path.cwd(), *Path.cwd().parents) if (p / "scenarios").is_dir())
RUN = os.environ.get("ALLOCATOR_RUN")
if RUN:
    case, first = load(RUN)
else:
    case = read(os.environ.get("ALLOCATOR_SCENARIO", str(ROOT / "scenarios" / "small")))
    first = solve(case, seconds=float(os.environ.get("ALLOCATOR_SECONDS", "20")))
effort = Limits(None, rounds=int(os.environ.get("ALLOCATOR_ROUNDS", "3")), prove=False)
# searched on like every what-if: else their gains would hold what more search alone finds
again = solve(case, seconds=None, start=first, rounds=effort.rounds, prove=False)
base = min(first, again, key=lambda plan: plan.objective)
print(f"{case.settings.title or case.settings.name}: objective {base.objective:,.1f}")


def ask(variants):
    """One row per what-if, the plan in hand as the first row."""
    with tempfile.TemporaryDirectory() as folder:
        found = sweep(case, variants, Path(folder), base, effort, workers=cores())
    table = found.table.set_index("variant")
    assert (table["status"] == "solved").all(), table["problem"]
    return table


# %% [markdown]
# ## How many cadres are enough?
#
# Fewer: some are left out at random. More: as many join the last batch, each like a cadre who is there already.
# What one more cadre is worth falls as more of them come; enough is where it is small.

# %%
cadres, last = case.table("cadres"), case.settings.batches[-1]
everybody = len(cadres)
fewer = {n: {"cadres": {"drop": n}} for n in (everybody // 4, everybody // 10, everybody // 20)}
counts = {f"{n} fewer": everybody - n for n in fewer}
table = ask([Variant(f"{n} fewer", "list", changes) for n, changes in fewer.items()])
rows = [row | {"cadres": counts.get(name, everybody)} for name, row in table.to_dict("index").items()]


def joined(n):
    """The scenario with n cadres more, like some who are there already."""
    like = cadres.sample(n, replace=True, random_state=1)
    new = like.assign(cadre=[f"X{k}" for k in range(n)], batch=last.id, first_day=0, last_day=case.settings.days - 1)
    changes = {"cadres": pd.concat([cadres, new], ignore_index=True)}
    return case.change(changes | {f"batch.{last.id}.size": last.size + n})


# %%
for n in (everybody // 20, everybody // 10, everybody // 4):
    larger = joined(n)
    plan = solve(larger, seconds=None, start=base, rounds=effort.rounds, prove=False)
    assert verify(larger, plan) == []
    figures = {name: plan.kpis["people"][name] for name in ("required", "covered", "shortage")}
    rows.append({"cadres": everybody + n, "objective": plan.objective, **plan.terms, **figures})

enough = pd.DataFrame(rows).sort_values("cadres").set_index("cadres")
enough["share"] = enough["covered"] / enough["required"]
enough["per_cadre"] = -np.gradient(enough["objective"], enough.index)
print(enough[["objective", "staffing", "supply", "shortage", "share", "per_cadre"]].round(3).to_string())

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
figure.suptitle("How many cadres are enough?")
axes[0].plot(enough.index, enough["share"], marker="o", color="#2b6a99")
axes[0].set(xlabel="cadres", ylabel="required person-shifts covered", ylim=(0, 1.05))
axes[1].plot(enough.index, enough["per_cadre"], marker="o", color="#e0a030")
axes[1].set(xlabel="cadres", ylabel="penalty one more cadre removes")
for axis in axes:
    axis.axvline(everybody, color="0.7", linestyle=":")
plt.show()

# %% [markdown]
# ## Which item binds?
#
# A fifth more of one item, in stock and on its way, at a time; then of lorries and of money. What the objective
# falls by says what binds. An item of which more changes nothing is not what is short.

# %%
given = [name for name in ("stock", "deliveries") if len(case.table(name))]
wishes = {}
for item in case.table("items")["item"]:
    has = [name for name in given if (case.table(name)["item"] == item).any()]
    if changes := {f"{name}.quantity": {"times": 1.2, "where": {"item": item}} for name in has}:
        wishes[item] = changes
wishes["lorries"] = {"depots.throughput": {"times": 1.2}}
wishes["budget"] = {"supply.budget": 1.2 * case.settings.supply.budget}
names = case.table("items").set_index("item")["name"]
gains = ask([Variant(name, "list", changes) for name, changes in wishes.items()])
worth = (-gains["difference"]).drop("base").sort_values(ascending=False)
shown = pd.DataFrame({"name": [names.get(n, "") for n in worth.index], "saved": worth.round(1)}, index=worth.index)
print(shown.assign(share=(worth / base.terms["supply"]).round(4)).to_string())

# %%
figure, axis = plt.subplots(figsize=(8, 4), layout="constrained")
axis.barh(worth.index[::-1], worth.to_numpy()[::-1], color="#2b6a99")
axis.axvline(0, color="0.7", linewidth=1)
axis.set(xlabel="penalty saved by a fifth more", title="Which item binds?")
plt.show()

# %% [markdown]
# ## Which settings matter most?
#
# Each is moved down and up, alone; the widest bar is the setting to argue about first.

# %%
rules = case.settings.rules
moves = {
    "rules.max_travel": (0.8 * rules.max_travel, 1.2 * rules.max_travel),
    "rules.max_run": (rules.max_run - 1, rules.max_run + 1),
    f"batch.{last.id}.size": (last.size // 2, 2 * last.size),
    "weights.fairness": (0.0, 5.0),
}
table = ask([Variant(f"{key} = {v:g}", "list", {key: v}) for key, values in moves.items() for v in values])
for bar in bars(table.reset_index(), list(moves)):
    print(f"{bar.key:22} {bar.low:+12,.1f} at {bar.low_value:8} {bar.high:+12,.1f} at {bar.high_value}")

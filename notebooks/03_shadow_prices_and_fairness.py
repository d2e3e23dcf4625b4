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
# # Shadow prices and fairness
#
# What one more of anything would save, how far that price holds, and what it costs to treat districts alike.
# `ALLOCATOR_SCENARIO` names the scenario (`scenarios/small` if not set), `ALLOCATOR_SECONDS` the time for each plan;
# `ALLOCATOR_RUN` names a finished run to begin with instead.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from allocator import explain, load, means, offers, read, shadow, solve, verify
from allocator.state import State

ROOT = next(p for p in (Path.cwd(), *Path.cwd().parents) if (p / "scenarios").is_dir())
SECONDS = float(os.environ.get("ALLOCATOR_SECONDS", "15"))
RUN = os.environ.get("ALLOCATOR_RUN")
if RUN:
    case, plan = load(RUN)
else:
    case = read(os.environ.get("ALLOCATOR_SCENARIO", str(ROOT / "scenarios" / "small")))
    plan = solve(case, seconds=SECONDS)
assert not verify(case, plan)
state = State(case, plan)
print(f"{case.settings.title or case.settings.name}: objective {plan.objective:,.1f}")

# %% [markdown]
# ## Goods: what one more unit saves, and how far
#
# The price of an item at a depot is the difference of two solved models, with the shifts of the plan as they are
# and packs that may be broken. It holds from `less` units fewer to `more` units more; beyond, less is saved. Looked at
# are the limits that the plan's own table `prices` calls dearest: `ALLOCATOR_PRICES` of them, 12 if not set. A model of
# a whole city takes a minute for each step; with 0 the table stands as it is, without ranges.

# %%
COUNT = int(os.environ.get("ALLOCATOR_PRICES", "12"))
dearest = plan.table("prices").nlargest(COUNT or 12, "shadow_price")
found = []
if COUNT:
    curve = shadow.Curve(state.goods, state.kits)
    found = shadow.priced(curve, (limit for limit in shadow.limits(curve) if limit.key in set(dearest["key"])))
prices = shadow.table(found).sort_values("shadow_price", ascending=False) if COUNT else dearest
print(prices.to_string(index=False))

# %%
if found:
    fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
    for p in sorted(found, key=lambda p: -p.value)[:4]:
        far = min(p.limit.most, 4 * p.more)
        units = np.unique(np.linspace(-p.less, far, 9).round())
        saved = [curve.base - curve.at(p.limit.row, float(u))[0] for u in units]
        line = ax.plot(units, saved, marker=".", label=p.limit.key)[0]
        ends = np.array([-p.less, p.more])
        ax.plot(ends, p.value * ends, lw=5, alpha=0.3, color=line.get_color())
        inside = units <= p.more
        assert np.allclose(np.array(saved)[inside], p.value * units[inside], atol=1e-6 * max(1.0, curve.base))
    ax.set_xlabel("units more on the first day")
    ax.set_ylabel("penalty saved")
    ax.legend(fontsize=7)
    ax.set_title("A price holds along its wide band")

# %% [markdown]
# ## People and goods: what would help most
#
# One more cadre or pack, each at its best place in the plan in hand.

# %%
print(means.means(state).to_string(index=False))

# %% [markdown]
# ## Why the dearest shortages remain
#
# Of the ten places most short of people. A fix is shown only where a whole plan with it was verified, the shortage
# gone and the objective no worse.

# %%
worst = [state.site[site] for site in offers.places(plan)[:10]]
wanted = explain.shortages(state, np.array(worst, dtype=int))
reasons = explain.reasons(state, explain.explained(state, wanted)).sort_values("gain", ascending=False)
assert len(reasons) == len(wanted)
print(reasons[["site", "what", "shortage", "reason", "fix", "gain"]].head(10).to_string(index=False))

# %% [markdown]
# ## Fairness: what it costs to treat districts alike
#
# With more weight on fairness the district that is covered least gains, and the city as a whole can lose.


# %%
def coverage(plan):
    """Share of the required person-shifts covered, by district."""
    table = plan.table("coverage").merge(case.table("sites")[["site", "district"]], on="site")
    table["covered"] = np.minimum(table["required"], table["staffed"])
    sums = table.groupby("district")[["covered", "required"]].sum()
    return sums["covered"] / sums["required"].clip(lower=1)


rows = {}
for weight in (0.0, case.settings.weights.fairness or 1.0, 10 * (case.settings.weights.fairness or 1.0)):
    other = case.change({"weights.fairness": weight})
    made = solve(other, seconds=SECONDS, start=plan, prove=False)
    assert not verify(other, made)
    share = coverage(made)
    rows[weight] = {"least": share.min(), "most": share.max(), "staffing": made.terms["staffing"]}
fairness = pd.DataFrame(rows).T.rename_axis("weight of fairness")
fairness["spread"] = fairness["most"] - fairness["least"]
print(fairness.round(4).to_string())

# %%
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
fairness[["least", "most"]].plot.bar(ax=ax, rot=0)
ax.set(ylabel="required shifts covered", ylim=(0, 1.05), title="Least and best covered district")
ax.legend(ncols=2, loc="upper center")

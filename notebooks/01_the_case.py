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
# # The case: who is covered, what stays short
#
# Reads a scenario, plans it and looks at the plan. `ALLOCATOR_SCENARIO` names the scenario
# (`scenarios/small` if not set), `ALLOCATOR_SECONDS` the time to decide; `ALLOCATOR_RUN` names a finished run instead.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from allocator import pipeline, runs, scenario, verifier
from allocator.limits import Limits

ROOT = next(p for p in (Path.cwd(), *Path.cwd().parents) if (p / "scenarios").is_dir())
RUN = os.environ.get("ALLOCATOR_RUN")
SCENARIO = os.environ.get("ALLOCATOR_SCENARIO", str(ROOT / "scenarios" / "small"))
case, plan = runs.load(RUN) if RUN else (scenario.read(SCENARIO), None)
settings = case.settings
print(f"{settings.title or settings.name}: {settings.days} days from {settings.start}")
print(pd.Series({name: len(case.table(name)) for name in case.given}, name="rows").sort_index().to_string())

# %% [markdown]
# ## The plan and its proof
#
# No plan under these rules can score below `bound`. The verifier has recomputed every rule from the tables.

# %%
plan = plan or pipeline.solve(case, Limits(seconds=float(os.environ.get("ALLOCATOR_SECONDS", "20"))))
violations = verifier.verify(case, plan)
assert not violations, violations
print(f"objective {plan.objective:,.1f}, bound {plan.bound:,.1f}, gap {plan.gap:.2%}")
print(pd.Series(plan.terms, name="penalty").round(1).to_string())

# %% [markdown]
# ## Coverage by kind of site and by district, in person-shifts


# %%
def coverage(records, key):
    table = pd.DataFrame(records).set_index(key)
    return table.assign(
        short=table["required"] - table["covered"], share=(table["covered"] / table["required"]).round(3)
    )


by_kind = coverage(plan.kpis["by_kind"], "kind")
by_district = coverage(plan.kpis["by_district"], "district")
print(by_kind.to_string(), by_district.to_string(), sep="\n\n")

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for axis, table in zip(axes, (by_kind, by_district), strict=True):
    table[["covered", "short"]].plot.barh(stacked=True, ax=axis, color=["#2b6a99", "#e0a030"])
    axis.set(xlabel="person-shifts required", ylabel="")
    axis.xaxis.set_major_locator(plt.MaxNLocator(5))
figure.suptitle("Covered and short")
plt.show()

# %% [markdown]
# ## Day by day

# %%
by_day = pd.DataFrame(plan.kpis["by_day"]).set_index("day")
figure, axis = plt.subplots(figsize=(11, 4), layout="constrained")
axis.plot(by_day.index, by_day["target"], color="0.7", label="wanted")
axis.plot(by_day.index, by_day["required"], color="#e0a030", label="required")
axis.plot(by_day.index, by_day["covered"], color="#2b6a99", label="required and covered")
axis.set_ylabel("person-shifts")
axis.set_ylim(bottom=0)
axis.set_title("People, day by day")
axis.set_xticks(axis.get_xticks()[::2])
axis.tick_params(axis="x", rotation=45)
axis.legend()
plt.show()

# %% [markdown]
# ## Goods: used of what is needed, by tier and day

# %%
supply = plan.tables["supply"]
daily = supply.groupby(["day", "tier"])[["needed", "used"]].sum()
share = (daily["used"] / daily["needed"]).unstack("tier")
share.index = [case.date(day).isoformat() for day in share.index]
figure, axis = plt.subplots(figsize=(11, 4), layout="constrained")
share.plot(ax=axis, marker="o", markersize=3)
axis.set(ylabel="used / needed", ylim=(0, 1.05), title="Goods, day by day")
axis.tick_params(axis="x", rotation=45)
plt.show()
print(pd.DataFrame(plan.kpis["supplies"]["by_item"]).to_string(index=False))

# %% [markdown]
# ## The worst places

# %%
print(pd.DataFrame(plan.kpis["worst_sites"]).to_string(index=False))

"""Random tiny scenarios of two cases with sites that may open or resume, small enough for the extensive form."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pandas as pd
from cities import city

from allocator.scenario import Case, Scenario


def twin(seed: int) -> Scenario:
    """A city whose demand follows the case here and there; half of them have places to open, half applicants."""
    rng = Random(f"twin {seed}")
    shape = {"cadres": rng.randint(2, 4), "sites": rng.randint(2, 4), "days": rng.randint(4, 5), "items": 1}
    base = city(seed, fairness=0.0, closed=False, odd=False, duties=rng.randint(1, 2), lanes=False, **shape)
    likely = rng.choice((0.25, 0.5, 0.7))
    settings = replace(base.settings, cases=(Case("calm", likely), Case("storm", 1 - likely)))
    sites, days = base.table("sites"), settings.days
    free = [s for s in sites["site"] if s not in set(base.table("pins")["site"])]
    optional = rng.sample(free, min(len(free), rng.randint(0, 2)))
    places = [s for s in optional if rng.random() < 0.5]
    tables = {"demand": _parted(rng, base.table("demand"))}
    if places:
        rows = [(s, rng.randint(1, 6), rng.randint(0, 2), rng.choice((0.0, 500.0, 5000.0))) for s in places]
        tables["candidates"] = pd.DataFrame(rows, columns=["site", "capacity", "lead_days", "cost"])
    if places or rng.random() < 0.2:
        towns = sorted(set(sites["township"]))
        people = {
            (rng.choice(towns), rng.randrange(days), rng.choice(("", "calm", "storm"))): rng.randint(1, 6)
            for _ in range(rng.randint(1, 4))
        }
        rows = [(*key, count) for key, count in people.items()]
        tables["isolation_demand"] = pd.DataFrame(rows, columns=["township", "day", "case", "people"])
    if asked := [s for s in optional if s not in places]:
        rows = [(s, rng.choice((1.0, 8.0, 40.0)), rng.choice("abc"), rng.randrange(days)) for s in asked]
        tables["applications"] = pd.DataFrame(rows, columns=["site", "value", "class", "earliest"])
    return replace(base, settings=settings).change(tables)


def _parted(rng: Random, demand: pd.DataFrame) -> pd.DataFrame:
    """Some rows hold in one case only, some ask for more in the other."""
    rows = []
    for row in demand.to_dict("records"):
        draw = rng.random()
        rows.append(row | {"case": rng.choice(("calm", "storm")) if draw < 0.3 else ""})
        if 0.3 <= draw < 0.6:
            more = rng.randint(0, 1)
            rows.append(row | {"case": "storm", "required": more, "target": more + rng.randint(0, 1)})
    return pd.DataFrame(rows, columns=list(demand.columns))

"""Random decisions for any scenario, mostly against the rules: for measuring, not for carrying out."""

from __future__ import annotations

from random import Random
from typing import Any

import pandas as pd

from allocator.plan import arrange
from allocator.scenario import Scenario
from allocator.tables import OUTPUTS, TIERS


def random_decisions(given: Scenario, seed: int) -> dict[str, pd.DataFrame]:
    """Postings, assignments, shipments, orders, use, openings and reopenings drawn at random."""
    rng, days = Random(f"plan {seed}"), given.settings.days

    def any_of(table: str, column: str) -> Any:
        return rng.choice(given.table(table)[column].tolist())

    sites = given.table("sites")["site"].tolist()
    places = [*given.table("depots")["depot"], *sites]
    items = given.table("items")["item"].tolist()
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in OUTPUTS}
    for cadre in given.table("cadres")["cadre"]:
        if rng.random() < 0.8:
            site, batch, first = rng.choice(sites), rng.choice(given.settings.batches).id, rng.randrange(days)
            rows["postings"].append((cadre, batch, site, first, rng.randrange(first, days), 1.0))
        for day in range(days):
            if rng.random() < 0.6:
                shift = rng.choice(given.settings.shifts).id
                rows["assignments"].append((cadre, day, shift, rng.choice(sites), any_of("duties", "duty")))
    for _ in range(rng.randint(0, 20) if items else 0):
        day, quantity = rng.randrange(days), rng.randint(1, 30)
        depot = any_of("depots", "depot")
        rows["shipments"].append(
            (day, day + rng.randint(0, 2), depot, rng.choice(places), rng.choice(items), quantity)
        )
    for offer in given.table("suppliers").to_dict("records"):
        quantity = rng.randint(1, 30)
        rows["orders"].append((offer["supplier"], offer["item"], rng.randrange(days), quantity, 0.0))
    for _ in range(rng.randint(0, 40) if items else 0):
        key = (rng.choice(sites), rng.choice(items), rng.choice(TIERS), rng.randrange(days))
        if key not in {row[:4] for row in rows["supply"]}:
            rows["supply"].append((*key, 0, rng.randint(0, 5), 0))
    for name, asking in (("openings", "candidates"), ("reopenings", "applications")):
        for site in given.table(asking)["site"]:
            if rng.random() < 0.5:
                rows[name].append((site, rng.randrange(days), 5)[: len(OUTPUTS[name].columns)])
    return arrange(
        {
            name: pd.DataFrame(found, columns=[c.name for c in OUTPUTS[name].columns if not c.sparse])
            for name, found in rows.items()
        }
    )

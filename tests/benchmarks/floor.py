"""The raw floor: how long the least takes that any plan needs, beside the whole process.

    python tests/benchmarks/floor.py SCENARIO [--repeat 3] [--seconds 60] [--skip-solve]

Floor: in a process of its own, the CSVs of the scenario read with pandas, then one OR-Tools min-cost flow that sends
every cadre to one site over the arcs the allocator decides on: all pairs within reach (`rules.max_travel`) of sites
that ask for people. A site takes as many cadres as the targets of its rows of demand add up to, each worth less than
the one before; an arc costs its travel. Whole process: `allocator solve` in the same session, one after the other, as a
user runs it; `--seconds` is its time to decide. The ratio is that of the whole process to the fastest floor.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--skip-solve", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(floor(given.scenario)))
        return 0
    floors = [timed([__file__, str(given.scenario), "--inside"]) for _ in range(given.repeat)]
    for seconds, found in floors:
        print(f"floor {seconds:7.2f} s  {json.dumps(found)}", flush=True)
    least = min(seconds for seconds, _ in floors)
    if given.skip_solve:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "allocator", "solve", str(given.scenario), "--out", f"{folder}/run", "--json", "--quiet"]
        whole, found = timed([*command, "--seconds", str(given.seconds)])
    share = found.get("gap")
    print(f"whole {whole:7.2f} s  objective {found.get('objective')}, bound {found.get('bound')}, gap {share}")
    print("\n| floor, s | whole process, s | ratio | gap |\n|---|---|---|---|")
    print(f"| {least:.2f} | {whole:.1f} | {whole / least:.1f} | {'-' if share is None else f'{100 * share:.2f} %'} |")
    return 0


def timed(command: list[str]) -> tuple[float, Any]:
    """Seconds of a Python process, and the JSON document it prints."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, *command], cwd=ROOT, check=True, capture_output=True, text=True)
    return time.perf_counter() - begun, json.loads(done.stdout)


def floor(folder: Path) -> dict[str, Any]:
    """Read all tables and solve one flow; seconds of the steps, arcs and cost."""
    import tomllib

    import numpy as np
    import pandas as pd
    from ortools.graph.python import min_cost_flow

    at = time.perf_counter()
    table = {file.stem: pd.read_csv(file) for file in sorted(folder.glob("*.csv"))}
    settings = tomllib.loads((folder / "scenario.toml").read_text(encoding="utf-8"))
    read = time.perf_counter()
    cadres, sites, demand = table["cadres"], table["sites"], table["demand"]
    asked = demand.groupby("site")["target"].sum().reindex(sites["site"]).fillna(0).to_numpy(np.int64)
    worth = sites["weight"].to_numpy() * settings["weights"]["required"]
    lon1, lat1, lon2, lat2 = (
        np.radians(frame[name].to_numpy()) for frame in (cadres, sites) for name in ("lon", "lat")
    )
    network = min_cost_flow.SimpleMinCostFlow()
    limit, travel = settings["rules"]["max_travel"], settings["travel"]
    people, arcs = len(cadres), 0
    for low in range(0, people, 2000):
        high = min(low + 2000, people)
        half = np.sin((lat2 - lat1[low:high, None]) / 2) ** 2
        half += np.cos(lat1[low:high, None]) * np.cos(lat2) * np.sin((lon2 - lon1[low:high, None]) / 2) ** 2
        minutes = 2 * 6371.0088 * np.arcsin(np.sqrt(half)) * travel["detour"] / travel["speed_kmh"] * 60
        c, j = np.nonzero((minutes <= limit) & (asked > 0))
        cost = np.rint(1000 * settings["weights"].get("travel", 0.005) * minutes[c, j] * settings["days"])
        network.add_arcs_with_capacity_and_unit_cost(c + low, people + j, np.ones(len(c), int), cost.astype(np.int64))
        arcs += len(c)
    end = people + len(sites)
    step = np.repeat(np.arange(len(sites)), asked)
    rank = np.arange(len(step)) - np.repeat(np.cumsum(asked) - asked, asked)
    price = -np.rint(1000 * worth[step] * settings["days"] / (1 + rank)).astype(np.int64)
    ones = np.ones(len(step), np.int64)
    network.add_arcs_with_capacity_and_unit_cost(people + step, np.full(len(step), end), ones, price)
    network.add_arcs_with_capacity_and_unit_cost(
        np.arange(people), np.full(people, end), np.ones(people, int), np.zeros(people, int)
    )
    network.set_nodes_supplies(np.arange(people), np.ones(people, int))
    network.set_node_supply(end, -people)
    built = time.perf_counter()
    status = network.solve()
    assert status == network.OPTIMAL, status
    done = time.perf_counter()
    seconds = {"read": read - at, "arcs": built - read, "flow": done - built}
    return {"arcs": arcs, "cost": network.optimal_cost() / 1000} | {k: round(v, 3) for k, v in seconds.items()}


if __name__ == "__main__":
    sys.exit(main())

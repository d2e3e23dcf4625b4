"""The people of a city for Timefold: a seat for every person wanted on a post and day, and who sits there.

This is the model of Timefold's own employee scheduling example. Batches are dealt out beforehand, in the order of the
table, those known first: Timefold would have to learn them from the seats. A seat can go to the `near` nearest cadres
who may work there that day. What comes back is made lawful (a seat that breaks a rule is left), and goods are sent by
the allocator's own supply stage, shifts without their kit withdrawn.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joint import score

from allocator import layout, warm
from allocator.goods import Goods, goods
from allocator.instance import Instance, instance
from allocator.limits import Limits, Watch
from allocator.models import kits, supply
from allocator.models.board import Board
from allocator.models.field import Field
from allocator.models.worth import worth
from allocator.scenario import Scenario

NEAR = 50
RESERVE = 0.1
"""Share of the time that is kept for goods."""
SCALE = 1000
"""Whole numbers of Timefold's soft score per unit of penalty."""


def solve(scenario: Scenario, given: Any, now: Callable[[], float]) -> dict[str, Any]:
    if given.timefold_python is None:
        raise SystemExit("timefold needs --timefold-python: a Python with the package timefold, and Java 17")
    inst = instance(scenario)
    batch = dealt(inst)
    task = seats(inst, batch, given.seed)
    record: dict[str, Any] = {"built": now(), "columns": len(task["seats"]), "near": NEAR, "whole": False}
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder) / "task.json", Path(folder) / "answer.json"
        task["seconds"] = max(1.0, given.seconds * (1 - RESERVE) - now())
        question.write_text(json.dumps(task))
        begun = now()
        code = str(Path(__file__).with_name("timefold_seats.py"))
        heap = {"JAVA_TOOL_OPTIONS": f"-Xmx{max(1, int(given.memory / 2))}g"}
        command = [given.timefold_python, code, question, answer]
        quiet, pipe = subprocess.DEVNULL, subprocess.PIPE
        done = subprocess.run(
            command, check=False, env=os.environ | heap, stdout=quiet, stderr=pipe, text=True, errors="replace"
        )
        if done.returncode or not answer.exists():
            return record | {"status": f"failed ({done.returncode}): {_why(done.stderr)}", "bound": None}
        found = json.loads(answer.read_text())
    record |= {"status": "feasible", "people_path": [[round(begun + t, 2), *rest] for t, *rest in found["path"]]}
    board = seated(inst, batch, task["seats"], found["cadre"])
    tables = supplied(inst, goods(scenario), board)
    value = score(scenario, tables)
    return record | {
        "value": value.objective, "violations": value.violations, "shifts": value.shifts, "bound": None,
        "path": [[now(), value.objective, None]],
    }  # fmt: skip


def _why(said: str) -> str:
    """The deepest cause that a Java program names, or its last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return ([line for line in lines if line.startswith("Caused by")] or lines or ["no word"])[-1]


def dealt(inst: Instance) -> np.ndarray:
    """[C] batch of each cadre, -1 where none has room: the pinned, then those with one choice, then the others."""
    out, left = np.full(len(inst.cadres), -1), inst.batch_size.copy()
    able = inst.shape >= 0
    for c in np.lexsort((able.sum(1), inst.must < 0)):
        for b in np.flatnonzero(able[c] & (left > 0))[:1]:
            out[c] = b
            left[b] -= 1
    return out


def seats(inst: Instance, batch: np.ndarray, seed: int) -> dict[str, Any]:
    post, day = np.nonzero(inst.target > 0)
    count = inst.target[post, day]
    cell = np.repeat(np.arange(len(post)), count)
    rank = np.arange(len(cell)) - np.repeat(np.cumsum(count) - count, count)
    posted = np.flatnonzero(batch >= 0)
    shape = inst.shape[posted, batch[posted]]
    candidates: list[list[int]] = []
    order = {j: posted[np.argsort(inst.minutes[posted, j], kind="stable")] for j in np.unique(inst.post_site[post])}
    place = np.full(len(inst.cadres), -1)
    place[posted] = shape
    for p, d in zip(post.tolist(), day.tolist(), strict=True):
        near = order[inst.post_site[p]]
        near = near[np.isfinite(inst.minutes[near, inst.post_site[p]])]
        fits = inst.shape_days[place[near], d] & inst.traits[inst.shape_trait[place[near]], p]
        candidates.append(near[fits][:NEAR].tolist())
    value = np.where(rank < inst.required[post, day][cell], inst.w_required, inst.w_target) * inst.worth[post[cell]]
    rows = [
        [int(inst.post_site[post[k]]), int(post[k]), int(day[k]), int(inst.post_shift[post[k]]), round(v * SCALE), k]
        for k, v in zip(cell.tolist(), value.tolist(), strict=True)
    ]
    costs: dict[int, dict[int, int]] = {int(c): {} for c in posted}
    for k, able in enumerate(candidates):
        j = int(inst.post_site[post[k]])
        for c in able:
            if j not in costs[c]:
                costs[c][j] = round(float(inst.posting_cost(c, batch[c], j)) * SCALE)
    return {
        "seats": rows, "candidates": candidates, "costs": costs, "seed": seed,
        "start": inst.shift_start.tolist(), "end": inst.shift_end.tolist(), "night": inst.shift_night.tolist(),
        "rest": inst.rest_minutes, "run": inst.max_run, "week": inst.max_shifts_7_days,
        "nights": inst.max_nights_7_days, "days": inst.days,
    }  # fmt: skip


def seated(inst: Instance, batch: np.ndarray, rows: list[list[int]], cadre: list[int]) -> Board:
    """The answer on a board: everybody at the site of most of their seats, unlawful seats left."""
    taken = pd.DataFrame([(c, *row[:4]) for c, row in zip(cadre, rows, strict=True) if c >= 0],
                         columns=["c", "j", "p", "day", "s"])  # fmt: skip
    most = taken.groupby(["c", "j"]).size().reset_index(name="n").sort_values(["c", "n", "j"])
    home = most.drop_duplicates("c", keep="last")
    c, j = home["c"].to_numpy(np.int64), home["j"].to_numpy(np.int64)
    taken = taken.merge(home[["c", "j"]], on=["c", "j"]).drop_duplicates(["c", "day"])
    tables = {
        "postings": pd.DataFrame({"cadre": inst.cadres[c], "batch": inst.batches[batch[c]], "site": inst.sites[j]}),
        "assignments": pd.DataFrame({
            "cadre": inst.cadres[taken["c"]], "day": taken["day"], "shift": inst.shifts[taken["s"]],
            "site": inst.sites[taken["j"]], "duty": inst.duties[inst.post_duty[taken["p"]]],
        }),
    }  # fmt: skip
    board = Board(inst, Field(inst), worth(inst))
    warm.place(board, tables, idle=True)
    return board


def supplied(inst: Instance, stock: Goods, board: Board) -> dict[str, pd.DataFrame]:
    """Goods for a board, as the pipeline sends them."""
    watch = Watch(Limits(None))
    for attempt in range(12):
        use = kits.used(inst, stock.kit_rate, board.staffed)
        answer = supply.solve(stock, use, watch, "quick", supply.prices(stock, use))
        if not answer.kit_short.any():
            break
        kits.withdraw(board, stock.kit_rate, answer.kit_short, thorough=attempt > 6)
    return layout.tables(inst, stock, board, answer, None)

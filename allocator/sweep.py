"""Sweep: many variants of a scenario solved, and one table that compares them.

    base        the scenario itself, solved once; every variant starts from its plan
    results/    one file per variant, written when it is done: what is there is not done again
    table       one row per variant, CSV and XLSX; tornado.svg shows which key moves the objective most

A variant is searched for a number of rounds, not for a time: the same variants give the same table
wherever and in whatever order they run.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from allocator import executor, files, pipeline, runs, variants
from allocator.errors import AllocatorError, InputError, Problem
from allocator.limits import Limits, Watch
from allocator.plan import Plan
from allocator.scenario import Scenario
from allocator.variants import Variant
from allocator.verifier import verify

__all__ = ["Sweep", "sweep", "worse"]

BASE = "base"
HEADS = ("variant", "origin", "status", "problem", "objective", "difference", "bound", "gap")


@dataclass(frozen=True)
class Sweep:
    """Results of all variants, in the order of the file that asked for them."""

    records: tuple[Mapping[str, Any], ...]
    base: Mapping[str, Any]
    reused: int
    """Results that were there already."""

    @property
    def table(self) -> pd.DataFrame:
        """One row per variant: what was changed, what came of it, and the terms of the objective."""
        base = self.base["objective"]
        keys = list(dict.fromkeys(k for r in self.records for k in r["changes"]))
        rows = []
        for r in (self.base, *self.records):
            objective = r["objective"]
            difference = None if objective is None or base is None else objective - base
            head = {name: r.get(name) for name in HEADS} | {"difference": difference}
            rows.append(head | {k: variants.short(r["changes"].get(k, "")) for k in keys} | r["figures"])
        return pd.DataFrame(rows)


def sweep(
    scenario: Scenario,
    wanted: list[Variant],
    folder: Path,
    start: Plan,
    limits: Limits,
    scheduler: str | None = None,
    workers: int = 1,
    tell: Callable[[str], None] = lambda line: None,
) -> Sweep:
    """Solve what of the variants is not in the folder yet, and return all of them.

    Parameters
    ----------
    start
        plan of the scenario itself.
    limits
        of each variant: `rounds`, `seed`, and `seconds` where one wants a time limit all the same.
    """
    shared = _packed(scenario, start, limits)
    digest = _digest(scenario, start, limits)
    results = folder / "results"
    results.mkdir(parents=True, exist_ok=True)
    names = {v.name: hashlib.sha256(f"{digest} {v.text}".encode()).hexdigest()[:32] for v in wanted}
    found = {v.name: record for v in wanted if (record := _read(results / f"{names[v.name]}.json"))}
    reused = len(found)
    if reused:
        tell(f"{reused} of {len(wanted)} variants are there already")
    todo = {v.name: v for v in wanted if v.name not in found}
    for name, record in executor.run(_solved, shared, todo, scheduler, workers):
        _write(results / f"{names[name]}.json", record)
        found[name] = record
        value = record["problem"] or f"objective {record['objective']:,.1f}"
        tell(f"{len(found)} of {len(wanted)}  {name}: {value} ({record['seconds']:.1f} s)")
    return Sweep(tuple(found[v.name] for v in wanted), _record(Variant(BASE, BASE, {}), start, 0.0), reused)


def base(scenario: Scenario, folder: Path, make: Callable[[], Plan]) -> Plan:
    """The plan every variant starts from: the one in the folder if it is of this scenario, else a new one."""
    run = folder / BASE
    with suppress(InputError):
        kept, plan = runs.load(run)
        if kept.fingerprint == scenario.fingerprint:
            return plan
    plan = make()
    folder.mkdir(parents=True, exist_ok=True)
    runs.save(scenario, plan, run)
    # what is read back is what a sweep that goes on will start from
    return runs.load(run)[1]


# ---- one variant, in whatever process


def _packed(scenario: Scenario, start: Plan, limits: Limits) -> bytes:
    tables = {name: start.tables[name] for name in ("postings", "assignments")}
    lean = Plan(scenario.settings.name, scenario.fingerprint, tables=tables)
    return zlib.compress(pickle.dumps((scenario, lean, limits), protocol=5), 1)


def _digest(scenario: Scenario, start: Plan, limits: Limits) -> str:
    """What a result depends on beside its variant; the same in every process."""
    tables = (start.tables[name].to_csv(index=False) for name in ("postings", "assignments"))
    words = [scenario.fingerprint, repr(limits), *tables, *sorted(pipeline.versions().items())]
    return hashlib.sha256(repr(words).encode()).hexdigest()


@lru_cache(maxsize=1)
def _unpacked(shared: bytes) -> tuple[Scenario, Plan, Limits]:
    found: tuple[Scenario, Plan, Limits] = pickle.loads(zlib.decompress(shared))
    return found


def _solved(shared: bytes, variant: Variant) -> dict[str, Any]:
    """Solve one variant; what is wrong with it is part of the answer."""
    scenario, start, limits = _unpacked(shared)
    watch = Watch(limits)
    try:
        found = variants.apply(scenario, variant)
        plan = pipeline.solve(found, limits, watch, start)
        broken = verify(found, plan)
    except AllocatorError as error:
        return _record(variant, None, watch.seconds, str(error).replace("\n", "; "))
    problem = "" if not broken else f"the plan breaks {len(broken)} rules: {broken[0]}"
    return _record(variant, plan, watch.seconds, problem)


def _record(variant: Variant, plan: Plan | None, seconds: float, problem: str = "") -> dict[str, Any]:
    """What is kept of a variant, as JSON knows it."""
    sound = plan is not None and not problem
    return {
        "variant": variant.name,
        "origin": variant.origin,
        "changes": dict(variant.changes),
        "status": "solved" if sound else "failed",
        "problem": problem,
        "objective": plan.objective if plan is not None and sound else None,
        "bound": plan.bound if plan is not None and sound else None,
        "gap": plan.gap if plan is not None and sound else None,
        "figures": _figures(plan) if plan is not None and sound else {},
        "seconds": seconds,
    }


def _figures(plan: Plan) -> dict[str, float]:
    people, supplies = plan.kpis["people"], plan.kpis["supplies"]
    counts = ("posted", "required", "covered", "shortage")
    tiers = {f"short_{row['tier']}": row["shortage"] for row in supplies["by_tier"]}
    return {**plan.terms, **{name: people[name] for name in counts}, **tiers}


# ---- files


def _read(file: Path) -> dict[str, Any] | None:
    """A result that is there and whole."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and "figures" in record else None


def _write(file: Path, record: Mapping[str, Any]) -> None:
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False, default=lambda v: v.item())
    files.replace_file(file, _texted(text + "\n"))


def _texted(text: str) -> Callable[[Path], None]:
    def fill(file: Path) -> None:
        file.write_text(text, encoding="utf-8", newline="\n")

    return fill


def write(found: Sweep, folder: Path, picture: str) -> None:
    """Write table.csv, table.xlsx and tornado.svg; each whole or not at all."""
    import xlsxwriter

    table = found.table

    def book(file: Path) -> None:
        with xlsxwriter.Workbook(str(file), {"strings_to_formulas": False, "strings_to_numbers": False}) as made:
            sheet = made.add_worksheet("variants")
            sheet.freeze_panes(1, 1)
            sheet.write_row(0, 0, list(table.columns), made.add_format({"bold": True, "bottom": 1}))
            for n, row in enumerate(table.itertuples(index=False), start=1):
                sheet.write_row(n, 0, [None if v is None or v != v else v for v in row])

    files.replace_file(folder / "table.csv", _texted(table.to_csv(index=False, lineterminator="\n")))
    files.replace_file(folder / "table.xlsx", book)
    files.replace_file(folder / "tornado.svg", _texted(picture))


def worse(found: pd.DataFrame, baseline: Path, tolerance: float) -> list[str]:
    """Variants whose objective is worse than in a baseline, or that it solved and this sweep does not.

    `baseline` is the folder of a sweep or its table.csv. A variant the baseline does not have is no fault.
    """
    file = baseline / "table.csv" if baseline.is_dir() else baseline
    try:
        old = pd.read_csv(file).set_index("variant")["objective"]
    except (OSError, ValueError, KeyError) as error:
        way = f"the table.csv of a sweep ({error})"
        raise InputError([Problem(str(file), None, None, "", way, "missing")]) from error
    new = found.set_index("variant")["objective"]
    told = []
    for name, before in old.dropna().items():
        after = new.get(name)
        if after is None or after != after:
            told.append(f"{name}: {before:,.3f} before, no plan now")
        elif after - before > tolerance * max(1.0, abs(before)):
            told.append(f"{name}: {before:,.3f} before, {after:,.3f} now")
    return told

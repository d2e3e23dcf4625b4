"""Large scenarios, part by part: each part is planned and proved as a city of its own, then all together.

    parts       districts that share no depot (`parts.py`), each a scenario of its own
    plans       one job per part: search, goods, prices (`pipeline.Solve`), on all cores or a Dask cluster;
                the first ones tell the others what shifts are worth, so that their proofs begin from there
    bound       one job per part: what its sites and goods can give at prices that hold everywhere (`models/beyond.py`)

The plan is the parts' plans side by side. Batches and budget, which are common, are shared out before, and
have one price in the bound; so have people, who might work in another part than they are planned for.
"""

from __future__ import annotations

import pickle
import tempfile
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allocator import executor, finish, layout
from allocator.goods import goods
from allocator.instance import Instance, instance
from allocator.limits import Limits, Progress, Watch
from allocator.models import beyond, fairness, kits, supply
from allocator.models.proved import Proved
from allocator.models.worth import worth
from allocator.parts import Division
from allocator.pipeline import CONTRADICTED, Solve
from allocator.plan import Plan
from allocator.proven import TIGHT, certificate
from allocator.scenario import Scenario

PLANNED = 0.72
"""Share of a limit for the plans, at least."""
REST = 8.0
"""Seconds per part that measuring and the bound take after the plans."""
COUNTING, COUNTED = 0.08, 10.0
"""Share of a limit in which whole people are counted at the prices of the whole, and seconds of a part below which that
is left out."""
LEARNT, LEARNING = 105.0, 0.25
"""Seconds that the first parts get at least, if that is no more than this share of the limit: the others begin with
what these prove."""
LOOK = 0.3
"""Seconds between two looks at whether to stop."""


@dataclass(frozen=True)
class Planned:
    """What the job of a part hands back."""

    tables: Mapping[str, pd.DataFrame]
    objective: float
    paid: float
    """what people pay for their kits, in `tables`"""
    toll: np.ndarray
    """[P, D] price of the kits of one person"""
    prices: supply.Prices
    proved: Proved | None
    fair: pd.DataFrame
    """price of fairness and required shifts of its districts: `price`, `need`, by code"""


def solve(scenario: Scenario, division: Division, limits: Limits, watch: Watch, start: Plan | None = None) -> Plan:
    """Plan a scenario part by part, each from what can stand of the plan `start`."""
    return Province(scenario, division, limits, watch, start).run()


@dataclass(frozen=True)
class Proving:
    """What the job of a bound is given."""

    scenario: Scenario
    """the sites and depots of a part, and all who may work there"""
    people: np.ndarray
    """[C] prices of its cadres"""
    batches: np.ndarray
    cuts: tuple[tuple[np.ndarray, ...], ...]
    toll: np.ndarray
    fair: pd.Series
    """what a covered shift of each district is worth more than in itself, by code"""
    prices: supply.Prices
    seconds: float
    """for whole people to be counted"""


@dataclass(frozen=True)
class Given:
    """What all jobs share."""

    limits: Limits
    stop: str
    """file that is there once the solve is to end"""
    like: Proved | None = None
    """what was proved of one of the first parts"""


class Province:
    """One solve of a large scenario."""

    def __init__(self, scenario: Scenario, division: Division, limits: Limits, watch: Watch, start: Plan | None):
        self.scenario, self.division, self.limits, self.watch = scenario, division, limits, watch
        self.start = start
        self.parts = division.parts()

    def run(self) -> Plan:
        watch = self.watch
        watch.tell("parts", None, None, f"{len(self.parts)} parts that share no depot")
        with _stopping(watch) as stop:
            planned = self._plans(stop)
            together = _together([p.tables for p in planned])
            # of a hundred cities they take gigabytes, so each is kept once
            planned = [replace(p, tables={}) for p in planned]
            value = finish.measured(self.scenario, together)
            del together
            watch.tell("plan", value.objective, None, "all parts together")
            people, goods_ = self._bounds(planned, stop) if self.limits.prove else (None, None)
        whole = None if people is None or goods_ is None else people + goods_
        if whole is not None and whole > value.objective + TIGHT * max(1.0, abs(value.objective)):
            watch.tell("bound", value.objective, None, CONTRADICTED)
            people = goods_ = whole = None
        paid = sum(p.paid for p in planned)
        supplied = value.terms["supply"] + value.terms["distance"]
        bound = None if whole is None else min(value.objective, max(0.0, whole))
        watch.tell("plan", value.objective, bound, "all parts together")
        seconds = watch.seconds
        certificates = (
            certificate("staffing", value.objective - supplied + paid, people, seconds, "parts + dual prices"),
            certificate("supply", supplied - paid, goods_, seconds, "parts + lot-sizing dual"),
            certificate("plan", value.objective, bound, seconds, "allocator"),
        )
        return finish.plan(self.scenario, self.limits, value, bound, certificates)

    # -- plans -------------------------------------------------------------------------------

    def _plans(self, stop: Path) -> list[Planned]:
        """The plans of all parts, in their order."""
        found: dict[int, Planned] = {}
        first = min(len(self.parts), max(1, self.limits.processes))
        self._turn(range(first), stop, found)
        if first < len(self.parts):
            self._turn(range(first, len(self.parts)), stop, found, found[0].proved)
        return [found[k] for k in range(len(self.parts))]

    def _turn(self, wanted: range, stop: Path, found: dict[int, Planned], like: Proved | None = None) -> None:
        """Plan some parts, which take turns on the cores, in what is left of the time for all."""
        seconds, cores = self.limits.seconds, max(1, self.limits.processes)
        if seconds is not None:
            counting = COUNTING if self._counting() else 0.0
            until = max(PLANNED, 1 - REST * len(self.parts) / max(seconds, 1e-9) - counting)
            share = self.watch.left(until) / -(-(len(self.parts) - len(found)) // cores)
            seconds = max(share, 0.0 if found else min(LEARNT, LEARNING * seconds))
        given = Given(replace(self.limits, seconds=seconds, processes=1), str(stop), like)
        tasks = {str(k): _packed((self.parts[k].scenario, self._begun(k))) for k in wanted}
        for key, planned in executor.run(_plan, _packed(given), tasks, self.limits.scheduler, self.limits.processes):
            found[int(key)] = planned
            name = self.parts[int(key)].name
            self._heard(f"{len(found)} of {len(self.parts)} planned: {name}, objective {planned.objective:,.0f}")

    def _begun(self, k: int) -> dict[str, pd.DataFrame] | None:
        """What the plan in hand says of the people of a part."""
        if self.start is None:
            return None
        mine = set(self.parts[k].scenario.table("cadres")["cadre"])
        tables = {name: self.start.tables[name] for name in ("postings", "assignments")}
        return {name: frame[frame["cadre"].isin(mine)] for name, frame in tables.items()}

    def _heard(self, note: str) -> None:
        self.watch.tell("parts", None, None, note)

    # -- the bound ---------------------------------------------------------------------------

    def _bounds(self, planned: list[Planned], stop: Path) -> tuple[float, float] | tuple[None, None]:
        """Bounds of people and of goods for the whole, at prices made one of those of the parts."""
        people, batches = self._prices(planned)
        if people is None:
            return None, None
        budget, fair = self._budget_price(planned), _fair(planned)
        tasks = {}
        for k, plan in enumerate(planned):
            rows = self.division.within(k)
            assert plan.proved is not None
            proving = Proving(
                self.division.view(k, rows, self.parts[k].scenario.settings), people[rows], batches, plan.proved.cuts,
                plan.toll, fair, replace(plan.prices, budget=budget), self._counting(),
            )
            tasks[str(k)] = _packed(proving)
        sizes = np.array([b.size for b in self.scenario.settings.batches], float)
        staffing = -float(people.sum() + batches @ sizes)
        left = self.scenario.settings.supply.budget - sum(part.budget for part in self.parts)
        sent = -budget * max(0.0, left)
        done = 0
        shared = _packed(Given(self.limits, str(stop)))
        for _, (own, paid) in executor.run(_prove, shared, tasks, self.limits.scheduler, self.limits.processes):
            staffing, sent, done = staffing + own, sent + paid, done + 1
            self._heard(f"{done} of {len(tasks)} bounds")
        return staffing, sent

    def _counting(self) -> float:
        """Seconds that each part has to count whole people in."""
        each = COUNTING * (self.limits.seconds or 0.0) * max(1, self.limits.processes) / len(self.parts)
        return each if COUNTED <= each < np.inf else 0.0

    def _prices(self, planned: list[Planned]) -> tuple[np.ndarray | None, np.ndarray]:
        """One price [C] of every cadre, and one [B] of a place in each batch."""
        proved = [p.proved for p in planned]
        if any(p is None for p in proved):
            return None, np.zeros(0)
        weight = np.array([len(self.division.members(k)) for k in range(len(planned))], float)
        each = np.array([p.batches for p in proved if p is not None])
        batches = weight @ each / weight.sum()
        sizes = np.array([b.size for b in self.scenario.settings.batches], float)
        people = np.zeros(len(self.scenario.table("cadres")))
        for k, p in enumerate(proved):
            if p is not None:
                # a place in a batch that is cheaper here than elsewhere makes its people dearer
                apart = float((p.batches - batches) @ sizes / max(1.0, sizes.sum()))
                people[self.division.members(k)] = np.maximum(0.0, p.people + apart)
        return people, batches

    def _budget_price(self, planned: list[Planned]) -> float:
        weight = np.array([part.budget for part in self.parts])
        price = np.array([p.prices.budget for p in planned])
        return float(weight @ price / weight.sum()) if weight.sum() > 0 else float(price.max(initial=0.0))


# ---- jobs, in whatever process


def _plan(shared: bytes, task: bytes) -> Planned:
    given: Given = _shared(shared)
    scenario, begun = _unpacked(task)
    start = None if begun is None else Plan(scenario.settings.name, "", tables=begun)
    stop = Path(given.stop)

    def listen(_: Progress) -> None:
        if stop.exists():
            watch.stop()

    watch = Watch(given.limits, listen)
    listen(Progress("", None, None, 0.0))
    solved = Solve(scenario, given.limits, watch, start, like=given.like)
    solved.decide()
    assert solved.best is not None
    assert solved.prices is not None
    value, answer = solved.best
    return Planned(
        layout.tables(solved.inst, solved.goods, answer.board, answer.goods, solved.prices),
        value,
        float((solved.people.toll * answer.board.staffed).sum()),
        solved.people.toll,
        solved.prices,
        solved.proved,
        _districts(solved.inst, scenario, solved.people.price),
    )


def _prove(shared: bytes, task: bytes) -> tuple[float, float]:
    """What the people of all parts, and the goods of this one, can spare at its sites at most, as bounds."""
    given: Proving = _unpacked(task)
    inst, stock = instance(given.scenario), goods(given.scenario)
    codes = given.scenario.table("districts")["district"]
    value = worth(inst, given.fair.reindex(codes, fill_value=0.0).to_numpy(), given.toll)
    most = beyond.most(inst, value, given.people, given.batches, given.cuts, given.seconds)
    cap = kits.used(inst, stock.kit_rate, inst.target)
    return inst.unstaffed + inst.moved - most, float(sum(supply.bound(stock, given.prices, cap)))


def _districts(inst: Instance, scenario: Scenario, price: np.ndarray) -> pd.DataFrame:
    """Prices [districts] of fairness, and the shifts that are required there."""
    codes = scenario.table("districts")["district"].to_numpy()
    return pd.DataFrame({"price": price, "need": fairness.required(inst)}, index=codes)


def _fair(planned: list[Planned]) -> pd.Series:
    """What a covered shift of each district is worth more, at the prices that the parts found (`fairness.py`).

    A district far below the share of its own part counts as one far below that of the whole.
    """
    found = pd.concat([p.fair for p in planned])
    # a district where people live but nobody is asked for may be in many parts
    found = found[found["need"] > 0]
    return pd.Series(fairness.relative(found["price"].to_numpy(), found["need"].to_numpy()), found.index)


@contextmanager
def _stopping(watch: Watch) -> Iterator[Path]:
    """A file that appears once the watch is stopped: jobs in other processes look for it."""
    done = threading.Event()
    with tempfile.TemporaryDirectory(prefix="allocator-") as folder:
        stop = Path(folder) / "stop"

        def look() -> None:
            while not done.is_set() and not watch.stopped:
                done.wait(LOOK)
            if watch.stopped:
                stop.touch()

        if watch.stopped:
            stop.touch()
        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        try:
            yield stop
        finally:
            done.set()
            looking.join()


def _packed(what: Any) -> bytes:
    return zlib.compress(pickle.dumps(what, protocol=5), 1)


def _unpacked(what: bytes) -> Any:
    return pickle.loads(zlib.decompress(what))


@lru_cache(maxsize=1)
def _shared(what: bytes) -> Any:
    return _unpacked(what)


def _together(each: list[Mapping[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """The tables of plans side by side; a price that several have counts once, the highest."""
    tables = {name: pd.concat([t[name] for t in each], ignore_index=True) for name in each[0]}
    prices = tables["prices"].sort_values("shadow_price", ascending=False, kind="stable")
    tables["prices"] = prices.drop_duplicates(["rule", "key"]).sort_values(["rule", "key"]).reset_index(drop=True)
    return tables

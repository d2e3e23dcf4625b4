"""Plain MIP of a whole tiny scenario: the second opinion on objective and bound.

Written from the rules of the design alone. One boolean per (cadre, batch, site) and per
(cadre, site, duty, day, shift); whole packs, orders and use of goods as integers. Nothing is
shared with the allocator but the `Scenario`, nothing is clever: that is the point of it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from ortools.math_opt.python import mathopt
from ortools.math_opt.python.parameters import SolverType

from allocator.scenario import Scenario

EARTH_KM = 6371.0088
Key = tuple[Any, ...]
Vars = dict[Key, mathopt.Variable]
Sums = defaultdict[Key, list[mathopt.LinearTypes]]


@dataclass(frozen=True)
class OracleAnswer:
    """What the plain MIP found; `objective` and `bound` are None where it found none."""

    objective: float | None
    bound: float | None
    status: str
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    terms: Mapping[str, float] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        return self.status == "optimal"

    @property
    def scale(self) -> float:
        return max(1.0, abs(self.objective or 0.0))


def optimum(scenario: Scenario, seconds: float = 60.0) -> OracleAnswer:
    """Solve the whole scenario as one MIP; `exact` says whether optimality was proved.

    SCIP first, HiGHS where SCIP proves nothing in a third of the time.
    """
    model = _Whole(scenario)
    first = model.solve(seconds / 3, SolverType.GSCIP)
    if first.status in ("optimal", "infeasible"):
        return first
    second = model.solve(seconds * 2 / 3, SolverType.HIGHS)
    return second if second.exact or first.objective is None else first


def second_opinion(scenario: Scenario, seconds: float = 60.0) -> OracleAnswer:
    """The same model by HiGHS alone."""
    return _Whole(scenario).solve(seconds, SolverType.HIGHS)


def kilometres(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Great-circle distance (haversine, mean Earth radius)."""
    a, b = math.radians(lat1), math.radians(lat2)
    h = math.sin((b - a) / 2) ** 2
    h += math.cos(a) * math.cos(b) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(h))


def weekdays(text: str) -> set[int]:
    """'1-3,6' -> {1, 2, 3, 6}; 1 is Monday."""
    days: set[int] = set()
    for part in text.split(","):
        low, _, high = part.strip().partition("-")
        days |= set(range(int(low), int(high or low) + 1))
    return days


class _Whole:
    """The model, built rule by rule."""

    def __init__(self, scenario: Scenario):
        self.start(scenario)
        self.cells = self._cells()
        self._postings()
        self._assignments()
        self._rest_and_windows()
        self._staffing()
        self._supplies()
        self._openings()
        self.terms = {name: mathopt.fast_sum(parts) for name, parts in self.parts.items()}
        self.model.minimize(mathopt.fast_sum(self.terms.values()))

    def start(self, scenario: Scenario) -> None:
        """The scenario's rows by key, and an empty model."""
        self.s = scenario.settings
        self.days = range(self.s.days)
        self.given = scenario.given
        self.rows = {n: t.to_dict("records") for n, t in scenario.tables.items()}
        self.cadres = {r["cadre"]: r for r in self.rows["cadres"]}
        self.sites = {r["site"]: r for r in self.rows["sites"]}
        self.depots = {r["depot"]: r for r in self.rows["depots"]}
        self.items = {r["item"]: r for r in self.rows["items"]}
        self.duties = {r["duty"]: r for r in self.rows["duties"]}
        self.shifts = {k.id: k for k in self.s.shifts}
        self.leave = {(r["cadre"], r["day"]) for r in self.rows["leave"]}
        self.before = {(r["cadre"], r["day"]): r["shift"] for r in self.rows["worked"]}
        self.closed = {r["site"] for name in ("candidates", "applications") for r in self.rows[name]}
        self.model = mathopt.Model()
        self._add = self.model.add_linear_constraint
        self.parts: dict[str, list[mathopt.LinearTypes]] = {name: [] for name in TERMS}
        self.staffed: Sums = defaultdict(list)
        self.kits: Sums = defaultdict(list)

    # ---- people

    def _cells(self) -> dict[Key, tuple[int, int]]:
        """(site, duty, day, shift) -> (required, target), rows added up, open sites only."""
        cells: dict[Key, tuple[int, int]] = {}
        for r in self.rows["demand"]:
            allowed = weekdays(r["weekdays"])
            for day in range(r["first_day"], r["last_day"] + 1):
                weekday = (self.s.start + dt.timedelta(days=day)).isoweekday()
                if weekday in allowed and r["site"] not in self.closed:
                    key = (r["site"], r["duty"], day, r["shift"])
                    required, target = cells.get(key, (0, 0))
                    cells[key] = (required + r["required"], target + r["target"])
        return {k: v for k, v in cells.items() if v[1] > 0}

    def minutes(self, cadre: str) -> dict[str, float]:
        """Minutes one way to every site within reach."""
        listed = {r["site"]: r["minutes"] for r in self.rows["travel"] if r["cadre"] == cadre}
        if not listed:
            c, t = self.cadres[cadre], self.s.travel
            for site, row in self.sites.items():
                km = kilometres(c["lon"], c["lat"], row["lon"], row["lat"])
                listed[site] = km * t.detour / t.speed_kmh * 60
        return {site: m for site, m in listed.items() if m <= self.s.rules.max_travel}

    def window(self, cadre: str, batch: Any) -> tuple[int, int]:
        """First and last day of a posting of the cadre in the batch; last < first: impossible."""
        c = self.cadres[cadre]
        first = max(batch.start, c["first_day"])
        return first, min(self.s.days - 1, c["last_day"], first + self.s.rules.max_posting_days - 1)

    def _postings(self) -> None:
        pins = {(r["cadre"], r["site"]): r for r in self.rows["pins"]}
        self.post: Vars = {}
        by_cadre, by_batch, by_pair = Sums(list), Sums(list), Sums(list)
        for cadre, row in self.cadres.items():
            for site, minutes in self.minutes(cadre).items():
                pin = pins.get((cadre, site))
                for batch in self.s.batches:
                    first, last = self.window(cadre, batch)
                    if last < first or row["batch"] not in ("", batch.id):
                        continue
                    if pin and (pin["kind"] == "never" or pin["first_day"] not in (-1, first)):
                        continue
                    var = self.model.add_binary_variable()
                    self.post[cadre, batch.id, site] = var
                    for sums, key in ((by_cadre, cadre), (by_batch, batch.id), (by_pair, (cadre, site))):
                        sums[key].append(var)
                    self.parts["travel"].append(self.s.weights.travel * minutes * (last - first + 1) * var)
        for people in by_cadre.values():
            self._add(mathopt.fast_sum(people) <= 1)
        for batch in self.s.batches:
            self._add(mathopt.fast_sum(by_batch[batch.id]) <= batch.size)
        for pair, pin in pins.items():
            if pin["kind"] == "must":
                self._add(mathopt.fast_sum(by_pair[pair]) >= 1)
        for r in self.rows["previous"]:
            stays = mathopt.fast_sum(by_pair[r["cadre"], r["site"]])
            self.parts["change"].append(self.s.weights.change * (1 - stays))

    def _may_work(self, cadre: str, key: Key) -> bool:
        _, duty, day, shift = key
        row, skill = self.cadres[cadre], self.duties[duty]["skill"]
        return (
            row["first_day"] <= day <= row["last_day"]
            and (cadre, day) not in self.leave
            and (skill == "" or skill in row["skills"].split(";"))
            and (row["night_ok"] or not self.shifts[shift].night)
        )

    def _assignments(self) -> None:
        self.work: Vars = {}
        self.on: Sums = defaultdict(list)  # (cadre, day, shift)
        present, there = Sums(list), Sums(list)  # (cadre, site, day): working there, posted there
        batches = {b.id: b for b in self.s.batches}
        for (cadre, batch, site), var in self.post.items():
            first, last = self.window(cadre, batches[batch])
            for day in range(first, last + 1):
                there[cadre, site, day].append(var)
        norms = defaultdict(list)
        for r in self.rows["kits"]:
            norms[r["duty"]].append((r["item"], r["per_shift"]))
        for cadre in self.cadres:
            for site, duty, day, shift in self.cells:
                key = (site, duty, day, shift)
                if not self._may_work(cadre, key) or (cadre, site, day) not in there:
                    continue
                var = self.model.add_binary_variable()
                self.work[cadre, *key] = var
                self.staffed[key].append(var)
                self.on[cadre, day, shift].append(var)
                present[cadre, site, day].append(var)
                for item, per_shift in norms[duty]:
                    self.kits[site, item, day].append(per_shift * var)
        for key, works in present.items():
            self._add(mathopt.fast_sum(works) <= mathopt.fast_sum(there[key]))

    def _rest_and_windows(self) -> None:
        rules, shifts = self.s.rules, list(self.shifts.values())
        clash = [
            (a.id, b.id)
            for a in shifts
            for b in shifts
            if 24 * 60 - (a.start + a.minutes) + b.start < rules.rest_hours * 60 - 1e-9
        ]
        nights = [k.id for k in shifts if k.night]
        for cadre in self.cadres:
            for day in range(-1, self.s.days - 1):
                for a, b in clash:
                    self._at_most(cadre, [(day, a), (day + 1, b)], 1)
            for day in range(-6, self.s.days):
                self._at_most(cadre, self._span(day, rules.max_run + 1), rules.max_run)
                self._at_most(cadre, self._span(day, 7), rules.max_shifts_7_days)
                self._at_most(cadre, self._span(day, 7, nights), rules.max_nights_7_days)

    def _span(self, first: int, length: int, shifts: list[str] | None = None) -> list[tuple[int, str]]:
        last = min(first + length, self.s.days)
        return [(d, k) for d in range(first, last) for k in (self.shifts if shifts is None else shifts)]

    def _at_most(self, cadre: str, when: list[tuple[int, str]], most: int) -> None:
        works = [var for day, shift in when for var in self.on.get((cadre, day, shift), ())]
        most = max(0, most - sum(self.before.get((cadre, day)) == shift for day, shift in when))
        if len(works) > most:
            self._add(mathopt.fast_sum(works) <= most)

    def _staffing(self) -> None:
        weights = self.s.weights
        asked, covered = dict.fromkeys(self._districts(), 0), Sums(list)
        for key, (required, target) in self.cells.items():
            site, duty = self.sites[key[0]], self.duties[key[1]]
            staffed = self.staffed.get(key, [])
            short, unwished = required, target - required
            if staffed:
                met, extra = self._split(staffed, required)
                short = required - met
                unwished = self.model.add_variable(lb=0)
                self._add(unwished >= target - required - extra)
                covered[site["district"]].append(met)
            penalty = weights.required * short + weights.target * unwished
            self.parts["staffing"].append(site["weight"] * duty["weight"] * penalty)
            asked[site["district"]] += required
        everyone = mathopt.fast_sum(x for xs in covered.values() for x in xs)
        share = everyone * (1 / max(1, sum(asked.values())))
        for district, required in asked.items():
            lag = self.model.add_variable(lb=0)
            self._add(lag >= required * share - mathopt.fast_sum(covered[district]))
            self.parts["fairness"].append(weights.fairness * lag)

    def _split(self, staffed: list[Any], required: int) -> tuple[mathopt.Variable, mathopt.Variable]:
        """min(required, staffed) exactly, and the people beyond it."""
        met = self.model.add_integer_variable(lb=0, ub=required)
        extra = self.model.add_integer_variable(lb=0, ub=len(staffed))
        full = self.model.add_binary_variable()
        self._add(mathopt.fast_sum(staffed) == met + extra)
        self._add(extra <= len(staffed) * full)
        self._add(met >= required * full)
        return met, extra

    def _districts(self) -> list[str]:
        return [r["district"] for r in self.rows["districts"]]

    # ---- goods

    def _lanes(self) -> list[tuple[str, str, float, int]]:
        """(origin, destination, litres a day, days under way)."""
        if "lanes" in self.given:
            return [(r["origin"], r["destination"], r["per_day"], r["lead_days"]) for r in self.rows["lanes"]]
        city = [d for d, r in self.depots.items() if r["district"] == ""]
        local = [d for d, r in self.depots.items() if r["district"] != ""]
        lanes = [(a, b, math.inf, 0) for a in city for b in local]
        for site, row in self.sites.items():
            own = [d for d in local if self.depots[d]["district"] == row["district"]]
            lanes += [(a, site, math.inf, 0) for a in own or city]
        return lanes

    def _supplies(self) -> None:
        self.change: Sums = defaultdict(list)  # (place, item, day)
        self._ship()
        self._order()
        self._use()
        for r in self.rows["deliveries"]:
            self.change[r["depot"], r["item"], r["day"]].append(float(r["quantity"]))
        stock = {(r["place"], r["item"]): r["quantity"] for r in self.rows["stock"]}
        self.on_hand: Vars = {}
        for place in [*self.depots, *self.sites]:
            for item in self.items:
                before: Any = float(stock.get((place, item), 0))
                for day in self.days:
                    left = self.model.add_variable(lb=0)
                    moved = mathopt.fast_sum(self.change.get((place, item, day), []))
                    taken = mathopt.fast_sum(self.kits.get((place, item, day), []))
                    self._add(left == before + moved - taken)
                    self.on_hand[place, item, day] = before = left

    def _ship(self) -> None:
        self.packs: Vars = {}
        places = self.depots | self.sites
        leaving = Sums(list)
        for origin, destination, per_day, lead in self._lanes():
            a, b = places[origin], places[destination]
            km = kilometres(a["lon"], a["lat"], b["lon"], b["lat"]) * self.s.travel.detour
            for day in self.days:
                litres = []
                for item, row in self.items.items():
                    packs = self.model.add_integer_variable(lb=0)
                    self.packs[origin, destination, item, day, day + lead] = packs
                    self.change[origin, item, day].append(-row["pack"] * packs)
                    self.change[destination, item, day + lead].append(row["pack"] * packs)
                    litres.append(row["pack"] * row["volume"] * packs)
                if per_day < math.inf:
                    self._add(mathopt.fast_sum(litres) <= per_day)
                leaving[origin, day] += litres
                self.parts["distance"].append(self.s.weights.distance * km / 1000 * mathopt.fast_sum(litres))
        for (origin, _), litres in leaving.items():
            self._add(mathopt.fast_sum(litres) <= self.depots[origin]["throughput"])

    def _order(self) -> None:
        self.orders: Vars = {}
        cost = []
        for r in self.rows["suppliers"]:
            pack = self.items[r["item"]]["pack"]
            for day in range(r["first_day"], r["last_day"] + 1):
                packs = self.model.add_integer_variable(lb=0, ub=r["per_day"] // pack)
                self.orders[r["supplier"], r["item"], day] = packs
                self.change[r["depot"], r["item"], day + r["lead_days"]].append(pack * packs)
                cost.append(r["unit_cost"] * pack * packs)
        if cost:
            self._add(mathopt.fast_sum(cost) <= self.s.supply.budget)

    def _use(self) -> None:
        needs: dict[Key, int] = defaultdict(int)
        for r in self.rows["needs"]:
            if r["site"] not in self.closed:
                for day in range(r["first_day"], r["last_day"] + 1):
                    needs[r["site"], r["item"], r["tier"], day] += r["per_day"]
        self.used: Vars = {}
        self.needs = {k: q for k, q in needs.items() if q > 0}
        w = self.s.weights
        for (site, item, tier, day), need in self.needs.items():
            used = self.model.add_integer_variable(lb=0, ub=need)
            early = self.model.add_variable(lb=0)  # short units in the first half
            self._add(early >= need / 2 - used)
            self.used[site, item, tier, day] = used
            self.change[site, item, day].append(-1 * used)
            short = (w.first_half - 1) * early + (need - used)
            self.parts["supply"].append(w.tiers[tier] * self.items[item]["weight"] * short)

    def _openings(self) -> None:
        """Constant here: nothing opens or resumes."""
        w = self.s.weights
        shares = {c.id: c.probability for c in self.s.cases}
        people = sum(r["people"] * shares.get(r["case"], 1.0) for r in self.rows["isolation_demand"])
        self.parts["opening"].append(w.uncovered * people)
        for r in self.rows["applications"]:
            self.parts["reopening"].append(w.reopening * r["value"] * (self.s.days - r["earliest"]))

    # ---- answer

    def solve(self, seconds: float, solver: SolverType) -> OracleAnswer:
        parameters = mathopt.SolveParameters(
            time_limit=dt.timedelta(seconds=seconds), relative_gap_tolerance=0.0, absolute_gap_tolerance=1e-9
        )
        if solver == SolverType.HIGHS:
            # with presolve, HiGHS in OR-Tools 9.15 has called answers optimal that were not
            parameters.presolve = mathopt.Emphasis.OFF
        result = mathopt.solve(self.model, solver, params=parameters)
        reason = result.termination.reason.name.lower()
        proved = result.termination.objective_bounds.dual_bound
        bound = proved if math.isfinite(proved) else None
        if not result.has_primal_feasible_solution():
            return OracleAnswer(None, bound, reason)
        values = result.variable_values()
        terms = {n: mathopt.as_flat_linear_expression(t).evaluate(values) for n, t in self.terms.items()}
        return OracleAnswer(result.objective_value(), bound, reason, self._tables(values), terms)

    def _tables(self, values: Mapping[mathopt.Variable, float]) -> dict[str, pd.DataFrame]:
        """Decisions of the answer as plan tables (what follows from them is left out)."""

        def whole(variables: Vars) -> list[tuple[Key, int]]:
            return [(key, n) for key, var in variables.items() if (n := round(values[var])) > 0]

        batches = {b.id: b for b in self.s.batches}
        pack = {item: row["pack"] for item, row in self.items.items()}
        cost = {(r["supplier"], r["item"]): r["unit_cost"] for r in self.rows["suppliers"]}
        rows = {
            "postings": [
                (c, b, s, *self.window(c, batches[b]), self.minutes(c)[s])
                for (c, b, s), _ in whole(self.post)
            ],
            "assignments": [(c, day, k, s, duty) for (c, s, duty, day, k), _ in whole(self.work)],
            "shipments": [(day, to, a, b, i, n * pack[i]) for (a, b, i, day, to), n in whole(self.packs)],
            "orders": [
                (s, i, d, n * pack[i], n * pack[i] * cost[s, i]) for (s, i, d), n in whole(self.orders)
            ],
            "inventory": [(*key, n) for key, n in whole(self.on_hand)],
            "supply": [
                (*key, need, used := round(values[self.used[key]]), need - used)
                for key, need in self.needs.items()
            ],
        }
        return {name: pd.DataFrame(found, columns=COLUMNS[name].split()) for name, found in rows.items()}


TERMS = ("staffing", "travel", "change", "fairness", "supply", "distance", "opening", "reopening")
COLUMNS = {
    "postings": "cadre batch site first_day last_day minutes",
    "assignments": "cadre day shift site duty",
    "shipments": "day arrives origin destination item quantity",
    "orders": "supplier item day quantity cost",
    "inventory": "place item day on_hand",
    "supply": "site item tier day needed used shortage",
}

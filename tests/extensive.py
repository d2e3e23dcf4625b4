"""The plain MIP of a tiny scenario with several cases, openings and resumptions: their extensive form.

A second opinion on `allocator.exact`, built on the oracle's rows. A site's state is one boolean per day,
open from then on; every case repeats all that may follow it, weighed by its probability.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from oracle import TERMS, Key, OracleAnswer, Sums, _Whole, kilometres
from ortools.math_opt.python import mathopt
from ortools.math_opt.python.parameters import SolverType

from allocator.scenario import Scenario


def optimum(scenario: Scenario, seconds: float = 120.0) -> OracleAnswer:
    """Solve the extensive form by SCIP; exact for weights.fairness = 0, or where nothing can open."""
    return _Extensive(scenario).answer(seconds)


class _Extensive(_Whole):
    """Once: postings, open days, orders. In each case: work, staffing, goods, places."""

    def __init__(self, scenario: Scenario):
        self.start(scenario)
        self.terms_of: dict[str, list[mathopt.LinearTypes]] = {name: [] for name in TERMS}
        self._open_days()
        self._collect(1.0, [self._postings, self._fixed])
        cases = [(c.id, c.probability) for c in self.s.cases] or [("", 1.0)]
        self.order_vars: dict[Key, mathopt.Variable] | None = None
        rows = {name: self.rows[name] for name in ("demand", "isolation_demand")}
        for case, share in cases:
            for name, all_rows in rows.items():
                self.rows[name] = [r for r in all_rows if len(cases) == 1 or r["case"] in ("", case)]
            self.staffed, self.kits = defaultdict(list), defaultdict(list)
            self.cells = self._cells()
            self._collect(
                share,
                [self._assignments, self._rest_and_windows, self._staffing, self._ready, self._supplies, self._places],
            )
        self.terms = {name: mathopt.fast_sum(parts) for name, parts in self.terms_of.items()}
        self.model.minimize(mathopt.fast_sum(self.terms.values()))

    def _collect(self, share: float, steps: list[Any]) -> None:
        self.parts = {name: [] for name in TERMS}
        for step in steps:
            step()
        for name, parts in self.parts.items():
            self.terms_of[name].append(share * mathopt.fast_sum(parts))

    def answer(self, seconds: float) -> OracleAnswer:
        import datetime as dt

        limits = mathopt.SolveParameters(
            time_limit=dt.timedelta(seconds=seconds), relative_gap_tolerance=0.0, absolute_gap_tolerance=1e-9
        )
        result = mathopt.solve(self.model, SolverType.GSCIP, params=limits)
        reason = result.termination.reason.name.lower()
        bound = result.termination.objective_bounds.dual_bound
        if not result.has_primal_feasible_solution():
            return OracleAnswer(None, bound, reason)
        values = result.variable_values()
        terms = {n: mathopt.as_flat_linear_expression(t).evaluate(values) for n, t in self.terms.items()}
        return OracleAnswer(result.objective_value(), bound, reason, {}, terms)

    # ---- sites that may open

    def _open_days(self) -> None:
        self.earliest = {r["site"]: r["lead_days"] for r in self.rows["candidates"]}
        self.candidates = set(self.earliest)
        self.earliest |= {r["site"]: r["earliest"] for r in self.rows["applications"]}
        self.closed = set()
        self.open: dict[Key, Any] = {}
        for site, earliest in self.earliest.items():
            before: Any = 0
            for day in self.days:
                now: Any = 0
                if day >= earliest:
                    now = self.model.add_binary_variable()
                    self._add(now - before >= 0)
                self.open[site, day] = before = now

    def _begun(self, site: str, day: int) -> Any:
        """1 on the first day of a site."""
        return self.open[site, day] - (self.open[site, day - 1] if day else 0)

    def _fixed(self) -> None:
        w = self.s.weights
        last = self.s.days - 1
        for r in self.rows["candidates"]:
            self.parts["opening"].append(w.opening * r["cost"] * self.open[r["site"], last])
        for r in self.rows["applications"]:
            for day in range(max(0, r["earliest"]), self.s.days):
                self.parts["reopening"].append(w.reopening * r["value"] * (1 - self.open[r["site"], day]))
        rank = {"a": 0, "b": 1, "c": 2}
        asked = self.rows["applications"]
        place = {r["site"]: 3 if self.sites[r["site"]]["kind"] == "school" else rank[r["class"]] for r in asked}
        for a in asked:
            for b in asked:
                if place[a["site"]] < place[b["site"]]:
                    for day in range(max(0, a["earliest"]), self.s.days):
                        waits = self.open[a["site"], last] - self.open[a["site"], day]
                        self._add(self._begun(b["site"], day) + waits <= 1)

    def _cells(self) -> dict[Key, tuple[int, int]]:
        found = super()._cells()
        return {k: v for k, v in found.items() if k[2] >= self.earliest.get(k[0], 0)}

    def _staffing(self) -> None:
        everything = self.cells
        self.cells = {k: v for k, v in everything.items() if k[0] not in self.earliest}
        super()._staffing()
        w = self.s.weights
        for key in everything.keys() - self.cells.keys():
            (site, duty, day, _), (required, target) = key, everything[key]
            open_, people = self.open[site, day], self.staffed.get(key, [])
            short, wish = self.model.add_variable(lb=0), self.model.add_variable(lb=0)
            staffed = mathopt.fast_sum(people)
            met = self.model.add_integer_variable(lb=0, ub=required)
            extra = self.model.add_integer_variable(lb=0, ub=len(people))
            full = self.model.add_binary_variable()
            self._add(staffed == met + extra)
            self._add(extra <= len(people) * full)
            self._add(met >= required * full)
            self._add(staffed <= len(people) * open_)
            self._add(short >= required * open_ - met)
            self._add(wish >= (target - required) * open_ - extra)
            weight = self.sites[site]["weight"] * self.duties[duty]["weight"]
            self.parts["staffing"].append(weight * (w.required * short + w.target * wish))
        self.cells = everything

    def _ready(self) -> None:
        for (site, duty, day, shift), (required, _) in self.cells.items():
            if site in self.candidates and required:
                people = mathopt.fast_sum(self.staffed.get((site, duty, day, shift), []))
                self._add(people >= required * self._begun(site, day))

    def _order(self) -> None:
        if self.order_vars is None:
            super()._order()
            self.order_vars = dict(self.orders)
            return
        pack = {i: row["pack"] for i, row in self.items.items()}
        offers = {(r["supplier"], r["item"]): r for r in self.rows["suppliers"]}
        for (supplier, item, day), packs in self.order_vars.items():
            r = offers[supplier, item]
            self.change[r["depot"], item, day + r["lead_days"]].append(pack[item] * packs)

    def _use(self) -> None:
        rows = self.rows["needs"]
        self.rows["needs"] = [r for r in rows if r["site"] not in self.earliest]
        super()._use()
        self.rows["needs"] = rows
        needs: Sums = defaultdict(list)
        for r in rows:
            for day in range(max(r["first_day"], self.earliest.get(r["site"], 99_999)), r["last_day"] + 1):
                needs[r["site"], r["item"], r["tier"], day].append(r["per_day"])
        w = self.s.weights
        for (site, item, tier, day), amounts in needs.items():
            need, open_ = sum(amounts), self.open[site, day]
            used, early = self.model.add_integer_variable(lb=0, ub=need), self.model.add_variable(lb=0)
            self._add(used <= need * open_)
            self._add(early >= need / 2 * open_ - used)
            if site in self.candidates:
                self._add(used >= need * self._begun(site, day))
            self.change[site, item, day].append(-1 * used)
            short = (w.first_half - 1) * early + (need * open_ - used)
            self.parts["supply"].append(w.tiers[tier] * self.items[item]["weight"] * short)

    def _places(self) -> None:
        w = self.s.weights
        asked: dict[Key, int] = defaultdict(int)
        for r in self.rows["isolation_demand"]:
            asked[r["township"], r["day"]] += r["people"]
        taken: Sums = defaultdict(list)
        for (township, day), people in asked.items():
            inside = [r for r in self.sites.values() if r["township"] == township]
            sent: list[Any] = []
            for r in self.rows["candidates"] if inside else []:
                moved = self.model.add_integer_variable(lb=0, ub=people)
                lon, lat = (sum(s[n] for s in inside) / len(inside) for n in ("lon", "lat"))
                to = self.sites[r["site"]]
                km = kilometres(lon, lat, to["lon"], to["lat"]) * self.s.travel.detour
                sent.append(moved)
                taken[r["site"], day].append(moved)
                self.parts["opening"].append(w.transfer * km * moved)
            left = self.model.add_variable(lb=0)
            self._add(mathopt.fast_sum(sent) + left == people)
            self.parts["opening"].append(w.uncovered * left)
        capacity = {r["site"]: r["capacity"] for r in self.rows["candidates"]}
        for (site, day), people_ in taken.items():
            self._add(mathopt.fast_sum(people_) <= capacity[site] * self.open[site, day])

"""A small scenario as one integer program: people, goods, openings and resumptions, in all cases at once.

Sets      cadres c, batches b, sites j, posts p, days d, cases k; items, lanes, suppliers, need lines;
          sites o that may open or resume.
Decisions once: y[c,b,j] postings, z[o,d] first days, orders; in each case: w[k,c,p,d] shifts, shipments
          in packs, used goods, people under observation per place.
Objective all terms of the plan, those of a case times its chance.

site_open        shifts and places at o only from its first day; cells and needs count from then
ready_when_open  on the first day of a candidate its cells hold all required, its needs all they ask for
place_capacity   people placed at o up to its capacity
class_order      o and a site before it in order: never o first while the other could and is to follow
rest_between_shifts, max_run, max_shifts_7_days, max_nights_7_days   rows over shifts of one cadre
batch_size, one_posting, pins, travel_limit   rows and columns of y
stock_balance, throughput, lane_capacity, supplier_capacity, budget, whole_packs, kit_available   as in supply

For scenarios of a few people and places, which it solves to the end; larger ones are planned stage by
stage, and this model is not tried.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import product

import numpy as np

from allocator.goods import Goods
from allocator.instance import BACK, Instance
from allocator.models import engine
from allocator.models.choice import Choices

MOST = 6_000
"""Shifts, postings and shipments together up to which a scenario is small."""
Terms = dict[int, float]


@dataclass(frozen=True)
class Whole:
    """A plan of everything; per case, arrays of the case's own instance and goods."""

    objective: float
    bound: float | None
    optimal: bool
    posted: np.ndarray
    """[n, 3] cadre, batch, site."""
    work: tuple[np.ndarray, ...]
    """Per case [n, 3] cadre, post, day."""
    moved: tuple[np.ndarray, ...]
    """Per case [L, I, D] units that leave on a lane."""
    used: tuple[np.ndarray, ...]
    """Per case [R, D]."""
    ordered: np.ndarray
    """[V, D] units."""
    first_day: np.ndarray
    """[O], D where a site stays closed."""
    placed: np.ndarray
    """[K, T, O, D] people under observation."""
    seconds: float


def small(insts: list[Instance], goods: list[Goods]) -> bool:
    """Is the model small enough to be solved to the end?"""
    count = 0
    for inst, stock in zip(insts, goods, strict=True):
        count += len(inst.cadres) * int((inst.target > 0).sum())
        count += len(stock.lane_from) * len(stock.items) * stock.days
    return count <= MOST


def exact(insts: list[Instance], choices: Choices) -> bool:
    """Can every term be written down? District shares of what is required are not, where that is open."""
    optional = {int(j) for j in choices.site}
    inst = insts[0]
    asks = any(int(j) in optional for i in insts for j, r in zip(i.post_site, i.required.sum(1), strict=True) if r)
    return inst.w_fairness == 0 or not asks


def solve(
    insts: list[Instance], goods: list[Goods], choices: Choices, seconds: float | None, seed: int = 0
) -> Whole | None:
    """Solve to optimality, or to the time limit; None where no plan was found.

    `insts` and `goods` hold one entry per case, with every site of `choices` open from its earliest day.
    """
    return _Model(insts, goods, choices).solve(seconds, seed)


class _Model:
    """Columns and rows, collected one by one: the model is small."""

    def __init__(self, insts: list[Instance], goods: list[Goods], choices: Choices):
        self.insts, self.goods, self.choices = insts, goods, choices
        self.inst, self.days = insts[0], insts[0].days
        self.cost: list[float] = []
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.whole: list[bool] = []
        self.entries: list[tuple[int, int, float]] = []
        self.low: list[float] = []
        self.high: list[float] = []
        self.offset = 0.0
        self.optional = {int(j): o for o, j in enumerate(choices.site)}
        self._choices()
        self._postings()
        self._orders()
        self.cases = [self._case(k) for k in range(len(insts))]
        self._places()

    # -- columns and rows

    def column(self, cost: float = 0.0, low: float = 0.0, high: float = math.inf, whole: bool = False) -> int:
        self.cost.append(cost)
        self.lower.append(low)
        self.upper.append(high)
        self.whole.append(whole)
        return len(self.cost) - 1

    def row(self, terms: Terms, low: float = -math.inf, high: float = math.inf) -> None:
        self.entries += [(len(self.low), column, value) for column, value in terms.items()]
        self.low.append(low)
        self.high.append(high)

    # -- decided before the case is known

    def _choices(self) -> None:
        made = self.choices
        self.first: dict[tuple[int, ...], int] = {}
        for o, earliest in enumerate(made.earliest.tolist()):
            self.offset += made.closed[o] * max(0, self.days - earliest)
            days = range(max(0, earliest), self.days)
            for d in days:
                saved = made.closed[o] * (self.days - d)
                self.first[o, d] = self.column(made.cost[o] - saved, 0, 1, True)
            self.row({self.first[o, d]: 1.0 for d in days}, high=1)
        for before, after in made.order:
            for d in range(max(0, int(made.earliest[before])), self.days):
                later = {self.first[before, t]: 1.0 for t in range(d + 1, self.days) if (before, t) in self.first}
                if (after, d) in self.first and later:
                    self.row(later | {self.first[after, d]: 1.0}, high=1)

    def opened(self, o: int, day: int) -> Terms:
        return {self.first[o, d]: 1.0 for d in range(day + 1) if (o, d) in self.first}

    def _postings(self) -> None:
        inst = self.inst
        self.post: dict[tuple[int, ...], int] = {}
        self.offset += inst.moved
        for c, j in np.argwhere(np.isfinite(inst.minutes)).tolist():
            for b in np.flatnonzero(inst.shape[c] >= 0).tolist():
                cost = float(inst.posting_cost(c, b, j))
                self.post[c, b, j] = self.column(cost, 0, 1, True)
        for person in range(len(inst.cadres)):
            mine = {v: 1.0 for (n, _, _), v in self.post.items() if n == person}
            self.row(mine, 1 if inst.must[person] >= 0 else -math.inf, 1)
        for batch, size in enumerate(inst.batch_size.tolist()):
            self.row({v: 1.0 for (_, n, _), v in self.post.items() if n == batch}, high=size)

    def _orders(self) -> None:
        goods = self.goods[0]
        self.order: dict[tuple[int, ...], int] = {}
        for v, item in enumerate(goods.supplier_item.tolist()):
            for d in range(int(goods.supplier_first[v]), int(goods.supplier_last[v]) + 1):
                most = int(goods.supplier_most[v] // goods.pack[item])
                self.order[v, d] = self.column(0, 0, most, True)
        paid = {
            n: float(goods.supplier_cost[v] * goods.pack[goods.supplier_item[v]]) for (v, _), n in self.order.items()
        }
        self.row(paid, high=goods.budget)

    # -- what may follow the case

    def _case(self, k: int) -> dict[str, dict[tuple[int, ...], int]]:
        chance, inst = float(self.choices.chance[k]), self.insts[k]
        work = self._work(inst)
        staffed: dict[tuple[int, int], Terms] = defaultdict(dict)
        for (_, p, d), v in work.items():
            staffed[p, d][v] = 1.0
        self._rest(inst, work)
        self._cover(inst, staffed, chance)
        moved, used = self._supply(k, staffed, chance)
        return {"work": work, "moved": moved, "used": used}

    def _work(self, inst: Instance) -> dict[tuple[int, ...], int]:
        work: dict[tuple[int, ...], int] = {}
        there: dict[tuple[int, int, int], Terms] = defaultdict(dict)
        for (c, b, j), v in self.post.items():
            for d in np.flatnonzero(inst.shape_days[inst.shape[c, b]]).tolist():
                there[c, j, d][v] = 1.0
        trait = inst.shape_trait[inst.shape.max(1)]
        for (c, j, d), posted in there.items():
            at: Terms = {}
            for p in range(int(inst.site_posts[j]), int(inst.site_posts[j + 1])):
                if inst.target[p, d] > 0 and inst.traits[trait[c], p]:
                    work[c, p, d] = self.column(0, 0, 1, True)
                    at[work[c, p, d]] = 1.0
            if at:
                self.row(at | dict.fromkeys(posted, -1.0), high=0)
                if j in self.optional:
                    self.row(at | {v: -x for v, x in self.opened(self.optional[j], d).items()}, high=0)
        return work

    def _rest(self, inst: Instance, work: dict[tuple[int, ...], int]) -> None:
        on: dict[tuple[int, int, int], list[int]] = defaultdict(list)
        for (c, p, d), v in work.items():
            on[c, d, int(inst.post_shift[p])].append(v)
        shifts = range(len(inst.shifts))
        clash = [
            (a, b)
            for a, b in product(shifts, shifts)
            if 1440 - inst.shift_end[a] + inst.shift_start[b] < inst.rest_minutes
        ]
        nights = np.flatnonzero(inst.shift_night).tolist()
        for c in range(len(inst.cadres)):
            past = inst.pasts[inst.shape_past[inst.shape[c].max()]]

            def most(when: list[tuple[int, int]], limit: int, c: int = c, past: tuple[int, ...] = past) -> None:
                terms = {v: 1.0 for d, s in when for v in on.get((c, d, s), ())}
                limit -= sum(d < 0 and past[BACK + d] == s for d, s in when)
                if len(terms) > max(0, limit):
                    self.row(terms, high=max(0, limit))

            for d in range(-BACK, self.days):
                window = list(range(d, min(d + 7, self.days)))
                most([(t, s) for t in window for s in shifts], inst.max_shifts_7_days)
                most([(t, s) for t in window for s in nights], inst.max_nights_7_days)
                run = range(d, min(d + inst.max_run + 1, self.days))
                most([(t, s) for t in run for s in shifts], inst.max_run)
                if d >= -1:
                    for a, b in clash:
                        most([(d, a), (d + 1, b)], 1)

    def _cover(self, inst: Instance, staffed: dict[tuple[int, int], Terms], chance: float) -> None:
        covered: dict[int, Terms] = defaultdict(dict)
        asked: dict[int, int] = defaultdict(int)
        for p, d in zip(*np.nonzero(inst.target > 0), strict=True):
            p, d, j = int(p), int(d), int(inst.post_site[p])
            required, more = int(inst.required[p, d]), int(inst.target[p, d] - inst.required[p, d])
            first, second = (chance * w * inst.worth[p] for w in (inst.w_required, inst.w_target))
            people = staffed.get((p, d), {})
            met, extra = self.column(-first, 0, required, True), self.column(-second, 0, more)
            beyond, full = self.column(0, 0, len(people), True), self.column(0, 0, 1, True)
            self.row(dict.fromkeys(people, 1.0) | {met: -1.0, beyond: -1.0}, 0, 0)
            self.row({beyond: 1.0, full: -float(len(people))}, high=0)
            self.row({extra: 1.0, beyond: -1.0}, high=0)
            district = int(inst.site_district[j])
            if j in self.optional:
                o = self.optional[j]
                opens = self.opened(o, d)
                for v in opens:
                    self.cost[v] += first * required + second * more
                self.row({met: 1.0} | {v: -float(required) for v in opens}, high=0)
                self.row({extra: 1.0} | {v: -float(more) for v in opens}, high=0)
                self.row({met: 1.0, full: -float(required)} | {v: -float(required) for v in opens}, low=-required)
                if o < self.choices.candidates and (o, d) in self.first and required:
                    self.row({met: 1.0, self.first[o, d]: -float(required)}, low=0)
            else:
                self.offset += first * required + second * more
                self.row({met: 1.0, full: -float(required)}, low=0)
                asked[district] += required
                covered[district][met] = 1.0
        everyone = {v for terms in covered.values() for v in terms}
        for district, required in asked.items() if inst.w_fairness else ():
            lag = self.column(chance * inst.w_fairness)
            share = required / max(1, sum(asked.values()))
            terms = dict.fromkeys(everyone, -share)
            for v in covered[district]:
                terms[v] += 1.0
            self.row(terms | {lag: 1.0}, low=0)

    def _supply(
        self, k: int, staffed: dict[tuple[int, int], Terms], chance: float
    ) -> tuple[dict[tuple[int, ...], int], dict[tuple[int, ...], int]]:
        goods, inst = self.goods[k], self.insts[k]
        change: dict[tuple[int, int, int], Terms] = defaultdict(lambda: defaultdict(float))
        moved: dict[tuple[int, ...], int] = {}
        leaving: dict[tuple[int, int], Terms] = defaultdict(dict)
        for lane, origin in enumerate(goods.lane_from.tolist()):
            lead, to = int(goods.lane_lead[lane]), int(goods.lane_to[lane])
            for d in range(self.days):
                load: Terms = {}
                for i, pack in enumerate(goods.pack.tolist()):
                    litres = pack * float(goods.volume[i])
                    v = self.column(chance * goods.lane_cost[lane] * litres, whole=True)
                    moved[lane, i, d] = v
                    load[v] = litres
                    change[origin, i, d][v] -= pack
                    if d + lead < self.days:
                        change[to, i, d + lead][v] += pack
                leaving[origin, d] |= load
                if np.isfinite(goods.lane_litres[lane]):
                    self.row(load, high=float(goods.lane_litres[lane]))
        for (origin, _), load in leaving.items():
            self.row(load, high=float(goods.throughput[origin]))
        for (v, d), n in self.order.items():
            i, arrives = int(goods.supplier_item[v]), d + int(goods.supplier_lead[v])
            if arrives < self.days:
                change[int(goods.supplier_depot[v]), i, arrives][n] += int(goods.pack[i])
        used = self._needs(goods, change, chance)
        for (p, d), people in staffed.items():
            for i in np.flatnonzero(goods.kit_rate[inst.post_duty[p]]).tolist():
                place = goods.depots + int(inst.post_site[p])
                for v in people:
                    change[place, i, d][v] -= int(goods.kit_rate[inst.post_duty[p], i])
        self._balance(goods, change)
        return moved, used

    def _needs(
        self, goods: Goods, change: dict[tuple[int, int, int], Terms], chance: float
    ) -> dict[tuple[int, ...], int]:
        used: dict[tuple[int, ...], int] = {}
        for r, d in zip(*np.nonzero(goods.need > 0), strict=True):
            r, d, j = int(r), int(d), int(goods.need_site[r])
            need, weight = int(goods.need[r, d]), chance * float(goods.need_weight[r])
            v, early = self.column(-weight, 0, need, True), self.column((goods.first_half - 1) * weight)
            used[r, d] = v
            change[goods.depots + j, int(goods.need_item[r]), d][v] -= 1
            if j not in self.optional:
                self.offset += weight * need
                self.row({early: 1.0, v: 1.0}, low=need / 2)
                continue
            o = self.optional[j]
            opens = self.opened(o, d)
            for n in opens:
                self.cost[n] += weight * need
            self.row({early: 1.0, v: 1.0} | dict.fromkeys(opens, -need / 2), low=0)
            self.row({v: 1.0} | {n: -float(need) for n in opens}, high=0)
            if o < self.choices.candidates and (o, d) in self.first:
                self.row({v: 1.0, self.first[o, d]: -float(need)}, low=0)
        return used

    def _balance(self, goods: Goods, change: dict[tuple[int, int, int], Terms]) -> None:
        for place, i in product(range(len(goods.places)), range(len(goods.items))):
            before: Terms = {}
            come = float(goods.stock[place, i])
            for d in range(self.days):
                if place < goods.depots:
                    come += float(goods.arrivals[place, i, d])
                terms = before | dict(change.get((place, i, d), {}))
                left = self.column()
                self.row(terms | {left: -1.0}, -come, -come)
                before, come = {left: 1.0}, 0.0

    def _places(self) -> None:
        """People under observation: who has a place where, in each case."""
        made = self.choices
        self.placed: dict[tuple[int, ...], int] = {}
        for k, chance in enumerate(made.chance.tolist()):
            self.offset += chance * made.without * float(made.people[k].sum())
            taken: dict[tuple[int, int], Terms] = defaultdict(dict)
            for t, d in zip(*np.nonzero(made.people[k]), strict=True):
                sent: Terms = {}
                for o in np.flatnonzero(made.capacity > 0).tolist():
                    if np.isfinite(made.move[t, o]):
                        cost = chance * (made.move[t, o] - made.without)
                        v = self.placed[k, int(t), int(o), int(d)] = self.column(cost, whole=True)
                        sent[v] = taken[int(o), int(d)][v] = 1.0
                self.row(sent, high=int(made.people[k, t, d]))
            for (o, d), people in taken.items():
                opens = {v: -float(made.capacity[o]) for v in self.opened(o, d)}
                self.row(people | opens, high=0)

    # -- answer

    def solve(self, seconds: float | None, seed: int) -> Whole | None:
        rows, columns, values = (np.array(part) for part in zip(*self.entries, strict=True))
        model = engine.Model(
            np.array(self.cost), rows, columns, values, np.array(self.low), np.array(self.high),
            np.array(self.lower), np.array(self.upper), np.array(self.whole), self.offset,
        )  # fmt: skip
        answer = engine.solve(model, "scip", seconds, seed=seed)
        if answer.x is None or answer.objective is None:
            return None
        x = np.rint(np.where(self.whole, answer.x, 0)).astype(np.int64)
        goods, made = self.goods[0], self.choices

        def keys(of: dict[tuple[int, ...], int]) -> np.ndarray:
            return np.array([key for key, v in of.items() if x[v] > 0], np.int64).reshape(-1, 3)

        moved, used = [], []
        for case, stock in zip(self.cases, self.goods, strict=True):
            packs = _filled(case["moved"], x, (len(stock.lane_from), len(stock.items), self.days))
            moved.append(packs * stock.pack[None, :, None])
            used.append(_filled(case["used"], x, stock.need.shape))
        ordered = _filled(self.order, x, (len(goods.suppliers), self.days)) * goods.pack[goods.supplier_item][:, None]
        first = np.full(len(made.site), self.days)
        for (o, d), v in self.first.items():
            if x[v]:
                first[o] = d
        placed = _filled(self.placed, x, (len(made.chance), made.people.shape[1], len(made.site), self.days))
        optimal = answer.reason == "optimal"
        work = tuple(keys(case["work"]) for case in self.cases)
        return Whole(
            answer.objective, answer.bound, optimal, keys(self.post), work, tuple(moved), tuple(used), ordered,
            first, placed, answer.seconds,
        )  # fmt: skip


def _filled(of: dict[tuple[int, ...], int], x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(shape, np.int64)
    for key, v in of.items():
        out[key] = x[v]
    return out

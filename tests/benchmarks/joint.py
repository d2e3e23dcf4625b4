"""The city as one integer model, as somebody would write it who has a solver and the rules.

Variables are made for what can happen only: postings of pairs within reach, shifts of posts a person may work on
days there, shipments of items a site uses. Shifts are one column per cadre, post and day; cover is summed into
one column per post and day, which kits and shortages refer to; shortages are convex and need no booleans.
`near` keeps each cadre's nearest sites (and the pinned and previous one) where all would be more columns than a
solver can load; the bound then is that of the smaller model and says nothing about the city.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from allocator import measures
from allocator.goods import Goods, goods
from allocator.instance import instance
from allocator.models.engine import Model
from allocator.plan import Plan, arrange
from allocator.scenario import Scenario
from allocator.tables import TIERS
from allocator.verifier import CHECKS, verify

UNIT = 1000
"""Fairness is counted in thousandths of a shift, so that whole numbers do."""


class Rows:
    """A model in the making: columns and rows in blocks."""

    def __init__(self) -> None:
        self.parts: list[tuple[np.ndarray, ...]] = []
        self.entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.sides: list[tuple[np.ndarray, np.ndarray]] = []
        self.width = self.height = 0
        self.offset = 0.0

    def columns(self, count: int, upper: object, cost: object = 0.0, whole: bool = True) -> np.ndarray:
        new = np.arange(self.width, self.width + count)
        full = [np.broadcast_to(np.asarray(x, float), count) for x in (upper, cost)]
        self.parts.append((*full, np.full(count, whole)))
        self.width += count
        return new

    def rows(self, count: int, lower: object, upper: object) -> np.ndarray:
        new = np.arange(self.height, self.height + count)
        self.sides.append(tuple(np.broadcast_to(np.asarray(x, float), count) for x in (lower, upper)))  # type: ignore[arg-type]
        self.height += count
        return new

    def enter(self, rows: np.ndarray, columns: np.ndarray, values: object = 1.0) -> None:
        r, c, v = np.broadcast_arrays(rows, columns, np.asarray(values, float))
        self.entries.append((r.ravel(), c.ravel(), v.ravel()))

    def grouped(self, keys: Sequence[np.ndarray], lower: object, upper: object) -> tuple[np.ndarray, np.ndarray]:
        """A row for each distinct key: the row of every entry, and the first entry of every row."""
        _, first, back = np.unique(np.stack(keys, 1), axis=0, return_index=True, return_inverse=True)
        return self.rows(len(first), lower, upper)[back.ravel()], first

    def model(self) -> Model:
        upper, cost, whole = (np.concatenate(p) for p in zip(*self.parts, strict=True))
        rows, columns, values = (np.concatenate(e) for e in zip(*self.entries, strict=True))
        low, high = (np.concatenate(s) for s in zip(*self.sides, strict=True))
        return Model(
            cost=cost, lower=np.zeros(self.width), upper=upper, integer=whole.astype(bool), offset=self.offset,
            rows=rows, columns=columns, values=values, row_lower=low, row_upper=high,
        )  # fmt: skip


@dataclass(frozen=True)
class Score:
    """A plan as the allocator's own judges see it."""

    objective: float
    violations: int
    posted: int
    shifts: int


class Joint:
    """People and goods of a scenario in one model, and the way back to tables."""

    def __init__(self, scenario: Scenario, most: int):
        self.scenario, self.inst, self.goods = scenario, instance(scenario), goods(scenario)
        if len(scenario.table("worked")):
            raise SystemExit("the peers know no shifts worked before the first day")
        self.build = Rows()
        self.near, self.reach = self._within(most)
        self._people()
        self._cover()
        self._ship()
        self._use()
        self.model = self.build.model()

    # -- people ------------------------------------------------------------------------------

    def _within(self, most: int) -> tuple[int, np.ndarray]:
        """The largest number of nearest sites with at most `most` columns of shifts, and the pairs [C, J]."""
        inst = self.inst
        asked = np.add.reduceat((inst.target > 0).sum(1), np.minimum(inst.site_posts[:-1], len(inst.target) - 1))
        asked = np.where(np.diff(inst.site_posts) > 0, asked, 0)
        rank = np.argsort(np.argsort(np.where(asked > 0, inst.minutes, np.inf), 1), 1)
        fixed = np.zeros(rank.shape, bool)
        for site in (inst.must, inst.previous):
            c = np.flatnonzero(site >= 0)
            fixed[c, site[c]] = True
        able = np.isfinite(inst.minutes) & ((asked > 0) | fixed)
        for near in (rank.shape[1], 400, 200, 100, 50, 30, 20, 15, 10, 5):
            pairs = able & ((rank < near) | fixed)
            if (pairs * asked).sum() <= most:
                break
        return near, pairs

    def _people(self) -> None:
        inst, build = self.inst, self.build
        c, j = np.nonzero(self.reach)
        pair, b = np.nonzero(inst.shape[c] >= 0)
        self.c, self.j, self.b = c[pair], j[pair], b
        cost = inst.posting_cost(self.c, self.b, self.j)
        build.offset += inst.moved
        self.y = build.columns(len(b), 1, cost)
        row, first = build.grouped([self.c], 0, 1)
        build.sides[-1] = ((inst.must[self.c[first]] >= 0) * 1.0, build.sides[-1][1])
        build.enter(row, self.y)
        build.enter(build.rows(len(inst.batch_size), -np.inf, inst.batch_size)[self.b], self.y)
        self._shifts(c, j)
        self._rest()

    def _shifts(self, c: np.ndarray, j: np.ndarray) -> None:
        """Shifts of a pair on the days of a posting there, each within the posting."""
        inst, build = self.inst, self.build
        days = np.zeros((len(inst.cadres), inst.days), bool)
        trait = np.zeros(len(inst.cadres), np.int64)
        for batch in range(inst.shape.shape[1]):
            able = np.flatnonzero(inst.shape[:, batch] >= 0)
            days[able] |= inst.shape_days[inst.shape[able, batch]]
            trait[able] = inst.shape_trait[inst.shape[able, batch]]
        post, day = np.nonzero(inst.target > 0)
        start = np.searchsorted(inst.post_site[post], np.arange(len(inst.sites) + 1))
        size = np.diff(start)[j]
        pair = np.repeat(np.arange(len(c)), size)
        cell = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size) + start[j[pair]]
        fits = days[c[pair], day[cell]] & inst.traits[trait[c[pair]], post[cell]]
        pair, cell = pair[fits], cell[fits]
        self.wc, self.wj, self.wp, self.wd = c[pair], j[pair], post[cell], day[cell]
        self.w, self.cell = build.columns(len(cell), 1), cell
        row, first = build.grouped([pair, self.wd], -np.inf, 0)
        build.enter(row, self.w)
        at = pd.Series(np.arange(len(self.y))).groupby([self.c, self.j]).indices
        rows, columns = [], []
        for r, k in zip(row[first].tolist(), first.tolist(), strict=True):
            for y in at[self.wc[k], self.wj[k]]:
                if inst.first[self.c[y], self.b[y]] <= self.wd[k] <= inst.last[self.c[y], self.b[y]]:
                    rows.append(r)
                    columns.append(self.y[y])
        build.enter(np.array(rows, int), np.array(columns, int), -1.0)

    def _rest(self) -> None:
        """Rest between shifts, and the rules on days in a row and in any seven."""
        inst, build = self.inst, self.build
        gap = 1440 - inst.shift_end[:, None] + inst.shift_start[None, :]
        shift = inst.post_shift[self.wp]
        for a in range(len(inst.shift_start)):
            then = gap[a] < inst.rest_minutes
            today, tomorrow = shift == a, then[shift] & (self.wd > 0)
            row, _ = build.grouped(
                [np.concatenate([self.wc[today], self.wc[tomorrow]]),
                 np.concatenate([self.wd[today], self.wd[tomorrow] - 1])], -np.inf, 1,
            )  # fmt: skip
            build.enter(row, np.concatenate([self.w[today], self.w[tomorrow]]))
        night = inst.shift_night[shift]
        windows = {(7, inst.max_shifts_7_days, False), (inst.max_run + 1, inst.max_run, False)}
        for length, most, nights in sorted(windows | {(7, inst.max_nights_7_days, True)}):
            k = np.flatnonzero(night) if nights else np.arange(len(self.w))
            first = self.wd[k][:, None] - np.arange(length)
            inside = (first >= 0) & (first <= max(0, inst.days - length))
            n, _ = np.nonzero(inside)
            row, _ = build.grouped([self.wc[k][n], first[inside]], -np.inf, most)
            build.enter(row, self.w[k][n])

    def _cover(self) -> None:
        """People on a post and day, what is missing of required and of target, and fairness."""
        inst, build = self.inst, self.build
        post, day = np.nonzero(inst.target > 0)
        required, target = inst.required[post, day], inst.target[post, day]
        self.staffed = build.columns(len(post), target)
        build.enter(rows := build.rows(len(post), 0, 0), self.staffed, -1.0)
        build.enter(rows[self.cell], self.w)
        worth = inst.worth[post]
        short = build.columns(len(post), required, worth * inst.w_required)
        wished = build.columns(len(post), target - required, worth * inst.w_target)
        rows = build.rows(len(post), target, np.inf)
        for columns in (self.staffed, short, wished):
            build.enter(rows, columns)
        home, size = inst.site_district[inst.post_site[post]], inst.districts
        asked = np.bincount(home, required, size)
        missing = build.columns(size, asked)
        build.enter(sums := build.rows(size, 0, 0), missing, -1.0)
        build.enter(sums[home], short)
        lag = build.columns(size, UNIT * asked.sum(), inst.w_fairness / UNIT)
        share = np.rint(UNIT * asked / max(1, asked.sum()))
        build.enter(rows := build.rows(size, 0, np.inf), lag)
        build.enter(rows, missing, -UNIT)
        build.enter(rows[:, None], missing[None, :], share[:, None])
        self.post, self.day = post, day

    # -- goods -------------------------------------------------------------------------------

    def _ship(self) -> None:
        """Stock of depots and of what sites use; packs on lanes; orders."""
        g, build = self.goods, self.build
        uses = np.zeros((len(g.places), len(g.items)), bool)
        uses[: g.depots] = True
        uses[g.depots + g.need_site, g.need_item] = True
        duty = np.unique(np.stack([self.inst.post_site, self.inst.post_duty], 1), axis=0)
        np.logical_or.at(uses, g.depots + duty[:, 0], g.kit_rate[duty[:, 1]] > 0)
        n, i = np.nonzero(uses)
        total = g.stock.sum(0) + g.arrivals.sum((0, 2))
        span = np.maximum(0, g.supplier_last - g.supplier_first + 1)
        np.add.at(total, g.supplier_item, g.supplier_most * span)
        size = len(n) * g.days
        self.line = np.full(uses.shape, -1)
        self.line[n, i] = np.arange(len(n))
        came = np.zeros((len(n), g.days))
        came[:, 0] += g.stock[n, i]
        depot = n < g.depots
        came[depot] += g.arrivals[n[depot], i[depot]]
        hand = build.columns(size, np.repeat(total[i], g.days)).reshape(-1, g.days)
        self.balance = build.rows(size, -came.ravel(), -came.ravel()).reshape(-1, g.days)
        build.enter(self.balance, hand, -1.0)
        build.enter(self.balance[:, 1:], hand[:, :-1])
        lane, item = np.nonzero(uses[g.lane_to])
        lane, item, day = np.repeat(lane, g.days), np.repeat(item, g.days), np.tile(np.arange(g.days), len(lane))
        arrives = day + g.lane_lead[lane]
        kept = arrives < g.days
        lane, item, day, arrives = lane[kept], item[kept], day[kept], arrives[kept]
        litres = g.pack[item] * g.volume[item]
        most = np.minimum(g.throughput[g.lane_from[lane]], g.lane_litres[lane]) / np.maximum(litres, 1e-9)
        most = np.floor(np.minimum(most, total[item] / g.pack[item]))
        packs = build.columns(len(lane), most, g.lane_cost[lane] * litres)
        build.enter(self.balance[self.line[g.lane_from[lane], item], day], packs, -g.pack[item])
        build.enter(self.balance[self.line[g.lane_to[lane], item], arrives], packs, g.pack[item])
        rows = build.rows(g.depots * g.days, -np.inf, np.repeat(g.throughput, g.days)).reshape(-1, g.days)
        build.enter(rows[g.lane_from[lane], day], packs, litres)
        tight = np.isfinite(g.lane_litres[lane])
        if tight.any():
            row, first = build.grouped([lane[tight], day[tight]], -np.inf, 0)
            build.sides[-1] = (build.sides[-1][0], g.lane_litres[lane[tight][first]])
            build.enter(row, packs[tight], litres[tight])
        self.lane, self.item, self.sent, self.arrives, self.packs = lane, item, day, arrives, packs
        self._order()

    def _order(self) -> None:
        g, build = self.goods, self.build
        v, day = np.nonzero(
            (np.arange(g.days) >= g.supplier_first[:, None])
            & (np.arange(g.days) <= np.minimum(g.supplier_last, g.days - 1 - g.supplier_lead)[:, None])
        )
        pack = g.pack[g.supplier_item[v]]
        self.orders = build.columns(len(v), g.supplier_most[v] // pack)
        line = self.line[g.supplier_depot[v], g.supplier_item[v]]
        build.enter(self.balance[line, day + g.supplier_lead[v]], self.orders, pack)
        if len(v):
            build.enter(build.rows(1, -np.inf, g.budget).repeat(len(v)), self.orders, pack * g.supplier_cost[v])
        self.v, self.ordered = v, day

    def _use(self) -> None:
        """Kits and needs; of a need of q units the last half, the odd unit and the first half have their prices."""
        g, build = self.goods, self.build
        cell, item = np.nonzero(g.kit_rate[self.inst.post_duty[self.post]])
        rate = g.kit_rate[self.inst.post_duty[self.post[cell]], item]
        site = g.depots + self.inst.post_site[self.post[cell]]
        build.enter(self.balance[self.line[site, item], self.day[cell]], self.staffed[cell], -rate)
        line, day = np.nonzero(g.need > 0)
        need = g.need[line, day]
        rows = self.balance[self.line[g.depots + g.need_site[line], g.need_item[line]], day]
        low, high = (np.concatenate([s[k] for s in build.sides]) for k in (0, 1))
        np.add.at(low, rows, need)
        np.add.at(high, rows, need)
        build.sides = [(low, high)]
        self.short = []
        for part, factor in ((need // 2, 1.0), (need % 2, (1 + g.first_half) / 2), (need // 2, g.first_half)):
            columns = build.columns(len(line), part, g.need_weight[line] * factor)
            build.enter(rows, columns)
            self.short.append(columns)
        self.need_line, self.need_day, self.need = line, day, need

    # -- the way back ------------------------------------------------------------------------

    def tables(self, x: np.ndarray) -> dict[str, pd.DataFrame]:
        """Decisions of an answer as tables of a plan; whole units used by rounding running sums down."""
        inst, g = self.inst, self.goods
        places, items = np.array(g.places, object), np.array(g.items, object)
        y, w = x[self.y] > 0.5, x[self.w] > 0.5
        c, b, j = self.c[y], self.b[y], self.j[y]
        out = {"postings": pd.DataFrame({
            "cadre": inst.cadres[c], "batch": inst.batches[b], "site": inst.sites[j], "first_day": inst.first[c, b],
            "last_day": inst.last[c, b], "minutes": np.round(inst.minutes[c, j], 3),
        })}  # fmt: skip
        out["assignments"] = pd.DataFrame({
            "cadre": inst.cadres[self.wc[w]], "day": self.wd[w], "shift": inst.shifts[inst.post_shift[self.wp[w]]],
            "site": inst.sites[self.wj[w]], "duty": inst.duties[inst.post_duty[self.wp[w]]],
        })  # fmt: skip
        k = np.flatnonzero(x[self.packs] > 0.5)
        lane, item = self.lane[k], self.item[k]
        out["shipments"] = pd.DataFrame({
            "day": self.sent[k], "arrives": self.arrives[k], "origin": places[g.lane_from[lane]],
            "destination": places[g.lane_to[lane]], "item": items[item],
            "quantity": np.rint(x[self.packs[k]]).astype(np.int64) * g.pack[item],
        })  # fmt: skip
        k = np.flatnonzero(x[self.orders] > 0.5)
        v = self.v[k]
        quantity = np.rint(x[self.orders[k]]).astype(np.int64) * g.pack[g.supplier_item[v]]
        out["orders"] = pd.DataFrame({
            "supplier": np.array(g.suppliers, object)[v], "item": items[g.supplier_item[v]],
            "day": self.ordered[k], "quantity": quantity, "cost": quantity * g.supplier_cost[v],
        })  # fmt: skip
        used = np.zeros(g.need.shape)
        used[self.need_line, self.need_day] = self.need - sum(x[s] for s in self.short)
        whole = np.diff(np.floor(used.cumsum(1) + 1e-6), axis=1, prepend=0)[self.need_line, self.need_day]
        out["supply"] = supply_rows(g, self.need_line, self.need_day, whole.astype(np.int64))
        return out


def supply_rows(g: Goods, line: np.ndarray, day: np.ndarray, used: np.ndarray) -> pd.DataFrame:
    places, items, need = np.array(g.places, object), np.array(g.items, object), g.need[line, day]
    return pd.DataFrame({
        "site": places[g.depots + g.need_site[line]], "item": items[g.need_item[line]],
        "tier": np.array(TIERS, object)[g.need_tier[line]], "day": day,
        "needed": need, "used": used, "shortage": need - used,
    })  # fmt: skip


def score(scenario: Scenario, tables: dict[str, pd.DataFrame]) -> Score:
    """What a plan is worth and which rules it breaks, by measures and verifier."""
    full = arrange(measures.complete(scenario, arrange(tables)))
    terms = measures.objective_terms(scenario, full)
    broken = [v for v in verify(scenario, Plan("", "", tables=full)) if v.rule in {*CHECKS, "unknown"}]
    for violation in broken[:3]:
        print(violation, file=sys.stderr)
    return Score(sum(terms.values()), len(broken), len(tables["postings"]), len(tables["assignments"]))


__all__ = ["Joint", "Score", "score", "supply_rows"]

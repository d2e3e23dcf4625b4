"""A plan in hand: its scenario, its tables and what they say as arrays, ready for questions."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd

from allocator import warm
from allocator.cases import likeliest, scenario_in, several, tables_in
from allocator.goods import goods
from allocator.instance import instance
from allocator.models.board import Board
from allocator.models.field import Field
from allocator.models.worth import worth
from allocator.plan import Plan
from allocator.scenario import Scenario
from allocator.standing import Change, Standing
from allocator.tables import TIERS

__all__ = ["Change", "State"]


def _in_one_case(scenario: Scenario, plan: Plan) -> tuple[Scenario, Plan]:
    """Both as they stand in the likeliest case, with its objective."""
    if not several(scenario):
        return scenario, plan
    case = likeliest(scenario)
    objective = next((row["objective"] for row in plan.kpis.get("cases", ()) if row["case"] == case), None)
    return scenario_in(scenario, case), replace(plan, tables=tables_in(plan.tables, case), objective=objective)


class State(Standing):
    """Everything a question about a plan in hand needs, worked out once.

    Of several cases it is the likeliest that is asked about.
    """

    def __init__(self, scenario: Scenario, plan: Plan):
        scenario, plan = _in_one_case(scenario, plan)
        self.scenario, self.plan = scenario, plan
        opens = {
            str(site): int(day)
            for name in ("openings", "reopenings")
            for site, day in plan.tables[name][["site", "first_day"]].itertuples(index=False)
        }
        self.inst, self.goods = instance(scenario, opens), goods(scenario, opens)
        board = Board(self.inst, Field(self.inst), worth(self.inst))
        warm.place(board, plan.tables, idle=True)
        arriving, penalty = self._arriving(plan.tables["shipments"]), self._supply_penalty(plan.tables["supply"])
        super().__init__(self.inst, self.goods, board, arriving, penalty)

    def _arriving(self, shipments: pd.DataFrame) -> np.ndarray:
        arriving = np.zeros(self.goods.shape, np.int64)
        place = pd.Index(self.goods.places).get_indexer(pd.Index(shipments["destination"])) - self.goods.depots
        item = pd.Index(self.goods.items).get_indexer(pd.Index(shipments["item"]))
        day = shipments["arrives"].to_numpy(dtype=np.int64)
        here = (place >= 0) & (day < self.goods.days)
        np.add.at(arriving, (place[here], item[here], day[here]), shipments["quantity"].to_numpy()[here])
        return arriving

    def _supply_penalty(self, supply: pd.DataFrame) -> np.ndarray:
        """[S, I] penalty of goods short as the plan uses them."""
        needed, used = supply["needed"].to_numpy(), supply["used"].to_numpy()
        weights = self.scenario.settings.weights
        first = np.maximum(needed / 2 - used, 0) * weights.first_half
        rest = np.minimum(needed / 2, np.maximum(needed - used, 0))
        item = pd.Index(self.goods.items).get_indexer(pd.Index(supply["item"]))
        worth_ = supply["tier"].map(dict(weights.tiers)).to_numpy(dtype=float)
        worth_ = worth_ * self.scenario.table("items")["weight"].to_numpy()[item]
        found = np.zeros(self.goods.shape[:2])
        site = pd.Index(self.inst.sites).get_indexer(pd.Index(supply["site"]))
        np.add.at(found, (site, item), (first + rest) * worth_)
        return found

    @cached_property
    def supply_row(self) -> np.ndarray:
        """[R, D] row of the plan's supply table of each need."""
        goods_, supply = self.goods, self.plan.tables["supply"]
        size = (len(self.inst.sites), len(goods_.items), len(TIERS))
        line = pd.Index(np.ravel_multi_index((goods_.need_site, goods_.need_item, goods_.need_tier), size))
        site = pd.Index(self.inst.sites).get_indexer(pd.Index(supply["site"]))
        item = pd.Index(goods_.items).get_indexer(pd.Index(supply["item"]))
        tier = pd.Index(TIERS).get_indexer(pd.Index(supply["tier"]))
        out = np.full(goods_.need.shape, -1)
        row = line.get_indexer(pd.Index(np.ravel_multi_index((site, item, tier), size)))
        out[row, supply["day"].to_numpy(dtype=np.int64)] = np.arange(len(supply))
        return out

    # -- depots ------------------------------------------------------------------------------

    @cached_property
    def _moved(self) -> np.ndarray:
        """[L, D] litres on each lane."""
        goods_, shipments = self.goods, self.plan.tables["shipments"]
        places, count = pd.Index(goods_.places), len(goods_.places)
        item = pd.Index(goods_.items).get_indexer(pd.Index(shipments["item"]))
        pair = places.get_indexer(pd.Index(shipments["origin"])) * count
        pair = pair + places.get_indexer(pd.Index(shipments["destination"]))
        lane = pd.Index(goods_.lane_from * count + goods_.lane_to).get_indexer(pd.Index(pair))
        out = np.zeros((len(goods_.lane_from), goods_.days))
        litres = shipments["quantity"].to_numpy() * goods_.volume[item]
        np.add.at(out, (lane, shipments["day"].to_numpy(dtype=np.int64)), litres)
        return out

    @cached_property
    def door(self) -> np.ndarray:
        """[N, D] litres that can still leave a depot."""
        used = np.zeros((self.goods.depots, self.goods.days))
        np.add.at(used, self.goods.lane_from, self._moved)
        return self.goods.throughput[:, None] - used

    def lane_room(self, lane: int) -> np.ndarray:
        """[D] litres that can still travel on a lane."""
        return self.goods.lane_litres[lane] - self._moved[lane]

    @cached_property
    def spare(self) -> np.ndarray:
        """[N, I, D] units at each depot that no later shipment needs."""
        goods_, inventory = self.goods, self.plan.tables["inventory"]
        held = np.zeros((goods_.depots, len(goods_.items), goods_.days), np.int64)
        place = pd.Index(goods_.places).get_indexer(pd.Index(inventory["place"]))
        item = pd.Index(goods_.items).get_indexer(pd.Index(inventory["item"]))
        here = place < goods_.depots
        at = place[here], item[here], inventory["day"].to_numpy(dtype=np.int64)[here]
        held[at] = inventory["on_hand"].to_numpy()[here]
        return np.minimum.accumulate(held[:, :, ::-1], axis=2)[:, :, ::-1]

"""Parts of a large scenario: districts that share no depot, with the people who live there.

Goods cannot go from one part to another, so what is sent within each is all there is. People could: a plan
made part by part posts nobody across, and its bound (`models/beyond.py`) counts that they might be.
Batches and the budget are common; every part gets its share, by its people and by what its sites need.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from allocator.scenario import Scenario
from allocator.tables import INPUTS

LARGE = 2e7
"""Pairs of cadre and site above which a scenario is taken apart, where it can be."""
SMALL, MOST = 500, 3000
"""Cadres below which a part is joined to one near by, and how many that may make."""
LEFT_OUT = ("outlines",)
"""Tables that only pictures need."""
NODES = {"sites.site": "site", "depots.depot": "depot", "cadres.cadre": "cadre", "places": "place"}
OWN = {("sites", "site"): "site", ("depots", "depot"): "depot", ("cadres", "cadre"): "cadre"}


@dataclass(frozen=True)
class Part:
    """A scenario of its own, and its districts for the eye."""

    name: str
    scenario: Scenario
    budget: float


class Division:
    """Which part every site, depot and cadre belongs to."""

    def __init__(self, scenario: Scenario):
        self.scenario = scenario
        self._tables = {name: scenario.table(name) for name in INPUTS}
        component, labels = _components(scenario)
        home = self._people(component)
        self.count, joined = _joined(scenario, component, home)
        self.of: dict[str, pd.Series] = {
            "district": joined[component["district"]],
            "site": joined[component["site"]],
            "depot": joined[component["depot"]],
        }
        for name in self.of:
            self.of[name] = pd.Series(self.of[name], index=labels[name])
        self.of["cadre"] = pd.Series(joined[home], index=scenario.table("cadres")["cadre"].to_numpy(dtype=object))
        self.of["place"] = pd.concat([self.of["depot"], self.of["site"]])
        self._rows = {name: self._part_of(name) for name in INPUTS}

    def _people(self, component: Mapping[str, np.ndarray]) -> np.ndarray:
        """[C] component a cadre belongs to: where the pin is, else the only sites in reach, else the home.

        The posting in force counts before the home.
        """
        cadres = self._tables["cadres"]
        district = pd.Index(self._tables["districts"]["district"]).get_indexer(cadres["district"])
        found = component["district"][district].copy()
        row, site = pd.Index(cadres["cadre"]), pd.Index(self._tables["sites"]["site"])
        pins = self._tables["pins"]
        for table in (self._tables["previous"], self._tables["travel"], pins[pins["kind"] == "must"]):
            at, to = row.get_indexer(table["cadre"]), site.get_indexer(table["site"])
            found[at] = component["site"][to]
        return found

    def _part_of(self, name: str) -> np.ndarray | None:
        """[rows] part of each row of a table, -1 where it speaks of two; None: the rows are everybody's."""
        table, frame = INPUTS[name], self._tables[name]
        found: np.ndarray | None = None
        for column in table.columns:
            node = NODES.get(column.refers) or OWN.get((name, column.name))
            if node is None or name == "districts":
                continue
            part = frame[column.name].map(self.of[node]).to_numpy(dtype=np.int64) if len(frame) else np.zeros(0, int)
            found = part if found is None else np.where(found == part, found, -1)
        return found

    def parts(self) -> list[Part]:
        """The scenarios of all parts."""
        settings = self.scenario.settings
        people = [self.members(k) for k in range(self.count)]
        sizes = _shares(np.array([b.size for b in settings.batches]), self._asked(people))
        budget = np.floor(settings.supply.budget * self._wishes() * 100) / 100
        out = []
        for k, rows in enumerate(people):
            batches = tuple(replace(b, size=int(n)) for b, n in zip(settings.batches, sizes[:, k], strict=True))
            own = replace(settings, batches=batches, supply=replace(settings.supply, budget=float(budget[k])))
            out.append(Part(self._name(k), self.view(k, rows, own), float(budget[k])))
        return out

    def _asked(self, people: list[np.ndarray]) -> np.ndarray:
        """[B, parts] who is to go with each batch: those named for it, and what it leaves the others."""
        batches = self.scenario.settings.batches
        named = self._tables["cadres"]["batch"].to_numpy(dtype=object)
        asked = np.array([[float((named[p] == b.id).sum()) for p in people] for b in batches])
        free = np.array([float((named[p] == "").sum()) for p in people])
        left = np.maximum(0, np.array([b.size for b in batches]) - asked.sum(1))
        return np.asarray(asked + np.outer(left, free / max(1.0, free.sum())))

    def members(self, k: int) -> np.ndarray:
        """Rows of the cadres of a part."""
        return np.flatnonzero(self.of["cadre"].to_numpy() == k)

    def within(self, k: int) -> np.ndarray:
        """Rows of the cadres of a part, and of those from elsewhere who may reach one of its sites."""
        cadres, sites = self._tables["cadres"], self._tables["sites"]
        pins = self._tables["pins"]
        bound = cadres["cadre"].isin(pins.loc[pins["kind"] == "must", "cadre"]).to_numpy()
        travel = self._tables["travel"]
        listed = travel.loc[(travel["site"].map(self.of["site"]) == k).to_numpy(), "cadre"]
        only = cadres["cadre"].isin(travel["cadre"]).to_numpy()
        own = self.of["cadre"].to_numpy() == k
        here = sites[["lon", "lat"]].to_numpy(dtype=float)[self.of["site"].to_numpy() == k]
        near = _near(cadres[["lon", "lat"]].to_numpy(dtype=float), here, self._reach_km())
        near = np.where(only, cadres["cadre"].isin(listed).to_numpy(), near)
        return np.flatnonzero(own | (near & ~bound))

    def _reach_km(self) -> float:
        """Kilometres in a straight line that nobody can go beyond within the travel limit."""
        settings = self.scenario.settings
        travel, limit = settings.travel, settings.rules.max_travel
        return float(limit) / 60 * travel.speed_kmh / max(travel.detour, 1e-9)

    def view(self, k: int, people: np.ndarray, settings: object = None) -> Scenario:
        """The scenario of the sites and depots of a part and of some cadres, given as rows."""
        kept = np.zeros(len(self._tables["cadres"]), bool)
        kept[people] = True
        known = pd.Series(kept, index=self.of["cadre"].index)
        tables = {}
        for name in INPUTS:
            frame, rows = self._tables[name], self._rows[name]
            if name in LEFT_OUT:
                frame = frame.iloc[:0]
            elif name == "cadres":
                frame = frame[kept]
            elif "cadre" in frame.columns:
                some = known.reindex(frame["cadre"]).to_numpy(dtype=bool)
                if "site" in frame.columns:
                    some = some & (frame["site"].map(self.of["site"]).to_numpy() == k)
                frame = frame[some]
            elif rows is not None:
                frame = frame[rows == k]
            tables[name] = frame.reset_index(drop=True)
        named = set(tables["sites"]["district"]) | set(tables["cadres"]["district"]) | set(tables["depots"]["district"])
        districts = self._tables["districts"]
        tables["districts"] = districts[districts["district"].isin(named)].reset_index(drop=True)
        given = self.scenario.given - set(LEFT_OUT)
        return Scenario(settings or self.scenario.settings, tables, given)  # type: ignore[arg-type]

    def _wishes(self) -> np.ndarray:
        """[parts] share of what all sites need, weighted by tier and item."""
        needs, items = self._tables["needs"], self._tables["items"].set_index("item")["weight"]
        tiers = self.scenario.settings.weights.tiers
        days = (needs["last_day"] - needs["first_day"] + 1).to_numpy(dtype=float)
        worth = needs["tier"].map(tiers).to_numpy(dtype=float) * needs["item"].map(items).to_numpy(dtype=float)
        rows = self._rows["needs"]
        assert rows is not None
        total = np.bincount(rows, worth * days * needs["per_day"].to_numpy(dtype=float), self.count)
        return total / total.sum() if total.sum() > 0 else np.full(self.count, 1 / self.count)

    def _name(self, k: int) -> str:
        """The districts of a part."""
        codes = [str(d) for d in self.of["district"].index[self.of["district"].to_numpy() == k]]
        return ", ".join(codes[:3]) + (f" and {len(codes) - 3} more" if len(codes) > 3 else "")


def large(scenario: Scenario) -> bool:
    """Are there too many pairs of cadre and site to look at them all at once?"""
    return len(scenario.table("cadres")) * len(scenario.table("sites")) > LARGE


def division(scenario: Scenario) -> Division | None:
    """How a scenario of one case is taken apart; None where it is solved as one: small, or of one piece."""
    if not large(scenario):
        return None
    found = Division(scenario)
    return found if found.count > 1 else None


def _components(scenario: Scenario) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Which districts, sites and depots hang together by where they lie and by lanes; their codes."""
    from allocator.goods import usual_lanes

    labels = {
        name: scenario.table(f"{name}s")[name].to_numpy(dtype=object) for name in ("district", "site", "depot")
    }
    first = np.cumsum([0, *(len(v) for v in labels.values())])
    at = {name: pd.Series(a + np.arange(len(v)), v) for (name, v), a in zip(labels.items(), first, strict=False)}
    place = pd.concat([at["depot"], at["site"]])
    lanes = scenario.table("lanes") if "lanes" in scenario.given else usual_lanes(scenario)
    depots = scenario.table("depots")
    local = depots[depots["district"] != ""]
    pairs = [
        (at["site"].to_numpy(), scenario.table("sites")["district"].map(at["district"]).to_numpy()),
        (local["depot"].map(at["depot"]).to_numpy(), local["district"].map(at["district"]).to_numpy()),
        (lanes["origin"].map(at["depot"]).to_numpy(), lanes["destination"].map(place).to_numpy()),
    ]
    root = _linked(int(first[-1]), pairs)
    return {name: root[series.to_numpy()] for name, series in at.items()}, labels


def _linked(count: int, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """[count] number of the component of each node, from 0."""
    a = np.concatenate([np.asarray(p, np.int64) for p, _ in pairs])
    b = np.concatenate([np.asarray(q, np.int64) for _, q in pairs])
    root = np.arange(count)
    while True:
        low = np.minimum(root[a], root[b])
        fresh = root.copy()
        np.minimum.at(fresh, root[a], low)
        np.minimum.at(fresh, root[b], low)
        fresh = fresh[fresh]
        if (fresh == root).all():
            return np.unique(root, return_inverse=True)[1].reshape(-1)
        root = fresh


def _joined(scenario: Scenario, component: Mapping[str, np.ndarray], home: np.ndarray) -> tuple[int, np.ndarray]:
    """Number of parts, and the part of each component: small ones are joined to the nearest."""
    count = int(max(v.max(initial=-1) for v in component.values())) + 1
    people = np.bincount(home, minlength=count)
    points = scenario.table("sites")[["lon", "lat"]].to_numpy(dtype=float)
    sites = np.bincount(component["site"], minlength=count)
    middle = np.stack([np.bincount(component["site"], points[:, k], count) for k in range(2)], 1)
    middle = np.where(sites[:, None] > 0, middle / np.maximum(1, sites)[:, None], points.mean(0))
    part = np.arange(count)
    for k in np.argsort(people, kind="stable"):
        mine = part == part[k]
        size = people[mine].sum()
        if size >= SMALL and sites[mine].any():
            continue
        others = np.unique(part[~mine])
        total = np.array([people[part == p].sum() for p in others])
        fits = others[total + size <= MOST] if sites[mine].any() else others
        if len(fits):
            centre = [middle[part == p].mean(0) for p in fits]
            away = ((np.array(centre) - middle[mine].mean(0)) ** 2).sum(1)
            part[mine] = fits[int(away.argmin())]
    parts, part = np.unique(part, return_inverse=True)
    return len(parts), part.reshape(-1)


def _shares(sizes: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """[B, parts] whole shares of each size in proportion to weights [B, parts], by the largest remainders."""
    total = weight.sum(1, keepdims=True)
    even = np.full(weight.shape, 1 / weight.shape[1])
    exact = sizes[:, None] * np.divide(weight, total, out=even, where=total > 0)
    whole = np.floor(exact + 1e-9).astype(np.int64)
    for b, missing in enumerate(sizes - whole.sum(1)):
        whole[b, np.argsort(whole[b] - exact[b], kind="stable")[:missing]] += 1
    return whole


def _near(points: np.ndarray, others: np.ndarray, km: float) -> np.ndarray:
    """[n] which points lie within so many kilometres of the box around the others."""
    low, high = others.min(0), others.max(0)
    degree = 111.0
    narrow = max(0.01, float(np.cos(np.radians(np.abs(np.concatenate([points[:, 1], others[:, 1]])).max()))))
    slack = np.array([km / degree / narrow, km / degree]) * 1.01
    return np.asarray(((points >= low - slack) & (points <= high + slack)).all(1))

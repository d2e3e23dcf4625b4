"""A small city with the shape of a large one: some of its sites, and the people and goods that go with them.

Sites are drawn so that kinds, districts, demand and wishes for goods keep their shares; the best of many
draws counts. People follow the person-shifts that the drawn sites require, goods what these wish for, so
that people to demand and goods to needs stay what they are in the whole city.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from allocator.errors import InputError, Problem
from allocator.instance import weekday_mask
from allocator.scenario import Scenario

DRAWS = 300
"""Sets of sites, and then of people, that are tried."""
WORKED = 6 / 7
"""Share of the days of a posting on which a person works."""
SITE_TABLES = ("demand", "needs", "candidates", "applications")
CADRE_TABLES = ("leave", "worked")
PAIR_TABLES = ("pins", "previous")


def sample(scenario: Scenario, share: float, rng: np.random.Generator) -> Scenario:
    """Draw about `share` (above 0, below 1) of a sound scenario; what comes out is checked.

    Raises
    ------
    InputError
        Less than one site with demand and needs, or less than one cadre, is left.
    """
    return Sample(scenario, share, rng).drawn()


class Sample:
    """One drawing: features of the whole, and what was chosen."""

    def __init__(self, scenario: Scenario, share: float, rng: np.random.Generator):
        self.scenario, self.share, self.rng = scenario, share, rng
        self.site_rows = pd.Index(scenario.table("sites")["site"])
        self.cadre_rows = pd.Index(scenario.table("cadres")["cadre"])
        self.items = pd.Index(scenario.table("items")["item"])
        self.required, self.target = self._shifts()
        self.wish = self._wishes()

    def drawn(self) -> Scenario:
        pairs, sites, cadres = self._choose()
        if not (self.required[sites].sum() and self.wish[sites].sum() and len(cadres)):
            raise _too_small(self.share)
        changes: dict[str, Any] = self._rows(pairs, sites, cadres)
        changes |= {**self._goods(changes), **self._batches(changes["cadres"])}
        try:
            return self.scenario.change(changes)
        except InputError as error:
            first = next(p for p in error.problems if p.level == "error")
            raise _too_small(self.share, str(first)) from error

    # -- the whole ---------------------------------------------------------------------------

    def _shifts(self) -> tuple[np.ndarray, np.ndarray]:
        """[J] person-shifts required and wanted; cases of demand count with their probability."""
        settings, demand = self.scenario.settings, self.scenario.table("demand")
        days = np.arange(settings.days)
        masks = {w: weekday_mask(w, settings.start.weekday(), settings.days) for w in demand["weekdays"].unique()}
        spans: dict[tuple[Any, ...], int] = {}
        asked = np.zeros(len(demand))
        chance = {case.id: case.probability for case in settings.cases}
        for k, (w, first, last, case) in enumerate(
            demand[["weekdays", "first_day", "last_day", "case"]].itertuples(index=False)
        ):
            if (w, first, last) not in spans:
                spans[w, first, last] = int((masks[w] & (days >= first) & (days <= last)).sum())
            asked[k] = spans[w, first, last] * chance.get(case, 1.0)
        self.asked = asked
        at = self.site_rows.get_indexer(demand["site"])
        wanted = [
            np.bincount(at, asked * demand[name].to_numpy(), len(self.site_rows)) for name in ("required", "target")
        ]
        return wanted[0], wanted[1]

    def _wishes(self) -> np.ndarray:
        """[J, I] units of the needs and of the kits of shifts that are likely worked."""
        settings, needs, kits = self.scenario.settings, self.scenario.table("needs"), self.scenario.table("kits")
        demand = self.scenario.table("demand")
        wish = np.zeros((len(self.site_rows), len(self.items)))
        days = needs["last_day"].to_numpy() - needs["first_day"].to_numpy() + 1
        where = self.site_rows.get_indexer(needs["site"]), self.items.get_indexer(needs["item"])
        np.add.at(wish, where, needs["per_day"].to_numpy() * days)
        able = WORKED * sum(batch.size * (settings.days - batch.start) for batch in settings.batches)
        part = min(1.0, able / max(1.0, float(self.required.sum())))
        worked = pd.DataFrame(
            {"site": demand["site"], "duty": demand["duty"], "shifts": part * self.asked * demand["required"]}
        ).merge(kits, on="duty")
        where = self.site_rows.get_indexer(worked["site"]), self.items.get_indexer(worked["item"])
        np.add.at(wish, where, (worked["shifts"] * worked["per_shift"]).to_numpy())
        return wish

    # -- the choice --------------------------------------------------------------------------

    def _choose(self) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """Rows of pins and previous that are kept, and the rows of sites and cadres, ascending."""
        tables = {name: self.scenario.table(name) for name in PAIR_TABLES}
        sites = self.scenario.table("sites")
        traits = [sites[name].to_numpy() for name in ("kind", "district")]
        features = np.column_stack(
            [*_indicators(traits[0]), *_indicators(traits[1], self.required), self.required, self.target, self.wish]
        )
        best: tuple[float, dict[str, np.ndarray], np.ndarray] | None = None
        for _ in range(DRAWS):
            pairs = {
                name: np.sort(self.rng.choice(len(t), int(len(t) * self.share + 0.5), replace=False))
                for name, t in tables.items()
            }
            forced = self._named(pairs, "site", self.site_rows)
            chosen = self._systematic([*traits, self.required], forced)
            off = _distance(features, chosen, self.share)
            if best is None or off < best[0]:
                best = off, pairs, chosen
        assert best is not None
        _, pairs, chosen = best
        return pairs, chosen, self._people(pairs, chosen)

    def _people(self, pairs: dict[str, np.ndarray], sites: np.ndarray) -> np.ndarray:
        cadres, leave = self.scenario.table("cadres"), self.scenario.table("leave")
        share = self.required[sites].sum() / max(1.0, self.required.sum())
        away = np.bincount(self.cadre_rows.get_indexer(leave["cadre"]), minlength=len(cadres))
        traits = [cadres[name].to_numpy() for name in ("district", "batch", "skills", "night_ok")]
        span = (cadres["last_day"] - cadres["first_day"]).to_numpy()
        features = np.column_stack([np.ones(len(cadres)), span, away, *(f for t in traits for f in _indicators(t))])
        forced = self._named(pairs, "cadre", self.cadre_rows)
        draws = [self._systematic(traits, forced, share) for _ in range(DRAWS)]
        return min(draws, key=lambda rows: _distance(features, rows, share))

    def _named(self, pairs: dict[str, np.ndarray], column: str, rows: pd.Index) -> np.ndarray:
        named = [self.scenario.table(name)[column].to_numpy()[keep] for name, keep in pairs.items()]
        return np.unique(rows.get_indexer(pd.Index(np.concatenate(named))))

    def _systematic(self, traits: list[np.ndarray], forced: np.ndarray, share: float | None = None) -> np.ndarray:
        """Every n-th row in the order of the traits from a random start, and the forced ones; ascending."""
        size = len(traits[0])
        count = max(1, round(size * (self.share if share is None else share))) - len(forced)
        free = np.setdiff1d(np.arange(size), forced)
        if count <= 0 or not len(free):
            return forced
        order = np.lexsort([self.rng.random(len(free)), *(pd.factorize(t[free], sort=True)[0] for t in traits[::-1])])
        picks = np.floor((np.arange(count) + self.rng.random()) * len(free) / count).astype(np.int64)
        return np.sort(np.concatenate([forced, free[order[picks]]]))

    # -- the tables --------------------------------------------------------------------------

    def _rows(self, pairs: dict[str, np.ndarray], sites: np.ndarray, cadres: np.ndarray) -> dict[str, pd.DataFrame]:
        table = self.scenario.table
        found = {"sites": table("sites").iloc[sites], "cadres": table("cadres").iloc[cadres]}
        here, people = set(found["sites"]["site"]), set(found["cadres"]["cadre"])
        found |= {name: table(name)[table(name)["site"].isin(here)] for name in SITE_TABLES}
        found |= {name: table(name)[table(name)["cadre"].isin(people)] for name in CADRE_TABLES}
        found |= {name: table(name).iloc[keep] for name, keep in pairs.items()}
        travel = table("travel")
        found["travel"] = travel[travel["cadre"].isin(people) & travel["site"].isin(here)]
        depots = table("depots")
        served = depots["district"].isin({*found["sites"]["district"], ""})
        found["depots"] = depots[served]
        used = {*found["sites"]["district"], *found["cadres"]["district"]}
        for name in ("districts", "outlines"):
            found[name] = table(name)[table(name)["district"].isin(used)]
        places = {*here, *found["depots"]["depot"]}
        lanes = table("lanes")
        found["lanes"] = lanes[lanes["origin"].isin(places) & lanes["destination"].isin(places)]
        found["isolation_demand"] = self._isolated(set(found["sites"]["township"]))
        return {name: frame for name, frame in found.items() if name in self.scenario.given}

    def _isolated(self, townships: set[str]) -> pd.DataFrame:
        """Share of the people under observation, spread over the townships that are left."""
        people = self.scenario.table("isolation_demand")
        left = people[people["township"].isin(townships)]
        part = self.share * people["people"].sum() / max(1, left["people"].sum())
        return _scaled(left, "people", np.full(len(left), part), np.ones(len(left), np.int64))

    def _goods(self, found: dict[str, pd.DataFrame]) -> dict[str, Any]:
        """Goods at depots by what their sites wish for, item by item; goods at sites stay as they are."""
        table, depots = self.scenario.table, found["depots"]
        rows = self.site_rows.get_indexer(found["sites"]["site"])
        home, pack = table("sites")["district"].to_numpy(), table("items")["pack"].to_numpy()
        volume = table("items")["volume"].to_numpy()
        part, litres = {}, {}
        for depot, district in zip(depots["depot"], depots["district"], strict=True):
            whole = self.wish[(home == district) | (district == "")]
            left = self.wish[rows[(home[rows] == district) | (district == "")]]
            part[depot] = left.sum(0) / np.maximum(1e-9, whole.sum(0))
            litres[depot] = float((left @ volume).sum() / max(1e-9, (whole @ volume).sum()))
        out: dict[str, Any] = {
            "depots": depots.assign(
                throughput=[round(t * litres[d], 1) for d, t in zip(depots["depot"], depots["throughput"], strict=True)]
            )
        }

        def fewer(name: str, place: str, column: str, keys: list[str]) -> pd.DataFrame:
            frame = table(name)[table(name)[place].isin(set(depots["depot"]))]
            item = self.items.get_indexer(frame["item"])
            times = np.array([part[d][i] for d, i in zip(frame[place], item, strict=True)])
            return _scaled(frame, column, times, pack[item], keys)

        stock = table("stock")
        at_sites = stock[stock["place"].isin(set(found["sites"]["site"]))]
        out["stock"] = pd.concat([fewer("stock", "place", "quantity", ["place", "item"]), at_sites])
        if "deliveries" in self.scenario.given:
            out["deliveries"] = fewer("deliveries", "depot", "quantity", ["depot", "item"])
        if "suppliers" in self.scenario.given:
            offers = fewer("suppliers", "depot", "per_day", ["supplier", "item"])
            out["suppliers"] = offers
            on_offer = _worth(offers) / max(1e-9, _worth(table("suppliers")))
            out["supply.budget"] = round(self.scenario.settings.supply.budget * on_offer, 2)
        if "lanes" in found:
            lanes = found["lanes"]
            inner = lanes["destination"].isin(litres)
            less = lanes["per_day"] * lanes["origin"].map(litres)
            out["lanes"] = lanes.assign(per_day=lanes["per_day"].where(~inner, less))
        return out

    def _batches(self, cadres: pd.DataFrame) -> dict[str, int]:
        """Sizes that add up to the same share of all cadres, with room for those whose batch is known."""
        batches = self.scenario.settings.batches
        share = len(cadres) / len(self.cadre_rows)
        sums = np.rint(np.cumsum([batch.size for batch in batches]) * share).astype(int)
        named = cadres["batch"].value_counts()
        sizes = zip(batches, np.diff(sums, prepend=0).tolist(), strict=True)
        return {f"batch.{b.id}.size": max(size, int(named.get(b.id, 0))) for b, size in sizes}


def _indicators(labels: np.ndarray, weight: np.ndarray | float = 1.0) -> list[np.ndarray]:
    return [(labels == label) * weight for label in np.unique(labels.astype(str))]


def _distance(features: np.ndarray, chosen: np.ndarray, share: float) -> float:
    """How far sums over the chosen rows are from their share of the whole, on average."""
    whole = features.sum(0)
    counted = whole > 0
    return float(np.square(features[chosen].sum(0)[counted] / (share * whole[counted]) - 1).mean())


def _scaled(
    frame: pd.DataFrame, column: str, times: np.ndarray, pack: np.ndarray, keys: list[str] | None = None
) -> pd.DataFrame:
    """Quantities times a factor in whole packs; running sums per key are rounded, so that totals hold.

    What was there at all stays there: at least one pack of it in all. Rows left with nothing go.
    """
    exact = pd.Series(frame[column].to_numpy() * times / pack)
    label: np.ndarray = np.zeros(len(frame), np.int64)
    if keys:
        label = frame[keys].groupby(keys, sort=False).ngroup().to_numpy()
    total = exact.groupby(label).transform("sum")
    exact *= np.where((total > 0) & (total < 1), 1 / total.replace(0, 1), 1.0)
    sums = (exact.groupby(label).cumsum() + 0.5 - 1e-9).astype(np.int64)
    packs = sums - sums.groupby(label).shift(fill_value=0)
    out = frame.assign(**{column: (packs * pack).to_numpy()})
    return out[out[column] > 0]


def _worth(offers: pd.DataFrame) -> float:
    days = offers["last_day"] - offers["first_day"] + 1
    return float((offers["per_day"] * days * offers["unit_cost"]).sum())


def _too_small(share: float, why: str = "") -> InputError:
    expected = "a share that leaves sites with demand and needs, cadres, and goods for every kit"
    return InputError([Problem("--times", None, None, f"{share:g}", expected + (why and f" ({why})"), "too_small")])

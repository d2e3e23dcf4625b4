"""The figures the README quotes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from . import estimate, goods, stores
from .people import Cadre, shifts_available
from .places import Place

Rows = list[tuple[object, ...]]


def lines(
    sites: list[Place],
    cadres: list[Cadre],
    leave: list[tuple[str, str]],
    made: dict[str, Rows],
    wish: dict[str, list[float]],
) -> Iterator[str]:
    """The figures, one line of text each."""
    yield f"sites: {len(sites)}; {_counts(p.kind for p in sites)}; {_counts(p.source for p in sites)}"
    groups = {(p.profile, p.weight, p.district) for p in sites}
    yield f"demand profiles: {len({p.profile for p in sites})}, with weight and district: {len(groups)}"
    yield f"lines of goods (site, item): {sum(map(len, goods.lines(sites).values()))}"
    asked, available = estimate.wanted(sites), shifts_available(cadres, leave)
    yield f"person-shifts: required {asked.required}, target {asked.target}, available about {available:.0f}"
    ratio, wanted = asked.required / available, asked.target / available
    yield f"  required / available {ratio:.2f}, target / available {wanted:.2f}"
    arrivals = estimate.supply(wish, made)
    penalty = estimate.supply_penalty(sites, arrivals)
    for item, days in wish.items():
        share = sum(arrivals[item]) / sum(days)
        yield f"  {item:12} wished {sum(days):9.0f}, supplied {share:4.0%}, penalty {penalty[item]:7.0f}"
    staffing, supply = estimate.staffing_penalty(asked, available), sum(penalty.values())
    yield f"penalty left, about: staffing {staffing:.0f}, supply {supply:.0f} ({supply / staffing:.2f})"
    cost = stores.cost_of_all(made["suppliers"])
    yield f"all offers cost {cost} yuan, budget {stores.budget(made['suppliers'])}"


def _counts(values: Iterable[str]) -> str:
    return ", ".join(f"{value} {count}" for value, count in Counter(values).items())

"""Make the tables of scenario wuxi-2020-02 from `sources/`.

    python scenarios/wuxi-2020-02/build.py [--out FOLDER] [--phases FOLDER]

The same sources give the same bytes. At the end the figures the README quotes are printed. --phases writes a scenario
of its own instead: the same city with candidates for isolation, demand in three cases, and applications.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

from recipe import goods, invented, people, phases, places, report, settings, stores, work  # noqa: E402
from recipe.sources import DISTRICTS, outlines, read  # noqa: E402

from allocator.tables import INPUTS  # noqa: E402

Rows = list[tuple[object, ...]]


def tables() -> tuple[dict[str, Rows], str]:
    """Every table as rows in the order of the dictionary, and the settings as TOML text."""
    sites = invented.sites()
    cadres = people.cadres()
    leave = people.leave(cadres)
    pins = people.pins(cadres, sites)
    wish = stores.wishes(sites)
    offers = stores.suppliers(wish)
    made: dict[str, Rows] = {
        "districts": [
            (DISTRICTS[d["name"]], d["name"], round(float(d["pop_2019_wan"]) * 10_000))
            for d in read("districts")
        ],
        "sites": rows_of(sites),
        "duties": list(work.DUTIES),
        "demand": work.demand(sites),
        "cadres": people.rows(cadres),
        "leave": list(leave),
        "pins": list(pins),
        "items": [(i.item, i.name, i.unit, i.pack, i.volume, i.weight) for i in goods.ITEMS],
        "depots": stores.depots(stores.throughput(sites, wish)),
        "stock": stores.stock(sites, wish),
        "deliveries": stores.deliveries(wish),
        "suppliers": offers,
        "needs": goods.needs(sites),
        "kits": list(goods.KITS),
        "previous": list(people.previous(cadres, sites, {c for c, *_ in pins})),
        "outlines": outlines(),
    }
    for line in report.lines(sites, cadres, leave, made, wish):
        print(line)
    return made, settings.toml(stores.budget(offers))


def with_phases(made: dict[str, Rows], toml: str) -> tuple[dict[str, Rows], str]:
    """The tables and settings with what opens, who needs a place, and who asks to resume."""
    new = phases.candidates()
    more: dict[str, Rows] = {
        "sites": rows_of(new),
        "demand": work.demand(new),
        "needs": goods.needs(new),
        "candidates": phases.terms(new),
        "isolation_demand": phases.observed(),
        "applications": phases.applications(invented.sites()),
    }
    for name, rows in more.items():
        print(f"{name}: {len(rows)} rows more")
    made = made | {"demand": phases.staffed(made["demand"], invented.sites())}
    return made | {name: made.get(name, []) + rows for name, rows in more.items()}, phases.toml(toml)


def rows_of(sites: list[places.Place]) -> Rows:
    """Rows of the sites table."""
    return [
        (p.site, p.name, p.kind, p.district, p.township, p.lon, p.lat, p.weight, p.population, p.source)
        for p in sites
    ]


def write(folder: Path, made: dict[str, Rows], toml: str) -> None:
    """Write the settings and the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.toml").write_text(toml, encoding="utf-8", newline="\n")
    for name, rows in made.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(INPUTS[name].names)
            writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--phases", type=Path, help="write the scenario with openings and resumptions here")
    asked = parser.parse_args()
    if asked.phases is None:
        write(asked.out, *tables())
    else:
        write(asked.phases, *with_phases(*tables()))


if __name__ == "__main__":
    main()

"""Offers: who could be posted to a place that is short, worked out when its run was published.

A row belongs to the part of the city where the cadre is posted: a district reads those about its own
sites that name its own cadres, the organizers read all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from allocator.store.engine import reading, writing
from allocator.store.schema import CITY, offered, offers, published


class Offers:
    """The offers of a store's runs."""

    def __init__(self, engine: sa.Engine):
        self._engine = engine

    def put(self, number: int, site: str, rows: Sequence[dict[str, Any]]) -> None:
        """Keep the candidates of a site of run `number`, best first; what was there before goes."""
        with writing(self._engine) as connection:
            for table in (offers, offered):
                connection.execute(table.delete().where(table.c.run == number, table.c.site == site))
            posted = self._parts(connection, number, [row["cadre"] for row in rows])
            ready = [
                {"run": number, "site": site, "n": n, "part": posted.get(row["cadre"], CITY)}
                | {"body": json.dumps(row, ensure_ascii=False)}
                for n, row in enumerate(rows)
            ]
            if ready:
                connection.execute(offers.insert(), ready)
            connection.execute(offered.insert().values(run=number, site=site))

    @staticmethod
    def _parts(connection: sa.Connection, number: int, cadres: list[str]) -> dict[str, str]:
        table = published["cadres"]
        query = sa.select(table.c.cadre, table.c.part).where(table.c.run == number, table.c.cadre.in_(cadres))
        return {row.cadre: row.part for row in connection.execute(query)}

    def done(self, number: int) -> set[str]:
        """Return the sites of a run whose candidates are worked out."""
        with reading(self._engine) as connection:
            return set(connection.scalars(sa.select(offered.c.site).where(offered.c.run == number)))

    def of(
        self, number: int, site: str, district: str | None = None, limit: int | None = None
    ) -> list[dict[str, Any]] | None:
        """Return the candidates of a site, best first; None where they are not worked out.

        Parameters
        ----------
        district
            Whose reader asks, who sees the candidates posted there; None: the organizers, who see all.
        """
        query = sa.select(offers.c.body).where(offers.c.run == number, offers.c.site == site)
        if district is not None:
            query = query.where(offers.c.part == district)
        known = sa.select(offered.c.site).where(offered.c.run == number, offered.c.site == site)
        with reading(self._engine) as connection:
            if connection.scalar(known) is None:
                return None
            return [json.loads(body) for body in connection.scalars(query.order_by(offers.c.n).limit(limit))]

    def shortage(self, number: int, site: str) -> int:
        """Return the required person-shifts a site is short of."""
        table = published["coverage"]
        part = sa.select(published["sites"].c.part).where(
            published["sites"].c.run == number, published["sites"].c.site == site
        )
        query = sa.select(sa.func.sum(table.c.shortage)).where(
            table.c.run == number, table.c.part == part.scalar_subquery(), table.c.site == site
        )
        with reading(self._engine) as connection:
            return int(connection.scalar(query) or 0)

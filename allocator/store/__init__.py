"""Store: published runs, access tokens and reported events, in SQLite or PostgreSQL.

store = Store("sqlite:///allocator.db")
run, new = store.runs.publish(Path("runs/monday"))
store.rows.page(run.number, "assignments", district="xishan", given={"day": "2020-02-05"})
"""

from __future__ import annotations

import sqlalchemy as sa

from allocator.store.engine import engine, reading
from allocator.store.events import Event, Events, KeyUsedError, MisfitError
from allocator.store.offers import Offers
from allocator.store.rows import Page, Place, Rows, filters
from allocator.store.runs import CURRENT, Run, Runs
from allocator.store.schema import SERVED, organizers_only
from allocator.store.tokens import Token, Tokens

__all__ = [
    "CURRENT",
    "SERVED",
    "Event",
    "KeyUsedError",
    "MisfitError",
    "Page",
    "Place",
    "Run",
    "Store",
    "Token",
    "filters",
    "organizers_only",
]


class Store:
    """One database; safe to use from several threads and processes at once."""

    def __init__(self, url: str | None = None):
        """Open it; raises `InputError` where it cannot be reached."""
        self._engine = engine(url)
        self.runs = Runs(self._engine)
        self.rows = Rows(self._engine)
        self.tokens = Tokens(self._engine)
        self.events = Events(self._engine)
        self.offers = Offers(self._engine)

    @property
    def kind(self) -> str:
        """Which database it is: `sqlite` or `postgresql`."""
        return self._engine.dialect.name

    def ping(self) -> None:
        """Raise `sqlalchemy.exc.DBAPIError` where the database does not answer."""
        with reading(self._engine) as connection:
            connection.execute(sa.text("SELECT count(*) FROM current"))

    def close(self) -> None:
        self._engine.dispose()

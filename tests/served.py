"""A published run and its tables, for tests of what is served."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from allocator.store import Store

Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Served:
    """A store with one run in force, its folder, and the secrets of tokens by owner ('' organizers)."""

    url: str
    folder: Path
    secrets: Mapping[str, str]

    def rows(self, name: str) -> Rows:
        """A table of the run folder, all cells as text."""
        path = self.folder / f"{name}.csv"
        path = path if path.exists() else self.folder / "context" / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def sites(self) -> dict[str, dict[str, str]]:
        return {row["site"]: row for row in self.rows("sites")}

    def district(self, site: str) -> str:
        return self.sites[site]["district"]

    @cached_property
    def posted(self) -> dict[str, str]:
        """Cadre -> district of the posting."""
        return {row["cadre"]: self.district(row["site"]) for row in self.rows("postings")}


def publish(folder: Path, url: str) -> Served:
    """Publish a run into a new database and make a token for the organizers and for each district."""
    store = Store(url)
    store.runs.publish(folder)
    districts = store.runs.districts(store.runs.get().number)  # type: ignore[union-attr]
    secrets = {owner: store.tokens.create(owner or None)[1] for owner in ("", *districts)}
    store.close()
    return Served(url, folder, secrets)

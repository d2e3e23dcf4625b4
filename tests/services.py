"""A service for tests: two published runs of the small scenario, a token for everyone, a client."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import python_calamine
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from allocator import offers, runs
from allocator.store import Store
from api import create_app

LIMITLESS = {"rate": 0, "failures": 0, "freshness": 0, "log": False}


@dataclass(frozen=True)
class Service:
    """A running service and what a tester may know of it."""

    app: Any
    store: Store
    tokens: Mapping[str, str]
    """District or `organizers` -> token."""

    def client(self) -> FlaskClient:
        return self.app.test_client()  # type: ignore[no-any-return]

    def get(self, path: str, who: str | None = "organizers", **headers: str) -> TestResponse:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            given["Authorization"] = f"Bearer {self.tokens[who]}"
        return self.client().get(path, headers=given)

    def post(self, body: Any, who: str = "north", key: str = "k", **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.tokens[who]}", "Idempotency-Key": key}
        return self.client().post("/events", json=body, headers=headers, **more)

    def document(self) -> dict[str, Any]:
        found = self.client().get("/openapi.json").get_json()
        assert isinstance(found, dict)
        return found

    def records(self, table: str, who: str = "organizers", query: str = "") -> list[dict[str, Any]]:
        found = self.get(f"/plans/current/{table}?{query}", who)
        assert found.status_code == 200, found.text
        rows: list[dict[str, Any]] = found.get_json()["rows"]
        return rows


def service(url: str, run: Path, **config: Any) -> Service:
    """Publish a run twice and serve it."""
    app = create_app({"db": url, **LIMITLESS, **config})
    store: Store = app.extensions["allocator"]
    for name in ("monday", "tuesday"):
        made, _ = store.runs.publish(run, name)
        offer(store, made.number, run)
    owners = ["organizers", *store.runs.districts(made.number)]
    tokens = {o: store.tokens.create(None if o == "organizers" else o)[1] for o in owners}
    return Service(app, store, tokens)


def offer(store: Store, number: int, run: Path) -> None:
    """Work out the candidates of a published run, as `allocator publish` does."""
    scenario, plan = runs.load(run)
    for site, rows in offers.worked_out(scenario, plan, offers.places(plan), 4):
        store.offers.put(number, site, rows)


def cells(response: TestResponse) -> str:
    """Everything an answer says, as text: a workbook's cells too, and its headers."""
    head = "\n".join(f"{k}: {v}" for k, v in response.headers.items())
    if response.mimetype.endswith("sheet"):
        with python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(response.data)) as book:
            sheets = [book.get_sheet_by_name(n).to_python() for n in book.sheet_names]
        return head + "\n".join(str(c) for s in sheets for row in s for c in row)
    unfolded = response.data.replace(b"\r\n ", b"")
    return head + unfolded.decode()


def combinations(choices: Mapping[str, list[str]], most: int) -> Iterator[dict[str, str]]:
    """Every way to give up to `most` of some parameters a value."""
    for size in range(most + 1):
        for names in itertools.combinations(choices, size):
            for values in itertools.product(*(choices[n] for n in names)):
                yield dict(zip(names, values, strict=True))



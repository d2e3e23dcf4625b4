"""The service keeps to its OpenAPI document, whatever it is sent: schemathesis over all of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import waitress
from conftest import ROOT
from services import Service, service

EXAMPLES = 8
COMMAND = "from schemathesis.cli import schemathesis; schemathesis()"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, small_run: Path) -> Iterator[Service]:
    made = service(f"sqlite:///{tmp_path_factory.mktemp('contract')}/store.db", small_run)
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def address(served: Service) -> Iterator[str]:
    """The service on a port of its own."""
    server = waitress.create_server(served.app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(10)


def known(served: Service) -> dict[str, list[str]]:
    """Parameter -> values that exist."""
    found: dict[str, list[str]] = {}
    for table in ("assignments", "shipments", "kits", "supply"):
        for row in served.records(table, query="limit=5"):
            for name, value in row.items():
                found.setdefault(name, []).append(str(value))
    first = served.records("postings", "north")[0]
    kept = served.post({"kind": "absence", "cadre": first["cadre"], "first_day": first["first_day"]})
    assert kept.status_code in (200, 201)
    found["place"] = found["site"]
    fixed = {"run": ["current", "monday"], "district": ["north", "south"], "event": ["E1"], "since": ["monday"]}
    return {name: found[name] for name in ("site", "place", "cadre", "day", "item", "duty", "shift")} | fixed


@pytest.mark.parametrize("who", ["organizers", "north"])
def test_no_request_gets_an_answer_the_document_does_not_have(
    served: Service, address: str, tmp_path: Path, who: str
) -> None:
    """No 5xx, no undocumented status or media type, no body against its schema, no malformed request taken."""
    (tmp_path / "known.json").write_text(json.dumps(known(served)), encoding="utf-8")
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "contract",
        "ALLOCATOR_KNOWN": str(tmp_path / "known.json"),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)]),
    }
    options = ["--max-examples", str(EXAMPLES), "--seed", "7", "--no-color", "--suppress-health-check", "all"]
    options += ["-H", f"Authorization: Bearer {served.tokens[who]}"]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "run", f"{address}/openapi.json", *options],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    operations = sum(len(item) for item in served.document()["paths"].values())
    assert f"{operations} selected / {operations} total" in done.stdout
    generated = re.search(r"(\d+) generated", done.stdout)
    assert generated
    assert int(generated.group(1)) > 20 * operations


def test_the_document_is_openapi_31_and_names_every_path(served: Service) -> None:
    found = served.document()
    assert found["openapi"].startswith("3.1")
    rules = {
        rule.rule.replace("<", "{").replace(">", "}")
        for rule in served.app.url_map.iter_rules()
        if not rule.endpoint.startswith(("static", "pages."))
    }
    assert rules - {"/", "/docs", "/openapi.json"} == set(found["paths"])


def test_every_path_but_one_wants_a_token(served: Service) -> None:
    for path, item in served.document()["paths"].items():
        for operation in item.values():
            assert ("401" in operation["responses"]) == (path != "/healthz")
            assert ("security" in operation) == (path != "/healthz")
            assert operation["summary"]

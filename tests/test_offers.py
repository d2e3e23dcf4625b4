"""Candidates over HTTP: those of the command line, a district's own to a district, worked out once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from services import Service, service

from allocator import offers, runs
from allocator.candidates import candidates_for
from allocator.scenario import Scenario, write
from allocator.store import Store

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, small_run: Path) -> Iterator[Service]:
    made = service(f"sqlite:///{tmp_path_factory.mktemp('offers')}/store.db", small_run)
    yield made
    made.store.close()


def asked(served: Service, site: str, who: str = "organizers", query: str = "") -> dict[str, Any]:
    answer = served.get(f"/sites/{site}/candidates{query}", who)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def short(run: Path) -> list[str]:
    found = offers.places(runs.load(run)[1])
    assert len(found) >= 3
    return found


def test_organizers_get_what_the_command_line_says(served: Service, small_run: Path) -> None:
    scenario, plan = runs.load(small_run)
    for site in short(small_run):
        found = asked(served, site, query="?limit=4")
        wanted = candidates_for(scenario, plan, site, 4)
        assert [c["cadre"] for c in found["candidates"]] == wanted["cadre"].tolist()
        assert [c["origin"] for c in found["candidates"]] == wanted["from"].tolist()
        for column in ("change", "gained_here", "lost_there", "travel", "moving", "fairness", "supply"):
            assert [c[column] for c in found["candidates"]] == pytest.approx(wanted[column].tolist())
        coverage = plan.table("coverage")
        assert found["shortage"] == coverage.loc[coverage["site"] == site, "shortage"].sum() > 0
        assert found["worked_out"]


def test_a_district_is_told_of_its_own_alone_and_of_enough_of_them(served: Service, small_run: Path) -> None:
    scenario, plan = runs.load(small_run)
    home = dict(scenario.table("sites")[["site", "district"]].itertuples(index=False, name=None))
    at = {c: home[s] for c, s in plan.table("postings")[["cadre", "site"]].itertuples(index=False, name=None)}
    told = 0
    for site in short(small_run):
        everybody = candidates_for(scenario, plan, site, 1000)["cadre"].tolist()
        own = [c for c in everybody if at.get(c) == home[site]]
        found = asked(served, site, home[site])["candidates"]
        assert [c["cadre"] for c in found][:4] == own[:4]
        assert {at[c["cadre"]] for c in found} <= {home[site]}
        told += len(found)
    assert told > 3


def test_what_a_reader_may_not_see_does_not_exist(served: Service) -> None:
    site = served.records("sites", "south")[0]["site"]
    answers = [
        served.get(f"/sites/{place}/candidates", "north", X_Request_Id="same") for place in (site, "nowhere")
    ]
    assert answers[0].status_code == 404
    assert answers[0].data == answers[1].data
    assert served.get(f"/sites/{site}/candidates", None).status_code == 401


@pytest.fixture
def calm(allocator: Run, tmp_path: Path, small: Scenario) -> Path:
    """A plan of the small scenario where nobody is asked for at S11."""
    demand = small.table("demand")
    write(small.change(demand=demand[demand["site"] != "S11"]), tmp_path / "fewer")
    result = allocator("solve", tmp_path / "fewer", "--out", tmp_path / "calm", "--seconds", "5")
    assert result.exit_code == 0, result.output
    return tmp_path / "calm"


def test_a_place_that_is_not_short_has_none(calm: Path, tmp_path: Path) -> None:
    served = service(f"sqlite:///{tmp_path}/store.db", calm)
    assert "S11" in {row["site"] for row in served.records("sites")}
    assert "S11" not in short(calm)
    assert asked(served, "S11") == {
        "run": "tuesday", "site": "S11", "shortage": 0, "worked_out": False, "candidates": []
    }  # fmt: skip
    served.store.close()


def test_an_answer_that_is_known_is_not_sent_again(served: Service, small_run: Path) -> None:
    path = f"/sites/{short(small_run)[0]}/candidates"
    tag = served.get(path).headers["ETag"]
    assert served.get(path, If_None_Match=tag).status_code == 304
    assert served.get(path + "?limit=1", If_None_Match=tag).status_code == 200
    assert served.get(path + "?most=1").status_code == 422


def test_no_run_no_candidates(tmp_path: Path) -> None:
    from api import create_app

    app = create_app({"db": f"sqlite:///{tmp_path}/store.db", "log": False})
    store: Store = app.extensions["allocator"]
    _, secret = store.tokens.create(None)
    answer = app.test_client().get("/sites/S01/candidates", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 404
    store.close()


# ---- publishing


def test_publish_goes_on_where_it_was(
    allocator: Run, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOCATOR_DB", f"sqlite:///{tmp_path}/store.db")
    wanted = short(small_run)
    first = json.loads(allocator("publish", small_run, "--json").stdout)
    assert first["offered"] == 0
    with closing(Store(f"sqlite:///{tmp_path}/store.db")) as store:
        number = store.runs.named("small").number
        assert store.offers.done(number) == set()
        store.offers.put(number, wanted[1], [])
        again = json.loads(allocator("publish", small_run, "--candidates", "10", "--json").stdout)
        assert again["offered"] == len(wanted) - 1
        assert store.offers.done(number) == set(wanted)
        assert store.offers.of(number, wanted[1]) == [], "what is there is not done again"
        assert len(store.offers.of(number, wanted[0]) or ()) > 0
        assert json.loads(allocator("publish", small_run, "--candidates", "10", "--json").stdout)["offered"] == 0
        allocator("publish", small_run, "--name", "other", "--candidates", "1")
        assert allocator("runs", "remove", "small").exit_code == 0
        assert store.offers.done(number) == set()


def test_a_run_without_its_scenario_is_published_without_candidates(
    allocator: Run, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOCATOR_DB", f"sqlite:///{tmp_path}/store.db")
    shutil.copytree(small_run, tmp_path / "lone")
    shutil.rmtree(tmp_path / "lone" / "scenario")
    result = allocator("publish", tmp_path / "lone", "--candidates", "10")
    assert result.exit_code == 0
    assert "lone is in force" in result.stdout
    assert "is not worked out" in result.stderr


def test_processes_make_no_difference(small_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, plan = runs.load(small_run)
    sites = offers.places(plan)
    monkeypatch.setattr(offers, "FEW", 0)
    monkeypatch.setattr(offers, "AT_ONCE", 2)
    apart = dict(offers.worked_out(scenario, plan, sites, 3, 2))
    assert apart == dict(offers.worked_out(scenario, plan, sites, 3, 1))
    assert set(apart) == set(sites)

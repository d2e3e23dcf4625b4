"""A district's token against everything another district has: nothing of it may come out.

Paths, parameters, formats and runs are taken from the OpenAPI document, so a path that is added is
tried too. Values of the parameters are those of the other district; page tokens are those that the
organizers and the other district were given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from databases import bodies, opened
from services import Service, cells, combinations, service

ME, OTHER = "north", "south"
VALUES = 2
"""Values of the other district that each filter is given."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, small_run: Any
) -> Iterator[Service]:
    with opened(request, tmp_path_factory.mktemp("access")) as url:
        made = service(url, small_run)
        for who in (ME, OTHER):
            _report(made, who)
        yield made
        made.store.close()


def _report(made: Service, who: str) -> None:
    run = made.store.runs.get()
    assert run is not None
    site = made.store.rows.page(run.number, "sites", who).records()[0]["site"]
    for n, (kind, body) in enumerate(bodies(made.store, run).values()):
        posted = made.store.rows.page(run.number, "postings", who).records()[0]["cadre"]
        mine = body | ({"place": site} if "place" in body else {}) | ({"cadre": posted} if "cadre" in body else {})
        assert made.post({"kind": kind, **mine}, who, f"{who}-{n}").status_code == 201


def secrets(made: Service) -> set[str]:
    """Codes and names that are the other district's alone: its sites, depot, cadres, itself."""
    found = set()
    for run in made.store.runs.all():
        for table in ("sites", "depots", "cadres", "districts"):
            mine = {r[0] for r in made.store.rows.page(run.number, table, ME).rows}
            for record in made.store.rows.page(run.number, table, given={"district": OTHER}).records():
                code = next(iter(record.values()))
                assert code not in mine
                found |= {code, record.get("name", code)}
    return {code for code in found if code}


def leaks(text: str, hidden: re.Pattern[str]) -> set[str]:
    return set(hidden.findall(text))


def pattern(made: Service) -> re.Pattern[str]:
    words = sorted(secrets(made), key=len, reverse=True)
    assert len(words) > 15
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, words))})(?![\w-])")


def parameters(made: Service, path: str, operation: dict[str, Any]) -> dict[str, list[str]]:
    """Query parameter -> values of the other district, read from the table the path serves."""
    table = re.sub(r"\.\w+$", "", path.rsplit("/", 1)[-1])
    run = made.store.runs.get()
    assert run is not None
    choices: dict[str, list[str]] = {}
    for parameter in operation.get("parameters", []):
        name = parameter["name"]
        if parameter["in"] != "query" or name in ("limit", "next"):
            continue
        choices[name] = [OTHER] if name == "district" else _values(made, run.number, table, name)
    return choices


def _values(made: Service, number: int, table: str, word: str) -> list[str]:
    from allocator.store import filters

    if word == "since":
        return ["monday"]
    column = filters(table)[word]
    there = {"district": OTHER} if "district" in filters(table) else {}
    rows = made.store.rows.page(number, table, given=there).records()
    return sorted({str(row[column]) for row in rows})[:VALUES] or ["x"]


def pages(made: Service, path: str) -> list[str]:
    """Page tokens that organizers and the other district were given for this path."""
    found = []
    for who in ("organizers", OTHER):
        for query in ("limit=1", f"limit=1&district={OTHER}"):
            answer = made.get(f"{path}?{query}", who)
            token = re.search(r"[?&]next=([^>&]+)>", answer.headers.get("Link", ""))
            found += [token.group(1)] if token else []
    return found


def requests(made: Service) -> Iterator[tuple[str, str]]:
    """Every path and query with every form its answer can have."""
    runs = ["current", *(run.run for run in made.store.runs.all())]
    events = [event.code for event in made.store.events.all()]
    sites = [row["site"] for row in made.records("sites")]
    for template, item in made.document()["paths"].items():
        for method, operation in item.items():
            if method != "get":
                continue
            fill = {"run": runs, "event": events, "site": sites}
            names = re.findall(r"{(\w+)}", template)
            for values in combinations({n: fill[n] for n in names}, len(names)):
                if len(values) == len(names):
                    yield from _queries(made, template.format(**values), operation)


def _queries(made: Service, path: str, operation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    media = list(operation["responses"]["200"]["content"])
    choices = parameters(made, path, operation)
    thorough = made.store.kind == "sqlite" and "/current/" in path
    queries = list(combinations(choices, 2 if thorough else 1))
    paged = any(p["name"] == "next" for p in operation.get("parameters", []))
    for token in pages(made, path) if paged else []:
        queries += [{"next": token}, {"next": token, "limit": "1"}, {"next": token, "district": OTHER}]
    for query in queries:
        url = f"{quote(path)}?{urlencode(query, safe='%')}"
        # workbooks take long to make, from the same rows: only a few of them
        few = not query or query.keys() in ({"site"}, {"cadre"}, {"district"})
        yield from ((url, m) for m in media if few or not m.endswith("sheet"))


def test_no_row_of_another_district_comes_out(served: Service) -> None:
    hidden = pattern(served)
    tried, statuses, found = 0, set(), []
    for url, media in requests(served):
        answer = served.get(url, ME, Accept=media)
        tried += 1
        statuses.add(answer.status_code)
        if answer.status_code == 200:
            found += [(url, media, word) for word in leaks(cells(answer), hidden)]
        else:
            asked = set(leaks(url, hidden))
            found += [(url, media, word) for word in leaks(cells(answer), hidden) - asked]
    assert found == []
    assert tried > (2500 if served.store.kind == "sqlite" else 1500), tried
    assert {200, 403, 404} <= statuses <= {200, 403, 404, 422}


def test_the_search_for_leaks_finds_them(served: Service) -> None:
    """The same requests with the organizers' token: nearly every word that must not come out does."""
    hidden = pattern(served)
    seen: set[str] = set()
    for url, media in requests(served):
        if "?" in url and url.endswith("?"):
            seen |= leaks(cells(served.get(url, "organizers", Accept=media)), hidden)
    assert seen == set(secrets(served))


def test_a_district_gets_all_of_its_own(served: Service) -> None:
    run = served.store.runs.get()
    assert run is not None
    for table, count in served.store.runs.counts(run.number, ME).items():
        answer = served.get(f"/plans/current/{table}.csv", ME)
        if answer.status_code == 403:
            assert count == 0
            continue
        assert len(answer.text.splitlines()) == count + 1
    assert len(served.get("/events", ME).get_json()["events"]) == 5


def test_the_other_district_and_one_that_does_not_exist_are_told_alike(served: Service) -> None:
    site = served.records("sites", OTHER)[0]["site"]
    cadre = served.records("postings", OTHER)[0]["cadre"]
    pairs = [
        (f"sites?district={OTHER}", "sites?district=nowhere"),
        (f"assignments?site={site}", "assignments?site=nowhere"),
        (f"assignments.xlsx?cadre={cadre}", "assignments.xlsx?cadre=nobody"),
    ]
    for there, nowhere in pairs:
        answers = [served.get(f"/plans/current/{path}", ME, X_Request_Id="same") for path in (there, nowhere)]
        assert answers[0].status_code in (403, 404)
        assert answers[0].status_code == answers[1].status_code
        assert answers[0].data == answers[1].data
        assert answers[0].headers == answers[1].headers


@pytest.mark.parametrize("secret", ["", "x", "Bearer", "é", "a" * 5000, "' OR 1=1 --", "\x7f"])
def test_every_path_answers_a_bad_token_alike(served: Service, secret: str) -> None:
    for template, item in served.document()["paths"].items():
        if template == "/healthz":
            continue
        for method in item:
            path = template.format(run="current", event="E1", site="S01")
            answer = served.client().open(
                path, method=method.upper(), headers={"Authorization": f"Bearer {secret}", "X-Request-Id": "same"}
            )
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.get_json()["detail"] == "send the header 'Authorization: Bearer TOKEN'"


def test_a_revoked_token_and_other_schemes_are_refused(served: Service) -> None:
    made, secret = served.store.tokens.create(ME)
    client = served.client()
    assert client.get("/plans", headers={"Authorization": f"bearer {secret}"}).status_code == 200
    assert client.get("/plans", headers={"Authorization": f"Basic {secret}"}).status_code == 401
    assert client.get("/plans", headers={"Authorization": secret}).status_code == 401
    served.store.tokens.revoke(made.id)
    assert client.get("/plans", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


def test_a_token_of_a_district_without_anything_reads_nothing(served: Service) -> None:
    hidden = pattern(served)
    _, secret = served.store.tokens.create("west")
    for path in ("/plans/current/assignments", "/plans/current/sites.csv", "/events", "/plans/current"):
        answer = served.client().get(path, headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 200
        assert leaks(cells(answer), hidden) == set()


def test_blank_and_starred_districts_read_nothing_of_the_city(served: Service) -> None:
    """The marks of the city's and everybody's rows are no districts."""
    for mark in ("*", ""):
        assert served.get(f"/plans/current/shipments?district={quote(mark)}", ME).status_code in (403, 422)

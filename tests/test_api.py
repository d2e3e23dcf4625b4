"""The service as its callers see it: forms, pages, tags, compression, limits, problems, logs."""

from __future__ import annotations

import csv
import gzip
import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from databases import opened
from services import Service, service

from allocator.service import access, log
from allocator.service.answers import Answer, Shelf
from allocator.service.problem import TITLES
from allocator.store import SERVED, Store
from api import SETTINGS, create_app

PROBLEM = {"type", "title", "status", "detail", "request_id", "problems"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, small_run: Path
) -> Iterator[Service]:
    with opened(request, tmp_path_factory.mktemp("api")) as url:
        made = service(url, small_run)
        yield made
        made.store.close()


@pytest.fixture
def lonely(tmp_path: Path, small_run: Path) -> Iterator[Service]:
    """A service of its own for tests that change it."""
    made = service(f"sqlite:///{tmp_path}/store.db", small_run)
    yield made
    made.store.close()


def is_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    found: dict[str, Any] = answer.get_json()
    assert found.keys() == PROBLEM
    assert (found["status"], found["title"]) == (status, TITLES[status])
    assert found["request_id"] == answer.headers["X-Request-Id"]
    return found


# ---- forms


@pytest.mark.parametrize("table", SERVED)
def test_json_and_csv_hold_the_same_rows(served: Service, table: str) -> None:
    rows = served.get(f"/plans/current/{table}?limit=10000").get_json()["rows"]
    for answer in (served.get(f"/plans/current/{table}.csv"), served.get(f"/plans/current/{table}", Accept="text/csv")):
        assert answer.content_type == "text/csv; charset=utf-8"
        found = list(csv.DictReader(io.StringIO(answer.text)))
        assert found == [{k: str(v) for k, v in row.items()} for row in rows]
    assert len(rows) == served.get("/plans/current").get_json()["tables"][table]


def test_pages_put_together_are_the_table(served: Service) -> None:
    for suffix in ("", ".csv"):
        url: str | None = f"/plans/current/assignments{suffix}?limit=9&district=north"
        found: list[str] = []
        while url:
            answer = served.get(url, "north")
            link = re.search("<(.+)>", answer.headers.get("Link", ""))
            if suffix:
                found += answer.text.splitlines()[1:]
            else:
                found += [",".join(row.values()) for row in answer.get_json()["rows"]]
                assert (answer.get_json()["next"] is None) == (link is None)
            url = link.group(1) if link else None
        whole = served.get("/plans/monday/assignments.csv", "north").text.splitlines()[1:]
        assert found == whole


def test_a_page_token_stays_with_its_run_when_another_is_put_in_force(lonely: Service) -> None:
    first = lonely.get("/plans/current/postings?limit=3").get_json()
    assert first["run"] == "tuesday"
    lonely.store.runs.use("monday")
    following = lonely.get(f"/plans/current/postings?limit=3&next={first['next']}").get_json()
    assert following["run"] == "tuesday"
    assert lonely.get("/plans/current/postings?limit=3").get_json()["run"] == "monday"


@pytest.mark.parametrize("token", ["x", "é", "bm9uZQ", "W10", "WzEsMiwzLDQsNSw2XQ", "A" * 100])
def test_a_page_token_that_is_none(served: Service, token: str) -> None:
    is_problem(served.get(f"/plans/current/postings?next={token}"), 404)


def test_a_page_token_goes_with_its_table_filters_and_run(served: Service) -> None:
    token = served.get("/plans/tuesday/postings?limit=1").get_json()["next"]
    for path in ("tuesday/assignments", "tuesday/postings?district=north&", "monday/postings"):
        is_problem(served.get(f"/plans/{path}{'' if path.endswith('&') else '?'}next={token}"), 404)


def test_a_workbook_opened_again_holds_every_assignment(served: Service) -> None:
    answer = served.get("/plans/current/assignments.xlsx", "north")
    assert 'filename="roster-tuesday.xlsx"' in answer.headers["Content-Disposition"]
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    assert sheet is not None
    title, heads, *rows = sheet.iter_rows(values_only=True)
    assert title[0] == "小例子:12个点位、20名干部、7天 · 城北区"
    at = {str(head).split("\n")[1]: k for k, head in enumerate(heads)}
    assert sheet.freeze_panes == "A3"
    codes = [at[name] for name in ("cadre", "day", "shift", "site code", "duty code")]
    found = {tuple(str(row[k])[:10] if k == at["day"] else row[k] for k in codes) for row in rows}
    wanted = ("cadre", "day", "shift", "site", "duty")
    assert found == {tuple(row[name] for name in wanted) for row in served.records("assignments", "north")}
    names = {row["site"]: row["name"] for row in served.records("sites", "north")}
    offices = {row["cadre"]: row["office"] for row in served.records("cadres", "north")}
    for row in rows:
        assert row[at["site"]] == names[str(row[at["site code"]])]
        assert row[at["office"]] == offices[str(row[at["cadre"]])]


def test_a_calendar_holds_every_shift_of_a_cadre(served: Service) -> None:
    own = served.records("assignments", "north")
    cadre = own[0]["cadre"]
    answer = served.get(f"/plans/current/assignments.ics?cadre={cadre}", "north")
    assert answer.content_type == "text/calendar; charset=utf-8"
    lines = answer.data.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    text = answer.data.replace(b"\r\n ", b"").decode()
    shifts = {s["id"]: s for s in served.get("/plans/current").get_json()["shifts"]}
    expected = sorted(
        f"{row['day'].replace('-', '')}T{shifts[row['shift']]['start'].replace(':', '')}00"
        for row in own
        if row["cadre"] == cadre
    )
    assert re.findall(r"DTSTART:(\S+)", text) == expected
    for begins, ends in zip(re.findall(r"DTSTART:(\S+)", text), re.findall(r"DTEND:(\S+)", text), strict=True):
        assert (datetime.fromisoformat(ends) - datetime.fromisoformat(begins)).seconds == 8 * 3600
    assert len(set(re.findall(r"UID:(.+)", text))) == len(expected)
    assert text.count("BEGIN:VEVENT") == text.count("END:VEVENT") == len(expected)


def test_accept_chooses_the_form(served: Service) -> None:
    path = "/plans/current/assignments"
    assert served.get(path, Accept="*/*").mimetype == "application/json"
    assert served.get(path, Accept="text/calendar").mimetype == "text/calendar"
    assert served.get(path, Accept="text/csv;q=0.9, application/json;q=0.1").mimetype == "text/csv"
    is_problem(served.get(path, Accept="image/png"), 406)
    is_problem(served.get("/plans/current/items", Accept="text/calendar"), 406)


# ---- what is told to whom


def test_the_worth_of_a_plan_is_told_to_organizers_alone(served: Service) -> None:
    whole = served.get("/plans/current").get_json()
    part = served.get("/plans/current", "north").get_json()
    told = ("objective", "bound", "gap", "terms", "kpis", "certificates")
    assert all(whole[name] is not None for name in told)
    assert all(part[name] is None for name in told)
    assert 0 < part["tables"]["assignments"] < whole["tables"]["assignments"]
    assert [plan["run"] for plan in served.get("/plans", "north").get_json()["plans"]] == ["tuesday", "monday"]


def test_what_is_misspelt_is_not_answered_with_everything(served: Service) -> None:
    assert is_problem(served.get("/plans/current/assignments?distrct=north"), 422)["problems"][0]["field"] == "distrct"
    is_problem(served.get("/plans/current/assignments?district=nroth"), 404)
    is_problem(served.get("/plans/current/assignments?site=S99"), 404)
    for query in ("day=2020-2-5", "day=5", "limit=0", "limit=10001", "limit=x", "site=", "site=%00", "day=20200205"):
        is_problem(served.get(f"/plans/current/assignments?{query}"), 422)


@pytest.mark.parametrize("path", ["/nothing", "/plans/none", "/plans/no%00ne/postings", "/plans/current/none"])
def test_paths_and_runs_that_are_not_there(served: Service, path: str) -> None:
    is_problem(served.get(path), 404)


def test_other_methods_are_named(served: Service) -> None:
    answer = served.client().delete("/plans", headers={"Authorization": f"Bearer {served.tokens['north']}"})
    is_problem(answer, 405)
    assert "GET" in answer.headers["Allow"]


# ---- tags, compression


def test_an_answer_is_sent_once(served: Service) -> None:
    for path in ("/plans", "/plans/current", "/plans/current/supply", "/plans/current/supply.csv?item=mask"):
        first = served.get(path)
        tag = first.headers["ETag"]
        for given in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
            again = served.get(path, If_None_Match=given)
            assert (again.status_code, again.data) == (304, b""), given
            assert again.headers["ETag"] == tag
        assert served.get(path, If_None_Match='"other"').data == first.data
        assert (served.get(path, "north").headers["ETag"] == tag) == (path == "/plans")


def test_the_tag_of_the_run_in_force_changes_with_it(lonely: Service) -> None:
    tag = lonely.get("/plans/current/postings").headers["ETag"]
    assert lonely.get("/plans/tuesday/postings").headers["ETag"] == tag
    lonely.store.runs.use("monday")
    answer = lonely.get("/plans/current/postings", If_None_Match=tag)
    assert answer.status_code == 200
    assert answer.get_json()["run"] == "monday"


def test_a_removed_run_is_gone_though_its_answers_were_kept(lonely: Service) -> None:
    assert lonely.get("/plans/monday/postings").status_code == 200
    lonely.store.runs.remove("monday")
    is_problem(lonely.get("/plans/monday/postings"), 404)


def test_compressed_answers_are_the_same(served: Service) -> None:
    for _ in range(2):
        plain = served.get("/plans/current/supply")
        packed = served.get("/plans/current/supply", Accept_Encoding="gzip, br")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.data) == plain.data
        assert len(packed.data) < len(plain.data) / 4
        assert "Content-Encoding" not in plain.headers
        assert "Accept-Encoding" in plain.headers["Vary"]
    refused = served.get("/plans/current/supply", Accept_Encoding="gzip;q=0")
    assert "Content-Encoding" not in refused.headers


def test_answers_are_kept_up_to_a_size() -> None:
    shelf = Shelf(4000)
    for n in range(6):
        shelf.put(n, Answer(bytes(900), "text/csv", "t"))
        shelf.get(2)
    assert [n for n in range(6) if shelf.get(n)] == [2, 3, 4, 5]
    shelf.put("large", Answer(bytes(2000), "text/csv", "t"))
    assert shelf.get("large") is None


# ---- events


def test_a_report_is_kept_once_and_read_by_its_district(lonely: Service) -> None:
    cadre = lonely.records("postings", "north")[0]["cadre"]
    body = {"kind": "absence", "cadre": cadre, "first_day": "2020-02-05"}
    first, again = lonely.post(body), lonely.post(body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json() == again.get_json()
    assert first.get_json()["district"] == "north"
    assert lonely.get(first.headers["Location"], "north").get_json() == first.get_json()
    is_problem(lonely.get(first.headers["Location"], "south"), 404)
    is_problem(lonely.post(body | {"last_day": "2020-02-06"}), 409)
    other = lonely.post(body, key="k2", who="south")
    assert is_problem(other, 409)["problems"][0]["field"] == "body.cadre"


def test_reports_are_paged_and_exported(lonely: Service) -> None:
    cadre = lonely.records("postings", "north")[0]["cadre"]
    for n in range(5):
        body = {"kind": "absence", "cadre": cadre, "first_day": f"2020-02-0{n + 3}"}
        assert lonely.post(body, key=f"k{n}").status_code == 201
    page = lonely.get("/events?limit=2").get_json()
    rest = lonely.get(f"/events?limit=9&next={page['next']}").get_json()
    assert [e["event"] for e in page["events"] + rest["events"]] == ["E1", "E2", "E3", "E4", "E5"]
    assert rest["next"] is None
    rows = list(csv.DictReader(io.StringIO(lonely.get("/events", Accept="text/csv").text)))
    assert [row["first_day"] for row in rows] == [f"2020-02-0{n + 3}" for n in range(5)]
    assert lonely.get("/events?since=tuesday").get_json()["events"] == page["events"] + rest["events"]
    is_problem(lonely.get("/events?since=never"), 404)
    is_problem(lonely.get("/events?next=x"), 404)


BAD_BODIES: list[tuple[bytes, int]] = [
    (b"", 422),
    (b"{", 422),
    (b"[]", 422),
    (b"null", 422),
    (b'"text"', 422),
    (b'{"kind": "party"}', 422),
    (b'{"kind": "absence", "cadre": "C01"}', 422),
    (b'{"kind": "absence", "cadre": 7, "first_day": "2020-02-05"}', 422),
    (b'{"kind": "absence", "cadre": "C01", "first_day": "tomorrow"}', 422),
    (b'{"kind": "absence", "cadre": "C01", "first_day": "2020-02-05", "diagnosis": "x"}', 422),
    (b'{"kind": "absence", "cadre": "\\ud800", "first_day": "2020-02-05"}', 422),
    (b'{"kind": "absence", "cadre": "\\u0000", "first_day": "2020-02-05"}', 422),
    (b'{"kind": "stock", "place": "S01", "item": "mask", "quantity": true, "first_day": "2020-02-05"}', 422),
    (b'{"kind": "stock", "place": "S01", "item": "mask", "quantity": 1e300, "first_day": "2020-02-05"}', 422),
    (b"[" * 60_000, 422),
    (b" " * 70_000, 413),
]


@pytest.mark.parametrize(("body", "status"), BAD_BODIES, ids=lambda v: str(v)[:60])
def test_bad_reports(served: Service, body: bytes, status: int) -> None:
    headers = {"Authorization": f"Bearer {served.tokens['north']}", "Idempotency-Key": "bad"}
    answer = served.client().post("/events", data=body, content_type="application/json", headers=headers)
    found = is_problem(answer, status)
    assert "C01" not in json.dumps(found)
    assert served.store.events.all() == []


def test_a_report_wants_a_key_and_json(served: Service) -> None:
    headers = {"Authorization": f"Bearer {served.tokens['north']}"}
    found = is_problem(served.client().post("/events", json={}, headers=headers), 422)
    assert found["problems"][0]["field"] == "Idempotency-Key"
    is_problem(served.client().post("/events", data="x", headers=headers | {"Idempotency-Key": "k"}), 415)


# ---- limits, logs, health


def test_work_is_limited_and_answers_that_are_ready_are_not(lonely: Service) -> None:
    app = create_app({"db": str(lonely.store._engine.url), "log": False, "rate": 3, "freshness": 0})
    headers = {"Authorization": f"Bearer {lonely.tokens['north']}"}
    client = app.test_client()
    assert [client.get("/plans/current/postings", headers=headers).status_code for _ in range(20)] == [200] * 20
    statuses = [client.get(f"/plans/current/postings?limit={n}", headers=headers).status_code for n in range(1, 6)]
    assert statuses == [200, 200, 429, 429, 429]
    refused = client.get("/plans", headers=headers)
    is_problem(refused, 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 21
    other = {"Authorization": f"Bearer {lonely.tokens['south']}"}
    assert client.get("/plans", headers=other).status_code == 200
    app.extensions["allocator"].close()


def test_failed_sign_ins_are_limited_and_good_ones_are_not(lonely: Service) -> None:
    app = create_app({"db": str(lonely.store._engine.url), "log": False, "failures": 5, "freshness": 0})
    client = app.test_client()
    statuses = [client.get("/plans", headers={"Authorization": f"Bearer x{n}"}).status_code for n in range(8)]
    assert statuses == [401] * 5 + [429] * 3
    assert client.get("/plans", headers={"Authorization": f"Bearer {lonely.tokens['north']}"}).status_code == 200
    app.extensions["allocator"].close()


def test_a_pace_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(access.time, "monotonic", lambda: clock[0])
    pace = access.Pace(60)
    assert [pace.wait("a") > 0 for _ in range(61)] == [False] * 60 + [True]
    assert pace.wait("b") == 0
    clock[0] += 2.5
    assert [pace.wait("a") > 0 for _ in range(3)] == [False, False, True]


def test_what_is_known_is_asked_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, asked = [0.0], []
    monkeypatch.setattr(access.time, "monotonic", lambda: clock[0])
    fresh: access.Fresh[str] = access.Fresh(1, lambda key: asked.append(key) or (None if key == "no" else key))
    for second in (0.0, 0.9, 1.1):
        clock[0] = second
        assert fresh.get("yes") == "yes"
        assert fresh.get("no") is None
    assert asked == ["yes", "no", "no", "yes", "no"]


def test_the_log_has_a_line_for_each_request_and_nothing_of_a_person(
    lonely: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "allocator.service"):
        cadre = lonely.records("postings", "north")[0]["cadre"]
        answer = lonely.get(f"/plans/current/assignments?cadre={cadre}", "north", X_Request_Id="my-id.7")
        lonely.post({"kind": "absence", "cadre": cadre, "first_day": "2020-02-05"})
        lonely.get("/plans", None)
    lines = [json.loads(record.message) for record in caplog.records if record.name == "allocator.service"]
    assert [line["status"] for line in lines] == [200, 200, 201, 401]
    assert lines[1]["route"] == "/plans/<run>/assignments"
    assert lines[1]["request_id"] == answer.headers["X-Request-Id"] == "my-id.7"
    assert lines[1]["token"] is not None
    assert lines[3]["token"] is None
    text = json.dumps(lines)
    assert cadre not in text
    assert not any(secret in text for secret in lonely.tokens.values())


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "é", "-"])
def test_a_request_id_that_is_none_is_replaced(served: Service, given: str) -> None:
    found = served.get("/plans", X_Request_Id=given).headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{32}", found)


def test_an_error_inside_is_logged_and_tells_nothing(
    lonely: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("C01 is ill")

    monkeypatch.setattr(lonely.store.runs, "all", broken)
    with caplog.at_level(logging.INFO, "allocator.service"):
        found = is_problem(lonely.get("/plans"), 500)
    assert "ill" not in json.dumps(found) + caplog.text
    assert '"kind": "ValueError"' in caplog.text


def test_health_looks_at_the_database(lonely: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lonely.get("/healthz", None).get_json() == {"status": "ok", "database": "ok"}

    def gone() -> None:
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(lonely.store, "ping", gone)
    answer = lonely.get("/healthz", None)
    is_problem(answer, 503)
    assert answer.headers["Retry-After"]


def test_settings_come_from_config_then_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOCATOR_DB", f"sqlite:///{tmp_path}/one.db")
    monkeypatch.setenv("ALLOCATOR_MAX_BODY", "100")
    monkeypatch.setenv("ALLOCATOR_LOG", "0")
    app = create_app({})
    assert (tmp_path / "one.db").exists()
    assert app.config["MAX_CONTENT_LENGTH"] == 100
    other = create_app({"db": f"sqlite:///{tmp_path}/two.db", "max_body": 200})
    assert (tmp_path / "two.db").exists()
    assert other.config["MAX_CONTENT_LENGTH"] == 200
    assert log.LOG.handlers == []
    for made in (app, other):
        made.extensions["allocator"].close()
    assert SETTINGS["log"] is True


def test_the_docs_page_asks_for_nothing_from_outside(served: Service) -> None:
    answer = served.get("/docs", None)
    assert answer.status_code == 200
    assert set(re.findall(r'(?:src|href)="([^"]*)"', answer.text)) == {"/openapi.json"}
    assert "<script" not in answer.text
    for path in served.document()["paths"]:
        assert path in answer.text
    for status in TITLES:
        assert f'id="status-{status}"' in answer.text


def test_a_store_without_a_run(tmp_path: Path) -> None:
    app = create_app({"db": f"sqlite:///{tmp_path}/empty.db", "log": False})
    store: Store = app.extensions["allocator"]
    _, token = store.tokens.create(None)
    headers = {"Authorization": f"Bearer {token}"}
    assert app.test_client().get("/plans", headers=headers).get_json() == {"plans": []}
    is_problem(app.test_client().get("/plans/current/sites", headers=headers), 404)
    body = {"kind": "closure", "place": "S01", "first_day": "2020-02-05"}
    is_problem(app.test_client().post("/events", json=body, headers=headers | {"Idempotency-Key": "k"}), 409)
    store.close()

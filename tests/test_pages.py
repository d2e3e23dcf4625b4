"""Pages for people: the figures are the run's, a district sees its own, forms come from here alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from databases import database
from flask import Flask
from flask.testing import FlaskClient
from served import Served, publish
from test_report import Page
from werkzeug.test import TestResponse

from allocator.pages import pages
from allocator.pages.facts import in_night
from allocator.pages.language import PAGE_WORDS
from allocator.pages.reader import Span
from allocator.service.access import Access
from allocator.store import Store
from allocator.words import KINDS, STATUS, TERMS, TIERS, WORDS
from api import create_app

TODAY = date(2020, 2, 5)
SHIFTS = {"day": (8, 16), "late": (16, 24), "night": (0, 8)}


@pytest.fixture(scope="module")
def served(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Served:
    return publish(small_run, f"sqlite:///{tmp_path_factory.mktemp('pages')}/allocator.db")


@pytest.fixture(scope="module")
def app(served: Served) -> Iterator[Flask]:
    """The pages alone, on a day of the plan."""
    made, store = Flask("pages"), Store(served.url)
    made.register_blueprint(pages(store, Access(store, 0, 0, 0), lambda: TODAY))
    yield made
    store.close()


@pytest.fixture
def signed_in(app: Flask, served: Served) -> Callable[[str], FlaskClient]:
    """A browser that has signed in as a district, or with '' as the organizers."""

    def browser(owner: str) -> FlaskClient:
        client = app.test_client()
        assert sign_in(client, served.secrets[owner]).status_code == 303
        return client

    return browser


def mark(client: FlaskClient) -> str:
    found = re.search(r'name="mark" value="([^"]+)"', client.get("/pages/sign-in").text)
    assert found
    return found.group(1)


def sign_in(client: FlaskClient, secret: str, **headers: str) -> TestResponse:
    form = {"token": secret, "mark": mark(client), "stay": "1"}
    return client.post("/pages/sign-in", data=form, headers=headers)


def text(response: TestResponse) -> str:
    assert response.status_code == 200
    return response.text


def tonight(served: Served, district: str, day: date) -> Counter[str]:
    """Site -> people missing from 20:00 to 04:00, from the CSV files alone."""
    missing = Counter[str]()
    for row in served.rows("coverage"):
        start, end = SHIFTS[row["shift"]]
        offset = 24 * (date.fromisoformat(row["day"]) - day).days
        if served.district(row["site"]) == district and start + offset < 28 and end + offset > 20:
            missing[row["site"]] += int(row["shortage"])
    return +missing


# ---- what a page says


@pytest.mark.parametrize("district", ["north", "south"])
@pytest.mark.parametrize("day", [date(2020, 2, 3), TODAY, date(2020, 2, 9)])
def test_the_gap_of_a_night(
    served: Served, signed_in: Callable[[str], FlaskClient], district: str, day: date
) -> None:
    page = text(signed_in(district).get(f"/pages/district/{district}?day={day}"))
    missing = tonight(served, district, day)
    head = page[: page.index('class="jump')]
    if missing:
        assert f"缺 {missing.total()} 人" in head
        assert f"{len(missing)} 处点位" in head
    else:
        assert "今晚不缺人" in head or "今晚没有需求" in head
    assert {code for code in served.sites if f"/site/{code}?" in head} == set(missing)


def test_some_night_lacks_people(served: Served) -> None:
    """Or the test above would look at nothing."""
    nights = [tonight(served, d, TODAY + timedelta(days=n)) for d in ("north", "south") for n in range(-2, 5)]
    assert sum(n.total() for n in nights) > 1
    assert any(not n for n in nights)


@pytest.mark.parametrize(
    ("start", "end", "offset", "inside"),
    [
        (960, 1440, 0, True),
        (480, 960, 0, False),
        (480, 1200, 0, False),
        (480, 1201, 0, True),
        (0, 480, 0, False),
        (0, 480, 1440, True),
        (239, 600, 1440, True),
        (240, 600, 1440, False),
    ],
)
def test_the_shifts_of_a_night(start: int, end: int, offset: int, inside: bool) -> None:
    assert in_night(Span(start, end - start), offset) is inside


def test_it_opens_on_today_or_the_nearest_day(app: Flask, signed_in: Callable[[str], FlaskClient]) -> None:
    client = signed_in("north")
    assert "今晚 · 2月5日 周三" in client.get("/pages/", follow_redirects=True).text
    for wish, shown in (("2020-01-01", "2月3日"), ("2021-01-01", "2月9日"), ("soon", "2月5日")):
        page = client.get(f"/pages/district/north?day={wish}").text
        assert re.search(rf"<h1>城北区 <span class=\"soft\">{shown}", page)


def test_it_says_so_where_the_plan_does_not_have_today(served: Served) -> None:
    for today, noticed in ((TODAY, False), (date(2020, 2, 10), True), (date(2020, 1, 31), True)):
        app, store = Flask("later"), Store(served.url)
        app.register_blueprint(pages(store, Access(store, 0, 0, 0), lambda today=today: today))
        client = app.test_client()
        sign_in(client, served.secrets["north"])
        assert ("方案不含今天" in client.get("/pages/district/north").text) is noticed
        assert "方案不含今天" not in client.get("/pages/district/north?day=2020-02-06").text
        store.close()


@pytest.mark.parametrize("district", ["north", "south"])
def test_the_roster_of_a_day_and_of_a_week(
    served: Served, signed_in: Callable[[str], FlaskClient], district: str
) -> None:
    client = signed_in(district)
    ours = [row for row in served.rows("assignments") if served.district(row["site"]) == district]
    assert ours
    for day in sorted({row["day"] for row in ours}):
        page = text(client.get(f"/pages/district/{district}?day={day}"))
        roster = page[page.index('id="roster"') : page.index('id="arrivals"')]
        shown = Counter(re.findall(r"/cadre/(\w+)\?", roster))
        assert shown == Counter(row["cadre"] for row in ours if row["day"] == day)
    week = text(client.get(f"/pages/district/{district}/roster?day=2020-02-07"))
    cells = Counter(re.findall(r'<span class="t" title="[^"]+">([^<]+) <b>(\w)</b>', week))
    hours = {"day": "8–16", "late": "16–24", "night": "0–8"}
    letters = {row["duty"]: letter for row, letter in zip(served.rows("duties"), "ABC", strict=False)}
    assert cells == Counter((hours[row["shift"]], letters[row["duty"]]) for row in ours)


def test_arrivals_add_up(served: Served, signed_in: Callable[[str], FlaskClient]) -> None:
    items = {row["item"]: row["name"] for row in served.rows("items")}
    days = {row["arrives"] for row in served.rows("shipments") if row["destination"] in served.sites}
    assert days
    for day in days:
        sums = Counter[str]()
        for row in served.rows("shipments"):
            ours = row["destination"] in served.sites and served.district(row["destination"]) == "north"
            if row["arrives"] == day and ours:
                sums[items[row["item"]]] += int(row["quantity"])
        page = text(signed_in("north").get(f"/pages/district/north?day={day}"))
        listed = page[page.index('id="arrivals"') : page.index('id="reasons"')].split("<details>")[0]
        found = {name: int(n.replace(",", "")) for name, n in re.findall(r"<li>(.+?) <b>([\d,]+)</b>", listed)}
        assert found == dict(sums)


def test_the_city_by_district_and_township(served: Served, signed_in: Callable[[str], FlaskClient]) -> None:
    page = text(signed_in("").get("/pages/city?day=2020-02-06"))
    short = Counter[str]()
    for row in served.rows("coverage"):
        if row["day"] == "2020-02-06":
            site = served.sites[row["site"]]
            short[site["district"]] += int(row["shortage"])
            short[site["township"]] += int(row["shortage"])
    for district in ("north", "south"):
        assert re.search(rf"district/{district}\?.*?<b>−{short[district]}</b>", page, re.DOTALL)
    table = page[page.index('id="townships"') :]
    for township in {site["township"] for site in served.sites.values()}:
        cells = re.search(rf"<td>{township}</td>(.*?)</tr>", table)
        if cells:
            assert cells.group(1).endswith(f">{short[township]}</td>")
    shown = Page(page)
    assert shown.classes["region"] == 2
    assert shown.classes["dot"] >= len({r["site"] for r in served.rows("coverage") if r["day"] == "2020-02-06"})


def test_a_duty_card(served: Served, signed_in: Callable[[str], FlaskClient]) -> None:
    cadre, work = max(
        ((c, [r for r in served.rows("assignments") if r["cadre"] == c]) for c in served.posted),
        key=lambda pair: len(pair[1]),
    )
    page = text(signed_in(served.posted[cadre]).get(f"/pages/cadre/{cadre}?lang=en"))
    assert Page(page).classes["on"] == len(work)
    after = min(r["day"] for r in work if r["day"] >= TODAY.isoformat())
    start, end = SHIFTS[next(r["shift"] for r in work if r["day"] == after)]
    day = date.fromisoformat(after)
    assert f"{day:%a} {day.day} {day:%b} <span class=\"t\">{start:02d}:00–{end:02d}:00</span>" in page
    assert served.sites[work[0]["site"]]["name"] in page
    assert 'class="pin"' in page


def test_a_cadre_who_stays_at_home(served: Served, signed_in: Callable[[str], FlaskClient]) -> None:
    idle = {row["cadre"] for row in served.rows("cadres")} - served.posted.keys()
    for cadre in idle:
        assert "未派驻" in text(signed_in("").get(f"/pages/cadre/{cadre}"))
        assert signed_in("north").get(f"/pages/cadre/{cadre}").status_code == 404


def test_a_place(served: Served, signed_in: Callable[[str], FlaskClient]) -> None:
    page = text(signed_in("north").get("/pages/site/S01?day=2020-02-06"))
    cells = [r for r in served.rows("coverage") if r["site"] == "S01"]
    shown = Counter(re.findall(r"<td class=\"s\d\"[^>]*>(\d+/\d+)</td>", page))
    assert shown == Counter(f"{r['staffed']}/{r['required']}" for r in cells)


def test_search(served: Served, signed_in: Callable[[str], FlaskClient]) -> None:
    client = signed_in("north")
    cadre = next(c for c, d in served.posted.items() if d == "north")
    assert client.get(f"/pages/find?q={cadre.lower()}").location == f"/pages/cadre/{cadre}"
    assert client.get("/pages/find?q=S01").location == "/pages/site/S01"
    assert "东大街社区" in text(client.get("/pages/find?q=大街"))
    assert "没有找到" in text(client.get("/pages/find?q=南湖"))
    page = text(client.get("/pages/find?q=<script>alert(1)</script>"))
    assert Page(page).tags["script"] == 0


# ---- who may see what


def paths(served: Served, district: str) -> list[str]:
    """Every page there is about a district."""
    sites = [code for code in served.sites if served.district(code) == district]
    cadres = [cadre for cadre, where in served.posted.items() if where == district]
    return [
        f"/pages/district/{district}",
        f"/pages/district/{district}/roster",
        *(f"/pages/site/{code}" for code in sites),
        *(f"/pages/cadre/{code}" for code in cadres),
    ]


@pytest.mark.parametrize(("own", "other"), [("north", "south"), ("south", "north")])
def test_a_district_sees_its_own_and_nothing_else(
    served: Served, signed_in: Callable[[str], FlaskClient], own: str, other: str
) -> None:
    client = signed_in(own)
    foreign = {c for c in served.sites if served.district(c) == other}
    foreign |= {served.sites[c]["name"] for c in foreign} | {c for c, d in served.posted.items() if d == other}
    names = {row["district"]: row["name"] for row in served.rows("districts")}
    foreign |= {names[other], next(r["name"] for r in served.rows("depots") if r["district"] == other)}
    days = [f"?day=2020-02-{n:02d}" for n in range(3, 10)]
    seen = [path + day for path in paths(served, own) for day in days]
    seen += ["/pages/find?q=S", "/pages/find?q=C", "/pages/find?q=%E6%B9%96", "/pages/find?q=1"]
    for path in seen:
        page = text(client.get(path))
        words = set(re.findall(r"[\w-]+", page))
        assert not foreign & words, path
    nothing = client.get("/pages/site/S99")
    for path in [*paths(served, other), "/pages/district/nowhere", "/pages/cadre/C99"]:
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert unmarked(answer) == unmarked(nothing), path
    assert client.get("/pages/city").location == f"/pages/district/{own}"
    assert client.get(f"/pages/find?q={next(iter(paths(served, other))).split('/')[-1]}").status_code == 200


def unmarked(answer: TestResponse) -> str:
    """A page without its own address and the mark of the browser."""
    return re.sub(r'(value|href)="[^"]*"', "", answer.text)


def test_the_organizers_see_everything(served: Served, signed_in: Callable[[str], FlaskClient]) -> None:
    client = signed_in("")
    for path in [*paths(served, "north"), *paths(served, "south")]:
        assert client.get(path).status_code == 200, path


def test_nobody_sees_anything_without_a_token(app: Flask, served: Served) -> None:
    client = app.test_client()
    for path in ["/pages/", "/pages/city", "/pages/find?q=S01", *paths(served, "north")]:
        assert client.get(path).location == "/pages/sign-in", path
    for secret in ("", "wrong", "错", "x" * 5000):
        answer = sign_in(client, secret)
        assert answer.status_code == 401
        assert "令牌无效" in answer.text
        assert client.get("/pages/city").location == "/pages/sign-in"


def test_the_service_does_not_take_the_cookie(served: Served) -> None:
    app = create_app({"db": served.url, "log": False})
    client = app.test_client()
    assert client.get("/").location == "/pages/"
    assert sign_in(client, served.secrets[""]).status_code == 303
    assert client.get("/pages/city").status_code == 200
    assert client.get("/plans").status_code == 401
    assert client.get("/plans/current/assignments").status_code == 401
    app.extensions["allocator"].close()


def test_a_revoked_token_ends_the_session(served: Served, app: Flask) -> None:
    store = Store(served.url)
    token, secret = store.tokens.create("north")
    client = app.test_client()
    assert sign_in(client, secret).status_code == 303
    assert client.get("/pages/district/north").status_code == 200
    store.tokens.revoke(token.id)
    answer = client.get("/pages/district/north")
    assert answer.location == "/pages/sign-in"
    assert client.get_cookie("allocator_session", path="/pages") is None
    store.close()


def test_the_cookie_is_for_the_pages_alone(app: Flask, served: Served) -> None:
    client = app.test_client()
    answer = sign_in(client, served.secrets["north"])
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("allocator_session"))
    assert {"HttpOnly", "Path=/pages", "SameSite=Lax", "Max-Age=2592000"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    safe, base = app.test_client(), {"base_url": "https://localhost"}
    found = re.search(r'name="mark" value="([^"]+)"', safe.get("/pages/sign-in", **base).text)
    assert found
    form = {"token": served.secrets["north"], "mark": found.group(1)}
    answer = safe.post("/pages/sign-in", data=form, **base)
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("allocator_session"))
    assert "Secure" in cookie.split("; ")
    assert "Max-Age" not in cookie, "it ends with the browser unless asked to stay"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_forms_of_other_sites_do_nothing(app: Flask, served: Served, headers: dict[str, str]) -> None:
    client = app.test_client()
    form = {"token": served.secrets["north"], "mark": mark(client)}
    assert client.post("/pages/sign-in", data=form, headers=headers).status_code == 400
    assert client.get("/pages/city").location == "/pages/sign-in"
    assert sign_in(client, served.secrets["north"]).status_code == 303
    client.post("/pages/sign-out", data={"mark": form["mark"]}, headers=headers)
    assert client.get("/pages/district/north").status_code == 200, "still signed in"


def test_behind_a_proxy(app: Flask, served: Served) -> None:
    client = app.test_client()
    proxy = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "plans.example", "Origin": "https://plans.example"}
    answer = sign_in(client, served.secrets["north"], **proxy)
    assert answer.status_code == 303
    assert all("Secure" in cookie.split("; ") for cookie in answer.headers.getlist("Set-Cookie"))
    assert sign_in(app.test_client(), served.secrets["north"], Origin="https://plans.example").status_code == 400


def test_a_form_without_its_mark_does_nothing(app: Flask, served: Served) -> None:
    client = app.test_client()
    mark(client)
    for wrong in ({}, {"mark": ""}, {"mark": "x" * 32}, {"mark": "错" * 32}):
        answer = client.post("/pages/sign-in", data={"token": served.secrets["north"], **wrong})
        assert answer.status_code == 400
        assert "请再试一次" in answer.text


def test_signing_out(app: Flask, signed_in: Callable[[str], FlaskClient]) -> None:
    client = signed_in("north")
    page = client.get("/pages/district/north").text
    found = re.search(r'name="mark" value="([^"]+)"', page)
    assert found
    assert client.post("/pages/sign-out", data={"mark": found.group(1)}).location == "/pages/sign-in"
    assert client.get("/pages/district/north").location == "/pages/sign-in"
    assert client.get("/pages/sign-out").status_code == 405


def test_too_many_wrong_tokens_are_slowed_down(served: Served) -> None:
    app, store = Flask("slow"), Store(served.url)
    app.register_blueprint(pages(store, Access(store, 0, 3, 0)))
    client = app.test_client()
    answers = [sign_in(client, "wrong") for _ in range(5)]
    assert [a.status_code for a in answers] == [401, 401, 401, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "过于频繁" in answers[-1].text
    store.close()


# ---- how a page is sent


@pytest.mark.parametrize("path", ["/pages/sign-in", "/pages/city", "/pages/site/S01", "/pages/nowhere"])
def test_headers(signed_in: Callable[[str], FlaskClient], path: str) -> None:
    answer = signed_in("").get(path)
    policy = answer.headers.get("Content-Security-Policy", "")
    if path != "/pages/nowhere":
        assert "default-src 'none'" in policy
        assert "script" not in policy
        assert answer.headers["Cache-Control"] == "no-store"


def test_pages_are_whole_and_ask_nothing_of_others(served: Served, signed_in: Callable[[str], FlaskClient]) -> None:
    client = signed_in("")
    for path in [*paths(served, "north"), "/pages/city", "/pages/find"]:
        for language in ("zh", "en"):
            page = Page(text(client.get(path, query_string={"lang": language, "q": "S"})))
            assert page.tags["script"] == 0
            assert all(a.startswith(("/pages/", "#", "data:,")) for a in page.addresses), path
            assert " style=" not in client.get(path, query_string={"q": "S"}).text, "the policy forbids it"


def test_chinese_first_and_the_switch_stays(signed_in: Callable[[str], FlaskClient]) -> None:
    client = signed_in("north")
    assert '<html lang="zh-CN">' in client.get("/pages/district/north").text
    english = client.get("/pages/district/north?lang=en&day=2020-02-06").text
    assert '<html lang="en">' in english
    assert "lang=zh" in english
    assert "day=2020-02-06" in english
    assert '<html lang="en">' in client.get("/pages/district/north").text
    assert '<html lang="en">' in client.get("/pages/district/north?lang=fr").text
    client.get("/pages/district/north?lang=zh")
    assert '<html lang="zh-CN">' in client.get("/pages/district/north").text


@pytest.mark.parametrize("among", [PAGE_WORDS, WORDS, KINDS, TIERS, TERMS, STATUS])
def test_every_word_is_there_in_both_languages(among: dict[str, tuple[str, str]]) -> None:
    for key, (chinese, english) in among.items():
        assert chinese
        assert english
        assert chinese.count("{}") == english.count("{}"), key
        if key != "language":
            assert not re.search("[一-鿿]", english), key


def test_every_word_a_template_asks_for_is_known() -> None:
    folder = Path(__file__).resolve().parent.parent / "allocator" / "templates"
    asked = {w for f in folder.rglob("*.html") for w in re.findall(r"\bt\('(\w+)'", f.read_text(encoding="utf-8"))}
    assert len(asked) > 40
    assert asked <= PAGE_WORDS.keys() | WORDS.keys()


def test_long_pages_are_compressed_and_a_search_is_not(signed_in: Callable[[str], FlaskClient]) -> None:
    client, ask = signed_in("north"), {"Accept-Encoding": "gzip"}
    packed = client.get("/pages/district/north", headers=ask)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) * 3 < len(client.get("/pages/district/north").data)
    assert "Content-Encoding" not in client.get("/pages/find?q=S", headers=ask).headers


def test_the_same_pages_out_of_postgresql(served: Served, app: Flask, postgresql: str) -> None:
    with database(postgresql) as url:
        twin, store = Flask("twin"), Store(url)
        other = publish(served.folder, url)
        twin.register_blueprint(pages(store, Access(store, 0, 0, 0), lambda: TODAY))
        ours, theirs = app.test_client(), twin.test_client()
        sign_in(ours, served.secrets[""])
        sign_in(theirs, other.secrets[""])
        for path in [*paths(served, "north"), *paths(served, "south"), "/pages/city"]:
            assert without_marks(text(ours.get(path))) == without_marks(text(theirs.get(path))), path
        store.close()


def without_marks(page: str) -> str:
    """A page without the mark of the browser and the time of publication."""
    return re.sub(r'name="mark" value="[^"]*"|\d\d:\d\d:\d\d UTC', "", page)


class Cases:
    """A store whose run has three cases: rows without one are copied into each, with a twist."""

    def __init__(self, store: Store):
        self._store, self.rows = store, self

    def page(self, number: int, name: str, *rest: Any) -> Any:
        found = self._store.rows.page(number, name, *rest).records()
        if name == "coverage":
            mild = [row | {"case": "mild", "shortage": 0, "staffed": row["required"]} for row in found]
            found = mild + [row | {"case": case} for row in found for case in ("harsh", "rare")]
        return SimpleNamespace(records=lambda: found)


def test_of_several_cases_one_is_shown(served: Served) -> None:
    app, store = Flask("cases"), Store(served.url)
    access = Access(store, 0, 0, 0)
    listed = [{"id": n, "probability": p} for n, p in (("mild", 0.2), ("harsh", 0.7), ("rare", 0.1))]
    run = access.current()
    assert run is not None
    access.current = lambda: replace(run, head=run.head | {"cases": listed})  # type: ignore[method-assign]
    app.register_blueprint(pages(Cases(store), access, lambda: TODAY))
    client = app.test_client()
    days = [TODAY + timedelta(days=n) for n in range(-2, 4)]
    short = {(d, day): tonight(served, d, day).total() for d in ("north", "south") for day in days}
    district, day = max(short, key=lambda key: short[key])
    assert short[district, day], "the plan of the small scenario leaves nobody short on any night"
    sign_in(client, served.secrets[district])
    harsh = text(client.get(f"/pages/district/{district}?day={day}"))
    assert f"缺 {short[district, day]} 人" in harsh
    assert re.search(r'case=harsh" aria-current="true">harsh 70 %', harsh)
    mild = text(client.get(f"/pages/district/{district}?day={day}&case=mild"))
    assert "今晚不缺人" in mild
    assert set(re.findall(r'href="/pages/site/[^"]*"', mild))
    assert all("case=mild" in link for link in re.findall(r'href="/pages/(?:site|cadre)/[^"]*"', mild))
    assert "case=mild" in client.get("/pages/?case=mild").location
    assert "harsh 70 %" in text(client.get(f"/pages/district/{district}?case=none"))
    store.close()


def test_before_the_first_run(tmp_path: Path) -> None:
    app, store = Flask("new"), Store(f"sqlite:///{tmp_path / 'new.db'}")
    app.register_blueprint(pages(store, Access(store, 0, 0, 0)))
    client = app.test_client()
    _, secret = store.tokens.create(None)
    sign_in(client, secret)
    answer = client.get("/pages/city")
    assert answer.status_code == 503
    assert "尚未发布方案" in answer.text
    store.close()


def test_a_district_the_run_does_not_have(served: Served, app: Flask) -> None:
    store = Store(served.url)
    _, secret = store.tokens.create("west")
    client = app.test_client()
    sign_in(client, secret)
    assert client.get("/pages/", follow_redirects=True).status_code == 404
    store.close()

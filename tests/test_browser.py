"""Pages and report in a real browser: desktop and phone, Chinese and English.

It takes Debian's chromium (`apt-get install chromium fonts-wqy-zenhei`), or the program that
ALLOCATOR_BROWSER names. Without one these tests are skipped, unless ALLOCATOR_BROWSER is set. With
ALLOCATOR_SCREENSHOTS the pictures are kept in that folder.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest
from served import Served, publish
from test_pages import tonight

from allocator import report
from api import create_app

playwright = pytest.importorskip("playwright.sync_api")
PROGRAM = os.environ.get("ALLOCATOR_BROWSER") or shutil.which("chromium")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 780}}
NIGHTS = [date(2020, 2, n) for n in range(3, 10)]


@dataclass
class Screen:
    """A page of a browser, and everything it asked for or complained of."""

    page: playwright.Page
    base: str
    language: str
    size: str
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def open(self, path: str) -> playwright.Page:
        self.page.goto(self.base + path)
        self.picture(re.sub(r"\W+", "-", path).strip("-"))
        return self.page

    def picture(self, name: str) -> None:
        if folder := os.environ.get("ALLOCATOR_SCREENSHOTS"):
            path = Path(folder) / f"{self.size}-{self.language}-{name}.png"
            self.page.screenshot(path=str(path), full_page=True)

    def sound(self) -> None:
        """Nothing was asked of others, nothing complained of, nothing sticks out of the screen."""
        assert [url for url in self.asked if not url.startswith((self.base, "data:"))] == []
        assert self.said == []
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[self.size]["width"]


@pytest.fixture(scope="module")
def served(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Served:
    return publish(small_run, f"sqlite:///{tmp_path_factory.mktemp('browser')}/allocator.db")


@pytest.fixture(scope="module")
def base(served: Served) -> Iterator[str]:
    from werkzeug.serving import make_server

    app = create_app({"db": served.url, "log": False, "rate": 0.0})
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["allocator"].close()


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as tools:
        found = tools.chromium.launch(executable_path=PROGRAM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(params=[(size, language) for size in SIZES for language in ("zh", "en")], ids="-".join)
def screen(request: pytest.FixtureRequest, browser: playwright.Browser, base: str) -> Iterator[Screen]:
    size, language = request.param
    context = browser.new_context(viewport=SIZES[size], is_mobile=size == "phone", has_touch=size == "phone")
    page = context.new_page()
    page.set_default_timeout(10_000)
    found = Screen(page, base, language, size)
    page.on("request", lambda r: found.asked.append(r.url))
    page.on("console", lambda m: found.said.append(m.text))
    page.on("pageerror", lambda e: found.said.append(str(e)))
    yield found
    context.close()


@pytest.fixture
def signed_in(screen: Screen, served: Served) -> Callable[[str], Screen]:
    """Sign in as a person does, in the language of the screen."""

    def sign_in(owner: str) -> Screen:
        page = screen.open("/")
        if screen.language == "en":
            page.get_by_role("link", name="English").click()
        page.locator("#token").fill(served.secrets[owner])
        page.locator("main form button").click()
        page.wait_for_url("**/pages/city" if not owner else f"**/pages/district/{owner}")
        return screen

    return sign_in


def boxes(page: playwright.Page, selector: str) -> list[dict[str, float]]:
    """Where things stand on the page."""
    return page.locator(selector).evaluate_all(
        "all => all.map(e => { const b = e.getBoundingClientRect();"
        " return {left: b.left, right: b.right, top: b.top + scrollY, bottom: b.bottom + scrollY} })"
    )


def apart(a: dict[str, float], b: dict[str, float]) -> bool:
    return a["right"] <= b["left"] or b["right"] <= a["left"] or a["bottom"] <= b["top"] or b["bottom"] <= a["top"]


def test_the_gap_of_the_night_is_the_first_thing_seen(served: Served, signed_in: Callable[[str], Screen]) -> None:
    asked = [(district, day) for district in ("north", "south") for day in NIGHTS]
    district, day = max(asked, key=lambda pair: tonight(served, *pair).total())
    missing = tonight(served, district, day)
    assert missing, "or there is nothing to see"
    screen = signed_in(district)
    page = screen.open(f"/pages/district/{district}?day={day}")
    shown = page.locator(".night strong")
    assert re.findall(r"\d+", shown.inner_text()) == [str(missing.total())]
    for box in (*boxes(page, ".night strong"), boxes(page, ".gaps li")[0]):
        assert box["bottom"] < SIZES[screen.size]["height"], "seen without scrolling"
    size = float(shown.evaluate("e => parseFloat(getComputedStyle(e).fontSize)"))
    assert size >= 30
    sites = page.locator(".night a").evaluate_all("all => all.map(a => a.pathname.split('/').pop())")
    assert set(sites) == set(missing)
    if screen.size == "phone":
        heights = [box["bottom"] - box["top"] for box in boxes(page, ".night > .gaps > li > a")]
        assert min(heights) >= 40, "a finger's width"
    screen.sound()


def test_the_roster_of_the_district(served: Served, signed_in: Callable[[str], Screen]) -> None:
    screen = signed_in("south")
    ours = [row for row in served.rows("assignments") if served.district(row["site"]) == "south"]
    day = Counter(row["day"] for row in ours).most_common(1)[0][0]
    page = screen.open(f"/pages/district/south?day={day}")
    rows = page.locator("#roster ~ table.day").first.locator("tbody tr:has(td)")
    offices = {row["cadre"]: row["office"] for row in served.rows("cadres")}
    shown = Counter(tuple(row.inner_text().split("\t")[-2:]) for row in rows.all())
    assert shown == Counter((r["cadre"], offices[r["cadre"]]) for r in ours if r["day"] == day)
    screen.sound()
    page.locator(".jump a").last.click()
    page.wait_for_url("**/roster?*")
    assert page.locator("td.c .t").count() == len(ours)
    screen.picture("roster")
    screen.sound()
    page.emulate_media(media="print")
    assert not page.locator("header.top").is_visible()
    page.emulate_media(media="screen")


def test_the_map_of_the_city(served: Served, signed_in: Callable[[str], Screen]) -> None:
    screen = signed_in("")
    page = screen.open("/pages/city?day=2020-02-06")
    frame = boxes(page, "svg.map")[0]
    asked = {r["site"] for r in served.rows("coverage") if r["day"] == "2020-02-06"}
    dots = boxes(page, "svg.map a > .dot")
    assert len(dots) == len(asked)
    assert page.locator("svg.map path.region").count() == 2
    for box in (*dots, *boxes(page, "svg.map .region"), *boxes(page, "svg.map .name")):
        assert frame["left"] <= box["left"] < box["right"] <= frame["right"]
        assert frame["top"] <= box["top"] < box["bottom"] <= frame["bottom"]
    labels = boxes(page, "svg.map .name") + boxes(page, "svg.map .note")
    assert len(labels) == 4
    assert all(apart(a, b) for a, b in combinations(boxes(page, "svg.map .name"), 2))
    assert all(box["bottom"] - box["top"] >= 9 for box in labels), "large enough to read"
    screen.sound()
    page.locator("svg.map a:has(> .region)").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/pages/district/*", timeout=5000)


def test_every_page_is_sound(served: Served, signed_in: Callable[[str], Screen]) -> None:
    screen = signed_in("")
    cadre = max(served.posted, key=lambda c: sum(r["cadre"] == c for r in served.rows("assignments")))
    for path in ("/pages/site/S01?day=2020-02-06", f"/pages/cadre/{cadre}?day=2020-02-06", "/pages/find?q=S"):
        page = screen.open(path)
        assert page.locator("html").get_attribute("lang") == {"zh": "zh-CN", "en": "en"}[screen.language]
        text = page.locator("main").inner_text()
        assert ("干部" in text or "点位" in text or "派驻" in text) is (screen.language == "zh")
        screen.sound()


def test_the_switch_and_the_way_out(screen: Screen, signed_in: Callable[[str], Screen]) -> None:
    page = signed_in("north").page
    page.locator(".switch").click()
    page.wait_for_url("**lang=*")
    other = {"zh": "en", "en": "zh-CN"}[screen.language]
    assert page.locator("html").get_attribute("lang") == other
    page.locator("button.plain").click()
    page.wait_for_url("**/pages/sign-in")
    page.goto(screen.base + "/pages/district/north")
    assert page.url.endswith("/pages/sign-in")
    screen.sound()


def test_a_wrong_token(screen: Screen) -> None:
    page = screen.open("/pages/sign-in")
    page.locator("#token").fill("wrong")
    page.locator("main form button").click()
    assert page.locator("[role=alert]").is_visible()
    assert "令牌无效" in page.locator("[role=alert]").inner_text()


def test_the_report(screen: Screen, small_run: Path, tmp_path: Path) -> None:
    page_file = report.write(small_run, tmp_path)[0]
    screen.base = page_file.as_uri()
    page = screen.open("")
    if screen.language == "en":
        page.locator("main[lang=zh-CN] label.switch").click()
    shown, hidden = ("main[lang=zh-CN]", "main[lang=en]")[:: 1 if screen.language == "zh" else -1]
    assert page.locator(shown).is_visible()
    assert not page.locator(hidden).is_visible()
    assert page.locator(f"{shown} svg.map").is_visible()
    assert page.locator(f"{shown} table.heat tbody tr").count() > 4
    (heading,) = boxes(page, f"{shown} h1")
    assert heading["left"] >= 16
    assert heading["right"] - heading["left"] <= 1080
    screen.picture("report")
    screen.sound()

"""The report: its figures are those of the tables, it asks nothing of a network, the workbook reads back."""

from __future__ import annotations

import csv
import datetime as dt
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from click.testing import Result

from allocator import plan as plans
from allocator import report
from allocator.context import Context
from allocator.errors import InputError
from allocator.figures import Figures, figures
from allocator.handbook.roster import shift_labels
from allocator.part import Part
from allocator.plan import Plan
from allocator.settings import Case, Shift
from allocator.words import duty_letters

VOID = {"meta", "input", "br", "link"}


class Page(HTMLParser):
    """Checks that tags close in order, and keeps elements, addresses and texts."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.classes: Counter[str] = Counter()
        self.tags: Counter[str] = Counter()
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            self.classes.update((value or "").split() if name == "class" else ())
            if name in ("href", "src", "action", "srcset", "data"):
                self.addresses.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


@pytest.fixture(scope="module")
def found(small_run: Path) -> Figures:
    return figures(plans.read(small_run), "run")


@pytest.fixture(scope="module")
def page(found: Figures) -> Page:
    return Page(report.render(found))


@pytest.fixture
def run(small_run: Path, tmp_path: Path) -> Path:
    """The plan folder alone, away from its scenario."""
    shutil.copytree(small_run, tmp_path / "run")
    return tmp_path / "run"


def rows(run: Path, name: str) -> list[dict[str, str]]:
    with (run / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def changed(found: Figures, **tables: pd.DataFrame) -> Figures:
    context = replace(found.context, tables={**found.context.tables, **tables})
    return Figures(replace(found.plan, context=context), context)


def test_the_command_makes_both_files(allocator: Callable[..., Result], run: Path, tmp_path: Path) -> None:
    result = allocator("report", run)
    assert result.exit_code == 0, result.output
    assert (run / "report.html").stat().st_size > 10_000
    assert (run / "report.xlsx").stat().st_size > 5_000
    assert allocator("report", run, "--out", tmp_path / "out", "--json").exit_code == 0
    for name in plans.REPORTS:
        assert (tmp_path / "out" / name).read_bytes() == (run / name).read_bytes()


def test_no_report_without_a_context_or_with_strangers(
    allocator: Callable[..., Result], run: Path, tmp_path: Path
) -> None:
    site = (run / "assignments.csv").read_text(encoding="utf-8").splitlines()[1].split(",")[3]
    text = (run / "context" / "sites.csv").read_text(encoding="utf-8")
    (run / "context" / "sites.csv").write_text(text.replace(f"\n{site},", "\nZZ,"), encoding="utf-8")
    result = allocator("report", run)
    assert result.exit_code == 2
    assert f"assignments.csv, row 2, column site: '{site}'" in result.output
    shutil.rmtree(run / "context")
    result = allocator("report", run)
    assert result.exit_code == 2
    assert "context" in result.output
    assert not (run / "report.html").exists()


def test_a_place_that_cannot_be_written(allocator: Callable[..., Result], run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = allocator("report", run, "--out", tmp_path / "file" / "deep")
    assert result.exit_code == 2
    assert "a folder that can be written" in result.output


def test_the_page_asks_nothing_of_a_network(found: Figures, page: Page) -> None:
    assert page.addresses == []
    assert page.tags["script"] == page.tags["link"] == page.tags["img"] == 0
    text = report.render(found)
    assert set(re.findall(r"https?://[^\"'\s<]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "url(" not in text
    assert "@import" not in text


def test_the_page_has_the_style_of_the_other_pages_as_it_stands(found: Figures) -> None:
    style = (files("allocator") / "templates" / "style.css").read_text(encoding="utf-8")
    assert style.strip() in report.render(found)


def test_both_languages_chinese_first(page: Page) -> None:
    assert page.tags["main"] == 2
    assert page.texts.index("全市地图") < page.texts.index("City map")
    assert {"逐日到位情况", "Coverage day by day", "方案优劣的证明", "The proof"} <= set(page.texts)


def test_the_map_has_every_outline_site_and_depot(found: Figures, page: Page) -> None:
    short = [s for s in found.sites["short"] if s]
    assert page.classes["region"] == 2 * 2
    assert page.classes["full"] == 2 * (len(found.sites) - len(short))
    legend = 5 + len({max(1, max(short) // 16), max(1, max(short) // 4), max(short)})
    assert page.classes["dot"] == 2 * (len(found.sites) + legend)
    assert page.classes["depot"] == 2 * (3 + 1)
    assert f"缺口 {found.districts[0].short:,}" in page.texts


def test_without_outlines_the_map_draws_points(found: Figures, page: Page) -> None:
    none = found.context.table("outlines").iloc[:0]
    bare = Page(report.render(changed(found, outlines=none)))
    assert bare.classes["region"] == 0
    assert bare.classes["dot"] == page.classes["dot"]


def test_names_are_text_whatever_they_hold(found: Figures) -> None:
    nasty = '<script>alert("&")</script>'
    sites = found.context.table("sites").assign(name=nasty, township=nasty)
    shown = Page(report.render(changed(found, sites=sites)))
    assert shown.tags["script"] == 0
    assert nasty in shown.texts


def test_the_figures_are_those_of_the_tables(small_run: Path, found: Figures, page: Page) -> None:
    cells = rows(small_run, "coverage")
    required = sum(int(c["required"]) for c in cells)
    short = sum(int(c["shortage"]) for c in cells)
    assert f"{required - short:,} / {required:,}" in page.texts
    assert f"{short:,}" in page.texts
    district = {r["site"]: r["district"] for r in rows(small_run / "context", "sites")}
    for line in found.districts:
        for day, (asked, there) in enumerate(zip(line.asked, line.there, strict=True)):
            date = (dt.date(2020, 2, 3) + dt.timedelta(days=day)).isoformat()
            here = [c for c in cells if district[c["site"]] == line.key and c["day"] == date]
            assert asked == sum(int(c["required"]) for c in here)
            assert asked - there == sum(int(c["shortage"]) for c in here)
    needed = Counter[str]()
    for r in rows(small_run, "supply"):
        needed[r["tier"]] += int(r["needed"])
    assert {t.key: t.total for t in found.tiers} == dict(needed)
    per_shift = {(r["duty"], r["item"]): int(r["per_shift"]) for r in rows(small_run / "context", "kits")}
    worked = Counter(r["duty"] for r in rows(small_run, "assignments"))
    assert found.kits == sum(n * worked[duty] for (duty, _), n in per_shift.items())


def test_reasons_are_shown_where_there_are_some(found: Figures) -> None:
    reason = {"site": "S01", "what": "watch night", "day": 3, "shortage": 2.0}
    table = pd.DataFrame([reason | {"reason": "夜班人手不足", "fix": "one more", "gain": 15.0}])
    plan = replace(found.plan, tables={**found.plan.tables, "reasons": table})
    shown = Page(report.render(Figures(plan, found.context)))
    assert {"中心火车站", "夜班人手不足", "one more", "2020-02-06"} <= set(shown.texts)


def test_a_plan_that_lacks_nothing_and_proves_nothing(found: Figures) -> None:
    coverage = found.plan.table("coverage").assign(shortage=0)
    coverage["staffed"] = coverage["target"]
    tables = {**found.plan.tables, "coverage": coverage, "supply": found.plan.table("supply").iloc[:0]}
    plan = replace(found.plan, tables=tables, kpis={}, bound=None, certificates=())
    shown = Page(report.render(Figures(plan, found.context)))
    assert {"没有缺口", "尚无下界。", "100.0 %"} <= set(shown.texts)


def long(found: Figures, days: int) -> Figures:
    settings = replace(found.context.settings, days=days)
    return Figures(found.plan, Context(settings, found.context.tables))


def test_a_long_horizon_is_shown_by_week(found: Figures) -> None:
    weekly = Part(long(found, 70), "zh")
    assert len(weekly.periods) == 10
    assert sum(found.city.asked) == sum(found.city.asked[:7])
    assert weekly.districts[0]["cells"][0]["title"] == weekly.districts[0]["cells"][-1]["title"]
    assert len(Part(long(found, 35), "zh").periods) == 35


def test_of_several_cases_one_is_shown(found: Figures) -> None:
    coverage = found.plan.table("coverage")
    parts = [coverage.assign(case="mild", shortage=0), coverage.assign(case="harsh"), coverage.assign(case="rare")]
    tables = {**found.plan.tables, "coverage": pd.concat(parts, ignore_index=True)}
    cases = (Case("mild", 0.25), Case("harsh", 0.5), Case("rare", 0.25))
    context = replace(found.context, settings=replace(found.context.settings, cases=cases))
    plan = replace(found.plan, tables=tables, context=context)
    likeliest, mild = figures(plan, "run"), figures(plan, "run", "mild")
    assert (likeliest.case, mild.case) == ("harsh", "mild")
    assert likeliest.city.total == mild.city.total == found.city.total
    assert set(mild.cells["case"]) == {"mild"}
    assert any("情形 harsh" in text for text in Page(report.render(likeliest)).texts)
    with pytest.raises(InputError) as caught:
        figures(plan, "run", "best")
    assert "mild, harsh, rare" in str(caught.value)
    assert found.case == ""


# ---- the workbook


@pytest.fixture(scope="module")
def book(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> openpyxl.Workbook:
    out = tmp_path_factory.mktemp("report")
    report.write(small_run, out)
    return openpyxl.load_workbook(out / "report.xlsx")


def assignments(sheet: openpyxl.worksheet.worksheet.Worksheet, context: Context) -> set[tuple[str, ...]]:
    """Everything a roster sheet says, in the words of the table."""
    shift = {label: code for code, label in shift_labels(context.settings.shifts).items()}
    duty = {
        letter: code for code, letter in duty_letters(context.table("duties")["duty"].tolist()).items()
    }
    found = set()
    for cells in sheet.iter_rows(min_row=5, values_only=True):
        week, site, cadre = cells[0], cells[4], cells[5]
        for weekday, text in enumerate(cells[7:14] if cadre else ()):
            if text:
                hours, _, letter = str(text).rpartition(" ")
                day = (week + dt.timedelta(days=weekday)).date().isoformat()
                found.add((cadre, day, shift[hours], site, duty[letter]))
    return found


def test_a_district_sheet_holds_every_assignment_of_the_district(
    small_run: Path, book: openpyxl.Workbook, found: Figures
) -> None:
    district = {r["site"]: r["district"] for r in rows(small_run / "context", "sites")}
    wanted = rows(small_run, "assignments")
    for code, name in (("north", "城北区"), ("south", "城南区")):
        ours = {tuple(r.values()) for r in wanted if district[r["site"]] == code}
        assert ours
        assert assignments(book[name], found.context) == ours
    assert book.sheetnames == ["总览 Summary", "点位 Places", "城北区", "城南区"]


def test_chinese_is_intact(small_run: Path, book: openpyxl.Workbook) -> None:
    texts = {str(c) for row in book["城北区"].iter_rows(values_only=True) for c in row if c}
    worked = {r["cadre"]: r["site"] for r in rows(small_run, "assignments")}
    sites = {r["site"]: r for r in rows(small_run / "context", "sites")}
    offices = {r["cadre"]: r["office"] for r in rows(small_run / "context", "cadres")}
    here = {c: sites[s] for c, s in worked.items() if sites[s]["district"] == "north"}
    assert {offices[c] for c in here} | {s["name"] for s in here.values()} <= texts
    assert "值守" in str(book["城北区"]["A3"].value)


def test_the_sheets_are_ready_to_print(book: openpyxl.Workbook) -> None:
    for sheet in book.worksheets[1:]:
        assert sheet.freeze_panes in ("D4", "G5")
        assert sheet.auto_filter.ref
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.page_setup.paperSize == 9
        assert sheet.page_setup.fitToWidth in (None, 1), "one page wide; absent means 1"
        assert sheet.page_setup.fitToHeight == 0
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.print_title_rows in ("$3:$3", "$3:$4")
        assert sheet.column_dimensions["C"].width > 20
        head = sheet[4 if sheet.freeze_panes == "G5" else 3]
        assert all("\n" in str(c.value) for c in head)
    assert "第" in str(book.worksheets[0].oddFooter.right.text)


def test_the_places_sheet_counts_every_shortage(book: openpyxl.Workbook, found: Figures) -> None:
    lines = list(book["点位 Places"].iter_rows(min_row=4, values_only=True))
    assert len(lines) == len(found.sites)
    assert sum(int(line[7]) for line in lines) == found.city.short
    assert sum(int(n or 0) for line in lines for n in line[11:]) == found.city.short


def test_names_a_sheet_may_not_have(found: Figures, tmp_path: Path) -> None:
    districts = found.context.table("districts").assign(name="城/北:[很长]" + "长" * 40)
    report.handbook_of(changed(found, districts=districts), tmp_path / "book.xlsx")
    names = openpyxl.load_workbook(tmp_path / "book.xlsx").sheetnames
    assert len({n.lower() for n in names}) == 4
    assert all(len(n) <= 31 and not set(n) & set("[]:*?/\\") for n in names)


def test_formulas_stay_text(found: Figures, tmp_path: Path) -> None:
    sites = found.context.table("sites").assign(name="=1+1", township="http://example.org")
    report.handbook_of(changed(found, sites=sites), tmp_path / "book.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "book.xlsx")["点位 Places"]
    assert (sheet["C4"].value, sheet["C4"].data_type) == ("=1+1", "s")
    assert sheet["B4"].hyperlink is None


def test_shifts_of_the_same_hours_are_told_apart() -> None:
    shifts = (Shift("a", 480, 480, False), Shift("b", 480, 480, True), Shift("c", 330, 390, False))
    assert shift_labels(shifts) == {"a": "8–16 a", "b": "8–16 b", "c": "5:30–12"}
    assert duty_letters([str(n) for n in range(28)])["27"] == "B1"


def test_the_same_plan_gives_the_same_files(small_run: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        report.write(small_run, tmp_path / name)
    for name in plans.REPORTS:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_an_empty_plan_makes_a_report(found: Figures, tmp_path: Path) -> None:
    empty = {name: table.iloc[:0] for name, table in found.plan.tables.items()}
    plan: Plan = replace(found.plan, tables=empty, kpis={}, terms={}, objective=None, bound=None)
    nothing = Figures(plan, found.context)
    assert "没有缺口" in Page(report.render(nothing)).texts
    report.handbook_of(nothing, tmp_path / "book.xlsx")
    assert len(openpyxl.load_workbook(tmp_path / "book.xlsx").sheetnames) == 4

"""A small sound scenario, and a catalogue of ways to break it: one per kind of fault.

`plant(fault, folder)` writes the scenario of `tiny.py`, breaks it in one way and returns the
path to read. `FAULTS` are errors, `WARNINGS` are not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import openpyxl
from tiny import TABLES, sound

from allocator import scenario


@dataclass(frozen=True)
class Fault:
    """One way to break the sound scenario, and what has to be said about it."""

    name: str
    mutate: Callable[[Path], Path | None]
    """Breaks the folder; returns the path to read where that is not the folder."""
    file: str
    row: int | None
    column: str | None
    fault: str

    @property
    def expected(self) -> set[tuple[str, str, int | None, str | None]]:
        """The place that must be reported, as (fault, file, row, column)."""
        return {(self.fault, self.file, self.row, self.column)}


def plant(fault: Fault, folder: Path) -> Path:
    """Write the sound scenario with one fault; return the path to read."""
    return fault.mutate(sound(folder)) or folder


def edit(file: str, old: str, new: str) -> Callable[[Path], None]:
    """Replace a text that stands in a file once."""

    def mutate(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, (file, old, text.count(old))
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")

    return mutate


def add(file: str, *lines: str) -> Callable[[Path], None]:
    """Append rows; they follow the rows of the sound table."""

    def mutate(folder: Path) -> None:
        with (folder / file).open("a", encoding="utf-8") as out:
            out.writelines(line + "\n" for line in lines)

    return mutate


def swap(file: str, content: bytes) -> Callable[[Path], None]:
    """Replace a whole file."""
    return lambda folder: (folder / file).write_bytes(content) and None


def drop(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


def recode(file: str, encoding: str) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        (folder / file).write_bytes(text.encode(encoding))

    return mutate


def becomes_folder(file: str) -> Callable[[Path], None]:
    def mutate(folder: Path) -> None:
        (folder / file).unlink()
        (folder / file).mkdir()

    return mutate


def no_column(file: str, name: str) -> Callable[[Path], None]:
    """Take a column out of a file."""

    def mutate(folder: Path) -> None:
        lines = (folder / file).read_text(encoding="utf-8").splitlines()
        place = lines[0].split(",").index(name)
        kept = [",".join(c for n, c in enumerate(line.split(",")) if n != place) for line in lines]
        (folder / file).write_text("\n".join(kept) + "\n", encoding="utf-8")

    return mutate


def mixed(folder: Path) -> None:
    """Append a row in GBK to a file in UTF-8."""
    with (folder / "districts.csv").open("ab") as out:
        out.write("D3,锡山,5\n".encode("gbk"))


def book(change: Callable[[openpyxl.Workbook], object]) -> Callable[[Path], Path]:
    """Turn the folder into a workbook and change it there."""

    def mutate(folder: Path) -> Path:
        path = folder.with_name("book.xlsx")
        scenario.write(scenario.read(folder), path)
        opened = openpyxl.load_workbook(path)
        change(opened)
        opened.save(path)
        return path

    return mutate


def cell(sheet: str, place: str, value: object) -> Callable[[Path], Path]:
    return book(lambda opened: opened[sheet].__setitem__(place, value))


def cut_short(folder: Path) -> Path:
    path = folder.with_name("book.xlsx")
    scenario.write(scenario.read(folder), path)
    path.write_bytes(path.read_bytes()[:3000])
    return path


def _toml(name: str, old: str, new: str, key: str | None, fault: str) -> Fault:
    return Fault(name, edit("scenario.toml", old, new), "scenario.toml", None, key, fault)


def _cell(name: str, table: str, old: str, new: str, row: int, column: str, fault: str) -> Fault:
    return Fault(name, edit(f"{table}.csv", old, new), f"{table}.csv", row, column, fault)


def _row(name: str, table: str, line: str, column: str | None, fault: str) -> Fault:
    """Append a row to a table."""
    row = len(TABLES[table].splitlines()) + 1
    return Fault(name, add(f"{table}.csv", line), f"{table}.csv", row, column, fault)


FILE_FAULTS = [
    Fault("missing table", drop("kits.csv"), "kits.csv", None, None, "missing_table"),
    Fault("missing settings", drop("scenario.toml"), "scenario.toml", None, None, "missing_table"),
    Fault("unknown table", swap("demnad.csv", b"site\nS1\n"), "demnad.csv", None, None, "unknown_table"),
    Fault("table in capitals", swap("Leave.CSV", b"cadre\nC1\n"), "Leave.CSV", None, None, "unknown_table"),
    Fault("empty file", swap("leave.csv", b""), "leave.csv", None, None, "empty_file"),
    Fault("blank lines alone", swap("leave.csv", b"\n \n"), "leave.csv", None, None, "empty_file"),
    Fault("empty settings", swap("scenario.toml", b""), "scenario.toml", None, None, "empty_file"),
    Fault("empty table", swap("kits.csv", b"duty,item,per_shift\n"), "kits.csv", None, None, "empty_table"),
    Fault("header of commas", swap("leave.csv", b",,\nC1,,\n"), "leave.csv", 1, None, "no_header"),
    Fault("folder for a table", becomes_folder("leave.csv"), "leave.csv", None, None, "unreadable"),
    Fault("folder for settings", becomes_folder("scenario.toml"), "scenario.toml", None, None, "unreadable"),
    Fault("GBK", recode("districts.csv", "gbk"), "districts.csv", 2, None, "encoding"),
    Fault("UTF-16", recode("districts.csv", "utf-16"), "districts.csv", None, None, "encoding"),
    Fault("UTF-16 without mark", recode("leave.csv", "utf-16-le"), "leave.csv", None, None, "encoding"),
    Fault("GBK among UTF-8", mixed, "districts.csv", 4, None, "encoding"),
    Fault("null byte", edit("leave.csv", "C2,", "C2\0,"), "leave.csv", 3, None, "null_byte"),
    Fault("workbook named csv", swap("leave.csv", b"PK\x03\x04\x14\0"), "leave.csv", None, None, "encoding"),
    Fault("unpaired quote", edit("leave.csv", "C2,", '"C2,'), "leave.csv", 3, None, "bad_csv"),
    Fault("semicolons", swap("leave.csv", b"cadre;day\nC1;2020-02-06\n"), "leave.csv", 1, None, "separator"),
    Fault(
        "bad TOML", edit("scenario.toml", "days = 7", "days = = 7"), "scenario.toml", None, None, "bad_toml"
    ),
]

COLUMN_FAULTS = [
    Fault("missing column", no_column("leave.csv", "day"), "leave.csv", 1, "day", "missing_column"),
    Fault(
        "unknown column",
        swap("leave.csv", b"cadre,day,days\nC1,2020-02-06,\n"),
        "leave.csv",
        1,
        "days",
        "unknown_column",
    ),
    Fault(
        "duplicate column",
        swap("kits.csv", b"duty,item,item,per_shift\nguard,mask,suit,1\n"),
        "kits.csv",
        1,
        "item",
        "duplicate_column",
    ),
    Fault(
        "nameless column",
        swap("leave.csv", b"cadre,,day\nC1,ill,2020-02-06\n"),
        "leave.csv",
        1,
        None,
        "unnamed_column",
    ),
    _row("too few cells", "leave", "C3", None, "ragged_row"),
    _row("too many cells", "kits", "guard,suit,1,2", None, "ragged_row"),
]

CELL_FAULTS = [
    _cell("blank cell", "districts", "D2,滨湖", "D2,", 3, "name", "blank"),
    _row("blank id", "districts", ",New,5", "district", "blank"),
    _cell("word for a number", "districts", "1000", "many", 2, "population", "wrong_type"),
    _cell("thousands separator", "districts", "1000", '"1,000"', 2, "population", "wrong_type"),
    _cell("unit in a cell", "items", "2.5", "2.5 l", 3, "volume", "wrong_type"),
    _cell("percent", "duties", "Guard,,1", "Guard,,100%", 2, "weight", "wrong_type"),
    _cell("word for a flag", "cadres", "medical,true", "medical,maybe", 2, "night_ok", "wrong_type"),
    _cell("NaN", "sites", "120.32", "nan", 3, "lon", "not_finite"),
    _cell("infinity", "suppliers", "30.5", "inf", 2, "unit_cost", "not_finite"),
    _cell("number beyond floats", "suppliers", "30.5", "1e999", 2, "unit_cost", "not_finite"),
    _cell("negative count", "stock", "500", "-500", 2, "quantity", "negative"),
    _cell("negative weight", "items", ",0.1", ",-0.1", 2, "weight", "negative"),
    _cell("latitude for longitude", "sites", "120.27,31.54", "31.54,120.27", 5, "lat", "out_of_range"),
    _cell("pack of nothing", "items", "piece,10", "piece,0", 2, "pack", "out_of_range"),
    _cell("number beyond integers", "stock", "500", "9" * 30, 2, "quantity", "out_of_range"),
    _cell("part of a unit", "stock", "500", "0.5", 2, "quantity", "fraction"),
    _cell("unknown kind", "sites", "village", "vilage", 2, "kind", "unknown_choice"),
    _cell("unknown tier", "needs", "public", "Public", 2, "tier", "unknown_choice"),
    _cell("bad weekdays", "demand", "1-5", "1-8", 3, "weekdays", "bad_weekdays"),
    _cell("weekdays backwards", "demand", "1-5", "5-1", 3, "weekdays", "bad_weekdays"),
    _cell("weekdays as Excel's date", "demand", "1-5", "5-Jan", 3, "weekdays", "bad_weekdays"),
    _cell("day that does not exist", "leave", "2020-02-06", "2020-02-30", 2, "day", "bad_date"),
    _cell("date with slashes", "leave", "2020-02-06", "2020/2/6", 2, "day", "bad_date"),
    _cell("date as a number", "leave", "2020-02-06", "43867", 2, "day", "date_as_number"),
    _cell("day outside the horizon", "leave", "2020-02-06", "2020-03-06", 2, "day", "outside_horizon"),
    _cell("day before the horizon", "cadres", "2020-02-04", "2020-02-02", 4, "first_day", "outside_horizon"),
    _cell("control character", "districts", "滨湖", "滨\x07湖", 3, "name", "control_character"),
    _cell("lost character", "districts", "滨湖", "滨\ufffd", 3, "name", "control_character"),
    _row("line break in a code", "districts", '"D\n3",New,5', "district", "line_break"),
    _row("endless code", "districts", f"{'D' * 200},New,5", "district", "too_long"),
    _cell(
        "skills with commas",
        "cadres",
        "120.31,31.57,,",
        '120.31,31.57,"medical,it",',
        3,
        "skills",
        "separator",
    ),
]

SETTINGS_FAULTS = [
    _toml("missing key", "days = 7\n", "", "days", "missing_key"),
    _toml("unknown key", "max_travel", "max_travels", "rules.max_travels", "unknown_key"),
    _toml("unknown top key", "days = 7", "days = 7\nday = 7", "day", "unknown_key"),
    _toml("unknown section", "[travel]", "[travle]", "travle", "unknown_section"),
    _toml("missing key of an entry", "size = 3\n", "", "batch[2].size", "missing_key"),
    _toml("unknown key of an entry", "size = 3", "size = 3\nsizes = 3", "batch[2].sizes", "unknown_key"),
    _toml("quoted number", "days = 7", 'days = "7"', "days", "wrong_type"),
    _toml("number for a name", '"tiny"', "5", "name", "wrong_type"),
    _toml("name without letters", '"tiny"', '" "', "name", "blank"),
    _toml("part of a person", "size = 3", "size = 2.5", "batch[2].size", "fraction"),
    _toml("negative setting", "max_travel = 60", "max_travel = -60", "rules.max_travel", "negative"),
    _toml("negative tier weight", "medical = 8", "medical = -8", "weights.tiers.medical", "negative"),
    _toml("no number in TOML", "budget = 1000", "budget = nan", "supply.budget", "not_finite"),
    _toml("speed of nothing", "speed_kmh = 30", "speed_kmh = 0", "travel.speed_kmh", "out_of_range"),
    _toml("horizon without days", "days = 7", "days = 0", "days", "out_of_range"),
    _toml("horizon of years", "days = 7", "days = 1000", "days", "out_of_range"),
    _toml(
        "start in another age",
        "start = 2020-02-03\ndays",
        "start = 0020-02-03\ndays",
        "start",
        "out_of_range",
    ),
    _toml("start that is no date", "start = 2020-02-03\ndays", 'start = "soon"\ndays', "start", "bad_date"),
    _toml("clock", '"16:00"', '"24:00"', "shift[2].start", "bad_clock"),
    _toml("shift past midnight", '"16:00"', '"17:00"', "shift[2].hours", "ends_after_midnight"),
    _toml(
        "uneven shift",
        'start = "08:00"\nhours = 8',
        'start = "08:00"\nhours = 7.999',
        "shift[1].hours",
        "fraction",
    ),
    _toml(
        "same shift twice",
        '[[batch]]\nid = "b1"',
        '[[shift]]\nid = "day"\nstart = "01:00"\nhours = 2\n\n[[batch]]\nid = "b1"',
        "shift[3].id",
        "duplicate_id",
    ),
    _toml(
        "same batch twice",
        "[rules]",
        '[[batch]]\nid = "b1"\nstart = 2020-02-06\nsize = 1\n\n[rules]',
        "batch[3].id",
        "duplicate_id",
    ),
    _toml(
        "overlapping batches",
        "start = 2020-02-05",
        "start = 2020-02-03",
        "batch[2].start",
        "overlapping_batches",
    ),
    _toml(
        "batch after the end", "start = 2020-02-05", "start = 2020-02-15", "batch[2].start", "outside_horizon"
    ),
    _toml(
        "probabilities",
        'id = "harsh"\nprobability = 0.5',
        'id = "harsh"\nprobability = 0.6',
        "case[2].probability",
        "probabilities",
    ),
    _toml(
        "probability above one",
        'id = "harsh"\nprobability = 0.5',
        'id = "harsh"\nprobability = 1.5',
        "case[2].probability",
        "out_of_range",
    ),
    _toml("class cycle", "[rules]", '[rules]\nclass_order = "a<b, b<c<a"', "rules.class_order", "class_cycle"),
    _toml("unknown class", "[rules]", '[rules]\nclass_order = "a<d"', "rules.class_order", "unknown_class"),
    _toml(
        "list for a section", "[supply]\nbudget = 1000", "[[supply]]\nbudget = 1000", "supply", "wrong_type"
    ),
]
ROW_FAULTS = [
    _row("same site twice", "sites", "S1,Again,village,D1,T1,120.3,31.5,1,,", "site", "duplicate_key"),
    _row("same leave twice", "leave", "C1,2020-02-06", "cadre", "duplicate_key"),
    _row(
        "same demand twice", "demand", "S1,guard,day,2020-02-03,2020-02-05,1-7,1,1,", "site", "duplicate_key"
    ),
    _row("unknown site", "demand", "S9,guard,day,2020-02-03,2020-02-09,1-7,1,1,", "site", "dangling"),
    _row("unknown duty", "demand", "S1,gaurd,day,2020-02-03,2020-02-09,1-7,1,1,", "duty", "dangling"),
    _row("unknown shift", "demand", "S1,guard,noon,2020-02-03,2020-02-09,1-7,1,1,", "shift", "dangling"),
    _row("unknown case of people", "isolation_demand", "T1,2020-02-05,worst,4", "case", "dangling"),
    _row("application for nowhere", "applications", "S9,1,b,2020-02-05", "site", "dangling"),
    _row("capacity below nothing", "candidates", "S5,-4,2,1000", "capacity", "negative"),
    _row("unknown case", "demand", "S1,guard,day,2020-02-03,2020-02-09,1-7,1,1,worst", "case", "dangling"),
    _cell("unknown district", "cadres", "C4,Works,D2", "C4,Works,D9", 5, "district", "dangling"),
    _cell("unknown batch", "cadres", "true,b2", "true,b9", 5, "batch", "dangling"),
    _row("leave of nobody", "leave", "C9,2020-02-06", "cadre", "dangling"),
    _row("pin of nobody", "pins", "C9,S1,never,", "cadre", "dangling"),
    _row("pin to nowhere", "pins", "C4,S9,never,", "site", "dangling"),
    _row("stock of nowhere", "stock", "W9,mask,5", "place", "dangling"),
    _row("stock of nothing known", "stock", "W0,masks,5", "item", "dangling"),
    _row("delivery to a site", "deliveries", "S1,mask,2020-02-05,5", "depot", "dangling"),
    _row("candidate nowhere", "candidates", "S9,40,2,1000", "site", "dangling"),
    _row("travel of nobody", "travel", "C9,S1,5", "cadre", "dangling"),
    _row("two previous postings", "previous", "C1,S2", "cadre", "duplicate_key"),
    _row("worked on a day of the horizon", "worked", "C2,2020-02-03,day", "day", "outside_horizon"),
    _row("worked on a shift nobody knows", "worked", "C2,2020-02-01,dawn", "shift", "dangling"),
    _row("lane to nowhere", "lanes", "W0,S9,5,0", "destination", "dangling"),
    _row("lane to itself", "lanes", "W0,W0,5,0", "destination", "lane_to_itself"),
    _row("outline of nowhere", "outlines", "D9,1,1,120.3,31.5", "district", "dangling"),
    _row("outline that encloses nothing", "outlines", "D1,2,1,120.3,31.5", "ring", "thin_ring"),
    _row("two first points", "outlines", "D1,1,1,120.3,31.5", "district", "duplicate_key"),
    _row("depot named like a site", "depots", "S5,Both,,120.3,31.5,5", "depot", "depot_is_site"),
    _row(
        "target below required",
        "demand",
        "S5,guard,day,2020-02-03,2020-02-09,1-7,3,2,",
        "target",
        "target_below_required",
    ),
    _row(
        "demand backwards",
        "demand",
        "S5,guard,day,2020-02-08,2020-02-04,1-7,1,1,",
        "last_day",
        "reversed_span",
    ),
    _row("needs backwards", "needs", "S5,mask,2020-02-08,2020-02-04,5,public", "last_day", "reversed_span"),
    _row("two musts", "pins", "C1,S2,must,", "cadre", "two_musts"),
    _row("must and never", "pins", "C1,S1,never,", "kind", "must_and_never"),
    _row("must at a candidate", "pins", "C4,S3,must,", "site", "must_at_closed_site"),
    _row("must at an applicant", "pins", "C4,S4,must,", "site", "must_at_closed_site"),
    _row("must beyond the limit", "pins", "C6,S2,must,", "site", "must_too_far"),
    _row("must where travel has no row", "pins", "C6,S5,must,", "site", "must_too_far"),
    _row("must on a day without a start", "pins", "C4,S5,must,2020-02-06", "first_day", "must_day"),
    _row("candidate and applicant", "applications", "S3,1,b,2020-02-05", "site", "candidate_and_applicant"),
]


def _gown(folder: Path) -> None:
    add("items.csv", "gown,Gown,piece,1,1,0.1")(folder)
    add("kits.csv", "guard,gown,1")(folder)


def _far(folder: Path) -> None:
    edit("scenario.toml", "max_travel = 60", "max_travel = 4")(folder)


ROW_FAULTS += [
    Fault("kit nobody stocks", _gown, "kits.csv", 4, "item", "kit_unstocked"),
    Fault("must beyond a great circle", _far, "pins.csv", 4, "site", "must_too_far"),
]

BOOK_FAULTS = [
    Fault(
        "missing sheet", book(lambda b: b.remove(b["kits"])), "book.xlsx:kits", None, None, "missing_table"
    ),
    Fault(
        "unknown sheet",
        book(lambda b: b.create_sheet("kit").append(["duty"])),
        "book.xlsx:kit",
        None,
        None,
        "unknown_table",
    ),
    Fault(
        "no settings sheet",
        book(lambda b: b.remove(b["scenario"])),
        "book.xlsx:scenario",
        None,
        None,
        "missing_table",
    ),
    Fault("cell of a sheet", cell("demand", "G3", "one"), "book.xlsx:demand", 3, "required", "wrong_type"),
    Fault(
        "date cell that is a number",
        cell("leave", "B3", 43868),
        "book.xlsx:leave",
        3,
        "day",
        "date_as_number",
    ),
    Fault("setting of a sheet", cell("scenario", "B4", "week"), "book.xlsx:scenario", 4, "start", "bad_date"),
    Fault(
        "key of a sheet",
        cell("scenario", "A29", "supply.budgets"),
        "book.xlsx:scenario",
        29,
        "supply.budgets",
        "unknown_key",
    ),
    Fault("batch of a sheet", cell("batches", "C3", -1), "book.xlsx:batches", 3, "size", "negative"),
    Fault("workbook cut short", cut_short, "book.xlsx", None, None, "bad_workbook"),
]

FAULTS: list[Fault] = [
    *FILE_FAULTS,
    *COLUMN_FAULTS,
    *CELL_FAULTS,
    *SETTINGS_FAULTS,
    *ROW_FAULTS,
    *BOOK_FAULTS,
]

WARNINGS: list[Fault] = [
    _row("skill nobody holds", "duties", "drive,Drive,driver,1", "skill", "skill_not_held"),
    _cell(
        "skill no duty asks for",
        "cadres",
        "120.31,31.57,,",
        "120.31,31.57,medcal,",
        3,
        "skills",
        "skill_unused",
    ),
    _row(
        "demand for nobody",
        "demand",
        "S5,guard,day,2020-02-03,2020-02-09,1-7,0,0,",
        "target",
        "nothing_asked",
    ),
    _row(
        "demand on no day",
        "demand",
        'S1,guard,late,2020-02-03,2020-02-05,"6,7",1,1,',
        "weekdays",
        "nothing_asked",
    ),
    _row("need of nothing", "needs", "S1,suit,2020-02-03,2020-02-09,0,public", "per_day", "nothing_asked"),
    _toml("batch too small", "size = 4", "size = 1", "batch[1].size", "batch_too_small"),
    _cell(
        "cadre gone before the batch",
        "cadres",
        "true,b2,,",
        "true,b2,,2020-02-04",
        5,
        "batch",
        "never_available",
    ),
    _row("township without a site", "isolation_demand", "T9,2020-02-04,,3", "township", "unknown_township"),
]
WARNINGS += [
    Fault(
        "site outside every lane",
        add("needs.csv", "S4,mask,2020-02-03,2020-02-09,5,public"),
        "sites.csv",
        5,
        "site",
        "site_without_lane",
    ),
    Fault(
        "kit dearer than its shift",
        edit("kits.csv", "guard,mask,1", "guard,mask,50"),
        "duties.csv",
        2,
        "weight",
        "kit_outweighs",
    ),
]

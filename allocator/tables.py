"""Data dictionary: every table and column that goes in or comes out.

The dictionary is data. `scenario.py` reads by it, `check.py` checks by it, the README's
tables are printed from it, `plan.py` writes by it.

In memory a `date` is a whole number of days since the scenario's start (0 = first day);
in files it is an ISO date. All quantities of goods are whole units of the item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

SITE_KINDS = (
    "village",
    "community",
    "station",
    "dock",
    "checkpoint",
    "enterprise",
    "market",
    "school",
    "isolation",
    "hospital",
)
TIERS = ("medical", "frontline", "enterprise", "public")


@dataclass(frozen=True)
class Column:
    """One column: `kind` is id, text, int, number, bool, date, choice, list or weekdays."""

    name: str
    kind: str
    meaning: str
    unit: str = ""
    required: bool = True
    """False: the column may be absent and a cell may be blank; `default` stands for both."""
    default: Any = None
    """For dates: None means the first (first_*) or last (last_*) day of the horizon, -1 means none."""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    refers: str = ""
    """`table.column` or `settings.shift` the value must be found in."""
    sparse: bool = False
    """Written only where some row has a value: a plan for one case has no column `case`."""


@dataclass(frozen=True)
class Table:
    """One table: its columns in order, and the columns that tell its rows apart."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    optional: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> Column:
        for c in self.columns:
            if c.name == name:
                return c
        raise KeyError(f"{self.name} has no column {name}")


def _id(name: str, meaning: str, refers: str = "", **more: Any) -> Column:
    return Column(name, "id", meaning, refers=refers, **more)


def _day(name: str, meaning: str, **more: Any) -> Column:
    return Column(name, "date", meaning, "ISO date", **more)


def _count(name: str, meaning: str, unit: str, low: int = 0, **more: Any) -> Column:
    return Column(name, "int", meaning, unit, low=low, **more)


def _number(name: str, meaning: str, unit: str, low: float | None = 0, **more: Any) -> Column:
    return Column(name, "number", meaning, unit, low=low, **more)


def _case() -> Column:
    """Which case a row of a plan holds in, where there are several."""
    meaning = "demand case; blank: every case; the column is there only with several cases"
    return Column("case", "id", meaning, refers="settings.case", required=False, default="", sparse=True)


def _lon_lat() -> tuple[Column, Column]:
    return (
        _number("lon", "longitude, WGS84", "degrees", -180, high=180),
        _number("lat", "latitude, WGS84", "degrees", -90, high=90),
    )


def _tables(*tables: Table) -> Mapping[str, Table]:
    return {t.name: t for t in tables}


INPUTS: Mapping[str, Table] = _tables(
    Table(
        "districts",
        "the districts that share the city's means",
        (
            _id("district", "district code"),
            Column("name", "text", "name"),
            _count("population", "residents", "persons", required=False, default=0),
        ),
        ("district",),
    ),
    Table(
        "sites",
        "places that need people or goods",
        (
            _id("site", "site code"),
            Column("name", "text", "name"),
            Column("kind", "choice", "kind of place", choices=SITE_KINDS),
            _id("district", "district it lies in", "districts.district"),
            Column("township", "text", "township or sub-district"),
            *_lon_lat(),
            _number("weight", "importance, 1 = ordinary risk", "factor"),
            _count("population", "residents", "persons", required=False, default=0),
            Column("source", "text", "what is real, placed or invented", required=False, default=""),
        ),
        ("site",),
    ),
    Table(
        "duties",
        "kinds of work",
        (
            _id("duty", "duty code"),
            Column("name", "text", "name"),
            Column("skill", "id", "skill it takes; blank: anyone", required=False, default=""),
            _number("weight", "importance of one shift", "factor"),
        ),
        ("duty",),
    ),
    Table(
        "demand",
        "people asked for at a site, per duty and shift, on the days of a span",
        (
            _id("site", "site", "sites.site"),
            _id("duty", "duty", "duties.duty"),
            _id("shift", "shift", "settings.shift"),
            _day("first_day", "first day of the span"),
            _day("last_day", "last day of the span"),
            Column("weekdays", "weekdays", "days of the week, 1 = Monday: '1-7', '1-5', '2,4'"),
            _count("required", "people needed at least", "persons"),
            _count("target", "people wanted", "persons"),
            Column("case", "id", "demand case; blank: every case", refers="settings.case", required=False, default=""),
        ),
        ("site", "duty", "shift", "first_day", "weekdays", "case"),
    ),
    Table(
        "cadres",
        "people who can be sent",
        (
            _id("cadre", "cadre code"),
            Column("office", "text", "office that sends the cadre"),
            _id("district", "district of the home", "districts.district"),
            *_lon_lat(),
            Column("skills", "list", "skills, separated by ';'", required=False, default=""),
            Column("night_ok", "bool", "may work night shifts"),
            Column(
                "batch", "id", "batch; blank: the solver chooses", refers="settings.batch", required=False, default=""
            ),
            _day("first_day", "first day available", required=False),
            _day("last_day", "last day available", required=False),
        ),
        ("cadre",),
    ),
    Table(
        "leave",
        "days a cadre is away",
        (_id("cadre", "cadre", "cadres.cadre"), _day("day", "day away")),
        ("cadre", "day"),
        optional=True,
    ),
    Table(
        "pins",
        "decisions already taken: this cadre must, or must never, be posted to this site",
        (
            _id("cadre", "cadre", "cadres.cadre"),
            _id("site", "site", "sites.site"),
            Column("kind", "choice", "must or never", choices=("must", "never")),
            _day("first_day", "with must: the day the posting begins; blank: any", required=False, default=-1),
        ),
        ("cadre", "site"),
        optional=True,
    ),
    Table(
        "travel",
        "minutes one way; a cadre with rows here reaches only the sites listed",
        (
            _id("cadre", "cadre", "cadres.cadre"),
            _id("site", "site", "sites.site"),
            _number("minutes", "one way", "minutes"),
        ),
        ("cadre", "site"),
        optional=True,
    ),
    Table(
        "items",
        "goods",
        (
            _id("item", "item code"),
            Column("name", "text", "name"),
            Column("unit", "text", "what one unit is"),
            _count("pack", "units in one indivisible pack", "units", 1),
            _number("volume", "volume of one unit", "litres"),
            _number("weight", "importance of one unit short", "factor"),
        ),
        ("item",),
    ),
    Table(
        "depots",
        "stores goods are shipped from",
        (
            _id("depot", "depot code; no site may have the same"),
            Column("name", "text", "name"),
            Column(
                "district",
                "id",
                "district served; blank: the whole city",
                refers="districts.district",
                required=False,
                default="",
            ),
            *_lon_lat(),
            _number("throughput", "goods that can leave in a day", "litres/day"),
        ),
        ("depot",),
    ),
    Table(
        "stock",
        "goods on hand when the first day begins",
        (
            _id("place", "depot or site", "places"),
            _id("item", "item", "items.item"),
            _count("quantity", "on hand", "units"),
        ),
        ("place", "item"),
    ),
    Table(
        "deliveries",
        "goods that arrive for certain, usable on the day they arrive",
        (
            _id("depot", "depot", "depots.depot"),
            _id("item", "item", "items.item"),
            _day("day", "day of arrival"),
            _count("quantity", "arriving", "units"),
        ),
        ("depot", "item", "day"),
        optional=True,
    ),
    Table(
        "suppliers",
        "production and purchase that can be ordered",
        (
            _id("supplier", "supplier code"),
            _id("item", "item", "items.item"),
            _id("depot", "depot it delivers to", "depots.depot"),
            _day("first_day", "first day an order can be placed"),
            _day("last_day", "last day an order can be placed"),
            _count("per_day", "most that can be ordered in a day", "units/day"),
            _count("lead_days", "days from order to arrival", "days"),
            _number("unit_cost", "price", "yuan/unit"),
        ),
        ("supplier", "item"),
        optional=True,
    ),
    Table(
        "needs",
        "goods used up at a site every day of a span, beside the kits of those who work there",
        (
            _id("site", "site", "sites.site"),
            _id("item", "item", "items.item"),
            _day("first_day", "first day of the span"),
            _day("last_day", "last day of the span"),
            _count("per_day", "needed each day", "units/day"),
            Column("tier", "choice", "who needs it", choices=TIERS),
        ),
        ("site", "item", "tier", "first_day"),
    ),
    Table(
        "kits",
        "goods one person uses up on one shift of a duty",
        (
            _id("duty", "duty", "duties.duty"),
            _id("item", "item", "items.item"),
            _count("per_shift", "used by one person on one shift", "units/shift", 1),
        ),
        ("duty", "item"),
    ),
    Table(
        "lanes",
        "who ships to whom; absent: city depot to district depots to the sites of the district",
        (
            _id("origin", "depot", "depots.depot"),
            _id("destination", "depot or site", "places"),
            _number(
                "per_day",
                "most that can travel in a day; blank: without limit",
                "litres/day",
                required=False,
                default=float("inf"),
            ),
            _count("lead_days", "days under way", "days"),
        ),
        ("origin", "destination"),
        optional=True,
    ),
    Table(
        "candidates",
        "isolation sites and back-up hospitals that could open",
        (
            _id("site", "site", "sites.site"),
            _count("capacity", "people it can take", "persons"),
            _count("lead_days", "days from decision to opening", "days"),
            _number("cost", "cost of opening", "yuan"),
        ),
        ("site",),
        optional=True,
    ),
    Table(
        "isolation_demand",
        "people under observation",
        (
            Column("township", "text", "township"),
            _day("day", "day"),
            Column("case", "id", "demand case; blank: every case", refers="settings.case", required=False, default=""),
            _count("people", "people who need a place", "persons"),
        ),
        ("township", "day", "case"),
        optional=True,
    ),
    Table(
        "applications",
        "enterprises and schools that ask to resume",
        (
            _id("site", "site", "sites.site"),
            _number("value", "value of a day open", "per day"),
            Column("class", "choice", "order of resumption", choices=("a", "b", "c")),
            _day("earliest", "earliest day"),
        ),
        ("site",),
        optional=True,
    ),
    Table(
        "previous",
        "postings in force; staying is preferred",
        (_id("cadre", "cadre", "cadres.cadre"), _id("site", "site", "sites.site")),
        ("cadre",),
        optional=True,
    ),
    Table(
        "worked",
        "shifts of the six days before the first day: rest, runs and nights are counted from them on",
        (
            _id("cadre", "cadre", "cadres.cadre"),
            _day("day", "day worked, before the first day", low=-6, high=-1),
            _id("shift", "shift", "settings.shift"),
        ),
        ("cadre", "day"),
        optional=True,
    ),
    Table(
        "outlines",
        "outlines of the districts, to be drawn on maps; no plan depends on them",
        (
            _id("district", "district", "districts.district"),
            _count("ring", "closed line the point lies on: a district of two parts has two", "number", 1),
            _count("point", "place of the point along the line", "number", 1),
            *_lon_lat(),
        ),
        ("district", "ring", "point"),
        optional=True,
    ),
)

EVENT_KINDS = ("absence", "need", "stock", "closure")
EVENTS = Table(
    "events",
    "what has changed since a plan was made, as districts report it; a re-plan takes it",
    (
        _id("event", "code of the report"),
        Column("kind", "choice", "what has changed", choices=EVENT_KINDS),
        _day("first_day", "first day it holds; with stock: the day it was noticed"),
        _day("last_day", "last day it holds; blank: to the end of the horizon", required=False),
        _id("cadre", "with absence: who is away", "cadres.cadre", required=False, default=""),
        _id("place", "with need, closure: the site; with stock: depot or site", "places", required=False, default=""),
        _id("duty", "with need of people: the duty", "duties.duty", required=False, default=""),
        _id("shift", "with need of people: the shift", "settings.shift", required=False, default=""),
        _count("required", "with need of people: needed at least from now on", "persons", required=False, default=0),
        _count("target", "with need of people: wanted from now on", "persons", required=False, default=0),
        _id("item", "with need of goods, stock: the item", "items.item", required=False, default=""),
        Column("tier", "choice", "with need of goods: who needs it", choices=TIERS, required=False, default=""),
        Column(
            "quantity",
            "int",
            "with need of goods: needed each day from now on; with stock: found, or lost if below 0",
            "units",
            required=False,
            default=0,
        ),
    ),
    ("event",),
)
"""A file of its own, no part of a scenario."""

OUTPUTS: Mapping[str, Table] = _tables(
    Table(
        "postings",
        "who is posted where, from when to when",
        (
            _id("cadre", "cadre", "cadres.cadre"),
            _id("batch", "batch", "settings.batch"),
            _id("site", "site", "sites.site"),
            _day("first_day", "first day of the posting"),
            _day("last_day", "last day of the posting"),
            _number("minutes", "travel one way", "minutes"),
        ),
        ("cadre",),
    ),
    Table(
        "assignments",
        "who works which shift",
        (
            _id("cadre", "cadre", "cadres.cadre"),
            _day("day", "day"),
            _id("shift", "shift", "settings.shift"),
            _id("site", "site", "sites.site"),
            _id("duty", "duty", "duties.duty"),
            _case(),
        ),
        ("cadre", "day", "case"),
    ),
    Table(
        "coverage",
        "people asked for and present",
        (
            _id("site", "site", "sites.site"),
            _id("duty", "duty", "duties.duty"),
            _day("day", "day"),
            _id("shift", "shift", "settings.shift"),
            _count("required", "needed at least", "persons"),
            _count("target", "wanted", "persons"),
            _count("staffed", "present", "persons"),
            _count("shortage", "missing of required", "persons"),
            _case(),
        ),
        ("site", "duty", "day", "shift", "case"),
    ),
    Table(
        "shipments",
        "goods on the road",
        (
            _day("day", "day of departure"),
            _day("arrives", "day of arrival, usable that day"),
            _id("origin", "depot", "depots.depot"),
            _id("destination", "depot or site", "places"),
            _id("item", "item", "items.item"),
            _count("quantity", "shipped", "units", 1),
            _case(),
        ),
        ("day", "origin", "destination", "item", "case"),
    ),
    Table(
        "orders",
        "goods ordered",
        (
            _id("supplier", "supplier", "suppliers.supplier"),
            _id("item", "item", "items.item"),
            _day("day", "day of the order"),
            _count("quantity", "ordered", "units", 1),
            _number("cost", "price of the order", "yuan"),
        ),
        ("supplier", "item", "day"),
    ),
    Table(
        "inventory",
        "goods left at the end of a day",
        (
            _id("place", "depot or site", "places"),
            _id("item", "item", "items.item"),
            _day("day", "day"),
            _count("on_hand", "left", "units"),
            _case(),
        ),
        ("place", "item", "day", "case"),
    ),
    Table(
        "supply",
        "goods needed and used, kits aside",
        (
            _id("site", "site", "sites.site"),
            _id("item", "item", "items.item"),
            Column("tier", "choice", "who needs it", choices=TIERS),
            _day("day", "day"),
            _count("needed", "needed", "units"),
            _count("used", "used", "units"),
            _count("shortage", "missing", "units"),
            _case(),
        ),
        ("site", "item", "tier", "day", "case"),
    ),
    Table(
        "openings",
        "candidates that open",
        (
            _id("site", "site", "candidates.site"),
            _day("first_day", "first day open"),
            _count("capacity", "people it can take", "persons"),
        ),
        ("site",),
    ),
    Table(
        "reopenings",
        "enterprises and schools that resume",
        (_id("site", "site", "applications.site"), _day("first_day", "first day open")),
        ("site",),
    ),
    Table(
        "transfers",
        "people under observation who have a place, and where",
        (
            Column("township", "text", "township they come from", refers="sites.township"),
            _day("day", "day"),
            _id("site", "opened site that takes them", "candidates.site"),
            _count("people", "people who have their place there that day", "persons", 1),
            _case(),
        ),
        ("township", "day", "site", "case"),
        optional=True,
    ),
    Table(
        "prices",
        "objective saved by one more unit of something",
        (
            Column("rule", "text", "rule whose limit is priced"),
            Column("key", "text", "the limit, such as 'batch=first' or 'depot=D1 item=mask day=2020-02-05'"),
            _number("shadow_price", "objective saved by one more unit", "penalty/unit"),
            Column("unit", "text", "unit of the limit"),
            _number("less", "units fewer for which the price still holds", "units", required=False, default=0.0),
            _number("more", "units more for which the price still holds", "units", required=False, default=0.0),
        ),
        ("rule", "key"),
    ),
    Table(
        "reasons",
        "why a shortage remains and the cheapest way to end it",
        (
            _id("site", "site", "sites.site"),
            Column("what", "text", "duty and shift, or item and tier"),
            _day("day", "first day of the shortage"),
            _number("shortage", "size over the horizon", "person-shifts or units"),
            Column("rule", "text", "the rule that binds; blank: none does", required=False, default=""),
            Column("reason", "text", "why, in English"),
            Column("reason_zh", "text", "why, in Chinese", required=False, default=""),
            Column("fix", "text", "what would end it, shown only if a plan with it did; in English"),
            Column("fix_zh", "text", "the same in Chinese", required=False, default=""),
            _number("gain", "objective saved by the fix", "penalty"),
            Column("change", "text", "the fix for programs, as JSON", required=False, default=""),
        ),
        ("site", "what"),
    ),
)


def _part(name: str, *columns: str) -> Table:
    """An input table cut down to some of its columns."""
    whole = INPUTS[name]
    return replace(whole, columns=tuple(whole.column(c) for c in columns))


CONTEXT: Mapping[str, Table] = _tables(
    _part("districts", "district", "name"),
    _part("sites", "site", "name", "kind", "district", "township", "lon", "lat"),
    _part("duties", "duty", "name"),
    _part("cadres", "cadre", "office"),
    _part("items", "item", "name", "unit"),
    _part("depots", "depot", "name", "district", "lon", "lat"),
    _part("kits", "duty", "item", "per_shift"),
    INPUTS["outlines"],
)
"""What a plan carries of its scenario, so that it can be shown and served without it: names and
places. Of a person only the office that sends them, never where they live."""

RULES = (
    "batch_size",
    "batch_start",
    "available",
    "one_posting",
    "posting_length",
    "travel_limit",
    "pins",
    "one_site",
    "duty_asked",
    "skill_held",
    "night_allowed",
    "one_shift_per_day",
    "rest_between_shifts",
    "max_run",
    "max_shifts_7_days",
    "max_nights_7_days",
    "site_open",
    "ready_when_open",
    "place_capacity",
    "class_order",
    "kit_available",
    "stock_balance",
    "throughput",
    "lane_capacity",
    "lead_time",
    "supplier_capacity",
    "budget",
    "whole_packs",
)
"""Names of the hard rules, the same in settings, models, verifier, README and explanations."""


@dataclass(frozen=True)
class Key:
    """One key of scenario.toml: `section.name`, its default and range."""

    section: str
    name: str
    kind: str
    meaning: str
    unit: str = ""
    default: Any = None
    low: float | None = None
    high: float | None = None

    @property
    def path(self) -> str:
        return f"{self.section}.{self.name}" if self.section else self.name


SETTINGS: tuple[Key, ...] = (
    Key("", "name", "id", "short name of the scenario"),
    Key("", "title", "text", "title for people", default=""),
    Key("", "start", "date", "first day of the horizon", "ISO date"),
    Key("", "days", "int", "length of the horizon", "days", low=1, high=366),
    Key("shift", "id", "id", "shift code"),
    Key("shift", "start", "clock", "start", "HH:MM"),
    Key("shift", "hours", "number", "length", "hours", low=0.25, high=24),
    Key("shift", "night", "bool", "counts as a night shift", default=False),
    Key("batch", "id", "id", "batch code"),
    Key("batch", "start", "date", "first day of its cadres", "ISO date"),
    Key("batch", "size", "int", "most cadres it can take", "persons", low=0),
    Key("case", "id", "id", "demand case"),
    Key("case", "probability", "number", "its probability; all add up to 1", low=0, high=1),
    Key("rules", "rest_hours", "number", "rest between two shifts", "hours", 11, 0, 24),
    Key("rules", "max_run", "int", "consecutive days worked", "days", 6, 1),
    Key("rules", "max_shifts_7_days", "int", "shifts in any seven days", "shifts", 6, 0, 7),
    Key("rules", "max_nights_7_days", "int", "night shifts in any seven days", "shifts", 3, 0, 7),
    Key("rules", "max_travel", "number", "travel one way", "minutes", 90, 0),
    Key("rules", "max_posting_days", "int", "length of a posting", "days", 28, 1),
    Key("rules", "class_order", "text", "who resumes before whom, in chains; blank: no order", "", "a<b<c<school"),
    Key("weights", "required", "number", "person missing of required, on a shift", "penalty", 10, 0),
    Key("weights", "target", "number", "person missing of target, on a shift", "penalty", 2, 0),
    Key("weights", "travel", "number", "minute one way, per day of the posting", "penalty", 0.005, 0),
    Key("weights", "change", "number", "cadre moved from the previous posting", "penalty", 20, 0),
    Key("weights", "fairness", "number", "covered shift a district has less than its share", "penalty", 1, 0),
    Key("weights", "first_half", "number", "factor on units short in the first half of a need", "factor", 2, 1),
    Key("weights", "distance", "number", "cubic metre moved one kilometre", "penalty", 0.01, 0),
    Key("weights", "opening", "number", "yuan of opening cost", "penalty", 0.001, 0),
    Key("weights", "uncovered", "number", "person-day without a place", "penalty", 100, 0),
    Key("weights", "transfer", "number", "person-day and kilometre to the place", "penalty", 0.05, 0),
    Key("weights", "reopening", "number", "value lost per day closed", "penalty", 1, 0),
    Key("weights.tiers", "medical", "number", "unit short", "penalty", 8, 0),
    Key("weights.tiers", "frontline", "number", "unit short", "penalty", 4, 0),
    Key("weights.tiers", "enterprise", "number", "unit short", "penalty", 2, 0),
    Key("weights.tiers", "public", "number", "unit short", "penalty", 1, 0),
    Key("travel", "speed_kmh", "number", "speed of travel", "km/h", 30, 0.1),
    Key("travel", "detour", "number", "road length over great-circle length", "factor", 1.3, 1),
    Key("supply", "budget", "number", "yuan for all orders; absent: none may be placed", "yuan", 0, 0),
)

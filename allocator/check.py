"""Checks between tables: every row against the others and against the settings.

Each check looks at the rows whose own cells are sound, so one slip is reported once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from allocator.cells import week
from allocator.draft import Draft, report
from allocator.pins import check_pins
from allocator.problems import Problems, hints
from allocator.sheet import Sheet
from allocator.tables import INPUTS, Column


def check(draft: Draft, problems: Problems) -> None:
    """Add every problem between tables to `problems`."""
    for name in INPUTS:
        if draft.sheets[name] is not None:
            _keys(draft, draft.sheet(name), problems)
            _references(draft, draft.sheet(name), problems)
            _spans(draft, draft.sheet(name), problems)
    for rule in CHECKS:
        rule(draft, problems)


def _keys(draft: Draft, sheet: Sheet, problems: Problems) -> None:
    """Report rows whose key another row has already."""
    key = list(sheet.table.key)
    sound = np.flatnonzero(sheet.ok(*key))
    rows = sheet.frame.iloc[sound][key]
    again = rows.duplicated().to_numpy()
    if not again.any():
        return
    where = sound[again]
    groups = rows.groupby(key, sort=False).ngroup().to_numpy()
    first = dict(zip(groups[~again].tolist(), sheet.rows[sound[~again]].tolist(), strict=True))
    if sheet.table.name == "pins":
        kinds = {g: set(sheet.values("kind")[sound[groups == g]]) for g in set(groups[again].tolist())}
        keep = [len(kinds[g]) < 2 for g in groups[again]]
        where, groups = where[keep], groups[again][keep]
    else:
        groups = groups[again]
    expected = [f"one row for each {', '.join(key)}; row {first[g]} has the same" for g in groups.tolist()]
    report(problems, sheet, "duplicate_key", key[0], where, expected)


def _references(draft: Draft, sheet: Sheet, problems: Problems) -> None:
    """Report values that are found nowhere in the column they refer to."""
    for column in sheet.table.columns:
        known = draft.names(column.refers) if column.refers else None
        if known is None:
            continue
        values = sheet.frame[column.name]
        unknown = ~values.isin(known | {""}).to_numpy(dtype=bool) & sheet.ok(column.name)
        if unknown.any():
            _dangling(sheet, column, np.flatnonzero(unknown), known, problems)


def _dangling(sheet: Sheet, column: Column, where: np.ndarray, known: set[str], problems: Problems) -> None:
    table, _, name = column.refers.partition(".")
    if table == "places":
        target = "a depot or a site"
    else:
        target = f"an id of [[{name}]]" if table == "settings" else f"{_a(name)} of {table}"
    words = sheet.values(column.name)[where].tolist()
    expected = [target + hint for hint in hints(words, known)]
    report(problems, sheet, "dangling", column.name, where, expected)


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _spans(draft: Draft, sheet: Sheet, problems: Problems) -> None:
    """Report spans that end before they begin."""
    if draft.parsed.horizon is None or not {"first_day", "last_day"} <= set(sheet.table.names):
        return
    first, last = sheet.values("first_day"), sheet.values("last_day")
    wrong = sheet.ok("first_day", "last_day") & (first > last)
    date = draft.parsed.horizon.date
    expected = [f"a last day not before the first, {date(day)}" for day in first[wrong]]
    shown = [date(day).isoformat() for day in last[wrong]]
    problems.add_rows("reversed_span", sheet.file, "last_day", sheet.rows[wrong], shown, expected)


def _target(draft: Draft, problems: Problems) -> None:
    demand = draft.sheet("demand")
    required, target = demand.values("required"), demand.values("target")
    wrong = demand.ok("required", "target") & (target < required)
    expected = [f"at least the {r} required" for r in required[wrong]]
    report(problems, demand, "target_below_required", "target", wrong, expected)


def _nothing_asked(draft: Draft, problems: Problems) -> None:
    """Warn of rows of demand and needs that ask for nothing on any day."""
    demand, needs = draft.sheet("demand"), draft.sheet("needs")
    idle = demand.ok("required", "target") & (demand.values("target") == 0) & (demand.values("required") == 0)
    report(
        problems,
        demand,
        "nothing_asked",
        "target",
        idle,
        "a target above 0; this row asks for nobody",
        "warning",
    )
    none = needs.ok("per_day") & (needs.values("per_day") == 0)
    report(
        problems, needs, "nothing_asked", "per_day", none, "more than 0; this row asks for nothing", "warning"
    )
    if draft.parsed.horizon is None:
        return
    spans = demand.frame[["weekdays", "first_day", "last_day"]]
    sound = demand.ok("weekdays", "first_day", "last_day")
    rows, codes = _distinct(spans)
    start = draft.settings.start.isoweekday() - 1
    empty = np.array([_no_day(start, *row) for row in rows.itertuples(index=False)] or [False])
    off = sound & ~idle & (empty[codes] if len(codes) else False)
    report(
        problems, demand, "nothing_asked", "weekdays", off, "a weekday that falls into the span", "warning"
    )


def _distinct(frame: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    codes = frame.groupby(list(frame.columns), sort=False).ngroup().to_numpy()
    return frame.drop_duplicates(), codes


def _no_day(start: int, weekdays: str, first: int, last: int) -> bool:
    if not weekdays or last < first:
        return False
    days = {(start + d) % 7 + 1 for d in range(first, min(last, first + 6) + 1)}
    return not days & week(weekdays)


def _places(draft: Draft, problems: Problems) -> None:
    sites, depots = draft.sheet("sites"), draft.sheet("depots")
    same = depots.ok("depot") & depots.frame["depot"].isin(set(sites.values("site")) - {""}).to_numpy(
        dtype=bool
    )
    report(problems, depots, "depot_is_site", "depot", same, "a code that no site has; rename the depot")
    lanes = draft.sheet("lanes")
    loop = lanes.ok("origin", "destination") & (lanes.values("origin") == lanes.values("destination"))
    report(problems, lanes, "lane_to_itself", "destination", loop, "another place than the origin")


def _skills(draft: Draft, problems: Problems) -> None:
    """Warn of skills that a duty asks for and nobody has, and the other way round."""
    duties, cadres = draft.sheet("duties"), draft.sheet("cadres")
    if not draft.readable("duties", "cadres"):
        return
    texts = set(cadres.values("skills"))
    held = sorted({skill for text in texts for skill in text.split(";")} - {""})
    asked = sorted(set(duties.values("skill")) - {""})
    lacking = duties.ok("skill") & ~duties.frame["skill"].isin({*held, ""}).to_numpy(dtype=bool)
    words = duties.values("skill")[lacking].tolist()
    expected = [f"a skill some cadre holds{hint}" for hint in hints(words, held)]
    report(problems, duties, "skill_not_held", "skill", lacking, expected, "warning")
    odd = {text: sorted(set(text.split(";")) - {*asked, ""}) for text in texts}
    useless = cadres.ok("skills") & np.array([bool(odd[t]) for t in cadres.values("skills")], dtype=bool)
    names = [odd[t][0] for t in cadres.values("skills")[useless]]
    near = zip(names, hints(names, asked), strict=False)
    expected = [f"skills a duty asks for, not '{name}'{hint}" for name, hint in near]
    report(problems, cadres, "skill_unused", "skills", useless, expected, "warning")


def _kits(draft: Draft, problems: Problems) -> None:
    """Report kit items that no stock, delivery or supplier brings; warn of kits dearer than their shift."""
    if draft.readable("stock", "deliveries", "suppliers", "items"):
        stocked = {
            item
            for name, amount in (("stock", "quantity"), ("deliveries", "quantity"), ("suppliers", "per_day"))
            for item in draft.sheet(name).frame.loc[draft.sheet(name).values(amount) > 0, "item"]
        }
        # an amount that is wrong is reported already, its item counts as stocked
        for name in ("stock", "deliveries", "suppliers"):
            sheet = draft.sheet(name)
            stocked |= set(sheet.values("item")[~sheet.ok("quantity" if name != "suppliers" else "per_day")])
        kits = draft.sheet("kits")
        known = draft.names("items.item") or set()
        nowhere = kits.ok("item") & ~kits.frame["item"].isin(stocked).to_numpy(dtype=bool)
        nowhere &= kits.frame["item"].isin(known).to_numpy(dtype=bool)
        way = "an item that stock, deliveries or suppliers bring; without it nobody can work this duty"
        report(problems, kits, "kit_unstocked", "item", nowhere, way)
    if draft.readable("kits", "items", "duties") and draft.parsed.sound("weights"):
        _dear_kits(draft, problems)


def _dear_kits(draft: Draft, problems: Problems) -> None:
    weights, kits, duties = draft.settings.weights, draft.sheet("kits"), draft.sheet("duties")
    if not (kits.ok("per_shift").all() and draft.sheet("items").ok("weight").all()):
        return
    worth = draft.sheet("items").frame.drop_duplicates("item").set_index("item")["weight"]
    each = kits.frame["per_shift"] * kits.frame["item"].map(worth).fillna(0.0).astype(float)
    cost = each.groupby(kits.frame["duty"]).sum() * weights.tiers["frontline"] * weights.first_half
    kit = duties.frame["duty"].map(cost).fillna(0.0).to_numpy(dtype=float)
    shift = duties.values("weight") * weights.required
    dear = duties.ok("duty", "weight") & (kit > shift)
    expected = [
        f"a shift worth more than its kit: the kit costs {k:g} (per_shift x item weight x "
        f"weights.tiers.frontline x weights.first_half), the shift {s:g} (duty weight x weights.required); "
        "lower an item's weight or raise the duty's"
        for k, s in zip(kit[dear], shift[dear], strict=True)
    ]
    report(problems, duties, "kit_outweighs", "weight", dear, expected, "warning")


def _cadres(draft: Draft, problems: Problems) -> None:
    """Warn of cadres whose batch starts too late for them, and of batches too small for theirs."""
    cadres, settings = draft.sheet("cadres"), draft.settings
    if not draft.starts:
        return
    starts = {b.id: b.start for b in settings.batches}
    named = cadres.frame["batch"]
    start = named.map(starts).fillna(-1).to_numpy(dtype=float)
    gone = cadres.ok("batch", "last_day") & (start > cadres.values("last_day"))
    way = "a batch that starts by the cadre's last day; this cadre cannot be posted"
    report(problems, cadres, "never_available", "batch", gone, way, "warning")
    counts = named[cadres.ok("batch")].value_counts()
    for n, batch in enumerate(settings.batches, start=1):
        wanted = int(counts.get(batch.id, 0))
        if wanted > batch.size:
            file, row, column = draft.document.place(f"batch[{n}].size")
            way = f"room for the {wanted} cadres whose row names batch '{batch.id}'"
            problems.add("batch_too_small", file, way, row, column, batch.size, "warning")


def _lanes(draft: Draft, problems: Problems) -> None:
    """Warn of sites that need goods and lie outside every lane."""
    if not draft.readable("sites", "depots", "demand", "kits", "needs") or draft.sheets["lanes"] is None:
        return
    sites, depots, lanes, demand = (draft.sheet(n) for n in ("sites", "depots", "lanes", "demand"))
    with_kit = demand.frame["duty"].isin(set(draft.sheet("kits").values("duty"))).to_numpy(dtype=bool)
    eager = set(draft.sheet("needs").values("site")) | set(demand.values("site")[with_kit])
    if "lanes" in draft.given:
        served = sites.frame["site"].isin(set(lanes.values("destination"))).to_numpy(dtype=bool)
        way = "a lane to this site, which needs goods"
    else:
        districts = set(depots.values("district"))
        everywhere = "" in districts or not depots.ok("district").all()
        served = np.full(len(sites.rows), everywhere) | sites.frame["district"].isin(districts).to_numpy(
            dtype=bool
        )
        way = "a depot of the site's district or of the whole city; nothing can be shipped to this site"
    outside = sites.ok("site", "district") & sites.frame["site"].isin(eager).to_numpy(dtype=bool) & ~served
    report(problems, sites, "site_without_lane", "site", outside, way, "warning")


def _stages(draft: Draft, problems: Problems) -> None:
    """Report sites that are both candidate and applicant; warn of townships without a site."""
    both, candidates = draft.sheet("applications"), draft.sheet("candidates")
    twice = both.ok("site") & both.frame["site"].isin(set(candidates.values("site")) - {""}).to_numpy(
        dtype=bool
    )
    way = "a site that is not in candidates too: it either opens or resumes"
    report(problems, both, "candidate_and_applicant", "site", twice, way)
    people, sites = draft.sheet("isolation_demand"), draft.sheet("sites")
    if draft.readable("sites"):
        known = sorted(set(sites.values("township")))
        nowhere = people.ok("township") & ~people.frame["township"].isin(known).to_numpy(dtype=bool)
        words = people.values("township")[nowhere].tolist()
        expected = [f"a township some site lies in{hint}" for hint in hints(words, known)]
        report(problems, people, "unknown_township", "township", nowhere, expected, "warning")


def _rings(draft: Draft, problems: Problems) -> None:
    """Report rings of outlines that enclose nothing."""
    outlines = draft.sheet("outlines")
    known = draft.names("districts.district") or set()
    real = outlines.frame["district"].isin(known).to_numpy(dtype=bool)
    sound = np.flatnonzero(outlines.ok("district", "ring", "point") & real)
    rows = outlines.frame.iloc[sound][["district", "ring"]]
    size = rows.groupby(["district", "ring"])["ring"].transform("size").to_numpy()
    thin = sound[(size < 3) & ~rows.duplicated().to_numpy()]
    report(problems, outlines, "thin_ring", "ring", thin, "a ring of at least 3 points")


CHECKS: Iterable[Callable[[Draft, Problems], Any]] = (
    _target,
    _nothing_asked,
    _places,
    _skills,
    _kits,
    _cadres,
    check_pins,
    _lanes,
    _stages,
    _rings,
)

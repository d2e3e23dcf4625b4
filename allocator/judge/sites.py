"""Rules of sites that open or resume: when, in what order, with what on hand, and for whom."""

from __future__ import annotations

from allocator import classes
from allocator.errors import Violation
from allocator.judge.evidence import Evidence
from allocator.keys import looked_up, positions, totals

_WHO = ["cadre", "day", "shift"]


def site_open(evidence: Evidence) -> list[Violation]:
    """Nobody works at a site before it opens or resumes; it does so once, not before it can."""
    work = evidence.tables["assignments"]
    opens = work["site"].map(evidence.first_open)
    early = work.assign(opens=opens)[(work["day"] < opens).to_numpy()]
    return [
        *evidence.found("site_open", early, _WHO, "works at {site}, which is not open"),
        *_decided(evidence, "openings", "candidates", "lead_days"),
        *_decided(evidence, "reopenings", "applications", "earliest"),
    ]


def _decided(evidence: Evidence, table: str, asking: str, earliest: str) -> list[Violation]:
    terms = evidence.given(asking)[["site", earliest]].rename(columns={earliest: "due"})
    rows = evidence.tables[table].merge(terms, on="site")
    early = rows[(rows["first_day"] < rows["due"]) | (rows["first_day"] >= evidence.settings.days)]
    twice = rows[rows["site"].duplicated()]
    message = "opens {first_day}, it can from {due} to the end of the horizon"
    return [
        *evidence.found("site_open", early, ["site"], message),
        *evidence.found("site_open", twice, ["site"], f"has more than one row in {table}"),
    ]


def ready_when_open(evidence: Evidence) -> list[Violation]:
    """What opens is fully staffed and supplied on its first day."""
    opened = evidence.tables["openings"][["site", "first_day"]]
    first = opened.rename(columns={"first_day": "day"}).drop_duplicates("site")
    key = ["site", "day"]
    people, goods = evidence.derived.coverage, evidence.derived.supply
    people = people[(positions(people, first, key) >= 0) & (people["shortage"] > 0).to_numpy()]
    goods = goods[(positions(goods, first, key) >= 0) & (goods["shortage"] > 0).to_numpy()]
    return [
        *evidence.found(
            "ready_when_open", people, [*key, "duty", "shift"], "{shortage} people missing on its first day"
        ),
        *evidence.found(
            "ready_when_open", goods, [*key, "item", "tier"], "{shortage} units missing on its first day"
        ),
    ]


def place_capacity(evidence: Evidence) -> list[Violation]:
    """People under observation go where a place is open, no more than there are places or people."""
    rows, opened = evidence.tables["transfers"], evidence.tables["openings"].drop_duplicates("site")
    offered = looked_up(opened["site"], evidence.given("candidates"), "site", "capacity")
    wide = opened.assign(offered=offered)[opened["capacity"].to_numpy() > offered]
    at = positions(rows, opened, ["site"])
    first = opened["first_day"].to_numpy()
    early = rows[(at < 0) | (rows["day"].to_numpy() < (first[at] if len(first) else 0))]
    taken = totals(rows, ["site", "day"], ["people"])
    most = opened.set_index("site")["capacity"].reindex(taken["site"]).fillna(0).to_numpy(dtype=int)
    full = taken.assign(most=most)[taken["people"].to_numpy() > most]
    who = ["township", "day"]
    sent, there = totals(rows, who, ["people"]), totals(evidence.given("isolation_demand"), who, ["people"])
    known = positions(sent, there, who)
    count = there["people"].to_numpy()
    sent = sent.assign(there=[int(count[k]) if k >= 0 else 0 for k in known])
    many = sent[sent["people"] > sent["there"]]
    return [
        *evidence.found("place_capacity", wide, ["site"], "opens {capacity} places, it has {offered}"),
        *evidence.found(
            "place_capacity", early, ["township", "day", "site"], "{people} people go where nothing is open"
        ),
        *evidence.found("place_capacity", full, ["site", "day"], "{people} people in {most} places"),
        *evidence.found("place_capacity", many, who, "{people} people go, {there} are under observation"),
    ]


def class_order(evidence: Evidence) -> list[Violation]:
    """Nobody resumes while an earlier class, free to, is still to follow."""
    order = classes.pairs(evidence.settings.rules.class_order)
    rows = evidence.tables["reopenings"].drop_duplicates("site").merge(evidence.given("applications"), on="site")
    kind = looked_up(rows["site"], evidence.given("sites"), "site", "kind")
    rows["label"] = [classes.label(k, c) for k, c in zip(kind, rows["class"], strict=True)]
    violations = []
    for label in sorted(set(rows["label"])):
        before = rows[[(other, label) in order for other in rows["label"]]]
        for row in rows[rows["label"] == label].to_dict("records"):
            waits = before[(before["earliest"] <= row["first_day"]) & (before["first_day"] > row["first_day"])]
            found = waits.assign(site=row["site"], day=row["first_day"], other=waits["site"], waits=waits["first_day"])
            message = "resumes {day}, before {other} of class {label}, which could and resumes only {until}"
            found = found.rename(columns={"waits": "until"})
            violations += evidence.found("class_order", found.head(1), ["site"], message)
    return violations

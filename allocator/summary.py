"""What a plan achieves and what it leaves short, for the organizer: as text and as one document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allocator.console import aligned, percent, value
from allocator.plan import Plan
from allocator.planfile import certificate_record
from allocator.scenario import Scenario


def document(scenario: Scenario, plan: Plan) -> dict[str, Any]:
    """The summary for programs: value, proof and key figures of a plan."""
    settings = scenario.settings
    return {
        "scenario": settings.name,
        "title": settings.title,
        "start": settings.start.isoformat(),
        "days": settings.days,
        "objective": plan.objective,
        "bound": plan.bound,
        "gap": plan.gap,
        "terms": dict(plan.terms),
        "certificates": [certificate_record(c) for c in plan.certificates],
        "kpis": dict(plan.kpis),
    }


def render(scenario: Scenario, plan: Plan, folder: str, seconds: float) -> str:
    """The summary for people: who and what is covered, what is short, and how good the plan is."""
    kpis = plan.kpis
    parts = [
        _head(scenario, kpis["people"]),
        _coverage("kind of site", kpis["by_kind"], "kind", {}),
        _coverage("district", kpis["by_district"], "district", _names(scenario, "districts", "district")),
        _batches(kpis["batches"]),
        _tiers(kpis["supplies"], scenario.settings.supply.budget),
        _worst(kpis["worst_sites"], _names(scenario, "districts", "district")),
        _sites(kpis),
        _cases(kpis),
        _terms(plan),
        _proof(plan, seconds),
        f"The plan is in {folder}",
    ]
    return "\n\n".join(part for part in parts if part)


def _names(scenario: Scenario, table: str, key: str) -> dict[str, str]:
    frame = scenario.table(table)
    return dict(zip(frame[key].tolist(), frame["name"].tolist(), strict=True))


def _head(scenario: Scenario, people: dict[str, int]) -> str:
    settings = scenario.settings
    title = settings.title or settings.name
    share = _share(people["covered"], people["required"])
    return (
        f"{title}: {settings.days} days from {settings.start.isoformat()}\n"
        f"{people['posted']:,} of {people['cadres']:,} cadres posted, {people['shifts']:,} shifts worked; "
        f"{people['covered']:,} of {people['required']:,} required person-shifts covered ({share}), "
        f"{people['present']:,} of {people['target']:,} wanted"
    )


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _coverage(title: str, rows: Sequence[dict[str, Any]], key: str, names: dict[str, str]) -> str:
    header = (f"person-shifts by {title}", "required", "covered", "", "short", "wanted", "present", "")
    lines = [
        (
            _named(row[key], names),
            *(f"{row[n]:,}" for n in ("required", "covered")),
            _share(row["covered"], row["required"]),
            f"{row['required'] - row['covered']:,}",
            *(f"{row[n]:,}" for n in ("target", "present")),
            _share(row["present"], row["target"]),
        )
        for row in rows
    ]
    return aligned(header, lines)


def _named(code: str, names: dict[str, str]) -> str:
    name = names.get(code, "")
    return f"{code} {name}" if name and name != code else code


def _batches(rows: Sequence[dict[str, Any]]) -> str:
    header = ("batch", "start", "size", "posted")
    return aligned(
        header, [(r["batch"], r["start"], f"{r['size']:,}", f"{r['posted']:,}") for r in rows], left=2
    )


def _tiers(supplies: dict[str, Any], budget: float) -> str:
    header = ("units by tier", "needed", "used", "", "short")
    rows = [
        (
            r["tier"],
            f"{r['needed']:,}",
            f"{r['used']:,}",
            _share(r["used"], r["needed"]),
            f"{r['shortage']:,}",
        )
        for r in supplies["by_tier"]
    ]
    kits = sum(row["kits"] for row in supplies["by_item"])
    spent = (
        f"kits of those at work {kits:,} units; {supplies['shipments']:,} shipments; "
        f"orders {value(supplies['ordered_cost'], 0)} of {value(budget, 0)} yuan"
    )
    return f"{aligned(header, rows)}\n{spent}".lstrip()


def _worst(rows: Sequence[dict[str, Any]], districts: dict[str, str]) -> str:
    header = ("worst places", "name", "kind", "district", "person-shifts short", "units short", "penalty")
    lines = [
        (
            r["site"],
            r["name"],
            r["kind"],
            _named(r["district"], districts),
            f"{r['people_short']:,}",
            f"{r['goods_short']:,}",
            value(r["penalty"]),
        )
        for r in rows
    ]
    return aligned(header, lines, left=4)


def _sites(kpis: Mapping[str, Any]) -> str:
    """What opens and resumes."""
    lines = []
    if (found := kpis.get("openings")) is not None:
        lines.append(
            f"{found['opened']:,} of {found['candidates']:,} candidates open, {found['places']:,} places for "
            f"{value(found['cost'], 0)} yuan; {found['without_place']:,} of {found['person_days']:,} "
            "person-days under observation without a place"
        )
    if (found := kpis.get("reopenings")) is not None:
        classes = ", ".join(f"{r['class']} {r['resumed']:,} of {r['applications']:,}" for r in found["by_class"])
        lines.append(
            f"{found['resumed']:,} of {found['applications']:,} applications resume ({classes}), "
            f"{_share(found['value'], found['value_asked'])} of the value asked for"
        )
    return "\n".join(lines)


def _cases(kpis: Mapping[str, Any]) -> str:
    """Each demand case, their mean and the worst."""
    if "cases" not in kpis:
        return ""
    header = ("demand case", "probability", "penalty", "person-shifts short", "units short", "without a place")
    sums = ("objective", "people_short", "goods_short", "without_place")
    rows = [
        (r["case"], percent(r["probability"]), *(value(r[n], 1 if n == "objective" else 0) for n in sums))
        for r in [*kpis["cases"], {"case": "expected", "probability": None, **kpis["expected"]}]
    ]
    shown = f"the figures above are those of {kpis['case']}; the worst case is {kpis['worst']['case']}"
    return f"{aligned(header, rows)}\n{shown}"


def _terms(plan: Plan) -> str:
    rows = [(name, value(amount)) for name, amount in plan.terms.items() if amount]
    return aligned(("term of the objective", "penalty"), rows)


def _proof(plan: Plan, seconds: float) -> str:
    """Each stage's bound and then the whole plan's."""
    header = ("proof", "status", "objective", "bound", "gap", "seconds", "solver")
    rows = [
        (
            c.stage,
            str(c.status),
            value(c.objective),
            value(c.bound),
            percent(c.gap),
            f"{c.seconds:.1f}",
            c.solver,
        )
        for c in plan.certificates
    ]
    meaning = "no plan can score below the bound" if plan.bound is not None else "nothing is proved"
    whole = (
        f"objective {value(plan.objective)}, bound {value(plan.bound)}, gap {percent(plan.gap)}: {meaning}; "
        f"{seconds:.1f} seconds in all"
    )
    return f"{aligned(header, rows, left=2)}\n{whole}".lstrip()

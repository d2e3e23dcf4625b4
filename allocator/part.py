"""The report in one language: figures of a plan as the texts, rows and pictures that its template names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from allocator.console import percent, value
from allocator.drawing import chart, city, svg
from allocator.figures import Figures, Line, rows
from allocator.words import KINDS, STATUS, TERMS, TIERS, WORDS, day_label, short_day, word

__all__ = ["Part"]

MOST_DAYS = 35
"""Longer horizons are shown by week."""
MOST_REASONS = 20


class Part:
    """The report in one language; what the template names."""

    def __init__(self, found: Figures, language: str):
        self.found, self.language = found, language
        self.plan, self.context = found.plan, found.context

    def word(self, key: str) -> str:
        return word(key, self.language, WORDS)

    @property
    def title(self) -> str:
        return self.context.title

    @property
    def span(self) -> str:
        days = self.context.days
        first, last = (day_label(day, self.language) for day in (days[0], days[-1]))
        return f"{days[0].year} · {first} – {last} · {len(days)} {self.word('days')}{self.case}"

    @property
    def case(self) -> str:
        return f" · {self.word('case')} {self.found.case}" if self.found.case else ""

    @property
    def tiles(self) -> list[dict[str, Any]]:
        city_, people = self.found.city, self.plan.kpis.get("people", {})
        posted = self.plan.table("postings")["cadre"].nunique()
        cadres = people.get("cadres", len(self.context.table("cadres")))
        needed, used = (sum(getattr(t, n) for t in self.found.tiers) for n in ("total", "got"))
        return [
            self._tile("posted", f"{posted:,}", f"/ {cadres:,} {self.word('cadres')}"),
            self._tile("coverage", _share(city_.got, city_.total), f"{city_.got:,} / {city_.total:,}"),
            self._tile("short_shifts", f"{city_.short:,}", self.word("all_days"), bad=city_.short > 0),
            self._tile("goods", _share(used, needed), f"{used:,} / {needed:,}"),
            self._tile("gap", percent(self.plan.gap), f"{self.word('bound')} {value(self.plan.bound, 0)}"),
        ]

    def _tile(self, key: str, shown: str, note: str, bad: bool = False) -> dict[str, Any]:
        return {"label": self.word(key), "value": shown, "note": note, "bad": bad}

    # -- map and time ------------------------------------------------------------------------

    @property
    def map(self) -> str:
        words = {k: self.word(k) for k in ("legend_size", "legend_colour", "depot")}
        depots = self.context.table("depots")[["lon", "lat", "name"]].itertuples(index=False, name=None)
        return city.draw(self._regions(), self._dots(), list(depots), words | {"map": self.word("city_map")})

    def _regions(self) -> list[city.Region]:
        names = self.context.names("districts")
        short = {line.key: line.short for line in self.found.districts}
        outlines = self.context.table("outlines").sort_values(["district", "ring", "point"])
        regions = []
        for district, points in outlines.groupby("district", sort=False):
            rings = [list(zip(r["lon"], r["lat"], strict=True)) for _, r in points.groupby("ring")]
            code = str(district)
            note = f"{self.word('short')} {short.get(code, 0):,}"
            regions.append(city.Region(rings, names.get(code, code), note))
        return regions

    def _dots(self) -> list[city.Dot]:
        return [
            city.Dot(row.lon, row.lat, row.required, row.short, self._told(row))
            for row in rows(self.found.sites)
        ]

    def _told(self, row: Any) -> str:
        kind = word(row.kind, self.language, KINDS)
        if not row.required:
            return f"{row.name} ({kind}): {self.word('nothing_needed')}"
        short = f"{self.word('short')} {row.short:,}" if row.short else self.word("none_short")
        return f"{row.name} ({kind}): {row.required - row.short:,} / {row.required:,}, {short}"

    @property
    def periods(self) -> list[dict[str, Any]]:
        days = self.context.days
        return [
            {"label": short_day(days[s.start]), "weekend": self._daily and days[s.start].weekday() > 4}
            for s in self._spans
        ]

    @property
    def _daily(self) -> bool:
        return self.found.days <= MOST_DAYS

    @property
    def _spans(self) -> list[slice]:
        step = 1 if self._daily else 7
        return [slice(n, n + step) for n in range(0, self.found.days, step)]

    @property
    def districts(self) -> list[dict[str, Any]]:
        names = self.context.names("districts")
        return self._heat(self.found.districts, lambda key: names.get(key, key))

    @property
    def kinds(self) -> list[dict[str, Any]]:
        return self._heat(self.found.kinds, lambda key: word(key, self.language, KINDS))

    def _heat(self, lines: Sequence[Line], name: Callable[[str], str]) -> list[dict[str, Any]]:
        rows = [(name(line.key), line) for line in lines] + [(self.word("all"), self.found.city)]
        return [{"label": label, "cells": self._cells(line)} for label, line in rows]

    def _cells(self, line: Line) -> list[dict[str, str]]:
        sums = [(sum(line.asked[s]), sum(line.there[s])) for s in [*self._spans, slice(None)]]
        return [_cell(asked, there) for asked, there in sums]

    @property
    def scale(self) -> list[str]:
        return svg.shade_labels()

    @property
    def chart(self) -> str:
        return self._bars(self.word("over_time"), self.found.city, chart.WIDTH)

    def _bars(self, label: str, line: Line, width: float) -> str:
        asked, there = ([sum(v[s]) for s in self._spans] for v in (line.asked, line.there))
        return chart.bars(label, [p["label"] for p in self.periods], asked, there, width)

    # -- goods, places, proof ----------------------------------------------------------------

    @property
    def tiers(self) -> list[dict[str, Any]]:
        rows = []
        for line in self.found.tiers:
            label = word(line.key, self.language, TIERS)
            note = f"{line.got:,} / {line.total:,} ({_share(line.got, line.total)})"
            rows.append({"label": label, "note": note, "chart": self._bars(label, line, chart.HALF)})
        return rows

    @property
    def kits(self) -> str:
        kits, sent = self.found.kits, len(self.plan.table("shipments"))
        if self.language == "zh":
            return f"另有 {kits:,} 件由在岗人员随班使用;共 {sent:,} 次发货。"
        return f"Those at work use {kits:,} units besides; {sent:,} shipments in all."

    @property
    def worst(self) -> list[dict[str, str]]:
        places = self.found.sites.set_index("site")
        names = self.context.names("districts")
        return [
            {
                "site": row["site"],
                "name": row["name"],
                "kind": word(row["kind"], self.language, KINDS),
                "district": names.get(row["district"], row["district"]),
                "township": str(places["township"].get(row["site"], "")),
                "people": f"{row['people_short']:,}",
                "goods": f"{row['goods_short']:,}",
                "penalty": value(row["penalty"]),
            }
            for row in self.plan.kpis.get("worst_sites", [])
        ]

    @property
    def reasons(self) -> list[dict[str, str]]:
        table = self.plan.table("reasons").sort_values(["gain", "site"], ascending=[False, True])
        names = self.context.names("sites")
        return [
            {
                "site": names.get(row.site, row.site),
                "what": row.what,
                "day": self.date(row.day).isoformat(),
                "shortage": f"{row.shortage:,.0f}",
                "reason": self._spoken(row, "reason"),
                "fix": self._spoken(row, "fix"),
                "gain": value(row.gain),
            }
            for row in rows(table.head(MOST_REASONS))
        ]

    def _spoken(self, row: Any, column: str) -> str:
        """A text in the language of the report where there is one."""
        chinese = getattr(row, f"{column}_zh", "") if self.language == "zh" else ""
        return str(chinese or getattr(row, column))

    def date(self, day: int) -> date:
        return self.context.settings.horizon.date(day)

    @property
    def townships(self) -> list[dict[str, str]]:
        names = self.context.names("districts")
        return [
            {
                "district": names.get(row.district, row.district),
                "township": row.township,
                "required": f"{row.required:,}",
                "covered": f"{row.covered:,}",
                "short": f"{row.short:,}",
                "share": _share(row.covered, row.required),
            }
            for row in rows(self.found.townships)
        ]

    @property
    def proved(self) -> str:
        plan = self.plan
        if plan.bound is None:
            return "尚无下界。" if self.language == "zh" else "Nothing is proved of this plan."
        parts = value(plan.objective), value(plan.bound), percent(plan.gap)
        if self.language == "zh":
            return "本方案罚分 {},任何方案都不可能低于下界 {}:与最优方案的差距至多 {}。".format(*parts)
        return "The plan scores {}, and no plan can score below {}: it is at most {} from the best.".format(*parts)

    @property
    def certificates(self) -> list[dict[str, str]]:
        return [
            {
                "stage": word(c.stage, self.language, TERMS),
                "status": word(c.status, self.language, STATUS),
                "objective": value(c.objective),
                "bound": value(c.bound),
                "gap": percent(c.gap),
                "seconds": f"{c.seconds:.1f}",
                "solver": c.solver,
            }
            for c in self.plan.certificates
        ]

    @property
    def terms(self) -> list[tuple[str, str]]:
        terms = self.plan.terms.items()
        return [(word(name, self.language, TERMS), value(amount)) for name, amount in terms if amount]

    @property
    def versions(self) -> str:
        return ", ".join(f"{name} {version}" for name, version in self.plan.versions.items())


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _cell(asked: int, there: int) -> dict[str, str]:
    if not asked:
        return {"text": "·", "shade": "none", "title": "0"}
    share = there / asked
    return {
        "text": f"{int(100 * share)}",
        "shade": f"s{svg.shade(1 - share)}",
        "title": f"{there:,} / {asked:,}",
    }

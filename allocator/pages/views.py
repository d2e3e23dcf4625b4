"""The pages behind the door: city, district, roster, place, duty card, search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, g, redirect, render_template, request, url_for
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Answer

from allocator.drawing import svg
from allocator.pages import facts, picture
from allocator.pages.language import say
from allocator.pages.reader import Gate, Reader, case, cases, days, in_case, title
from allocator.sentences import RULE_SENTENCES
from allocator.service import log
from allocator.service.problem import RefusedError
from allocator.store import Run
from allocator.words import LANGUAGES, WEEKDAYS, duty_letters

FIRST = 12
"""Gaps and places shown before the rest is folded away."""
MOST_REASONS, MOST_FOUND = 30, 40
STYLE = Path(__file__).resolve().parent.parent / "templates"


@dataclass(frozen=True)
class Scene:
    """Whose page it is, of which run, on which day."""

    reader: Reader
    run: Run
    scope: str | None
    day: date
    today: date

    @property
    def days(self) -> list[dict[str, Any]]:
        """Every day with what is short on it, for the strip of days."""
        tallies = self.reader.days(self.run, self.scope)
        found = []
        for day in days(self.run):
            tally = tallies[day.isoformat()]
            level = svg.shade(tally.short / tally.required) if tally.required else 0
            found.append({"day": day, "short": tally.short, "level": level, "chosen": day == self.day})
        return found

    @property
    def elsewhen(self) -> bool:
        """The plan does not have today."""
        return self.today not in days(self.run)

    @property
    def cases(self) -> list[tuple[str, float, bool]]:
        """Every demand case, its probability and whether it is shown; none where there is but one."""
        known, shown = cases(self.run), case(self.run)
        return [(name, share, name == shown) for name, share in known.items()] if len(known) > 1 else []

    def tally(self, day: date) -> Any:
        return self.reader.days(self.run, self.scope).get(day.isoformat())


class Views:
    """Answers of the pages."""

    def __init__(self, reader: Reader, gate: Gate, today: Callable[[], date]):
        self.reader, self.gate, self.today = reader, gate, today

    def scene(self, scope: str | None) -> Scene:
        run = self.gate.current()
        if run is None:
            abort(503, "no_run")
        shown = in_case(run, request.args.get("case", ""))
        return Scene(self.reader, shown, scope, self._day(run), self.today())

    def _day(self, run: Run) -> date:
        """The day asked for, or today; the nearest day the plan has."""
        known = days(run)
        try:
            wish = date.fromisoformat(request.args.get("day", ""))
        except ValueError:
            wish = self.today()
        return min(max(wish, known[0]), known[-1])

    def home(self) -> Answer:
        own = g.caller.district
        day = request.args.get("day")
        if own is None:
            return redirect(url_for("pages.city", day=day))
        return redirect(url_for("pages.district", district=own, day=day))

    def city(self) -> Answer | str:
        if g.caller.district is not None:
            return self.home()
        scene = self.scene(None)
        found = facts.places(self.reader, scene.run, None, scene.day)
        names = self.reader.table(scene.run, "districts", None)
        return render_template(
            "pages/city.html",
            **self._common(scene, say("city")),
            night=facts.night(self.reader, scene.run, None, scene.day),
            districts=_districts(names, found),
            townships=facts.townships(found),
            names={code: row["name"] for code, row in names.items()},
            sites=found,
            map=picture.map_of(scene.reader, scene.run, None, scene.day, found),
            first=FIRST,
        )

    def district(self, district: str) -> str:
        scene = self._own(district)
        run, day = scene.run, scene.day
        found = facts.places(self.reader, run, district, day)
        work = self.reader.rows(run, "assignments", district, day=day.isoformat())
        return render_template(
            "pages/district.html",
            **self._common(scene, self._name(run, district)),
            district=district,
            night=facts.night(self.reader, run, district, day),
            next_day=facts.night(self.reader, run, district, day + timedelta(days=1)),
            sites=found,
            townships=facts.townships(found),
            roster=facts.shifts(self.reader, run, district, work),
            arrivals=facts.arrivals(self.reader, run, district, day),
            places=self.reader.table(run, "sites", district),
            reasons=self._reasons(run, district)[:MOST_REASONS],
            map=picture.map_of(scene.reader, run, district, day, found),
            first=FIRST,
        )

    def roster(self, district: str) -> str:
        scene = self._own(district)
        first = facts.monday(scene.day)
        week = [first + timedelta(days=n) for n in range(7)]
        return render_template(
            "pages/roster.html",
            **self._common(scene, self._name(scene.run, district)),
            district=district,
            week=week,
            weeks=sorted({facts.monday(day) for day in days(scene.run)}),
            rows=facts.week(self.reader, scene.run, district, first),
            duties=self.reader.table(scene.run, "duties", district),
            letters=duty_letters(self.reader.table(scene.run, "duties", district)),
        )

    def site(self, site: str) -> str:
        scene = self.scene(g.caller.district)
        run, day = scene.run, scene.day
        place = self.reader.table(run, "sites", scene.scope).get(site)
        if place is None:
            abort(404)
        own = Scene(self.reader, run, place["district"], day, scene.today)
        work = self.reader.rows(run, "assignments", place["district"], site=site, day=day.isoformat())
        cells = self.reader.rows(run, "coverage", place["district"], site=site)
        return render_template(
            "pages/site.html",
            **self._common(own, place["name"]),
            place=place,
            district=self._name(run, place["district"]),
            grid=_grid(facts.shifts(self.reader, run, place["district"], cells), days(run)),
            roster=facts.shifts(self.reader, run, place["district"], work),
            arrivals=facts.arrivals(self.reader, run, place["district"], day, site),
            supply=self._supply(run, place, day),
            reasons=self._reasons(run, place["district"], site=site),
        )

    def cadre(self, cadre: str) -> str:
        scene = self.scene(g.caller.district)
        run = scene.run
        who = self.reader.table(run, "cadres", scene.scope).get(cadre)
        if who is None:
            abort(404)
        posting = next(iter(self.reader.rows(run, "postings", scene.scope, cadre=cadre)), None)
        work = self.reader.rows(run, "assignments", scene.scope, cadre=cadre)
        found = facts.shifts(self.reader, run, scene.scope, work)
        place = self.reader.table(run, "sites", scene.scope)[posting["site"]] if posting else None
        return render_template(
            "pages/cadre.html",
            **self._common(scene, cadre),
            who=who,
            posting=posting,
            place=place,
            district=self._name(run, place["district"]) if place else "",
            next=next((row for row in found if row["date"] >= scene.day), None),
            weeks=facts.calendar(found),
            weekdays=WEEKDAYS[g.language],
            kits=self._kits(run, found),
            map=picture.place_of(self.reader, run, place) if place else "",
        )

    def find(self) -> Answer | str:
        scene = self.scene(g.caller.district)
        wish = request.args.get("q", "").strip()
        sites = self.reader.table(scene.run, "sites", scene.scope)
        if wish.upper() in self.reader.table(scene.run, "cadres", scene.scope):
            return redirect(url_for("pages.cadre", cadre=wish.upper()))
        if wish in sites:
            return redirect(url_for("pages.site", site=wish))
        low = wish.casefold()
        hits = [s for s in sites.values() if low and low in f"{s['name']} {s['site']} {s['township']}".casefold()]
        return render_template(
            "pages/find.html", **self._common(scene, say("find")), wish=wish, hits=hits[:MOST_FOUND]
        )

    # -- parts -------------------------------------------------------------------------------

    def _own(self, district: str) -> Scene:
        """The scene of a district's page; another district's answers as one that does not exist."""
        if g.caller.district not in (None, district):
            abort(404)
        scene = self.scene(district)
        if district not in self.reader.table(scene.run, "districts", None):
            abort(404)
        return scene

    def _name(self, run: Run, district: str) -> str:
        return str(self.reader.table(run, "districts", district).get(district, {}).get("name", district))

    def _common(self, scene: Scene, heading: str) -> dict[str, Any]:
        return {"scene": scene, "heading": heading, "title": title(scene.run), "scale": svg.shade_labels()}

    def _reasons(self, run: Run, district: str, **given: str) -> list[dict[str, Any]]:
        sites = self.reader.table(run, "sites", district)
        rows = self.reader.rows(run, "reasons", district, **given)
        rows.sort(key=lambda row: (-row["gain"], row["site"]))
        return [row | {"name": sites[row["site"]]["name"], "reason": _sentence(row["reason"])} for row in rows]

    def _supply(self, run: Run, place: dict[str, Any], day: date) -> list[dict[str, Any]]:
        items = self.reader.table(run, "items", place["district"])
        given = {"site": place["site"], "day": day.isoformat()}
        rows = self.reader.rows(run, "supply", place["district"], **given)
        return [row | items[row["item"]] for row in rows]

    def _kits(self, run: Run, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What a cadre uses on each shift, by duty."""
        items, kits = self.reader.table(run, "items", None), self.reader.kits(run)
        duties = {row["duty"]: row["work"] for row in found}
        return [
            {"work": work, "items": [items[k["item"]] | {"number": k["per_shift"]} for k in kits.get(duty, [])]}
            for duty, work in sorted(duties.items())
        ]


def _sentence(reason: str) -> str:
    """A rule as a sentence; any other text as it is."""
    pair = RULE_SENTENCES.get(reason)
    return reason if pair is None else pair[LANGUAGES.index(g.language)]


def _districts(names: dict[str, Any] | Any, found: list[facts.Place]) -> list[dict[str, Any]]:
    rows = {code: {"district": code, "name": row["name"], "required": 0, "short": 0} for code, row in names.items()}
    for place in found:
        rows[place.site["district"]]["required"] += place.required
        rows[place.site["district"]]["short"] += place.short
    return sorted(rows.values(), key=lambda row: -row["short"])


def _grid(cells: list[dict[str, Any]], known: list[date]) -> list[dict[str, Any]]:
    """Coverage of one site: a row per duty and shift, a cell per day."""
    rows: dict[tuple[int, str], dict[str, Any]] = {}
    for cell in cells:
        row = rows.setdefault((cell["start"], cell["work"]), cell | {"days": dict.fromkeys(known)})
        level = svg.shade(cell["shortage"] / cell["required"]) if cell["required"] else 0
        row["days"][cell["date"]] = cell | {"level": level}
    return [rows[key] for key in sorted(rows)]


def register(pages: Blueprint, reader: Reader, gate: Gate, today: Callable[[], date]) -> None:
    """Add every page, the style sheet, and pages for what goes wrong."""
    views = Views(reader, gate, today)
    pages.add_url_rule("/", "home", views.home)
    pages.add_url_rule("/city", "city", views.city)
    pages.add_url_rule("/district/<district>", "district", views.district)
    pages.add_url_rule("/district/<district>/roster", "roster", views.roster)
    pages.add_url_rule("/site/<site>", "site", views.site)
    pages.add_url_rule("/cadre/<cadre>", "cadre", views.cadre)
    pages.add_url_rule("/find", "find", views.find)
    sheets = "\n".join((STYLE / n).read_text(encoding="utf-8") for n in ("style.css", "pages/pages.css"))

    @pages.get("/style.css")
    def style() -> Response:
        answer = Response(sheets, mimetype="text/css")
        answer.headers["Cache-Control"] = "public, max-age=3600"
        return answer

    @pages.errorhandler(Exception)
    def wrong(error: Exception) -> Answer:
        if isinstance(error, RefusedError):
            return _message(error.status, {429: "slow_down"}.get(error.status, "trouble"), error.headers)
        if isinstance(error, HTTPException):
            key = "no_run" if error.description == "no_run" else {404: "not_found"}.get(error.code or 500, "trouble")
            return _message(error.code or 500, key, {})
        log.trouble(error)
        return _message(503 if isinstance(error, SQLAlchemyError) else 500, "trouble", {})


def _message(status: int, key: str, headers: Mapping[str, str]) -> Answer:
    return Response(render_template("pages/wrong.html", message=say(key)), status, headers=dict(headers))

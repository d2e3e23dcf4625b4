"""The paths below /plans: runs, their tables, and rosters in the forms people work with."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Response, g, request

from allocator.service import formats, models
from allocator.service.access import Access
from allocator.service.answers import Answer, Shelf, answer, matches, tag_of, unchanged
from allocator.service.calendar import calendar
from allocator.service.formats import CSV, ICS, JSON, XLSX
from allocator.service.problem import RefusedError
from allocator.service.roster import lines
from allocator.service.spreadsheet import spreadsheet
from allocator.store import CURRENT, Page, Place, Run, Store, organizers_only

ROSTERS = "assignments"
"""The table that is served as workbook and calendar too."""
SHIFT = tuple(models.ShiftEntry.model_fields)
CHECKED = ("site", "cadre", "district")
"""Filters whose value must exist, for this reader: an empty answer to a misspelt name would mislead."""

class Plans:
    """The views; all they need of the service."""

    def __init__(self, store: Store, access: Access, shelf: Shelf):
        self.store, self.access, self.shelf = store, access, shelf

    # ---- runs

    def list(self) -> Response:
        """All published runs, the newest first."""
        self.access.work(g.caller)
        body = formats.json_text({"plans": [_entry(run) for run in self.store.runs.all()]})
        return answer(body, JSON, tag_of(body)).response()

    def one(self, path: models.RunPath) -> Response:
        """One run: what it is of, how many rows it has and, for organizers, what it is worth."""
        self.access.work(g.caller)
        run, district = self.access.run(path.run), g.caller.district
        head = run.head
        told = {k: head[k] if district is None else None for k in ("objective", "bound", "gap", "terms", "kpis")}
        told["certificates"] = head["certificates"] if district is None else None
        shifts = [{"night": False} | {k: s[k] for k in SHIFT if k in s} for s in head["shifts"]]
        tables = self.store.runs.counts(run.number, district)
        body = formats.json_text(_entry(run) | {"shifts": shifts, "tables": tables} | told)
        return answer(body, JSON, tag_of(body)).response()

    # ---- tables

    def kept(self) -> Response | None:
        """An answer that was given before to the same question, if there is one."""
        run = (request.view_args or {}).get("run")
        if run is None or request.method not in ("GET", "HEAD"):
            return None
        g.question = self._question(self.access.run(run))
        found = self.shelf.get(g.question)
        g.cached = found is not None
        return None if found is None else found.response()

    def _question(self, run: Run) -> tuple[Any, ...]:
        scope = (run.number, run.digest, g.caller.district)
        return (*scope, request.endpoint, request.query_string, request.headers.get("Accept", ""))

    def table(self, name: str, media: str | None, path: models.RunPath, query: Any) -> Response:
        """Rows of a table; `media` None: what Accept asks for."""
        district = g.caller.district
        if organizers_only(name) and district is not None:
            raise RefusedError(403, f"{name} concern the whole city; organizers alone read them")
        media = media or formats.chosen([JSON, CSV, *((XLSX, ICS) if name == ROSTERS else ())])
        given = {k: v for k, v in query.model_dump(exclude_none=True).items() if k not in ("limit", "next")}
        run, after = self._start(name, given, path.run, getattr(query, "next", None))
        limit = getattr(query, "limit", None) or (models.PAGE if media == JSON else None)
        self._check(run, name, given)
        tag = tag_of(run.run, run.digest, name, media, district, sorted(given.items()), limit, after)
        if matches(tag):
            return unchanged(tag)
        self.access.work(g.caller)
        page = self.store.rows.page(run.number, name, district, given, after, limit)
        made = self._rendered(run, name, media, page, given, tag)
        if run.number == g.question[0]:
            self.shelf.put(g.question, made)
        return made.response()

    def _start(self, name: str, given: Mapping[str, str], run: str, token: str | None) -> tuple[Run, Place | None]:
        """The run and the place to read from: those of the page token, where there is one."""
        if token is None:
            return self.access.run(run), None
        try:
            digits = base64.urlsafe_b64decode(token.encode() + b"==")
            table, filters, number, first, part, n = json.loads(digits)
            place = Place(str(part), int(n))
        except (ValueError, TypeError, UnicodeError, binascii.Error, RecursionError):
            raise RefusedError(404, "no such page; `next` is that of the page before") from None
        found = self.access.run(str(first))
        asked = self.access.run(run)
        mixed = run != CURRENT and asked.number != found.number
        if mixed or [table, filters, number] != [name, _digest(given), found.number]:
            raise RefusedError(404, "no such page; `next` goes with the run, table and filters it came with")
        return found, place

    def _check(self, run: Run, name: str, given: Mapping[str, str]) -> None:
        """Refuse what the reader cannot see: another district; a site or cadre not among their own."""
        district = g.caller.district
        if district is not None and given.get("district", district) != district:
            raise RefusedError(403, f"this token reads district {district}")
        for word in CHECKED:
            if word in given and not self._exists(run, word, given[word], district):
                raise RefusedError(404, f"no such {word} in what this token reads of the run")

    def _exists(self, run: Run, word: str, code: str, district: str | None) -> bool:
        tables = {"site": ("sites", "depots"), "cadre": ("cadres",), "district": ("districts",)}[word]
        parts = [part for table in tables for part in self.store.rows.parts(run.number, table, code)]
        return any(district in (None, part) for part in parts)

    def _rendered(
        self, run: Run, name: str, media: str, page: Page, given: Mapping[str, str], tag: str
    ) -> Answer:
        following = None if page.end is None else _token(run, name, given, page.end)
        headers = {} if following is None else {"Link": _link(run, given, following)}
        if media == JSON:
            document = {"run": run.run, "table": name, "rows": page.records(), "next": following}
            return answer(formats.json_text(document), JSON, tag, headers)
        if media == CSV:
            return answer(formats.csv_text(page.columns, page.rows), formats.CHARSET[CSV], tag, headers)
        found = lines(self.store, run, g.caller.district, page)
        body = spreadsheet(run, found) if media == XLSX else calendar(run, found)
        suffix = "xlsx" if media == XLSX else "ics"
        headers |= {"Content-Disposition": f'attachment; filename="roster-{run.run}.{suffix}"'}
        return answer(body, formats.CHARSET.get(media, media), tag, headers)


def _entry(run: Run) -> dict[str, Any]:
    head = {k: run.head[k] for k in ("scenario", "title", "start", "days")}
    return {"run": run.run, "current": run.current, "published": run.published} | head


def _digest(given: Mapping[str, str]) -> str:
    return tag_of(*sorted(given.items()))[:8]


def _token(run: Run, name: str, given: Mapping[str, str], end: Place) -> str:
    """Where the next page begins. It says nothing of what may be read: that is looked at anew."""
    place = [name, _digest(given), run.number, run.run, end.part, end.n]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _link(run: Run, given: Mapping[str, str], following: str) -> str:
    limit = {"limit": request.args["limit"]} if "limit" in request.args else {}
    path = f"/plans/{run.run}/{request.path.rpartition('/')[2]}"
    return f'<{path}?{urlencode({**given, **limit, "next": following})}>; rel="next"'

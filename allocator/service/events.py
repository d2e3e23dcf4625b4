"""The paths below /events: what districts report, and what organizers read of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from flask import Response, g, request

from allocator.service import formats, reports
from allocator.service.access import Access
from allocator.service.answers import answer, tag_of
from allocator.service.formats import CSV, JSON
from allocator.service.models import PAGE
from allocator.service.problem import Fault, RefusedError
from allocator.store import Event, KeyUsedError, MisfitError, Store
from allocator.tables import EVENTS


class EventViews:
    """The views; all they need of the service."""

    def __init__(self, store: Store, access: Access):
        self.store, self.access = store, access

    def post(self, header: reports.ReportHeader, body: reports.Report) -> Response:
        """Keep a report; what is answered with 200 or 201 is on disk."""
        self.access.work(g.caller)
        try:
            event, new = self.store.events.report(
                header.key, self.access.current(), g.caller.district, body.kind, body.body()
            )
        except KeyUsedError as error:
            raise RefusedError(409, str(error)) from None
        except MisfitError as error:
            faults = [Fault(field=f"body.{p.column or ''}".rstrip("."), expected=p.expected) for p in error.problems]
            raise RefusedError(409, f"{len(faults)} faults in the report", faults) from None
        response = Response(formats.json_text(entry(event)), 201 if new else 200, content_type=JSON)
        response.headers["Location"] = f"/events/{event.code}"
        response.headers["Cache-Control"] = "no-store"
        return response

    def list(self, query: reports.EventsQuery) -> Response:
        """Reports a reader may see, oldest first."""
        media = formats.chosen([JSON, CSV])
        self.access.work(g.caller)
        after = max(self._number(query.next), self._since(query.since))
        limit = query.limit or (PAGE if media == JSON else None)
        found = self.store.events.all(g.caller.district, after, None if limit is None else limit + 1)
        more = limit is not None and len(found) > limit
        kept = [entry(event) for event in found[:limit]]
        following = kept[-1]["event"] if more else None
        if media == CSV:
            columns = list(reports.EventEntry.model_fields)
            body = formats.csv_text(columns, [[row[c] for c in columns] for row in kept])
        else:
            body = formats.json_text({"events": kept, "next": following})
        headers = {"Link": _link(following)} if following else {}
        return answer(body, formats.CHARSET.get(media, media), tag_of(body), headers).response(fresh=True)

    def one(self, path: reports.EventPath) -> Response:
        """One report."""
        self.access.work(g.caller)
        found = self.store.events.get(int(path.event[1:]), g.caller.district)
        if found is None:
            raise RefusedError(404, "no such event among those this token reads")
        body = formats.json_text(entry(found))
        return answer(body, JSON, tag_of(body)).response(fresh=True)

    def _since(self, run: str | None) -> int:
        return 0 if run is None else self.access.run(run).events

    def _number(self, token: str | None) -> int:
        if token is None:
            return 0
        if not (token[:1] == "E" and token[1:].isascii() and token[1:].isdigit() and len(token) < 11):
            raise RefusedError(404, "no such page; `next` is that of the page before")
        return int(token[1:])


def entry(event: Event) -> dict[str, Any]:
    """Return an event as it is told: the row of `tables.EVENTS`, and where it came from."""
    row = event.row()
    told = {name: row[name] for name in reports.EventEntry.model_fields if name in EVENTS.names}
    return told | {"district": event.district, "run": event.run, "reported": event.reported}


def _link(following: str) -> str:
    given = {k: v for k, v in request.args.items() if k != "next"}
    return f'<{request.path}?{urlencode(given | {"next": following})}>; rel="next"'

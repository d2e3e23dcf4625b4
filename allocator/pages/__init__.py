"""Pages for people: what is short tonight, who works where, what arrives, one cadre's duty card.

Rendered on the server, Chinese first; no script, nothing fetched from elsewhere. They read the
same rows as the service under `/plans`, with the same rights.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, Response, g, request
from werkzeug.wrappers import Response as Answer

from allocator.pages import door, views
from allocator.pages.language import chosen, translate
from allocator.pages.reader import Gate, Reader, Source

__all__ = ["pages"]

PREFIX = "/pages"
SMALL = 2000
"""Bytes of a page that is sent as it is."""
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def pages(store: Source, gate: Gate, today: Callable[[], date] = date.today) -> Blueprint:
    """Return the pages over a store.

    Parameters
    ----------
    gate
        Whose token a secret is, which run is in force, and how often one may ask.
    today
        The day the pages open on, where the plan has it.
    """
    made = Blueprint("pages", __name__, url_prefix=PREFIX, template_folder="../templates")
    reader = Reader(store)

    @made.before_request
    def prepare() -> Answer | None:
        g.language = chosen()
        return door.admit(gate)

    @made.after_request
    def finish(response: Response) -> Response:
        response.headers.update(HEADERS)
        if request.endpoint != "pages.style":
            response.headers["Cache-Control"] = "no-store"
        if request.args.get("lang") == g.get("language"):
            door.keep(response, "lang", g.language, 365)
        return _packed(response)

    @made.url_defaults
    def carry(endpoint: str, values: dict[str, Any]) -> None:
        if "case" in request.args and endpoint != "pages.style":
            values.setdefault("case", request.args["case"])

    @made.context_processor
    def words() -> dict[str, object]:
        return translate() | {"caller": g.get("caller"), "csrf": door.mark()}

    door.register(made, gate)
    views.register(made, reader, gate, today)
    return made


def _packed(response: Response) -> Response:
    """Compress what is long; not where the words of a search stand beside the mark of a form."""
    wanted = "gzip" in request.headers.get("Accept-Encoding", "") and request.endpoint != "pages.find"
    body = response.get_data()
    response.headers.add("Vary", "Accept-Encoding")
    if wanted and len(body) > SMALL:
        response.set_data(gzip.compress(body, 5, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response

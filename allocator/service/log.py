"""The service's log: one JSON line per request, without personal data.

A line names the route, never the path or the query, which may hold the code of a cadre.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, g, request

LOG = logging.getLogger("allocator.service")
HEADER = "X-Request-Id"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def register(app: Flask, to_stderr: bool) -> None:
    """Give every request of an app an id and a line in the log."""
    if to_stderr and not LOG.handlers:
        LOG.addHandler(logging.StreamHandler(sys.stderr))
        LOG.setLevel(logging.INFO)
        LOG.propagate = False

    @app.before_request
    def begin() -> None:
        given = request.environ.get("HTTP_X_REQUEST_ID")
        g.request_id = given if given and _ID.fullmatch(given) else secrets.token_hex(16)
        g.begun = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[HEADER] = g.get("request_id", "")
        if LOG.isEnabledFor(logging.INFO):
            LOG.info(_line("request", **_facts(response)))
        return response


def _facts(response: Response) -> dict[str, Any]:
    caller = g.get("caller")
    return {
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
        "ms": round(1000 * (time.perf_counter() - g.get("begun", time.perf_counter())), 2),
        "bytes": response.calculate_content_length(),
        "token": caller.id if caller else None,
        "cached": g.get("cached", False),
    }


def trouble(error: BaseException) -> None:
    """Log an error that is not the caller's: its kind and the lines of code it came from, no values."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames[-8:]]
    LOG.error(_line("error", kind=type(error).__name__, where=where))


def _line(event: str, **facts: Any) -> str:
    head = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event}
    return json.dumps(head | {"request_id": g.get("request_id", "")} | facts)

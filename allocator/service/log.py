"""The service's log: one JSON line per request, and per trouble of the server, without personal data.

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
        _join(logging.getLogger("waitress"))

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


def _join(server: logging.Logger) -> None:
    """Have what the server itself logs (a full queue, a socket that broke) as lines of the same form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Server())
    server.addHandler(handler)
    server.propagate = False


class _Server(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # the server puts the path behind its own words, and a path may hold the code of a cadre
        facts: dict[str, Any] = {"level": record.levelname.lower(), "message": record.getMessage().split(" /")[0]}
        if record.exc_info and record.exc_info[1]:
            facts |= _origin(record.exc_info[1])
        return json.dumps({"time": _now(), "event": "server"} | facts)


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
    LOG.error(_line("error", **_origin(error)))


def _origin(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames[-8:]]
    return {"kind": type(error).__name__, "where": where}


def _line(event: str, **facts: Any) -> str:
    head = {"time": _now(), "event": event, "request_id": g.get("request_id", "")}
    return json.dumps(head | facts)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

"""Rows as JSON and CSV, and which of them a request asks for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from flask import request

from allocator.service.problem import RefusedError

JSON, CSV = "application/json", "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ICS = "text/calendar"
SUFFIXES = {".csv": CSV, ".xlsx": XLSX, ".ics": ICS}
CHARSET = {CSV: "text/csv; charset=utf-8", ICS: "text/calendar; charset=utf-8"}


def chosen(offered: Sequence[str]) -> str:
    """Return the media type the request's Accept asks for; 406 where none on offer is."""
    if not request.headers.get("Accept"):
        return offered[0]
    found = request.accept_mimetypes.best_match(offered)
    if found is None:
        raise RefusedError(406, f"this path has {', '.join(offered)}")
    return str(found)


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """Return rows as CSV, UTF-8, with a header row; numbers as in JSON."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue().encode()


def json_text(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"

"""Errors over HTTP: one shape for all of them, RFC 9457, that tells nothing it should not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Flask, Response, g
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from allocator.service import log

MEDIA = "application/problem+json"
TITLES = {
    400: "Bad request",
    401: "A valid token is required",
    403: "Not yours to see",
    404: "There is no such thing",
    405: "Method not allowed",
    406: "No such format",
    409: "Does not fit the run in force",
    413: "Too large",
    415: "JSON is expected",
    422: "The request is malformed",
    429: "Too many requests",
    500: "Internal error",
    503: "The database does not answer",
}


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    field: str = Field(description="where: query.limit, body.first_day, ...")
    expected: str = Field(description="what belongs there")


class ProblemDocument(BaseModel):
    """Why a request was not answered (RFC 9457)."""

    type: str = Field(description="a URI reference that tells kinds of problems apart")
    title: str = Field(description="the kind of problem, for people")
    status: int = Field(ge=400, le=599, description="HTTP status")
    detail: str = Field(description="what is wrong with this request, and the way out")
    request_id: str = Field(description="the request, as it stands in the log")
    problems: list[Fault] = Field(description="every fault of the request, where it has several")


class RefusedError(Exception):
    """A request that is answered with a problem document."""

    def __init__(
        self,
        status: int,
        detail: str,
        problems: Iterable[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ):
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.problems, self.headers = tuple(problems), dict(headers or {})

    def response(self) -> Response:
        document = ProblemDocument(
            type=f"/docs#status-{self.status}",
            title=TITLES.get(self.status, "Error"),
            status=self.status,
            detail=self.detail,
            request_id=g.get("request_id", ""),
            problems=list(self.problems),
        )
        text = json.dumps(document.model_dump(), ensure_ascii=False)
        response = Response(text + "\n", self.status, content_type=MEDIA)
        response.headers.update(self.headers)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def documented(*statuses: int) -> dict[str, Any]:
    """The responses of an operation that are problems, for the OpenAPI document."""
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {str(s): {"description": TITLES[s], "content": {MEDIA: {"schema": schema}}} for s in statuses}


def malformed(error: ValidationError) -> Response:
    """Answer a request that does not fit its model; names every fault, repeats no value."""
    faults = [
        Fault(field=".".join(str(part) for part in found["loc"]) or "body", expected=found["msg"])
        for found in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    where = ", ".join(sorted({fault.field for fault in faults})[:5])
    return RefusedError(422, f"{len(faults)} faults: {where}", faults).response()


def register(app: Flask) -> None:
    """Let every error of an app be answered in this shape."""

    @app.errorhandler(RefusedError)
    def refused(error: RefusedError) -> Response:
        return error.response()

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        status = error.code or 500
        if status < 400 or (error.response is not None and status == 422):
            return error.get_response()  # type: ignore[return-value]
        headers = {k: v for k, v in error.get_headers() if k in ("Allow", "Retry-After")}
        return RefusedError(status, _DETAILS.get(status, error.description or ""), headers=headers).response()

    @app.errorhandler(SQLAlchemyError)
    def database(error: SQLAlchemyError) -> Response:
        log.trouble(error)
        return RefusedError(503, "try again in a few seconds", headers={"Retry-After": "5"}).response()

    @app.errorhandler(RecursionError)
    def nested(error: RecursionError) -> Response:
        return RefusedError(422, "the body is nested too deeply").response()

    @app.errorhandler(Exception)
    def internal(error: Exception) -> Response:
        log.trouble(error)
        return RefusedError(500, "the request id finds the cause in the log").response()


_DETAILS = {
    404: "no such path; /openapi.json lists all of them",
    405: "this path takes other methods; see the header Allow",
}

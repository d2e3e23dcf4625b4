"""The service: published plans for districts and organizers over HTTP. It serves plans, it does not solve.

app = create_app({"db": "sqlite:///allocator.db"})     # any WSGI server runs it
gunicorn --workers 2 --threads 8 'api:create_app()'    # settings come from ALLOCATOR_DB, ALLOCATOR_RATE ...
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from flask import Response, g, jsonify, redirect, request, url_for
from flask_openapi3 import Info, OpenAPI, Tag

from allocator.pages import pages
from allocator.service import docs, log, models, problem, routes
from allocator.service.access import Access
from allocator.service.answers import HARDENED, VERSION, Shelf
from allocator.service.events import EventViews
from allocator.service.offers import OfferViews
from allocator.service.plans import Plans
from allocator.service.problem import RefusedError, documented
from allocator.store import Store

SETTINGS: Mapping[str, Any] = {
    "db": "",
    "rate": 600.0,
    "failures": 300.0,
    "max_body": 65536,
    "freshness": 1.0,
    "cache_mb": 64,
    "log": True,
}
"""Settings and their defaults; in the environment ALLOCATOR_DB, ALLOCATOR_RATE ..."""

DESCRIPTION = """市里发布方案,各区取走自己的部分,有变化报上来。The city publishes plans; districts fetch their part and
report what has changed.

Every path but /healthz, /openapi.json and /docs wants a token of a district or of the organizers. A district's token
reads its own sites, the cadres posted there and its own shipments.

curl -H "Authorization: Bearer $TOKEN" "http://localhost:8000/plans/current/assignments?day=2020-02-05"

`current` is the run in force. A run never changes: keep the ETag and send it back as If-None-Match."""


def create_app(config: Mapping[str, Any] | None = None) -> OpenAPI:
    """Return the WSGI application.

    Parameters
    ----------
    config
        Keys of `SETTINGS`; what is absent is taken from the environment, then from `SETTINGS`.

    Raises
    ------
    InputError
        Where the database cannot be opened.
    """
    settings = {name: _setting(name, default, config or {}) for name, default in SETTINGS.items()}
    app = OpenAPI(
        __name__,
        info=Info(title="allocator", version=VERSION, description=DESCRIPTION),
        security_schemes={"token": {"type": "http", "scheme": "bearer"}},
        validation_error_model=problem.ProblemDocument,
        validation_error_callback=problem.malformed,
        doc_ui=False,
    )
    app.config["MAX_CONTENT_LENGTH"] = settings["max_body"]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    store = Store(settings["db"] or None)
    access = Access(store, settings["rate"], settings["failures"], settings["freshness"])
    log.register(app, settings["log"])
    problem.register(app)
    plans = Plans(store, access, Shelf(settings["cache_mb"] << 20))
    guarded = routes.register(app, plans, OfferViews(store, access), EventViews(store, access))
    _guard(app, access, plans, guarded)
    _open_paths(app, store)
    app.register_blueprint(pages(store, access))
    app.add_url_rule("/", "root", lambda: redirect(url_for("pages.home")))
    app.extensions["allocator"] = store
    return app


def _setting(name: str, default: Any, config: Mapping[str, Any]) -> Any:
    value = config.get(name, os.environ.get(f"ALLOCATOR_{name.upper()}", default))
    return value not in (False, "", "0", "false") if isinstance(default, bool) else type(default)(value)


def _guard(app: OpenAPI, access: Access, plans: Plans, guarded: set[str]) -> None:
    """Ask for a token first, then look whether the answer is there already."""

    @app.before_request
    def guard() -> Response | None:
        if request.endpoint not in guarded or request.method == "OPTIONS":
            return None
        access.caller()
        if request.method == "POST" and request.mimetype != "application/json":
            raise RefusedError(415, "send the header 'Content-Type: application/json'")
        return plans.kept()

    @app.after_request
    def harden(response: Response) -> Response:
        if not g.get("cached"):
            for name, value in HARDENED:
                response.headers.setdefault(name, value)
            if g.get("caller") is not None:
                response.headers.setdefault("Cache-Control", "no-store")
        return response


def _open_paths(app: OpenAPI, store: Store) -> None:
    """The paths that want no token."""
    service = Tag(name="service", description="服务 the service itself")

    responses: Any = {"200": models.Health} | documented(503)

    @app.get("/healthz", tags=[service], summary="Does the service reach its database?", responses=responses)
    def healthz() -> Response:
        store.ping()
        return jsonify(status="ok", database="ok")

    @app.route("/openapi.json")
    def openapi() -> Response:
        return jsonify(routes.document(app))

    @app.route("/docs")
    def docs_page() -> Response:
        response = Response(docs.page(routes.document(app)), content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        return response

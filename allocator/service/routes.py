"""The paths of the service and what the OpenAPI document says of them, table by table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask import Response
from flask_openapi3 import OpenAPI, Tag
from pydantic import BaseModel, ConfigDict

from allocator.service import models, offers, reports
from allocator.service.events import EventViews
from allocator.service.formats import CSV, ICS, JSON, SUFFIXES, XLSX
from allocator.service.offers import OfferViews
from allocator.service.plans import ROSTERS, Plans
from allocator.service.problem import documented
from allocator.store import SERVED, organizers_only
from allocator.store.schema import WORDS

PLANS = Tag(name="plans", description="已发布的方案 published runs")
TABLES = Tag(name="tables", description="方案的各张表 the tables of a run")
SITES = Tag(name="sites", description="缺人的点位 places that are short")
EVENTS = Tag(name="events", description="区县上报 what districts report")
TOKEN: Any = {"security": [{"token": []}]}
UNCHANGED = {"304": {"description": "Nothing has changed since the answer with this ETag"}}
TEXT, BINARY = {"type": "string"}, {"type": "string", "format": "binary"}
LINK = {"Link": {"description": "the page that follows, where there is one", "schema": TEXT}}
TAGGED = {"ETag": {"description": "changes when the rows do", "schema": TEXT}}

Get = Callable[..., Callable[[Callable[..., Response]], Any]]


def register(app: OpenAPI, plans: Plans, gaps: OfferViews, events: EventViews) -> set[str]:
    """Add the paths that want a token to an app; return their endpoints."""
    before = set(app.view_functions)
    get = partial(app.get, **TOKEN)
    _plans(get, plans)
    for name in SERVED:
        _table(get, plans, name)
        for suffix, media in SUFFIXES.items():
            if media == CSV or name == ROSTERS:
                _file(get, plans, name, suffix, media)
    _candidates(get, gaps)
    _events(app, get, events)
    return set(app.view_functions) - before


def _plans(get: Get, views: Plans) -> None:
    many = {"200": _with(models.PlanList, TAGGED), **documented(401, 429, 503), **UNCHANGED}
    get("/plans", tags=[PLANS], summary="All published runs, the newest first", responses=many)(
        _view("list_plans", views.list)
    )
    one = {"200": _with(models.PlanDocument, TAGGED), **documented(401, 404, 422, 429, 503), **UNCHANGED}
    get("/plans/<run>", tags=[PLANS], summary="One run", responses=one)(
        _view("get_plan", views.one, path=models.RunPath)
    )


def _refusals(name: str) -> dict[str, Any]:
    return documented(401, *([403] if name not in WORDS else []), 404, 422, 429, 503)


def _table(get: Get, views: Plans, name: str) -> None:
    content: dict[str, Any] = {CSV: {"schema": TEXT}}
    if name == ROSTERS:
        content |= {XLSX: {"schema": BINARY}, ICS: {"schema": TEXT}}
    shown = _with(models.page(name), LINK | TAGGED, content)
    responses = {"200": shown, **UNCHANGED, **_refusals(name), **documented(406)}
    get(f"/plans/<run>/{name}", tags=[TABLES], summary=_summary(name), responses=responses)(
        _view(f"table_{name}", partial(views.table, name, None), path=models.RunPath, query=models.query(name))
    )


def _file(get: Get, views: Plans, name: str, suffix: str, media: str) -> None:
    content = {media: {"schema": BINARY if media == XLSX else TEXT}}
    shown = {"description": "OK", "content": content, "headers": LINK | TAGGED}
    query = models.query(name, paged=media == CSV)
    responses = {"200": shown, **UNCHANGED, **_refusals(name)}
    get(f"/plans/<run>/{name}{suffix}", tags=[TABLES], summary=_summary(name), responses=responses)(
        _view(f"table_{name}_{suffix[1:]}", partial(views.table, name, media), path=models.RunPath, query=query)
    )


def _summary(name: str) -> str:
    mark = " (organizers only)" if organizers_only(name) else ""
    return f"{name}: {SERVED[name].meaning}{mark}"


def _candidates(get: Get, views: OfferViews) -> None:
    shown = _with(offers.CandidatesDocument, TAGGED)
    responses = {"200": shown, **documented(401, 404, 422, 429, 503), **UNCHANGED}
    summary = "Who could fill a gap of the run in force, and at what cost"
    get("/sites/<site>/candidates", tags=[SITES], summary=summary, responses=responses)(
        _view("site_candidates", views.one, path=offers.SitePath, query=offers.CandidatesQuery)
    )


def _events(app: OpenAPI, get: Get, views: EventViews) -> None:
    entry = _with(reports.EventEntry, {"Location": {"description": "the event", "schema": TEXT}})
    kept: Any = {"200": entry, "201": entry, **documented(401, 409, 413, 415, 422, 429, 503)}
    app.post("/events", tags=[EVENTS], summary="Report what has changed", responses=kept, **TOKEN)(
        _view("post_event", views.post, header=reports.ReportHeader, body=reports.Report)
    )
    many = {"200": _with(reports.EventsPage, LINK, {CSV: {"schema": TEXT}})}
    get(
        "/events",
        tags=[EVENTS],
        summary="Reports, oldest first",
        responses=many | documented(401, 404, 406, 422, 429, 503),
    )(_view("list_events", views.list, query=reports.EventsQuery))
    get(
        "/events/<event>",
        tags=[EVENTS],
        summary="One report",
        responses={"200": reports.EventEntry, **documented(401, 404, 422, 429, 503)},
    )(_view("get_event", views.one, path=reports.EventPath))


def _with(
    model: type[BaseModel], headers: Mapping[str, Any], content: Mapping[str, Any] | None = None
) -> type[BaseModel]:
    """The model, as the body in JSON of a response that has these headers and other forms."""
    extra = {"headers": dict(headers), "content": dict(content or {})}
    config = ConfigDict(**model.model_config, openapi_extra=extra)  # type: ignore[typeddict-unknown-key]
    return type(model.__name__, (model,), {"model_config": config, "__module__": __name__, "__doc__": model.__doc__})


def _view(name: str, work: Callable[..., Response], **shapes: type[BaseModel]) -> Callable[..., Response]:
    """A view function with the name and the annotations the framework reads."""

    def view(**arguments: Any) -> Response:
        return work(**arguments)

    view.__name__ = view.__qualname__ = name
    view.__annotations__ = dict(shapes)
    return view


def document(app: OpenAPI) -> dict[str, Any]:
    """Return the OpenAPI document: what the framework makes, without answers that are never given."""
    made: dict[str, Any] = app.api_doc
    for item in made["paths"].values():
        for operation in item.values():
            if JSON in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
    return made

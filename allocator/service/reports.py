"""The shapes of what districts report: one model per kind of event of `tables.EVENTS`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Discriminator, Field, RootModel, StringConstraints, Tag

from allocator.service.models import Code, Day, Limit, Strict
from allocator.tables import TIERS

MOST = 1_000_000_000


def _whole(value: Any) -> Any:
    """JSON knows one kind of number: 2.0 is whole, "2" and true are not."""
    if isinstance(value, bool | str):
        raise ValueError("a whole number")
    return value


Whole = Annotated[int, Field(ge=-MOST, le=MOST), BeforeValidator(_whole)]
Count = Annotated[int, Field(ge=0, le=MOST), BeforeValidator(_whole)]


class _Report(Strict):
    first_day: Day = Field(description="first day it holds; with stock: the day it was noticed")


class _Lasting(_Report):
    last_day: Day | None = Field(None, description="last day it holds; absent: to the end of the horizon")


class Absence(_Lasting):
    """A cadre cannot come."""

    kind: Literal["absence"]
    cadre: Code


class PeopleNeed(_Lasting):
    """A site needs more or fewer people on a shift."""

    kind: Literal["need"]
    place: Code = Field(description="the site")
    duty: Code
    shift: Code
    required: Count = Field(description="people needed at least from now on")
    target: Count = Field(description="people wanted from now on; not below required")


class GoodsNeed(_Lasting):
    """A site needs more or less of an item."""

    kind: Literal["need"]
    place: Code = Field(description="the site")
    item: Code
    tier: Literal[TIERS]  # type: ignore[valid-type]
    quantity: Count = Field(description="units needed each day from now on")


class Stock(_Report):
    """Stock was lost or found."""

    kind: Literal["stock"]
    place: Code = Field(description="the site or depot")
    item: Code
    quantity: Whole = Field(description="units found; lost, if below 0")


class Closure(_Lasting):
    """A site is closed."""

    kind: Literal["closure"]
    place: Code = Field(description="the site")


def _which(given: Any) -> str:
    """The model a report is meant to fit, so that it is told what is wrong with that one."""
    kind = given.get("kind") if isinstance(given, dict) else getattr(given, "kind", None)
    if kind == "need":
        keys = given.keys() if isinstance(given, dict) else type(given).model_fields.keys()
        return "goods" if keys & {"item", "tier", "quantity"} else "people"
    return kind if isinstance(kind, str) else ""


_Any = Annotated[
    Annotated[Absence, Tag("absence")]
    | Annotated[PeopleNeed, Tag("people")]
    | Annotated[GoodsNeed, Tag("goods")]
    | Annotated[Stock, Tag("stock")]
    | Annotated[Closure, Tag("closure")],
    Discriminator(
        _which,
        custom_error_type="kind",
        custom_error_message="an object whose kind is absence, need, stock or closure",
    ),
]


class Report(RootModel[_Any]):
    """What a district reports."""

    @property
    def kind(self) -> str:
        return str(self.root.kind)

    def body(self) -> dict[str, Any]:
        """Return the columns of `tables.EVENTS` that it fills."""
        return self.root.model_dump(exclude={"kind"}, exclude_none=True)


class ReportHeader(BaseModel):
    key: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._:-]+$")] = Field(
        alias="Idempotency-Key",
        description="your name for this report: sent again under the same key, it is kept once",
    )


class EventPath(BaseModel):
    event: Annotated[str, StringConstraints(pattern=r"^E[1-9][0-9]{0,8}$")] = Field(description="code of an event")


class EventsQuery(Strict):
    since: Code | None = Field(None, description="reports that came after this run was published")
    limit: Limit | None = Field(None, description="most rows in one answer; JSON: 1000 if absent, CSV: all")
    next: Code | None = Field(None, description="`next` of the page before")


class EventEntry(BaseModel):
    """One report as it is kept: a row of the table `events`, and where it came from."""

    event: str
    kind: Literal["absence", "need", "stock", "closure"]
    first_day: Day
    last_day: str = Field(description="blank: to the end of the horizon")
    cadre: str
    place: str
    duty: str
    shift: str
    required: int
    target: int
    item: str
    tier: str
    quantity: int
    district: str = Field(description="whose place or person it is about; blank: the city's own")
    run: str = Field(description="the run in force when it came")
    reported: str = Field(description="when, UTC")


class EventsPage(BaseModel):
    events: list[EventEntry]
    next: str | None

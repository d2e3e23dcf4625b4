"""The shapes of the service's requests and answers, made from the data dictionary."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, create_model
from pydantic.json_schema import WithJsonSchema

from allocator.store import SERVED, filters
from allocator.tables import Column

PAGE, LARGEST = 1000, 10_000
CODE = r"^[^\x00-\x1f\x7f]+$"
LENGTH = 100

Code = Annotated[str, StringConstraints(min_length=1, max_length=LENGTH, pattern=CODE)]


def _day(text: str) -> str:
    if len(text) != len("2020-02-03"):
        raise ValueError("a day such as 2020-02-03")
    date.fromisoformat(text)
    return text


Day = Annotated[
    str, AfterValidator(_day), WithJsonSchema({"type": "string", "format": "date", "example": "2020-02-05"})
]
Limit = Annotated[int, Field(ge=1, le=LARGEST)]


class Strict(BaseModel):
    """A model that takes nothing it does not know: a misspelt filter must not show everything."""

    model_config = ConfigDict(extra="forbid")


class RunPath(BaseModel):
    run: str = Field(description="name of a published run, or `current`: the one in force")


class Paging(Strict):
    limit: Limit | None = Field(None, description=f"most rows in one answer; JSON: {PAGE} if absent, CSV: all")
    next: Code | None = Field(None, description="`next` of the page before, with the same filters")


_VALUES: dict[str, Any] = {"int": int, "number": float, "bool": bool, "date": Day}


def query(name: str, paged: bool = True) -> type[BaseModel]:
    """Return the model of a table's filters."""
    fields: dict[str, Any] = {}
    for word, column in filters(name).items():
        fields[word] = (_filter(name, word, column) | None, Field(None, description=_meaning(name, word, column)))
    base = Paging if paged else Strict
    return create_model(f"{name.title()}Query", __base__=base, **fields)


def _filter(name: str, word: str, column: str) -> Any:
    if word in ("day", "arrives"):
        return Day
    found = None if word == "district" else SERVED[name].column(column)
    return Literal[found.choices] if found is not None and found.choices else Code


def _meaning(name: str, word: str, column: str) -> str:
    if word == "district":
        return "rows of this district; a district's token sees no other"
    if word == "day" and column != "day":
        return "rows that hold on this day"
    return SERVED[name].column(column).meaning


def row(name: str) -> type[BaseModel]:
    """Return the model of a table's rows."""
    fields = {c.name: (_type(c), Field(description=_described(c))) for c in SERVED[name].columns}
    return create_model(f"{name.title()}Row", __config__=ConfigDict(extra="forbid"), **fields)  # type: ignore[call-overload]


def _type(column: Column) -> Any:
    if column.choices:
        return Literal[column.choices]
    return _VALUES.get(column.kind, str)


def _described(column: Column) -> str:
    return f"{column.meaning} ({column.unit})" if column.unit else column.meaning


def page(name: str) -> type[BaseModel]:
    """Return the model of a page of a table's rows."""
    following = "what to give as `next` for the rows that follow; null: none do"
    fields: dict[str, Any] = {
        "run": (str, Field(description="the run the rows are of")),
        "table": (Literal[name], ...),
        "rows": (list[row(name)], ...),  # type: ignore[misc]
        "next": (str | None, Field(description=following)),
    }
    return create_model(f"{name.title()}Page", __config__=ConfigDict(extra="forbid"), **fields)


class ShiftEntry(BaseModel):
    id: str
    start: str = Field(description="HH:MM")
    hours: float
    night: bool


class PlanEntry(BaseModel):
    """One published run. What concerns the whole city is told to organizers alone."""

    run: str
    current: bool = Field(description="whether it is in force")
    published: str = Field(description="when, UTC")
    scenario: str
    title: str
    start: Day
    days: int = Field(ge=1)


class PlanDocument(PlanEntry):
    """One published run in full; null is what a district is not told."""

    shifts: list[ShiftEntry]
    tables: dict[str, int] = Field(description="rows of each table that the reader may see")
    objective: float | None
    bound: float | None
    gap: float | None
    terms: dict[str, float] | None
    kpis: dict[str, Any] | None
    certificates: list[dict[str, Any]] | None


class PlanList(BaseModel):
    plans: list[PlanEntry]


class Health(BaseModel):
    status: Literal["ok"]
    database: Literal["ok"]

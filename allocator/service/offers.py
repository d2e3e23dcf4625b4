"""The path below /sites: who could fill a gap of the run in force, and at what cost."""

from __future__ import annotations

from typing import Annotated

from flask import Response, g
from pydantic import BaseModel, Field

from allocator.service import formats
from allocator.service.access import Access
from allocator.service.answers import answer, tag_of
from allocator.service.formats import JSON
from allocator.service.models import Code, Strict
from allocator.service.problem import RefusedError
from allocator.store import Store

LARGEST = 100


class SitePath(BaseModel):
    site: Code = Field(description="code of a site")


class CandidatesQuery(Strict):
    limit: Annotated[int, Field(ge=1, le=LARGEST)] | None = Field(None, description="most candidates; absent: all kept")


class Candidate(BaseModel):
    """A cadre who could be posted to the site; the parts of `change` add up to it."""

    cadre: str
    origin: str = Field(description="site the cadre is posted to; blank: at home")
    batch: str
    minutes: float = Field(description="travel one way (minutes)")
    shifts: int = Field(description="shifts the cadre would work there")
    covers: int = Field(description="of these, required shifts that nobody covers")
    change: float = Field(description="exact difference of the objective; below 0 the plan gets better (penalty)")
    gained_here: float = Field(description="staffing penalty removed at the site (penalty)")
    lost_there: float = Field(description="staffing penalty added at the own place (penalty)")
    travel: float = Field(description="penalty added for travel")
    moving: float = Field(description="penalty added for moving")
    fairness: float = Field(description="penalty added for fairness")
    supply: float = Field(description="penalty added for goods that kits take or set free")


class CandidatesDocument(BaseModel):
    """Who could be posted to a site, best first; a district is told of the cadres posted in it alone."""

    run: str = Field(description="the run in force")
    site: str
    shortage: int = Field(description="required person-shifts missing there")
    worked_out: bool = Field(description="false: `allocator publish` has not come to this site, or it is not short")
    candidates: list[Candidate]


class OfferViews:
    """The view; all it needs of the service."""

    def __init__(self, store: Store, access: Access):
        self.store, self.access = store, access

    def one(self, path: SitePath, query: CandidatesQuery) -> Response:
        """Candidates of one site of the run in force."""
        self.access.work(g.caller)
        run, district = self.access.current(), g.caller.district
        if run is None:
            raise RefusedError(404, "no run is in force")
        if not any(district in (None, part) for part in self.store.rows.parts(run.number, "sites", path.site)):
            raise RefusedError(404, "no such site in what this token reads of the run")
        found = self.store.offers.of(run.number, path.site, district, query.limit)
        shortage = self.store.offers.shortage(run.number, path.site)
        head = {"run": run.run, "site": path.site, "shortage": shortage, "worked_out": found is not None}
        rows = [Candidate(origin=row["from"], **row).model_dump() for row in found or ()]
        body = formats.json_text(head | {"candidates": rows})
        return answer(body, JSON, tag_of(body)).response()

"""Rules of assignments: where, when, what, and how often a person works."""

from __future__ import annotations

import numpy as np
import pandas as pd

from allocator.agenda import CELL
from allocator.errors import Violation
from allocator.judge.evidence import BACK, Evidence
from allocator.keys import positions

_DAY = 24 * 60
_WHO = ["cadre", "day", "shift"]


def available(evidence: Evidence) -> list[Violation]:
    """A cadre goes in the batch given, and works within posting and availability, not on leave."""
    own = evidence.postings["own_batch"]
    strange = evidence.postings[(own != "") & (own != evidence.postings["batch"])]
    work = _work_in_terms(evidence)
    away = work["leave"].to_numpy()
    off = ~away & ((work["day"] < work["available"]) | (work["day"] > work["until"])).to_numpy()
    outside = ~away & ~off & ((work["day"] < work["first_day"]) | (work["day"] > work["last_day"])).to_numpy()
    key = ["cadre", "day"]
    posting = "works outside the posting, {first_day} to {last_day}"
    return [
        *evidence.found(
            "available", strange, ["cadre"], "posted in batch {batch}, belongs to batch {own_batch}"
        ),
        *evidence.found("available", work[away], key, "works on a day of leave"),
        *evidence.found("available", work[off], key, "works, but is available only {available} to {until}"),
        *evidence.found("available", work[outside], key, posting),
    ]


def _work_in_terms(evidence: Evidence) -> pd.DataFrame:
    """Assignments with the cadre's days of availability and posting, and whether on leave.

    Who has no posting breaks one_site; whose site has several postings may work in any of them.
    """
    work = evidence.tables["assignments"]
    cadres = evidence.given("cadres").set_index("cadre")
    span = evidence.tables["postings"].groupby("cadre").agg({"first_day": "min", "last_day": "max"})
    always = {"first_day": 0, "last_day": evidence.settings.days - 1}
    span = span.reindex(evidence.cadres).fillna(always).astype(int)
    return work.assign(
        available=work["cadre"].map(cadres["first_day"]),
        until=work["cadre"].map(cadres["last_day"]),
        first_day=work["cadre"].map(span["first_day"]),
        last_day=work["cadre"].map(span["last_day"]),
        leave=positions(work, evidence.given("leave"), ["cadre", "day"]) >= 0,
    )


def one_site(evidence: Evidence) -> list[Violation]:
    """A cadre works only at the site of the posting."""
    work, pair = evidence.tables["assignments"], ["cadre", "site"]
    posted = evidence.tables["postings"][pair].drop_duplicates()
    elsewhere = work[positions(work, posted, pair) < 0]
    return evidence.found("one_site", elsewhere, _WHO, "works at {site} without a posting there")


def duty_asked(evidence: Evidence) -> list[Violation]:
    """Nobody works where nothing is asked that day and shift."""
    work = evidence.tables["assignments"]
    idle = work[positions(work, evidence.cells, CELL) < 0]
    return evidence.found("duty_asked", idle, _WHO, "{site} asks for no {duty} on this shift")


def skill_held(evidence: Evidence) -> list[Violation]:
    """A duty that takes a skill is done by those who have it."""
    work = evidence.tables["assignments"]
    needed = work["duty"].map(evidence.given("duties").set_index("duty")["skill"])
    cadres = evidence.given("cadres")
    skills = cadres[["cadre"]].assign(skill=cadres["skills"].str.split(";")).explode("skill")
    skills = skills.assign(skill=skills["skill"].str.strip()).drop_duplicates()
    work = work.assign(skill=needed)
    lacking = work[(work["skill"] != "").to_numpy() & (positions(work, skills, ["cadre", "skill"]) < 0)]
    return evidence.found(
        "skill_held", lacking, _WHO, "{duty} takes the skill {skill}, which the cadre lacks"
    )


def night_allowed(evidence: Evidence) -> list[Violation]:
    """Night shifts are for those who may work them."""
    work = _nights(evidence)
    cadres = evidence.given("cadres")
    unfit = work[work["cadre"].isin(cadres.loc[~cadres["night_ok"].astype(bool), "cadre"])]
    return evidence.found("night_allowed", unfit, _WHO, "{shift} is a night shift; this cadre works none")


def _nights(evidence: Evidence) -> pd.DataFrame:
    return _dark(evidence, evidence.tables["assignments"])


def _dark(evidence: Evidence, work: pd.DataFrame) -> pd.DataFrame:
    shifts = evidence.shifts
    return work[work["shift"].isin(shifts.loc[shifts["night"].astype(bool), "shift"])]


def one_shift_per_day(evidence: Evidence) -> list[Violation]:
    """A cadre works at most one shift a day."""
    worked = evidence.worked[:, BACK:]
    twice = _where(evidence, worked > 1, shifts=worked)
    return evidence.found("one_shift_per_day", twice, ["cadre", "day"], "{shifts} shifts on one day")


def rest_between_shifts(evidence: Evidence) -> list[Violation]:
    """From the end of a shift to the start of one next day lie at least rest_hours."""
    work, shifts = evidence.work, evidence.shifts.set_index("shift")
    at = evidence.cadres.get_indexer(pd.Index(work["cadre"])), BACK + work["day"].to_numpy(dtype=np.int64)
    last_end = np.full(evidence.worked.shape, -np.inf)
    first_start = np.full(evidence.worked.shape, np.inf)
    np.maximum.at(last_end, at, work["shift"].map(shifts["end"]).to_numpy(dtype=float))
    np.minimum.at(first_start, at, work["shift"].map(shifts["start"]).to_numpy(dtype=float))
    # from the evening before the first day on
    rest = (_DAY - last_end[:, BACK - 1 : -1] + first_start[:, BACK:]) / 60
    rest_hours = evidence.settings.rules.rest_hours
    short = _where(evidence, rest < rest_hours - 1e-9, -1, hours=rest)
    message = "{hours:g} hours of rest before " + f"the shift of the next day, at least {rest_hours:g} due"
    return evidence.found("rest_between_shifts", short, ["cadre", "day"], message)


def max_run(evidence: Evidence) -> list[Violation]:
    """Nobody works more than max_run days on end."""
    longest = evidence.settings.rules.max_run
    run = np.zeros(len(evidence.cadres), dtype=int)
    runs = np.zeros_like(evidence.worked)
    for day in range(runs.shape[1]):
        run = np.where(evidence.worked[:, day] > 0, run + 1, 0)
        runs[:, day] = run
    last = np.pad(runs[:, 1:], ((0, 0), (0, 1))) == 0
    over = _where(evidence, (last & (runs > longest))[:, BACK:], length=runs[:, BACK:])
    message = f"{{length}} days worked on end, the last this one; at most {longest}"
    return evidence.found("max_run", over, ["cadre", "day"], message)


def max_shifts_7_days(evidence: Evidence) -> list[Violation]:
    """Nobody works more than max_shifts_7_days shifts in any seven days."""
    most = evidence.settings.rules.max_shifts_7_days
    return _seven_days(evidence, "max_shifts_7_days", evidence.worked, most, "shifts")


def max_nights_7_days(evidence: Evidence) -> list[Violation]:
    """Nobody works more than max_nights_7_days night shifts in any seven days."""
    nights, most = evidence.count(_dark(evidence, evidence.work)), evidence.settings.rules.max_nights_7_days
    return _seven_days(evidence, "max_nights_7_days", nights, most, "night shifts")


def _seven_days(evidence: Evidence, rule: str, worked: np.ndarray, most: int, what: str) -> list[Violation]:
    """One violation per stretch of windows with too many, named by the first day of its first window.

    `worked` begins BACK days before the first, so that the first window ends on the first day. What was
    worked before is beyond judgement: a window counts if something of this plan falls into it.
    """
    sums, inside = _windows(worked), _windows(np.where(np.arange(worked.shape[1]) < BACK, 0, worked))
    over = (sums > most) & (inside > 0)
    begins = over & ~np.pad(over[:, :-1], ((0, 0), (1, 0)))
    rows = _where(evidence, begins, -BACK, shifts=sums)
    message = f"{{shifts}} {what} in the seven days from this one, at most {most}"
    return evidence.found(rule, rows, ["cadre", "day"], message)


def _windows(worked: np.ndarray) -> np.ndarray:
    """Sums of the seven days from each day on."""
    so_far = np.pad(np.cumsum(worked, axis=1), ((0, 0), (1, 6)), mode="edge")
    so_far[:, 0] = 0
    return so_far[:, 7:] - so_far[:, :-7]


def _where(evidence: Evidence, mask: np.ndarray, first: int = 0, **values: np.ndarray) -> pd.DataFrame:
    """(cadre, day) where the mask holds, with the values that stand there; its first column is day `first`."""
    cadre, column = np.nonzero(mask)
    columns = {name: value[cadre, column] for name, value in values.items()}
    return pd.DataFrame({"cadre": evidence.cadres[cadre], "day": first + column, **columns})

"""Why a shortage remains, and the cheapest way to end it.

The reason is a fact checked on the tables: nobody has the skill, nobody who has it can reach the
place, the batch comes later, the kit is missing, the rules of work bind, or those in reach are worth
more where they are. A fix is built around the plan in hand (`remedies`), and shown only after the
verifier has found the whole plan with it sound, the shortage gone and the objective no worse. Fixes of
different sites touch neither each other's people nor each other's goods, so they are judged together,
one of each site at a time. What they could share, doors and stock of the depots, is summed up for
each alone before, and is no limit when they are judged together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocator import fixes, remedies
from allocator.candidates import measured
from allocator.console import aligned
from allocator.errors import InputError, Problem
from allocator.fixes import Fix
from allocator.keys import totals
from allocator.outcome import measured_plan, reused
from allocator.phrases import Reason, fix_words, goods_reason, people_reason
from allocator.plan import Plan
from allocator.problems import nearest
from allocator.scenario import Scenario
from allocator.state import State
from allocator.tables import OUTPUTS, TIERS
from allocator.verifier import verify

__all__ = [
    *("Explained", "Shortage", "ended", "explained", "named", "reasons", "rendered", "shared", "shortages"),
    *("sites_of", "updated", "with_fixes"),
]

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Shortage:
    """One row of `reasons`: people missing on a post, or goods missing on a need line."""

    site: int
    index: int
    """post, or need line"""
    people: bool
    short: np.ndarray
    """[D] persons or units"""

    @property
    def day(self) -> int:
        return int(np.flatnonzero(self.short)[0])


@dataclass(frozen=True)
class Explained:
    """A shortage with its reason and, if one was found and proved, its fix."""

    shortage: Shortage
    reason: Reason
    fix: Fix | None


def shortages(state: State, sites: np.ndarray | None = None) -> list[Shortage]:
    """All shortages of some sites (of all), people before goods, sites in their order."""
    inst, goods = state.inst, state.goods
    wanted = np.ones(len(inst.sites), bool) if sites is None else np.isin(np.arange(len(inst.sites)), sites)
    short = np.maximum(inst.required - state.board.staffed, 0)
    posts = np.flatnonzero(short.any(axis=1) & wanted[inst.post_site]) if len(inst.post_site) else ()
    found = [Shortage(int(inst.post_site[p]), int(p), True, short[p]) for p in posts]
    used = np.where(state.supply_row >= 0, state.plan.tables["supply"]["used"].to_numpy()[state.supply_row], 0)
    missing = np.maximum(goods.need - used, 0)
    lines = np.flatnonzero(missing.any(axis=1) & wanted[goods.need_site]) if len(goods.need) else ()
    found += [Shortage(int(goods.need_site[r]), int(r), False, missing[r]) for r in lines]
    return sorted(found, key=lambda s: (s.site, not s.people, s.index))


def explained(state: State, wanted: Sequence[Shortage], tell: Tell = lambda line: None) -> list[Explained]:
    """Reason and verified fix of each shortage."""
    drafts: list[tuple[int, Fix]] = []
    why: list[Reason] = []
    for n, s in enumerate(wanted):
        if n and n % 1000 == 0:
            tell(f"{n} of {len(wanted)} shortages looked at")
        why.append(_reason(state, s))
        fix = _fix(state, s)
        if fix is not None:
            drafts.append((n, fix))
    proved: dict[int, Fix] = {}
    turns = list(_turns(wanted, [(n, fix) for n, fix in drafts if _alone(state, fix)]))
    for turn, batch in enumerate(turns, start=1):
        tell(f"turn {turn} of {len(turns)}: a plan with {len(batch)} fixes")
        proved |= _proved(state, wanted, batch)
    return [Explained(s, why[n], proved.get(n)) for n, s in enumerate(wanted)]


def _fix(state: State, s: Shortage) -> Fix | None:
    if s.people:
        return remedies.people(state, s.index, s.short)
    return remedies.goods(state, s.site, int(state.goods.need_item[s.index]), s.index)


def _turns(wanted: Sequence[Shortage], drafts: list[tuple[int, Fix]]) -> Iterator[list[tuple[int, Fix]]]:
    """Fixes that can be judged together: one of each site."""
    left = drafts
    while left:
        turn = list({wanted[n].site: (n, fix) for n, fix in left[::-1]}.values())[::-1]
        yield turn
        taken = {n for n, _ in turn}
        left = [(n, fix) for n, fix in left if n not in taken]


def _alone(state: State, fix: Fix) -> bool:
    """Do doors and stock of the depots bear the fix by itself?"""
    goods = state.goods
    place, item = {p: n for n, p in enumerate(goods.places)}, {i: n for n, i in enumerate(goods.items)}
    litres, units = np.zeros_like(state.door), np.zeros_like(state.spare)
    for depot, name, day, quantity in fix.deliveries:
        units[place[depot], item[name], day:] -= quantity
    for depot, wider in fix.doors:
        litres[place[depot]] -= wider
    for p in fix.parcels:
        litres[place[p.depot], p.day] += p.units * goods.volume[item[p.item]]
        units[place[p.depot], item[p.item], p.day :] += p.units
    return bool((litres <= np.maximum(state.door, 0.0) + 1e-6).all() and (units <= state.spare).all())


def shared(state: State, found: Sequence[Fix]) -> dict[str, Any]:
    """Room at doors and goods at depots that fixes judged together would take from each other."""
    goods = state.goods
    volume = dict(zip(goods.items, goods.volume.tolist(), strict=True))
    doors: dict[str, float] = {}
    stock: dict[tuple[str, str], int] = {}
    for p in (p for fix in found for p in fix.parcels):
        doors[p.depot] = doors.get(p.depot, 0.0) + p.units * volume[p.item]
        stock[p.depot, p.item] = stock.get((p.depot, p.item), 0) + p.units
    deliveries = [(depot, item, 0, units) for (depot, item), units in stock.items()]
    return {"site": "", "people": [], "deliveries": deliveries, "doors": list(doors.items())}


def _proved(state: State, wanted: Sequence[Shortage], turn: list[tuple[int, Fix]]) -> dict[int, Fix]:
    """The fixes of a turn that hold: the whole plan is sound, no worse, and the shortage is gone.

    Where something is wrong the turn is cut in two until it is known with which.
    """
    if not turn:
        return {}
    found = [fix for _, fix in turn]
    scenario = fixes.applied(state.scenario, [*found, shared(state, found)] if len(found) > 1 else found)
    plan = with_fixes(state, found, scenario)
    sound = not verify(scenario, plan)
    now, then = state.plan.objective, plan.objective
    if sound and now is not None and then is not None and then <= now + 1e-6 * max(1.0, abs(now)):
        gone = _gone(state, plan)
        return {n: fix for n, fix in turn if gone(wanted[n])}
    if len(turn) == 1:
        return {}
    middle = len(turn) // 2
    return _proved(state, wanted, turn[:middle]) | _proved(state, wanted, turn[middle:])


def _gone(state: State, plan: Plan) -> Callable[[Shortage], bool]:
    """Does the plan's own table no longer show the shortage?"""
    left = _short(plan)
    return lambda s: (str(state.inst.sites[s.site]), named(state, s)) not in left


def ended(state: State, s: Shortage) -> Callable[[Plan], bool]:
    """Is a plan free of the shortage?"""
    return lambda plan: _gone(state, plan)(s)


def _short(plan: Plan) -> set[tuple[str, str]]:
    """(site, what is short there)."""
    found: set[tuple[str, str]] = set()
    for name, (a, b) in (("coverage", ("duty", "shift")), ("supply", ("item", "tier"))):
        rows = plan.tables[name]
        rows = rows[rows["shortage"] > 0]
        found |= set(zip(rows["site"], rows[a] + " " + rows[b], strict=True))
    return found


def named(state: State, s: Shortage) -> str:
    """What is short: duty and shift, or item and tier."""
    inst, goods = state.inst, state.goods
    if s.people:
        return f"{inst.duties[inst.post_duty[s.index]]} {inst.shifts[inst.post_shift[s.index]]}"
    return f"{goods.items[goods.need_item[s.index]]} {TIERS[goods.need_tier[s.index]]}"


def with_fixes(state: State, found: Sequence[Fix], scenario: Scenario | None = None) -> Plan:
    """The plan in hand with fixes made, at most one of each site, measured for the scenario with them."""
    scenario = scenario or fixes.applied(state.scenario, found)
    inst, tables = state.inst, dict(state.plan.tables)
    cadres = {row["cadre"]: row for row in scenario.table("cadres").to_dict("records")}
    starts = {b.id: b.start for b in scenario.settings.batches}
    longest = scenario.settings.rules.max_posting_days
    postings, work, plus, more = [], [], {}, {}
    for fix in found:
        j = state.site[fix.site]
        plus[j] = np.zeros((len(state.goods.items), inst.days), np.int64)
        more[j] = np.zeros_like(plus[j])
        for i, item in enumerate(state.goods.items):
            more[j][i] = remedies.arriving(state, item, fix.parcels)
            plus[j][i] += fix.use.get(item, 0)
        for n, person in enumerate(fix.people):
            code = fixes.code(fix.site, n)
            row = cadres[code]
            first = max(starts[row["batch"]], int(row["first_day"]))
            last = min(inst.days - 1, int(row["last_day"]), first + longest - 1)
            postings.append((code, row["batch"], fix.site, first, last, 0.0))
            posts = np.array(person.posts)
            for day in np.flatnonzero(posts >= 0):
                p = posts[day]
                work.append((code, day, inst.shifts[inst.post_shift[p]], fix.site, inst.duties[inst.post_duty[p]]))
    parcels = [(p.day, p.arrives, p.depot, fix.site, p.item, p.units) for fix in found for p in fix.parcels]
    for name, rows in (("postings", postings), ("assignments", work), ("shipments", parcels)):
        if rows:
            new = pd.DataFrame(rows, columns=[c.name for c in OUTPUTS[name].columns if not c.sparse])
            tables[name] = pd.concat([tables[name], new.assign(case="")], ignore_index=True)
    key = list(OUTPUTS["shipments"].key)
    shipped = totals(tables["shipments"], [*key, "arrives"], ["quantity"])
    tables["shipments"] = shipped[list(OUTPUTS["shipments"].names)]
    tables["supply"] = reused(state, plus, more)
    return measured_plan(scenario, state.plan, tables)


# ---- reasons


def _reason(state: State, s: Shortage) -> Reason:
    if s.people:
        return people_reason(state, s.index, s.short, _best_elsewhere)
    return goods_reason(state, s.index, s.short)


def _best_elsewhere(state: State, post: int, able: np.ndarray) -> list[tuple[str, str, float]]:
    """(cadre, site, change of the objective) of up to three of those in reach, least loss first.

    Names are blank where the site is of another district: nobody reads another district's names.
    """
    inst, board = state.inst, state.board
    j = int(inst.post_site[post])
    lost = state.leaving[0]
    posted = able[(board.site[able] >= 0) & (board.site[able] != j)]
    near = posted[np.argsort(lost[posted], kind="stable")][:3]
    marginal = state.net(j)
    gains = state.field.site_gains(marginal, np.array([j]))
    found = []
    home = inst.site_district[j]
    for c in near:
        shape = np.array([inst.shape[c, board.batch[c]]])
        _, slots = state.field.schedules(gains, shape, np.array([j]))
        posts = state.field.posts(marginal, shape, slots)[0]
        move = measured(state, int(c), int(board.batch[c]), j, posts)
        own = inst.site_district[board.site[c]] == home
        names = (str(inst.cadres[c]), str(inst.sites[board.site[c]])) if own else ("", "")
        found.append((*names, move.change.total))
    return found


def reasons(state: State, found: Sequence[Explained]) -> pd.DataFrame:
    """The output table `reasons`."""
    rows = []
    for e in found:
        s = e.shortage
        english, chinese = ("", "") if e.fix is None else fix_words(state, e.fix)
        row = {"site": state.inst.sites[s.site], "what": named(state, s)}
        row |= {"day": s.day, "shortage": float(s.short.sum())}
        row |= {"rule": e.reason.rule, "reason": e.reason.english, "reason_zh": e.reason.chinese}
        row |= {"fix": english, "fix_zh": chinese, "gain": 0.0 if e.fix is None else e.fix.gain}
        rows.append(row | {"change": "" if e.fix is None else e.fix.text()})
    return pd.DataFrame(rows, columns=list(OUTPUTS["reasons"].names))


def sites_of(state: State, site: str | None, district: str | None) -> np.ndarray | None:
    """Positions of one site, or of those of a district; None for all.

    Raises `InputError` where the scenario has none of that name.
    """
    if site is None and district is None:
        return None
    sites = state.scenario.table("sites")
    mask = np.ones(len(sites), bool)
    for column, code in (("site", site), ("district", district)):
        if code is not None:
            known = sites["site"] if column == "site" else state.scenario.table("districts")["district"]
            if code not in set(known):
                way = f"a {column} of the scenario; {nearest(code, list(known))}"
                raise InputError([Problem(f"--{column}", None, None, code, way, "unknown")])
            mask &= (sites[column] == code).to_numpy()
    return np.flatnonzero(mask)


def updated(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """The table with the rows of some sites exchanged."""
    kept = old[~old["site"].isin(new["site"])]
    return pd.concat([kept, new], ignore_index=True).sort_values(["site", "what"]).reset_index(drop=True)


def rendered(state: State, table: pd.DataFrame, helpful: pd.DataFrame | None, most: int) -> str:
    """The dearest shortages as text, both languages, and what would help most."""
    names = state.scenario.table("sites").set_index("site")["name"]
    date = state.scenario.date
    parts = []
    ranked = table.sort_values("gain", ascending=False, kind="stable")
    for row in ranked.head(most).to_dict("records"):
        head = f"{row['site']} {names[row['site']]}: {row['what']}, {row['shortage']:g} short from {date(row['day'])}"
        end = f"{row['fix']} (saves {row['gain']:,.1f})" if row["fix"] else "none found that holds"
        end_zh = row["fix_zh"] or "未找到可行办法"
        parts.append(f"{head}\n  why  {row['reason']}\n       {row['reason_zh']}\n  fix  {end}\n       {end_zh}")
    fixed = int((table["fix"] != "").sum())
    parts.append(f"{len(table)} shortages, a fix that holds for {fixed}; all of them in reasons.csv")
    if helpful is not None and len(helpful):
        rows = [
            [r["means"], r["where"], str(date(r["day"])), r["site"], f"{r['gain']:,.1f}"]
            for r in helpful.to_dict("records")
        ]
        header = ("one more", "where", "by", "best used at", "saves")
        parts.append("what would help most\n" + aligned(header, rows, 4))
    return "\n\n".join(parts)

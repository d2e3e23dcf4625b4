"""Reasons and fixes in a sentence each, English and Chinese; the facts are checked here, on arrays.

`Reason.rule` is the rule that binds, in the words of `tables.RULES`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from allocator.fixes import Fix
from allocator.state import State

__all__ = ["Reason", "fix_words", "goods_reason", "people_reason"]

LIMITS = {
    "available": ("leave or the end of their posting", "请假或派驻期"),
    "rest_between_shifts": ("the rest due between shifts", "班次间休息时间"),
    "max_run": ("the days they may work in a row", "连续上岗天数"),
    "max_shifts_7_days": ("the shifts they may work in seven days", "七天班次数"),
    "max_nights_7_days": ("the nights they may work in seven days", "七天夜班数"),
}
"""Rules that bind somebody who is there, in words."""
Elsewhere = Callable[[State, int, np.ndarray], list[tuple[str, str, float]]]


@dataclass(frozen=True)
class Reason:
    """The rule that binds, blank if none does, and what that means here."""

    rule: str
    english: str
    chinese: str


def people_reason(state: State, post: int, short: np.ndarray, elsewhere: Elsewhere) -> Reason:
    """Why people are missing on a post: the first of these facts that holds."""
    inst = state.inst
    j, days = int(inst.post_site[post]), np.flatnonzero(short)
    duty = state.scenario.table("duties").iloc[int(inst.post_duty[post])]
    trait = np.where(inst.shape.max(axis=1) >= 0, inst.shape_trait[inst.shape.max(axis=1)], -1)
    fit = np.flatnonzero((trait >= 0) & inst.traits[np.maximum(trait, 0), post])
    if not len(fit):
        skill = str(duty["skill"])
        if skill and not _held(state, skill):
            english = f"nobody who can be posted holds the skill {skill}"
            return Reason("skill_held", english, f"没有可派干部具备“{skill}”技能")
        return Reason("night_allowed", "nobody who could do it may work nights", "能承担该岗位的干部都不能上夜班")
    near = fit[np.isfinite(inst.minutes[fit, j])]
    if not len(near):
        limit = state.scenario.settings.rules.max_travel
        return Reason(
            "travel_limit",
            f"none of the {len(fit)} who could do it lives within {limit:g} minutes, or may be posted here",
            f"能承担的{len(fit)}人均不在{limit:g}分钟路程之内，或不得派往此处",
        )
    able = near[_there(state, near, days).any(axis=1)]
    if not len(able):
        first = _first(state, near)
        if first > days[-1]:
            date = state.scenario.date(first)
            english = f"the batch has not arrived: the first comes on {date}"
            return Reason("batch_start", english, f"批次未到：最早{date}到岗")
        return Reason("available", "those who could do it are away on these days", "能承担的干部这些天都不在岗或请假")
    if np.isinf(state.tolls(j)[post - inst.site_posts[j], days]).all():
        items = ", ".join(state.goods.items[i] for i in np.flatnonzero(state.goods.kit_rate[inst.post_duty[post]]))
        return Reason("kit_available", f"the kit is short here on these days: {items}", f"现场防护物资不足：{items}")
    return _bound(state, post, int(days[0]), able, elsewhere)


def _held(state: State, skill: str) -> bool:
    held = state.scenario.table("cadres")["skills"].to_numpy(dtype=object)
    return any(skill in text.split(";") for text in held[(state.inst.shape >= 0).any(axis=1)])


def _there(state: State, cadres: np.ndarray, days: np.ndarray) -> np.ndarray:
    """[N, days] whether a cadre can be at work on a day, in the batch held or any that is open."""
    inst, out = state.inst, np.zeros((len(cadres), len(days)), bool)
    for b in range(len(inst.batches)):
        shape = inst.shape[cadres, b]
        mine = (shape >= 0) & ((state.board.batch[cadres] == b) | (state.board.site[cadres] < 0))
        out[mine] |= inst.shape_days[shape[mine]][:, days]
    return out


def _first(state: State, cadres: np.ndarray) -> int:
    inst = state.inst
    first = np.where(inst.shape[cadres] >= 0, inst.first[cadres], inst.days)
    held = state.board.batch[cadres]
    own = np.where(state.board.site[cadres] >= 0, first[np.arange(len(cadres)), held], first.min(axis=1))
    return int(own.min())


def _bound(state: State, post: int, day: int, able: np.ndarray, elsewhere: Elsewhere) -> Reason:
    """Those at the site are bound by rules of work, those elsewhere are worth more there, or neither."""
    inst, board = state.inst, state.board
    j = int(inst.post_site[post])
    others = elsewhere(state, post, able)
    better = [o for o in others if o[2] < -1e-6]
    if better:
        change = better[0][2]
        who, who_zh = _who(better[0])
        return Reason(
            "",
            f"moving {who} here would improve the plan by {-change:.1f}: the search did not find it",
            f"将{who_zh}调来可使方案改进{-change:.1f}：求解未找到",
        )
    team = able[board.site[able] == j]
    rules = Counter(blocking(state, int(c), day, post) for c in team if board.plan[c, day] < 0)
    rules.pop("", None)
    if others:
        named = "; ".join(f"{_who(o)[0]} (+{o[2]:.1f})" for o in others)
        chinese = "；".join(f"{_who(o)[1]}（+{o[2]:.1f}）" for o in others)
        rule = rules.most_common(1)[0][0] if rules else "one_posting"
        rested = f"; those here are held back by {LIMITS[rule][0]}" if rules else ""
        rested_zh = f"；本点人员受{LIMITS[rule][1]}限制" if rules else ""
        return Reason(
            rule,
            f"those in reach are worth more where they are: {named}{rested}",
            f"可达人员在原点位作用更大：{chinese}{rested_zh}",
        )
    if rules:
        rule = rules.most_common(1)[0][0]
        return Reason(
            rule, f"those here are held back by {LIMITS[rule][0]}", f"本点人员受{LIMITS[rule][1]}限制"
        )
    if (board.site[able] < 0).any() and not (state.room > 0).any():
        return Reason("batch_size", "those at home have no place left in a batch", "在家人员所在批次已无名额")
    return Reason("one_posting", "everybody in reach is posted here already", "可达人员均已在本点")


def _who(other: tuple[str, str, float]) -> tuple[str, str]:
    """Somebody posted elsewhere in words; no name across a border of districts."""
    cadre, site, _ = other
    if not cadre:
        return "somebody of another district", "外区一名干部"
    return f"{cadre} at {site}", f"{site}的{cadre}"


def blocking(state: State, c: int, day: int, post: int) -> str:
    """The rule that keeps a cadre of the team from this shift, all other shifts staying; blank: none."""
    inst, board = state.inst, state.board
    shape = inst.shape[c, board.batch[c]]
    if not inst.shape_days[shape, day]:
        return "available"
    past = inst.pasts[inst.shape_past[shape]]
    shift = [*past, *(int(inst.post_shift[p]) if p >= 0 else -1 for p in board.plan[c])]
    at = day + len(past)
    shift[at] = int(inst.post_shift[post])
    for a, b in ((at - 1, at), (at, at + 1)):
        if b < len(shift) and a >= 0 and shift[a] >= 0 and shift[b] >= 0:
            rest = 1440 - inst.shift_end[shift[a]] + inst.shift_start[shift[b]]
            if rest < inst.rest_minutes:
                return "rest_between_shifts"
    worked = [s >= 0 for s in shift]
    low = high = at
    while low > 0 and worked[low - 1]:
        low -= 1
    while high + 1 < len(worked) and worked[high + 1]:
        high += 1
    if high - low + 1 > inst.max_run:
        return "max_run"
    weeks = [range(max(0, k), min(len(shift), k + 7)) for k in range(at - 6, at + 1)]
    if max(sum(worked[d] for d in w) for w in weeks) > inst.max_shifts_7_days:
        return "max_shifts_7_days"
    dark = [s >= 0 and bool(inst.shift_night[s]) for s in shift]
    if dark[at] and max(sum(dark[d] for d in w) for w in weeks) > inst.max_nights_7_days:
        return "max_nights_7_days"
    return ""


def goods_reason(state: State, line: int, short: np.ndarray) -> Reason:
    """Why goods are missing on a need line: the first of these facts that holds."""
    goods = state.goods
    j, item, days = int(goods.need_site[line]), int(goods.need_item[line]), np.flatnonzero(short)
    lanes = np.flatnonzero(goods.lane_to == goods.depots + j)
    name = goods.items[item]
    if not len(lanes):
        return Reason("lane_capacity", "no lane leads here", "没有通往此处的运输线路")
    lead = goods.lane_lead[lanes]
    if days[-1] < lead.min():
        return Reason("lead_time", f"goods are {lead.min()} days under way", f"在途需{lead.min()}天")
    depots = goods.lane_from[lanes]
    leave = np.maximum(days[:, None] - lead[None, :], 0)
    litres = goods.volume[item] * goods.pack[item]
    lies = state.spare[depots[None, :], item, leave] >= goods.pack[item]
    names = ", ".join(goods.places[n] for n in np.unique(depots))
    if lies.any():
        open_ = state.door[depots[None, :], leave] >= litres
        if not (lies & open_).any():
            english = f"{name} lies at {names}, whose door is full"
            return Reason("throughput", english, f"{names}有{name}，但出库能力已满")
        room = np.array([state.lane_room(int(k))[leave[:, n]] >= litres for n, k in enumerate(lanes)]).T
        if not (lies & open_ & room).any():
            english = f"{name} lies at {names}, the lane is full"
            return Reason("lane_capacity", english, f"{names}有{name}，但线路运量已满")
        return Reason(
            "",
            f"{name} is left at {names}: bringing it costs more than it saves, or the search did not find it",
            f"{names}尚有{name}：运送得不偿失，或求解未找到",
        )
    return _no_goods(state, item, int(days[-1]), names)


def _no_goods(state: State, item: int, last: int, names: str) -> Reason:
    goods = state.goods
    name = goods.items[item]
    offers = np.flatnonzero(goods.supplier_item == item)
    if len(offers):
        spent = float(state.plan.tables["orders"]["cost"].sum())
        pack = goods.supplier_cost[offers] * goods.pack[item]
        if goods.budget - spent < pack.min():
            return Reason("budget", f"{name} can be ordered, but the budget is spent", f"可订购{name}，但预算已用完")
        if (goods.supplier_first[offers] + goods.supplier_lead[offers] > last).all():
            return Reason("lead_time", f"orders of {name} come after these days", f"订购的{name}来不及到货")
        return Reason("supplier_capacity", f"suppliers make no more {name} in time", f"供应商来不及生产更多{name}")
    return Reason(
        "stock_balance",
        f"{names} have no {name} left that nobody needs more until {state.scenario.date(last)}",
        f"至{state.scenario.date(last)}，{names}没有可调的{name}",
    )


def fix_words(state: State, fix: Fix) -> tuple[str, str]:
    """What a fix brings, in English and Chinese."""
    date = state.scenario.date
    english, chinese = [], []
    groups = Counter((p.skill, p.first, p.last) for p in fix.people)
    for (skill, first, last), count in sorted(groups.items()):
        who = f"{count} more cadre{'' if count == 1 else 's'}" + (f" with {skill}" if skill else "")
        english.append(f"{who} for {fix.site}, {date(first)} to {date(last)}")
        able = f"具备{skill}技能的" if skill else ""
        chinese.append(f"为{fix.site}增派{count}名{able}干部，{date(first)}至{date(last)}")
    for depot, item, day, units in fix.deliveries:
        english.append(f"{units} more {item} at {depot} by {date(day)}")
        chinese.append(f"{date(day)}前向{depot}增拨 {item} {units} 件")
    for depot, litres in fix.doors:
        english.append(f"{litres:g} litres a day more through the door of {depot}")
        chinese.append(f"{depot}每日出库能力增加{litres:g}升")
    if not english:
        sent = ", ".join(f"{p.units} {p.item} from {p.depot} on {date(p.day)}" for p in fix.parcels[:3])
        return f"nothing new: ship {sent}", f"无需新增：发运{sent}"
    return "; ".join(english), "；".join(chinese)

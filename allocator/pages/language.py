"""The language of a page: chosen by `?lang=`, kept in a cookie, Chinese if nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import g, request, url_for

from allocator import words
from allocator.words import LANGUAGES

PAGE_WORDS: Mapping[str, tuple[str, str]] = {
    "tonight": ("今晚", "Tonight"),
    "night_of": ("{} 夜间", "Night of {}"),
    "night_hours": ("20:00 至次日 04:00", "20:00 to 04:00"),
    "short_tonight": ("缺 {} 人", "{} people short"),
    "at_places": ("{} 处点位", "at {} places"),
    "full_tonight": ("今晚不缺人", "Nobody is missing tonight"),
    "none_tonight": ("今晚没有需求", "Nobody is required tonight"),
    "whole_day": ("全天", "Whole day"),
    "next_day": ("次日", "Day after"),
    "choose_day": ("选择日期(下方数字:当天缺口人班)", "Choose a day (below: person-shifts short that day)"),
    "more": ("其余 {} 处", "{} more"),
    "more_gaps": ("其余 {} 项缺口", "{} more gaps"),
    "all_sites": ("各点位情况", "Places"),
    "present": ("到岗", "Present"),
    "by_shift": ("缺口班次", "Short on"),
    "sign_in": ("登录", "Sign in"),
    "sign_out": ("退出", "Sign out"),
    "token": ("访问令牌", "Access token"),
    "token_hint": ("令牌由市级组织者发放。", "Organizers of the city hand out tokens."),
    "stay": ("在这台设备上保持登录 30 天", "Stay signed in on this device for 30 days"),
    "wrong_token": ("令牌无效或已撤销。", "The token is not valid, or was revoked."),
    "expired_form": ("页面已过期,请再试一次。", "The page had expired; please try again."),
    "no_run": ("尚未发布方案。", "No plan has been published yet."),
    "not_found": ("没有这个页面,或您无权查看。", "There is no such page, or it is not yours to see."),
    "slow_down": ("请求过于频繁,请稍后再试。", "Too many requests; please wait a little."),
    "trouble": ("系统暂时无法回应,请稍后再试。", "The system cannot answer just now; please try again."),
    "back": ("返回", "Back"),
    "organizers": ("市级", "City"),
    "find": ("查找点位或干部", "Find a place or a cadre"),
    "find_hint": ("名称或编号", "name or code"),
    "found_nothing": ("没有找到。", "Nothing found."),
    "print_roster": ("打印一周排班", "Print the week's roster"),
    "no_roster": ("当天没有排班。", "Nobody works on this day."),
    "no_arrivals": ("当天没有到货。", "Nothing arrives on this day."),
    "no_reasons": ("本方案没有记载原因。", "The plan gives no reasons."),
    "no_shortage": ("没有缺口。", "Nothing is short."),
    "duty_card": ("上岗卡", "Duty card"),
    "next_shift": ("下一班", "Next shift"),
    "no_next": ("之后没有班次。", "No shift is left."),
    "posted_to": ("派驻", "Posted to"),
    "until": ("至", "to"),
    "from_to": ("派驻日期", "Dates"),
    "minutes": ("单程路程(分钟)", "Minutes one way"),
    "carry": ("每班用品", "Used on each shift"),
    "calendar": ("班次表", "Shifts"),
    "not_posted": ("未派驻。", "Not posted."),
    "batch": ("批次", "Batch"),
    "required_short": ("需要", "Req."),
    "goods_short": ("缺物资", "Goods short"),
    "updated": ("发布于", "published"),
    "week_from": ("{} 起一周", "Week from {}"),
    "plan_over": ("方案不含今天;显示 {}。", "The plan does not have today; this is {}."),
}


def chosen() -> str:
    """Return the language of this request."""
    for wish in (request.args.get("lang"), request.cookies.get("lang")):
        if wish in LANGUAGES:
            return str(wish)
    return LANGUAGES[0]


def say(key: str, *parts: object) -> str:
    """Return a word or sentence in the page's language, its gaps filled."""
    among = PAGE_WORDS if key in PAGE_WORDS else words.WORDS
    text = words.word(key, g.language, among)
    return text.format(*parts) if parts else text


def day_label(day: date) -> str:
    return words.day_label(day, g.language)


def other_language() -> str:
    """Return the address of this page in the other language."""
    other = LANGUAGES[1 - LANGUAGES.index(g.language)]
    asked = {key: request.args[key] for key in ("day", "q") if key in request.args}
    given: dict[str, Any] = {**(request.view_args or {}), **asked, "lang": other}
    return url_for(request.endpoint or "pages.home", **given)


def translate() -> dict[str, object]:
    """What every template may call."""
    return {
        "t": say,
        "language": g.get("language", LANGUAGES[0]),
        "day_label": day_label,
        "kind": lambda key: words.word(key, g.language, words.KINDS),
        "tier": lambda key: words.word(key, g.language, words.TIERS),
        "other_language": other_language,
    }

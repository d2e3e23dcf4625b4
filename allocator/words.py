"""The words readers see, in Chinese and in English: labels of pages, reports and workbooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

LANGUAGES = ("zh", "en")
"""Chinese first."""
WEEKDAYS = {
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}

KINDS: Mapping[str, tuple[str, str]] = {
    "village": ("村", "village"),
    "community": ("社区", "community"),
    "station": ("车站、机场", "station"),
    "dock": ("码头", "dock"),
    "checkpoint": ("查控点", "checkpoint"),
    "enterprise": ("企业", "enterprise"),
    "market": ("农贸市场", "market"),
    "school": ("学校", "school"),
    "isolation": ("集中隔离点", "isolation site"),
    "hospital": ("医院", "hospital"),
}
TIERS: Mapping[str, tuple[str, str]] = {
    "medical": ("医疗", "medical"),
    "frontline": ("一线防控", "frontline"),
    "enterprise": ("复工企业", "enterprise"),
    "public": ("公众", "public"),
}
TERMS: Mapping[str, tuple[str, str]] = {
    "staffing": ("缺人", "people short"),
    "travel": ("路程", "travel"),
    "change": ("调换岗位", "moves"),
    "fairness": ("区县公平", "fairness"),
    "supply": ("缺物资", "goods short"),
    "distance": ("运输", "transport"),
    "opening": ("启用点位", "opening"),
    "reopening": ("复工复学", "reopening"),
    "plan": ("整个方案", "whole plan"),
}
STATUS: Mapping[str, tuple[str, str]] = {
    "optimal": ("已证最优", "optimal"),
    "feasible": ("可行,有下界", "feasible, bounded"),
    "infeasible": ("无可行方案", "infeasible"),
    "unknown": ("未知", "unknown"),
}

WORDS: Mapping[str, tuple[str, str]] = {
    "allocator": ("疫情防控 人员物资调配", "Epidemic response: people and supplies"),
    "language": ("English", "中文"),
    "report": ("方案报告", "Report on the plan"),
    "case": ("情形", "case"),
    "days": ("天", "days"),
    "people": ("人员", "People"),
    "goods": ("物资", "Goods"),
    "posted": ("已派驻", "Posted"),
    "shifts": ("班次", "shifts"),
    "shift": ("班次", "Shift"),
    "hours": ("时间", "Hours"),
    "required": ("需要", "Required"),
    "covered": ("到位", "Covered"),
    "coverage": ("到位率", "Coverage"),
    "short": ("缺口", "Short"),
    "short_people": ("缺人", "People short"),
    "short_shifts": ("缺口(人班)", "Short (person-shifts)"),
    "short_units": ("缺物资(件)", "Units short"),
    "required_shifts": ("需要(人班)", "Required (person-shifts)"),
    "covered_shifts": ("到位(人班)", "Covered (person-shifts)"),
    "persons": ("人", "people"),
    "places": ("处", "places"),
    "units": ("件", "units"),
    "needed": ("需求", "Needed"),
    "used": ("供应", "Supplied"),
    "share": ("满足率", "Share"),
    "site": ("点位", "Place"),
    "sites": ("点位", "Places"),
    "code": ("编号", "Code"),
    "kind": ("类别", "Kind"),
    "district": ("区县", "District"),
    "districts": ("各区县", "Districts"),
    "township": ("街道、镇", "Township"),
    "townships": ("各街道、镇的缺口", "Shortage by township"),
    "day": ("日期", "Day"),
    "duty": ("岗位", "Duty"),
    "duties": ("岗位代号", "Duties"),
    "cadre": ("干部", "Cadre"),
    "cadres": ("干部", "cadres"),
    "office": ("单位", "Office"),
    "item": ("物资", "Item"),
    "unit": ("单位", "Unit"),
    "quantity": ("数量", "Quantity"),
    "tier": ("保障对象", "Who needs it"),
    "map": ("地图", "Map"),
    "city_map": ("全市地图", "City map"),
    "city": ("全市", "City"),
    "over_time": ("逐日到位情况", "Coverage day by day"),
    "by_district": ("各区县逐日到位率", "Coverage by district and day"),
    "by_kind": ("各类点位逐日到位率", "Coverage by kind of place and day"),
    "by_tier": ("物资供应:对象与日期", "Supply by tier and day"),
    "worst": ("缺口最重的点位", "Worst places"),
    "proof": ("方案优劣的证明", "The proof"),
    "penalty": ("罚分", "Penalty"),
    "objective": ("方案罚分", "Objective"),
    "bound": ("下界", "Bound"),
    "gap": ("差距", "Gap"),
    "status": ("状态", "Status"),
    "stage": ("部分", "Part"),
    "seconds": ("秒", "Seconds"),
    "solver": ("求解", "Solver"),
    "term": ("罚分构成", "Term"),
    "all_days": ("整个计划期", "All days"),
    "all": ("合计", "All"),
    "summary": ("总览", "Summary"),
    "roster": ("排班表", "Roster"),
    "week": ("周", "Week"),
    "week_of": ("周起始", "Week of"),
    "arrivals": ("到货", "Arriving"),
    "reason": ("原因", "Reason"),
    "reasons": ("缺口原因与办法", "Why, and what would end it"),
    "fix": ("解决办法", "What would end it"),
    "gain": ("可减罚分", "Penalty saved"),
    "depot": ("仓库", "Depot"),
    "plan": ("方案", "Plan"),
    "made_with": ("求解环境", "Made with"),
    "none_short": ("没有缺口", "Nothing is short"),
    "legend_size": ("圆的大小:缺口人班数", "Size: person-shifts short"),
    "legend_colour": ("颜色:缺口占需要的比例", "Colour: share of the required that is short"),
    "nothing_needed": ("没有需求", "nothing required"),
    "page": ("第 &P 页,共 &N 页", "Page &P of &N"),
}


def word(key: str, language: str, among: Mapping[str, tuple[str, str]] = WORDS) -> str:
    """Return a word; a key that is not in the list (a code of the user's own) stands for itself."""
    pair = among.get(key)
    return key if pair is None else pair[LANGUAGES.index(language)]


def day_label(day: date, language: str) -> str:
    """Return a day for people: '2月3日 周一' or 'Mon 3 Feb'."""
    weekday = WEEKDAYS[language][day.weekday()]
    return f"{day.month}月{day.day}日 {weekday}" if language == "zh" else f"{weekday} {day.day} {day:%b}"


def short_day(day: date) -> str:
    """Return month and day as they fit into the head of a column."""
    return f"{day.month}/{day.day}"


def clock(minutes: int) -> str:
    """Return minutes after midnight as HH:MM; midnight at the end of a day is 24:00."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def hours(start: int, minutes: int) -> str:
    """Return the hours of a shift: '08:00–16:00'."""
    return f"{clock(start)}–{clock(start + minutes)}"


def duty_letters(duties: Iterable[str]) -> dict[str, str]:
    """Return duty -> A, B, ... Z, A1, B1, ... in the order of the table."""
    return {duty: chr(65 + n % 26) + (str(n // 26) if n > 25 else "") for n, duty in enumerate(duties)}


def brief(start: int, minutes: int) -> str:
    """Return the hours of a shift as short as can be: '8–16', '5:30–12'."""
    return f"{_brief(start)}–{_brief(start + minutes)}"


def _brief(minutes: int) -> str:
    return f"{minutes // 60}" + (f":{minutes % 60:02d}" if minutes % 60 else "")

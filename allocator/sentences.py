"""One plain sentence per rule, in Chinese and in English.

Each says what the rule forbids, in words that also tell why a shortage can remain because of it.
The verifier's messages and the explanations of shortages take their words from here; that the
names are those of `tables.RULES` is a test.
"""

from __future__ import annotations

from collections.abc import Mapping

RULE_SENTENCES: Mapping[str, tuple[str, str]] = {
    "batch_size": (
        "每一批次派出的人数不得超过该批次的名额。",
        "A batch cannot send out more cadres than its size.",
    ),
    "batch_start": (
        "派驻从批次开始之日起算；本人可到岗日期更晚的，从可到岗之日起算。",
        "A posting begins on the day its batch starts, or on the cadre's first day if that is later.",
    ),
    "available": (
        "干部只能按指定批次派出，只能在派驻期和可用期内上岗，请假当天不得排班。",
        "A cadre goes only with the batch named and works only on days posted and available, never on leave.",
    ),
    "one_posting": (
        "一名干部至多派驻一个点位。",
        "A cadre is posted at most once.",
    ),
    "posting_length": (
        "派驻在规定最长天数、本人最后可用日或计划期末结束，以最早者为准。",
        "A posting ends after the longest stay, on the cadre's last day or with the horizon, if earlier.",
    ),
    "travel_limit": (
        "单程路程时间不得超过上限；通勤表已列出该干部的，只能去表中所列点位。",
        "No one is posted further than the longest travel allowed, or outside the sites listed for them.",
    ),
    "pins": (
        "已定的安排必须执行：指定派驻的必须派往，指定不派的不得派往。",
        "Decisions already taken stand: a 'must' is posted to that site, a 'never' is not.",
    ),
    "one_site": (
        "干部只能在所派驻的点位上岗。",
        "A cadre works only at the site of the posting.",
    ),
    "duty_asked": (
        "当天该班次没有提出需求的岗位不得排人。",
        "Nobody works where nothing is asked for on that day and shift.",
    ),
    "skill_held": (
        "需要专门技能的岗位只能由具备该技能的干部承担。",
        "A duty that takes a skill is done only by a cadre who has it.",
    ),
    "night_allowed": (
        "夜班只能安排可上夜班的干部。",
        "Night shifts are worked only by cadres fit for nights.",
    ),
    "one_shift_per_day": (
        "一名干部一天至多上一个班。",
        "A cadre works at most one shift a day.",
    ),
    "rest_between_shifts": (
        "前一天下班到次日上班之间必须休满规定的小时数。",
        "Between a shift and one on the next day lies at least the rest required.",
    ),
    "max_run": (
        "连续上岗的天数不得超过上限。",
        "Nobody works more days in a row than allowed.",
    ),
    "max_shifts_7_days": (
        "任意连续七天内的班次数不得超过上限。",
        "Nobody works more shifts in any seven days than allowed.",
    ),
    "max_nights_7_days": (
        "任意连续七天内的夜班数不得超过上限。",
        "Nobody works more night shifts in any seven days than allowed.",
    ),
    "site_open": (
        "尚未启用或尚未复工复学的点位不得排人，其需求也不计入。",
        "Nobody works at a site that has not opened or resumed yet; its demand does not count until then.",
    ),
    "ready_when_open": (
        "备选点位启用首日，所需人员必须全部到位，所需物资必须全部供应。",
        "A candidate that opens has all the people and goods it needs on its first day.",
    ),
    "place_capacity": (
        "医学观察对象只能安置在已启用的点位，人数不得超过容量，也不得超过实有人数。",
        "People under observation go only to open places, no more than the places there are.",
    ),
    "class_order": (
        "复工复学按类别依次进行：前一类可以恢复而尚待恢复的，后一类不得先行。",
        "A class resumes only when no earlier class that could resume is still to follow.",
    ),
    "kit_available": (
        "现场没有足够防护物资的班次不得上岗。",
        "Nobody works a shift without its kit on site that day.",
    ),
    "stock_balance": (
        "物资只能用现有的：每天的库存等于前一天的库存加到货、减发出和消耗，不得为负。",
        "Only goods on hand are used or shipped: what is left is what was there and came, less what went.",
    ),
    "throughput": (
        "仓库每天发出的物资体积不得超过其吞吐能力。",
        "A depot sends out no more litres in a day than it can handle.",
    ),
    "lane_capacity": (
        "物资只能走已有的运输线路，每条线路每天的运量不得超过上限。",
        "Goods travel only where there is a lane, and no more litres a day than it carries.",
    ),
    "lead_time": (
        "物资在途天数按线路规定计算，不能提前到达。",
        "A shipment arrives after exactly the days its lane takes.",
    ),
    "supplier_capacity": (
        "向供应商订货只能在可订货日期内，每天不得超过其供货能力。",
        "A supplier takes orders only on its days and only up to what it can make in a day.",
    ),
    "budget": (
        "全部订货的费用不得超过预算。",
        "All orders together cost no more than the budget.",
    ),
    "whole_packs": (
        "发货和订货必须是整包装。",
        "Goods are shipped and ordered in whole packs.",
    ),
}

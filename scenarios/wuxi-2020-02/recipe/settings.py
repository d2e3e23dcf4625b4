"""scenario.toml."""

from __future__ import annotations

from .people import BATCHES, DETOUR, MAX_TRAVEL, SPEED_KMH, iso
from .work import DAYS, SHIFTS, START

HEAD = """# Made by build.py; change that, not this.
name = "wuxi-2020-02"
title = "无锡 2020年2月3日—3月1日:2210名机关干部下沉一线"
start = {start}
days = {days}
"""
SHIFT = """
[[shift]]
id = "{id}"
start = "{start}"
hours = {hours}
night = {night}
"""
BATCH = """
[[batch]]
id = "{id}"
start = {start}
size = {size}
"""
TAIL = """
[rules]
rest_hours = 11
max_run = 6
max_shifts_7_days = 6
max_nights_7_days = 3
max_travel = {max_travel}
max_posting_days = 28

[weights]
required = 10
target = 2
travel = 0.005
change = 20
fairness = 1
first_half = 2
distance = 0.01

[weights.tiers]
medical = 8
frontline = 4
enterprise = 2
public = 1

[travel]
speed_kmh = {speed}
detour = {detour}

[supply]
budget = {budget}
"""


def toml(budget: int) -> str:
    """The settings as text."""
    parts = [HEAD.format(start=START.isoformat(), days=DAYS)]
    for code, start, hours, night in SHIFTS:
        parts.append(SHIFT.format(id=code, start=start, hours=hours, night=str(night).lower()))
    parts += [BATCH.format(id=code, start=iso(start), size=size) for code, start, size in BATCHES]
    parts.append(TAIL.format(max_travel=MAX_TRAVEL, speed=SPEED_KMH, detour=DETOUR, budget=budget))
    return "".join(parts)

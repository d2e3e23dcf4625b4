"""Sends people and scarce supplies to many places, with a proof of how good the plan is.

from allocator import read, solve

case = read("scenarios/small")
plan = solve(case.change({"batch.b2.size": 12}), seconds=20)
plan.table("postings")
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_ORIGIN = {
    "Limits": "limits",
    "Plan": "plan",
    "Scenario": "scenario",
    "candidates_for": "candidates",
    "dated": "runs",
    "load": "runs",
    "read": "scenario",
    "save": "runs",
    "solve": "front",
    "verify": "verifier",
    "write": "scenario",
}
"""Public name -> module; a module is loaded when a name of it is first used."""

__all__ = sorted(_ORIGIN)


def __getattr__(name: str) -> Any:
    if name in _ORIGIN:
        return getattr(import_module(f"allocator.{_ORIGIN[name]}"), name)
    raise AttributeError(f"module 'allocator' has no attribute {name!r}; public: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

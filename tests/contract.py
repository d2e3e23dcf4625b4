"""Hooks for schemathesis: three times in four, a parameter gets a value that exists.

Without them nearly every answer would be 404, and little of the service would be tried.
`ALLOCATOR_KNOWN` names a JSON file: parameter -> values.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import schemathesis

KNOWN: dict[str, list[str]] = json.loads(Path(os.environ["ALLOCATOR_KNOWN"]).read_text(encoding="utf-8"))
chance = random.Random(7)


def _mixed(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    return {n: chance.choice(KNOWN[n]) if n in KNOWN and chance.random() < 0.75 else v for n, v in given.items()}


@schemathesis.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: Any) -> Any:
    return _mixed(path_parameters)


@schemathesis.hook
def map_query(context: schemathesis.HookContext, query: Any) -> Any:
    return _mixed(query)


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    return _mixed(body)

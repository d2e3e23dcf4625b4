"""Variants of a scenario: what a variants.toml asks for, drawn, named and applied.

    [grid]      every combination of the values given
    [[variant]] one variant each, with a name
    [random]    `draws` variants, every value drawn anew; `seed` makes them the same each time

A key is a setting (`rules.max_run`, `batch.b2.size`), a column of a table (`stock.quantity`) or a
table (`cadres`). A column takes a value, or `{times = 0.9}`, `{plus = 2}`, `{set = 5}`, for the rows
that `where = {item = "mask"}` picks; a table takes `{drop = 200}`: so many rows, drawn at random,
and what refers to them. In [random] a number can be drawn: `{uniform = [0.8, 1.2]}`,
`{integer = [100, 300]}`, `{normal = [1, 0.1]}`, `{choice = [5, 6]}`; with `each = true`, a column's
number is drawn for every row anew.
"""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allocator.errors import InputError, Problem
from allocator.problems import Problems, nearest
from allocator.scenario import Scenario
from allocator.settings import ARRAYS
from allocator.tables import INPUTS, SETTINGS, Table

__all__ = ["Variant", "apply", "read"]

DRAWS = ("uniform", "integer", "normal", "choice")
WAYS = ("set", "times", "plus", "drop")
SECTIONS = ("grid", "variant", "random")


@dataclass(frozen=True)
class Variant:
    """One what-if: key -> value or specification, all draws made but those for each row."""

    name: str
    origin: str
    """`grid`, `list` or `random`."""
    changes: Mapping[str, Any]
    seed: int = 0
    """Of the draws that are made row by row."""

    @property
    def text(self) -> str:
        """What the variant is, the same text for the same variant."""
        return json.dumps([self.name, self.changes, self.seed], sort_keys=True, ensure_ascii=False)


def read(path: Path, scenario: Scenario) -> list[Variant]:
    """Read the variants of a scenario.

    Raises `InputError` with every key, form and value that cannot be meant.
    """
    try:
        doc = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise _refused(path, "a file of variants; there is none", "missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(path, f"a file that can be read ({error})", "unreadable") from error
    except tomllib.TOMLDecodeError as error:
        raise _refused(path, f"TOML: {error}", "broken_toml") from error
    problems = Problems()
    found = list(_variants(doc, path.name, scenario, problems))
    names = [v.name for v in found]
    for name in sorted({n for n in names if names.count(n) > 1}):
        problems.add("duplicate_key", path.name, "each name once", column="name", value=name)
    if not found and not problems.errors:
        problems.add("empty_table", path.name, "at least one variant: [grid], [[variant]] or [random]")
    if problems.errors:
        raise InputError(problems.listed())
    return found


def _refused(path: Path, expected: str, fault: str) -> InputError:
    return InputError([Problem(str(path), None, None, "", expected, fault)])


def _variants(doc: Mapping[str, Any], file: str, scenario: Scenario, problems: Problems) -> Iterator[Variant]:
    for name in doc.keys() - set(SECTIONS):
        problems.add("unknown_section", file, f"a known section; {nearest(name, SECTIONS)}", column=name)
    grid, listed, random = doc.get("grid", {}), doc.get("variant", []), doc.get("random", {})
    shapes = ((grid, dict, "[grid]"), (listed, list, "[[variant]]"), (random, dict, "[random]"))
    for section, shape, how in shapes:
        if not isinstance(section, shape) or (shape is list and not all(isinstance(e, dict) for e in section)):
            problems.add("wrong_type", file, f"a section that begins with {how}", column=how.strip("[]"))
            return
    yield from _grid(grid, file, scenario, problems)
    for n, entry in enumerate(listed, start=1):
        changes = {key: value for key, value in entry.items() if key != "name"}
        _judge(changes, file, f"variant {n}", scenario, problems, drawn=False)
        yield Variant(str(entry.get("name", f"variant {n}")), "list", changes)
    yield from _random(random, file, scenario, problems)


def _grid(grid: Mapping[str, Any], file: str, scenario: Scenario, problems: Problems) -> Iterator[Variant]:
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            problems.add("wrong_type", file, "a list of values", column=f"grid.{key}", value=values)
            return
        for value in values:
            _judge({key: value}, file, "grid", scenario, problems, drawn=False)
    if grid:
        for combination in itertools.product(*grid.values()):
            changes = dict(zip(grid, combination, strict=True))
            yield Variant(" ".join(f"{k}={short(v)}" for k, v in changes.items()), "grid", changes)


def _random(random: Mapping[str, Any], file: str, scenario: Scenario, problems: Problems) -> Iterator[Variant]:
    specs = {key: value for key, value in random.items() if key not in ("draws", "seed")}
    draws, seed = random.get("draws", 0), random.get("seed", 0)
    for name, value in (("draws", draws), ("seed", seed)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            problems.add("wrong_type", file, "a whole number, 0 or more", column=f"random.{name}", value=value)
            return
    if specs and not draws:
        problems.add("missing_key", file, "how many variants to draw: draws = 20", column="random.draws")
    known = problems.errors
    _judge(specs, file, "random", scenario, problems, drawn=True)
    if problems.errors != known:
        return
    for n in range(draws):
        rng = np.random.default_rng([seed, n])
        yield Variant(f"draw {n + 1}", "random", {k: _drawn(v, rng) for k, v in specs.items()}, seed * 100_003 + n)


def short(value: Any) -> str:
    """A value as a person would write it."""
    if isinstance(value, dict):
        return " ".join(f"{k} {short(v)}" for k, v in value.items())
    return f"{value:.6g}" if isinstance(value, float) else str(value)


# ---- what can be meant


def kind(key: str, scenario: Scenario) -> tuple[str, Table | None, str]:
    """('setting' | 'column' | 'table' | '', table, column) of a key."""
    if any(k.path == key and k.section not in ARRAYS for k in SETTINGS):
        return "setting", None, ""
    section, _, rest = key.partition(".")
    label, _, name = rest.rpartition(".")
    if section in ARRAYS and label in scenario.settings.labels(section):
        known = any(k.section == section and k.name == name for k in SETTINGS)
        return "setting" if known else "", None, ""
    if section in INPUTS and not rest:
        return "table", INPUTS[section], ""
    if section in INPUTS and rest in INPUTS[section].names:
        return "column", INPUTS[section], rest
    return "", None, ""


def _judge(
    changes: Mapping[str, Any], file: str, where: str, scenario: Scenario, problems: Problems, drawn: bool
) -> None:
    """Add a problem for every key or form that cannot be meant."""
    for key, value in changes.items():
        what, table, column = kind(key, scenario)
        place = f"{where}: {key}"
        if not what:
            known = [k.path for k in SETTINGS if k.section not in ARRAYS]
            known += [f"{t.name}.{c}" for t in INPUTS.values() for c in t.names]
            problems.add("unknown_key", file, f"a setting, table or column; {nearest(key, known)}", column=place)
        elif what == "setting":
            if isinstance(value, dict) and not (drawn and _is_draw(value)):
                problems.add("wrong_type", file, "a value" + (_or_draw() if drawn else ""), column=place, value=value)
        else:
            for expected in _faults(value, table, column, scenario, drawn):
                problems.add("wrong_type", file, expected, column=place, value=short(value))


def _or_draw() -> str:
    return ", or a draw: " + ", ".join(f"{{{name} = [...]}}" for name in DRAWS)


def _is_draw(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) != 1:
        return False
    (name, span), = value.items()
    if name not in DRAWS or not isinstance(span, list) or not span:
        return False
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in span)
    return name == "choice" or (numbers and len(span) == 2)


def _faults(value: Any, table: Table | None, column: str, scenario: Scenario, drawn: bool) -> Iterator[str]:
    assert table is not None
    if not isinstance(value, dict):
        if not column:
            yield "{drop = 10}: how many rows to leave out"
        return
    if drawn and _is_draw(value):
        return
    ways = [w for w in WAYS if w in value]
    if len(ways) != 1 or (ways[0] == "drop") != (not column):
        yield "one of {drop = 10} for a table, {set = ...}, {times = ...}, {plus = ...} for a column"
    for name in value.keys() - {*WAYS, "where", "each"}:
        yield f"no {name}; known: {', '.join(WAYS)}, where, each"
    amount = value.get(ways[0]) if ways else None
    if isinstance(amount, dict) and not (drawn and _is_draw(amount)):
        yield "a number" + (_or_draw() if drawn else "; draws belong into [random]")
    where = value.get("where", {})
    if not isinstance(where, dict) or not where.keys() <= set(table.names):
        yield f"where = {{column = value}} with columns of {table.name}: {', '.join(table.names)}"
    elif not len(picked(scenario.table(table.name), where)):
        yield f"a where that picks a row of {table.name}; this picks none"


# ---- drawing and applying


def _drawn(value: Any, rng: np.random.Generator) -> Any:
    """The value with its draws made; those for each row are left for `apply`."""
    if _is_draw(value):
        return _draw(value, rng, None)
    if isinstance(value, dict) and not value.get("each"):
        return {k: _draw(v, rng, None) if _is_draw(v) and k != "where" else v for k, v in value.items()}
    return value


def _draw(value: Mapping[str, Any], rng: np.random.Generator, size: int | None) -> Any:
    (name, span), = value.items()
    if name == "choice":
        picks = rng.integers(len(span), size=size)
        return span[int(picks)] if size is None else [span[int(k)] for k in picks]
    if name == "integer":
        found: Any = rng.integers(span[0], span[1], size=size, endpoint=True)
    else:
        low, high = float(span[0]), float(span[1])
        found = np.asarray(rng.uniform(low, high, size) if name == "uniform" else rng.normal(low, high, size))
    return found if size is not None else (int(found) if name == "integer" else float(found))


def picked(frame: pd.DataFrame, where: Mapping[str, Any]) -> np.ndarray:
    """Positions of the rows that hold the values, or one of a list of values."""
    mask = np.ones(len(frame), dtype=bool)
    for column, value in where.items():
        mask &= frame[column].isin(value if isinstance(value, list) else [value]).to_numpy()
    return np.flatnonzero(mask)


def apply(scenario: Scenario, variant: Variant) -> Scenario:
    """The scenario as the variant wants it, checked anew."""
    rng = np.random.default_rng([variant.seed, 1])
    changes: dict[str, Any] = {}
    for key, value in variant.changes.items():
        what, table, column = kind(key, scenario)
        if what == "setting":
            changes[key] = value
        elif table is not None:
            frame = changes.get(table.name, scenario.table(table.name))
            if what == "table":
                changes |= _dropped(scenario, changes, table, value, rng)
            else:
                changes[table.name] = _set(frame, table, column, value, rng)
    return scenario.change(changes)


def _set(frame: pd.DataFrame, table: Table, column: str, value: Any, rng: np.random.Generator) -> pd.DataFrame:
    spec = value if isinstance(value, dict) else {"set": value}
    rows = picked(frame, spec.get("where", {}))
    way = next(w for w in WAYS if w in spec)
    amount = _draw(spec[way], rng, len(rows)) if _is_draw(spec[way]) else spec[way]
    kind_ = table.column(column)
    cells = frame[column].to_numpy(copy=True) if kind_.kind in ("int", "number", "date") else None
    if cells is None:
        texts = frame[column].astype(object).to_numpy(copy=True)
        texts[rows] = amount
        return frame.assign(**{column: texts})
    old = cells[rows].astype(float)
    new = {"set": lambda: old * 0 + amount, "times": lambda: old * amount, "plus": lambda: old + amount}[way]()
    if kind_.low is not None:
        new = np.maximum(new, kind_.low)
    cells[rows] = new if kind_.kind == "number" else np.rint(new)
    return frame.assign(**{column: cells})


def _dropped(
    scenario: Scenario, changes: Mapping[str, Any], table: Table, spec: Any, rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """The table without some rows, and the tables that refer to it without what refers to those."""
    frame = changes.get(table.name, scenario.table(table.name))
    rows = picked(frame, spec.get("where", {}))
    gone = rng.choice(rows, size=min(int(spec["drop"]), len(rows)), replace=False)
    kept = frame.drop(index=frame.index[gone]).reset_index(drop=True)
    found = {table.name: kept}
    label = table.key[0]
    lost = set(frame[label].iloc[gone]) - set(kept[label])
    for other in INPUTS.values():
        for column in other.columns:
            if column.refers == f"{table.name}.{label}" and other.name in scenario.given:
                rest = found.get(other.name, changes.get(other.name, scenario.table(other.name)))
                found[other.name] = rest[~rest[column.name].isin(lost)].reset_index(drop=True)
    return found

"""Settings on their way in and out: dotted keys and entries as they stand in a file, and `parse`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from allocator import classes
from allocator.cells import Fault, Horizon, date, reader
from allocator.problems import Problems, nearest
from allocator.settings import ARRAYS, ORDER, Batch, Case, Rules, Settings, Shift, Supply, Travel, Weights
from allocator.tables import SETTINGS, Key

YEARS = (1900, 2200)
"""Years a scenario may start in."""
TIERS = "weights.tiers"


@dataclass(frozen=True)
class Document:
    """Settings as they stand in a file: dotted key -> value, array -> entries of key -> value.

    Values are those of TOML; the workbook reader brings its cells into the same form.
    """

    file: str
    scalars: Mapping[str, Any]
    arrays: Mapping[str, tuple[Mapping[str, Any], ...]]
    places: Mapping[str, tuple[str, int | None, str]] = field(default_factory=dict)
    """Dotted key -> file, row and column, where that is not (file, none, the key itself)."""
    broken: frozenset[str] = frozenset()
    """Sections and keys that could not be read, and are reported already."""
    loose: bool = False
    """True: every value is text to be read (workbook cells)."""

    def place(self, path: str) -> tuple[str, int | None, str]:
        return self.places.get(path, (self.file, None, path))


@dataclass(frozen=True)
class Parsed:
    """Settings with stand-ins where something is wrong, and the dotted keys that are wrong."""

    settings: Settings
    bad: frozenset[str]

    @property
    def horizon(self) -> Horizon | None:
        return None if self.bad & {"start", "days"} else self.settings.horizon

    def sound(self, section: str) -> bool:
        inner = f"{section}[", f"{section}."
        return not any(path == section or path.startswith(inner) for path in self.bad)


def flatten(file: str, tree: Mapping[str, Any], problems: Problems) -> Document:
    """Flatten a TOML tree; sections that have the wrong shape are problems."""
    scalars: dict[str, Any] = {}
    arrays: dict[str, tuple[Mapping[str, Any], ...]] = {}
    broken = set()
    sections = {key.section for key in SETTINGS} - {""} - set(ARRAYS)
    for name, value in tree.items():
        if name in ARRAYS:
            entries = value if isinstance(value, list) else [None]
            if not all(isinstance(e, dict) for e in entries):
                expected = f"entries that begin with [[{name}]]"
                problems.add("wrong_type", file, expected, column=name, value=value)
                broken.add(name)
            arrays[name] = tuple(e for e in entries if isinstance(e, dict))
        elif name in sections and not isinstance(value, dict):
            expected = f"a section that begins with [{name}]"
            problems.add("wrong_type", file, expected, column=name, value=value)
            broken.add(name)
        elif isinstance(value, dict) and name not in sections:
            known = [*ARRAYS, *sorted(sections)]
            problems.add("unknown_section", file, f"a known section; {nearest(name, known)}", column=name)
        else:
            scalars.update(_leaves(name, value, sections))
    return Document(file, scalars, arrays, broken=frozenset(broken))


def _leaves(path: str, value: Any, sections: set[str]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and path in sections:
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}", inner, sections)
    else:
        yield path, value


class _Reader:
    """Reads one document key by key; remembers what was wrong."""

    def __init__(self, document: Document, problems: Problems):
        self.document = document
        self.problems = problems
        self.bad: set[str] = set(document.broken)
        self.horizon: Horizon | None = None

    def fault(self, path: str, fault: str, expected: str, value: Any = "") -> None:
        file, row, column = self.document.place(path)
        self.problems.add(fault, file, expected, row, column, value)
        self.bad.add(path)

    def value(self, key: Key, path: str, given: Mapping[str, Any], name: str) -> Any:
        """Read one key; its default, or a stand-in, where it is absent or wrong."""
        raw = given.get(name)
        if raw is None or (self.document.loose and raw == ""):
            if key.default is None and name not in given:
                self.fault(path, "missing_key", f"{key.meaning} ({key.unit or key.kind})")
            elif key.default is None:
                self.fault(path, "blank", f"{key.meaning} ({key.unit or key.kind})")
            return _stand_in(key)
        value = self.typed(key, raw)
        if isinstance(value, Fault):
            self.fault(path, value.name, value.expected, raw)
            return _stand_in(key)
        return value

    def typed(self, key: Key, raw: Any) -> Any:
        if not self.document.loose and (wrong := _wrong_type(key.kind, raw)):
            return Fault("wrong_type", wrong)
        if isinstance(raw, int) and raw.bit_length() > 1000:
            return Fault("out_of_range", "a number a person can read")
        cell = str(raw).strip()
        if isinstance(raw, bool):
            cell = cell.lower()
        if key.kind == "id" and not cell:
            return Fault("blank", key.meaning)
        if key.path == "start":
            value = date(cell)
            if isinstance(value, dt.date) and not YEARS[0] <= value.year <= YEARS[1]:
                return Fault("out_of_range", f"a year from {YEARS[0]} to {YEARS[1]}")
            return value
        return reader(key, self.horizon)(cell)

    def section(self, name: str) -> dict[str, Any]:
        keys = [k for k in SETTINGS if k.section == name]
        return {k.name: self.value(k, k.path, self.document.scalars, k.path) for k in keys}

    def entries(self, name: str) -> list[dict[str, Any]]:
        keys = {k.name: k for k in SETTINGS if k.section == name}
        result = []
        for n, given in enumerate(self.document.arrays.get(name, ()), start=1):
            for other in sorted(given.keys() - keys.keys()):
                self.fault(f"{name}[{n}].{other}", "unknown_key", nearest(other, keys), given[other])
            result.append({k: self.value(key, f"{name}[{n}].{k}", given, k) for k, key in keys.items()})
        return result

    def unknown(self) -> None:
        known = [k.path for k in SETTINGS if k.section not in ARRAYS]
        for path in sorted(self.document.scalars.keys() - set(known)):
            self.fault(
                path, "unknown_key", f"a known key; {nearest(path, known)}", self.document.scalars[path]
            )


def _wrong_type(kind: str, raw: Any) -> str:
    """Return what is expected where a TOML value has the wrong type."""
    is_number = isinstance(raw, int | float) and not isinstance(raw, bool)
    if kind in ("int", "number"):
        return "" if is_number else "a number without quotes"
    if kind == "bool":
        return "" if isinstance(raw, bool) else "true or false, without quotes"
    if kind == "date":
        sound = isinstance(raw, str) or (isinstance(raw, dt.date) and not isinstance(raw, dt.datetime))
        return "" if sound else "an ISO date such as 2020-02-03"
    if kind == "clock":
        return "" if isinstance(raw, str | dt.time) else "a time of day such as '08:30', in quotes"
    return "" if isinstance(raw, str) else "text in quotes"


def _stand_in(key: Key) -> Any:
    if key.default is not None:
        return key.default
    usual: dict[str, Any] = {"id": "", "int": 1, "number": 1.0, "clock": 0}
    return dt.date(2000, 1, 3) if key.path == "start" else usual.get(key.kind, 0)


def parse(document: Document, problems: Problems) -> Parsed:
    """Read the settings; whatever is wrong goes to `problems`."""
    read = _Reader(document, problems)
    head = read.section("")
    if not read.bad & {"start", "days"}:
        read.horizon = Horizon(head["start"], head["days"])
    shifts, batches, cases = (read.entries(name) for name in ARRAYS)
    parts = {name: read.section(name) for name in ("rules", "weights", TIERS, "travel", "supply")}
    read.unknown()
    settings = Settings(
        **head,
        shifts=tuple(Shift(s["id"], s["start"], round(float(s["hours"]) * 60), s["night"]) for s in shifts),
        batches=tuple(Batch(**b) for b in batches),
        cases=tuple(Case(c["id"], float(c["probability"])) for c in cases),
        rules=Rules(**_floats("rules", parts["rules"])),
        weights=Weights(**_floats("weights", parts["weights"]), tiers=_floats(TIERS, parts[TIERS])),
        travel=Travel(**_floats("travel", parts["travel"])),
        supply=Supply(**_floats("supply", parts["supply"])),
    )
    _check(settings, read)
    return Parsed(settings, frozenset(read.bad))


def _floats(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {k.name: k.kind for k in SETTINGS if k.section == section}
    return {name: float(v) if kinds[name] == "number" else v for name, v in values.items()}


def _check(settings: Settings, read: _Reader) -> None:
    """Check what entries of [[shift]], [[batch]] and [[case]] mean together."""
    for name in ("shift", "batch"):
        if not read.document.arrays.get(name) and name not in read.bad:
            read.fault(name, "missing_section", f"at least one [[{name}]]")
    for name in ARRAYS:
        _unlike(read, name, "id", settings.labels(name), "duplicate_id", "an id that no other entry has")
    starts = [b.start for b in settings.batches]
    if not read.bad & {"start", "days"}:
        _unlike(
            read, "batch", "start", starts, "overlapping_batches", "a start no other batch has; merge the two"
        )
    for n, shift in enumerate(settings.shifts, start=1):
        if not read.bad & {f"shift[{n}].start", f"shift[{n}].hours"}:
            _check_shift(read, n, shift)
    total = sum(c.probability for c in settings.cases)
    sound = not any(path.startswith("case[") and path.endswith("probability") for path in read.bad)
    if settings.cases and sound and abs(total - 1) > 1e-6:
        path = f"case[{len(settings.cases)}].probability"
        read.fault(path, "probabilities", "probabilities of all cases that add up to 1", f"{total:g}")
    try:
        classes.pairs(settings.rules.class_order)
    except classes.OrderError as error:
        read.fault("rules.class_order", error.fault, str(error), settings.rules.class_order)


def _check_shift(read: _Reader, n: int, shift: Shift) -> None:
    given = read.document.arrays["shift"][n - 1]["hours"]
    if abs(float(given) * 60 - shift.minutes) > 1e-6:
        read.fault(f"shift[{n}].hours", "fraction", "a whole number of minutes, such as 7.5 hours", given)
    elif shift.end > 24 * 60:
        longest = (24 * 60 - shift.start) / 60
        way = f"an end by 24:00, at most {longest:g} hours from this start; split it into two shifts"
        read.fault(f"shift[{n}].hours", "ends_after_midnight", way, given)


def _unlike(read: _Reader, name: str, key: str, values: Any, fault: str, expected: str) -> None:
    first: dict[Any, int] = {}
    for n, value in enumerate(values, start=1):
        if f"{name}[{n}].{key}" in read.bad:
            continue
        if value in first:
            shown = read.document.arrays[name][n - 1].get(key, value)
            other = read.document.place(f"{name}[{first[value]}].{key}")
            place = f"row {other[1]}" if other[1] else other[2]
            read.fault(f"{name}[{n}].{key}", fault, f"{expected} (the other: {place})", shown)
        first.setdefault(value, n)


def document(settings: Settings, file: str = "scenario.toml") -> Document:
    """Turn settings back into the document they are read from."""
    horizon = settings.horizon
    scalars: dict[str, Any] = {"name": settings.name, "title": settings.title}
    scalars |= {"start": settings.start, "days": settings.days}
    for section in ("rules", "weights", "travel", "supply"):
        values = asdict(getattr(settings, section)) if section != "weights" else dict(vars(settings.weights))
        tiers = values.pop("tiers", {})
        scalars |= {f"{section}.{name}": value for name, value in values.items()}
        scalars |= {f"weights.tiers.{name}": value for name, value in tiers.items()}
    if settings.rules.class_order == ORDER:
        # scenarios from before there was an order keep their fingerprint
        del scalars["rules.class_order"]
    shifts = (
        {"id": s.id, "start": _hhmm(s.start), "hours": s.minutes / 60, "night": s.night}
        for s in settings.shifts
    )
    batches = ({"id": b.id, "start": horizon.date(b.start), "size": b.size} for b in settings.batches)
    cases = (asdict(c) for c in settings.cases)
    return Document(file, scalars, {"shift": tuple(shifts), "batch": tuple(batches), "case": tuple(cases)})


def _hhmm(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"

"""The standing of a run, kept beside it: the arrays that questions about a plan in hand begin with.

Reading a city's tables, checking them and turning them into arrays takes longer than most answers. So what
comes of it is kept in one file of plain arrays, with the SHA-256 of all it was made from: every file of
the scenario and of the plan's tables, and this program. Where that is no longer the same, or the file is
not there or not whole, the tables are read as ever.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from allocator.goods import Goods
from allocator.instance import Instance
from allocator.models.board import Board
from allocator.models.field import Field
from allocator.models.worth import worth
from allocator.seal import STANDING
from allocator.standing import Standing

__all__ = ["TABLES", "digest", "keep", "kept"]

TABLES = ("postings", "assignments", "shipments", "supply", "openings", "reopenings")
"""Tables of a plan that its standing is made from."""
Part = TypeVar("Part", Instance, Goods)


def digest(run: Path) -> str:
    """SHA-256 of all that the standing of a run depends on."""
    whole = hashlib.sha256()
    for file in (*_sources(), *_folder(run / "scenario"), run / "plan.json", *(run / f"{n}.csv" for n in TABLES)):
        with suppress(OSError):
            whole.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def _sources() -> list[Path]:
    return sorted(Path(__file__).parent.rglob("*.py"))


def _folder(path: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(entry for entry in path.iterdir() if entry.is_file())
    return []


def keep(standing: Standing, run: Path, made_from: str) -> None:
    """Keep the standing of a run; `made_from` is its digest from before it was read. No harm if it cannot be."""
    board = standing.board
    parts = _packed("inst", standing.inst) | _packed("goods", standing.goods)
    parts |= {"site": board.site, "batch": board.batch, "plan": board.plan}
    parts |= {"arriving": standing.arriving, "penalty": standing.penalty, "digest": np.array(made_from)}
    fresh = run / f".{STANDING}-{os.getpid()}"
    with suppress(OSError):
        try:
            with open(fresh, "wb") as file:
                np.savez(file, **parts)
            fresh.replace(run / STANDING)
        finally:
            fresh.unlink(missing_ok=True)


def kept(run: Path, now: str) -> Standing | None:
    """The standing kept beside a run whose digest is `now`; None where there is none of it."""
    try:
        with open(run / STANDING, "rb") as file, np.load(file, allow_pickle=False) as parts:
            if str(parts["digest"]) != now:
                return None
            inst, goods = _unpacked("inst", Instance, parts), _unpacked("goods", Goods, parts)
            board = Board(inst, Field(inst), worth(inst))
            board.site, board.batch = parts["site"], parts["batch"]
            board.work(np.arange(len(board.site)), parts["plan"])
            return Standing(inst, goods, board, parts["arriving"], parts["penalty"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _packed(name: str, part: Any) -> dict[str, Any]:
    found = {f.name: np.asarray(getattr(part, f.name)) for f in fields(part)}
    return {f"{name}.{k}": v.astype(np.str_) if v.dtype == object else v for k, v in found.items()}


def _unpacked(name: str, kind: type[Part], parts: Any) -> Part:
    return kind(**{f.name: _value(str(f.type), parts[f"{name}.{f.name}"]) for f in fields(kind)})


def _value(kind: str, cells: np.ndarray) -> Any:
    """An array as the field of a part holds it; texts as objects, as pandas gives them."""
    if kind == "np.ndarray":
        return cells.astype(object) if cells.dtype.kind == "U" else cells
    if kind.startswith("tuple[tuple"):
        return tuple(tuple(row) for row in cells.tolist())
    return tuple(cells.tolist()) if kind.startswith("tuple") else cells.item()

"""Our pipeline and what a user would pick instead, on the same cities, in the same session.

    python tests/benchmarks/peers.py --out DIR [--sizes 0.05,0.2,1] [--seconds 60] [--factors 1,10]
        [--who ours,cpsat,highs,timefold] [--timefold-python PATH] [--memory 12] [--columns 600000] [--table-only]

Cities are made by `allocator city --like scenarios/wuxi-2020-02`; size 1 is that scenario itself. Every run has a
process of its own with a limit on time and on address space, one after the other; each leaves a line in
DIR/results.jsonl, and a run whose line is there is not made again. The table, DIR/table.md, is also printed. Ours runs
once with --seconds; its time is that of the whole process, and the peers get that time, and each factor of it, reading
and building included.

first plan      seconds to the first plan with every pin kept, empty sites allowed
our quality     seconds until the peer's value is not above ours
value, bound    at the end of a run; values are those of measures.py on tables that the verifier passed, `!n` marks n
                broken rules. A peer whose model had to leave pairs out (`nearest`) proves nothing about the city.

Timefold: `python3 -m venv tf && tf/bin/pip install --pre timefold`, Java 17, then --timefold-python tf/bin/python.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
WUXI = ROOT / "scenarios" / "wuxi-2020-02"
NAMES = {"ours": "allocator", "cpsat": "CP-SAT, one model", "highs": "HiGHS, one MIP", "timefold": "Timefold, seats"}
GRACE = 1.5
"""A peer that does not keep its time is ended after so many times it, and two minutes."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sizes", default="0.05,0.2,1")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--factors", default="1,10")
    parser.add_argument("--who", default="ours,cpsat,highs,timefold")
    parser.add_argument("--timefold-python", type=Path)
    parser.add_argument("--memory", type=float, default=12.0)
    parser.add_argument("--columns", type=int, default=600_000)
    parser.add_argument("--table-only", action="store_true")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    results = Results(given.out / "results.jsonl")
    factors = [float(f) for f in given.factors.split(",")]
    for size in [] if given.table_only else given.sizes.split(","):
        folder = city(size, given.out)
        mine = results.get(size, "ours", 1) or results.add(size, "ours", 1, ours(folder, given.seconds))
        for who in given.who.split(","):
            for factor in factors if who != "ours" else []:
                if results.get(size, who, factor) is None:
                    results.add(size, who, factor, rival(who, folder, mine["seconds"] * factor, given))
    table = results.table(factors)
    (given.out / "table.md").write_text(table, encoding="utf-8")
    print(table)
    return 0


def city(size: str, out: Path) -> Path:
    if float(size) == 1:
        return WUXI
    folder = out / f"city-{size}"
    if not folder.exists():
        command = [sys.executable, "-m", "allocator", "city", str(folder), "--like", str(WUXI), "--times", size]
        subprocess.run([*command, "--quiet"], cwd=ROOT, check=True)
    return folder


def ours(folder: Path, seconds: float) -> dict[str, Any]:
    """A whole `allocator solve`; news are dated as they arrive."""
    begun = time.perf_counter()
    path: list[list[float | None]] = []
    with tempfile.TemporaryDirectory() as run, tempfile.TemporaryFile("w+") as answer:
        command = [sys.executable, "-m", "allocator", "solve", str(folder), "--out", f"{run}/plan", "--json"]
        process = subprocess.Popen(
            [*command, "--seconds", str(seconds)], cwd=ROOT, stdout=answer, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        for line in process.stderr:
            words = line.replace(",", "").split()
            if len(words) > 4 and words[1] == "s" and words[2] == "plan" and words[3] != "-":
                bound = None if words[4] == "-" else float(words[4])
                path.append([round(time.perf_counter() - begun, 2), float(words[3]), bound])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"allocator solve ended with {process.returncode}")
        answer.seek(0)
        found = json.load(answer)
    record = {"value": found["objective"], "bound": found["bound"], "violations": len(found["violations"])}
    wall = round(time.perf_counter() - begun, 2)
    return record | {"seconds": wall, "path": path, "whole": True, "peak_mb": usage.ru_maxrss // 1024}


def rival(who: str, folder: Path, seconds: float, given: Any) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).with_name("rival.py")), who, str(folder)]
    command += ["--seconds", f"{seconds:.1f}", "--memory", str(given.memory), "--columns", str(given.columns)]
    if given.timefold_python:
        command += ["--timefold-python", str(given.timefold_python)]
    none: dict[str, Any] = {"value": None, "bound": None, "path": [], "seconds": None}
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdout=pipe, stderr=pipe, text=True)
    try:
        out, err = process.communicate(timeout=seconds * GRACE + 120)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # it and what it has started
        process.communicate()
        return none | {"status": "did not keep its time"}
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if not lines:
        why = (err.strip().splitlines() or ["no word"])[-1]
        return none | {"status": f"died ({process.returncode}): {why}"}
    return json.loads(lines[-1])


class Results:
    """Lines of results, one per city, peer and factor."""

    def __init__(self, file: Path):
        self.file = file
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        self.lines = [json.loads(line) for line in lines]

    def get(self, size: str, who: str, factor: float) -> dict[str, Any] | None:
        found = [r for r in self.lines if (r["size"], r["who"], r["factor"]) == (size, who, factor)]
        return found[-1] if found else None

    def add(self, size: str, who: str, factor: float, record: dict[str, Any]) -> dict[str, Any]:
        line = {"size": size, "who": who, "factor": factor} | record
        self.lines.append(line)
        with open(self.file, "a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")
        shown = {k: line.get(k) for k in ("value", "bound", "seconds", "status", "columns", "near", "peak_mb")}
        print(f"{size} {who} x{factor:g}: {shown}", file=sys.stderr, flush=True)
        return line

    def table(self, factors: list[float]) -> str:
        at = [f"{what} at {f:g} x" for f in factors for what in ("value", "bound")]
        head = ["city", "who", "time, s", "first plan, s", "our quality, s", *at, "remarks"]
        rows = [head, ["---"] * len(head)]
        for size in dict.fromkeys(r["size"] for r in self.lines):
            mine = self.get(size, "ours", 1)
            for who in NAMES:
                runs = [self.get(size, who, 1 if who == "ours" else f) for f in factors]
                if mine and any(runs):
                    rows.append(self._row(size, who, runs, mine["value"]))
        return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"

    @staticmethod
    def _row(size: str, who: str, runs: list[dict[str, Any] | None], goal: float) -> list[str]:
        last = next(r for r in reversed(runs) if r)
        values = [(t, v) for t, v, _ in last.get("path", []) if v is not None]
        if last["value"] is not None and last.get("seconds"):
            values.append((last["seconds"], last["value"]))
        first = min((t for t, _ in values), default=None)
        enough = min((t for t, v in values if v <= goal * (1 + 1e-9)), default=None)
        cells = [size, NAMES[who], _shown(last.get("seconds")), _shown(first), _shown(enough)]
        for run in runs:
            broken = f" !{run['violations']}" if run and run.get("violations") else ""
            cells += [_shown(run["value"] if run else None, 0) + broken, _shown(run["bound"] if run else None, 0)]
        return [*cells, Results._remarks(last)]

    @staticmethod
    def _remarks(run: dict[str, Any]) -> str:
        said = []
        if run.get("columns"):
            said.append(f"{run['columns']:,} columns")
        if run.get("near") and not run.get("whole"):
            said.append(f"{run['near']} nearest")
        if run.get("status") and str(run["status"]).lower() not in ("feasible", "optimal"):
            said.append(str(run["status"]))
        if run.get("peak_mb"):
            said.append(f"{run['peak_mb'] / 1024:.1f} GB")
        return ", ".join(said)


def _shown(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


if __name__ == "__main__":
    sys.exit(main())

"""A sweep that is killed twice here and twice on a Dask cluster: are all results there, and the same?

    python tests/benchmarks/sweep.py RUN OUT [--variants tests/benchmarks/wuxi.toml] [--rounds 1] [--workers 2]

RUN is a plan of the full case with its scenario: the sweeps start from it. Each sweep has its driver killed
(SIGKILL) when a quarter of the results are there, is started again, and has one worker killed at half. Both
tables must hold every variant and be the same byte for byte. OUT keeps them: run again, it goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


def main() -> int:
    given = arguments()
    count = variants(given.run, given.variants)
    for name, worker in (("local", local_worker), ("dask", None)):
        folder = given.out / name
        if not (folder / "base").is_dir():
            shutil.copytree(given.run, folder / "base")
        if worker is not None:
            killed_twice(folder, command(given, folder), count, worker)
            continue
        from distributed import LocalCluster

        with LocalCluster(
            n_workers=given.workers, threads_per_worker=1, dashboard_address=None, processes=True
        ) as cluster:
            words = command(given, folder, "--scheduler", cluster.scheduler_address)
            killed_twice(folder, words, count, lambda _: next(iter(cluster.workers.values())).pid)
    return judged(given.out, count)


def arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--variants", type=Path, default=Path(__file__).with_name("wuxi.toml"))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def variants(run: Path, file: Path) -> int:
    from allocator import scenario
    from allocator import variants as asked

    return len(asked.read(file, scenario.read(run / "scenario")))


def command(given: Any, folder: Path, *more: str) -> list[str]:
    words = [sys.executable, "-m", "allocator", "sweep", str(given.run / "scenario"), str(given.variants)]
    return [*words, "--out", str(folder), "--rounds", str(given.rounds), "--processes", str(given.workers), *more]


def killed_twice(folder: Path, words: list[str], count: int, worker: Callable[[int], int]) -> None:
    """Run a sweep to its end, its driver killed once and a worker once on the way."""
    begun = time.monotonic()
    if done(folder) < count // 4:
        driver = started(words)
        wait(driver, lambda: done(folder) >= count // 4)
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
        print(f"{folder.name}: driver killed with {done(folder)} of {count} results", flush=True)
    kept = {file: file.read_bytes() for file in (folder / "results").glob("*.json")}
    driver = started(words)
    if len(kept) < count // 2:
        wait(driver, lambda: done(folder) >= count // 2)
        os.kill(worker(driver.pid), signal.SIGKILL)
        print(f"{folder.name}: worker killed with {done(folder)} of {count} results", flush=True)
    code = driver.wait()
    assert code == 0, f"the sweep ended with exit code {code}"
    assert all(file.read_bytes() == text for file, text in kept.items()), "a result was written anew"
    print(f"{folder.name}: {done(folder)} results after {time.monotonic() - begun:,.0f} s", flush=True)


def started(words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)


def done(folder: Path) -> int:
    return len(list((folder / "results").glob("*.json")))


def wait(driver: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    while not condition():
        assert driver.poll() is None, f"the sweep ended with exit code {driver.returncode}"
        time.sleep(0.5)


def local_worker(driver: int) -> int:
    """A process of the pool of a driver."""
    words = ["ps", "-o", "pid=,args=", "--ppid", str(driver)]
    found = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return int(next(line for line in found if "popen_loky" in line).split()[0])


def judged(out: Path, count: int) -> int:
    """Compare the tables of both sweeps with each other, and each row with its own verified result."""
    local, dask = ((out / name / "table.csv").read_bytes() for name in ("local", "dask"))
    table = pd.read_csv(out / "local" / "table.csv")
    seconds = [json.loads(f.read_text())["seconds"] for f in (out / "local" / "results").glob("*.json")]
    solved = int((table["status"] == "solved").sum())
    print(f"{len(table) - 1} of {count} variants, {solved - 1} solved and verified, the base beside them")
    print(f"a variant takes {sum(seconds) / len(seconds):.1f} s; local and Dask tables equal: {local == dask}")
    print(table[["variant", "objective", "difference", "shortage"]].sort_values("objective").to_string(index=False))
    return 0 if local == dask and len(table) == count + 1 else 1


if __name__ == "__main__":
    sys.exit(main())

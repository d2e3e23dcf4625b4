"""Sweeps: the same table wherever they run, whoever is killed, and a gate that closes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pandas as pd
import pytest
from click.testing import Result
from conftest import ROOT, SMALL

from allocator import executor
from allocator.errors import NoPlanError
from allocator.tornado import Bar, bars, drawn

Run = Callable[..., Result]
VARIANTS = """
[grid]
"batch.b2.size" = [4, 8]
"rules.max_run" = [4, 5]
[[variant]]
name = "no orders"
"supply.budget" = 0
[[variant]]
name = "nobody travels"
"rules.max_travel" = 1
[random]
draws = 3
seed = 3
"stock.quantity" = { times = { uniform = [0.5, 1.5] }, where = { item = "mask" }, each = true }
"cadres" = { drop = 2 }
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("asked") / "v.toml"
    file.write_text(VARIANTS, encoding="utf-8")
    return file


def swept(out: Path, asked: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(out, asked, *more), capture_output=True, text=True, cwd=ROOT, check=True)


def command(out: Path, asked: Path, *more: str) -> list[str]:
    words = [sys.executable, "-m", "allocator", "sweep", str(SMALL), str(asked), "--out", str(out), "--rounds", "1"]
    return [*words, "--seconds", "5", *more]


@pytest.fixture(scope="module")
def whole(asked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "sweep"
    swept(out, asked)
    return out


def begun(whole: Path, out: Path) -> None:
    """A folder where only the base plan is there, so that sweeps start alike."""
    out.mkdir()
    subprocess.run(["cp", "-r", str(whole / "base"), str(out / "base")], check=True)


def test_one_row_per_variant(whole: Path) -> None:
    table = pd.read_csv(whole / "table.csv")
    assert table["variant"].is_unique
    assert len(table) == 1 + 4 + 2 + 3
    failed = table[table["status"] == "failed"]
    assert failed["variant"].tolist() == ["nobody travels"]
    assert "rules.max_travel" in failed["problem"].iloc[0]
    solved = table[table["status"] == "solved"].set_index("variant")
    terms = solved[["staffing", "travel", "change", "fairness", "supply", "distance", "opening", "reopening"]]
    assert terms.sum(axis=1).to_numpy() == pytest.approx(solved["objective"].to_numpy())
    assert solved["difference"]["base"] == 0
    few, many = (solved["objective"][f"batch.b2.size={n} rules.max_run={r}"] for n, r in ((4, 4), (8, 5)))
    assert few > many
    rows = openpyxl.load_workbook(whole / "table.xlsx").active
    assert rows is not None
    assert rows.max_row == 1 + len(table)


def test_labels_of_the_tornado_touch_no_keys() -> None:
    long = Bar("deliveries.quantity", "times 2", "times 0.5", -33_333.3, 12_345.6)
    picture = drawn([long, Bar("rules.max_run", "7", "5", 0.0, 800.0)], 538_028.2)
    texts = [float(x) for x in re.findall(r'<text x="([0-9.]+)" y="47" text-anchor="end"', picture)]
    assert len(texts) == 1
    assert texts[0] - 5.5 * len("times 2 (-33,333.3)") > 6 + 6.5 * len(long.key)


def test_the_tornado_shows_every_key_widest_first(whole: Path) -> None:
    table = pd.read_csv(whole / "table.csv", keep_default_na=False).replace({"difference": {"": None}})
    table["difference"] = pd.to_numeric(table["difference"])
    picture = (whole / "tornado.svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(picture)
    assert root.tag.endswith("svg")
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
    labels = [t.text for t in root.iter() if t.tag.endswith("text") and t.get("x") == "6"]
    keys = ["batch.b2.size", "rules.max_run", "supply.budget", "stock.quantity", "cadres"]
    assert set(labels) == set(keys)
    widths = [b.high - b.low for b in bars(table, keys)]
    assert widths == sorted(widths, reverse=True)
    assert max(widths) > 0


def test_done_work_is_not_done_again(whole: Path, asked: Path) -> None:
    before = {f.name: f.stat().st_mtime_ns for f in (whole / "results").iterdir()}
    table = (whole / "table.csv").read_bytes()
    again = swept(whole, asked, "--json")
    assert json.loads(again.stdout)["reused"] == 9
    assert {f.name: f.stat().st_mtime_ns for f in (whole / "results").iterdir()} == before
    assert (whole / "table.csv").read_bytes() == table


def children(pid: int) -> list[int]:
    """Workers that a driver has started."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == pid and b"popen_loky" in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return sorted(found)


def wait_for(condition: Callable[[], Any], seconds: float = 120) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it never came")


def test_a_driver_and_a_worker_are_killed(whole: Path, asked: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    begun(whole, out)
    results = out / "results"
    driver = subprocess.Popen(command(out, asked, "--quiet"), cwd=ROOT, start_new_session=True)
    wait_for(lambda: results.is_dir() and len(list(results.glob("*.json"))) >= 2)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    kept = {f.name: f.read_bytes() for f in results.glob("*.json")}
    assert 2 <= len(kept) < 9
    assert not (out / "table.csv").exists()
    driver = subprocess.Popen(command(out, asked, "--quiet"), cwd=ROOT, start_new_session=True)
    victim = wait_for(lambda: children(driver.pid))[0]
    os.kill(victim, signal.SIGKILL)
    assert driver.wait(timeout=300) == 0
    assert (out / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()
    assert {name: (results / name).read_bytes() for name in kept} == kept
    assert not [f for f in results.iterdir() if f.suffix != ".json"], "nothing half-written is left"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from distributed import LocalCluster

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True) as made:
            yield made


def test_dask_gives_the_same_table(whole: Path, asked: Path, tmp_path: Path, cluster: Any) -> None:
    out = tmp_path / "sweep"
    begun(whole, out)
    driver = subprocess.Popen(
        command(out, asked, "--quiet", "--scheduler", cluster.scheduler_address), cwd=ROOT, stderr=subprocess.PIPE
    )
    wait_for(lambda: (out / "results").is_dir() and list((out / "results").glob("*.json")))
    os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
    _, said = driver.communicate(timeout=300)
    assert driver.returncode == 0, said
    assert (out / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()


def doomed(shared: bytes, task: int) -> int:
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return task * len(shared)


def test_a_job_that_kills_its_workers_is_named() -> None:
    answers: dict[str, int] = {}
    with pytest.raises(NoPlanError, match=r"1 jobs lost 4 workers each: t3; is there memory enough\?"):
        answers.update(executor.run(doomed, b"ab", {f"t{n}": n for n in range(6)}, workers=1))
    assert answers == {f"t{n}": 2 * n for n in range(6) if n != 3}


SLOW = """
import sys, time
from allocator import executor
def slow(shared, task):
    open(sys.argv[1] + f"/{task}", "w").close()
    time.sleep(60)
list(executor.run(slow, b"", {str(n): n for n in range(50)}, workers=2))
"""


def alive(pid: int) -> bool:
    """Is it there, and not only because nobody has asked how it ended?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_no_worker_outlives_a_killed_driver(tmp_path: Path) -> None:
    driver = subprocess.Popen([sys.executable, "-c", SLOW, str(tmp_path)], cwd=ROOT, start_new_session=True)
    wait_for(lambda: any(tmp_path.iterdir()))
    workers = children(driver.pid)
    assert len(workers) == 2
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    assert wait_for(lambda: not any(map(alive, workers)), 30)


def failing(shared: bytes, task: int) -> int:
    raise KeyError(task)


def test_an_error_of_a_job_is_not_swallowed() -> None:
    with pytest.raises(KeyError):
        list(executor.run(failing, b"", {"a": 1}, workers=1))


def test_the_gate(allocator: Run, whole: Path, asked: Path, tmp_path: Path) -> None:
    arguments = ("sweep", SMALL, asked, "--out", whole, "--rounds", "1", "--seconds", "5", "--quiet", "--against")
    assert allocator(*arguments, whole).exit_code == 0
    better = pd.read_csv(whole / "table.csv")
    better.loc[better["variant"] == "no orders", "objective"] *= 0.9
    better.to_csv(tmp_path / "better.csv", index=False)
    result = allocator(*arguments, tmp_path / "better.csv")
    assert result.exit_code == 5
    assert re.findall("worse than .*: (no orders): ", result.stderr) == ["no orders"]
    assert allocator(*arguments, tmp_path / "better.csv", "--tolerance", "0.2").exit_code == 0
    lost = pd.read_csv(whole / "table.csv")
    lost.loc[lost["variant"] == "nobody travels", "objective"] = 1.0
    lost.to_csv(tmp_path / "lost.csv", index=False)
    assert "no plan now" in allocator(*arguments, tmp_path / "lost.csv").stderr
    assert allocator(*arguments, tmp_path / "none.csv").exit_code == 2


def test_places_that_cannot_be_meant(allocator: Run, asked: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert allocator("sweep", SMALL, asked, "--out", tmp_path / "mine").exit_code == 2
    assert allocator("sweep", SMALL, tmp_path / "none.toml").exit_code == 2

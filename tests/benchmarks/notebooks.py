"""The notebooks on a case of one's own: what they print and draw, kept in a folder.

    python tests/benchmarks/notebooks.py RUN OUT [--seconds 100] [--rounds 1] [--prices 0] [--only 02 ...]

RUN is a finished plan with its scenario, which the notebooks begin with. Each runs in a process of its own; OUT gets
its text as NAME.txt and its pictures as NAME-1.png, NAME-2.png and so on. --seconds, --rounds and --prices are the
effort: ALLOCATOR_SECONDS, ALLOCATOR_ROUNDS, ALLOCATOR_PRICES.
"""

from __future__ import annotations

import argparse
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", default="100")
    parser.add_argument("--rounds", default="1")
    parser.add_argument("--prices", default="0")
    parser.add_argument("--only", nargs="*", default=[""], help="beginnings of the names of notebooks")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    effort = {"ALLOCATOR_SECONDS": given.seconds, "ALLOCATOR_ROUNDS": given.rounds, "ALLOCATOR_PRICES": given.prices}
    own = {"ALLOCATOR_RUN": str(given.run.resolve()), "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    failed = []
    for notebook in sorted((ROOT / "notebooks").glob("*.py")):
        if not notebook.name.startswith(tuple(given.only)):
            continue
        begun = time.monotonic()
        words = [sys.executable, str(Path(__file__).resolve()), "--run", str(notebook), str(given.out.resolve())]
        with open(given.out / f"{notebook.stem}.txt", "w", encoding="utf-8") as text:
            code = subprocess.run(
                words, env=os.environ | effort | own, stdout=text, stderr=subprocess.STDOUT, check=False
            ).returncode
        print(f"{notebook.name}: exit code {code} after {time.monotonic() - begun:,.0f} s", flush=True)
        failed += [notebook.name] if code else []
    return int(bool(failed))


def drawn(notebook: Path, out: Path) -> None:
    """Run one notebook here; whatever it shows, or leaves open at its end, becomes a picture."""
    import matplotlib.pyplot as plt

    count = 0

    def keep(*_: object, **__: object) -> None:
        nonlocal count
        for number in plt.get_fignums():
            count += 1
            plt.figure(number).savefig(out / f"{notebook.stem}-{count}.png", dpi=110)
        plt.close("all")

    plt.show = keep
    runpy.run_path(str(notebook), run_name="__main__")
    keep()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        drawn(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        sys.exit(main())

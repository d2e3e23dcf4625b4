"""The seal of a run: proof that its files are those the verifier found no fault with.

`solve` and `verify` put it on a run without violations; `publish` looks at it. It holds the
SHA-256 of every file of the run, so any later change of a file breaks it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from allocator.errors import Violation
from allocator.tables import CONTEXT, OUTPUTS

SEAL = "verified.json"
STANDING = "standing.npz"
"""What `ready` keeps beside a run: made from its files, so not sealed itself."""
FILES = (
    "plan.json",
    *(f"{name}.csv" for name in OUTPUTS),
    "context/scenario.toml",
    *(f"context/{name}.csv" for name in CONTEXT),
)
"""What is sealed: every file a reader of the run may use."""


def digests(run: Path) -> dict[str, str]:
    """Return file -> SHA-256 of its bytes; blank where it is missing."""
    return {name: _digest(run / name) for name in FILES}


def _digest(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def digest(files: Mapping[str, str]) -> str:
    """Return one SHA-256 for the digests of all files of a run."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def seal(run: Path, files: Mapping[str, str]) -> None:
    """Seal a run the verifier found no fault with; `files` are its digests from before it was read."""

    from allocator.files import replace_file

    def fill(fresh: Path) -> None:
        fresh.write_text(json.dumps({"files": dict(files)}, indent=2) + "\n", encoding="utf-8")

    replace_file(run / SEAL, fill)


def broken(run: Path, found: Mapping[str, str]) -> list[Violation]:
    """Return what is wrong with the seal of a run whose files have the digests `found`."""
    try:
        sealed = json.loads((run / SEAL).read_text(encoding="utf-8"))["files"]
    except FileNotFoundError:
        return [Violation("verified", str(run), "this plan was never verified; `allocator verify` does it")]
    except (ValueError, KeyError, TypeError, RecursionError):
        return [Violation("verified", f"{run}/{SEAL}", "the seal cannot be read; verify the plan again")]
    if not isinstance(sealed, dict):
        return [Violation("verified", f"{run}/{SEAL}", "the seal cannot be read; verify the plan again")]
    return [
        Violation("verified", f"{run}/{name}", _change(name, sealed, found))
        for name in sorted({*sealed, *found})
        if sealed.get(name, "") != found.get(name, "") or not found.get(name)
    ]


def _change(name: str, sealed: Mapping[str, str], found: Mapping[str, str]) -> str:
    if not found.get(name):
        return "the file is missing; older versions did not write it: solve the scenario anew"
    what = "was changed after it was verified" if sealed.get(name) else "was never verified"
    return f"the file {what}; verify the plan again"

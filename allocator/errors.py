"""Every error the allocator raises on purpose.

    AllocatorError
    ├── InputError        the scenario or the command has problems      exit 2
    ├── PlanError         the plan breaks a rule                        exit 3
    └── NoPlanError       no plan within the limits                     exit 4

An error carries the table of everything that is wrong, not the first fault:
`InputError.problems` and `PlanError.violations` are lists of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Problem:
    """One fault in the input: where it is, what stands there, what belongs there."""

    file: str
    row: int | None
    """Row as a spreadsheet counts it: the header is row 1. None: the whole file or column."""
    column: str | None
    value: str
    expected: str
    fault: str
    """Short name of the kind of fault, for programs: `unknown_column`, `dangling`, ..."""
    level: str = "error"
    """`error` stops a solve; `warning` is shown and goes on."""

    def __str__(self) -> str:
        place = self.file
        if self.row is not None:
            place += f", row {self.row}"
        if self.column is not None:
            place += f", column {self.column}"
        shown = f": '{self.value}'" if self.value else ""
        return f"{place}{shown} - {self.expected}"

    def record(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Violation:
    """One broken rule in a plan."""

    rule: str
    where: str
    """Key of the row that breaks it, such as `cadre=C0012 day=2020-02-05`."""
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.message} ({self.where})"

    def record(self) -> dict[str, object]:
        return asdict(self)


class AllocatorError(Exception):
    """Root of the tree; `exit_code` is what the command line returns."""

    exit_code = 1


class InputError(AllocatorError):
    """The input has problems; all of them are in `problems`."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class PlanError(AllocatorError):
    """The plan breaks rules; all of them are in `violations`."""

    exit_code = 3

    def __init__(self, violations: Sequence[Violation]):
        self.violations = tuple(violations)
        super().__init__("\n".join(str(v) for v in self.violations))


class NoPlanError(AllocatorError):
    """No plan was found within the limits."""

    exit_code = 4

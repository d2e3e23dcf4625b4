"""Report on a plan: one HTML file without any outside request, from the plan folder alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from allocator import plan as plans
from allocator.errors import InputError
from allocator.figures import Figures, figures
from allocator.files import refused, replace_file
from allocator.part import Part
from allocator.plan import REPORTS
from allocator.words import LANGUAGES


def write(
    run: Path, out: Path | None = None, case: str | None = None, tell: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """Write the report of a plan folder, into it or into `out`; return the files, each whole or not at all.

    Of several demand cases it shows one, the likeliest if `case` does not name another.
    """
    tell("reading the plan")
    found = figures(plans.read(run), str(run), case)
    folder = out or run
    made = [folder / name for name in REPORTS]
    page = render(found)
    try:
        replace_file(made[0], lambda path: _put(path, page))
        tell(f"{made[0]}: map, coverage, supply, worst places, proof")
        replace_file(made[1], lambda path: handbook_of(found, path))
        tell(f"{made[1]}: summary, places, a roster for each district")
    except OSError as error:
        raise _unwritable(folder, error) from error
    return made


def _put(path: Path, page: str) -> None:
    path.write_text(page, encoding="utf-8", newline="\n")


def _unwritable(folder: Path, error: OSError) -> InputError:
    return refused(folder, f"a folder that can be written ({error.strerror or error})", "unwritable")


def handbook_of(found: Figures, path: Path) -> None:
    """Write the workbook of a plan."""
    from allocator import handbook

    handbook.write(found, path)


def environment() -> Environment:
    """Templates of the package; whatever a scenario's texts hold is shown as text."""
    return Environment(
        loader=PackageLoader("allocator", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(found: Figures) -> str:
    """Return the page: every part twice, Chinese first, with a switch that needs no script."""
    jinja = environment()
    source = jinja.loader.get_source(jinja, "style.css")[0] if jinja.loader else ""
    parts = [Part(found, language) for language in LANGUAGES]
    return jinja.get_template("report.html").render(title=found.context.title, style=source, parts=parts)

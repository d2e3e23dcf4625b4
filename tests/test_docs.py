"""The README names every command, option, rule, table, column and setting, in the words of `tables.py`.

`make docs` prints the README's tables anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from allocator import tables
from allocator.cli import main
from allocator.store import SERVED
from allocator.tables import Column, Key, Table
from api import SETTINGS, create_app

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def text() -> str:
    return README.read_text(encoding="utf-8")


def settings() -> str:
    lines = ["| key | kind | default | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{place(key)}` | {kind(key)} | {default(key)} | {meaning(key)} |" for key in tables.SETTINGS
    ]
    return "\n".join(lines)


def place(key: Key) -> str:
    return f"[[{key.section}]] {key.name}" if key.section in ("shift", "batch", "case") else key.path


def kind(key: Key) -> str:
    low = "" if key.low is None else f"{key.low:g}"
    high = "" if key.high is None else f"{key.high:g}"
    span = f", {low} to {high}" if high else f", at least {low}" if low else ""
    return key.kind + span


def default(key: Key) -> str:
    if key.default is None:
        return "optional list" if key.section == "case" else "must be given"
    return str(key.default).lower() if isinstance(key.default, bool) else str(key.default) or "blank"


def meaning(entry: Key | Column) -> str:
    return f"{entry.meaning} ({entry.unit})" if entry.unit else entry.meaning


def dictionary(found: Mapping[str, Table]) -> str:
    return "\n\n".join(section(table) for table in found.values())


def section(table: Table) -> str:
    optional = " (optional)" if table.optional else ""
    title = f"**{table.name}**{optional}: {table.meaning}. One row per {', '.join(table.key)}."
    lines = [title, "", "| column | kind | meaning |", "|---|---|---|"]
    return "\n".join(lines + [f"| {name(c)} | {c.kind} | {described(c)} |" for c in table.columns])


def context() -> str:
    lines = ["| file | columns |", "|---|---|"]
    return "\n".join(
        lines
        + [f"| `{t.name}.csv` | {', '.join(f'`{c}`' for c in t.names)} |" for t in tables.CONTEXT.values()]
    )


def name(column: Column) -> str:
    return f"`{column.name}`" if column.required else f"*`{column.name}`*"


def described(column: Column) -> str:
    found = meaning(column)
    if column.choices:
        found += ": " + ", ".join(column.choices)
    return found


SECTIONS = {
    "settings": settings(),
    "inputs": dictionary(tables.INPUTS),
    "outputs": dictionary(tables.OUTPUTS),
    "events": section(tables.EVENTS),
    "context": context(),
}


def between(page: str, mark: str) -> re.Match[str]:
    found = re.search(rf"(<!-- {mark}: begin -->\n)(.*?)(<!-- {mark}: end -->)", page, re.DOTALL)
    assert found, f"README.md has no section {mark}"
    return found


def rewrite() -> None:
    """Print the tables of the dictionary into the README."""
    page = text()
    for mark, body in SECTIONS.items():
        found = between(page, mark)
        page = page[: found.start(2)] + f"\n{body}\n\n" + page[found.end(2) :]
    README.write_text(page, encoding="utf-8")


@pytest.mark.parametrize("mark", SECTIONS)
def test_the_tables_are_those_of_the_dictionary(mark: str) -> None:
    assert between(text(), mark).group(2).strip() == SECTIONS[mark], "run `make docs`"


def test_every_rule_has_a_heading_and_every_such_heading_is_a_rule() -> None:
    assert tuple(re.findall(r"^#### (\w+)$", text(), re.MULTILINE)) == tables.RULES


@pytest.mark.parametrize("rule", tables.RULES)
def test_every_rule_is_explained(rule: str) -> None:
    body = re.search(rf"^#### {rule}\n(.+?)(?=^#)", text(), re.MULTILINE | re.DOTALL)
    assert body
    assert len(body.group(1).split()) > 4


def commands(group: click.Group, path: str = "allocator") -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    for command in group.commands.values():
        inner = f"{path} {command.name}"
        found += commands(command, inner) if isinstance(command, click.Group) else [(inner, command)]
    return found


@pytest.mark.parametrize(("path", "command"), commands(main))
def test_every_command_and_option_is_documented(path: str, command: click.Command) -> None:
    arguments = [
        p.make_metavar(click.Context(command)) for p in command.params if isinstance(p, click.Argument)
    ]
    assert f"`{' '.join([path, *arguments])}`" in text()
    rows = re.findall(r"^\| `(--[\w-]+)` \| ([^|]+) \|", text(), re.MULTILINE)
    short = path.removeprefix("allocator ")
    documented = {option for option, of in rows if of == "all" or f"`{short}`" in of}
    assert documented == {o for p in command.params if isinstance(p, click.Option) for o in p.opts}


def test_every_setting_of_the_service_is_documented() -> None:
    rows = re.findall(r"^\| `ALLOCATOR_(\w+)` \| `([^`]*)` \|", text(), re.MULTILINE)
    shown = {"db": "sqlite:///allocator.db", "log": "1"}
    assert rows == [(name.upper(), shown.get(name, f"{value:g}" if value else "")) for name, value in SETTINGS.items()]


def test_every_path_of_the_service_is_documented() -> None:
    table = "|".join(sorted(SERVED, key=len, reverse=True))
    found = create_app({"db": "sqlite://", "log": False}).api_doc["paths"]
    general = {re.sub(rf"/plans/{{run}}/({table})\b", "/plans/{run}/{table}", path) for path in found}
    documented = set(re.findall(r"^\| `(?:GET|POST) (/\S*)` \|", text(), re.MULTILINE))
    assert general | {"/openapi.json", "/docs"} == documented


def test_two_commands_are_all_it_takes() -> None:
    lines = [line for line in text().splitlines() if line.startswith("python3 -m venv ")]
    assert len(lines) == 2
    assert "allocator solve scenarios/wuxi-2020-02" in lines[0]
    assert lines[1].endswith("/pytest")


def test_every_name_a_link_or_command_gives_exists() -> None:
    named = set(re.findall(r"`((?:allocator|tests|notebooks|scenarios)/[\w./-]*)`", text()))
    assert named
    assert {n for n in named if not (ROOT / n).exists()} == set()


def test_the_changelog_says_what_comes_next() -> None:
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


if __name__ == "__main__":
    rewrite()

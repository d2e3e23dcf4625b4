"""The house as its imports show it, and the five lists of rules.

Two columns that meet only in the pipeline: what decides and what judges. Below both lie errors,
tables and certificate.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from allocator import verifier
from allocator.sentences import RULE_SENTENCES
from allocator.tables import RULES

ROOT = Path(__file__).resolve().parent.parent
GROUND = {"errors", "tables", "certificate"}
DECIDES = {"instance", "reach", "goods", "models", "warm", "larder", "standing", "ready"}
DECIDES |= {"sites", "layout", "blend", "outlook", "yardstick", "parts"}
JUDGES = {"plan", "planfile", "context", "measures", "verifier", "judge", "agenda", "ledger", "distance", "summary"}
JUDGES |= {"runs", "compare", "replan", "prospects"}
JUDGES |= {"report", "part", "figures", "handbook", "drawing", "words"}
SERVES = {"seal", "store", "service", "pages"}
MEETING = {"pipeline", "cli", "cli_service", "__main__", "questions", "front", "sweep", "trade", "state", "candidates"}
MEETING |= {"exact", "sequel", "recourse", "foresight", "cli_foresight"}
MEETING |= {"offers", "explain", "fixes", "means", "phrases", "remedies", "shadow", "options", "cli_bench"}
MEETING |= {"outcome", "cure", "cli_fix", "cli_frontier", "cli_prepare", "resumptions", "province"}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(p): p for p in sorted((ROOT / "allocator").rglob("*.py"))}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@cache
def imports(module: str) -> frozenset[str]:
    """Everything a module imports, anywhere in it, by full name."""
    return frozenset(_imports(module))


def _imports(module: str) -> Iterator[str]:
    package = module.split(".") if MODULES[module].name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, node.module] if node.module else base)
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def own(module: str) -> set[str]:
    """Modules of the house that a module imports."""
    return {name for name in imports(module) if name in MODULES} - {module, "allocator"}


def room(module: str) -> str:
    """Top-level name below `allocator`: `models` for `allocator.models.engine`."""
    return [*module.split("."), ""][1]


def reach(module: str) -> set[str]:
    """Rooms a module leads to, not looking behind the pipeline."""
    seen, todo = set(), [module]
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        if here == module or room(here) != "pipeline":
            todo += own(here)
    return {room(name) for name in seen}


def outside(module: str) -> set[str]:
    """Packages beside the house."""
    return {name.split(".")[0] for name in imports(module)} - {"allocator"}


def within(rooms: set[str]) -> list[str]:
    return [m for m in MODULES if room(m) in rooms]


def test_the_rooms_named_here_exist() -> None:
    assert (GROUND | DECIDES | JUDGES | SERVES | MEETING) - {room(m) for m in MODULES} == set()


def test_solvers_run_below_models_only() -> None:
    assert {room(m) for m in MODULES if "ortools" in outside(m)} == {"models"}


@pytest.mark.parametrize("module", within({"models"}))
def test_models_see_arrays_only(module: str) -> None:
    assert "pandas" not in outside(module)
    assert {room(m) for m in own(module)} <= GROUND | DECIDES | {"limits"}


@pytest.mark.parametrize("module", within(GROUND))
def test_the_ground_stands_on_nothing(module: str) -> None:
    assert {room(m) for m in own(module)} <= GROUND
    assert outside(module) <= sys.stdlib_module_names


@pytest.mark.parametrize("module", within(JUDGES))
def test_judges_see_no_model(module: str) -> None:
    assert reach(module) & (DECIDES | MEETING) == set()


@pytest.mark.parametrize("module", within(SERVES))
def test_what_serves_sees_no_model_and_no_judge(module: str) -> None:
    assert reach(module) & (DECIDES | MEETING | {"verifier", "judge", "measures"}) == set()


def test_what_serves_loads_no_solver_and_no_pandas() -> None:
    code = "import sys, api; sys.exit(bool({'ortools', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_command_line_answers_at_once() -> None:
    """Nothing heavy is loaded before a command runs."""
    heavy = "{'ortools', 'pandas', 'numpy', 'flask', 'sqlalchemy', 'pydantic'}"
    code = f"import sys, allocator.cli; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("module", within(DECIDES))
def test_those_who_decide_share_nothing_with_those_who_judge(module: str) -> None:
    assert reach(module) & (JUDGES | MEETING) == set()


def test_the_columns_meet_in_the_pipeline_only() -> None:
    both = {room(m) for m in MODULES if reach(m) & DECIDES and reach(m) & JUDGES}
    assert both <= MEETING


def test_judging_loads_no_solver() -> None:
    code = "import sys, allocator.verifier, allocator.measures; sys.exit('ortools' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_serving_loads_neither_solver_nor_tables() -> None:
    code = "import sys, api; print({'ortools', 'pandas', 'numpy'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "set()"


@pytest.mark.parametrize("module", within({"pages", "drawing", "words"}))
def test_pages_see_rows_alone(module: str) -> None:
    assert {room(m) for m in own(module)} <= {"pages", "drawing", "words", "sentences", "service", "store"}
    assert {"pandas", "numpy", "ortools"} & outside(module) == set()


# ---- one rule, one name, five places


def headings() -> tuple[str, ...]:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    return tuple(re.findall(r"^#### (\w+)$", page, re.MULTILINE))


def named_in_models() -> set[str]:
    """Functions below models, and the names that docstring lines begin with."""
    names: set[str] = set()
    for module in within({"models"}):
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.FunctionDef):
                names.add(node.name.lstrip("_"))
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                for line in (ast.get_docstring(node) or "").splitlines():
                    lead = re.match(r"\s*((?:\w+, )*\w+)", line)
                    names |= set(lead.group(1).split(", ")) if lead else set()
    return names


def test_the_lists_of_rules_agree() -> None:
    assert tuple(verifier.CHECKS) == RULES
    assert tuple(RULE_SENTENCES) == RULES
    assert headings() == RULES


@pytest.mark.parametrize("rule", RULES)
def test_a_model_keeps_the_rule(rule: str) -> None:
    assert rule in named_in_models()


@pytest.mark.parametrize("rule", RULES)
def test_a_check_is_named_for_its_rule(rule: str) -> None:
    assert verifier.CHECKS[rule].__name__ == rule
    assert verifier.CHECKS[rule].__doc__


@pytest.mark.parametrize("rule", RULES)
def test_a_sentence_in_both_languages(rule: str) -> None:
    chinese, english = RULE_SENTENCES[rule]
    assert chinese.endswith("。")
    assert not re.search("[A-Za-z]", chinese)
    assert re.fullmatch(r"[A-Z][^一-鿿]+\.", english)

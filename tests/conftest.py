"""What every test may use: the small scenario, a plan of it, and the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import databases
import pytest
from click.testing import CliRunner, Result

from allocator import scenario as scenarios
from allocator.cli import main
from allocator.scenario import Scenario
from allocator.store import Store

ROOT = Path(__file__).resolve().parent.parent
SMALL = ROOT / "scenarios" / "small"


@pytest.fixture(scope="session")
def small() -> Scenario:
    return scenarios.read(SMALL)


@pytest.fixture
def allocator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command line in an empty folder of its own, as a shell would."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan of the small scenario, as `allocator solve` writes it."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    result = CliRunner().invoke(
        main, ["solve", str(SMALL), "--out", str(folder), "--seconds", "20", "--quiet"]
    )
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a PostgreSQL server: that of ALLOCATOR_TEST_PG, or one of our own."""
    if given := os.environ.get(databases.VARIABLE):
        yield given
        return
    if databases.programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql, or set ALLOCATOR_TEST_PG")
    with databases.cluster() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of either kind."""
    with databases.opened(request, tmp_path) as made:
        yield made


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """An empty store in either kind of database."""
    made = Store(url)
    yield made
    made.close()

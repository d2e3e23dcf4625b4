"""Cities of any size: sound, of the shape of the model, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from test_scenarios import SMALL, WUXI, most_shifts, person_shifts
from tiny import sound

from allocator import city, measures, scenario
from allocator.errors import InputError
from allocator.reach import minutes
from allocator.scenario import Scenario

Run = Callable[..., Result]
TIMES = (0.02, 2)


@pytest.fixture(scope="module")
def whole() -> Scenario:
    return scenario.read(WUXI)


@pytest.fixture(scope="module", params=TIMES)
def grown(request: pytest.FixtureRequest, whole: Scenario, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    folder = tmp_path_factory.mktemp("city") / "new"
    city.write(whole, request.param, 7, folder)
    return request.param, folder, scenario.read(folder)


def wishes(found: Scenario) -> pd.Series:
    """Units needed of each item over the horizon."""
    return measures.needs_by_day(found).groupby("item")["needed"].sum()


def goods(found: Scenario) -> pd.Series:
    """Units of each item that are there, arrive, or are on offer."""
    offers = found.table("suppliers")
    days = offers["last_day"] - offers["first_day"] + 1
    parts = [found.table(name).groupby("item")["quantity"].sum() for name in ("stock", "deliveries")]
    return sum(parts) + (offers["per_day"] * days).groupby(offers["item"]).sum()


def test_it_is_sound_without_a_warning(grown: tuple) -> None:
    assert grown[2].warnings == ()


def test_it_has_the_size_asked_for(grown: tuple, whole: Scenario) -> None:
    times, _, found = grown
    for name in ("sites", "cadres", "demand", "needs"):
        assert len(found.table(name)) == pytest.approx(times * len(whole.table(name)), rel=0.12), name
    assert sum(b.size for b in found.settings.batches) == len(found.table("cadres"))


def test_people_to_demand_stay_what_they_are(grown: tuple) -> None:
    _, folder, _ = grown
    ratio = person_shifts(folder)["required"] / most_shifts(folder)
    assert ratio == pytest.approx(person_shifts(WUXI)["required"] / most_shifts(WUXI), rel=0.05)


def test_goods_to_needs_stay_what_they_are(grown: tuple, whole: Scenario) -> None:
    _, _, found = grown
    there, before = goods(found) / wishes(found), goods(whole) / wishes(whole)
    worth = wishes(whole) * whole.table("items").set_index("item")["weight"]
    off = (there / before - 1).abs()
    assert float((off * worth / worth.sum()).sum()) < 0.05
    assert off.max() < 0.3  # a few goggles of a fiftieth of a city are whole goggles
    share = found.settings.supply.budget / whole.settings.supply.budget
    assert share == pytest.approx(grown[0], rel=0.12)


def test_kinds_keep_their_shares(grown: tuple, whole: Scenario) -> None:
    shares = [s.table("sites")["kind"].value_counts(normalize=True) for s in (grown[2], whole)]
    assert shares[0].sub(shares[1], fill_value=0).abs().max() < 0.03


def test_people_keep_their_traits(grown: tuple, whole: Scenario) -> None:
    for column in ("night_ok", "batch", "skills", "district"):
        if column == "district" and grown[0] > 1:
            continue
        shares = [s.table("cadres")[column].astype(str).value_counts(normalize=True) for s in (grown[2], whole)]
        assert shares[0].sub(shares[1], fill_value=0).abs().max() < 0.05, column


def test_the_same_seed_gives_the_same_bytes(grown: tuple, whole: Scenario, tmp_path: Path) -> None:
    times, folder, _ = grown
    city.write(whole, times, 7, tmp_path / "again")
    city.write(whole, times, 8, tmp_path / "other")
    files = sorted(p.name for p in folder.iterdir())
    assert files == sorted(p.name for p in (tmp_path / "again").iterdir())
    assert all((folder / f).read_bytes() == (tmp_path / "again" / f).read_bytes() for f in files)
    assert (folder / "cadres.csv").read_bytes() != (tmp_path / "other" / "cadres.csv").read_bytes()


def test_a_copy_lies_beside_the_city_and_is_as_wide(whole: Scenario, tmp_path: Path) -> None:
    city.write(whole, 2, 0, tmp_path / "two")
    found = scenario.read(tmp_path / "two")
    size = len(whole.table("sites"))
    sites, people = found.table("sites"), found.table("cadres")
    assert sites["district"].nunique() == 2 * whole.table("sites")["district"].nunique()
    pd.testing.assert_frame_equal(sites.iloc[:size], whole.table("sites"))
    index = [{c: k for k, c in enumerate(people["cadre"])}, {s: k for k, s in enumerate(sites["site"])}]
    reached = np.isfinite(minutes(found, *index))
    half = len(people) // 2
    own, across = reached[half:, size:], reached[half:, :size]
    assert own.sum() == pytest.approx(reached[:half, :size].sum(), rel=0.02)
    assert 0 < across.sum() < 0.3 * own.sum()


def test_goods_stay_with_their_copy(whole: Scenario, tmp_path: Path) -> None:
    city.write(whole, 2, 0, tmp_path / "two")
    lanes = scenario.read(tmp_path / "two").table("lanes")
    assert np.isinf(lanes["per_day"]).all()
    assert (lanes["origin"].str.endswith(".2") == lanes["destination"].str.endswith(".2")).all()


def test_once_is_the_city_itself(whole: Scenario, tmp_path: Path) -> None:
    city.write(whole, 1, 3, tmp_path / "one")
    found = scenario.read(tmp_path / "one")
    for name in whole.given:
        pd.testing.assert_frame_equal(found.table(name), whole.table(name))


def test_every_table_is_copied(tmp_path: Path) -> None:
    """Also those the real cities do not have; two and a half times a city with all of them."""
    city.write(scenario.read(sound(tmp_path / "tiny")), 2.6, 1, tmp_path / "more")
    found, model = scenario.read(tmp_path / "more"), scenario.read(tmp_path / "tiny")
    assert found.given == model.given
    assert all(len(found.table(n)) >= 2 * len(model.table(n)) for n in model.given - {"duties", "items", "kits"})


@pytest.mark.parametrize("times", ["0", "-1", "1001", "many"])
def test_a_size_that_is_none(allocator: Run, times: str) -> None:
    assert allocator("city", "new", "--like", SMALL, "--times", times).exit_code == 2
    assert not Path("new").exists()


def test_too_small_a_city_is_a_problem(allocator: Run) -> None:
    result = allocator("city", "new", "--like", SMALL, "--times", 0.001)
    assert result.exit_code == 2
    assert "a share that leaves" in result.stderr
    assert not Path("new").exists()


def test_what_does_not_fit_on_the_map_is_a_problem(small: Scenario, tmp_path: Path) -> None:
    cadres = small.table("cadres").copy()
    cadres.loc[len(cadres) - 1, "lon"] = 179.5
    with pytest.raises(InputError, match="fewer times"):
        city.write(small.change({"cadres": cadres}), 3, 0, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_replaced(allocator: Run) -> None:
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("keep")
    result = allocator("city", "mine", "--like", SMALL, "--times", 2)
    assert result.exit_code == 2
    assert "empty folder" in result.stderr
    assert [p.name for p in Path("mine").iterdir()] == ["notes.txt"]


def test_the_command_says_what_it_wrote(allocator: Run) -> None:
    result = allocator("city", "new", "--like", SMALL, "--times", 2, "--json")
    assert result.exit_code == 0, result.stderr
    assert "part 2 of 2" in result.stderr
    assert allocator("check", "new").exit_code == 0

"""Variants: what a file may ask for, what it draws, what becomes of the scenario."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from allocator import variants
from allocator.errors import InputError
from allocator.scenario import Scenario
from allocator.variants import Variant, apply


def asked(scenario: Scenario, folder: Path, text: str) -> list[Variant]:
    (folder / "v.toml").write_text(text, encoding="utf-8")
    return variants.read(folder / "v.toml", scenario)


def test_grids_lists_and_draws(small: Scenario, tmp_path: Path) -> None:
    found = asked(
        small,
        tmp_path,
        """
        [grid]
        "rules.max_run" = [4, 5]
        "batch.b2.size" = [4, 6, 8]
        [[variant]]
        name = "poor"
        "supply.budget" = 0
        [random]
        draws = 3
        seed = 9
        "supply.budget" = { uniform = [100, 200] }
        """,
    )
    assert [v.origin for v in found] == ["grid"] * 6 + ["list"] + ["random"] * 3
    assert found[1].changes == {"rules.max_run": 4, "batch.b2.size": 6}
    assert found[1].name == "rules.max_run=4 batch.b2.size=6"
    budgets = [v.changes["supply.budget"] for v in found[7:]]
    assert len(set(budgets)) == 3
    assert all(100 <= b <= 200 for b in budgets)
    assert apply(small, found[0]).settings.rules.max_run == 4
    assert apply(small, found[7]).settings.supply.budget == budgets[0]


def test_the_same_seed_draws_the_same(small: Scenario, tmp_path: Path) -> None:
    text = '[random]\ndraws = 2\nseed = {}\n"stock.quantity" = {{ times = {{ uniform = [0.5, 1.5] }}, each = true }}\n'
    one, two, other = (asked(small, tmp_path, text.format(seed)) for seed in (1, 1, 2))
    assert [v.text for v in one] == [v.text for v in two] != [v.text for v in other]
    prints = [apply(small, v).fingerprint for v in (one[0], two[0], one[1], other[0])]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_columns_change_where_they_are_told_to(small: Scenario) -> None:
    def stock(spec: object) -> np.ndarray:
        changed = apply(small, Variant("v", "list", {"stock.quantity": spec}))
        return changed.table("stock")["quantity"].to_numpy()

    old = small.table("stock")["quantity"].to_numpy()
    masks = (small.table("stock")["item"] == "mask").to_numpy()
    half = stock({"times": 0.5, "where": {"item": "mask"}})
    assert (half[~masks] == old[~masks]).all()
    assert (half[masks] == np.rint(old[masks] / 2)).all()
    assert (stock({"plus": -10_000}) == 0).all(), "not below what the column may hold"
    assert (stock({"set": 3}) == 3).all()
    assert (stock(4) == 4).all()
    each = stock({"plus": {"integer": [1, 50]}, "each": True})
    assert len(set(each - old)) > 3


def test_text_and_dates_change_too(small: Scenario) -> None:
    soon = apply(small, Variant("v", "list", {"leave.day": {"plus": -1}}))
    assert (soon.table("leave")["day"] - small.table("leave")["day"] == -1).all()
    fit = apply(small, Variant("v", "list", {"cadres.skills": {"set": "medical", "where": {"cadre": ["C01", "C02"]}}}))
    assert set(fit.table("cadres").set_index("cadre")["skills"][["C01", "C02"]]) == {"medical"}


def test_rows_dropped_take_along_what_refers_to_them(small: Scenario) -> None:
    found = apply(small, Variant("v", "random", {"cadres": {"drop": 12}}, seed=4))
    left = set(found.table("cadres")["cadre"])
    assert len(left) == len(small.table("cadres")) - 12
    for name in ("leave", "pins", "previous"):
        frame = small.table(name)
        assert found.table(name).to_dict("records") == frame[frame["cadre"].isin(left)].to_dict("records")
    again = apply(small, Variant("v", "random", {"cadres": {"drop": 12}}, seed=5))
    assert set(again.table("cadres")["cadre"]) != left


FAULTS = {
    "a key nobody knows": ('[[variant]]\n"rules.max_rum" = 3', "max_run"),
    "a column nobody knows": ('[[variant]]\n"stock.quantitty" = 3', "stock.quantity"),
    "a batch nobody knows": ('[[variant]]\n"batch.b9.size" = 3', "a setting, table or column"),
    "a section nobody knows": ('[gird]\n"rules.max_run" = [3]', "grid"),
    "a grid of one value": ('[grid]\n"rules.max_run" = 3', "a list of values"),
    "draws outside random": ('[[variant]]\n"supply.budget" = { uniform = [1, 2] }', "a value"),
    "two ways at once": ('[[variant]]\n"stock.quantity" = { times = 2, plus = 1 }', "one of {drop = 10}"),
    "a where that picks nothing": (
        '[[variant]]\n"stock.quantity" = { set = 2, where = { item = "gold" } }',
        "picks none",
    ),
    "a where of another table": (
        '[[variant]]\n"stock.quantity" = { set = 2, where = { duty = "x" } }',
        "columns of stock",
    ),
    "no number of draws": ('[random]\n"supply.budget" = { uniform = [1, 2] }', "draws = 20"),
    "two of one name": ('[[variant]]\nname = "a"\n[[variant]]\nname = "a"', "each name once"),
    "nothing": ("", "at least one variant"),
    "not TOML": ("[", "TOML"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_meant_is_told(name: str, small: Scenario, tmp_path: Path) -> None:
    text, word = FAULTS[name]
    with pytest.raises(InputError) as error:
        asked(small, tmp_path, text)
    assert word in str(error.value)
    assert "v.toml" in str(error.value)


def test_all_faults_at_once(small: Scenario, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        asked(small, tmp_path, '[[variant]]\n"a.b" = 1\n[[variant]]\n"c.d" = 1\n[random]\n"e.f" = 1\ndraws = 1\n')
    assert len(error.value.problems) == 3

"""The two scenarios that come with the allocator."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from allocator import scenario
from allocator.tables import INPUTS, TIERS

SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"
WUXI, SMALL = SCENARIOS / "wuxi-2020-02", SCENARIOS / "small"


def table(folder: Path, name: str) -> pd.DataFrame:
    frame = pd.read_csv(folder / f"{name}.csv", keep_default_na=False, dtype={"weekdays": str})
    for column in ("first_day", "last_day"):
        if column in frame:
            frame[column] = pd.to_datetime(frame[column])
    return frame


def settings(folder: Path) -> dict:
    return tomllib.loads((folder / "scenario.toml").read_text(encoding="utf-8"))


def weekdays(text: str) -> set[int]:
    spans = [part.partition("-") for part in text.split(",")]
    return {d for a, _, b in spans for d in range(int(a), int(b or a) + 1)}


def person_shifts(folder: Path) -> pd.Series:
    """Person-shifts required and wanted over the horizon."""
    demand = table(folder, "demand")
    days = [
        sum(day.isoweekday() in weekdays(w) for day in pd.date_range(first, last))
        for first, last, w in zip(demand["first_day"], demand["last_day"], demand["weekdays"], strict=True)
    ]
    return demand[["required", "target"]].mul(days, axis=0).sum()


def most_shifts(folder: Path) -> float:
    """More than all cadres can work: six of seven days from the start of the batch."""
    toml = settings(folder)
    end = toml["start"] + pd.Timedelta(days=toml["days"] - 1)
    return sum(b["size"] * ((end - b["start"]).days + 1) for b in toml["batch"]) * 6 / 7


@pytest.fixture(scope="module")
def sites() -> pd.DataFrame:
    return table(WUXI, "sites")


# --- both ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", [WUXI, SMALL], ids=lambda f: f.name)
class TestBoth:
    def test_reads_without_a_problem(self, folder):
        read = scenario.read(folder)
        assert read.settings.name == folder.name
        assert read.warnings == ()

    def test_has_the_columns_of_the_dictionary(self, folder):
        for file in folder.glob("*.csv"):
            header = file.read_text(encoding="utf-8").split("\n", 1)[0]
            assert tuple(header.split(",")) == INPUTS[file.stem].names, file.name

    def test_asks_for_more_than_there_is(self, folder):
        assert person_shifts(folder)["required"] > 1.1 * most_shifts(folder)

    def test_a_kit_costs_less_than_the_shift_is_worth(self, folder):
        """At worst: units short in the first half of a frontline need."""
        weights = settings(folder)["weights"]
        kits = table(folder, "kits").merge(table(folder, "items"), on="item")
        cost = (kits["per_shift"] * kits["weight"]).groupby(kits["duty"]).sum()
        cost *= weights["tiers"]["frontline"] * weights["first_half"]
        worth = table(folder, "duties").set_index("duty")["weight"] * weights["required"]
        assert (cost <= 0.3 * worth[cost.index]).all()

    def test_ids_survive_a_spreadsheet(self, folder):
        for name, key in (
            ("sites", "site"),
            ("cadres", "cadre"),
            ("districts", "district"),
            ("depots", "depot"),
        ):
            ids = table(folder, name)[key].astype(str)
            assert ids.map(lambda i: re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", i) is not None).all(), name


# --- Wuxi ---------------------------------------------------------------------------------------


def test_the_script_makes_the_committed_tables(tmp_path):
    """Twice, and byte for byte."""
    for run in ("one", "two"):
        command = [sys.executable, "-B", str(WUXI / "build.py"), "--out", str(tmp_path / run)]
        subprocess.run(command, check=True, capture_output=True)
    committed = {f.name: f.read_bytes() for f in WUXI.iterdir() if f.suffix in (".csv", ".toml")}
    for run in ("one", "two"):
        assert {f.name: f.read_bytes() for f in (tmp_path / run).iterdir()} == committed


def test_sites_by_kind(sites):
    count = sites["kind"].value_counts()
    assert len(sites) >= 1900
    assert count["village"] == 550
    assert count["community"] == 700
    assert count["checkpoint"] == 31 + 12
    assert count["station"] == 5 + 1 + 4 + 47
    assert count["dock"] == 9
    assert count["market"] == 131
    assert count["enterprise"] >= 20 + 200
    assert count["isolation"] >= 20
    assert count["hospital"] >= 7
    assert count["school"] >= 100


def test_every_site_says_how_real_it_is(sites):
    assert set(sites["source"]) == {"real", "placed", "invented"}
    assert (sites.loc[sites["kind"].isin(["village", "community"]), "source"] == "placed").all()
    assert (sites.loc[sites["kind"].isin(["station", "dock", "checkpoint"]), "source"] == "real").all()
    assert (sites.loc[sites["kind"] == "market", "source"] == "real").sum() == 5
    assert (sites.loc[sites["kind"] == "isolation", "source"] == "invented").all()


def test_villages_and_their_residents_are_the_sources(sites):
    source = pd.read_csv(WUXI / "sources" / "villages.csv", dtype=str)
    kept = sites[sites["kind"].isin(["village", "community"])]
    real = source[source["type"] != "园区"]
    assert list(kept["site"]) == list("V" + real["code"])
    assert list(kept["name"]) == list(real["name"])
    drawn = kept.groupby("township")["population"].sum().sum()
    assert drawn == pytest.approx(real["est_pop_2019"].astype(int).sum(), rel=1e-3)


def test_checkpoints_end_on_24_february(sites):
    demand = table(WUXI, "demand").merge(sites[["site", "kind"]], on="site")
    last = demand.groupby("kind")["last_day"].agg(["min", "max"])
    assert set(last.loc["checkpoint"]) == {pd.Timestamp("2020-02-24")}
    assert last["max"].drop("checkpoint").eq(pd.Timestamp("2020-03-01")).all()


def test_rail_stations_work_round_the_clock(sites):
    shifts = {s["id"]: s for s in settings(WUXI)["shift"]}
    demand = table(WUXI, "demand")
    for site in sites.loc[
        sites["name"].isin(["无锡站", "无锡东站", "无锡新区站", "惠山站", "宜兴站"]), "site"
    ]:
        rows = demand[(demand["site"] == site) & (demand["weekdays"] == "1-7") & (demand["required"] > 0)]
        used = [shifts[s] for s in set(rows["shift"])]
        assert {s["start"] for s in used} == {"00:00", "06:00", "12:00", "18:00"}
        assert {s["hours"] for s in used} == {6}


def test_checkpoints_work_in_three_shifts_of_eight_hours(sites):
    shifts = {s["id"]: s for s in settings(WUXI)["shift"]}
    demand = table(WUXI, "demand").merge(sites.loc[sites["kind"] == "checkpoint", ["site"]], on="site")
    per_site = demand.groupby("site")["shift"].agg(set)
    assert per_site.map(lambda used: {shifts[s]["start"] for s in used} == {"00:00", "08:00", "16:00"}).all()
    assert per_site.map(lambda used: {shifts[s]["hours"] for s in used} == {8}).all()


def test_cadres_and_batches():
    cadres, batches = table(WUXI, "cadres"), settings(WUXI)["batch"]
    sizes = {b["id"]: b["size"] for b in batches}
    assert len(cadres) == sum(sizes.values()) == 2210
    assert batches[0]["size"] == 410
    assert batches[0]["start"].isoformat() == "2020-02-03"
    assert len(batches) >= 4
    named = cadres["batch"].value_counts()
    assert all(named.get(b, 0) <= size for b, size in sizes.items())
    assert 0.3 < (cadres["batch"] == "").mean() < 0.7


def test_skills_nights_and_leave():
    cadres, leave = table(WUXI, "cadres"), table(WUXI, "leave")
    assert cadres["skills"].str.contains("medical").mean() == pytest.approx(0.12, abs=0.02)
    assert cadres["skills"].str.contains("logistics").mean() == pytest.approx(0.26, abs=0.03)
    assert cadres["night_ok"].mean() == pytest.approx(0.7, abs=0.03)
    assert leave["cadre"].nunique() / len(cadres) == pytest.approx(0.3, abs=0.03)
    assert leave.groupby("cadre").size().between(1, 3).all()


def test_six_duties_two_of_them_skilled():
    duties = table(WUXI, "duties")
    assert len(duties) == 6
    assert (duties["skill"] != "").sum() == 2


def test_few_demand_profiles():
    demand = table(WUXI, "demand")
    columns = ["duty", "shift", "first_day", "last_day", "weekdays", "required", "target"]
    rows = demand[columns].astype(str).agg(" ".join, axis=1)
    profiles = rows.groupby(demand["site"]).agg(lambda own: tuple(sorted(own)))
    assert 26 <= profiles.nunique() <= 45


def test_people_wanted_against_people_there_are():
    asked, most = person_shifts(WUXI), most_shifts(WUXI)
    assert 1.6 <= asked["required"] / most <= 2.0
    assert 2.3 <= asked["target"] / most <= 2.8


def test_goods_in_four_tiers_from_eight_depots():
    items, depots, needs = table(WUXI, "items"), table(WUXI, "depots"), table(WUXI, "needs")
    assert len(items) >= 10
    assert list(depots["district"]).count("") == 1
    assert depots["district"].nunique() == 1 + 7
    assert set(needs["tier"]) == set(TIERS)
    assert set(table(WUXI, "deliveries")["item"]) == set(items["item"])
    assert 8_000 <= len(needs[["site", "item"]].drop_duplicates()) <= 12_000


def test_goods_are_clearly_short():
    """Even if every offer could be paid, less would come than the needs alone ask for."""
    needs, offers = table(WUXI, "needs"), table(WUXI, "suppliers")
    needed = (
        (needs["per_day"] * ((needs["last_day"] - needs["first_day"]).dt.days + 1))
        .groupby(needs["item"])
        .sum()
    )
    offered = offers["per_day"] * ((offers["last_day"] - offers["first_day"]).dt.days + 1)
    comes = table(WUXI, "stock").groupby("item")["quantity"].sum()
    comes = comes + table(WUXI, "deliveries").groupby("item")["quantity"].sum()
    comes = comes + offered.groupby(offers["item"]).sum()
    scarce = ["mask", "n95", "suit", "goggles", "chlorine", "alcohol", "gloves"]
    assert (comes[scarce] < 0.95 * needed[scarce]).all()
    cost = (offered * offers["unit_cost"]).sum()
    assert 0.5 <= settings(WUXI)["supply"]["budget"] / cost <= 0.6


def test_packs_are_days_not_weeks():
    """A pack is at most four days of a site's need and kits (thermometers come one by one)."""
    demand = table(WUXI, "demand")
    share = demand["weekdays"].map(lambda w: len(weekdays(w)) / 7)
    kits = demand.assign(people=demand["target"] * share).merge(table(WUXI, "kits"), on="duty")
    kits = kits.assign(daily=kits["people"] * kits["per_shift"])[["site", "item", "daily"]]
    needs = table(WUXI, "needs").rename(columns={"per_day": "daily"})[["site", "item", "daily"]]
    daily = pd.concat([kits, needs]).groupby(["site", "item"])["daily"].sum().reset_index()
    daily = daily.merge(table(WUXI, "items"), on="item").query("item != 'thermometer'")
    assert (daily["pack"] <= 4 * daily["daily"]).all()


def test_every_site_is_within_reach_of_many(sites):
    cadres, toml = table(WUXI, "cadres"), settings(WUXI)
    a, b = (np.radians(f[["lat", "lon"]].to_numpy(float)) for f in (cadres, sites))
    d = (a[:, None] - b[None]) / 2
    h = np.sin(d[..., 0]) ** 2 + np.cos(a[:, None, 0]) * np.cos(b[None, :, 0]) * np.sin(d[..., 1]) ** 2
    minutes = (
        2 * 6371.0088 * np.arcsin(np.sqrt(h)) * toml["travel"]["detour"] / toml["travel"]["speed_kmh"] * 60
    )
    assert ((minutes <= toml["rules"]["max_travel"]).sum(axis=0) >= 30).all()


# --- Wuxi, openings and resumptions --------------------------------------------------------------


@pytest.fixture(scope="module")
def phases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The second scenario the script makes."""
    folder = tmp_path_factory.mktemp("scenarios") / "phases"
    command = [sys.executable, "-B", str(WUXI / "build.py"), "--phases", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_phases_read_without_a_problem(phases):
    read = scenario.read(phases)
    assert read.settings.name == "wuxi-2020-02-phases"
    assert read.warnings == ()
    assert {c.id: c.probability for c in read.settings.cases} == {"low": 0.3, "expected": 0.5, "high": 0.2}


def test_phases_are_the_same_city_and_more(phases):
    for file in WUXI.glob("*.csv"):
        lines = file.read_text(encoding="utf-8").splitlines()
        more = (phases / file.name).read_text(encoding="utf-8").splitlines()
        if file.stem == "demand":
            # what holds in one case only: the expected one is the city as it is
            more = [line.removesuffix("expected") for line in more if not line.endswith((",low", ",high"))]
        assert more[: len(lines)] == lines
        assert len(more) == len(lines) or file.stem in ("sites", "demand", "needs")


def test_isolation_sites_and_hospitals_ask_for_more_people_in_a_worse_case(phases):
    rows = table(phases, "demand").merge(table(phases, "sites")[["site", "kind"]], on="site")
    asked = rows[rows["case"] != ""]
    assert set(asked["kind"]) == {"isolation", "hospital"}
    running = ~rows["site"].isin(table(phases, "candidates")["site"])
    assert not (running & rows["kind"].isin(["isolation", "hospital"]) & (rows["case"] == "")).any()
    sums = asked.groupby("case")[["required", "target"]].sum()
    # one or two people in a cell, rounded: what is required stays, what is wished follows
    assert (sums.loc["low"] <= sums.loc["expected"]).all()
    assert (sums.loc["expected"] <= sums.loc["high"]).all()
    assert sums["target"].is_unique


def test_candidates_are_invented_and_ask_for_staff_and_kits(phases):
    candidates, sites = table(phases, "candidates"), table(phases, "sites").set_index("site")
    assert len(candidates) >= 40
    assert set(sites.loc[candidates["site"], "source"]) == {"invented"}
    assert set(sites.loc[candidates["site"], "kind"]) == {"isolation", "hospital"}
    assert set(sites.loc[candidates["site"], "district"]) == set(table(phases, "districts")["district"])
    for name in ("demand", "needs"):
        assert set(candidates["site"]) <= set(table(phases, name)["site"])


def test_people_under_observation_are_those_counted(phases):
    people = table(phases, "isolation_demand").groupby(["case", "day"])["people"].sum()
    for day, counted in (("2020-02-12", 796), ("2020-02-13", 860)):
        assert people["expected", day] == counted - 287
        assert people["low", day] < people["expected", day] < people["high", day]
    # the running sites hold the 287 of 2 February; all candidates together hold even the worst day
    assert table(phases, "candidates")["capacity"].sum() > people.max()


def test_enterprises_and_schools_ask_to_resume_when_their_demand_begins(phases):
    asked, demand = table(phases, "applications"), table(phases, "demand")
    kind = table(phases, "sites").set_index("site").loc[asked["site"], "kind"]
    assert len(asked) >= 400
    assert set(kind) == {"enterprise", "school"}
    assert set(asked["class"]) == {"a", "b", "c"}
    first = demand.groupby("site")["first_day"].min().reindex(asked["site"])
    assert (pd.to_datetime(asked["earliest"]).to_numpy() == first.to_numpy()).all()


# --- small --------------------------------------------------------------------------------------


def test_small_is_small():
    assert len(table(SMALL, "sites")) == 12
    assert len(table(SMALL, "cadres")) == 20
    assert settings(SMALL)["days"] == 7
    assert len(table(SMALL, "items")) == 3

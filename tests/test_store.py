"""The store: the same rows out of either database, runs that never change, events kept once."""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from databases import bodies, cadre_of, heavy, reseal, sealed_copy, typed

from allocator import seal
from allocator.errors import InputError, PlanError
from allocator.store import KeyUsedError, MisfitError, Run, Store
from allocator.store.schema import SERVED, published

ABSENCE = {"first_day": "2020-02-05", "last_day": "2020-02-06"}


@pytest.fixture
def run(store: Store, small_run: Path) -> Run:
    return store.runs.publish(small_run, "monday")[0]


def fault(caught: pytest.ExceptionInfo[InputError]) -> str:
    (problem,) = caught.value.problems
    return problem.fault


# ---- publishing


def test_any_text_survives(store: Store, small_run: Path, tmp_path: Path) -> None:
    nasty = ['口罩,"N95"', "two\nlines", "\\N", "\\", "a\tb", "NULL", "%s ?", "'; DROP TABLE runs; --", "   "]
    nasty += ["é\u2028", "\u00a0"]
    folder = sealed_copy(small_run, tmp_path / "nasty")
    site = typed(small_run, "sites")[0][0]
    with open(folder / "reasons.csv", "w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, SERVED["reasons"].names, restval="")
        writer.writeheader()
        for n, text in enumerate(nasty):
            said = dict.fromkeys(("reason", "reason_zh", "fix", "fix_zh"), text)
            writer.writerow({"site": site, "what": f"w{n}", "day": "2020-02-03", "shortage": n + 0.5, "gain": 0} | said)
    reseal(folder)
    made, _ = store.runs.publish(folder)
    found = store.rows.page(made.number, "reasons").records()
    assert [row["reason"] for row in found] == nasty
    assert [row["fix_zh"] for row in found] == nasty
    assert found[3]["shortage"] == 3.5


def test_a_new_run_is_in_force_and_the_old_one_is_still_there(store: Store, small_run: Path) -> None:
    first, new = store.runs.publish(small_run, "monday")
    second, newer = store.runs.publish(small_run, "tuesday")
    assert (new, newer) == (True, True)
    assert [r.run for r in store.runs.all()] == ["tuesday", "monday"]
    assert [r.current for r in store.runs.all()] == [True, False]
    assert store.rows.page(first.number, "postings").rows == store.rows.page(second.number, "postings").rows


def test_what_is_there_already_is_only_put_in_force(store: Store, small_run: Path) -> None:
    first, _ = store.runs.publish(small_run, "monday")
    store.runs.publish(small_run, "tuesday")
    again, new = store.runs.publish(small_run, "monday")
    assert (again.number, new, again.current) == (first.number, False, True)
    assert store.runs.counts(first.number)["postings"] == len(typed(small_run, "postings"))


def test_a_run_never_changes(store: Store, run: Run, small_run: Path, tmp_path: Path) -> None:
    other = heavy(small_run, tmp_path / "other", 300)
    with pytest.raises(InputError) as caught:
        store.runs.publish(other, "monday")
    assert fault(caught) == "name_taken"
    assert store.runs.counts(run.number)["supply"] == len(typed(small_run, "supply"))


def test_bad_names(store: Store, small_run: Path) -> None:
    for name in ("current", "a/b", "..", "一", "x" * 101, "a b", "a\n", " "):
        with pytest.raises(InputError) as caught:
            store.runs.publish(small_run, name)
        assert fault(caught) == "bad_name"
    assert store.runs.all() == []


def test_a_folder_that_is_no_run(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        store.runs.publish(tmp_path)
    assert fault(caught) == "no_plan"


# ---- the seal


def test_a_plan_that_was_never_verified_is_refused(store: Store, small_run: Path, tmp_path: Path) -> None:
    folder = sealed_copy(small_run, tmp_path / "run")
    (folder / seal.SEAL).unlink()
    with pytest.raises(PlanError) as caught:
        store.runs.publish(folder)
    assert "never verified" in caught.value.violations[0].message
    assert store.runs.all() == []


@pytest.mark.parametrize("name", seal.FILES)
def test_a_plan_changed_after_it_was_verified_is_refused(
    tmp_path: Path, small_run: Path, name: str
) -> None:
    folder = sealed_copy(small_run, tmp_path / "run")
    with open(folder / name, "ab") as file:
        file.write(b"\n")
    (violation,) = seal.broken(folder, seal.digests(folder))
    assert violation.where.endswith(name)
    assert "changed after it was verified" in violation.message
    (folder / name).unlink()
    (violation,) = seal.broken(folder, seal.digests(folder))
    assert "missing" in violation.message


@pytest.mark.parametrize("text", ["", "[]", '{"files": 3}', "{", "null"])
def test_a_seal_that_cannot_be_read(tmp_path: Path, small_run: Path, text: str) -> None:
    folder = sealed_copy(small_run, tmp_path / "run")
    (folder / seal.SEAL).write_text(text)
    assert "cannot be read" in seal.broken(folder, seal.digests(folder))[0].message


def test_a_file_changed_while_it_is_loaded_leaves_no_trace(
    store: Store, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sealed_copy(small_run, tmp_path / "run")
    real = seal.digests
    calls: list[Path] = []

    def late(path: Path) -> dict[str, str]:
        calls.append(path)
        if len(calls) == 2:
            (folder / "orders.csv").write_text("supplier\n")
        return real(path)

    monkeypatch.setattr(seal, "digests", late)
    with pytest.raises(PlanError):
        store.runs.publish(folder)
    assert store.runs.all() == []
    assert store.rows.page(1, "postings").rows == []


# ---- reading


# ---- runs in force, compared, removed


def test_another_run_is_put_in_force(store: Store, small_run: Path) -> None:
    store.runs.publish(small_run, "monday")
    store.runs.publish(small_run, "tuesday")
    assert store.runs.use("monday").current
    current = store.runs.get()
    assert current is not None
    assert current.run == "monday"
    with pytest.raises(InputError) as caught:
        store.runs.use("never")
    assert "monday" in str(caught.value)


def test_a_removed_run_takes_its_rows_with_it_and_leaves_the_others(store: Store, small_run: Path) -> None:
    first, _ = store.runs.publish(small_run, "monday")
    second, _ = store.runs.publish(small_run, "tuesday")
    with pytest.raises(InputError) as caught:
        store.runs.remove("tuesday")
    assert fault(caught) == "run_in_force"
    store.runs.remove("monday")
    assert store.runs.get("monday") is None
    assert all(store.rows.page(first.number, name).rows == [] for name in SERVED)
    assert sum(store.runs.counts(first.number).values()) == 0
    assert len(store.rows.page(second.number, "postings").rows) == len(typed(small_run, "postings"))


def test_a_run_compared_with_itself_and_with_another(store: Store, small_run: Path, tmp_path: Path) -> None:
    store.runs.publish(small_run, "monday")
    other = sealed_copy(small_run, tmp_path / "other")
    lines = (other / "postings.csv").read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace(lines[1].split(",")[5], "1.000")
    (other / "postings.csv").write_text("\n".join([*lines, lines[2].replace("C", "X", 1)]) + "\n", encoding="utf-8")
    head = json.loads((other / "plan.json").read_text(encoding="utf-8"))
    head["terms"]["travel"] += 2
    (other / "plan.json").write_text(json.dumps(head), encoding="utf-8")
    reseal(other)
    store.runs.publish(other, "tuesday")
    same = store.runs.compare("monday", "monday")
    assert set(same.rows.values()) == {(0, 0)}
    found = store.runs.compare("monday", "tuesday")
    assert found.rows["postings"] == (1, 2)
    assert {n for n, counts in found.rows.items() if counts != (0, 0)} == {"postings"}
    a, b = found.values["travel"]
    assert a is not None
    assert b == a + 2


def test_two_publish_at_once(store: Store, small_run: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        names = ["a", "b", "a", "b"]
        made = list(pool.map(lambda name: store.runs.publish(small_run, name), names))
    assert sorted(new for _, new in made) == [False, False, True, True]
    assert {r.run for r in store.runs.all()} == {"a", "b"}
    assert sum(r.current for r in store.runs.all()) == 1


def test_a_database_of_an_older_version_gets_what_it_lacks(store: Store, url: str, small_run: Path) -> None:
    store.runs.publish(small_run, "monday")
    store.tokens.create("north")
    with store._engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE plan_coverage DROP COLUMN target")
        connection.exec_driver_sql("DROP TABLE plan_outlines")
        connection.exec_driver_sql("ALTER TABLE runs DROP COLUMN events")
    store.close()
    newer = Store(url)
    assert len(newer.tokens.all()) == 1
    run, _ = newer.runs.publish(small_run, "tuesday")
    assert sorted(newer.rows.page(run.number, "coverage").rows) == sorted(typed(small_run, "coverage"))
    old = newer.runs.named("monday")
    assert {row["target"] for row in newer.rows.page(old.number, "coverage").records()} == {0}
    newer.close()


# ---- tokens


def test_a_token_is_kept_as_a_hash_and_shown_once(store: Store) -> None:
    made, secret = store.tokens.create("north", "区防控办")
    assert store.tokens.who(secret) == made
    assert store.tokens.who(secret + "x") is None
    assert store.tokens.who(secret.swapcase()) is None
    with store._engine.connect() as connection:
        dump = connection.exec_driver_sql("SELECT * FROM tokens").all()
    assert secret not in repr(dump)
    assert len(secret) >= 43


@pytest.mark.parametrize("district", ["", " ", "*"])
def test_marks_of_the_store_are_no_districts(tmp_path: Path, district: str) -> None:
    store = Store(f"sqlite:///{tmp_path}/store.db")
    with pytest.raises(InputError):
        store.tokens.create(district)
    assert store.tokens.all() == []
    store.close()


def test_a_revoked_token_is_nobodys(store: Store) -> None:
    made, secret = store.tokens.create(None)
    _, other = store.tokens.create(None)
    ended = store.tokens.revoke(made.id)
    assert ended.revoked is not None
    assert store.tokens.revoke(made.id).revoked == ended.revoked
    assert store.tokens.who(secret) is None
    assert store.tokens.who(other) is not None
    with pytest.raises(InputError):
        store.tokens.revoke(99)


# ---- events


def test_an_event_is_kept_once_however_often_it_is_sent(store: Store, run: Run) -> None:
    body = {"cadre": cadre_of(store, run, "north"), **ABSENCE}
    first, new = store.events.report("k", run, "north", "absence", body)
    again, second = store.events.report("k", run, "north", "absence", body)
    assert (first, new, second) == (again, True, False)
    assert [e.code for e in store.events.all()] == [first.code]
    with pytest.raises(KeyUsedError):
        store.events.report("k", run, "north", "absence", body | {"last_day": "2020-02-07"})


def test_the_same_key_of_two_senders_is_two_events(store: Store, run: Run) -> None:
    for district in ("north", "south"):
        body = {"cadre": cadre_of(store, run, district), **ABSENCE}
        assert store.events.report("k", run, district, "absence", body)[1]
    assert [e.district for e in store.events.all()] == ["north", "south"]
    assert [e.district for e in store.events.all("north")] == ["north"]
    assert store.events.get(2, "north") is None
    assert store.events.get(2, "south") is not None


def test_the_same_event_sent_at_once_is_kept_once(store: Store, run: Run) -> None:
    body = {"cadre": cadre_of(store, run, "north"), **ABSENCE}
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: store.events.report("k", run, "north", "absence", body), range(24)))
    assert sum(new for _, new in made) == 1
    assert len({event.number for event, _ in made}) == 1
    assert len(store.events.all()) == 1


@pytest.mark.parametrize("district", ["north", None])
def test_events_that_fit(store: Store, run: Run, district: str | None) -> None:
    for kind, (name, body) in bodies(store, run).items():
        event, new = store.events.report(kind, run, district, name, body)
        assert new
        assert (event.district, event.run) == ("north", "monday")
        assert {k: v for k, v in event.row().items() if k in body} == body
    assert len(store.events.all()) == 5


def test_no_event_without_a_run(store: Store) -> None:
    with pytest.raises(MisfitError):
        store.events.report("k", None, "north", "absence", {"cadre": "C01", **ABSENCE})


def test_events_since_a_run_are_those_that_came_after_it(store: Store, run: Run, small_run: Path) -> None:
    for key in ("1", "2"):
        store.events.report(key, run, "north", "absence", {"cadre": cadre_of(store, run, "north"), **ABSENCE})
    later, _ = store.runs.publish(small_run, "tuesday")
    store.events.report("3", later, "north", "absence", {"cadre": cadre_of(store, run, "north"), **ABSENCE})
    assert [e.number for e in store.events.all(after=run.events)] == [1, 2, 3]
    assert [e.number for e in store.events.all(after=later.events)] == [3]


# ---- the database


def test_urls_that_are_none(tmp_path: Path) -> None:
    closed = f"sqlite:///{tmp_path}/no/x.db"
    for url, expected in (("mysql://x/y", "bad_url"), ("nonsense", "bad_url"), (closed, "no_database")):
        with pytest.raises(InputError) as caught:
            Store(url)
        assert fault(caught) == expected


def test_a_password_is_never_shown() -> None:
    with pytest.raises(InputError) as caught:
        Store("postgresql://user:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)


def test_readers_do_not_wait_for_a_writer(store: Store, run: Run) -> None:
    with store._engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(published["postings"].delete())
        assert len(store.rows.page(run.number, "postings").rows) == store.runs.counts(run.number)["postings"]
        connection.execute(sa.text("SELECT 1"))

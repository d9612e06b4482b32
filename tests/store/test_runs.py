"""Runs are there layer by layer whatever ends the process, in a database that is brought up to date or refused."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

import eigentail.store.runs
from eigentail.errors import UsageError
from eigentail.store import RunStore
from eigentail.store.database import connect
from eigentail.store.runs import MIGRATIONS


@pytest.fixture
def runs(tmp_path: Path):
    with closing(RunStore(tmp_path / "home")) as store:
        yield store


def begun(runs: RunStore, key: str = "key") -> int:
    return runs.begin(key, f"{key}.pt", planned=3, head=b"head").id


class TestRuns:
    def test_what_is_put_is_there_for_everybody_at_once(self, runs: RunStore) -> None:
        run = begun(runs)
        for place, report in enumerate((b"", b"two", bytes(range(256)) * 1000)):
            runs.put(run, place, report)
            with closing(RunStore(runs.home)) as other:
                assert other.layers(run)[place] == report
                assert (other.run(run).layers, other.run(run).is_finished) == (place + 1, False)
        runs.finish(run, b"end")
        assert (runs.run(run).is_finished, runs.run(run).head, runs.run(run).nbytes) == (True, b"end", 3 + 256_000)

    def test_the_same_key_is_the_same_run(self, runs: RunStore) -> None:
        one, two = begun(runs, "one"), begun(runs, "two")
        runs.put(one, 0, b"a")
        runs.put(one, 0, b"b")
        assert one == begun(runs, "one") != two
        assert (runs.layers(one), runs.layers(two)) == ({0: b"b"}, {})
        assert [run.target for run in runs.runs()] == ["two.pt", "one.pt"]

    def test_a_changed_byte_and_a_moved_row_are_left_out(self, runs: RunStore) -> None:
        run = begun(runs)
        for place in range(4):
            runs.put(run, place, b"report %d" % place)
        with closing(sqlite3.connect(runs.path)) as database, database:
            database.execute("UPDATE layers SET report = ? WHERE place = 1", (b"rep0rt 1",))
            database.execute("UPDATE layers SET place = 7 WHERE place = 2")
        assert runs.layers(run) == {0: b"report 0", 3: b"report 3"}

    def test_asking_makes_nothing(self, runs: RunStore) -> None:
        assert (runs.runs(), runs.remove([1])) == ([], 0)
        with pytest.raises(UsageError, match="1: no such run: eigentail runs lists them"):
            runs.run(1)
        assert not runs.home.exists()

    def test_removing_takes_the_layers_and_gives_the_room_back(self, runs: RunStore) -> None:
        one, two = begun(runs, "one"), begun(runs, "two")
        for run in (one, two):
            runs.put(run, 0, bytes(200_000))
        assert runs.remove([one, 99]) == 1
        assert (runs.layers(one), runs.layers(two)) == ({}, {0: bytes(200_000)})
        runs.close()
        assert runs.path.stat().st_size < 300_000
        assert begun(runs, "three") == 3  # a number is never used twice

    def test_what_was_not_used_for_longest_goes_first(self, runs: RunStore, monkeypatch) -> None:
        monkeypatch.setattr(eigentail.store.runs, "_A_WHILE", 0.0)
        made = {name: begun(runs, name) for name in "abcde"}
        for run in made.values():
            runs.put(run, 0, bytes(100))
        for name in "ca":  # used again, a last
            begun(runs, name)
        assert runs.keep_within(300, but=made["b"]) == 300
        assert {run.id for run in runs.runs()} == {made["a"], made["b"], made["c"]}
        assert runs.keep_within(0, but=made["b"]) == 100
        assert [run.id for run in runs.runs()] == [made["b"]]
        monkeypatch.setattr(eigentail.store.runs, "_MOST", 2)
        newest = [begun(runs, name) for name in "xyz"][-1]
        runs.keep_within(10**9, but=newest)
        assert len(runs.runs()) == 2


class TestMigrations:
    @pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
    def test_every_version_becomes_the_newest_and_keeps_what_it_had(self, tmp_path: Path, version: int) -> None:
        with closing(connect(tmp_path / "runs.sqlite", MIGRATIONS[:version])) as old:
            old.execute(
                "INSERT INTO runs(key, target, started, used, planned, head) VALUES ('k', 'a.pt', 1, 1, 3, x'00')"
            )
        with closing(RunStore(tmp_path)) as runs:
            assert [(run.target, run.layers) for run in runs.runs()] == [("a.pt", 0)]
            runs.put(1, 0, b"a")
            assert runs.layers(1) == {0: b"a"}

    STEPS = (("CREATE TABLE a(x)",), ("ALTER TABLE a ADD COLUMN y", "UPDATE a SET y = 2 * x"), ("CREATE TABLE b(z)",))

    @pytest.mark.parametrize("version", range(4))
    def test_those_missing_are_applied_in_order(self, tmp_path: Path, version: int) -> None:
        path = tmp_path / "a.sqlite"
        with closing(connect(path, self.STEPS[:version])) as old:
            if version:
                old.execute("INSERT INTO a(x) VALUES (3)")
        for _ in range(2):
            with closing(connect(path, self.STEPS)) as new:
                assert new.execute("PRAGMA user_version").fetchone() == (3,)
                assert new.execute("PRAGMA journal_mode").fetchone() == ("wal",)
                assert new.execute("SELECT x, y FROM a").fetchall() == {0: [], 1: [(3, 6)]}.get(version, [(3, None)])
                assert new.execute("SELECT * FROM b").fetchall() == []

    def test_all_or_none(self, tmp_path: Path) -> None:
        path = tmp_path / "a.sqlite"
        connect(path, self.STEPS[:1]).close()
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            connect(path, (*self.STEPS, ("INSERT INTO nowhere VALUES (1)",)))
        with closing(connect(path, self.STEPS[:1])) as database:
            assert database.execute("PRAGMA user_version").fetchone() == (1,)
            assert database.execute("SELECT name FROM sqlite_schema").fetchall() == [("a",)]

    def test_a_newer_one_is_refused_and_not_touched(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as newer:
            newer.execute("PRAGMA user_version = 99")
        content = (tmp_path / "runs.sqlite").read_bytes()
        with closing(RunStore(tmp_path)) as runs:
            for use in (lambda: begun(runs), runs.runs, lambda: runs.remove([1])):
                with pytest.raises(
                    UsageError, match=r"made by a newer eigentail \(database 99, this one knows"
                ) as told:
                    use()
                assert "\n" not in str(told.value)
        assert (tmp_path / "runs.sqlite").read_bytes() == content

    def test_many_may_find_it_new_at_once(self, tmp_path: Path) -> None:
        failed: list[Exception] = []
        barrier = threading.Barrier(12)

        def use(me: int) -> None:
            barrier.wait()
            try:
                with closing(RunStore(tmp_path)) as runs:
                    runs.put(begun(runs), me, b"%d" % me)
            except Exception as error:
                failed.append(error)

        threads = [threading.Thread(target=use, args=(me,)) for me in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        with closing(RunStore(tmp_path)) as runs:
            assert runs.layers(1) == {me: b"%d" % me for me in range(12)}


class TestTrouble:
    @pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + bytes(600)])
    def test_a_damaged_file_is_a_sentence(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "runs.sqlite").write_bytes(content)
        with (
            closing(RunStore(tmp_path)) as runs,
            pytest.raises(UsageError, match=r"runs\.sqlite: cannot be used \(.+\)") as told,
        ):
            begun(runs)
        assert "\n" not in str(told.value)

    def test_a_folder_in_its_place_is_a_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "runs.sqlite").mkdir()
        with pytest.raises(UsageError, match=r"cannot be used \(unable to open database file\)"):
            begun(RunStore(tmp_path))

    def test_a_home_that_cannot_be_made_is_a_sentence(self, tmp_path: Path, monkeypatch) -> None:
        def refused(self, *words, **choices):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

        monkeypatch.setattr(Path, "mkdir", refused)
        with pytest.raises(UsageError, match=r"cannot be used \(permission denied\)"):
            begun(RunStore(tmp_path / "home"))

    def test_a_run_that_somebody_removed_is_a_sentence(self, runs: RunStore) -> None:
        run = begun(runs)
        with closing(RunStore(runs.home)) as other:
            other.remove([run])
        with pytest.raises(UsageError, match=r"cannot be used \(foreign key constraint failed\)"):
            runs.put(run, 0, b"a")

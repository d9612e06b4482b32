"""`eigentail runs`, and what the other verbs keep and say."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from eigentail.analysis import load
from eigentail.store import user_store


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EIGENTAIL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def listed(run) -> list[dict]:
    return json.loads(run("runs", "--json").stdout)["runs"]


class TestList:
    def test_none(self, run, home) -> None:
        empty = json.loads(run("runs", "--json").stdout)
        assert empty == {"schema_version": 1, "path": str(home / "runs.sqlite"), "runs": []}
        assert run("runs").exit_code == 0
        assert not home.exists()

    def test_each_analysis_once_the_last_first(self, run, model) -> None:
        reports = [json.loads(run("analyze", model, *words, "--json").stdout) for words in ((), ("--tail", "hill"))]
        run("analyze", model)
        rows = listed(run)
        assert [(row["id"], row["settings"]) for row in rows] == [(2, {"tail": "hill"}), (1, {})]
        for row, report in zip(reversed(rows), reports, strict=True):
            assert row["alpha"] == report["summary"]["alpha"]
            assert (row["target"], row["layers"], row["planned"]) == (str(model), 3, 3)
            assert row["started"] <= row["finished"]
            assert row["versions"] == {name: version for name, version in report["tool"].items() if name != "name"}
        assert "tail hill" in run("runs").stdout

    def test_no_store_keeps_none(self, run, model) -> None:
        run("analyze", model, "--no-store")
        assert listed(run) == []


class TestShow:
    def test_in_every_form_as_analyze_prints_it(self, run, model, tmp_path) -> None:
        for words in ((), ("--json",), ("--csv",), ("--format", "markdown")):
            printed = run("analyze", model, *words).stdout
            shown = run("runs", "show", "1", *words)
            assert (shown.exit_code, shown.stdout, shown.stderr) == (0, printed, "")
        for name in ("r.html", "r.json"):
            run("analyze", model, "-o", tmp_path / name)
            run("runs", "show", "1", "-o", tmp_path / f"kept_{name}")
            assert (tmp_path / f"kept_{name}").read_bytes() == (tmp_path / name).read_bytes()
        assert load(tmp_path / "kept_r.json").layers["fc1"].verdict is load(tmp_path / "r.json").layers["fc1"].verdict

    def test_one_that_was_interrupted_shows_what_is_there(self, run, model, home) -> None:
        run("analyze", model)
        with closing(sqlite3.connect(home / "runs.sqlite")) as database, database:
            database.execute("DELETE FROM layers WHERE place = 1")
            database.execute("UPDATE runs SET finished = NULL")
        result = run("runs", "show", "1", "--json")
        assert result.exit_code == 4
        assert [layer["name"] for layer in json.loads(result.stdout)["layers"]] == ["fc0", "fc2"]
        assert result.stderr == "eigentail: 2 of 3 layers are kept of this run\n"
        assert listed(run)[0]["finished"] is None
        assert "2 of 3" in run("runs").stdout

    def test_a_model_that_is_gone_is_still_shown(self, run, model) -> None:
        printed = run("analyze", model).stdout
        model.unlink()
        assert run("runs", "show", "1").stdout == printed

    def test_a_damaged_head_is_a_sentence(self, run, model, home) -> None:
        run("analyze", model)
        with closing(sqlite3.connect(home / "runs.sqlite")) as database, database:
            database.execute("UPDATE runs SET head = x'7b'")
        result = run("runs", "show", "1")
        assert (result.exit_code, result.stdout) == (3, "")
        assert result.stderr.endswith("run 1 is damaged, or of another version: eigentail runs remove 1\n")
        assert listed(run)[0]["versions"] == {}


class TestRemove:
    def test_some_and_all(self, run, model) -> None:
        for tail in ("clauset", "hill", "peak"):
            run("analyze", model, "--tail", tail)
        removed = json.loads(run("runs", "remove", "1", "3", "--json").stdout)
        assert (removed["removed"], [row["id"] for row in removed["runs"]]) == (2, [2])
        assert json.loads(run("runs", "remove", "--all", "--json").stdout)["removed"] == 1
        assert listed(run) == []
        assert len(user_store().entries()) == 3  # spectra are another thing

    def test_all_of_them_or_none(self, run, model) -> None:
        run("analyze", model)
        result = run("runs", "remove", "1", "9")
        assert (result.exit_code, result.stderr) == (2, "eigentail: 9: no such run: eigentail runs lists them\n")
        assert len(listed(run)) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "7"), "eigentail: 7: no such run: eigentail runs lists them\n"),
        (("show", "x"), "eigentail: invalid value for 'ID': 'x' is not a valid integer"),
        (("show",), "eigentail: missing argument 'ID'"),
        (("remove",), "eigentail: which runs: give their numbers, or --all\n"),
        (("remove", "1", "--all"), "eigentail: which runs: give their numbers, or --all\n"),
    ],
)
def test_a_wrong_word(run, words, sentence) -> None:
    result = run("runs", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(sentence)
    assert result.stderr.count("\n") == 1


class TestVersions:
    @pytest.fixture
    def newer(self, home) -> Path:
        home.mkdir()
        with closing(sqlite3.connect(home / "runs.sqlite")) as database:
            database.execute("PRAGMA user_version = 99")
        return home / "runs.sqlite"

    def test_newer_runs_are_refused(self, run, newer) -> None:
        for words in ((), ("show", "1"), ("remove", "1"), ("remove", "--all")):
            result = run("runs", *words)
            assert (result.exit_code, result.stdout) == (2, "")
            assert result.stderr.startswith(f"eigentail: {newer}: made by a newer eigentail (database 99, this one ")
            assert result.stderr.count("\n") == 1

    def test_an_analysis_does_without_them_and_says_so_once(self, run, model, newer) -> None:
        content = newer.read_bytes()
        plain = run("analyze", model, "--no-store", "--json")
        assert plain.stderr == ""
        result = run("analyze", model, "--json")
        assert (result.exit_code, result.stdout) == (0, plain.stdout)
        assert "made by a newer eigentail" in result.stderr
        assert result.stderr.endswith("the analysis goes on without\n")
        assert result.stderr.count("\n") == 1
        assert newer.read_bytes() == content


class TestOtherVerbs:
    @pytest.fixture
    def pair(self, model, tmp_path) -> list[Path]:
        other = tmp_path / "other.safetensors"
        save_file({name: array * 2 for name, array in load_file(model).items()}, other)
        return [model, other]

    @pytest.mark.parametrize("verb", ["compare", "diff", "study", "demo"])
    def test_keep_and_find_spectra_unless_told_not_to(self, run, pair, tmp_path, home, verb) -> None:
        words: list[str | Path] = [verb, *pair]
        if verb == "study":
            rows = "".join(f'[[models]]\nname = "{path.stem}"\nfile = "{path}"\nvalue = 1\n' for path in pair)
            (tmp_path / "series.toml").write_text("higher_is_better = true\n" + rows)
            words = [verb, tmp_path / "series.toml"]
        if verb == "demo":
            words = [verb, "-o", tmp_path / "demo.html"]
        plain = run(*words, "--no-store")
        assert not home.exists()
        first, second = run(*words), run(*words)
        assert len(user_store().entries()) > 3
        assert plain.stdout == first.stdout == second.stdout
        assert plain.exit_code == first.exit_code == second.exit_code
        assert ("resumed: " in second.stderr) == (verb != "diff")
        assert "resumed: " not in first.stderr

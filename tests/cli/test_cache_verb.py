"""`eigentail cache`, and what `analyze` does with what is kept."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from eigentail.store import user_store


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EIGENTAIL_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def unsolvable(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arrays: object) -> None:
        raise AssertionError("a spectrum was computed")

    monkeypatch.setattr("eigentail.numerics.processor.eigenvalues_of", never)


class TestAnalyze:
    def test_a_second_time_computes_no_spectrum(self, run, model, request) -> None:
        first = run("analyze", model, "--json")
        request.getfixturevalue("unsolvable")
        second = run("analyze", model, "--json")
        assert second.exit_code == 0
        assert second.stderr.startswith("eigentail: resumed: 3 of 3 layers of model.safetensors from the run of ")
        assert second.stderr.count("\n") == 1
        assert second.stdout == first.stdout
        assert run("analyze", model, "--no-store").exit_code == 70

    def test_no_store_leaves_nothing(self, run, model, home) -> None:
        kept = run("analyze", model, "--json", "--no-store").stdout
        assert not home.exists()
        assert run("analyze", model, "--json").stdout == kept
        assert home.exists()

    def test_tensors_under_other_names_are_found(self, run, model, tmp_path, request) -> None:
        run("analyze", model)
        renamed = tmp_path / "renamed.safetensors"
        save_file({f"net.{name}": array for name, array in load_file(model).items()}, renamed)
        request.getfixturevalue("unsolvable")
        assert run("analyze", renamed).exit_code == 0

    def test_a_home_that_cannot_be_used_is_told_in_one_line(self, run, model, home) -> None:
        plain = run("analyze", model, "--json", "--no-store").stdout
        home.write_text("a file")
        result = run("analyze", model, "--json")
        assert (result.exit_code, result.stdout) == (0, plain)
        assert result.stderr.startswith(f"eigentail: {home}: cannot be used as a store (")
        assert result.stderr.count("\n") == 1

    @pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
    def test_what_cannot_be_kept_is_told_in_one_line(self, run, model, home, executor: str) -> None:
        home.mkdir()
        (home / "spectra").write_text("a file")
        result = run("analyze", model, "--executor", executor, "--workers", 2)
        assert result.exit_code == 0
        assert "3 layers: " in result.stdout
        assert result.stderr.startswith(f"eigentail: {home}: spectra are not kept (")
        assert result.stderr.count("\n") == 1

    def test_a_newer_store_is_not_used_and_not_touched(self, run, model, home) -> None:
        home.mkdir()
        (home / "version").write_text("7")
        result = run("analyze", model)
        assert result.exit_code == 0
        assert "made by a newer eigentail" in result.stderr
        assert [path.name for path in home.iterdir()] == ["version"]


class TestBound:
    def test_at_the_end_of_a_run_what_others_left_goes(self, run, model, broken, monkeypatch) -> None:
        run("analyze", model)
        for entry in user_store().entries():
            os.utime(entry.path, (1000, 1000))
        run("analyze", broken)
        assert len(user_store().entries()) == 3  # its good layer has the weights of one of them
        monkeypatch.setenv("EIGENTAIL_CACHE_SIZE", "1k")
        assert run("analyze", broken, "--tail", "hill").exit_code == 4
        assert len(user_store().entries()) == 1
        assert [row["target"] for row in json.loads(run("runs", "--json").stdout)["runs"]] == [str(broken)]
        assert json.loads(run("cache", "--json").stdout)["limit"] == 1000

    def test_a_word_that_is_no_size_is_told_in_one_line(self, run, model, monkeypatch) -> None:
        monkeypatch.setenv("EIGENTAIL_CACHE_SIZE", "lots")
        sentence = "eigentail: EIGENTAIL_CACHE_SIZE: 'lots' is no size: write 500MB or 1GB\n"
        assert [(run(*words).exit_code, run(*words).stderr) for words in (("analyze", model), ("cache",))] == [
            (0, sentence),
            (2, sentence),
        ]


class TestCache:
    def test_shows_where_how_many_and_how_large(self, run, model, home) -> None:
        empty = json.loads(run("cache", "--json").stdout)
        assert empty == {"schema_version": 1, "path": str(home), "entries": 0, "bytes": 0, "limit": 5 * 10**9}
        run("analyze", model)
        full = json.loads(run("cache", "--json").stdout)
        files = [path for path in (home / "spectra").rglob("*") if path.is_file()]
        assert full["entries"] == len(files) == 3
        assert full["bytes"] == sum(path.stat().st_size for path in files)
        assert "entries  3" in run("cache").stdout

    @pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
    @pytest.mark.parametrize("words", [["analyze", "--tail", "hill"], ["diff"]], ids=["analyze", "diff"])
    def test_a_damaged_one_is_told_by_whoever_finds_it(self, run, model, words: list[str], executor: str) -> None:
        run("analyze", model)
        paths = [entry.path for entry in user_store().entries()[1:]]
        for path in paths:
            path.write_bytes(path.read_bytes()[:-1])
        verb, *choices = words
        models = [model] if verb == "analyze" else [model, model]
        said = run(verb, *models, *choices, "--executor", executor, "--workers", 2).stderr.splitlines()
        told = {f"eigentail: {path}: this spectrum is damaged: it is computed again" for path in paths}
        assert (set(said), len(said)) == (told, 2)
        assert user_store().damaged() == []

    def test_verify_lists_the_damaged(self, run, model) -> None:
        run("analyze", model)
        assert run("cache", "verify").exit_code == 0
        path = user_store().entries()[1].path
        path.write_bytes(path.read_bytes()[:-1])
        result = run("cache", "verify", "--json")
        assert result.exit_code == 4
        assert json.loads(result.stdout)["damaged"] == [str(path)]
        assert result.stderr == f"eigentail: {path}: damaged: it is made again when it is needed\n"
        said = run("analyze", model, "--tail", "hill").stderr  # other settings: not taken from the run
        assert said == f"eigentail: {path}: this spectrum is damaged: it is computed again\n"
        result = run("cache", "verify", "--json")
        assert (result.exit_code, json.loads(result.stdout)["damaged"], result.stderr) == (0, [], "")

    def test_prune_and_clear(self, run, model) -> None:
        run("analyze", model)
        sizes = [entry.nbytes for entry in user_store().entries()]
        pruned = json.loads(run("cache", "prune", "--size", f"{sum(sizes) - 1}", "--json").stdout)
        assert (pruned["entries"], pruned["removed"]) == (2, 1)
        assert json.loads(run("cache", "prune", "--size", "1GB", "--json").stdout)["removed"] == 0
        cleared = json.loads(run("cache", "clear", "--json").stdout)
        assert (cleared["entries"], cleared["bytes"], cleared["removed"]) == (0, 0, 2)

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (("cache", "prune", "--size", "lots"), "eigentail: --size: 'lots' is no size: write 500MB or 1GB\n"),
            (("cache", "prune", "--size", "-1"), "eigentail: --size: '-1' is no size: write 500MB or 1GB\n"),
            (("cache", "prune"), "eigentail: missing option '--size': eigentail cache prune --help shows how\n"),
            (("cache", "verfy"), "eigentail: no such command 'verfy'"),
        ],
    )
    def test_a_wrong_word(self, run, words, sentence) -> None:
        result = run(*words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(sentence)
        assert result.stderr.count("\n") == 1

    @pytest.mark.parametrize("words", [(), ("verify",), ("clear",), ("prune", "--size", "0")])
    def test_a_newer_store_is_refused(self, run, home, words) -> None:
        home.mkdir()
        (home / "version").write_text("7")
        result = run("cache", *words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "made by a newer eigentail (store 7, this one knows up to 1)" in result.stderr
        assert result.stderr.count("\n") == 1

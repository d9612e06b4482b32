"""`eigentail report`: what was saved, shown again."""

from __future__ import annotations

import json
import webbrowser
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest

from eigentail.reports.card import BEGIN, END


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the browser was asked for."""
    seen: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(seen.append(address)) or True)
    return seen


@pytest.fixture
def saved(run, model, tmp_path) -> Path:
    run("analyze", model, "--format", "quiet", "-o", tmp_path / "r.json")
    return tmp_path / "r.json"


class TestFile:
    def test_a_report_in_every_form(self, run, model, saved, tmp_path) -> None:
        for words in (("--json",), ("--csv",), ("--format", "markdown")):
            shown = run("report", saved, *words)
            assert (shown.exit_code, shown.stdout) == (0, run("analyze", model, *words).stdout)
        assert "well-trained" in run("report", saved).stdout
        done = run("report", saved, "--format", "quiet", "-o", tmp_path / "r.html")
        assert (done.exit_code, done.stdout) == (0, "")
        assert "<table" in (tmp_path / "r.html").read_text()

    @pytest.mark.parametrize("words", [["compare"], ["diff"]])
    def test_what_compare_and_diff_wrote(self, run, model, broken, tmp_path, words) -> None:
        run(*words, model, model, "-o", tmp_path / "c.json")
        for form in (["--json"], ["--csv"], ["--format", "markdown"], []):
            assert run("report", tmp_path / "c.json", *form).stdout == run(*words, model, model, *form).stdout

    def test_what_study_wrote(self, run, tmp_path) -> None:
        printed = run("study", "nature2021-vgg", "-o", tmp_path / "s.json").stdout
        shown = run("report", tmp_path / "s.json")
        assert (shown.exit_code, shown.stdout) == (0, printed)

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "is not JSON"),
            (b"\x80\x02garbage", "is not JSON"),
            (b"[" * 100_000, "is not JSON"),
            (b"[1, 2]", "no report of eigentail"),
            (b"{}", "not a report of eigentail"),
            (b'{"schema_version": 99, "deed": 1}', "schema version 99, this program reads 1: update eigentail"),
            (b'{"schema_version": "x"}', "not a report of eigentail"),
            (b'{"schema_version": 1, "deed": "cast"}', "not a report of eigentail"),
            (b'{"schema_version": 1, "rankings": []}', "not a report of eigentail"),
            (b'{"schema_version": 1, "studies": []}', "not a report of eigentail"),
        ],
    )
    def test_what_is_no_report_is_told_in_a_sentence(self, run, tmp_path, content, said) -> None:
        (tmp_path / "x.json").write_bytes(content)
        result = run("report", tmp_path / "x.json")
        assert (result.exit_code, result.stdout) == (3, "")
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1

    @pytest.mark.parametrize("word", ["no-such.json", "x" * 5000, "a\x00b", "-1x"])
    def test_neither_a_file_nor_a_run(self, run, word) -> None:
        result = run("report", "--", word)
        assert result.exit_code == 3
        assert "eigentail runs lists the runs" in result.stderr

    def test_a_folder(self, run, tmp_path) -> None:
        assert run("report", tmp_path).exit_code == 3


class TestRun:
    def test_a_run_is_shown_as_analyze_printed_it(self, run, model) -> None:
        printed = run("analyze", model).stdout
        shown = run("report", "1")
        assert (shown.exit_code, shown.stdout, shown.stderr) == (0, printed, "")

    def test_one_that_is_not_there(self, run, model) -> None:
        assert run("report", "7").exit_code == 2

    def test_one_that_was_interrupted_says_so(self, run, model, home) -> None:
        import sqlite3
        from contextlib import closing

        run("analyze", model)
        with closing(sqlite3.connect(home / "runs.sqlite")) as database, database:
            database.execute("DELETE FROM layers WHERE place = 1")
        result = run("report", "1", "--card")
        assert result.exit_code == 4
        assert "2 of 3 layers are kept of this run" in result.stderr
        assert result.stdout.startswith(BEGIN)

    def test_a_file_of_that_name_goes_first(self, run, model, saved, tmp_path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "1").write_text("[]")
        assert run("report", "1").exit_code == 3


class TestOpen:
    def test_the_browser_gets_a_file_with_the_report(self, run, saved, opened) -> None:
        result = run("report", saved, "--open")
        assert (result.exit_code, result.stdout) == (0, "")
        (address,) = opened
        assert urlparse(address).scheme == "file"
        assert "<table" in Path(url2pathname(urlparse(address).path)).read_text()

    def test_the_file_that_was_asked_for(self, run, saved, opened, tmp_path) -> None:
        run("report", saved, "--open", "-o", tmp_path / "a b#.html")
        assert opened == [(tmp_path / "a b#.html").as_uri()]

    def test_a_form_that_was_asked_for_is_printed_beside(self, run, saved, opened) -> None:
        assert json.loads(run("report", saved, "--open", "--json").stdout)["schema_version"] == 1
        assert len(opened) == 1

    def test_without_a_browser_it_says_where_the_file_is(self, run, saved, monkeypatch) -> None:
        monkeypatch.setattr(webbrowser, "open", lambda address: False)
        result = run("report", saved, "--open")
        assert result.exit_code == 2
        assert "report.html: no browser can be started" in result.stderr


class TestCard:
    def test_on_standard_output(self, run, saved) -> None:
        result = run("report", saved, "--card")
        assert result.exit_code == 0
        assert result.stdout.startswith(BEGIN)
        assert result.stdout.endswith(f"{END}\n")
        assert str(saved.parent) not in result.stdout

    def test_in_a_readme_once(self, run, saved, tmp_path) -> None:
        readme = tmp_path / "README.md"
        readme.write_bytes("---\nlicense: mit\n---\n\n# Ein schönes Netz\n".encode())
        for _ in range(2):
            result = run("report", saved, "--card", "-o", readme)
            assert (result.exit_code, result.stdout) == (0, "")
        text = readme.read_text(encoding="utf-8")
        assert text == "---\nlicense: mit\n---\n\n# Ein schönes Netz\n\n" + run("report", saved, "--card").stdout

    def test_in_a_readme_that_is_not_there_yet(self, run, saved, tmp_path) -> None:
        run("report", saved, "--card", "-o", tmp_path / "README.md")
        assert (tmp_path / "README.md").read_text() == run("report", saved, "--card").stdout

    @pytest.mark.parametrize("content", [b"\xff\xfe", f"{BEGIN}\n".encode()])
    def test_a_readme_that_cannot_be_understood_is_left_alone(self, run, saved, tmp_path, content) -> None:
        (tmp_path / "README.md").write_bytes(content)
        assert run("report", saved, "--card", "-o", tmp_path / "README.md").exit_code == 2
        assert (tmp_path / "README.md").read_bytes() == content

    def test_only_markdown_only_of_one_model_and_not_in_the_browser(self, run, model, saved, tmp_path) -> None:
        run("compare", model, model, "-o", tmp_path / "c.json")
        for words in ((saved, "--card", "-o", tmp_path / "x.html"), (tmp_path / "c.json", "--card")):
            assert run("report", *words).exit_code == 2
        assert run("report", saved, "--card", "--open").exit_code == 2
        assert not (tmp_path / "x.html").exists()

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from made_reports import HOSTILE, layer_row, report_of

from eigentail.errors import UsageError
from eigentail.reports import form_for, publish, to_pandas, write

REPORT = report_of(layer_row(0, "fc1"), layer_row(1, "fc2"))


@pytest.mark.parametrize(
    ("suffix", "start"),
    [("html", "<!doctype html>"), ("csv", "index,name,"), ("md", "# "), ("txt", "/models/"), ("HTML", "<!doctype")],
)
def test_the_suffix_chooses_the_form(tmp_path, suffix, start):
    path = tmp_path / f"report.{suffix}"
    write(REPORT, path)
    assert path.read_text(encoding="utf-8").startswith(start)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_the_form_can_be_said(tmp_path):
    write(REPORT, tmp_path / "report", form="csv")
    assert (tmp_path / "report").read_text().startswith("index,")


def test_any_name_can_be_written(tmp_path):
    for suffix in ("html", "csv", "md", "txt"):
        write(report_of(*(layer_row(i, name) for i, name in enumerate(HOSTILE.values()))), tmp_path / f"r.{suffix}")
        (tmp_path / f"r.{suffix}").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("report.pdf", r"report.pdf: no report form ends in '.pdf': choose from .csv, .htm, .html, .json"),
        ("report", "report: the name has no suffix to choose the form by: choose from .csv"),
        ("no/such/report.csv", r"report.csv: the folder .*such does not exist: make it first"),
        ("folder.csv", "folder.csv: is a folder: name a file in it"),
        ("x" * 300 + ".csv", "x.csv: .*: choose another place"),
    ],
)
def test_a_place_that_cannot_be_is_one_sentence(tmp_path, name, sentence):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UsageError, match=sentence):
        write(REPORT, tmp_path / name)


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "report.csv"
    path.write_text("old")

    def full_disk(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(UsageError, match="no space left on device"):
        write(REPORT, path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.csv"]


def test_form_for_looks_before_any_work_is_done(tmp_path):
    assert form_for(tmp_path / "a.json") == "json"
    with pytest.raises(UsageError, match="does not exist"):
        form_for(tmp_path / "none" / "a.json")


def test_every_form_has_a_suffix_of_its_own():
    suffixes = [suffix for form in publish.forms.values() for suffix in form.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert {"table", "csv", "markdown", "html", "json"} <= set(publish.forms)


def test_pandas_has_the_columns_of_the_csv():
    import pandas as pd

    frame = to_pandas(REPORT)
    assert isinstance(frame, pd.DataFrame)
    assert frame["name"].tolist() == ["fc1", "fc2"]
    assert frame["alpha"][0] == REPORT.layers[0].fit.alpha
    assert "tail" not in frame


def test_without_pandas_the_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match=r"pandas is not installed: pip install 'eigentail\[pandas\]'"):
        to_pandas(REPORT)

"""Every script of the gallery runs as it is; it writes nothing but the file that it is told to."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

from eigentail.plots import plots

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery"
SCRIPTS = sorted(GALLERY.glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_runs_and_writes_nothing(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(script)])
    names = runpy.run_path(str(script), run_name="__main__")
    assert {"figure", "report", "found"} & set(names)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "start"), [("esd.pdf", b"%PDF"), ("layers.html", b"<!doctype html>")])
def test_a_script_writes_the_file_it_is_told_to(name, start, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["script", str(tmp_path / name)])
    runpy.run_path(str(GALLERY / name.replace(".pdf", ".py").replace(".html", ".py")))
    assert (tmp_path / name).read_bytes().startswith(start)


def test_every_plot_has_a_script_and_every_script_a_line():
    assert {script.stem for script in SCRIPTS} >= set(plots)
    page = (GALLERY / "README.md").read_text(encoding="utf-8")
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 30
        assert f"| [{script.stem}]({script.name}) | {ast.get_docstring(ast.parse(text))} |" in page

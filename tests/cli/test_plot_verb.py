from __future__ import annotations

import json

import msgspec
import pytest
from heavy import heavy
from safetensors.numpy import save_file

from eigentail.plots import Drawing


def drawn(path) -> Drawing:
    return msgspec.json.decode(path.read_bytes(), type=Drawing)


@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("html", b"<!doctype html>")]
)
def test_the_suffix_chooses_what_is_written(run, model, tmp_path, suffix, start):
    path = tmp_path / f"esd.{suffix}"
    result = run("plot", model, "esd", "--layer", "fc1", "-o", path, "--dark")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", f"written to {path}\n")
    assert path.read_bytes().startswith(start)


def test_a_saved_report_is_drawn_without_the_weights(run, model, tmp_path):
    report = tmp_path / "report.json"
    run("analyze", model, "--format", "quiet", "-o", report)
    model.unlink()
    path = tmp_path / "flow.json"
    assert run("plot", report, "flow", "--metric", "log_norm", "-o", path).exit_code == 0
    assert drawn(path).panels[0].y.label == "log_norm"
    result = run("plot", report, "esd", "-o", path)  # what --json prints holds no eigenvalues
    assert result.exit_code == 4
    assert "eigentail: There is no spectrum: the report was saved without eigenvalues" in result.stderr


def test_two_models_are_compared_and_subtracted(run, model, tmp_path):
    other = tmp_path / "other.safetensors"
    save_file({f"fc{i}.weight": heavy(i + 7) for i in range(3)}, other)
    path = tmp_path / "out.json"
    for kind, words in {"compare": "alpha of the same layers in 2 models", "evolution": "alpha over training"}.items():
        assert run("plot", model, other, kind, "-o", path).exit_code == 0
        assert drawn(path).title == words
    assert run("plot", model, other, "delta", "--layer", "fc2", "-o", path).exit_code == 0
    assert drawn(path).title == "Change of fc2"


def test_a_study_and_what_vectors_need(run, model, tmp_path):
    path = tmp_path / "out.json"
    assert run("plot", "nature2021-vgg", "trend", "--metric", "log_norm", "-o", path).exit_code == 0
    assert json.loads(path.read_text())["plot"] == "trend"
    assert run("plot", model, "vectors", "-o", path).exit_code == 0
    assert len(drawn(path).panels) == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("MODEL", "essd", "-o", "x.png"), "unknown plot 'essd': did you mean esd?"),
        (("MODEL", "esd", "-o", "x.gif"), "x.gif: no plot ends in '.gif': choose from .html, .json, .pdf, .png, .svg"),
        (("MODEL", "MODEL", "flow", "-o", "x.png"), "flow is made of one target, not 2"),
        (("flow", "-o", "x.png"), "flow is made of one target, not 0"),
        (("MODEL", "esd", "--layer", "fc9", "-o", "x.png"), "no layer 'fc9'"),
        (("MODEL", "esd"), "missing option '-o'"),
    ],
)
def test_a_wrong_word_ends_with_a_sentence(run, model, words, sentence):
    result = run("plot", *(model if word == "MODEL" else word for word in words))
    assert result.exit_code == 2
    assert sentence in result.stderr

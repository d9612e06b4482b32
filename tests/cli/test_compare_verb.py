"""`eigentail compare`."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from eigentail.analysis import Interrupted, analyze


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The model with its weights turned up and one layer more."""
    path = tmp_path / "other.safetensors"
    rng = np.random.default_rng(9)
    tensors = {f"fc{i}.weight": (3 * rng.standard_t(2.5, (96, 64))).astype(np.float32) for i in range(4)}
    save_file(tensors, path)
    return path


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    path = tmp_path / "stranger.safetensors"
    save_file({"conv.weight": np.random.default_rng(0).standard_normal((32, 16, 3, 3)).astype(np.float32)}, path)
    return path


def test_two_models(run, model, other):
    result = run("compare", model, other)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = ("Matched layers", "fc0", "Models", "Order by the means", "Layers as pairs", "Layers of one model only")
    order = [result.stdout.index(f"\n{line}") for line in lines]
    assert order == sorted(order)
    assert "3 layers are matched, 3 of them by name; 1 are in one model only." in result.stdout
    assert "By alpha_weighted, the smallest first: model.safetensors" in " ".join(result.stdout.split())


def test_json_is_the_document_and_nothing_else(run, model, other):
    document = json.loads(run("compare", model, other, "--json").stdout)
    assert document["schema_version"] == 1
    assert [m["name"] for m in document["models"]] == ["model.safetensors", "other.safetensors"]
    assert document["models"][1]["unmatched"] == ["fc3"]
    assert [layer["match"]["names"] for layer in document["layers"]] == [[f"fc{i}"] * 2 for i in range(3)]


def test_every_form_can_be_written(run, model, other, tmp_path):
    for suffix in ("json", "csv", "md", "html", "txt"):
        path = tmp_path / f"out.{suffix}"
        result = run("compare", model, other, "-o", path)
        assert result.exit_code == 0
        assert f"written to {path}" in result.stderr
        assert "fc1" in path.read_text(encoding="utf-8")
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["fc0", "fc1", "fc2"]


def test_saved_reports_and_files_alike(run, model, tmp_path):
    saved = tmp_path / "saved.json"
    assert run("analyze", model, "-o", saved, "--format", "quiet").exit_code == 0
    result = run("compare", saved, model)
    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    assert "model.safetensors (1) and model.safetensors (2) are identical: every layer has the same numbers." in said


def test_settings_reach_the_analysis(run, model, other, tmp_path):
    words = ("--layers", "fc0,fc1", "--metrics", "alpha,log_norm", "--conv-scale", "none", "--executor", "serial")
    document = json.loads(run("compare", model, other, "--json", *words).stdout)
    assert [layer["match"]["names"][0] for layer in document["layers"]] == ["fc0", "fc1"]
    assert set(document["layers"][0]["values"]) == {"alpha", "log_norm"}
    saved = tmp_path / "saved.json"
    run("analyze", model, "-o", saved, "--format", "quiet")
    document = json.loads(run("compare", saved, other, "--json", "--conv-scale", "none").stdout)
    assert [mark["about"] for mark in document["marks"]] == ["conv_scale"]


def test_models_that_share_no_layer_are_told_in_one_sentence_and_ranked(run, model, stranger):
    result = run("compare", model, stranger)
    assert result.exit_code == 4
    assert result.stderr == (
        "eigentail: model.safetensors, stranger.safetensors: no layer in common with another model: "
        "only the means are compared\n"
    )
    assert "Order by the means" in result.stdout
    assert "The models share no layer" in result.stdout


def test_a_stranger_among_relatives_is_told(run, model, other, stranger):
    result = run("compare", model, other, stranger, "--json")
    assert result.exit_code == 4
    assert result.stderr.startswith("eigentail: stranger.safetensors: no layer in common")
    assert len(json.loads(result.stdout)["layers"]) == 3


def test_a_failed_layer_is_told_and_the_rest_compared(run, broken, tmp_path):
    path = tmp_path / "whole.safetensors"
    rng = np.random.default_rng(3)
    save_file({f"{name}.weight": rng.standard_t(2.5, (96, 64)).astype(np.float32) for name in ("good", "bad")}, path)
    result = run("compare", path, broken, "--json")
    assert result.exit_code == 4
    assert result.stderr.startswith("eigentail: broken.safetensors: bad: 1 of 6144 weights are NaN")
    layers = {layer["match"]["names"][0]: layer for layer in json.loads(result.stdout)["layers"]}
    assert layers["bad"]["differences"]["alpha"][0]["value"] is None
    assert layers["good"]["differences"]["alpha"][0]["value"] is not None


def test_strict_stops_with_one_sentence(run, model, broken):
    result = run("compare", model, broken, "--strict")
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (4, "", 1)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "missing argument"),
        (("MODEL",), 2, "1 model is nothing to compare: name two or more"),
        (("MODEL", "nothing.safetensors"), 3, "nothing.safetensors: no such file or folder"),
        (("MODEL", "text.json"), 3, "text.json: not a report of eigentail"),
        (("MODEL", "MODEL", "-o", "x.pfd"), 2, "no report form ends in '.pfd'"),
        (("MODEL", "MODEL", "--conv", "poled"), 2, "poled"),
        (("MODEL", "MODEL", "--layers", "fd0"), 2, "did you mean fc0"),
    ],
)
def test_words_that_are_wrong(run, model, tmp_path, monkeypatch, words, code, said):
    monkeypatch.chdir(tmp_path)
    Path("text.json").write_text('{"weights": []}', encoding="utf-8")
    result = run("compare", *(model if word == "MODEL" else word for word in words))
    assert result.exit_code == code
    assert said in result.stderr
    assert (result.stdout, len(result.stderr.splitlines())) == ("", 1)


@pytest.mark.parametrize(
    ("is_kept", "advice"),
    [
        (False, "save each with eigentail analyze TARGET -o FILE.json, and compare the files\n"),
        (True, "their layers and those finished of the next are kept, the same command goes on from here\n"),
    ],
)
def test_interrupted_it_says_what_is_done_and_how_to_keep_it(run, model, other, monkeypatch, is_kept, advice):
    seen = []

    def stop_at_the_second(target, settings, **choices):
        seen.append(target)
        report = analyze(target, settings)
        if len(seen) == 2:
            raise Interrupted(report, is_kept=is_kept)
        return report

    monkeypatch.setattr(sys.modules["eigentail.analysis.compare"], "analyze", stop_at_the_second)
    result = run("compare", model, other)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == f"eigentail: interrupted: 1 of 2 models were measured: {advice}"


def test_a_line_for_every_layer_on_request(run, model, other):
    result = run("compare", model, other, "-v", "--format", "quiet")
    assert result.stdout == ""
    assert sorted(line.split(":")[0] for line in result.stderr.splitlines()) == sorted(
        ["3 layers to measure", "4 layers to measure", *(f"fc{i}" for i in range(3)), *(f"fc{i}" for i in range(4))]
    )


def test_help_ends_with_examples(run):
    result = run("compare", "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert result.stdout.rstrip().splitlines()[-1].strip().startswith("eigentail compare ")

"""`eigentail study`."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from eigentail.analysis import Interrupted, analyze

MODEL = '[[models]]\nname = "{name}"\nfile = "{name}.safetensors"\nvalue = {value}\n'


@pytest.fixture(autouse=True)
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "no-cache"))


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """Four nets with a convolution, the better ones of smaller weights."""
    path = tmp_path / "series.toml"
    text = 'title = "four nets"\nmetric = "accuracy"\nhigher_is_better = true\ncaveats = ["made up"]\n'
    for at, name in enumerate("abcd"):
        rng = np.random.default_rng(at)
        conv = rng.standard_t(2.5, (32, 32, 3, 3)).astype(np.float32) / 4**at
        save_file({"conv.weight": conv}, tmp_path / f"{name}.safetensors")
        text += MODEL.format(name=name, value=60 + at)
    path.write_text(text)
    return path


def test_a_study_file(run, series):
    result = run("study", series)
    assert (result.exit_code, result.stderr) == (0, "")
    text = " ".join(result.stdout.split())
    assert result.stdout.startswith("four nets\n")
    assert "made up" in text
    assert "4 models: even a perfect order has an exact p of 0.083: nothing can be concluded." in text
    assert "The number of parameters is the same for all" in text


def test_json(run, series):
    document = json.loads(run("study", series, "--json").stdout)
    assert (document["series"], document["n"], document["counting"]) == ("series", 4, "per layer")
    assert document["metrics"]["log_norm"]["kendall_tau"] == -1.0
    assert document["metrics"]["log_norm"]["kendall_p"] == pytest.approx(1 / 12)
    assert [model["name"] for model in document["models"]] == list("abcd")


def test_both_ways_of_counting(run, series):
    document = json.loads(run("study", series, "--both", "--json").stdout)
    assert [found["counting"] for found in document["studies"]] == ["per layer", "per conv slice"]
    assert [found["settings"]["conv"] for found in document["studies"]] == ["pooled", "per-slice"]


def test_settings_are_taken(run, series):
    document = json.loads(run("study", series, "--json", "--metrics", "alpha,log_norm", "--conv", "flatten").stdout)
    assert set(document["metrics"]) == {"alpha", "log_norm"}
    assert document["counting"] == "per layer, flattened"


def test_every_form_can_be_written(run, series, tmp_path):
    for suffix in ("json", "csv", "md", "html", "txt"):
        path = tmp_path / f"out.{suffix}"
        result = run("study", series, "-o", path, "--metrics", "alpha")
        assert result.exit_code == 0
        assert f"written to {path}" in result.stderr
        assert "alpha" in path.read_text(encoding="utf-8")
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["number"] for row in csv.DictReader(file)] == ["alpha", "parameters", "layers"]


def test_the_printed_table_is_recomputed(run):
    result = run("study", "nature2021")
    assert (result.exit_code, result.stderr) == (0, "")
    text = " ".join(result.stdout.split())
    assert "Of all printed numbers, 47 of 48 agree to the digits printed." in text
    assert "printed 0.9, recomputed 0.954; the printed RMSE of 0.66 in the same place implies 0.95." in text


def test_a_missing_model_is_named_and_the_rest_is_kept(run, series, tmp_path):
    (tmp_path / "b.safetensors").unlink()
    result = run("study", series, "--json")
    assert result.exit_code == 4
    assert result.stderr.startswith(f"eigentail: b: {tmp_path / 'b.safetensors'}: ")
    assert result.stderr.count("\n") == 1
    document = json.loads(result.stdout)
    assert (document["n"], document["metrics"]["alpha"]["n"]) == (3, 3)
    assert document["problems"] == [result.stderr.removeprefix("eigentail: ").strip()]


@pytest.mark.parametrize(
    ("old", "new", "code", "sentence"),
    [
        ("value = 61", "value = nan", 4, "b: its value is nan"),
        ("value = 61", "value = inf", 4, "b: its value is inf"),
        ('name = "b"', 'name = "a"', 2, 'several models are named "a"'),
        ("caveats", "cavaets", 2, "unknown field 'cavaets': did you mean caveats?"),
        ("title =", "title", 2, "is not TOML"),
        ("[[models]]", "[[model]]", 2, "unknown field 'model': did you mean models?"),
    ],
)
def test_one_sentence_for_bad_input(run, series, old, new, code, sentence):
    series.write_text(series.read_text().replace(old, new))
    result = run("study", series)
    assert (result.exit_code, result.stderr.count("\n")) == (code, 1)
    assert sentence in result.stderr
    assert bool(result.stdout) == (code == 4)


def test_one_point_and_equal_values_are_partial(run, series, tmp_path):
    one = tmp_path / "one.toml"
    one.write_text("higher_is_better = true\n" + MODEL.format(name="a", value=1))
    result = run("study", one)
    assert (result.exit_code, result.stderr) == (4, "eigentail: 1 of 1 models can be used: nothing to compare\n")
    series.write_text(series.read_text().replace("61", "60").replace("62", "60").replace("63", "60"))
    result = run("study", series, "--no-store")
    assert (result.exit_code, result.stderr) == (4, "eigentail: all values are equal: there is nothing to order\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("no-such.toml",), "no-such.toml: no such file or directory"),
        (("nature2012",), "did you mean nature2021"),
        (("nature2021", "--both"), "--both: published averages were counted in one way: add --run"),
        (("nature2021-vgg", "--weights", "."), "--weights: is only looked at with --run: add --run"),
        (("nature2021-vgg", "--run", "--weights", "no-such-folder"), "is not a folder"),
        (("zoo-gpt_demo", "--metrics", "alhpa"), "unknown metric 'alhpa': did you mean alpha"),
    ],
)
def test_wrong_words(run, words, sentence):
    result = run("study", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr


def test_run_measures_what_is_there_and_tells_how_to_fetch_the_rest(run, tmp_path):
    rng = np.random.default_rng(0)
    for at, name in enumerate(("resnet18", "resnet34", "resnet50", "resnet101")):
        folder = tmp_path / "weights" / f"{name}.tv_in1k"
        folder.mkdir(parents=True)
        weights = {"conv1.weight": rng.standard_t(2.5, (64, 64, 3, 3)), "fc.weight": rng.standard_t(2.5, (100, 64))}
        save_file({key: (w / 2**at).astype(np.float32) for key, w in weights.items()}, folder / "model.safetensors")
    result = run("study", "nature2021-resnet", "--run", "--weights", tmp_path / "weights", "--json")
    assert result.exit_code == 4
    assert result.stderr == (
        "eigentail: resnet152: its weights are not here: hf download timm/resnet152.tv_in1k fetches them, "
        "--stream reads them from the Hub without keeping them\n"
    )
    document = json.loads(result.stdout)
    chosen = document["settings"]
    assert (chosen["conv"], chosen["conv_scale"], chosen["min_evals"]) == ("per-slice", "paper", 50)
    assert document["n"] == 4
    assert document["metrics"]["log_norm"]["kendall_tau"] == -1.0
    words = ("--run", "--weights", tmp_path / "weights", "--min-evals", "20", "--json")
    again = json.loads(run("study", "nature2021-resnet", *words).stdout)
    assert (again["settings"]["conv"], again["settings"]["min_evals"]) == ("per-slice", 20)


def test_ctrl_c_keeps_the_models_that_are_finished(run, series, monkeypatch):
    calls = []

    def stopping(target, settings, **rest):
        calls.append(target)
        if len(calls) == 3:
            raise Interrupted(analyze(target, settings))
        return analyze(target, settings)

    monkeypatch.setattr(sys.modules["eigentail.analysis.study"], "reported", stopping)
    result = run("study", series, "--json")
    assert result.exit_code == 130
    assert result.stderr == "eigentail: c: not measured: interrupted\neigentail: d: not measured: interrupted\n"
    assert [bool(model["metrics"]) for model in json.loads(result.stdout)["models"]] == [True, True, False, False]


def test_help_shows_a_study_file_and_examples(run):
    result = run("study", "--help")
    assert result.exit_code == 0
    assert "higher_is_better = true" in result.stdout
    assert "eigentail study nature2021" in result.stdout

from __future__ import annotations

import csv
import errno
import json
import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import eigentail.analysis
from eigentail.analysis import Interrupted, analyze, load


def test_the_table_and_what_stands_under_it(run, model):
    result = run("analyze", model)
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = ("Layers", "    0  fc0", "    2  fc2", "Model", "mean", "median", "Skipped", "The model: ", "3 layers: ")
    words = [f"\n{line}" for line in lines]
    order = [result.stdout.index(word) for word in words]
    assert order == sorted(order)
    assert "a vector" in result.stdout


def test_json_is_the_document_and_nothing_else(run, model):
    document = json.loads(run("analyze", model, "--json").stdout)
    assert document["schema_version"] == 1
    assert [layer["name"] for layer in document["layers"]] == ["fc0", "fc1", "fc2"]
    assert document["summary"]["alpha"] == pytest.approx(analyze(str(model)).summary["alpha"])
    assert document["skipped"][0]["name"] == "fc0.bias"


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (("--csv",), "index,name,kind"),
        (("--format", "csv"), "index,name,kind"),
        (("--format", "markdown"), "# "),
        (("--format", "json"), "{"),
        (("--json",), "{"),
        (("--format", "table"), "/"),
        (("--format", "auto"), "/"),
    ],
)
def test_forms_on_standard_output(run, model, words, start):
    result = run("analyze", model, *words)
    assert result.exit_code == 0
    assert result.stdout.startswith(start)


def test_quiet_prints_nothing(run, model):
    result = run("analyze", model, "--format", "quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_a_file_is_written_and_named_on_standard_error(run, model, tmp_path):
    for suffix in ("json", "csv", "md", "html", "txt"):
        path = tmp_path / f"report.{suffix}"
        result = run("analyze", model, "-o", path)
        assert result.exit_code == 0
        assert f"written to {path}" in result.stderr
        assert "well-trained" in result.stdout or "3 layers" in result.stdout
        assert "fc1" in path.read_text(encoding="utf-8")
    assert len(load(tmp_path / "report.json").layers) == 3
    with (tmp_path / "report.csv").open(newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["fc0", "fc1", "fc2"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("--layers", "fc1"), ["fc1"]),
        (("--layers", "fc0,fc2"), ["fc0", "fc2"]),
        (("--layers", "fc0", "--layers", "fc2"), ["fc0", "fc2"]),
        (("--layers", "!fc1"), ["fc0", "fc2"]),
        (("--layers", "1:3"), ["fc1", "fc2"]),
        (("--executor", "serial"), ["fc0", "fc1", "fc2"]),
        (("--executor", "threads", "--workers", "2"), ["fc0", "fc1", "fc2"]),
    ],
)
def test_choosing_layers_and_hands(run, model, words, names):
    document = json.loads(run("analyze", model, "--json", *words).stdout)
    assert [layer["name"] for layer in document["layers"]] == names


def test_choosing_metrics_and_settings(run, model):
    words = ("--metrics", "alpha,log_*", "--conv", "flatten", "--min-evals", "9", "--precision", "float64")
    document = json.loads(run("analyze", model, "--json", *words).stdout)
    assert set(document["layers"][0]["metrics"]) >= {"alpha", "log_norm"}
    assert "stable_rank" not in document["layers"][0]["metrics"]
    chosen = document["settings"]
    assert (chosen["conv"], chosen["min_evals"], chosen["precision"]) == ("flatten", 9, "float64")


def test_the_null_and_what_it_takes_are_settings(run, model):
    words = ("--null", "shuffle", "--shuffles", "3", "--seed", "7", "--metrics", "default,num_traps,R_lognormal")
    document = json.loads(run("analyze", model, "--json", *words).stdout)
    chosen = document["settings"]
    assert (chosen["null"], chosen["shuffles"], chosen["seed"]) == ("shuffle", 3, 7)
    layer = document["layers"][0]
    assert {"alpha_null", "num_traps"} <= set(layer["metrics"])
    assert layer["best_law"]
    shown = run("analyze", model, *words).stdout
    for word in ("num_traps", "R_lognormal", "random order"):
        assert word in shown


def test_the_default_metrics_compare_no_laws_and_shuffle_nothing(run, model):
    layer = json.loads(run("analyze", model, "--json").stdout)["layers"][0]
    assert "best_law" not in layer
    assert not {"num_traps", "gof_p", "alpha_lo_matrix"} & set(layer["metrics"])
    assert {"alpha_lo", "alpha_hi", "alpha_null", "alpha_p", "noise_p", "num_spikes"} <= set(layer["metrics"])


def test_the_json_has_a_phase_and_a_verdict_on_the_model(run, model):
    document = json.loads(run("analyze", model, "--json").stdout)
    assert {layer["phase"] for layer in document["layers"]} <= {
        "random-like",
        "bleeding-out",
        "bulk+spikes",
        "bulk-decay",
        "heavy-tailed",
        "rank-collapse",
    }
    verdict, reason = document["summary"]["verdict"], document["summary"]["reason"]
    assert f"The model: {verdict}, {reason}." in run("analyze", model).stdout.splitlines()
    assert {"rate", "fingers", "raw_alpha"} <= set(document["layers"][0]["fit"])


def test_a_line_for_every_layer_on_request(run, model):
    result = run("analyze", model, "-v", "--format", "quiet")
    assert result.stdout == ""
    said = sorted(line.split(":")[0] for line in result.stderr.splitlines())
    assert said == ["3 layers to measure", "fc0", "fc1", "fc2"]


class TestFailures:
    def test_a_partial_result_is_printed_and_exits_4(self, run, broken):
        result = run("analyze", broken)
        assert result.exit_code == 4
        assert "good" in result.stdout
        assert "failed" in result.stdout
        assert re.fullmatch(r"eigentail: bad: \d+ of \d+ weights are NaN or infinite\n", result.stderr)

    def test_a_full_disk_does_not_take_the_results_with_it(self, run, broken, tmp_path, monkeypatch):
        def full_disk(self, target):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(Path, "replace", full_disk)
        result = run("analyze", broken, "-o", str(tmp_path / "r.json"))
        assert result.exit_code == 2
        assert "good" in result.stdout
        assert "r.json: cannot be written (no space left on device): choose another place" in result.stderr
        assert not list(tmp_path.glob("*r.json*"))

    def test_a_partial_json_is_whole(self, run, broken):
        result = run("analyze", broken, "--json")
        assert result.exit_code == 4
        bad = next(layer for layer in json.loads(result.stdout)["layers"] if layer["name"] == "bad")
        assert (bad["status"], bad["verdict"], bad["metrics"]["alpha"]) == ("non-finite", "failed", None)

    def test_strict_stops_with_one_sentence(self, run, broken):
        result = run("analyze", broken, "--strict")
        assert result.exit_code == 4
        assert result.stdout == ""
        assert result.stderr.startswith("eigentail: ")
        assert len(result.stderr.splitlines()) == 1


class TestInterruption:
    @pytest.fixture
    def stopped(self, monkeypatch):
        """An analysis that Ctrl-C stops after the first layer."""

        def analyze_one(target, settings, *, using, shard, progress, store):
            class Stop:
                def started(self, description):
                    progress.started(description)

                def finished(self, row):
                    progress.finished(row)
                    raise KeyboardInterrupt

            return analyze(target, settings, progress=Stop())

        monkeypatch.setattr(eigentail.analysis, "analyze", analyze_one)

    def test_finished_layers_are_printed_and_the_rest_can_be_run(self, run, model, stopped):
        result = run("analyze", model, "--json")
        assert result.exit_code == 130
        assert len(json.loads(result.stdout)["layers"]) == 1
        said = result.stderr.splitlines()[-1]
        assert said.startswith("eigentail: interrupted: 2 layers are missing: run eigentail analyze ")
        assert said.endswith("--layers 1:3 for just these")

    def test_finished_layers_are_written(self, run, model, stopped, tmp_path):
        result = run("analyze", model, "-o", tmp_path / "r.json")
        assert result.exit_code == 130
        assert len(load(tmp_path / "r.json").layers) == 1

    def test_the_layers_named_are_the_ones_missing(self, run, model, stopped, monkeypatch):
        said = run("analyze", model, "--format", "quiet").stderr.split("--layers ")[1].split()[0]
        monkeypatch.undo()
        document = json.loads(run("analyze", model, "--json", "--layers", said).stdout)
        assert [layer["name"] for layer in document["layers"]] == ["fc1", "fc2"]

    def test_before_anything_is_known(self, run, model, monkeypatch):
        def stop(*words, **choices):
            raise KeyboardInterrupt

        monkeypatch.setattr(eigentail.analysis, "analyze", stop)
        result = run("analyze", model)
        assert (result.exit_code, result.stdout, result.stderr) == (130, "", "eigentail: interrupted\n")

    def test_interrupted_is_a_keyboard_interrupt(self):
        assert issubclass(Interrupted, KeyboardInterrupt)


class TestNothingToAverage:
    def test_every_layer_failed(self, run, tmp_path):
        path = tmp_path / "bad.safetensors"
        save_file({"a.weight": np.full((64, 32), np.nan, np.float32)}, path)
        result = run("analyze", path)
        assert result.exit_code == 4
        assert "there is no number for the whole model" in result.stdout

    def test_odd_is_not_failed(self, run, tmp_path):
        path = tmp_path / "flat.safetensors"
        save_file({"a.weight": np.eye(64, dtype=np.float32), "b.weight": np.zeros((64, 32), np.float32)}, path)
        result = run("analyze", path)
        assert (result.exit_code, result.stderr) == (0, "")
        assert "not-power-law" in result.stdout
        assert "rank-collapse" in result.stdout

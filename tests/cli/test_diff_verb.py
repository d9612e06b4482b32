from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from heavy import heavy
from safetensors.numpy import save_file

from eigentail.analysis.diff import diff


@pytest.fixture
def tuned(tmp_path: Path) -> Path:
    """The model with a change of rank one in fc1."""
    path = tmp_path / "tuned.safetensors"
    tensors = {f"fc{i}.weight": heavy(i) for i in range(3)}
    tensors["fc1.weight"] += np.float32(0.01)
    save_file({**tensors, "fc0.bias": np.ones(96, np.float32)}, path)
    return path


def test_a_model_and_itself(run, model):
    result = run("diff", model, model)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "identical: 3 layers and 1 tensor beside them have the same values." in result.stdout


def test_one_layer_is_found_and_what_was_done_to_it(run, model, tuned):
    document = json.loads(run("diff", model, tuned, "--json").stdout)
    assert (document["schema_version"], document["verdict"], document["deed"]) == (1, "changed", "low-rank")
    assert [row["outcome"] for row in document["layers"]] == ["untouched", "changed", "untouched"]
    assert document["layers"][1]["change"]["rank"] == 1
    assert document["relative"] == pytest.approx(diff(model, tuned).relative)


def test_the_table_comes_first_and_the_outcome_last(run, model, tuned):
    result = run("diff", model, tuned)
    words = (
        "Layers",
        "fc1",
        "Kinds of matrix",
        "changed: 1 of 3 layers changed.",
        "What was done: a change of low rank",
    )
    order = [result.stdout.index(word) for word in words]
    assert order == sorted(order)


@pytest.mark.parametrize("hands", [("--executor", "serial"), ("--executor", "threads", "--workers", "2")])
def test_hands_and_settings(run, model, tuned, hands):
    words = ("--metrics", "num_traps", "--shuffles", "3", "--layers", "fc0,fc1", *hands)
    document = json.loads(run("diff", model, tuned, "--json", *words).stdout)
    assert [row["name"] for row in document["layers"]] == ["fc0", "fc1"]
    assert isinstance(document["layers"][0]["base"]["traps"], int)
    assert document["settings"]["shuffles"] == 3


@pytest.mark.parametrize("suffix", ["json", "csv", "md", "html", "txt"])
def test_a_file_is_written(run, model, tuned, tmp_path, suffix):
    path = tmp_path / f"diff.{suffix}"
    result = run("diff", model, tuned, "--format", "quiet", "-o", path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "fc1" in path.read_text(encoding="utf-8")


def test_unrelated_models_exit_4_with_what_could_be_computed(run, model, tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"fc0.weight": heavy(0), "a.weight": heavy(4), "b.weight": heavy(5)}, path)
    result = run("diff", model, path, "--json")
    assert result.exit_code == 4
    assert result.stderr == (
        "eigentail: the two look unrelated: only 1 of the 3 layers of the smaller model match the other's\n"
    )
    outcomes = {row["name"]: row["outcome"] for row in json.loads(result.stdout)["layers"]}
    assert outcomes == {
        "fc0": "untouched", "fc1": "missing-in-other", "fc2": "missing-in-other",
        "a": "missing-in-base", "b": "missing-in-base",
    }  # fmt: skip


def test_models_that_share_nothing_exit_2_with_one_sentence(run, model, tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a.weight": heavy(4)}, path)
    result = run("diff", model, path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert "the two share no layer: fc0 (96x64): the other has no such tensor" in result.stderr


def test_a_layer_that_cannot_be_measured_exits_4(run, broken):
    good = broken.with_name("good.safetensors")
    save_file({"good.weight": heavy(0), "bad.weight": heavy(1)}, good)
    result = run("diff", broken, good)
    assert result.exit_code == 4
    assert result.stderr == "eigentail: bad: 1 of 6144 weights are NaN or infinite in the base\n"
    strict = run("diff", broken, good, "--strict")
    assert (strict.exit_code, strict.stdout) == (4, "")
    now = run("diff", good, broken)
    assert now.exit_code == 0
    assert "bad looks damaged: 1 of 6144 weights are NaN or infinite now." in now.stdout


def test_a_side_that_is_not_there_exits_3(run, model):
    for words in (("missing.pt", model), (model, "missing.pt")):
        result = run("diff", *words)
        assert (result.exit_code, result.stdout) == (3, "")
        assert "missing.pt: no such file or folder" in result.stderr


def test_an_interruption_keeps_what_is_finished(run, model, tuned, monkeypatch):
    def diff_one(base, other, settings, *, using, progress, store):
        class Stop:
            def started(self, description):
                progress.started(description)

            def finished(self, row):
                progress.finished(row)
                raise KeyboardInterrupt

        return diff(base, other, settings, progress=Stop())

    monkeypatch.setattr(sys.modules["eigentail.analysis.diff"], "diff", diff_one)
    result = run("diff", model, tuned, "--json")
    assert result.exit_code == 130
    assert len(json.loads(result.stdout)["layers"]) == 1
    assert result.stderr == "eigentail: interrupted: only the layers finished by then are shown\n"


def test_help_ends_with_examples(run):
    assert run("diff", "--help").stdout.rstrip().endswith("'.verdict, .done'")

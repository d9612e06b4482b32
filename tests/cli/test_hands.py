"""Who does the work, in which part, with how much memory: the same numbers every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from shared import NO_SHARED_DATA, shared_data

import eigentail as et
from eigentail.execution import executors

REPO = Path(__file__).resolve().parents[2]
EXAMPLES = REPO / "docs" / "examples"


def numbers(text: str) -> dict[str, dict[str, float]]:
    return {layer["name"]: layer["metrics"] for layer in json.loads(text)["layers"]}


@pytest.mark.parametrize("words", [("--executor", "serial"), ("--executor", "processes", "--workers", "2")])
def test_the_same_report(run, model, words):
    usual = run("analyze", model, "--json", "--no-store")
    assert run("analyze", model, "--json", "--no-store", *words).stdout == usual.stdout


def test_processes_share_the_store(run, model):
    usual = run("analyze", model, "--json", "--no-store")
    for _ in range(2):
        assert run("analyze", model, "--json", "--executor", "processes", "--workers", "2").stdout == usual.stdout


def test_shards_on_the_command_line_make_the_whole(run, model, tmp_path):
    whole = json.loads(run("analyze", model, "--json").stdout)
    parts = [tmp_path / f"part{i}.json" for i in range(4)]
    for i, part in enumerate(parts):
        assert run("analyze", model, "--shard", f"{i}/4", "--format", "quiet", "-o", part).exit_code == 0
    merged = tmp_path / "whole.json"
    result = run("merge", *parts, "-o", merged, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == whole
    assert json.loads(merged.read_text())["summary"] == whole["summary"]
    assert et.load(merged).summary == et.analyze(model).summary


def test_a_missing_shard_is_told_and_what_is_there_united_on_request(run, model, tmp_path):
    parts = [tmp_path / f"part{i}.json" for i in (0, 2)]
    for i, part in zip((0, 2), parts, strict=True):
        assert run("analyze", model, "--shard", f"{i}/3", "--format", "quiet", "-o", part).exit_code == 0
    refused = run("merge", *parts)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "of 3 shards 1/3 is missing or not finished: analyse what is missing, or merge what" in refused.stderr
    united = run("merge", "--partial", "--json", *parts)
    assert (united.exit_code, united.stderr) == (4, "eigentail: of 3 shards 1/3 is missing or not finished\n")
    assert json.loads(united.stdout)["shards"] == {"of": 3, "held": [0, 2]}


def test_a_failure_in_a_part_is_one_of_the_whole(run, broken, tmp_path):
    parts = [tmp_path / f"part{i}.json" for i in range(2)]
    for i, part in enumerate(parts):
        run("analyze", broken, "--shard", f"{i}/2", "-o", part)
    result = run("merge", *parts)
    assert result.exit_code == 4
    assert "good" in result.stdout


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("analyze", "{model}", "--executor", "tread"), 2, "unknown executor 'tread': did you mean threads"),
        (("analyze", "{model}", "--workers", "0"), 2, "'--workers': 0 is not in the range"),
        (("analyze", "{model}", "--max-memory", "much"), 2, "--max-memory: 'much' is no size: write 500MB or 1GB"),
        (("analyze", "{model}", "--max-memory", "0"), 2, "memory: 0 bytes are too few"),
        (("analyze", "{model}", "--address", "a:1"), 2, "--address: threads has none: --executor ray has"),
        (("analyze", "{model}", "--shard", "8/8"), 2, "--shard: '8/8' is no part of the work"),
        (("analyze", "{model}", "--shard", "half"), 2, "--shard: 'half' is no part of the work"),
        (("merge",), 2, "missing argument"),
        (("merge", "none.json"), 3, "none.json: no such file"),
        (("merge", "{model}"), 3, "model.safetensors"),
        (("diff", "{model}", "{model}", "--executor", "threds"), 2, "did you mean threads"),
    ],
)
def test_a_wrong_word_is_one_sentence(run, model, words, code, sentence):
    result = run(*(word.format(model=model) for word in words))
    assert (result.exit_code, result.stdout) == (code, "")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_help_names_every_way(run):
    said = " ".join(run("analyze", "--help").stdout.split())
    assert all(name in said for name in executors)


def test_a_layer_that_needs_more_memory_is_measured_and_told(run, tmp_path):
    path = tmp_path / "m.safetensors"
    save_file({f"fc{i}.weight": np.eye(300, 200, dtype=np.float32) for i in range(3)}, path)
    result = run("analyze", path, "--json", "--max-memory", "1MB")
    assert len(json.loads(result.stdout)["layers"]) == 3
    said = "eigentail: fc0 (and 2 more) takes 1.36 MB, more than --max-memory allows: measured by itself"
    assert result.stderr.splitlines() == [said]
    assert run("analyze", path, "--json", "--no-store", "--max-memory", "1GB").stderr == ""


@pytest.mark.parametrize("words", [("--executor", "processes", "--workers", "2"), ("--max-memory", "150MB")])
def test_diff_has_the_same_hands(run, model, words):
    usual = run("diff", model, model, "--json")
    assert run("diff", model, model, "--json", *words).stdout == usual.stdout


def test_nets_of_the_zoo_have_the_same_numbers_with_every_way():
    for net in sorted((REPO / "src" / "eigentail" / "zoo").rglob("*.safetensors"))[::7][:3]:
        one = et.analyze(net)
        assert et.analyze(net, using=et.threads(3)).to_json() == one.to_json()
        assert et.analyze(net, using=et.processes(2)).to_json() == one.to_json()
        assert et.merge([et.analyze(net, shard=(i, 3)) for i in range(3)]).to_json() == one.to_json()


@pytest.mark.skipif(shared_data() is None, reason=NO_SHARED_DATA)
def test_real_nets_have_the_same_numbers_with_every_way():
    net = sorted((shared_data() / "models" / "akamaster__pytorch_resnet_cifar10").glob("*.th"))[0]
    one = et.analyze(net)
    for using in (et.threads(3), et.processes(2)):
        assert et.analyze(net, using=using).to_json() == one.to_json()
    parts = [et.analyze(net, shard=(i, 3)) for i in range(3)]
    assert et.merge(parts).to_json() == one.to_json()


def test_the_example_for_slurm_is_a_script_and_does_what_it_says(model, tmp_path):
    script = EXAMPLES / "slurm.sh"
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    (tmp_path / "eigentail").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m eigentail "$@"\n')
    (tmp_path / "eigentail").chmod(0o755)
    out = tmp_path / "parts"
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(REPO / "src")}
    for task in ("0", "1"):
        array = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_CPUS_PER_TASK": "1"}
        subprocess.run(["bash", script, model, out], env={**env, **array}, check=True, capture_output=True)
    done = subprocess.run(
        ["eigentail", "merge", *sorted(out.glob("*.json")), "--json"], env=env, check=True, capture_output=True
    )
    assert numbers(done.stdout.decode()) == numbers(et.analyze(model).to_json())

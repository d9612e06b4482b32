"""What the benchmarks measure is what they say."""

from __future__ import annotations

import sys
from math import prod
from pathlib import Path

import numpy as np
import pytest

import eigentail as et

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
import checkpoints  # noqa: E402
import timing  # noqa: E402


def test_every_benchmark_is_part_of_make_bench() -> None:
    makefile = (BENCHMARKS.parent / "Makefile").read_text()
    names = {path.stem for path in BENCHMARKS.glob("*.py")} - {"timing", "checkpoints"}
    listed = makefile.partition("BENCHMARKS := ")[2].partition("\n")[0].split()
    assert names == {*listed, "cost"}
    assert "benchmarks/cost.py --only" in makefile


def test_the_shapes_are_those_of_the_nets() -> None:
    assert sum(map(prod, checkpoints.resnet50().values())) == 25_502_912  # 25,557,032 less norms and biases
    assert len(checkpoints.resnet50()) == 54
    assert sum(map(prod, checkpoints.transformer(10, 1024).values())) == 120 * 1024**2


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_heavy_checkpoint_is_read_as_written(tmp_path: Path, dtype: str) -> None:
    shapes = {"a.weight": (64, 48), "b.weight": (32, 32, 3, 3)}
    checkpoints.heavy(tmp_path / "m.safetensors", shapes, dtype)
    report = et.analyze(tmp_path / "m.safetensors")
    assert [(row.name, row.layer.shape, row.layer.tensors[0].dtype) for row in report.layers] == [
        ("a", (64, 48), dtype),
        ("b", (32, 32), dtype),
    ]
    assert report.summary.layers_failed == 0


@pytest.mark.parametrize(("other", "met"), [(8.0, "met"), (7.9, "not met")])
def test_a_line_says_whether_the_target_is_met(capsys: pytest.CaptureFixture[str], other: float, met: str) -> None:
    timing.ratio_line("peer over eigentail", [(1.0, other), (2.0, 2 * other)], 8.0)
    assert capsys.readouterr().out.endswith(f"target 8: {met}\n")


def test_a_process_tells_its_own_peak_and_not_ours() -> None:
    ours = np.ones(60_000_000)  # half a gigabyte in this process
    small = timing.process([sys.executable, "-c", "pass"])
    large = timing.process([sys.executable, "-c", "x = bytes(range(256)) * 400_000"])
    assert small.peak < 50 * 10**6 < 100 * 10**6 < large.peak < ours.nbytes
    assert small.wall > 0


def test_a_process_that_fails_is_told() -> None:
    with pytest.raises(SystemExit, match="did not end well"):
        timing.process([sys.executable, "-c", "raise SystemExit(3)"])

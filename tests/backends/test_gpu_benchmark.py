"""The measurement on a GPU runs anywhere, and says where there is nothing to measure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"


def test_without_a_gpu_nothing_is_measured_and_that_is_said() -> None:
    words = [sys.executable, str(SCRIPT), "--device", "cuda:99"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("not measured: no GPU here (device: no cuda:99 here: ")


def test_the_way_it_measures_a_matrix_works() -> None:
    words = [sys.executable, str(SCRIPT), "--device", "torch:cpu", "--sizes", "64", "--blocks", "0", "--runs", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "64 x 64 float64" in done.stdout
    assert "nothing was left to the CPU" in done.stdout

"""The 48 matrices of a GPT-2-small-shaped safetensors file: eigentail against WeightWatcher, whole processes, in turn.

python benchmarks/versus_weightwatcher.py [--runs 3]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from checkpoints import GPT2_SMALL, gpt2_small

PEER = "import sys, weightwatcher as ww; ww.WeightWatcher().analyze(model=sys.argv[1])"


def main() -> int:
    """Print times, their ratio, and both against what this machine's matrix product would need."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        gpt2_small(path)
        ours = [sys.executable, "-m", "eigentail", "analyze", str(path), "--no-store", "--format", "quiet"]
        peer = [sys.executable, "-c", PEER, folder]
        pairs = [(seconds(ours), seconds(peer)) for _ in range(runs)]
    floor = gpt2_flops() / gemm_rate()
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratios = [b / a for a, b in pairs]
    print(f"48 matrices of GPT-2 small (float32), whole process, median of {runs} runs in turn")
    print(f"eigentail            {mine:8.2f} s   (72 matrices: it splits q, k and v)")
    print(f"WeightWatcher 0.7.7  {theirs:8.2f} s")
    print(f"floor                {floor:8.2f} s   (N M^2 + 4/3 M^3 at this machine's float64 matrix product)")
    print(f"ratio                {statistics.median(ratios):8.1f}     (min {min(ratios):.1f}, max {max(ratios):.1f})")
    print(f"over the floor       {mine / floor:8.1f}     (WeightWatcher {theirs / floor:.1f})")
    return 0


def seconds(command: list[str]) -> float:
    """Wall time of one whole process, its output thrown away."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def gemm_rate() -> float:
    """Float64 operations a second of numpy's matrix product with every core."""
    a = np.random.default_rng(0).standard_normal((2048, 2048))
    times = []
    for _ in range(4):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return 2 * 2048**3 / min(times)


def gpt2_flops() -> float:
    """The exact spectra of the 48 matrices."""
    sides = [(max(shape), min(shape)) for shape in GPT2_SMALL.values()]
    return 12 * sum(n * m**2 + 4 / 3 * m**3 for n, m in sides)


if __name__ == "__main__":
    sys.exit(main())

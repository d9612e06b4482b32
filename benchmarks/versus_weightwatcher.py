"""The 48 matrices of a GPT-2-small-shaped safetensors file: eigentail against WeightWatcher, whole processes, in turn.

python benchmarks/versus_weightwatcher.py [--runs 2]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from checkpoints import GPT2_SMALL, cast, gpt2_small
from timing import analysis, gemm_rate, in_turn, peer, process, ratio_line, spectrum_flops, time_line

TARGETS = {"float32": 8.0, "bfloat16": 14.0}


def main() -> int:
    """Print times, their ratio, and both against what this machine's matrix product would need."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2)
    runs = parser.parse_args().runs
    floor = 12 * spectrum_flops(list(GPT2_SMALL.values())) / gemm_rate()
    print("48 matrices of GPT-2 small, whole processes with default settings (eigentail makes 72 of them: q, k and v)")
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "float32" / "model.safetensors"
        half = Path(folder) / "bfloat16" / "model.safetensors"
        for path in (plain, half):
            path.parent.mkdir()
        gpt2_small(plain)
        cast(plain, "bfloat16", half)
        for path in (plain, half):
            compare(path, floor, runs)
    return 0


def compare(path: Path, floor: float, runs: int) -> None:
    """One storage type."""
    stored = path.parent.name
    pairs = in_turn(lambda: process(analysis(path)).wall, lambda: process(peer(path.parent)).wall, runs)
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    time_line(f"{stored}: eigentail", mine, f"{mine / floor:.1f} times the floor")
    time_line(f"{stored}: WeightWatcher 0.7.7", theirs, f"{theirs / floor:.1f} times the floor")
    time_line(f"{stored}: floor", floor, "N M^2 + 4/3 M^3 at the float64 matrix product of all cores")
    ratio_line(f"{stored}: WeightWatcher over eigentail", pairs, TARGETS[stored])


if __name__ == "__main__":
    sys.exit(main())

"""A safetensors file of 2 billion parameters, most of it holes, cut to a sample of layers: time and memory.

python benchmarks/sparse_file.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from checkpoints import sparse
from timing import analysis, gemm_rate, process, spectrum_flops, time_line

SHAPE, TENSORS, SAMPLE = (8192, 2048), 120, 2


def main() -> int:
    """WeightWatcher is not asked: it reads the whole file into memory first."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        nbytes = sparse(path, TENSORS, SHAPE, filled=SAMPLE)
        taken = process(analysis(path, "--layers", f"0:{SAMPLE}"))
    floor = SAMPLE * spectrum_flops([SHAPE]) / gemm_rate()
    billions = TENSORS * SHAPE[0] * SHAPE[1] / 1e9
    print(f"{SAMPLE} of {TENSORS} layers of {SHAPE[0]}x{SHAPE[1]} float32 in a file of {billions:.1f} billion weights")
    time_line("eigentail, whole process", taken.wall, f"{taken.wall / floor:.1f} times the floor")
    print(f"  {'peak memory':<52} {taken.peak / 1e6:7.0f} MB of {nbytes / 1e9:.1f} GB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

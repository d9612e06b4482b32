"""Peak memory of `eigentail analyze` on a checkpoint far larger than it: at most 200 MB and 4 float64 matrices.

python benchmarks/memory.py [--gigabytes 6]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from checkpoints import sparse
from timing import analysis, process

SHAPE = (8192, 1024)
ALLOWED_BASE = 200 * 10**6


def main() -> int:
    """Analyse the file in a process of its own and compare its peak with the promise; exit 1 when it is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=6.0)
    gigabytes = parser.parse_args().gigabytes
    tensors = int(gigabytes * 1e9 / (4 * SHAPE[0] * SHAPE[1])) + 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        nbytes = sparse(path, tensors, SHAPE, filled=4)
        peak = process(analysis(path)).peak
    matrix = 8 * SHAPE[0] * SHAPE[1]
    allowed = ALLOWED_BASE + 4 * matrix
    print(f"checkpoint            {nbytes / 1e9:8.2f} GB in {tensors} tensors of {SHAPE[0]}x{SHAPE[1]} float32")
    print(f"one float64 matrix    {matrix / 1e6:8.0f} MB")
    print(f"allowed peak          {allowed / 1e6:8.0f} MB   (200 MB + 4 matrices)")
    print(f"peak memory           {peak / 1e6:8.0f} MB   ({(peak - ALLOWED_BASE) / matrix:.2f} matrices above 200 MB)")
    return 0 if peak <= allowed else 1


if __name__ == "__main__":
    sys.exit(main())

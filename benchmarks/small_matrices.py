"""Many small matrices: 10,000 spectra at once against a loop over numpy, and a file of them against WeightWatcher.

python benchmarks/small_matrices.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from checkpoints import heavy
from timing import analysis, peer, process, ratio_line, seconds, time_line

from eigentail.numerics import spectrum_of

MATRICES, SIDE = 10_000, 32
MINE, THEIRS = 1000, 200


def main() -> int:
    """The stack in this process; the file in processes of their own, on a sample, scaled by the number of layers."""
    stack = np.random.default_rng(0).standard_normal((MATRICES, SIDE, SIDE))
    mine = seconds(lambda: spectrum_of(stack))
    loop = seconds(lambda: [np.linalg.eigvalsh(w.T @ w) for w in stack], 1)
    print(f"{MATRICES} matrices of {SIDE}x{SIDE}, float64, their spectra pooled, in this process")
    time_line("eigentail", mine)
    time_line("numpy, one after the other", loop)
    ratio_line("numpy over eigentail", [(mine, loop)])
    print(f"layers of {SIDE}x{SIDE} in a file: time of {MATRICES} SCALED from {MINE} (WeightWatcher: from {THEIRS})")
    with tempfile.TemporaryDirectory() as folder:
        ours, others = (per_layer(Path(folder), count) for count in (MINE, -THEIRS))
    time_line("eigentail, scaled", ours * MATRICES)
    time_line("WeightWatcher 0.7.7, scaled", others * MATRICES)
    ratio_line("WeightWatcher over eigentail", [(ours, others)])
    return 0


def per_layer(folder: Path, count: int) -> float:
    """Seconds of one more layer; a negative count asks the peer. The start is that of a file with a tenth of them."""
    taken = []
    for layers in (abs(count) // 10, abs(count)):
        path = folder / f"{count}-{layers}" / "model.safetensors"
        path.parent.mkdir()
        heavy(path, {f"layers.{i}.weight": (SIDE, SIDE) for i in range(layers)})
        taken.append(process(analysis(path) if count > 0 else peer(path.parent)).wall)
    return (taken[1] - taken[0]) / (abs(count) - abs(count) // 10)


if __name__ == "__main__":
    sys.exit(main())

"""The spectrum of one 4096x4096 and of one 11008x4096 matrix: against the floor, numpy and WeightWatcher.

python benchmarks/one_matrix.py [--no-peer]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from checkpoints import heavy
from safetensors.numpy import load_file
from timing import gemm_rate, peer, process, ratio_line, seconds, spectrum_flops, time_line

from eigentail.numerics import spectrum_of

OVER_THE_FLOOR = 2.0
OVER_THE_PEER = 5.0


def main() -> int:
    """Print both matrices. The peer is asked for the smaller one only: it takes a minute for the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-peer", action="store_true")
    with_peer = not parser.parse_args().no_peer
    with tempfile.TemporaryDirectory() as folder:
        for shape in ((4096, 4096), (11008, 4096)):
            path = Path(folder) / f"{shape[0]}" / "model.safetensors"
            path.parent.mkdir()
            heavy(path, {"fc.weight": shape})
            one(path, shape, with_peer and shape[0] == shape[1])
    return 0


def one(path: Path, shape: tuple[int, int], with_peer: bool) -> None:
    """One matrix with every BLAS thread, float64 and float32."""
    print(f"one {shape[0]}x{shape[1]} matrix, its spectrum in this process with every BLAS thread")
    (weights,) = load_file(path).values()
    wide = weights.astype(np.float64)
    rates = gemm_rate("float64"), gemm_rate("float32")
    mine = seconds(lambda: spectrum_of(wide[None]), 2)
    numpy = seconds(lambda: np.linalg.eigvalsh(wide.T @ wide), 2)
    single = seconds(lambda: spectrum_of(weights[None], precision="float32"), 2)
    flops = spectrum_flops([shape])
    time_line("eigentail, float64", mine)
    time_line("numpy, eigvalsh(W.T @ W), float64", numpy)
    time_line("floor, float64", flops / rates[0], f"at {rates[0] / 1e9:.0f} GFLOP/s")
    over = mine * rates[0] / flops
    print(f"  {'over the floor, float64':<52} {over:7.2f} times   target at most {OVER_THE_FLOOR:g}: {met(over)}")
    ratio_line("numpy over eigentail, float64", [(mine, numpy)])
    time_line("eigentail, float32", single, f"{single * rates[1] / flops:.2f} times its floor")
    if with_peer:
        start = process(peer_start()).wall
        pairs = [
            (seconds(lambda: spectrum_of(wide[None]), 1), process(peer(path.parent)).wall - start) for _ in range(3)
        ]
        time_line("WeightWatcher 0.7.7, its start taken off", median(theirs for _, theirs in pairs))
        ratio_line("WeightWatcher over eigentail, float64", pairs, OVER_THE_PEER)


def met(over: float) -> str:
    """Of the target for the floor."""
    return "met" if over <= OVER_THE_FLOOR else "not met"


def peer_start() -> list[str | Path]:
    """A process that only loads the peer."""
    return [sys.executable, "-c", "import weightwatcher"]


if __name__ == "__main__":
    sys.exit(main())

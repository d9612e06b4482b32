"""Two workers against one on 48 equal layers, in one process each time, in turn.

python benchmarks/workers.py [--runs 3]
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from timing import in_turn, ratio_line, seconds, time_line

import eigentail as et

TARGET = 1.8
LAYERS, SIDE = 48, 768


def main() -> int:
    """The layers lie in memory: nothing but measuring them is timed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    rng = np.random.default_rng(0)
    net = {f"fc{i}.weight": rng.standard_t(3.5, (SIDE, SIDE)).astype(np.float32) for i in range(LAYERS)}
    pairs = in_turn(lambda: taken(net, 2), lambda: taken(net, 1), runs)
    print(f"{LAYERS} layers of {SIDE}x{SIDE} float32, default settings")
    time_line("one worker", min(one for _, one in pairs))
    time_line("two workers", min(two for two, _ in pairs))
    ratio_line("one worker over two", pairs, TARGET)
    return 0


def taken(net: dict[str, np.ndarray], workers: int) -> float:
    """Seconds of an analysis."""
    return seconds(lambda: et.analyze(net, using=et.threads(workers)), 1)


if __name__ == "__main__":
    sys.exit(main())

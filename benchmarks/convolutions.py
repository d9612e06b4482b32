"""A ResNet-50-shaped checkpoint: eigentail against WeightWatcher, whole processes, in turn.

python benchmarks/convolutions.py [--every 1]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from checkpoints import heavy, resnet50
from timing import analysis, in_turn, peer, process, ratio_line, time_line

TARGET = 8.0


def main() -> int:
    """Both see the same sample; in a small one the start of the processes weighs more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="Of the 54 layers; 1 for all.")
    every = parser.parse_args().every
    shapes = dict(list(resnet50().items())[::every])
    print(f"{len(shapes)} of the 54 layers of ResNet-50 (every {every}.), float32, whole processes, default settings")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        heavy(path, shapes)
        pairs = in_turn(lambda: process(analysis(path)).wall, lambda: process(peer(path.parent)).wall, 1)
    time_line("eigentail", pairs[0][0])
    time_line("WeightWatcher 0.7.7", pairs[0][1])
    ratio_line("WeightWatcher over eigentail", pairs, TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main())

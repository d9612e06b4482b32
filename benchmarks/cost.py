"""Does `describe --cost` come true? Checkpoints of 10 to 500 million parameters: predicted, then measured.

python benchmarks/cost.py [--only 10M 50M] [--workers 2] [--runs 1]
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from pathlib import Path

from checkpoints import heavy, resnet50, transformer
from timing import analysis, process

import eigentail as et
from eigentail.analysis.calibrate import cores, this_machine
from eigentail.records.cost import Hands

MODELS = {
    "10M": (transformer(9, 304), "float32"),
    "10M bf16": (transformer(9, 304), "bfloat16"),
    "25M conv": (resnet50(), "float32"),
    "50M": (transformer(7, 768), "float32"),
    "50M bf16": (transformer(7, 768), "bfloat16"),
    "125M": (transformer(10, 1024), "float32"),
    "500M": (transformer(10, 2048), "float32"),
    "500M bf16": (transformer(10, 2048), "bfloat16"),
}
WITHIN = 0.30


def main() -> int:
    """Print predicted and measured; 1 if a time or a peak of memory is more than 30 % off.

    The seconds of all processors tell how good the prediction of the work is even where other programs run.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--runs", type=int, default=1, help="The shortest counts.")
    words = parser.parse_args()
    machine = this_machine(again=True)
    print(f"calibrated: {machine.facts}; {words.workers} workers; predicted over measured, target within 30 %")
    print(
        f"{'model':12}{'weights':>9}{'predicted':>11}{'clock':>9}{'ratio':>7}{'processors':>12}{'ratio':>7}{'memory':>14}{'ratio':>7}"
    )
    times, peaks = [0.0], [0.0]
    with tempfile.TemporaryDirectory() as folder:
        for name in words.only:
            shapes, dtype = MODELS[name]
            path = Path(folder) / "model.safetensors"
            heavy(path, shapes, dtype)
            predicted = et.cost(path, hands=Hands(workers=words.workers), stored=False, machine=machine)
            taken = min(process(analysis(path, "--workers", str(words.workers))) for _ in range(words.runs))
            ratio, work = predicted.seconds / taken.wall, (machine.start + predicted.work) / taken.processor
            times.append(abs(math.log(ratio)))
            peaks.append(abs(math.log(predicted.memory / taken.peak)))
            count = sum(math.prod(shape) for shape in shapes.values())
            print(
                f"{name:12}{count / 1e6:8.0f}M{predicted.seconds:10.2f}s{taken.wall:8.2f}s{ratio:7.2f}"
                f"{taken.processor:11.2f}s{work:7.2f}{predicted.memory / 1e6:6.0f}/{taken.peak / 1e6:4.0f} MB"
                f"{predicted.memory / taken.peak:7.2f}"
            )
    off = {name: 100 * (math.exp(max(ratios)) - 1) for name, ratios in (("clock", times), ("memory", peaks))}
    print("largest deviation:", ", ".join(f"{name} {percent:.0f} %" for name, percent in off.items()))
    return int(max(off.values()) > 100 * WITHIN)


if __name__ == "__main__":
    sys.exit(main())

"""Two matrices: side by side with one BLAS thread each, against one after the other with two, in turn.

python benchmarks/side_by_side.py [--sides 1024 2048] [--runs 3]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from eigentail.numerics import spectrum_of

Stacks = Sequence[np.ndarray]


def main() -> int:
    """The smallest of some runs of each way, and what the ways gain over one thread alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[1024, 2048])
    parser.add_argument("--runs", type=int, default=3)
    words = parser.parse_args()
    for side in words.sides:
        for dtype in ("float64", "float32"):
            rng = np.random.default_rng(side)
            stacks = [rng.standard_normal((1, side, side)).astype(dtype) for _ in range(2)]
            runs = [(seconds(1, beside, stacks), seconds(2, in_turn, stacks)) for _ in range(words.runs)]
            one = min(seconds(1, in_turn, stacks) for _ in range(words.runs))
            two, wide = (min(column) for column in zip(*runs, strict=True))
            gains = f"side by side x{one / two:.2f}, two threads x{one / wide:.2f}"
            print(f"{side:5} {dtype}: one thread {one:.2f} s, {gains}")
    return 0


def beside(stacks: Stacks) -> None:
    """Both at once."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(spectrum, stacks))


def in_turn(stacks: Stacks) -> None:
    """One, then the other."""
    for stack in stacks:
        spectrum(stack)


def spectrum(stack: np.ndarray) -> None:
    """In the arithmetic of the weights."""
    spectrum_of(stack, precision=stack.dtype.name)


def seconds(threads: int, way: Callable[[Stacks], None], stacks: Stacks) -> float:
    """Of both matrices, with so many BLAS threads in the process."""
    with threadpool_limits(threads, user_api="blas"):
        started = time.perf_counter()
        way(stacks)
        return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())

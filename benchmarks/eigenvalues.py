"""Eigenvalues of one Gram matrix by numpy, in one stage and by two stages: time over the floor, and error; its product.

python benchmarks/eigenvalues.py [M ...]

The floor is 4/3 M^3 at the rate of numpy's matrix product in the same dtype, measured in the same run. Every time is
the best of a few; on a machine with other work, times with two BLAS threads say little.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import ml_dtypes
import numpy as np
from threadpoolctl import threadpool_limits

from eigentail.numerics.gram import grams
from eigentail.numerics.kernels import Kernels, kernels

SIDES = (64, 256, 512, 768, 1024, 1536, 2048, 4096)
DTYPES = ("float64", "float32")
LONG = 2.0  # seconds after which a measurement is not repeated
LARGEST_OF_ONE = 2048


def main(sides: tuple[int, ...]) -> int:
    """Print a row for every side, dtype and number of BLAS threads."""
    compiled = kernels()
    if compiled is None:
        print("no kernels were compiled for this processor")
        return 0
    compiled.large(np.eye(100), 1)  # scipy is loaded before the clock runs
    print(f"kernels for vectors of {compiled.vector_bytes} bytes")
    print("                     milliseconds       over the floor                two numpy at once /")
    print("   M  dtype    threads      floor  numpy  one stage  two stages     two of the faster at once")
    for side in sides:
        for dtype in DTYPES:
            for threads in (1, 2):
                print(row(compiled, side, dtype, threads), flush=True)
    print("\nlargest false eigenvalue where it should be zero, over eps lambda_max: numpy, one stage, two stages")
    for side in sides:
        for name, weights, rank in degenerate(side):
            print(f"{side:5} {name:25}", "  ".join(f"{t} {false(compiled, weights.astype(t), rank)}" for t in DTYPES))
    print("\nmilliseconds of the Gram matrix of weights with twice as many rows, one thread; tiles:", compiled.tiles)
    print("   M  stored as float32, in float64   in float32  stored as bfloat16, in float32")
    for side in sides:
        print(products(side))
    return 0


def products(side: int) -> str:
    """One line of the last table."""
    weights = np.random.default_rng(0).standard_normal((1, 2 * side, side)).astype("float32")
    stored = weights.astype(ml_dtypes.bfloat16)
    with threadpool_limits(1, "blas"):
        ways = [(weights, "float64"), (weights, "float32"), (stored, "float32")]
        times = [1e3 * best(lambda w=w, t=t: list(grams(w, np.dtype(t)))) for w, t in ways]
    return f"{side:5} {times[0]:30.2f} {times[1]:12.2f} {times[2]:31.2f}"


def degenerate(side: int) -> list[tuple[str, np.ndarray, int]]:
    """Weights whose rounding errors are alike, and their ranks."""
    rng = np.random.default_rng(0)
    square = rng.standard_normal((side, side))
    basis = np.linalg.qr(square)[0][:, : side // 2]
    thin = rng.standard_normal((side, side // 2)) @ rng.standard_normal((side // 2, side)) / side**0.5
    kinds = [("half rank", thin, side // 2), ("a projector", basis @ basis.T, side // 2)]
    kinds += [(f"columns {n} times each", square[:, np.arange(side) // n], -(-side // n)) for n in (4, 48, side)]
    return kinds


def false(compiled: Kernels, weights: np.ndarray, rank: int) -> str:
    """By each route."""
    gram = weights.T @ weights
    unit = float(np.finfo(gram.dtype).eps)
    found = [np.linalg.eigvalsh(gram), compiled.eigenvalues(gram[None])[0], compiled.large(gram.copy(), 1)]
    return " ".join(f"{abs(values[: len(gram) - rank]).max() / unit / values[-1]:5.1f}" for values in found)


def row(compiled: Kernels, side: int, dtype: str, threads: int) -> str:
    """One line of the table."""
    weights = np.random.default_rng(0).standard_normal((side, side)).astype(dtype)
    gram = weights.T @ weights
    other = np.array(weights[::-1])
    routes = {
        "numpy": lambda: np.linalg.eigvalsh(gram),
        "one": lambda: compiled.eigenvalues(gram[None]),
        "two": lambda: compiled.large(gram.copy(), threads),
    }
    if side > LARGEST_OF_ONE:
        del routes["one"]
    with threadpool_limits(threads, "blas"):
        floor = 2 / 3 * best(lambda: weights @ other)  # a product is 2 M^3
        taken = {name: best(route) for name, route in routes.items()}
        line = f"{side:5} {dtype:8} {threads:6} {1e3 * floor:11.2f}"
        line += "".join(
            f" {taken[name] / floor:{width}.1f}" if name in taken else " " * (width + 1)
            for name, width in (("numpy", 6), ("one", 10), ("two", 11))
        )
        if threads == 1:  # whoever holds the interpreter lock loses here
            fastest = min(routes, key=lambda name: taken[name])
            line += f" {best(pair(routes['numpy'])) / best(pair(routes[fastest])):24.2f}"
    return line


def pair(work: Callable[[], object]) -> Callable[[], None]:
    """The work in two Python threads at once."""

    def both() -> None:
        workers = [threading.Thread(target=work) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    return both


def best(work: Callable[[], object]) -> float:
    """Seconds, the best of a few rounds."""
    times: list[float] = []
    while len(times) < 2 or (len(times) < 5 and sum(times) < LONG):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    sys.exit(main(tuple(int(side) for side in sys.argv[1:]) or SIDES))

"""Eigenvalues of one Gram matrix by LAPACK's one stage (numpy) and by two stages: time over the floor, and error.

python benchmarks/eigenvalues.py [M ...]

The floor is 4/3 M^3 at the rate of numpy's matrix product in the same dtype, measured in the same run. Every time is
the best of two; on a machine with other work, times with two BLAS threads say little.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from eigentail.numerics import eigenvalues
from eigentail.numerics.band import band_of
from eigentail.numerics.eigenvalues import eigenvalues_of
from eigentail.numerics.routine import routine_named

SIDES = (768, 2048, 4096)
ROUNDS = 2
DTYPES = ("float64", "float32")


def main(sides: tuple[int, ...]) -> int:
    """Print a row for every side, dtype and number of BLAS threads."""
    eigenvalues.TWO_STAGES_FROM = 2  # both routes at every size
    eigenvalues_of(np.eye(40))  # scipy is loaded before the clock runs
    print("                        floor   numpy    two stages  first of them   numpy /        two at once,")
    print("   M  dtype    threads      s  /floor        /floor         /floor   two stages   numpy / two stages")
    for side in sides:
        for dtype in DTYPES:
            for threads in (1, 2):
                print(row(side, dtype, threads), flush=True)
    print("\nlargest false eigenvalue where it should be zero, over eps lambda_max (M = 1200): numpy, two stages")
    for name, weights, rank in degenerate(1200):
        print(f"{name:30}", "   ".join(f"{dtype} {false(weights.astype(dtype), rank)}" for dtype in DTYPES), flush=True)
    return 0


def degenerate(side: int) -> list[tuple[str, np.ndarray, int]]:
    """Weights whose rounding errors are alike, and their ranks."""
    rng = np.random.default_rng(0)
    square = rng.standard_normal((side, side))
    basis = np.linalg.qr(square)[0][:, : side // 2]
    thin = rng.standard_normal((side, side // 2)) @ rng.standard_normal((side // 2, side)) / side**0.5
    kinds = [("half rank", thin, side // 2), ("a projector", basis @ basis.T, side // 2)]
    kinds += [(f"columns {n} times each", square[:, np.arange(side) // n], -(-side // n)) for n in (4, 48, side)]
    return kinds


def false(weights: np.ndarray, rank: int) -> str:
    """By each route."""
    gram = weights.T @ weights
    unit = float(np.finfo(gram.dtype).eps)
    found = (np.linalg.eigvalsh(gram), eigenvalues_of(gram.copy()))
    return " ".join(f"{abs(values[: len(gram) - rank]).max() / unit / values[-1]:5.1f}" for values in found)


def row(side: int, dtype: str, threads: int) -> str:
    """One line of the table."""
    weights = np.random.default_rng(0).standard_normal((side, side)).astype(dtype)
    gram = weights.T @ weights
    other = np.array(weights[::-1])
    with threadpool_limits(threads):
        floor = 2 / 3 * best(lambda: weights @ other)  # a product is 2 M^3
        one = best(lambda: np.linalg.eigvalsh(gram))
        copying = best(gram.copy)
        two = best(lambda: eigenvalues_of(gram.copy())) - copying
        first = best(lambda: band_of(gram.copy())) - copying
        line = (
            f"{side:5} {dtype:8} {threads:6} {floor:9.4f} {one / floor:7.2f} {two / floor:12.2f} {first / floor:14.2f}"
        )
        line += f" {one / two:12.2f}"
        if dtype == "float32":
            line += f"   (one stage in float32: numpy / that {one / best(lambda: in_one_stage(gram.copy())):.2f})"
        if threads == 1:  # whoever holds the interpreter lock loses here
            gains = best(pair(lambda: np.linalg.eigvalsh(gram))) / best(pair(lambda: eigenvalues_of(gram.copy())))
            line += f" {gains:20.2f}"
    return line


def in_one_stage(gram: np.ndarray) -> np.ndarray:
    """By `ssytrd` and `dsterf`."""
    reduce, solve = (routine_named(*declared) for declared in (eigenvalues._TRIDIAGONAL, eigenvalues._VALUES))
    return eigenvalues._in_one_stage(reduce, solve, gram)


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
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    sys.exit(main(tuple(int(side) for side in sys.argv[1:]) or SIDES))

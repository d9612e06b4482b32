"""The measurements behind docs/decisions/0001 (who holds the interpreter lock) and 0003 (what a zero looks like).

python benchmarks/decisions.py
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is loaded

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
from scipy.linalg import blas, lapack

STORED = ("float32", "float16", "bfloat16")


def main() -> int:
    """Print both tables."""
    interpreter_lock()
    zeros()
    return 0


def interpreter_lock(m: int = 1500) -> None:
    """The same work in one thread, and in two threads at once."""
    w = np.asfortranarray(np.random.default_rng(0).standard_normal((m, m)))
    gram = w.T @ w
    routines: dict[str, Callable[[], Any]] = {
        "numpy eigvalsh": lambda: np.linalg.eigvalsh(gram),
        "scipy dsyevd, values only": lambda: lapack.dsyevd(gram, compute_v=0, lower=1),
        "numpy A.T @ A": lambda: w.T @ w,
        "scipy dsyrk": lambda: blas.dsyrk(1.0, w, trans=1, lower=1),
    }
    print(f"one BLAS thread a worker, M = {m}, float64{'':6}one thread  two at once")
    for name, work in routines.items():
        work()
        print(f"{name:40} {seconds(work, 1):8.3f} s {seconds(work, 2):10.3f} s")


def seconds(work: Callable[[], Any], threads: int) -> float:
    """The time until every thread has done the work once; the best of three."""
    times = []
    for _ in range(3):
        workers = [threading.Thread(target=work) for _ in range(threads)]
        start = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        times.append(time.perf_counter() - start)
    return min(times)


def zeros() -> None:
    """The largest eigenvalue that should be zero, in units of what explains it.

    Weights stored in float32 show the solver's noise, eps lambda_max; those stored in 16 bits their own rounding, whose
    spectrum ends at u^2 mean(w^2) (sqrt N + sqrt M)^2 where all columns are alike.
    """
    print("\nlargest false eigenvalue of weights of known rank, over eps lambda_max (float32) or the edge (16 bits)")
    rng = np.random.default_rng(0)
    for n, m, rank in ((64, 64, 10), (768, 768, 100), (2048, 512, 500), (1500, 1500, 10)):
        plain = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, m))
        uneven = plain * np.exp(rng.standard_normal(m)) * 2 + 5 * np.outer(np.ones(n), rng.standard_normal(m))
        for name, weights, true in (("plain", plain, rank), ("uneven", uneven, rank + 1)):
            ratios = [f"{stored} {false_eigenvalue(weights.astype(np.dtype(stored)), true):5.2f}" for stored in STORED]
            print(f"{n}x{m}, rank {true}, {name}".ljust(34), "   ".join(ratios))


def false_eigenvalue(weights: np.ndarray, rank: int) -> float:
    """The largest of those beyond the rank, in the unit that fits the storage."""
    n, m = weights.shape
    exact = weights.astype(np.float64)
    values = np.linalg.eigvalsh(exact.T @ exact)
    found = float(np.abs(values[: m - rank]).max())
    if weights.dtype == np.float32:
        return found / float(np.finfo(np.float64).eps * values[-1])
    unit = float(ml_dtypes.finfo(weights.dtype).eps) / 2
    return found / float(unit**2 * values.sum() / (n * m) * (np.sqrt(n) + np.sqrt(m)) ** 2)


if __name__ == "__main__":
    sys.exit(main())

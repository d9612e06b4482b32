"""What every benchmark measures with: whole processes and calls, taken in turn, and a line that says what was met."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# Python compiles what is installed once, and a benchmark of every start without that would measure the compiler.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

PEER = "import sys, weightwatcher as ww; ww.WeightWatcher().analyze(model=sys.argv[1])"

# In between, because the peak that a system tells of a process includes what it was forked from.
LAUNCHER = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


class Taken(NamedTuple):
    """What a process took: seconds on the clock, seconds of all processors, bytes at its peak."""

    wall: float
    processor: float
    peak: int


def process(command: Sequence[str | Path], home: Path | None = None) -> Taken:
    """A whole process, its output thrown away; it must end well."""
    environment = os.environ | ({"EIGENTAIL_HOME": str(home)} if home else {})
    words = [sys.executable, "-c", LAUNCHER, *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} did not end well:\n{done.stderr}")
    wall, processor, peak = (float(word) for word in done.stdout.split())
    return Taken(wall, processor, int(peak * (1 if sys.platform == "darwin" else 1024)))


def analysis(path: Path, *words: str, store: bool = False) -> list[str | Path]:
    """The command line of `eigentail analyze` with the default settings."""
    kept = [] if store else ["--no-store"]
    return [sys.executable, "-m", "eigentail", "analyze", path, "--format", "quiet", *kept, *words]


def peer(folder: Path) -> list[str | Path]:
    """A process in which WeightWatcher analyses a folder with a safetensors file, with its default settings."""
    return [sys.executable, "-c", PEER, folder]


def seconds(work: Callable[[], Any], runs: int = 3) -> float:
    """The shortest of several calls."""
    best = float("inf")
    for _ in range(runs):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def in_turn(one: Callable[[], float], other: Callable[[], float], runs: int) -> list[tuple[float, float]]:
    """Pairs of times, the two taken in turn so that both meet the same noise."""
    return [(one(), other()) for _ in range(runs)]


def ratio_line(what: str, pairs: Sequence[tuple[float, float]], target: float | None = None) -> None:
    """Print how many times longer the other takes: the median, its range, and whether the target is met."""
    ratios = [other / one for one, other in pairs]
    here = statistics.median(ratios)
    spread = f"{min(ratios):.1f} to {max(ratios):.1f}" if len(ratios) > 1 else "one run"
    goal = "" if target is None else f"   target {target:g}: {'met' if here >= target else 'not met'}"
    print(f"  {what:<52} {here:7.2f} times  ({spread}){goal}")


def time_line(what: str, taken: float, note: str = "") -> None:
    """Print a time."""
    print(f"  {what:<52} {taken:7.3f} s  {note}".rstrip())


def gemm_rate(dtype: str = "float64", m: int = 2048) -> float:
    """Operations a second of numpy's matrix product with every BLAS thread."""
    a = np.random.default_rng(0).standard_normal((m, m)).astype(dtype)
    b = a.copy()  # a matrix with itself would take the symmetric kernel
    return 2 * m**3 / seconds(lambda: a @ b, 4)


def spectrum_flops(shapes: Sequence[tuple[int, ...]]) -> float:
    """Operations of the exact spectra: N M^2 + 4/3 M^3."""
    sides = [(max(shape), min(shape)) for shape in shapes]
    return sum(n * m**2 + 4 / 3 * m**3 for n, m in sides)

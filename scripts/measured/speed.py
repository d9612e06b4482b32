"""Seconds on the machine at hand; each pair is measured in turn, so that both see the same machine."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import eigentail as et
from eigentail.metrics.families import exponent, norms, ranks, shape
from eigentail.numerics.interval import interval_of
from eigentail.numerics.marchenko_pastur import fit_bulk
from eigentail.numerics.tail import estimators
from eigentail.numerics.wishart import untrained_spectrum, wishart
from measured import ROOT
from measured.coverage import half_body
from measured.page import table

# What there was to compute before the null, the interval and the bulk.
PLAIN = et.Settings(
    metrics=tuple(metric.name for family in (exponent, norms, ranks, shape) for metric in family.METRICS), null="none"
)


class Row(NamedTuple):
    """What was done, how long it took, and beside what."""

    what: str
    seconds: float
    beside: str = ""
    times: float = float("nan")


def rows() -> list[Row]:
    """Everything the page shows."""
    rng = np.random.default_rng(8)
    noise = wishart(4096, 4096, rng)[1:]
    sample = half_body(rng, 4096, 2.5)
    return [
        *_fits("a power law with a body, n = 4096", sample),
        *_fits("noise, n = 4095", noise),
        _powerlaw("a power law with a body, n = 4096", sample),
        _interval(sample),
        _bulk(),
        _defaults(),
    ]


def seconds(work: Callable[[], object], runs: int = 5) -> float:
    """Wall time, the median of several runs."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _fits(what: str, values: np.ndarray) -> list[Row]:
    from oracles import weightwatcher_fit

    weightwatcher_fit(values[-100:])  # its import is not its fit
    ours, peer = seconds(lambda: estimators["clauset"].fit(values), 21), seconds(lambda: weightwatcher_fit(values))
    return [Row(f"fit of {what}", ours, f"WeightWatcher 0.7.7's fit: {_time(peer)}", peer / ours)]


def _powerlaw(what: str, values: np.ndarray) -> Row:
    from oracles import powerlaw_fit

    powerlaw_fit(values[-100:])
    ours, peer = seconds(lambda: estimators["clauset"].fit(values), 21), seconds(lambda: powerlaw_fit(values), 1)
    return Row(f"fit of {what}", ours, f"`powerlaw` 1.5: {_time(peer)}", peer / ours)


def _interval(values: np.ndarray) -> Row:
    clauset = estimators["clauset"]
    fit = clauset.fit(values)
    return Row("interval, n = 4096, 200 resamples", seconds(lambda: interval_of(values, fit, clauset, seed=0)))


def _bulk() -> Row:
    spectrum = untrained_spectrum((1024, 1024), np.random.default_rng(9))
    return Row("Marchenko-Pastur fit, M = 1024", seconds(lambda: fit_bulk(spectrum), 21))


def _defaults() -> Row:
    """The 72 matrices of a GPT-2-small-shaped file, all defaults and the plain metrics in turn."""
    sys.path.append(str(ROOT / "benchmarks"))
    from checkpoints import gpt2_small

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        gpt2_small(path)
        et.analyze(path)
        pairs = [(seconds(lambda: et.analyze(path), 1), seconds(lambda: et.analyze(path, PLAIN), 1)) for _ in range(5)]
    full, plain = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    return Row(
        "analyze of a GPT-2-small-shaped file, all defaults",
        full,
        f"without null, bulk, and intervals but those that a verdict asks for: {_time(plain)}",
        ratio,
    )


def tables(rows: list[Row]) -> dict[str, str]:
    """One line each; `times` is how many times longer the slower takes."""
    return {
        "speed": table(
            ("what", "takes", "beside", "times"),
            (
                (row.what, _time(row.seconds), row.beside, "" if np.isnan(row.times) else f"{row.times:.2f}")
                for row in rows
            ),
        )
    }


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"

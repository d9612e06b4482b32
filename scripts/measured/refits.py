"""The quick refits that the interval is made of, beside exact fits of the same resamples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.refit import refit_smallest_distance
from eigentail.numerics.tail import estimators
from eigentail.records import Fit
from measured.coverage import DESIGNS
from measured.page import table


class Row(NamedTuple):
    """Over several samples of one design: how much wider the quick refits of its resamples spread, as a ratio."""

    design: str
    n: int
    mean: float
    least: float
    most: float


def rows(
    designs: Iterable[str] = DESIGNS, *, sizes: Iterable[int] = (100, 400, 1000, 4096), samples: int = 6
) -> list[Row]:
    """Every design at every size, 200 resamples of each sample, exponent 2.5."""
    found = []
    for design in designs:
        for n in sizes:
            ratios = [
                ratio(DESIGNS[design](np.random.default_rng([10, seed, n]), n, 2.5), seed) for seed in range(samples)
            ]
            found.append(Row(design, n, float(np.mean(ratios)), min(ratios), max(ratios)))
    return found


def ratio(values: NDArray[np.float64], seed: int) -> float:
    """The width from 5 to 95 % of ln(alpha - 1), quick over exact."""
    clauset = estimators["clauset"]
    drawn = resampled(values, clauset.fit(values), np.random.default_rng(seed), 200)
    exact = np.log([clauset.fit(one).alpha - 1 for one in drawn])
    quick = np.log(refit_smallest_distance(np.log(drawn)).alphas - 1)
    return _width(quick) / _width(exact)


def resampled(values: NDArray[np.float64], fit: Fit, rng: np.random.Generator, number: int) -> NDArray[np.float64]:
    """What is below xmin drawn from the sample, the tail from the fitted law; shape (number, n), ascending."""
    body = values[: len(values) - fit.tail]
    tail = fit.xmin * (1 - rng.random((number, fit.tail))) ** (-1 / (fit.alpha - 1))
    if len(body):
        tail = np.concatenate([body[rng.integers(0, len(body), (number, len(body)))], tail], axis=1)
    return np.sort(tail, axis=1)


def _width(values: NDArray[np.float64]) -> float:
    return float(np.subtract(*np.quantile(values, (0.95, 0.05))))


def tables(rows: list[Row]) -> dict[str, str]:
    """One line a design and size."""
    return {
        "refits": table(
            ("sample", "n", "quick over exact", "least", "most"),
            ((row.design, str(row.n), f"{row.mean:.2f}", f"{row.least:.2f}", f"{row.most:.2f}") for row in rows),
        )
    }

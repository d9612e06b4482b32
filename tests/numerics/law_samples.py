"""Samples of each law of the tail, from x = 1 on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from eigentail.records import Fit, FitStatus

Values = NDArray[np.float64]


def whole(values: Values) -> Fit:
    """The fit that takes all values for the tail."""
    alpha = 1 + 1 / np.mean(np.log(values / values[0]))
    return Fit(status=FitStatus.OK, alpha=float(alpha), xmin=float(values[0]), xmax=float(values[-1]), tail=len(values))


def power_law(rng: np.random.Generator, n: int, alpha: float) -> Values:
    return (1 - rng.random(n)) ** (-1 / (alpha - 1))


def exponential(rng: np.random.Generator, n: int, rate: float) -> Values:
    return 1 + rng.exponential(1 / rate, n)


def stretched_exponential(rng: np.random.Generator, n: int, rate: float, beta: float) -> Values:
    return (1 + rng.exponential(1 / rate, n)) ** (1 / beta)


def lognormal(rng: np.random.Generator, n: int, mu: float, sigma: float) -> Values:
    drawn = rng.lognormal(mu, sigma, 20 * n)
    return drawn[drawn > 1][:n]


def truncated_power_law(rng: np.random.Generator, n: int, alpha: float, rate: float) -> Values:
    drawn = power_law(rng, 20 * n, alpha)
    return drawn[rng.random(20 * n) < np.exp(-rate * (drawn - 1))][:n]


# Those that 2,000 values tell from all other laws, and by which name.
CLEAR: tuple[tuple[str, Callable[[np.random.Generator, int], Values]], ...] = (
    ("power_law", lambda rng, n: power_law(rng, n, 2.5)),
    ("power_law", lambda rng, n: power_law(rng, n, 1.5)),
    ("exponential", lambda rng, n: exponential(rng, n, 1)),
    ("exponential", lambda rng, n: exponential(rng, n, 0.1)),
    ("lognormal", lambda rng, n: lognormal(rng, n, 1, 1)),
    ("truncated_power_law", lambda rng, n: truncated_power_law(rng, n, 1.5, 0.02)),
    ("stretched_exponential", lambda rng, n: stretched_exponential(rng, n, 0.5, 2)),
    ("stretched_exponential", lambda rng, n: stretched_exponential(rng, n, 0.4, 0.4)),
)


def clear(i: int, seed: int, n: int) -> Values:
    """A sample of the i-th, ascending."""
    return np.sort(CLEAR[i][1](np.random.default_rng(seed), n))

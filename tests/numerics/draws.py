"""Samples of known laws, each drawn in the plainest way, ascending, with xmin = 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def power_law(alpha: float, n: int, seed: int) -> Values:
    return np.sort(np.random.default_rng(seed).random(n) ** (-1 / (alpha - 1)))


def body_and_power_law(alpha: float, n: int, seed: int) -> Values:
    """Half below 1 (uniform), half a power law above it."""
    body = np.random.default_rng(seed + 1000).uniform(0.1, 1, n // 2)
    return np.sort(np.concatenate([body, power_law(alpha, n - n // 2, seed)]))


def ending_power_law(alpha: float, end: float, n: int, seed: int) -> Values:
    """A power law that ends at `end`: what lies above is drawn again, or for alpha <= 1 the inverse of its cdf."""
    rng = np.random.default_rng(seed)
    if alpha > 1:
        drawn = rng.random(40 * n) ** (-1 / (alpha - 1))
        return np.sort(drawn[drawn < end][:n])
    u, slope = rng.random(n), 1 - alpha
    return np.sort((1 + u * (end**slope - 1)) ** (1 / slope) if slope else end**u)


def cut_off(alpha: float, rate: float, n: int, seed: int) -> Values:
    """x^-alpha e^(-rate x): draws of one factor, kept with the probability of the other."""
    rng = np.random.default_rng(seed)
    kept = np.empty(0)
    while len(kept) < n:
        if alpha > 1:
            drawn = rng.random(4 * n) ** (-1 / (alpha - 1))
            chance = np.exp(-rate * (drawn - 1))
        else:
            drawn = 1 + rng.exponential(size=4 * n) / rate
            chance = drawn**-alpha
        kept = np.concatenate([kept, drawn[rng.random(4 * n) < chance]])
    return np.sort(kept[:n])

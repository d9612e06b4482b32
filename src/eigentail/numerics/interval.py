"""How far an exponent may be off: the tail is drawn again from its law, the body from itself, and both are refitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.tail import Estimator
from eigentail.records import NAN, Fit

LEVEL: Final = 0.90
RESAMPLES: Final = 200
# Samples made at a time: small enough to stay in the cache.
_BLOCK: Final = 1 << 18


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """Where the exponent lies with a probability of 90 %, had the eigenvalues been independent draws.

    Attributes:
        low: the lower end; NaN where there is no fit.
        high: the upper end.
        resamples: how many samples were refitted.

    Example:
        >>> Interval().low
        nan
    """

    low: float = NAN
    high: float = NAN
    resamples: int = 0


def interval_of(
    values: NDArray[np.float64], fit: Fit, estimator: Estimator, *, seed: int, resamples: int = RESAMPLES
) -> Interval:
    """The 90 % interval of alpha, the choice of xmin included: a semi-parametric bootstrap.

    In each resample the values below xmin are drawn from those of the sample and the tail from the fitted power law;
    the estimator then chooses xmin and alpha anew. (alpha* - 1) / (alpha - 1) over the resamples stands for
    (alpha - 1) / (true - 1), which has the same law whatever the true exponent when the sample is a pure power law.
    Where alpha itself lies outside 90 % of the resamples, as for a tail of a few values picked by chance, the interval
    reaches from alpha to the resamples instead.

    Args:
        values: what was fitted, positive and ascending; shape (n,).
        fit: of these values.
        estimator: the one that made the fit; it offers `refit`.
        seed: of the random numbers; the interval depends on nothing else.
        resamples: how many.

    Returns:
        The interval; NaN where the fit is not ok or the estimator cannot refit.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), section 4.1 (the resampling); Davison & Hinkley,
        Bootstrap Methods (1997), section 5.2 (the pivot). Eigenvalues repel each other, so the interval is wide for
        matrices: docs/trust.md has the coverage measured.

    Example:
        >>> from eigentail.numerics.tail import estimators
        >>> sample = np.sort(1 / np.random.default_rng(0).random(500))  # alpha = 2
        >>> clauset = estimators["clauset"]
        >>> interval = interval_of(sample, clauset.fit(sample), clauset, seed=0)
        >>> interval.low < 2 < interval.high
        True
    """
    if not fit.ok or estimator.refit is None:
        return Interval()
    rng = np.random.default_rng(seed)
    drawn = np.concatenate([estimator.refit(logs) for logs in _resampled(values, fit, rng, resamples)])
    drawn = drawn[np.isfinite(drawn)]
    return _pivot(drawn, fit.alpha) if len(drawn) > resamples / 2 else Interval()


def _pivot(drawn: NDArray[np.float64], alpha: float) -> Interval:
    """The interval that the ratio (alpha* - 1) / (alpha - 1) gives."""
    low, high = (float(end) for end in np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)))
    if not low <= alpha <= high:
        # the choice of xmin does not repeat: the ratio means nothing, and where the resamples fell is all there is
        return Interval(low=min(low, alpha), high=max(high, alpha), resamples=len(drawn))
    squared = (alpha - 1) ** 2
    return Interval(low=1 + squared / (high - 1), high=1 + squared / (low - 1), resamples=len(drawn))


def _resampled(
    values: NDArray[np.float64], fit: Fit, rng: np.random.Generator, resamples: int
) -> Iterator[NDArray[np.float64]]:
    """Logarithms of the resamples, ascending along the last axis, a block of samples at a time."""
    logs = np.log(values / fit.xmin)
    body = logs[: len(logs) - fit.tail]
    step = max(1, _BLOCK // len(logs))
    for at in range(0, resamples, step):
        rows = min(step, resamples - at)
        samples = np.empty((rows, len(logs)))
        if len(body):
            samples[:, : len(body)] = np.sort(body[rng.integers(0, len(body), (rows, len(body)))], axis=1)
        # ordered exponentials are sums of independent ones (Renyi 1953): no sorting
        steps = rng.standard_exponential((rows, fit.tail)) / np.arange(fit.tail, 0, -1)
        samples[:, len(body) :] = np.cumsum(steps, axis=1) / (fit.alpha - 1)
        yield samples

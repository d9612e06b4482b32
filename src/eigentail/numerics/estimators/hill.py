"""Hill (1975): the exponent of a given share of the largest values; nothing is searched for."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eigentail.errors import UsageError
from eigentail.numerics.refit import Refits
from eigentail.numerics.smallest_distance import tails_of
from eigentail.numerics.tail import Estimator
from eigentail.records import Fit, FitStatus

_HALF: Final = 0.5


def hill(values: NDArray[np.float64], fraction: float = _HALF) -> Fit:
    """Over the k largest values alpha = 1 + k / sum ln(x / xmin), xmin being the next one, the (k + 1)-th largest.

    k is the given fraction of n, rounded down, at least 1. Comparable only between matrices of one shape: noise alone
    gives 2.1 at Q = 1 and 4.5 at Q = 8.

    Args:
        values: positive, ascending, at least two different ones; shape (n,).
        fraction: between 0 and 1.

    Returns:
        The fit with sigma = (alpha - 1) / sqrt(k), and D as `clauset` has it; flat where the k largest and xmin are
        all equal.

    Source: Hill, Annals of Statistics 3 (1975), section 2; with k = n/2 TempBalance, 2312.00359.

    Example:
        >>> round(hill(np.array([1.0, 2.0, 4.0, 8.0])).alpha, 3)  # 1 + 2 / (ln 2 + ln 4)
        1.962
    """
    logs = tails_of(values).logs
    k = _largest(len(values), fraction)
    total = float(np.sum(logs[-k:] - logs[-k - 1]))
    if total <= 0:
        return Fit(status=FitStatus.FLAT, detail=f"the {k + 1} largest values are all equal")
    alpha, xmin = 1 + k / total, values[-k - 1]
    start = int(np.searchsorted(values, xmin))
    tail = logs[start:]
    strictly_below = np.searchsorted(tail, tail)
    gaps = np.abs(-np.expm1((1 - alpha) * (tail - tail[0])) - strictly_below / len(tail))
    return Fit(
        status=FitStatus.OK,
        alpha=alpha,
        sigma=(alpha - 1) / float(np.sqrt(k)),
        xmin=float(xmin),
        xmax=float(values[-1]),
        D=float(gaps.max()),
        tail=len(tail),
    )


def hill_refit(logs: NDArray[np.float64], fraction: float = _HALF) -> Refits:
    """Hill's exponent of many samples at once.

    Args:
        logs: natural logarithms, ascending along the last axis; shape (samples, n), n at least 2.
        fraction: between 0 and 1.

    Returns:
        The exponents, NaN where the k + 1 largest values of a sample are all equal, and the index of the smallest.

    Source: Hill, Annals of Statistics 3 (1975), section 2.

    Example:
        >>> hill_refit(np.log([[1.0, 2.0, 4.0, 8.0], [1.0, 1.0, 3.0, 9.0]])).alphas.round(3).tolist()
        [1.962, 1.607]
    """
    k = _largest(logs.shape[1], fraction)
    totals = np.sum(logs[:, -k:] - logs[:, -k - 1, None], axis=1)
    exponents: NDArray[np.float64] = 1 + k / np.where(totals > 0, totals, np.nan)
    return Refits(alphas=exponents, starts=np.full(len(logs), logs.shape[1] - k - 1))


def hill_at(fraction: float) -> Estimator:
    """Hill's estimator on another share of the values than one half.

    Raises:
        UsageError: the fraction is not between 0 and 1.

    Source: Hill, Annals of Statistics 3 (1975), section 2.

    Example:
        >>> hill_at(0.25).name
        'hill:0.25'
    """
    if not 0 < fraction < 1:
        raise UsageError(f"hill: {fraction:g} is not between 0 and 1", where="tail", hint="write hill:0.1 for a tenth")
    return Estimator(
        name=f"hill:{fraction:g}",
        title=f"Hill, the largest {100 * fraction:g} % of the values",
        fit=partial(hill, fraction=fraction),
        refit=partial(hill_refit, fraction=fraction),
        at=hill_at,
    )


ESTIMATOR = Estimator(name="hill", title="Hill, the larger half of the values", fit=hill, refit=hill_refit, at=hill_at)


def _largest(n: int, fraction: float) -> int:
    """How many of n values are the tail, the one at xmin not counted."""
    return min(max(1, int(fraction * n)), n - 1)

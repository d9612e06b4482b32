"""A power law with an exponential cutoff: x^-alpha e^(-rate x)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.cutoff import cutoff_cdf, fit_cutoffs
from eigentail.numerics.smallest_distance import tails_of
from eigentail.numerics.tail import Estimator
from eigentail.records import Fit, FitStatus

# Of fewer values, two numbers (alpha and rate) make a straight line too easily.
_SHORTEST: Final = 20
_MOST_CANDIDATES: Final = 100
# What is more than e^-300 below the largest value counts as e^-300 of it, so that no square leaves float64.
_DEEPEST: Final = -300.0


def truncated_power_law(values: NDArray[np.float64]) -> Fit:
    """The tail with the smallest distance from its own law p(x) = C x^-alpha e^(-rate x), alpha >= 0, rate >= 0.

    alpha and rate have the largest likelihood for each xmin. Candidates for xmin leave 20 or more values at or above
    it (of fewer than 20, all of them); where there are more than 100, those 100 that are spread evenly in the
    logarithm of the tail's length.

    Args:
        values: positive, ascending, at least two different ones; shape (n,).

    Returns:
        The fit, with `rate` per unit of the values; sigma is from the Fisher information.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), table 2.1 and section 3.3; Yang et al., KDD 2023
    (2202.02842).

    Example:
        >>> sample = np.sort(np.random.default_rng(0).exponential(size=500))
        >>> fit = truncated_power_law(sample)
        >>> fit.alpha < 0.5, round(fit.rate, 1)
        (True, 1.0)
    """
    n = len(values)
    lengths = np.arange(n + 1)
    if n - _SHORTEST > _MOST_CANDIDATES:
        lengths = np.rint(np.geomspace(_SHORTEST, n, _MOST_CANDIDATES)).astype(np.intp)
    starts = (n - lengths)[lengths >= min(n, _SHORTEST)]
    return nearest_cutoff(values, starts)


def nearest_cutoff(values: NDArray[np.float64], starts: NDArray[np.intp]) -> Fit:
    """The tail with the smallest distance from its own law, among those that begin at given values.

    Args:
        values: positive, ascending, at least two different ones; shape (n,).
        starts: indices, in any order; a value that is repeated is one candidate, the largest is none.

    Returns:
        The fit, ties to the smaller xmin; too few where no candidate is left.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), section 3.3.

    Example:
        >>> nearest_cutoff(np.arange(1.0, 40.0), np.array([3, 4])).xmin >= 4
        True
    """
    tails = tails_of(values)
    starts = np.intersect1d(tails.below[starts], tails.starts)
    if not len(starts):
        return Fit(status=FitStatus.TOO_FEW, detail="no value lies where the tail may begin")
    logs = np.maximum(tails.logs, _DEEPEST)
    parts = [logs[start:] - logs[start] for start in starts]
    means = np.array([t.mean() for t in parts])
    rises = np.array([(np.expm1(t) - t).mean() for t in parts])
    laws = fit_cutoffs(means, rises)
    distances = [
        float(np.abs(cutoff_cdf(t, alpha, rate) - (tails.below[-len(t) :] - start) / len(t)).max())
        for t, alpha, rate, start in zip(parts, laws.alphas, laws.rates, starts, strict=True)
    ]
    best = int(np.argmin(distances))
    xmin, size = float(values[starts[best]]), len(parts[best])
    return Fit(
        status=FitStatus.OK,
        law="truncated_power_law",
        alpha=float(laws.alphas[best]),
        sigma=float(laws.errors[best] / np.sqrt(size)),
        xmin=xmin,
        xmax=float(values[-1]),
        D=distances[best],
        tail=size,
        rate=float(laws.rates[best]) / xmin,
    )


ESTIMATOR = Estimator(
    name="truncated-power-law", title="maximum likelihood of x^-alpha e^(-rate x)", fit=truncated_power_law
)

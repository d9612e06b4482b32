"""Clauset's fit among the longer tails only: no tail of a few values is taken for the law."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.refit import Refits, refit_smallest_distance
from eigentail.numerics.smallest_distance import smallest_distance_fit
from eigentail.numerics.tail import Estimator
from eigentail.records import Fit

_FEWEST: Final = 50
_PARTS: Final = 10


def clauset_min_tail(values: NDArray[np.float64]) -> Fit:
    """The power law with the smallest distance among tails of at least max(50, n/10) values.

    With every value a candidate, noise is fitted on the last 3 to 10 % of its spectrum, wherever chance made them look
    straight, and alpha scatters accordingly. Fewer than 50 values are fitted all together: xmin is the smallest.

    Args:
        values: positive, ascending, at least two different ones; shape (n,).

    Returns:
        The fit, with xmin in the units of the values.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), section 3.3, for the method and for why about 50 values
    are needed.

    Example:
        >>> clauset_min_tail(np.sort(np.random.default_rng(0).exponential(size=2000))).tail >= 200
        True
    """
    return smallest_distance_fit(values, 0, _last(len(values)))


def clauset_min_tail_refit(logs: NDArray[np.float64]) -> Refits:
    """The exponent of each of many samples, xmin chosen anew in each among the longer tails.

    Args:
        logs: natural logarithms, ascending along the last axis; shape (samples, n), n at least 2.

    Returns:
        Exponents and where the tails begin; NaN, and the first start, where every tail is flat.

    Source: as for `refit_smallest_distance`.

    Example:
        >>> samples = np.sort(np.random.default_rng(0).standard_exponential((50, 400)), axis=1)  # alpha = 2
        >>> 1.9 < float(np.median(clauset_min_tail_refit(samples).alphas)) < 2.1
        True
    """
    return refit_smallest_distance(logs, 0, _last(logs.shape[1]))


ESTIMATOR = Estimator(
    name="clauset-min-tail",
    title="clauset, tails of at least 50 values and a tenth of all",
    fit=clauset_min_tail,
    refit=clauset_min_tail_refit,
    on_scale=True,
)


def _last(n: int) -> int:
    """Tails begin before this index."""
    return max(1, n - max(_FEWEST, -(-n // _PARTS)) + 1)

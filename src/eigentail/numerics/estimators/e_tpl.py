"""E-TPL (2022): a power law with an exponential cutoff that begins at the peak of the spectrum."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.estimators.peak import peak_window
from eigentail.numerics.estimators.truncated_power_law import nearest_cutoff
from eigentail.numerics.tail import Estimator
from eigentail.records import Fit

_MOST_CANDIDATES: Final = 100


def extended_truncated_power_law(values: NDArray[np.float64]) -> Fit:
    """The law x^-alpha e^(-rate x) with xmin within 0.95 to 1.5 times the histogram's peak, at the smallest distance.

    The window is that of `peak`; where it holds more than 100 values, 100 evenly spaced ones are the candidates.

    Args:
        values: positive, ascending, at least two different ones; shape (n,).

    Returns:
        The fit, with `rate` per unit of the values; too few where only the largest value lies near the peak.

    Source: Yang et al., KDD 2023 (2202.02842): E-TPL.

    Example:
        >>> body, tail = np.linspace(0.5, 1, 500), 1 / (1 - np.arange(500) / 500)  # alpha = 2 above 1
        >>> fit = extended_truncated_power_law(np.concatenate([body, tail]))
        >>> bool(0.9 < fit.xmin < 1.5), fit.law
        (True, 'truncated_power_law')
    """
    first, last = peak_window(values)
    candidates = np.linspace(first, last - 1, min(_MOST_CANDIDATES, last - first))
    return nearest_cutoff(values, np.rint(candidates).astype(np.intp))


ESTIMATOR = Estimator(
    name="E-TPL", title="x^-alpha e^(-rate x) from the histogram's peak", fit=extended_truncated_power_law
)

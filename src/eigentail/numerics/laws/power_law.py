"""The power law: the density of x falls as x^-alpha."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.law import Law, Parameters


def fit_power_law(logs: NDArray[np.float64]) -> Parameters:
    """The alpha of largest likelihood, 1 + 1 / mean(t): Clauset's estimator.

    Args:
        logs: t = ln(x / xmin), none below zero, not all zero; shape (n,).

    Returns:
        (alpha,).

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), equation 3.1.

    Example:
        >>> fit_power_law(np.array([0.0, 0.5, 1.0]))
        (3.0,)
    """
    return (1 + 1 / float(logs.mean()),)


def power_law_log_likelihoods(logs: NDArray[np.float64], parameters: Parameters) -> NDArray[np.float64]:
    """The log of the density (alpha - 1) e^(-(alpha - 1) t) at each t.

    Args:
        logs: t = ln(x / xmin); shape (n,).
        parameters: (alpha,).

    Returns:
        Shape (n,).

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), table 2.1.

    Example:
        >>> power_law_log_likelihoods(np.array([0.0, 2.0]), (2.0,)).tolist()
        [0.0, -2.0]
    """
    slope = parameters[0] - 1
    return math.log(slope) - slope * logs


LAW = Law(
    name="power_law",
    title="x^-alpha",
    parameters=1,
    nested=True,
    fit=fit_power_law,
    log_likelihoods=power_law_log_likelihoods,
)

"""The exponential law: the density of x falls as e^(-rate x)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.law import Law, Parameters


def fit_exponential(logs: NDArray[np.float64]) -> Parameters:
    """The rate 1 / mean(x / xmin - 1) of largest likelihood.

    Args:
        logs: t = ln(x / xmin), none below zero, not all zero; shape (n,).

    Returns:
        (rate,), per xmin.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), table 2.1.

    Example:
        >>> round(*fit_exponential(np.log([1.0, 1.0, 4.0])), 12)
        1.0
    """
    return (1 / float((np.expm1(logs) / len(logs)).sum()),)  # divided first: the sum may pass the largest float


def exponential_log_likelihoods(logs: NDArray[np.float64], parameters: Parameters) -> NDArray[np.float64]:
    """The log of the density of t at each t.

    Args:
        logs: t = ln(x / xmin); shape (n,).
        parameters: (rate,), per xmin.

    Returns:
        Shape (n,).

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), table 2.1.

    Example:
        >>> exponential_log_likelihoods(np.log([1.0, 2.0]), (1.0,)).round(6).tolist()  # the second: ln 2 - 1
        [0.0, -0.306853]
    """
    (rate,) = parameters
    return math.log(rate) + logs - rate * np.expm1(logs)


LAW = Law(
    name="exponential",
    title="e^(-rate x)",
    parameters=1,
    fit=fit_exponential,
    log_likelihoods=exponential_log_likelihoods,
)

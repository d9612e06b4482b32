"""The stretched exponential law, cut off below xmin: P(X > x) falls as e^(-rate x^beta) (Weibull's tail)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.law import Law, Parameters

_HALVINGS: Final = 60


def fit_stretched_exponential(logs: NDArray[np.float64]) -> Parameters:
    """The beta and rate of largest likelihood.

    Given beta, y = (x / xmin)^beta - 1 is exponential with a rate of 1 / mean(y); the log-likelihood that is left is
    concave in beta. As beta goes to 0 with rate beta = alpha - 1 fixed, the law becomes a power law, and where the
    sample's mean of t^2 is at least twice its squared mean of t that limit has the largest likelihood: beta is 0 then.
    So no stretched exponential is ever less likely than the best power law.

    Args:
        logs: t = ln(x / xmin), none below zero, at least two of them different; shape (n,).

    Returns:
        (beta, ln(rate beta)); for beta = 0 the second is ln(alpha - 1).

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), table 2.1.

    Example:
        >>> u = (np.arange(1000) + 0.5) / 1000
        >>> beta, _ = fit_stretched_exponential(np.log(1 - np.log(u)))  # an exponential law
        >>> round(beta, 1)
        1.0
    """
    mean, largest = float(logs.mean()), float(logs.max())
    if float(np.square(logs).mean()) >= 2 * mean**2:
        return 0.0, -math.log(mean)
    low, high = 0.0, 1 / largest
    while _rises(logs, high):
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _rises(logs, middle) else (low, middle)
    beta = (low + high) / 2
    rises = _log_rises(logs, beta)
    return beta, -float(rises.max()) - math.log(float(np.exp(rises - rises.max()).mean()))


def stretched_exponential_log_likelihoods(logs: NDArray[np.float64], parameters: Parameters) -> NDArray[np.float64]:
    """The log of the density of t at each t.

    Args:
        logs: t = ln(x / xmin); shape (n,).
        parameters: (beta, ln(rate beta)).

    Returns:
        Shape (n,).

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), table 2.1.

    Example:
        >>> stretched_exponential_log_likelihoods(np.log([1.0, 2.0]), (1.0, 0.0)).round(6).tolist()  # ln 2 - 1
        [0.0, -0.306853]
    """
    beta, log_slope = parameters
    return log_slope + beta * logs - np.exp(log_slope + _log_rises(logs, beta))


def _log_rises(logs: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """Of (e^(beta t) - 1) / beta, which is t for beta = 0; minus infinity where t = 0; nothing overflows."""
    with np.errstate(divide="ignore"):
        if beta == 0:
            return np.log(logs)
        rises: NDArray[np.float64] = beta * logs + np.log(-np.expm1(-beta * logs) / beta)
    return rises


def _rises(logs: NDArray[np.float64], beta: float) -> bool:
    """Whether a larger beta is more likely; powers relative to the largest, so that none overflows."""
    largest = float(logs.max())
    powers = np.exp(beta * (logs - largest))
    total = float(powers.mean()) - math.exp(-beta * largest)
    return 1 / beta + float(logs.mean()) > float((logs * powers).mean()) / total


LAW = Law(
    name="stretched_exponential",
    title="e^(-rate x^beta) in the distribution",
    parameters=2,
    fit=fit_stretched_exponential,
    log_likelihoods=stretched_exponential_log_likelihoods,
)

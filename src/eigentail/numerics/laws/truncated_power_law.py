"""The power law with an exponential cutoff: the density of x falls as x^-alpha e^(-rate x)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.bent import Bend, bent_log_likelihoods, bent_means, fit_bent
from eigentail.numerics.incomplete_gamma import upper_gamma_rule
from eigentail.numerics.law import Law, Parameters
from eigentail.numerics.laws.exponential import fit_exponential

# Below this t the rise is summed from its series, of which so many terms give all digits.
_NARROW: Final = 0.1
_ORDERS: Final = 12


def fit_truncated_power_law(logs: NDArray[np.float64]) -> Parameters:
    """The alpha and rate of largest likelihood, with alpha >= 0 and rate >= 0.

    rate = 0 is the power law, alpha = 0 the exponential law: whether the maximum lies on either edge is decided
    exactly, by the derivative there, and the log-likelihood is concave in between. A negative alpha would be a law that
    rises first, and no power law cut off. (`powerlaw` 1.5 wants alpha > 1.)

    Args:
        logs: t = ln(x / xmin), none below zero, at least two of them different; shape (n,).

    Returns:
        (alpha, rate), the rate per xmin.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), table 2.1.

    Example:
        >>> fit_truncated_power_law(np.array([0.0, 0.0, 0.0, 2.0]))[1]  # heavier than its power law
        0.0
    """
    (rate,) = fit_exponential(logs)
    if _rises_first(logs, rate):
        return 0.0, rate
    slope, rate = fit_bent(logs, BEND, rate)
    return max(1 + slope - rate, 0.0), rate


def truncated_power_law_log_likelihoods(logs: NDArray[np.float64], parameters: Parameters) -> NDArray[np.float64]:
    """The log of the density of t at each t.

    Args:
        logs: t = ln(x / xmin); shape (n,).
        parameters: (alpha, rate), the rate per xmin.

    Returns:
        Shape (n,).

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), table 2.1.

    Example:
        >>> truncated_power_law_log_likelihoods(np.array([0.0, 2.0]), (2.0, 0.0)).tolist()
        [0.0, -2.0]
    """
    alpha, rate = parameters
    return bent_log_likelihoods(logs, BEND, (alpha - 1 + rate, rate))


def _rises_first(logs: NDArray[np.float64], rate: float) -> bool:
    """Whether a negative alpha would be more likely than the exponential law of that rate.

    The law and the sample have the same mean of e^t - 1, so that either of its parts, t and the rest, could tell; the
    smaller part has the digits.
    """
    mean, rise = bent_means(BEND, rate - 1, rate)
    return rise >= float((_rise(logs) / len(logs)).sum()) if rate > 1 else mean <= float(logs.mean())


def _rise(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """e^t - 1 - t: told apart from t itself in tails that are much narrower than xmin."""
    series = np.ones_like(logs)
    for order in range(_ORDERS, 2, -1):
        series = 1 + series * logs / order
    return np.where(logs < _NARROW, series * logs**2 / 2, np.expm1(logs) - logs)


def _rule(slope: float, rate: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return upper_gamma_rule(rate - slope, rate)


def _straight(mean: float) -> float:
    """The mean of the rise under a power law, infinite for alpha <= 2."""
    return mean**2 / (1 - mean) if mean < 1 else math.inf


BEND = Bend(h=_rise, straight=_straight, rule=_rule)
LAW = Law(
    name="truncated_power_law",
    title="x^-alpha e^(-rate x)",
    parameters=2,
    nested=True,
    fit=fit_truncated_power_law,
    log_likelihoods=truncated_power_law_log_likelihoods,
)

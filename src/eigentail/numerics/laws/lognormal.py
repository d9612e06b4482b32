"""The lognormal law, cut off below xmin: t = ln(x / xmin) is normal given that it is not negative."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.bent import Bend, bent_log_likelihoods, fit_bent
from eigentail.numerics.law import Law, Parameters
from eigentail.numerics.quadrature import NEGLIGIBLE, between


def fit_lognormal(logs: NDArray[np.float64]) -> Parameters:
    """The parabola of ln density over t of largest likelihood: density proportional to exp(-slope t - bend t^2).

    With sigma^2 = 1 / (2 bend), mu = -slope sigma^2 is the mean of ln(x / xmin) before the cut. As mu runs to minus
    infinity the parabola straightens to a power law, and where the sample's mean of t^2 is at least twice its squared
    mean of t that limit has the largest likelihood: bend is 0 then and no search is made. So no lognormal is ever
    less likely than the best power law; a package that reports one has stopped its search early.

    Args:
        logs: t = ln(x / xmin), none below zero, at least two of them different; shape (n,).

    Returns:
        (slope, bend).

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), table 2.1; the limit: del Castillo, Annals of the
    Institute of Statistical Mathematics 46 (1994), on the singly truncated normal distribution.

    Example:
        >>> t = np.arange(1000) / 100 - 5.0  # flat from -5 to 5, seen from 0 on
        >>> slope, bend = fit_lognormal(t[t >= 0])
        >>> bend > 0
        True
    """
    return fit_bent(logs, BEND, 0.5 / float(logs.var()))


def lognormal_log_likelihoods(logs: NDArray[np.float64], parameters: Parameters) -> NDArray[np.float64]:
    """The log of the density of t at each t.

    Args:
        logs: t = ln(x / xmin); shape (n,).
        parameters: (slope, bend).

    Returns:
        Shape (n,).

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), table 2.1.

    Example:
        >>> half_normal = lognormal_log_likelihoods(np.array([0.0]), (0.0, 0.5))
        >>> round(float(np.exp(half_normal[0])) ** 2 * np.pi, 12)
        2.0
    """
    return bent_log_likelihoods(logs, BEND, parameters)


def _rule(slope: float, bend: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Around the mode, or from zero on where the density only falls."""
    mode = max(-slope / (2 * bend), 0.0)
    width = math.sqrt(NEGLIGIBLE / bend)
    if slope > 0:
        width = min(width, NEGLIGIBLE / slope)
    return between(np.array([max(mode - width, 0.0)]), np.array([mode + width]))


BEND = Bend(h=np.square, straight=lambda mean: 2 * mean**2, rule=_rule)
LAW = Law(
    name="lognormal",
    title="lognormal",
    parameters=2,
    fit=fit_lognormal,
    log_likelihoods=lognormal_log_likelihoods,
)

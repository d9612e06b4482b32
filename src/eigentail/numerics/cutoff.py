"""The power law with an exponential cutoff, fitted to many tails at once from two means of each."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.incomplete_gamma import log_upper_gamma, upper_gamma_rule

_STEPS: Final = 200
# Squared distance from the maximum in standard errors of one observation.
_CONVERGED: Final = 1e-20
# The logarithm of the rate moves by at most this in one step: the likelihood is no parabola in it.
_LONGEST_STEP: Final = 2.0
_LIKELIHOOD_ROUNDING: Final = 1e-12
_PANELS: Final = 48
_NODES: Final = 8


class Cutoffs(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """Laws p(x) ~ x^-alpha e^(-rate x), one for each tail.

    Attributes:
        alphas: exponents, none below 0; shape (c,).
        rates: per xmin, none below 0; shape (c,).
        errors: the standard error of alpha, times the square root of the number of values; shape (c,).

    Example:
        >>> fit_cutoffs(np.array([1.0]), np.array([0.9])).rates > 0
        array([ True])
    """

    alphas: NDArray[np.float64]
    rates: NDArray[np.float64]
    errors: NDArray[np.float64]


def fit_cutoffs(means: NDArray[np.float64], rises: NDArray[np.float64]) -> Cutoffs:
    """The alpha >= 0 and rate >= 0 of largest likelihood for many tails at once.

    With t = ln(x / xmin) the law is an exponential family in t and in r(t) = e^t - 1 - t: their means are all it takes,
    and the log-likelihood is concave. rate = 0 is the power law and alpha = 0 the exponential law; whether the maximum
    lies on either edge is decided exactly, by the derivative there, and Newton's method finds it in between.

    Args:
        means: of t in each tail, positive; shape (c,).
        rises: of r(t) in each tail, positive; shape (c,).

    Returns:
        The laws. On the edge of the power law the error is that of the power law.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), table 2.1, for the law; its likelihood in t.

    Example:
        >>> found = fit_cutoffs(np.array([0.5]), np.array([20.0]))  # heavier than its power law
        >>> found.alphas.tolist(), found.rates.tolist()
        ([3.0], [0.0])
    """
    slopes, rates, errors = 1 / means, np.zeros_like(means), 1 / means
    bent = (means >= 1) | ((1 + means + rises) * (1 - means) < 1)
    falls = 1 / (means + rises)
    bent_falls = falls[bent]
    between = bent.copy()
    between[bent] = np.log(means[bent]) < bent_falls + log_upper_gamma(0.0, bent_falls)
    tilt, rates[between] = _maximum(np.stack([means[between], rises[between]]))
    slopes[between] = tilt - rates[between]
    edge = bent & (~between | (slopes < -1))  # among nearly equal values rounding may lead beyond it
    slopes[edge], rates[edge] = -1.0, falls[edge]
    errors[bent] = _errors(_moments(np.stack([slopes[bent] + rates[bent], rates[bent]])))
    return Cutoffs(alphas=1 + slopes, rates=rates, errors=errors)


def cutoff_cdf(logs: NDArray[np.float64], alpha: float, rate: float) -> NDArray[np.float64]:
    """The share of the law below each t = ln(x / xmin).

    Args:
        logs: t, none below zero; shape (n,).
        alpha: the exponent.
        rate: per xmin; with 0, alpha must be above 1.

    Returns:
        Shape (n,), right to about 1e-10.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), table 2.1; integrated over equal panels of t.

    Example:
        >>> cutoff_cdf(np.log([1.0, 2.0, 3.0]), 0.0, 1.0).round(6).tolist()  # exponential: 1 - e^(1 - x)
        [0.0, 0.632121, 0.864665]
    """
    if rate == 0:
        return -np.expm1((1 - alpha) * logs)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    nodes, weights = (nodes + 1) / 2, weights / 2
    end = float(upper_gamma_rule(1 - alpha, rate)[0][-1])
    width = end / _PANELS
    exponents = _exponents(width * (np.arange(_PANELS)[:, None] + nodes), alpha, rate)
    largest = exponents.max()
    sums = np.concatenate(([0.0], np.cumsum(np.exp(exponents - largest) @ weights))) * width
    t = np.minimum(logs, end)
    panel = np.minimum((t / width).astype(np.intp), _PANELS - 1)
    inside = t - width * panel
    points = width * panel[:, None] + inside[:, None] * nodes
    parts = np.exp(_exponents(points, alpha, rate) - largest) @ weights * inside
    shares: NDArray[np.float64] = (sums[panel] + parts) / sums[-1]
    return shares


def _exponents(t: NDArray[np.float64], alpha: float, rate: float) -> NDArray[np.float64]:
    """The logarithm of the density of t, but for its normalisation."""
    exponents: NDArray[np.float64] = (1 - alpha) * t - rate * np.expm1(t)
    return exponents


def _maximum(goals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slope and rate of exp(-slope t - rate r(t)) where t and r have the means given; each shape (2, c)."""
    at = 0.5 / np.stack([goals[0], goals.sum(axis=0)])
    seen = _moments(at)
    shorter = np.ones(at.shape[1])
    active = np.arange(at.shape[1])
    for _ in range(_STEPS):
        if not len(active):
            break
        here = at[:, active]
        trial, gain = _newton(here, seen[:, active], goals[:, active], shorter[active])
        found = _moments(trial)
        loss = (trial * goals[:, active]).sum(axis=0) + found[0]
        before = (here * goals[:, active]).sum(axis=0) + seen[0, active]
        better = loss <= before + _LIKELIHOOD_ROUNDING * (1 + np.abs(before))
        at[:, active[better]], seen[:, active[better]] = trial[:, better], found[:, better]
        shorter[active] = np.where(better, np.minimum(1, 2 * shorter[active]), shorter[active] / 4)
        active = active[gain > _CONVERGED]
    return at


def _newton(
    at: NDArray[np.float64], seen: NDArray[np.float64], goals: NDArray[np.float64], part: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where a part of Newton's step leads, and the squared length of it all in standard errors of one observation.

    The rate is stepped in its logarithm; the slope goes where it belongs for the rate that was reached.
    """
    _, t, r, tt, tr, rr = seen
    off_t, off_r = t - goals[0], r - goals[1]
    determinant = _determinant(tt, tr, rr)
    slope = (rr * off_t - tr * off_r) / determinant
    rate = (tt * off_r - tr * off_t) / determinant
    change = at[1] * np.expm1(part * np.clip(rate / at[1], -_LONGEST_STEP, _LONGEST_STEP))
    trial = np.stack([at[0] + part * off_t / tt - change * tr / tt, at[1] + change])
    return trial, slope * off_t + rate * off_r


def _errors(seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """The standard error of alpha = 1 + slope - rate from one observation, by the Fisher information."""
    _, _, _, tt, tr, rr = seen
    errors: NDArray[np.float64] = np.sqrt((tt + 2 * tr + rr) / _determinant(tt, tr, rr))
    return errors


def _determinant(tt: NDArray[np.float64], tr: NDArray[np.float64], rr: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the covariance; never zero, also where rounding makes t and r(t) one."""
    return np.maximum(tt * rr - tr**2, np.finfo(np.float64).eps * tt * rr)


def _moments(at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the integral of exp(-slope t - rate r(t)), the means of t and r, their variances and covariance."""
    slope, rate = at
    t, weights = upper_gamma_rule(rate - slope, rate)
    rise = np.expm1(t) - t
    exponents = -slope[:, None] * t - rate[:, None] * rise
    largest = exponents.max(axis=1, initial=-np.inf)
    weights = weights * np.exp(exponents - largest[:, None])
    total = weights.sum(axis=1)
    weights /= total[:, None]
    means = (weights * t).sum(axis=1), (weights * rise).sum(axis=1)
    off_t, off_r = t - means[0][:, None], rise - means[1][:, None]
    weighted = weights * off_t
    variances = (weighted * off_t).sum(axis=1), (weighted * off_r).sum(axis=1), (weights * off_r**2).sum(axis=1)
    return np.stack([largest + np.log(total), *means, *variances])

"""Power laws that bend: the two-parameter families that a power law is the straight edge of."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.law import Parameters
from eigentail.numerics.laws.power_law import fit_power_law, power_law_log_likelihoods

_STEPS: Final = 100
# Relative; the log-likelihood errs by its square.
_TOLERANCE: Final = 1e-11
# ln of the weakest and the strongest bend that is looked for.
_LIMITS: Final = (-740.0, 700.0)
_SMALLEST: Final = float(np.finfo(np.float64).tiny)

Rule = Callable[[float, float], tuple[NDArray[np.float64], NDArray[np.float64]]]


class Bend(msgspec.Struct, frozen=True, kw_only=True):
    """A density of t >= 0 proportional to exp(-slope t - strength h(t)), strength >= 0.

    Strength zero is the power law with alpha = 1 + slope.

    Attributes:
        h: the statistic that bends it, growing faster than t, zero at t = 0.
        straight: the mean of h under the power law whose mean of t is given.
        rule: from (slope, strength > 0) to points and weights that integrate the density.

    Example:
        >>> from eigentail.numerics.laws.lognormal import BEND
        >>> BEND.h(np.array([0.0, 3.0])).tolist()
        [0.0, 9.0]
    """

    h: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    straight: Callable[[float], float]
    rule: Rule


class _Moments(msgspec.Struct, frozen=True):
    """What the law says at given parameters."""

    log_integral: float
    mean: float
    variance: float
    bend: float


def fit_bent(logs: NDArray[np.float64], bend: Bend, strength: float) -> Parameters:
    """The slope and strength of largest likelihood; strength 0 where no bend is better than a straight line.

    The log-likelihood is concave in both (an exponential family). Whether its maximum lies at strength zero is decided
    exactly: the derivative there is the mean of h under the power law less that of the sample. If it does not, the
    slope that has the sample's mean of t is found for one strength after another, until h has the sample's mean too.

    Args:
        logs: t = ln(x / xmin), none below zero, at least two of them different; shape (n,).
        bend: the family.
        strength: a first guess, above zero.

    Returns:
        Slope and strength.

    Source: del Castillo, Annals of the Institute of Statistical Mathematics 46 (1994), for h = t^2: where the maximum
    lies at the edge.

    Example:
        >>> from eigentail.numerics.laws.lognormal import BEND
        >>> fit_bent(np.array([0.0, 0.0, 1.0, 5.0]), BEND, 1.0)[1]  # heavier than any lognormal
        0.0
    """
    mean, goal = float(logs.mean()), float((bend.h(logs) / len(logs)).sum())
    straight = (fit_power_law(logs)[0] - 1, 0.0)
    if bend.straight(mean) <= goal:
        return straight

    def too_weak(log_strength: float) -> float:
        found = math.exp(log_strength)
        return float(np.log(_moments(bend, _slope(bend, mean, found), found).bend / goal))

    with np.errstate(all="ignore"):
        root = _falling_root(too_weak, math.log(strength))
        return straight if root is None else (_slope(bend, mean, math.exp(root)), math.exp(root))


def bent_log_likelihoods(logs: NDArray[np.float64], bend: Bend, parameters: Parameters) -> NDArray[np.float64]:
    """The log of the density at each t.

    Args:
        logs: t = ln(x / xmin); shape (n,).
        bend: the family.
        parameters: slope and strength.

    Returns:
        Shape (n,); exactly those of the power law where strength is zero.

    Source: the definition of `Bend`.

    Example:
        >>> from eigentail.numerics.laws.lognormal import BEND
        >>> bent_log_likelihoods(np.array([0.0, 2.0]), BEND, (1.0, 0.0)).tolist()
        [0.0, -2.0]
    """
    slope, strength = parameters
    if strength == 0:
        return power_law_log_likelihoods(logs, (1 + slope,))
    return -slope * logs - strength * bend.h(logs) - _moments(bend, slope, strength).log_integral


def bent_means(bend: Bend, slope: float, strength: float) -> tuple[float, float]:
    """The means of t and of h under the law.

    Args:
        bend: the family.
        slope: of t.
        strength: of h, above zero.

    Returns:
        Both means.

    Source: the definition of `Bend`.

    Example:
        >>> from eigentail.numerics.laws.lognormal import BEND
        >>> round(bent_means(BEND, 0.0, 0.5)[1], 12)  # t^2 of the half-normal
        1.0
    """
    moments = _moments(bend, slope, strength)
    return moments.mean, moments.bend


def _moments(bend: Bend, slope: float, strength: float) -> _Moments:
    points, weights = bend.rule(slope, strength)
    bent = bend.h(points)
    exponents = -slope * points - strength * bent
    largest = exponents.max()
    weights = weights * np.exp(exponents - largest)
    total = weights.sum()
    weights = weights / total
    mean = float(weights @ points)
    variance = float(weights @ np.square(points - mean))
    return _Moments(float(largest + np.log(total)), mean, variance, float(weights @ bent))


def _slope(bend: Bend, mean: float, strength: float) -> float:
    """The slope at which t has a given mean, by Newton's method on 1 / mean, which nearly is the slope itself."""
    slope = 1 / mean
    for _ in range(_STEPS):
        found = _moments(bend, slope, strength)
        step = (1 / mean - 1 / found.mean) * found.mean**2 / max(found.variance, _SMALLEST)
        slope += step
        if not abs(step) > _TOLERANCE * (abs(slope) + 1 / mean):
            break
    return slope


def _falling_root(f: Callable[[float], float], start: float) -> float | None:
    """Where a falling function crosses zero; None where that lies outside the limits.

    Regula falsi; the value at an end that stays a second time is halved (the Illinois rule).
    """
    ends = _bracket(f, start)
    if ends is None:
        return None
    (low, above), (high, below) = ends
    before = 0.0
    for _ in range(_STEPS):
        middle = (low * below - high * above) / (below - above)
        value = f(middle)
        if abs(value) < _TOLERANCE or not low < middle < high:
            break
        again = value * before > 0
        if value > 0:
            low, above, below = middle, value, below / 2 if again else below
        else:
            high, below, above = middle, value, above / 2 if again else above
        before = value
    return middle


def _bracket(f: Callable[[float], float], start: float) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Two points around the root, each with its value, the positive one first."""
    at = (start, f(start))
    width = 1.0 if at[1] > 0 else -1.0
    while _LIMITS[0] <= at[0] + width <= _LIMITS[1]:
        there = (at[0] + width, f(at[0] + width))
        if (there[1] > 0) != (at[1] > 0):
            return (at, there) if at[1] > 0 else (there, at)
        at, width = there, 2 * width
    return None

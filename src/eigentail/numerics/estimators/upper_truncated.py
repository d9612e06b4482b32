"""A power law that ends at the largest value, by the likelihood that belongs to it."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.smallest_distance import tails_of
from eigentail.numerics.tail import Estimator
from eigentail.records import Fit, FitStatus

# Of fewer values, two numbers (alpha and where it ends) make a straight line too easily.
_SHORTEST: Final = 20
_PROBES: Final = 32
_PROBE_BLOCK: Final = 1024
# Bound and distance come from the same formula; this covers a last digit that differs between vector kernels.
_SLACK: Final = 1e-12
_STEPS: Final = 100
_TOLERANCE: Final = 1e-13


class _Tails(msgspec.Struct, frozen=True, eq=False):
    """Candidates: ln of the values over the largest; where each begins; its tilt (alpha - 1) ln(xmax / xmin)."""

    logs: NDArray[np.float64]
    below: NDArray[np.intp]
    starts: NDArray[np.intp]
    tilts: NDArray[np.float64]


def upper_truncated(values: NDArray[np.float64]) -> Fit:
    """The tail with the smallest distance from p(x) = (alpha - 1) x^-alpha / (xmin^(1-alpha) - xmax^(1-alpha)).

    xmax is the largest value; given that, the others are independent draws from the law that ends there, and alpha
    is the one under which their mean ln(x / xmin) is what it is. Any alpha is allowed: at 1 the law is uniform in ln x.
    Candidates for xmin are all values with 20 or more at or above them; of fewer than 20 only the smallest.

    Args:
        values: positive, ascending, at least two different ones; shape (n,).

    Returns:
        The fit; sigma is from the Fisher information; too few where the values below the largest are all equal.

    Source: Aban, Meerschaert & Panorska, Journal of the American Statistical Association 101 (2006), for the law
    and its likelihood; here conditional on the largest value.

    Example:
        >>> u = (np.arange(2000) + 0.5) / 2000
        >>> fit = upper_truncated(1 / (1 - 0.9 * u))  # exact quantiles of alpha = 2 between 1 and 10
        >>> round(fit.alpha, 2), round(fit.xmax)
        (2.0, 10)
    """
    tails = _tails(values)
    if not len(tails.starts):
        return Fit(status=FitStatus.TOO_FEW, detail="the values below the largest are all equal")
    best, distance = _nearest(tails)
    start, tilt = int(tails.starts[best]), tails.tilts[best]
    length, size = -float(tails.logs[start]), len(values) - start
    return Fit(
        status=FitStatus.OK,
        law="upper_truncated_power_law",
        alpha=1 + float(tilt) / length,
        sigma=1 / (length * float(np.sqrt((size - 1) * -_mean_and_slope(tilt)[1]))),
        xmin=float(values[start]),
        xmax=float(values[-1]),
        D=distance,
        tail=size,
    )


def tilt_of(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """The y at which a density proportional to e^(-y z) on 0 <= z <= 1 has a given mean: 1/y - 1/(e^y - 1) = mean.

    By Newton's method from the left, where the mean falls and is convex, so that it never oversteps; means above one
    half by symmetry.

    Args:
        means: between 0 and 1, neither included.

    Returns:
        The same shape; 0 at one half.

    Source: Aban, Meerschaert & Panorska, Journal of the American Statistical Association 101 (2006): the equation
    of its likelihood, in y = (alpha - 1) ln(xmax / xmin).

    Example:
        >>> tilt_of(np.array([0.5, 0.1, 0.9])).round(3).tolist()
        [0.0, 9.995, -9.995]
    """
    goals = np.minimum(means, 1 - means)
    found = 12 * (0.5 - goals)
    for _ in range(_STEPS):
        mean, slope = _mean_and_slope(found)
        step = (goals - mean) / slope
        found = found + step
        if not (np.abs(step) > _TOLERANCE * (1 + found)).any():
            break
    return np.copysign(found, 0.5 - means)


ESTIMATOR = Estimator(
    name="upper-truncated",
    title="maximum likelihood of a power law that ends at the largest value",
    fit=upper_truncated,
)


def _tails(values: NDArray[np.float64]) -> _Tails:
    """Every candidate with its exponent."""
    every = tails_of(values)
    logs = every.logs
    able = (every.starts <= max(0, len(values) - _SHORTEST)) & (logs[every.starts] < logs[-2])
    starts = every.starts[able]
    others = len(values) - 1 - starts  # all but the largest, whose log is zero
    means = 1 - np.cumsum(logs[::-1])[::-1][starts] / (others * logs[starts])
    return _Tails(logs, every.below, starts, tilt_of(means))


def _nearest(tails: _Tails) -> tuple[int, float]:
    """The candidate with the smallest distance, and that distance; the first of equals."""
    bounds = _lower_bounds(tails)
    best, smallest = len(bounds), np.inf
    for candidate in np.argsort(bounds, kind="stable"):
        if bounds[candidate] > smallest + _SLACK:
            break
        start = tails.starts[candidate]
        distance = float(_gaps(tails, start, np.arange(start, len(tails.logs) - 1), tails.tilts[candidate]).max())
        if (distance, candidate) < (smallest, best):
            best, smallest = int(candidate), distance
    return best, smallest


def _lower_bounds(tails: _Tails) -> NDArray[np.float64]:
    """For each candidate the largest gap at a few points spread over its tail: at most the true distance."""
    fractions = np.arange(_PROBES) / _PROBES
    bounds = np.empty(len(tails.starts))
    for at in range(0, len(bounds), _PROBE_BLOCK):
        part = slice(at, at + _PROBE_BLOCK)
        start = tails.starts[part, None]
        points = start + (fractions * (len(tails.logs) - 1 - start)).astype(np.intp)
        bounds[part] = _gaps(tails, start, points, tails.tilts[part, None]).max(axis=1)
    return bounds


def _gaps(
    tails: _Tails,
    start: NDArray[np.intp] | np.intp,
    points: NDArray[np.intp],
    tilt: NDArray[np.float64] | np.float64,
) -> NDArray[np.float64]:
    """|F - S| at the points, F and S being shares of the values other than the largest; broadcasts."""
    z = 1 - tails.logs[points] / tails.logs[start]
    size = np.maximum(np.abs(tilt), np.finfo(np.float64).tiny)
    rising = np.where(tilt < 0, 1 - z, z)  # a law that rises is one that falls, seen from the other end
    law = np.expm1(-size * rising) / np.expm1(-size)
    law = np.where(tilt < 0, 1 - law, law)
    sample = (tails.below[points] - start) / (len(tails.logs) - 1 - start)
    gaps: NDArray[np.float64] = np.abs(law - sample)
    return gaps


def _mean_and_slope(y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean of z under e^(-y z) on [0, 1], and its derivative: minus the variance of z."""
    small = np.abs(y) < 0.1
    safe = np.where(small, 1.0, np.clip(y, -600, 600))
    exact = 1 / np.where(small, 1.0, y) - 1 / np.expm1(safe)
    slope = 1 / (4 * np.sinh(safe / 2) ** 2) - 1 / np.where(small, 1.0, y) ** 2
    series = 0.5 - y / 12 + y**3 / 720 - y**5 / 30240 + y**7 / 1209600
    return np.where(small, series, exact), np.where(small, -1 / 12 + y**2 / 240 - y**4 / 6048, slope)

"""The Marchenko-Pastur law of noise, and how much of a spectrum follows it: bulk, edges, spikes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics import tracy_widom
from eigentail.numerics.roundoff import is_flat
from eigentail.records import NAN, Spectrum

# Noise shows a spike this often, all matrices of a pool together: half of the 1 % that is promised, because sigma is
# estimated too.
_FALSE_ALARMS: Final = 0.005
_FEWEST: Final = 8
# Points of the angle at which the law is tabulated, and of the middle half at which bulk and law are matched.
_ANGLES: Final = 1025
_MIDDLE: Final = 0.25 + (np.arange(32) + 0.5) / 64
# Trace and middle half of noise differ by about 1 / sqrt(N M count) (standard deviation) and less than 1 / N (bias).
# Several times beyond, what lies within the edge is not all noise.
_DEVIATIONS: Final = 4.0


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a spectrum that noise explains. NaN where there is none to be found.

    Attributes:
        sigma: standard deviation of the entries whose noise the bulk is (the spectrum's own scale included).
        lower: lower edge of the law, in units of the eigenvalues.
        upper: upper edge.
        margin: what the largest eigenvalue of noise may pass the upper edge by (Tracy-Widom).
        spikes: the number of eigenvalues above `upper + margin`.
        distance: Kolmogorov-Smirnov distance between the positive eigenvalues that are no spikes and the law.
        share: the share of all eigenvalues, zeros included, within the edges.

    Example:
        >>> Bulk().sigma, Bulk().ok
        (nan, False)
    """

    sigma: float = NAN
    lower: float = NAN
    upper: float = NAN
    margin: float = NAN
    spikes: int = 0
    distance: float = NAN
    share: float = NAN

    @property
    def ok(self) -> bool:
        """Whether there is a bulk."""
        return not math.isnan(self.sigma)


def edges(Q: float) -> tuple[float, float]:
    """Where the eigenvalues of W^T W / N of noise end: (1 - 1/sqrt Q)^2 and (1 + 1/sqrt Q)^2, for variance one.

    Args:
        Q: aspect ratio N / M, at least 1.

    Returns:
        Lower and upper edge.

    Source: Marchenko & Pastur, Math. USSR Sbornik 1 (1967), 457.

    Example:
        >>> edges(4.0)
        (0.25, 2.25)
    """
    root = 1 / math.sqrt(Q)
    return (1 - root) ** 2, (1 + root) ** 2


def cdf(x: NDArray[np.float64], Q: float) -> NDArray[np.float64]:
    """The share of the eigenvalues of W^T W / N at or below x, for noise of variance one and many rows.

    With x = 1 + 1/Q + 2 cos(t) / sqrt Q the density is smooth in the angle t, at Q = 1 too, where it diverges at
    x = 0, and the integral is elementary.

    Args:
        x: any shape.
        Q: aspect ratio N / M, at least 1.

    Returns:
        Probabilities, the shape of x; 0 below the edges and 1 above.

    Source: Marchenko & Pastur, Math. USSR Sbornik 1 (1967), 457.

    Example:
        >>> cdf(np.array([0.0, 1.0, 4.0]), 1.0).round(4).tolist()
        [0.0, 0.609, 1.0]
    """
    cosine = (x - 1 - 1 / Q) * math.sqrt(Q) / 2
    share: NDArray[np.float64] = np.clip(1 - _above(np.arccos(np.clip(cosine, -1.0, 1.0)), Q), 0.0, 1.0)
    return share


def quantiles(p: NDArray[np.float64], Q: float) -> NDArray[np.float64]:
    """The inverse of `cdf`, to 3e-6 / sqrt Q.

    Args:
        p: probabilities, any shape.
        Q: aspect ratio N / M, at least 1.

    Returns:
        Eigenvalues of W^T W / N for variance one, the shape of p.

    Source: Marchenko & Pastur, Math. USSR Sbornik 1 (1967), 457.

    Example:
        >>> quantiles(np.array([0.0, 0.5, 1.0]), 1.0).round(4).tolist()
        [0.0, 0.6528, 4.0]
    """
    angles = np.linspace(np.pi, 0.0, _ANGLES)
    return np.interp(p, 1 - _above(angles, Q), 1 + 1 / Q + 2 * np.cos(angles) / math.sqrt(Q))


def fit_bulk(spectrum: Spectrum) -> Bulk:
    """The Marchenko-Pastur law that the bulk of a spectrum follows, and what stands above it.

    The mean of the bulk's middle half is set equal to the law's; that resists spikes and heavy tails. Where the trace
    agrees with it within the spread of noise, the trace is taken, which is more precise. What lies above the edge by
    more than the Tracy-Widom margin is a spike; k spikes leave noise of (N - k) x (M - k), and the fit is repeated
    until k does not change. At least half of the values are kept for the bulk. A deficient rank counts as columns that
    are not there: M is rank / count, so noise with dead columns is noise.

    Args:
        spectrum: of one matrix, or pooled over `count` matrices of one shape.

    Returns:
        The bulk; all NaN for fewer than 8 positive eigenvalues, for equal ones, and where float64 does not hold the
        bulk beside the largest.

    Source: Marchenko & Pastur 1967; Martin & Mahoney, JMLR 22 (2021), section 3; the margin: `tracy_widom.edge_law`.

    Example:
        >>> from eigentail.numerics import spectrum_of
        >>> noise = 0.5 * np.random.default_rng(0).standard_normal((1, 400, 400))
        >>> noise[0, :, 0] *= 4
        >>> bulk = fit_bulk(spectrum_of(noise))
        >>> round(bulk.sigma, 2), round(bulk.upper, -1), bulk.spikes
        (0.5, 400.0, 1)
    """
    values = spectrum.positive
    if len(values) < _FEWEST or is_flat(spectrum):
        return Bulk()
    largest = spectrum.lambda_max
    relative = values / largest
    sides = _sides(spectrum)
    variance, kept = _settle(relative, sides, spectrum.count)
    if variance == 0:  # the middle half is more than 308 orders of magnitude below the largest
        return Bulk()
    N, M = sides(len(values) - kept)
    lower, upper = (variance * N * edge for edge in edges(N / M))
    threshold = variance * _noise_reaches(N, M, spectrum.count)
    inside = relative[relative <= threshold]
    within = np.count_nonzero((lower <= relative) & (relative <= upper))
    return Bulk(
        sigma=math.sqrt(variance) * math.sqrt(largest),
        lower=lower * largest,
        upper=upper * largest,
        margin=(threshold - upper) * largest,
        spikes=len(values) - len(inside),
        distance=_distance(cdf(inside / (variance * N), N / M)),
        share=int(within) / len(spectrum.eigenvalues),
    )


def _above(angle: NDArray[np.float64], Q: float) -> NDArray[np.float64]:
    """The share of the law above an angle: the integral of (2 / pi) sin^2 t / (1 + 1/Q + 2 cos t / sqrt Q) from 0."""
    root = math.sqrt(Q)
    turned = np.arctan2((root - 1) * np.sin(angle / 2), (root + 1) * np.cos(angle / 2))
    share: NDArray[np.float64] = ((Q + 1) * angle - 2 * root * np.sin(angle) - 2 * (Q - 1) * turned) / (2 * np.pi)
    return share


def _sides(spectrum: Spectrum) -> Callable[[int], tuple[float, float]]:
    """The sides of the noise that is left of one matrix when so many spikes are taken from the pool."""
    N = max(spectrum.shape)
    M = spectrum.rank / spectrum.count
    return lambda spikes: (max(N - spikes / spectrum.count, 1.0), max(M - spikes / spectrum.count, 1.0))


def _noise_reaches(N: float, M: float, count: int) -> float:
    """The largest eigenvalue that noise of variance one may have."""
    centre, scale = tracy_widom.edge_law(N, M)
    return centre + tracy_widom.quantile(_FALSE_ALARMS / count) * scale


def _settle(values: NDArray[np.float64], sides: Callable[[int], tuple[float, float]], count: int) -> tuple[float, int]:
    """Variance of the bulk, and how many values it was taken from, when neither changes any more."""
    kept = len(values)
    seen = {kept}  # ends in a cycle too
    while True:
        N, M = sides(len(values) - kept)
        variance = _variance(values[:kept], N, M, count)
        reached = int(np.searchsorted(values, variance * _noise_reaches(N, M, count), side="right"))
        reached = max(reached, len(values) - len(values) // 2)
        if reached in seen:
            return variance, kept
        seen.add(reached)
        kept = reached


def _variance(values: NDArray[np.float64], N: float, M: float, count: int) -> float:
    """The variance of the entries of noise that has these eigenvalues: by the trace where the middle half agrees."""
    middle = np.interp(_MIDDLE, (np.arange(len(values)) + 0.5) / len(values), values)
    matched = float(middle.sum() / quantiles(_MIDDLE, N / M).sum()) / N
    trace = float(values.sum()) / (N * len(values))
    allowed = _DEVIATIONS / math.sqrt(N * M * count) + 1 / N
    return trace if abs(trace - matched) <= allowed * matched else matched


def _distance(law: NDArray[np.float64]) -> float:
    """The largest gap between the law at the ascending values and their steps."""
    steps = np.arange(len(law) + 1) / len(law)
    return float(max(np.max(steps[1:] - law), np.max(law - steps[:-1])))

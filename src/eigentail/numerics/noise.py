"""Is a spectrum told apart from that of random weights at all? Asked of the whole spectrum, not of alpha."""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.marchenko_pastur import cdf
from eigentail.numerics.null_table import quantiles_of
from eigentail.numerics.tracy_widom import edge_law
from eigentail.records import NAN, Spectrum

# Untrained weights are called trained this often, all statistics together.
LEVEL: Final = 0.01


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a spectrum, in units in which noise of any shape answers about alike.

    With s^2 the mean square of the entries:

    Attributes:
        peak: (lambda_max / s^2 - centre) / scale, by the Tracy-Widom law of the edge.
        second: mean lambda^2 over its expectation s^4 N (N + M + 1), less one, times sqrt(N M count).
        distance: the Kolmogorov-Smirnov distance to the Marchenko-Pastur law of variance s^2, times the number of
            eigenvalues.

    Example:
        >>> Statistics().peak
        nan
    """

    peak: float = NAN
    second: float = NAN
    distance: float = NAN


class Noise(msgspec.Struct, frozen=True, kw_only=True):
    """How often random weights of the same shape show as much.

    Attributes:
        p_peak: of a largest eigenvalue this large.
        p_second: of a second moment this large.
        p_distance: of a distance to the Marchenko-Pastur law this large.
        heavier: whether the second moment is above the median of noise: a spectrum that is flatter than noise
            (orthogonal rows) is far from the law too, and shows no training.

    Example:
        >>> Noise(p_peak=0.5, p_second=0.2, p_distance=0.6, heavier=True).is_noise
        True
    """

    p_peak: float = NAN
    p_second: float = NAN
    p_distance: float = NAN
    heavier: bool = False

    @property
    def p(self) -> float:
        """The smallest of the three that count, times three (Bonferroni), at most one."""
        counted = (self.p_peak, self.p_second, self.p_distance if self.heavier else 1.0)
        return min(1.0, 3 * min(counted)) if not math.isnan(sum(counted)) else NAN

    @property
    def is_noise(self) -> bool:
        """Whether random weights would do as well; false where nothing could be computed."""
        return self.p >= LEVEL


def noise_of(spectrum: Spectrum) -> Noise:
    """Whether largest eigenvalue, second moment and shape are those of independent entries of one variance.

    Any initialisation with independent entries (normal, uniform, truncated) passes, and so does one whose spectrum is
    flatter (blocks of an orthogonal matrix). Training shows as spikes beyond the edge, as a second moment that is too
    large, or as another shape of the bulk.

    Args:
        spectrum: of one matrix, or pooled over `count` matrices of one shape.

    Returns:
        The three probabilities, from simulated untrained matrices of the shape.

    Source: Martin & Mahoney, JMLR 22 (2021), section 3; Johnstone, Annals of Statistics 29 (2001), theorem 1.1.

    Example:
        >>> from eigentail.numerics import spectrum_of
        >>> noise = np.random.default_rng(0).standard_normal((1, 300, 200))
        >>> noise_of(spectrum_of(noise)).is_noise
        True
        >>> noise[0] += 0.5  # a mean is a spike
        >>> noise_of(spectrum_of(noise)).is_noise
        False
    """
    seen = statistics_of(spectrum)
    if math.isnan(seen.peak):
        return Noise()
    second = quantiles_of("second", spectrum.shape, spectrum.count)
    return Noise(
        p_peak=quantiles_of("peak", spectrum.shape, spectrum.count).above(seen.peak),
        p_second=second.above(seen.second),
        p_distance=quantiles_of("distance", spectrum.shape, spectrum.count).above(seen.distance),
        heavier=seen.second > second.median,
    )


def statistics_of(spectrum: Spectrum) -> Statistics:
    """The three statistics; NaN for a matrix of zeros or with a side of one.

    Args:
        spectrum: zeros included.

    Example:
        >>> from eigentail.numerics import spectrum_of
        >>> round(statistics_of(spectrum_of(np.eye(100)[None])).second)  # all equal: as flat as can be
        -50
    """
    n, m = spectrum.shape
    values = spectrum.eigenvalues
    largest = float(values[-1]) if len(values) else 0.0
    if largest <= 0 or m < 2:
        return Statistics()
    relative = values / largest  # no square leaves the range of float64
    mean = float(relative.mean())
    centre, scale = edge_law(n, m)
    second = float(np.square(relative).mean()) / mean**2 * n / (n + m + 1)
    return Statistics(
        peak=(n / mean - centre) / scale,
        second=(second - 1) * math.sqrt(n * m * spectrum.count),
        distance=_distance(cdf(relative / mean, n / m)) * len(values),
    )


def _distance(law: NDArray[np.float64]) -> float:
    """The largest gap between the law at the ascending values and their steps, on both sides."""
    steps = np.arange(len(law) + 1) / len(law)
    return float(max(np.max(steps[1:] - law), np.max(law - steps[:-1])))

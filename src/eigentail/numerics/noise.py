"""Is a spectrum told apart from that of random weights at all? Asked of the whole spectrum, not of alpha."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from eigentail.records import Spectrum

# The largest eigenvalue of noise passes the edge by more than this many Tracy-Widom scales about once in 10,000.
_EDGE_SCALES: Final = 4.0


def looks_random(spectrum: Spectrum) -> bool:
    """Whether largest eigenvalue and second moment are those of independent entries of one variance.

    With s^2 the mean square of the entries, an untrained matrix has lambda_max near s^2 (sqrt N + sqrt M)^2, with
    Tracy-Widom fluctuations of scale s^2 (sqrt N + sqrt M) (1/sqrt N + 1/sqrt M)^(1/3), and a mean squared eigenvalue
    of s^4 N (N + M + 1). Any initialisation with independent entries (normal, uniform) passes; trained weights show
    spikes beyond the edge or a second moment that is too large.

    Args:
        spectrum: of one matrix, or pooled over `count` matrices of one shape.

    Returns:
        True when both are within what chance allows.

    Source: Johnstone, Annals of Statistics 29 (2001), theorem 1.1; Martin & Mahoney, JMLR 22 (2021), section 3.

    Example:
        >>> from eigentail.numerics import spectrum_of
        >>> noise = np.random.default_rng(0).standard_normal((1, 300, 200))
        >>> looks_random(spectrum_of(noise))
        True
        >>> noise[0] += 0.5  # a mean is a spike
        >>> looks_random(spectrum_of(noise))
        False
    """
    n, m = spectrum.shape
    values = spectrum.eigenvalues
    variance = float(values.mean()) / n
    if variance == 0:
        return False
    sides = math.sqrt(n) + math.sqrt(m)
    edge = variance * sides**2
    scale = variance * sides * (1 / math.sqrt(n) + 1 / math.sqrt(m)) ** (1 / 3)
    second = float(np.square(values).mean()) / (variance**2 * n * (n + m + 1))
    # the second moment fluctuates by a few 1/sqrt(N M), and the kurtosis of the entries moves it by up to 3/(N + M)
    allowed = 10 / math.sqrt(n * m * spectrum.count) + 3 / (n + m)
    return float(values[-1]) < edge + _EDGE_SCALES * scale and abs(second - 1) < allowed

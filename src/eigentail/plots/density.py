"""SPECTRUM -> the density of its eigenvalues on logarithmic bins, and that of noise on any bins."""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from eigentail.numerics.marchenko_pastur import Bulk, cdf
from eigentail.plots.scales import MOST
from eigentail.records import Spectrum

_FEWEST_BINS: Final = 8
_OUT_OF_SIGHT: Final = 30.0


class Density(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A histogram that integrates to one.

    Attributes:
        edges: of the bins, ascending, in units of the eigenvalues; shape (bins + 1,).
        heights: per unit of the eigenvalues; shape (bins,).

    Example:
        >>> Density(edges=np.array([1.0, 3.0]), heights=np.array([0.5])).heights.tolist()
        [0.5]
    """

    edges: NDArray[np.float64]
    heights: NDArray[np.float64]


def density_of(values: NDArray[np.float64]) -> Density | None:
    """The density of positive values on bins of equal ratio, at most 200 of them.

    The width of a bin is that of Freedman and Diaconis for the logarithms.

    Args:
        values: positive, ascending; shape (n,).

    Returns:
        The histogram; None where all values are equal, or so small that a density cannot be written in float64.

    Source: Freedman & Diaconis, Zeitschrift fuer Wahrscheinlichkeitstheorie 57 (1981), for the width of the bins.

    Example:
        >>> found = density_of(np.geomspace(1.0, 100.0, 1000))
        >>> round(float(found.heights @ np.diff(found.edges)), 12)
        1.0
    """
    if len(values) < 2:
        return None
    logs = np.log(values)
    span = float(logs[-1] - logs[0])
    lower, upper = np.quantile(logs, (0.25, 0.75))
    width = 2 * float(upper - lower) / len(values) ** (1 / 3)
    bins = int(np.clip(math.ceil(span / width) if width > span / MOST else MOST, _FEWEST_BINS, MOST))
    bins = min(bins, max(_FEWEST_BINS, len(values) // 2))
    with np.errstate(all="ignore"):
        edges = np.exp(np.linspace(logs[0], logs[-1], bins + 1))
        edges[0], edges[-1] = values[0], values[-1]  # so that rounding leaves no value outside
        if not np.all(np.diff(edges) > 0):
            return None
        heights = np.histogram(values, edges)[0] / len(values) / np.diff(edges)
    return Density(edges=edges, heights=heights) if np.all(np.isfinite(heights)) else None


def noise_of_shape(spectrum: Spectrum) -> Density | None:
    """What an untrained matrix of this shape and norm shows: the Marchenko-Pastur law of the layer's variance.

    Args:
        spectrum: zeros included; the mean eigenvalue is N times the variance of the entries.

    Returns:
        Its density; None for a matrix of zeros.

    Source: Marchenko & Pastur, Math. USSR Sbornik 1 (1967), 457.

    Example:
        >>> found = noise_of_shape(Spectrum(eigenvalues=np.array([0.1, 2.9]), shape=(8, 2), rank=2))
        >>> round(float(found.heights @ np.diff(found.edges)), 6), round(float(found.edges[-1]), 3)
        (1.0, 3.375)
    """
    mean = float(spectrum.eigenvalues.mean()) if len(spectrum.eigenvalues) else 0.0
    n, m = max(spectrum.shape), max(min(spectrum.shape), 1)
    return _marchenko_pastur(mean, n / m, spectrum) if mean > 0 else None


def fitted_bulk(bulk: Bulk, spectrum: Spectrum) -> Density | None:
    """The law that the bulk of the spectrum follows; it integrates to the share of positive eigenvalues that it holds.

    Args:
        bulk: of this spectrum.
        spectrum: what it was fitted to.

    Returns:
        Its density; None where there is no bulk.

    Source: Marchenko & Pastur, Math. USSR Sbornik 1 (1967), 457; Martin & Mahoney, JMLR 22 (2021), section 3.

    Example:
        >>> from eigentail.numerics import spectrum_of
        >>> from eigentail.numerics.marchenko_pastur import fit_bulk
        >>> noise = spectrum_of(np.random.default_rng(0).standard_normal((1, 64, 32)))
        >>> found = fitted_bulk(fit_bulk(noise), noise)
        >>> round(float(found.heights @ np.diff(found.edges)), 3)
        1.0
    """
    if not (bulk.ok and bulk.upper > 0):
        return None
    # the edges are s (1 -+ 1/sqrt Q)^2: their roots give Q and s back
    root = (math.sqrt(bulk.upper) - math.sqrt(bulk.lower)) / (math.sqrt(bulk.upper) + math.sqrt(bulk.lower))
    unit = ((math.sqrt(bulk.upper) + math.sqrt(bulk.lower)) / 2) ** 2
    law = _marchenko_pastur(unit, max(1.0, 1 / root**2), spectrum)
    return None if law is None else replace(law, heights=law.heights * (1 - bulk.spikes / spectrum.rank))


def _marchenko_pastur(unit: float, Q: float, spectrum: Spectrum) -> Density | None:
    """The law for eigenvalues whose mean is `unit`, averaged over fine bins of equal ratio.

    A square matrix has noise down to zero; the law begins below the smallest eigenvalue that is drawn, out of sight.
    """
    root = 1 / math.sqrt(Q)
    upper = unit * (1 + root) ** 2
    smallest = float(spectrum.positive[0]) / _OUT_OF_SIGHT if spectrum.rank else 0.0
    lower = max(unit * (1 - root) ** 2, min(smallest, upper / 2))
    if not (0 < lower < upper < math.inf):
        return None
    with np.errstate(all="ignore"):
        edges = np.geomspace(lower, upper, MOST + 1)
        heights = np.diff(cdf(edges / unit, Q)) / np.diff(edges)
    return Density(edges=edges, heights=heights) if np.all(np.isfinite(heights)) else None

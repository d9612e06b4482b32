"""What the numbers of a layer would be had it not been trained."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from eigentail.numerics.null_table import Quantiles, quantiles_of
from eigentail.numerics.shuffle import Shuffled
from eigentail.numerics.tail import Estimator, fit_tail
from eigentail.records import NAN, Spectrum

_NOTHING = Quantiles(levels=np.empty(0), values=np.empty(0), sd=NAN)


class Null(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The distribution of a layer's numbers over untrained copies of it. Empty where it is not known.

    Attributes:
        alpha: of the exponent, by the estimator in use.
        D: of its Kolmogorov-Smirnov distance.
        lambda_max: of the largest eigenvalue over the mean eigenvalue.
        copies: what the untrained copies are, in words.

    Example:
        >>> Null().alpha.median
        nan
    """

    alpha: Quantiles = _NOTHING
    D: Quantiles = _NOTHING
    lambda_max: Quantiles = _NOTHING
    copies: str = "untrained weights of this shape"


def null_by_table(spectrum: Spectrum, estimator: Estimator) -> Null:
    """Untrained copies as simulated for the shape: independent entries of one variance.

    What the weights are stored in does not enter: rounding to 16 bits changes no quantile by more than the table's own
    error (docs/trust.md).

    Args:
        spectrum: its shape and count are used.
        estimator: in use; one the table does not hold (`hill:0.1`, a plug-in) has no null of alpha.

    Example:
        >>> from eigentail.numerics import spectrum_of
        >>> from eigentail.numerics.tail import estimators
        >>> null_by_table(spectrum_of(np.eye(512)[None]), estimators["clauset"]).alpha.median > 5
        True
    """
    shape, count = spectrum.shape, spectrum.count
    return Null(
        alpha=quantiles_of(f"{estimator.name}/alpha", shape, count),
        D=quantiles_of(f"{estimator.name}/D", shape, count),
        lambda_max=quantiles_of("lambda_max", shape, count),
    )


def null_by_shuffle(shuffled: Shuffled, estimator: Estimator, fewest: int) -> Null:
    """Untrained copies made of the layer's own entries in random order.

    Args:
        shuffled: the permuted copies; an estimator that needs their matrices (`farms`) has no null of alpha.
        estimator: in use.
        fewest: as in `fit_tail`.

    Example:
        >>> from eigentail.numerics.shuffle import shuffled
        >>> from eigentail.numerics.tail import estimators
        >>> weights = np.random.default_rng(0).standard_normal((1, 64, 64))
        >>> null = null_by_shuffle(shuffled(weights, seed=0, replicas=9), estimators["hill"], fewest=8)
        >>> 2 < null.alpha.median < 2.3
        True
    """
    spectra = shuffled.spectra
    fits = [] if estimator.sample else [fit_tail(spectrum, estimator, fewest=fewest) for spectrum in spectra]
    return Null(
        alpha=_quantiles([fit.alpha for fit in fits]),
        D=_quantiles([fit.D for fit in fits]),
        copies="its own entries in random order",
        lambda_max=_quantiles([one.lambda_max / float(one.eigenvalues.mean()) for one in spectra if one.rank]),
    )


def _quantiles(values: list[float]) -> Quantiles:
    """Each copy is a quantile of its own: the k-th of n at k / (n + 1), so that no p-value is zero."""
    found = np.sort([value for value in values if not math.isnan(value)])
    if len(found) < 2:
        return _NOTHING
    levels = np.arange(1, len(found) + 1) / (len(found) + 1)
    return Quantiles(levels=levels, values=found, sd=float(found.std()))

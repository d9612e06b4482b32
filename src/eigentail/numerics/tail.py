"""SPECTRUM -> fit: what can have no tail is told first, then the estimator is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.roundoff import unit_roundoff
from eigentail.records import Fit, FitStatus, Spectrum
from eigentail.registry import Registry

# An orthogonal matrix stored at unit roundoff u has eigenvalues within a few u of each other.
_FLAT_ROUNDINGS: Final = 32.0


class Estimator(msgspec.Struct, frozen=True, kw_only=True):
    """One way to fit a tail. A module of `numerics/estimators` offers one as `ESTIMATOR`.

    Attributes:
        name: the word for `Settings.tail`.
        title: what it does, in a few words.
        fit: from positive ascending values, at least two of them different, to a fit.

    Example:
        >>> estimators["clauset"].title
        'maximum likelihood, xmin by Kolmogorov-Smirnov'
    """

    name: str
    title: str
    fit: Callable[[NDArray[np.float64]], Fit]


estimators: Registry[Estimator] = Registry("tail estimator", "eigentail.numerics.estimators", "ESTIMATOR")


def fit_tail(spectrum: Spectrum, estimator: Estimator, *, fewest: int = 8) -> Fit:
    """The tail of a spectrum, or the reason why it has none.

    Args:
        spectrum: its non-zero eigenvalues are fitted.
        estimator: the way to do it.
        fewest: below this many non-zero eigenvalues no fit is tried.

    Returns:
        A fit whose status is ok, or one whose status says why not (zero, rank one, too few, flat).

    Example:
        >>> from eigentail.numerics import spectrum_of
        >>> fit_tail(spectrum_of(np.eye(64)[None]), estimators["clauset"]).status.value
        'flat'
    """
    values = spectrum.positive
    status = _degenerate(spectrum, fewest)
    if status is FitStatus.TOO_FEW:
        return Fit(status=status, detail=f"{len(values)} of {len(spectrum.eigenvalues)} are not zero")
    return estimator.fit(values) if status is FitStatus.OK else Fit(status=status)


def _degenerate(spectrum: Spectrum, fewest: int) -> FitStatus:
    """What forbids a fit, or OK."""
    values = spectrum.positive
    if len(values) == 0:
        return FitStatus.ZERO
    if len(values) == 1:
        return FitStatus.RANK_ONE
    if len(values) < fewest:
        return FitStatus.TOO_FEW
    # orthogonal weights are made in float32 at best, whatever they are stored in
    unit = max(unit_roundoff(np.dtype(spectrum.stored)), unit_roundoff(np.dtype("float32")))
    if values[-1] - values[0] <= _FLAT_ROUNDINGS * unit * values[-1]:
        return FitStatus.FLAT
    return FitStatus.OK

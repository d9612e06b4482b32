"""SPECTRUM -> fit: what can have no tail is told first, then the estimator is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import UsageError
from eigentail.numerics.refit import Refits
from eigentail.numerics.roundoff import is_flat
from eigentail.records import NAN, Fit, FitStatus, Spectrum
from eigentail.registry import Registry


class Estimator(msgspec.Struct, frozen=True, kw_only=True):
    """One way to fit a tail. A module of `numerics/estimators` offers one as `ESTIMATOR`.

    Attributes:
        name: the word for `Settings.tail`.
        title: what it does, in a few words.
        fit: from positive ascending values, at least two of them different, to a fit.
        refit: many samples at once, for the interval: from natural logarithms, ascending along the last axis, shape
            (samples, n), to their exponents and the indices of xmin; None where there is no interval.
        sample: what is fitted when it is not the layer's own eigenvalues: from the weights, shape (count, rows,
            columns), to ascending values; None for the eigenvalues.
        on_scale: whether an exponent of 2 or 6 means what it means in the literature; where it does not (Hill's reads
            2 on noise, a cutoff takes the bend from the exponent), the verdict rests on `clauset` instead.
        at: the same estimator with a number of its own (`hill:0.1`); None where there is none to choose.

    Example:
        >>> estimators["clauset"].title
        'maximum likelihood, xmin by Kolmogorov-Smirnov'
    """

    name: str
    title: str
    fit: Callable[[NDArray[np.float64]], Fit]
    refit: Callable[[NDArray[np.float64]], Refits] | None = None
    sample: Callable[[NDArray[Any]], NDArray[np.float64]] | None = None
    on_scale: bool = False
    at: Callable[[float], Estimator] | None = None


estimators: Registry[Estimator] = Registry("tail estimator", "eigentail.numerics.estimators", "ESTIMATOR")


def estimator_named(word: str) -> Estimator:
    """The estimator a word stands for: a name, or a name and a number of its own.

    Args:
        word: `clauset`, `hill`, `hill:0.1`.

    Raises:
        UsageError: no estimator has that name, what follows the colon is not a number, or it takes none or not this.

    Example:
        >>> estimator_named("hill:0.1").name
        'hill:0.1'
        >>> estimator_named("clauset:2")
        Traceback (most recent call last):
        ...
        eigentail.errors.UsageError: tail: clauset takes no number: write clauset
    """
    name, colon, text = word.partition(":")
    estimator = estimators[name]
    if not colon:
        return estimator
    if estimator.at is None:
        raise UsageError(f"{name} takes no number", where="tail", hint=f"write {name}")
    try:
        number = float(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a number", where="tail", hint=f"write {name}, or {name}:0.1") from None
    return estimator.at(number)


def fit_tail(
    spectrum: Spectrum, estimator: Estimator, *, fewest: int = 8, values: NDArray[np.float64] | None = None
) -> Fit:
    """The tail of a spectrum, or the reason why it has none.

    Args:
        spectrum: its non-zero eigenvalues are fitted.
        estimator: the way to do it.
        fewest: below this many non-zero eigenvalues no fit is tried.
        values: what is fitted in place of them, ascending (see `Estimator.sample`); the fit then has no xmin.

    Returns:
        A fit whose status is ok, or one whose status says why not (zero, rank one, too few, flat).

    Example:
        >>> from eigentail.numerics import spectrum_of
        >>> fit_tail(spectrum_of(np.eye(64)[None]), estimators["clauset"]).status.value
        'flat'
    """
    status = _degenerate(spectrum, fewest)
    if status is FitStatus.TOO_FEW:
        return Fit(status=status, detail=f"{spectrum.rank} of {len(spectrum.eigenvalues)} are not zero")
    if status is not FitStatus.OK:
        return Fit(status=status)
    fitted = spectrum.positive if values is None else values
    if len(fitted) < 2 or fitted[0] == fitted[-1]:
        return Fit(status=FitStatus.FLAT)
    fit = estimator.fit(fitted)
    # where the tail of another sample begins says nothing of the eigenvalues
    return fit if values is None else msgspec.structs.replace(fit, xmin=NAN, xmax=NAN)


def _degenerate(spectrum: Spectrum, fewest: int) -> FitStatus:
    """What forbids a fit, or OK."""
    values = spectrum.positive
    if len(values) == 0:
        return FitStatus.ZERO
    if len(values) == 1:
        return FitStatus.RANK_ONE
    if len(values) < fewest:
        return FitStatus.TOO_FEW
    if is_flat(spectrum):
        return FitStatus.FLAT
    return FitStatus.OK

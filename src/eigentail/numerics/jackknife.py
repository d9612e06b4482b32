"""How far alpha may be off when the matrix is drawn again: groups of its rows and columns are left out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.records import NAN, Fit

_GROUPS: Final = 10
# The 95 % point of the normal law: 5 % on either side are left out.
_NORMAL: Final = 1.6449


class Jackknife(msgspec.Struct, frozen=True, kw_only=True):
    """Where the exponent lies with a probability of 90 %, had the weights been drawn again.

    Attributes:
        alpha_lo: the lower end; NaN where the matrix or any part of it has no tail.
        alpha_hi: the upper end.
        se: standard error of alpha.
        replicas: how many parts of the matrix were fitted.

    Example:
        >>> Jackknife().alpha_lo
        nan
    """

    alpha_lo: float = NAN
    alpha_hi: float = NAN
    se: float = NAN
    replicas: int = 0


def jackknife(stack: NDArray[Any], fit: Callable[[NDArray[Any]], Fit], *, seed: int) -> Jackknife:
    """A 90 % interval of alpha by leaving out a tenth of the rows, then a tenth of the columns, in turn.

    Eigenvalues are not independent draws; rows and columns may be. They are put in random order and cut into ten groups
    each. Where entries are independent, leaving out rows and leaving out columns measure the same variance, so their
    mean is taken; it is too small by up to half where only the rows, or only the columns, are the draws. The interval
    is normal in ln(alpha - 1), because the law of alpha is skewed (in alpha where alpha is 1 or less).

    The choice of xmin jumps, so Clauset's exponent is not a smooth function of the weights and a single error is rough.
    What is covered is the estimator's own mean; where its bias is larger than its
    error, as Hill's is for square matrices with Pareto entries, the exponent of a theory lies elsewhere. How often the
    interval around Clauset's exponent holds that of the theory, `scripts/trust.py --only coverage` prints.

    Args:
        stack: shape (count, rows, columns); the same rows and columns are left out of all its matrices.
        fit: from weights to the fit of their tail.
        seed: of the order of rows and columns.

    Returns:
        The interval; NaN where a side is shorter than two or a fit fails.

    Source: Tukey's jackknife with groups: Shao & Wu, Annals of Statistics 17 (1989), 1176.

    Example:
        >>> from eigentail.numerics import fit_tail, spectrum_of
        >>> from eigentail.numerics.tail import estimators
        >>> entries = 1 + np.random.default_rng(0).pareto(1.0, (1, 64, 64))  # alpha = 1.5
        >>> found = jackknife(entries, lambda w: fit_tail(spectrum_of(w), estimators["clauset"]), seed=0)
        >>> found.alpha_lo < 1.5 < found.alpha_hi
        True
    """
    whole = fit(stack)
    if not whole.ok or min(stack.shape[1:]) < 2:
        return Jackknife()
    rng = np.random.default_rng(seed)
    sides = [
        np.array([fit(np.delete(stack, group, axis)).alpha for group in _groups(stack.shape[axis], rng)])
        for axis in (1, 2)
    ]
    with np.errstate(over="ignore", invalid="ignore"):  # an exponent may be anything
        se = math.sqrt(sum((len(alphas) - 1) * float(alphas.var()) for alphas in sides) / 2)
    return _interval(whole.alpha, se, sum(len(alphas) for alphas in sides))


def _groups(length: int, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """The numbers below the length in random order, cut into groups."""
    return np.array_split(rng.permutation(length), min(_GROUPS, length))


def _interval(alpha: float, se: float, replicas: int) -> Jackknife:
    """Normal in ln(alpha - 1), whose error is se / (alpha - 1); in alpha where that is no logarithm."""
    if not math.isfinite(se):
        return Jackknife()
    reach = _NORMAL * se
    if alpha <= 1:  # a law with a cut-off may be as flat
        return Jackknife(alpha_lo=alpha - reach, alpha_hi=alpha + reach, se=se, replicas=replicas)
    with np.errstate(over="ignore"):
        factor = float(np.exp(np.float64(reach / (alpha - 1))))
    return Jackknife(alpha_lo=1 + (alpha - 1) / factor, alpha_hi=1 + (alpha - 1) * factor, se=se, replicas=replicas)

"""The upper incomplete gamma function by its logarithm, for negative first arguments too."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eigentail.numerics.quadrature import NEGLIGIBLE, between

# Behind the point where t = 1, t - 1 - ln t has passed NEGLIGIBLE when ln t is this.
_FALL: Final = 4.0


def log_upper_gamma(a: ArrayLike, x: ArrayLike) -> NDArray[np.float64]:
    """The natural logarithm of Gamma(a, x), the integral of t^(a - 1) e^-t over t > x.

    With t = x e^u it is x^a e^-x times the integral of exp(a u - x (e^u - 1)) over u > 0, which has no singularity,
    does not overflow, and for a < 0 and small x needs no difference of large terms.

    Args:
        a: any real number, broadcast against x; the error of Gamma is below 1e-10 relative for a in [-30, 5].
        x: positive; the error of Gamma is below 1e-10 relative for x in [1e-12, 1e4].

    Returns:
        ln Gamma(a, x), of the broadcast shape; NaN where x is not positive.

    Source: NIST Digital Library of Mathematical Functions, 8.2.2 (definition); Clauset, Shalizi & Newman, SIAM
    Review 51 (2009), table 2.1, where it is the normalisation of the power law with cutoff.

    Example:
        >>> round(float(log_upper_gamma(1.0, 2.0)), 12)  # Gamma(1, x) = e^-x
        -2.0
        >>> round(float(np.exp(log_upper_gamma(0.0, 1.0))), 12)  # the exponential integral E1(1)
        0.219383934396
    """
    a, x = np.broadcast_arrays(np.asarray(a, dtype=np.float64), np.asarray(x, dtype=np.float64))
    with np.errstate(all="ignore"):
        u, weights = upper_gamma_rule(a, x)
        exponents = a[..., None] * u - x[..., None] * np.expm1(u)
        largest = exponents.max(axis=-1)
        integral = np.sum(weights * np.exp(exponents - largest[..., None]), axis=-1)
        logs = a * np.log(x) - x + largest + np.log(integral)
    return np.where(x > 0, logs, np.nan)


def upper_gamma_rule(a: ArrayLike, x: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points and weights that integrate exp(a u - x (e^u - 1)), times any smooth function, over u > 0.

    Two panels meet where x e^u is one (or a, if that is more): before it the integrand changes like e^(a u), behind
    it falls faster than any power. What is smaller than e^-45 of the largest part is left out.

    Args:
        a: any real number, broadcast against x.
        x: positive.

    Returns:
        Points u and weights, of the broadcast shape and a last axis of 128.

    Source: the substitution t = x e^u in NIST Digital Library of Mathematical Functions, 8.2.2.

    Example:
        >>> u, weights = upper_gamma_rule(-1.0, 1e-9)  # e^-u is all that is left of the integrand
        >>> round(float(np.sum(weights * np.exp(-u - 1e-9 * np.expm1(u)))), 6)
        1.0
    """
    a, x = np.asarray(a, dtype=np.float64)[..., None], np.asarray(x, dtype=np.float64)[..., None]
    a, x = np.broadcast_arrays(a, x)
    with np.errstate(all="ignore"):
        meet = np.maximum(np.log(np.maximum(a, 1.0)) - np.log(x), 0.0)
        start = np.where(a > 0, np.maximum(meet - NEGLIGIBLE / a, 0.0), 0.0)
        middle = np.where(a < 0, np.minimum(meet, -NEGLIGIBLE / a), meet)
        there = x * np.exp(middle)
        fall = np.minimum(np.sqrt(2 * NEGLIGIBLE / there), NEGLIGIBLE / np.maximum(there - a, 1.0))
        first, second = between(start, middle), between(middle, middle + np.minimum(fall, _FALL))
    return np.concatenate([first[0], second[0]], axis=-1), np.concatenate([first[1], second[1]], axis=-1)

"""FIT -> the curve of its law over the tail."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.laws.truncated_power_law import truncated_power_law_log_likelihoods
from eigentail.records import Fit

_POINTS: Final = 101
# The integral of a law that is cut off is taken on a grid this much finer, and this far beyond the largest value.
_FINER: Final = 40
_BEYOND: Final = 5.0

Logs = NDArray[np.float64]


class TailLaw(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A law over the tail it was fitted to; all of shape (points,).

    Attributes:
        x: from xmin to xmax, in units of the eigenvalues.
        density: per unit of the eigenvalues; the whole law integrates to one.
        above: the share at or above each x.

    Example:
        >>> TailLaw(x=np.ones(1), density=np.ones(1), above=np.ones(1)).x.tolist()
        [1.0]
    """

    x: NDArray[np.float64]
    density: NDArray[np.float64]
    above: NDArray[np.float64]


def tail_law(fit: Fit) -> TailLaw | None:
    """The law of a fit between xmin and the largest value fitted.

    Args:
        fit: any.

    Returns:
        101 points of equal ratio; None where the fit is not ok, has no xmin, or has a law that is not known here.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), table 2.1; Aban, Meerschaert & Panorska, JASA 101 (2006).

    Example:
        >>> from eigentail.records import FitStatus
        >>> law = tail_law(Fit(status=FitStatus.OK, alpha=3.0, xmin=1.0, xmax=10.0))
        >>> round(float(law.density[-1]), 6), round(float(law.above[-1]), 6)
        (0.002, 0.01)
    """
    make = _LAWS.get(fit.law)
    if make is None or not (fit.ok and 0 < fit.xmin < fit.xmax < math.inf):
        return None
    t = np.linspace(0.0, math.log(fit.xmax) - math.log(fit.xmin), _POINTS)
    with np.errstate(all="ignore"):
        density, above = make(fit, t)
        x = fit.xmin * np.exp(t)
        density = density / x
    there = np.isfinite(density) & np.isfinite(above) & (density > 0) & (above > 0)
    return TailLaw(x=x[there], density=density[there], above=above[there]) if there.sum() > 1 else None


def _power_law(fit: Fit, t: Logs) -> tuple[Logs, Logs]:
    above = np.exp((1 - fit.alpha) * t)
    return (fit.alpha - 1) * above, above


def _upper_truncated(fit: Fit, t: Logs) -> tuple[Logs, Logs]:
    tilt = (fit.alpha - 1) * float(t[-1])
    if abs(tilt) < 1e-9:  # uniform in t
        return np.full_like(t, 1 / t[-1]), 1 - t / t[-1]
    whole = -math.expm1(-tilt)
    falling = np.exp((1 - fit.alpha) * t)
    return (fit.alpha - 1) * falling / whole, (falling - math.exp(-tilt)) / whole


def _truncated(fit: Fit, t: Logs) -> tuple[Logs, Logs]:
    parameters = (fit.alpha, fit.rate * fit.xmin)
    if not parameters[1] > 0:
        return _power_law(fit, t)
    step = t[1] / _FINER
    fine = np.arange(int((t[-1] + _BEYOND) / step) + 1) * step
    density = np.exp(truncated_power_law_log_likelihoods(fine, parameters))
    beyond = np.cumsum(((density[1:] + density[:-1]) / 2)[::-1])[::-1] * step
    at = np.arange(len(t)) * _FINER
    return density[at], beyond[at]


_LAWS: Final[dict[str, Callable[[Fit, Logs], tuple[Logs, Logs]]]] = {
    "power_law": _power_law,
    "truncated_power_law": _truncated,
    "upper_truncated_power_law": _upper_truncated,
}

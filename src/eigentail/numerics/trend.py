"""The statistics of one series: how a metric goes with the quality of a few related models."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from eigentail.numerics.rank_correlation import jackknifed_tau, kendall, spearman
from eigentail.records import NAN
from eigentail.records.trend import Trend

FEWEST: Final = 3
_ROUNDING: Final = 1e-13
Line = tuple[float, float, float, float]
Span = tuple[float, float]


def trend_of(metric: Sequence[float], quality: Sequence[float]) -> Trend:
    """Rank correlations, a straight line, and how far both rest on single models.

    Args:
        metric: one number a model; any unit; shape (n,).
        quality: the value measured, or minus it where a smaller one is better; same shape.

    Returns:
        The trend over the models that have both numbers finite; tau is negative where a smaller metric goes with the
        better model. Below three of them, or where one column is constant, NaN and the reason.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021), Table 1, for RMSE, R2 and Kendall's tau; the
        p-values are those of Kendall, Rank Correlation Methods (1970).

    Example:
        >>> found = trend_of([3.2, 2.9, 2.7, 2.2], [-8.3, -7.4, -6.9, -6.6])
        >>> found.kendall_tau, round(found.kendall_p, 3), found.kendall_p_by, round(found.r2, 2)
        (-1.0, 0.083, 'exact', 0.86)
        >>> trend_of([1.0, 2.0], [1.0, 2.0]).reason
        '2 models: a trend needs 3'
    """
    x, y = np.asarray(metric, dtype=np.float64), np.asarray(quality, dtype=np.float64)
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    nothing = Trend(n=len(x), left_out=len(both) - len(x))
    if reason := _reason(x, y):
        return replace(nothing, reason=reason)
    tau, rho = kendall(x, y), spearman(x, y)
    taus, shares = _left_out(x, y)
    r2, rmse, slope, intercept = _line(x, y)
    return replace(
        nothing,
        kendall_tau=tau.value,
        kendall_p=tau.p,
        kendall_p_by=tau.by,
        spearman=rho.value,
        spearman_p=rho.p,
        r2=r2,
        rmse=rmse,
        slope=slope,
        intercept=intercept,
        tau_low=taus[0],
        tau_high=taus[1],
        r2_low=shares[0],
        r2_high=shares[1],
    )


def partial_tau(metric: Sequence[float], quality: Sequence[float], given: Sequence[float]) -> float:
    """Kendall's tau of metric and quality with a third number held fixed.

    Args:
        metric: one number a model, shape (n,).
        quality: the same.
        given: what is held fixed, as the number of parameters.

    Returns:
        From -1 to 1, over the models that have all three. NaN below three models, where a column is constant, and
        where `given` orders the models exactly as the metric or the quality does: nothing is left to explain then.

    Source: Kendall, Rank Correlation Methods (1970), chapter 8.

    Example:
        >>> round(partial_tau([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 4.0, 3.0]), 9)
        1.0
        >>> partial_tau([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 4.0, 3.0], [1.0, 2.0, 3.0, 4.0])
        nan
    """
    columns = np.asarray([metric, quality, given], dtype=np.float64)
    x, y, z = columns[:, np.isfinite(columns).all(axis=0)]
    if len(x) < FEWEST:
        return NAN
    xy, xz, yz = kendall(x, y).value, kendall(x, z).value, kendall(y, z).value
    room = (1 - xz * xz) * (1 - yz * yz)
    if not room > 1e-12:  # NaN too
        return NAN
    return max(-1.0, min(1.0, (xy - xz * yz) / math.sqrt(room)))


def holm(p_values: Iterable[float]) -> tuple[float, ...]:
    """P-values corrected for their number: the chance of even one false finding is held.

    Args:
        p_values: in any order; NaN stays NaN and is not counted.

    Returns:
        Corrected values, in the same order, at most 1.

    Source: Holm, Scandinavian Journal of Statistics 6 (1979).

    Example:
        >>> holm([0.01, 0.04, 0.03, float("nan")])
        (0.03, 0.06, 0.06, nan)
    """
    given = tuple(p_values)
    known = sorted((p, at) for at, p in enumerate(given) if not math.isnan(p))
    corrected, least = [NAN] * len(given), 0.0
    for place, (p, at) in enumerate(known):
        least = max(least, min(1.0, p * (len(known) - place)))
        corrected[at] = least
    return tuple(corrected)


def _reason(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    """Why there is no trend, or ""."""
    if len(x) < FEWEST:
        return f"{len(x)} {'model' if len(x) == 1 else 'models'}: a trend needs {FEWEST}"
    if not _differs(x):
        return "the same for all models"
    return "all models have the same value" if y.min() == y.max() else ""


def _differs(x: NDArray[np.float64]) -> bool:
    """Whether the numbers differ by more than the order of a sum can change them."""
    largest = float(np.abs(x).max())
    return largest > 0 and float(np.ptp(x / largest)) > _ROUNDING


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> Line:
    """R2, RMSE, slope and intercept of the least-squares line of y on x, in units in which nothing can overflow."""
    units = float(np.abs(x).max()), float(np.abs(y).max())
    with np.errstate(all="ignore"):
        u, v = x / units[0], y / units[1]
        du, dv = u - u.mean(), v - v.mean()
        sizes = float(np.abs(du).max()), float(np.abs(dv).max())
        du, dv = du / sizes[0], dv / sizes[1]
        du, dv = du - du.mean(), dv - dv.mean()  # the first mean was rounded to the size of the values
        slope = float(du @ dv / (du @ du))
        residuals = dv - slope * du
        found = np.array(
            [
                1 - residuals @ residuals / (dv @ dv),
                np.sqrt(np.mean(residuals**2)) * sizes[1] * units[1],
                np.float64(slope) * sizes[1] / sizes[0] * units[1] / units[0],
                (v.mean() - slope * sizes[1] / sizes[0] * u.mean()) * units[1],
            ]
        )
    r2, rmse, steep, start = (float(value) if math.isfinite(value) else NAN for value in found)
    return max(0.0, r2) if not math.isnan(r2) else NAN, rmse, steep, start


def _left_out(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[Span, Span]:
    """The range of tau and of R2 with each model left out; none where two are left, which always lie on a line."""
    rest = [(np.delete(x, at), np.delete(y, at)) for at in range(len(x))]
    shares = [_line(*columns)[0] for columns in rest if not _reason(*columns)]
    return _span(jackknifed_tau(x, y) if len(x) > FEWEST else ()), _span(shares)


def _span(values: Iterable[float]) -> Span:
    known = [float(value) for value in values if not math.isnan(value)]
    return (min(known), max(known)) if known else (NAN, NAN)

"""How one number of a model goes with the models' quality, over a series."""

from __future__ import annotations

from typing import Literal

import msgspec

from eigentail.records.finding import NAN

PValueBy = Literal["", "exact", "enumerated", "asymptotic"]


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """One metric against quality, over the models that have both. Quality is the value, or minus an error or loss.

    Attributes:
        n: models that have both numbers.
        left_out: models that lack one of them.
        kendall_tau: tau-b; negative where a smaller metric goes with the better model.
        kendall_p: its two-sided p-value.
        kendall_p_by: how that was found: `exact` (no ties), `enumerated` (over all orders, with ties), `asymptotic`
            (the normal approximation), or "" where there is none.
        kendall_p_holm: the same, corrected for all metrics of the study (Holm).
        partial_tau: tau with the number of parameters held fixed; NaN where that orders the models by itself.
        spearman: rank correlation.
        spearman_p: its two-sided p-value, over all orders up to 8 models, by Student's t beyond.
        r2: share of the variance of the quality that a straight line explains.
        rmse: root of the mean squared residual (divided by n), in units of the value.
        slope: of quality on the metric, in units of the value per unit of the metric.
        intercept: of that line, in units of quality.
        tau_low: the smallest tau when one model is left out.
        tau_high: the largest.
        r2_low: the smallest R2 when one model is left out.
        r2_high: the largest.
        reason: why there is no number, or "".

    Example:
        >>> Trend(n=2, reason="2 models: a trend needs 3").kendall_tau
        nan
    """

    n: int
    left_out: int = 0
    kendall_tau: float = NAN
    kendall_p: float = NAN
    kendall_p_by: PValueBy = ""
    kendall_p_holm: float = NAN
    partial_tau: float = NAN
    spearman: float = NAN
    spearman_p: float = NAN
    r2: float = NAN
    rmse: float = NAN
    slope: float = NAN
    intercept: float = NAN
    tau_low: float = NAN
    tau_high: float = NAN
    r2_low: float = NAN
    r2_high: float = NAN
    reason: str = ""

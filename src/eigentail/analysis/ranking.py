"""Models in the order of one number, and how sure that order is given the intervals of their layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from eigentail.analysis.summary import is_embedding
from eigentail.records import NAN, LayerReport, ModelReport
from eigentail.records.comparison import Difference, Ranking

# The papers' claim is that within a series the better model has the smaller one.
SMALLER_IS_BETTER: Final = frozenset({"alpha", "alpha_weighted", "log_alpha_norm", "log_norm", "log_spectral_norm"})
# Half the width of a 90 % interval in standard deviations of a normal law.
NORMAL_90: Final = 1.6448536269514722


def rankings(reports: Sequence[ModelReport]) -> tuple[Ranking, ...]:
    """The models in the order of every number that all their summaries have.

    Args:
        reports: of two models or more.

    Returns:
        One ranking for each metric, in the order of the first summary.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021), Table 1, for which way is better.

    Example:
        >>> import numpy as np
        >>> from eigentail.analysis import analyze
        >>> weight = np.random.default_rng(0).standard_normal((64, 64))
        >>> reports = [analyze({"fc.weight": scale * weight}) for scale in (10, 1)]
        >>> [found.order for found in rankings(reports) if found.metric == "log_norm"]
        [(1, 0)]
    """
    shared = [name for name in reports[0].summary.mean if all(name in report.summary.mean for report in reports)]
    return tuple(_ranking(name, reports) for name in shared)


def chance(difference: float, one: float, other: float) -> float:
    """How likely it is that of two normal numbers the one that looks smaller is the smaller one.

    The two are taken for independent, which models that share their origin are not.

    Args:
        difference: of the two numbers; its sign does not count.
        one: standard deviation of the one.
        other: of the other.

    Returns:
        Phi(|difference| / sqrt(one^2 + other^2)), from 0.5 to 1; NaN where a deviation is missing.

    Example:
        >>> chance(0.0, 1.0, 1.0), round(chance(2.0, 1.0, 1.0), 4)
        (0.5, 0.9214)
    """
    spread = math.hypot(one, other)
    if math.isnan(difference) or math.isnan(spread):
        return NAN
    if spread == 0:
        return 0.5 if difference == 0 else 1.0
    return 0.5 * math.erfc(-abs(difference) / spread / math.sqrt(2))


def deviation(metric: str, report: ModelReport) -> float:
    """The standard deviation of a model's mean, from the intervals of its layers.

    ln(alpha - 1) of a layer is taken for normal, with the width of its 90 % interval; to first order that makes the
    deviation of alpha, and times log10 lambda_max that of alpha_weighted. Layers are taken for independent.

    Args:
        metric: only `alpha` and `alpha_weighted` have one.
        report: of the model.

    Returns:
        The deviation of `report.summary[metric]`; NaN for other metrics, and where a layer that is averaged has no
        interval.

    Example:
        >>> import eigentail as et
        >>> deviation("alpha", et.analyze(et.example())) > 0
        True
    """
    rows = averaged(metric, report)
    if metric not in ("alpha", "alpha_weighted") or not rows:
        return NAN
    return math.hypot(*(_deviation_of(metric, row) for row in rows)) / len(rows)


def interval(metric: str, row: LayerReport) -> tuple[float, float]:
    """The 90 % interval of one number of one layer.

    Args:
        metric: `alpha` has one, and `alpha_weighted` with lambda_max taken for certain.
        row: the layer.

    Returns:
        Both ends, NaN where there is none.

    Example:
        >>> import eigentail as et
        >>> row = et.analyze(et.example()).layers[0]
        >>> low, high = interval("alpha_weighted", row)
        >>> low < row.metrics["alpha_weighted"] < high
        True
    """
    ends = row.metrics.get("alpha_lo", NAN), row.metrics.get("alpha_hi", NAN)
    if metric == "alpha":
        return ends
    if metric == "alpha_weighted":
        factor = _log_lambda(row)
        return min(factor * ends[0], factor * ends[1]), max(factor * ends[0], factor * ends[1])
    return NAN, NAN


def difference(metric: str, one: LayerReport, other: LayerReport) -> Difference:
    """A number of the other layer minus that of the one, with the interval that both intervals give.

    Args:
        metric: its name; NaN where one of the layers has no such number.
        one: the layer that is subtracted.
        other: the layer it is subtracted from.

    Source: Zou & Donner, Statistics in Medicine 27 (2008), 1693 (variance estimates recovered from the ends).

    Example:
        >>> import eigentail as et
        >>> first, second = et.analyze(et.example()).layers[:2]
        >>> found, back = difference("alpha", first, second), difference("alpha", second, first)
        >>> found.value == -back.value, found.low == -back.high
        (True, True)
    """
    a, b = one.metrics.get(metric, NAN), other.metrics.get(metric, NAN)
    (a_low, a_high), (b_low, b_high) = interval(metric, one), interval(metric, other)
    return Difference(b - a, b - a - math.hypot(b - b_low, a_high - a), b - a + math.hypot(b_high - b, a - a_low))


def averaged(metric: str, report: ModelReport) -> list[LayerReport]:
    """The layers whose numbers the summary's mean is made of.

    Example:
        >>> import eigentail as et
        >>> len(averaged("alpha", et.analyze(et.example())))
        3
    """
    everything = report.settings.embeddings == "averaged"
    fitted = [row for row in report.layers if row.fit.ok and (everything or not is_embedding(row))]
    return [row for row in fitted if not math.isnan(row.metrics.get(metric, NAN))]


def _ranking(metric: str, reports: Sequence[ModelReport]) -> Ranking:
    values = tuple(report.summary.mean[metric] for report in reports)
    deviations = tuple(deviation(metric, report) for report in reports)
    order = sorted(range(len(values)), key=lambda i: (math.isnan(values[i]), values[i], i))
    return Ranking(
        metric=metric,
        order=tuple(order),
        values=values,
        smaller_is_better=True if metric in SMALLER_IS_BETTER else None,
        deviations=deviations,
        chances=tuple(chance(values[b] - values[a], deviations[a], deviations[b]) for a, b in pairwise(order)),
    )


def _deviation_of(metric: str, row: LayerReport) -> float:
    """Of one layer's number."""
    low, high = interval("alpha", row)
    if not 1 < low <= high:
        return NAN
    alpha = row.metrics.get("alpha", row.fit.alpha)
    spread = abs(alpha - 1) * math.log((high - 1) / (low - 1)) / (2 * NORMAL_90)
    return spread if metric == "alpha" else spread * abs(_log_lambda(row))


def _log_lambda(row: LayerReport) -> float:
    """log10 of the largest eigenvalue, which is all that alpha_weighted has beside alpha."""
    alpha = row.metrics.get("alpha", row.fit.alpha)
    return row.metrics.get("alpha_weighted", NAN) / alpha if alpha else NAN

"""A model's exponents as the papers read them, held against untrained matrices of the same shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Final

import numpy as np
from msgspec.structs import replace

from eigentail.analysis.summary import is_embedding
from eigentail.numerics.null_table import Quantiles, quantiles_of
from eigentail.records import LayerReport, ModelReport
from eigentail.records.reading import Reading

_LOW: Final = 2.0
_HIGH: Final = 6.0
_IDEAL: Final = 4.0
# "80 to 90 %" is claimed; more than that is no counter-example.
_CLAIMED: Final = 0.8


def reading_of(report: ModelReport) -> Reading:
    """The share of exponents from 2 to 4 and from 2 to 6, and what untrained copies of the layers would have.

    Each layer with a fit counts once, embeddings do not. The null is that of the table for the layer's shape and the
    estimator in use; a layer for which the table has none is left out of the null's numbers.

    Args:
        report: from `eigentail.analyze`; a saved one will do.

    Returns:
        Shares from 0 to 1; NaN where no layer has a fit.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021), for the range from 2 to 6; that 80 to 90 % of the
        exponents of well-trained nets lie from 2 to 4 is the claim of Martin's blog posts on universality.

    Example:
        >>> import eigentail as et
        >>> found = reading_of(et.analyze(et.example()))
        >>> found.layers, round(found.share_2_4, 2), round(found.null_2_4, 2)
        (3, 0.33, 0.17)
    """
    rows = [row for row in report.layers if row.fit.ok and not is_embedding(row)]
    if not rows:
        return Reading(layers=0)
    alphas = [row.fit.alpha for row in rows]
    ideal = fmean(_LOW <= alpha <= _IDEAL for alpha in alphas)
    reading = Reading(
        layers=len(rows),
        share_2_4=ideal,
        share_2_6=fmean(_LOW <= alpha <= _HIGH for alpha in alphas),
        alpha=fmean(alphas),
        universal=ideal >= _CLAIMED,
    )
    return _beside_the_null(reading, _nulls(rows, report.settings.tail))


def _nulls(rows: Sequence[LayerReport], tail: str) -> list[Quantiles]:
    """What the exponents of untrained copies would be, layer by layer, where that is known."""
    found = [quantiles_of(f"{tail}/alpha", row.layer.shape, row.layer.count) for row in rows]
    return [null for null in found if not math.isnan(null.median)]


def _beside_the_null(reading: Reading, nulls: Sequence[Quantiles]) -> Reading:
    if not nulls:
        return reading
    return replace(
        reading,
        null_layers=len(nulls),
        null_2_4=fmean(_between(null, _IDEAL) for null in nulls),
        null_2_6=fmean(_between(null, _HIGH) for null in nulls),
        null_alpha=fmean(map(_mean, nulls)),
    )


def _mean(null: Quantiles) -> float:
    """Of the exponent: its distribution is skewed, and a mean over layers is to be held against a mean."""
    levels = np.concatenate([[0.0], null.levels, [1.0]])
    values = np.concatenate([null.values[:1], null.values, null.values[-1:]])
    return float(np.trapezoid(values, levels))


def _between(null: Quantiles, high: float) -> float:
    """The chance of an exponent from 2 to `high`."""
    return max(0.0, null.below(high) - null.below(_LOW))

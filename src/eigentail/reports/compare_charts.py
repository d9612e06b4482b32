"""COMPARISON -> charts: each metric of the matched layers, the further models beside the first, and the spectra."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from eigentail.records.comparison import Comparison, MatchedLayer
from eigentail.reports.exhibit import Axis, Chart, Exhibit, Seen, Series, rounded
from eigentail.reports.layer_charts import LINES, NOT_KEPT
from eigentail.reports.seen import seen_spectrum
from eigentail.reports.table import visible

_METRICS: Final = ("alpha", "alpha_weighted", "log_norm", "log_spectral_norm", "stable_rank", "D")


def comparison_exhibit(comparison: Comparison) -> Exhibit:
    """What the page of a comparison draws: a chart for each metric, and both spectra of a chosen layer.

    Args:
        comparison: from `eigentail.compare`.

    Example:
        >>> import eigentail as et
        >>> exhibit = comparison_exhibit(et.compare(et.example(), et.example(), names=["a", "b"]))
        >>> exhibit.charts[0].name, [seen.name for seen in exhibit.seen[0]]
        ('alpha', ['a', 'b'])
    """
    charts = [_chart(comparison, name) for name in _METRICS]
    return Exhibit(
        title="The matched layers",
        charts=tuple(chart for chart in charts if any(series.x for series in chart.series)),
        seen=tuple(_seen(comparison, layer) for layer in comparison.layers),
        missing=NOT_KEPT,
    )


def _chart(comparison: Comparison, metric: str) -> Chart:
    """One metric over the matched layers, a mark for each model."""
    return Chart(
        name=metric,
        x=Axis("place among the matched layers", whole=True),
        y=Axis(metric),
        series=tuple(_series(comparison, metric, model) for model in range(len(comparison.names))),
        across=LINES if metric == "alpha" else (),
        caption="A thin line joins the marks of one layer in different models.",
    )


def _series(comparison: Comparison, metric: str, model: int) -> Series:
    found = [
        (place, layer.values[metric][model])
        for place, layer in enumerate(comparison.layers)
        if metric in layer.values and math.isfinite(layer.values[metric][model])
    ]
    spans = [_span(comparison.layers[place].values[metric]) for place, _ in found] if model == 0 else []
    return Series(
        name=f"{model + 1}: {visible(comparison.names[model])}",
        low=tuple(low for low, _ in spans),
        high=tuple(high for _, high in spans),
        x=tuple(float(place) for place, _ in found),
        y=tuple(rounded(value) for _, value in found),
        rows=tuple(place for place, _ in found),
    )


def _span(values: Sequence[float]) -> tuple[float, float]:
    """The least and the largest of the values that exist."""
    known = [rounded(value) for value in values if math.isfinite(value)]
    return min(known), max(known)


def _seen(comparison: Comparison, layer: MatchedLayer) -> tuple[Seen, ...]:
    """The spectra of a layer, in the order of the models that have it."""
    found = []
    for name, report, called in zip(comparison.names, comparison.reports, layer.match.names, strict=True):
        row = report.layers[called] if called is not None else None
        if row is not None and row.spectrum is not None:
            found.append(seen_spectrum(row.spectrum, row.fit, visible(name)))
    return tuple(seen for seen in found if seen is not None)

"""REPORT -> charts: alpha over the depth of the model, by kind of matrix, and the spectrum of each layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from eigentail.records import LayerReport, ModelReport
from eigentail.reports.exhibit import Axis, Chart, Exhibit, Series, rounded
from eigentail.reports.seen import seen_layer
from eigentail.reports.table import visible

# More points than this hide each other, and take longer to draw than anybody waits.
POINTS: Final = 2000
LINES: Final = ((2.0, "2: below, over-trained"), (6.0, "6: above, under-trained"))
NOT_KEPT: Final = "No spectrum of this layer: it could not be computed, or the report was saved without spectra."


def report_exhibit(report: ModelReport) -> Exhibit:
    """What the page of an analysis draws.

    Args:
        report: from `eigentail.analyze`.

    Example:
        >>> import eigentail as et
        >>> exhibit = report_exhibit(et.analyze(et.example()))
        >>> [chart.name for chart in exhibit.charts], len(exhibit.seen)
        (['all kinds'], 3)
    """
    return Exhibit(
        title="Alpha over depth",
        charts=flow_charts(report.layers),
        seen=tuple((seen,) if (seen := seen_layer(row)) is not None else () for row in report.layers),
        missing=NOT_KEPT,
    )


def flow_charts(layers: Sequence[LayerReport]) -> tuple[Chart, ...]:
    """Alpha over depth: all kinds of matrix together, then each by itself with its intervals.

    Args:
        layers: of a report, in order.

    Returns:
        Nothing where no layer has an exponent. Depth is the block where layers have one, else the place in the model.

    Example:
        >>> import eigentail as et
        >>> flow_charts(et.analyze(et.example()).layers)[0].across[0]
        (2.0, '2: below, over-trained')
    """
    fitted = [(i, row) for i, row in enumerate(layers) if row.fit.ok and math.isfinite(row.fit.alpha)]
    if not fitted:
        return ()
    deep = [(i, row) for i, row in fitted if row.layer.block is not None]
    in_blocks = len({row.layer.block for _, row in deep}) > 1
    shown = deep if in_blocks else fitted
    kinds = dict.fromkeys(row.layer.kind for _, row in shown)
    series = [_series(kind, [(i, row) for i, row in shown if row.layer.kind == kind], in_blocks) for kind in kinds]
    if sum(len(one.x) for one in series) > POINTS:
        series = [_medians(one) for one in series]
    x = Axis("block" if in_blocks else "place in the model", whole=True)
    caption = _caption(len(layers), len(fitted), len(shown), any(not one.rows for one in series))
    alone = [one for one in series if len(series) > 1]
    return (
        Chart(name="all kinds", x=x, y=Axis("alpha"), series=tuple(map(_bare, series)), across=LINES, caption=caption),
        *(Chart(name=one.name, x=x, y=Axis("alpha"), series=(one,), across=LINES) for one in alone),
    )


def _series(kind: str, rows: Sequence[tuple[int, LayerReport]], in_blocks: bool) -> Series:
    """The exponents of one kind."""
    return Series(
        name=visible(kind),
        x=tuple(float(row.layer.block or 0) if in_blocks else float(i) for i, row in rows),
        y=tuple(rounded(row.fit.alpha) for _, row in rows),
        low=tuple(rounded(row.metrics.get("alpha_lo", math.nan)) for _, row in rows),
        high=tuple(rounded(row.metrics.get("alpha_hi", math.nan)) for _, row in rows),
        rows=tuple(i for i, _ in rows),
    )


def _medians(series: Series) -> Series:
    """One point for all layers of a depth: the median, and from the least to the largest as its interval."""
    depths = np.array(series.x)
    if len(np.unique(depths)) > POINTS // 4:  # places in the model: a depth is then a hundredth of it
        depths = np.floor(depths / (depths.max() + 1) * 100) * (depths.max() + 1) / 100
    found = [(depth, np.array(series.y)[depths == depth]) for depth in np.unique(depths)]
    return Series(
        name=series.name,
        x=tuple(rounded(float(depth)) for depth, _ in found),
        y=tuple(rounded(float(np.median(alphas))) for _, alphas in found),
        low=tuple(float(alphas.min()) for _, alphas in found),
        high=tuple(float(alphas.max()) for _, alphas in found),
    )


def _bare(series: Series) -> Series:
    """Without intervals, which of several kinds would cover each other."""
    return Series(name=series.name, x=series.x, y=series.y, rows=series.rows)


def _caption(layers: int, fitted: int, shown: int, thinned: bool) -> str:
    """What is in the chart, and what is not."""
    said = f"{shown} of {layers} layers"
    if fitted < layers:
        said += f"; {layers - fitted} without an exponent"
    if shown < fitted:
        said += f"; {fitted - shown} in no block"
    return said + (". Each point is the median of the layers of one kind at one depth." if thinned else ".")

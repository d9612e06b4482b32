"""How the exponents of a model are distributed, beside those of untrained copies of its layers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.null_table import quantiles_of
from eigentail.plots.drawing import Drawing, Mark, Panel, Role, Steps
from eigentail.plots.kind import Plot, Takes
from eigentail.plots.scales import linear, numbers
from eigentail.plots.series import ALPHA, across, near, not_drawn, nothing_drawn, numbered, thresholds
from eigentail.plots.words import counted, model_name, number, sentences, shown
from eigentail.records import LayerReport, ModelReport

_FEWEST_BINS: Final = 8
_MOST_BINS: Final = 60


def hist(report: ModelReport, metric: str) -> Drawing:
    """A histogram of the layers, and of alpha what the null of each layer's shape makes one expect.

    Args:
        report: of a model.
        metric: the name of a metric; only alpha has a null.

    Returns:
        Numbers of layers in at most 60 bins; the last holds all that is far above the others.

    Raises:
        UsageError: no layer has such a metric.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021), for the range from 2 to 6; the null is this
        project's.

    Example:
        >>> import eigentail as et
        >>> drawing = hist(et.analyze(et.example()), "alpha")
        >>> [sum(mark.heights) for mark in drawing.panels[0].marks if mark.role == "data"]
        [3.0]
    """
    called = shown(metric)
    title = f"{called} of the layers of {model_name(report)}"
    rows = numbered(report.layers, metric)
    if not rows:
        return Drawing(plot="hist", title=title, missing=nothing_drawn(report.layers, metric))
    values = np.sort([row.metrics[metric] for row in rows])
    edges, beyond = _edges(values)
    null, known = _expected(rows, report.settings.tail, edges) if metric == ALPHA else (np.zeros(0), 0)
    wanted = metric == ALPHA and report.settings.null != "none"
    marks: list[Mark] = []
    if wanted and known:
        label = f"untrained copies, expected ({counted(known, 'layer')})"
        marks.append(Steps(role=Role.NULL, label=label, edges=numbers(edges), heights=numbers(null)))
    label = f"this model ({counted(len(rows), 'layer')})"
    inside = np.histogram(np.minimum(values, edges[-1]), edges)[0]
    marks.append(Steps(role=Role.DATA, label=label, edges=numbers(edges), heights=numbers(inside)))
    heights = [height for mark in marks if isinstance(mark, Steps) for height in mark.heights]
    panel = Panel(
        x=linear(called, numbers(edges)), y=linear("layers", heights, 0.0), marks=(*marks, *across(thresholds(metric)))
    )
    said = (
        f"median {called} {number(float(np.median(values)))}",
        f"the last bin holds {counted(beyond, 'layer')} above it" if beyond else "",
        "the null is that of independent entries, simulated for each shape" if wanted and known else "",
        f"of {len(rows) - known:,} layers the null is not known" if wanted and known < len(rows) else "",
        not_drawn(report.layers, rows, called),
    )
    return Drawing(plot="hist", title=title, panels=(panel,), caption=sentences(*said))


def _edges(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Edges of bins of one width (Freedman and Diaconis), and how many values lie above the last."""
    (low, high), beyond = near(values.tolist())
    span = high - low
    if not span > 0:
        room = 0.5 * abs(low) or 0.5
        return np.linspace(low - room, low + room, _FEWEST_BINS + 2), beyond
    quarter, three = np.quantile(values, (0.25, 0.75))
    width = 2 * float(three - quarter) / len(values) ** (1 / 3)
    bins = math.ceil(span / width) if width > span / _MOST_BINS else _MOST_BINS
    return np.linspace(low, high, max(_FEWEST_BINS, min(bins, _MOST_BINS, len(values))) + 1), beyond


def _expected(rows: Sequence[LayerReport], tail: str, edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Layers to be expected in each bin had none been trained, and of how many the null is known."""
    total, known = np.zeros(len(edges) - 1), 0
    for (shape, count), layers in Counter((row.layer.shape, row.layer.count) for row in rows).items():
        null = quantiles_of(f"{tail}/alpha", shape, count)
        if math.isnan(null.median):
            continue
        below = np.interp(edges, null.values, null.levels, left=0.0, right=1.0)
        total += layers * np.diff(below)
        known += layers
    return total, known


PLOT = Plot(name="hist", title="exponents beside those of the null", takes=Takes.MODEL, prepare=hist, metric=ALPHA)

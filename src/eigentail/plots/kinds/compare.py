"""The layers of several models as pairs: one line for each layer, one point on it for each model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from eigentail.plots.drawing import SERIES, Drawing, Links, Mark, Panel, Points, Role
from eigentail.plots.kind import Plot, Takes
from eigentail.plots.scales import linear, named
from eigentail.plots.series import ALPHA, across, checked, near, thresholds
from eigentail.plots.words import counted, sentences, shown
from eigentail.records.comparison import Comparison, MatchedLayer

_MOST_LAYERS: Final = 40


def compare(comparison: Comparison, metric: str) -> Drawing:
    """A metric of the layers that the models share, layer by layer.

    Args:
        comparison: of two models or more; the first six are drawn.
        metric: the name of a metric.

    Returns:
        At most 40 layers: those that differ most, in the order of the model.

    Raises:
        UsageError: no layer has such a metric.

    Example:
        >>> import eigentail as et
        >>> report = et.analyze(et.example())
        >>> compare(et.compare(report, report, names=["a", "b"]), "alpha").panels[0].y.names
        ('fc3', 'fc2', 'fc1')
    """
    called, names = shown(metric), comparison.names[: len(SERIES)]
    title = f"{called} of the same layers in {counted(len(comparison.names), 'model')}"
    checked(metric, (name for row in comparison.layers for name in row.values))
    rows = [row for row in comparison.layers if len(_known(row, metric)) > 1]
    if not rows:
        why = f"none of them has a number for {called} twice" if comparison.layers else "the models share no layer"
        return Drawing(plot="compare", title=title, missing=sentences(f"there is no pair: {why}"))
    drawn = _widest(rows, metric)[::-1]  # the first layer on top
    marks: list[Mark] = [*across(thresholds(metric)), _links(drawn, metric)]
    marks += [_points(drawn, metric, at, name) for at, name in enumerate(names)]
    values = [value for row in drawn for value in _known(row, metric)]
    span, beyond = near(values)
    ends = [2.0, 6.0] if metric == ALPHA else []
    panel = Panel(x=linear(called, span, *ends), y=named("", (shown(row.name) for row in drawn)), marks=tuple(marks))
    said = (
        f"{counted(len(rows), 'layer')} in two models or more",
        f"the {len(drawn)} that differ most are drawn" if len(drawn) < len(rows) else "",
        f"the first {len(names)} of {len(comparison.names)} models are drawn"
        if len(names) < len(comparison.names)
        else "",
        f"{beyond} points beyond the axis" if beyond else "",
        *_medians(comparison, metric),
    )
    return Drawing(plot="compare", title=title, panels=(panel,), caption=sentences(*said))


def _known(row: MatchedLayer, metric: str) -> list[float]:
    """The numbers that the drawn models have."""
    values = row.values.get(metric, ())[: len(SERIES)]
    return [value for value in values if math.isfinite(value)]


def _widest(rows: Sequence[MatchedLayer], metric: str) -> list[MatchedLayer]:
    """The layers whose numbers lie farthest apart, in their own order."""
    spans = [max(values) - min(values) for values in (_known(row, metric) for row in rows)]
    kept = sorted(range(len(rows)), key=lambda at: -spans[at])[:_MOST_LAYERS]
    return [rows[at] for at in sorted(kept)]


def _links(rows: Sequence[MatchedLayer], metric: str) -> Links:
    ends = [(min(values), max(values)) for values in (_known(row, metric) for row in rows)]
    return Links(
        role=Role.LINK,
        x=tuple(low for low, _ in ends),
        end=tuple(high for _, high in ends),
        y=tuple(float(at) for at in range(len(rows))),
    )


def _points(rows: Sequence[MatchedLayer], metric: str, model: int, name: str) -> Points:
    found = [
        (row.values[metric][model], float(at))
        for at, row in enumerate(rows)
        if math.isfinite(row.values[metric][model])
    ]
    return Points(
        role=SERIES[model],
        label=shown(name),
        x=tuple(x for x, _ in found),
        y=tuple(y for _, y in found),
    )


def _medians(comparison: Comparison, metric: str) -> list[str]:
    """The paired differences in sentences."""
    names = [shown(name) for name in comparison.names]
    return [
        f"median of {names[pair.model]} minus {names[0]} over {pair.layers:,} pairs: {pair.median:+.3g}; "
        f"smaller in {pair.smaller:,}, larger in {pair.larger:,}"
        for pair in comparison.paired
        if pair.metric == metric and pair.model < len(SERIES)
    ]


PLOT = Plot(
    name="compare", title="the same layers in several models", takes=Takes.COMPARISON, prepare=compare, metric=ALPHA
)

"""A metric over the depth of a model, one series for each kind of matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from eigentail.plots.drawing import Drawing, Line, Mark, Panel, Points, Role
from eigentail.plots.kind import Plot, Takes
from eigentail.plots.scales import MOST, linear, numbers, whole
from eigentail.plots.series import ALPHA, interval_of, near, not_drawn, nothing_drawn, numbered, roles_of, thresholds
from eigentail.plots.words import counted, model_name, number, sentences, shown
from eigentail.records import LayerReport, ModelReport

# More layers than this are drawn as medians.
_FEW: Final = 400
_MIDDLE: Final = (0.1, 0.5, 0.9)
# The series of one block stand side by side within this share of the way to the next.
_ASIDE: Final = 0.5


class _Spot(NamedTuple):
    """A point of a series: one layer, or the median of several."""

    x: float
    y: float
    low: float
    high: float
    name: str


def flow(report: ModelReport, metric: str) -> Drawing:
    """The metric of every layer over its block, intervals of alpha and the lines at 2 and 6 where it is alpha.

    Args:
        report: of a model; where it has no blocks, the place of a layer in the model takes their part.
        metric: the name of a metric.

    Returns:
        Every layer where they are few; beyond 400 medians with the range from 10 % to 90 % of the layers.

    Raises:
        UsageError: no layer has such a metric.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021), on the correlation flow.

    Example:
        >>> import eigentail as et
        >>> [mark.names for mark in flow(et.analyze(et.example()), "alpha").panels[0].marks if hasattr(mark, "names")]
        [('fc1', 'fc2', 'fc3')]
    """
    called = shown(metric)
    title = f"{called} over the depth of {model_name(report)}"
    rows = numbered(report.layers, metric)
    if not rows:
        return Drawing(plot="flow", title=title, missing=nothing_drawn(report.layers, metric))
    blocks = {row.layer.block for row in rows if row.layer.block is not None}
    placed = [row for row in rows if row.layer.block is not None] if len(blocks) > 1 else rows
    axis = "block" if len(blocks) > 1 else "layer, in the order of the model"
    values = [row.metrics[metric] for row in placed]
    span, beyond = near(values)
    marks = (*thresholds(metric), *_series(placed, metric, by_block=len(blocks) > 1))
    places = [x for mark in marks if isinstance(mark, Points) for x in mark.x]
    ends = [end for end in (2.0, 6.0) if metric == ALPHA]
    return Drawing(
        plot="flow",
        title=title,
        panels=(Panel(x=whole(axis, places), y=linear(called, span, *ends), marks=marks),),
        caption=sentences(
            f"{counted(len(placed), 'layer')}, median {called} {number(float(np.median(values)))}",
            "bars are 90 % intervals" if metric == ALPHA and len(placed) <= _FEW else "",
            f"more than {_FEW} layers: points are medians, bars run from 10 % to 90 % of the layers"
            if len(placed) > _FEW
            else "",
            f"{counted(beyond, 'layer')} above the axis" if beyond else "",
            f"{counted(len(rows) - len(placed), 'layer')} outside the blocks not drawn"
            if len(placed) < len(rows)
            else "",
            not_drawn(report.layers, rows, called),
        ),
    )


def _series(rows: Sequence[LayerReport], metric: str, *, by_block: bool) -> list[Mark]:
    """Points with their intervals, and a line through the medians of each series."""
    roles = roles_of(row.layer.kind for row in rows)
    labels = dict.fromkeys(roles.values())
    marks: list[Mark] = []
    for at, (role, label) in enumerate(labels):
        members = [row for row in rows if roles[row.layer.kind] == (role, label)]
        aside = _ASIDE * ((at + 0.5) / len(labels) - 0.5) if by_block else 0.0
        places = _places(members, by_block)
        spots = _spots(members, places, metric) if len(rows) <= _FEW else _medians(members, places, metric)
        marks += _drawn(spots, role, f"{label} ({len(members):,})", aside)
    return marks


def _places(rows: Sequence[LayerReport], by_block: bool) -> list[float]:
    """Where each layer stands; neighbours share a place where there are more places than can be told apart."""
    places = [float((row.layer.block or 0) if by_block else row.layer.index) for row in rows]
    width = (max(places) - min(places)) / MOST
    return [float(round(place / width) * width) for place in places] if width > 1 else places


def _spots(rows: Sequence[LayerReport], places: Sequence[float], metric: str) -> list[_Spot]:
    return [
        _Spot(x, row.metrics[metric], *interval_of(row.metrics, metric), shown(row.name))
        for x, row in zip(places, rows, strict=True)
    ]


def _medians(rows: Sequence[LayerReport], places: Sequence[float], metric: str) -> list[_Spot]:
    found: dict[float, list[float]] = {}
    for x, row in zip(places, rows, strict=True):
        found.setdefault(x, []).append(row.metrics[metric])
    spots = []
    for x, values in sorted(found.items()):
        low, middle, high = (float(value) for value in np.quantile(values, _MIDDLE))
        spots.append(_Spot(x, middle, low, high, counted(len(values), "layer")))
    return spots


def _drawn(spots: Sequence[_Spot], role: Role, label: str, aside: float) -> list[Mark]:
    points = Points(
        role=role,
        label=label,
        x=tuple(spot.x + aside for spot in spots),
        y=tuple(spot.y for spot in spots),
        low=tuple(spot.low for spot in spots),
        high=tuple(spot.high for spot in spots),
        names=tuple(spot.name for spot in spots),
    )
    places = sorted({spot.x for spot in spots})
    if len(places) < 2:
        return [points]
    middles = [float(np.median([spot.y for spot in spots if spot.x == x])) for x in places]
    return [Line(role=role, x=numbers(np.array(places) + aside), y=numbers(middles)), points]


PLOT = Plot(name="flow", title="alpha over depth, by kind of matrix", takes=Takes.MODEL, prepare=flow, metric=ALPHA)

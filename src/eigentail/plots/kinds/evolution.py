"""A metric of one model over its training, from reports in order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from eigentail.plots.drawing import Axis, Band, Drawing, Line, Mark, Numbers, Panel, Points, Role
from eigentail.plots.kind import Plot, Stage, Takes
from eigentail.plots.scales import linear, named, numbers, spread, whole
from eigentail.plots.series import ALPHA, checked, thresholds
from eigentail.plots.words import counted, sentences, shown


def evolution(stages: Sequence[Stage], metric: str) -> Drawing:
    """The mean over layers at each time, and the range that most layers lie in.

    Args:
        stages: in order.
        metric: the name of a metric.

    Returns:
        At most 200 times, by step where every stage has one.

    Raises:
        UsageError: no layer of any stage has such a metric.

    Source: Martin & Mahoney, JMLR 22 (2021), section 6, for spectra over training.

    Example:
        >>> import eigentail as et
        >>> report = et.analyze(et.example())
        >>> stages = [Stage(name="a", report=report, step=0), Stage(name="b", report=report, step=10)]
        >>> evolution(stages, "alpha").panels[0].marks[-1].x
        (0.0, 10.0)
    """
    called = shown(metric)
    title = f"{called} over training"
    checked(metric, (name for stage in stages for row in stage.report.layers for name in row.metrics))
    known = [stage for stage in stages if _values(stage, metric)]
    if not known:
        why = f"none of {counted(len(stages), 'report')} has a layer with a number for {called}"
        return Drawing(plot="evolution", title=title, missing=sentences(why))
    drawn = [known[at] for at in spread(len(known))]
    x, axis = _axis(drawn)
    ranges = np.array([np.quantile(_values(stage, metric), (0.1, 0.5, 0.9)) for stage in drawn])
    label = "10 % to 90 % of the layers"
    middle = Line(role=Role.SERIES_2, label="median of the layers", x=x, y=numbers(ranges[:, 1]))
    marks: list[Mark] = [
        Band(role=Role.INTERVAL, label=label, x=x, low=numbers(ranges[:, 0]), high=numbers(ranges[:, 2])),
        *thresholds(metric),
        middle,
        *_means(drawn, x, metric),
    ]
    heights = [value for mark in marks if isinstance(mark, Line | Points) for value in mark.y]
    y = linear(called, [*heights, *numbers(ranges[:, 0]), *numbers(ranges[:, 2])], *([2.0] if metric == ALPHA else []))
    said = (
        f"{counted(len(known), 'report')}{f', {len(drawn)} drawn' if len(drawn) < len(known) else ''}",
        f"{len(stages) - len(known)} without a number left out" if len(known) < len(stages) else "",
        "one report shows no course" if len(known) == 1 else "",
    )
    panel = Panel(x=axis, y=y, marks=tuple(marks))
    return Drawing(plot="evolution", title=title, panels=(panel,), caption=sentences(*said))


def _values(stage: Stage, metric: str) -> list[float]:
    values = (row.metrics.get(metric, math.nan) for row in stage.report.layers)
    return [value for value in values if math.isfinite(value)]


def _axis(stages: Sequence[Stage]) -> tuple[Numbers, Axis]:
    """Steps where all are known; else the stages one after the other, by name."""
    steps = [stage.step for stage in stages if stage.step is not None]
    if len(set(steps)) == len(stages):
        return tuple(float(step) for step in steps), whole("training step", [float(step) for step in steps])
    return numbers(np.arange(len(stages))), named("", (stage.name for stage in stages))


def _means(stages: Sequence[Stage], x: Numbers, metric: str) -> list[Mark]:
    """The model's own number where its summary has one, and the points that make it up."""
    found = [
        (at, stage.report.summary.mean.get(metric, math.nan), stage.name) for at, stage in zip(x, stages, strict=True)
    ]
    found = [(at, mean, name) for at, mean, name in found if math.isfinite(mean)]
    if not found:
        return []
    places, means = tuple(at for at, _, _ in found), tuple(mean for _, mean, _ in found)
    names = tuple(name for _, _, name in found)
    return [
        Line(role=Role.SERIES_1, x=places, y=means),
        Points(role=Role.SERIES_1, label="mean of the model", x=places, y=means, names=names),
    ]


PLOT = Plot(name="evolution", title="a metric over training", takes=Takes.MODELS, prepare=evolution, metric=ALPHA)

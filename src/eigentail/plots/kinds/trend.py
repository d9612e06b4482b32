"""A metric against the quality of the models of a series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eigentail.plots.drawing import Band, Drawing, Line, Mark, Panel, Points, Role
from eigentail.plots.kind import Plot, Takes
from eigentail.plots.scales import linear, numbers
from eigentail.plots.series import checked, roles_of
from eigentail.plots.words import SENTENCE, counted, number, sentences, shown
from eigentail.records.study import Measured, Study
from eigentail.records.trend import Trend

_FEWEST_FOR_A_BAND: Final = 4
_GRID: Final = 50


class _Model(NamedTuple):
    """A model that has both numbers."""

    x: float
    y: float
    name: str
    group: str


def trend(study: Study, metric: str) -> Drawing:
    """The models of a series, the straight line through them, and how far that rests on single models.

    Args:
        study: from `eigentail.study`.
        metric: the name of a metric, or `parameters` or `layers`; "" for alpha_weighted, or the first there is.

    Returns:
        A drawing whose caption says tau, its p-value and R2.

    Raises:
        UsageError: the study has no such metric.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021), figures 3 and 4.

    Example:
        >>> import eigentail as et
        >>> drawing = trend(et.study("nature2021-vgg"), "log_norm")
        >>> drawing.caption[:40]
        '8 models. Kendall tau -0.786 (p = 0.0055'
    """
    trends = {**study.metrics, **study.baselines}
    metric = metric or next((name for name in ("alpha_weighted", *study.metrics) if name in study.metrics), "")
    title = f"{shown(study.series.title)}: {shown(metric) or 'no metric'} and {shown(study.series.metric)}"
    checked(metric, trends if metric else ())
    models = [model for each in study.models if (model := _model(each, metric)) is not None]
    if not models:
        return Drawing(plot="trend", title=title, missing="No model has both a number and a value.")
    found = trends[metric]
    better = "higher" if study.series.higher_is_better else "lower"
    marks = (*_line(models, found, study.series.higher_is_better), *_points(models))
    heights = [y for mark in marks if isinstance(mark, Line | Points) for y in mark.y]
    panel = Panel(
        x=linear(shown(metric), [model.x for model in models]),
        y=linear(f"{shown(study.series.metric)} ({better} is better)", heights),
        marks=marks,
    )
    left_out = len(study.models) - len(models)
    said = (
        counted(len(models), "model"),
        _statistics(found),
        f"{counted(left_out, 'model')} without both numbers left out" if left_out else "",
        *(shown(caveat, SENTENCE) for caveat in study.series.caveats[:1]),
    )
    missing = sentences(f"no trend: {shown(found.reason, SENTENCE)}") if found.reason else ""
    return Drawing(plot="trend", title=title, panels=(panel,), caption=sentences(*said), missing=missing)


def _model(found: Measured, metric: str) -> _Model | None:
    """The numbers of a model, or None."""
    sizes = {"parameters": found.parameters, "layers": found.layers}
    size = sizes.get(metric)
    x = found.metrics.get(metric, math.nan if size is None else float(size))
    if not (math.isfinite(x) and math.isfinite(found.model.value)):
        return None
    return _Model(x, found.model.value, shown(found.name), found.model.group)


def _statistics(found: Trend) -> str:
    if found.reason:
        return ""
    tau = f"Kendall tau {number(found.kendall_tau)} (p = {number(found.kendall_p)}, {found.kendall_p_by})"
    out = f", {number(found.tau_low)} to {number(found.tau_high)} with one model left out"
    return f"{tau}{out if math.isfinite(found.tau_low) else ''}; R² {number(found.r2)}"


def _points(models: Sequence[_Model]) -> list[Mark]:
    """One series, or one for each group."""
    roles = roles_of(model.group for model in models)
    marks: list[Mark] = []
    for role, label in dict.fromkeys(roles.values()):
        members = [model for model in models if roles[model.group] == (role, label)]
        marks.append(
            Points(
                role=role,
                label=label or "models",
                x=tuple(model.x for model in members),
                y=tuple(model.y for model in members),
                names=tuple(model.name for model in members),
            )
        )
    return marks


def _line(models: Sequence[_Model], found: Trend, higher_is_better: bool) -> list[Mark]:
    """The fitted line, and the range of the lines with each model left out."""
    if not math.isfinite(found.slope + found.intercept):
        return []
    x, y = np.array([model.x for model in models]), np.array([model.y for model in models])
    grid = np.linspace(x.min(), x.max(), _GRID)
    sign = 1.0 if higher_is_better else -1.0  # the line was fitted to quality, which is minus an error
    label = "straight line"
    line = Line(role=Role.FIT, label=label, x=numbers(grid), y=numbers(sign * (found.intercept + found.slope * grid)))
    lines = [_fitted(np.delete(x, at), np.delete(y, at), grid) for at in range(len(x))]
    known = np.array([each for each in lines if np.all(np.isfinite(each))])
    if len(x) < _FEWEST_FOR_A_BAND or not len(known):
        return [line]
    label = "with one model left out"
    low, high = numbers(known.min(axis=0)), numbers(known.max(axis=0))
    return [Band(role=Role.INTERVAL, label=label, x=numbers(grid), low=low, high=high), line]


def _fitted(x: NDArray[np.float64], y: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """The least-squares line at the points of a grid; NaN where all x are equal."""
    with np.errstate(all="ignore"):
        dx = x - x.mean()
        slope = dx @ (y - y.mean()) / (dx @ dx)
        fitted: NDArray[np.float64] = y.mean() + slope * (grid - x.mean())
    return fitted


PLOT = Plot(name="trend", title="a metric against the quality of a series", takes=Takes.STUDY, prepare=trend)

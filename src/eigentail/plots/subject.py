"""RECORD -> what a plot is made of: a layer of a report, reports in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from eigentail.errors import UsageError
from eigentail.plots.kind import Plot, Stage, Takes, plots
from eigentail.plots.words import model_name, shown
from eigentail.records import LayerReport, ModelReport
from eigentail.records.comparison import Comparison
from eigentail.records.difference import Difference, LayerDifference
from eigentail.records.study import Study

_WHOLE: Final = {Takes.MODEL: ModelReport, Takes.COMPARISON: Comparison, Takes.STUDY: Study}


def subject_of(record: object, plot: Plot, layer: str | int | None = None) -> Any:
    """What `plot.prepare` is given.

    Args:
        record: what the user has.
        plot: what is to be drawn.
        layer: which one, where the record has several; None for the largest with a fit, or the most changed.

    Returns:
        The subject; None where the record holds no layer at all.

    Raises:
        UsageError: the plot is not made of such a record, or there is no such layer.

    Example:
        >>> import eigentail as et
        >>> subject_of(et.analyze(et.example()), plots["esd"]).name
        'fc2'
    """
    if plot.takes in (Takes.LAYER, Takes.CHANGE):
        return _one(record, plot, layer)
    if layer is not None:
        raise UsageError(f"{plot.name} shows no single layer", where="layer", hint="leave it out")
    if plot.takes is Takes.MODELS:
        found: object = _stages(record)
    else:
        found = record if isinstance(record, _WHOLE[plot.takes]) else None
    if found is None:
        raise _wrong(record, plot)
    return found


def _one(record: object, plot: Plot, layer: str | int | None) -> LayerReport | LayerDifference | None:
    """One layer of whatever it is."""
    is_change = plot.takes is Takes.CHANGE
    if isinstance(record, LayerReport) or (is_change and isinstance(record, LayerDifference)):
        return record
    if isinstance(record, ModelReport):
        return _layer(record, layer)
    if is_change and isinstance(record, Difference):
        return _changed(record, layer)
    raise _wrong(record, plot)


def _wrong(record: object, plot: Plot) -> UsageError:
    what = f"{plot.name} is made of {plot.takes.sentence}; this is {_what(record)}"
    return UsageError(what, hint=_hint(record))


def _layer(report: ModelReport, layer: str | int | None) -> LayerReport | None:
    """By name or place; the largest with a fit where none is named."""
    if layer is None:
        return max(report.layers, key=lambda row: (row.fit.ok, row.layer.num_evals), default=None)
    if isinstance(layer, int) and not -len(report.layers) <= layer < len(report.layers):
        raise UsageError(f"no layer {layer}: there are {len(report.layers)}", hint="the first is 0")
    return report.layers[layer]


def _changed(difference: Difference, layer: str | int | None) -> LayerDifference | None:
    """By name or place; the most changed one that has a spectrum where none is named."""
    if isinstance(layer, str):
        return difference.layer(layer)
    if layer is not None:
        if not -len(difference.layers) <= layer < len(difference.layers):
            raise UsageError(f"no layer {layer}: there are {len(difference.layers)}", hint="the first is 0")
        return difference.layers[layer]
    ranked = difference.ranked() or difference.layers
    return next((row for row in ranked if row.change.spectrum is not None), ranked[0] if ranked else None)


def _stages(record: object) -> tuple[Stage, ...] | None:
    """Reports in order, each with a name; by step where a series knows the steps."""
    if isinstance(record, Study):
        found = [each for each in record.models if each.report is not None]
        stages = [
            Stage(name=shown(each.name), report=each.report, step=each.model.step) for each in found if each.report
        ]
        steps = [stage.step for stage in stages if stage.step is not None]
        return tuple(sorted(stages, key=lambda stage: stage.step or 0) if len(steps) == len(stages) else stages)
    if isinstance(record, Comparison):
        pairs = zip(record.names, record.reports, strict=True)
        return tuple(Stage(name=shown(name), report=report) for name, report in pairs)
    if isinstance(record, ModelReport):
        return (Stage(name=model_name(record), report=record),)
    if isinstance(record, Sequence) and record and all(isinstance(report, ModelReport) for report in record):
        return tuple(Stage(name=model_name(report), report=report) for report in record)
    return None


def _what(record: object) -> str:
    names: dict[type, str] = {ModelReport: "a model's report", LayerReport: "a layer's report"}
    return names.get(type(record), f"a {type(record).__name__}")


def _hint(record: object) -> str:
    """The plots that can be made of a record."""
    fitting: dict[type, tuple[Takes, ...]] = {
        LayerReport: (Takes.LAYER, Takes.CHANGE),
        ModelReport: (Takes.LAYER, Takes.MODEL),
        Comparison: (Takes.COMPARISON, Takes.MODELS),
        Study: (Takes.STUDY, Takes.MODELS),
        Difference: (Takes.CHANGE,),
        LayerDifference: (Takes.CHANGE,),
    }
    names = [name for name, plot in plots.items() if plot.takes in fitting.get(type(record), ())]
    return f"of that there are {', '.join(names)}" if names else "give a report, a comparison, a difference or a study"

"""Related models with a measured quality each: how well does every metric tell which one is better?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from msgspec.structs import replace

from eigentail.analysis.compare import reported
from eigentail.analysis.progress import SILENT, Progress
from eigentail.analysis.reading import reading_of
from eigentail.analysis.study_file import series_named
from eigentail.analysis.study_trends import concluded, layers_in, weights_in
from eigentail.errors import SourceError, UsageError
from eigentail.execution import Executor, serial
from eigentail.records.study import Measured, Series, SeriesModel, Study
from eigentail.settings import DEFAULT, Settings
from eigentail.store import SpectrumStore


def study(
    target: object,
    settings: Settings = Settings(),
    *,
    using: Executor = serial,
    progress: Progress = SILENT,
    store: SpectrumStore | None = None,
) -> Study:
    """Measure every model of a series and say how each metric goes with the models' quality.

    Args:
        target: the path of a study file, the name of a built-in study of one series ("nature2021-vgg"), a `Series`, a
            mapping of name to (model, value), or a sequence of (name, model, value). A model is whatever `analyze`
            takes, a report, or the path of a saved one; values given in Python are the better the larger they are:
            negate an error or a loss.
        settings: for the models that are measured; of published averages those that `metrics` names are
            taken, and saved reports are what they are.
        using: how many hands.
        progress: told of each model in turn.
        store: as for `analyze`.

    Returns:
        A trend for every metric beside those of the baselines, and what can be concluded. A model that cannot be had
        is left out and named in `problems`.

    Raises:
        UsageError: the target is no study file and no built-in study, stands for several series (`studies` takes
            those), or a metric is not known.
        LayerError: a layer failed and `settings.strict` is set.
        Interrupted: Ctrl-C.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021), for RMSE, R2 and Kendall's tau over a series.

    Example:
        >>> import eigentail as et
        >>> found = study("zoo-digits_noise", et.Settings(metrics=("log_norm", "alpha_weighted")))
        >>> found.n, found.metrics["log_norm"].kendall_tau
        (5, -1.0)
    """
    series = series_of(target)
    if len(series) > 1:
        names = ", ".join(one.name for one in series)
        raise UsageError(f"holds {len(series)} series", where=str(target), hint=f"name one of {names}")
    return _studied(series[0], settings, using, progress, store)


def studies(
    target: object,
    settings: Settings = Settings(),
    *,
    using: Executor = serial,
    progress: Progress = SILENT,
    store: SpectrumStore | None = None,
) -> tuple[Study, ...]:
    """As `study`, for a name that stands for several series: one study each.

    Args:
        target: as for `study`, or "nature2021", "sdm2020", "zoo".
        settings: as for `study`.
        using: how many hands.
        progress: told of each model in turn.
        store: as for `analyze`.

    Raises:
        UsageError: as `study`.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021).

    Example:
        >>> [found.n for found in studies("nature2021")]
        [4, 5, 5, 19, 8]
    """
    return tuple(_studied(one, settings, using, progress, store) for one in series_of(target))


def series_of(target: object) -> tuple[Series, ...]:
    """The series that a target stands for; see `study`.

    Args:
        target: a path, a name, a `Series`, a mapping or a sequence.

    Raises:
        UsageError: it is none of these, or names a model twice.

    Example:
        >>> [model.name for model in series_of([("a", "a.pt", 1.0), ("b", "b.pt", 2.0)])[0].models]
        ['a', 'b']
    """
    if isinstance(target, Series):
        return (target,)
    if isinstance(target, str | Path):
        return series_named(target)
    rows = _rows(target)
    names = [name for name, _, _ in rows]
    if len(set(names)) < len(names):
        raise UsageError("several models have the same name", where="study", hint="name each apart")
    models = tuple(SeriesModel(name=name, value=value, target=model) for name, model, value in rows)
    return (Series(name="study", title="study", higher_is_better=True, models=models),)


def measured(
    model: SeriesModel,
    settings: Settings = Settings(),
    *,
    using: Executor = serial,
    progress: Progress = SILENT,
    store: SpectrumStore | None = None,
) -> Measured:
    """The numbers of one model: published ones as they are, else the means of its report.

    Args:
        model: of a series.
        settings: for one that is analysed.
        using: how many hands.
        progress: told of the analysis.
        store: as for `analyze`.

    Returns:
        The numbers; without them, the reason: no such file, a format that cannot be read, no matrix large enough.

    Raises:
        UsageError: an unknown metric, or a pattern that matches no layer.
        LayerError: a layer failed and `settings.strict` is set.
        Interrupted: Ctrl-C.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021): a model's value is the mean over its layers.

    Example:
        >>> measured(SeriesModel(name="a", value=1.0, target="nowhere.pt")).reason
        '...nowhere.pt: no such file or folder...'
    """
    found = Measured(model=model, parameters=model.parameters, layers=model.layers)
    wrong = "" if math.isfinite(model.value) else f"its value is {model.value}: left out of every trend"
    if model.metrics:
        return replace(found, metrics=_asked(model.metrics, settings), reason=wrong)
    if model.target is None:
        return replace(found, reason=model.missing or "its weights are not here")
    try:
        report = reported(model.target, settings, using=using, progress=progress, store=store)
    except SourceError as error:
        return replace(found, reason=str(error))
    return replace(
        found,
        metrics=report.summary.mean,
        report=report,
        parameters=weights_in(report) if model.parameters is None else model.parameters,
        layers=layers_in(report) if model.layers is None else model.layers,
        reading=reading_of(report),
        reason=wrong,
    )


def _asked(published: Mapping[str, float], settings: Settings) -> dict[str, float]:
    """Of published averages those that the settings name; they may have names that no metric has."""
    usual = DEFAULT in settings.metrics
    return {
        name: value
        for name, value in published.items()
        if usual or any(fnmatchcase(name, word) for word in settings.metrics)
    }


def _studied(
    series: Series, settings: Settings, using: Executor, progress: Progress, store: SpectrumStore | None
) -> Study:
    models = [measured(model, settings, using=using, progress=progress, store=store) for model in series.models]
    return concluded(series, models, settings)


def _rows(target: object) -> list[tuple[str, object, float]]:
    """(name, model, value) of what a user gives in Python."""
    try:
        if isinstance(target, Mapping):
            return [(str(name), model, float(value)) for name, (model, value) in target.items()]
        if isinstance(target, Sequence):
            return [(str(name), model, float(value)) for name, model, value in target]
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"a model of a study is not understood ({error})", hint="give (name, model, value) for each"
        ) from error
    raise UsageError(f"a {type(target).__name__} is no study", hint="give a path, a name, or (name, model, value) rows")

"""The trends of a series whose models are measured: every metric, the baselines, inside each group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from eigentail.analysis.study_findings import checks_of, findings_of
from eigentail.numerics.trend import holm, partial_tau, trend_of
from eigentail.records import NAN, ModelReport
from eigentail.records.study import Measured, Series, Study
from eigentail.records.trend import Trend
from eigentail.settings import Settings

# Those the papers are about, in the order in which they are shown.
HEADLINE: Final = ("log_norm", "log_spectral_norm", "alpha_weighted", "log_alpha_norm", "alpha", "stable_rank", "D")
_COUNTED: Final = {"pooled": "per layer", "per-slice": "per conv slice", "flatten": "per layer, flattened"}
_PUBLISHED: Final = "as published"


def concluded(series: Series, models: Sequence[Measured], settings: Settings = Settings()) -> Study:
    """What the models of a series show together.

    Args:
        series: what they belong to.
        models: measured; in the order of the series.
        settings: how.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021).

    Example:
        >>> from eigentail.analysis.study import measured, series_of
        >>> series = series_of("nature2021-densenet")[0]
        >>> concluded(series, [measured(model) for model in series.models]).baselines["parameters"].kendall_tau
        1.0
    """
    models = _alike(models)
    reports = [found.report for found in models if found.report is not None]
    sign = 1.0 if series.higher_is_better else -1.0
    quality = [sign * found.model.value for found in models]
    sizes = [_number(found.parameters) for found in models]
    names = _metric_names(models)
    trends = {name: _trend([found.metrics.get(name, NAN) for found in models], quality, sizes) for name in names}
    published = any(found.metrics for found in models) and not reports
    used = None if published else (reports[0].settings if reports else settings)
    made = Study(
        series=series,
        settings=used,
        counting=_PUBLISHED if used is None else _COUNTED[used.conv],
        models=tuple(models),
        metrics=_corrected(trends),
        baselines={
            "parameters": trend_of(sizes, quality),
            "layers": _trend([_number(found.layers) for found in models], quality, sizes),
        },
        groups=_grouped(models, quality, names),
        checks=(),
        findings=(),
    )
    made = replace(made, checks=checks_of(made))
    return replace(made, findings=findings_of(made))


def weights_in(report: ModelReport) -> int:
    """How many weights the analysed layers hold.

    Example:
        >>> import eigentail as et
        >>> weights_in(et.analyze(et.example()))  # 64 x 192, 192 x 192, 192 x 10
        51072
    """
    return sum(row.layer.shape[0] * row.layer.shape[1] * row.layer.count for row in report.layers)


def layers_in(report: ModelReport) -> int:
    """How many layers were analysed; the kernel positions of one convolution ("conv1[0,2]") are one layer.

    Example:
        >>> import eigentail as et
        >>> layers_in(et.analyze(et.example()))
        3
    """
    return len({row.name.partition("[")[0] for row in report.layers})


def _alike(models: Sequence[Measured]) -> tuple[Measured, ...]:
    """Sizes from one source for all: the series', where it tells that of every model, else what was analysed."""
    given = [found.model for found in models]
    if any(model.parameters is None for model in given):
        models = [replace(found, parameters=found.report and weights_in(found.report)) for found in models]
    if any(model.layers is None for model in given):
        models = [replace(found, layers=found.report and layers_in(found.report)) for found in models]
    return tuple(models)


def _number(size: int | None) -> float:
    return NAN if size is None else float(size)


def _metric_names(models: Sequence[Measured]) -> list[str]:
    """Every metric of any model, those of the papers first."""
    seen = dict.fromkeys(name for found in models for name in found.metrics)
    return [name for name in HEADLINE if name in seen] + [name for name in seen if name not in HEADLINE]


def _trend(values: Sequence[float], quality: Sequence[float], sizes: Sequence[float]) -> Trend:
    return replace(trend_of(values, quality), partial_tau=partial_tau(values, quality, sizes))


def _corrected(trends: Mapping[str, Trend]) -> dict[str, Trend]:
    """The trends with their p-values corrected for how many there are."""
    corrected = holm(trend.kendall_p for trend in trends.values())
    return {name: replace(trend, kendall_p_holm=p) for (name, trend), p in zip(trends.items(), corrected, strict=True)}


def _grouped(
    models: Sequence[Measured], quality: Sequence[float], names: Sequence[str]
) -> dict[str, Mapping[str, Trend]]:
    """The trends inside each group, where the series has groups."""
    members: dict[str, list[int]] = {}
    for at, found in enumerate(models):
        if found.model.group:
            members.setdefault(found.model.group, []).append(at)
    return {
        group: {
            name: trend_of([models[at].metrics.get(name, NAN) for at in rows], [quality[at] for at in rows])
            for name in names
        }
        for group, rows in members.items()
    }

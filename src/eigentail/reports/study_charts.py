"""STUDIES -> charts: each number against the quality that was measured, with the line through it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from eigentail.records.study import Measured, Study
from eigentail.records.trend import Trend
from eigentail.reports.exhibit import Axis, Chart, Exhibit, Series, rounded
from eigentail.reports.table import cell_text, visible


def studies_exhibit(studies: Sequence[Study]) -> Exhibit:
    """What the page of studies draws: a chart for each metric and baseline.

    Args:
        studies: one at least.

    Example:
        >>> from eigentail.analysis.study import studies
        >>> [chart.name for chart in studies_exhibit(studies("nature2021-resnet")).charts][:2]
        ['log_norm', 'log_spectral_norm']
    """
    charts = [chart for study in studies for chart in _charts(study, len(studies) > 1)]
    # in the order of `study_tables.trends_table`, the main table of the page
    numbered = tuple(replace(chart, row=row) for row, chart in enumerate(charts))
    return Exhibit(title="The numbers against the quality", charts=numbered)


def _charts(study: Study, named: bool) -> Iterator[Chart]:
    """The charts of one study, its own metrics before the size."""
    before = f"{visible(study.series.name)}, {study.counting}: " if named else ""
    for name, trend in study.metrics.items():
        yield _chart(study, name, trend, before, [found.metrics.get(name, math.nan) for found in study.models])
    for name, trend in study.baselines.items():
        yield _chart(study, name, trend, before, [_or_nan(getattr(found, name)) for found in study.models])


def _chart(study: Study, name: str, trend: Trend, before: str, numbers: Sequence[float]) -> Chart:
    """One number against the value: a mark for each group of models, and the straight line."""
    found = zip(study.models, numbers, strict=True)
    usable = [(m, x) for m, x in found if math.isfinite(x) and math.isfinite(m.model.value)]
    groups = dict.fromkeys(model.model.group for model, _ in usable)
    series = [_points(group, [(m, x) for m, x in usable if m.model.group == group]) for group in groups]
    ends = (min(x for _, x in usable), max(x for _, x in usable)) if usable else ()
    if ends and math.isfinite(trend.slope):
        sign = 1 if study.series.higher_is_better else -1  # the line is that of quality: minus an error or a loss
        line = tuple(rounded(sign * (trend.slope * x + trend.intercept)) for x in ends)
        series.append(Series(name="straight line", kind="line", x=tuple(map(rounded, ends)), y=line))
    better = "higher" if study.series.higher_is_better else "lower"
    return Chart(
        name=f"{before}{visible(name)}",
        x=Axis(visible(name)),
        y=Axis(f"{visible(study.series.metric)} ({better} is better)"),
        series=tuple(series),
        caption=_caption(trend),
    )


def _points(group: str, found: Sequence[tuple[Measured, float]]) -> Series:
    return Series(
        name=visible(group) or "models",
        x=tuple(rounded(x) for _, x in found),
        y=tuple(rounded(model.model.value) for model, _ in found),
        names=tuple(visible(model.name) for model, _ in found),
    )


def _caption(trend: Trend) -> str:
    """The statistics of the picture."""
    if trend.reason:
        return f"{trend.reason[:1].upper()}{trend.reason[1:]}."
    return (
        f"{trend.n} models; Kendall's tau {cell_text(trend.kendall_tau)} (p {cell_text(trend.kendall_p)}), negative "
        f"where a smaller number goes with the better model; R2 {cell_text(trend.r2)}, RMSE {cell_text(trend.rmse)}."
    )


def _or_nan(value: int | None) -> float:
    return math.nan if value is None else float(value)

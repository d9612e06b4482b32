"""STUDIES -> tables: the trends, the models, the published numbers, the groups, the reading of the exponents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from eigentail.records.study import Study
from eigentail.records.trend import Trend
from eigentail.reports.table import ALWAYS, FILES_ONLY, Cell, Column, Table

# The metrics of the papers, and how soon each gives way on a narrow terminal.
SHOWN: Final = {
    "alpha_weighted": ALWAYS,
    "alpha": 1,
    "log_norm": 2,
    "log_spectral_norm": 3,
    "log_alpha_norm": 4,
    "stable_rank": 5,
    "D": 6,
}
_STATISTICS: Final = (
    ("n", "n", 3),
    ("kendall_tau", "tau", ALWAYS),
    ("kendall_p", "p", ALWAYS),
    ("kendall_p_holm", "p_holm", 4),
    ("partial_tau", "tau_given_size", 5),
    ("spearman", "spearman", 6),
    ("spearman_p", "spearman_p", FILES_ONLY),
    ("r2", "r2", 1),
    ("rmse", "rmse", 2),
    ("slope", "slope", 7),
    ("intercept", "intercept", FILES_ONLY),
    ("tau_low", "tau_low", 6),
    ("tau_high", "tau_high", 6),
    ("r2_low", "r2_low", FILES_ONLY),
    ("r2_high", "r2_high", FILES_ONLY),
    ("left_out", "left_out", FILES_ONLY),
    ("kendall_p_by", "p_by", FILES_ONLY),
)
_NOTES: Final = {
    "tau": "tau: Kendall's, negative where a smaller number goes with the better model, as the papers print it",
    "p": "p: two-sided, exact up to 50 models without ties and up to 8 with them, else a normal approximation",
    "p_holm": "p_holm: corrected for all metrics of the study",
    "tau_given_size": "tau_given_size: with the number of parameters held fixed; - where that orders the models itself",
    "tau_low": "tau_low, tau_high: the range of tau with one model left out",
    "rmse": "rmse, slope: in units of the value; the slope is that of quality: minus the value of an error or a loss",
    "r2": "r2: of the straight line of quality on the number",
}
Rows = list[tuple[Cell, ...]]


def trends_table(studies: Sequence[Study]) -> Table:
    """One row for each metric and baseline of each study, with every statistic.

    Args:
        studies: one or more.

    Example:
        >>> from eigentail.analysis.study import studies
        >>> table = trends_table(studies("nature2021-resnet"))
        >>> [column.name for column in table.columns][:4], table.rows[0][:3]
        (['number', 'what', 'n', 'tau'], ('log_norm', 'metric', 5))
    """
    rows: Rows = []
    for study in studies:
        rows += [(*_which(study, studies), name, "metric", *_numbers(trend)) for name, trend in study.metrics.items()]
        rows += [(*_which(study, studies), name, "baseline", *_numbers(it)) for name, it in study.baselines.items()]
    columns = (*_which_columns(studies), Column("number"), Column("what", "text", 3), *_statistics_columns())
    return Table(title="Trends", columns=columns, rows=tuple(rows))


def headline_table(studies: Sequence[Study]) -> Table:
    """The metrics of the papers beside the baselines, one row each; empty where the studies have no other metrics.

    Args:
        studies: one or more.

    Example:
        >>> from eigentail.analysis.study import studies
        >>> headline_table(studies("nature2021-resnet")).rows
        ()
    """
    whole = trends_table(studies)
    at = next(i for i, column in enumerate(whole.columns) if column.name == "number")
    rows = tuple(row for row in whole.rows if row[at] in SHOWN or row[at + 1] == "baseline")
    return Table(
        title="The papers' metrics beside the size",
        columns=whole.columns,
        rows=rows if len(rows) < len(whole.rows) else (),
    )


def models_table(studies: Sequence[Study]) -> Table:
    """One row for each model: the measured quality, the size, the means of the papers' metrics.

    Args:
        studies: one or more.

    Example:
        >>> from eigentail.analysis.study import studies
        >>> models_table(studies("nature2021-resnet")).rows[0][:4]
        ('resnet18', 69.76, 11689512, 18)
    """
    names = [name for name in SHOWN if any(name in study.metrics for study in studies)]
    grouped = any(study.groups for study in studies)
    values = {study.series.metric for study in studies}
    value = values.pop() if len(values) == 1 else "value"
    columns = (
        *_which_columns(studies),
        Column("model", "name"),
        *([Column("group", "text", 3)] if grouped else []),
        Column(value, "number"),
        Column("parameters", "number", 5),
        Column("layers", "number", 6),
        *(Column(name, "number", SHOWN[name]) for name in names),
        Column("missing", "sentence", 1 if any(study.problems for study in studies) else FILES_ONLY),
    )
    rows: Rows = [
        (
            *_which(study, studies),
            found.name,
            *([found.model.group] if grouped else []),
            found.model.value,
            found.parameters,
            found.layers,
            *(found.metrics.get(name) for name in names),
            found.reason,
        )
        for study in studies
        for found in study.models
    ]
    return Table(title="Models", columns=columns, rows=tuple(rows), footnotes=tuple(_caveats(studies)))


def printed_table(studies: Sequence[Study]) -> Table:
    """Each published statistic beside the same one computed now.

    Args:
        studies: one or more.

    Example:
        >>> from eigentail.analysis.study import studies
        >>> printed_table(studies("nature2021-resnet")).rows[0][:3]
        ('log_norm', 'rmse', '0.9')
    """
    columns = (
        *_which_columns(studies),
        Column("metric"),
        Column("statistic"),
        Column("printed", "number"),
        Column("recomputed", "number"),
        Column("difference", "number", 2),
        Column("agrees"),
    )
    rows: Rows = [
        (
            *_which(study, studies),
            check.metric,
            check.statistic,
            f"{check.printed:g}",
            check.recomputed,
            check.difference,
            "yes" if check.agrees else "no",
        )
        for study in studies
        for check in study.checks
    ]
    note = "agrees: the recomputed number rounds to the two significant digits in print"
    return Table(title="Beside the printed table", columns=columns, rows=tuple(rows), footnotes=(note,) if rows else ())


def groups_table(studies: Sequence[Study]) -> Table:
    """For each metric tau over all models, and tau inside each group.

    Args:
        studies: one or more.

    Example:
        >>> from eigentail.analysis.study import studies
        >>> groups_table(studies("nature2021-resnet")).rows
        ()
    """
    groups = list(dict.fromkeys(group for study in studies for group in study.groups))
    columns = (
        *_which_columns(studies),
        Column("metric"),
        Column("all models", "number"),
        *(Column(group, "number", 1) for group in groups),
    )
    rows: Rows = [
        (*_which(study, studies), name, pooled.kendall_tau, *(_inside(study.groups, group, name) for group in groups))
        for study in studies
        if study.groups
        for name, pooled in study.metrics.items()
    ]
    return Table(title="Kendall's tau over all models and inside groups", columns=columns, rows=tuple(rows))


def reading_table(studies: Sequence[Study]) -> Table:
    """The papers' reading of each model's exponents, beside what untrained copies would show.

    Args:
        studies: one or more.

    Example:
        >>> from eigentail.analysis.study import studies
        >>> reading_table(studies("nature2021-resnet")).rows
        ()
    """
    columns = (
        *_which_columns(studies),
        Column("model", "name"),
        Column("exponents", "number", 3),
        Column("alpha", "number"),
        Column("untrained alpha", "number"),
        Column("in 2 to 4", "number", 1),
        Column("untrained in 2 to 4", "number", 2),
        Column("in 2 to 6", "number", 1),
        Column("untrained in 2 to 6", "number", 2),
        Column("claim", "text", 4, "claim: that 80 to 90 % of the exponents of a well-trained net lie from 2 to 4"),
    )
    rows: Rows = [
        (
            *_which(study, studies),
            found.name,
            it.layers,
            it.alpha,
            it.null_alpha,
            it.share_2_4,
            it.null_2_4,
            it.share_2_6,
            it.null_2_6,
            {True: "holds", False: "does not hold", None: None}[it.universal],
        )
        for study in studies
        for found in study.models
        if (it := found.reading) is not None
    ]
    return Table(title="Reading", columns=columns, rows=tuple(rows))


def _which_columns(studies: Sequence[Study]) -> tuple[Column, ...]:
    """What tells several studies apart."""
    series = (Column("series", "name"),) if _differ(study.series.name for study in studies) else ()
    return (*series, *((Column("counted"),) if _differ(study.counting for study in studies) else ()))


def _which(study: Study, studies: Sequence[Study]) -> tuple[Cell, ...]:
    told = {"series": study.series.name, "counted": study.counting}
    return tuple(told[column.name] for column in _which_columns(studies))


def _differ(words: Iterable[str]) -> bool:
    return len(set(words)) > 1


def _statistics_columns() -> tuple[Column, ...]:
    return tuple(
        Column(name, "text" if name == "p_by" else "number", rank, _NOTES.get(name, ""))
        for _, name, rank in _STATISTICS
    )


def _numbers(trend: Trend) -> tuple[Cell, ...]:
    return tuple(getattr(trend, field) for field, _, _ in _STATISTICS)


def _inside(groups: Mapping[str, Mapping[str, Trend]], group: str, metric: str) -> float | None:
    trend = groups.get(group, {}).get(metric)
    return None if trend is None else trend.kendall_tau


def _caveats(studies: Sequence[Study]) -> Iterator[str]:
    """What the files say of their own limits, each once."""
    for series in {study.series.name: study.series for study in studies}.values():
        named = f"{series.name}: " if _differ(study.series.name for study in studies) else ""
        yield from (f"{named}{caveat}" for caveat in series.caveats)

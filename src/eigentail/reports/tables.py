"""RECORD -> table. Which columns there are and what they hold; not how they look."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from eigentail.records import Layer, LayerReport, ModelReport, Skip, Spectrum
from eigentail.reports.devices import device_notes
from eigentail.reports.table import ALWAYS, FILES_ONLY, Cell, Column, Curve, Table

EXAMPLES: Final = 3
CURVE_POINTS: Final = 40

# How soon a number gives way on a narrow terminal, in the order of the columns; metrics not named here are for files.
_METRIC_RANKS: Final = {
    "alpha": ALWAYS,
    "alpha_lo": 3,
    "alpha_hi": 3,
    "alpha_null": 4,
    "alpha_weighted": 5,
    "D": 6,
    "num_evals": 6,
    "stable_rank": 8,
    "log_norm": 8,
    "log_alpha_norm": 8,
    "num_spikes": 8,
    "num_pl_spikes": 8,
    "xmin": 8,
    "sigma": 8,
}
# A metric that was asked for by its own name is wanted on the screen.
_ASKED_RANK: Final = 2
_INTERVAL: Final = ("alpha_lo", "alpha_hi")
_INTERVAL_NOTE: Final = "alpha_lo to alpha_hi: 90 % interval of alpha, the choice of xmin included"
_NULL_NOTES: Final = {
    "table": "alpha_null: median alpha of untrained weights of the same shape, simulated",
    "shuffle": "alpha_null: median alpha of the layer's own weights in random order",
    "none": "",
}

_IDENTITY: Final = (
    Column("index", "number", 2),
    Column("name", "name"),
    Column("kind", "text", 6),
    Column("block", "number", 8),
    Column("N", "number", 8),
    Column("M", "number", 8),
    Column("count", "number", 8),
)


def layers_table(report: ModelReport) -> Table:
    """One row per layer, every metric a column.

    Args:
        report: from `eigentail.analyze`.

    Returns:
        The table; a number that does not exist stays NaN.

    Example:
        >>> import eigentail as et
        >>> table = layers_table(et.analyze(et.example()))
        >>> [column.name for column in table.columns][:3], table.rows[0][1]
        (['index', 'name', 'kind'], 'fc1')
    """
    rows = report.layers
    metrics = _metric_names(row.metrics for row in rows)
    compared = any(row.best_law for row in rows)
    coded = any(row.quantised for row in rows)
    cells = tuple(_layer_cells(row, metrics, compared, coded) for row in rows)
    columns = (
        *_IDENTITY,
        *(_metric_column(name, report, [row.metrics.get(name, math.nan) for row in rows]) for name in metrics),
        Column("phase", "text", 5 if any(row.phase for row in rows) else FILES_ONLY),
        *([Column("best_law", "text", 5)] if compared else []),
        *([Column("quantised", "text", 5)] if coded else []),
        Column("status", "text", FILES_ONLY),
        Column("tail", "curve", 1 if any(cell[-3] for cell in cells) else FILES_ONLY),
        Column("verdict", "verdict"),
        Column("reason", "sentence", 7),
    )
    return Table(title="Layers", columns=columns, rows=cells, footnotes=device_notes(rows))


def summary_table(report: ModelReport) -> Table:
    """The model in a few rows: mean, median, and the mean over each kind of matrix.

    Args:
        report: from `eigentail.analyze`.

    Example:
        >>> import eigentail as et
        >>> [row[0] for row in summary_table(et.analyze(et.example())).rows][:2]
        ['mean', 'median']
    """
    summary = report.summary
    metrics = _metric_names([summary.mean])
    columns = (
        Column("over", "text"),
        Column("layers", "number", 2),
        *(_metric_column(name, report, [summary.mean[name]]) for name in metrics),
    )
    fitted = [row.layer.kind for row in report.layers if row.fit.ok]
    rows: list[tuple[Cell, ...]] = [
        ("mean", summary.layers_averaged, *_picked(summary.mean, metrics)),
        ("median", summary.layers_averaged, *_picked(summary.median, metrics)),
    ]
    for kind, values in summary.by_kind.items():
        rows.append((f"mean of {kind}", fitted.count(kind), *_picked(values, metrics)))
    return Table(title="Model", columns=columns, rows=tuple(rows), footnotes=_summary_notes(report))


def verdicts_table(report: ModelReport) -> Table:
    """How many layers earned each verdict, and the reason of the first one.

    Args:
        report: from `eigentail.analyze`.

    Example:
        >>> import eigentail as et
        >>> sum(row[1] for row in verdicts_table(et.analyze(et.example())).rows)
        3
    """
    first = {row.verdict: row for row in reversed(report.layers)}
    counts = sorted(report.summary.verdicts.items(), key=lambda item: -item[1])
    example = {verdict.value: (row.name, row.reason or row.fit.status.sentence) for verdict, row in first.items()}
    columns = (
        Column("verdict", "verdict"),
        Column("layers", "number"),
        Column("for example", "name", 1),
        Column("because", "sentence", 2),
    )
    rows = tuple((verdict, count, *example.get(verdict, ("", ""))) for verdict, count in counts)
    return Table(title="Verdicts", columns=columns, rows=rows)


def skipped_table(skipped: Sequence[Skip]) -> Table:
    """What was not analysed, grouped by the reason.

    Args:
        skipped: as in `ModelReport.skipped`.

    Example:
        >>> skips = (Skip("a.bias", (4,), "a vector"), Skip("b.bias", (4,), "a vector"))
        >>> skipped_table(skips).rows
        ((2, 'a vector', 'a.bias, b.bias'),)
    """
    groups: dict[str, list[str]] = {}
    for skip in skipped:
        groups.setdefault(skip.reason, []).append(skip.name)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    columns = (Column("tensors", "number"), Column("reason", "sentence"), Column("for example", "name", 1))
    rows = tuple((len(names), reason, _examples(names)) for reason, names in ordered)
    return Table(title="Skipped", columns=columns, rows=rows)


def described_table(layers: Sequence[Layer]) -> Table:
    """One row per layer that would be analysed, from the header alone.

    Args:
        layers: as in `Description.layers`.

    Example:
        >>> [column.name for column in described_table(()).columns]
        ['index', 'name', 'kind', 'block', 'N', 'M', 'count', 'num_evals', 'GFLOP', 'dtype']
    """
    columns = (
        *(Column(column.name, column.kind, min(column.rank, 3)) for column in _IDENTITY),
        Column("num_evals", "number", 1),
        Column("GFLOP", "number", 4),
        Column("dtype", "text", 5),
    )
    rows = tuple(
        (*_identity_cells(layer), layer.num_evals, layer.flops / 1e9, layer.quantised or _dtype(layer))
        for layer in layers
    )
    return Table(title="Layers", columns=columns, rows=rows)


def _dtype(layer: Layer) -> str:
    return layer.tensors[0].dtype if layer.tensors else ""


def tail_curve(spectrum: Spectrum, alpha: float, xmin: float) -> Curve | None:
    """The share of eigenvalues at or above x, both logarithmic (base 10), with the fitted line.

    Args:
        spectrum: of one layer.
        alpha: exponent of the density; the line falls with alpha - 1. NaN for no line.
        xmin: where the line begins, in units of the eigenvalues.

    Returns:
        At most 40 points spread evenly over the logarithm of the rank, or None below two positive eigenvalues.

    Example:
        >>> import numpy as np
        >>> spectrum = Spectrum(eigenvalues=np.array([1.0, 10.0]), shape=(2, 2), rank=2)
        >>> tail_curve(spectrum, 3.0, 1.0).slope
        -2.0
    """
    values = spectrum.positive
    n = len(values)
    if n < 2 or not math.isfinite(float(values[0])) or not math.isfinite(float(values[-1])):
        return None
    step = math.log(n) / (CURVE_POINTS - 1)
    above = sorted({min(n, round(math.exp(step * i))) for i in range(CURVE_POINTS)}, reverse=True)
    x = tuple(math.log10(float(values[n - k])) for k in above)
    y = tuple(math.log10(k / n) for k in above)
    return Curve(x=x, y=y, start=math.log10(xmin) if xmin > 0 else math.nan, slope=1 - alpha)


def _metric_column(name: str, report: ModelReport, values: Sequence[float]) -> Column:
    """The column of one metric; one without a single number is for files, unless it is always shown."""
    asked = _ASKED_RANK if name in report.settings.metrics else FILES_ONLY
    rank = min(_METRIC_RANKS.get(name, FILES_ONLY), asked)
    if rank != ALWAYS and all(map(math.isnan, values)):
        rank = FILES_ONLY
    return Column(name, "number", rank, _note(name, report))


def _note(name: str, report: ModelReport) -> str:
    """What has to be known to read the column of a metric."""
    if name in _INTERVAL:
        return _INTERVAL_NOTE
    return _NULL_NOTES[report.settings.null] if name == "alpha_null" else ""


def _metric_names(rows: Iterable[Mapping[str, float]]) -> list[str]:
    """Every metric of any row that is not known from the header: those people look at first, then as first seen."""
    known = {column.name for column in _IDENTITY}
    order = {name: place for place, name in enumerate(_METRIC_RANKS)}
    seen = dict.fromkeys(name for row in rows for name in row if name not in known)
    return sorted(seen, key=lambda name: order.get(name, len(order)))


def _identity_cells(layer: Layer) -> tuple[Cell, ...]:
    """What is known of a layer before it is read."""
    return (layer.index, layer.name, layer.kind, layer.block, *layer.shape, layer.count)


def _layer_cells(row: LayerReport, metrics: Sequence[str], compared: bool, coded: bool) -> tuple[Cell, ...]:
    """One row of the table of layers."""
    curve = tail_curve(row.spectrum, row.fit.alpha, row.fit.xmin) if row.spectrum is not None else None
    reason = row.reason or row.fit.status.sentence
    return (
        *_identity_cells(row.layer),
        *_picked(row.metrics, metrics),
        row.phase.value if row.phase else None,
        *([row.best_law or None] if compared else []),
        *([row.quantised or None] if coded else []),
        row.fit.status.value,
        curve,
        row.verdict.value,
        reason,
    )


def _picked(values: Mapping[str, float], metrics: Sequence[str]) -> tuple[float, ...]:
    """The values in the order of the columns."""
    return tuple(values.get(name, math.nan) for name in metrics)


def _examples(names: Sequence[str]) -> str:
    """The first few names."""
    more = f" and {len(names) - EXAMPLES} more" if len(names) > EXAMPLES else ""
    return ", ".join(names[:EXAMPLES]) + more


def _summary_notes(report: ModelReport) -> tuple[str, ...]:
    """What to keep in mind when reading the means."""
    notes = ["over the layers with a fit; comparable within one series of related models, not across architectures"]
    if report.settings.embeddings == "apart" and any(row.layer.kind.startswith("embedding") for row in report.layers):
        notes.append("embeddings are listed but stay out of the model's mean")
    return tuple(notes)

"""Several models side by side, from their reports: the weights are read once at most."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path, PurePath
from statistics import median
from typing import Final

from eigentail.analysis.align import align
from eigentail.analysis.analyze import analyze
from eigentail.analysis.document import load
from eigentail.analysis.findings import scale_collapses
from eigentail.analysis.flow import flow_findings, flows
from eigentail.analysis.marks import marks
from eigentail.analysis.progress import SILENT, Progress
from eigentail.analysis.ranking import difference, rankings
from eigentail.errors import UsageError
from eigentail.execution import Executor, serial
from eigentail.records import NAN, Layer, LayerReport, ModelReport
from eigentail.records.comparison import Comparison, Difference, Match, MatchedLayer, Paired
from eigentail.settings import Settings
from eigentail.store import SpectrumStore

# What the header tells: a difference of these is a mark, not a number.
_NOT_COMPARED: Final = frozenset({"N", "M", "Q", "rf", "num_evals"})
# Numbers nearer than this are the same: executors agree to it.
_SAME: Final = 1e-9

Rows = tuple[LayerReport | None, ...]
Pair = tuple[LayerReport, LayerReport]


def compare(
    *targets: object,
    settings: Settings = Settings(),
    using: Executor = serial,
    names: Sequence[str] | None = None,
    store: SpectrumStore | None = None,
) -> Comparison:
    """Put two models or more side by side: layer by layer, as a ranking, and with what is not comparable.

    Layers are matched by name and structure (`analysis.align`). Of every matched layer the differences to the first
    model are given, of alpha and alpha_weighted with an interval; of every number of the summary a ranking, with the
    chance that the order of two neighbours holds. The models are taken for independent, also where one was made from
    the other: for a pair with the same layers, look at `paired` too.

    Args:
        targets: two or more: reports, paths of saved reports (.json), or anything that `analyze` takes.
        settings: for those that are not reports yet.
        using: how many hands, for the same.
        names: what to call them; by default the shortest ends of their paths that differ.
        store: as for `analyze`.

    Returns:
        The comparison. Models that share no layer are ranked all the same, and marked.

    Raises:
        UsageError: fewer than two, or names that are too few, too many or not different.
        SourceError: a target cannot be read, or is not a model.
        LayerError: a layer failed and `settings.strict` is set.
        Interrupted: Ctrl-C during an analysis.

    Source: Martin, Peng & Mahoney, Nature Communications 12 (2021): the smaller alpha_weighted is the better model,
        within a series of related ones.

    Example:
        >>> import eigentail as et
        >>> report = et.analyze(et.example())
        >>> found = compare(report, report, names=["a", "b"])
        >>> found.layers[0].differences["alpha"][0].value, found.ranking("alpha").chances
        (0.0, (0.5,))
    """
    if len(targets) < 2:
        raise UsageError(f"{len(targets)} model is nothing to compare", hint="give two or more")
    if names is not None and len(set(names)) != len(targets):
        raise UsageError(f"{len(targets)} models need as many different names", where="names")
    reports = tuple(reported(target, settings, using=using, store=store) for target in targets)
    called = tuple(names) if names is not None else names_of(reports)
    return _compared(called, reports)


def reported(
    target: object,
    settings: Settings = Settings(),
    *,
    using: Executor = serial,
    progress: Progress = SILENT,
    store: SpectrumStore | None = None,
) -> ModelReport:
    """The report of a target: a report as it is, a saved one read, anything else analysed.

    Args:
        target: a report, the path of a saved one (.json, but not the index of a sharded checkpoint), or what
            `analyze` takes.
        settings: for what is analysed.
        using: how many hands.
        progress: told of an analysis.
        store: as for `analyze`.

    Raises:
        SourceError: it cannot be read, or is neither a report nor a model.

    Example:
        >>> import eigentail as et
        >>> report = et.analyze(et.example())
        >>> reported(report) is report, len(reported(et.example()).layers)
        (True, 3)
    """
    if isinstance(target, ModelReport):
        return target
    if isinstance(target, str | os.PathLike) and _is_saved_report(Path(target)):
        return load(Path(target))
    return analyze(target, settings, using=using, progress=progress, store=store)


def names_of(reports: Sequence[ModelReport]) -> tuple[str, ...]:
    """What to call the models: the shortest ends of their paths that differ, or else the same word and a number.

    Args:
        reports: of the models.

    Example:
        >>> import eigentail as et
        >>> report = et.analyze(et.example())
        >>> names_of([report, report])
        ('noise_000.safetensors (1)', 'noise_000.safetensors (2)')
    """
    paths = [PurePath(report.source.target).parts for report in reports]
    for length in range(1, max(map(len, paths), default=0) + 1):
        ends = tuple("/".join(parts[-length:]) for parts in paths)
        if len(set(ends)) == len(ends):
            return ends
    words = [parts[-1] if parts else "model" for parts in paths]
    return tuple(f"{word} ({at})" for at, word in enumerate(words, 1))


def _is_saved_report(path: Path) -> bool:
    return path.suffix.lower() == ".json" and ".index." not in path.name and path.is_file()


def _compared(names: tuple[str, ...], reports: tuple[ModelReport, ...]) -> Comparison:
    """Everything that the reports tell together."""
    alignment = align(reports)
    metrics = _shared_metrics(reports)
    rows = [_rows(match, reports) for match in alignment.matches]
    found = tuple(flows(report) for report in reports)
    return Comparison(
        names=names,
        reports=reports,
        alignment=alignment,
        layers=tuple(_layer(match, layer, metrics) for match, layer in zip(alignment.matches, rows, strict=True)),
        paired=tuple(
            _paired(name, model, _pairs(rows, 0, model)) for name in metrics for model in range(1, len(reports))
        ),
        rankings=rankings(reports),
        flows=found,
        findings=(*scale_collapses(names, reports, alignment), *flow_findings(names, found)),
        marks=marks(names, reports, alignment),
        identical=tuple(
            pair for pair in combinations(range(len(reports)), 2) if _identical(rows, pair, reports, metrics)
        ),
    )


def _rows(match: Match, reports: Sequence[ModelReport]) -> Rows:
    """The layer in every model that has it."""
    return tuple(
        None if name is None else report.layers[name] for name, report in zip(match.names, reports, strict=True)
    )


def _pairs(rows: Sequence[Rows], one: int, other: int) -> list[Pair]:
    """The layers that two models share and have in one shape."""
    both = [(row[one], row[other]) for row in rows]
    return [(a, b) for a, b in both if a is not None and b is not None and _size(a.layer) == _size(b.layer)]


def _size(layer: Layer) -> tuple[object, ...]:
    return layer.shape, layer.count


def _shared_metrics(reports: Sequence[ModelReport]) -> tuple[str, ...]:
    """The metrics that every report has, in the order of the first."""
    columns = [dict.fromkeys(name for row in report.layers for name in row.metrics) for report in reports]
    return tuple(name for name in columns[0] if name not in _NOT_COMPARED and all(name in other for other in columns))


def _layer(match: Match, rows: Rows, metrics: Sequence[str]) -> MatchedLayer:
    first = next(row.layer for row in rows if row is not None)
    return MatchedLayer(
        match=match,
        kind=first.kind,
        block=first.block,
        shapes=tuple(None if row is None else row.layer.shape for row in rows),
        values={name: tuple(NAN if row is None else row.metrics.get(name, NAN) for row in rows) for name in metrics},
        differences={name: tuple(_difference(name, rows[0], other) for other in rows[1:]) for name in metrics},
    )


def _difference(metric: str, first: LayerReport | None, other: LayerReport | None) -> Difference:
    return Difference(NAN) if first is None or other is None else difference(metric, first, other)


def _paired(metric: str, model: int, pairs: Sequence[Pair]) -> Paired:
    steps = [b.metrics.get(metric, NAN) - a.metrics.get(metric, NAN) for a, b in pairs]
    known = [step for step in steps if not math.isnan(step)]
    return Paired(
        metric=metric,
        model=model,
        layers=len(known),
        median=median(known) if known else NAN,
        smaller=sum(step < 0 for step in known),
        larger=sum(step > 0 for step in known),
    )


def _identical(
    rows: Sequence[Rows], pair: tuple[int, int], reports: Sequence[ModelReport], metrics: Sequence[str]
) -> bool:
    """Whether two models have the same layers with the same numbers."""
    pairs = _pairs(rows, *pair)
    if not (pairs and metrics) or any(len(pairs) != len(reports[model].layers) for model in pair):
        return False
    return all(
        a.fit.status == b.fit.status and _same(a.metrics.get(name, NAN), b.metrics.get(name, NAN))
        for a, b in pairs
        for name in metrics
    )


def _same(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=_SAME, abs_tol=_SAME)

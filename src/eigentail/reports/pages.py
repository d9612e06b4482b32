"""RECORD -> page: the tables of one record in order, with the outcome in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from eigentail.records import Layer, LayerReport, ModelReport, Skip, SourceRef
from eigentail.records.cost import Cost
from eigentail.records.description import Description
from eigentail.reports.chosen import chosen_words
from eigentail.reports.cost_table import cost_lead, cost_table
from eigentail.reports.findings import report_findings, report_subject
from eigentail.reports.guide import ANALYSIS
from eigentail.reports.layer_charts import report_exhibit
from eigentail.reports.quantised import quantised_line
from eigentail.reports.table import Page, cell_text, visible
from eigentail.reports.tables import (
    described_table,
    layers_table,
    skipped_table,
    summary_table,
    verdicts_table,
)
from eigentail.settings import Settings

SCHEMA_VERSION = 1


class _LayerDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One layer in the JSON of a description."""

    index: int
    name: str
    kind: str
    block: int | None
    shape: tuple[int, int]
    count: int
    num_evals: int
    flops: float
    dtype: str
    quantised: str = ""


class DescriptionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON that `eigentail describe --json` prints.

    Example:
        >>> DescriptionDocument.__struct_fields__[0]
        'schema_version'
    """

    schema_version: int
    source: SourceRef
    settings: Settings
    nbytes: int
    flops: float
    metrics: tuple[str, ...]
    layers: tuple[_LayerDocument, ...]
    skipped: tuple[Skip, ...]
    cost: Cost | msgspec.UnsetType = msgspec.UNSET


def report_page(report: ModelReport) -> Page:
    """The page of an analysis.

    Args:
        report: from `eigentail.analyze`.

    Example:
        >>> import eigentail as et
        >>> report_page(et.analyze(et.example())).lead[0].startswith("The model: ")
        True
    """
    appendix = (skipped_table(report.skipped),) if report.skipped else ()
    return Page(
        title=report.source.target,
        lead=_report_lead(report),
        main=layers_table(report),
        overview=(summary_table(report), verdicts_table(report)),
        appendix=appendix,
        facts=_facts(report.source, report.settings, report.versions),
        json=report.to_json,
        subject=report_subject(report),
        findings=report_findings(report),
        guide=ANALYSIS,
        exhibit=lambda: report_exhibit(report),
    )


def description_page(description: Description, cost: Cost | None = None) -> Page:
    """The page of what would be analysed.

    Args:
        description: from `eigentail.describe`.
        cost: from `eigentail.cost`, of the same layers; None to leave it out.

    Example:
        >>> import eigentail as et
        >>> [row[1] for row in description_page(et.describe(et.example())).main.rows]
        ['fc1', 'fc2', 'fc3']
    """
    layers, skipped = description.layers, description.skipped
    lead = (
        f"{_counted(len(layers), 'layer')} would be analysed and {_counted(len(skipped), 'tensor')} skipped.",
        f"To be read: {bytes_text(description.nbytes)}. To be computed: {cell_text(description.flops / 1e9)} GFLOP.",
        *_quantised(layers),
    )
    return Page(
        title=description.source.target,
        lead=lead if cost is None else (*lead, *cost_lead(cost)),
        main=described_table(layers),
        overview=() if cost is None else (cost_table(cost),),
        appendix=(skipped_table(skipped),) if skipped else (),
        facts=_facts(description.source, description.settings, {}),
        json=lambda: _description_json(description, cost),
    )


def bytes_text(n: float) -> str:
    """A number of bytes as people say it, in powers of 1000.

    Example:
        >>> bytes_text(999), bytes_text(1_500_000)
        ('999 bytes', '1.50 MB')
    """
    if n < 1000:
        return f"{n:.0f} bytes"
    size, units = n / 1000, ["kB", "MB", "GB", "TB", "PB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} {units[0]}" if size >= 100 else f"{size:.2f} {units[0]}"


def _report_lead(report: ModelReport) -> tuple[str, ...]:
    """The outcome in a few sentences: the model's verdict, the layers', the means."""
    counts = sorted(report.summary.verdicts.items(), key=lambda item: -item[1])
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts) or "none measured"
    summary = report.summary
    # a report saved by an earlier version has no verdict on the model
    model = (f"The model: {summary.verdict.value}, {summary.reason}.",) if summary.reason else ()
    lacking = report.shards.lacking
    part = (f"A part of the model: {lacking}.",) if lacking else ()
    first = (*part, *model, f"{_counted(len(report.layers), 'layer')}: {verdicts}.", *_quantised(report.layers))
    if not summary.layers_averaged:
        return *first, "No layer has a fit that enters the mean: there is no number for the whole model."
    shown = [name for name in ("alpha", "alpha_weighted") if name in summary.mean] or list(summary.mean)[:2]
    means = ", ".join(f"{name} {cell_text(summary.mean[name])}" for name in shown)
    over = _counted(summary.layers_averaged, "layer")
    return *first, f"Mean over {over}: {means}." if means else f"{over} with a fit."


def _quantised(layers: Iterable[LayerReport | Layer]) -> tuple[str, ...]:
    """A sentence where any layer is quantised."""
    line = quantised_line([layer.quantised for layer in layers])
    return (f"{line[0].upper()}{line[1:]}.",) if line else ()


def _facts(source: SourceRef, settings: Settings, versions: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Everything needed to get the same numbers again."""
    return (
        ("source", visible(source.target)),
        ("format", source.format),
        ("fingerprint", source.fingerprint or "-"),
        *chosen_words(settings),
        *((f"{name} version", version) for name, version in versions.items()),
    )


def _counted(n: int, noun: str) -> str:
    """A number with its noun."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _description_json(description: Description, cost: Cost | None) -> str:
    """The typed document as indented text."""
    document = DescriptionDocument(
        schema_version=SCHEMA_VERSION,
        source=description.source,
        settings=description.settings,
        nbytes=description.nbytes,
        flops=description.flops,
        metrics=tuple(description.metrics),
        layers=tuple(_layer_document(layer) for layer in description.layers),
        skipped=description.skipped,
        cost=msgspec.UNSET if cost is None else cost,
    )
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _layer_document(layer: Layer) -> _LayerDocument:
    """One layer of the document."""
    return _LayerDocument(
        index=layer.index,
        name=layer.name,
        kind=layer.kind,
        block=layer.block,
        shape=layer.shape,
        count=layer.count,
        num_evals=layer.num_evals,
        flops=layer.flops,
        dtype=layer.tensors[0].dtype if layer.tensors else "",
        quantised=layer.quantised,
    )

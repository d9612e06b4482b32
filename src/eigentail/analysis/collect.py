"""Layers of one model, collected into its report."""

from __future__ import annotations

from collections.abc import Iterable

from eigentail.analysis.summary import summarise
from eigentail.analysis.versions import versions
from eigentail.records import LayerReport, LayerTable, ModelReport, Shards
from eigentail.records.description import Description


def report_of(work: Description, rows: Iterable[LayerReport]) -> ModelReport:
    """The report of some layers of a model, or all.

    Args:
        work: what was to be done.
        rows: what was, in any order.

    Example:
        >>> import eigentail as et
        >>> report_of(et.describe(et.example()), ()).summary.layers_ok
        0
    """
    table = LayerTable(rows)
    i, n = work.shard
    return ModelReport(
        source=work.source,
        settings=work.settings,
        layers=table,
        skipped=work.skipped,
        summary=summarise(table, len(work.skipped), work.settings),
        versions=versions(),
        shards=Shards(of=n, held=(i,) if len(table) == len(work.layers) else ()),
    )

"""Reports of parts of one model become the report of the whole: a set union."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from eigentail.analysis.summary import summarise
from eigentail.errors import UsageError
from eigentail.records import LayerTable, ModelReport


def merge(reports: Sequence[ModelReport]) -> ModelReport:
    """The union of reports made with different shards of the same source and settings.

    Args:
        reports: at least one; a layer in several of them is taken once.

    Returns:
        One report; its summary is computed anew over all layers.

    Raises:
        UsageError: nothing to merge, or the reports differ in source or settings.

    Example:
        >>> import eigentail as et
        >>> parts = [et.analyze(et.example(), shard=(i, 2)) for i in range(2)]
        >>> merge(parts).summary == et.analyze(et.example()).summary
        True
    """
    if not reports:
        raise UsageError("no reports to merge", hint="give at least one")
    first = reports[0]
    for other in reports[1:]:
        if other.source != first.source:
            raise UsageError("the reports are of different sources", where=other.source.target, hint="compare them")
        if replace(other.settings, device=first.settings.device) != first.settings:  # numbers do not depend on it
            raise UsageError("the reports were made with different settings", where=other.source.target)
    layers = LayerTable({row.layer.index: row for report in reports for row in report.layers}.values())
    skipped = tuple(dict.fromkeys(skip for report in reports for skip in report.skipped))
    return ModelReport(
        source=first.source,
        settings=first.settings,
        layers=layers,
        skipped=skipped,
        summary=summarise(layers, len(skipped), first.settings),
        versions=first.versions,
    )

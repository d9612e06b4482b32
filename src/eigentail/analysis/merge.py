"""Reports of parts of one model become the report of the whole: a set union."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from eigentail.analysis.summary import summarise
from eigentail.errors import UsageError
from eigentail.records import LayerTable, ModelReport, Shards


def merge(reports: Sequence[ModelReport], *, partial: bool = False) -> ModelReport:
    """The union of reports made with different shards of the same source and settings.

    Args:
        reports: at least one; a layer in several of them is taken once.
        partial: unite what is there, though shards are missing: the report says which are in it.

    Returns:
        One report; its summary is computed anew over all layers.

    Raises:
        UsageError: nothing to merge, the reports differ in source, settings or number of shards, or shards are missing.

    Example:
        >>> import eigentail as et
        >>> parts = [et.analyze(et.example(), shard=(i, 2)) for i in range(2)]
        >>> merge(parts).summary == et.analyze(et.example()).summary
        True
        >>> merge(parts[:1])
        Traceback (most recent call last):
        eigentail.errors.UsageError: ...: of 2 shards 1/2 is missing or not finished: analyse ..., or merge what is ...
    """
    if not reports:
        raise UsageError("no reports to merge", hint="give at least one")
    first = reports[0]
    for other in reports[1:]:
        if other.source != first.source:
            raise UsageError("the reports are of different sources", where=other.source.target, hint="compare them")
        if replace(other.settings, device=first.settings.device) != first.settings:  # numbers do not depend on it
            raise UsageError("the reports were made with different settings", where=other.source.target)
    shards = _united([report.shards for report in reports], first.source.target)
    if not (shards.is_whole or partial):
        hint = "analyse what is missing, or merge what is there with --partial"
        raise UsageError(shards.lacking, where=first.source.target, hint=hint)
    layers = LayerTable({row.layer.index: row for report in reports for row in report.layers}.values())
    skipped = tuple(dict.fromkeys(skip for report in reports for skip in report.skipped))
    return ModelReport(
        source=first.source,
        settings=first.settings,
        layers=layers,
        skipped=skipped,
        summary=summarise(layers, len(skipped), first.settings),
        versions=first.versions,
        shards=shards,
    )


def _united(parts: Sequence[Shards], where: str) -> Shards:
    """The shards that are in any of the parts; one part that is whole is enough."""
    dealt: dict[int, set[int]] = {}
    for part in parts:
        if part.held:
            dealt.setdefault(part.of, set()).update(part.held)
    if any(len(held) == of for of, held in dealt.items()):
        return Shards()
    if len(dealt) > 1:
        numbers = " and into ".join(map(str, sorted(dealt)))
        hint = "merge those of one number, as 0/2 and 1/2"
        raise UsageError(f"the layers were dealt into {numbers} shards", where=where, hint=hint)
    of, held = next(iter(dealt.items()), (parts[0].of, set()))
    return Shards(of=of, held=tuple(sorted(held)))

"""The JSON document of a diff: typed, versioned, NaN as null."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec

from eigentail.records import FitStatus, Skip, SourceRef
from eigentail.records.difference import (
    Change,
    Deed,
    Difference,
    Drift,
    LayerDifference,
    Outcome,
    Overlap,
    Side,
    TensorDifference,
    Whole,
)
from eigentail.settings import Settings

SCHEMA_VERSION: Final = 1


class ChangeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`records.difference.Change`, without the eigenvalues.

    Example:
        >>> ChangeDocument.__struct_fields__[0]
        'relative'
    """

    relative: float | None
    norm: float | None
    norm_base: float | None
    share: float | None
    zeros_gained: float | None
    rank: int | None
    low_rank: bool
    stable_rank: float | None
    entropy: float | None
    noise_p: float | None
    status: FitStatus
    alpha: float | None
    xmin: float | None
    D: float | None
    tail: int
    deed: Deed


class LayerDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One layer; numbers of a side that was not measured are absent.

    Example:
        >>> LayerDocument.__struct_fields__[1]
        'name'
    """

    index: int
    name: str
    kind: str
    block: int | None
    shape: tuple[int, int]
    count: int
    outcome: Outcome
    reason: str
    base: Any
    other: Any
    change: Any
    alpha_drift: Any
    log_norm_drift: float | None
    overlap: Any


class DifferenceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON that `eigentail diff --json` prints.

    Example:
        >>> DifferenceDocument.__struct_fields__[0]
        'schema_version'
    """

    schema_version: int
    tool: dict[str, str]
    base: SourceRef
    other: SourceRef
    settings: Settings
    verdict: Whole
    sentence: str
    deed: Deed
    done: str
    relative: float | None
    by_kind: dict[str, float | None]
    outcomes: dict[str, int]
    layers: list[LayerDocument]
    tensors: Any
    skipped: list[Skip]


def to_json(difference: Difference) -> str:
    """The document that `eigentail diff --json` prints, indented.

    Args:
        difference: from `eigentail.diff`.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.diff import diff
        >>> '"verdict": "identical"' in to_json(diff(et.example(), et.example()))
        True
    """
    document = DifferenceDocument(
        schema_version=SCHEMA_VERSION,
        tool={"name": "eigentail", **difference.versions},
        base=difference.base,
        other=difference.other,
        settings=difference.settings,
        verdict=difference.whole,
        sentence=difference.sentence,
        deed=difference.deed,
        done=difference.done,
        relative=_null(difference.relative),
        by_kind={kind: _null(value) for kind, value in difference.by_kind.items()},
        outcomes=dict(difference.outcomes),
        layers=[_layer(row) for row in difference.layers],
        tensors=[_fields(tensor) for tensor in difference.tensors],
        skipped=list(difference.skipped),
    )
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _layer(row: LayerDifference) -> LayerDocument:
    compared = row.outcome.is_compared
    return LayerDocument(
        index=row.layer.index,
        name=row.name,
        kind=row.layer.kind,
        block=row.layer.block,
        shape=row.layer.shape,
        count=row.layer.count,
        outcome=row.outcome,
        reason=row.reason,
        base=_fields(row.base),
        other=_fields(row.other),
        change=_change(row.change) if compared else None,
        alpha_drift=_fields(row.alpha_drift) if compared else None,
        log_norm_drift=_null(row.log_norm_drift),
        overlap=_fields(row.overlap) if compared else None,
    )


def _change(change: Change) -> ChangeDocument:
    known = _fields(change) or {}
    for name in ("spectrum", "fit"):
        known.pop(name)
    fit = change.fit
    return ChangeDocument(
        **known, status=fit.status, alpha=_null(fit.alpha), xmin=_null(fit.xmin), D=_null(fit.D), tail=fit.tail
    )


def _fields(record: Side | Change | Drift | Overlap | TensorDifference | None) -> dict[str, Any] | None:
    """The fields of a record, NaN as null."""
    if record is None:
        return None
    return {name: _null(getattr(record, name)) for name in record.__struct_fields__}


def _null(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value

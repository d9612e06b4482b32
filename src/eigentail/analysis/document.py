"""The report as a JSON document: typed, versioned, NaN as null. Read back, it is the same report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from msgspec.structs import replace

from eigentail.analysis.summary import judge_model, summarise
from eigentail.errors import SourceError
from eigentail.records import (
    NAN,
    Fit,
    FitStatus,
    Layer,
    LayerReport,
    LayerTable,
    ModelReport,
    Phase,
    Shards,
    Skip,
    SourceRef,
    Spectrum,
    Summary,
    Verdict,
)
from eigentail.settings import Settings
from eigentail.store import write_atomically

SCHEMA_VERSION: Final = 1


class FitRow(msgspec.Struct, frozen=True):
    """`records.Fit`, with null for NaN."""

    law: str
    alpha: float | None
    sigma: float | None
    xmin: float | None
    xmax: float | None
    D: float | None
    tail: int
    detail: str = ""
    rate: float | None = None
    fingers: int = 0
    raw_alpha: float | None = None


class SpectrumRow(msgspec.Struct, frozen=True):
    """`records.Spectrum`: eigenvalues as base64 of little-endian float64."""

    eigenvalues: bytes
    rank: int
    precision: str
    stored: str
    scale: float


class LayerRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One layer. `spectrum` is there in saved reports only."""

    index: int
    name: str
    kind: str
    block: int | None
    shape: tuple[int, int]
    count: int
    num_evals: int
    status: FitStatus
    verdict: Verdict
    reason: str
    metrics: dict[str, float | None]
    fit: FitRow
    phase: Phase | None = None
    best_law: str = ""
    spectrum: SpectrumRow | None = None
    device: str = ""
    notes: tuple[str, ...] = ()
    quantised: str = ""


class Document(msgspec.Struct, frozen=True):
    """The whole document. `summary` holds the means by metric, and beside them median, by_kind, verdicts and counts.

    `shards` is there in reports of a part of a model only.
    """

    schema_version: int
    tool: dict[str, str]
    source: SourceRef
    settings: Settings
    summary: dict[str, Any]
    layers: list[LayerRow]
    skipped: list[Skip]
    shards: Shards | msgspec.UnsetType = msgspec.UNSET


def to_json(report: ModelReport) -> str:
    """The document that `eigentail analyze --json` prints: no eigenvalues, indented.

    Example:
        >>> import eigentail as et
        >>> '"schema_version": 1' in to_json(et.analyze(et.example()))
        True
    """
    return msgspec.json.format(msgspec.json.encode(_document(report, spectra=False)), indent=2).decode()


def save(report: ModelReport, path: str | Path) -> None:
    """Write the document, eigenvalues included; the file appears whole or not at all.

    Raises:
        UsageError: the folder does not exist or may not be written to.

    Example:
        >>> import tempfile, eigentail as et
        >>> path = Path(tempfile.mkdtemp()) / "report.json"
        >>> save(et.analyze(et.example()), path)
        >>> load(path).layers["fc2"].spectrum.shape
        (192, 192)
    """
    write_atomically(path, msgspec.json.encode(_document(report, spectra=True)))


def load(path: str | Path) -> ModelReport:
    """Read a report that `save` or `eigentail analyze -o report.json` wrote.

    Args:
        path: the JSON file.

    Returns:
        The report; spectra are None where the file has none.

    Raises:
        SourceError: the file cannot be read, is no report, or was written by a newer version.

    Example:
        >>> load("no-such-report.json")
        Traceback (most recent call last):
        eigentail.errors.SourceError: no-such-report.json: no such file or directory
    """
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise SourceError((error.strerror or str(error)).lower(), where=str(path)) from error
    try:
        version = msgspec.json.decode(text, type=dict[str, msgspec.Raw]).get("schema_version")
        if version is not None and int(bytes(version)) > SCHEMA_VERSION:
            raise SourceError(
                f"the report has schema version {bytes(version).decode()}, this program reads {SCHEMA_VERSION}",
                where=str(path),
                hint="update eigentail",
            )
        return _report(msgspec.json.decode(text, type=Document))
    except (msgspec.DecodeError, ValueError) as error:
        raise SourceError(
            f"not a report of eigentail ({error})", where=str(path), hint="write one with `eigentail analyze -o FILE`"
        ) from error


def head_of(report: ModelReport) -> bytes:
    """The document without its layers, which `layer_bytes` makes one at a time.

    Example:
        >>> import eigentail as et
        >>> b'"layers":[]' in head_of(et.analyze(et.example()))
        True
    """
    return msgspec.json.encode(replace(_document(report, spectra=False), layers=[]))


def layer_bytes(row: LayerReport) -> bytes:
    """One layer of a saved report by itself, infinities kept apart from NaN.

    Example:
        >>> import eigentail as et
        >>> row = et.analyze(et.example()).layers[0]
        >>> layer_from(layer_bytes(row)).metrics == row.metrics
        True
    """
    fit = FitRow(**{name: getattr(row.fit, name) for name in FitRow.__struct_fields__})
    return msgspec.msgpack.encode(replace(_row(row, spectra=True), metrics=dict(row.metrics), fit=fit))


def layer_from(content: bytes) -> LayerReport:
    """The layer that `layer_bytes` wrote.

    Raises:
        msgspec.DecodeError: it is no such thing.

    Example:
        >>> import eigentail as et
        >>> layer_from(layer_bytes(et.analyze(et.example()).layers["fc2"])).verdict.value
        'well-trained'
    """
    return _layer_report(msgspec.msgpack.decode(content, type=LayerRow))


def assembled(head: bytes, layers: Iterable[LayerReport]) -> ModelReport:
    """The report of a head and of layers, all of them or some; its summary is computed anew.

    Args:
        head: from `head_of`.
        layers: in any order.

    Raises:
        msgspec.DecodeError: the head is no such thing.

    Example:
        >>> import eigentail as et
        >>> report = et.analyze(et.example())
        >>> assembled(head_of(report), report.layers).summary == report.summary
        True
    """
    report = _report(msgspec.json.decode(head, type=Document))
    table = LayerTable(layers)
    return replace(report, layers=table, summary=summarise(table, len(report.skipped), report.settings))


def _document(report: ModelReport, *, spectra: bool) -> Document:
    summary = report.summary
    return Document(
        schema_version=SCHEMA_VERSION,
        tool={"name": "eigentail", **report.versions},
        source=report.source,
        settings=report.settings,
        summary={
            **summary.mean,
            **{name: getattr(summary, name) for name in Summary.__struct_fields__ if name != "mean"},
        },
        layers=[_row(row, spectra) for row in report.layers],
        skipped=list(report.skipped),
        shards=msgspec.UNSET if report.shards.is_whole else report.shards,
    )


def _row(row: LayerReport, spectra: bool) -> LayerRow:
    fit, seen = row.fit, row.spectrum
    return LayerRow(
        index=row.layer.index,
        name=row.layer.name,
        kind=row.layer.kind,
        block=row.layer.block,
        shape=row.layer.shape,
        count=row.layer.count,
        num_evals=row.layer.num_evals,
        status=fit.status,
        verdict=row.verdict,
        reason=row.reason,
        metrics={name: _null(value) for name, value in row.metrics.items()},
        fit=_fit_row(fit),
        phase=row.phase,
        best_law=row.best_law,
        spectrum=_spectrum_row(seen) if seen is not None and spectra else None,
        device=row.device,
        notes=row.notes,
        quantised=row.quantised,
    )


def _fit_row(fit: Fit) -> FitRow:
    return FitRow(
        law=fit.law,
        alpha=_null(fit.alpha),
        sigma=_null(fit.sigma),
        xmin=_null(fit.xmin),
        xmax=_null(fit.xmax),
        D=_null(fit.D),
        tail=fit.tail,
        detail=fit.detail,
        rate=_null(fit.rate),
        fingers=fit.fingers,
        raw_alpha=_null(fit.raw_alpha),
    )


def _spectrum_row(seen: Spectrum) -> SpectrumRow:
    data = seen.eigenvalues.astype("<f8").tobytes()
    return SpectrumRow(data, seen.rank, seen.precision, seen.stored, seen.scale)


def _report(document: Document) -> ModelReport:
    beside = {name: document.summary[name] for name in Summary.__struct_fields__ if name in document.summary}
    means = {name: value for name, value in document.summary.items() if name not in beside}
    summary = msgspec.convert(_nan_for_null({"mean": means, **beside}), Summary)
    layers = LayerTable(_layer_report(row) for row in document.layers)
    if "verdict" not in beside:  # written before models had one
        verdict, reason = judge_model(layers)
        summary = replace(summary, verdict=verdict, reason=reason)
    return ModelReport(
        source=document.source,
        settings=document.settings,
        layers=layers,
        skipped=tuple(document.skipped),
        summary=summary,
        versions={name: version for name, version in document.tool.items() if name != "name"},
        shards=Shards() if document.shards is msgspec.UNSET else document.shards,
    )


def _layer_report(row: LayerRow) -> LayerReport:
    return LayerReport(
        layer=Layer(
            index=row.index, name=row.name, kind=row.kind, block=row.block, tensors=(), shape=row.shape, count=row.count
        ),
        fit=_fit(row.status, row.fit),
        verdict=row.verdict,
        metrics={name: _nan(value) for name, value in row.metrics.items()},
        spectrum=_spectrum(row),
        reason=row.reason,
        phase=row.phase,
        best_law=row.best_law,
        device=row.device,
        notes=row.notes,
        quantised=row.quantised,
    )


def _fit(status: FitStatus, row: FitRow) -> Fit:
    return Fit(
        status=status,
        law=row.law,
        alpha=_nan(row.alpha),
        sigma=_nan(row.sigma),
        xmin=_nan(row.xmin),
        xmax=_nan(row.xmax),
        D=_nan(row.D),
        tail=row.tail,
        detail=row.detail,
        rate=_nan(row.rate),
        fingers=row.fingers,
        raw_alpha=_nan(row.raw_alpha),
    )


def _spectrum(row: LayerRow) -> Spectrum | None:
    if row.spectrum is None:
        return None
    values = np.frombuffer(row.spectrum.eigenvalues, dtype="<f8").astype(np.float64)
    values.setflags(write=False)
    return Spectrum(
        eigenvalues=values,
        shape=row.shape,
        rank=row.spectrum.rank,
        count=row.count,
        precision=row.spectrum.precision,
        stored=row.spectrum.stored,
        scale=row.spectrum.scale,
        device=row.device or "cpu",  # written before there was a choice
    )


def _null(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _nan(value: float | None) -> float:
    return NAN if value is None else value


def _nan_for_null(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _nan_for_null(inner) for key, inner in value.items()}
    return NAN if value is None else value

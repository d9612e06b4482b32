"""What is handed to the user: a row for each layer, the model in a few numbers, and both together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import overload

import msgspec

from eigentail.errors import UsageError, did_you_mean
from eigentail.records.finding import Fit, Phase, Spectrum, Verdict
from eigentail.records.header import Layer, Skip, SourceRef
from eigentail.records.shards import Shards
from eigentail.records.showing import Drawn, Shown
from eigentail.settings import Settings


class LayerReport(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What was found out about one layer.

    Attributes:
        layer: which one.
        fit: the tail, or why there is none.
        verdict: what that says.
        metrics: every metric asked for; NaN where it does not exist.
        spectrum: the eigenvalues, or None when the weights could not be read.
        reason: one sentence on the verdict.
        phase: which of the 5 + 1 phases the spectrum shows; None where it cannot be told, or no metric needs the bulk.
        best_law: the law that fits the tail best, where laws were compared.
        device: where the spectrum was computed, in this run or in the one that kept it: "cpu" or the name of a GPU;
            "" where there is none, or in reports older than the choice.
        notes: sentences on how it was measured that change no number: a GPU whose work the CPU had to do.
        quantised: what the weights were decoded from ("gptq-4", "nf4"), or "".

    Example:
        >>> import eigentail as et
        >>> et.analyze(et.example()).layers["fc2"].verdict.value
        'well-trained'
    """

    layer: Layer
    fit: Fit
    verdict: Verdict
    metrics: Mapping[str, float]
    spectrum: Spectrum | None = None
    reason: str = ""
    phase: Phase | None = None
    best_law: str = ""
    device: str = ""
    notes: tuple[str, ...] = ()
    quantised: str = ""

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The model in a few numbers: plain means over the layers with an ok fit.

    Attributes:
        mean: metric to mean; a layer without the number does not enter.
        median: metric to median, over the same layers.
        by_kind: kind of matrix to metric to mean: q and k are not comparable with the MLP.
        verdict: the model's own: that of most of the layers that could be judged.
        reason: one sentence on it.
        verdicts: verdict to the number of layers that earned it.
        layers_ok: layers with a fit.
        layers_failed: layers measured or tried that have none.
        layers_skipped: tensors not analysed.
        layers_averaged: layers that entered the mean.

    Example:
        >>> Summary(mean={"alpha": 3.0})["alpha"]
        3.0
    """

    mean: Mapping[str, float]
    median: Mapping[str, float] = {}
    by_kind: Mapping[str, Mapping[str, float]] = {}
    verdict: Verdict = Verdict.FAILED
    reason: str = ""
    verdicts: Mapping[str, int] = {}
    layers_ok: int = 0
    layers_failed: int = 0
    layers_skipped: int = 0
    layers_averaged: int = 0

    def __getitem__(self, metric: str) -> float:
        if metric not in self.mean:
            raise UsageError(f"no metric {metric!r} in the summary", hint=did_you_mean(metric, self.mean))
        return self.mean[metric]


class LayerTable(Sequence[LayerReport]):
    """The layers of a report in model order, by position or by name.

    Example:
        >>> import eigentail as et
        >>> table = et.analyze(et.example()).layers
        >>> len(table), table[1] is table["fc2"]
        (3, True)
        >>> table["fd2"]
        Traceback (most recent call last):
        eigentail.errors.UsageError: no layer 'fd2': did you mean fc2?
    """

    def __init__(self, rows: Iterable[LayerReport] = ()) -> None:
        self._rows = tuple(sorted(rows, key=lambda row: row.layer.index))
        self._by_name = {row.name: row for row in self._rows}

    @overload
    def __getitem__(self, key: int) -> LayerReport: ...
    @overload
    def __getitem__(self, key: str) -> LayerReport: ...
    @overload
    def __getitem__(self, key: slice) -> LayerTable: ...

    def __getitem__(self, key: int | str | slice) -> LayerReport | LayerTable:
        if isinstance(key, slice):
            return LayerTable(self._rows[key])
        if isinstance(key, int):
            return self._rows[key]
        if key not in self._by_name:
            raise UsageError(f"no layer {key!r}", hint=did_you_mean(key, self._by_name))
        return self._by_name[key]

    def __iter__(self) -> Iterator[LayerReport]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class ModelReport(Shown, Drawn, msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A model, layer by layer and as a whole.

    Attributes:
        source: where the weights came from.
        settings: how they were measured.
        layers: what was measured, in model order.
        skipped: what was not, each with its reason.
        summary: the model's own numbers.
        versions: of this package and of the libraries that did the arithmetic.
        shards: of the work, those that are in it.

    Example:
        >>> import eigentail as et
        >>> report = et.analyze(et.example())
        >>> min(row.fit.alpha for row in report.layers) < report.summary["alpha"]
        True
    """

    source: SourceRef
    settings: Settings
    layers: LayerTable
    skipped: tuple[Skip, ...]
    summary: Summary
    versions: Mapping[str, str]
    shards: Shards = Shards()

    def to_json(self) -> str:
        """The report as the JSON document that `eigentail analyze --json` prints."""
        from eigentail.analysis.document import to_json  # with `Shown`, the exception to the order of rooms

        return to_json(self)

    def save(self, path: str | Path) -> None:
        """Write everything, eigenvalues included, to a file that `eigentail.load` reads."""
        from eigentail.analysis.document import save

        save(self, path)

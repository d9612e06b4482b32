"""The nouns that flow through the rooms: frozen, typed, dumb. Every room takes one and returns the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, overload

import msgspec

from eigentail.errors import UsageError, did_you_mean
from eigentail.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAN: Final = float("nan")


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a header tells of one tensor. No bytes.

    Attributes:
        name: the name, wrapper prefixes removed ("h.0.attn.c_attn.weight").
        shape: the sizes of its axes.
        dtype: the stored type, as numpy and ml_dtypes name it ("float32", "bfloat16", "float8_e4m3fn").
        nbytes: the bytes it takes in the source.
        tied_to: the name of an earlier tensor that is the same memory, or "".
        groups: groups of a convolution where the source knows (a live module does), else 0.
        conv_transposed: the source knows this to be a transposed convolution: (in, out, ...).

    Example:
        >>> TensorSpec(name="w", shape=(2, 3), dtype="float32", nbytes=24).shape
        (2, 3)
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    tied_to: str = ""
    groups: int = 0
    conv_transposed: bool = False


class SourceRef(msgspec.Struct, frozen=True):
    """A few bytes that re-open a source anywhere.

    Attributes:
        format: the name of the format that reads it ("safetensors"); "live" cannot travel.
        target: the path, as given, made absolute.
        fingerprint: changes when the content does (size and time of change for a file).

    Example:
        >>> SourceRef("safetensors", "/m/model.safetensors", "10:1").format
        'safetensors'
    """

    format: str
    target: str
    fingerprint: str = ""


class Cut(msgspec.Struct, frozen=True):
    """Which part of a tensor a layer is, and how its axes make matrices. Applied in the order of the fields.

    Attributes:
        fold: the first axis is reshaped to these sizes (per-head interleaved tensors), or ().
        slices: (start, stop, step) for the leading axes after folding; () for the whole tensor.
        view: `dense` (all axes but the last are rows), `conv` (out, in, positions...) and `conv-transposed`
            (in, out, positions...) with one matrix a position, `flatten` and `flatten-transposed` with one
            out x (in * positions) matrix of the same layouts.
        groups: a grouped convolution is cut into this many blocks along its first axis.

    Example:
        >>> Cut(slices=((0, 768, 1),)).view
        'dense'
    """

    fold: tuple[int, ...] = ()
    slices: tuple[tuple[int, int, int], ...] = ()
    view: str = "dense"
    groups: int = 1


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the report to be: a weight matrix, or the few matrices whose eigenvalues are pooled.

    Attributes:
        index: its place in the model, counted over all candidates, selected or not.
        name: the tensor's name without ".weight", and the part it was split into (".q").
        kind: what the matrix does ("attention.q", "mlp.up", "conv", "embedding.token", "head", "dense").
        block: the number on the depth axis, or None outside the repeated blocks.
        tensors: the tensors it is made of.
        cut: the part of them.
        shape: (N, M), the larger and the smaller side of one matrix.
        count: the number of matrices pooled.

    Example:
        >>> spec = TensorSpec(name="fc.weight", shape=(64, 128), dtype="float32", nbytes=32768)
        >>> layer = Layer(index=0, name="fc", kind="dense", block=None, tensors=(spec,), shape=(128, 64))
        >>> layer.num_evals, layer.flops == 128 * 64**2 + 4 / 3 * 64**3
        (64, True)
    """

    index: int
    name: str
    kind: str
    block: int | None
    tensors: tuple[TensorSpec, ...]
    shape: tuple[int, int]
    cut: Cut = Cut()
    count: int = 1

    @property
    def num_evals(self) -> int:
        """The number of eigenvalues, zeros included: M times the matrices pooled."""
        return self.shape[1] * self.count

    @property
    def flops(self) -> float:
        """Floating-point operations of the exact spectrum: N M^2 + 4/3 M^3 for each matrix."""
        n, m = self.shape
        return self.count * (n * m**2 + 4 / 3 * m**3)

    @property
    def memory(self) -> int:
        """Bytes of working memory while it is measured: about two float64 copies of one matrix."""
        n, m = self.shape
        return 16 * n * m


class Skip(msgspec.Struct, frozen=True):
    """A tensor that is not analysed, and why. The reason is a sentence for the user.

    Example:
        >>> Skip("fc.bias", (10,), "a vector").reason
        'a vector'
    """

    name: str
    shape: tuple[int, ...]
    reason: str


class FitStatus(StrEnum):
    """How a fit ended. `sentence` says it to the user; only `ok` carries numbers.

    Example:
        >>> FitStatus.FLAT.sentence
        'all eigenvalues are equal: an orthogonal or identity matrix has no tail'
    """

    OK = "ok"
    TOO_FEW = "too-few"
    FLAT = "flat"
    RANK_ONE = "rank-one"
    ZERO = "zero"
    NON_FINITE = "non-finite"
    UNREADABLE = "unreadable"

    @property
    def sentence(self) -> str:
        """What happened, in plain words."""
        return _SENTENCES[self]

    @property
    def is_failure(self) -> bool:
        """Whether the layer could not be measured at all, as opposed to having been measured and found odd."""
        return self in (FitStatus.NON_FINITE, FitStatus.UNREADABLE)


_SENTENCES: Final = {
    FitStatus.OK: "a power law was fitted to the tail",
    FitStatus.TOO_FEW: "too few non-zero eigenvalues for a fit",
    FitStatus.FLAT: "all eigenvalues are equal: an orthogonal or identity matrix has no tail",
    FitStatus.RANK_ONE: "one eigenvalue is all there is: the matrix has rank one",
    FitStatus.ZERO: "every weight is zero",
    FitStatus.NON_FINITE: "some weights are NaN or infinite",
    FitStatus.UNREADABLE: "the tensor could not be read",
}


class Verdict(StrEnum):
    """What the numbers say about a layer, in the literature's words.

    Example:
        >>> Verdict("well-trained").name
        'WELL_TRAINED'
    """

    WELL_TRAINED = "well-trained"
    UNDER_TRAINED = "under-trained"
    OVER_TRAINED = "over-trained"
    UNTRAINED = "untrained"
    TOO_SMALL = "too-small"
    NOT_POWER_LAW = "not-power-law"
    RANK_COLLAPSE = "rank-collapse"
    TRAP = "trap"
    FAILED = "failed"


class Spectrum(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The eigenvalues of W^T W: squared singular values, not divided by N.

    Attributes:
        eigenvalues: ascending, float64, read-only, zeros included; shape (n,).
        shape: (N, M) of one matrix.
        count: the number of matrices pooled.
        rank: how many eigenvalues are not zero at the stored precision.
        precision: of the computation ("float64" or "float32").
        stored: the dtype the weights were stored in.
        scale: the factor every eigenvalue was multiplied by (the convolution convention).

    Example:
        >>> import numpy as np
        >>> spectrum = Spectrum(eigenvalues=np.array([0.0, 1.0, 4.0]), shape=(4, 3), rank=2)
        >>> spectrum.positive.tolist(), spectrum.lambda_max
        ([1.0, 4.0], 4.0)
    """

    eigenvalues: NDArray[np.float64]
    shape: tuple[int, int]
    rank: int
    count: int = 1
    precision: str = "float64"
    stored: str = "float64"
    scale: float = 1.0

    @property
    def positive(self) -> NDArray[np.float64]:
        """The eigenvalues that are not zero, ascending."""
        return self.eigenvalues[len(self.eigenvalues) - self.rank :]

    @property
    def lambda_max(self) -> float:
        """The largest eigenvalue, the squared spectral norm."""
        return float(self.eigenvalues[-1])


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """A power law rho(x) ~ x^-alpha on x >= xmin, or the reason why there is none. NaN unless the status is ok.

    Attributes:
        status: how the fit ended.
        law: the law fitted.
        alpha: exponent of the density.
        sigma: (alpha - 1) / sqrt(tail), the standard error for independent samples.
        xmin: where the tail begins, in units of the eigenvalues.
        xmax: the largest value fitted.
        D: the Kolmogorov-Smirnov distance between tail and law.
        tail: the number of eigenvalues at or above xmin.
        detail: more about a failure than the status says ("3 of 4096 values").

    Example:
        >>> Fit(status=FitStatus.ZERO).alpha
        nan
    """

    status: FitStatus
    law: str = "power_law"
    alpha: float = NAN
    sigma: float = NAN
    xmin: float = NAN
    xmax: float = NAN
    D: float = NAN
    tail: int = 0
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is a number to use."""
        return self.status is FitStatus.OK


class LayerReport(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What was found out about one layer.

    Attributes:
        layer: which one.
        fit: the tail, or why there is none.
        verdict: what that says.
        metrics: every metric asked for; NaN where it does not exist.
        spectrum: the eigenvalues, or None when the weights could not be read.
        reason: one sentence on the verdict.

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
        eigentail.errors.UsageError: no layer 'fd2': did you mean fc2 or fc3 or fc1?
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


class ModelReport(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A model, layer by layer and as a whole.

    Attributes:
        source: where the weights came from.
        settings: how they were measured.
        layers: what was measured, in model order.
        skipped: what was not, each with its reason.
        summary: the model's own numbers.
        versions: of this package and of the libraries that did the arithmetic.

    Example:
        >>> import eigentail as et
        >>> report = et.analyze(et.example())
        >>> report.summary["alpha"] == report.layers["fc2"].fit.alpha
        True
    """

    source: SourceRef
    settings: Settings
    layers: LayerTable
    skipped: tuple[Skip, ...]
    summary: Summary
    versions: Mapping[str, str]

    def __repr__(self) -> str:
        from eigentail.reports import render  # the documented exception to the one-way order

        return render(self, "text")

    def _repr_html_(self) -> str:
        from eigentail.reports import render

        return render(self, "html")

    def to_json(self) -> str:
        """The report as the JSON document that `eigentail analyze --json` prints."""
        from eigentail.analysis.document import to_json

        return to_json(self)

    def to_html(self, path: str | Path) -> None:
        """Write the report as one HTML file that needs nothing else."""
        from eigentail.reports import write

        write(self, path, form="html")

    def to_pandas(self) -> Any:
        """The layers as a pandas DataFrame, one row each.

        Raises:
            UsageError: pandas is not installed.
        """
        from eigentail.reports import to_pandas

        return to_pandas(self)

    def save(self, path: str | Path) -> None:
        """Write everything, eigenvalues included, to a file that `eigentail.load` reads."""
        from eigentail.analysis.document import save

        save(self, path)

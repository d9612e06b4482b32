"""What became of a model: a row for each layer, what was done to it as a whole, and whether it was hurt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from eigentail.errors import UsageError, did_you_mean
from eigentail.records.finding import NAN, Fit, FitStatus, Spectrum
from eigentail.records.header import Layer, Skip, SourceRef
from eigentail.records.showing import Drawn, Shown
from eigentail.settings import Settings


class Outcome(StrEnum):
    """What became of a layer.

    Example:
        >>> Outcome("untouched").is_compared, Outcome.MISSING_IN_OTHER.is_compared
        (True, False)
    """

    UNTOUCHED = "untouched"
    CHANGED = "changed"
    DAMAGED = "damaged"
    MISSING_IN_BASE = "missing-in-base"
    MISSING_IN_OTHER = "missing-in-other"
    NOT_COMPARABLE = "not-comparable"
    FAILED = "failed"

    @property
    def is_compared(self) -> bool:
        """Whether both sides were held against each other."""
        return self in (Outcome.UNTOUCHED, Outcome.CHANGED, Outcome.DAMAGED)


class Whole(StrEnum):
    """What became of a model.

    Example:
        >>> Whole("identical").name
        'IDENTICAL'
    """

    IDENTICAL = "identical"
    CHANGED = "changed"
    DAMAGED = "damaged"
    UNRELATED = "unrelated"


class Deed(StrEnum):
    """What was evidently done to weights. `sentence` says it to the user.

    Example:
        >>> Deed.PRUNED.sentence
        'weights were set to zero and the rest left alone'
    """

    NOTHING = "nothing"
    CAST = "cast"
    PRUNED = "pruned"
    QUANTISED = "quantised"
    LOW_RANK = "low-rank"
    ANEW = "anew"
    DENSE = "dense"
    SEVERAL = "several"
    UNKNOWN = "unknown"

    @property
    def sentence(self) -> str:
        """What was done, in plain words."""
        return _DEEDS[self]


_DEEDS: Final = {
    Deed.NOTHING: "the values are the same",
    Deed.CAST: "every change is the rounding of a coarser number format",
    Deed.PRUNED: "weights were set to zero and the rest left alone",
    Deed.QUANTISED: "the weights take few values now: a quantised copy",
    Deed.LOW_RANK: "a change of low rank, as a merged LoRA leaves",
    Deed.ANEW: "the weights have nothing in common with those of the base: trained anew, or of another model",
    Deed.DENSE: "a change in every direction: trained further, or merged with another model",
    Deed.SEVERAL: "not the same was done to every layer",
    Deed.UNKNOWN: "what was done cannot be told",
}


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A layer as one of the two models has it. NaN where a number does not exist or was not asked for.

    Attributes:
        dtype: what it is stored in.
        holds: the coarsest of the common number formats that holds every value ("bfloat16" in a float32 file).
        alpha: the exponent of the tail.
        alpha_low: lower end of its 90 % interval.
        alpha_high: upper end.
        alpha_same_tail: the exponent of as many eigenvalues as the tail of the other side has.
        noise_p: share of random matrices with a spectrum as far from noise.
        log_norm: log10 of the squared Frobenius norm, in the convention for convolutions of the settings.
        rank: eigenvalues that are not zero; None where it was not measured.
        zeros: share of the weights that are exactly zero.
        levels: different non-zero values a row, a column, a run of 32, or in all, where they are few: the median.
        few_levels: whether these are so few, or so evenly spaced, that the weights were quantised.
        traps: correlation traps, where a metric asked for them.

    Example:
        >>> Side(dtype="float32").alpha
        nan
    """

    dtype: str
    holds: str = ""
    alpha: float = NAN
    alpha_low: float = NAN
    alpha_high: float = NAN
    alpha_same_tail: float = NAN
    noise_p: float = NAN
    log_norm: float = NAN
    rank: int | None = None
    zeros: float = NAN
    levels: float = NAN
    few_levels: bool = False
    traps: int | None = None


class Change(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The difference of the two, other minus base, as a matrix of its own.

    Attributes:
        relative: |other - base| / |base| in Frobenius norm; NaN for a base of zeros.
        norm: |other - base|, in the units of the weights.
        norm_base: |base|, in the units of the weights.
        share: of the weights that differ.
        zeros_gained: share of the weights that became zero.
        spectrum: its eigenvalues; None where it was not measured.
        fit: its tail, or why it has none.
        noise_p: share of random matrices with a spectrum as far from noise; NaN where that cannot be told.
        rank: eigenvalues above what rounding alone can make.
        low_rank: whether the rank is at most a quarter of the side and nothing but rounding lies beside it.
        stable_rank: squared Frobenius norm over squared spectral norm.
        entropy: of the eigenvalues, 1 when all are equal.
        deed: what was evidently done.

    Example:
        >>> Change().relative
        nan
    """

    relative: float = NAN
    norm: float = NAN
    norm_base: float = NAN
    share: float = NAN
    zeros_gained: float = NAN
    spectrum: Spectrum | None = None
    fit: Fit = Fit(status=FitStatus.ZERO)
    noise_p: float = NAN
    rank: int | None = None
    low_rank: bool = False
    stable_rank: float = NAN
    entropy: float = NAN
    deed: Deed = Deed.UNKNOWN


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """How far the leading singular subspaces of two matrices are the same.

    Attributes:
        k: dimensions compared, summed over pooled matrices.
        left: mean squared cosine of the principal angles between the left subspaces, from 0 to 1.
        right: the same of the right subspaces.

    Example:
        >>> Overlap().left
        nan
    """

    k: int = 0
    left: float = NAN
    right: float = NAN


class Drift(msgspec.Struct, frozen=True):
    """A number of the other minus that of the base, and its 90 % interval where both numbers have one.

    Example:
        >>> Drift().value
        nan
    """

    value: float = NAN
    low: float = NAN
    high: float = NAN


class LayerDifference(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What became of one layer.

    Attributes:
        layer: as the base has it; as the other has it where it is missing in the base.
        outcome: in a word.
        reason: in a sentence.
        base: before.
        other: after.
        change: the difference.
        alpha_drift: of the exponent.
        log_norm_drift: of log10 of the squared norm.
        overlap: of the leading singular subspaces.

    Example:
        >>> import numpy as np
        >>> from eigentail.analysis.diff import diff
        >>> weights = np.random.default_rng(0).standard_normal((64, 32))
        >>> row = diff({"fc.weight": weights}, {"fc.weight": 2 * weights}).layer("fc")
        >>> row.outcome.value, row.change.relative, round(row.alpha_drift.value, 9)
        ('changed', 1.0, 0.0)
    """

    layer: Layer
    outcome: Outcome
    reason: str
    base: Side | None = None
    other: Side | None = None
    change: Change = Change()
    alpha_drift: Drift = Drift()
    log_norm_drift: float = NAN
    overlap: Overlap = Overlap()

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name


class TensorDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a tensor that is no layer: a bias, a norm, a counter, a matrix too small to measure.

    Attributes:
        name: in the base.
        shape: of both.
        relative: |other - base| / |base|; NaN for a base of zeros.
        share: of the values that differ.
        reason: why it could not be compared, or "".

    Example:
        >>> TensorDifference(name="fc.bias", shape=(10,), share=0.0).is_changed
        False
    """

    name: str
    shape: tuple[int, ...]
    relative: float = NAN
    share: float = NAN
    reason: str = ""

    @property
    def is_changed(self) -> bool:
        """Whether any value differs."""
        return self.share > 0


class Difference(Shown, Drawn, msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What became of a model, layer by layer and as a whole.

    Attributes:
        base: where the weights before came from.
        other: where those after came from.
        settings: how they were measured.
        layers: in the order of the base, then those that only the other has.
        tensors: what is no layer; empty where only some layers were asked for.
        skipped: tensors of either side that were held against nothing, each with its reason.
        whole: the outcome in a word.
        sentence: the outcome in a sentence.
        deed: what was evidently done.
        done: that in a sentence.
        relative: |other - base| / |base| over all layers compared.
        by_kind: kind of matrix to the same number over its layers, the most changed first.
        outcomes: outcome to the number of layers.
        versions: of this package and of the libraries that did the arithmetic.

    Example:
        >>> import eigentail as et
        >>> from eigentail.analysis.diff import diff
        >>> diff(et.example(), et.example()).whole.value
        'identical'
    """

    base: SourceRef
    other: SourceRef
    settings: Settings
    layers: tuple[LayerDifference, ...]
    tensors: tuple[TensorDifference, ...]
    skipped: tuple[Skip, ...]
    whole: Whole
    sentence: str
    deed: Deed
    done: str
    relative: float
    by_kind: Mapping[str, float]
    outcomes: Mapping[str, int]
    versions: Mapping[str, str]

    def layer(self, name: str) -> LayerDifference:
        """One layer by its name.

        Raises:
            UsageError: there is none of this name.
        """
        found = {row.name: row for row in reversed(self.layers)}
        if name not in found:
            raise UsageError(f"no layer {name!r}", hint=did_you_mean(name, found))
        return found[name]

    def ranked(self) -> tuple[LayerDifference, ...]:
        """The layers compared, the most changed first."""
        compared = [row for row in self.layers if row.outcome.is_compared]
        return tuple(sorted(compared, key=lambda row: (-_or_zero(row.change.relative), row.layer.index)))


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value

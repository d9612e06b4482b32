"""One tensor of two models: the bytes of both enter here once and die here. Runs in any thread."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from eigentail.analysis.damage import damage_of
from eigentail.analysis.deed import coarser_format, deed_of
from eigentail.analysis.evidence import Evidence
from eigentail.analysis.units import Found, Unit, rows_of
from eigentail.errors import LayerError, SourceError
from eigentail.layers import matrices, products
from eigentail.metrics import chosen, metrics
from eigentail.numerics.change import ChangeRank, Entries, entries_of, is_low, rank_of_change
from eigentail.numerics.levels import held, levels_of
from eigentail.numerics.noise import noise_of
from eigentail.numerics.roundoff import unit_roundoff
from eigentail.numerics.subspace import MOST, overlap_of
from eigentail.numerics.tail import estimator_named, fit_tail
from eigentail.records import NAN, Fit, FitStatus, Layer, Spectrum, TensorSpec
from eigentail.records.difference import (
    Change,
    Deed,
    Drift,
    LayerDifference,
    Outcome,
    Overlap,
    Side,
    TensorDifference,
)
from eigentail.records.low_rank import Factors, LowRank
from eigentail.settings import Settings
from eigentail.sources.delta import Delta, subtracted
from eigentail.sources.dtypes import dtype_of
from eigentail.store import SpectrumStore

# A square matrix this much nearer to the transpose of the other than to the other itself is stored transposed.
_NEARER: Final = 0.5


class _Stacks(NamedTuple):
    """A layer of both sides, and what its entries tell."""

    layer: Layer
    base: NDArray[Any]
    other: NDArray[Any]
    entries: Entries
    settings: Settings
    store: SpectrumStore | None
    product: LowRank | None = None

    def seen(self, stack: NDArray[Any] | LowRank) -> Evidence:
        """What can be known of one side, or of the difference."""
        return Evidence(self.layer, stack, self.settings, self.store)


class _Sides(NamedTuple):
    """The rows of a layer as both sides have them, and what was added to its tensor where that is a product."""

    layer: Layer
    base: NDArray[Any]
    other: NDArray[Any]
    change: Factors | None


def measure_change(unit: Unit, *, delta: Delta, settings: Settings, store: SpectrumStore | None = None) -> Found:
    """Read a tensor of both sides and say what became of it.

    Args:
        unit: which one.
        delta: where it is; it is only read.
        settings: what to measure.
        store: asked for the spectra first, and given them; None to compute them.

    Returns:
        A row for each layer, and one for the tensor where it is more than its layers. What cannot be read or measured
        has NaN for its numbers, and the reason.

    Raises:
        LayerError: a layer cannot be measured and `settings.strict` is set.

    Example:
        >>> from eigentail.sources import open_source
        >>> delta = Delta(open_source({"b": np.zeros(4)}), open_source({"b": np.array([0.0, 0.0, 1.0, 2.0])}))
        >>> measure_change(Unit(spec=delta.pairs[0].base, is_apart=True), delta=delta, settings=Settings()).tensor.share
        0.5
    """
    try:
        base, other = delta.both(unit.spec, unit.part)
    except SourceError as error:
        if settings.strict and unit.layers:
            raise LayerError(error.what, where=unit.layers[0].name, hint=error.hint) from error
        return _unreadable(unit, str(error))
    sides = [
        _Sides(layer, rows_of(layer, unit, base), rows_of(layer, unit, other), delta.change(unit.spec))
        for layer in unit.layers
    ]
    rows = [_checked(one, settings, store) for one in sides]
    return Found(tuple(rows), _whole(unit.spec, base, other) if unit.is_apart else None)


def _checked(sides: _Sides, settings: Settings, store: SpectrumStore | None) -> LayerDifference:
    """One layer; an error becomes its reason, unless the settings are strict."""
    layer = sides.layer
    try:
        row = _compared(sides, settings, store)
    except (SourceError, LayerError) as error:
        if settings.strict:
            raise LayerError(error.what, where=layer.name, hint=error.hint) from error
        return LayerDifference(layer=layer, outcome=Outcome.FAILED, reason=str(error))
    if settings.strict and row.outcome is Outcome.FAILED:
        raise LayerError(row.reason, where=layer.name)
    return row


def _compared(sides: _Sides, settings: Settings, store: SpectrumStore | None) -> LayerDifference:
    """The layer's entries first, then whatever they leave to be asked."""
    layer = sides.layer
    base, other = matrices(layer, [sides.base]), matrices(layer, [sides.other])
    product = None if sides.change is None else products(layer, sides.change)
    before, after = _stored(base), _stored(other)
    entries = entries_of(base, other, coarser_format(before, after))
    before = replace(before, zeros=entries.zeros_base / entries.size)
    after = replace(after, zeros=entries.zeros_other / entries.size)
    stacks = _Stacks(layer, base, other, entries, settings, store, product)
    if not entries.changed:
        return _untouched(stacks, before, after)
    outcome, reason = _odd(stacks)
    if outcome is not None:
        change = replace(_plain(entries), fit=Fit(status=FitStatus.NON_FINITE), rank=None, deed=Deed.UNKNOWN)
        return LayerDifference(layer=layer, outcome=outcome, reason=reason, base=before, other=after, change=change)
    return _changed(stacks, before, after)


def _odd(stacks: _Stacks) -> tuple[Outcome | None, str]:
    """What forbids to measure a layer that differs: an outcome and its reason, or None."""
    entries = stacks.entries
    if entries.broken_base:
        return Outcome.FAILED, f"{entries.broken_base} of {entries.size} weights are NaN or infinite in the base"
    if entries.broken_other:
        return Outcome.DAMAGED, f"{entries.broken_other} of {entries.size} weights are NaN or infinite now"
    if _is_transposed(stacks):
        return Outcome.NOT_COMPARABLE, "the other stores it transposed: turn one of them before they are compared"
    return None, ""


def _untouched(stacks: _Stacks, before: Side, after: Side) -> LayerDifference:
    """The row of a layer whose every value is what it was: the numbers of the base are those of the other."""
    layer, settings = stacks.layer, stacks.settings
    seen, reason, k = stacks.seen(stacks.base), "every value is the same", 0
    try:
        before = _measured(seen, before, settings)
        k = min(MOST * layer.count, int(np.count_nonzero(seen.spectrum.eigenvalues >= seen.fit.xmin)))
    except LayerError as error:  # two copies of what cannot be measured are the same nevertheless
        reason = f"{reason}; {error}"
    return LayerDifference(
        layer=layer,
        outcome=Outcome.UNTOUCHED,
        reason=reason,
        base=before,
        other=replace(before, dtype=after.dtype),
        change=_plain(stacks.entries),
        alpha_drift=Drift() if math.isnan(before.alpha) else Drift(0.0, 0.0, 0.0),
        log_norm_drift=0.0,
        overlap=Overlap(k=k, left=1.0, right=1.0) if k else Overlap(),
    )


def _changed(stacks: _Stacks, before: Side, after: Side) -> LayerDifference:
    """The row of a layer that is not what it was."""
    layer, base, other, _, settings, *_ = stacks
    seen, then = stacks.seen(base), stacks.seen(other)
    before = replace(_measured(seen, before, settings), alpha_same_tail=_alpha_of(seen.spectrum, then.fit.tail))
    after = replace(_measured(then, after, settings), alpha_same_tail=_alpha_of(then.spectrum, seen.fit.tail))
    change = _change(stacks, before, after)
    damage = damage_of(layer, before, after)
    return LayerDifference(
        layer=layer,
        outcome=Outcome.DAMAGED if damage else Outcome.CHANGED,
        reason=damage or change.deed.sentence,
        base=before,
        other=after,
        change=change,
        alpha_drift=_drift(before, after),
        log_norm_drift=after.log_norm - before.log_norm,
        overlap=overlap_of(base, other, floor=seen.fit.xmin / seen.spectrum.scale),
    )


def _change(stacks: _Stacks, before: Side, after: Side) -> Change:
    """Spectrum and tail of the difference; what rounding alone may have made is no direction of it."""
    entries, settings = stacks.entries, stacks.settings
    stack: NDArray[Any] | LowRank = stacks.product or subtracted(stacks.base, stacks.other)
    spectrum = stacks.seen(stack).spectrum
    rank = _rank(stacks, spectrum, after)
    if rank.low:
        spectrum = replace(spectrum, rank=rank.rank)
    estimator = estimator_named(settings.tail)
    sample = None
    if estimator.sample is not None and not (rank.low or isinstance(stack, LowRank)):
        sample = estimator.sample(stack)
    return replace(
        _plain(entries),
        spectrum=spectrum,
        fit=fit_tail(spectrum, estimator, fewest=settings.min_evals, values=sample),
        noise_p=noise_of(spectrum).p,
        rank=rank.rank,
        low_rank=rank.low,
        stable_rank=float(metrics["stable_rank"].compute(spectrum=spectrum)),
        entropy=float(metrics["entropy"].compute(spectrum=spectrum)),
        deed=deed_of(entries, before, after, rank),
    )


def _rank(stacks: _Stacks, spectrum: Spectrum, after: Side) -> ChangeRank:
    """Of a product that of its factors; else what of the difference is more than rounding."""
    if stacks.product is not None:
        return ChangeRank(spectrum.rank, is_low(spectrum.rank, spectrum))
    return rank_of_change(spectrum, stacks.entries.norm_other, unit_roundoff(dtype_of(after.holds)))


def _plain(entries: Entries) -> Change:
    """What the entries alone tell of a change; that there is none, unless more is said."""
    return Change(
        relative=entries.relative,
        norm=entries.norm_change if entries.changed else 0.0,
        norm_base=entries.norm_base,
        share=entries.changed / entries.size,
        zeros_gained=(entries.zeros_other - entries.zeros_base) / entries.size,
        rank=0,
        deed=Deed.NOTHING,
    )


def _stored(stack: NDArray[Any]) -> Side:
    """What can be said of one side before anything is computed."""
    levels = levels_of(stack)
    return Side(dtype=stack.dtype.name, holds=held(stack), levels=levels.distinct, few_levels=levels.few)


def _measured(seen: Evidence, side: Side, settings: Settings) -> Side:
    """Tail, norm and rank of one side; traps where a metric that was asked for needs them."""
    needs = {name for metric in chosen(settings.metrics) for name in metric.needs}
    return replace(
        side,
        alpha=seen.fit.alpha,
        alpha_low=seen.interval.low,
        alpha_high=seen.interval.high,
        noise_p=seen.noise.p,
        log_norm=float(metrics["log_norm"].compute(spectrum=seen.spectrum)),
        rank=seen.spectrum.rank,
        traps=seen.shuffled.num_traps if "shuffled" in needs else None,
    )


def _alpha_of(spectrum: Spectrum, tail: int) -> float:
    """The exponent of so many of the largest eigenvalues."""
    values = spectrum.positive[-tail:] if tail else spectrum.positive[:0]
    total = float(np.log(values / values[0]).sum()) if len(values) else 0.0
    return 1 + len(values) / total if total > 0 else NAN


def _drift(before: Side, after: Side) -> Drift:
    """The difference of two exponents, its interval as of independent ones (Zou & Donner 2008): rather too wide."""
    value = after.alpha - before.alpha
    low = math.hypot(after.alpha - after.alpha_low, before.alpha_high - before.alpha)
    high = math.hypot(after.alpha_high - after.alpha, before.alpha - before.alpha_low)
    return Drift(value, value - low, value + high)


def _is_transposed(stacks: _Stacks) -> bool:
    """Whether the other is far nearer to the base when it is turned: its shape cannot tell where it is square."""
    base, other, entries = stacks.base, stacks.other, stacks.entries
    if base.shape[1] != base.shape[2] or not entries.relative > _NEARER:
        return False
    turned = entries_of(base, other.swapaxes(1, 2))
    return turned.norm_change < _NEARER * entries.norm_change


def _whole(spec: TensorSpec, base: NDArray[Any], other: NDArray[Any]) -> TensorDifference:
    """A tensor of any shape and type."""
    entries = entries_of(_flat(base), _flat(other))
    share = entries.changed / entries.size if entries.size else 0.0
    return TensorDifference(name=spec.name, shape=spec.shape, relative=entries.relative, share=share)


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    """As a stack of one matrix; a complex number as two real ones."""
    if array.dtype.kind == "c":
        array = np.stack([array.real, array.imag], axis=-1)
    return array.reshape(1, -1, max(array.shape[-1:], default=1) or 1)


def _unreadable(unit: Unit, why: str) -> Found:
    """A unit of which one side could not be read."""
    rows = tuple(LayerDifference(layer=layer, outcome=Outcome.FAILED, reason=why) for layer in unit.layers)
    tensor = TensorDifference(name=unit.spec.name, shape=unit.spec.shape, reason=why)
    return Found(rows, tensor if unit.is_apart else None)

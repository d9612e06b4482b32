"""What became of a model: two sources are opened, each tensor is read once from both, each layer is measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final, Protocol

import msgspec
from msgspec.structs import replace

from eigentail.analysis.change import measure_change
from eigentail.analysis.damage import judge_difference, seen_together
from eigentail.analysis.deed import done_to
from eigentail.analysis.fetches import fetches_of_both
from eigentail.analysis.hear import heard
from eigentail.analysis.progress import SILENT
from eigentail.analysis.units import Found, Unit, units_of
from eigentail.analysis.versions import versions
from eigentail.backends import settled
from eigentail.errors import SourceError, UsageError
from eigentail.execution import Executor, serial
from eigentail.layers import group, select
from eigentail.layers.group import Grouping
from eigentail.layers.refusals import is_beside_the_model, refusal
from eigentail.metrics import chosen
from eigentail.numerics.tail import estimator_named
from eigentail.records import NAN, Layer, Skip, TensorSpec
from eigentail.records.description import Description
from eigentail.records.difference import Difference, LayerDifference, Outcome, TensorDifference
from eigentail.settings import Settings
from eigentail.sources import opened
from eigentail.sources.adapters.merged import with_base
from eigentail.sources.delta import Delta
from eigentail.store import SpectrumStore

_ALL: Final = ("*",)
_EXAMPLES: Final = 3


class Follower(Protocol):
    """Someone who wants to know how far a diff is."""

    def started(self, description: Description, /) -> None:
        """The headers are read: these layers will be held against each other."""

    def finished(self, row: LayerDifference, /) -> None:
        """One layer is done."""


class DiffInterrupted(KeyboardInterrupt):
    """The user stopped the diff; the layers finished by then are in `difference`.

    Example:
        >>> issubclass(DiffInterrupted, KeyboardInterrupt)
        True
    """

    def __init__(self, difference: Difference) -> None:
        super().__init__("interrupted")
        self.difference = difference


def diff(
    base: object,
    other: object,
    settings: Settings = Settings(),
    *,
    using: Executor = serial,
    progress: Follower = SILENT,
    store: SpectrumStore | None = None,
) -> Difference:
    """Say what was done to a model: fine-tuned, merged, pruned, quantised; how much, where, and whether it was hurt.

    The layers are those of the base. Each is measured before, after, and as the difference of the two; each tensor is
    read once from either side. Biases, norms and whatever else is no layer are compared value by value, unless
    `settings.layers` or `settings.kinds` choose some layers, which are then all that is looked at.

    Args:
        base: what it was before: a file, a folder, a live model, a mapping of arrays.
        other: what it is now. An adapter stands for the base with the adapter added; the spectrum of what a LoRA adds
            is that of its factors.
        settings: what to measure. Correlation traps are looked for where a metric asks for them (`num_traps`).
        using: how many hands; the numbers do not depend on it.
        progress: told when the work is known and when a layer is done.
        store: where spectra are looked for first, and kept; the numbers do not depend on it.

    Returns:
        The difference. Where fewer than half of the layers of the smaller model match, `whole` is `unrelated` and what
        could be computed is kept.

    Raises:
        SourceError: a side cannot be read, or the base holds no matrix large enough.
        UsageError: the two share no layer; an unknown metric or estimator, or a pattern that matches nothing; a device
            that is not here.
        LayerError: a layer failed and `settings.strict` is set.
        DiffInterrupted: Ctrl-C; what was finished is in its `difference`.

    Source: the quantities of Martin, Peng & Mahoney, Nature Communications 12 (2021), before, after and of the change.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> base = {"fc1.weight": rng.standard_normal((64, 32)), "fc2.weight": rng.standard_normal((64, 32))}
        >>> tuned = {**base, "fc2.weight": base["fc2.weight"] + 0.1 * rng.standard_normal((64, 32))}
        >>> found = diff(base, tuned)
        >>> found.whole.value, [(row.name, row.outcome.value) for row in found.layers]
        ('changed', [('fc1', 'untouched'), ('fc2', 'changed')])
    """
    estimator_named(settings.tail)  # an unknown word is told before any work is done
    chosen(settings.metrics)
    with opened(base) as one, opened(other) as two:
        plan = _planned(Delta(one, with_base(one, two)), settings)
        progress.started(plan.description)
        found: list[Found] = []
        try:
            there = replace(settings, device=settled(settings.device, sum(unit.flops for unit in plan.units)))
            measure = partial(measure_change, delta=plan.delta, settings=there, store=store)
            for done in heard(using, measure, plan.units, store):
                found.append(done)
                for row in done.rows:
                    progress.finished(row)
        except KeyboardInterrupt as stop:
            raise DiffInterrupted(_difference(plan, found)) from stop
        if store is not None:
            store.settle()
        return _difference(plan, found)


class _Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done, and what is known from the headers alone."""

    delta: Delta
    description: Description
    units: list[Unit]
    rows: tuple[LayerDifference, ...]
    tensors: tuple[TensorDifference, ...]


def _planned(delta: Delta, settings: Settings) -> _Plan:
    """Which tensors are read, and a row for every layer that has nothing to be held against."""
    everything = settings.layers == _ALL and settings.kinds == _ALL
    specs = _tied_as_both(delta)
    selected = select(group(specs, delta.config), settings)
    if not selected.layers:
        raise SourceError("no layer to compare", where=delta.base.ref.target, hint="eigentail describe shows why")
    rows = [*_only_in_base(delta, selected), *(_only_in_other(delta, settings) if everything else ())]
    lost = {row.layer.tensors[0].name for row in rows}
    layers = tuple(layer for layer in selected.layers if layer.tensors[0].name not in lost)
    units = units_of(delta, layers, lost=lost if everything else None)
    if not layers:
        raise UsageError(f"{delta.ref.target}: the two share no layer", hint=_why_none(rows))
    return _Plan(
        delta=delta,
        description=Description(
            source=delta.ref,
            settings=settings,
            layers=layers,
            skipped=_not_looked_at(delta, selected, everything),
            metrics=(),
            fetches=fetches_of_both(delta, (unit.spec.name for unit in units)),
        ),
        units=units,
        rows=tuple(rows),
        tensors=_without_pair(delta, lost) if everything else (),
    )


def _tied_as_both(delta: Delta) -> list[TensorSpec]:
    """The tensors of the base; two that share memory there, and not in the other, are two."""
    tied = {pair.base.name: pair.tied_to for pair in delta.pairs}
    return [replace(spec, tied_to=tied.get(spec.name, spec.tied_to)) for spec in delta.base.tensors()]


def _only_in_base(delta: Delta, selected: Grouping) -> Iterator[LayerDifference]:
    """Layers of the base with nothing in the other to be held against."""
    names = frozenset(spec.name for spec in delta.other.tensors())
    others = {pair.base.name: refusal(pair.other, names) for pair in delta.pairs}
    reasons = {skip.name: skip.reason for skip in delta.left_out}
    missing = {spec.name for spec in delta.unpaired_base}
    for layer in selected.layers:
        tensor = layer.tensors[0].name
        if tensor in missing:
            yield LayerDifference(layer=layer, outcome=Outcome.MISSING_IN_OTHER, reason="the other has no such tensor")
        elif tensor not in others:
            yield LayerDifference(layer=layer, outcome=Outcome.NOT_COMPARABLE, reason=reasons[tensor])
        elif others[tensor]:
            reason = f"in the other: {others[tensor]}"
            yield LayerDifference(layer=layer, outcome=Outcome.NOT_COMPARABLE, reason=reason)


def _only_in_other(delta: Delta, settings: Settings) -> Iterator[LayerDifference]:
    """Layers of the other with nothing in the base to be held against."""
    names = frozenset(spec.name for spec in delta.base.tensors())
    refused = {pair.other.name: refusal(pair.base, names) for pair in delta.pairs if len(pair.base.shape) > 1}
    missing = {spec.name for spec in delta.unpaired_other}
    for layer in select(group(delta.other.tensors(), delta.other.config), settings).layers:
        tensor = layer.tensors[0].name
        if tensor in missing:
            yield LayerDifference(layer=layer, outcome=Outcome.MISSING_IN_BASE, reason="the base has no such tensor")
        elif refused.get(tensor):
            reason = f"in the base: {refused[tensor]}"
            yield LayerDifference(layer=layer, outcome=Outcome.NOT_COMPARABLE, reason=reason)


def _without_pair(delta: Delta, lost: Iterable[str]) -> tuple[TensorDifference, ...]:
    """What is no layer and stands alone, or has another shape on the other side."""
    paired, told = {pair.base.name for pair in delta.pairs}, set(lost)
    alone = (skip for skip in delta.left_out if skip.name not in paired | told)
    return tuple(
        TensorDifference(name=skip.name, shape=skip.shape, reason=skip.reason)
        for skip in alone
        if not is_beside_the_model(skip.name)
    )


def _not_looked_at(delta: Delta, selected: Grouping, everything: bool) -> tuple[Skip, ...]:
    """What was held against nothing: all that is beside a model, or beside the layers asked for."""
    if not everything:
        return selected.skipped
    specs = {spec.name: spec for spec in (*delta.base.tensors(), *delta.other.tensors())}
    beside = (spec for spec in specs.values() if is_beside_the_model(spec.name))
    return tuple(Skip(spec.name, spec.shape, refusal(spec, frozenset())) for spec in beside)


def _why_none(rows: Sequence[LayerDifference]) -> str:
    """What the largest layers are that found no partner."""
    largest = sorted(rows, key=lambda row: -row.layer.flops)[:_EXAMPLES]
    return "; ".join(f"{row.name} ({_shape(row.layer)}): {row.reason}" for row in largest)


def _shape(layer: Layer) -> str:
    return "x".join(map(str, layer.shape))


def _difference(plan: _Plan, found: Sequence[Found]) -> Difference:
    """What was found, in the order of the base."""
    measured = sorted((row for one in found for row in one.rows), key=lambda row: row.layer.index)
    in_base = [row for row in plan.rows if row.outcome is not Outcome.MISSING_IN_BASE]
    in_other = [row for row in plan.rows if row.outcome is Outcome.MISSING_IN_BASE]
    rows = seen_together(sorted([*measured, *in_base], key=lambda row: row.layer.index)) + in_other
    tensors = _in_order(plan, [one.tensor for one in found if one.tensor])
    whole, sentence = judge_difference(rows, tensors)
    deed, done = done_to(rows)
    return Difference(
        base=plan.delta.base.ref,
        other=plan.delta.other.ref,
        settings=plan.description.settings,
        layers=tuple(rows),
        tensors=tensors,
        skipped=plan.description.skipped,
        whole=whole,
        sentence=sentence,
        deed=deed,
        done=done,
        relative=_relative(rows),
        by_kind=_by_kind(rows),
        outcomes=dict(Counter(row.outcome.value for row in rows)),
        versions=versions(),
    )


def _in_order(plan: _Plan, tensors: Sequence[TensorDifference]) -> tuple[TensorDifference, ...]:
    """In the order of the base, then what only the other has."""
    order = {spec.name: at for at, spec in enumerate(plan.delta.base.tensors())}
    return tuple(sorted([*tensors, *plan.tensors], key=lambda tensor: order.get(tensor.name, len(order))))


def _by_kind(rows: Sequence[LayerDifference]) -> dict[str, float]:
    """Kind of matrix to the relative norm of its change, the most changed first."""
    kinds = dict.fromkeys(row.layer.kind for row in rows if row.outcome.is_compared)
    found = {kind: _relative([row for row in rows if row.layer.kind == kind]) for kind in kinds}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _relative(rows: Sequence[LayerDifference]) -> float:
    """|other - base| / |base| over several layers, from their norms."""
    known = [row for row in rows if row.outcome.is_compared and not math.isnan(row.change.relative)]
    norms = [(row.change.norm_base, row.change.norm) for row in known]
    before = math.hypot(*(one for one, _ in norms))
    return math.hypot(*(two for _, two in norms)) / before if before > 0 else NAN

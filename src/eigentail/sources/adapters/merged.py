"""A base and what adapters add to it, as one source: the merged model, made a tensor at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.records.low_rank import Factors
from eigentail.sources.adapters.adapter import Adapter
from eigentail.sources.adapters.change import NEEDS_BASE, Change
from eigentail.sources.adapters.modules import flat
from eigentail.sources.delta import bare
from eigentail.sources.protocol import WeightSource
from eigentail.sources.targets import SUM

_OTHER_BASE: Final = "is this the base that it was made for?"
_CODES: Final = ("int", "uint", "bool", "float4_", "float6_")


class _Step(NamedTuple):
    """What one adapter adds to one weight."""

    adapter: Adapter
    change: Change
    is_turned: bool


@final
class Merged:
    """The tensors of a base with what adapters add to them, in PEFT's arithmetic: `merge_and_unload` gives the same.

    A change is formed in float32 (float64 where something is stored in that), added to the weight in the wider of
    float32 and the weight's type, and rounded to the weight's type; several adapters one after the other. A DoRA gives
    its lengths to the sum, and takes those of the base from before any adapter. Tensors that an adapter stores whole
    take the place of the base's.

    Args:
        base: closed with this source.
        adapters: in their order; closed with this source.

    Raises:
        SourceError: an adapter has a tensor that cannot be added, or that has no place in the base; on `read`, a tensor
            cannot be read.

    Source: Hu et al., "LoRA" (2021), section 4; Liu et al., "DoRA" (ICML 2024), equation 5.

    Example:
        >>> from eigentail.sources import open_source
        >>> base = open_source({"fc.weight": np.eye(2)})
        >>> pair = {"fc.lora_A.weight": np.ones((1, 2)), "fc.lora_B.weight": np.ones((2, 1))}
        >>> both = Merged(base, [open_source(pair)])
        >>> both.read(both.tensors()[0]).tolist()
        [[2.0, 1.0], [1.0, 2.0]]
    """

    def __init__(self, base: WeightSource, adapters: Sequence[WeightSource]) -> None:
        self.base, self.adapters = base, tuple(adapters)
        self._own = {spec.name: spec for spec in base.tensors()}
        self._steps: dict[str, list[_Step]] = {}
        self._instead: dict[str, tuple[WeightSource, TensorSpec]] = {}
        for adapter in self.adapters:
            self._take(adapter)
        self._specs = self._shown()

    def __reduce__(self) -> tuple[object, ...]:
        return Merged, (self.base, self.adapters)

    @property
    def ref(self) -> SourceRef:
        """What opens base and adapters again."""
        refs = [self.base.ref, *(adapter.ref for adapter in self.adapters)]
        return sum_of(refs)

    @property
    def config(self) -> Mapping[str, Any]:
        """That of the base."""
        return self.base.config

    def tensors(self) -> tuple[TensorSpec, ...]:
        """Those of the base in its order, then what only an adapter has."""
        return self._specs

    def read(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> NDArray[Any]:
        """The tensor, or rows `part` of it, with everything that is added to it."""
        if spec.name in self._instead:
            source, own = self._instead[spec.name]
            return source.read(own, part)
        if spec.name not in self._own:
            raise SourceError(f"there is no tensor {spec.name!r}", where=self.ref.target)
        own = self._own[spec.name]
        steps = self._steps.get(_memory(own), [])
        is_whole = any(step.change.is_dora for step in steps)
        weights = self.base.read(own, None if is_whole else part)
        before = weights
        for step in steps:
            weights = _added(weights, before, step, None if is_whole else part)
        shown = weights[slice(*part)] if is_whole and part is not None else weights
        if steps:
            shown.setflags(write=False)
        return shown

    def change(self, spec: TensorSpec) -> Factors | None:
        """The factors of all that is added to a tensor; None where it is no product, or nothing is added."""
        steps = self._steps.get(_memory(spec), [])
        is_product = all(step.change.is_product and not step.change.is_dora for step in steps)
        if not steps or not is_product or spec.name in self._instead:
            return None
        return _together([_turned(step) for step in steps])

    def close(self) -> None:
        """Close base and adapters. Arrays already read stay valid."""
        self.base.close()
        for adapter in self.adapters:
            adapter.close()

    def _take(self, source: WeightSource) -> None:
        """Find the place of everything that an adapter has."""
        if not isinstance(source, Adapter):
            raise SourceError("is no adapter", where=source.ref.target, hint="base+adapter adds adapters to a model")
        _check(source)
        places = _Places(self._own)
        for name, change in source.changes.items():
            own = places.of(name, change.module)
            if own is None:
                raise SourceError(
                    f"there is no {name} in {self.base.ref.target}", where=source.ref.target, hint=_OTHER_BASE
                )
            step = _Step(source, change, _is_turned(own, change, source))
            self._steps.setdefault(_memory(own), []).append(step)
        for spec in source.stored():
            own = places.of(spec.name, "")
            self._instead[own.name if own else spec.name] = source, spec

    def _shown(self) -> tuple[TensorSpec, ...]:
        specs = [self._with_note(spec) for spec in self._own.values()]
        added = [spec for name, (_, spec) in self._instead.items() if name not in self._own]
        return (*specs, *added)

    def _with_note(self, spec: TensorSpec) -> TensorSpec:
        if spec.name in self._instead:
            _, other = self._instead[spec.name]
            return msgspec.structs.replace(other, name=spec.name, note="taken from the adapter")
        steps = self._steps.get(_memory(spec), [])
        said = [step.adapter.tensor_note(step.change) for step in steps]
        return msgspec.structs.replace(spec, note=f"with {' and '.join(said)} added") if said else spec


@final
class _Places:
    """The tensors of a base, by every name that an adapter may have for them."""

    def __init__(self, own: Mapping[str, TensorSpec]) -> None:
        self._own = own
        self._tables = [_alone(own, key) for key in _KEYS]

    def of(self, name: str, module: str) -> TensorSpec | None:
        """The tensor that a name means; None where none or several could be meant."""
        for key, table in zip(_KEYS, self._tables, strict=True):
            if found := table.get(key(name)):
                return self._own[found]
        rest = module.partition("_")[2].partition("_")[2]  # kohya's name behind "lora_unet_"
        return self._own[self._tables[-1][rest]] if rest and rest in self._tables[-1] else None


def _flat_and_bare(name: str) -> str:
    return flat(bare(name))


# From the surest to the boldest.
_KEYS: Final[tuple[Callable[[str], str], ...]] = (str, bare, _flat_and_bare, flat)


def _alone(names: Mapping[str, TensorSpec], key: Callable[[str], str]) -> dict[str, str]:
    """The names whose key no other has."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(key(name), []).append(name)
    return {word: same[0] for word, same in found.items() if len(same) == 1}


def _check(adapter: Adapter) -> None:
    """Refuse an adapter of which something could not be added: half of it would be neither model."""
    where, config = adapter.ref.target, adapter.only_config
    for misfit in adapter.misfits:
        raise SourceError(f"cannot be added: {misfit.spec.name}: {misfit.reason}", where=where)
    for name, change in adapter.changes.items():
        if change.refused and change.refused != NEEDS_BASE:
            raise SourceError(f"cannot be added: {name}: {change.refused}", where=where)
    for spec in adapter.stored():
        if spec.refusal:
            raise SourceError(f"cannot be added: {spec.name}: {spec.refusal}", where=where)
    if config and config.changes_base:
        what = f"training began with {config.changes_base}, which changed the base too"
        raise SourceError(
            what, where=where, hint="convert it to a plain LoRA (PEFT: path_initial_model_for_weight_conversion)"
        )
    if config and config.layer_replication:
        raise SourceError(
            "is made for a base whose layers are there more than once", where=where, hint="merge it with PEFT"
        )
    if not adapter.knows_scale:
        hint = "give the folder with its adapter_config.json"
        raise SourceError("nothing beside it tells its scale", where=where, hint=hint)


def _is_turned(own: TensorSpec, change: Change, adapter: Adapter) -> bool:
    """Whether the base stores the weight the other way round than the adapter says; an error where neither fits."""
    if own.dtype.startswith(_CODES):
        raise SourceError(f"{own.name} is stored as {own.dtype}: nothing can be added to codes", where=own.name)
    if own.shape == change.shape or (not change.is_product and _same_size(own.shape, change.shape)):
        return False
    if change.is_product and len(own.shape) == 2 and own.shape == change.shape[::-1] and not change.is_dora:
        return True
    if change.is_product and _trimmed(own.shape) == _trimmed(change.shape):
        return False
    sizes = " and ".join("x".join(map(str, shape)) for shape in (own.shape, change.shape))
    raise SourceError(
        f"{own.name} and what is added to it differ in shape: {sizes}", where=adapter.ref.target, hint=_OTHER_BASE
    )


def _same_size(one: Sequence[int], two: Sequence[int]) -> bool:
    """Whether a kernel that was flattened is the same kernel."""
    return len(two) == 2 and one[0] == two[0] and int(np.prod(one)) == int(np.prod(two))


def _trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A 1 x 1 kernel is a matrix."""
    return shape[:2] if all(size == 1 for size in shape[2:]) else shape


def _memory(spec: TensorSpec) -> str:
    """Tied tensors are one, and what is added to one is added to all."""
    return spec.tied_to or spec.name


def _added(weights: NDArray[Any], before: NDArray[Any], step: _Step, part: tuple[int, int] | None) -> NDArray[Any]:
    """The weights with one change added, in their own type."""
    adapter, change = step.adapter, step.change
    if step.is_turned:
        added = adapter.added(change).T
        added = added if part is None else added[slice(*part)]
    else:
        added = adapter.added(change, part)
    added = added.reshape(weights.shape)
    wide = np.dtype("float64" if max(weights.dtype.itemsize, added.dtype.itemsize) > 4 else "float32")
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        total = np.asarray(weights, dtype=wide) + added
        if change.is_dora:
            total *= _lengths(adapter.magnitude(change), np.asarray(before, dtype=wide) + added, change)
        return np.asarray(total.astype(weights.dtype))


def _lengths(magnitude: NDArray[Any], total: NDArray[Any], change: Change) -> NDArray[Any]:
    """What each output is multiplied by: its learned length over the one it has."""
    axis = 1 if change.turned else 0
    others = tuple(at for at in range(total.ndim) if at != axis)
    norms = np.sqrt(np.square(total).sum(axis=others))
    if norms.shape != magnitude.shape:
        raise SourceError(f"{len(magnitude)} lengths for {len(norms)} outputs", where=change.name)
    shape = [1] * total.ndim
    shape[axis] = len(norms)
    return np.asarray(magnitude / norms, dtype=total.dtype).reshape(shape)


def _turned(step: _Step) -> Factors:
    """The factors of a change, the way round that the base has it."""
    factors = step.adapter.factors_of(step.change)
    if not step.is_turned:
        return factors
    return msgspec.structs.replace(factors, left=factors.right.T, right=factors.left.T)


def _together(parts: Sequence[Factors]) -> Factors:
    """One product for the sum of several: the factors side by side."""
    if len(parts) == 1:
        return parts[0]
    left = np.concatenate([np.asarray(one.left, dtype=np.float64) * one.scale for one in parts], axis=1)
    right = np.concatenate([np.asarray(one.right, dtype=np.float64) for one in parts], axis=0)
    return Factors(left=left, right=right, note=" and ".join(one.note for one in parts))


def sum_of(refs: Sequence[SourceRef]) -> SourceRef:
    """The reference to a base with adapters.

    Example:
        >>> sum_of([SourceRef("npz", "/a.npz", "1"), SourceRef("folder", "/b", "2")])
        SourceRef(format='sum', target='/a.npz+/b', fingerprint='1 2')
    """
    prints = [ref.fingerprint for ref in refs]
    return SourceRef(SUM, "+".join(ref.target for ref in refs), " ".join(prints) if all(prints) else "")


def summands(text: str) -> tuple[str, ...]:
    """The targets in `base+adapter`, or the text alone: a plus sign may also be part of a path.

    Args:
        text: the words of a user.

    Example:
        >>> summands("base+lora_a+lora_b"), summands("model.pt")
        (('base', 'lora_a', 'lora_b'), ('model.pt',))
    """
    pieces = text.split("+")
    if len(pieces) == 1 or Path(text).expanduser().exists():
        return (text,)
    found, start = [], 0
    for end in range(1, len(pieces)):
        if Path("+".join(pieces[start:end])).expanduser().exists():
            found.append("+".join(pieces[start:end]))
            start = end
    found.append("+".join(pieces[start:]))
    parts = tuple(found) if len(found) > 1 else tuple(pieces)
    return parts if all(parts) else (text,)


def with_base(base: WeightSource, other: WeightSource) -> WeightSource:
    """The other; where that is an adapter and the base is none, the base with it added.

    Example:
        >>> from eigentail.sources import open_source
        >>> base = open_source({"fc.weight": np.eye(2)})
        >>> with_base(base, base) is base
        True
    """
    return Merged(base, (other,)) if isinstance(other, Adapter) and not isinstance(base, Adapter) else other

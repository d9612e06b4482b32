"""Two sources as one: what was added to the weights of the first to make those of the second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from math import prod
from typing import Any, Final, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import Skip, SourceRef, TensorSpec
from eigentail.records.low_rank import Factors
from eigentail.sources.names import normalise
from eigentail.sources.protocol import WeightSource
from eigentail.sources.targets import DELTA

# What adapters, heads and libraries put in front of the names of one and the same network.
_PREFIXES: Final = frozenset({"base_model", "model", "module", "transformer", "bert", "roberta", "backbone", "network"})
# Components that adapters add inside a name.
_INSERTED: Final = frozenset({"base_layer", "original_module"})
_FLOATS: Final = ("float64", "float32", "float16")


class Pair(msgspec.Struct, frozen=True):
    """One tensor as both sources have it, of the same shape.

    Attributes:
        base: in the first source.
        other: in the second.
        tied_to: the name in the first source of an earlier tensor that is the same memory in both, or "".

    Example:
        >>> spec = TensorSpec(name="w", shape=(2, 3), dtype="float32", nbytes=24)
        >>> Pair(spec, spec).tied_to
        ''
    """

    base: TensorSpec
    other: TensorSpec
    tied_to: str = ""

    @property
    def has_difference(self) -> bool:
        """Whether both are real numbers: codes and counters are compared, not subtracted."""
        return _is_real(self.base.dtype) and _is_real(self.other.dtype)


@final
class Delta:
    """The difference of two sources, which is a source like any other: `analyze(Delta(base, other))`.

    Tensors are paired by name, then by name without what wrappers put around it, where that leaves one on each side.
    Each has the name and the place it has in the base. What cannot be subtracted is in `left_out` with its reason.

    Args:
        base: what it was before; closed with this source.
        other: what it is now; closed with this source.

    Raises:
        SourceError: on `read`, there is no such tensor in both, or one of them cannot be read.

    Example:
        >>> from eigentail.sources import open_source
        >>> base = open_source({"fc.weight": np.eye(2), "old.weight": np.eye(3)})
        >>> other = open_source({"model.fc.weight": 3 * np.eye(2)})
        >>> delta = Delta(base, other)
        >>> delta.read(delta.tensors()[0]).tolist()
        [[2.0, 0.0], [0.0, 2.0]]
        >>> [(skip.name, skip.reason) for skip in delta.left_out]
        [('old.weight', 'only in the base')]
    """

    def __init__(self, base: WeightSource, other: WeightSource) -> None:
        self.base, self.other = base, other
        found = paired(base.tensors(), other.tensors())
        self._named = {one.name: pair for one, two in found if (pair := _pair(one, two, found)) is not None}
        self.unpaired_base = tuple(_without(base.tensors(), (one.name for one, _ in found)))
        self.unpaired_other = tuple(_without(other.tensors(), (two.name for _, two in found)))
        self.left_out = (
            *(Skip(one.name, one.shape, _other_shape(one, two)) for one, two in found if one.shape != two.shape),
            *(Skip(pair.base.name, pair.base.shape, _no_difference(pair)) for pair in self.pairs),
            *(Skip(spec.name, spec.shape, "only in the base") for spec in self.unpaired_base),
            *(Skip(spec.name, spec.shape, "only in the other") for spec in self.unpaired_other),
        )
        self.left_out = tuple(skip for skip in self.left_out if skip.reason)

    def __reduce__(self) -> tuple[object, ...]:
        return Delta, (self.base, self.other)

    @property
    def ref(self) -> SourceRef:
        """What tells this difference from another; it opens nothing."""
        one, two = self.base.ref, self.other.ref
        prints = " ".join(filter(None, (one.fingerprint, two.fingerprint)))
        return SourceRef(DELTA, f"{one.target} -> {two.target}", prints)

    @property
    def config(self) -> Mapping[str, Any]:
        """That of the base, else that of the other."""
        return self.base.config or self.other.config

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Every tensor that both have in one shape, codes and counters too, in the order of the base."""
        return tuple(self._named.values())

    def tensors(self) -> tuple[TensorSpec, ...]:
        """The tensors that can be subtracted, in the order of the base."""
        return tuple(_spec(pair) for pair in self.pairs if pair.has_difference)

    def both(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """The tensor, or rows `part` of it, in the base and in the other, each read once."""
        if spec.name not in self._named:
            raise SourceError(f"there is no tensor {spec.name!r} in both", where=self.ref.target)
        pair = self._named[spec.name]
        return self.base.read(pair.base, part), self.other.read(pair.other, part)

    def read(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> NDArray[Any]:
        """Other minus base, in float64 when either is stored in it, else in float32."""
        return subtracted(*self.both(spec, part))

    def change(self, spec: TensorSpec) -> Factors | None:
        """The factors of the difference, where the other is the base with adapters added and it is such a product."""
        from eigentail.sources.adapters.merged import Merged  # which pairs names as this file does

        pair = self._named.get(spec.name)
        if pair is None or not isinstance(self.other, Merged):
            return None
        one, two = self.base, self.other.base
        is_same = one is two or (one.ref == two.ref and bool(one.ref.fingerprint))
        return self.other.change(pair.other) if is_same else None

    def close(self) -> None:
        """Close both. Arrays already read stay valid."""
        self.base.close()
        self.other.close()


def subtracted(base: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Other minus base in the wider of float32 and what they are stored in.

    Args:
        base: real numbers of any dtype.
        other: of the same shape.

    Returns:
        A new array; NaN and infinite where the weights are, without a warning.

    Example:
        >>> subtracted(np.ones(2, np.float16), np.zeros(2, np.float16)).dtype.name
        'float32'
    """
    wide = np.dtype("float64" if max(base.dtype.itemsize, other.dtype.itemsize) > 4 else "float32")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.subtract(np.asarray(other, dtype=wide), np.asarray(base, dtype=wide))


def bare(name: str) -> str:
    """The name of a tensor without what wrappers put in front of it and adapters put into it.

    Args:
        name: as stored.

    Example:
        >>> bare("base_model.model.model.layers.0.q_proj.base_layer.weight"), bare("transformer.h.0.ln.weight")
        ('layers.0.q_proj.weight', 'h.0.ln.weight')
        >>> bare("model.weight")
        'weight'
    """
    *front, last = normalise(name).split(".")
    front = [part for part in front if part not in _INSERTED]
    while front and front[0] in _PREFIXES:
        front = front[1:]
    return ".".join([*front, last])


def paired(base: Iterable[TensorSpec], other: Iterable[TensorSpec]) -> list[tuple[TensorSpec, TensorSpec]]:
    """The tensors that have one name, then those that have one name but for what is around it, in the base's order.

    Args:
        base: of the first source.
        other: of the second.

    Returns:
        Pairs, whatever their shapes; no tensor twice.

    Example:
        >>> spec = TensorSpec(name="module.w", shape=(2,), dtype="float32", nbytes=8)
        >>> [(one.name, two.name) for one, two in paired([msgspec.structs.replace(spec, name="w")], [spec])]
        [('w', 'module.w')]
    """
    ones, twos = list(base), list(other)
    found: dict[str, tuple[TensorSpec, TensorSpec]] = {}
    for key in _KEYS:
        left = _alone(_without(ones, found), key)
        right = _alone(_without(twos, (two.name for _, two in found.values())), key)
        found |= {left[word].name: (left[word], right[word]) for word in left if word in right}
    return [found[spec.name] for spec in ones if spec.name in found]


def _alone(specs: Iterable[TensorSpec], key: Callable[[str], str]) -> dict[str, TensorSpec]:
    """The tensors whose key no other has."""
    specs = list(specs)
    counts = Counter(key(spec.name) for spec in specs)
    return {key(spec.name): spec for spec in specs if counts[key(spec.name)] == 1}


def _without(specs: Iterable[TensorSpec], names: Iterable[str]) -> list[TensorSpec]:
    taken = frozenset(names)
    return [spec for spec in specs if spec.name not in taken]


def _pair(one: TensorSpec, two: TensorSpec, found: list[tuple[TensorSpec, TensorSpec]]) -> Pair | None:
    """The pair, tied where both sides tie it to one tensor; None where the shapes differ."""
    if one.shape != two.shape:
        return None
    tied = bool(one.tied_to) and any(a.name == one.tied_to and b.name == two.tied_to for a, b in found)
    return Pair(one, two, one.tied_to if tied else "")


def _spec(pair: Pair) -> TensorSpec:
    """What the header of the difference says."""
    one, two = pair.base, pair.other
    dtype = "float64" if "float64" in (one.dtype, two.dtype) else "float32"
    return msgspec.structs.replace(
        one,
        dtype=dtype,
        nbytes=prod(one.shape) * np.dtype(dtype).itemsize,
        tied_to=pair.tied_to,
        groups=one.groups or two.groups,
        conv_transposed=one.conv_transposed or two.conv_transposed,
        quantised="",  # what is read is a difference
        refusal=one.refusal or two.refusal,
        rank=0,
        note="",
    )


def _other_shape(one: TensorSpec, two: TensorSpec) -> str:
    transposed = ": stored transposed" if len(one.shape) == 2 and one.shape == two.shape[::-1] else ""
    return f"{_size(one)} in the base, {_size(two)} in the other{transposed}"


def _no_difference(pair: Pair) -> str:
    if pair.has_difference:
        return ""
    return f"{pair.base.dtype} in the base, {pair.other.dtype} in the other: codes and counters have no difference"


def _size(spec: TensorSpec) -> str:
    return "x".join(map(str, spec.shape)) or "a single number"


def _is_real(dtype: str) -> bool:
    """Whether a stored type holds real numbers that float64 can hold."""
    return dtype in _FLOATS or dtype.startswith(("bfloat", "float8"))


_KEYS: Final[tuple[Callable[[str], str], ...]] = (str, normalise, bare)

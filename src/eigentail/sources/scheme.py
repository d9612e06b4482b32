"""What a scheme of quantisation must say to be found, and what it finds: one weight out of several stored tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, Protocol, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import TensorSpec
from eigentail.sources.protocol import WeightSource

FLOATS: Final = frozenset({"float64", "float32", "float16", "bfloat16"})
FLOAT8: Final = frozenset({"float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"})
BYTES: Final = frozenset({"uint8"})
WORDS: Final = frozenset({"int32", "uint32"})
EXPONENTS: Final = frozenset({"uint8", "float8_e8m0fnu"})  # powers of two
INTEGERS: Final = frozenset({"int32", "int64"})

Rows = Callable[[int, int], NDArray[Any]]
"""Rows of the first axis of what a load began with, counted from there: float32, exact or rounded once."""


class Fetch(Protocol):
    """Reads one part of a weight by its role, or rows of its first axis."""

    def __call__(self, role: str, rows: tuple[int, int] | None = None) -> NDArray[Any]:
        """The stored array."""


class Weight(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One quantised weight.

    Attributes:
        spec: as it is shown: its own name and shape, float32, `quantised` by a word.
        parts: role to the stored tensor that plays it.
        load: reads what some rows of the first axis need, and gives back what decodes them block by block.

    Example:
        >>> spec = TensorSpec(name="w", shape=(2, 2), dtype="float32", nbytes=4, quantised="int8")
        >>> Weight(spec=spec, parts={}, load=lambda fetch, rows: lambda start, stop: np.zeros((2, 2))).spec.quantised
        'int8'
    """

    spec: TensorSpec
    parts: Mapping[str, TensorSpec]
    load: Callable[[Fetch, tuple[int, int]], Rows]


class Scheme(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of quantisation is recognised and undone. A module of `sources/quantised` offers one as `SCHEME`.

    Attributes:
        name: the word for it.
        title: what people call it.
        claims: the names of the stored tensors that stand for a weight each; no two schemes claim one tensor.
        weight: the weight that a claimed tensor belongs to; raises `SourceError` with a sentence where there is none.

    Example:
        >>> from eigentail.sources.quantised_source import schemes
        >>> schemes["gptq"].title
        'GPTQ'
    """

    name: str
    title: str
    claims: Callable[[Stored], Iterable[str]]
    weight: Callable[[Stored, str], Weight]


@final
class Stored:
    """The tensors of a source as they are stored, found by the last word of their names.

    Args:
        source: open; small tensors are read from it where a shape lies in them.

    Example:
        >>> from eigentail.sources import open_source
        >>> stored = Stored(open_source({"fc.qweight": np.zeros((4, 8), np.int32)}))
        >>> list(stored.ending("qweight")), stored.get("fc.scales")
        (['fc.'], None)
    """

    def __init__(self, source: WeightSource) -> None:
        self._source = source
        self.specs: Mapping[str, TensorSpec] = {spec.name: spec for spec in source.tensors()}
        self._ends: dict[str, list[str]] = {}
        for name in self.specs:
            prefix = prefix_of(name)
            self._ends.setdefault(name[len(prefix) :], []).append(prefix)

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """What the configuration says of the quantisation, or nothing; whatever it says is checked where it is used."""
        config = self._source.config
        inner = config.get("text_config")
        for table in (config, inner if isinstance(inner, Mapping) else {}):
            for key in ("quantization_config", "compression_config", "quantization"):
                if isinstance(table.get(key), Mapping):
                    found: Mapping[str, Any] = table[key]
                    return found
        return {}

    def ending(self, *ends: str) -> Iterator[str]:
        """What stands before the last word of a name, for the names that end in one of these words; each once."""
        yield from dict.fromkeys(prefix for end in ends for prefix in self._ends.get(end, ()))

    def get(self, name: str) -> TensorSpec | None:
        """A stored tensor, if there is one of this name."""
        return self.specs.get(name)

    def part(self, title: str, name: str, types: frozenset[str], axes: Iterable[int] = ()) -> TensorSpec:
        """A part that a weight cannot do without.

        Args:
            title: what quantised the weight, for the sentence.
            name: of the stored tensor.
            types: the dtypes it may have.
            axes: how many axes it may have; () for any number.

        Raises:
            SourceError: it is missing, empty, or not what it should be.
        """
        spec, end = self.specs.get(name), name.rpartition(".")[2]
        if spec is None:
            raise SourceError(f"quantised ({title}), but its part {end!r} is missing")
        if 0 in spec.shape:
            raise SourceError(f"quantised ({title}), but its part {end!r} is empty")
        if spec.dtype not in types or (axes and len(spec.shape) not in axes):
            raise SourceError(f"quantised ({title}), but its part {end!r} is {_size(spec)}, which it cannot be")
        return spec

    def values(self, spec: TensorSpec, most: int) -> NDArray[np.generic]:
        """A small tensor, whole.

        Raises:
            SourceError: it takes more bytes than `most`.
        """
        if spec.nbytes > most:
            raise SourceError(f"{spec.name!r} takes {spec.nbytes} bytes, and what it is for needs {most} at most")
        return self._source.read(spec)


def shown(
    main: TensorSpec, parts: Mapping[str, TensorSpec], name: str, shape: tuple[int, ...], word: str
) -> TensorSpec:
    """The header of a weight, from that of the tensor which stands for it.

    Args:
        main: the stored tensor.
        parts: all that it is made of.
        name: of the weight.
        shape: of the weight.
        word: what quantised it.

    Example:
        >>> main = TensorSpec(name="fc.qweight", shape=(4, 8), dtype="int32", nbytes=128)
        >>> shown(main, {"qweight": main}, "fc.weight", (8, 32), "gptq-4").dtype
        'float32'
    """
    nbytes = sum(part.nbytes for part in parts.values())
    return msgspec.structs.replace(main, name=name, shape=shape, dtype="float32", nbytes=nbytes, quantised=word)


def prefix_of(name: str) -> str:
    """A name up to its last word, with the dot.

    Example:
        >>> prefix_of("h.0.fc.qweight"), prefix_of("qweight")
        ('h.0.fc.', '')
    """
    return name[: name.rfind(".") + 1]


def scale_of(stored: Stored, name: str) -> str:
    """The name of the scale that a tensor is to be multiplied with, or "".

    Args:
        stored: where it may be.
        name: of the tensor. What is called an inverse is the scale itself, whoever wrote it.

    Example:
        >>> from eigentail.sources.identify import open_stored
        >>> scale_of(Stored(open_stored({"fc.weight": np.eye(2), "fc.weight_scale_inv": np.eye(1)})), "fc.weight")
        'fc.weight_scale_inv'
    """
    named = [f"{name}_scale_inv", f"{name}_scale"]
    if name.endswith(".weight"):
        named += [f"{prefix_of(name)}scale_weight", f"{prefix_of(name)}scale"]
    return next((scale for scale in named if stored.get(scale) is not None), "")


def unfit(title: str, what: str) -> SourceError:
    """A sentence on parts that do not fit together.

    Example:
        >>> unfit("GPTQ", "its scales have the shape (3,)").what
        'quantised (GPTQ), but its scales have the shape (3,)'
    """
    return SourceError(f"quantised ({title}), but {what}")


def count_in(config: Mapping[str, Any], key: str) -> int:
    """A positive whole number of a configuration, or 0 where it has none.

    Example:
        >>> count_in({"bits": 4}, "bits"), count_in({"bits": "4"}, "bits"), count_in({"bits": -1}, "bits")
        (4, 0, 0)
    """
    value = config.get(key)
    return value if type(value) is int and value > 0 else 0


def weights_said(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a configuration of compressed-tensors says of weights, group of layers by group of layers.

    Example:
        >>> list(weights_said({"config_groups": {"group_0": {"weights": {"num_bits": 4}}}}))
        [{'num_bits': 4}]
    """
    groups = config.get("config_groups")
    for group in groups.values() if isinstance(groups, Mapping) else ():
        weights = group.get("weights") if isinstance(group, Mapping) else None
        if isinstance(weights, Mapping):
            yield weights


def _size(spec: TensorSpec) -> str:
    return f"{'x'.join(map(str, spec.shape)) or 'a single number'} of {spec.dtype}"

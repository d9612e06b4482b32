"""A source whose quantised weights are shown as the numbers they stand for, undone when they are read."""

from __future__ import annotations

from collections.abc import Mapping, Set
from math import prod
from typing import Any, Final, final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.registry import Registry
from eigentail.sources.placed import check_rows
from eigentail.sources.protocol import WeightSource
from eigentail.sources.scheme import Scheme, Stored, Weight

# Decoded this many values at a time: what that needs beside the result stays in the caches of a core.
BLOCK: Final = 2**17

schemes: Final[Registry[Scheme]] = Registry("scheme", "eigentail.sources.quantised", "SCHEME")


def dequantised(source: WeightSource) -> WeightSource:
    """The source with one tensor for every quantised weight in place of its codes, scales and zero points.

    Args:
        source: open; it becomes part of what is returned.

    Returns:
        The source itself where nothing in it is quantised in a way that is known here.

    Example:
        >>> from eigentail.sources import open_source
        >>> codes, scale = np.array([[1, -2], [3, 4]], np.int8), np.array([0.5, 2.0], np.float32)
        >>> source = open_source({"fc.weight": codes, "fc.weight_scale": scale, "fc.bias": np.ones(2)})
        >>> [(spec.name, spec.dtype, spec.quantised) for spec in source.tensors()]
        [('fc.weight', 'float32', 'int8-channel'), ('fc.bias', 'float64', '')]
        >>> source.read(source.tensors()[0]).tolist()
        [[0.5, -1.0], [6.0, 8.0]]
    """
    stored = Stored(source)
    weights: dict[str, Weight] = {}
    shown: set[str] = set()
    refused: dict[str, str] = {}
    for scheme in schemes.values():
        for name in scheme.claims(stored):
            try:
                weight = scheme.weight(stored, name)
                _check_alone(weight, stored, shown)
                weights[name] = weight
                shown.add(weight.spec.name)
            except SourceError as error:
                refused[name] = error.what
    return Dequantised(source, weights, refused) if weights or refused else source


@final
class Dequantised:
    """A source that wraps a source: the weights some scheme found in it, and every other tensor as it is.

    Args:
        inner: the tensors as they are stored; closed with this source.
        weights: by the name of the stored tensor whose place each takes; its parts are shown no more.
        refused: name of a stored tensor to the reason why no weight can be made of it.

    Raises:
        SourceError: on `read`, as the inner source, or the parts do not fit together.

    Example:
        >>> from eigentail.sources import open_source
        >>> source = open_source({"fc.qweight": np.zeros((4, 8), np.int32)})
        >>> source.tensors()[0].refusal
        "quantised (GPTQ), but its part 'scales' is missing"
    """

    def __init__(self, inner: WeightSource, weights: Mapping[str, Weight], refused: Mapping[str, str]) -> None:
        self._inner = inner
        self._weights = {weight.spec.name: weight for weight in weights.values()}
        parts = {part.name for weight in weights.values() for part in weight.parts.values()}
        specs = []
        for spec in inner.tensors():
            if spec.name in weights:
                specs.append(_tied(weights[spec.name].spec, weights))
            elif spec.name not in parts:
                specs.append(replace(spec, refusal=refused.get(spec.name, spec.refusal)))
        self._specs = tuple(specs)

    def __reduce__(self) -> str | tuple[Any, ...]:
        return self._inner.__reduce__()  # opened again by the one door, which wraps it again

    @property
    def ref(self) -> SourceRef:
        """What opens it again."""
        return self._inner.ref

    @property
    def config(self) -> Mapping[str, Any]:
        """What lies beside the weights."""
        return self._inner.config

    def tensors(self) -> tuple[TensorSpec, ...]:
        """Every tensor, a quantised weight as one, in the order of the source."""
        return self._specs

    def read(self, spec: TensorSpec, part: tuple[int, int] | None = None) -> NDArray[np.generic]:
        """The tensor, or rows `part` of it; a quantised weight as float32, of which only these rows are decoded."""
        weight = self._weights.get(spec.name)
        if weight is None:
            return self._inner.read(spec, part)
        rows = part or (0, weight.spec.shape[0])
        check_rows(weight.spec, rows)
        try:
            found = self._decoded(weight, rows)
        except SourceError as error:
            raise SourceError(error.what, where=error.where or self.ref.target, hint=error.hint) from error
        found.setflags(write=False)
        return found

    def close(self) -> None:
        """Close the source. Arrays already read stay valid."""
        self._inner.close()

    def _decoded(self, weight: Weight, rows: tuple[int, int]) -> NDArray[np.float32]:
        """Block by block, so that no more than one weight and a block of it are held."""

        def fetch(role: str, rows: tuple[int, int] | None = None) -> NDArray[Any]:
            return self._inner.read(weight.parts[role], rows)

        shape, count = weight.spec.shape[1:], rows[1] - rows[0]
        found = np.empty((count, *shape), dtype=np.float32)
        if not count:
            return found
        step = max(1, BLOCK // prod(shape))
        with np.errstate(all="ignore"):  # scales may be anything; what is not finite is told of the layer
            decode = weight.load(fetch, rows)
            for start in range(0, count, step):
                stop = min(start + step, count)
                found[start:stop] = decode(start, stop)
        return found


def _check_alone(weight: Weight, stored: Stored, shown: Set[str]) -> None:
    """Refuse a weight whose name a stored tensor has that is no part of it, or a weight found before."""
    name = weight.spec.name
    is_stored = stored.get(name) is not None and name not in {part.name for part in weight.parts.values()}
    if is_stored or name in shown:
        raise SourceError(f"quantised ({weight.spec.quantised}), but there is a tensor {name!r} beside it")


def _tied(spec: TensorSpec, weights: Mapping[str, Weight]) -> TensorSpec:
    """The header with the weight it is tied to in place of that weight's stored tensor."""
    owner = weights.get(spec.tied_to)
    return replace(spec, tied_to=owner.spec.name if owner else "")

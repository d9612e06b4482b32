"""The work of a diff: each tensor that both models have, once, with the layers that lie in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from math import prod
from typing import Any

import msgspec
from numpy.typing import NDArray

from eigentail.layers import read_part
from eigentail.layers.refusals import is_beside_the_model
from eigentail.records import BLOCK_BYTES, Layer, TensorSpec
from eigentail.records.difference import LayerDifference, TensorDifference
from eigentail.sources.delta import Delta, Pair


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor, or rows of it, that is read once from each side, and the layers in it.

    Attributes:
        spec: in the base.
        layers: those to be measured; none for a vector.
        part: the rows that are read, or None for all.
        is_apart: whether the tensor as a whole is to be compared too, because the layers are not all of it.

    Example:
        >>> spec = TensorSpec(name="fc.bias", shape=(10,), dtype="float32", nbytes=40)
        >>> Unit(spec=spec, is_apart=True).flops
        0
    """

    spec: TensorSpec
    layers: tuple[Layer, ...] = ()
    part: tuple[int, int] | None = None
    is_apart: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Of the largest matrix; (1, 1) without a layer."""
        return max((layer.shape for layer in self.layers), key=prod, default=(1, 1))

    @property
    def flops(self) -> float:
        """Floating-point operations: of each layer three spectra, and two with vectors."""
        return sum(7 * layer.flops for layer in self.layers)

    @property
    def spreads(self) -> bool:
        """No: eigenvectors move with the order of adding by more than the 1e-10 promised."""
        return False

    @property
    def memory(self) -> int:
        """Bytes of working memory: both sides as stored, their difference, and the eigenvectors of both."""
        stored = 2 * self.spec.nbytes + min(16 * prod(self.spec.shape), 2 * BLOCK_BYTES)
        sides = [(8 * layer.count * prod(layer.shape), 8 * layer.shape[1] ** 2) for layer in self.layers]
        return stored + max((2 * values + 6 * gram for values, gram in sides), default=0)


class Found(msgspec.Struct, frozen=True):
    """What became of a unit.

    Example:
        >>> Found().rows
        ()
    """

    rows: tuple[LayerDifference, ...] = ()
    tensor: TensorDifference | None = None


def units_of(delta: Delta, layers: Sequence[Layer], *, lost: Container[str] | None) -> list[Unit]:
    """Every tensor that both have, no row of it twice, the dearest first.

    Args:
        delta: of the two sources.
        layers: those to be measured, as the base has them.
        lost: tensors of either that are told of elsewhere; all others are compared, layer or not. None for layers only.

    Example:
        >>> import numpy as np
        >>> from eigentail.sources import open_source
        >>> net = {"fc.weight": np.eye(16), "fc.bias": np.zeros(16)}
        >>> [unit.spec.name for unit in units_of(Delta(open_source(net), open_source(net)), (), lost=())]
        ['fc.weight', 'fc.bias']
    """
    of_tensor: dict[str, list[Layer]] = defaultdict(list)
    for layer in layers:
        of_tensor[layer.tensors[0].name].append(layer)
    units: list[Unit] = []
    for pair in delta.pairs:
        spec = pair.base
        inside = of_tensor.get(spec.name, [])
        is_told = lost is None or spec.name in lost or pair.other.name in lost or _is_seen(pair)
        if not is_told and sum(layer.count * prod(layer.shape) for layer in inside) < prod(spec.shape):
            units.append(Unit(spec=spec, layers=tuple(inside), is_apart=True))
        else:
            units += _by_part(spec, inside)
    return sorted(units, key=lambda unit: -unit.flops)


def rows_of(layer: Layer, unit: Unit, array: NDArray[Any]) -> NDArray[Any]:
    """Of the array that was read for a unit, the rows that `matrices` expects for a layer.

    Example:
        >>> import numpy as np
        >>> from eigentail.layers import group
        >>> spec = TensorSpec(name="h.0.attn.in_proj_weight", shape=(96, 32), dtype="float32", nbytes=12288)
        >>> k = group([spec]).layers[1]
        >>> rows_of(k, Unit(spec=spec, layers=(k,)), np.zeros((96, 32))).shape
        (32, 32)
    """
    part = read_part(layer)
    return array if part == unit.part or part is None else array[slice(*part)]


def _is_seen(pair: Pair) -> bool:
    """Whether a tensor is compared where its owner is, or is no part of the model."""
    return bool(pair.tied_to) or is_beside_the_model(pair.base.name)


def _by_part(spec: TensorSpec, layers: Sequence[Layer]) -> list[Unit]:
    """One unit for each set of rows; layers that need the same rows share it."""
    parts: dict[tuple[int, int] | None, list[Layer]] = defaultdict(list)
    for layer in layers:
        parts[read_part(layer)].append(layer)
    return [Unit(spec=spec, layers=tuple(inside), part=part) for part, inside in parts.items()]

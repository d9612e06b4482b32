"""FACTORS -> matrices: the part of a product that a layer is, cut out of its factors."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import Layer
from eigentail.records.low_rank import Factors, LowRank


def products(layer: Layer, factors: Factors) -> LowRank:
    """The matrices whose eigenvalues are pooled, as `matrices` would cut them out of the tensor multiplied out.

    Args:
        layer: which one.
        factors: of its tensor.

    Returns:
        Views of the factors, where axes that are merged lie next to each other.

    Raises:
        SourceError: the product has another shape than the header announced, or the cut takes its rows and columns
            apart.

    Example:
        >>> import numpy as np
        >>> from eigentail.layers import group
        >>> from eigentail.records import TensorSpec
        >>> spec = TensorSpec(name="conv.weight", shape=(32, 16, 3, 3), dtype="float32", nbytes=1408, rank=2)
        >>> factors = Factors(left=np.ones((32, 2)), right=np.ones((2, 16, 3, 3)))
        >>> products(group([spec]).layers[0], factors).shape
        (9, 32, 16)
    """
    cut, expected = layer.cut, layer.tensors[0].shape
    if factors.shape != expected:
        raise SourceError(f"the factors make {factors.shape}, but the header announced {expected}", where=layer.name)
    slices = [slice(*bounds) for bounds in cut.slices]
    axes = max(len(cut.fold), 1)
    left = _rows(factors.left, cut.fold, slices[:axes])
    right = factors.right[(slice(None), *slices[axes:])]
    if cut.view == "dense":
        if right.ndim > 2:
            raise SourceError("the product has more axes than its cut", where=layer.name)
        return LowRank(left=left[None], right=right[None], scale=factors.scale, note=factors.note)
    if cut.view.endswith("transposed"):
        raise SourceError("the product is no transposed convolution", where=layer.name)
    return _convolution(layer, left, right, factors)


def _rows(left: NDArray[Any], fold: tuple[int, ...], slices: list[slice]) -> NDArray[Any]:
    """The rows that are left of the first axis, folded or not."""
    folded = left.reshape(*fold, left.shape[1]) if fold else left
    return folded[tuple(slices)].reshape(-1, left.shape[1])


def _convolution(layer: Layer, left: NDArray[Any], right: NDArray[Any], factors: Factors) -> LowRank:
    """One matrix for every group and kernel position, or for every group when it is flattened."""
    rank, columns, positions = right.shape[0], right.shape[1], prod(right.shape[2:])
    groups = layer.cut.groups
    flat = right.reshape(rank, columns, positions)
    is_flat = layer.cut.view == "flatten"
    stack = flat.reshape(1, rank, columns * positions) if is_flat else flat.transpose(2, 0, 1)
    lefts = left.reshape(groups, -1, rank)
    if groups > 1:
        lefts, stack = lefts.repeat(len(stack), axis=0), _repeated(stack, groups)
    return LowRank(left=lefts, right=stack, scale=factors.scale, note=factors.note)


def _repeated(stack: NDArray[Any], groups: int) -> NDArray[Any]:
    """The stack once for each group."""
    return np.broadcast_to(stack, (groups, *stack.shape)).reshape(-1, *stack.shape[1:])

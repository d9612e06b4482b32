"""BYTES -> matrices: the arrays of one layer, cut and turned into a stack of matrices, views where possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eigentail.errors import SourceError
from eigentail.records import Layer

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_part(layer: Layer) -> tuple[int, int] | None:
    """The rows of the first axis that a layer needs, for `WeightSource.read`; None for the whole tensor.

    Example:
        >>> from eigentail.records import Cut, TensorSpec
        >>> spec = TensorSpec(name="qkv.weight", shape=(96, 32), dtype="float32", nbytes=12288)
        >>> cut = Cut(slices=((32, 64, 1),))
        >>> read_part(Layer(index=0, name="k", kind="dense", block=None, tensors=(spec,), cut=cut, shape=(32, 32)))
        (32, 64)
    """
    cut, rows = layer.cut, layer.tensors[0].shape[0]
    if cut.fold or not cut.slices:
        return None
    start, stop, step = cut.slices[0]
    return (start, stop) if step == 1 and (start, stop) != (0, rows) else None


def matrices(layer: Layer, arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The matrices whose eigenvalues are pooled.

    Args:
        layer: which one.
        arrays: what the source returned for each tensor of the layer, read with `read_part(layer)`.

    Returns:
        Shape (count, rows, columns) in the stored dtype; a view of the array unless axes that are not next to each
        other in memory have to be merged.

    Raises:
        SourceError: the array has another shape than the header announced.

    Example:
        >>> import numpy as np
        >>> from eigentail.layers import group
        >>> from eigentail.records import TensorSpec
        >>> kernel = np.zeros((16, 8, 3, 3), np.float32)
        >>> spec = TensorSpec(name="conv.weight", shape=kernel.shape, dtype="float32", nbytes=kernel.nbytes)
        >>> matrices(group([spec]).layers[0], [kernel]).shape
        (9, 16, 8)
    """
    cut, array, part = layer.cut, arrays[0], read_part(layer)
    _check_shape(layer, array, part)
    if cut.fold:
        array = array.reshape(*cut.fold, *array.shape[1:])
    slices = [slice(*bounds) for bounds in cut.slices]
    if part is not None:
        slices[0] = slice(None)
    array = array[tuple(slices)]
    if cut.view == "dense":
        return array.reshape(1, -1, array.shape[-1])
    grouped = array.reshape(cut.groups, array.shape[0] // cut.groups, array.shape[1], -1)
    if cut.view.endswith("transposed"):
        grouped = grouped.swapaxes(1, 2)
    if cut.view.startswith("flatten"):
        return grouped.reshape(cut.groups, grouped.shape[1], -1)
    return grouped.transpose(0, 3, 1, 2).reshape(-1, grouped.shape[1], grouped.shape[2])


def _check_shape(layer: Layer, array: NDArray[Any], part: tuple[int, int] | None) -> None:
    """Raise when a source returned something else than its header promised."""
    rows, *rest = layer.tensors[0].shape
    expected = (rows if part is None else part[1] - part[0], *rest)
    if array.shape != expected:
        raise SourceError(f"the array has shape {array.shape}, but the header announced {expected}", where=layer.name)

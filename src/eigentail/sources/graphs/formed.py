"""Tensors that are formed as they are read: turned, reshaped or decoded from how a graph stores them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.coded import Coded, CodedSource, Rows
from eigentail.sources.ranges import RangeReader


class Formed(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The values of a tensor, not made yet.

    Attributes:
        shape: the sizes of its axes.
        dtype: the type of the values, as numpy and ml_dtypes name it.
        nbytes: the bytes that are stored of it.
        make: gives the array, or rows of its first axis; called only with rows that exist.

    Example:
        >>> whole = Formed(shape=(2, 3), dtype="int64", nbytes=48, make=lambda part: np.arange(6).reshape(2, 3))
        >>> turned(whole, (1, 0)).make((1, 3)).tolist()
        [[1, 4], [2, 5]]
    """

    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    make: Callable[[Rows], NDArray[Any]]


def coded_source(
    ref: SourceRef, reader: RangeReader, tensors: Iterable[tuple[TensorSpec, Formed]], config: Mapping[str, Any]
) -> CodedSource:
    """A file whose tensors are formed as they are read.

    Args:
        ref: what opens it again.
        reader: the file itself, closed with the source.
        tensors: each with its values, in the file's order.
        config: what lies beside the weights about the architecture.

    Raises:
        SourceError: there is no tensor, or two of one name.

    Example:
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> values = Formed(shape=(2, 2), dtype="float64", nbytes=32, make=lambda part: np.eye(2))
        >>> spec = spec_of("w", values)
        >>> coded_source(SourceRef("onnx", "m.onnx"), BytesRange(b""), [(spec, values)], {}).read(spec).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    return CodedSource(ref, reader, (Coded(spec, values.make) for spec, values in tensors), config)


def spec_of(name: str, values: Formed) -> TensorSpec:
    """What the header tells of a tensor.

    Example:
        >>> spec_of("w", Formed(shape=(2,), dtype="int8", nbytes=2, make=lambda part: np.zeros(2, np.int8))).nbytes
        2
    """
    return TensorSpec(name=name, shape=values.shape, dtype=values.dtype, nbytes=values.nbytes)


def turned(values: Formed, axes: Sequence[int]) -> Formed:
    """The tensor with its axes in another order; rows are read alone where the first axis stays the first.

    Args:
        values: the tensor.
        axes: for each axis of the result, which one it was.

    Example:
        >>> zeros = np.zeros((3, 3, 8, 16))
        >>> kernel = Formed(shape=zeros.shape, dtype="float64", nbytes=9216, make=lambda part: zeros)
        >>> turned(kernel, (3, 2, 0, 1)).shape
        (16, 8, 3, 3)
    """
    if list(axes) == list(range(len(values.shape))):
        return values

    def make(part: Rows) -> NDArray[Any]:
        if axes[0] == 0:
            return values.make(part).transpose(axes)
        return _some(values.make(None).transpose(axes), part)

    return msgspec.structs.replace(values, shape=tuple(values.shape[axis] for axis in axes), make=make)


def reshaped(values: Formed, shape: Sequence[int]) -> Formed:
    """The tensor with other axes of as many values in all.

    Args:
        values: the tensor.
        shape: the sizes of the new axes.

    Example:
        >>> flat = Formed(shape=(6,), dtype="int64", nbytes=48, make=lambda part: np.arange(6))
        >>> reshaped(flat, (2, 3)).make((1, 2)).tolist()
        [[3, 4, 5]]
    """
    new = tuple(shape)
    if new == values.shape:
        return values
    if prod(new) != prod(values.shape) or min(new, default=0) < 0:
        raise SourceError(f"a tensor of shape {values.shape} cannot be given the shape {new}")

    def make(part: Rows) -> NDArray[Any]:
        if part is not None and values.shape and new[0] == values.shape[0]:
            return values.make(part).reshape(part[1] - part[0], *new[1:])
        return _some(values.make(None).reshape(new), part)

    return msgspec.structs.replace(values, shape=new, make=make)


def blocks(values: Formed, order: Sequence[int]) -> Formed:
    """The tensor with its first axis, a row of equal blocks, in another order of blocks: the gates of a cell.

    Args:
        values: the tensor.
        order: for each block of the result, which one it was.

    Example:
        >>> gates = Formed(shape=(6,), dtype="int64", nbytes=48, make=lambda part: np.arange(6))
        >>> blocks(gates, (1, 0, 2)).make(None).tolist()
        [2, 3, 0, 1, 4, 5]
    """
    if list(order) == list(range(len(order))) or values.shape[0] % len(order):
        return values

    def make(part: Rows) -> NDArray[Any]:
        whole = values.make(None)
        return _some(np.concatenate([np.split(whole, len(order))[block] for block in order]), part)

    return msgspec.structs.replace(values, make=make)


def one_of(values: Formed, at: int) -> Formed:
    """One entry of the first axis, without that axis.

    Example:
        >>> pair = Formed(shape=(2, 3), dtype="int64", nbytes=48, make=lambda part: np.arange(6).reshape(2, 3)[1:])
        >>> one_of(pair, 1).shape, one_of(pair, 1).make((0, 2)).tolist()
        ((3,), [3, 4])
    """

    def make(part: Rows) -> NDArray[Any]:
        return _some(values.make((at, at + 1))[0], part)

    share = values.nbytes // max(values.shape[0], 1)
    return msgspec.structs.replace(values, shape=values.shape[1:], nbytes=share, make=make)


def _some(array: NDArray[Any], part: Rows) -> NDArray[Any]:
    return array if part is None else array[part[0] : part[1]]

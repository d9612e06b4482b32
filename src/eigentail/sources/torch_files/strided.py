"""Where the values of a tensor lie inside a block of stored bytes: offset, shape and strides, as torch keeps them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from eigentail.sources.dtypes import dtype_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_AXES: Final = 64
MAX_REPEATED: Final = 1 << 24


class StorageRef(msgspec.Struct, frozen=True):
    """A block of bytes that one or more tensors share.

    Attributes:
        key: its name in the file.
        dtype: the type its length is counted in.
        numel: its length, in values of that type.
        start: where it begins inside the stored block of this key, in values of that type.

    Example:
        >>> StorageRef("0", "float32", 6).nbytes
        24
    """

    key: str
    dtype: str
    numel: int
    start: int = 0

    @property
    def nbytes(self) -> int:
        """Its length in bytes."""
        return self.numel * dtype_of(self.dtype).itemsize


class TensorRef(msgspec.Struct, frozen=True):
    """A tensor as a view of a storage. Nothing is checked here: `flaw` does that, once.

    Attributes:
        storage: the bytes.
        offset: index of the first value, counted from the beginning of the storage.
        shape: the sizes of its axes.
        stride: the steps along its axes, in values.
        dtype: the type of the values.

    Example:
        >>> turned = TensorRef(StorageRef("0", "float32", 6), 0, (3, 2), (1, 3), "float32")
        >>> turned.nbytes, turned.window
        (24, (0, 24))
    """

    storage: StorageRef
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: str

    @property
    def nbytes(self) -> int:
        """The bytes of its values."""
        return math.prod(self.shape) * dtype_of(self.dtype).itemsize

    @property
    def window(self) -> tuple[int, int]:
        """The first byte it touches, counted from the beginning of the stored block, and how many from there on."""
        if 0 in self.shape:
            return 0, 0  # torch lets the offset of an empty tensor point beyond its storage
        size = dtype_of(self.dtype).itemsize
        first = self.storage.start * dtype_of(self.storage.dtype).itemsize + self.offset * size
        last = sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))
        return first, (last + 1) * size


def flaw(ref: TensorRef, stored: int | None) -> str:
    """What is wrong with a tensor's description, as the rest of a sentence about it, or "".

    Args:
        ref: the description, from a file that nobody vouches for.
        stored: the bytes that the file holds for its storage, None when it holds none.

    Example:
        >>> flaw(TensorRef(StorageRef("0", "float32", 4), 0, (2, 3), (3, 1), "float32"), 16)
        'needs bytes 0 to 24 of its storage, which holds 16'
    """
    numbers = (ref.storage.numel, ref.storage.start, ref.offset, *ref.shape, *ref.stride)
    if any(type(number) is not int or not 0 <= number < 1 << 62 for number in numbers):
        return "has an offset, size or stride that is negative or no whole number"
    if len(ref.shape) != len(ref.stride) or len(ref.shape) > MAX_AXES:
        return f"has {len(ref.shape)} sizes and {len(ref.stride)} strides"
    if stored is None:
        return f"lies in storage {ref.storage.key!r}, which the file does not hold"
    # A stride of zero repeats values: a few bytes can claim to be any number of them.
    if math.prod(max(n, 1) for n in ref.shape) > max(ref.storage.nbytes, MAX_REPEATED):
        return f"claims the shape {ref.shape} from a storage of {ref.storage.nbytes} bytes"
    first, n = ref.window
    start = ref.storage.start * dtype_of(ref.storage.dtype).itemsize
    held = min(ref.storage.nbytes, stored - start)
    if n and first + n > start + held:
        return f"needs bytes {first - start} to {first - start + n} of its storage, which holds {max(held, 0)}"
    return ""


def rows(ref: TensorRef, part: tuple[int, int]) -> TensorRef:
    """The same tensor, restricted to some rows.

    Args:
        ref: a tensor without `flaw`.
        part: first and last row (exclusive), both within its first axis.

    Example:
        >>> rows(TensorRef(StorageRef("0", "float32", 6), 0, (3, 2), (2, 1), "float32"), (1, 2)).window
        (8, 8)
    """
    first, end = part
    shape = (end - first, *ref.shape[1:])
    return TensorRef(ref.storage, ref.offset + first * ref.stride[0], shape, ref.stride, ref.dtype)


def view(ref: TensorRef, window: memoryview) -> NDArray[np.generic]:
    """The tensor as a read-only array on the bytes of its window; no copy.

    Args:
        ref: a tensor without `flaw`.
        window: the bytes that `ref.window` names.

    Example:
        >>> turned = TensorRef(StorageRef("0", "uint8", 6), 0, (3, 2), (1, 3), "uint8")
        >>> view(turned, memoryview(bytes(range(6)))).tolist()
        [[0, 3], [1, 4], [2, 5]]
    """
    dtype = dtype_of(ref.dtype)
    steps = tuple(step * dtype.itemsize for step in ref.stride)
    array: NDArray[np.generic] = np.ndarray(ref.shape, dtype, buffer=window, strides=steps)
    array.setflags(write=False)
    return array


def footprint(ref: TensorRef) -> tuple[object, ...]:
    """Equal for two tensors exactly when they are the same values at the same place, turned or reshaped or not.

    Example:
        >>> storage = StorageRef("0", "float32", 6)
        >>> plain = TensorRef(storage, 0, (2, 3), (3, 1), "float32")
        >>> turned, half = TensorRef(storage, 0, (3, 2), (1, 3), "float32"), rows(plain, (0, 1))
        >>> footprint(plain) == footprint(turned), footprint(plain) == footprint(half)
        (True, False)
    """
    axes: list[tuple[int, int]] = []
    for step, n in sorted((step, n) for step, n in zip(ref.stride, ref.shape, strict=True) if n != 1):
        inner_step, inner_n = axes[-1] if axes else (0, 0)
        if axes and step == inner_step * inner_n:
            axes[-1] = (inner_step, inner_n * n)  # two axes without a gap between them are one
        else:
            axes.append((step, n))
    return ref.storage.key, ref.window, ref.dtype, tuple(axes)

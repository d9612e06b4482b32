"""Codes with scales and zero points as the numbers they stand for, a tensor at a time."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.sources.coded import Rows
from eigentail.sources.graphs.constants import nibbles
from eigentail.sources.graphs.formed import Formed

_HINT: Final = "the file is damaged, or of a newer version of its format"


def scaled(codes: Formed, scale: Formed, zero: Formed | None, axis: int, block: int = 0) -> Formed:
    """(code - zero point) x scale, as ONNX's DequantizeLinear defines it: in float32, given in the scale's type.

    Args:
        codes: whole numbers, or 8-bit and 4-bit floating-point ones.
        scale: one number, one for each entry of an axis, or one for each block of an axis.
        zero: the zero points, of the scale's shape, or None.
        axis: the axis that has a scale for each entry or block.
        block: how many entries share a scale along that axis, 0 for one each.

    Raises:
        SourceError: the scales do not fit the codes.

    Source: https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html.

    Example:
        >>> codes = Formed(shape=(2, 2), dtype="int8", nbytes=4, make=lambda part: np.array([[1, 2], [3, 4]], np.int8))
        >>> scale = Formed(shape=(2,), dtype="float32", nbytes=8, make=lambda part: np.array([1, 10], np.float32))
        >>> scaled(codes, scale, None, axis=0).make(None).tolist()
        [[1.0, 2.0], [30.0, 40.0]]
    """
    if codes.shape and not -len(codes.shape) <= axis < len(codes.shape):
        raise SourceError(f"scales along axis {axis} do not fit codes of shape {codes.shape}", hint=_HINT)
    along = axis % len(codes.shape) if codes.shape else 0
    _check_scales(codes.shape, scale.shape, along, block)
    if zero is not None and zero.shape != scale.shape:
        raise SourceError(f"zero points of shape {zero.shape} do not fit scales of shape {scale.shape}", hint=_HINT)

    def make(part: Rows) -> NDArray[Any]:
        values = _float32(codes.make(part))
        spread = _Spread(codes.shape, along, block, part)
        if zero is not None:
            values -= spread.over(_float32(zero.make(None)))
        values *= spread.over(_float32(scale.make(None)))
        return values.astype(_dtype(scale), copy=False)

    return msgspec.structs.replace(codes, dtype=scale.dtype, make=make)


def blockwise(packed: Formed, scale: Formed, zero: Formed | None, columns: int, bits: int) -> Formed:
    """A matrix whose rows are blocks of packed codes, each block with its scale: MatMulNBits of ONNX Runtime.

    Args:
        packed: (rows, blocks, bytes of a block), codes of `bits` bits, the lowest bits of a byte first.
        scale: one number for each block, rows x blocks of them in any shape.
        zero: zero points: packed like the codes, each row filled up to a whole byte, or of the scale's type; None for
            the middle of the codes' range.
        columns: the columns of the matrix; the last block may be longer.
        bits: 2, 4 or 8.

    Returns:
        (rows, columns) in the scale's type.

    Raises:
        SourceError: the sizes do not fit each other.

    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md, com.microsoft.MatMulNBits.

    Example:
        >>> packed = Formed(shape=(1, 1, 2), dtype="uint8", nbytes=2,
        ...     make=lambda part: np.array([[[0x98, 0x0A]]], np.uint8))
        >>> scale = Formed(shape=(1,), dtype="float32", nbytes=4, make=lambda part: np.array([0.5], np.float32))
        >>> blockwise(packed, scale, None, columns=3, bits=4).make(None).tolist()
        [[0.0, 0.5, 1.0]]
    """
    if bits not in (2, 4, 8) or len(packed.shape) != 3 or packed.dtype != "uint8":
        raise SourceError(f"packed codes of {bits} bits and shape {packed.shape} are not known here", hint=_HINT)
    rows, count, size = packed.shape
    length = size * 8 // bits
    if not 0 < columns <= count * length or _size(scale) != rows * count:
        raise SourceError(
            f"{_size(scale)} scales and {columns} columns do not fit blocks of {packed.shape}", hint=_HINT
        )
    row_bytes = -(-count * bits // 8)
    if zero is not None and _size(zero) != (rows * row_bytes if zero.dtype == "uint8" else rows * count):
        raise SourceError(f"{_size(zero)} zero points do not fit blocks of shape {packed.shape}", hint=_HINT)

    def make(part: Rows) -> NDArray[Any]:
        mine = slice(*(part or (0, rows)))
        codes = unpacked(packed.make(part), bits).reshape(-1, count, length)
        values = codes.astype(np.float32)
        values -= _zeros(zero, rows, count, bits)[mine, :, None]
        values *= _float32(scale.make(None)).reshape(rows, count, 1)[mine]
        return values.reshape(-1, count * length)[:, :columns].astype(_dtype(scale), copy=False)

    return Formed(shape=(rows, columns), dtype=scale.dtype, nbytes=packed.nbytes, make=make)


def unpacked(raw: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Codes of 2, 4 or 8 bits out of bytes, along the last axis, the lowest bits first.

    Example:
        >>> unpacked(np.array([[0xE4]], np.uint8), 2).tolist()
        [[0, 1, 2, 3]]
    """
    if bits == 8:
        return raw.astype(np.uint8, copy=False)
    if bits == 4:
        return nibbles(raw.reshape(-1), 2 * raw.size).reshape(*raw.shape[:-1], -1)
    parts = np.stack([(raw >> shift) & 3 for shift in (0, 2, 4, 6)], axis=-1)
    return parts.reshape(*raw.shape[:-1], -1)


class _Spread(msgspec.Struct, frozen=True):
    """How scales are laid over some rows of codes."""

    shape: tuple[int, ...]
    axis: int
    block: int
    part: Rows

    def over(self, scale: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scales in a shape that goes with the codes."""
        if scale.size == 1:
            return scale.reshape(())
        if self.block:
            scale = np.repeat(scale, self.block, axis=self.axis)
            scale = scale[(slice(None),) * self.axis + (slice(self.shape[self.axis]),)]
        else:
            sizes = [1] * len(self.shape)
            sizes[self.axis] = scale.size
            scale = scale.reshape(sizes)
        return scale[slice(*self.part)] if self.part is not None and scale.shape[0] > 1 else scale


def _check_scales(shape: tuple[int, ...], scale: tuple[int, ...], axis: int, block: int) -> None:
    """Refuse scales that do not fit the codes."""
    fits = scale in ((), (1,))
    if block > 0:
        blocked = list(shape)
        blocked[axis] = -(-shape[axis] // block)
        fits = fits or list(scale) == blocked
    elif shape:
        fits = fits or scale == (shape[axis],)
    if not fits or block < 0:
        raise SourceError(f"scales of shape {scale} do not fit codes of shape {shape}", hint=_HINT)


def _zeros(zero: Formed | None, rows: int, count: int, bits: int) -> NDArray[np.float32]:
    """One zero point for each block."""
    if zero is None:
        return np.full((rows, count), 1 << (bits - 1), np.float32)
    held = zero.make(None)
    if zero.dtype == "uint8":
        return unpacked(held.reshape(rows, -1), bits)[:, :count].astype(np.float32)
    return _float32(held).reshape(rows, count)


def _float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """A copy that may be changed."""
    return values.astype(np.float32)


def _dtype(values: Formed) -> Any:
    from eigentail.sources.dtypes import dtype_of

    return dtype_of(values.dtype)


def _size(values: Formed) -> int:
    size = 1
    for axis in values.shape:
        size *= axis
    return size

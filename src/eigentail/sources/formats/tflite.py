"""TensorFlow Lite: a flatbuffer of operators and constants; weights in torch's layout, codes as float32."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any, Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.records import SourceRef, TensorSpec
from eigentail.sources.coded import Coded, CodedSource, Rows
from eigentail.sources.dtypes import dtype_of
from eigentail.sources.placed import native, plain_names
from eigentail.sources.protocol import Format, Probe
from eigentail.sources.ranges import RangeReader, open_range
from eigentail.sources.tensorflow_files.flatbuffer import FlatBuffer
from eigentail.sources.tensorflow_files.lite_graph import (
    BATCH_MATMUL,
    CONV_2D,
    DEPTHWISE,
    TYPES,
    Constant,
    Use,
    constants_of,
)
from eigentail.sources.tensorflow_files.lite_roles import Role, names_of, role_of

MAGIC: Final = b"TFL3"
_BITS: Final = dict(TYPES.values())
_AS_IS: Final = Role()
_MOST_FACTORS: Final = 4096  # in a stack: heads, experts


def open_tflite(ref: SourceRef) -> CodedSource:
    """Open a TensorFlow Lite model.

    Args:
        ref: what `identify` says of it.

    Raises:
        SourceError: the file breaks a rule of its format, or holds no constants.

    Source: TensorFlow Lite, tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "m.tflite"
        >>> _ = path.write_bytes(bytes([12, 0, 0, 0, *b"TFL3", 4, 0, 4, 0, 4, 0, 0, 0]))
        >>> open_tflite(SourceRef("tflite", str(path)))
        Traceback (most recent call last):
        eigentail.errors.SourceError: ...m.tflite: holds no tensors: is this the file with the weights?
    """
    reader = open_range(ref.target)
    try:
        return CodedSource(ref, reader, _tensors(reader, ref.target), {})
    except BaseException:
        reader.close()
        raise


def _tensors(reader: RangeReader, where: str) -> Iterator[Coded]:
    """Every constant; of two in the same bytes the second is tied to the first."""
    try:
        constants = constants_of(FlatBuffer(reader))
    except SourceError as error:
        raise SourceError(error.what, where=where, hint=error.hint) from error
    names = plain_names(names_of(constants), where)
    owners: dict[tuple[object, ...], str] = {}
    for constant, name in zip(constants, names.values(), strict=True):
        place = constant.offset, constant.nbytes, constant.shape, constant.dtype, constant.scales
        for at, tensor in enumerate(_presented(reader, constant, name)):
            owner = owners.setdefault((*place, at), tensor.spec.name)
            tied_to = "" if owner == tensor.spec.name else owner
            yield replace(tensor, spec=replace(tensor.spec, tied_to=tied_to))


def _presented(reader: RangeReader, constant: Constant, name: str) -> Iterator[Coded]:
    """A constant as torch would keep it; of a stack of factors each matrix is a tensor."""
    use, role = role_of(constant) or (None, _AS_IS)
    stacked = use is not None and use.operator == BATCH_MATMUL and len(constant.shape) == 3
    if stacked and 0 < constant.shape[0] <= _MOST_FACTORS:
        yield from _factors(reader, constant, name, role.axes or (0, 1))
        return
    axes = () if stacked else role.axes
    spec = TensorSpec(
        name=name,
        shape=tuple(constant.shape[axis] for axis in axes) if axes else constant.shape,
        dtype="float32" if constant.scales else constant.dtype,
        nbytes=constant.nbytes,
        quantised=_word(constant),
        groups=_groups(constant, use) if use and axes else 0,
        conv_transposed=role.transposed and bool(axes),
    )
    yield Coded(spec, partial(_turned, reader, constant, axes))


def _groups(constant: Constant, use: Use) -> int:
    """The groups of a convolution, 0 where nothing tells."""
    if use.operator == DEPTHWISE:
        return constant.shape[-1] // max(use.option, 1)
    if use.operator != CONV_2D or not constant.shape[-1]:
        return 0
    groups, odd = divmod(use.option, constant.shape[-1])
    return 0 if odd else groups


def _factors(reader: RangeReader, constant: Constant, name: str, axes: tuple[int, ...]) -> Iterator[Coded]:
    """The matrices of a stack, each under a number of its own when there are several."""
    count, *sides = constant.shape
    for at in range(count):
        own = f"{name.removesuffix('.weight')}.{at}.weight" if count > 1 else name
        shape = tuple(sides[axis] for axis in axes)
        dtype = "float32" if constant.scales else constant.dtype
        nbytes, quantised = constant.nbytes // count, _word(constant)
        spec = TensorSpec(name=own, shape=shape, dtype=dtype, nbytes=nbytes, quantised=quantised)
        yield Coded(spec, partial(_factor, reader, constant, (at, axes)))


def _word(constant: Constant) -> str:
    """What is decoded: "qint8" for codes with scales, as TensorFlow calls them."""
    return f"q{constant.dtype}" if constant.scales else ""


def _turned(reader: RangeReader, constant: Constant, axes: tuple[int, ...], part: Rows) -> NDArray[Any]:
    """The tensor with its axes in torch's order; where the first stays the first, only its rows are read."""
    if not axes:
        return _numbers(reader, constant, part)
    if axes[0] == 0:
        return _numbers(reader, constant, part).transpose(axes)
    whole = _numbers(reader, constant, None).transpose(axes)
    return whole if part is None else whole[slice(*part)]


def _factor(reader: RangeReader, constant: Constant, which: tuple[int, tuple[int, ...]], part: Rows) -> NDArray[Any]:
    at, axes = which
    matrix: NDArray[Any] = _numbers(reader, constant, (at, at + 1))[0].transpose(axes)
    return matrix if part is None else matrix[slice(*part)]


def _numbers(reader: RangeReader, constant: Constant, part: Rows) -> NDArray[Any]:
    """The constant in the file's layout, or rows of its first axis, codes turned into float32."""
    if constant.dtype not in _BITS or not _BITS[constant.dtype]:
        raise SourceError(f"is stored as {constant.dtype}, which is not read", hint="export it dense")
    stored = _stored(reader, constant, part)
    if constant.scales is None:
        return native(stored)
    shape = [1] * len(constant.shape)
    scales, zeros = np.array(constant.scales.scales), np.array(constant.scales.zeros)
    if len(scales) > 1:
        if part is not None and constant.scales.axis == 0:
            scales, zeros = scales[slice(*part)], zeros[slice(*part)]
        shape[constant.scales.axis] = -1
    with np.errstate(all="ignore"):  # a damaged scale becomes NaN or infinite, which is told of the whole matrix
        product: NDArray[Any] = (stored - zeros.reshape(shape)) * scales.reshape(shape)
        return product.astype(np.float32)


def _stored(reader: RangeReader, constant: Constant, part: Rows) -> NDArray[Any]:
    """The stored elements, those below a byte one in a byte."""
    shape, bits = constant.shape, _BITS[constant.dtype]
    if bits < 8:
        whole = _unpacked(np.frombuffer(reader.read(constant.offset, constant.nbytes), np.uint8), constant)
        return whole if part is None else whole[slice(*part)]
    first, last = (0, constant.nbytes)
    if part is not None:
        row = constant.nbytes // shape[0] if shape[0] else 0
        first, last, shape = part[0] * row, part[1] * row, (part[1] - part[0], *shape[1:])
    stored = dtype_of(constant.dtype).newbyteorder("<")
    return np.frombuffer(reader.read(constant.offset + first, last - first), stored).reshape(shape)


def _unpacked(packed: NDArray[np.uint8], constant: Constant) -> NDArray[Any]:
    """Elements of 2 or 4 bits, the low ones of a byte first."""
    bits = _BITS[constant.dtype]
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    codes = ((packed[:, None] >> shifts) & ((1 << bits) - 1)).reshape(-1)[: prod(constant.shape)].astype(np.int8)
    if not constant.dtype.startswith("u"):
        codes[codes >= 1 << (bits - 1)] -= 1 << bits
    return codes.reshape(constant.shape)


def _claims(probe: Probe) -> bool:
    return probe.head[4:8] == MAGIC


FORMAT: Final = Format(name="tflite", title="TensorFlow Lite", suffixes=(".tflite",), claims=_claims, open=open_tflite)

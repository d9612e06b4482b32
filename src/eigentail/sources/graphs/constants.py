"""The values of a constant as graph formats write them: dense bytes, packed numbers, one value for all, nibbles."""

from __future__ import annotations

from math import prod
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.sources.coded import Rows
from eigentail.sources.dtypes import dtype_of
from eigentail.sources.graphs.formed import Formed
from eigentail.sources.placed import native, nbytes_of
from eigentail.sources.ranges import REFETCH, RangeReader

MAX_REPEATED: Final = 1 << 24
MAX_PIECES: Final = 100_000
STEP: Final = 1 << 18
LONGEST_VARINT: Final = 10
NIBBLES: Final = frozenset({"int4", "uint4", "float4_e2m1fn"})


class Constant(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Where the values of a constant lie.

    Attributes:
        name: what the file calls it.
        dtype: the type of its values; a word that numpy does not know when no array can be made of it.
        shape: the sizes of its axes, as the file says, not checked yet.
        reader: the file that holds the values.
        pieces: (offset, size) of the stretches they lie in, one after the other.
        varints: they are written as numbers of varying length.
        repeated: the last value stands for all that are missing.
        flaw: why no array can be made of it, as a sentence, or "".

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(bytes([0x96, 0x01, 0x02]))
        >>> reader = LocalRange(path)
        >>> stored = Constant(name="n", dtype="int32", shape=(3,), reader=reader, pieces=((0, 3),), varints=True,
        ...     repeated=True)
        >>> formed(stored).make(None).tolist()
        [150, 2, 2]
        >>> reader.close()
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    reader: RangeReader
    pieces: tuple[tuple[int, int], ...] = ()
    varints: bool = False
    repeated: bool = False
    flaw: str = ""

    @property
    def stored(self) -> int:
        """The bytes its values take in the file."""
        return sum(size for _, size in self.pieces)


def formed(constant: Constant) -> Formed:
    """The values of a constant, checked against the bytes there are.

    Args:
        constant: what a file says.

    Raises:
        SourceError: the shape is impossible, or there are too few or too many bytes for it.

    Example:
        >>> formed(Constant(name="w", dtype="float32", shape=(2**40, 2**40), reader=None))
        Traceback (most recent call last):
        eigentail.errors.SourceError: the constant 'w' has an impossible shape (1099511627776, 1099511627776): the ...
    """
    known = _stored_dtype(constant.dtype)
    bits = 4 if constant.dtype in NIBBLES else 8 * (known.itemsize if known else 1)
    nbytes = nbytes_of(constant.shape, 8)
    if nbytes is None or nbytes_of(constant.shape, max(bits, 8)) is None:
        raise SourceError(f"the constant {constant.name!r} has an impossible shape {constant.shape}", hint=REFETCH)
    needed = (nbytes * bits + 7) // 8
    if known is not None and not constant.flaw:
        _check_size(constant, nbytes, needed, known.itemsize)
    dense = known is not None and bits >= 8 and not constant.varints and constant.stored == needed
    if known is None or constant.flaw:
        make = _unreadable(constant)
    elif dense and len(constant.pieces) == 1:
        make = _rows_of(constant, known)
    else:
        make = _decoded(constant, known)
    return Formed(shape=constant.shape, dtype=constant.dtype, nbytes=constant.stored, make=make)


def small(constant: Constant, limit: int) -> NDArray[Any]:
    """The values of a constant that is expected to be short, such as a shape or an order of axes.

    Args:
        constant: what a file says.
        limit: how many values it may have.

    Raises:
        SourceError: it has more, or cannot be read.

    Example:
        >>> small(Constant(name="w", dtype="float32", shape=(2**20,), reader=None, repeated=True), 64)
        Traceback (most recent call last):
        eigentail.errors.SourceError: the constant 'w' has 1,048,576 values where at most 64 are expected
    """
    count = prod(constant.shape)
    if count > limit:
        raise SourceError(f"the constant {constant.name!r} has {count:,} values where at most {limit:,} are expected")
    return formed(constant).make(None)


def varints(data: bytes, stored: np.dtype[Any]) -> NDArray[Any]:
    """Every number in a stretch of packed varints.

    Args:
        data: whole numbers of seven bits a byte, the lowest first; the highest bit says that another byte follows.
        stored: the type they are to have: of a floating-point type they are the bits.

    Raises:
        SourceError: one does not end, or is longer than ten bytes.

    Source: the Protocol Buffers encoding, https://protobuf.dev/programming-guides/encoding.

    Example:
        >>> varints(bytes([0x96, 0x01, 0x02]), np.dtype("int32")).tolist()
        [150, 2]
    """
    raw, at = np.frombuffer(data, np.uint8), 0
    found = [np.empty(0, stored)]
    while at < raw.size:
        window = raw[at : at + STEP]
        ends = np.flatnonzero(window < 128)
        if not ends.size:
            raise SourceError("a number in a list does not end", hint=REFETCH)
        found.append(_numbers(_joined(window, ends), stored))
        at += int(ends[-1]) + 1
    return np.concatenate(found)


def _joined(raw: NDArray[np.uint8], ends: NDArray[np.intp]) -> NDArray[np.uint64]:
    """The numbers whose last bytes are at `ends`."""
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > LONGEST_VARINT:
        raise SourceError("a number in a list is longer than any can be", hint=REFETCH)
    found = np.zeros(ends.size, np.uint64)
    for place in range(int(lengths.max())):
        having = np.flatnonzero(lengths > place)
        found[having] |= (raw[starts[having] + place] & 127).astype(np.uint64) << np.uint64(7 * place)
    return found


def _check_size(constant: Constant, count: int, needed: int, itemsize: int) -> None:
    """Refuse a constant whose bytes do not fit its shape."""
    held = constant.stored
    if constant.repeated:
        most = LONGEST_VARINT * count if constant.varints else needed
        if held <= most and count <= max(held, MAX_REPEATED) and (constant.varints or held % itemsize == 0):
            return
    elif constant.varints:
        numbers = needed if constant.dtype in NIBBLES else count
        if numbers <= held <= LONGEST_VARINT * numbers:
            return
    elif held == needed:
        return
    raise SourceError(
        f"the constant {constant.name!r} has {held} bytes for the shape {constant.shape} of {constant.dtype}, "
        f"which needs {needed}",
        hint=REFETCH,
    )


def _stored_dtype(name: str) -> np.dtype[Any] | None:
    try:
        found = dtype_of(name)
    except TypeError:
        return None
    return found if found.itemsize and found.kind in "biufcV" else None  # "str" is a type of numpy's, not of numbers


def _unreadable(constant: Constant) -> Any:
    what = constant.flaw or f"is stored as {constant.dtype}, of which no array of numbers can be made"

    def make(part: Rows) -> NDArray[Any]:
        raise SourceError(f"the constant {constant.name!r} {what}")

    return make


def _rows_of(constant: Constant, stored: np.dtype[Any]) -> Any:
    """Reads only the bytes of the rows asked for, as a view of the file."""
    ((offset, size),) = constant.pieces
    shape = constant.shape

    def make(part: Rows) -> NDArray[Any]:
        row = size // shape[0] if part and shape[0] else 0
        first, n = (0, size) if part is None else (part[0] * row, (part[1] - part[0]) * row)
        rows = shape if part is None else (part[1] - part[0], *shape[1:])
        return _little(constant.reader.read(offset + first, n), stored).reshape(rows)

    return make


def _decoded(constant: Constant, stored: np.dtype[Any]) -> Any:
    def make(part: Rows) -> NDArray[Any]:
        array = _values(constant, stored).reshape(constant.shape)
        return array if part is None else array[part[0] : part[1]]

    return make


def _values(constant: Constant, stored: np.dtype[Any]) -> NDArray[Any]:
    """All values in a row, however they are written."""
    count = prod(constant.shape)
    data = b"".join(bytes(constant.reader.read(offset, size)) for offset, size in constant.pieces)
    if constant.dtype in NIBBLES:
        byte = np.dtype(np.uint8)
        raw = varints(data, byte) if constant.varints else np.frombuffer(data, byte)
        found = _of_nibbles(nibbles(raw, count), stored)
    else:
        found = varints(data, stored) if constant.varints else _little(data, stored)
    missing = count - found.size
    if missing < 0 or (missing and not constant.repeated):
        raise SourceError(f"the constant {constant.name!r} has {found.size} values for the shape {constant.shape}")
    last = found[-1:] if found.size else np.zeros(1, stored)
    return np.concatenate([found, np.repeat(last, missing)]) if missing else found


def _little(data: bytes | memoryview, stored: np.dtype[Any]) -> NDArray[Any]:
    """Values as they lie in every such file, the lowest byte first."""
    return native(np.frombuffer(data, stored.newbyteorder("<") if stored.isbuiltin == 1 else stored))


def _numbers(raw: NDArray[np.uint64], stored: np.dtype[Any]) -> NDArray[Any]:
    """Varints as the values they stand for: whole numbers themselves, floating-point ones by their bits."""
    if stored.kind in "iub":
        return raw.astype(stored)
    return raw.astype({1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}[stored.itemsize]).view(stored)


def nibbles(raw: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Four-bit codes, two a byte, the lower half first.

    Args:
        raw: the bytes, in a row.
        count: how many codes there are.

    Example:
        >>> nibbles(np.array([0x21, 0x03], np.uint8), 3).tolist()
        [1, 2, 3]
    """
    pairs = np.stack([raw & 15, raw >> 4], axis=-1)
    return pairs.reshape(-1)[:count]


def _of_nibbles(codes: NDArray[np.uint8], stored: np.dtype[Any]) -> NDArray[Any]:
    """Codes as values of a four-bit type, which numpy keeps in a byte each."""
    if stored.name == "int4":
        return ((codes.astype(np.int8) ^ 8) - 8).astype(stored)
    return codes.astype(stored) if stored.name == "uint4" else codes.view(stored)

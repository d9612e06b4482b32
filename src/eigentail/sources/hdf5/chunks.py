"""Arrays that HDF5 keeps in pieces, packed or not: put together as if they lay there whole."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from math import prod
from typing import Final, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.sources.ranges import RangeReader

GZIP: Final = 1
SHUFFLE: Final = 2
CHECKSUM: Final = 3
FILTERS: Final = {GZIP: "gzip", SHUFFLE: "shuffle", CHECKSUM: "fletcher32"}
_SUM_BYTES: Final = 4


class Chunk(NamedTuple):
    """One piece.

    Attributes:
        start: the indices of its first element in the array.
        skipped: a bit for each filter that was not used on it.
        byte_offset: where its bytes begin in the file.
        nbytes: how many there are.

    Example:
        >>> Chunk((0, 64), 0, 4096, 512).start
        (0, 64)
    """

    start: tuple[int, ...]
    skipped: int
    byte_offset: int
    nbytes: int


class Layout(NamedTuple):
    """How an array is cut into pieces.

    Attributes:
        shape: the sizes of the array.
        chunk: the sizes of one piece; those at the ends reach beyond the array.
        itemsize: bytes of an element.
        filters: what packed it, in the order of packing.

    Example:
        >>> Layout((100, 30), (64, 30), 4, (GZIP,)).piece_bytes
        7680
    """

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    itemsize: int
    filters: tuple[int, ...]

    @property
    def piece_bytes(self) -> int:
        """What one piece takes once unpacked."""
        return prod(self.chunk) * self.itemsize


@final
class ChunkedRange:
    """The bytes of an array in C order, of which any whole rows can be read; only the pieces they touch are.

    Args:
        reader: the bytes of the file.
        chunks: every piece of the array.
        layout: how it is cut.
        name: what it is called, for error messages.

    Raises:
        SourceError: on `read`, a piece does not unpack to what it should.

    Source: HDF5 File Format Specification 3.0, sections III.A.1 and IV.A.2.l (filters).

    Example:
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> file = BytesRange(b"adbecf")  # 2 x 3, a column at a time
        >>> chunks = [Chunk((0, at), 0, 2 * at, 2) for at in range(3)]
        >>> whole = ChunkedRange(file, chunks, Layout((2, 3), (2, 1), 1, ()), "w")
        >>> bytes(whole.read(0, 6)), bytes(whole.read(3, 3))
        (b'abcdef', b'def')
    """

    def __init__(self, reader: RangeReader, chunks: Sequence[Chunk], layout: Layout, name: str) -> None:
        self._reader, self._chunks, self._layout, self._name = reader, chunks, layout, name
        self.size = prod(layout.shape) * layout.itemsize

    def read(self, offset: int, n: int) -> memoryview:
        """The bytes, put together from the pieces that hold them."""
        if n == 0:
            return memoryview(b"")
        row = self.size // self._layout.shape[0]
        first, end = offset // row, -(-(offset + n) // row)
        rows = np.zeros((end - first, *self._layout.shape[1:], self._layout.itemsize), np.uint8)
        for piece in self._chunks:
            if piece.start[0] < end and piece.start[0] + self._layout.chunk[0] > first:
                self._put(piece, rows, first)
        start = offset - first * row
        return memoryview(rows.reshape(-1).data)[start : start + n].toreadonly()

    def close(self) -> None:
        """Nothing: the file is closed by its owner."""

    def _put(self, piece: Chunk, rows: NDArray[np.uint8], first: int) -> None:
        """Copy what a piece has of the rows to its place."""
        values = self._unpacked(piece).reshape(*self._layout.chunk, self._layout.itemsize)
        to, come = [], []
        for axis, (start, width) in enumerate(zip(piece.start, self._layout.chunk, strict=True)):
            low = start - first if axis == 0 else start
            begin, end = max(low, 0), min(low + width, rows.shape[axis])
            to.append(slice(begin, end))
            come.append(slice(begin - low, end - low))
        rows[tuple(to)] = values[tuple(come)]

    def _unpacked(self, piece: Chunk) -> NDArray[np.uint8]:
        """The bytes of a piece, its filters undone last first."""
        expected = self._layout.piece_bytes
        data = bytes(self._reader.read(piece.byte_offset, piece.nbytes))
        for at in reversed(range(len(self._layout.filters))):
            if not piece.skipped >> at & 1:
                data = self._undone(self._layout.filters[at], data, expected)
        if len(data) != expected:
            raise self._damaged(f"unpacks to {len(data)} bytes where {expected} are needed")
        return np.frombuffer(data, np.uint8)

    def _undone(self, code: int, data: bytes, expected: int) -> bytes:
        if code == CHECKSUM:
            return data[:-_SUM_BYTES]
        if code == SHUFFLE:
            whole = len(data) // self._layout.itemsize * self._layout.itemsize
            turned = np.frombuffer(data, np.uint8, whole).reshape(self._layout.itemsize, -1).T.tobytes()
            return turned + data[whole:]
        try:
            return zlib.decompressobj().decompress(data, expected + _SUM_BYTES)
        except zlib.error as error:
            raise self._damaged(f"cannot be unpacked ({error})") from error

    def _damaged(self, what: str) -> SourceError:
        return SourceError(f"a piece of array {self._name!r} {what}", hint="the file is damaged: fetch it again")

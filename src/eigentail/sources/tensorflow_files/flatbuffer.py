"""Flatbuffers without generated code: tables, vectors and strings, every offset checked against the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from eigentail.errors import SourceError
from eigentail.sources.ranges import REFETCH, RangeReader

_PAGE: Final = 4096
_MOST_PAGES: Final = 16_384  # 64 MiB: far more than any description of a network takes
MAX_ITEMS: Final = 50_000  # tables in a list; the largest networks have a few thousand
_MAX_OFFSETS: Final = 10 * MAX_ITEMS
MAX_STRING: Final = 65_535
MAX_VECTOR: Final = 1 << 20


@final
class FlatBuffer:
    """A file of tables, read in pages: the weights between them are not touched.

    Args:
        reader: the file.

    Raises:
        SourceError: an offset leads out of the file; without `where`.

    Source: the FlatBuffers binary format (flatbuffers.dev, "Internals").

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from eigentail.sources.ranges import LocalRange
        >>> path = Path(tempfile.mkdtemp()) / "m"
        >>> vtable, table = struct.pack("<HHH", 6, 8, 4), struct.pack("<ii", 8, 7)  # one field of four bytes
        >>> _ = path.write_bytes(struct.pack("<I4s", 16, b"TEST") + vtable + bytes(2) + table)
        >>> reader = LocalRange(path)
        >>> FlatBuffer(reader).root.number(0, "i")
        7
        >>> reader.close()
    """

    def __init__(self, reader: RangeReader) -> None:
        self._reader = reader
        self._pages: dict[int, bytes] = {}
        self._followed = 0

    @property
    def size(self) -> int:
        """The bytes of the file."""
        return self._reader.size

    @property
    def root(self) -> Table:
        """The table the file begins with."""
        return Table(self, self.offset(0))

    def take(self, at: int, n: int) -> bytes:
        """Some bytes of the structure."""
        if at < 0 or at + n > self._reader.size:
            raise damaged(f"an offset leads to bytes {at} to {at + n}, but the file ends at {self._reader.size}")
        first, last = at // _PAGE, (at + n - 1) // _PAGE
        if first == last:
            return self._page(first)[at % _PAGE : at % _PAGE + n]
        return bytes(self._reader.read(at, n))

    def number(self, at: int, code: str) -> Any:
        """The number of this struct code at a place."""
        return struct.unpack("<" + code, self.take(at, struct.calcsize("<" + code)))[0]

    def offset(self, at: int) -> int:
        """Where the offset at a place leads: always forwards."""
        self._followed += 1
        if self._followed > _MAX_OFFSETS:
            raise SourceError(f"has more than {_MAX_OFFSETS} tables, lists and names: no network has so many")
        return at + int(self.number(at, "I"))

    def vector(self, at: int, width: int) -> tuple[int, int]:
        """(count, first byte) of a vector, which is checked to lie in the file."""
        count, start = int(self.number(at, "I")), at + 4
        if start + count * width > self.size:
            raise damaged(f"a vector of {count} items at {at} goes beyond the end of the file at {self.size}")
        return count, start

    def _page(self, number: int) -> bytes:
        if number not in self._pages:
            if len(self._pages) >= _MOST_PAGES:
                self._pages.clear()
            begin = number * _PAGE
            self._pages[number] = bytes(self._reader.read(begin, min(_PAGE, self._reader.size - begin)))
        return self._pages[number]


@final
class Table:
    """One table; a field that is left out has its default.

    Args:
        buffer: the file it is in.
        at: where it begins.

    Raises:
        SourceError: it, or what a field leads to, is not in the file.

    Example:
        See `FlatBuffer`.

        >>> Table.__name__
        'Table'
    """

    def __init__(self, buffer: FlatBuffer, at: int) -> None:
        self._buffer, self.at = buffer, at
        vtable = at - int(buffer.number(at, "i"))
        length, self._inline = struct.unpack("<HH", buffer.take(vtable, 4))
        if length < 4 or length % 2:
            raise damaged(f"the table at {at} has a list of fields of {length} bytes")
        self._fields = struct.unpack(f"<{length // 2 - 2}H", buffer.take(vtable + 4, length - 4))

    def has(self, field: int) -> bool:
        """Whether a field is there."""
        return field < len(self._fields) and self._fields[field] != 0

    def number(self, field: int, code: str, default: Any = 0) -> Any:
        """A field that is a number."""
        at = self._place(field, struct.calcsize("<" + code))
        return self._buffer.number(at, code) if at else default

    def table(self, field: int) -> Table | None:
        """A field that is a table."""
        at = self._place(field, 4)
        return Table(self._buffer, self._buffer.offset(at)) if at else None

    def tables(self, field: int) -> Iterator[Table]:
        """A field that is a list of tables."""
        count, start = self.place(field, 4)
        if count > MAX_ITEMS:
            raise SourceError(f"has a list of {count} tables: no network has so many")
        for at in range(start, start + 4 * count, 4):
            yield Table(self._buffer, self._buffer.offset(at))

    def array(self, field: int, dtype: str) -> NDArray[Any]:
        """A field that is a list of numbers."""
        width = np.dtype(dtype).itemsize
        count, start = self.place(field, width)
        if count > MAX_VECTOR:
            raise SourceError(f"has a list of {count} numbers where sizes, places or scales belong")
        return np.frombuffer(self._buffer.take(start, count * width), dtype) if count else np.zeros(0, dtype)

    def place(self, field: int, width: int) -> tuple[int, int]:
        """(count, first byte) of a field that is a list; (0, 0) where it is left out."""
        at = self._place(field, 4)
        return self._buffer.vector(self._buffer.offset(at), width) if at else (0, 0)

    def text(self, field: int) -> str:
        """A field that is a string."""
        count, start = self.place(field, 1)
        if count > MAX_STRING:
            raise damaged(f"a name is {count} bytes long")
        try:
            return self._buffer.take(start, count).decode("utf-8") if count else ""
        except UnicodeDecodeError as error:
            raise damaged("a name is not UTF-8") from error

    def _place(self, field: int, width: int) -> int:
        """Where a field lies, 0 for one that is left out."""
        if not self.has(field):
            return 0
        if self._fields[field] + width > self._inline:
            raise damaged(f"field {field} of the table at {self.at} lies outside it")
        return self.at + int(self._fields[field])


def damaged(what: str) -> SourceError:
    """The error for a structure that is broken.

    Example:
        >>> damaged("a name is not UTF-8").hint
        'the file is damaged or was cut short: fetch it again'
    """
    return SourceError(what, hint=REFETCH)

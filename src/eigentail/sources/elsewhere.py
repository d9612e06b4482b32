"""Ranges of bytes that hold no file open: one that is opened to be read, one that lies elsewhere, bytes in memory."""

from __future__ import annotations

from typing import final

from eigentail.errors import SourceError
from eigentail.sources.ranges import RangeReader, open_range
from eigentail.sources.targets import scheme_of


def closed_range(where: str) -> RangeReader:
    """The bytes of a target, at the price of no open file.

    Args:
        where: as for `open_range`.

    Raises:
        SourceError: it cannot be opened.

    Example:
        >>> closed_range("no/such/file")
        Traceback (most recent call last):
        eigentail.errors.SourceError: no/such/file: no such file or directory
    """
    return open_range(where) if scheme_of(where) else ClosedRange(where)


@final
class ClosedRange:
    """A file that is open only while it is read: a model may keep its weights in thousands of them.

    Args:
        where: as for `open_range`.

    Raises:
        SourceError: it cannot be opened; on `read`, there are fewer bytes.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(b"eigentail")
        >>> bytes(ClosedRange(str(path)).read(5, 4))
        b'tail'
    """

    def __init__(self, where: str) -> None:
        self._where = where
        reader = open_range(where)
        self.size = reader.size
        reader.close()

    def read(self, offset: int, n: int) -> memoryview:
        """The bytes."""
        reader = open_range(self._where)
        try:
            return reader.read(offset, n)
        finally:
            reader.close()

    def close(self) -> None:
        """Nothing: it is closed already."""


@final
class BytesRange:
    """Bytes in memory.

    Raises:
        SourceError: on `read`, there are fewer.

    Example:
        >>> bytes(BytesRange(b"eigentail").read(5, 4))
        b'tail'
    """

    def __init__(self, data: bytes) -> None:
        self._data, self.size = data, len(data)

    def read(self, offset: int, n: int) -> memoryview:
        """The bytes, where they lie."""
        if offset < 0 or n < 0 or offset + n > self.size:
            raise SourceError(f"bytes {offset} to {offset + n} were asked for, but there are {self.size}")
        return memoryview(self._data)[offset : offset + n]

    def close(self) -> None:
        """Nothing."""

"""Bytes by range: the one way every format reads, whether the bytes lie on a disk or elsewhere."""

from __future__ import annotations

import io
import mmap
from pathlib import Path
from typing import Final, Protocol, final

from eigentail.errors import SourceError
from eigentail.sources.targets import scheme_of

# What to do about a file that is not what it says it is.
REFETCH: Final = "the file is damaged or was cut short: fetch it again"


class RangeReader(Protocol):
    """Random access to bytes that do not change.

    `read` must return exactly `n` bytes or raise `SourceError`: a short read is never handed on.
    """

    @property
    def size(self) -> int:
        """The number of bytes there are."""

    def read(self, offset: int, n: int) -> memoryview:
        """The `n` bytes from `offset` on, read-only."""

    def close(self) -> None:
        """Let go of the file. Views already handed out stay valid."""


@final
class LocalRange:
    """A local file. Each read maps its own window, so the pages go when the last array on them goes.

    One mapping of the whole file would be simpler, but every page ever touched would count as this process's memory
    until the end; a window a tensor keeps the resident size at the size of one tensor.

    Raises:
        SourceError: no such file, a folder, no permission, or a read beyond the end.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(b"eigentail")
        >>> reader = LocalRange(path)
        >>> bytes(reader.read(5, 4))
        b'tail'
        >>> reader.close()
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        try:
            self._file = self._path.open("rb")
        except OSError as error:
            raise SourceError(_plain(error), where=str(path)) from error
        self._size = self._file.seek(0, io.SEEK_END)

    @property
    def size(self) -> int:
        """The size of the file in bytes, when it was opened."""
        return self._size

    def read(self, offset: int, n: int) -> memoryview:
        """Map the window and return it."""
        if offset < 0 or n < 0 or offset + n > self._size:
            raise SourceError(
                f"bytes {offset} to {offset + n} were asked for, but the file ends at {self._size}",
                where=str(self._path),
                hint=REFETCH,
            )
        if n == 0:
            return memoryview(b"")
        start = offset - offset % mmap.ALLOCATIONGRANULARITY
        window = mmap.mmap(self._file.fileno(), offset - start + n, access=mmap.ACCESS_READ, offset=start)
        return memoryview(window)[offset - start :]

    def close(self) -> None:
        """Close the file; windows already mapped stay."""
        self._file.close()


@final
class RangeFile(io.RawIOBase):
    """A range reader as a binary file, for libraries that want one (zipfile, numpy's header parser).

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(b"eigentail")
        >>> reader = LocalRange(path)
        >>> file = io.BufferedReader(RangeFile(reader))
        >>> file.seek(5), file.read(2), file.tell()
        (5, b'ta', 7)
        >>> reader.close()
    """

    def __init__(self, reader: RangeReader) -> None:
        self._reader, self._at = reader, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The offset of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, as files do."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._reader.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as there are bytes."""
        n = min(len(buffer), self._reader.size - self._at)
        if n <= 0:
            return 0
        buffer[:n] = self._reader.read(self._at, n)
        self._at += n
        return n


def open_range(where: str) -> RangeReader:
    """The bytes of a target, wherever they lie: the one door for every format.

    Args:
        where: what a reference names.

    Raises:
        SourceError: they cannot be opened.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "x"
        >>> _ = path.write_bytes(b"eigentail")
        >>> reader = open_range(str(path))
        >>> reader.size
        9
        >>> reader.close()
    """
    if scheme_of(where):
        from eigentail.sources.place import FarPath, place  # which knows every store; a store knows this file

        far = place(where)
        if isinstance(far, FarPath):
            return far.open()
    return LocalRange(where)


def _plain(error: OSError) -> str:
    """The system's own words for what went wrong, in lower case."""
    return (error.strerror or str(error)).lower()

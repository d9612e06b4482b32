"""Bytes that lie elsewhere: few requests, and hardly a byte more than was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, Protocol, final

from eigentail.errors import SourceError
from eigentail.sources.archives.inflated import StoredRange
from eigentail.sources.far.blocks import BLOCKS
from eigentail.sources.far.windows import Windows
from eigentail.sources.ranges import RangeReader

SMALL: Final = 8 << 10  # a header is walked in reads of this size and less
_HEAD: Final = 64 << 10
_FIRST: Final = 4 << 10
_LONGEST: Final = 1 << 20
_CONNECTIONS: Final = 4


class Fetch(Protocol):
    """What brings bytes: one request, or a few where it was cut short."""

    def __call__(self, offset: int, n: int, /) -> bytes | bytearray:
        """Exactly the `n` bytes from `offset` on.

        Raises:
            SourceError: they cannot be had.
        """


class Extent(NamedTuple):
    """Where a tensor's bytes lie in a far file.

    Example:
        >>> Extent(FarRange(lambda offset, n: bytes(n), 9, "far"), 4, 2).n
        2
    """

    reader: FarRange
    offset: int
    n: int


@final
class FarRange:
    """A file elsewhere, read by ranges.

    Small reads are rounded up to a block, which all readers of the file share; larger ones are fetched as they are,
    unless they were announced (`expect`): then neighbours come together in one window.

    Args:
        fetch: brings the bytes; it may be called from several threads.
        size: of the file, in bytes.
        where: what it is called in errors.
        version: changes when its content does; "" when that is not known.

    Raises:
        SourceError: on `read`, the bytes do not exist or cannot be had.

    Example:
        >>> asked = []
        >>> def fetch(offset, n):
        ...     asked.append((offset, n))
        ...     return b"eigentail"[offset : offset + n]
        >>> reader = FarRange(fetch, 9, "far", "an example")
        >>> bytes(reader.read(0, 2)), bytes(reader.read(5, 4)), asked
        (b'ei', b'tail', [(0, 9)])
    """

    def __init__(self, fetch: Fetch, size: int, where: str, version: str = "") -> None:
        self._fetch, self.size, self._where = fetch, size, where
        self._key: object = (where, version) if version else object()
        self._windows = Windows(fetch)
        self._last, self._ahead = (-1, -1), 0

    def read(self, offset: int, n: int) -> memoryview:
        """The bytes, from a block or a window that is there, or fetched."""
        if offset < 0 or n < 0 or offset + n > self.size:
            raise SourceError(
                f"bytes {offset} to {offset + n} were asked for, but the file ends at {self.size}",
                where=self._where,
                hint="the file is damaged or was cut short",
            )
        if n == 0:
            return memoryview(b"")
        window = self._windows.take(offset, n)
        if window is not None:
            return window
        found = BLOCKS.find(self._key, offset, n)
        if found is not None:
            return found
        if n > SMALL:
            return memoryview(self._fetch(offset, n)).toreadonly()
        block = self._fetch(offset, min(max(n, self._rounded(offset)), self.size - offset))
        self._last = offset, offset + len(block)
        BLOCKS.keep(self._key, offset, bytes(block))
        return memoryview(bytes(block[:n]))

    def expect(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Announce the reads to come, in place of any before: (offset, n) of each, as often as it will be read."""
        self._windows.expect(ranges)

    def close(self) -> None:
        """Let go of the windows. Views already handed out stay valid."""
        self._windows.close()

    def _rounded(self, offset: int) -> int:
        """The length of a block: a thousandth of the file at most, but more while a header is walked without a gap."""
        if offset == 0:
            return min(_HEAD, max(512, self.size // 1000))
        first = min(_FIRST, max(256, self.size // 10_000))
        follows = self._last[0] <= offset <= self._last[1]
        self._ahead = min(max(first, 2 * self._ahead), _LONGEST, max(first, self.size // 200)) if follows else first
        return self._ahead


def read_ahead(reader: RangeReader, ranges: Iterable[tuple[int, int]]) -> None:
    """Fetch small pieces of a far file side by side, for the reads that follow; nothing where bytes are at hand.

    Args:
        reader: a file.
        ranges: (offset, n) of each.

    Raises:
        SourceError: as `read`.

    Example:
        >>> asked = []
        >>> def fetch(offset, n):
        ...     asked.append(offset)
        ...     return bytes(n)
        >>> reader = FarRange(fetch, 10**6, "far", "another example")
        >>> read_ahead(reader, [(10, 30), (500_000, 30)])
        >>> _ = reader.read(500_000, 30)
        >>> sorted(asked)
        [10, 500000]
    """
    if isinstance(reader, FarRange):
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            list(pool.map(lambda one: reader.read(*one), ranges))


def extent_in(reader: RangeReader, offset: int, n: int) -> Extent | None:
    """Where bytes of a reader lie in a far file; None where they do not lie in one as they are.

    Args:
        reader: a file, or a member of an archive.
        offset: in the reader.
        n: how many.

    Example:
        >>> far = FarRange(lambda offset, n: bytes(n), 9, "far")
        >>> extent_in(StoredRange(far, 4, 5), 1, 2)[1:]
        (5, 2)
    """
    while isinstance(reader, StoredRange):
        offset += reader.offset
        reader = reader.whole
    return Extent(reader, offset, n) if isinstance(reader, FarRange) else None

"""Several ranges of bytes, one after the other, as one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import final

from eigentail.errors import SourceError
from eigentail.sources.ranges import RangeReader


@final
class Stretches:
    """Ranges read as if they lay side by side; a read within one of them is that one's, without a copy.

    Args:
        parts: in their order; closed by their owner.

    Raises:
        SourceError: on `read`, beyond the end.

    Example:
        >>> from eigentail.sources.elsewhere import BytesRange
        >>> both = Stretches([BytesRange(b"eigen"), BytesRange(b"tail")])
        >>> both.size, bytes(both.read(4, 3)), bytes(both.read(6, 2))
        (9, b'nta', b'ai')
    """

    def __init__(self, parts: Sequence[RangeReader]) -> None:
        self._parts = [part for part in parts if part.size]
        self._starts = [0, *accumulate(part.size for part in self._parts)]
        self.size = self._starts[-1]

    def read(self, offset: int, n: int) -> memoryview:
        """The bytes, from as few of the ranges as hold them."""
        if offset < 0 or n < 0 or offset + n > self.size:
            raise SourceError(f"bytes {offset} to {offset + n} were asked for, but there are {self.size}")
        if n == 0:
            return memoryview(b"")
        at = bisect_right(self._starts, offset) - 1
        if offset + n <= self._starts[at + 1]:
            return self._parts[at].read(offset - self._starts[at], n)
        whole, filled = bytearray(n), 0
        while filled < n:
            begin = offset + filled - self._starts[at]
            step = min(n - filled, self._parts[at].size - begin)
            whole[filled : filled + step] = self._parts[at].read(begin, step)
            filled, at = filled + step, at + 1
        return memoryview(whole).toreadonly()

    def close(self) -> None:
        """Nothing: the ranges are closed by their owner."""

"""A binary file that cannot be made to reserve memory by a length that lies."""

from __future__ import annotations

from typing import IO, Final, final

MAX_PICKLE_BYTES: Final = 256 << 20
MAX_LINE_BYTES: Final = 1 << 20


@final
class Bounded:
    """A binary file that ends at a limit and never reserves memory for bytes that are not there.

    Args:
        file: read from its position on.
        limit: how many bytes may be read in all: no more than it holds.

    Example:
        >>> import io
        >>> Bounded(io.BytesIO(b"tail"), 4).read(2**62)
        Traceback (most recent call last):
        EOFError: 4611686018427387904 bytes are asked for where 4 are left
    """

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file, self._left, self._limit = file, limit, limit

    @property
    def position(self) -> int:
        """How many bytes have been read."""
        return self._limit - self._left

    def read(self, n: int) -> bytes:
        """Exactly `n` bytes."""
        if n > self._left:
            raise EOFError(f"{n} bytes are asked for where {self._left} are left")
        return self._spent(self._file.read(n))

    def readline(self) -> bytes:
        """Up to the next line break, which must come within a mebibyte."""
        line = self._spent(self._file.readline(min(self._left, MAX_LINE_BYTES)))
        if not line.endswith(b"\n"):
            raise EOFError("a line has no end")
        return line

    def _spent(self, data: bytes) -> bytes:
        self._left -= len(data)
        return data

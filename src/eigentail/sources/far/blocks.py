"""The headers of far files, kept for a while: a file is probed first and opened after."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final, final

_LIMIT: Final = 16 << 20


@final
class Blocks:
    """Stretches of files, those used last; safe among threads.

    Args:
        limit: bytes kept in all.

    Example:
        >>> blocks = Blocks(10)
        >>> blocks.keep("file", 100, b"eigentail")
        >>> bytes(blocks.find("file", 105, 4)), blocks.find("file", 105, 5)
        (b'tail', None)
        >>> blocks.keep("other", 0, b"tail")
        >>> blocks.find("file", 105, 4)
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0
        self._files: OrderedDict[object, dict[int, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, file: object, offset: int, n: int) -> memoryview | None:
        """The bytes, where a block holds all of them."""
        with self._lock:
            blocks = self._files.get(file)
            if blocks is None:
                return None
            self._files.move_to_end(file)
            for start, block in blocks.items():
                if start <= offset and offset + n <= start + len(block):
                    return memoryview(block)[offset - start :][:n]
        return None

    def keep(self, file: object, start: int, block: bytes) -> None:
        """Keep a stretch; the file that was not used for longest goes first."""
        with self._lock:
            blocks = self._files.setdefault(file, {})
            self._held += len(block) - len(blocks.pop(start, b""))
            blocks[start] = block
            self._files.move_to_end(file)
            while self._held > self._limit:
                oldest, held = next(iter(self._files.items()))
                self._held -= len(held.pop(next(iter(held))))
                if not held:
                    del self._files[oldest]


BLOCKS: Final = Blocks(_LIMIT)

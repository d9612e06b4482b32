"""Neighbouring reads of a far file fetched together, each byte once; never more than two such windows in memory."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Final, final

WINDOW: Final = 32 << 20
HELD: Final = 2
_WASTE: Final = 100  # of so many bytes fetched, one may lie between two that were asked for

Range = tuple[int, int]

# One process reads one model, of many files: the room is for all of them.
_ROOM: Final = threading.BoundedSemaphore(HELD)


@final
class _Window:
    """A stretch of the file, how often each range in it is still to be read, and whether it takes up room."""

    def __init__(self, start: int, end: int, left: Counter[Range], takes_room: bool) -> None:
        self.start, self.end, self.left, self.takes_room = start, end, left, takes_room
        self.filled: Future[memoryview] = Future()


@final
class Windows:
    """The windows of one file; safe among threads.

    Args:
        fetch: brings bytes.

    Example:
        >>> asked = []
        >>> def fetch(offset, n):
        ...     asked.append((offset, n))
        ...     return bytes(n)
        >>> windows = Windows(fetch)
        >>> windows.expect([(100, 50), (0, 100), (9000, 10)])
        >>> len(windows.take(0, 100)), len(windows.take(100, 50)), asked
        (100, 50, [(0, 150)])
        >>> windows.take(200, 10)
    """

    def __init__(self, fetch: Callable[[int, int], bytes | bytearray]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._expected: Counter[Range] = Counter()
        self._order: list[Range] = []
        self._windows: list[_Window] = []

    def expect(self, ranges: Iterable[Range]) -> None:
        """Announce the reads to come, in place of those announced before."""
        self.close()
        with self._lock:
            for one in ranges:
                if one not in self._expected:
                    insort(self._order, one)
                self._expected[one] += 1

    def take(self, offset: int, n: int) -> memoryview | None:
        """The bytes of an announced read; None when it was not announced, or there is no room for its window.

        Raises:
            SourceError: they cannot be had.
        """
        one = (offset, n)
        with self._lock:
            window = next((window for window in self._windows if one in window.left), None)
            is_new = window is None
            if window is None:
                window = self._opened(one)
            if window is None:
                return None
        if is_new:
            self._fill(window)
        content = window.filled.result()
        piece = content[offset - window.start :][:n]
        if n < len(content):
            piece = memoryview(bytes(piece))  # a view would keep the whole window alive
        with self._lock:
            self._count_down(window, one)
        return piece

    def close(self) -> None:
        """Forget what was announced and fetched."""
        with self._lock:
            self._expected.clear()
            self._order.clear()
            for window in list(self._windows):
                self._drop(window)

    def _opened(self, one: Range) -> _Window | None:
        """A window around a range that is announced, where there is room for it; one to be read again needs none."""
        times = self._expected.get(one, 0)
        alone = one[1] >= WINDOW and times == 1
        has_room = times > 0 and not alone and _ROOM.acquire(blocking=False)
        if not has_room and times < 2:
            self._forget(one, 1)
            return None
        first = last = bisect_left(self._order, one)
        if has_room:
            first, last = self._grown(first)
        inside = self._order[first : last + 1]
        left = Counter({each: self._expected[each] for each in inside})
        for each in inside:
            self._forget(each, left[each])
        window = _Window(inside[0][0], max(offset + n for offset, n in inside), left, has_room)
        self._windows.append(window)
        return window

    def _grown(self, at: int) -> tuple[int, int]:
        """The first and the last of the neighbours that fit in one window, with next to nothing between them."""
        first = last = at
        start, end = self._order[at][0], sum(self._order[at])
        waste = 0
        while last + 1 < len(self._order):
            offset, n = self._order[last + 1]
            more = waste + max(0, offset - end)
            if max(end, offset + n) - start > WINDOW or more * _WASTE > max(end, offset + n) - start:
                break
            last, waste, end = last + 1, more, max(end, offset + n)
        while first > 0:
            offset, n = self._order[first - 1]
            more = waste + max(0, start - offset - n)
            if end - offset > WINDOW or more * _WASTE > end - offset:
                break
            first, waste, start = first - 1, more, offset
        return first, last

    def _fill(self, window: _Window) -> None:
        try:
            content = self._fetch(window.start, window.end - window.start)
        except BaseException as error:
            with self._lock:
                self._drop(window)
            window.filled.set_exception(error)  # those who wait for it get the same sentence
            raise
        window.filled.set_result(memoryview(content).toreadonly())

    def _count_down(self, window: _Window, one: Range) -> None:
        window.left[one] -= 1
        if window.left[one] <= 0:
            del window.left[one]
        if not window.left:
            self._drop(window)

    def _drop(self, window: _Window) -> None:
        if window in self._windows:
            self._windows.remove(window)
            if window.takes_room:
                _ROOM.release()

    def _forget(self, one: Range, times: int) -> None:
        if one not in self._expected:
            return
        self._expected[one] -= times
        if self._expected[one] <= 0:
            del self._expected[one]
            del self._order[bisect_left(self._order, one)]

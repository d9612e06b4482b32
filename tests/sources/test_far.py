"""Far bytes: the right ones, each fetched once, in few requests and bounded memory."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eigentail.errors import SourceError
from eigentail.sources.far import windows
from eigentail.sources.far.blocks import Blocks
from eigentail.sources.far.reading import FarRange
from eigentail.sources.far.windows import Windows

CONTENT = np.random.default_rng(0).bytes(1 << 20)


class Fetching:
    """Brings bytes of `CONTENT` and counts them."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def __call__(self, offset: int, n: int) -> bytes:
        self.asked.append((offset, n))
        return CONTENT[offset : offset + n]

    @property
    def sent(self) -> int:
        return sum(n for _, n in self.asked)


READS = st.lists(st.tuples(st.integers(0, len(CONTENT)), st.integers(0, 20_000)), max_size=30)


@given(READS, st.sets(st.integers(0, 29)), st.booleans())
@settings(max_examples=60, deadline=None)
def test_whatever_is_announced_the_bytes_are_those_of_the_file(
    reads: list[tuple[int, int]], announced: set[int], close: bool
) -> None:
    reader = FarRange(Fetching(), len(CONTENT), "far")
    within = [(offset, min(n, len(CONTENT) - offset)) for offset, n in reads]
    reader.expect([one for at, one in enumerate(within) if at in announced and one[1]])
    for at, (offset, n) in enumerate(within):
        assert bytes(reader.read(offset, n)) == CONTENT[offset : offset + n]
        if close and at == 10:
            reader.close()
    reader.close()


@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=40), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_neighbours_announced_come_in_one_request_each_byte_once(sizes: list[int], random: object) -> None:
    ends = np.cumsum(sizes)
    reads = [(int(end - n), n) for end, n in zip(ends, sizes, strict=True)]
    fetch = Fetching()
    found = Windows(fetch)
    found.expect(reads)
    random.shuffle(reads)  # type: ignore[attr-defined]
    for offset, n in reads:
        piece = found.take(offset, n)
        assert piece is not None
        assert bytes(piece) == CONTENT[offset : offset + n]
    assert fetch.asked == [(0, sum(sizes))]
    assert found.take(*reads[0]) is None  # all is let go of


def test_what_lies_between_is_not_fetched_unless_it_is_next_to_nothing() -> None:
    fetch = Fetching()
    found = Windows(fetch)
    found.expect([(0, 10_000), (10_050, 10_000), (30_000, 10_000)])
    found.take(10_050, 10_000)
    found.take(30_000, 10_000)
    found.take(0, 10_000)
    assert fetch.asked == [(0, 20_050), (30_000, 10_000)]


def test_no_more_than_two_windows_are_held_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "WINDOW", 1000)
    fetch = Fetching()
    files = [Windows(fetch) for _ in range(3)]
    for one in files:
        one.expect([(0, 100), (100, 100)])
    held = [one.take(0, 100) for one in files]
    assert [piece is not None for piece in held] == [True, True, False]  # the third reads what it needs, no more
    assert files[0].take(100, 100) is not None
    files[1].close()
    assert files[2].take(100, 100) is not None
    assert fetch.asked == [(0, 200), (0, 200), (100, 100)]


def test_what_is_read_again_is_kept_even_where_there_is_no_room() -> None:
    fetch = Fetching()
    files = [Windows(fetch) for _ in range(3)]
    for one in files:
        one.expect([(0, 100), (0, 100), (100, 100)])
    for one in files:
        assert one.take(0, 100) is not None
    assert fetch.asked == [(0, 200), (0, 200), (0, 100)]
    for one in files:
        assert one.take(0, 100) is not None
    assert len(fetch.asked) == 3
    for one in files:
        one.close()


def test_a_range_read_three_times_is_fetched_once_however_long_it_is() -> None:
    fetch = Fetching()
    reader = FarRange(fetch, len(CONTENT), "far")
    reader.expect([(100, 900_000)] * 3)
    for _ in range(3):
        assert bytes(reader.read(100, 900_000)) == CONTENT[100:900_100]
    assert fetch.asked == [(100, 900_000)]


def test_threads_that_want_one_window_wait_for_one_fetch() -> None:
    gate, fetch = threading.Event(), Fetching()

    def slowly(offset: int, n: int) -> bytes:
        gate.wait(5)
        return fetch(offset, n)

    found = Windows(slowly)
    reads = [(at * 1000, 1000) for at in range(8)]
    found.expect(reads)
    with ThreadPoolExecutor(8) as pool:
        taken = [pool.submit(found.take, *one) for one in reads]
        gate.set()
        for (offset, n), future in zip(reads, taken, strict=True):
            assert bytes(future.result(5) or b"") == CONTENT[offset : offset + n]
    assert fetch.asked == [(0, 8000)]


def test_a_fetch_that_fails_fails_for_all_and_gives_its_room_back() -> None:
    def broken(offset: int, n: int) -> bytes:
        raise SourceError("is gone")

    for _ in range(5):
        found = Windows(broken)
        found.expect([(0, 100), (100, 100)])
        with pytest.raises(SourceError, match="is gone"):
            found.take(0, 100)
        assert found.take(100, 100) is None
    whole = Windows(Fetching())
    whole.expect([(0, 100), (100, 100)])
    assert whole.take(0, 100) is not None
    whole.close()


def test_a_header_walked_in_small_steps_costs_few_requests() -> None:
    fetch = Fetching()
    reader = FarRange(fetch, len(CONTENT), "far", "walked")
    walked = b"".join(bytes(reader.read(at, 64)) for at in range(0, 100_000, 64))
    assert walked == CONTENT[: len(walked)]
    assert len(fetch.asked) < 30
    assert fetch.sent < 100_000 + len(CONTENT) // 100


def test_the_readers_of_one_version_share_its_header() -> None:
    fetch = Fetching()
    for version in ("one", "one", "two"):
        FarRange(fetch, len(CONTENT), "far", version).read(0, 64)
    assert len(fetch.asked) == 2


def test_blocks_are_bounded() -> None:
    blocks = Blocks(1000)
    for at in range(100):
        blocks.keep(at % 7, at, bytes(100))
    kept = sum(blocks.find(at % 7, at, 100) is not None for at in range(100))
    assert kept == 10


@pytest.mark.parametrize(("offset", "n"), [(-1, 2), (0, -1), (len(CONTENT), 1), (0, 2**62)])
def test_what_is_not_there_is_never_asked_for(offset: int, n: int) -> None:
    fetch = Fetching()
    with pytest.raises(SourceError, match="were asked for, but the file ends at 1048576"):
        FarRange(fetch, len(CONTENT), "far").read(offset, n)
    assert fetch.asked == []

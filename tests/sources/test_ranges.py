"""Bytes by range: what is read is what lies there, and nothing else."""

from __future__ import annotations

import io
import mmap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eigentail.errors import SourceError
from eigentail.sources.ranges import LocalRange, RangeFile

CONTENT = bytes(np.random.default_rng(0).integers(0, 256, 3 * mmap.ALLOCATIONGRANULARITY + 17, dtype=np.uint8))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ranges") / "content"
    file.write_bytes(CONTENT)
    return file


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(CONTENT)), st.integers(0, len(CONTENT)))
def test_every_window_equals_the_slice(path: Path, one: int, other: int) -> None:
    start, stop = sorted((one, other))
    reader = LocalRange(path)
    try:
        assert bytes(reader.read(start, stop - start)) == CONTENT[start:stop]
    finally:
        reader.close()


@pytest.mark.parametrize(("offset", "n"), [(0, len(CONTENT) + 1), (len(CONTENT), 1), (-1, 1), (0, -1), (2**70, 1)])
def test_a_range_outside_the_file_is_refused(path: Path, offset: int, n: int) -> None:
    reader = LocalRange(path)
    with pytest.raises(SourceError, match="the file ends at"):
        reader.read(offset, n)
    reader.close()


def test_windows_are_read_only_and_outlive_the_reader(path: Path) -> None:
    reader = LocalRange(path)
    window = reader.read(5, 10)
    reader.close()
    assert window.readonly
    assert bytes(window) == CONTENT[5:15]


def test_a_range_file_reads_and_seeks_as_a_file_does(path: Path) -> None:
    reader = LocalRange(path)
    ours, plain = io.BufferedReader(RangeFile(reader)), io.BytesIO(CONTENT)
    for offset, whence, n in [(10, 0, 5), (-7, 2, 20), (-3, 1, 4), (0, 0, -1)]:
        assert ours.seek(offset, whence) == plain.seek(offset, whence)
        assert ours.read(n) == plain.read(n)
    ours.close()
    reader.close()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a directory"):
        LocalRange(tmp_path)

"""What every bad file is held to: its sentence, in one line that says where, soon, and in little memory."""

from __future__ import annotations

import re
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from eigentail.errors import SourceError
from eigentail.sources import open_source


@contextmanager
def within(memory: int, seconds: float) -> Iterator[None]:
    """The block takes no more bytes of memory and no longer."""
    tracemalloc.start()
    began = time.perf_counter()
    try:
        yield
        took, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < memory
    assert took < seconds


def ends_in(
    sentence: str, target: Path, memory: int, seconds: float, take: Callable[[Path], object] = open_source
) -> None:
    """To take the target is refused with the sentence."""
    with within(memory, seconds), pytest.raises(SourceError, match=re.escape(sentence)) as caught:
        take(target)
    assert "\n" not in str(caught.value)
    assert str(target.parent) in str(caught.value), "the sentence says where"


def read_all(path: Path) -> None:
    """Open a file and read all there is."""
    with closing(open_source(path)) as source:
        for spec in source.tensors():
            source.read(spec)


def is_harmless(path: Path) -> bool:
    """Whether all of a file can be read; where not, one sentence says so, and nothing else comes of it."""
    try:
        read_all(path)
    except SourceError as error:
        assert "\n" not in str(error)  # noqa: PT017 - not every damage ends in an error
        return False
    return True

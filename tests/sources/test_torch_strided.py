"""Views of storages, against numpy's own views of the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from eigentail.sources.torch_files.strided import StorageRef, TensorRef, flaw, footprint, rows, view

BYTES = bytes(range(120))
STORAGE = StorageRef("0", "int16", 60)


@st.composite
def arrays(draw: st.DrawFn) -> NDArray[np.int16]:
    """A view of the bytes: reshaped, sliced, turned."""
    shape = draw(st.sampled_from([(60,), (6, 10), (10, 6), (3, 4, 5), (2, 3, 2, 5), (1, 60), (4, 15)]))
    array = np.frombuffer(BYTES, np.int16).reshape(shape)
    for axis, size in enumerate(shape):
        first = draw(st.integers(0, size - 1))
        array = array[(slice(None),) * axis + (slice(first, draw(st.integers(first + 1, size))),)]
    return array.transpose(draw(st.permutations(range(array.ndim))))


def described(array: NDArray[np.int16]) -> TensorRef:
    origin = np.frombuffer(BYTES, np.int16).__array_interface__["data"][0]
    offset = (array.__array_interface__["data"][0] - origin) // 2
    return TensorRef(STORAGE, offset, array.shape, tuple(step // 2 for step in array.strides), "int16")


def places(array: NDArray[np.int16]) -> list[int]:
    """Which values it is made of, slowly: every value is its own place."""
    return sorted(array.reshape(-1).tolist())


@given(arrays(), st.data())
def test_windows_hold_the_values_and_no_more(array: NDArray[np.int16], data: st.DataObject) -> None:
    ref = described(array)
    assert flaw(ref, len(BYTES)) == ""
    first = data.draw(st.integers(0, len(array)))
    part = (first, data.draw(st.integers(first, len(array))))
    for some, expected in ((ref, array), (rows(ref, part), array[slice(*part)])):
        start, n = some.window
        assert np.array_equal(view(some, memoryview(BYTES)[start : start + n]), expected)
        if n:
            touched = [2 * at for at in range(60) if np.frombuffer(BYTES, np.int16)[at] in expected]
            assert (start, start + n) == (touched[0], touched[-1] + 2)


@given(arrays(), arrays())
def test_equal_footprints_are_the_same_values(one: NDArray[np.int16], other: NDArray[np.int16]) -> None:
    assert (footprint(described(one)) == footprint(described(other))) == (places(one) == places(other))


@given(arrays(), st.integers(0, 119))
def test_a_storage_that_ends_earlier_is_a_flaw(array: NDArray[np.int16], stored: int) -> None:
    start, n = described(array).window
    assert (flaw(described(array), stored) == "") == (start + n <= stored)


def test_a_view_of_an_older_torch_is_counted_from_its_own_start() -> None:
    part = StorageRef("0", "int16", 4, start=3)
    ref = TensorRef(part, 1, (3,), (1,), "int16")
    assert ref.window == (8, 6)
    assert flaw(ref, 14) == ""
    assert flaw(ref, 13) == "needs bytes 2 to 8 of its storage, which holds 7"
    assert flaw(TensorRef(part, 2, (3,), (1,), "int16"), 999) == "needs bytes 4 to 10 of its storage, which holds 8"
    assert flaw(ref, 0) == "needs bytes 2 to 8 of its storage, which holds 0"


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_empty_tensors_touch_nothing(shape: tuple[int, ...]) -> None:
    ref = TensorRef(STORAGE, 1000, shape, (1,) * len(shape), "int16")
    assert flaw(ref, 120) == ""
    assert view(ref, memoryview(b"")).shape == shape

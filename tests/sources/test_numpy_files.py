"""numpy's files: the same arrays as numpy itself reads."""

from __future__ import annotations

import zipfile
from contextlib import closing
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from shared import NO_SHARED_DATA, shared_data

from eigentail.errors import SourceError
from eigentail.sources import identify, open_source

NUMBERS = hnp.arrays(
    dtype=st.sampled_from(["<f8", ">f8", "<f4", ">f4", "<f2", "<i8", ">i4", "u1", "?", "<c8"]),
    shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)


def read_all(path: Path) -> dict[str, np.ndarray]:
    with closing(open_source(path)) as source:
        return {spec.name: source.read(spec) for spec in source.tensors()}


@settings(max_examples=60, deadline=None)
@given(array=NUMBERS, fortran=st.booleans(), packed=st.booleans())
def test_any_array_comes_back(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, fortran: bool, packed: bool
) -> None:
    folder = tmp_path_factory.mktemp("npz")
    array = np.asfortranarray(array) if fortran and array.ndim else array
    (np.savez_compressed if packed else np.savez)(folder / "a.npz", w=array)
    np.save(folder / "w.npy", array)
    for path in (folder / "a.npz", folder / "w.npy"):
        (found,) = read_all(path).values()
        assert found.dtype == array.dtype.newbyteorder("=")
        assert found.shape == array.shape
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_equal_the_slice(tmp_path: Path, save: object, order: str) -> None:
    array = np.asarray(np.arange(24.0).reshape(6, 4), order=order)
    save(tmp_path / "a.npz", w=array)
    with closing(open_source(tmp_path / "a.npz")) as source:
        (spec,) = source.tensors()
        for part in [(0, 6), (2, 5), (3, 3)]:
            np.testing.assert_array_equal(source.read(spec, part), array[slice(*part)])


def test_slashes_become_dots_unless_two_names_would_become_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{"block/0/kernel": np.eye(2), "top": np.eye(3)})
    assert list(read_all(tmp_path / "a.npz")) == ["block.0.kernel", "top"]
    np.savez(tmp_path / "b.npz", **{"a/b": np.eye(2), "a.b": np.eye(3)})
    assert {name: len(array) for name, array in read_all(tmp_path / "b.npz").items()} == {"a/b": 2, "a.b": 3}


def test_objects_text_and_bfloat16_are_listed_and_objects_never_loaded(tmp_path: Path) -> None:
    others = {
        "objects": np.array([{"a": 1}, None], dtype=object),
        "words": np.array(["alpha", "beta"]),
        "records": np.zeros(2, dtype=[("a", "<f4"), ("b", "<i8")]),
        "half": np.ones((2, 2), ml_dtypes.bfloat16),
    }
    np.savez(tmp_path / "a.npz", **others)
    with closing(open_source(tmp_path / "a.npz")) as source:
        kinds = {spec.name: spec.dtype for spec in source.tensors()}
        assert kinds == {"objects": "object", "words": "str", "records": "structured", "half": "void16"}
        for spec in source.tensors()[:3]:
            with pytest.raises(SourceError, match=r"a\.npz: tensor '\w+' is stored as \w+, of which no array"):
                source.read(spec)


def test_files_of_python_2_are_read(tmp_path: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L), }"
    header = header.ljust(117) + b"\n"
    data = np.arange(6, dtype="<f4")
    path = tmp_path / "w.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data.tobytes())
    np.testing.assert_array_equal(read_all(path)["w"], data.reshape(2, 3))


def test_members_that_are_no_arrays_are_passed_over(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", w=np.eye(2))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("readme.txt", "hello")
    assert list(read_all(tmp_path / "a.npz")) == ["w"]


def test_versions_2_and_3_of_the_header(tmp_path: Path) -> None:
    for version in [(1, 0), (2, 0), (3, 0)]:
        path = tmp_path / "w.npy"
        with path.open("wb") as file:
            np.lib.format.write_array(file, np.eye(3), version=version)
        np.testing.assert_array_equal(read_all(path)["w"], np.eye(3))


def test_a_real_checkpoint_equals_numpy() -> None:
    data = shared_data()
    if data is None:
        pytest.skip(NO_SHARED_DATA)
    path = data / "models" / "Kyubyong__g2p" / "g2p_en_checkpoint20.npz"
    assert identify(path).format == "npz"
    ours = read_all(path)
    with np.load(path) as theirs:
        assert set(ours) == {name.replace("/", ".") for name in theirs}
        for name in theirs:
            np.testing.assert_array_equal(ours[name.replace("/", ".")], theirs[name])

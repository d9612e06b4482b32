"""Files of older versions of Keras, and every way in which HDF5 keeps an array."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras_models
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eigentail.errors import SourceError
from eigentail.layers import group
from eigentail.sources import identify, open_source
from eigentail.sources.ranges import LocalRange

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(5)


def normal(*shape: int) -> Array:
    return RANDOM.standard_normal(shape).astype(np.float32)


def write(path: Path, arrays: Mapping[str, Array], **attributes: object) -> Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
        file.attrs.update(attributes)
    return path


def read(path: Path) -> dict[str, Array]:
    source = open_source(path)
    found = {spec.name: np.array(source.read(spec)) for spec in source.tensors()}
    assert {spec.name: spec.shape for spec in source.tensors()} == {name: array.shape for name, array in found.items()}
    source.close()
    return found


def same(found: Mapping[str, Array], expected: Mapping[str, Array]) -> None:
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def config_of(*layers: tuple[str, dict[str, object]]) -> str:
    listed = [{"class_name": kind, "config": config} for kind, config in layers]
    return json.dumps({"class_name": "Sequential", "config": listed})


def test_keras_2_repeats_names_and_numbers_its_sessions(tmp_path: Path) -> None:
    first, second = normal(3, 3, 2, 5), normal(5, 4)
    arrays = {
        "model_weights/conv2d_2/conv2d_2_7/kernel:0": first,
        "model_weights/dense_1/dense_1/kernel:0": second,
        "model_weights/dense_1/dense_1/bias:0": normal(4),
        "optimizer_weights/training/Adam/Variable:0": normal(5, 4),
    }
    found = read(write(tmp_path / "m.h5", arrays, keras_version="2.2.4"))
    assert [name for name in found if "optimizer" not in name] == ["conv2d_2.weight", "dense_1.weight", "dense_1.bias"]
    np.testing.assert_array_equal(found["conv2d_2.weight"], first.transpose(3, 2, 0, 1))
    np.testing.assert_array_equal(found["dense_1.weight"], second.T)


def test_the_order_is_that_of_the_configuration_or_of_the_list(tmp_path: Path) -> None:
    arrays = {f"model_weights/{name}/{name}/kernel:0": normal(4, 4) for name in ("a", "b", "c")}
    text = config_of(*(("Dense", {"name": name}) for name in ("b", "c", "a")))
    path = write(tmp_path / "m.h5", arrays, model_config=text)
    assert list(read(path)) == ["b.weight", "c.weight", "a.weight"]
    path = write(tmp_path / "w.h5", {name.removeprefix("model_weights/"): array for name, array in arrays.items()})
    with h5py.File(path, "a") as file:
        file.attrs["layer_names0"] = np.array([b"c", b"a"])
        file.attrs["layer_names1"] = np.array([b"b"])
    assert list(read(path)) == ["c.weight", "a.weight", "b.weight"]


@pytest.mark.parametrize(
    ("ordering", "shape"),
    [("th", (8, 8, 3, 3)), ("tf", (3, 3, 8, 8)), ("th", (8, 8, 8, 8)), ("tf", (8, 8, 8, 8)), ("tf", (8, 2, 3, 3))],
)
def test_keras_1_says_the_order_of_its_kernels(tmp_path: Path, ordering: str, shape: tuple[int, ...]) -> None:
    theano = ordering == "th" or shape == (8, 2, 3, 3)  # written for Theano, then given another configuration
    kernel, size = normal(*shape), shape[2] if theano else shape[0]
    config = {"name": "c", "nb_filter": 8, "nb_row": size, "nb_col": size, "dim_ordering": ordering}
    arrays = {"model_weights/c/c_W": kernel, "model_weights/c/c_b": normal(8)}
    path = write(tmp_path / "m.h5", arrays, model_config=config_of(("Convolution2D", config)))
    np.testing.assert_array_equal(read(path)["c.weight"], kernel if theano else kernel.transpose(3, 2, 0, 1))


@pytest.mark.parametrize(
    ("shape", "bias", "theano"),
    [
        ((64, 1, 3, 3), 64, True),
        ((3, 3, 1, 64), 64, False),
        ((16, 16, 3, 3), 16, True),
        ((3, 3, 16, 16), 16, False),
    ],
)
def test_without_a_configuration_the_bias_and_the_sizes_say_it(
    tmp_path: Path, shape: tuple[int, ...], bias: int, theano: bool
) -> None:
    kernel = normal(*shape)
    found = read(write(tmp_path / "m.h5", {"c/c_W_1:0": kernel, "c/c_b_1:0": normal(bias)}))
    np.testing.assert_array_equal(found["c.weight"], kernel if theano else kernel.transpose(3, 2, 0, 1))


def test_keras_1_kept_each_gate_apart(tmp_path: Path) -> None:
    arrays = {f"gru/gru_{side}_{gate}:0": normal(6 if side == "W" else 4, 4) for gate in "zrh" for side in "WU"}
    path = write(tmp_path / "m.h5", arrays)
    found = read(path)
    np.testing.assert_array_equal(found["gru.weight_ih.n"], arrays["gru/gru_W_h:0"].T)
    np.testing.assert_array_equal(found["gru.weight_hh.z"], arrays["gru/gru_U_z:0"].T)
    source = open_source(path)
    kinds = {layer.name: layer.kind for layer in group(source.tensors()).layers}
    assert kinds == {name: "rnn.input" if "_ih" in name else "rnn.hidden" for name in found}
    source.close()


def test_the_oldest_files_number_everything(tmp_path: Path) -> None:
    kernel, matrix = normal(8, 3, 3, 3), normal(6, 4)
    arrays = {
        "layer_0/param_0": kernel,
        "layer_0/param_1": normal(8),
        "layer_3/param_0": matrix,
        "layer_3/param_1": normal(4),
    }
    found = read(write(tmp_path / "m.h5", arrays))
    assert found["layer_3.weight"].shape == (4, 6)
    assert {"layer_3.bias", "layer_0.0"} <= set(found)


def test_a_layer_that_nothing_is_known_of_loses_no_matrix(tmp_path: Path) -> None:
    arrays = {f"layers/my_mixer/vars/{at}": normal(4 + at, 5) for at in range(3)}
    arrays |= {f"layers/dense/vars/{at}": normal(4, 4) for at in range(2)}
    found = read(write(tmp_path / "m.weights.h5", arrays))
    assert {name: array.shape for name, array in found.items()} == {
        "my_mixer.0": (4, 5),
        "my_mixer.1": (5, 5),
        "my_mixer.2": (6, 5),
        "dense.weight": (4, 4),
        "dense.1": (4, 4),
    }


def test_two_arrays_of_one_name_keep_the_names_they_are_stored_under(tmp_path: Path) -> None:
    arrays = {"a/a/kernel:0": normal(3, 4), "a/a_1/kernel:0": normal(5, 6)}
    assert set(read(write(tmp_path / "m.h5", arrays))) == {"a.a.kernel:0", "a.a_1.kernel:0"}


def test_an_array_with_two_names_is_one_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "m.h5", {"a/kernel": normal(3, 4)})
    with h5py.File(path, "a") as file:
        file["b/kernel"] = file["a/kernel"]
        file["c"] = file["a"]
    source = open_source(path)
    assert [(spec.name, spec.tied_to) for spec in source.tensors()] == [("a.weight", ""), ("b.weight", "a.weight")]
    source.close()


def test_files_of_the_first_keras_3_get_their_names_from_the_configuration(tmp_path: Path) -> None:
    with keras_models.quiet():
        keras = keras_models.load()
        make = keras.layers
        inner = [keras.Input((6,)), make.Dense(5, name="deep"), make.Dense(4, name="deeper")]
        inner = keras.Sequential(inner, name="part")
        model = keras.Sequential([keras.Input((3,)), make.Dense(6, name="first"), inner, make.Dense(2, name="last")])
    path = keras_models.save(model, tmp_path / "new.keras")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    with h5py.File(tmp_path / "model.weights.h5", "a") as file:
        file.visititems(lambda _, item: item.attrs.clear())
    with zipfile.ZipFile(tmp_path / "old.keras", "w") as archive:
        for name in ("config.json", "model.weights.h5"):
            archive.write(tmp_path / name, name)
    same(read(tmp_path / "old.keras"), read(path))
    assert "part.deeper.weight" in read(path)
    bare = write(tmp_path / "m.h5", {})
    shutil.copy(tmp_path / "model.weights.h5", bare)
    assert "sequential.dense_1.weight" in read(bare)


KINDS = st.sampled_from(["<f4", ">f4", "<f8", "<f2", "<i4", ">u2", "?", "<c8"])
SHAPES = st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple)


@settings(max_examples=60, deadline=None)
@given(
    kind=KINDS,
    shape=SHAPES,
    pieces=st.booleans(),
    chunk=st.lists(st.integers(1, 5), min_size=3, max_size=3),
    gzip=st.booleans(),
    shuffle=st.booleans(),
    checksum=st.booleans(),
    low=st.integers(0, 9),
)
def test_every_way_of_keeping_an_array_reads_as_h5py_reads_it(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    shape: tuple[int, ...],
    pieces: bool,
    chunk: list[int],
    gzip: bool,
    shuffle: bool,
    checksum: bool,
    low: int,
) -> None:
    path = tmp_path_factory.mktemp("kept") / "m.h5"
    array = (100 * RANDOM.standard_normal(shape)).astype(kind)
    how: dict[str, Any] = {}
    if pieces:
        how = {"chunks": tuple(min(c, n) for c, n in zip(chunk, shape, strict=False)), "shuffle": shuffle}
        how |= {"fletcher32": checksum, "compression": "gzip" if gzip else None}
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=array, **how)
    source = open_source(path)
    (spec,) = source.tensors()
    with h5py.File(path) as file:
        expected = file["x"][()]
    np.testing.assert_array_equal(source.read(spec), expected)
    part = min(low, shape[0]), shape[0]
    np.testing.assert_array_equal(source.read(spec, part), expected[slice(*part)])
    assert (spec.shape, spec.dtype) == (expected.shape, expected.dtype.name)
    source.close()


def test_arrays_in_headers_empty_and_without_numbers(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    with h5py.File(path, "w", libver="latest") as file:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_layout(h5py.h5d.COMPACT)
        space, kind = h5py.h5s.create_simple((2, 3)), h5py.h5t.IEEE_F32BE
        made = h5py.h5d.create(file.id, b"compact", kind, space, dcpl=plan)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(6, dtype="<f4").reshape(2, 3))
        file["empty"] = np.zeros((0, 4), np.float32)
        file["nothing"] = h5py.Empty("f4")
        file["words"] = np.array(["a", "b"], dtype=h5py.string_dtype())
        file["codes"] = np.array([b"ab", b"cd"])
        file["table"] = np.zeros(3, [("a", "<f4"), ("b", "<i4")])
        file["ragged"] = np.array([np.arange(2), np.arange(3)], dtype=h5py.vlen_dtype(np.int64))
        file["thing"] = np.void(b"xyz")
    source = open_source(path)
    specs = {spec.name: spec for spec in source.tensors()}
    assert "nothing" not in specs
    np.testing.assert_array_equal(source.read(specs["compact"]), np.arange(6).reshape(2, 3))
    assert source.read(specs["empty"]).shape == (0, 4)
    for name in ("words", "codes", "table", "ragged", "thing"):
        with pytest.raises(SourceError, match=f"tensor '{name}' is stored as .*no array of numbers"):
            source.read(specs[name])
    source.close()


def test_only_the_pieces_that_are_asked_for_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=normal(64, 100), chunks=(8, 100))
    source = open_source(path)
    seen: list[int] = []
    whole = LocalRange.read
    monkeypatch.setattr(LocalRange, "read", lambda self, offset, n: seen.append(n) or whole(self, offset, n))
    source.read(source.tensors()[0], (9, 15))
    assert seen == [8 * 100 * 4]
    source.close()


def test_without_h5py_the_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "m.h5", {"x": normal(2, 2)})
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(
        SourceError, match=r'h5py, which reads them, is not installed: pip install "eigentail\[keras\]"'
    ):
        open_source(path)


@pytest.mark.parametrize("name", ["model.h5", "model.weights.h5", "net.hdf5"])
def test_a_folder_with_one_file_is_that_file(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, {"fc/kernel:0": normal(3, 2)})
    assert identify(tmp_path).format == "folder"
    assert list(read(tmp_path)) == ["fc.weight"]

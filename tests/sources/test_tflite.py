"""TFLite: files of TensorFlow's own converter against Keras' weights, and every layout and code by hand."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import tflite_writer as tfl
from hypothesis import given, settings
from hypothesis import strategies as st
from shared import NO_SHARED_DATA, shared_data
from tflite import float_tensors
from tflite_writer import Weight, model, scales

from eigentail.analysis import describe
from eigentail.errors import SourceError
from eigentail.sources import WeightSource, open_source

FIXTURES = Path(__file__).parents[1] / "fixtures" / "tflite"
SAMPLES = {
    "mlcommons__tiny/kws_ref_model_float32.tflite": 10,
    "ARM-software__keyword-transformer/kwt1_non_stream.tflite": 76,
}
RNG = np.random.default_rng(11)


def opened(folder: Path, *weights: Weight) -> WeightSource:
    (folder / "m.tflite").write_bytes(model(weights))
    return open_source(folder / "m.tflite")


def only(folder: Path, weight: Weight) -> tuple[np.ndarray, str]:
    """The values and the stored type of the only tensor."""
    with closing(opened(folder, weight)) as source:
        (spec,) = source.tensors()
        array = source.read(spec)
        assert array.shape == spec.shape
        for part in [(0, 1), (1, 2)]:
            np.testing.assert_array_equal(source.read(spec, part), array[slice(*part)])
        return array, spec.quantised or spec.dtype


@pytest.mark.parametrize("name", ["float32", "float16", "int8"])
def test_files_of_the_converter_hold_the_weights_of_keras_in_torchs_layout(name: str) -> None:
    with np.load(FIXTURES / "expected.npz") as file:
        expected = dict(file)
    with closing(open_source(FIXTURES / f"{name}.tflite")) as source:
        specs = {spec.name: spec for spec in source.tensors()}
        assert set(expected) < set(specs)
        for key, array in expected.items():
            found = source.read(specs[key])
            if specs[key].quantised == "qint8":
                assert np.abs(found - array).max() <= 0.51 * np.abs(array).max() / 127
            else:
                np.testing.assert_array_equal(found, array.astype(specs[key].dtype))
        assert specs["functional_1.widen_1.weight"].conv_transposed
        assert specs["functional_1.deep_1.weight"].groups == 16
        told = {spec.quantised or spec.dtype for spec in specs.values()}
        assert told & {"float16", "qint8"} == {name, f"q{name}"} & {"float16", "qint8"}


def test_codes_are_those_that_tensorflows_interpreter_sees() -> None:
    with np.load(FIXTURES / "codes.npz") as file:
        codes = dict(file)
    layouts = {"conv_1/convolution": (0, 3, 1, 2), "widen_1/conv_transpose": (3, 0, 1, 2), "dense_1/MatMul": (0, 1)}
    with closing(open_source(FIXTURES / "int8.tflite")) as source:
        specs = {spec.name: spec for spec in source.tensors()}
        for name, axes in layouts.items():
            stored = codes[f"functional_1/{name}|codes"].astype(np.float64)
            shape = [1] * stored.ndim
            shape[int(codes[f"functional_1/{name}|axis"])] = -1
            zeros = codes[f"functional_1/{name}|zeros"].reshape(shape)
            exact = (stored - zeros) * codes[f"functional_1/{name}|scales"].astype(np.float64).reshape(shape)
            found = source.read(specs[f"functional_1.{name.split('/')[0]}.weight"])
            np.testing.assert_array_equal(found, exact.astype(np.float32).transpose(axes))


def test_gates_of_an_unfused_lstm_are_told_apart() -> None:
    work = describe(FIXTURES / "float32.tflite")
    names = [skip.name for skip in work.skipped if "lstm_cell" in skip.name and skip.name[-1] in "ifgo"]
    assert [name.rpartition(".")[2] for name in names] == list("ifgo") * 2


@pytest.mark.parametrize(
    ("operator", "axes", "transposed"),
    [(3, (0, 3, 1, 2), False), (67, (3, 0, 1, 2), True), (132, (4, 3, 0, 1, 2), False), (140, (4, 3, 0, 1, 2), True)],
)
def test_kernels_are_laid_out_as_torch_does(
    tmp_path: Path, operator: int, axes: tuple[int, ...], transposed: bool
) -> None:
    kernel = RNG.standard_normal((5, 3, 4, 6, 2)[: len(axes)]).astype(np.float32)
    array, _ = only(tmp_path, Weight("net/conv/Conv2D", kernel, operator))
    np.testing.assert_array_equal(array, kernel.transpose(axes))
    with closing(open_source(tmp_path / "m.tflite")) as source:
        assert source.tensors()[0].conv_transposed is transposed


def test_a_depthwise_kernel_has_as_many_groups_as_inputs(tmp_path: Path) -> None:
    kernel = RNG.standard_normal((1, 3, 3, 12)).astype(np.float32)
    array, _ = only(tmp_path, Weight("d/depthwise", kernel, tfl.DEPTHWISE, options={3: ("i", 2)}))
    np.testing.assert_array_equal(array, kernel.transpose(3, 0, 1, 2))
    with closing(open_source(tmp_path / "m.tflite")) as source:
        assert (source.tensors()[0].name, source.tensors()[0].groups) == ("d.weight", 6)


@pytest.mark.parametrize("adjoint", [False, True])
def test_factors_of_a_product_are_turned_to_out_by_in(tmp_path: Path, adjoint: bool) -> None:
    factor = RNG.standard_normal((4, 6)).astype(np.float32)
    options = {1: ("b", int(adjoint))}
    array, _ = only(tmp_path, Weight("p/MatMul", factor, tfl.BATCH_MATMUL, options=options))
    np.testing.assert_array_equal(array, factor if adjoint else factor.T)
    stack = RNG.standard_normal((3, 4, 6)).astype(np.float32)
    with closing(opened(tmp_path, Weight("p/MatMul", stack, tfl.BATCH_MATMUL, options=options))) as source:
        assert [spec.name for spec in source.tensors()] == ["p.0.weight", "p.1.weight", "p.2.weight"]
        for at, spec in enumerate(source.tensors()):
            assert spec.nbytes == stack[at].nbytes
            np.testing.assert_array_equal(source.read(spec), stack[at] if adjoint else stack[at].T)
            np.testing.assert_array_equal(source.read(spec, (1, 3)), source.read(spec)[1:3])


def test_a_stack_of_thousands_stays_one_tensor(tmp_path: Path) -> None:
    stack = RNG.standard_normal((5000, 2, 3)).astype(np.float32)
    with closing(opened(tmp_path, Weight("p/MatMul", stack, tfl.BATCH_MATMUL))) as source:
        (spec,) = source.tensors()
        np.testing.assert_array_equal(source.read(spec), stack)


def test_a_fused_lstm_gives_every_gate(tmp_path: Path) -> None:
    weights = [
        Weight(f"arith.constant{slot}", np.full((4, 9), slot, np.float32), tfl.LSTM, slot) for slot in range(1, 5)
    ]
    weights += [Weight("", np.full((4, 4), slot, np.float32), tfl.LSTM, slot) for slot in range(5, 9)]
    (tmp_path / "m.tflite").write_bytes(model(weights))
    with closing(open_source(tmp_path / "m.tflite")) as source:
        values = {spec.name.split(".", 1)[1]: source.read(spec)[0, 0] for spec in source.tensors()}
    gates = ("input", "forget", "cell", "output")
    ends = [key.removesuffix(".weight").rpartition(".")[2] for key in values]
    assert ends == [f"{side}_to_{gate}" for side in ("input", "recurrent") for gate in gates]
    assert list(values.values()) == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_codes_become_numbers_exactly(tmp_path: Path, kind: str, axis: int | None) -> None:
    limits = np.iinfo(kind)
    codes = RNG.integers(limits.min, limits.max + 1, (6, 5)).astype(kind)
    count = 1 if axis is None else codes.shape[axis]
    factors = RNG.uniform(1e-3, 1e-1, count).astype(np.float32)
    zeros = RNG.integers(-5, 6, count)
    quantisation = scales(factors, zeros, axis or 0)
    array, word = only(tmp_path, Weight("f/MatMul", codes, quantisation=quantisation))
    assert word == f"q{kind}"
    for row in range(6):
        for column in range(5):
            at = {None: 0, 0: row, 1: column}[axis]
            exact = (int(codes[row, column]) - int(zeros[at])) * float(factors[at])
            assert array[row, column] == np.float32(exact)


@pytest.mark.parametrize(("kind", "bits"), [("int4", 4), ("uint4", 4), ("int2", 2)])
def test_small_codes_lie_low_bits_first(tmp_path: Path, kind: str, bits: int) -> None:
    signed = not kind.startswith("u")
    low = -(1 << (bits - 1)) if signed else 0
    codes = RNG.integers(low, low + (1 << bits), (3, 5))
    flat, per = [int(code) & ((1 << bits) - 1) for code in codes.ravel()], 8 // bits
    packed = bytes(
        sum(code << (bits * at) for at, code in enumerate(flat[i : i + per])) for i in range(0, len(flat), per)
    )
    content = np.frombuffer(packed, np.uint8)
    weight = Weight("f/MatMul", content, kind=kind, shape=(3, 5), quantisation=scales([0.5]))
    array, word = only(tmp_path, weight)
    assert word == f"q{kind}"
    np.testing.assert_array_equal(array, codes * np.float32(0.5))


def test_half_precision_behind_a_cast_is_the_layers_weight(tmp_path: Path) -> None:
    halves = RNG.standard_normal((6, 1, 1, 4)).astype(np.float16)
    tensors = [
        {0: np.array([1, 4], "<i4"), 3: "data", 2: ("I", 0)},
        {0: np.array(halves.shape, "<i4"), 1: ("b", 1), 2: ("I", 1), 3: "net/c/Conv2D"},
        {0: np.array(halves.shape, "<i4"), 2: ("I", 0), 3: "net/c/Conv2D_dequantized"},
    ]
    operators = [
        {0: ("I", 0), 1: np.array([1], "<i4"), 2: np.array([2], "<i4")},
        {0: ("I", 1), 1: np.array([0, 2, -1], "<i4"), 2: np.array([0], "<i4")},
    ]
    codes = [{0: ("b", tfl.DEQUANTIZE)}, {0: ("b", tfl.CONV_2D)}]
    content = model([], _1=codes, _2=[{0: tensors, 3: operators}], _4=[{}, {0: halves.tobytes()}])
    (tmp_path / "m.tflite").write_bytes(content)
    with closing(open_source(tmp_path / "m.tflite")) as source:
        (spec,) = source.tensors()
        assert (spec.name, spec.shape, spec.dtype, spec.groups) == ("net.c.weight", (6, 4, 1, 1), "float16", 1)
        np.testing.assert_array_equal(source.read(spec), halves.transpose(0, 3, 1, 2))


def test_a_ring_of_casts_ends(tmp_path: Path) -> None:
    tensors = [{0: np.array([2, 2], "<i4"), 2: ("I", 1), 3: f"t{at}"} for at in range(2)]
    operators = [{0: ("I", 0), 1: np.array([at], "<i4"), 2: np.array([1 - at], "<i4")} for at in range(2)]
    buffers = [{}, {0: np.ones((2, 2), np.float32).tobytes()}]
    codes = [{0: ("b", tfl.DEQUANTIZE)}]
    (tmp_path / "m.tflite").write_bytes(model([], _1=codes, _2=[{0: tensors, 3: operators}], _4=buffers))
    with closing(open_source(tmp_path / "m.tflite")) as source:
        assert [spec.name for spec in source.tensors()] == ["constants.t0", "constants.t1"]


def test_what_is_followed_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eigentail.sources.tensorflow_files.flatbuffer._MAX_OFFSETS", 50)
    with pytest.raises(SourceError, match="has more than 50 tables, lists and names: no network has so many"):
        opened(tmp_path, *(Weight(f"w{at}/MatMul", np.ones((2, 2), np.float32)) for at in range(20)))


def test_values_behind_the_structure_are_found(tmp_path: Path) -> None:
    arrays = [RNG.standard_normal((4, 3)).astype(np.float32) for _ in range(2)]
    weights = [Weight(f"f{at}/MatMul", array, outside=True) for at, array in enumerate(arrays)]
    with closing(opened(tmp_path, *weights)) as source:
        for spec, array in zip(source.tensors(), arrays, strict=True):
            np.testing.assert_array_equal(source.read(spec), array)


def test_names_are_the_layers_and_none_is_given_twice(tmp_path: Path) -> None:
    ones = np.ones((2, 2), np.float32)
    names = [
        "net/a/MatMul",
        "net/b/bn;net/b/MatMul;net/b/BiasAdd",
        "x/MatMul",
        "x/MatMul",
        "y/MatMul",
        "y/MatMul_1",
        "x.MatMul",
    ]
    with closing(opened(tmp_path, *(Weight(name, at * ones) for at, name in enumerate(names)))) as source:
        found = [spec.name for spec in source.tensors()]
    assert found == [
        "net.a.weight",
        "net.b.weight",
        "x.MatMul",
        "x.MatMul.3",
        "y.weight",
        "y.MatMul_1.weight",
        "x.MatMul.weight",
    ]


def test_two_tensors_in_one_buffer_are_tied(tmp_path: Path) -> None:
    first = model([Weight("a/MatMul", np.ones((9, 9), np.float32))])
    tensor = {0: np.array([9, 9], "<i4"), 1: ("b", 0), 2: ("I", 1)}
    graphs = [{0: [tensor | {3: "a"}, tensor | {3: "b"}], 3: []}]
    (tmp_path / "m.tflite").write_bytes(model([], _2=graphs, _4=[{}, {0: np.ones((9, 9), np.float32).tobytes()}]))
    assert first != (tmp_path / "m.tflite").read_bytes()
    with closing(open_source(tmp_path / "m.tflite")) as source:
        assert [spec.tied_to for spec in source.tensors()] == ["", "constants.a"]


def test_constants_that_no_layer_takes_are_left_out_with_the_reason(tmp_path: Path) -> None:
    weights = [
        Weight("net/fc/MatMul", RNG.standard_normal((16, 12)).astype(np.float32)),
        Weight("anchors", RNG.standard_normal((16, 12)).astype(np.float32), tfl.MUL),
        Weight("table", np.ones((16, 12), np.int32), tfl.MUL),
        Weight("pos_emb", RNG.standard_normal((16, 12)).astype(np.float32), 0),
    ]
    (tmp_path / "m.tflite").write_bytes(model(weights))
    work = describe(tmp_path / "m.tflite")
    assert [(layer.name, layer.kind) for layer in work.layers] == [
        ("net.fc", "dense"), ("pos_emb", "embedding.position"),
    ]  # fmt: skip
    assert {skip.name: skip.reason for skip in work.skipped}["constants.anchors"] == (
        "a constant that no operation with weights takes"
    )


def test_layouts_that_are_not_read_say_so(tmp_path: Path) -> None:
    ones = np.ones((16, 12), np.int8)
    sparse = Weight("a/MatMul", ones.astype(np.float32), extra={6: {}})
    blocks = Weight("b/MatMul", ones, quantisation={2: np.array([1.0], "<f4"), 4: ("B", 2), 5: {}})
    good = Weight("c/MatMul", RNG.standard_normal((16, 12)).astype(np.float32))
    (tmp_path / "m.tflite").write_bytes(model([sparse, blocks, good]))
    assert [skip.reason for skip in describe(tmp_path / "m.tflite").skipped] == [
        "dtype sparse_float32 is not a number format this version measures",
        "dtype blockwise_int8 is not a number format this version measures",
    ]
    with (
        closing(open_source(tmp_path / "m.tflite")) as source,
        pytest.raises(SourceError, match="is stored as sparse_"),
    ):
        source.read(source.tensors()[0])


@pytest.mark.skipif(shared_data() is None, reason=NO_SHARED_DATA)
@pytest.mark.parametrize("path", SAMPLES)
def test_the_shared_samples_have_the_tensors_of_the_manifest(path: str) -> None:
    folder = shared_data()
    assert folder is not None
    rows = {row["path"]: row for row in json.loads((folder / "models" / "MANIFEST.json").read_text())}
    work = describe(folder / "models" / path)
    left_out = {skip.name for skip in work.skipped if skip.reason.startswith("a fixed transform")}
    with closing(open_source(folder / "models" / path)) as source:
        specs = [spec for spec in source.tensors() if len(spec.shape) > 1 and spec.name not in left_out]
        by_hand = {array.tobytes() for _, array in float_tensors(folder / "models" / path)}
        assert len(specs) == rows[path]["n_weight_tensors"] == SAMPLES[path]
        plain = [source.read(spec) for spec in specs if spec.dtype == "float32" and not spec.groups]
        assert all(array.tobytes() in by_hand for array in plain)
    sizes = sorted(sorted(shape) for _, shape in rows[path]["shapes"])
    assert sorted(sorted(spec.shape) for spec in specs) == sizes


GOOD = model([
    Weight("a/Conv2D", np.arange(16, dtype=np.int8).reshape(2, 2, 2, 2), tfl.CONV_2D, quantisation=scales([0.1, 0.2])),
    Weight("b/MatMul", np.ones((2, 3), np.float32)),
    Weight("c", np.ones((2, 2, 2), np.float16), tfl.BATCH_MATMUL, options={1: ("b", 1)}),
])  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_damage_is_either_harmless_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.sampled_from([0, 1, 4, 8, 127, 128, 255]))
    content[4:8] = b"TFL3"
    path = tmp_path_factory.mktemp("damage") / "m.tflite"
    path.write_bytes(content[: data.draw(st.integers(8, len(content)))] if data.draw(st.booleans()) else content)
    try:
        with closing(open_source(path)) as source:
            for spec in source.tensors():
                source.read(spec)
    except SourceError as error:
        assert "\n" not in str(error)  # noqa: PT017 - not every damage ends in an error

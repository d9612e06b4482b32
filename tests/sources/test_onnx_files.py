"""ONNX: what the format's own library writes and computes is what is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
import torch
from graph_writers import onnx_model, save_onnx, write_onnx_beside
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from eigentail.errors import SourceError
from eigentail.layers import group
from eigentail.sources import WeightSource, open_source

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(5)


def normal(*shape: int) -> Array:
    return RANDOM.standard_normal(shape).astype(np.float32)


def node(op: str, inputs: Sequence[str], **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, list(inputs), ["y"], name=f"/layers.0/fc/{op}", **attributes)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[onnx.ModelProto], WeightSource]:
    return lambda model: open_source(save_onnx(tmp_path / "model.onnx", model))


def everything(source: WeightSource) -> dict[str, Array]:
    with closing(source):
        return {spec.name: source.read(spec) for spec in source.tensors()}


def outcome(model: onnx.ModelProto, **given: Array) -> Array:
    return np.asarray(ReferenceEvaluator(model).run(None, given)[0])


TYPES = [kind for kind in TensorProto.DataType.values() if kind not in (TensorProto.UNDEFINED, TensorProto.STRING)]
KNOWN = [kind for kind in TYPES if kind <= TensorProto.FLOAT8E8M0]


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("kind", KNOWN, ids=TensorProto.DataType.Name)
def test_every_type_is_what_the_library_makes_of_it(kind: int, raw: bool, tmp_path: Path) -> None:
    values = 2.0 ** RANDOM.integers(0, 3, (3, 5))
    stored = values.astype(helper.tensor_dtype_to_np_dtype(kind))
    tensor = numpy_helper.from_array(stored, "w")
    if not raw:
        tensor = helper.make_tensor("w", kind, stored.shape, stored.reshape(-1))
    model = onnx_model({})
    model.graph.initializer.append(tensor)
    with closing(open_source(save_onnx(tmp_path / "m.onnx", model))) as source:
        (spec,) = source.tensors()
        found = source.read(spec)
        np.testing.assert_array_equal(source.read(spec, (1, 3)), found[1:])
    expected = numpy_helper.to_array(tensor)
    assert found.dtype == expected.dtype
    assert spec.dtype == expected.dtype.name
    assert found.tobytes() == expected.tobytes()


def test_negative_numbers_in_typed_fields(opened: Callable[[onnx.ModelProto], WeightSource]) -> None:
    model = onnx_model({})
    for kind in (TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64, TensorProto.INT4):
        name = TensorProto.DataType.Name(kind)
        model.graph.initializer.append(helper.make_tensor(name, kind, [4], [-8, -1, 0, 7]))
    found = everything(opened(model))
    assert len(found) == 5
    assert all(array.tolist() == [-8, -1, 0, 7] for array in found.values())


def test_values_beside_the_model_are_the_same(tmp_path: Path) -> None:
    arrays = {"a.weight": normal(40, 30), "b.weight": normal(30, 20), "b.bias": normal(20)}
    with closing(open_source(write_onnx_beside(tmp_path, arrays))) as source:
        for spec in source.tensors():
            np.testing.assert_array_equal(source.read(spec), arrays[spec.name])
            if len(spec.shape) > 1:
                np.testing.assert_array_equal(source.read(spec, (3, 7)), arrays[spec.name][3:7])
    assert (tmp_path / "model.onnx").stat().st_size < 1000


# An operation with its weights, and what torch computes from what is read.
Linear = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
OPERATIONS: dict[str, tuple[onnx.NodeProto, tuple[int, ...], tuple[int, ...], Linear]] = {
    "MatMul": (node("MatMul", ["x", "onnx::Op_12"]), (6, 4), (3, 6), torch.nn.functional.linear),
    "MatMul from the left": (node("MatMul", ["onnx::Op_12", "x"]), (4, 6), (6, 3), lambda x, w: w @ x),
    "Gemm": (node("Gemm", ["x", "onnx::Op_12"]), (6, 4), (3, 6), torch.nn.functional.linear),
    "Gemm turned": (node("Gemm", ["x", "onnx::Op_12"], transB=1), (4, 6), (3, 6), torch.nn.functional.linear),
    "Conv1d": (node("Conv", ["x", "onnx::Op_12"]), (5, 4, 3), (1, 4, 9), torch.nn.functional.conv1d),
    "Conv2d": (node("Conv", ["x", "onnx::Op_12"]), (5, 4, 3, 3), (1, 4, 9, 9), torch.nn.functional.conv2d),
    "groups": (
        node("Conv", ["x", "onnx::Op_12"], group=2),
        (6, 2, 3, 3),
        (1, 4, 9, 9),
        lambda x, w: torch.nn.functional.conv2d(x, w, groups=2),
    ),
    "ConvTranspose": (
        node("ConvTranspose", ["x", "onnx::Op_12"]),
        (4, 5, 3, 3),
        (1, 4, 9, 9),
        torch.nn.functional.conv_transpose2d,
    ),
    "Gather": (
        node("Gather", ["onnx::Op_12", "x"]),
        (7, 4),
        (3,),
        lambda x, w: torch.nn.functional.embedding(x.long().clamp(0, 6), w),
    ),
}


@pytest.mark.parametrize("case", OPERATIONS)
def test_what_is_read_computes_the_same_in_torch(case: str, opened: Callable[[onnx.ModelProto], WeightSource]) -> None:
    operation, shape, given, compute = OPERATIONS[case]
    weight = normal(*shape)
    x = np.arange(3).astype(np.int64) if case == "Gather" else normal(*given)
    model = onnx_model({"onnx::Op_12": weight}, [operation])
    expected = outcome(model, x=x)
    source = opened(model)
    (spec,) = source.tensors()
    assert spec.name == "layers.0.fc.weight"
    assert spec.conv_transposed == (case == "ConvTranspose")
    assert spec.groups == (2 if case == "groups" else 1 if "Conv" in case else 0)
    found = compute(torch.from_numpy(np.array(x)), torch.from_numpy(np.array(source.read(spec))))
    source.close()
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-5)


def test_a_stack_of_matrices_is_as_many_layers(opened: Callable[[onnx.ModelProto], WeightSource]) -> None:
    weight, x = normal(2, 3, 6, 4), normal(2, 3, 5, 6)
    model = onnx_model({"experts.up": weight}, [node("MatMul", ["x", "experts.up"])])
    found = everything(opened(model))
    assert list(found) == [f"experts.up.{at}.weight" for at in range(6)]
    stacked = np.stack(list(found.values())).reshape(2, 3, 4, 6)
    np.testing.assert_allclose(x @ stacked.swapaxes(2, 3), outcome(model, x=x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
def test_recurrent_layers_have_their_gates_in_torchs_order(
    op: str, directions: int, opened: Callable[[onnx.ModelProto], WeightSource]
) -> None:
    units, features = 5, 3
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    arrays = {
        "onnx::W_1": normal(directions, gates * units, features),
        "onnx::R_2": normal(directions, gates * units, units),
        "onnx::B_3": np.zeros((directions, 2 * gates * units), np.float32),
    }
    ways = {"direction": "bidirectional" if directions == 2 else "forward", "hidden_size": units}
    more = {"linear_before_reset": 1} if op == "GRU" else {}
    step = helper.make_node(op, ["x", *arrays], ["y"], name=f"/rnn/{op}", **ways, **more)
    model = onnx_model(arrays, [step])
    found = everything(opened(model))
    ours = getattr(torch.nn, op)(features, units, bias=False, bidirectional=directions == 2)
    names = [name for name, _ in ours.named_parameters()]
    assert set(names) == {name.removeprefix("rnn.") for name in found if "weight" in name}
    ours.load_state_dict({name: torch.from_numpy(found[f"rnn.{name}"].copy()) for name in names})
    if directions == 2:
        return  # the reference evaluator knows one direction only; the second is the first's with other numbers
    x = normal(4, 1, features)
    expected = outcome(model, x=x)[:, 0]
    np.testing.assert_allclose(ours(torch.from_numpy(x))[0].detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_the_layers_of_a_recurrent_net_are_its_gates(opened: Callable[[onnx.ModelProto], WeightSource]) -> None:
    arrays = {"W": normal(1, 64, 20), "R": normal(1, 64, 16)}
    step = helper.make_node("LSTM", ["x", "W", "R"], ["y"], name="/rnn/LSTM", hidden_size=16)
    with closing(opened(onnx_model(arrays, [step]))) as source:
        kinds = {layer.name: layer.kind for layer in group(source.tensors()).layers}
    assert kinds == {f"rnn.weight_ih_l0.{gate}": "rnn.input" for gate in "ifgo"} | {
        f"rnn.weight_hh_l0.{gate}": "rnn.hidden" for gate in "ifgo"
    }


def test_the_layers_of_a_stack_are_counted(opened: Callable[[onnx.ModelProto], WeightSource]) -> None:
    held = {"onnx::W_1": normal(1, 16, 3), "onnx::R_2": normal(1, 16, 4)}
    held |= {"onnx::B_3": normal(1, 32), "h": normal(1, 1, 4)}
    more = {"onnx::W_4": normal(1, 16, 4), "onnx::R_5": normal(1, 16, 4)}
    nodes = [
        helper.make_node("LSTM", ["x", "onnx::W_1", "onnx::R_2", "onnx::B_3", "", "h"], ["a"], name="/rnn/LSTM"),
        helper.make_node("LSTM", ["a", *more], ["y"], name="/rnn/LSTM_1"),
    ]
    found = everything(opened(onnx_model(held | more, nodes)))
    names = ["weight_ih_l0", "weight_hh_l0", "bias_l0", "weight_ih_l1", "weight_hh_l1"]
    assert [name for name in found if "constants" not in name] == [f"rnn.{name}" for name in names]
    assert "constants.h" in found
    np.testing.assert_array_equal(found["rnn.bias_l0"], held["onnx::B_3"][0])


def test_weights_are_followed_through_what_lies_between(opened: Callable[[onnx.ModelProto], WeightSource]) -> None:
    flat = normal(24)
    nodes = [
        helper.make_node("Identity", ["flat"], ["a"]),
        helper.make_node("Reshape", ["a", "shape"], ["b"]),
        helper.make_node("Transpose", ["b"], ["c"], perm=[1, 0]),
        helper.make_node("Cast", ["c"], ["d"], to=TensorProto.FLOAT),
        node("MatMul", ["x", "d"]),
    ]
    model = onnx_model({"flat": flat, "shape": np.array([4, -1])}, nodes)
    x = normal(3, 6)
    expected = outcome(model, x=x)
    found = everything(opened(model))
    assert set(found) == {"flat", "constants.shape"}
    np.testing.assert_allclose(x @ found["flat"].T, expected, rtol=1e-5, atol=1e-5)


def test_constants_that_make_no_layer_are_said_to_be_none(opened: Callable[[onnx.ModelProto], WeightSource]) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "fc.weight"], ["a"]),
        helper.make_node("Add", ["a", "pos_embed"], ["b"]),
        helper.make_node("Mul", ["b", "table"], ["c"]),
        helper.make_node("Add", ["c", "onnx::Add_9"], ["y"]),
    ]
    arrays = {"fc.weight": normal(32, 32), "pos_embed": normal(32, 32), "table": normal(32, 32)}
    with closing(opened(onnx_model(arrays | {"onnx::Add_9": normal(32, 32)}, nodes))) as source:
        found = group(source.tensors())
    assert [layer.name for layer in found.layers] == ["fc", "pos_embed"]
    assert {skip.name: skip.reason for skip in found.skipped} == dict.fromkeys(
        ("constants.table", "constants.onnx::Add_9"), "a constant that no operation with weights takes"
    )


def test_constants_of_branches_are_kept_apart(opened: Callable[[onnx.ModelProto], WeightSource]) -> None:
    def branch(name: str, weight: Array) -> onnx.GraphProto:
        held = numpy_helper.from_array(weight, "w")
        inner = helper.make_node("MatMul", ["x", "w"], ["out"], name=f"/{name}/MatMul")
        out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
        return helper.make_graph([inner], name, [], [out], [held])

    one, other = normal(6, 4), normal(6, 4)
    choose = helper.make_node(
        "If", ["c"], ["y"], then_branch=branch("one", one), else_branch=branch("other", other), name="if"
    )
    found = everything(opened(onnx_model({}, [choose], inputs=["x", "c"])))
    assert list(found) == ["w", "w.1"]
    assert {array.tobytes() for array in found.values()} == {one.T.tobytes(), other.T.tobytes()}


def test_constant_nodes_hold_weights_too(opened: Callable[[onnx.ModelProto], WeightSource]) -> None:
    weight = normal(6, 4)
    held = helper.make_node("Constant", [], ["/fc/Constant_output_0"], value=numpy_helper.from_array(weight))
    found = everything(opened(onnx_model({}, [held, node("MatMul", ["x", "/fc/Constant_output_0"])])))
    np.testing.assert_array_equal(found["layers.0.fc.weight"], weight.T)


def codes(kind: Any, *shape: int) -> Array:
    info = ml_dtypes.iinfo(kind)
    return RANDOM.integers(int(info.min), int(info.max) + 1, shape).astype(kind)


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, ml_dtypes.int4, ml_dtypes.uint4])
@pytest.mark.parametrize("scale", [np.float32, np.float16])
@pytest.mark.parametrize(("axis", "block"), [(None, 0), (0, 0), (1, 0), (0, 4), (1, 4)])
def test_dequantised_weights_are_the_operations_own(
    kind: Any, scale: Any, axis: int | None, block: int, opened: Callable[[onnx.ModelProto], WeightSource]
) -> None:
    shape = (10, 8)
    scales: tuple[int, ...] = () if axis is None else (shape[axis],)
    if axis is not None and block:
        scales = tuple(-(-size // block) if at == axis else size for at, size in enumerate(shape))
    arrays = {
        "fc.weight": codes(kind, *shape),
        "scale": (RANDOM.random(scales) + 0.1).astype(scale),
        "zero": codes(kind, *scales) if scales else codes(kind, 1)[0].reshape(()),
    }
    options = {} if axis is None else {"axis": axis, **({"block_size": block} if block else {})}
    step = helper.make_node("DequantizeLinear", list(arrays), ["w"], **options)
    alone = onnx_model(arrays, [helper.make_node("DequantizeLinear", list(arrays), ["y"], **options)], inputs=[])
    expected = outcome(alone)
    source = opened(onnx_model(arrays, [step, node("Gemm", ["x", "w"], transB=1)]))
    spec = next(spec for spec in source.tensors() if spec.name == "fc.weight")
    assert (spec.shape, spec.dtype) == (shape, np.dtype(scale).name)
    assert spec.nbytes == (40 if "int4" in str(kind) else 80 * np.dtype(kind).itemsize)
    found = source.read(spec)
    assert found.dtype == expected.dtype == scale
    np.testing.assert_allclose(found, expected, rtol=1e-3 if scale is np.float16 else 1e-6)
    np.testing.assert_array_equal(source.read(spec, (3, 9)), found[3:9])
    source.close()


def test_rounded_weights_that_are_kept_whole_are_read_whole(opened: Callable[[onnx.ModelProto], WeightSource]) -> None:
    arrays = {"fc.weight": normal(6, 4), "s": np.float32(0.1).reshape(()), "z": np.int8(0).reshape(())}
    nodes = [
        helper.make_node("QuantizeLinear", ["fc.weight", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"]),
        node("MatMul", ["x", "w"]),
    ]
    np.testing.assert_array_equal(everything(opened(onnx_model(arrays, nodes)))["fc.weight"], arrays["fc.weight"].T)


def test_quantised_products_and_convolutions(opened: Callable[[onnx.ModelProto], WeightSource]) -> None:
    one, zero = np.float32(0.5).reshape(()), np.uint8(3).reshape(())
    arrays = {
        "one": one, "zero": zero,
        "fc.weight": codes(np.int8, 6, 4), "fc_scale": RANDOM.random(4).astype(np.float32),
        "fc_zero": codes(np.int8, 4),
        "conv.weight": codes(np.int8, 5, 4, 3, 3), "conv_scale": RANDOM.random(5).astype(np.float32),
        "conv_zero": codes(np.int8, 5),
    }  # fmt: skip
    nodes = [
        helper.make_node(
            "QLinearMatMul", ["x", "one", "zero", "fc.weight", "fc_scale", "fc_zero", "one", "zero"], ["a"]
        ),
        helper.make_node(
            "QLinearConv", ["x", "one", "zero", "conv.weight", "conv_scale", "conv_zero", "one", "zero"], ["y"]
        ),
    ]
    found = everything(opened(onnx_model(arrays, nodes)))
    dense = (arrays["fc.weight"].astype(np.float32) - arrays["fc_zero"]) * arrays["fc_scale"]
    np.testing.assert_allclose(found["fc.weight"], dense.T, rtol=1e-6)
    kernel = (arrays["conv.weight"].astype(np.float32).T - arrays["conv_zero"]) * arrays["conv_scale"]
    np.testing.assert_allclose(found["conv.weight"], kernel.T, rtol=1e-6)


def test_products_of_whole_numbers_take_the_scale_behind_them(
    opened: Callable[[onnx.ModelProto], WeightSource],
) -> None:
    arrays = {
        "fc.weight_quantized": codes(np.int8, 6, 4),
        "fc.weight_scale": np.float32(0.25).reshape(()),
        "fc.weight_zero": np.int8(2).reshape(()),
    }
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]),
        helper.make_node("MatMulInteger", ["xq", "fc.weight_quantized", "xz", "fc.weight_zero"], ["i"]),
        helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["xs", "fc.weight_scale"], ["s"]),
        helper.make_node("Mul", ["f", "s"], ["y"]),
    ]
    model = onnx_model(arrays, nodes)
    found = everything(opened(model))["fc.weight_quantized"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, (arrays["fc.weight_quantized"].T.astype(np.float32) - 2) * 0.25)
    x = normal(3, 6)
    assert np.abs(outcome(model, x=x) - x @ found.T).max() < 0.05 * np.abs(x @ found.T).max() + 0.5


def slowly(packed: Array, scale: Array, zero: Array | None, columns: int, bits: int) -> Array:
    """MatMulNBits, one number after the other."""
    rows, count, size = packed.shape
    length = size * 8 // bits
    row_bytes = -(-count * bits // 8)
    out = np.zeros((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            block, at = divmod(column, length)
            code = int.from_bytes(packed[row, block].tobytes(), "little") >> (at * bits) & ((1 << bits) - 1)
            held = 1 << (bits - 1)
            if zero is not None and zero.dtype == np.uint8:
                own = zero.reshape(rows, row_bytes)[row].tobytes()
                held = int.from_bytes(own, "little") >> (block * bits) & ((1 << bits) - 1)
            elif zero is not None:
                held = float(zero.reshape(rows, count)[row, block])
            out[row, column] = (code - held) * scale.reshape(rows, count)[row, block]
    return out


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("zeros", ["none", "packed", "floats"])
def test_blocks_of_few_bits_equal_the_slow_way(
    bits: int, zeros: str, opened: Callable[[onnx.ModelProto], WeightSource]
) -> None:
    rows, count, block, columns = 6, 3, 16, 41
    arrays = {
        "fc.weight_Q4": RANDOM.integers(0, 256, (rows, count, block * bits // 8)).astype(np.uint8),
        "fc.weight_scales": normal(rows * count),
    }
    if zeros != "none":
        packed = RANDOM.integers(0, 256, rows * -(-count * bits // 8)).astype(np.uint8)
        arrays["fc.weight_zero_points"] = packed if zeros == "packed" else normal(rows * count)
    facts = {"K": columns, "N": rows, "bits": bits, "block_size": block}
    step = helper.make_node("MatMulNBits", ["x", *arrays], ["y"], domain="com.microsoft", **facts)
    source = opened(onnx_model(arrays, [step]))
    spec = next(spec for spec in source.tensors() if spec.name == "fc.weight_Q4")
    assert (spec.shape, spec.dtype, spec.nbytes) == ((rows, columns), "float32", arrays["fc.weight_Q4"].nbytes)
    packed, scales, zero = [*arrays.values(), None][:3]
    assert packed is not None
    assert scales is not None
    expected = slowly(packed, scales, zero, columns, bits)
    np.testing.assert_allclose(source.read(spec), expected, rtol=1e-6)
    np.testing.assert_allclose(source.read(spec, (2, 5)), expected[2:5], rtol=1e-6)
    assert all(skip.reason for skip in group(source.tensors()).skipped)
    source.close()


@pytest.mark.parametrize("kind", [ml_dtypes.int4, ml_dtypes.uint4, np.uint8])
def test_tables_of_codes(kind: Any, opened: Callable[[onnx.ModelProto], WeightSource]) -> None:
    rows, columns, block = 7, 32, 16
    packed = kind is np.uint8
    arrays = {
        "embed.weight": codes(kind, rows, columns // 2 if packed else columns),
        "scales": normal(rows, columns // block),
    }
    step = helper.make_node(
        "GatherBlockQuantized", ["embed.weight", "x", "scales"], ["y"], domain="com.microsoft",
        gather_axis=0, quantize_axis=1, block_size=block, bits=4,
    )  # fmt: skip
    found = everything(opened(onnx_model(arrays, [step])))["embed.weight"]
    if packed:
        raw = np.stack([arrays["embed.weight"] & 15, arrays["embed.weight"] >> 4], -1).reshape(rows, columns) - 8.0
    else:
        raw = arrays["embed.weight"].astype(np.float32)
    np.testing.assert_allclose(found, raw * np.repeat(arrays["scales"], block, axis=1), rtol=1e-6)


def test_a_file_of_weights_is_found_only_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret").write_bytes(bytes(64))
    for location in ("../secret", str(tmp_path / "secret"), "link"):
        model = onnx_model({"w": np.zeros((4, 4), np.float32)})
        onnx.external_data_helper.set_external_data(model.graph.initializer[0], location, offset=0, length=64)
        model.graph.initializer[0].ClearField("raw_data")
        path = tmp_path / "inside" / "model.onnx"
        path.write_bytes(model.SerializeToString())
        if location == "link":
            (tmp_path / "inside" / "link").symlink_to(tmp_path / "secret")
        with pytest.raises(SourceError, match=r"not in its folder|leads out of its folder"):
            open_source(path)


def test_the_hubs_cache_may_link_to_its_blobs(tmp_path: Path) -> None:
    snapshot, blobs = tmp_path / "models--a--b" / "snapshots" / "abc", tmp_path / "models--a--b" / "blobs"
    for folder in (snapshot, blobs):
        folder.mkdir(parents=True)
    write_onnx_beside(snapshot, {"w": normal(8, 8)})
    (snapshot / "weights.bin").rename(blobs / "123")
    (snapshot / "weights.bin").symlink_to(blobs / "123")
    with closing(open_source(snapshot)) as source:
        assert source.read(source.tensors()[0]).shape == (8, 8)

"""TensorFlow's files: small ones that TensorFlow made, with the values it gave beside them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from graph_writers import const, node_def, table, write_caffe, write_checkpoint, write_graph, write_onnx
from hypothesis import given
from hypothesis import strategies as st
from wire import number, text

from eigentail.errors import SourceError
from eigentail.layers import group
from eigentail.sources import identify, open_source
from eigentail.sources.elsewhere import BytesRange
from eigentail.sources.tensorflow_files.sstable import entries

FIXTURES = Path(__file__).parents[1] / "fixtures" / "tensorflow"
Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]


def expected(name: str) -> dict[str, Array]:
    with np.load(FIXTURES / f"{name}.npz") as held:
        return dict(held)


def found_in(path: Path) -> dict[str, Array]:
    with closing(open_source(path)) as source:
        return {spec.name: source.read(spec) for spec in source.tensors()}


def assert_equal(found: Mapping[str, Array], wanted: Mapping[str, Array]) -> None:
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def session() -> dict[str, Array]:
    """The variables of the net of TensorFlow 1 as torch would have them."""
    held = expected("session")
    return {
        "conv.weight": held["conv/weights"].transpose(3, 2, 0, 1),
        "conv_dw.weight": held["conv_dw/depthwise_weights"].transpose(2, 3, 0, 1).reshape(10, 1, 3, 3),
        "up.weight": held["up/kernel"].transpose(3, 2, 0, 1),
        "lstm_cell.weight": held["lstm_cell/kernel"].T,
        "lstm_cell.projection.weight": held["lstm_cell/projection/kernel"].T,
        "lstm_cell.bias": held["lstm_cell/bias"],
        "table": held["table"],
    }


def test_a_frozen_graph_of_tensorflow_1() -> None:
    found = found_in(FIXTURES / "session.pb")
    assert_equal(found, session() | {"fc.W": expected("session")["fc/W"]})  # multiplied turned: it is (out, in)
    assert {name for name in found if name.startswith("constants.") and found[name].ndim > 1} == {
        "constants.mask",
        "constants.ones",
    }


def test_its_layers_are_told_from_its_tables_and_the_cells_gates_from_each_other() -> None:
    with closing(open_source(FIXTURES / "session.pb")) as source:
        layers = {layer.name: layer for layer in group(source.tensors()).layers}
        depthwise = next(spec for spec in source.tensors() if spec.name == "conv_dw.weight")
    assert depthwise.groups == 5
    assert [layers[f"lstm_cell.{gate}"].shape for gate in "igfo"] == [(54, 8)] * 4
    assert layers["lstm_cell.projection"].kind == "rnn.projection"
    assert layers["up"].cut.view == "conv-transposed"
    assert not any("mask" in name or "ones" in name for name in layers)


def test_a_checkpoint_of_tensorflow_1() -> None:
    found = found_in(FIXTURES / "session.index")
    assert_equal(found, session() | {"fc.W": expected("session")["fc/W"].T})
    beside = {name for name in found if name.startswith("optimizer.")}
    assert beside == {f"optimizer.{name.replace('/', '.')}" for name in expected("session") if "/Adam" in name}
    assert set(found) == set(session()) | {"fc.W"} | beside


def keras() -> dict[str, Array]:
    """The variables of the Keras model by their paths, as torch would have them."""
    held = expected("keras")

    def gru(kernel: Array) -> Array:
        update, reset, new = np.split(kernel.T, 3)
        return np.concatenate([reset, update, new])

    heads = {
        f"attention_1.{part}_1.weight": held[f"attention/{part}/kernel"].reshape(7, 6).T
        for part in ("query", "key", "value")
    }
    return heads | {
        "separable_1.depthwise.weight": held["separable/depthwise_kernel"].transpose(2, 3, 0, 1),
        "separable_1.pointwise.weight": held["separable/pointwise_kernel"].transpose(3, 2, 0, 1),
        "conv2d_transpose_1.weight": held["conv2d_transpose/kernel"].transpose(3, 2, 0, 1),
        "conv1d_1.weight": held["conv1d/kernel"].transpose(2, 1, 0),
        "lstm_1.while.lstm_cell_1.weight_ih": held["lstm/lstm_cell/kernel"].T,
        "lstm_1.while.lstm_cell_1.weight_hh": held["lstm/lstm_cell/recurrent_kernel"].T,
        "attention_1.attention_output_1.weight": held["attention/attention_output/kernel"].reshape(6, 7).T,
        "gru_1.while.gru_cell_1.weight_ih": gru(held["gru/gru_cell/kernel"]),
        "gru_1.while.gru_cell_1.weight_hh": gru(held["gru/gru_cell/recurrent_kernel"]),
        "head_1.weight": held["head/kernel"].T,
        "head_1.bias": held["head/bias"],
    }


def test_a_frozen_graph_of_tensorflow_2_with_its_functions() -> None:
    found = found_in(FIXTURES / "keras.pb")
    assert_equal(found, {f"functional_1.{name}": array for name, array in keras().items()})
    measured = {name for name, array in found.items() if array.ndim > 1 and min(array.shape[:2]) > 1}
    assert {name for name in measured if not name.startswith("constants.")} == {
        f"functional_1.{name}" for name, array in keras().items() if array.ndim > 1 and min(array.shape[:2]) > 1
    }


def test_the_gates_of_its_cells_compute_in_torch() -> None:
    """An LSTM of torch with these weights equals the equations of Keras with its own."""
    found, held = found_in(FIXTURES / "keras.pb"), expected("keras")
    cell = torch.nn.LSTMCell(6, 7, bias=False, dtype=torch.float32)
    front = "functional_1.lstm_1.while.lstm_cell_1."
    cell.load_state_dict({name: torch.from_numpy(found[front + name].copy()) for name in ("weight_ih", "weight_hh")})
    random = np.random.default_rng(1)
    x, h, c = (random.standard_normal((2, size)).astype(np.float32) for size in (6, 7, 7))
    gates = x @ held["lstm/lstm_cell/kernel"] + h @ held["lstm/lstm_cell/recurrent_kernel"]
    i, f, g, o = np.split(gates, 4, axis=1)

    def sigmoid(values: Array) -> Array:
        return 1 / (1 + np.exp(-values))

    state = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    new, kept = cell(torch.from_numpy(x), (torch.from_numpy(h), torch.from_numpy(c)))
    np.testing.assert_allclose(kept.detach().numpy(), state, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(new.detach().numpy(), sigmoid(o) * np.tanh(state), rtol=1e-5, atol=1e-6)


def test_a_saved_model_by_its_folder_its_file_and_its_variables() -> None:
    held = expected("saved")
    wanted = {
        "sequential.conv.weight": held["sequential/conv/kernel"].transpose(3, 2, 0, 1),
        "sequential.conv.bias": held["sequential/conv/bias"],
        "sequential.head.weight": held["sequential/head/kernel"].T,
        "sequential.head.bias": held["sequential/head/bias"],
    }
    inside = FIXTURES / "saved" / "variables"
    for path in (FIXTURES / "saved", FIXTURES / "saved" / "saved_model.pb", inside / "variables.index", inside):
        found = found_in(path)
        assert list(found) == list(wanted)  # each once, though Keras stores them twice
        assert_equal(found, wanted)


def test_a_checkpoint_of_objects_counts_as_people_do() -> None:
    held = expected("objects")
    found = found_in(FIXTURES / "objects.index")
    layers = [name for name in found if name.startswith("net.layers")]
    assert layers == [f"net.layers.{at}" for at in range(11)]
    assert_equal(found, {f"net.layers.{at}": held[f"net/layers/{at}"].T for at in range(11)})
    np.testing.assert_array_equal(found["net.weight"], held["net/kernel"].transpose(3, 2, 0, 1))
    assert found["net.weight"].dtype == np.float16
    assert all(name.startswith(("net.", "optimizer.")) for name in found)


def test_a_model_in_a_checkpoint_has_the_names_of_its_layers() -> None:
    held = expected("model")
    kernels = {f"sequential_1.{name}.weight": held[f"sequential_1/{name}/kernel"].T for name in ("fc", "head")}
    biases = {f"sequential_1.{name}.bias": held[f"sequential_1/{name}/bias"] for name in ("fc", "head")}
    found = found_in(FIXTURES / "model.index")
    assert set(found) == {*kernels, *biases}
    assert_equal(found, kernels | biases)


def test_constants_of_every_type_in_every_way_of_writing() -> None:
    held, found = expected("types"), found_in(FIXTURES / "types.pb")
    assert set(found) == set(held)
    for name, array in held.items():
        word = name.partition("_")[2]
        assert found[name].dtype == getattr(ml_dtypes, word, word)
        np.testing.assert_array_equal(found[name].astype(array.dtype), array, err_msg=name)


def test_eight_bit_codes_of_old_graphs_are_spread_over_their_range(tmp_path: Path) -> None:
    codes = np.arange(24, dtype=np.uint8).reshape(6, 4) * 10
    low, high = np.array(-1.5, np.float32), np.array(2.0, np.float32)
    nodes = [
        const("fc/w", codes), const("low", low), const("high", high),
        node_def("fc/d", "Dequantize", ["fc/w", "low", "high"], {"mode": text(2, "MIN_FIRST")}),
        node_def("fc/MatMul", "MatMul", ["x", "fc/d"]),
    ]  # fmt: skip
    path = tmp_path / "q.pb"
    path.write_bytes(b"".join(text(1, node) for node in nodes))
    found = found_in(path)["fc.w"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, (codes.T / 255 * 3.5 - 1.5).astype(np.float32), rtol=1e-6, atol=1e-6)


def test_a_folder_of_checkpoints_is_opened_by_the_latest(tmp_path: Path) -> None:
    for at in (1, 2, 10):
        write_checkpoint(tmp_path, {"w": np.full((4, 4), at, np.float32)}, shards=1)
        for path in tmp_path.glob("model.*"):
            path.rename(tmp_path / path.name.replace("model", f"model.ckpt-{at}"))
    with pytest.raises(SourceError, match="holds several models"):
        open_source(tmp_path)
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-10"\nall_model_checkpoint_paths: "x"\n')
    assert found_in(tmp_path)["w"][0, 0] == 10


def test_the_graph_of_a_saved_model_counts_where_it_has_no_variables(tmp_path: Path) -> None:
    graph = text(1, const("w", np.eye(4, dtype=np.float32)))
    (tmp_path / "saved_model.pb").write_bytes(number(1, 1) + text(2, text(2, graph)))
    assert identify(tmp_path / "saved_model.pb").format == "tensorflow-saved-model"
    assert set(found_in(tmp_path)) == {"w"}


@pytest.mark.parametrize("write", [write_onnx, write_graph, write_caffe, write_checkpoint])
def test_a_folder_with_one_of_them_is_that_model(write: Callable[[Path, Arrays], Path], tmp_path: Path) -> None:
    array = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    write(tmp_path, {"fc.weight": array})
    np.testing.assert_array_equal(found_in(tmp_path)["fc.weight"], array)


def test_a_checkpoint_whose_weights_are_missing_is_told_so(tmp_path: Path) -> None:
    shutil.copy(FIXTURES / "model.index", tmp_path)
    with pytest.raises(SourceError, match=r"the weights file model.data-00000-of-00001 beside it is missing: fetch it"):
        open_source(tmp_path / "model.index")


@given(st.dictionaries(st.binary(max_size=20), st.binary(max_size=30), min_size=1), st.integers(1, 5))
def test_a_table_gives_back_what_was_put_in(pairs: dict[bytes, bytes], per_block: int) -> None:
    ordered = sorted(pairs.items())
    blocks = [ordered[at : at + per_block] for at in range(0, len(ordered), per_block)]
    assert list(entries(BytesRange(table(blocks)), "x")) == ordered

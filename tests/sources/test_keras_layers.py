"""The layers of Keras, saved by Keras, are what torch computes the same with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_models
import numpy as np
import pytest
import torch
from torch.nn import functional as torch_does

from eigentail.layers import group
from eigentail.sources import open_source

Array = np.ndarray[Any, Any]
Read = dict[str, torch.Tensor]
RANDOM = np.random.default_rng(3)
SEQUENCE = RANDOM.standard_normal((2, 5, 6)).astype(np.float32)
PICTURE = RANDOM.standard_normal((2, 9, 8, 6)).astype(np.float32)
VOLUME = RANDOM.standard_normal((2, 5, 6, 7, 3)).astype(np.float32)
ENDINGS = ("m.keras", "m.weights.h5", "m.h5")


def channels_first(x: Array) -> torch.Tensor:
    return torch.from_numpy(np.moveaxis(x, -1, 1).copy())


def conv(read: Read, x: Array, name: str = "layer", groups: int = 1) -> torch.Tensor:
    does = (torch_does.conv1d, torch_does.conv2d, torch_does.conv3d)[x.ndim - 3]
    return does(channels_first(x), read[f"{name}.weight"], read.get(f"{name}.bias"), groups=groups).movedim(1, -1)


def transposed(read: Read, x: Array) -> torch.Tensor:
    does = torch_does.conv_transpose2d(channels_first(x), read["layer.weight"], read["layer.bias"], stride=2)
    return does.movedim(1, -1)


def separable(read: Read, x: Array) -> torch.Tensor:
    inner = torch_does.conv2d(channels_first(x), read["layer.depthwise.weight"], groups=x.shape[-1])
    return torch_does.conv2d(inner, read["layer.pointwise.weight"], read["layer.bias"]).movedim(1, -1)


def lstm(read: Read, x: Array, name: str = "layer") -> torch.Tensor:
    units = read[f"{name}.weight_hh"].shape[1]
    cell = torch.nn.LSTM(x.shape[-1], units, batch_first=True)
    state = {"weight_ih_l0": read[f"{name}.weight_ih"], "weight_hh_l0": read[f"{name}.weight_hh"]}
    cell.load_state_dict(state | {"bias_ih_l0": read[f"{name}.bias"], "bias_hh_l0": torch.zeros(4 * units)})
    return cell(torch.from_numpy(x))[0]


def gru(read: Read, x: Array) -> torch.Tensor:
    units = read["layer.weight_hh"].shape[1]
    cell = torch.nn.GRU(x.shape[-1], units, batch_first=True)
    zeros = torch.zeros(3 * units)
    state = {"weight_ih_l0": read["layer.weight_ih"], "weight_hh_l0": read["layer.weight_hh"]}
    cell.load_state_dict(state | {"bias_ih_l0": zeros, "bias_hh_l0": zeros})
    assert read["layer.bias"].ndim == 1
    assert not read["layer.bias"].any()
    return cell(torch.from_numpy(x))[0]


def plain_recurrent(read: Read, x: Array) -> torch.Tensor:
    cell = torch.nn.RNN(x.shape[-1], read["layer.weight_hh"].shape[1], batch_first=True)
    zeros = torch.zeros(len(read["layer.bias"]))
    state = {"weight_ih_l0": read["layer.weight_ih"], "weight_hh_l0": read["layer.weight_hh"]}
    cell.load_state_dict(state | {"bias_ih_l0": read["layer.bias"], "bias_hh_l0": zeros})
    return cell(torch.from_numpy(x))[0]


def attention(read: Read, x: Array) -> torch.Tensor:
    embed, heads = x.shape[-1], 2
    sides = ("query", "key", "value")
    cell = torch.nn.MultiheadAttention(embed, heads, batch_first=True)
    state = {
        "in_proj_weight": torch.cat([read[f"layer.{side}.weight"] for side in sides]),
        "in_proj_bias": torch.cat([read[f"layer.{side}.bias"] for side in sides]),
        "out_proj.weight": read["layer.attention_output.weight"],
        "out_proj.bias": read["layer.attention_output.bias"],
    }
    cell.load_state_dict(state)
    given = torch.from_numpy(x)
    return cell(given, given, given)[0]


def dense(read: Read, x: Array) -> torch.Tensor:
    return torch_does.linear(torch.from_numpy(x), read["layer.weight"], read["layer.bias"])


def embedding(read: Read, x: Array) -> torch.Tensor:
    return torch_does.embedding(torch.from_numpy(x), read["layer.embeddings"])


Make = Callable[[Any], Any]
CASES: dict[str, tuple[Make, Array, Callable[[Read, Array], torch.Tensor]]] = {
    "dense": (lambda make: make.Dense(4), SEQUENCE, dense),
    "einsum": (lambda make: make.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d"), SEQUENCE, dense),
    "embedding": (lambda make: make.Embedding(9, 4), np.arange(6).reshape(2, 3), embedding),
    "conv1d": (lambda make: make.Conv1D(4, 3), SEQUENCE, conv),
    "conv2d": (lambda make: make.Conv2D(4, (3, 2)), PICTURE, conv),
    "conv2d square": (lambda make: make.Conv2D(6, 6, use_bias=False), PICTURE, conv),
    "conv2d grouped": (lambda make: make.Conv2D(4, 3, groups=2), PICTURE, lambda r, x: conv(r, x, groups=2)),
    "conv3d": (lambda make: make.Conv3D(4, (2, 3, 4)), VOLUME, conv),
    "transposed": (lambda make: make.Conv2DTranspose(4, (3, 2), strides=2), PICTURE, transposed),
    "depthwise": (
        lambda make: make.DepthwiseConv2D((3, 2), depth_multiplier=2),
        PICTURE,
        lambda read, x: conv(read, x, groups=6),
    ),
    "separable": (lambda make: make.SeparableConv2D(4, (3, 2), depth_multiplier=2), PICTURE, separable),
    "lstm": (lambda make: make.LSTM(4, return_sequences=True), SEQUENCE, lstm),
    "gru": (lambda make: make.GRU(4, return_sequences=True), SEQUENCE, gru),
    "rnn": (lambda make: make.SimpleRNN(4, return_sequences=True), SEQUENCE, plain_recurrent),
    "attention": (lambda make: make.MultiHeadAttention(2, 3), SEQUENCE, attention),
}


@pytest.mark.parametrize("name", CASES)
def test_torch_computes_the_same_with_what_is_read(name: str, tmp_path: Path) -> None:
    make, x, torch_does_it = CASES[name]
    with keras_models.quiet():
        keras = keras_models.load()
        entry, layer = keras.Input(x.shape[1:], dtype=x.dtype.name), make(keras.layers)
        layer.name = "layer"
        out = layer(entry, entry) if name == "attention" else layer(entry)
        model = keras.Model(entry, out)
        kept = [RANDOM.standard_normal(w.shape) * (0 if name == "gru" and w.ndim == 1 else 1) for w in layer.weights]
        layer.set_weights([w * (w.shape != (2, 12)) for w in kept])  # torch's GRU has its biases in another order
        expected = model(x).detach().numpy()
    found = []
    for ending in ENDINGS:
        with_it = keras_models.save(model, tmp_path / ending)
        source = open_source(with_it)
        read = {spec.name: torch.from_numpy(source.read(spec).copy()) for spec in source.tensors()}
        np.testing.assert_allclose(torch_does_it(read, x).detach().numpy(), expected, rtol=1e-4, atol=1e-5)
        found.append({spec.name: spec.shape for spec in source.tensors()})
        source.close()
    assert found[0] == found[1] == found[2]


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model with models and wrapped layers in it, in every form, trained for a step."""
    folder = tmp_path_factory.mktemp("nested")
    with keras_models.quiet():
        keras = keras_models.load()
        make = keras.layers
        entry = keras.Input((6, 6, 3))
        convolutions = [make.Conv2D(4, 3, name="inner"), make.Conv2D(2, 1, name="outer")]
        inner = keras.Sequential([keras.Input((4, 4, 5)), *convolutions], name="part")
        made = [make.Conv2D(5, 3, name="stem"), make.BatchNormalization(name="norm"), inner, make.Reshape((4, 2))]
        x = entry
        for layer in [*made, make.Bidirectional(make.LSTM(3, return_sequences=True, name="lstm"), name="both")]:
            x = layer(x)
        x = make.TimeDistributed(make.Dense(2, name="inside"), name="each")(x)
        model = keras.Model(entry, make.Dense(2, name="last")(make.Flatten()(x)))
        model.compile("adam", "mse")
        model.fit(np.zeros((4, 6, 6, 3)), np.zeros((4, 2)), verbose=0)
    return {ending: keras_models.save(model, folder / ending) for ending in ENDINGS}


MATRICES = {
    "stem.weight": (5, 3, 3, 3),
    "part.inner.weight": (4, 5, 3, 3),
    "part.outer.weight": (2, 4, 1, 1),
    "both.forward_lstm.weight_ih": (12, 2),
    "both.forward_lstm.weight_hh": (12, 3),
    "both.backward_lstm.weight_ih": (12, 2),
    "both.backward_lstm.weight_hh": (12, 3),
    "each.inside.weight": (2, 6),
    "last.weight": (2, 8),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_layers_inside_others_keep_apart_and_the_optimizer_is_left_out(nested: dict[str, Path], ending: str) -> None:
    source = open_source(nested[ending])
    specs = source.tensors()
    model = [spec for spec in specs if not spec.name.startswith("optimizer.")]
    assert {spec.name: spec.shape for spec in model if len(spec.shape) > 1} == MATRICES
    outermost = list(dict.fromkeys(spec.name.partition(".")[0] for spec in model))
    assert outermost == ["stem", "norm", "part", "both", "each", "last"]
    assert len(specs) > 2 * len(model) - 5
    reasons = {skip.name: skip.reason for skip in group(specs).skipped}
    assert {reasons[spec.name] for spec in specs if spec not in model} == {"optimizer state, not a weight"}
    assert reasons["norm.gamma"] == "a vector: biases and norms have no spectrum"
    source.close()


def test_the_gates_of_a_recurrent_layer_become_layers(nested: dict[str, Path]) -> None:
    source = open_source(nested["m.keras"])
    layers = {layer.name: layer for layer in group(source.tensors(), source.config).layers}
    assert {layers[f"both.forward_lstm.weight_hh.{gate}"].kind for gate in "ifgo"} == {"rnn.hidden"}
    assert layers["both.backward_lstm.weight_ih.g"].shape == (3, 2)
    source.close()


def test_the_projections_of_attention_are_known(tmp_path: Path) -> None:
    with keras_models.quiet():
        keras = keras_models.load()
        entry = keras.Input((5, 6))
        model = keras.Model(entry, keras.layers.MultiHeadAttention(2, 3, name="mix")(entry, entry))
    source = open_source(keras_models.save(model, tmp_path / "m.keras"))
    kinds = {layer.name: layer.kind for layer in group(source.tensors()).layers}
    assert kinds == {f"mix.{side}": f"attention.{side[0]}" for side in ("query", "key", "value")} | {
        "mix.attention_output": "attention.o"
    }
    source.close()


def test_a_model_without_a_list_of_layers_is_named_by_its_attributes(tmp_path: Path) -> None:
    with keras_models.quiet():
        keras = keras_models.load()

        class Net(keras.Model):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.enter = keras.layers.Dense(3)
                self.blocks = [keras.layers.Dense(4), keras.layers.Dense(5)]

            def call(self, x: Any) -> Any:
                for layer in [self.enter, *self.blocks]:
                    x = layer(x)
                return x

        model = Net()
        model(np.zeros((1, 2)))
    source = open_source(keras_models.save(model, tmp_path / "m.weights.h5"))
    shapes = {spec.name: spec.shape for spec in source.tensors() if len(spec.shape) > 1}
    assert shapes == {"enter.weight": (3, 2), "blocks.dense.weight": (4, 3), "blocks.dense_1.weight": (5, 4)}
    source.close()


def test_bfloat16_is_read_and_integer_codes_are_named(tmp_path: Path) -> None:
    with keras_models.quiet():
        keras = keras_models.load()
        small = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, dtype="bfloat16", name="fc")])
        coded = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4, name="fc")])
        expected = small.get_weights()[0].T
        coded.quantize("int8")
    source = open_source(keras_models.save(small, tmp_path / "b.weights.h5"))
    weight = source.tensors()[0]
    assert (weight.dtype, weight.shape) == ("bfloat16", (4, 8))
    np.testing.assert_array_equal(source.read(weight), expected)
    source.close()
    source = open_source(keras_models.save(coded, tmp_path / "q.weights.h5"))
    assert source.tensors()[0].dtype == "int8"
    assert any("integer codes (int8)" in skip.reason for skip in group(source.tensors()).skipped)
    source.close()

"""Headers that torch itself makes, and those of real files."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from shared import NO_SHARED_DATA, shared_data
from tables import table
from torch import nn

from eigentail.layers import group, matrices, read_part, select
from eigentail.records import TensorSpec
from eigentail.settings import Settings


def specs_of(module: nn.Module) -> list[TensorSpec]:
    return [
        TensorSpec(name=name, shape=tuple(value.shape), dtype=str(value.dtype).removeprefix("torch."), nbytes=0)
        for name, value in module.state_dict().items()
    ]


def test_lstm_gates() -> None:
    net = nn.ModuleDict({"lstm": nn.LSTM(24, 32, num_layers=2, bidirectional=True)})
    found = table(group(specs_of(net)))
    assert found[:8] == [
        "lstm.weight_ih_l0.i rnn.input 0 32x24",
        "lstm.weight_ih_l0.f rnn.input 0 32x24",
        "lstm.weight_ih_l0.g rnn.input 0 32x24",
        "lstm.weight_ih_l0.o rnn.input 0 32x24",
        "lstm.weight_hh_l0.i rnn.hidden 0 32x32",
        "lstm.weight_hh_l0.f rnn.hidden 0 32x32",
        "lstm.weight_hh_l0.g rnn.hidden 0 32x32",
        "lstm.weight_hh_l0.o rnn.hidden 0 32x32",
    ]
    assert "lstm.weight_ih_l1_reverse.f rnn.input 1 64x32" in found
    assert len(found) == 2 * 2 * 2 * 4


def test_lstm_with_a_projection_finds_its_gates_by_it() -> None:
    found = table(group(specs_of(nn.LSTM(24, 32, proj_size=16))))
    assert found[0] == "weight_ih_l0.i rnn.input 0 32x24"
    assert found[7:] == ["weight_hh_l0.o rnn.hidden 0 32x16", "weight_hr_l0 rnn.projection 0 32x16"]


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (nn.GRU(32, 32), ["weight_ih_l0.r", "weight_ih_l0.z", "weight_ih_l0.n"]),
        (nn.GRUCell(32, 32), ["weight_ih.r", "weight_ih.z", "weight_ih.n"]),
        (nn.LSTMCell(32, 32), ["weight_ih.i", "weight_ih.f", "weight_ih.g", "weight_ih.o"]),
        (nn.RNN(32, 32), ["weight_ih_l0"]),
    ],
)
def test_other_recurrent_layers(module: nn.Module, names: list[str]) -> None:
    found = group(specs_of(module)).layers
    assert [layer.name for layer in found if layer.kind == "rnn.input"] == names
    assert len(found) == 2 * len(names)


def test_lstm_parts_are_the_rows_torch_computes_with() -> None:
    torch.manual_seed(0)
    cell = nn.LSTMCell(8, 16)
    x, h, c = torch.randn(3, 1, 16)
    weights = {name: value.detach().numpy() for name, value in cell.state_dict().items()}
    gate = {
        layer.name: matrices(layer, [weights[layer.tensors[0].name][slice(*(read_part(layer) or (None,)))]])[0]
        for layer in group(specs_of(cell)).layers
    }

    def preactivation(name: str, at: int) -> torch.Tensor:
        bias = (cell.bias_ih + cell.bias_hh)[16 * at : 16 * (at + 1)]
        return (
            torch.from_numpy(gate[f"weight_ih.{name}"]) @ x[0, :8]
            + torch.from_numpy(gate[f"weight_hh.{name}"]) @ h[0]
            + bias
        )

    i, f, g, o = (preactivation(name, at) for at, name in enumerate("ifgo"))
    expected = torch.sigmoid(f) * c[0] + torch.sigmoid(i) * torch.tanh(g)
    hidden, state = cell(x[:, :8], (h, c))
    assert torch.allclose(state[0], expected, atol=1e-6)
    assert torch.allclose(hidden[0], torch.sigmoid(o) * torch.tanh(expected), atol=1e-6)


def test_transformer_layers_of_torch() -> None:
    net = nn.ModuleDict({"layers": nn.ModuleList([nn.TransformerDecoderLayer(32, 4, dim_feedforward=64)])})
    assert table(group(specs_of(net))) == [
        "layers.0.self_attn.in_proj_weight.q attention.q 0 32x32",
        "layers.0.self_attn.in_proj_weight.k attention.k 0 32x32",
        "layers.0.self_attn.in_proj_weight.v attention.v 0 32x32",
        "layers.0.self_attn.out_proj attention.o 0 32x32",
        "layers.0.multihead_attn.in_proj_weight.q cross.q 0 32x32",
        "layers.0.multihead_attn.in_proj_weight.k cross.k 0 32x32",
        "layers.0.multihead_attn.in_proj_weight.v cross.v 0 32x32",
        "layers.0.multihead_attn.out_proj cross.o 0 32x32",
        "layers.0.linear1 mlp.up 0 64x32",
        "layers.0.linear2 mlp.down 0 64x32",
    ]


def test_attention_over_other_widths_keeps_three_tensors() -> None:
    found = table(group(specs_of(nn.MultiheadAttention(32, 4, kdim=24, vdim=16))))
    assert found == [
        "q_proj_weight attention.q - 32x32",
        "k_proj_weight attention.k - 32x24",
        "v_proj_weight attention.v - 32x16",
        "out_proj attention.o - 32x32",
    ]


def test_a_transposed_convolution_is_told_by_its_bias() -> None:
    net = nn.ModuleDict({"up": nn.ConvTranspose2d(32, 16, 3), "down": nn.Conv2d(32, 16, 3)})
    views = {layer.name: layer.cut.view for layer in group(specs_of(net)).layers}
    assert views == {"up": "conv-transposed", "down": "conv"}


def manifest() -> list[dict[str, Any]]:
    folder = shared_data()
    if folder is None:
        return []
    entries = json.loads((folder / "models" / "MANIFEST.json").read_text())
    return [entry for entry in entries if "torch" in entry["format"] or "safetensors" in entry["format"]]


@pytest.mark.skipif(not manifest(), reason=NO_SHARED_DATA)
@pytest.mark.parametrize("conv", ["pooled", "per-slice", "flatten"])
def test_headers_of_real_files(conv: str) -> None:
    for entry in manifest():
        specs = [TensorSpec(name=name, shape=tuple(axes), dtype="float32", nbytes=0) for name, axes in entry["shapes"]]
        everything = group(specs)
        parts = {layer.name: layer.tensors[0].name for layer in everything.layers}
        skipped = {skip.name for skip in everything.skipped}
        assert set(parts.values()) | skipped == {spec.name for spec in specs}
        assert set(parts.values()).isdisjoint(skipped)
        found = select(everything, Settings(conv=conv))
        names = [layer.name for layer in found.layers]
        assert len(set(names)) == len(names)
        for layer in found.layers:
            rows = read_part(layer)
            stack = matrices(layer, [np.zeros(layer.tensors[0].shape)[slice(*(rows or (None,)))]])
            assert (len(stack), *sorted(stack.shape[1:], reverse=True)) == (layer.count, *layer.shape)


@pytest.mark.skipif(not manifest(), reason=NO_SHARED_DATA)
def test_a_cifar_resnet_is_nineteen_convolutions_and_a_head() -> None:
    entry = next(entry for entry in manifest() if "resnet20-" in entry["path"])
    specs = [
        TensorSpec(name=name.removeprefix("state_dict.module."), shape=tuple(axes), dtype="float32", nbytes=0)
        for name, axes in entry["shapes"]
    ]
    found = group(specs).layers
    assert [layer.kind for layer in found] == ["conv"] * 19 + ["head"]
    assert [layer.block for layer in found] == [None, *(block for block in range(9) for _ in range(2)), None]

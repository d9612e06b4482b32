"""The arithmetic of fused tensors, checked on real arrays against the slow and obvious way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from checkpoints_backbones import BACKBONES
from checkpoints_experts import EXPERTS
from checkpoints_language import LANGUAGE
from checkpoints_mixtures import MIXTURES
from checkpoints_pictures import PICTURES
from checkpoints_text import TEXT, Checkpoint
from checkpoints_vision import VISION
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tables import header

from eigentail.layers import group, matrices, read_part
from eigentail.records import Layer, TensorSpec

ALL = {**TEXT, **LANGUAGE, **MIXTURES, **EXPERTS, **VISION, **BACKBONES, **PICTURES}
Array = NDArray[np.float64]


def numbered(spec: TensorSpec) -> Array:
    """A tensor in which every element is different."""
    return np.arange(np.prod(spec.shape), dtype=np.float64).reshape(spec.shape)


def cut_out(layer: Layer, array: Array) -> Array:
    """The layer's matrices, the array read as `analyze` reads it."""
    part = read_part(layer)
    return matrices(layer, [array if part is None else array[slice(*part)]])


def squares(matrix: Array) -> Array:
    return np.sort(np.linalg.svd(matrix, compute_uv=False) ** 2)


def by_name(specs: Sequence[TensorSpec], config: Mapping[str, object]) -> dict[str, Layer]:
    return {layer.name: layer for layer in group(specs, config).layers}


@pytest.mark.parametrize("checkpoint", ALL.values(), ids=ALL.keys())
def test_the_parts_of_a_tensor_hold_every_element_once(checkpoint: Checkpoint) -> None:
    specs = header(checkpoint.header)
    found = group(specs, checkpoint.config).layers
    for spec in specs:
        mine = [layer for layer in found if layer.tensors[0] == spec]
        if mine:
            seen = np.concatenate([cut_out(layer, numbered(spec)).ravel() for layer in mine])
            assert np.array_equal(np.sort(seen), numbered(spec).ravel())


@pytest.mark.parametrize("checkpoint", ALL.values(), ids=ALL.keys())
def test_the_header_tells_the_shape_of_the_matrices(checkpoint: Checkpoint) -> None:
    for layer in group(header(checkpoint.header), checkpoint.config).layers:
        stack = cut_out(layer, numbered(layer.tensors[0]))
        assert (len(stack), *sorted(stack.shape[1:], reverse=True)) == (layer.count, *layer.shape)


@given(heads=st.sampled_from([(4, 4), (4, 2), (6, 1), (8, 2)]), dim=st.integers(2, 5))
def test_per_head_tensors_come_apart_into_the_separate_projections(heads: tuple[int, int], dim: int) -> None:
    queries, keys = heads
    width, shared = queries * dim, queries // keys
    rng = np.random.default_rng(0)
    q = rng.normal(size=(queries, dim, width))
    k, v = rng.normal(size=(2, keys, dim, width))
    # The slow and obvious way: for every key head its queries, then k, then v.
    fused = np.concatenate([np.concatenate([*q[h * shared : (h + 1) * shared], k[h], v[h]]) for h in range(keys)])
    name = "transformer.h.0.self_attention"
    text = f"{name}.query_key_value.weight {len(fused)}x{width}\n{name}.dense.weight {width}x{width}"
    specs = header(text + "\ntransformer.h.0.mlp.dense_h_to_4h.weight 8x8")
    layers = by_name(specs, {"num_attention_heads": queries})
    for part, separate in (("q", q), ("k", k), ("v", v)):
        matrix = cut_out(layers[f"{name}.query_key_value.{part}"], fused)[0]
        assert np.array_equal(matrix, separate.reshape(-1, width))
        assert np.allclose(squares(matrix), squares(separate.reshape(-1, width)), rtol=1e-12)


@pytest.mark.parametrize("config", [{}, {"num_attention_heads": 5}, {"num_attention_heads": "4"}])
def test_a_head_count_that_is_missing_or_does_not_fit_leaves_the_tensor_whole(config: dict[str, object]) -> None:
    names = [layer.name for layer in group(header(TEXT["neox"].header), config).layers]
    assert "gpt_neox.layers.0.attention.query_key_value" in names


def test_gpt2_columns_are_q_then_k_then_v() -> None:
    rng = np.random.default_rng(1)
    q, k, v = rng.normal(size=(3, 64, 64))
    layers = by_name(header("h.0.attn.c_attn.weight 64x192\nh.0.attn.c_proj.weight 64x64"), {})
    fused = np.concatenate([q, k, v], axis=1)
    for part, separate in (("q", q), ("k", k), ("v", v)):
        assert np.allclose(squares(cut_out(layers[f"h.0.attn.c_attn.{part}"], fused)[0]), squares(separate))


def test_head_counts_stand_in_for_a_missing_output_projection() -> None:
    specs = header("m.layers.0.self_attn.qkv_proj.weight 96x64\nm.layers.1.self_attn.o_proj.weight 64x64")
    config = {"text_config": {"num_attention_heads": 8, "num_key_value_heads": 2}}
    shapes = [layer.shape for layer in group(specs, config).layers]
    assert shapes[:3] == [(64, 64), (64, 16), (64, 16)]
    assert group(specs).layers[0].kind == "attention.qkv"  # unknown: equal thirds would be wrong here


def test_gpt_oss_gate_and_up_alternate() -> None:
    layers = by_name(header(EXPERTS["gpt-oss"].header), {})
    stack = np.random.default_rng(2).normal(size=(2, 64, 96))
    stem = "model.layers.0.mlp.experts.1"
    assert np.array_equal(cut_out(layers[f"{stem}.gate_proj"], stack)[0], stack[1, :, ::2])
    assert np.array_equal(cut_out(layers[f"{stem}.up_proj"], stack)[0], stack[1, :, 1::2])


@pytest.mark.parametrize(("name", "axis"), [("stacked experts", 1), ("llama 4", 2)])
def test_which_axis_holds_gate_and_up_follows_from_down(name: str, axis: int) -> None:
    layers = by_name(header(EXPERTS[name].header), {})
    fused = next(spec for spec in header(EXPERTS[name].header) if spec.name.endswith("gate_up_proj"))
    stack = np.random.default_rng(3).normal(size=fused.shape)
    gate = next(layer for layer in layers.values() if layer.name.endswith("experts.1.gate_proj"))
    assert np.array_equal(cut_out(gate, stack)[0], np.split(stack[1], 2, axis=axis - 1)[0])
    assert read_part(gate) == (1, 2)  # of all experts only this one is read


def test_codegen_stores_queries_values_keys_in_four_blocks() -> None:
    layers = by_name(header(LANGUAGE["codegen"].header), {"n_head": 8})  # not the number of heads: always four
    q, k, v = np.random.default_rng(4).normal(size=(3, 64, 64))
    parts = zip(np.split(q, 4), np.split(v, 4), np.split(k, 4), strict=True)
    fused = np.concatenate([np.concatenate(block) for block in parts])
    for part, separate in (("q", q), ("k", k), ("v", v)):
        assert np.array_equal(cut_out(layers[f"transformer.h.0.attn.qkv_proj.{part}"], fused)[0], separate)


def test_only_the_configuration_tells_gpt_bigcode_from_gpt2() -> None:
    checkpoint = LANGUAGE["gpt-bigcode head by head"]
    q, k, v = np.random.default_rng(5).normal(size=(3, 4, 16, 64))
    fused = np.concatenate([np.concatenate(head) for head in zip(q, k, v, strict=True)])
    name = "transformer.h.0.attn.c_attn.k"
    by_head = by_name(header(checkpoint.header), checkpoint.config)[name]
    assert np.array_equal(cut_out(by_head, fused)[0], k.reshape(-1, 64))
    one_by_one = by_name(header(checkpoint.header), {**checkpoint.config, "multi_query": True})[name]
    assert np.array_equal(cut_out(one_by_one, fused)[0], fused[64:128])


def test_experts_below_each_other_come_apart_by_the_number_the_router_tells() -> None:
    layers = by_name(header(EXPERTS["dbrx"].header), {})
    stack = np.random.default_rng(6).normal(size=(160, 64))
    for expert in (0, 1):
        layer = layers[f"transformer.blocks.0.ffn.experts.mlp.{expert}.w2"]
        assert np.array_equal(cut_out(layer, stack)[0], stack.reshape(2, 80, 64)[expert])
        assert read_part(layer) == (80 * expert, 80 * expert + 80)
    text = "b.0.ffn.experts.mlp.w1 9x8\nb.0.ffn.experts.mlp.v1 9x8\nb.0.ffn.experts.mlp.w2 9x8"
    whole = ["b.0.ffn.experts.mlp.w1", "b.0.ffn.experts.mlp.v1", "b.0.ffn.experts.mlp.w2"]
    assert [layer.name for layer in group(header(text)).layers] == whole
    odd = header(f"{text}\nb.0.ffn.router.layer.weight 2x8")
    assert [layer.name for layer in group(odd).layers] == [*whole, "b.0.ffn.router.layer"]


def test_heads_on_an_axis_of_their_own_are_one_matrix() -> None:
    layers = by_name(header(LANGUAGE["xlnet"].header), {})
    projection = np.random.default_rng(7).normal(size=(64, 4, 16))
    layer = layers["transformer.layer.0.rel_attn.q"]
    assert np.array_equal(cut_out(layer, projection)[0], projection.reshape(64, 64))


def test_minimax_stores_linear_attention_head_by_head() -> None:
    checkpoint = MIXTURES["minimax"]
    q, k, v = np.random.default_rng(8).normal(size=(3, 4, 16, 64))
    fused = np.concatenate([np.concatenate(head) for head in zip(q, k, v, strict=True)])
    layers = by_name(header(checkpoint.header), checkpoint.config)
    for part, separate in (("q", q), ("k", k), ("v", v)):
        matrix = cut_out(layers[f"model.layers.0.self_attn.qkv_proj.{part}"], fused)[0]
        assert np.array_equal(matrix, separate.reshape(-1, 64))

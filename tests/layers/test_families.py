"""Every family: a checkpoint's header, and the table of layers it must become."""

from __future__ import annotations

import re

import msgspec
import pytest
from checkpoints_backbones import BACKBONES
from checkpoints_experts import EXPERTS
from checkpoints_language import LANGUAGE
from checkpoints_mixtures import MIXTURES
from checkpoints_pictures import PICTURES
from checkpoints_text import TEXT, Checkpoint
from checkpoints_vision import VISION
from tables import header, reasons, rows, table

from eigentail.layers import KINDS, group
from eigentail.layers.families import Family, load_families

ALL = {**TEXT, **LANGUAGE, **MIXTURES, **EXPERTS, **VISION, **BACKBONES, **PICTURES}


@pytest.mark.parametrize("checkpoint", ALL.values(), ids=ALL.keys())
def test_a_checkpoint_becomes_these_layers(checkpoint: Checkpoint) -> None:
    found = group(header(checkpoint.header), checkpoint.config)
    assert table(found) == rows(checkpoint.layers)
    assert [layer.index for layer in found.layers] == list(range(len(found.layers)))


@pytest.mark.parametrize("checkpoint", ALL.values(), ids=ALL.keys())
def test_every_tensor_ends_as_layers_or_as_a_skip_with_a_reason(checkpoint: Checkpoint) -> None:
    specs = header(checkpoint.header)
    found = group(specs, checkpoint.config)
    taken = {layer.tensors[0].name for layer in found.layers}
    skipped = {skip.name for skip in found.skipped}
    assert taken.isdisjoint(skipped)
    assert taken | skipped == {spec.name for spec in specs}
    assert all(skip.reason for skip in found.skipped)
    assert len({layer.name for layer in found.layers}) == len(found.layers)


@pytest.mark.parametrize("checkpoint", ALL.values(), ids=ALL.keys())
def test_order_of_the_tensors_changes_only_the_order_of_the_layers(checkpoint: Checkpoint) -> None:
    specs = header(checkpoint.header)
    forward, backward = (group(order, checkpoint.config) for order in (specs, specs[::-1]))
    by_kind = "classifier.[036] (dense|head)"  # which one is the last depends on the order, as it should
    assert sorted(re.sub(by_kind, "classifier", row) for row in table(forward)) == sorted(
        re.sub(by_kind, "classifier", row) for row in table(backward)
    )


@pytest.mark.parametrize("checkpoint", ALL.values(), ids=ALL.keys())
def test_a_prefix_before_every_name_changes_no_kind_inside_the_blocks(checkpoint: Checkpoint) -> None:
    specs = header(checkpoint.header)
    plain = group(specs, checkpoint.config).layers
    wrapped = [msgspec.structs.replace(spec, name=f"net.{spec.name}") for spec in specs]
    prefixed = {layer.name: layer for layer in group(wrapped, checkpoint.config).layers}
    for layer in plain:
        twin = prefixed[f"net.{layer.name}"]
        assert (twin.shape, twin.count, twin.block) == (layer.shape, layer.count, layer.block)
        assert twin.kind == layer.kind or layer.block is None


def test_masks_and_buffers_say_what_they_are() -> None:
    said = reasons(group(header(TEXT["gpt2"].header)))
    assert said["transformer.h.0.attn.bias"] == "a causal mask, not a weight"
    assert said["transformer.h.0.attn.c_attn.bias"] == "a vector: biases and norms have no spectrum"
    said = reasons(group(header(VISION["resnet"].header)))
    assert said["bn1.running_mean"] == "batch-norm statistics, not a weight"
    assert said["bn1.num_batches_tracked"] == "a counter, not a weight"
    said = reasons(group(header(EXPERTS["gpt-oss"].header)))
    assert "biases of the experts" in said["model.layers.0.mlp.experts.gate_up_proj_bias"]
    said = reasons(group(header(TEXT["mamba"].header)))
    assert "state-space" in said["backbone.layers.0.mixer.A_log"]
    said = reasons(group(header(LANGUAGE["rwkv"].header)))
    assert "one number a channel" in said["rwkv.blocks.0.attention.time_mix_key"]
    said = reasons(group(header(LANGUAGE["xlnet"].header)))
    assert "one row a head" in said["transformer.layer.0.rel_attn.r_r_bias"]
    said = reasons(group(header(BACKBONES["pixart"].header)))
    assert said["transformer_blocks.0.scale_shift_table"] == "a table of shifts and scales, not a matrix that maps"
    said = reasons(group(header(BACKBONES["swin 2"].header)))
    assert "a temperature" in said["swinv2.encoder.layers.0.blocks.0.attention.self.logit_scale"]
    said = reasons(group(header(VISION["swin"].header)))
    assert said["layers.0.blocks.0.attn.relative_position_index"] == "an index table, not a weight"


def test_small_groups_and_depthwise_kernels_say_so() -> None:
    said = reasons(group(header(VISION["resnext"].header)))
    assert said["layer1.0.conv2.weight"] == "grouped convolution: each of the 32 groups is only 4x4"
    said = reasons(group(header(BACKBONES["segformer"].header)))
    assert said["segformer.encoder.block.0.0.mlp.dwconv.dwconv.weight"].startswith("depthwise")
    said = reasons(group(header(VISION["mobilenet"].header)))
    assert said["features.2.conv.1.0.weight"] == "depthwise: one input channel per group, its slices are vectors"


def test_the_generic_family_comes_last_and_alone_detects_nothing() -> None:
    assert [family.name for family in load_families() if not family.detect] == ["generic"]
    assert load_families()[-1].name == "generic"


def test_the_vocabulary_is_used_and_said() -> None:
    used = {
        kind
        for family in load_families()
        for rule in family.rule
        for kind in (rule.kind, rule.last, *(part.kind for part in rule.parts))
        if kind
    }
    assert used == set(KINDS)
    assert all(sentence.endswith(".") for sentence in KINDS.values())


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"match": ["x"], "kind": "attention.w"}, "'attention.w' is not a kind"),
        ({"match": ["x"], "kind": "expert", "stacked": True}, "say ndim"),
        ({"match": ["x"], "kind": "dense", "colour": "red"}, "unknown field"),
        ({"match": ["x"], "kind": "dense", "axis": "diagonal"}, "diagonal"),
    ],
)
def test_a_mistake_in_a_family_is_told(rule: dict[str, object], complaint: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=complaint):
        msgspec.convert({"name": "x", "rule": [rule]}, Family)

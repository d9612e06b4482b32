"""What `group` does with single tensors: skips and their reasons, ties, names, convolutions."""

from __future__ import annotations

import time

import msgspec
import pytest
from tables import header, reasons, table

from eigentail.layers import group
from eigentail.records import Layer, TensorSpec


def only(text: str, **facts: object) -> Layer:
    """The one layer that a one-line header makes."""
    (spec,) = header(text)
    (layer,) = group([msgspec.structs.replace(spec, **facts)]).layers
    return layer


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("fc.bias 64", "a vector: biases and norms have no spectrum"),
        ("logit_scale -", "a single number"),
        ("epoch - int64", "a single number"),
        ("optimizer.state.0.exp_avg 64x64", "optimizer state, not a weight"),
        ("ema.fc.weight 64x64", "moving-average copy of the weights"),
        ("fc.weight 64x64 int8", "integer codes (int8): an index table, or quantised weights, which need their scales"),
        ("mask 64x64 bool", "a mask"),
        ("fc.weight 64x64 complex64", "dtype complex64 is not a number format this version measures"),
        ("fc.weight 64x64 object", "dtype object is not a number format this version measures"),
        ("fc.weight 64x64 void16", "dtype void16 is not a number format this version measures"),
        ("fc.weight 64x64 float4_e2m1fn", "dtype float4_e2m1fn is not a number format this version measures"),
        ("fc.weight 64x64 float8_e8m0fnu", "dtype float8_e8m0fnu is not a number format this version measures"),
        ("fc.weight 64x0", "empty: it holds no values"),
        ("fc.weight 1x64", "one row or one column: a single eigenvalue is no spectrum"),
        ("cls_token 1x1x64", "one row or one column: a single eigenvalue is no spectrum"),
        ("conv.weight 1x64x3x3", "one output channel: its slices are vectors"),
        ("conv.weight 1x128x1", "one output channel: its slices are vectors"),
        (
            "conv.weight_v 64x64x3",
            "the directions of a weight-normalised weight, which this version does not put together with their lengths",
        ),
        (
            "h.0.q_proj.lora_A.default.weight 8x64",
            "one factor of a low-rank adapter, which is no weight by itself",
        ),
        ("h.0.q_proj.scales 8x64 float16", "scales of quantised weights, not a weight"),
    ],
)
def test_a_tensor_that_is_no_weight_says_why(line: str, reason: str) -> None:
    found = group(header(line))
    assert found.layers == ()
    assert [(skip.name, skip.reason) for skip in found.skipped] == [(line.split()[0], reason)]


@pytest.mark.parametrize("scale", ["a.weight_scale", "a.weight_scale_inv", "a.weight.weight_scale", "a.scale_weight"])
def test_eight_bit_floats_with_a_scale_are_left_out(scale: str) -> None:
    text = "a.weight 64x64 float8_e4m3fn\nb.weight 64x64 float8_e4m3fn\n"
    assert table(group(header(text))) == ["a dense - 64x64", "b dense - 64x64"]
    found = group(header(text + f"{scale} -"))
    assert table(found) == ["b dense - 64x64"]
    assert reasons(found)["a.weight"] == "stored with a separate scale, which is not applied here"


def test_what_a_source_says_of_a_tensor_goes_before_what_its_name_says() -> None:
    (spec,) = header("h.0.q_proj.scales 8x64 float16")
    found = group([msgspec.structs.replace(spec, refusal="its codes are missing")])
    assert reasons(found) == {"h.0.q_proj.scales": "its codes are missing"}


def test_tied_tensors_are_counted_once() -> None:
    shared, head = header("transformer.wte.weight 500x64\nlm_head.weight 500x64")
    found = group([shared, msgspec.structs.replace(head, tied_to="transformer.wte.weight")])
    assert table(found) == ["transformer.wte embedding.token - 500x64"]
    assert reasons(found) == {"lm_head.weight": "the same memory as transformer.wte.weight, counted once"}


def test_a_tied_head_is_the_embedding_whichever_is_stored_first() -> None:
    head, shared = header("lm_head.weight 500x64\ntransformer.wte.weight 500x64")
    found = group([head, msgspec.structs.replace(shared, tied_to="lm_head.weight")])
    assert table(found) == ["transformer.wte embedding.token - 500x64"]
    assert reasons(found) == {"lm_head.weight": "the same memory as transformer.wte.weight, counted once"}


def test_a_tie_to_a_copy_that_is_left_out_does_not_lose_the_weight() -> None:
    ema, mine, again = header("ema.fc.weight 64x64\nfc.weight 64x64\nfc_again.weight 64x64")
    tied = [msgspec.structs.replace(spec, tied_to="ema.fc.weight") for spec in (mine, again)]
    found = group([ema, *tied])
    assert table(found) == ["fc head - 64x64"]
    assert reasons(found)["fc_again.weight"] == "the same memory as fc.weight, counted once"


def test_names_stay_unique_where_the_short_one_is_taken() -> None:
    assert table(group(header("a 64x32\na.weight 32x64"))) == ["a dense - 64x32", "a.weight dense - 64x32"]
    assert table(group(header(".weight 64x32"))) == [".weight dense - 64x32"]


def test_a_name_without_end_does_not_stall_the_matching() -> None:
    start = time.process_time()
    found = group(header("a_" * 100_000 + " 64x32\n" + "layers.0." * 20_000 + "q_proj.weight 64x32"))
    assert [layer.kind for layer in found.layers] == ["dense", "dense"]
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("conv.weight 64x32x3x3", "conv conv - 64x32 9"),
        ("conv.weight 32x64x3x5", "conv conv - 64x32 15"),
        ("conv.weight 64x32x1x1", "conv conv - 64x32"),
        ("conv.weight 64x32x7", "conv conv - 64x32 7"),
        ("conv.weight 64x32x3x3x3", "conv conv - 64x32 27"),
        ("conv.weight 16x1x4x4", "conv conv - 16x1 16"),
    ],
)
def test_convolutions_have_a_matrix_a_position(line: str, row: str) -> None:
    assert table(group(header(line))) == [row]


def test_a_source_that_knows_the_groups_is_believed() -> None:
    layer = only("conv.weight 64x32x3x3", groups=2)
    assert (layer.shape, layer.count, layer.cut.groups) == ((32, 32), 18, 2)
    (spec,) = header("conv.weight 64x1x3x3")
    found = group([msgspec.structs.replace(spec, groups=64)])
    assert reasons(found) == {"conv.weight": "depthwise: one input channel per group, its slices are vectors"}


def test_transposed_convolutions_are_recognised() -> None:
    assert only("up.weight 64x32x4x4", conv_transposed=True).cut.view == "conv-transposed"
    by_bias = group(header("up.weight 64x32x4x4\nup.bias 32")).layers[0]
    assert by_bias.cut.view == "conv-transposed"
    plain = group(header("conv.weight 64x32x4x4\nconv.bias 64")).layers[0]
    assert plain.cut.view == "conv"
    grouped = only("up.weight 64x32x4x4", conv_transposed=True, groups=2)
    assert (grouped.shape, grouped.count) == ((32, 32), 32)


def test_stages_and_blocks_count_through() -> None:
    text = "\n".join(f"stages.{s}.blocks.{b}.mlp.fc1.weight 64x16" for s, n in enumerate((3, 11)) for b in range(n))
    assert [layer.block for layer in group(header(text)).layers] == list(range(14))


def test_nothing_in_nothing_out() -> None:
    assert group([]).layers == group([]).skipped == ()


def test_fifty_thousand_tensors_take_about_a_second() -> None:
    names = [
        f"model.layers.{block}.mlp.experts.{expert}.{part}_proj.weight"
        for block in range(64)
        for expert in range(256)
        for part in ("gate", "up", "down")
    ]
    specs = [TensorSpec(name=name, shape=(64, 64), dtype="bfloat16", nbytes=8192) for name in names]
    start = time.process_time()
    found = group(specs)
    assert len(found.layers) == len(specs) == 49152
    assert time.process_time() - start < 4  # it takes about 0.5 s; the rest is for a loaded machine

"""llama.cpp's names mean what the names of transformers mean: the package's own table says which is which."""

from __future__ import annotations

from math import prod

import gguf
import pytest

from eigentail.layers import group
from eigentail.records import TensorSpec

Shapes = dict[str, tuple[int, ...]]
NORMS: Shapes = {"input_layernorm": (64,), "post_attention_layernorm": (64,)}
ATTENTION: Shapes = {f"self_attn.{name}_proj": (64 if name in "qo" else 32, 64) for name in "qkvo"}
DENSE: Shapes = {"mlp.gate_proj": (96, 64), "mlp.up_proj": (96, 64), "mlp.down_proj": (64, 96)}
FUSED: Shapes = {"self_attn.qkv_proj": (128, 64), "self_attn.o_proj": (64, 64), "mlp.gate_up_proj": (192, 64)}
STACKS: Shapes = {f"mlp.experts.{name}": (4, *size) for name, size in [("gate_proj", (48, 64)), ("up_proj", (48, 64))]}
STACKS |= {"mlp.experts.down_proj": (4, 64, 48), "mlp.gate": (4, 64)}
CASES: dict[str, tuple[gguf.MODEL_ARCH, Shapes]] = {
    "llama": (gguf.MODEL_ARCH.LLAMA, NORMS | ATTENTION | DENSE),
    "phi3": (gguf.MODEL_ARCH.PHI3, NORMS | FUSED | {"mlp.down_proj": (64, 96)}),
    "qwen2moe": (gguf.MODEL_ARCH.QWEN2MOE, NORMS | ATTENTION | STACKS),
}


def kinds(shapes: Shapes) -> list[tuple[str, int | None, tuple[int, int]]]:
    """Kind, depth and size of every layer, in order."""
    specs = [TensorSpec(name=name, shape=size, dtype="float32", nbytes=4 * prod(size)) for name, size in shapes.items()]
    layers = group(specs, {"num_attention_heads": 4, "num_key_value_heads": 2}).layers
    return [(layer.kind, layer.block, layer.shape) for layer in layers]


@pytest.mark.parametrize("case", CASES)
def test_kinds_depths_and_pieces_are_those_of_the_names_of_transformers(case: str) -> None:
    arch, block = CASES[case]
    theirs: Shapes = {"model.embed_tokens.weight": (100, 64)}
    theirs |= {f"model.layers.{at}.{name}.weight": size for at in range(2) for name, size in block.items()}
    theirs |= {"model.norm.weight": (64,), "lm_head.weight": (100, 64)}
    table = gguf.get_tensor_name_map(arch, 2)
    ours = {table.get_name(name, (".weight",)): size for name, size in theirs.items()}
    assert None not in ours
    found = kinds(ours)
    assert found == kinds(theirs)
    assert not [kind for kind, _, _ in found if kind in ("dense", "attention.qkv", "mlp.gate_up", "expert")]


def test_experts_of_a_stack_are_layers_of_their_own() -> None:
    shapes: Shapes = {f"blk.3.ffn_{name}_exps.weight": (8, 48, 64) for name in ("gate", "up")}
    shapes |= {"blk.3.ffn_down_exps.weight": (8, 64, 48), "blk.3.ffn_gate_inp.weight": (8, 64)}
    shapes |= {"blk.4.ffn_gate_up_exps.weight": (8, 96, 64), "blk.4.ffn_down_exps.weight": (8, 64, 48)}
    found = kinds(shapes)
    assert found.count(("expert.gate", 3, (64, 48))) == 8
    assert found.count(("expert.down", 3, (64, 48))) == 8
    assert found.count(("expert.gate", 4, (64, 48))) == found.count(("expert.up", 4, (64, 48))) == 8
    assert ("router", 3, (64, 8)) in found


def test_what_is_called_a_layer_in_every_architecture_has_a_kind() -> None:
    """The matrices that most architectures of llama.cpp have in common."""
    common = [
        *(
            "attn_q",
            "attn_k",
            "attn_v",
            "attn_output",
            "attn_qkv",
            "attn_q_a",
            "attn_q_b",
            "attn_kv_a_mqa",
            "attn_kv_b",
        ),
        *("ffn_gate", "ffn_up", "ffn_down", "ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp", "ffn_gate_inp"),
        *("ssm_in", "ssm_x", "ssm_dt", "ssm_out"),
    ]
    known = {name.format(bid=0, xid=3) for name in gguf.TENSOR_NAMES.values()}
    shapes: Shapes = {f"blk.0.{name}.weight": (64, 48) for name in common}
    assert {name.removesuffix(".weight") for name in shapes} <= known | {
        "blk.0.ffn_gate.3",
        "blk.0.ffn_up.3",
        "blk.0.ffn_down.3",
    }
    assert "dense" not in {kind for kind, _, _ in kinds(shapes)}

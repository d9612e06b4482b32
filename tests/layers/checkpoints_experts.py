"""Checkpoints of mixtures of experts, scaled down."""

from __future__ import annotations

from checkpoints_text import Checkpoint

MIXTRAL = Checkpoint(
    """
    model.layers.0.self_attn.o_proj.weight 64x64
    model.layers.0.block_sparse_moe.gate.weight 8x64
    model.layers.0.block_sparse_moe.experts.0.w1.weight 96x64
    model.layers.0.block_sparse_moe.experts.0.w2.weight 64x96
    model.layers.0.block_sparse_moe.experts.0.w3.weight 96x64
    """,
    """
    model.layers.0.self_attn.o_proj attention.o 0 64x64
    model.layers.0.block_sparse_moe.gate router 0 64x8
    model.layers.0.block_sparse_moe.experts.0.w1 expert.gate 0 96x64
    model.layers.0.block_sparse_moe.experts.0.w2 expert.down 0 96x64
    model.layers.0.block_sparse_moe.experts.0.w3 expert.up 0 96x64
    """,
)

GRANITE = Checkpoint(
    """
    model.layers.0.block_sparse_moe.router.layer.weight 2x64
    model.layers.0.block_sparse_moe.input_linear.weight 2x96x64
    model.layers.0.block_sparse_moe.output_linear.weight 2x64x48
    """,
    """
    model.layers.0.block_sparse_moe.router.layer router 0 64x2
    model.layers.0.block_sparse_moe.0.gate expert.gate 0 64x48
    model.layers.0.block_sparse_moe.0.up expert.up 0 64x48
    model.layers.0.block_sparse_moe.1.gate expert.gate 0 64x48
    model.layers.0.block_sparse_moe.1.up expert.up 0 64x48
    model.layers.0.block_sparse_moe.0.down expert.down 0 64x48
    model.layers.0.block_sparse_moe.1.down expert.down 0 64x48
    """,
)

QWEN_MOE = Checkpoint(
    """
    model.layers.0.self_attn.o_proj.weight 64x64
    model.layers.0.mlp.gate.weight 8x64
    model.layers.0.mlp.experts.7.gate_proj.weight 32x64
    model.layers.0.mlp.experts.7.up_proj.weight 32x64
    model.layers.0.mlp.experts.7.down_proj.weight 64x32
    model.layers.0.mlp.shared_expert.gate_proj.weight 128x64
    model.layers.0.mlp.shared_expert.up_proj.weight 128x64
    model.layers.0.mlp.shared_expert.down_proj.weight 64x128
    model.layers.0.mlp.shared_expert_gate.weight 1x64
    """,
    """
    model.layers.0.self_attn.o_proj attention.o 0 64x64
    model.layers.0.mlp.gate router 0 64x8
    model.layers.0.mlp.experts.7.gate_proj expert.gate 0 64x32
    model.layers.0.mlp.experts.7.up_proj expert.up 0 64x32
    model.layers.0.mlp.experts.7.down_proj expert.down 0 64x32
    model.layers.0.mlp.shared_expert.gate_proj mlp.gate 0 128x64
    model.layers.0.mlp.shared_expert.up_proj mlp.up 0 128x64
    model.layers.0.mlp.shared_expert.down_proj mlp.down 0 128x64
    """,
)

STACKED = Checkpoint(
    """
    model.layers.0.mlp.gate.weight 2x64
    model.layers.0.mlp.experts.gate_up_proj 2x96x64
    model.layers.0.mlp.experts.down_proj 2x64x48
    """,
    """
    model.layers.0.mlp.gate router 0 64x2
    model.layers.0.mlp.experts.0.gate expert.gate 0 64x48
    model.layers.0.mlp.experts.0.up expert.up 0 64x48
    model.layers.0.mlp.experts.1.gate expert.gate 0 64x48
    model.layers.0.mlp.experts.1.up expert.up 0 64x48
    model.layers.0.mlp.experts.0.down expert.down 0 64x48
    model.layers.0.mlp.experts.1.down expert.down 0 64x48
    """,
)

LLAMA4 = Checkpoint(
    """
    language_model.model.layers.3.feed_forward.router.weight 2x64
    language_model.model.layers.3.feed_forward.experts.gate_up_proj 2x64x96
    language_model.model.layers.3.feed_forward.experts.down_proj 2x48x64
    language_model.model.layers.3.feed_forward.shared_expert.gate_proj.weight 48x64
    """,
    """
    language_model.model.layers.3.feed_forward.router router 3 64x2
    language_model.model.layers.3.feed_forward.experts.0.gate expert.gate 3 64x48
    language_model.model.layers.3.feed_forward.experts.0.up expert.up 3 64x48
    language_model.model.layers.3.feed_forward.experts.1.gate expert.gate 3 64x48
    language_model.model.layers.3.feed_forward.experts.1.up expert.up 3 64x48
    language_model.model.layers.3.feed_forward.experts.0.down expert.down 3 64x48
    language_model.model.layers.3.feed_forward.experts.1.down expert.down 3 64x48
    language_model.model.layers.3.feed_forward.shared_expert.gate_proj mlp.gate 3 64x48
    """,
)

GPT_OSS = Checkpoint(
    """
    model.layers.0.self_attn.sinks 8
    model.layers.0.self_attn.o_proj.weight 64x64
    model.layers.0.mlp.router.weight 2x64
    model.layers.0.mlp.experts.gate_up_proj 2x64x96
    model.layers.0.mlp.experts.gate_up_proj_bias 2x96
    model.layers.0.mlp.experts.down_proj 2x48x64
    model.layers.0.mlp.experts.down_proj_bias 2x64
    """,
    """
    model.layers.0.self_attn.o_proj attention.o 0 64x64
    model.layers.0.mlp.router router 0 64x2
    model.layers.0.mlp.experts.0.gate expert.gate 0 64x48
    model.layers.0.mlp.experts.0.up expert.up 0 64x48
    model.layers.0.mlp.experts.1.gate expert.gate 0 64x48
    model.layers.0.mlp.experts.1.up expert.up 0 64x48
    model.layers.0.mlp.experts.0.down expert.down 0 64x48
    model.layers.0.mlp.experts.1.down expert.down 0 64x48
    """,
)

DEEPSEEK = Checkpoint(
    """
    model.layers.1.self_attn.q_a_proj.weight 48x64
    model.layers.1.self_attn.q_b_proj.weight 96x48
    model.layers.1.self_attn.kv_a_proj_with_mqa.weight 40x64
    model.layers.1.self_attn.kv_b_proj.weight 128x32
    model.layers.1.self_attn.o_proj.weight 64x64
    model.layers.1.mlp.gate.weight 8x64
    model.layers.1.mlp.gate.e_score_correction_bias 8
    model.layers.1.mlp.experts.0.gate_proj.weight 32x64
    model.layers.1.mlp.shared_experts.down_proj.weight 64x32
    """,
    """
    model.layers.1.self_attn.q_a_proj attention.q_a 1 64x48
    model.layers.1.self_attn.q_b_proj attention.q_b 1 96x48
    model.layers.1.self_attn.kv_a_proj_with_mqa.latent attention.kv_a 1 64x32
    model.layers.1.self_attn.kv_a_proj_with_mqa.rope attention.kv_a 1 64x8
    model.layers.1.self_attn.kv_b_proj attention.kv_b 1 128x32
    model.layers.1.self_attn.o_proj attention.o 1 64x64
    model.layers.1.mlp.gate router 1 64x8
    model.layers.1.mlp.experts.0.gate_proj expert.gate 1 64x32
    model.layers.1.mlp.shared_experts.down_proj mlp.down 1 64x32
    """,
)

UNKNOWN_STACK = Checkpoint(
    """
    net.experts.w_a 2x48x64
    net.experts.gate_up_proj 2x96x64
    """,
    """
    net.experts.0.w_a expert - 64x48
    net.experts.1.w_a expert - 64x48
    net.experts.0.gate_up_proj expert.gate_up - 96x64
    net.experts.1.gate_up_proj expert.gate_up - 96x64
    """,
)

EXPERTS = {
    "mixtral": MIXTRAL,
    "granite": GRANITE,
    "qwen moe": QWEN_MOE,
    "stacked experts": STACKED,
    "llama 4": LLAMA4,
    "gpt-oss": GPT_OSS,
    "deepseek": DEEPSEEK,
    "unknown stack": UNKNOWN_STACK,
}

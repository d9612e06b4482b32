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
    model.layers.0.mlp.experts.0.gate_proj expert.gate 0 64x48
    model.layers.0.mlp.experts.0.up_proj expert.up 0 64x48
    model.layers.0.mlp.experts.1.gate_proj expert.gate 0 64x48
    model.layers.0.mlp.experts.1.up_proj expert.up 0 64x48
    model.layers.0.mlp.experts.0.down_proj expert.down 0 64x48
    model.layers.0.mlp.experts.1.down_proj expert.down 0 64x48
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
    language_model.model.layers.3.feed_forward.experts.0.gate_proj expert.gate 3 64x48
    language_model.model.layers.3.feed_forward.experts.0.up_proj expert.up 3 64x48
    language_model.model.layers.3.feed_forward.experts.1.gate_proj expert.gate 3 64x48
    language_model.model.layers.3.feed_forward.experts.1.up_proj expert.up 3 64x48
    language_model.model.layers.3.feed_forward.experts.0.down_proj expert.down 3 64x48
    language_model.model.layers.3.feed_forward.experts.1.down_proj expert.down 3 64x48
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
    model.layers.0.mlp.experts.0.gate_proj expert.gate 0 64x48
    model.layers.0.mlp.experts.0.up_proj expert.up 0 64x48
    model.layers.0.mlp.experts.1.gate_proj expert.gate 0 64x48
    model.layers.0.mlp.experts.1.up_proj expert.up 0 64x48
    model.layers.0.mlp.experts.0.down_proj expert.down 0 64x48
    model.layers.0.mlp.experts.1.down_proj expert.down 0 64x48
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

DEEPSEEK_ORIGINAL = Checkpoint(
    """
    embed.weight 96x64
    layers.0.attn.wq_a.weight 48x64
    layers.0.attn.wq_b.weight 96x48
    layers.0.attn.wkv_a.weight 40x64
    layers.0.attn.wkv_b.weight 128x32
    layers.0.attn.wo.weight 64x64
    layers.0.ffn.w1.weight 112x64
    layers.0.ffn.w2.weight 64x112
    layers.0.ffn.w3.weight 112x64
    layers.1.ffn.gate.weight 8x64
    layers.1.ffn.gate.bias 8
    layers.1.ffn.experts.7.w1.weight 32x64
    layers.1.ffn.experts.7.w2.weight 64x32
    layers.1.ffn.experts.7.w3.weight 32x64
    layers.1.ffn.shared_experts.w2.weight 64x32
    head.weight 96x64
    """,
    """
    embed embedding.token - 96x64
    layers.0.attn.wq_a attention.q_a 0 64x48
    layers.0.attn.wq_b attention.q_b 0 96x48
    layers.0.attn.wkv_a.latent attention.kv_a 0 64x32
    layers.0.attn.wkv_a.rope attention.kv_a 0 64x8
    layers.0.attn.wkv_b attention.kv_b 0 128x32
    layers.0.attn.wo attention.o 0 64x64
    layers.0.ffn.w1 mlp.gate 0 112x64
    layers.0.ffn.w2 mlp.down 0 112x64
    layers.0.ffn.w3 mlp.up 0 112x64
    layers.1.ffn.gate router 1 64x8
    layers.1.ffn.experts.7.w1 expert.gate 1 64x32
    layers.1.ffn.experts.7.w2 expert.down 1 64x32
    layers.1.ffn.experts.7.w3 expert.up 1 64x32
    layers.1.ffn.shared_experts.w2 mlp.down 1 64x32
    head head - 96x64
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

DBRX = Checkpoint(
    """
    lm_head.weight 96x64
    transformer.blocks.0.ffn.experts.mlp.v1 160x64
    transformer.blocks.0.ffn.experts.mlp.w1 160x64
    transformer.blocks.0.ffn.experts.mlp.w2 160x64
    transformer.blocks.0.ffn.router.layer.weight 2x64
    transformer.wte.weight 96x64
    """,
    """
    lm_head head - 96x64
    transformer.blocks.0.ffn.experts.mlp.0.v1 expert.up 0 80x64
    transformer.blocks.0.ffn.experts.mlp.1.v1 expert.up 0 80x64
    transformer.blocks.0.ffn.experts.mlp.0.w1 expert.gate 0 80x64
    transformer.blocks.0.ffn.experts.mlp.1.w1 expert.gate 0 80x64
    transformer.blocks.0.ffn.experts.mlp.0.w2 expert.down 0 80x64
    transformer.blocks.0.ffn.experts.mlp.1.w2 expert.down 0 80x64
    transformer.blocks.0.ffn.router.layer router 0 64x2
    transformer.wte embedding.token - 96x64
    """,
)

JETMOE = Checkpoint(
    """
    model.embed_tokens.weight 96x64
    model.layers.0.mlp.input_linear.weight 2x224x64
    model.layers.0.mlp.output_linear.weight 2x64x112
    model.layers.0.mlp.router.layer.weight 2x64
    model.layers.0.self_attention.experts.input_linear.weight 2x64x64
    model.layers.0.self_attention.experts.output_linear.weight 2x64x64
    model.layers.0.self_attention.experts.router.layer.weight 2x64
    model.layers.0.self_attention.kv_proj.weight 128x64
    """,
    """
    model.embed_tokens embedding.token - 96x64
    model.layers.0.mlp.0.gate expert.gate 0 112x64
    model.layers.0.mlp.0.up expert.up 0 112x64
    model.layers.0.mlp.1.gate expert.gate 0 112x64
    model.layers.0.mlp.1.up expert.up 0 112x64
    model.layers.0.mlp.0.down expert.down 0 112x64
    model.layers.0.mlp.1.down expert.down 0 112x64
    model.layers.0.mlp.router.layer router 0 64x2
    model.layers.0.self_attention.experts.0.input_linear attention.q 0 64x64
    model.layers.0.self_attention.experts.1.input_linear attention.q 0 64x64
    model.layers.0.self_attention.experts.0.output_linear attention.o 0 64x64
    model.layers.0.self_attention.experts.1.output_linear attention.o 0 64x64
    model.layers.0.self_attention.experts.router.layer router 0 64x2
    model.layers.0.self_attention.kv_proj.k attention.k 0 64x64
    model.layers.0.self_attention.kv_proj.v attention.v 0 64x64
    """,
)

GRANITE_IN_MEMORY = Checkpoint(
    """
    model.embed_tokens.weight 96x64
    model.layers.0.block_sparse_moe.router.weight 2x64
    model.layers.0.block_sparse_moe.experts.gate_up_proj 2x224x64
    model.layers.0.block_sparse_moe.experts.down_proj 2x64x112
    lm_head.weight 96x64
    """,
    """
    model.embed_tokens embedding.token - 96x64
    model.layers.0.block_sparse_moe.router router 0 64x2
    model.layers.0.block_sparse_moe.experts.0.gate_proj expert.gate 0 112x64
    model.layers.0.block_sparse_moe.experts.0.up_proj expert.up 0 112x64
    model.layers.0.block_sparse_moe.experts.1.gate_proj expert.gate 0 112x64
    model.layers.0.block_sparse_moe.experts.1.up_proj expert.up 0 112x64
    model.layers.0.block_sparse_moe.experts.0.down_proj expert.down 0 112x64
    model.layers.0.block_sparse_moe.experts.1.down_proj expert.down 0 112x64
    lm_head head - 96x64
    """,
)

SWITCH = Checkpoint(
    """
    encoder.block.0.layer.0.SelfAttention.k.weight 64x64
    encoder.block.0.layer.0.SelfAttention.o.weight 64x64
    encoder.block.0.layer.0.SelfAttention.q.weight 64x64
    encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight 32x4
    encoder.block.0.layer.0.SelfAttention.v.weight 64x64
    encoder.block.0.layer.1.mlp.wi.weight 112x64
    encoder.block.0.layer.1.mlp.wo.weight 64x112
    encoder.block.1.layer.1.mlp.experts.expert_0.wi.weight 112x64
    encoder.block.1.layer.1.mlp.experts.expert_0.wo.weight 64x112
    encoder.block.1.layer.1.mlp.experts.expert_3.wi.weight 112x64
    encoder.block.1.layer.1.mlp.experts.expert_3.wo.weight 64x112
    encoder.block.1.layer.1.mlp.router.classifier.weight 4x64
    shared.weight 96x64
    """,
    """
    encoder.block.0.layer.0.SelfAttention.k attention.k 0 64x64
    encoder.block.0.layer.0.SelfAttention.o attention.o 0 64x64
    encoder.block.0.layer.0.SelfAttention.q attention.q 0 64x64
    encoder.block.0.layer.0.SelfAttention.relative_attention_bias embedding.position 0 32x4
    encoder.block.0.layer.0.SelfAttention.v attention.v 0 64x64
    encoder.block.0.layer.1.mlp.wi mlp.up 0 112x64
    encoder.block.0.layer.1.mlp.wo mlp.down 0 112x64
    encoder.block.1.layer.1.mlp.experts.expert_0.wi expert.up 1 112x64
    encoder.block.1.layer.1.mlp.experts.expert_0.wo expert.down 1 112x64
    encoder.block.1.layer.1.mlp.experts.expert_3.wi expert.up 1 112x64
    encoder.block.1.layer.1.mlp.experts.expert_3.wo expert.down 1 112x64
    encoder.block.1.layer.1.mlp.router.classifier router 1 64x4
    shared embedding.token - 96x64
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
    "dbrx": DBRX,
    "jetmoe": JETMOE,
    "granite in memory": GRANITE_IN_MEMORY,
    "switch": SWITCH,
    "deepseek original": DEEPSEEK_ORIGINAL,
    "unknown stack": UNKNOWN_STACK,
}

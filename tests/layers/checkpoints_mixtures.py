"""Checkpoints that mix kinds of attention and recurrence, as transformers 5 writes them, one block of each."""

from __future__ import annotations

from checkpoints_text import Checkpoint

MPNET = Checkpoint(
    """
    lm_head.dense.weight 64x64
    lm_head.layer_norm.weight 64
    mpnet.embeddings.position_embeddings.weight 48x64
    mpnet.embeddings.word_embeddings.weight 96x64
    mpnet.encoder.layer.0.attention.attn.k.weight 64x64
    mpnet.encoder.layer.0.attention.attn.o.weight 64x64
    mpnet.encoder.layer.0.attention.attn.q.weight 64x64
    mpnet.encoder.layer.0.attention.attn.v.weight 64x64
    mpnet.encoder.layer.0.intermediate.dense.weight 112x64
    mpnet.encoder.layer.0.output.dense.weight 64x112
    mpnet.encoder.relative_attention_bias.weight 32x4
    """,
    """
    lm_head.dense dense - 64x64
    mpnet.embeddings.position_embeddings embedding.position - 64x48
    mpnet.embeddings.word_embeddings embedding.token - 96x64
    mpnet.encoder.layer.0.attention.attn.k attention.k 0 64x64
    mpnet.encoder.layer.0.attention.attn.o attention.o 0 64x64
    mpnet.encoder.layer.0.attention.attn.q attention.q 0 64x64
    mpnet.encoder.layer.0.attention.attn.v attention.v 0 64x64
    mpnet.encoder.layer.0.intermediate.dense mlp.up 0 112x64
    mpnet.encoder.layer.0.output.dense mlp.down 0 112x64
    mpnet.encoder.relative_attention_bias embedding.position - 32x4
    """,
)

LONGFORMER = Checkpoint(
    """
    lm_head.dense.weight 64x64
    lm_head.layer_norm.weight 64
    longformer.encoder.layer.0.attention.output.dense.weight 64x64
    longformer.encoder.layer.0.attention.self.key.weight 64x64
    longformer.encoder.layer.0.attention.self.key_global.weight 64x64
    longformer.encoder.layer.0.attention.self.query.weight 64x64
    longformer.encoder.layer.0.attention.self.query_global.weight 64x64
    longformer.encoder.layer.0.attention.self.value.weight 64x64
    longformer.encoder.layer.0.attention.self.value_global.weight 64x64
    longformer.encoder.layer.0.intermediate.dense.weight 112x64
    longformer.encoder.layer.0.output.dense.weight 64x112
    """,
    """
    lm_head.dense dense - 64x64
    longformer.encoder.layer.0.attention.output.dense attention.o 0 64x64
    longformer.encoder.layer.0.attention.self.key attention.k 0 64x64
    longformer.encoder.layer.0.attention.self.key_global attention.k 0 64x64
    longformer.encoder.layer.0.attention.self.query attention.q 0 64x64
    longformer.encoder.layer.0.attention.self.query_global attention.q 0 64x64
    longformer.encoder.layer.0.attention.self.value attention.v 0 64x64
    longformer.encoder.layer.0.attention.self.value_global attention.v 0 64x64
    longformer.encoder.layer.0.intermediate.dense mlp.up 0 112x64
    longformer.encoder.layer.0.output.dense mlp.down 0 112x64
    """,
)

FUNNEL = Checkpoint(
    """
    funnel.embeddings.word_embeddings.weight 96x64
    funnel.encoder.blocks.0.0.attention.k_head.weight 64x64
    funnel.encoder.blocks.0.0.attention.post_proj.weight 64x64
    funnel.encoder.blocks.0.0.attention.q_head.weight 64x64
    funnel.encoder.blocks.0.0.attention.r_kernel 64x4x16
    funnel.encoder.blocks.0.0.attention.r_r_bias 4x16
    funnel.encoder.blocks.0.0.attention.r_s_bias 4x16
    funnel.encoder.blocks.0.0.attention.r_w_bias 4x16
    funnel.encoder.blocks.0.0.attention.seg_embed 2x4x16
    funnel.encoder.blocks.0.0.attention.v_head.weight 64x64
    funnel.encoder.blocks.0.0.ffn.linear_1.weight 112x64
    funnel.encoder.blocks.0.0.ffn.linear_2.weight 64x112
    """,
    """
    funnel.embeddings.word_embeddings embedding.token - 96x64
    funnel.encoder.blocks.0.0.attention.k_head attention.k 0 64x64
    funnel.encoder.blocks.0.0.attention.post_proj attention.o 0 64x64
    funnel.encoder.blocks.0.0.attention.q_head attention.q 0 64x64
    funnel.encoder.blocks.0.0.attention.r_kernel attention.position 0 64x64
    funnel.encoder.blocks.0.0.attention.v_head attention.v 0 64x64
    funnel.encoder.blocks.0.0.ffn.linear_1 mlp.up 0 112x64
    funnel.encoder.blocks.0.0.ffn.linear_2 mlp.down 0 112x64
    """,
)

LFM2 = Checkpoint(
    """
    model.embed_tokens.weight 96x64
    model.layers.0.conv.conv.weight 64x1x3
    model.layers.0.conv.in_proj.weight 192x64
    model.layers.0.conv.out_proj.weight 64x64
    model.layers.0.feed_forward.w1.weight 256x64
    model.layers.0.feed_forward.w2.weight 64x256
    model.layers.0.feed_forward.w3.weight 256x64
    model.layers.1.self_attn.k_proj.weight 32x64
    model.layers.1.self_attn.out_proj.weight 64x64
    model.layers.1.self_attn.q_proj.weight 64x64
    model.layers.1.self_attn.v_proj.weight 32x64
    """,
    """
    model.embed_tokens embedding.token - 96x64
    model.layers.0.conv.in_proj.B ssm.in 0 64x64
    model.layers.0.conv.in_proj.C ssm.in 0 64x64
    model.layers.0.conv.in_proj.x ssm.in 0 64x64
    model.layers.0.conv.out_proj ssm.out 0 64x64
    model.layers.0.feed_forward.w1 mlp.gate 0 256x64
    model.layers.0.feed_forward.w2 mlp.down 0 256x64
    model.layers.0.feed_forward.w3 mlp.up 0 256x64
    model.layers.1.self_attn.k_proj attention.k 1 64x32
    model.layers.1.self_attn.out_proj attention.o 1 64x64
    model.layers.1.self_attn.q_proj attention.q 1 64x64
    model.layers.1.self_attn.v_proj attention.v 1 64x32
    """,
)

GRANITE_HYBRID = Checkpoint(
    """
    lm_head.weight 96x64
    model.embed_tokens.weight 96x64
    model.layers.0.mamba.A_log 8
    model.layers.0.mamba.D 8
    model.layers.0.mamba.conv1d.weight 144x1x4
    model.layers.0.mamba.dt_bias 8
    model.layers.0.mamba.in_proj.weight 280x64
    model.layers.0.mamba.out_proj.weight 64x128
    model.layers.0.shared_mlp.input_linear.weight 144x64
    model.layers.0.shared_mlp.output_linear.weight 64x72
    model.layers.1.self_attn.k_proj.weight 32x64
    model.layers.1.self_attn.o_proj.weight 64x64
    model.layers.1.self_attn.q_proj.weight 64x64
    model.layers.1.self_attn.v_proj.weight 32x64
    """,
    """
    lm_head head - 96x64
    model.embed_tokens embedding.token - 96x64
    model.layers.0.mamba.in_proj.z ssm.in 0 128x64
    model.layers.0.mamba.in_proj.xBC ssm.in 0 144x64
    model.layers.0.mamba.in_proj.dt ssm.in 0 64x8
    model.layers.0.mamba.out_proj ssm.out 0 128x64
    model.layers.0.shared_mlp.input_linear.gate mlp.gate 0 72x64
    model.layers.0.shared_mlp.input_linear.up mlp.up 0 72x64
    model.layers.0.shared_mlp.output_linear mlp.down 0 72x64
    model.layers.1.self_attn.k_proj attention.k 1 64x32
    model.layers.1.self_attn.o_proj attention.o 1 64x64
    model.layers.1.self_attn.q_proj attention.q 1 64x64
    model.layers.1.self_attn.v_proj attention.v 1 64x32
    """,
)

GRIFFIN = Checkpoint(
    """
    model.embed_tokens.weight 96x64
    model.layers.0.temporal_block.conv_1d.weight 64x1x4
    model.layers.0.temporal_block.linear_out.weight 64x64
    model.layers.0.temporal_block.linear_x.weight 64x64
    model.layers.0.temporal_block.linear_y.weight 64x64
    model.layers.0.temporal_block.rg_lru.input_gate_bias 4x16
    model.layers.0.temporal_block.rg_lru.input_gate_weight 4x16x16
    model.layers.0.temporal_block.rg_lru.recurrent_gate_bias 4x16
    model.layers.0.temporal_block.rg_lru.recurrent_gate_weight 4x16x16
    model.layers.0.temporal_block.rg_lru.recurrent_param 64
    model.layers.2.temporal_block.k_proj.weight 64x64
    model.layers.2.temporal_block.o_proj.weight 64x64
    model.layers.2.temporal_block.q_proj.weight 64x64
    model.layers.2.temporal_block.v_proj.weight 64x64
    """,
    """
    model.embed_tokens embedding.token - 96x64
    model.layers.0.temporal_block.linear_out ssm.out 0 64x64
    model.layers.0.temporal_block.linear_x ssm.in 0 64x64
    model.layers.0.temporal_block.linear_y ssm.in 0 64x64
    model.layers.0.temporal_block.rg_lru.0.input_gate_weight rnn.input 0 16x16
    model.layers.0.temporal_block.rg_lru.1.input_gate_weight rnn.input 0 16x16
    model.layers.0.temporal_block.rg_lru.2.input_gate_weight rnn.input 0 16x16
    model.layers.0.temporal_block.rg_lru.3.input_gate_weight rnn.input 0 16x16
    model.layers.0.temporal_block.rg_lru.0.recurrent_gate_weight rnn.input 0 16x16
    model.layers.0.temporal_block.rg_lru.1.recurrent_gate_weight rnn.input 0 16x16
    model.layers.0.temporal_block.rg_lru.2.recurrent_gate_weight rnn.input 0 16x16
    model.layers.0.temporal_block.rg_lru.3.recurrent_gate_weight rnn.input 0 16x16
    model.layers.2.temporal_block.k_proj attention.k 2 64x64
    model.layers.2.temporal_block.o_proj attention.o 2 64x64
    model.layers.2.temporal_block.q_proj attention.q 2 64x64
    model.layers.2.temporal_block.v_proj attention.v 2 64x64
    """,
)

NEMOTRON_H = Checkpoint(
    """
    backbone.embeddings.weight 96x64
    backbone.layers.0.mixer.A_log 8
    backbone.layers.0.mixer.D 8
    backbone.layers.0.mixer.conv1d.weight 160x1x4
    backbone.layers.0.mixer.dt_bias 8
    backbone.layers.0.mixer.in_proj.weight 296x64
    backbone.layers.0.mixer.out_proj.weight 64x128
    backbone.layers.1.mixer.k_proj.weight 32x64
    backbone.layers.1.mixer.o_proj.weight 64x64
    backbone.layers.1.mixer.q_proj.weight 64x64
    backbone.layers.1.mixer.v_proj.weight 32x64
    backbone.layers.2.mixer.gate.e_score_correction_bias 4
    backbone.layers.2.mixer.gate.weight 4x64
    backbone.layers.2.mixer.shared_experts.down_proj.weight 64x56
    backbone.layers.2.mixer.shared_experts.up_proj.weight 56x64
    lm_head.weight 96x64
    """,
    """
    backbone.embeddings embedding.token - 96x64
    backbone.layers.0.mixer.in_proj.z ssm.in 0 128x64
    backbone.layers.0.mixer.in_proj.xBC ssm.in 0 160x64
    backbone.layers.0.mixer.in_proj.dt ssm.in 0 64x8
    backbone.layers.0.mixer.out_proj ssm.out 0 128x64
    backbone.layers.1.mixer.k_proj attention.k 1 64x32
    backbone.layers.1.mixer.o_proj attention.o 1 64x64
    backbone.layers.1.mixer.q_proj attention.q 1 64x64
    backbone.layers.1.mixer.v_proj attention.v 1 64x32
    backbone.layers.2.mixer.gate router 2 64x4
    backbone.layers.2.mixer.shared_experts.down_proj mlp.down 2 64x56
    backbone.layers.2.mixer.shared_experts.up_proj mlp.up 2 64x56
    lm_head head - 96x64
    """,
)

QWEN3_NEXT = Checkpoint(
    """
    lm_head.weight 96x64
    model.embed_tokens.weight 96x64
    model.layers.0.linear_attn.A_log 4
    model.layers.0.linear_attn.conv1d.weight 128x1x4
    model.layers.0.linear_attn.dt_bias 4
    model.layers.0.linear_attn.in_proj_ba.weight 8x64
    model.layers.0.linear_attn.in_proj_qkvz.weight 192x64
    model.layers.0.linear_attn.out_proj.weight 64x64
    model.layers.1.self_attn.k_proj.weight 32x64
    model.layers.1.self_attn.o_proj.weight 64x64
    model.layers.1.self_attn.q_proj.weight 128x64
    model.layers.1.self_attn.v_proj.weight 32x64
    """,
    """
    lm_head head - 96x64
    model.embed_tokens embedding.token - 96x64
    model.layers.0.linear_attn.in_proj_ba attention.gate 0 64x8
    model.layers.0.linear_attn.in_proj_qkvz attention.qkv 0 192x64
    model.layers.0.linear_attn.out_proj attention.o 0 64x64
    model.layers.1.self_attn.k_proj attention.k 1 64x32
    model.layers.1.self_attn.o_proj attention.o 1 64x64
    model.layers.1.self_attn.q_proj attention.q 1 128x64
    model.layers.1.self_attn.v_proj attention.v 1 64x32
    """,
)

MINIMAX = Checkpoint(
    """
    model.embed_tokens.weight 96x64
    model.layers.0.self_attn.slope_rate 4x1x1
    model.layers.0.self_attn.query_decay 4x256x1
    model.layers.0.self_attn.key_decay 4x256x1
    model.layers.0.self_attn.diagonal_decay 1x4x256x256
    model.layers.0.self_attn.qkv_proj.weight 192x64
    model.layers.0.self_attn.out_proj.weight 64x64
    model.layers.0.self_attn.output_gate.weight 64x64
    lm_head.weight 96x64
    """,
    """
    model.embed_tokens embedding.token - 96x64
    model.layers.0.self_attn.qkv_proj.q attention.q 0 64x64
    model.layers.0.self_attn.qkv_proj.k attention.k 0 64x64
    model.layers.0.self_attn.qkv_proj.v attention.v 0 64x64
    model.layers.0.self_attn.out_proj attention.o 0 64x64
    model.layers.0.self_attn.output_gate attention.gate 0 64x64
    lm_head head - 96x64
    """,
    {"num_attention_heads": 4},
)

MUSICGEN = Checkpoint(
    """
    lm_heads.0.weight 96x64
    lm_heads.3.weight 96x64
    model.decoder.embed_tokens.0.weight 97x64
    model.decoder.embed_tokens.3.weight 97x64
    """,
    """
    lm_heads.0 head - 96x64
    lm_heads.3 head - 96x64
    model.decoder.embed_tokens.0 embedding.token - 97x64
    model.decoder.embed_tokens.3 embedding.token - 97x64
    """,
)

SEAMLESS = Checkpoint(
    """
    shared.weight 96x64
    text_decoder.layers.0.cross_attention.k_proj.weight 64x64
    text_decoder.layers.0.cross_attention.out_proj.weight 64x64
    text_decoder.layers.0.cross_attention.q_proj.weight 64x64
    text_decoder.layers.0.cross_attention.v_proj.weight 64x64
    text_decoder.layers.0.ffn.fc1.weight 112x64
    text_decoder.layers.0.ffn.fc2.weight 64x112
    text_decoder.layers.0.self_attn.k_proj.weight 64x64
    text_decoder.layers.0.self_attn.out_proj.weight 64x64
    text_decoder.layers.0.self_attn.q_proj.weight 64x64
    text_decoder.layers.0.self_attn.v_proj.weight 64x64
    """,
    """
    shared embedding.token - 96x64
    text_decoder.layers.0.cross_attention.k_proj cross.k 0 64x64
    text_decoder.layers.0.cross_attention.out_proj cross.o 0 64x64
    text_decoder.layers.0.cross_attention.q_proj cross.q 0 64x64
    text_decoder.layers.0.cross_attention.v_proj cross.v 0 64x64
    text_decoder.layers.0.ffn.fc1 mlp.up 0 112x64
    text_decoder.layers.0.ffn.fc2 mlp.down 0 112x64
    text_decoder.layers.0.self_attn.k_proj attention.k 0 64x64
    text_decoder.layers.0.self_attn.out_proj attention.o 0 64x64
    text_decoder.layers.0.self_attn.q_proj attention.q 0 64x64
    text_decoder.layers.0.self_attn.v_proj attention.v 0 64x64
    """,
)

MIXTURES = {
    "mpnet": MPNET,
    "longformer": LONGFORMER,
    "funnel": FUNNEL,
    "lfm 2": LFM2,
    "granite hybrid": GRANITE_HYBRID,
    "griffin": GRIFFIN,
    "nemotron-h": NEMOTRON_H,
    "qwen 3 next": QWEN3_NEXT,
    "minimax": MINIMAX,
    "musicgen": MUSICGEN,
    "seamless": SEAMLESS,
}

"""Checkpoints of language models, scaled down: header, what their layers are, and what lies beside them in a config."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Checkpoint(NamedTuple):
    header: str
    layers: str
    config: Mapping[str, object] = MappingProxyType({})


GPT2 = Checkpoint(
    """
    transformer.wte.weight 500x64
    transformer.wpe.weight 128x64
    transformer.h.0.ln_1.weight 64
    transformer.h.0.attn.bias 1x1x128x128
    transformer.h.0.attn.masked_bias -
    transformer.h.0.attn.c_attn.weight 64x192
    transformer.h.0.attn.c_attn.bias 192
    transformer.h.0.attn.c_proj.weight 64x64
    transformer.h.0.mlp.c_fc.weight 64x256
    transformer.h.0.mlp.c_proj.weight 256x64
    transformer.h.11.attn.c_attn.weight 64x192
    transformer.h.11.attn.c_proj.weight 64x64
    """,
    """
    transformer.wte embedding.token - 500x64
    transformer.wpe embedding.position - 128x64
    transformer.h.0.attn.c_attn.q attention.q 0 64x64
    transformer.h.0.attn.c_attn.k attention.k 0 64x64
    transformer.h.0.attn.c_attn.v attention.v 0 64x64
    transformer.h.0.attn.c_proj attention.o 0 64x64
    transformer.h.0.mlp.c_fc mlp.up 0 256x64
    transformer.h.0.mlp.c_proj mlp.down 0 256x64
    transformer.h.11.attn.c_attn.q attention.q 11 64x64
    transformer.h.11.attn.c_attn.k attention.k 11 64x64
    transformer.h.11.attn.c_attn.v attention.v 11 64x64
    transformer.h.11.attn.c_proj attention.o 11 64x64
    """,
)

GPT2_WITH_CROSS_ATTENTION = Checkpoint(
    """
    transformer.h.0.attn.c_attn.weight 64x192
    transformer.h.0.attn.c_proj.weight 64x64
    transformer.h.0.crossattention.c_attn.weight 64x128
    transformer.h.0.crossattention.q_attn.weight 64x64
    transformer.h.0.crossattention.c_proj.weight 64x64
    """,
    """
    transformer.h.0.attn.c_attn.q attention.q 0 64x64
    transformer.h.0.attn.c_attn.k attention.k 0 64x64
    transformer.h.0.attn.c_attn.v attention.v 0 64x64
    transformer.h.0.attn.c_proj attention.o 0 64x64
    transformer.h.0.crossattention.c_attn.k cross.k 0 64x64
    transformer.h.0.crossattention.c_attn.v cross.v 0 64x64
    transformer.h.0.crossattention.q_attn cross.q 0 64x64
    transformer.h.0.crossattention.c_proj cross.o 0 64x64
    """,
)

STARCODER = Checkpoint(
    """
    transformer.h.0.attn.c_attn.weight 96x64
    transformer.h.0.attn.c_proj.weight 64x64
    """,
    """
    transformer.h.0.attn.c_attn.q attention.q 0 64x64
    transformer.h.0.attn.c_attn.k attention.k 0 64x16
    transformer.h.0.attn.c_attn.v attention.v 0 64x16
    transformer.h.0.attn.c_proj attention.o 0 64x64
    """,
)

LLAMA = Checkpoint(
    """
    model.embed_tokens.weight 512x64
    model.layers.0.self_attn.q_proj.weight 64x64
    model.layers.0.self_attn.k_proj.weight 16x64
    model.layers.0.self_attn.v_proj.weight 16x64
    model.layers.0.self_attn.o_proj.weight 64x64
    model.layers.0.self_attn.rotary_emb.inv_freq 8
    model.layers.0.mlp.gate_proj.weight 172x64
    model.layers.0.mlp.up_proj.weight 172x64
    model.layers.0.mlp.down_proj.weight 64x172
    model.layers.0.input_layernorm.weight 64
    model.norm.weight 64
    lm_head.weight 512x64
    """,
    """
    model.embed_tokens embedding.token - 512x64
    model.layers.0.self_attn.q_proj attention.q 0 64x64
    model.layers.0.self_attn.k_proj attention.k 0 64x16
    model.layers.0.self_attn.v_proj attention.v 0 64x16
    model.layers.0.self_attn.o_proj attention.o 0 64x64
    model.layers.0.mlp.gate_proj mlp.gate 0 172x64
    model.layers.0.mlp.up_proj mlp.up 0 172x64
    model.layers.0.mlp.down_proj mlp.down 0 172x64
    lm_head head - 512x64
    """,
)

LLAMA_ORIGINAL = Checkpoint(
    """
    tok_embeddings.weight 105x128
    layers.4.attention.wq.weight 128x128
    layers.4.attention.wk.weight 64x128
    layers.4.attention.wv.weight 64x128
    layers.4.attention.wo.weight 128x128
    layers.4.feed_forward.w1.weight 352x128
    layers.4.feed_forward.w2.weight 128x352
    layers.4.feed_forward.w3.weight 352x128
    output.weight 105x128
    """,
    """
    tok_embeddings embedding.token - 128x105
    layers.4.attention.wq attention.q 4 128x128
    layers.4.attention.wk attention.k 4 128x64
    layers.4.attention.wv attention.v 4 128x64
    layers.4.attention.wo attention.o 4 128x128
    layers.4.feed_forward.w1 mlp.gate 4 352x128
    layers.4.feed_forward.w2 mlp.down 4 352x128
    layers.4.feed_forward.w3 mlp.up 4 352x128
    output head - 128x105
    """,
)

PHI3 = Checkpoint(
    """
    model.layers.2.self_attn.qkv_proj.weight 96x64
    model.layers.2.self_attn.o_proj.weight 64x64
    model.layers.2.mlp.gate_up_proj.weight 320x64
    model.layers.2.mlp.down_proj.weight 64x160
    """,
    """
    model.layers.2.self_attn.qkv_proj.q attention.q 2 64x64
    model.layers.2.self_attn.qkv_proj.k attention.k 2 64x16
    model.layers.2.self_attn.qkv_proj.v attention.v 2 64x16
    model.layers.2.self_attn.o_proj attention.o 2 64x64
    model.layers.2.mlp.gate_up_proj.gate mlp.gate 2 160x64
    model.layers.2.mlp.gate_up_proj.up mlp.up 2 160x64
    model.layers.2.mlp.down_proj mlp.down 2 160x64
    """,
)

NEOX = Checkpoint(
    """
    gpt_neox.embed_in.weight 512x64
    gpt_neox.layers.0.attention.bias 1x1x128x128 bool
    gpt_neox.layers.0.attention.masked_bias -
    gpt_neox.layers.0.attention.rotary_emb.inv_freq 8
    gpt_neox.layers.0.attention.query_key_value.weight 192x64
    gpt_neox.layers.0.attention.query_key_value.bias 192
    gpt_neox.layers.0.attention.dense.weight 64x64
    gpt_neox.layers.0.mlp.dense_h_to_4h.weight 256x64
    gpt_neox.layers.0.mlp.dense_4h_to_h.weight 64x256
    embed_out.weight 512x64
    """,
    """
    gpt_neox.embed_in embedding.token - 512x64
    gpt_neox.layers.0.attention.query_key_value.q attention.q 0 64x64
    gpt_neox.layers.0.attention.query_key_value.k attention.k 0 64x64
    gpt_neox.layers.0.attention.query_key_value.v attention.v 0 64x64
    gpt_neox.layers.0.attention.dense attention.o 0 64x64
    gpt_neox.layers.0.mlp.dense_h_to_4h mlp.up 0 256x64
    gpt_neox.layers.0.mlp.dense_4h_to_h mlp.down 0 256x64
    embed_out head - 512x64
    """,
    {"num_attention_heads": 4},
)

FALCON_ONE_KEY_HEAD = Checkpoint(
    """
    transformer.word_embeddings.weight 512x56
    transformer.h.0.self_attention.query_key_value.weight 72x56
    transformer.h.0.self_attention.dense.weight 56x56
    transformer.h.0.mlp.dense_h_to_4h.weight 224x56
    transformer.h.0.mlp.dense_4h_to_h.weight 56x224
    """,
    """
    transformer.word_embeddings embedding.token - 512x56
    transformer.h.0.self_attention.query_key_value.q attention.q 0 56x56
    transformer.h.0.self_attention.query_key_value.k attention.k 0 56x8
    transformer.h.0.self_attention.query_key_value.v attention.v 0 56x8
    transformer.h.0.self_attention.dense attention.o 0 56x56
    transformer.h.0.mlp.dense_h_to_4h mlp.up 0 224x56
    transformer.h.0.mlp.dense_4h_to_h mlp.down 0 224x56
    """,
    {"num_attention_heads": 7, "multi_query": True},
)

BLOOM_WITHOUT_CONFIG = Checkpoint(
    """
    h.0.self_attention.query_key_value.weight 192x64
    h.0.self_attention.dense.weight 64x64
    h.0.mlp.dense_h_to_4h.weight 256x64
    h.0.mlp.dense_4h_to_h.weight 64x256
    """,
    """
    h.0.self_attention.query_key_value attention.qkv 0 192x64
    h.0.self_attention.dense attention.o 0 64x64
    h.0.mlp.dense_h_to_4h mlp.up 0 256x64
    h.0.mlp.dense_4h_to_h mlp.down 0 256x64
    """,
)

CHATGLM = Checkpoint(
    """
    transformer.encoder.layers.0.self_attention.query_key_value.weight 96x64
    transformer.encoder.layers.0.self_attention.dense.weight 64x64
    transformer.encoder.layers.0.mlp.dense_h_to_4h.weight 320x64
    transformer.encoder.layers.0.mlp.dense_4h_to_h.weight 64x160
    """,
    """
    transformer.encoder.layers.0.self_attention.query_key_value.q attention.q 0 64x64
    transformer.encoder.layers.0.self_attention.query_key_value.k attention.k 0 64x16
    transformer.encoder.layers.0.self_attention.query_key_value.v attention.v 0 64x16
    transformer.encoder.layers.0.self_attention.dense attention.o 0 64x64
    transformer.encoder.layers.0.mlp.dense_h_to_4h.gate mlp.gate 0 160x64
    transformer.encoder.layers.0.mlp.dense_h_to_4h.up mlp.up 0 160x64
    transformer.encoder.layers.0.mlp.dense_4h_to_h mlp.down 0 160x64
    """,
)

BERT = Checkpoint(
    """
    bert.embeddings.position_ids 1x512 int64
    bert.embeddings.word_embeddings.weight 1000x64
    bert.embeddings.position_embeddings.weight 512x64
    bert.embeddings.token_type_embeddings.weight 2x64
    bert.embeddings.LayerNorm.weight 64
    bert.encoder.layer.3.attention.self.query.weight 64x64
    bert.encoder.layer.3.attention.self.key.weight 64x64
    bert.encoder.layer.3.attention.self.value.weight 64x64
    bert.encoder.layer.3.attention.output.dense.weight 64x64
    bert.encoder.layer.3.intermediate.dense.weight 256x64
    bert.encoder.layer.3.output.dense.weight 64x256
    bert.pooler.dense.weight 64x64
    cls.predictions.transform.dense.weight 64x64
    cls.predictions.decoder.weight 1000x64
    """,
    """
    bert.embeddings.word_embeddings embedding.token - 1000x64
    bert.embeddings.position_embeddings embedding.position - 512x64
    bert.embeddings.token_type_embeddings embedding.segment - 64x2
    bert.encoder.layer.3.attention.self.query attention.q 3 64x64
    bert.encoder.layer.3.attention.self.key attention.k 3 64x64
    bert.encoder.layer.3.attention.self.value attention.v 3 64x64
    bert.encoder.layer.3.attention.output.dense attention.o 3 64x64
    bert.encoder.layer.3.intermediate.dense mlp.up 3 256x64
    bert.encoder.layer.3.output.dense mlp.down 3 256x64
    bert.pooler.dense dense - 64x64
    cls.predictions.transform.dense dense - 64x64
    cls.predictions.decoder head - 1000x64
    """,
)

DISTILBERT = Checkpoint(
    """
    distilbert.embeddings.word_embeddings.weight 1000x64
    distilbert.transformer.layer.5.attention.q_lin.weight 64x64
    distilbert.transformer.layer.5.attention.k_lin.weight 64x64
    distilbert.transformer.layer.5.attention.v_lin.weight 64x64
    distilbert.transformer.layer.5.attention.out_lin.weight 64x64
    distilbert.transformer.layer.5.ffn.lin1.weight 256x64
    distilbert.transformer.layer.5.ffn.lin2.weight 64x256
    pre_classifier.weight 64x64
    classifier.weight 2x64
    """,
    """
    distilbert.embeddings.word_embeddings embedding.token - 1000x64
    distilbert.transformer.layer.5.attention.q_lin attention.q 5 64x64
    distilbert.transformer.layer.5.attention.k_lin attention.k 5 64x64
    distilbert.transformer.layer.5.attention.v_lin attention.v 5 64x64
    distilbert.transformer.layer.5.attention.out_lin attention.o 5 64x64
    distilbert.transformer.layer.5.ffn.lin1 mlp.up 5 256x64
    distilbert.transformer.layer.5.ffn.lin2 mlp.down 5 256x64
    pre_classifier dense - 64x64
    classifier head - 64x2
    """,
)

T5 = Checkpoint(
    """
    shared.weight 1000x64
    encoder.block.0.layer.0.SelfAttention.q.weight 96x64
    encoder.block.0.layer.0.SelfAttention.o.weight 64x96
    encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight 32x6
    encoder.block.0.layer.1.DenseReluDense.wi_0.weight 160x64
    encoder.block.0.layer.1.DenseReluDense.wi_1.weight 160x64
    encoder.block.0.layer.1.DenseReluDense.wo.weight 64x160
    decoder.block.7.layer.0.SelfAttention.k.weight 96x64
    decoder.block.7.layer.1.EncDecAttention.q.weight 96x64
    decoder.block.7.layer.1.EncDecAttention.v.weight 96x64
    decoder.block.7.layer.2.DenseReluDense.wi.weight 256x64
    lm_head.weight 1000x64
    """,
    """
    shared embedding.token - 1000x64
    encoder.block.0.layer.0.SelfAttention.q attention.q 0 96x64
    encoder.block.0.layer.0.SelfAttention.o attention.o 0 96x64
    encoder.block.0.layer.0.SelfAttention.relative_attention_bias embedding.position 0 32x6
    encoder.block.0.layer.1.DenseReluDense.wi_0 mlp.gate 0 160x64
    encoder.block.0.layer.1.DenseReluDense.wi_1 mlp.up 0 160x64
    encoder.block.0.layer.1.DenseReluDense.wo mlp.down 0 160x64
    decoder.block.7.layer.0.SelfAttention.k attention.k 7 96x64
    decoder.block.7.layer.1.EncDecAttention.q cross.q 7 96x64
    decoder.block.7.layer.1.EncDecAttention.v cross.v 7 96x64
    decoder.block.7.layer.2.DenseReluDense.wi mlp.up 7 256x64
    lm_head head - 1000x64
    """,
)

MAMBA = Checkpoint(
    """
    backbone.embeddings.weight 500x64
    backbone.layers.0.mixer.A_log 128x16
    backbone.layers.0.mixer.D 128
    backbone.layers.0.mixer.conv1d.weight 128x1x4
    backbone.layers.0.mixer.in_proj.weight 256x64
    backbone.layers.0.mixer.x_proj.weight 36x128
    backbone.layers.0.mixer.dt_proj.weight 128x4
    backbone.layers.0.mixer.out_proj.weight 64x128
    """,
    """
    backbone.embeddings embedding.token - 500x64
    backbone.layers.0.mixer.in_proj.x ssm.in 0 128x64
    backbone.layers.0.mixer.in_proj.z ssm.in 0 128x64
    backbone.layers.0.mixer.x_proj.dt ssm.x 0 128x4
    backbone.layers.0.mixer.x_proj.B ssm.x 0 128x16
    backbone.layers.0.mixer.x_proj.C ssm.x 0 128x16
    backbone.layers.0.mixer.dt_proj ssm.dt 0 128x4
    backbone.layers.0.mixer.out_proj ssm.out 0 128x64
    """,
)

MAMBA2 = Checkpoint(
    """
    backbone.layers.0.mixer.A_log 8
    backbone.layers.0.mixer.conv1d.weight 160x1x4
    backbone.layers.0.mixer.in_proj.weight 296x64
    backbone.layers.0.mixer.out_proj.weight 64x128
    """,
    """
    backbone.layers.0.mixer.in_proj.z ssm.in 0 128x64
    backbone.layers.0.mixer.in_proj.xBC ssm.in 0 160x64
    backbone.layers.0.mixer.in_proj.dt ssm.in 0 64x8
    backbone.layers.0.mixer.out_proj ssm.out 0 128x64
    """,
)

TEXT = {
    "gpt2": GPT2,
    "gpt2 with cross-attention": GPT2_WITH_CROSS_ATTENTION,
    "starcoder": STARCODER,
    "llama": LLAMA,
    "llama original": LLAMA_ORIGINAL,
    "phi3": PHI3,
    "neox": NEOX,
    "falcon": FALCON_ONE_KEY_HEAD,
    "bloom without config": BLOOM_WITHOUT_CONFIG,
    "chatglm": CHATGLM,
    "bert": BERT,
    "distilbert": DISTILBERT,
    "t5": T5,
    "mamba": MAMBA,
    "mamba2": MAMBA2,
}

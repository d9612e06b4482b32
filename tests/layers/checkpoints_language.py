"""More checkpoints of language and speech models, as transformers 5 writes them, one block of each."""

from __future__ import annotations

from checkpoints_text import Checkpoint

GPT_BIGCODE = Checkpoint(
    """
    transformer.wpe.weight 48x64
    transformer.h.0.attn.c_attn.weight 192x64
    transformer.h.0.attn.c_proj.weight 64x64
    transformer.h.0.mlp.c_fc.weight 256x64
    transformer.h.0.mlp.c_proj.weight 64x256
    """,
    """
    transformer.wpe embedding.position - 64x48
    transformer.h.0.attn.c_attn.q attention.q 0 64x64
    transformer.h.0.attn.c_attn.k attention.k 0 64x64
    transformer.h.0.attn.c_attn.v attention.v 0 64x64
    transformer.h.0.attn.c_proj attention.o 0 64x64
    transformer.h.0.mlp.c_fc mlp.up 0 256x64
    transformer.h.0.mlp.c_proj mlp.down 0 256x64
    """,
    {"model_type": "gpt_bigcode", "multi_query": False, "n_head": 4},
)

CODEGEN = Checkpoint(
    """
    lm_head.weight 96x64
    transformer.h.0.attn.out_proj.weight 64x64
    transformer.h.0.attn.qkv_proj.weight 192x64
    transformer.h.0.mlp.fc_in.weight 256x64
    transformer.h.0.mlp.fc_out.weight 64x256
    """,
    """
    lm_head head - 96x64
    transformer.h.0.attn.out_proj attention.o 0 64x64
    transformer.h.0.attn.qkv_proj.q attention.q 0 64x64
    transformer.h.0.attn.qkv_proj.v attention.v 0 64x64
    transformer.h.0.attn.qkv_proj.k attention.k 0 64x64
    transformer.h.0.mlp.fc_in mlp.up 0 256x64
    transformer.h.0.mlp.fc_out mlp.down 0 256x64
    """,
)

DEBERTA = Checkpoint(
    """
    deberta.embeddings.position_embeddings.weight 48x64
    deberta.embeddings.word_embeddings.weight 96x64
    deberta.encoder.layer.0.attention.output.dense.weight 64x64
    deberta.encoder.layer.0.attention.self.in_proj.weight 192x64
    deberta.encoder.layer.0.attention.self.pos_proj.weight 64x64
    deberta.encoder.layer.0.attention.self.pos_q_proj.weight 64x64
    deberta.encoder.layer.0.attention.self.q_bias 64
    deberta.encoder.layer.0.attention.self.v_bias 64
    deberta.encoder.layer.0.intermediate.dense.weight 112x64
    deberta.encoder.layer.0.output.dense.weight 64x112
    deberta.encoder.rel_embeddings.weight 96x64
    """,
    """
    deberta.embeddings.position_embeddings embedding.position - 64x48
    deberta.embeddings.word_embeddings embedding.token - 96x64
    deberta.encoder.layer.0.attention.output.dense attention.o 0 64x64
    deberta.encoder.layer.0.attention.self.in_proj.q attention.q 0 64x64
    deberta.encoder.layer.0.attention.self.in_proj.k attention.k 0 64x64
    deberta.encoder.layer.0.attention.self.in_proj.v attention.v 0 64x64
    deberta.encoder.layer.0.attention.self.pos_proj attention.position 0 64x64
    deberta.encoder.layer.0.attention.self.pos_q_proj attention.position 0 64x64
    deberta.encoder.layer.0.intermediate.dense mlp.up 0 112x64
    deberta.encoder.layer.0.output.dense mlp.down 0 112x64
    deberta.encoder.rel_embeddings embedding.position - 96x64
    """,
    {"num_attention_heads": 4},
)

DEBERTA_V2 = Checkpoint(
    """
    deberta.embeddings.position_embeddings.weight 48x64
    deberta.embeddings.word_embeddings.weight 96x64
    deberta.encoder.layer.0.attention.output.dense.weight 64x64
    deberta.encoder.layer.0.attention.self.key_proj.weight 64x64
    deberta.encoder.layer.0.attention.self.pos_key_proj.weight 64x64
    deberta.encoder.layer.0.attention.self.pos_query_proj.weight 64x64
    deberta.encoder.layer.0.attention.self.query_proj.weight 64x64
    deberta.encoder.layer.0.attention.self.value_proj.weight 64x64
    deberta.encoder.layer.0.intermediate.dense.weight 112x64
    deberta.encoder.layer.0.output.dense.weight 64x112
    deberta.encoder.rel_embeddings.weight 32x64
    """,
    """
    deberta.embeddings.position_embeddings embedding.position - 64x48
    deberta.embeddings.word_embeddings embedding.token - 96x64
    deberta.encoder.layer.0.attention.output.dense attention.o 0 64x64
    deberta.encoder.layer.0.attention.self.key_proj attention.k 0 64x64
    deberta.encoder.layer.0.attention.self.pos_key_proj attention.position 0 64x64
    deberta.encoder.layer.0.attention.self.pos_query_proj attention.position 0 64x64
    deberta.encoder.layer.0.attention.self.query_proj attention.q 0 64x64
    deberta.encoder.layer.0.attention.self.value_proj attention.v 0 64x64
    deberta.encoder.layer.0.intermediate.dense mlp.up 0 112x64
    deberta.encoder.layer.0.output.dense mlp.down 0 112x64
    deberta.encoder.rel_embeddings embedding.position - 64x32
    """,
)

ALBERT = Checkpoint(
    """
    albert.embeddings.position_embeddings.weight 48x32
    albert.embeddings.token_type_embeddings.weight 2x32
    albert.embeddings.word_embeddings.weight 96x32
    albert.encoder.albert_layer_groups.0.albert_layers.0.attention.dense.weight 64x64
    albert.encoder.albert_layer_groups.0.albert_layers.0.attention.key.weight 64x64
    albert.encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight 64x64
    albert.encoder.albert_layer_groups.0.albert_layers.0.attention.value.weight 64x64
    albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.weight 112x64
    albert.encoder.albert_layer_groups.0.albert_layers.0.ffn_output.weight 64x112
    albert.encoder.albert_layer_groups.0.albert_layers.0.full_layer_layer_norm.weight 64
    albert.encoder.embedding_hidden_mapping_in.weight 64x32
    albert.pooler.weight 64x64
    predictions.dense.weight 32x64
    sop_classifier.classifier.weight 2x64
    """,
    """
    albert.embeddings.position_embeddings embedding.position - 48x32
    albert.embeddings.token_type_embeddings embedding.segment - 32x2
    albert.embeddings.word_embeddings embedding.token - 96x32
    albert.encoder.albert_layer_groups.0.albert_layers.0.attention.dense attention.o 0 64x64
    albert.encoder.albert_layer_groups.0.albert_layers.0.attention.key attention.k 0 64x64
    albert.encoder.albert_layer_groups.0.albert_layers.0.attention.query attention.q 0 64x64
    albert.encoder.albert_layer_groups.0.albert_layers.0.attention.value attention.v 0 64x64
    albert.encoder.albert_layer_groups.0.albert_layers.0.ffn mlp.up 0 112x64
    albert.encoder.albert_layer_groups.0.albert_layers.0.ffn_output mlp.down 0 112x64
    albert.encoder.embedding_hidden_mapping_in dense - 64x32
    albert.pooler dense - 64x64
    predictions.dense dense - 64x32
    sop_classifier.classifier head - 64x2
    """,
)

ELECTRA = Checkpoint(
    """
    discriminator_predictions.dense.weight 64x64
    discriminator_predictions.dense_prediction.weight 1x64
    electra.embeddings.position_embeddings.weight 48x32
    electra.embeddings.token_type_embeddings.weight 2x32
    electra.embeddings.word_embeddings.weight 96x32
    electra.embeddings_project.weight 64x32
    electra.encoder.layer.0.attention.output.dense.weight 64x64
    electra.encoder.layer.0.attention.self.query.weight 64x64
    electra.encoder.layer.0.intermediate.dense.weight 112x64
    electra.encoder.layer.0.output.dense.weight 64x112
    """,
    """
    discriminator_predictions.dense dense - 64x64
    electra.embeddings.position_embeddings embedding.position - 48x32
    electra.embeddings.token_type_embeddings embedding.segment - 32x2
    electra.embeddings.word_embeddings embedding.token - 96x32
    electra.embeddings_project dense - 64x32
    electra.encoder.layer.0.attention.output.dense attention.o 0 64x64
    electra.encoder.layer.0.attention.self.query attention.q 0 64x64
    electra.encoder.layer.0.intermediate.dense mlp.up 0 112x64
    electra.encoder.layer.0.output.dense mlp.down 0 112x64
    """,
)

MODERNBERT = Checkpoint(
    """
    model.embeddings.tok_embeddings.weight 96x64
    model.layers.0.attn.Wqkv.weight 192x64
    model.layers.0.attn.Wo.weight 64x64
    model.layers.0.mlp.Wi.weight 224x64
    model.layers.0.mlp.Wo.weight 64x112
    head.dense.weight 64x64
    """,
    """
    model.embeddings.tok_embeddings embedding.token - 96x64
    model.layers.0.attn.Wqkv.q attention.q 0 64x64
    model.layers.0.attn.Wqkv.k attention.k 0 64x64
    model.layers.0.attn.Wqkv.v attention.v 0 64x64
    model.layers.0.attn.Wo attention.o 0 64x64
    model.layers.0.mlp.Wi.gate mlp.gate 0 112x64
    model.layers.0.mlp.Wi.up mlp.up 0 112x64
    model.layers.0.mlp.Wo mlp.down 0 112x64
    head.dense dense - 64x64
    """,
)

XLNET = Checkpoint(
    """
    transformer.layer.0.ff.layer_1.weight 112x64
    transformer.layer.0.ff.layer_2.weight 64x112
    transformer.layer.0.rel_attn.k 64x4x16
    transformer.layer.0.rel_attn.o 64x4x16
    transformer.layer.0.rel_attn.q 64x4x16
    transformer.layer.0.rel_attn.r 64x4x16
    transformer.layer.0.rel_attn.r_r_bias 4x16
    transformer.layer.0.rel_attn.r_s_bias 4x16
    transformer.layer.0.rel_attn.r_w_bias 4x16
    transformer.layer.0.rel_attn.seg_embed 2x4x16
    transformer.layer.0.rel_attn.v 64x4x16
    transformer.mask_emb 1x1x64
    transformer.word_embedding.weight 96x64
    """,
    """
    transformer.layer.0.ff.layer_1 mlp.up 0 112x64
    transformer.layer.0.ff.layer_2 mlp.down 0 112x64
    transformer.layer.0.rel_attn.k attention.k 0 64x64
    transformer.layer.0.rel_attn.o attention.o 0 64x64
    transformer.layer.0.rel_attn.q attention.q 0 64x64
    transformer.layer.0.rel_attn.r attention.position 0 64x64
    transformer.layer.0.rel_attn.v attention.v 0 64x64
    transformer.word_embedding embedding.token - 96x64
    """,
)

RWKV = Checkpoint(
    """
    head.weight 96x64
    rwkv.blocks.0.attention.key.weight 64x64
    rwkv.blocks.0.attention.output.weight 64x64
    rwkv.blocks.0.attention.receptance.weight 64x64
    rwkv.blocks.0.attention.time_decay 64
    rwkv.blocks.0.attention.time_first 64
    rwkv.blocks.0.attention.time_mix_key 1x1x64
    rwkv.blocks.0.attention.value.weight 64x64
    rwkv.blocks.0.feed_forward.key.weight 256x64
    rwkv.blocks.0.feed_forward.receptance.weight 64x64
    rwkv.blocks.0.feed_forward.time_mix_key 1x1x64
    rwkv.blocks.0.feed_forward.value.weight 64x256
    rwkv.embeddings.weight 96x64
    """,
    """
    head head - 96x64
    rwkv.blocks.0.attention.key attention.k 0 64x64
    rwkv.blocks.0.attention.output attention.o 0 64x64
    rwkv.blocks.0.attention.receptance attention.gate 0 64x64
    rwkv.blocks.0.attention.value attention.v 0 64x64
    rwkv.blocks.0.feed_forward.key mlp.up 0 256x64
    rwkv.blocks.0.feed_forward.receptance mlp.gate 0 64x64
    rwkv.blocks.0.feed_forward.value mlp.down 0 256x64
    rwkv.embeddings embedding.token - 96x64
    """,
)

BART_CLASSIFIER = Checkpoint(
    """
    classification_head.dense.weight 64x64
    classification_head.out_proj.weight 3x64
    model.decoder.embed_positions.weight 50x64
    model.decoder.layers.0.encoder_attn.k_proj.weight 64x64
    model.decoder.layers.0.encoder_attn.out_proj.weight 64x64
    model.decoder.layers.0.encoder_attn.q_proj.weight 64x64
    model.decoder.layers.0.encoder_attn.v_proj.weight 64x64
    model.decoder.layers.0.fc1.weight 112x64
    model.decoder.layers.0.fc2.weight 64x112
    model.encoder.embed_positions.weight 50x64
    model.shared.weight 96x64
    """,
    """
    classification_head.dense dense - 64x64
    classification_head.out_proj head - 64x3
    model.decoder.embed_positions embedding.position - 64x50
    model.decoder.layers.0.encoder_attn.k_proj cross.k 0 64x64
    model.decoder.layers.0.encoder_attn.out_proj cross.o 0 64x64
    model.decoder.layers.0.encoder_attn.q_proj cross.q 0 64x64
    model.decoder.layers.0.encoder_attn.v_proj cross.v 0 64x64
    model.decoder.layers.0.fc1 mlp.up 0 112x64
    model.decoder.layers.0.fc2 mlp.down 0 112x64
    model.encoder.embed_positions embedding.position - 64x50
    model.shared embedding.token - 96x64
    """,
)

WAV2VEC2 = Checkpoint(
    """
    lm_head.weight 32x64
    wav2vec2.encoder.layers.0.attention.k_proj.weight 64x64
    wav2vec2.encoder.layers.0.attention.out_proj.weight 64x64
    wav2vec2.encoder.layers.0.attention.q_proj.weight 64x64
    wav2vec2.encoder.layers.0.attention.v_proj.weight 64x64
    wav2vec2.encoder.layers.0.feed_forward.intermediate_dense.weight 112x64
    wav2vec2.encoder.layers.0.feed_forward.output_dense.weight 64x112
    wav2vec2.encoder.pos_conv_embed.conv.parametrizations.weight.original0 1x1x8
    wav2vec2.encoder.pos_conv_embed.conv.parametrizations.weight.original1 64x16x8
    wav2vec2.feature_extractor.conv_layers.0.conv.weight 32x1x3
    wav2vec2.feature_extractor.conv_layers.2.conv.weight 32x32x3
    wav2vec2.feature_projection.projection.weight 64x32
    """,
    """
    lm_head head - 64x32
    wav2vec2.encoder.layers.0.attention.k_proj attention.k 0 64x64
    wav2vec2.encoder.layers.0.attention.out_proj attention.o 0 64x64
    wav2vec2.encoder.layers.0.attention.q_proj attention.q 0 64x64
    wav2vec2.encoder.layers.0.attention.v_proj attention.v 0 64x64
    wav2vec2.encoder.layers.0.feed_forward.intermediate_dense mlp.up 0 112x64
    wav2vec2.encoder.layers.0.feed_forward.output_dense mlp.down 0 112x64
    wav2vec2.feature_extractor.conv_layers.0.conv conv 0 32x1 3
    wav2vec2.feature_extractor.conv_layers.2.conv conv 2 32x32 3
    wav2vec2.feature_projection.projection dense - 64x32
    """,
)

LANGUAGE = {
    "gpt-bigcode head by head": GPT_BIGCODE,
    "codegen": CODEGEN,
    "deberta": DEBERTA,
    "deberta 2": DEBERTA_V2,
    "albert": ALBERT,
    "electra": ELECTRA,
    "modernbert": MODERNBERT,
    "xlnet": XLNET,
    "rwkv": RWKV,
    "bart classifier": BART_CLASSIFIER,
    "wav2vec 2": WAV2VEC2,
}

"""Models of pictures and films with fused or renamed projections, as transformers 5 and diffusers write them."""

from __future__ import annotations

from checkpoints_text import Checkpoint

BLIP_VISION = Checkpoint(
    """
    logit_scale -
    text_projection.weight 512x64
    vision_model.embeddings.class_embedding 1x1x64
    vision_model.embeddings.patch_embedding.weight 64x3x8x8
    vision_model.embeddings.position_embedding 1x17x64
    vision_model.encoder.layers.0.mlp.fc1.weight 112x64
    vision_model.encoder.layers.0.mlp.fc2.weight 64x112
    vision_model.encoder.layers.0.self_attn.projection.weight 64x64
    vision_model.encoder.layers.0.self_attn.qkv.weight 192x64
    visual_projection.weight 512x64
    """,
    """
    text_projection dense - 512x64
    vision_model.embeddings.patch_embedding conv - 64x3 64
    vision_model.embeddings.position_embedding embedding.position - 64x17
    vision_model.encoder.layers.0.mlp.fc1 mlp.up 0 112x64
    vision_model.encoder.layers.0.mlp.fc2 mlp.down 0 112x64
    vision_model.encoder.layers.0.self_attn.projection attention.o 0 64x64
    vision_model.encoder.layers.0.self_attn.qkv.q attention.q 0 64x64
    vision_model.encoder.layers.0.self_attn.qkv.k attention.k 0 64x64
    vision_model.encoder.layers.0.self_attn.qkv.v attention.v 0 64x64
    visual_projection dense - 512x64
    """,
)

TIMESFORMER = Checkpoint(
    """
    classifier.weight 2x64
    timesformer.embeddings.cls_token 1x1x64
    timesformer.embeddings.patch_embeddings.projection.weight 64x3x8x8
    timesformer.embeddings.position_embeddings 1x17x64
    timesformer.embeddings.time_embeddings 1x2x64
    timesformer.encoder.layer.0.attention.attention.qkv.weight 192x64
    timesformer.encoder.layer.0.attention.output.dense.weight 64x64
    timesformer.encoder.layer.0.intermediate.dense.weight 112x64
    timesformer.encoder.layer.0.output.dense.weight 64x112
    timesformer.encoder.layer.0.temporal_attention.attention.qkv.weight 192x64
    timesformer.encoder.layer.0.temporal_attention.output.dense.weight 64x64
    timesformer.encoder.layer.0.temporal_dense.weight 64x64
    """,
    """
    classifier head - 64x2
    timesformer.embeddings.patch_embeddings.projection conv - 64x3 64
    timesformer.embeddings.position_embeddings embedding.position - 64x17
    timesformer.embeddings.time_embeddings embedding.position - 64x2
    timesformer.encoder.layer.0.attention.attention.qkv.q attention.q 0 64x64
    timesformer.encoder.layer.0.attention.attention.qkv.k attention.k 0 64x64
    timesformer.encoder.layer.0.attention.attention.qkv.v attention.v 0 64x64
    timesformer.encoder.layer.0.attention.output.dense attention.o 0 64x64
    timesformer.encoder.layer.0.intermediate.dense mlp.up 0 112x64
    timesformer.encoder.layer.0.output.dense mlp.down 0 112x64
    timesformer.encoder.layer.0.temporal_attention.attention.qkv.q attention.q 0 64x64
    timesformer.encoder.layer.0.temporal_attention.attention.qkv.k attention.k 0 64x64
    timesformer.encoder.layer.0.temporal_attention.attention.qkv.v attention.v 0 64x64
    timesformer.encoder.layer.0.temporal_attention.output.dense attention.o 0 64x64
    timesformer.encoder.layer.0.temporal_dense dense 0 64x64
    """,
)

FLUX2 = Checkpoint(
    """
    double_stream_modulation_img.linear.weight 384x64
    double_stream_modulation_txt.linear.weight 384x64
    norm_out.linear.weight 128x64
    proj_out.weight 16x64
    single_stream_modulation.linear.weight 192x64
    single_transformer_blocks.0.attn.to_out.weight 64x256
    single_transformer_blocks.0.attn.to_qkv_mlp_proj.weight 576x64
    transformer_blocks.0.attn.add_k_proj.weight 64x64
    transformer_blocks.0.attn.add_q_proj.weight 64x64
    transformer_blocks.0.attn.add_v_proj.weight 64x64
    transformer_blocks.0.attn.to_add_out.weight 64x64
    transformer_blocks.0.attn.to_k.weight 64x64
    transformer_blocks.0.attn.to_out.0.weight 64x64
    transformer_blocks.0.attn.to_q.weight 64x64
    transformer_blocks.0.attn.to_v.weight 64x64
    transformer_blocks.0.ff.linear_in.weight 384x64
    transformer_blocks.0.ff.linear_out.weight 64x192
    transformer_blocks.0.ff_context.linear_in.weight 384x64
    transformer_blocks.0.ff_context.linear_out.weight 64x192
    """,
    """
    double_stream_modulation_img.linear modulation - 384x64
    double_stream_modulation_txt.linear modulation - 384x64
    norm_out.linear modulation - 128x64
    proj_out head - 64x16
    single_stream_modulation.linear modulation - 192x64
    single_transformer_blocks.0.attn.to_out.o attention.o 0 64x64
    single_transformer_blocks.0.attn.to_out.down mlp.down 0 192x64
    single_transformer_blocks.0.attn.to_qkv_mlp_proj.q attention.q 0 64x64
    single_transformer_blocks.0.attn.to_qkv_mlp_proj.k attention.k 0 64x64
    single_transformer_blocks.0.attn.to_qkv_mlp_proj.v attention.v 0 64x64
    single_transformer_blocks.0.attn.to_qkv_mlp_proj.gate mlp.gate 0 192x64
    single_transformer_blocks.0.attn.to_qkv_mlp_proj.up mlp.up 0 192x64
    transformer_blocks.0.attn.add_k_proj attention.k 0 64x64
    transformer_blocks.0.attn.add_q_proj attention.q 0 64x64
    transformer_blocks.0.attn.add_v_proj attention.v 0 64x64
    transformer_blocks.0.attn.to_add_out attention.o 0 64x64
    transformer_blocks.0.attn.to_k attention.k 0 64x64
    transformer_blocks.0.attn.to_out.0 attention.o 0 64x64
    transformer_blocks.0.attn.to_q attention.q 0 64x64
    transformer_blocks.0.attn.to_v attention.v 0 64x64
    transformer_blocks.0.ff.linear_in.gate mlp.gate 0 192x64
    transformer_blocks.0.ff.linear_in.up mlp.up 0 192x64
    transformer_blocks.0.ff.linear_out mlp.down 0 192x64
    transformer_blocks.0.ff_context.linear_in.gate mlp.gate 0 192x64
    transformer_blocks.0.ff_context.linear_in.up mlp.up 0 192x64
    transformer_blocks.0.ff_context.linear_out mlp.down 0 192x64
    """,
)

WAN = Checkpoint(
    """
    blocks.0.attn1.to_k.weight 64x64
    blocks.0.attn1.to_out.0.weight 64x64
    blocks.0.attn1.to_q.weight 64x64
    blocks.0.attn1.to_v.weight 64x64
    blocks.0.attn2.to_k.weight 64x64
    blocks.0.attn2.to_out.0.weight 64x64
    blocks.0.attn2.to_q.weight 64x64
    blocks.0.attn2.to_v.weight 64x64
    blocks.0.ffn.net.0.proj.weight 112x64
    blocks.0.ffn.net.2.weight 64x112
    blocks.0.scale_shift_table 1x6x64
    condition_embedder.text_embedder.linear_1.weight 64x48
    condition_embedder.text_embedder.linear_2.weight 64x64
    condition_embedder.time_embedder.linear_1.weight 64x32
    condition_embedder.time_embedder.linear_2.weight 64x64
    condition_embedder.time_proj.weight 384x64
    patch_embedding.weight 64x4x1x2x2
    proj_out.weight 16x64
    scale_shift_table 1x2x64
    """,
    """
    blocks.0.attn1.to_k attention.k 0 64x64
    blocks.0.attn1.to_out.0 attention.o 0 64x64
    blocks.0.attn1.to_q attention.q 0 64x64
    blocks.0.attn1.to_v attention.v 0 64x64
    blocks.0.attn2.to_k cross.k 0 64x64
    blocks.0.attn2.to_out.0 cross.o 0 64x64
    blocks.0.attn2.to_q cross.q 0 64x64
    blocks.0.attn2.to_v cross.v 0 64x64
    blocks.0.ffn.net.0.proj mlp.up 0 112x64
    blocks.0.ffn.net.2 mlp.down 0 112x64
    condition_embedder.text_embedder.linear_1 dense - 64x48
    condition_embedder.text_embedder.linear_2 dense - 64x64
    condition_embedder.time_embedder.linear_1 dense - 64x32
    condition_embedder.time_embedder.linear_2 dense - 64x64
    condition_embedder.time_proj modulation - 384x64
    patch_embedding conv - 64x4 4
    proj_out head - 64x16
    """,
)

QWEN_IMAGE = Checkpoint(
    """
    img_in.weight 64x16
    norm_out.linear.weight 128x64
    proj_out.weight 16x64
    transformer_blocks.0.attn.add_k_proj.weight 64x64
    transformer_blocks.0.attn.add_q_proj.weight 64x64
    transformer_blocks.0.attn.add_v_proj.weight 64x64
    transformer_blocks.0.attn.norm_added_k.weight 16
    transformer_blocks.0.attn.norm_added_q.weight 16
    transformer_blocks.0.attn.to_add_out.weight 64x64
    transformer_blocks.0.attn.to_k.weight 64x64
    transformer_blocks.0.attn.to_out.0.weight 64x64
    transformer_blocks.0.attn.to_q.weight 64x64
    transformer_blocks.0.attn.to_v.weight 64x64
    transformer_blocks.0.img_mlp.net.0.proj.weight 256x64
    transformer_blocks.0.img_mlp.net.2.weight 64x256
    transformer_blocks.0.img_mod.1.weight 384x64
    transformer_blocks.0.txt_mlp.net.0.proj.weight 256x64
    transformer_blocks.0.txt_mlp.net.2.weight 64x256
    transformer_blocks.0.txt_mod.1.weight 384x64
    txt_in.weight 64x48
    txt_norm.weight 48
    """,
    """
    img_in dense - 64x16
    norm_out.linear modulation - 128x64
    proj_out head - 64x16
    transformer_blocks.0.attn.add_k_proj attention.k 0 64x64
    transformer_blocks.0.attn.add_q_proj attention.q 0 64x64
    transformer_blocks.0.attn.add_v_proj attention.v 0 64x64
    transformer_blocks.0.attn.to_add_out attention.o 0 64x64
    transformer_blocks.0.attn.to_k attention.k 0 64x64
    transformer_blocks.0.attn.to_out.0 attention.o 0 64x64
    transformer_blocks.0.attn.to_q attention.q 0 64x64
    transformer_blocks.0.attn.to_v attention.v 0 64x64
    transformer_blocks.0.img_mlp.net.0.proj mlp.up 0 256x64
    transformer_blocks.0.img_mlp.net.2 mlp.down 0 256x64
    transformer_blocks.0.img_mod.1 modulation 0 384x64
    transformer_blocks.0.txt_mlp.net.0.proj mlp.up 0 256x64
    transformer_blocks.0.txt_mlp.net.2 mlp.down 0 256x64
    transformer_blocks.0.txt_mod.1 modulation 0 384x64
    txt_in dense - 64x48
    """,
)

PICTURES = {
    "blip": BLIP_VISION,
    "timesformer": TIMESFORMER,
    "flux 2": FLUX2,
    "wan": WAN,
    "qwen-image": QWEN_IMAGE,
}

"""More checkpoints of vision and diffusion models, as transformers 5, diffusers, timm and torchvision write them."""

from __future__ import annotations

from checkpoints_text import Checkpoint

CONVNEXT = Checkpoint(
    """
    classifier.weight 10x80
    convnext.embeddings.patch_embeddings.weight 32x3x4x4
    convnext.encoder.stages.0.layers.0.dwconv.weight 32x1x7x7
    convnext.encoder.stages.0.layers.0.pwconv1.weight 128x32
    convnext.encoder.stages.0.layers.0.pwconv2.weight 32x128
    convnext.encoder.stages.1.downsampling_layer.0.weight 32
    convnext.encoder.stages.1.downsampling_layer.1.weight 48x32x2x2
    convnext.encoder.stages.1.layers.0.dwconv.weight 48x1x7x7
    convnext.encoder.stages.1.layers.0.pwconv1.weight 192x48
    convnext.encoder.stages.1.layers.0.pwconv2.weight 48x192
    """,
    """
    classifier head - 80x10
    convnext.embeddings.patch_embeddings conv - 32x3 16
    convnext.encoder.stages.0.layers.0.pwconv1 mlp.up 0 128x32
    convnext.encoder.stages.0.layers.0.pwconv2 mlp.down 0 128x32
    convnext.encoder.stages.1.downsampling_layer.1 conv 1 48x32 4
    convnext.encoder.stages.1.layers.0.pwconv1 mlp.up 1 192x48
    convnext.encoder.stages.1.layers.0.pwconv2 mlp.down 1 192x48
    """,
)

RESNET_TRANSFORMERS = Checkpoint(
    """
    classifier.1.bias 10
    classifier.1.weight 10x64
    resnet.embedder.embedder.convolution.weight 32x3x7x7
    resnet.encoder.stages.0.layers.0.layer.0.convolution.weight 8x32x1x1
    resnet.encoder.stages.0.layers.0.layer.1.convolution.weight 8x8x3x3
    resnet.encoder.stages.0.layers.0.layer.2.convolution.weight 32x8x1x1
    resnet.encoder.stages.0.layers.1.layer.0.convolution.weight 8x32x1x1
    resnet.encoder.stages.0.layers.1.layer.1.convolution.weight 8x8x3x3
    resnet.encoder.stages.0.layers.1.layer.2.convolution.weight 32x8x1x1
    """,
    """
    classifier.1 head - 64x10
    resnet.embedder.embedder.convolution conv - 32x3 49
    resnet.encoder.stages.0.layers.0.layer.0.convolution conv 0 32x8
    resnet.encoder.stages.0.layers.0.layer.1.convolution conv 0 8x8 9
    resnet.encoder.stages.0.layers.0.layer.2.convolution conv 0 32x8
    resnet.encoder.stages.0.layers.1.layer.0.convolution conv 1 32x8
    resnet.encoder.stages.0.layers.1.layer.1.convolution conv 1 8x8 9
    resnet.encoder.stages.0.layers.1.layer.2.convolution conv 1 32x8
    """,
)

REGNET_TRANSFORMERS = Checkpoint(
    """
    classifier.1.bias 10
    classifier.1.weight 10x128
    regnet.embedder.embedder.convolution.weight 32x3x3x3
    regnet.encoder.stages.0.layers.0.layer.0.convolution.weight 64x32x1x1
    regnet.encoder.stages.0.layers.0.layer.1.convolution.weight 64x16x3x3
    regnet.encoder.stages.0.layers.0.layer.3.convolution.weight 64x64x1x1
    regnet.encoder.stages.0.layers.0.shortcut.convolution.weight 64x32x1x1
    """,
    """
    classifier.1 head - 128x10
    regnet.embedder.embedder.convolution conv - 32x3 9
    regnet.encoder.stages.0.layers.0.layer.0.convolution conv 0 64x32
    regnet.encoder.stages.0.layers.0.layer.1.convolution conv 0 16x16 36
    regnet.encoder.stages.0.layers.0.layer.3.convolution conv 0 64x64
    regnet.encoder.stages.0.layers.0.shortcut.convolution conv 0 64x32
    """,
)

SEGFORMER = Checkpoint(
    """
    decode_head.classifier.weight 2x64x1x1
    decode_head.linear_c.0.proj.weight 64x32
    decode_head.linear_fuse.weight 64x256x1x1
    segformer.encoder.block.0.0.attention.output.dense.weight 32x32
    segformer.encoder.block.0.0.attention.self.key.weight 32x32
    segformer.encoder.block.0.0.attention.self.query.weight 32x32
    segformer.encoder.block.0.0.attention.self.sr.weight 32x32x8x8
    segformer.encoder.block.0.0.attention.self.value.weight 32x32
    segformer.encoder.block.0.0.mlp.dense1.weight 128x32
    segformer.encoder.block.0.0.mlp.dense2.weight 32x128
    segformer.encoder.block.0.0.mlp.dwconv.dwconv.weight 128x1x3x3
    segformer.encoder.patch_embeddings.0.proj.weight 32x3x7x7
    """,
    """
    decode_head.classifier conv - 64x2
    decode_head.linear_c.0.proj dense - 64x32
    decode_head.linear_fuse conv - 256x64
    segformer.encoder.block.0.0.attention.output.dense attention.o 0 32x32
    segformer.encoder.block.0.0.attention.self.key attention.k 0 32x32
    segformer.encoder.block.0.0.attention.self.query attention.q 0 32x32
    segformer.encoder.block.0.0.attention.self.sr conv 0 32x32 64
    segformer.encoder.block.0.0.attention.self.value attention.v 0 32x32
    segformer.encoder.block.0.0.mlp.dense1 mlp.up 0 128x32
    segformer.encoder.block.0.0.mlp.dense2 mlp.down 0 128x32
    segformer.encoder.patch_embeddings.0.proj conv - 32x3 49
    """,
)

DINOV2_GIANT = Checkpoint(
    """
    embeddings.cls_token 1x1x64
    embeddings.mask_token 1x64
    embeddings.patch_embeddings.projection.weight 64x3x8x8
    embeddings.position_embeddings 1x17x64
    encoder.layer.0.layer_scale1.lambda1 64
    encoder.layer.0.layer_scale2.lambda1 64
    encoder.layer.0.mlp.weights_in.weight 352x64
    encoder.layer.0.mlp.weights_out.weight 64x176
    """,
    """
    embeddings.patch_embeddings.projection conv - 64x3 64
    embeddings.position_embeddings embedding.position - 64x17
    encoder.layer.0.mlp.weights_in.gate mlp.gate 0 176x64
    encoder.layer.0.mlp.weights_in.up mlp.up 0 176x64
    encoder.layer.0.mlp.weights_out mlp.down 0 176x64
    """,
)

SWIN_V2 = Checkpoint(
    """
    classifier.weight 10x64
    swinv2.embeddings.patch_embeddings.projection.weight 32x3x4x4
    swinv2.encoder.layers.0.blocks.0.attention.output.dense.weight 32x32
    swinv2.encoder.layers.0.blocks.0.attention.self.continuous_position_bias_mlp.0.weight 512x2
    swinv2.encoder.layers.0.blocks.0.attention.self.continuous_position_bias_mlp.2.weight 2x512
    swinv2.encoder.layers.0.blocks.0.attention.self.key.weight 32x32
    swinv2.encoder.layers.0.blocks.0.attention.self.logit_scale 2x1x1
    swinv2.encoder.layers.0.blocks.0.attention.self.query.weight 32x32
    swinv2.encoder.layers.0.blocks.0.attention.self.value.weight 32x32
    swinv2.encoder.layers.0.blocks.0.intermediate.dense.weight 128x32
    swinv2.encoder.layers.0.blocks.0.output.dense.weight 32x128
    swinv2.encoder.layers.0.downsample.reduction.weight 64x128
    """,
    """
    classifier head - 64x10
    swinv2.embeddings.patch_embeddings.projection conv - 32x3 16
    swinv2.encoder.layers.0.blocks.0.attention.output.dense attention.o 0 32x32
    swinv2.encoder.layers.0.blocks.0.attention.self.continuous_position_bias_mlp.0 dense 0 512x2
    swinv2.encoder.layers.0.blocks.0.attention.self.continuous_position_bias_mlp.2 dense 0 512x2
    swinv2.encoder.layers.0.blocks.0.attention.self.key attention.k 0 32x32
    swinv2.encoder.layers.0.blocks.0.attention.self.query attention.q 0 32x32
    swinv2.encoder.layers.0.blocks.0.attention.self.value attention.v 0 32x32
    swinv2.encoder.layers.0.blocks.0.intermediate.dense mlp.up 0 128x32
    swinv2.encoder.layers.0.blocks.0.output.dense mlp.down 0 128x32
    swinv2.encoder.layers.0.downsample.reduction dense 0 128x64
    """,
)

DEIT_DISTILLED = Checkpoint(
    """
    cls_classifier.weight 10x64
    deit.embeddings.cls_token 1x1x64
    deit.embeddings.distillation_token 1x1x64
    deit.embeddings.patch_embeddings.projection.weight 64x3x8x8
    deit.embeddings.position_embeddings 1x18x64
    distillation_classifier.weight 10x64
    """,
    """
    cls_classifier head - 64x10
    deit.embeddings.patch_embeddings.projection conv - 64x3 64
    deit.embeddings.position_embeddings embedding.position - 64x18
    distillation_classifier head - 64x10
    """,
)

DETR = Checkpoint(
    """
    bbox_predictor.layers.0.weight 64x64
    class_labels_classifier.weight 3x64
    model.decoder.layers.0.encoder_attn.k_proj.weight 64x64
    model.decoder.layers.0.encoder_attn.out_proj.weight 64x64
    model.decoder.layers.0.encoder_attn.q_proj.weight 64x64
    model.decoder.layers.0.encoder_attn.v_proj.weight 64x64
    model.decoder.layers.0.fc1.weight 112x64
    model.decoder.layers.0.fc2.weight 64x112
    model.decoder.layers.0.self_attn.k_proj.weight 64x64
    model.decoder.layers.0.self_attn.out_proj.weight 64x64
    model.decoder.layers.0.self_attn.q_proj.weight 64x64
    model.decoder.layers.0.self_attn.v_proj.weight 64x64
    model.input_projection.weight 64x64x1x1
    model.query_position_embeddings.weight 100x64
    """,
    """
    bbox_predictor.layers.0 dense 0 64x64
    class_labels_classifier head - 64x3
    model.decoder.layers.0.encoder_attn.k_proj cross.k 0 64x64
    model.decoder.layers.0.encoder_attn.out_proj cross.o 0 64x64
    model.decoder.layers.0.encoder_attn.q_proj cross.q 0 64x64
    model.decoder.layers.0.encoder_attn.v_proj cross.v 0 64x64
    model.decoder.layers.0.fc1 mlp.up 0 112x64
    model.decoder.layers.0.fc2 mlp.down 0 112x64
    model.decoder.layers.0.self_attn.k_proj attention.k 0 64x64
    model.decoder.layers.0.self_attn.out_proj attention.o 0 64x64
    model.decoder.layers.0.self_attn.q_proj attention.q 0 64x64
    model.decoder.layers.0.self_attn.v_proj attention.v 0 64x64
    model.input_projection conv - 64x64
    model.query_position_embeddings embedding.position - 100x64
    """,
)

DIT_DIFFUSERS = Checkpoint(
    """
    pos_embed.proj.weight 64x4x2x2
    proj_out_1.weight 128x64
    proj_out_2.weight 16x64
    transformer_blocks.0.attn1.to_k.weight 64x64
    transformer_blocks.0.attn1.to_out.0.weight 64x64
    transformer_blocks.0.attn1.to_q.weight 64x64
    transformer_blocks.0.attn1.to_v.weight 64x64
    transformer_blocks.0.ff.net.0.proj.weight 256x64
    transformer_blocks.0.ff.net.2.weight 64x256
    transformer_blocks.0.norm1.emb.class_embedder.embedding_table.weight 21x64
    transformer_blocks.0.norm1.emb.timestep_embedder.linear_1.weight 64x256
    transformer_blocks.0.norm1.emb.timestep_embedder.linear_2.weight 64x64
    transformer_blocks.0.norm1.linear.weight 384x64
    """,
    """
    pos_embed.proj conv - 64x4 4
    proj_out_1 modulation - 128x64
    proj_out_2 head - 64x16
    transformer_blocks.0.attn1.to_k attention.k 0 64x64
    transformer_blocks.0.attn1.to_out.0 attention.o 0 64x64
    transformer_blocks.0.attn1.to_q attention.q 0 64x64
    transformer_blocks.0.attn1.to_v attention.v 0 64x64
    transformer_blocks.0.ff.net.0.proj mlp.up 0 256x64
    transformer_blocks.0.ff.net.2 mlp.down 0 256x64
    transformer_blocks.0.norm1.emb.class_embedder.embedding_table embedding.label 0 64x21
    transformer_blocks.0.norm1.emb.timestep_embedder.linear_1 dense 0 256x64
    transformer_blocks.0.norm1.emb.timestep_embedder.linear_2 dense 0 64x64
    transformer_blocks.0.norm1.linear modulation 0 384x64
    """,
)

PIXART = Checkpoint(
    """
    adaln_single.emb.timestep_embedder.linear_1.weight 64x256
    adaln_single.emb.timestep_embedder.linear_2.weight 64x64
    adaln_single.linear.weight 384x64
    caption_projection.linear_1.weight 64x48
    caption_projection.linear_2.weight 64x64
    pos_embed.proj.weight 64x4x2x2
    proj_out.weight 32x64
    scale_shift_table 2x64
    transformer_blocks.0.attn1.to_k.weight 64x64
    transformer_blocks.0.attn1.to_out.0.weight 64x64
    transformer_blocks.0.attn1.to_q.weight 64x64
    transformer_blocks.0.attn1.to_v.weight 64x64
    transformer_blocks.0.attn2.to_k.weight 64x64
    transformer_blocks.0.attn2.to_out.0.weight 64x64
    transformer_blocks.0.attn2.to_q.weight 64x64
    transformer_blocks.0.attn2.to_v.weight 64x64
    transformer_blocks.0.ff.net.0.proj.weight 256x64
    transformer_blocks.0.ff.net.2.weight 64x256
    transformer_blocks.0.scale_shift_table 6x64
    """,
    """
    adaln_single.emb.timestep_embedder.linear_1 dense - 256x64
    adaln_single.emb.timestep_embedder.linear_2 dense - 64x64
    adaln_single.linear modulation - 384x64
    caption_projection.linear_1 dense - 64x48
    caption_projection.linear_2 dense - 64x64
    pos_embed.proj conv - 64x4 4
    proj_out head - 64x32
    transformer_blocks.0.attn1.to_k attention.k 0 64x64
    transformer_blocks.0.attn1.to_out.0 attention.o 0 64x64
    transformer_blocks.0.attn1.to_q attention.q 0 64x64
    transformer_blocks.0.attn1.to_v attention.v 0 64x64
    transformer_blocks.0.attn2.to_k cross.k 0 64x64
    transformer_blocks.0.attn2.to_out.0 cross.o 0 64x64
    transformer_blocks.0.attn2.to_q cross.q 0 64x64
    transformer_blocks.0.attn2.to_v cross.v 0 64x64
    transformer_blocks.0.ff.net.0.proj mlp.up 0 256x64
    transformer_blocks.0.ff.net.2 mlp.down 0 256x64
    """,
)

REGNET_TIMM = Checkpoint(
    """
    stem.conv.weight 32x3x3x3
    s1.b1.conv1.conv.weight 64x32x1x1
    s1.b1.conv2.conv.weight 64x16x3x3
    s1.b1.conv3.conv.weight 64x64x1x1
    s1.b2.conv2.conv.weight 64x16x3x3
    s1.b2.conv1.conv.weight 64x64x1x1
    head.fc.weight 10x64
    """,
    """
    stem.conv conv - 32x3 9
    s1.b1.conv1.conv conv 0 64x32
    s1.b1.conv2.conv conv 0 16x16 36
    s1.b1.conv3.conv conv 0 64x64
    s1.b2.conv2.conv conv 1 16x16 36
    s1.b2.conv1.conv conv 1 64x64
    head.fc head - 64x10
    """,
)

REGNET_TORCHVISION = Checkpoint(
    """
    stem.0.weight 32x3x3x3
    trunk_output.block1.block1-0.proj.0.weight 64x32x1x1
    trunk_output.block1.block1-0.f.a.0.weight 64x32x1x1
    trunk_output.block1.block1-0.f.b.0.weight 64x16x3x3
    trunk_output.block1.block1-0.f.c.0.weight 64x64x1x1
    trunk_output.block2.block2-0.f.b.0.weight 64x16x3x3
    trunk_output.block2.block2-0.f.a.0.weight 64x64x1x1
    fc.weight 10x64
    """,
    """
    stem.0 conv - 32x3 9
    trunk_output.block1.block1-0.proj.0 conv 0 64x32
    trunk_output.block1.block1-0.f.a.0 conv 0 64x32
    trunk_output.block1.block1-0.f.b.0 conv 0 16x16 36
    trunk_output.block1.block1-0.f.c.0 conv 0 64x64
    trunk_output.block2.block2-0.f.b.0 conv 1 16x16 36
    trunk_output.block2.block2-0.f.a.0 conv 1 64x64
    fc head - 64x10
    """,
)

DINOV2_GIANT_ORIGINAL = Checkpoint(
    """
    blocks.0.attn.qkv.weight 192x64
    blocks.0.attn.proj.weight 64x64
    blocks.0.mlp.w12.weight 352x64
    blocks.0.mlp.w3.weight 64x176
    """,
    """
    blocks.0.attn.qkv.q attention.q 0 64x64
    blocks.0.attn.qkv.k attention.k 0 64x64
    blocks.0.attn.qkv.v attention.v 0 64x64
    blocks.0.attn.proj attention.o 0 64x64
    blocks.0.mlp.w12.gate mlp.gate 0 176x64
    blocks.0.mlp.w12.up mlp.up 0 176x64
    blocks.0.mlp.w3 mlp.down 0 176x64
    """,
)

BACKBONES = {
    "convnext": CONVNEXT,
    "resnet of transformers": RESNET_TRANSFORMERS,
    "regnet of transformers": REGNET_TRANSFORMERS,
    "segformer": SEGFORMER,
    "dinov2 giant": DINOV2_GIANT,
    "swin 2": SWIN_V2,
    "deit distilled": DEIT_DISTILLED,
    "detr": DETR,
    "dit of diffusers": DIT_DIFFUSERS,
    "pixart": PIXART,
    "regnet of timm": REGNET_TIMM,
    "regnet of torchvision": REGNET_TORCHVISION,
    "dinov2 giant original": DINOV2_GIANT_ORIGINAL,
}

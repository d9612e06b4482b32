"""Checkpoints of vision, speech and diffusion networks, scaled down."""

from __future__ import annotations

from checkpoints_text import Checkpoint

VIT_HF = Checkpoint(
    """
    vit.embeddings.cls_token 1x1x64
    vit.embeddings.position_embeddings 1x197x64
    vit.embeddings.patch_embeddings.projection.weight 64x3x16x16
    vit.encoder.layer.0.attention.attention.query.weight 64x64
    vit.encoder.layer.0.attention.output.dense.weight 64x64
    vit.encoder.layer.0.intermediate.dense.weight 256x64
    vit.encoder.layer.0.output.dense.weight 64x256
    classifier.weight 1000x64
    """,
    """
    vit.embeddings.position_embeddings embedding.position - 197x64
    vit.embeddings.patch_embeddings.projection conv - 64x3 256
    vit.encoder.layer.0.attention.attention.query attention.q 0 64x64
    vit.encoder.layer.0.attention.output.dense attention.o 0 64x64
    vit.encoder.layer.0.intermediate.dense mlp.up 0 256x64
    vit.encoder.layer.0.output.dense mlp.down 0 256x64
    classifier head - 1000x64
    """,
)

VIT_TIMM = Checkpoint(
    """
    cls_token 1x1x64
    pos_embed 1x197x64
    patch_embed.proj.weight 64x3x16x16
    blocks.0.attn.qkv.weight 192x64
    blocks.0.attn.proj.weight 64x64
    blocks.0.mlp.fc1.weight 256x64
    blocks.0.mlp.fc2.weight 64x256
    head.weight 1000x64
    """,
    """
    pos_embed embedding.position - 197x64
    patch_embed.proj conv - 64x3 256
    blocks.0.attn.qkv.q attention.q 0 64x64
    blocks.0.attn.qkv.k attention.k 0 64x64
    blocks.0.attn.qkv.v attention.v 0 64x64
    blocks.0.attn.proj attention.o 0 64x64
    blocks.0.mlp.fc1 mlp.up 0 256x64
    blocks.0.mlp.fc2 mlp.down 0 256x64
    head head - 1000x64
    """,
)

SWIN = Checkpoint(
    """
    layers.0.blocks.0.attn.relative_position_bias_table 169x4
    layers.0.blocks.0.attn.relative_position_index 49x49 int64
    layers.0.blocks.0.attn.qkv.weight 96x32
    layers.0.blocks.0.attn.proj.weight 32x32
    layers.0.blocks.1.attn_mask 4x49x49
    layers.0.blocks.1.mlp.fc1.weight 128x32
    layers.0.downsample.reduction.weight 64x128
    layers.1.blocks.0.mlp.fc1.weight 256x64
    """,
    """
    layers.0.blocks.0.attn.relative_position_bias_table embedding.position 0 169x4
    layers.0.blocks.0.attn.qkv.q attention.q 0 32x32
    layers.0.blocks.0.attn.qkv.k attention.k 0 32x32
    layers.0.blocks.0.attn.qkv.v attention.v 0 32x32
    layers.0.blocks.0.attn.proj attention.o 0 32x32
    layers.0.blocks.1.mlp.fc1 mlp.up 1 128x32
    layers.0.downsample.reduction dense 0 128x64
    layers.1.blocks.0.mlp.fc1 mlp.up 2 256x64
    """,
)

RESNET = Checkpoint(
    """
    conv1.weight 64x3x7x7
    bn1.running_mean 64
    bn1.num_batches_tracked - int64
    layer1.0.conv1.weight 64x64x3x3
    layer1.0.conv2.weight 64x64x3x3
    layer1.1.conv1.weight 64x64x3x3
    layer2.0.conv1.weight 128x64x3x3
    layer2.0.downsample.0.weight 128x64x1x1
    fc.weight 1000x512
    """,
    """
    conv1 conv - 64x3 49
    layer1.0.conv1 conv 0 64x64 9
    layer1.0.conv2 conv 0 64x64 9
    layer1.1.conv1 conv 1 64x64 9
    layer2.0.conv1 conv 2 128x64 9
    layer2.0.downsample.0 conv 2 128x64
    fc head - 1000x512
    """,
)

RESNEXT = Checkpoint(
    """
    layer1.0.conv1.weight 128x64x1x1
    layer1.0.conv2.weight 128x4x3x3
    layer1.0.conv3.weight 256x128x1x1
    layer4.0.conv1.weight 1024x512x1x1
    layer4.0.conv2.weight 1024x32x3x3
    """,
    """
    layer1.0.conv1 conv 0 128x64
    layer1.0.conv3 conv 0 256x128
    layer4.0.conv1 conv 1 1024x512
    layer4.0.conv2 conv 1 32x32 288
    """,
)

VGG = Checkpoint(
    """
    features.0.weight 64x3x3x3
    features.2.weight 64x64x3x3
    classifier.0.weight 4096x2048
    classifier.3.weight 4096x4096
    classifier.6.weight 1000x4096
    """,
    """
    features.0 conv 0 64x3 9
    features.2 conv 2 64x64 9
    classifier.0 dense - 4096x2048
    classifier.3 dense - 4096x4096
    classifier.6 head - 4096x1000
    """,
)

DENSENET = Checkpoint(
    """
    features.conv0.weight 64x3x7x7
    features.denseblock1.denselayer1.conv1.weight 128x64x1x1
    features.denseblock1.denselayer2.conv1.weight 128x96x1x1
    features.transition1.conv.weight 128x256x1x1
    features.denseblock2.denselayer1.conv1.weight 128x128x1x1
    classifier.weight 1000x1024
    """,
    """
    features.conv0 conv - 64x3 49
    features.denseblock1.denselayer1.conv1 conv 0 128x64
    features.denseblock1.denselayer2.conv1 conv 1 128x96
    features.transition1.conv conv - 256x128
    features.denseblock2.denselayer1.conv1 conv 2 128x128
    classifier head - 1024x1000
    """,
)

MOBILENET = Checkpoint(
    """
    features.0.0.weight 32x3x3x3
    features.1.conv.0.0.weight 32x1x3x3
    features.1.conv.1.weight 16x32x1x1
    features.2.conv.0.0.weight 96x16x1x1
    features.2.conv.1.0.weight 96x1x3x3
    classifier.1.weight 1000x1280
    """,
    """
    features.0.0 conv 0 32x3 9
    features.1.conv.1 conv 1 32x16
    features.2.conv.0.0 conv 2 96x16
    classifier.1 head - 1280x1000
    """,
)

UNET = Checkpoint(
    """
    conv_in.weight 32x4x3x3
    time_embedding.linear_1.weight 128x32
    down_blocks.1.attentions.0.proj_in.weight 64x64
    down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q.weight 64x64
    down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0.weight 64x64
    down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight 64x96
    down_blocks.1.attentions.0.transformer_blocks.0.ff.net.0.proj.weight 512x64
    down_blocks.1.attentions.0.transformer_blocks.0.ff.net.2.weight 64x256
    """,
    """
    conv_in conv - 32x4 9
    time_embedding.linear_1 dense - 128x32
    down_blocks.1.attentions.0.proj_in dense 1 64x64
    down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q attention.q 1 64x64
    down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0 attention.o 1 64x64
    down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k cross.k 1 96x64
    down_blocks.1.attentions.0.transformer_blocks.0.ff.net.0.proj.up mlp.up 1 256x64
    down_blocks.1.attentions.0.transformer_blocks.0.ff.net.0.proj.gate mlp.gate 1 256x64
    down_blocks.1.attentions.0.transformer_blocks.0.ff.net.2 mlp.down 1 256x64
    """,
)

FLUX_DIFFUSERS = Checkpoint(
    """
    transformer_blocks.0.norm1.linear.weight 384x64
    transformer_blocks.0.attn.to_q.weight 64x64
    transformer_blocks.0.attn.to_out.0.weight 64x64
    transformer_blocks.0.attn.add_k_proj.weight 64x64
    transformer_blocks.0.attn.to_add_out.weight 64x64
    transformer_blocks.0.ff.net.0.proj.weight 256x64
    transformer_blocks.0.ff.net.2.weight 64x256
    single_transformer_blocks.0.attn.to_q.weight 64x64
    single_transformer_blocks.0.proj_mlp.weight 256x64
    single_transformer_blocks.0.proj_out.weight 64x320
    proj_out.weight 16x64
    """,
    """
    transformer_blocks.0.norm1.linear modulation 0 384x64
    transformer_blocks.0.attn.to_q attention.q 0 64x64
    transformer_blocks.0.attn.to_out.0 attention.o 0 64x64
    transformer_blocks.0.attn.add_k_proj attention.k 0 64x64
    transformer_blocks.0.attn.to_add_out attention.o 0 64x64
    transformer_blocks.0.ff.net.0.proj mlp.up 0 256x64
    transformer_blocks.0.ff.net.2 mlp.down 0 256x64
    single_transformer_blocks.0.attn.to_q attention.q 0 64x64
    single_transformer_blocks.0.proj_mlp mlp.up 0 256x64
    single_transformer_blocks.0.proj_out.o attention.o 0 64x64
    single_transformer_blocks.0.proj_out.down mlp.down 0 256x64
    proj_out head - 64x16
    """,
)

FLUX = Checkpoint(
    """
    double_blocks.0.img_attn.qkv.weight 192x64
    double_blocks.0.img_attn.proj.weight 64x64
    double_blocks.0.img_mlp.0.weight 256x64
    double_blocks.0.img_mod.lin.weight 384x64
    single_blocks.0.linear1.weight 448x64
    single_blocks.0.linear2.weight 64x320
    """,
    """
    double_blocks.0.img_attn.qkv.q attention.q 0 64x64
    double_blocks.0.img_attn.qkv.k attention.k 0 64x64
    double_blocks.0.img_attn.qkv.v attention.v 0 64x64
    double_blocks.0.img_attn.proj attention.o 0 64x64
    double_blocks.0.img_mlp.0 mlp.up 0 256x64
    double_blocks.0.img_mod.lin modulation 0 384x64
    single_blocks.0.linear1.q attention.q 0 64x64
    single_blocks.0.linear1.k attention.k 0 64x64
    single_blocks.0.linear1.v attention.v 0 64x64
    single_blocks.0.linear1.up mlp.up 0 256x64
    single_blocks.0.linear2.o attention.o 0 64x64
    single_blocks.0.linear2.down mlp.down 0 256x64
    """,
)

DIT = Checkpoint(
    """
    pos_embed 1x256x64
    y_embedder.embedding_table.weight 1001x64
    blocks.0.attn.qkv.weight 192x64
    blocks.0.attn.proj.weight 64x64
    blocks.0.adaLN_modulation.1.weight 384x64
    """,
    """
    pos_embed embedding.position - 256x64
    y_embedder.embedding_table embedding.label - 1001x64
    blocks.0.attn.qkv.q attention.q 0 64x64
    blocks.0.attn.qkv.k attention.k 0 64x64
    blocks.0.attn.qkv.v attention.v 0 64x64
    blocks.0.attn.proj attention.o 0 64x64
    blocks.0.adaLN_modulation.1 modulation 0 384x64
    """,
)

WHISPER_HF = Checkpoint(
    """
    model.encoder.conv1.weight 64x80x3
    model.encoder.conv2.weight 64x64x3
    model.encoder.embed_positions.weight 1500x64
    model.encoder.layers.0.self_attn.q_proj.weight 64x64
    model.encoder.layers.0.self_attn.out_proj.weight 64x64
    model.encoder.layers.0.fc1.weight 256x64
    model.encoder.layers.0.fc2.weight 64x256
    model.decoder.embed_tokens.weight 5000x64
    model.decoder.layers.3.encoder_attn.q_proj.weight 64x64
    model.decoder.layers.3.encoder_attn.out_proj.weight 64x64
    proj_out.weight 5000x64
    """,
    """
    model.encoder.conv1 conv - 80x64 3
    model.encoder.conv2 conv - 64x64 3
    model.encoder.embed_positions embedding.position - 1500x64
    model.encoder.layers.0.self_attn.q_proj attention.q 0 64x64
    model.encoder.layers.0.self_attn.out_proj attention.o 0 64x64
    model.encoder.layers.0.fc1 mlp.up 0 256x64
    model.encoder.layers.0.fc2 mlp.down 0 256x64
    model.decoder.embed_tokens embedding.token - 5000x64
    model.decoder.layers.3.encoder_attn.q_proj cross.q 3 64x64
    model.decoder.layers.3.encoder_attn.out_proj cross.o 3 64x64
    proj_out head - 5000x64
    """,
)

WHISPER = Checkpoint(
    """
    encoder.positional_embedding 1500x64
    decoder.token_embedding.weight 5000x64
    decoder.blocks.0.attn.query.weight 64x64
    decoder.blocks.0.attn.out.weight 64x64
    decoder.blocks.0.cross_attn.key.weight 64x64
    decoder.blocks.0.mlp.0.weight 256x64
    decoder.blocks.0.mlp.2.weight 64x256
    decoder.mask 448x448
    """,
    """
    encoder.positional_embedding embedding.position - 1500x64
    decoder.token_embedding embedding.token - 5000x64
    decoder.blocks.0.attn.query attention.q 0 64x64
    decoder.blocks.0.attn.out attention.o 0 64x64
    decoder.blocks.0.cross_attn.key cross.k 0 64x64
    decoder.blocks.0.mlp.0 mlp.up 0 256x64
    decoder.blocks.0.mlp.2 mlp.down 0 256x64
    """,
)

GRU_NPZ = Checkpoint(
    """
    enc_emb 29x32
    enc_w_ih 96x32
    enc_w_hh 96x32
    enc_b_ih 96
    fc_w 74x32
    """,
    """
    enc_emb dense - 32x29
    enc_w_ih.r rnn.input - 32x32
    enc_w_ih.z rnn.input - 32x32
    enc_w_ih.n rnn.input - 32x32
    enc_w_hh.r rnn.hidden - 32x32
    enc_w_hh.z rnn.hidden - 32x32
    enc_w_hh.n rnn.hidden - 32x32
    fc_w dense - 74x32
    """,
)

VISION = {
    "vit of transformers": VIT_HF,
    "vit of timm": VIT_TIMM,
    "swin": SWIN,
    "resnet": RESNET,
    "resnext": RESNEXT,
    "vgg": VGG,
    "densenet": DENSENET,
    "mobilenet": MOBILENET,
    "unet": UNET,
    "flux of diffusers": FLUX_DIFFUSERS,
    "flux": FLUX,
    "dit": DIT,
    "whisper of transformers": WHISPER_HF,
    "whisper": WHISPER,
    "gru in npz": GRU_NPZ,
}

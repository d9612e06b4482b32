"""Names of weights as adapters write them, turned into the names that models have."""

from __future__ import annotations

import re
from typing import Final

from eigentail.sources.names import normalise

PEFT: Final = "base_model.model."
_PUT_IN: Final = frozenset({"base_layer", "modules_to_save", "original_module"})
# What kohya and LyCORIS call the nets of a pipeline, and what diffusers calls them.
_NETS: Final = {
    "unet": "unet", "te": "text_encoder", "te1": "text_encoder", "te2": "text_encoder_2", "te3": "text_encoder_3",
    "transformer": "transformer", "prior": "prior",
}  # fmt: skip
# Long expressions, which few files need: compiled, and kept, by the call that first does.
_KOHYA: Final = r"(?:lora|lycoris)_(?:(?P<net>unet|te\d?|transformer|prior)_)?(?P<rest>[^.]+)"
# Components with an underscore in them: the only ones that cannot be told from two components.
_WORDS: Final = (
    "add_embedding", "add_k_proj", "add_q_proj", "add_v_proj", "cond_proj", "context_embedder", "conv_in", "conv_norm",
    "conv_out", "conv_shortcut", "double_blocks", "down_blocks", "ff_context", "final_layer", "final_layer_norm",
    "guidance_in", "img_attn", "img_in", "img_mlp", "img_mod", "in_layer", "in_layers", "input_blocks", "k_proj",
    "layer_norm", "layer_norm1", "layer_norm2", "label_emb", "linear_1", "linear_2", "mid_block", "middle_block",
    "norm_out", "out_layer", "out_layers", "out_proj", "output_blocks", "pos_embed", "proj_in", "proj_mlp", "proj_out",
    "q_proj", "self_attn", "single_blocks", "single_transformer_blocks", "skip_connection", "text_model",
    "text_projection", "time_embed", "time_emb_proj", "time_embedding", "time_in", "to_add_out", "to_k", "to_out",
    "to_q", "to_qkv", "to_v", "token_embedding", "transformer_blocks", "txt_attn", "txt_in", "txt_mlp", "txt_mod",
    "up_blocks", "v_proj", "vector_in", "x_embedder",
)  # fmt: skip
_SPLIT: Final = rf"({'|'.join(sorted(_WORDS, key=len, reverse=True))})(?=_|$)|([^_]+)"
_FRONTS: Final = (
    "model_diffusion_model_",
    "diffusion_model_",
    "conditioner_embedders_0_transformer_",
    "cond_stage_model_transformer_",
)


def plain(module: str) -> str:
    """The name of a weight without what PEFT puts in front of it and into it, and with kohya's taken apart.

    Args:
        module: as an adapter has it, with or without ".weight" at its end.

    Example:
        >>> plain("base_model.model.model.layers.0.q_proj"), plain("base_model.model.score.modules_to_save.weight")
        ('model.layers.0.q_proj', 'score.weight')
        >>> plain("lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_out_0")
        'unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_out.0'
        >>> plain("lora_te_text_model_encoder_layers_3_self_attn_q_proj")
        'text_encoder.text_model.encoder.layers.3.self_attn.q_proj'
    """
    if found := re.fullmatch(_KOHYA, module):
        net = _NETS.get(found["net"] or "", found["net"] or "")
        words = [one or other for one, other in re.findall(_SPLIT, found["rest"])]
        return ".".join([net, *words] if net else words)
    parts = normalise(module.removeprefix(PEFT)).split(".")
    return ".".join(part for part in parts if part not in _PUT_IN) or module


def flat(name: str) -> str:
    """A name by which a weight of a model and its change in an adapter of any convention are told to be the same.

    Args:
        name: of a weight, with or without ".weight".

    Example:
        >>> flat("model.diffusion_model.input_blocks.4.1.proj_in.weight") == flat("input_blocks.4.1.proj_in")
        True
    """
    text = name.removesuffix(".weight").replace(".", "_")
    front = next((front for front in _FRONTS if text.startswith(front)), "")
    return text[len(front) :]

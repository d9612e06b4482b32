"""Folders of diffusers and of MLX, made by hand as their libraries lay them out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from eigentail.cli import main
from eigentail.sources import opened

RANDOM = np.random.default_rng(4)


def weight(*shape: int) -> dict[str, np.ndarray]:
    return {"weight": RANDOM.standard_normal(shape).astype(np.float32)}


def named(prefix: str, *shape: int) -> dict[str, np.ndarray]:
    return {f"{prefix}.{name}": array for name, array in weight(*shape).items()}


@pytest.fixture
def pipeline(tmp_path: Path) -> Path:
    """A pipeline with a part in half precision beside the full one, and a sharded part."""
    parts = ("vae", "unet", "text_encoder", "transformer", "scheduler", "tokenizer")
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "P", **{part: ["d", "C"] for part in parts}}))
    for part in parts:
        (tmp_path / part).mkdir()
        (tmp_path / part / "config.json").write_text("{}")
    conv = named("encoder.conv_in", 16, 4, 3, 3)
    save_file(conv, tmp_path / "vae" / "diffusion_pytorch_model.safetensors")
    save_file(
        {name: array.astype(np.float16) for name, array in conv.items()},
        tmp_path / "vae" / "diffusion_pytorch_model.fp16.safetensors",
    )
    attention = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    save_file(named(attention, 32, 32), tmp_path / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    encoder = "text_model.encoder.layers.0.self_attn.q_proj"
    save_file(named(encoder, 24, 24), tmp_path / "text_encoder" / "model.safetensors")
    where = {}
    for at in (1, 2):
        shard = f"diffusion_pytorch_model-0000{at}-of-00002.safetensors"
        save_file(named(f"transformer_blocks.{at}.attn.to_k", 40, 20), tmp_path / "transformer" / shard)
        where[f"transformer_blocks.{at}.attn.to_k.weight"] = shard
    index = tmp_path / "transformer" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": where}))
    return tmp_path


def names(target: Path) -> dict[str, str]:
    with opened(target) as source:
        assert all(source.read(spec).shape == spec.shape for spec in source.tensors())
        return {spec.name: spec.dtype for spec in source.tensors()}


def test_every_part_has_its_name_in_front_and_the_full_precision_counts(pipeline: Path) -> None:
    assert names(pipeline) == {
        "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.weight": "float32",
        "transformer.transformer_blocks.1.attn.to_k.weight": "float32",
        "transformer.transformer_blocks.2.attn.to_k.weight": "float32",
        "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight": "float32",
        "vae.encoder.conv_in.weight": "float32",
    }


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("unet", "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"),
        ("transformer", "transformer_blocks.1.attn.to_k.weight"),
        ("vae", "encoder.conv_in.weight"),
    ],
)
def test_a_part_alone_opens_by_its_folder(pipeline: Path, part: str, name: str) -> None:
    assert name in names(pipeline / part)


def test_describe_shows_the_part(pipeline: Path) -> None:
    result = CliRunner().invoke(main, ["describe", str(pipeline), "--json"])
    assert result.exit_code == 0
    assert {layer["name"].partition(".")[0] for layer in json.loads(result.stdout)["layers"]} == {
        "vae", "unet", "text_encoder", "transformer",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["model.safetensors", "weights.safetensors", "weights.npz"])
def test_a_folder_of_mlx_opens_with_its_configuration(tmp_path: Path, name: str) -> None:
    arrays = {"model.layers.0.self_attn.q_proj.weight": RANDOM.standard_normal((24, 24)).astype(np.float16)}
    if name.endswith(".npz"):
        np.savez(tmp_path / name, **arrays)
    else:
        save_file(arrays, tmp_path / name, metadata={"format": "mlx"})
    (tmp_path / "config.json").write_text('{"model_type": "llama", "num_attention_heads": 4}')
    with opened(tmp_path) as source:
        assert source.config["num_attention_heads"] == 4
        assert [(spec.name, spec.dtype) for spec in source.tensors()] == [(*arrays, "float16")]

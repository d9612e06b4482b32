"""Checkpoints for measurements: the shapes of real models, weights with a heavy tail, written as safetensors."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

GPT2_SMALL = {"attn.c_attn": (768, 2304), "attn.c_proj": (768, 768), "mlp.c_fc": (768, 3072), "mlp.c_proj": (3072, 768)}


def gpt2_small(path: Path, blocks: int = 12) -> None:
    """The 48 matrices of GPT-2 small in float32: Student-t entries, so that the spectra have tails."""
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    save_file(
        {
            f"h.{block}.{name}.weight": (0.02 * rng.standard_t(3.5, shape)).astype(np.float32)
            for block in range(blocks)
            for name, shape in GPT2_SMALL.items()
        },
        path,
    )


def sparse(path: Path, tensors: int, shape: tuple[int, int], filled: int) -> int:
    """A float32 checkpoint of any size that takes little disk: holes but for the first `filled` tensors.

    Returns:
        The bytes of the file.
    """
    nbytes = 4 * shape[0] * shape[1]
    header = {
        f"layers.{i}.weight": {"dtype": "F32", "shape": shape, "data_offsets": [i * nbytes, (i + 1) * nbytes]}
        for i in range(tensors)
    }
    text = json.dumps(header).encode()
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _ in range(filled):
            file.write(rng.standard_normal(shape, dtype=np.float32).tobytes())
        file.truncate(8 + len(text) + tensors * nbytes)
    return 8 + len(text) + tensors * nbytes


def cast(path: Path, dtype: str, target: Path) -> None:
    """The same checkpoint stored in another type, `bfloat16` or `float16`."""
    import ml_dtypes
    from safetensors.numpy import load_file, save_file

    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    save_file({name: weights.astype(kind) for name, weights in load_file(path).items()}, target)


def heavy(path: Path, shapes: Mapping[str, tuple[int, ...]], dtype: str = "float32") -> None:
    """Student-t entries of the given shapes, a tensor at a time: more than fits in memory may be written."""
    import ml_dtypes

    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    words = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
    header: dict[str, Any] = {}
    at = 0
    for name, shape in shapes.items():
        nbytes = kind.itemsize * math.prod(shape)
        header[name] = {"dtype": words[dtype], "shape": shape, "data_offsets": [at, at + nbytes]}
        at += nbytes
    text = json.dumps(header).encode()
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for shape in shapes.values():
            file.write(_student(rng, shape).astype(kind).tobytes())


def _student(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Entries with 4 degrees of freedom, from normal ones: much faster than numpy's own."""
    normal = rng.standard_normal((5, math.prod(shape)), dtype=np.float32)
    return (0.04 * normal[0] / np.sqrt((normal[1:] ** 2).sum(axis=0))).reshape(shape)


def resnet50() -> dict[str, tuple[int, ...]]:
    """The 53 convolutions and the head of ResNet-50 (He et al., 2015)."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (64, 3, 7, 7)}
    inputs = 64
    for stage, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), 1):
        for block in range(blocks):
            at = f"layer{stage}.{block}"
            shapes[f"{at}.conv1.weight"] = (width, inputs, 1, 1)
            shapes[f"{at}.conv2.weight"] = (width, width, 3, 3)
            shapes[f"{at}.conv3.weight"] = (4 * width, width, 1, 1)
            if not block:
                shapes[f"{at}.downsample.0.weight"] = (4 * width, inputs, 1, 1)
            inputs = 4 * width
    return shapes | {"fc.weight": (1000, 2048)}


def transformer(blocks: int, width: int) -> dict[str, tuple[int, ...]]:
    """The matrices of a decoder with separate q, k, v, o and an MLP four times as wide."""
    parts = {"q_proj": (width, width), "k_proj": (width, width), "v_proj": (width, width), "o_proj": (width, width)}
    wide = {"mlp.up_proj": (4 * width, width), "mlp.down_proj": (width, 4 * width)}
    named = {f"self_attn.{name}": shape for name, shape in parts.items()} | wide
    return {f"model.layers.{i}.{name}.weight": shape for i in range(blocks) for name, shape in named.items()}

"""Checkpoints for measurements: the shapes of real models, weights with a heavy tail, written as safetensors."""

from __future__ import annotations

import json
from pathlib import Path

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

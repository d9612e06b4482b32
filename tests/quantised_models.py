"""Quantisers of every scheme, written the slow and obvious way: parts to store, and the numbers they stand for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

Array = np.ndarray[Any, Any]
Made = tuple[dict[str, Array], Array]
Quantise = Callable[[Array], Made]

FP8 = np.dtype(ml_dtypes.float8_e4m3fn)
E2M1 = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
GROUP = 32


def words(codes: Array, bits: int) -> Array:
    """Rows of codes as one stream of bits, the lowest first, in words of 32."""
    stream = (codes[..., None].astype(np.int64) >> np.arange(bits)) & 1
    stream = stream.reshape(len(codes), -1).astype(np.uint8)
    stream = np.pad(stream, ((0, 0), (0, -stream.shape[1] % 32)))
    return np.packbits(stream, axis=1, bitorder="little").view(np.int32)


def rounded(weight: Array, bits: int, dtype: Any = np.float16) -> tuple[Array, Array, Array]:
    """Codes, and for each group of a row its scale and its zero point, which is never the smallest code."""
    groups = weight.reshape(len(weight), -1, GROUP)
    low, high = groups.min(2), groups.max(2)
    scales = ((high - low) / (2**bits - 1)).astype(dtype)
    zeros = np.clip(np.round(-low / scales.astype(np.float64)), 1, 2**bits - 1)
    codes = np.round(groups / scales.astype(np.float64)[..., None] + zeros[..., None])
    return np.clip(codes, 0, 2**bits - 1).reshape(weight.shape).astype(int), scales, zeros.astype(int)


def undone(codes: Array, scales: Array, zeros: Array | int, index: Array | None = None) -> Array:
    """One weight after the other."""
    out = np.empty(codes.shape, np.float32)
    for row in range(codes.shape[0]):
        for column in range(codes.shape[1]):
            group = column // GROUP if index is None else index[column]
            zero = zeros if isinstance(zeros, int) else zeros[row, group]
            out[row, column] = np.float32(codes[row, column] - zero) * np.float32(scales[row, group])
    return out


def gptq(bits: int = 4, *, version: int = 1, ordered: bool = False) -> Quantise:
    def made(weight: Array) -> Made:
        index = np.random.default_rng(1).permutation(np.arange(weight.shape[1]) // GROUP) if ordered else None
        codes, scales, zeros = rounded(weight, bits)
        parts = {
            "qweight": np.ascontiguousarray(words(codes, bits).T),
            "qzeros": words(zeros.T - (1 if version == 1 else 0), bits),
            "scales": np.ascontiguousarray(scales.T),
        }
        if index is not None:
            parts["g_idx"] = index.astype(np.int32)
        return parts, undone(codes, scales, zeros, index)

    return made


def awq(weight: Array) -> Made:
    codes, scales, zeros = rounded(weight, 4)
    order = [0, 2, 4, 6, 1, 3, 5, 7]  # the output in each field of a word

    def interleaved(rows: Array) -> Array:
        return words(rows.reshape(len(rows), -1, 8)[..., order].reshape(len(rows), -1), 4)

    parts = {"qweight": interleaved(codes.T), "qzeros": interleaved(zeros.T), "scales": np.ascontiguousarray(scales.T)}
    return parts, undone(codes, scales, zeros)


def awq_gemv(weight: Array) -> Made:
    codes, scales, zeros = rounded(weight, 4)
    missing = -scales.shape[1] % 32
    padded = np.pad(zeros, ((0, 0), (0, missing)))
    parts = {"qweight": words(codes, 4), "qzeros": words(padded, 4), "scales": np.pad(scales, ((0, 0), (0, missing)))}
    return parts, undone(codes, scales, zeros)


def nf4(weight: Array) -> Made:
    """Scales quantised in turn, as QLoRA does."""
    table = np.linspace(-1, 1, 16).astype(np.float32)  # any sixteen values will do
    outer_table = np.linspace(-1, 1, 256).astype(np.float32)
    flat = weight.reshape(-1, 64)
    largest = np.abs(flat).max(1).astype(np.float32)
    offset = float(largest.mean())
    outer = np.array(
        [np.abs(run - offset).max() for run in np.split(largest, range(256, len(largest), 256))], np.float32
    )
    scale_codes = np.abs(
        outer_table[None] - ((largest - offset) / outer[np.arange(len(largest)) // 256])[:, None]
    ).argmin(1)
    scales = outer_table[scale_codes] * outer[np.arange(len(largest)) // 256] + np.float32(offset)
    codes = np.abs(table - (flat / scales[:, None])[..., None]).argmin(2)
    expected = (table[codes] * scales[:, None]).reshape(weight.shape)
    pairs = codes.reshape(-1, 2)
    state = {"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": list(weight.shape)}
    state |= {"nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": offset}
    return {
        "weight": (pairs[:, 0] * 16 + pairs[:, 1]).astype(np.uint8)[:, None],
        "weight.absmax": scale_codes.astype(np.uint8),
        "weight.quant_map": table,
        "weight.nested_absmax": outer,
        "weight.nested_quant_map": outer_table,
        "weight.quant_state.bitsandbytes__nf4": np.frombuffer(json.dumps(state).encode(), np.uint8),
    }, expected


def llm_int8(weight: Array) -> Made:
    largest = np.abs(weight).max(1).astype(np.float32)
    codes = np.round(weight * (127 / largest[:, None])).astype(np.int8)
    expected = codes.astype(np.float32) * largest[:, None] * np.float32(1 / 127)
    return {"weight": codes, "SCB": largest, "weight_format": np.zeros((), np.uint8)}, expected


def packed_int(bits: int = 4, *, ordered: bool = False) -> Quantise:
    def made(weight: Array) -> Made:
        codes, scales, zeros = rounded(weight, bits)
        index = np.random.default_rng(1).permutation(np.arange(weight.shape[1]) // GROUP) if ordered else None
        parts = {
            "weight_packed": words(codes, bits),
            "weight_scale": scales,
            "weight_shape": np.array(weight.shape),
            "weight_zero_point": np.ascontiguousarray(words(zeros.T, bits).T),
        }
        if index is not None:
            parts["weight_g_idx"] = index.astype(np.int32)
        return parts, undone(codes, scales, zeros, index)

    return made


def int8_channel(weight: Array) -> Made:
    scales = (np.abs(weight).max(1, keepdims=True) / 127).astype(np.float32)
    codes = np.round(weight / scales).astype(np.int8)
    return {"weight": codes, "weight_scale": scales}, codes.astype(np.float32) * scales


def fp8(tall: int, wide: int, name: str = "weight_scale") -> Quantise:
    """A scale a block, cut short at the edges."""

    def made(weight: Array) -> Made:
        rows, columns = weight.shape
        scales = np.empty((-(-rows // tall), -(-columns // wide)), np.float32)
        codes, expected = np.empty(weight.shape, FP8), np.empty(weight.shape, np.float32)
        for row in range(scales.shape[0]):
            for column in range(scales.shape[1]):
                block = np.s_[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
                scales[row, column] = np.abs(weight[block]).max() / 448
                codes[block] = (weight[block] / scales[row, column]).astype(FP8)
                expected[block] = codes[block].astype(np.float32) * scales[row, column]
        return {
            "weight": codes,
            name: scales[0] if min(tall, wide) > max(weight.shape) and "inv" not in name else scales,
        }, expected

    return made


def fp4(values: Array) -> tuple[Array, Array]:
    """The nearest 4-bit floats: two to a byte, the first in the lower half; and what they stand for."""
    table = np.array([*E2M1, *(-value for value in E2M1)], np.float32)
    codes = np.abs(table - values[..., None]).argmin(-1)
    return (codes[..., 0::2] + 16 * codes[..., 1::2]).astype(np.uint8), table[codes]


def nvfp4(codes: str = "weight", whole: str = "weight_scale_2") -> Quantise:
    def made(weight: Array) -> Made:
        runs = weight.reshape(len(weight), -1, 16)
        one = np.float32(np.abs(weight).max() / (6 * 448))
        scales = (np.abs(runs).max(2) / 6 / one).astype(FP8)
        stored = one if whole == "weight_scale_2" else np.float32(1) / one
        each = scales.astype(np.float32) * one if whole == "weight_scale_2" else scales.astype(np.float32) / stored
        packed, values = fp4((runs / np.maximum(each, 1e-30)[..., None]).reshape(weight.shape))
        expected = (values.reshape(runs.shape) * each[..., None]).reshape(weight.shape)
        return {codes: packed, "weight_scale": scales, whole: np.array([stored], np.float32)}, expected

    return made


def mxfp4(codes: str = "weight_packed", scale: str = "weight_scale", kind: Any = np.uint8) -> Quantise:
    def made(weight: Array) -> Made:
        runs = weight.reshape(len(weight), -1, 32)
        powers = np.ceil(np.log2(np.abs(runs).max(2) / 6))
        packed, values = fp4((runs / 2 ** powers[..., None]).reshape(weight.shape))
        expected = (values.reshape(runs.shape) * 2 ** powers[..., None]).reshape(weight.shape).astype(np.float32)
        return {codes: packed.view(kind), scale: (powers + 127).astype(np.uint8)}, expected

    return made


def mlx(bits: int) -> Quantise:
    def made(weight: Array) -> Made:
        groups = weight.reshape(len(weight), -1, GROUP)
        low = groups.min(2).astype(np.float16)
        scales = ((groups.max(2) - groups.min(2)) / (2**bits - 1)).astype(np.float16)
        codes = np.round((groups - low[..., None].astype(np.float64)) / scales[..., None].astype(np.float64))
        codes = np.clip(codes, 0, 2**bits - 1)
        expected = codes.astype(np.float32) * scales[..., None].astype(np.float32) + low[..., None].astype(np.float32)
        packed = words(codes.reshape(weight.shape), bits).view(np.uint32)
        return {"weight": packed, "scales": scales, "biases": low}, expected.reshape(weight.shape)

    return made


# Name of the scheme: quantiser, word in reports, what config.json says.
CONFIG = "quantization_config"
SCHEMES: dict[str, tuple[Quantise, str, dict[str, Any]]] = {
    "gptq 2": (gptq(2), "gptq-2", {CONFIG: {"quant_method": "gptq", "sym": False}}),
    "gptq 3": (gptq(3), "gptq-3", {}),
    "gptq 4": (gptq(4), "gptq-4", {CONFIG: {"quant_method": "gptq", "checkpoint_format": "gptq"}}),
    "gptq 4 in order of activity": (gptq(4, ordered=True), "gptq-4", {}),
    "gptq 4, second version": (gptq(4, version=2), "gptq-4-v2", {CONFIG: {"checkpoint_format": "gptq_v2"}}),
    "gptq 8": (gptq(8), "gptq-8", {}),
    "awq gemm": (awq, "awq-4", {}),
    "awq gemv": (awq_gemv, "awq-4", {CONFIG: {"quant_method": "awq", "version": "gemv", "group_size": GROUP}}),
    "nf4": (nf4, "nf4", {}),
    "llm int8": (llm_int8, "llm-int8", {}),
    "packed int 4": (packed_int(4), "packed-int4", {}),
    "packed int 3": (packed_int(3), "packed-int3", {}),
    "packed int 8 in order of activity": (packed_int(8, ordered=True), "packed-int8", {}),
    "int8": (int8_channel, "int8-channel", {}),
    "fp8 tensor": (fp8(10**6, 10**6), "fp8-tensor", {}),
    "fp8 tensor, scale first": (fp8(10**6, 10**6, "scale_weight"), "fp8-tensor", {}),
    "fp8 channel": (fp8(1, 10**6), "fp8-channel", {}),
    "fp8 block": (fp8(128, 128, "weight_scale_inv"), "fp8-block", {}),
    "fp8 small block": (fp8(40, 48), "fp8-block", {CONFIG: {"weight_block_size": [40, 48]}}),
    "nvfp4 of ModelOpt": (nvfp4(), "nvfp4", {}),
    "nvfp4": (nvfp4("weight_packed", "weight_global_scale"), "nvfp4", {}),
    "mxfp4": (mxfp4(), "mxfp4", {}),
    "mxfp4 in signed bytes": (mxfp4("weight", "weight_scale_inv", np.int8), "mxfp4", {}),
    **{
        f"mlx {bits}": (mlx(bits), f"mlx-{bits}", {"quantization": {"bits": bits, "group_size": GROUP}})
        for bits in (2, 3, 4, 5, 6, 8)
    },
}


def llama(rng: np.random.Generator) -> dict[str, Array]:
    """Two blocks with the names that Llama has; heavy tails, so that there is something to fit."""
    shapes = {f"self_attn.{part}_proj": (96, 96) for part in "qkvo"}
    shapes |= {"mlp.gate_proj": (160, 96), "mlp.up_proj": (160, 96), "mlp.down_proj": (96, 160)}
    made = {"model.embed_tokens.weight": rng.standard_normal((200, 96)).astype(np.float32)}
    for block in (0, 1):
        for name, shape in shapes.items():
            values = rng.standard_normal(shape) * rng.pareto(3, shape[1])
            made[f"model.layers.{block}.{name}.weight"] = (0.05 * values).astype(np.float32)
        made[f"model.layers.{block}.input_layernorm.weight"] = np.ones(96, np.float32)
    return made


def quantised(model: Mapping[str, Array], quantise: Quantise) -> tuple[dict[str, Array], dict[str, Array]]:
    """What is stored of a model whose projections are quantised, and what it stands for."""
    stored, expected = {}, {}
    for name, array in model.items():
        if not name.endswith("_proj.weight"):
            stored[name] = expected[name] = array
            continue
        parts, expected[name] = quantise(array)
        stored |= {f"{name.removesuffix('weight')}{role}": part for role, part in parts.items()}
    return stored, expected


def save(folder: Path, tensors: Mapping[str, Array], config: Mapping[str, Any]) -> Path:
    """A folder as Hugging Face has it."""
    folder.mkdir(exist_ok=True)
    save_file({name: np.ascontiguousarray(array) for name, array in tensors.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", **config}))
    return folder

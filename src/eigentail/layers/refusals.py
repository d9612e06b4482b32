"""Why a tensor is not measured, read from its header: a sentence, or nothing."""

from __future__ import annotations

from typing import Final

from eigentail.records import TensorSpec

MEASURED: Final = frozenset({
    "float64", "float32", "float16", "bfloat16", "float8_e4m3", "float8_e4m3fn", "float8_e4m3fnuz",
    "float8_e4m3b11fnuz", "float8_e3m4", "float8_e5m2", "float8_e5m2fnuz",
})  # fmt: skip
_PREFIXES: Final = {
    "optimizer.": "optimizer state, not a weight",
    "ema.": "moving-average copy of the weights",
}
_SCALES: Final = ("_scale", "_scale_inv", ".weight_scale", ".weight_scale_inv", ".scale_weight")


def is_beside_the_model(name: str) -> bool:
    """Whether a name belongs to what is saved next to a model: optimizer state or an averaged copy.

    Example:
        >>> is_beside_the_model("ema.fc.weight"), is_beside_the_model("fc.weight")
        (True, False)
    """
    return name.startswith(tuple(_PREFIXES))


def refusal(spec: TensorSpec, names: frozenset[str]) -> str:
    """Why a tensor cannot be measured whatever it does in its network.

    Args:
        spec: the tensor.
        names: the names of all tensors, to find scales that no source has applied.

    Returns:
        A sentence, or "" when nothing speaks against it.

    Example:
        >>> refusal(TensorSpec(name="fc.bias", shape=(10,), dtype="float32", nbytes=40), frozenset())
        'a vector: biases and norms have no spectrum'
    """
    if 0 in spec.shape:
        return "empty: it holds no values"
    if reason := next((text for prefix, text in _PREFIXES.items() if spec.name.startswith(prefix)), ""):
        return reason
    if not spec.shape:
        return "a single number"
    if reason := _of_dtype(spec.dtype):
        return reason
    if len(spec.shape) < 2:
        return "a vector: biases and norms have no spectrum"
    if spec.dtype.startswith("float8") and any(scale in names for scale in _scale_names(spec.name)):
        return "stored with a separate scale, which is not applied here"
    return ""


def _of_dtype(dtype: str) -> str:
    if dtype in MEASURED:
        return ""
    if dtype == "bool":
        return "a mask"
    if dtype in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        return f"integer codes ({dtype}): an index table, or quantised weights, which need their scales"
    return f"dtype {dtype} is not a number format this version measures"


def _scale_names(name: str) -> list[str]:
    return [name + end for end in _SCALES] + [name.removesuffix(".weight") + end for end in _SCALES]

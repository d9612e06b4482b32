"""compressed-tensors, packed integers: codes of a few bits in words, a scale a tensor, row or group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.records import TensorSpec
from eigentail.sources.quantised.unpacked import grouped, runs_of, unpacked
from eigentail.sources.scheme import (
    FLOATS,
    INTEGERS,
    WORDS,
    Fetch,
    Rows,
    Scheme,
    Stored,
    Weight,
    count_in,
    prefix_of,
    shown,
    unfit,
    weights_said,
)

TITLE: Final = "compressed-tensors, packed integers"
_BITS: Final = (4, 8, 2, 3, 5, 6, 7)
_MOST_AXES: Final = 3  # the rows of one expert, or of each


def _claims(stored: Stored) -> Iterator[str]:
    for prefix in stored.ending("weight_packed"):
        if stored.specs[f"{prefix}weight_packed"].dtype in WORDS:
            yield f"{prefix}weight_packed"


def _weight(stored: Stored, name: str) -> Weight:
    prefix = prefix_of(name)
    parts = {
        "packed": stored.part(TITLE, f"{prefix}weight_packed", WORDS, {2, _MOST_AXES}),
        "scale": stored.part(TITLE, f"{prefix}weight_scale", FLOATS),
        "shape": stored.part(TITLE, f"{prefix}weight_shape", INTEGERS, {1}),
    }
    for role, types in (("weight_zero_point", WORDS | {"int8"}), ("weight_g_idx", INTEGERS)):
        if stored.get(f"{prefix}{role}") is not None:
            parts[role] = stored.part(TITLE, f"{prefix}{role}", types)
    shape = tuple(int(size) for size in stored.values(parts["shape"], 8 * _MOST_AXES).tolist())
    said = list(weights_said(stored.config))
    bits = _bits(shape, parts["packed"].shape, [count_in(weights, "num_bits") for weights in said])
    size = _group_size(shape, parts, [count_in(weights, "group_size") for weights in said])
    _check_beside(shape, parts, bits)
    spec = shown(parts["packed"], parts, f"{prefix}weight", shape, f"packed-int{bits}")
    load = partial(_load, shape=shape, bits=bits, size=size, roles=frozenset(parts))
    return Weight(spec=spec, parts=parts, load=load)


def _bits(shape: tuple[int, ...], packed: tuple[int, ...], said: list[int]) -> int:
    """The size of a code: what is said where it fits, else whatever fits."""
    if shape[:-1] == packed[:-1] and shape[-1] > 0:
        for bits in (*said, *_BITS):
            if bits in _BITS and -(-shape[-1] * bits // 32) == packed[-1]:
                return bits
    raise unfit(TITLE, f"no codes of {shape} values fill words of shape {packed}")


def _group_size(shape: tuple[int, ...], parts: Mapping[str, TensorSpec], said: list[int]) -> int:
    """Neighbours in a row that share a scale."""
    inputs, scale = shape[-1], parts["scale"].shape
    if set(scale) <= {1}:
        return inputs
    if scale[:-1] == shape[:-1]:
        for size in (*said, -(-inputs // scale[-1])):
            if size and -(-inputs // size) == scale[-1]:
                return size
    raise unfit(TITLE, f"scales of shape {scale} do not fit a weight of shape {shape}")


def _check_beside(shape: tuple[int, ...], parts: Mapping[str, TensorSpec], bits: int) -> None:
    """Zero points and the order of the groups must fit too."""
    scale, zeros, index = (parts.get(role) for role in ("scale", "weight_zero_point", "weight_g_idx"))
    if index is not None and index.shape != shape[-1:]:
        raise unfit(TITLE, f"weight_g_idx has the shape {index.shape} for {shape[-1]} inputs")
    if zeros is None or scale is None:
        return
    packed = (*scale.shape[:-2], -(-shape[-2] * bits // 32), *scale.shape[-1:])
    if zeros.shape != (scale.shape if zeros.dtype == "int8" else packed):
        raise unfit(TITLE, f"zero points of shape {zeros.shape} do not fit scales of shape {scale.shape}")


def _load(
    fetch: Fetch, rows: tuple[int, int], *, shape: tuple[int, ...], bits: int, size: int, roles: frozenset[str]
) -> Rows:
    words, middle = fetch("packed", rows), 2 ** (bits - 1)
    scales = fetch("scale")
    count = -(-shape[-1] // size)
    scales = np.broadcast_to(scales if scales.ndim == len(shape) else scales.reshape(-1)[:1], (*shape[:-1], count))
    zeros: NDArray[Any] = np.broadcast_to(np.int16(middle), scales.shape)
    if "weight_zero_point" in roles:
        zeros = np.broadcast_to(_zeros(fetch("weight_zero_point"), bits, shape[-2]), scales.shape)
    index = _index(fetch("weight_g_idx"), count) if "weight_g_idx" in roles else runs_of(shape[-1], size)
    scales, zeros = scales[slice(*rows)], zeros[slice(*rows)]

    def decode(first: int, last: int) -> NDArray[np.float32]:
        codes = unpacked(words[first:last], bits, shape[-1])
        return grouped(codes, zeros[first:last], scales[first:last], index)

    return decode


def _zeros(stored: NDArray[Any], bits: int, outputs: int) -> NDArray[Any]:
    """Zero points as codes: packed along the outputs, or as signed numbers around the middle."""
    if stored.dtype == np.int8:
        codes: NDArray[Any] = stored.astype(np.int16) + 2 ** (bits - 1)
        return codes
    return unpacked(stored.swapaxes(-1, -2), bits, outputs).swapaxes(-1, -2)


def _index(stored: NDArray[Any], count: int) -> NDArray[np.intp]:
    """The group of each input, in any order."""
    if stored.min() < 0 or stored.max() >= count:
        raise unfit(TITLE, f"weight_g_idx names groups {stored.min()} to {stored.max()}, and there are {count}")
    index: NDArray[np.intp] = stored.astype(np.intp)
    return index


SCHEME: Final = Scheme(name="packed-int", title=TITLE, claims=_claims, weight=_weight)

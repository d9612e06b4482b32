"""Codes of one byte, FP8 or integers, times a scale: one for the tensor, each row, each block or each group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.records import TensorSpec
from eigentail.sources.quantised.unpacked import powers_of_two
from eigentail.sources.scheme import (
    EXPONENTS,
    FLOAT8,
    FLOATS,
    Fetch,
    Rows,
    Scheme,
    Stored,
    Weight,
    count_in,
    scale_of,
    shown,
    unfit,
    weights_said,
)

TITLE: Final = "FP8 or integers with scales"
_SCALES: Final = FLOATS | EXPONENTS
_USUAL_BLOCK: Final = 128
_MX_GROUP: Final = 32
Sizes = tuple[int, ...]


def _claims(stored: Stored) -> Iterator[str]:
    for name, spec in stored.specs.items():
        if len(spec.shape) > 1 and (spec.dtype in FLOAT8 or spec.dtype == "int8"):
            scale = stored.get(scale_of(stored, name))
            # bytes with powers of two are pairs of 4-bit floats
            if scale is not None and (spec.dtype != "int8" or scale.dtype not in EXPONENTS):
                yield name


def _weight(stored: Stored, name: str) -> Weight:
    scale = scale_of(stored, name)
    parts = {
        "codes": stored.part(TITLE, name, FLOAT8 | {"int8"}),
        "scale": stored.part(TITLE, scale, _SCALES),
    }
    codes, zeros = parts["codes"], name + "_zero_point"
    if stored.get(zeros) is not None:
        parts["zeros"] = stored.part(TITLE, zeros, FLOAT8 | {"int8"})
        if parts["zeros"].shape != parts["scale"].shape:
            raise unfit(TITLE, f"zero points of shape {parts['zeros'].shape} do not fit its scales")
    sizes = _block_sizes(codes.shape, parts["scale"].shape, _said(stored.config))
    spec = shown(codes, parts, name, codes.shape, _word(codes, parts["scale"]))
    load = partial(_load, sizes=sizes, roles=frozenset(parts))
    return Weight(spec=spec, parts=parts, load=load)


def _said(config: Mapping[str, Any]) -> Sizes:
    """The block that the configuration names, along the last axes, or ()."""
    tables = list(weights_said(config))
    for block in (config.get("weight_block_size"), *(table.get("block_structure") for table in tables)):
        if isinstance(block, list) and block and all(type(size) is int and size > 0 for size in block):
            return tuple(block)
    return tuple(size for table in tables if (size := count_in(table, "group_size")))[:1]


def _block_sizes(shape: Sizes, scale: Sizes, said: Sizes) -> Sizes:
    """Neighbours along each axis that share a scale."""
    if set(scale) <= {1}:
        return shape
    if len(scale) == 1 and scale[0] == shape[0]:
        return 1, *shape[1:]
    if len(scale) != len(shape):
        raise unfit(TITLE, f"scales of shape {scale} do not fit a weight of shape {shape}")
    said = (0,) * (len(shape) - len(said)) + said[-len(shape) :]
    return tuple(_block(*axis) for axis in zip(shape, scale, said, strict=True))


def _block(count: int, scales: int, said: int) -> int:
    """Neighbours along one axis; the last block may be cut short."""
    if scales == 1:
        return count
    divided = count // scales if count % scales == 0 else 0
    for size in (said, divided if divided == 1 else 0, _USUAL_BLOCK, divided):
        if size and -(-count // size) == scales:
            return size
    raise unfit(TITLE, f"{scales} scales along an axis of {count} make no blocks of one size")


def _word(codes: TensorSpec, scale: TensorSpec) -> str:
    """What the codes are, and how many of them share a scale."""
    if scale.dtype in EXPONENTS and scale.shape == (*codes.shape[:-1], -(-codes.shape[-1] // _MX_GROUP)):
        return "mxfp8"
    kind = "int8" if codes.dtype == "int8" else "fp8"
    is_grid = scale.name.endswith("_inv") and len(scale.shape) > 1  # of one block, in a small weight
    if is_grid:
        return f"{kind}-block"
    if set(scale.shape) <= {1}:
        return f"{kind}-tensor"
    return f"{kind}-channel" if len(scale.shape) == 1 or set(scale.shape[1:]) <= {1} else f"{kind}-block"


def _load(fetch: Fetch, rows: tuple[int, int], *, sizes: Sizes, roles: frozenset[str]) -> Rows:
    codes = fetch("codes", rows)
    scales, zeros = _numbers(fetch("scale")), fetch("zeros") if "zeros" in roles else None

    def spread(values: NDArray[Any], first: int, last: int) -> NDArray[np.float32]:
        """One value for each code of some rows, or one for many where it is the same."""
        values = values.astype(np.float32)
        if values.size == 1:
            return values.reshape(())
        values = values.reshape(*values.shape, *(1,) * (codes.ndim - values.ndim))
        for axis, size in enumerate(sizes):
            if values.shape[axis] > 1:
                start, stop = (rows[0] + first, rows[0] + last) if axis == 0 else (0, codes.shape[axis])
                values = np.take(values, np.arange(start, stop) // size, axis=axis)
        return values

    def decode(first: int, last: int) -> NDArray[np.float32]:
        found = _plain(codes[first:last])
        if zeros is not None:
            found -= spread(zeros, first, last)
        found *= spread(scales, first, last)
        return found

    return decode


def _numbers(scales: NDArray[Any]) -> NDArray[Any]:
    """Scales as numbers; bytes are powers of two."""
    return powers_of_two(scales) if scales.dtype == np.uint8 else scales


def _plain(codes: NDArray[Any]) -> NDArray[np.float32]:
    """The number each code stands for; a table is three times as fast as the conversion of a small float."""
    if codes.dtype == np.int8:
        return codes.astype(np.float32)
    table = np.arange(256, dtype=np.uint8).view(codes.dtype).astype(np.float32)
    return np.take(table, codes.view(np.uint8))


SCHEME: Final = Scheme(name="scaled", title=TITLE, claims=_claims, weight=_weight)

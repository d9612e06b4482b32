"""MXFP4: 4-bit floats, and a power of two for thirty-two of them; matrices of any kind, and stacked experts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from eigentail.records import TensorSpec
from eigentail.sources.quantised.unpacked import E2M1, looked_up, powers_of_two, scaled_runs
from eigentail.sources.scheme import (
    BYTES,
    EXPONENTS,
    Fetch,
    Rows,
    Scheme,
    Stored,
    Weight,
    prefix_of,
    scale_of,
    shown,
    unfit,
)

TITLE: Final = "MXFP4"
_CODES: Final = BYTES | {"int8"}
_BLOCKS: Final = {"_blocks": "_scales", ".blocks": ".scales"}  # ending of the codes: ending of the scales
_PACKED: Final = "_packed"
_BLOCK_BYTES: Final = 16


def _claims(stored: Stored) -> Iterator[str]:
    for name, spec in stored.specs.items():
        if spec.dtype in _CODES and len(spec.shape) > 1:
            scale = stored.get(_scale_name(stored, name))
            if scale.dtype in EXPONENTS if scale is not None else _is_alone(stored, name):
                yield name


def _is_alone(stored: Stored, name: str) -> bool:
    """Whether a tensor can only be codes, though their scale is missing."""
    is_nvfp4 = stored.get(f"{prefix_of(name)}weight_global_scale") is not None
    return name.endswith("_blocks") or (name.endswith(".weight_packed") and not is_nvfp4)


def _scale_name(stored: Stored, name: str) -> str:
    """Stacked experts name their blocks; a matrix is called as any other."""
    if end := _ending(name):
        return name.removesuffix(end) + _BLOCKS[end]
    weight = name.removesuffix(_PACKED)
    return scale_of(stored, weight) or f"{weight}_scale"


def _ending(name: str) -> str:
    return next((end for end in _BLOCKS if name.endswith(end)), "")


def _weight(stored: Stored, name: str) -> Weight:
    end, scale = _ending(name), _scale_name(stored, name)
    parts = {"codes": stored.part(TITLE, name, _CODES), "scale": stored.part(TITLE, scale, EXPONENTS)}
    shape, load = _shape(parts, bool(end)), _load
    if end == "_blocks" and len(shape) == 3:  # the layer multiplies from the other side, and so it is shown
        shape, load = (shape[0], shape[2], shape[1]), _load_turned
    spec = shown(parts["codes"], parts, name.removesuffix(end or _PACKED), shape, "mxfp4")
    return Weight(spec=spec, parts=parts, load=load)


def _shape(parts: Mapping[str, TensorSpec], in_blocks: bool) -> tuple[int, ...]:
    """The weight's; a block is an axis of its own, or lies in a row with the others."""
    codes, scale = parts["codes"].shape, parts["scale"].shape
    rows, width = (codes[:-2], codes[-2:]) if in_blocks else (codes[:-1], codes[-1:])
    fits = len(width) == 1 + in_blocks and rows and scale[:-1] == rows
    if not fits or prod(width) != _BLOCK_BYTES * scale[-1] or codes[-1] % _BLOCK_BYTES:
        raise unfit(TITLE, f"scales of shape {scale} do not fit codes of shape {codes}")
    return (*rows, 2 * prod(width))


def _load(fetch: Fetch, rows: tuple[int, int]) -> Rows:
    scales = fetch("scale", rows)
    exponents = powers_of_two(scales.view(np.uint8))
    packed = fetch("codes", rows).view(np.uint8).reshape(*scales.shape[:-1], -1)

    def decode(first: int, last: int) -> NDArray[np.float32]:
        return scaled_runs(looked_up(packed[first:last], E2M1, high_first=False), exponents[first:last])

    return decode


def _load_turned(fetch: Fetch, rows: tuple[int, int]) -> Rows:
    """The same with the axes of each expert exchanged."""
    decode = _load(fetch, rows)
    return lambda first, last: decode(first, last).swapaxes(-1, -2)


SCHEME: Final = Scheme(name="mxfp4", title=TITLE, claims=_claims, weight=_weight)

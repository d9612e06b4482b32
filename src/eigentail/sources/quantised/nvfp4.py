"""NVFP4: 4-bit floats, an FP8 scale for sixteen of them, and one scale for the whole tensor."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.sources.quantised.unpacked import E2M1, looked_up, scaled_runs
from eigentail.sources.scheme import BYTES, FLOATS, Fetch, Rows, Scheme, Stored, Weight, prefix_of, shown, unfit

TITLE: Final = "NVFP4"
_GROUP: Final = 16
_FP8: Final = frozenset({"float8_e4m3fn"})


def _claims(stored: Stored) -> Iterator[str]:
    for prefix in stored.ending("weight_global_scale", "weight_scale_2"):
        named = (f"{prefix}{end}" for end in ("weight_packed", "weight", "weight_global_scale", "weight_scale_2"))
        main = next(spec for name in named if (spec := stored.get(name)) is not None)
        if main.dtype == "uint8" or main.name.endswith(("_scale", "_2")):
            yield main.name


def _weight(stored: Stored, name: str) -> Weight:
    """compressed-tensors divides by its one scale, ModelOpt multiplies with it; their names tell which it is."""
    prefix = prefix_of(name)
    divides = stored.get(f"{prefix}weight_global_scale") is not None
    codes, whole = ("weight_packed", "weight_global_scale") if divides else ("weight", "weight_scale_2")
    parts = {
        "codes": stored.part(TITLE, f"{prefix}{codes}", BYTES, {2, 3}),
        "scale": stored.part(TITLE, f"{prefix}weight_scale", _FP8),
        "whole": stored.part(TITLE, f"{prefix}{whole}", FLOATS),
    }
    packed, scale, one = (part.shape for part in parts.values())
    shape = (*packed[:-1], 2 * packed[-1])
    if scale[:-1] != shape[:-1] or shape[-1] != _GROUP * scale[-1]:
        raise unfit(TITLE, f"scales of shape {scale} do not fit a weight of shape {shape}")
    if set(one) - {1} and not (len(shape) == 3 and one[0] == shape[0] and set(one[1:]) <= {1}):
        raise unfit(TITLE, f"{whole} has the shape {one}, not that of one number")
    spec = shown(parts["codes"], parts, f"{prefix}weight", shape, "nvfp4")
    return Weight(spec=spec, parts=parts, load=partial(_load, combine=np.divide if divides else np.multiply))


def _load(fetch: Fetch, rows: tuple[int, int], *, combine: np.ufunc) -> Rows:
    packed, scales = fetch("codes", rows), fetch("scale", rows).astype(np.float32)
    whole: NDArray[Any] = fetch("whole").astype(np.float32).reshape(-1)
    one = whole[0] if whole.size == 1 else whole[slice(*rows), None, None]
    scales = combine(scales, one)

    def decode(first: int, last: int) -> NDArray[np.float32]:
        return scaled_runs(looked_up(packed[first:last], E2M1, high_first=False), scales[first:last])

    return decode


SCHEME: Final = Scheme(name="nvfp4", title=TITLE, claims=_claims, weight=_weight)

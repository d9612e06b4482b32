"""GPTQ: codes packed along the inputs, zero points along the outputs, one scale a group of inputs and an output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.records import TensorSpec
from eigentail.sources.quantised.awq import is_awq
from eigentail.sources.quantised.qweight import mains, misfit, parts_of
from eigentail.sources.quantised.unpacked import grouped, runs_of, unpacked
from eigentail.sources.scheme import INTEGERS, Fetch, Rows, Scheme, Stored, Weight, count_in, prefix_of, shown, unfit

Index = NDArray[np.intp]

TITLE: Final = "GPTQ"
BITS: Final = (2, 3, 4, 8)
# In the first version of the format every zero point was stored one smaller, by subtracting a one in each field of a
# whole word; adding it back the same way undoes the borrow of a field that was zero.
_ONES: Final = {2: 0x55555555, 4: 0x11111111, 8: 0x01010101}


def _claims(stored: Stored) -> Iterator[str]:
    return (main.name for prefix, main in mains(stored) if not is_awq(stored, prefix))


def _weight(stored: Stored, name: str) -> Weight:
    prefix = prefix_of(name)
    parts = parts_of(stored, prefix, TITLE)
    if stored.get(f"{prefix}g_idx") is not None:
        parts["g_idx"] = stored.part(TITLE, f"{prefix}g_idx", INTEGERS, {1})
    bits, inputs = _sizes(parts)
    outputs = parts["qweight"].shape[1]
    is_second = "v2" in str(stored.config.get("checkpoint_format", "")).lower()
    word = f"gptq-{bits}" + ("-v2" if is_second else "")
    size = _group_size(parts, inputs, stored.config)
    index_of = _stored_index if "g_idx" in parts else partial(_index_in_runs, count=inputs, size=size)
    load = partial(_load, bits=bits, index_of=index_of, config=stored.config)
    spec = shown(parts["qweight"], parts, f"{prefix}weight", (outputs, inputs), word)
    return Weight(spec=spec, parts=parts, load=load)


def _sizes(parts: Mapping[str, TensorSpec]) -> tuple[int, int]:
    """Bits and inputs, which the shapes of the parts tell without the configuration."""
    (words, outputs), (groups, width) = parts["qweight"].shape, parts["qzeros"].shape
    bits, rest = divmod(32 * width, outputs)
    if parts["scales"].shape != (groups, outputs) or rest or bits not in BITS or 32 * words % bits:
        raise misfit(parts, TITLE)
    inputs = 32 * words // bits
    if "g_idx" in parts and parts["g_idx"].shape != (inputs,):
        raise unfit(TITLE, f"g_idx has {parts['g_idx'].shape[0]} entries for {inputs} inputs")
    return bits, inputs


def _group_size(parts: Mapping[str, TensorSpec], inputs: int, config: Mapping[str, Any]) -> int:
    """Inputs that share a scale where there is no g_idx."""
    groups = parts["qzeros"].shape[0]
    for size in (count_in(config, "group_size"), -(-inputs // groups)):
        if size and -(-inputs // size) == groups:
            return size
    raise unfit(TITLE, f"{groups} groups do not divide {inputs} inputs")


def _load(
    fetch: Fetch, rows: tuple[int, int], *, bits: int, index_of: Callable[[Fetch], Index], config: Mapping[str, Any]
) -> Rows:
    """The rows of the weight are columns of every part."""
    start, stop = rows
    codes, scales = fetch("qweight")[:, start:stop], fetch("scales")[:, start:stop].T
    zeros = _zeros(fetch("qzeros"), bits, config)[:, start:stop].T
    index, inputs = index_of(fetch), 32 * codes.shape[0] // bits
    if index.min() < 0 or index.max() >= scales.shape[1]:
        raise unfit(TITLE, f"g_idx names groups {index.min()} to {index.max()}, and there are {scales.shape[1]}")

    def decode(first: int, last: int) -> NDArray[np.float32]:
        return grouped(unpacked(codes[:, first:last].T, bits, inputs), zeros[first:last], scales[first:last], index)

    return decode


def _stored_index(fetch: Fetch) -> Index:
    """The group of each input where they are in any order."""
    index: Index = fetch("g_idx").astype(np.intp)
    return index


def _index_in_runs(_: Fetch, *, count: int, size: int) -> Index:
    """The group of each input where neighbours make one."""
    return runs_of(count, size)


def _zeros(words: NDArray[Any], bits: int, config: Mapping[str, Any]) -> NDArray[Any]:
    """The zero points, groups x outputs, whichever version of the format wrote them.

    Symmetric quantisation has the middle of the range for every zero point: what is stored then tells the version, and
    is believed before the configuration, which is often wrong about it.
    """
    count, middle = 32 * words.shape[1] // bits, 2 ** (bits - 1)
    stored = unpacked(words, bits, count)
    if (
        config.get("sym") is not False
        and (stored == stored.flat[0]).all()
        and int(stored.flat[0]) in (middle - 1, middle)
    ):
        return np.full_like(stored, middle)
    if "v2" in str(config.get("checkpoint_format", "")).lower():
        return stored
    if bits in _ONES:
        return unpacked(words.astype(np.uint32) + np.uint32(_ONES[bits]), bits, count)
    larger: NDArray[Any] = (stored + 1) & (2**bits - 1)
    return larger


SCHEME: Final = Scheme(name="gptq", title=TITLE, claims=_claims, weight=_weight)

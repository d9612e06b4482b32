"""MLX: codes of a few bits in words, a scale and an offset a group; or 4- and 8-bit floats with a scale a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.records import TensorSpec
from eigentail.sources.dtypes import dtype_of
from eigentail.sources.quantised.unpacked import E2M1, looked_up, powers_of_two, scaled_runs, unpacked
from eigentail.sources.scheme import FLOATS, Fetch, Rows, Scheme, Stored, Weight, count_in, prefix_of, shown, unfit

TITLE: Final = "MLX"
BITS: Final = (2, 3, 4, 5, 6, 8)
_WORDS: Final = frozenset({"uint32"})
_GROUPS: Final = (64, 32, 128)  # where nothing is said, the usual one first
# Of the modes without offsets, words for one scale: name, codes in a word.
_MODES: Final = {2: ("nvfp4", 8), 4: ("mxfp4", 8), 8: ("mxfp8", 4)}


def _claims(stored: Stored) -> Iterator[str]:
    for prefix in stored.ending("weight"):
        is_there = any(stored.get(f"{prefix}{role}") is not None for role in ("scales", "biases"))
        if is_there and stored.specs[f"{prefix}weight"].dtype in _WORDS:
            yield f"{prefix}weight"


def _weight(stored: Stored, name: str) -> Weight:
    prefix = prefix_of(name)
    parts = {"weight": stored.part(TITLE, name, _WORDS, {2, 3})}
    scales = stored.get(f"{prefix}scales")
    if scales is None or scales.dtype != "uint8":
        parts["scales"] = stored.part(TITLE, f"{prefix}scales", FLOATS)
        parts["biases"] = stored.part(TITLE, f"{prefix}biases", FLOATS)
        bits, inputs = _sizes(parts, _said(stored.config, prefix.removesuffix(".")))
        word, load = f"mlx-{bits}", partial(_load_affine, bits=bits, inputs=inputs)
    else:
        parts["scales"] = stored.part(TITLE, f"{prefix}scales", frozenset({"uint8"}))
        word, inputs = _mode(parts)
        load = partial(_load_floats, word=word)
    shape = (*parts["weight"].shape[:-1], inputs)
    return Weight(spec=shown(parts["weight"], parts, name, shape, word), parts=parts, load=load)


def _said(config: Mapping[str, Any], layer: str) -> tuple[int, int]:
    """Bits and size of a group: what is said of this layer, else of all."""
    own = config.get(layer)
    table = own if isinstance(own, Mapping) else config
    return count_in(table, "bits"), count_in(table, "group_size")


def _check_rows(parts: Mapping[str, TensorSpec]) -> None:
    rows = parts["weight"].shape[:-1]
    for role, part in parts.items():
        if part.shape[:-1] != rows or (role == "biases" and part.shape != parts["scales"].shape):
            raise unfit(TITLE, f"{role} of shape {part.shape} do not fit words of shape {parts['weight'].shape}")


def _sizes(parts: Mapping[str, TensorSpec], said: tuple[int, int]) -> tuple[int, int]:
    """Bits and inputs; the shapes tell the product of bits and group size, what is said tells them apart."""
    _check_rows(parts)
    words, groups = parts["weight"].shape[-1], parts["scales"].shape[-1]
    for bits, size in (said, *((32 * words // (groups * size), size) for size in _GROUPS)):
        if bits in BITS and 32 * words == bits * size * groups:
            return bits, size * groups
    raise unfit(TITLE, f"{words} words and {groups} scales in a row make no groups of {said[1] or 64} codes")


def _mode(parts: Mapping[str, TensorSpec]) -> tuple[str, int]:
    """Which kind of float it is, and the inputs."""
    _check_rows(parts)
    words, groups = parts["weight"].shape[-1], parts["scales"].shape[-1]
    if words % groups or words // groups not in _MODES:
        raise unfit(TITLE, f"{words} words and {groups} scales in a row belong to no mode that is known here")
    word, per_word = _MODES[words // groups]
    return word, words * per_word


def _load_affine(fetch: Fetch, rows: tuple[int, int], *, bits: int, inputs: int) -> Rows:
    words = fetch("weight", rows)
    scales, offsets = (fetch(role, rows).astype(np.float32) for role in ("scales", "biases"))

    def decode(first: int, last: int) -> NDArray[np.float32]:
        codes = unpacked(words[first:last], bits, inputs).astype(np.float32)
        runs = scaled_runs(codes, scales[first:last]).reshape(*scales[first:last].shape, -1)
        runs += offsets[first:last, ..., None]
        return runs.reshape(codes.shape)

    return decode


def _load_floats(fetch: Fetch, rows: tuple[int, int], *, word: str) -> Rows:
    packed, stored = unpacked(words := fetch("weight", rows), 8, 4 * words.shape[-1]), fetch("scales", rows)
    fp8 = dtype_of("float8_e4m3fn")
    scales = stored.view(fp8).astype(np.float32) if word == "nvfp4" else powers_of_two(stored)

    def decode(first: int, last: int) -> NDArray[np.float32]:
        if word == "mxfp8":
            values = packed[first:last].view(fp8).astype(np.float32)
        else:
            values = looked_up(packed[first:last], E2M1, high_first=False)
        return scaled_runs(values, scales[first:last])

    return decode


SCHEME: Final = Scheme(name="mlx", title=TITLE, claims=_claims, weight=_weight)

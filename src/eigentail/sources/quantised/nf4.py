"""bitsandbytes, 4 bits: a table of sixteen values (NF4 or FP4), one scale a block, scales quantised in turn or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from math import prod
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.records import TensorSpec
from eigentail.sources.placed import nbytes_of
from eigentail.sources.quantised.unpacked import looked_up
from eigentail.sources.scheme import BYTES, FLOATS, Fetch, Rows, Scheme, Stored, Weight, shown, unfit

TITLE: Final = "bitsandbytes, 4 bits"
MAX_STATE: Final = 64 << 10
_STATES: Final = ("quant_state.bitsandbytes__nf4", "quant_state.bitsandbytes__fp4")
_STORAGE: Final = BYTES | FLOATS | {"int8"}  # any type may hold the codes, for the sake of sharding


class _State(msgspec.Struct):
    """What is said of a weight in JSON."""

    quant_type: str
    blocksize: int
    shape: tuple[int, ...]
    nested_blocksize: int = 0
    nested_offset: float = 0.0


def _claims(stored: Stored) -> Iterator[str]:
    states = (prefix.removesuffix("quant_state.") for prefix in stored.ending("bitsandbytes__nf4", "bitsandbytes__fp4"))
    scales = (prefix for prefix in stored.ending("absmax") if stored.get(f"{prefix}quant_map") is not None)
    for prefix in dict.fromkeys((*states, *scales)):
        named = (prefix[:-1], *(f"{prefix}{end}" for end in (*_STATES, "absmax")))
        if name := next((name for name in named if stored.get(name) is not None), ""):
            yield name


def _weight(stored: Stored, name: str) -> Weight:
    base = name.removesuffix(".absmax").partition(".quant_state.")[0]
    end = next((end for end in _STATES if stored.get(f"{base}.{end}") is not None), _STATES[0])
    parts = {
        "weight": stored.part(TITLE, base, _STORAGE, {1, 2}),
        "state": stored.part(TITLE, f"{base}.{end}", BYTES, {1}),
        "absmax": stored.part(TITLE, f"{base}.absmax", BYTES | FLOATS, {1}),
        "quant_map": stored.part(TITLE, f"{base}.quant_map", FLOATS, {1}),
    }
    if parts["absmax"].dtype == "uint8":
        for role in ("nested_absmax", "nested_quant_map"):
            parts[role] = stored.part(TITLE, f"{base}.{role}", FLOATS, {1})
    try:
        state = msgspec.json.decode(stored.values(parts["state"], MAX_STATE).tobytes(), type=_State)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise unfit(TITLE, f"its state is not what it should be ({str(error)[:100]})") from error
    _check(parts, state)
    load = partial(_load, state=state, grain=parts["weight"].nbytes // parts["weight"].shape[0])
    spec = shown(parts["weight"], parts, base, state.shape, state.quant_type)
    return Weight(spec=spec, parts=parts, load=load)


def _check(parts: Mapping[str, TensorSpec], state: _State) -> None:
    """The state must say what the sizes of the parts say."""
    nbytes, scales = parts["weight"].nbytes, parts["absmax"].shape[0]
    if state.quant_type not in ("nf4", "fp4"):
        raise unfit(TITLE, f"its state names the type {state.quant_type[:20]!r}, not nf4 or fp4")
    if nbytes_of(state.shape, 8) is None or not state.shape or 0 in state.shape or state.blocksize < 1:
        raise unfit(TITLE, f"its state names an impossible shape ({str(state.shape)[:60]}) or block size")
    count = prod(state.shape)
    if -(-count // 2) != nbytes:
        raise unfit(TITLE, f"its state names {count} values, and its codes are {nbytes} bytes")
    if -(-count // state.blocksize) != scales:
        raise unfit(TITLE, f"it has {scales} scales for {count} values in blocks of {state.blocksize}")
    if parts["quant_map"].shape != (16,):
        raise unfit(TITLE, f"its table has {parts['quant_map'].shape[0]} values, not 16")
    if "nested_absmax" in parts:
        _check_nested(parts, scales, state.nested_blocksize)


def _check_nested(parts: Mapping[str, TensorSpec], scales: int, size: int) -> None:
    """The same of the scales of the scales."""
    outer, table = parts["nested_absmax"].shape[0], parts["nested_quant_map"].shape[0]
    if size < 1 or -(-scales // size) != outer:
        raise unfit(TITLE, f"{outer} scales do not fit {scales} quantised ones in blocks of {size}")
    if table != 256:
        raise unfit(TITLE, f"the table of its scales has {table} values, not 256")


def _load(fetch: Fetch, rows: tuple[int, int], *, state: _State, grain: int) -> Rows:
    """The values lie in one row whatever the shape: a row of the weight is a run of half bytes."""
    width = prod(state.shape[1:])
    scales, table = _scales(fetch, state), np.asarray(fetch("quant_map"), dtype=np.float32)
    begin = rows[0] * width // 2
    packed = _bytes(fetch, begin, -(-rows[1] * width // 2), grain)

    def decode(first: int, last: int) -> NDArray[np.float32]:
        start, stop = (rows[0] + first) * width, (rows[0] + last) * width
        byte = start // 2
        values = looked_up(packed[byte - begin : -(-stop // 2) - begin], table, high_first=True)
        values = values[start - 2 * byte : stop - 2 * byte]
        values *= _spread(scales, start, stop, state.blocksize)
        return values.reshape(last - first, *state.shape[1:])

    return decode


def _spread(scales: NDArray[np.float32], start: int, stop: int, size: int) -> NDArray[np.float32]:
    """The scale of each value from `start` to `stop`; every `size` of them share one."""
    block = start // size
    if stop <= (block + 1) * size:
        return scales[block : block + 1]
    if size > stop - start:  # two blocks, of which the whole may be more than memory holds
        return scales[np.arange(start, stop) // size]
    return np.repeat(scales[block : -(-stop // size)], size)[start - block * size : stop - block * size]


def _bytes(fetch: Fetch, start: int, stop: int, grain: int) -> NDArray[np.uint8]:
    """Bytes of the packed codes, of which `grain` make a row of the stored tensor: no other row is read."""
    row = start // grain
    stored = np.ascontiguousarray(fetch("weight", (row, -(-stop // grain)))).reshape(-1).view(np.uint8)
    return stored[start - row * grain : stop - row * grain]


def _scales(fetch: Fetch, state: _State) -> NDArray[np.float32]:
    """One for each block, itself looked up and scaled where it is stored as a code."""
    stored = fetch("absmax")
    if stored.dtype != np.uint8:
        return stored.astype(np.float32)
    table, outer = fetch("nested_quant_map").astype(np.float32), fetch("nested_absmax").astype(np.float32)
    found: NDArray[Any] = table[stored] * _spread(outer, 0, len(stored), state.nested_blocksize)
    found += np.float32(state.nested_offset)
    return found


SCHEME: Final = Scheme(name="bitsandbytes-4", title=TITLE, claims=_claims, weight=_weight)

"""TFLite files by hand: as much of the flatbuffer layout as the tests need, whole or damaged on purpose."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Table = dict[int, Any]  # field number to ("i", 7), bytes, str, an array, a table or a list of tables

CONV_2D, DEPTHWISE, DEQUANTIZE, FULLY_CONNECTED, MUL, LSTM, BATCH_MATMUL = 3, 4, 6, 9, 18, 44, 126
NUMBERS = {
    "float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "int8": 9, "float64": 10,
    "uint32": 15, "int4": 17, "bfloat16": 18, "int2": 19, "uint4": 20,
}  # fmt: skip


class Weight(NamedTuple):
    """A constant and the operator that takes it."""

    name: str
    array: np.ndarray[Any, Any]
    operator: int = FULLY_CONNECTED
    slot: int = 1
    kind: str = ""
    shape: Sequence[int] | None = None
    quantisation: Table | None = None
    options: Table | None = None
    outside: bool = False
    extra: Table | None = None


def serialise(table: Table) -> bytearray:
    """A flatbuffer with this table at its root; children follow their parents, so every offset is positive."""
    out = bytearray(struct.pack("<I4s", 0, b"TFL3"))
    struct.pack_into("<I", out, 0, _table(out, table))
    return out


def _table(out: bytearray, table: Table) -> int:
    """Write a table with its vtable in front; where it begins."""
    inline, places = 4, {}
    for field, value in sorted(table.items()):
        width = struct.calcsize("<" + value[0]) if isinstance(value, tuple) else 4
        inline = -(-inline // width) * width
        places[field] = inline
        inline += width
    fields = [places.get(at, 0) for at in range(max(table, default=-1) + 1)]
    vtable = struct.pack(f"<{2 + len(fields)}H", 4 + 2 * len(fields), inline, *fields)
    out += bytes(-(len(out) + len(vtable)) % 8)
    begin = len(out) + len(vtable)
    out += vtable + struct.pack("<i", len(vtable)) + bytes(inline - 4)
    for field, value in sorted(table.items()):
        at = begin + places[field]
        if isinstance(value, tuple):
            struct.pack_into("<" + value[0], out, at, value[1])
        else:
            struct.pack_into("<I", out, at, _child(out, value) - at)
    return begin


def _child(out: bytearray, value: Any) -> int:
    """Write what a field points to; where it begins."""
    if isinstance(value, dict):
        return _table(out, value)
    if isinstance(value, list):
        out += bytes(-len(out) % 4)
        begin = len(out)
        out += struct.pack("<I", len(value)) + bytes(4 * len(value))
        for at, item in enumerate(value):
            place = begin + 4 + 4 * at
            struct.pack_into("<I", out, place, _table(out, item) - place)
        return begin
    content = value.encode() + b"\0" if isinstance(value, str) else bytes(value)
    count = len(content) - 1 if isinstance(value, str) else getattr(value, "size", len(content))
    out += bytes(-(len(out) + 4) % 16)
    begin = len(out)
    out += struct.pack("<I", count) + content
    return begin


def model(weights: Sequence[Weight], **changed: Any) -> bytes:
    """A model in which every weight goes into an operator of its own; `changed` replaces fields of the root."""
    tensors: list[Table] = [{0: np.array([1, 4], "<i4"), 3: "data", 2: ("I", 0)}]
    buffers: list[Table] = [{}]
    operators: list[Table] = []
    outside: list[tuple[Table, bytes]] = []
    for weight in weights:
        content = np.ascontiguousarray(weight.array).tobytes()
        buffers.append({1: ("Q", 0), 2: ("Q", len(content))} if weight.outside else {0: content})
        if weight.outside:
            outside.append((buffers[-1], content))
        tensors += [_tensor(weight, len(buffers) - 1), {0: np.array([1], "<i4"), 3: f"{weight.name}/out", 2: ("I", 0)}]
        operators.append(_operator(weight, len(operators), len(tensors) - 2))
    codes = [{0: ("b", min(weight.operator, 127)), 3: ("i", weight.operator)} for weight in weights]
    root: Table = {0: ("I", 3), 1: codes, 2: [{0: tensors, 3: operators}], 4: buffers}
    root |= {int(key[1:]): value for key, value in changed.items()}
    out = serialise(root)
    if outside:  # what lies behind the structure is placed once its length is known
        end = len(out)
        for table, content in outside:
            table[1] = ("Q", end)
            end += len(content)
        out = serialise(root)
    return bytes(out) + b"".join(content for _, content in outside)


def _tensor(weight: Weight, buffer: int) -> Table:
    shape = weight.array.shape if weight.shape is None else weight.shape
    table: Table = {
        0: np.array(shape, "<i4"),
        1: ("b", NUMBERS[weight.kind or weight.array.dtype.name]),
        2: ("I", buffer),
        3: weight.name,
    }
    return table | ({4: weight.quantisation} if weight.quantisation else {}) | (weight.extra or {})


def _operator(weight: Weight, code: int, tensor: int) -> Table:
    inputs = [0] * weight.slot + [tensor]
    table: Table = {0: ("I", code), 1: np.array(inputs, "<i4"), 2: np.array([tensor + 1], "<i4")}
    return table | ({4: weight.options} if weight.options else {})


def scales(values: Sequence[float], zeros: Sequence[int] = (), axis: int = 0) -> Table:
    """The quantisation of a tensor."""
    return {2: np.array(values, "<f4"), 3: np.array(zeros, "<i8"), 6: ("i", axis)}


def plain(arrays: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """Arrays in torch's layout under their names: kernels into convolutions, matrices into dense layers."""
    weights = []
    for name, array in arrays.items():
        if array.ndim == 4:
            weights.append(Weight(name, array.transpose(0, 2, 3, 1), CONV_2D))
        elif "weight" in name or "bias" in name:
            weights.append(Weight(name, array, slot=2 if "bias" in name else 1))
        else:
            weights.append(Weight(name, array, MUL))
    return model(weights)

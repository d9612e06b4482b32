"""The float32 tensors of a TFLite file: as much of the flatbuffer layout as the oracle tests need."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

FLOAT32 = 0


def float_tensors(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and values of each constant float32 tensor of the first subgraph."""
    data = path.read_bytes()

    def number(form: str, at: int) -> int:
        return int(struct.unpack_from("<" + form, data, at)[0])

    def field(table: int, i: int) -> int:
        """Where field `i` of a table lies, or 0 when it is left out."""
        vtable = table - number("i", table)
        offset = number("H", vtable + 4 + 2 * i) if 4 + 2 * i < number("H", vtable) else 0
        return table + offset if offset else 0

    def follow(at: int) -> int:
        return at + number("I", at)

    def vector(at: int) -> tuple[int, int]:
        """Number of items and place of the first, of the vector that the field at `at` points to."""
        start = follow(at) if at else 0
        return (number("I", start), start + 4) if start else (0, 0)

    def tables(at: int) -> list[int]:
        count, start = vector(at)
        return [follow(start + 4 * i) for i in range(count)]

    model = follow(0)
    buffers = tables(field(model, 4))
    for tensor in tables(field(tables(field(model, 2))[0], 0)):
        kind = field(tensor, 1)
        size, start = vector(field(buffers[number("I", field(tensor, 2))], 0)) if field(tensor, 2) else (0, 0)
        if (number("b", kind) if kind else FLOAT32) != FLOAT32 or not size:
            continue
        axes, at = vector(field(tensor, 0))
        length, name = vector(field(tensor, 3))
        values = np.frombuffer(data, "<f4", size // 4, start)
        yield data[name : name + length].decode(), values.reshape([number("i", at + 4 * i) for i in range(axes)])

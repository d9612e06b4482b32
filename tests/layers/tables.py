"""Headers and layer tables as text, so that a test reads like the checkpoint it is about."""

from __future__ import annotations

from math import prod

from eigentail.layers import Grouping
from eigentail.records import TensorSpec


def header(text: str) -> list[TensorSpec]:
    """One tensor a line: name, axes ("64x32", "-" for a scalar), and a dtype unless it is float32."""
    specs = []
    for line in text.strip().splitlines():
        name, axes, *dtype = line.split()
        shape = () if axes == "-" else tuple(int(size) for size in axes.split("x"))
        specs.append(TensorSpec(name=name, shape=shape, dtype=dtype[0] if dtype else "float32", nbytes=4 * prod(shape)))
    return specs


def table(grouping: Grouping) -> list[str]:
    """One layer a line: name, kind, block, sides, and the number of matrices if it is not one."""
    return [
        f"{layer.name} {layer.kind} {'-' if layer.block is None else layer.block} {layer.shape[0]}x{layer.shape[1]}"
        + (f" {layer.count}" if layer.count > 1 else "")
        for layer in grouping.layers
    ]


def rows(text: str) -> list[str]:
    """The lines of an expected table."""
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def reasons(grouping: Grouping) -> dict[str, str]:
    """The name of everything left out, and why."""
    return {skip.name: skip.reason for skip in grouping.skipped}

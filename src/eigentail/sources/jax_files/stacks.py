"""Layers that Flax and Megatron keep in one array each, stacked along an axis (nn.scan): where they are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

Shape = tuple[int, ...]
Path = tuple[str, ...]

MOST_LAYERS: Final = 4096
_VECTOR: Final = re.compile(r"bias|scale|.*norm.*")
_LAYERS: Final = re.compile(r"(.*_)?(layers?|blocks?|stack|h)")
_KERNELS: Final = ("kernel", "weight")


def stacks(shapes: Mapping[Path, Shape]) -> dict[Path, tuple[int, int]]:
    """Where the arrays of several layers lie in one.

    A file does not say so. It shows where everything below one module has an axis of one size in common: there the
    vectors (biases, scales and what belongs to a norm) have two axes and some kernel has three. Flax and Megatron put
    that axis first, MaxText second.

    Args:
        shapes: every array of a model, by the names of its modules and its own.

    Returns:
        The path of the module around the stack to the axis and the number of layers.

    Example:
        >>> stacks({("layers", "mlp", "kernel"): (3, 8, 16), ("layers", "mlp", "bias"): (3, 16)})
        {('layers',): (0, 3)}
        >>> stacks({("attn", "key", "kernel"): (8, 2, 6), ("attn", "key", "bias"): (2, 6)})
        {}
    """
    below: dict[Path, list[Path]] = {}
    for path in shapes:
        for end in range(1, len(path)):
            below.setdefault(path[:end], []).append(path)
    found: dict[Path, tuple[int, int]] = {}
    for module in sorted(below, key=len):
        inside = any(module[:end] in found for end in range(1, len(module)))
        axis = None if inside else _axis([(path[-2:], shapes[path]) for path in below[module]])
        if axis is not None:
            path, count = below[module][0], len(below[module])
            same = [path[:end] for end in range(len(module), len(path)) if len(below[path[:end]]) == count]
            around = next((other for other in same if _LAYERS.fullmatch(other[-1])), same[-1])
            found[around] = axis, shapes[path][axis]
    return found


def _axis(arrays: Sequence[tuple[Path, Shape]]) -> int | None:
    """The axis of the layers, None where there is none."""
    is_stack = (
        all(len(shape) > 1 for _, shape in arrays)
        and any(len(shape) == 2 and any(map(_VECTOR.fullmatch, words)) for words, shape in arrays)
        and any(words[-1] in _KERNELS and len(shape) > 2 for words, shape in arrays)
    )
    for axis in (0, 1) if is_stack else ():
        sizes = {shape[axis] for _, shape in arrays}
        if len(sizes) == 1 and 1 < min(sizes) <= MOST_LAYERS:
            return axis
    return None

"""What shape the matrices of a cut have, from header facts alone; `matrices` must agree with it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from eigentail.records import Cut


def matrix_shape(cut: Cut, shape: Sequence[int]) -> tuple[int, int, int]:
    """How many matrices a cut makes, and their rows and columns.

    Args:
        cut: the part of the tensor.
        shape: the sizes of the tensor's axes, two or more.

    Returns:
        (count, rows, columns).

    Example:
        >>> matrix_shape(Cut(view="conv"), (64, 32, 3, 3))
        (9, 64, 32)
        >>> matrix_shape(Cut(view="flatten", groups=2), (64, 16, 3, 3))
        (2, 32, 144)
        >>> matrix_shape(Cut(slices=((0, 8, 1), (4, 6, 1))), (8, 12))
        (1, 8, 2)
    """
    axes = [*cut.fold, *shape[1:]] if cut.fold else list(shape)
    for axis, (start, stop, step) in enumerate(cut.slices):
        axes[axis] = len(range(start, stop, step))
    if cut.view == "dense":
        return 1, prod(axes[:-1]), axes[-1]
    first, second, positions = axes[0] // cut.groups, axes[1], prod(axes[2:])
    rows, columns = (second, first) if cut.view.endswith("transposed") else (first, second)
    if cut.view.startswith("flatten"):
        return cut.groups, rows, columns * positions
    return cut.groups * positions, rows, columns


def sides(cut: Cut, shape: Sequence[int]) -> tuple[int, int]:
    """The larger and the smaller side of one matrix of the cut.

    Example:
        >>> sides(Cut(), (64, 128))
        (128, 64)
    """
    _, rows, columns = matrix_shape(cut, shape)
    return max(rows, columns), min(rows, columns)

"""How much memory work may take at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eigentail.execution.executor import Task

# What the interpreter, numpy and a few mapped pages take (measured: 60 to 90 MB), and as much again to spare: the
# 200 MB that are promised beside four copies of the largest matrix.
_INTERPRETER: Final = 100 * 10**6
_SPARE: Final = 100 * 10**6


def budget(work: Sequence[Task], memory: int | None, interpreters: int) -> float:
    """Bytes of working memory that pieces of work may take together.

    Args:
        work: all of it.
        memory: what the user allows for everything, or None: then four float64 copies of the largest matrix, and some.
        interpreters: Python processes that the user's number is for.

    Example:
        >>> budget([], None, 1), budget([], 10**9, 2)
        (100000000, 800000000)
    """
    if memory is not None:
        return max(memory - interpreters * _INTERPRETER, 0)
    return 4 * max((8 * task.shape[0] * task.shape[1] for task in work), default=0) + _SPARE

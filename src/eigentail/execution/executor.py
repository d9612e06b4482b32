"""What every way of executing offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from eigentail.records import Layer, LayerReport


class Executor(Protocol):
    """Apply `measure` to every layer, yielding each result when it is there, in any order.

    Every executor gives BLAS one thread a worker: sums are then added in the same order however many workers there
    are, and workers do not fight over cores.
    """

    def __call__(self, measure: Callable[[Layer], LayerReport], work: Sequence[Layer], /) -> Iterator[LayerReport]:
        """The results as they come."""

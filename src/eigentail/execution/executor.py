"""What every way of executing offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar


class Task(Protocol):
    """What an executor has to know of a piece of work: a layer, or a tensor of two models."""

    @property
    def shape(self) -> tuple[int, int]:
        """Of its largest matrix."""

    @property
    def memory(self) -> int:
        """Bytes of working memory."""


Work = TypeVar("Work", bound=Task)
Result = TypeVar("Result")


class Executor(Protocol):
    """Apply `measure` to every piece of work, yielding each result when it is there, in any order.

    Every executor gives BLAS one thread a worker: sums are then added in the same order however many workers there
    are, and workers do not fight over cores.
    """

    def __call__(self, measure: Callable[[Work], Result], work: Sequence[Work], /) -> Iterator[Result]:
        """The results as they come."""

"""What every way of executing offers, and what it takes to make one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from eigentail.errors import LayerError, UsageError


class Task(Protocol):
    """What an executor has to know of a piece of work: a layer, or a tensor of two models."""

    @property
    def shape(self) -> tuple[int, int]:
        """Of its largest matrix."""

    @property
    def memory(self) -> int:
        """Bytes of working memory."""

    @property
    def flops(self) -> float:
        """Floating-point operations, to tell what is dear."""

    @property
    def spreads(self) -> bool:
        """Whether its numbers stay the same, to 1e-10, when BLAS uses several threads for it."""


Work = TypeVar("Work", bound=Task)
Result = TypeVar("Result")


class Executor(Protocol):
    """Apply `measure` to every piece of work, yielding each result when it is there, in any order.

    Raises what `measure` raises. Where workers died over some of the work, `LostError` comes last, after every result.
    """

    def __call__(self, measure: Callable[[Work], Result], work: Sequence[Work], /) -> Iterator[Result]:
        """The results as they come."""


class LostError(LayerError):
    """The worker died every time this was measured: most often because the memory was full.

    Attributes:
        tasks: what was lost.

    Example:
        >>> str(LostError("its worker died 3 times", hint="is there enough memory?"))
        'its worker died 3 times: is there enough memory?'
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.tasks: tuple[Any, ...] = ()


class Hands(msgspec.Struct, frozen=True, kw_only=True):
    """What a user can say of who does the work; each way takes what concerns it.

    Attributes:
        workers: pieces of work at a time, or None for the cores of this process (of the cluster, with Ray).
        memory: bytes that all of it together may take, or None for the way's own rule.
        address: of a Ray cluster, or "".
        gpus: GPUs that each piece of work occupies, where a way hands out GPUs.

    Raises:
        UsageError: fewer than one worker, no memory, or a share of GPUs below zero.

    Example:
        >>> Hands(workers=0)
        Traceback (most recent call last):
        eigentail.errors.UsageError: workers: 0 is too few: use 1 or more
    """

    workers: int | None = None
    memory: int | None = None
    address: str = ""
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"{self.workers} is too few", where="workers", hint="use 1 or more")
        if self.memory is not None and self.memory < 1:
            raise UsageError(f"{self.memory} bytes are too few", where="memory", hint="as many as one layer needs")
        if not self.gpus >= 0:
            raise UsageError(f"{self.gpus} is less than none", where="gpus", hint="use 0 or more")


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A way of executing. A module of `execution` offers one as `EXECUTOR`.

    Attributes:
        name: the word users write.
        make: an executor with such hands.

    Example:
        >>> from eigentail.execution import executors
        >>> sorted(executors)
        ['processes', 'ray', 'serial', 'threads']
    """

    name: str
    make: Callable[[Hands], Executor]

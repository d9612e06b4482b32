"""Several threads, as many layers side by side as fit in the memory of four copies of the largest matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from eigentail.execution.blas import BlasThreads
from eigentail.execution.executor import Executor, Hands, Result, Way, Work
from eigentail.execution.memory import budget
from eigentail.execution.pooled import cores, starter
from eigentail.execution.quiet import is_quiet
from eigentail.execution.schedule import Limits, alone_first, scheduled


def threads(workers: int | None = None, *, memory: int | None = None) -> Executor:
    """An executor of so many threads; numpy lets go of the interpreter lock in everything that takes time.

    A layer starts when it and those that are running stay within the memory. A large one beside which nothing could
    run has the cores of all workers for itself, on a quiet machine; all others have one BLAS thread each.

    Args:
        workers: at least 1; None for one a core.
        memory: bytes that this process may take. By default four float64 copies of the largest matrix, and what the
            interpreter leaves of the 200 MB promised beside them: more workers then never mean a higher peak. A layer
            that needs more than this runs all the same, by itself.

    Raises:
        UsageError: fewer than one worker.

    Example:
        >>> threads(0)
        Traceback (most recent call last):
        eigentail.errors.UsageError: workers: 0 is too few: use 1 or more
    """
    hands = Hands(workers=workers, memory=memory)
    return _threads(hands)


def _threads(hands: Hands) -> Executor:
    workers = hands.workers or cores()

    def run(measure: Callable[[Work], Result], work: Sequence[Work]) -> Iterator[Result]:
        limits = Limits(workers, budget(work, hands.memory, interpreters=1))
        alone = alone_first(work, limits)
        alone = alone if alone and is_quiet() else 0
        with ThreadPoolExecutor(workers) as pool:
            with BlasThreads(workers) as blas:
                yield from scheduled(starter(pool, measure, blas), work[:alone], Limits(1, limits.memory))
            with BlasThreads(1) as blas:
                yield from scheduled(starter(pool, measure, blas), work[alone:], limits)

    return run


EXECUTOR: Final = Way(name="threads", make=_threads)

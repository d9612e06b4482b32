"""Several processes on this machine: for work that holds the interpreter lock, and for memory that must come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from eigentail.execution.carry import Carried
from eigentail.execution.executor import Executor, Hands, Result, Way, Work
from eigentail.execution.memory import budget
from eigentail.execution.pooled import cores
from eigentail.execution.quiet import is_quiet
from eigentail.execution.schedule import Limits, alone_first, one_after_the_other, scheduled


def processes(workers: int | None = None, *, memory: int | None = None) -> Executor:
    """An executor of so many fresh processes, each of which opens the source itself; records travel back.

    A worker that dies (most often because the memory was full) is replaced and its layer measured again, twice at
    most. In a script, call this under `if __name__ == "__main__":`, as everything that starts processes.

    Args:
        workers: at least 1; None for one a core.
        memory: bytes that all of it may take, with 100 MB for each interpreter. By default the layers that run at once
            stay within four float64 copies of the largest matrix and 100 MB. A layer that needs more runs by itself.

    Raises:
        UsageError: fewer than one worker; later, if a process cannot be started.
        SourceError: later, if the model is live: it cannot travel.

    Example:
        >>> processes(-1)
        Traceback (most recent call last):
        eigentail.errors.UsageError: workers: -1 is too few: use 1 or more
    """
    return _processes(Hands(workers=workers, memory=memory))


def _processes(hands: Hands) -> Executor:
    workers = hands.workers or cores()

    def run(measure: Callable[[Work], Result], work: Sequence[Work]) -> Iterator[Result]:
        limits = Limits(workers, budget(work, hands.memory, interpreters=workers + 1))
        alone = alone_first(work, limits)
        alone = alone if alone and is_quiet() else 0
        from eigentail.execution.worker import Workers  # processes take 8 ms of every start, wanted or not

        with Workers(workers) as pool:
            one, many = partial(pool.submit, Carried(measure, workers)), partial(pool.submit, Carried(measure))
            yield from one_after_the_other(
                scheduled(one, work[:alone], Limits(1, limits.memory)), scheduled(many, work[alone:], limits)
            )

    return run


EXECUTOR: Final = Way(name="processes", make=_processes)

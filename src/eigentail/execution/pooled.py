"""Any pool of workers that looks like one of `concurrent.futures`: Dask, submitit, mpi4py, loky."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from math import inf

from eigentail.errors import UsageError
from eigentail.execution.blas import BlasThreads
from eigentail.execution.carry import Carried
from eigentail.execution.executor import Executor, Hands, Result, Work
from eigentail.execution.schedule import Limits, scheduled


def pooled(pool: concurrent.futures.Executor, workers: int, *, memory: int | None = None) -> Executor:
    """An executor that hands its work to a pool, which stays open.

    References to the source and to layers travel to the workers, records travel back: a worker on another machine
    must see the same path. Each is one process, with one BLAS thread while it measures. Threads of this process, in a
    `ThreadPoolExecutor`, take what is in memory as well.

    Args:
        pool: anything with the `submit` of `concurrent.futures.Executor` whose futures are those of that module.
        workers: pieces of work that are handed out at a time: how many the pool has.
        memory: bytes of working memory of all that runs at once, wherever it runs; None for no limit.

    Raises:
        UsageError: fewer than one worker; later, a pool whose workers died.

    Example:
        >>> import eigentail as et
        >>> with ThreadPoolExecutor(1) as pool:
        ...     et.analyze(et.example(), using=pooled(pool, 1)).summary.layers_ok
        3
    """
    hands = Hands(workers=workers, memory=memory)

    def run(measure: Callable[[Work], Result], work: Sequence[Work]) -> Iterator[Result]:
        limits = Limits(workers, inf if hands.memory is None else hands.memory)
        try:
            if isinstance(pool, ThreadPoolExecutor):
                with BlasThreads(1) as blas:
                    yield from scheduled(starter(pool, measure, blas), work, limits)
            else:
                call = Carried(measure)
                yield from scheduled(lambda task: pool.submit(call, task), work, limits)
        except BrokenExecutor as error:
            reason = str(error).partition("\n")[0].rstrip(".")
            raise UsageError(f"the pool of workers broke ({reason})", hint="make a new one") from error

    return run


def starter(
    pool: ThreadPoolExecutor, measure: Callable[[Work], Result], blas: BlasThreads
) -> Callable[[Work], Future[Result]]:
    """What starts a piece of work in threads of this process.

    Example:
        >>> with ThreadPoolExecutor(1) as pool, BlasThreads(1) as blas:
        ...     starter(pool, str.upper, blas)("a").result()
        'A'
    """

    def start(task: Work) -> Future[Result]:
        blas.hold()
        return pool.submit(measure, task)

    return start


def cores() -> int:
    """The cores this process may use.

    Example:
        >>> cores() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

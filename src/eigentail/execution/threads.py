"""Several threads, as many layers side by side as fit in the memory of four copies of the largest matrix."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

from threadpoolctl import threadpool_limits

from eigentail.errors import UsageError
from eigentail.execution.executor import Executor, Result, Work

# Of 200 MB, what the interpreter, numpy and a few mapped pages do not take (measured: 60 to 90 MB).
_SPARE: Final = 100 * 10**6


def threads(workers: int) -> Executor:
    """An executor of so many threads; numpy lets go of the interpreter lock in everything that takes time.

    A layer starts when it and those that are running stay within four float64 copies of the largest matrix and what
    the interpreter leaves of the 200 MB promised beside them, so that more workers never mean a higher peak.

    Args:
        workers: at least 1.

    Raises:
        UsageError: fewer than one worker.

    Example:
        >>> threads(0)
        Traceback (most recent call last):
        eigentail.errors.UsageError: workers: 0 is too few: use 1 or more
    """
    if workers < 1:
        raise UsageError(f"{workers} is too few", where="workers", hint="use 1 or more")

    def run(measure: Callable[[Work], Result], work: Sequence[Work]) -> Iterator[Result]:
        largest = max((8 * task.shape[0] * task.shape[1] for task in work), default=0)
        budget = 4 * largest + _SPARE
        waiting = deque(work)
        running: dict[Future[Result], int] = {}
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
            while waiting or running:  # nothing is ever queued in the pool: whoever stops waits for what runs only
                _start(pool, measure, waiting, running, (workers, budget))
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    yield future.result()

    return run


def _start(
    pool: ThreadPoolExecutor,
    measure: Callable[[Work], Result],
    waiting: deque[Work],
    running: dict[Future[Result], int],
    limits: tuple[int, int],
) -> None:
    """Hand out the dearest waiting task while it fits, else the cheapest; always one when nothing runs."""
    workers, budget = limits
    while waiting and len(running) < workers:
        free = budget - sum(running.values())
        if not running or waiting[0].memory <= free:
            task = waiting.popleft()
        elif waiting[-1].memory <= free:
            task = waiting.pop()
        else:
            return
        running[pool.submit(measure, task)] = task.memory

"""Which piece of work starts when: dear ones first, as many at once as workers and memory allow."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Final, Protocol, TypeVar

import msgspec

from eigentail.execution.executor import LostError, Result, Task, Work

# From this side on, BLAS threads make one matrix faster, by this factor (measured with two threads:
# docs/decisions/0012-one-blas-thread-each.md).
_SPREADS_FROM: Final = 2048
GAIN: Final = 1.4
# Pieces a worker beyond which the rest evens out whatever is done.
_LOOKED_AT: Final = 8


class Limits(msgspec.Struct, frozen=True):
    """How much may run at once.

    Attributes:
        workers: pieces of work.
        memory: bytes of working memory of all of them; a piece that needs more runs by itself.

    Example:
        >>> Limits(2, 10**9).workers
        2
    """

    workers: int
    memory: float


class Sized(Protocol):
    """What has to be known of a piece of work to give it its turn."""

    @property
    def memory(self) -> int:
        """Bytes of working memory."""


Piece = TypeVar("Piece", bound=Sized)


def scheduled(start: Callable[[Work], Future[Result]], work: Sequence[Work], limits: Limits) -> Iterator[Result]:
    """Start every piece of work in its turn, and yield results as they come.

    Nothing is queued that could not run at once: whoever stops waits for what runs only.

    Args:
        start: starts one.
        work: the dearest first.
        limits: how much at once.

    Yields:
        Results, in the order they are finished.

    Raises:
        LostError: at the end, for what its worker died over every time.

    Example:
        >>> list(scheduled(print, [], Limits(1, 0)))
        []
    """
    waiting, running, lost = deque(work), dict[Future[Result], Work](), list[tuple[Work, LostError]]()
    try:
        while waiting or running:
            _start(start, waiting, running, limits)
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                task = running.pop(future)
                try:
                    result = future.result()
                except LostError as error:
                    lost.append((task, error))
                else:
                    yield result
    finally:
        for future in running:
            future.cancel()
    if lost:
        raise _all_lost(lost)


def one_after_the_other(*parts: Iterator[Result]) -> Iterator[Result]:
    """Parts of some work; what is lost in the first does not stop the second.

    Args:
        parts: from `scheduled`.

    Yields:
        The results of each in turn.

    Raises:
        LostError: at the end, for what was lost in any.

    Example:
        >>> list(one_after_the_other(iter("ab"), iter("c")))
        ['a', 'b', 'c']
    """
    lost: list[tuple[Task, LostError]] = []
    for part in parts:
        try:
            yield from part
        except LostError as error:
            lost += [(task, error) for task in error.tasks]
    if lost:
        raise _all_lost(lost)


def taken(waiting: deque[Piece], running: Collection[Piece], limits: Limits) -> Piece | None:
    """The piece that starts next, off the queue: the dearest while it fits, else the cheapest; one if nothing runs.

    Args:
        waiting: the dearest first; the piece is removed.
        running: what has started and is not done.
        limits: how much at once.

    Returns:
        None while nothing may start.

    Example:
        >>> from eigentail.records.cost import LayerCost
        >>> costs = deque(LayerCost(index=i, name="", seconds=1.0, memory=30 - 10 * i, likely=1) for i in range(3))
        >>> first = taken(costs, (), Limits(2, 40))
        >>> first.memory, taken(costs, (first,), Limits(2, 40)).memory, taken(costs, (first,), Limits(2, 30))
        (30, 10, None)
    """
    if not waiting or len(running) >= limits.workers:
        return None
    free = limits.memory - sum(task.memory for task in running)
    if not running or waiting[0].memory <= free:
        return waiting.popleft()
    return waiting.pop() if waiting[-1].memory <= free else None


def alone_first(work: Sequence[Task], limits: Limits) -> int:
    """How many of the dearest are better run one at a time, each with every core, before the others.

    That pays where the others could not keep the workers busy meanwhile: because two such pieces do not fit into the
    memory, or because there are not enough others. It is told from the headers alone, so that the same work is done
    in the same way, and gives the same digits, every time.

    Args:
        work: the dearest first.
        limits: how much at once.

    Example:
        >>> from eigentail.records import Layer
        >>> alone_first([], Limits(2, 10**9))
        0
    """
    if limits.workers < 2:
        return 0
    left = sum(task.flops for task in work)
    tight = sum(task.flops for task in work if _fits_once(task, limits))
    best, shortest, spent = 0, _length(work, left, tight, limits), 0.0
    for count, task in enumerate(work, 1):
        if not (task.spreads and task.shape[1] >= _SPREADS_FROM):
            break
        if count > limits.workers and not _fits_once(task, limits):
            break  # enough of these are left to keep the workers busy
        spent += task.flops / GAIN
        left -= task.flops
        tight -= task.flops if _fits_once(task, limits) else 0.0
        length = spent + _length(work[count : count + _LOOKED_AT * limits.workers], left, tight, limits)
        if length < shortest * (1 - 1e-9):
            best, shortest = count, length
    return best


def _fits_once(task: Task, limits: Limits) -> bool:
    return 2 * task.memory > limits.memory


def _length(work: Sequence[Task], total: float, tight: float, limits: Limits) -> float:
    """How long work takes side by side, in operations of one worker: the next pieces as they fall, the rest evenly."""
    ends = [0.0] * limits.workers
    for task in work[: _LOOKED_AT * limits.workers]:
        heapq.heapreplace(ends, ends[0] + task.flops)
    return max(*ends, total / limits.workers, tight)


def _start(
    start: Callable[[Work], Future[Result]], waiting: deque[Work], running: dict[Future[Result], Work], limits: Limits
) -> None:
    """Hand out what may start now."""
    while (task := taken(waiting, running.values(), limits)) is not None:
        running[start(task)] = task


def _all_lost(lost: Sequence[tuple[Task, LostError]]) -> LostError:
    """One error for everything that was lost."""
    first = lost[0][1]
    error = LostError(first.what, where=first.where, hint=first.hint)
    error.tasks = tuple(task for task, _ in lost)
    return error

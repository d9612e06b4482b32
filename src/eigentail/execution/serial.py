"""One layer after the other, in this thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from threadpoolctl import ThreadpoolController

from eigentail.execution.executor import Result, Work


def serial(measure: Callable[[Work], Result], work: Sequence[Work]) -> Iterator[Result]:
    """One piece of work after the other, in the order given.

    Example:
        >>> list(serial(str.upper, ["a", "b"]))  # anything that maps will do
        ['A', 'B']
    """
    blas = ThreadpoolController()  # looking for the libraries takes longer than a small layer: once, not for each
    for task in work:
        with blas.limit(limits=1, user_api="blas"):  # not held while the caller looks at the result
            done = measure(task)
        yield done

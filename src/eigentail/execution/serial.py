"""One layer after the other, in this thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from eigentail.execution.blas import BlasThreads
from eigentail.execution.executor import Result, Way, Work


def serial(measure: Callable[[Work], Result], work: Sequence[Work]) -> Iterator[Result]:
    """One piece of work after the other, in the order given.

    Example:
        >>> list(serial(str.upper, ["a", "b"]))  # anything that maps will do
        ['A', 'B']
    """
    for task in work:
        with BlasThreads(1):  # not while the caller looks at the result
            done = measure(task)
        yield done


EXECUTOR: Final = Way(name="serial", make=lambda _: serial)

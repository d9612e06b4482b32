"""Work that uses a store in other processes or machines, and what the copies there found out, told here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Generic

import msgspec

from eigentail.execution import Executor
from eigentail.execution.executor import Result, Work
from eigentail.store import Notice, SpectrumStore


class _Answer(msgspec.Struct, Generic[Result], frozen=True):
    """A result, and what the copy of the store that was used for it has to tell."""

    result: Result
    news: tuple[Notice, ...]


def heard(
    using: Executor, measure: Callable[[Work], Result], work: Sequence[Work], store: SpectrumStore | None
) -> Iterator[Result]:
    """As `using(measure, work)`; what copies of the store have to tell, the store tells.

    Args:
        using: how many hands.
        measure: what is done with each piece of work; it may use the store.
        work: the dearest first.
        store: any, or None.

    Yields:
        The results as they come.

    Raises:
        LostError: as the executor.

    Example:
        >>> from eigentail.execution import serial
        >>> list(heard(serial, str.upper, ["a", "b"], None))
        ['A', 'B']
    """
    if store is None:
        yield from using(measure, work)
        return
    for answer in using(partial(_answer, measure=measure, store=store), work):
        store.hear(answer.news)
        yield answer.result


def _answer(task: Work, *, measure: Callable[[Work], Result], store: SpectrumStore) -> _Answer[Result]:
    result = measure(task)
    return _Answer(result, store.news())

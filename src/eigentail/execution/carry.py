"""How a measurement travels to another process: its source by reference, opened there once."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, final

from eigentail.execution.blas import BlasThreads
from eigentail.execution.executor import Result, Work


@final
class Carried(Generic[Work, Result]):
    """A measurement in the form in which it travels. Only our own processes ever read it.

    Args:
        measure: what is done with each piece of work.
        threads: of BLAS, while it is done.

    Raises:
        SourceError: it measures a live model, which cannot travel.

    Example:
        >>> Carried(str.upper)("a")
        'A'
    """

    def __init__(self, measure: Callable[[Work], Result], threads: int = 1) -> None:
        self._blob, self._threads = pickle.dumps(measure), threads

    def __call__(self, task: Work) -> Result:
        """Measure, where this has arrived."""
        measure: Callable[[Work], Result] = _arrived(self._blob)
        with BlasThreads(self._threads):
            return measure(task)


@lru_cache(maxsize=1)
def _arrived(blob: bytes) -> Any:
    """The measurement, and with it the open source: the same one for every layer of an analysis."""
    return pickle.loads(blob)

"""One layer after the other, in this thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from threadpoolctl import threadpool_limits

from eigentail.records import Layer, LayerReport


def serial(measure: Callable[[Layer], LayerReport], work: Sequence[Layer]) -> Iterator[LayerReport]:
    """Measure the layers in the order given.

    Example:
        >>> list(serial(str.upper, ["a", "b"]))  # anything that maps will do
        ['A', 'B']
    """
    for layer in work:
        with threadpool_limits(1, user_api="blas"):  # not held while the caller looks at the result
            done = measure(layer)
        yield done

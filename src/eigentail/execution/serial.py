"""One layer after the other, in this thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from threadpoolctl import ThreadpoolController

from eigentail.records import Layer, LayerReport


def serial(measure: Callable[[Layer], LayerReport], work: Sequence[Layer]) -> Iterator[LayerReport]:
    """Measure the layers in the order given.

    Example:
        >>> list(serial(str.upper, ["a", "b"]))  # anything that maps will do
        ['A', 'B']
    """
    blas = ThreadpoolController()  # looking for the libraries takes longer than a small layer: once, not for each
    for layer in work:
        with blas.limit(limits=1, user_api="blas"):  # not held while the caller looks at the result
            done = measure(layer)
        yield done

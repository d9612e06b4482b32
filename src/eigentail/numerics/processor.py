"""The backend that is always there: the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.eigenvalues import eigenvalues_of
from eigentail.numerics.gram import grams


@final
class Processor:
    """Gram matrices and eigenvalues in this process; see `backends.Backend`.

    Example:
        >>> product = next(Processor().products(np.diag([3.0, 2.0])[None], np.dtype("float64"), 1.0))
        >>> product.trace, product.eigenvalues().tolist()
        (13.0, [4.0, 9.0])
    """

    name = "cpu"

    def products(self, stack: NDArray[Any], dtype: np.dtype[Any], factor: float) -> Iterator[_Here]:
        """W^T W of tall matrices, W W^T of wide ones: one matrix, or batches of several."""
        return map(_Here, grams(stack, dtype, factor))


@final
class _Here:
    """One Gram matrix, or a batch."""

    def __init__(self, part: NDArray[Any]) -> None:
        self._part = part

    @property
    def trace(self) -> float:
        """Of all of them together."""
        return float(np.trace(self._part, axis1=-2, axis2=-1).sum())

    def eigenvalues(self) -> NDArray[Any]:
        """Of all of them; each matrix's own are ascending. To be asked once: a large matrix is used up."""
        return eigenvalues_of(self._part).ravel()

"""What every place that linear algebra may run at offers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eigentail.errors import EigentailError


class CardError(EigentailError):
    """A place cannot do this piece of work; the CPU does it instead. Never reaches the user as an error.

    Example:
        >>> str(CardError("too little memory", where="cuda:0"))
        'cuda:0: too little memory'
    """


class Product(Protocol):
    """One Gram matrix or several of one size, wherever they are kept."""

    @property
    def trace(self) -> float:
        """Of all of them together."""

    def eigenvalues(self) -> NDArray[Any]:
        """Of all of them, in memory of the CPU; each matrix's own are ascending.

        Raises:
            CardError: they cannot be had here.
        """


class Backend(Protocol):
    """A place that linear algebra may run at. It decides nothing: the rules are those of `numerics.spectrum`."""

    @property
    def name(self) -> str:
        """As the report says it."""

    def products(self, stack: NDArray[Any], dtype: np.dtype[Any], factor: float) -> Iterator[Product]:
        """W^T W of tall matrices, W W^T of wide ones.

        Args:
            stack: any real dtype, shape (count, rows, columns).
            dtype: of the arithmetic, float64 or float32.
            factor: multiplied onto the weights first, a power of two.

        Raises:
            CardError: they cannot be had here.
        """

"""A tensor that is a product of two thin factors, and the matrices in it. It is never multiplied out to be measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Factors(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A tensor as the product of two: T[o, i, ...] = scale * sum over r of left[o, r] * right[r, i, ...].

    Attributes:
        left: shape (rows, rank), as stored.
        right: shape (rank, columns, positions...), as stored.
        scale: the number in front.
        note: what is to be told of it: its rank and how the scale came about.

    Example:
        >>> import numpy as np
        >>> Factors(left=np.ones((4, 2)), right=np.ones((2, 3))).shape
        (4, 3)
    """

    left: NDArray[Any]
    right: NDArray[Any]
    scale: float = 1.0
    note: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the tensor's axes."""
        return self.left.shape[0], *self.right.shape[1:]


class LowRank(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A stack of matrices, each the product of two thin ones times a number.

    Attributes:
        left: shape (count, rows, rank), or (1, rows, rank) where all matrices share it.
        right: shape (count, rank, columns).
        scale: the number in front.
        note: what is to be told of it, or "".

    Example:
        >>> import numpy as np
        >>> LowRank(left=np.ones((1, 4, 2)), right=np.ones((9, 2, 3))).shape
        (9, 4, 3)
    """

    left: NDArray[Any]
    right: NDArray[Any]
    scale: float = 1.0
    note: str = ""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Matrices, and the rows and columns of each."""
        return self.right.shape[0], self.left.shape[1], self.right.shape[2]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The coarser of the types that the factors are stored in."""
        return min(self.left.dtype, self.right.dtype, key=lambda dtype: dtype.itemsize)

"""Eigenvalues by compiled kernels, where this processor has any: the C beside this file, called through ctypes."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.kernels.blas import addresses

LIBRARY: Final = Path(__file__).with_name("built") / "kernels.so"
_TYPES: Final = {"float64": "f64", "float32": "f32"}
_NO_MEMORY: Final = 2


@final
class Kernels:
    """What was compiled with the package; `kernels()` gives it, or None. It lets go of the interpreter lock.

    Args:
        library: loaded.
        vector_bytes: the width of its vectors: one that it was compiled for, and no more than the processor has.

    Example:
        >>> found = kernels()
        >>> found is None or found.eigenvalues(np.array([[[2.0, 1.0], [1.0, 2.0]]])).tolist() == [[1.0, 3.0]]
        True
    """

    def __init__(self, library: ctypes.CDLL, vector_bytes: int) -> None:
        self._library, self.vector_bytes = library, vector_bytes

    def eigenvalues(self, stack: NDArray[Any]) -> NDArray[np.float64]:
        """Of several matrices, each in one pass over it for each of its columns: while it fits into the cache.

        Args:
            stack: symmetric, shape (count, M, M), float64 or float32, in C order; what is below the diagonal is not
                read.

        Returns:
            Shape (count, M), ascending.

        Raises:
            numpy.linalg.LinAlgError: the iteration did not converge.

        Example:
            >>> found = kernels()
            >>> found is None or found.eigenvalues(np.zeros((3, 2, 2))).shape == (3, 2)
            True
        """
        count, side = stack.shape[:2]
        values = np.empty((count, side))
        self._call("eigenvalues", stack, ctypes.c_ssize_t(count), ctypes.c_ssize_t(side), _at(stack), _at(values))
        values.sort(axis=-1)
        return values

    def large(self, matrix: NDArray[Any], threads: int) -> NDArray[np.float64] | None:
        """Of one matrix, by way of a band.

        Args:
            matrix: symmetric, shape (M, M), float64 or float32, in C order; what is below the diagonal is not read, and
                what is above it **overwritten**.
            threads: at most so many chase the band; BLAS has its own.

        Returns:
            Shape (M,), ascending; None where no BLAS can be called.

        Raises:
            numpy.linalg.LinAlgError: the iteration did not converge.

        Example:
            >>> found = kernels()
            >>> found is None or found.large(np.eye(100), threads=1).round(12).tolist() == [1.0] * 100
            True
        """
        blas = addresses(matrix.dtype.name)
        if blas is None:
            return None
        values = np.empty(len(matrix))
        side = ctypes.c_ssize_t(len(matrix))
        self._call("large", matrix, side, _at(matrix), _at(values), blas, ctypes.c_ssize_t(threads))
        values.sort()
        return values

    def add_product(self, block: NDArray[Any], total: NDArray[Any]) -> bool:
        """Add W^T W of some rows of W to what is on and above the diagonal of the total.

        Args:
            block: shape (rows, M), float64 or float32, in C or in Fortran order.
            total: shape (M, M), the dtype of the block, in C order.

        Returns:
            Whether it was done: not where no BLAS can be called.

        Example:
            >>> total = np.zeros((2, 2))
            >>> found = kernels()
            >>> done = found is not None and found.add_product(np.array([[1.0, 2.0]]), total)
            >>> total.tolist() == ([[1.0, 2.0], [0.0, 4.0]] if done else [[0.0, 0.0], [0.0, 0.0]])
            True
        """
        blas = addresses(block.dtype.name)
        if blas is None:
            return False
        rows, side = (ctypes.c_ssize_t(n) for n in block.shape)
        turned = ctypes.c_int(not block.flags.c_contiguous)
        self._call("add_product", block, rows, side, _at(block), turned, _at(total), blas)
        return True

    def _call(self, name: str, array: NDArray[Any], *arguments: Any) -> None:
        status = self._library[f"{name}_{_TYPES[array.dtype.name]}_{self.vector_bytes}"](*arguments)
        if status == _NO_MEMORY:
            raise MemoryError
        if status:
            raise np.linalg.LinAlgError("Eigenvalues did not converge")


@cache
def kernels() -> Kernels | None:
    """The kernels; None where none were compiled, or none for a processor like this one.

    Example:
        >>> kernels() is kernels()
        True
    """
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except OSError:
        return None
    vector_bytes = int(library.eigentail_vector_bytes())
    return Kernels(library, vector_bytes) if vector_bytes else None


def _at(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)

"""The compiled kernels, where this processor has any: the C beside this file, called through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.kernels.blas import addresses

LIBRARY: Final = Path(__file__).with_name("built") / "kernels.so"
_TYPES: Final = {"float64": "f64", "float32": "f32"}
_NO_MEMORY: Final = 2
_WITH_TILES: Final = 64


@final
class Kernels:
    """What was compiled with the package; `kernels()` gives it, or None. It lets go of the interpreter lock.

    Args:
        library: loaded.
        vector_bytes: the width of its vectors: one that it was compiled for, and no more than the processor has.
        tiles: whether it may use the tile registers of the processor, which multiply bfloat16.

    Example:
        >>> found = kernels()
        >>> found is None or found.eigenvalues(np.array([[[2.0, 1.0], [1.0, 2.0]]])).tolist() == [[1.0, 3.0]]
        True
    """

    def __init__(self, library: ctypes.CDLL, vector_bytes: int, tiles: bool = False) -> None:
        self._library, self.vector_bytes, self.tiles = library, vector_bytes, tiles

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
        self.call(f"eigenvalues_{_TYPES[stack.dtype.name]}", count, side, stack, values)
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
        self.call(f"large_{_TYPES[matrix.dtype.name]}", len(matrix), matrix, values, blas, threads)
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
        turned = int(not block.flags.c_contiguous)
        self.call(f"add_product_{_TYPES[block.dtype.name]}", *block.shape, block, turned, total, blas)
        return True

    def add_product_of_bfloat16(self, block: NDArray[Any], total: NDArray[np.float32], threads: int) -> bool:
        """The same of weights stored as bfloat16, several times as fast: products are exact, sums in float32.

        Args:
            block: shape (rows, M), bfloat16, contiguous along one of its axes.
            total: shape (M, M), in C order.
            threads: at most so many.

        Returns:
            Whether it was done: not by processors without such registers, nor for other blocks.

        Source: Intel Architecture Instruction Set Extensions Reference, TDPBF16PS.

        Example:
            >>> import ml_dtypes
            >>> total = np.zeros((2, 2), np.float32)
            >>> found, block = kernels(), np.array([[1, 2]], ml_dtypes.bfloat16)
            >>> done = found is not None and found.add_product_of_bfloat16(block, total, threads=1)
            >>> total[0].tolist() == ([1.0, 2.0] if done else [0.0, 0.0])
            True
        """
        steps, rests = zip(*(divmod(stride, block.itemsize) for stride in block.strides), strict=True)
        if not self.tiles or block.dtype.name != "bfloat16" or 1 not in steps or any(rests):
            return False
        _call(self._library.eigentail_add_product_bf16, *block.shape, block, *steps, total, threads)
        return True

    def call(self, name: str, *arguments: Any) -> None:
        """A routine made for this width of vector, as the C declares it.

        Args:
            name: of the routine and of its type, as in `refit_f64`.
            arguments: sizes as int, numbers as float, arrays in whose memory it works.

        Raises:
            MemoryError: there is no memory for it.
            numpy.linalg.LinAlgError: an iteration did not converge.

        Example:
            >>> found, values = kernels(), np.empty(2)
            >>> if found is not None:
            ...     found.call("eigenvalues_f64", 1, 2, np.eye(2), values)
            >>> found is None or values.tolist() == [1.0, 1.0]
            True
        """
        _call(self._library[f"{name}_{self.vector_bytes}"], *arguments)


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
    # to ask is compiled for the processors that may have them: others might not know an instruction of it
    tiles = vector_bytes == _WITH_TILES and hasattr(library, "eigentail_tiles") and bool(library.eigentail_tiles())
    return Kernels(library, vector_bytes, tiles) if vector_bytes else None


def _call(routine: Callable[..., int], *arguments: Any) -> None:
    status = routine(*map(_in_c, arguments))
    if status == _NO_MEMORY:
        raise MemoryError
    if status:
        raise np.linalg.LinAlgError("Eigenvalues did not converge")


def _in_c(argument: Any) -> Any:
    if isinstance(argument, np.ndarray):
        return ctypes.c_void_p(argument.ctypes.data)
    if isinstance(argument, float):
        return ctypes.c_double(argument)
    return ctypes.c_ssize_t(argument) if isinstance(argument, int) else argument

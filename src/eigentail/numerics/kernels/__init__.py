"""Eigenvalues by compiled kernels, where this processor has any: the C beside this file, called through ctypes."""

from __future__ import annotations

import ctypes
import re
from functools import cache
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

LIBRARY: Final = Path(__file__).with_name("built") / "kernels.so"
_BLAS: Final = {
    "symm": "void (char *, char *, int *, int *, real *, real *, int *, real *, int *, real *, real *, int *)",
    "syr2k": "void (char *, char *, int *, int *, real *, real *, int *, real *, int *, real *, real *, int *)",
    "gemm": "void (char *, char *, int *, int *, int *, real *, real *, int *, real *, int *, real *, real *, int *)",
    "trsm": "void (char *, char *, char *, char *, int *, int *, real *, real *, int *, real *, int *)",
}
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
            stack: symmetric, shape (count, M, M), float64 or float32, in C order.

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
            matrix: symmetric, shape (M, M), float64 or float32, in C order. It is **overwritten**.
            threads: at most so many chase the band; BLAS has its own.

        Returns:
            Shape (M,), ascending; None where this build of scipy does not offer its BLAS.

        Raises:
            numpy.linalg.LinAlgError: the iteration did not converge.

        Example:
            >>> found = kernels()
            >>> found is None or found.large(np.eye(100), threads=1).round(12).tolist() == [1.0] * 100
            True
        """
        blas = _blas(matrix.dtype.name)
        if blas is None:
            return None
        values = np.empty(len(matrix))
        side = ctypes.c_ssize_t(len(matrix))
        self._call("large", matrix, side, _at(matrix), _at(values), blas, ctypes.c_ssize_t(threads))
        values.sort()
        return values

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


@cache
def _blas(dtype: str) -> Any:
    """The addresses of four routines, by the pointers that scipy publishes to be called from other languages."""
    from scipy import LowLevelCallable
    from scipy.linalg import cython_blas

    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    address = pointer(("PyCapsule_GetPointer", ctypes.pythonapi))
    found = []
    for name, signature in _BLAS.items():
        try:
            declared = LowLevelCallable.from_cython(cython_blas, ("d" if dtype == "float64" else "s") + name)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
        if re.sub(r"__pyx_t_\w+_[sd]\b", "real", declared.signature) != signature:
            return None
        found.append(address(declared.function, declared.signature.encode()))
    return (ctypes.c_void_p * len(found))(*found)


def _at(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)

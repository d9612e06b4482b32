"""Eigenvalues of symmetric matrices by the fastest of three exact routes."""

from __future__ import annotations

import ctypes
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.band import band_of
from eigentail.numerics.routine import Routine, routine_named

# Times faster than np.linalg.eigvalsh, float64 / float32 (`python benchmarks/eigenvalues.py`, 2 cores with AVX-512):
# M = 1024: 0.85 / 1.2 with one BLAS thread, 0.6 / 0.7 with two; 1536: 1.15 / 1.6 and 0.8 / 1.0;
# 2048: 1.4 / 1.8 and 1.0 / 1.15; 4096: 1.6 / 2.3 and 1.2 / 1.6. Loading scipy.linalg takes 0.1 s, once.
TWO_STAGES_FROM: Final = 2048
# numpy converts float32 to float64 first. LAPACK in float32 is 1.3 to 2 times faster from M = 256 on; from here on a
# few dozen matrices pay for loading scipy.linalg.
FLOAT32_FROM: Final = 512

_BAND: Final = (
    "dsbevd",
    "void (char *, char *, int *, int *, real *, int *, real *, real *, int *, real *, int *, int *, int *, int *)",
)
_TRIDIAGONAL: Final = (
    "ssytrd",
    "void (char *, int *, real *, int *, real *, real *, real *, real *, int *, int *)",
)
_VALUES: Final = ("dsterf", "void (int *, real *, real *, int *)")
_BLOCK: Final = 64  # columns that LAPACK may reduce at a time: the workspace is as many vectors


def eigenvalues_of(matrices: NDArray[Any]) -> NDArray[Any]:
    """Eigenvalues, ascending: by LAPACK's one stage for small matrices and stacks, by two stages for a large one.

    The first stage reduces the matrix to a band (`band_of`) in matrix products where LAPACK spends half of its work on
    products with a vector, at the speed of memory; the second, always in float64, gives the values of the band. Both
    are backward stable: an error is a few eps of the largest value, eps being that of the dtype of the matrix. In one
    stage float32 is reduced in float32 and its values are found in float64. None holds the interpreter lock.

    Args:
        matrices: symmetric, shape (M, M) or (count, M, M), float64 or float32, finite, both triangles filled, in C
            order. They may be **overwritten**: not to be used afterwards.

    Returns:
        Shape (M,) or (count, M), ascending, the dtype of the matrices.

    Raises:
        numpy.linalg.LinAlgError: LAPACK did not converge.

    Source: Bischof, Lang & Sun, ACM TOMS 26 (2000), "A framework for symmetric band reduction"; LAPACK Users' Guide,
        section 2.4.4 (xSYEVD, xSBEVD).

    Example:
        >>> eigenvalues_of(np.array([[2.0, 1.0], [1.0, 2.0]])).tolist()
        [1.0, 3.0]
    """
    side = matrices.shape[-1]
    if matrices.ndim == 2 and side >= TWO_STAGES_FROM and (band := routine_named(*_BAND)):
        return _of_band(band, band_of(matrices)).astype(matrices.dtype)
    if matrices.dtype == np.float32 and side >= FLOAT32_FROM:
        reduce, solve = routine_named(*_TRIDIAGONAL), routine_named(*_VALUES)
        if reduce and solve:
            found = [_in_one_stage(reduce, solve, matrix) for matrix in matrices.reshape(-1, side, side)]
            return np.array(found, np.float32).reshape(matrices.shape[:-1])
    return np.linalg.eigvalsh(matrices)


def _in_one_stage(reduce: Routine, solve: Routine, matrix: NDArray[Any]) -> NDArray[np.float64]:
    """The eigenvalues of a float32 matrix, which is overwritten: to three diagonals in float32, then in float64."""
    side = len(matrix)
    diagonal, beside, factors = (np.empty(side, np.float32) for _ in range(3))
    work = np.empty(_BLOCK * side, np.float32)
    count, length, info = ctypes.c_int(side), ctypes.c_int(len(work)), ctypes.c_int()
    reduce(
        b"L",
        ctypes.byref(count),
        matrix.ctypes.data,
        ctypes.byref(count),
        diagonal.ctypes.data,
        beside.ctypes.data,
        factors.ctypes.data,
        work.ctypes.data,
        ctypes.byref(length),
        ctypes.byref(info),
    )
    values, rest = diagonal.astype(np.float64), beside.astype(np.float64)
    solve(ctypes.byref(count), values.ctypes.data, rest.ctypes.data, ctypes.byref(info))
    if info.value:
        raise np.linalg.LinAlgError("Eigenvalues did not converge")
    return values


def _of_band(routine: Routine, band: NDArray[Any]) -> NDArray[np.float64]:
    """The eigenvalues of the symmetric matrix whose diagonals these are, in float64."""
    height, side = band.shape
    # one row more than LAPACK asks for: columns a power of two apart share a cache line's place (15 % at M = 2048)
    padded = np.zeros((height + 1, side), order="F")
    padded[:height] = band
    values, work, unused = np.empty(side), np.empty(2 * side), np.empty(1, np.intc)
    count, diagonals, stride, one, length, info = (
        ctypes.c_int(n) for n in (side, height - 1, height + 1, 1, 2 * side, 0)
    )
    routine(
        b"N",
        b"L",
        ctypes.byref(count),
        ctypes.byref(diagonals),
        padded.ctypes.data,
        ctypes.byref(stride),
        values.ctypes.data,
        work.ctypes.data,  # eigenvectors, which are not asked for
        ctypes.byref(one),
        work.ctypes.data,
        ctypes.byref(length),
        unused.ctypes.data,
        ctypes.byref(one),
        ctypes.byref(info),
    )
    if info.value:
        raise np.linalg.LinAlgError("Eigenvalues did not converge")
    return values

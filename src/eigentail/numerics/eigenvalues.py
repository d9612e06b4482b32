"""Eigenvalues of symmetric matrices by the faster of two exact routes."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.band import band_of

# Times faster than np.linalg.eigvalsh, float64 / float32 (`python benchmarks/eigenvalues.py`, 2 cores with AVX-512):
# M = 1024: 0.85 / 1.2 with one BLAS thread, 0.6 / 0.7 with two; 1536: 1.15 / 1.6 and 0.8 / 1.0;
# 2048: 1.4 / 1.8 and 1.0 / 1.15; 4096: 1.6 / 2.3 and 1.2 / 1.6. Loading scipy.linalg takes 0.1 s, once.
TWO_STAGES_FROM: Final = 2048

# LAPACK's dsbevd as scipy.linalg.cython_lapack declares it to C, the name it gives to double replaced.
_ROUTINE: Final = "dsbevd"
_SIGNATURE: Final = (
    "void (char *, char *, int *, int *, real *, int *, real *, real *, int *, real *, int *, int *, int *, int *)"
)
_Routine = Callable[..., None]


def eigenvalues_of(matrices: NDArray[Any]) -> NDArray[Any]:
    """Eigenvalues, ascending: LAPACK's one stage for small matrices and stacks, two stages for a large one.

    The first stage reduces the matrix to a band (`band_of`) in matrix products where LAPACK spends half of its work on
    products with a vector, at the speed of memory; the second, always in float64, gives the values of the band. Both
    are backward stable: an error is a few eps of the largest value, eps being that of the dtype of the matrix. Neither
    holds the interpreter lock.

    Args:
        matrices: symmetric, shape (M, M) or (count, M, M), float64 or float32, finite, both triangles filled. A large
            one is **overwritten**: not to be used afterwards.

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
    if matrices.ndim > 2 or len(matrices) < TWO_STAGES_FROM:
        return np.linalg.eigvalsh(matrices)
    routine = _routine()
    if routine is None:
        return np.linalg.eigvalsh(matrices)
    return _of_band(routine, band_of(matrices)).astype(matrices.dtype)


@cache
def _routine() -> _Routine | None:
    """LAPACK's routine for a band; None where this build of scipy declares it otherwise.

    `scipy.linalg.eigvals_banded` calls the same one, but holds the interpreter lock for a third of the whole time.
    """
    from scipy import LowLevelCallable
    from scipy.linalg import cython_lapack

    try:
        declared = LowLevelCallable.from_cython(cython_lapack, _ROUTINE)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    if re.sub(r"__pyx_t_\w+_d\b", "real", declared.signature) != _SIGNATURE:
        return None
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    address = pointer(("PyCapsule_GetPointer", ctypes.pythonapi))(declared.function, declared.signature.encode())
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * _SIGNATURE.count("*"))(address)


def _of_band(routine: _Routine, band: NDArray[Any]) -> NDArray[np.float64]:
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

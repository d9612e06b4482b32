"""Where the routines of BLAS are: those of the library that numpy has loaded, or those that scipy publishes."""

from __future__ import annotations

import ctypes
import re
from functools import cache
from typing import Any, Final

from eigentail.execution import blas_libraries

# As scipy declares them in C, with `real` for its name of the number type; in the order in which the kernels take them.
_DECLARED: Final = {
    "symm": "void (char *, char *, int *, int *, real *, real *, int *, real *, int *, real *, real *, int *)",
    "syr2k": "void (char *, char *, int *, int *, real *, real *, int *, real *, int *, real *, real *, int *)",
    "gemm": "void (char *, char *, int *, int *, int *, real *, real *, int *, real *, int *, real *, real *, int *)",
    "trsm": "void (char *, char *, char *, char *, int *, int *, real *, real *, int *, real *, int *)",
    "syrk": "void (char *, char *, int *, int *, real *, real *, int *, real *, real *, int *)",
}
# What builds of OpenBLAS put before and behind the names of Fortran: numpy's own wheels, others with 64-bit integers,
# and the rest. No published name leads to numpy's library, which is loaded already; scipy's makes a start slower.
_AFFIXES: Final = (("scipy_", "_64_"), ("", "_64_"), ("scipy_", "_"), ("", "_"))
_LETTERS: Final = {"float64": "d", "float32": "s"}


@cache
def addresses(dtype: str) -> Any:
    """Of the routines that the kernels call, for a type of number; None where there are none to be called.

    Args:
        dtype: "float64" or "float32".

    Returns:
        An array of addresses for C, in the order symm, syr2k, gemm, trsm, syrk.

    Source: Dongarra, Du Croz, Hammarling & Duff, ACM TOMS 16 (1990): the level 3 BLAS; scipy.linalg.cython_blas, which
        exists to be called from other languages.

    Example:
        >>> found = addresses("float64")
        >>> found is None or len(found) == 5
        True
    """
    return _of_numpy(_LETTERS[dtype]) or _of_scipy(_LETTERS[dtype])


def _of_numpy(letter: str) -> Any:
    """From an OpenBLAS that the process has loaded: numpy's, unless it was built with another library."""
    for path in sorted(blas_libraries("openblas"), key=lambda path: "numpy" not in path):
        library = ctypes.CDLL(path)
        for before, behind in _AFFIXES:
            names = [f"{before}{letter}{name}{behind}" for name in _DECLARED]
            if all(hasattr(library, name) for name in names):
                return _array([ctypes.cast(library[name], ctypes.c_void_p).value for name in names])
    return None


def _of_scipy(letter: str) -> Any:
    """By the pointers that scipy publishes, where it declares them as the kernels call them."""
    from scipy import LowLevelCallable
    from scipy.linalg import cython_blas

    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    address = pointer(("PyCapsule_GetPointer", ctypes.pythonapi))
    found = []
    for name, signature in _DECLARED.items():
        try:
            declared = LowLevelCallable.from_cython(cython_blas, letter + name)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
        if re.sub(r"__pyx_t_\w+_[sd]\b", "real", declared.signature) != signature:
            return None
        found.append(address(declared.function, declared.signature.encode()))
    return _array(found)


def _array(found: list[int | None]) -> Any:
    return (ctypes.c_void_p * len(found))(*found)

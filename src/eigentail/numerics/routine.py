"""LAPACK routines by the pointers that scipy publishes: called through them, they let go of the interpreter lock."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from functools import cache

Routine = Callable[..., None]


@cache
def routine_named(name: str, signature: str) -> Routine | None:
    """A routine of LAPACK; None where this build of scipy has none of that name and signature.

    Args:
        name: as LAPACK has it ("dsterf").
        signature: in C, as `scipy.linalg.cython_lapack` declares it, with `real` for its name of the number type.

    Returns:
        What takes addresses, in the order of the signature, and returns nothing.

    Source: scipy.linalg.cython_lapack, which exists to be called from other languages.

    Example:
        >>> routine_named("dsterf", "void (int *, real *, real *, int *)") is not None
        True
        >>> routine_named("dsterf", "void (int *)") is None, routine_named("dstref", "void (int *)") is None
        (True, True)
    """
    from scipy import LowLevelCallable
    from scipy.linalg import cython_lapack

    try:
        declared = LowLevelCallable.from_cython(cython_lapack, name)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    if re.sub(r"__pyx_t_\w+_[sd]\b", "real", declared.signature) != signature:
        return None
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    address = pointer(("PyCapsule_GetPointer", ctypes.pythonapi))(declared.function, declared.signature.encode())
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * signature.count("*"))(address)

"""Eigenvalues of symmetric matrices by the fastest of three exact routes."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.execution import blas_threads
from eigentail.numerics.kernels import kernels

# From this side on a large matrix goes to a band first. `python benchmarks/eigenvalues.py` has the times of all routes
# from 256 to 4096; docs/decisions/0011-two-stages.md has what was measured.
TWO_STAGES_FROM: Final = {"float64": 1280, "float32": 2048}


def eigenvalues_of(matrices: NDArray[Any]) -> NDArray[np.float64]:
    """Eigenvalues, ascending: in one stage for small matrices and stacks, by two stages for a large one.

    In one stage a matrix is read once for each of its columns, which is fast while it stays in the cache of a core. The
    first of two stages reduces it to a band in products of matrices, at the machine's own rate; the second chases the
    band to three diagonals. Either way is backward stable: an error is a few eps of the largest value, eps being that
    of the dtype of the matrix; the values of the three diagonals are found in float64 always. None holds the
    interpreter lock. Where no kernels were compiled, `numpy.linalg.eigvalsh` serves.

    Args:
        matrices: symmetric, shape (M, M) or (count, M, M), float64 or float32, finite, in C order. What is below the
            diagonal is not read. They may be **overwritten**: not to be used afterwards.

    Returns:
        Shape (M,) or (count, M), ascending.

    Raises:
        numpy.linalg.LinAlgError: the iteration did not converge.

    Source: Bischof, Lang & Sun, ACM TOMS 26 (2000), "A framework for symmetric band reduction"; Golub & Van Loan,
        Matrix Computations (2013), section 8.3.

    Example:
        >>> eigenvalues_of(np.array([[2.0, 1.0], [1.0, 2.0]])).round(12).tolist()
        [1.0, 3.0]
    """
    stack = matrices if matrices.ndim == 3 else matrices[None]
    return _of_stack(stack).reshape(matrices.shape[:-1])


def _of_stack(stack: NDArray[Any]) -> NDArray[np.float64]:
    compiled = kernels()
    if compiled and stack.shape[-1] < TWO_STAGES_FROM[stack.dtype.name]:
        return compiled.eigenvalues(stack)
    if compiled:
        found = [values for matrix in stack if (values := compiled.large(matrix, blas_threads())) is not None]
        if len(found) == len(stack) > 0:
            return np.array(found)
    return np.linalg.eigvalsh(stack, "U").astype(np.float64, copy=False)

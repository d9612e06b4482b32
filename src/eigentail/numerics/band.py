"""A dense symmetric matrix becomes a narrow band with the same eigenvalues, nearly all of it in matrix products."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Columns reduced at a time, and diagonals left below the main one. Wider products run nearer the machine's own rate, a
# wider band costs more afterwards: at M = 4096 the sum is the same within 3 % from 24 to 48.
WIDTH: Final = 32
# Reflections wait until this many columns can be subtracted in one product: reading the matrix costs as much as 30 of
# them. Three times as many made every later column dearer than that saved.
_DELAY: Final = 128
# Sides of the pieces of a product: large enough for the product's own rate, small enough for the cache.
_ROWS: Final = 512
_COLUMNS: Final = 1024


def band_of(matrix: NDArray[Any]) -> NDArray[Any]:
    """Reflections from both sides, `WIDTH` columns at a time, until only a band is left.

    The rounding made on the way moves an eigenvalue by a few eps of the largest one (by up to 100 where all of them are
    equal). Where dozens of columns are equal their rounding errors would be equal too, and add up: one random
    reflection before all others keeps them apart.

    Args:
        matrix: symmetric, shape (M, M), float64 or float32, finite, both triangles filled. It is **overwritten**.

    Returns:
        Shape (WIDTH + 1, M), Fortran order, the dtype of the matrix: row d holds the d-th diagonal below the main one,
        `band[d, j]` is the element (j + d, j); what lies outside the matrix is zero.

    Source: Bischof, Lang & Sun, ACM TOMS 26 (2000), "A framework for symmetric band reduction"; products of reflections
        in the compact form of Schreiber & Van Loan, SIAM J. Sci. Stat. Comput. 10 (1989).

    Example:
        >>> band = band_of(np.diag(np.arange(50.0)) + 1)
        >>> band.shape, round(float(band[0].sum()), 9)  # the trace stays
        ((33, 50), 1275.0)
    """
    side = len(matrix)
    band = np.zeros((WIDTH + 1, side), matrix.dtype, order="F")
    # what the matrix does not contain yet: it stands for matrix - left[:held].T @ right[:held]
    left, right = (np.empty((2 * _DELAY, side), matrix.dtype) for _ in range(2))
    held, start = _mix(matrix, left, right), 0
    while side - start > WIDTH + 1:
        if start == WIDTH or held + 2 * WIDTH > 2 * _DELAY:
            # Also after the first panel: it takes a direction far above all others out of the matrix, and each panel
            # that waits would be found as a small difference of numbers of that size (7 eps in place of 2).
            _subtract(matrix, left[:held], right[:held], start)
            held = 0
        below = start + WIDTH
        rows = _rows(matrix, left[:held], right[:held], slice(start, below))
        factors, tau = np.linalg.qr(rows[:, WIDTH:].T, mode="raw")  # transposed: one reflection a row
        _store(band, np.concatenate([rows[:, :WIDTH], factors[:, :WIDTH]], axis=1), start)
        reflections = _reflections(factors, tau)
        partners = _partners(matrix, left[:held], right[:held], reflections, tau)
        after = held + 2 * len(tau)
        left[held:after, below:] = np.concatenate([reflections, partners])
        right[held:after, below:] = np.concatenate([partners, reflections])
        held, start = after, below
    _store(band, _rows(matrix, left[:held], right[:held], slice(start, side)), start)
    return band


def _mix(matrix: NDArray[Any], left: NDArray[Any], right: NDArray[Any]) -> int:
    """Hold a reflection H at a random vector, always the same one: H A H = A - v^T w - w^T v; the rows it takes."""
    vector = np.random.default_rng(0).standard_normal(len(matrix))
    unit = (vector / np.linalg.norm(vector)).astype(matrix.dtype)
    product = matrix @ unit
    left[:2] = unit, 2 * (product - (unit @ product) * unit)
    right[:2] = left[1::-1]
    return 2


def _rows(matrix: NDArray[Any], left: NDArray[Any], right: NDArray[Any], rows: slice) -> NDArray[Any]:
    """Some rows, from the diagonal on, with what is still to be subtracted."""
    return np.asarray(matrix[rows, rows.start :] - left[:, rows].T @ right[:, rows.start :])


def _store(band: NDArray[Any], rows: NDArray[Any], start: int) -> None:
    """Row l of these holds column start + l of the band from its l-th element on."""
    for step, row in enumerate(rows):
        column = row[step : step + len(band)]
        band[: len(column), start + step] = column


def _reflections(factors: NDArray[Any], tau: NDArray[Any]) -> NDArray[Any]:
    """The vectors v of the reflections 1 - tau v v^T, one a row; zero where there was nothing to reflect."""
    vectors = np.triu(factors[: len(tau)], 1)
    np.fill_diagonal(vectors, 1)
    vectors[tau == 0] = 0
    return vectors


def _partners(
    matrix: NDArray[Any], left: NDArray[Any], right: NDArray[Any], reflections: NDArray[Any], tau: NDArray[Any]
) -> NDArray[Any]:
    """The rows Z for which reflecting A from both sides is A - V^T Z - Z^T V, V being the reflections.

    With Q = 1 - V^T T V: Q^T A Q = A - V^T X - X^T V + V^T S^T V, where X = T^T V A and S = X V^T T; Z = X - S V / 2.
    """
    first = len(matrix) - reflections.shape[1]
    product = _times(matrix, reflections)
    product -= (reflections @ left[:, first:].T) @ right[:, first:]
    inverse = np.triu(reflections @ reflections.T, 1)
    np.fill_diagonal(inverse, 1 / np.where(tau == 0, 1, tau))  # any number will do for a vector of zeros
    factor = np.linalg.inv(inverse)
    partners = factor.T @ product
    inner = (partners @ reflections.T) @ factor
    partners -= (inner / 2) @ reflections
    return np.asarray(partners)


def _times(matrix: NDArray[Any], vectors: NDArray[Any]) -> NDArray[Any]:
    """Vectors, one a row, times the last columns of the matrix, from blocks on and above the diagonal alone."""
    first = len(matrix) - vectors.shape[1]
    product = np.empty_like(vectors)
    for start, end in _blocks(first, len(matrix)):
        here = product[:, start - first : end - first]
        np.matmul(vectors[:, start - first :], matrix[start:end, start:].T, out=here)
        if start > first:
            here += vectors[:, : start - first] @ matrix[first:start, start:end]
    return product


def _subtract(matrix: NDArray[Any], left: NDArray[Any], right: NDArray[Any], first: int) -> None:
    """Take left.T @ right from the last columns of the matrix, in blocks on and above the diagonal alone."""
    side = len(matrix)
    spare = np.empty((min(_ROWS, side), min(_COLUMNS, side)), matrix.dtype)
    for start, end in _blocks(first, side):
        for column in range(start, side, _COLUMNS):
            last = min(column + _COLUMNS, side)
            product = np.matmul(left[:, start:end].T, right[:, column:last], out=spare[: end - start, : last - column])
            matrix[start:end, column:last] -= product


def _blocks(first: int, side: int) -> Iterator[tuple[int, int]]:
    """Where blocks of rows start and end, always at the same places: a block on the diagonal is kept whole."""
    while first < side:
        end = min((first // _ROWS + 1) * _ROWS, side)
        yield first, end
        first = end

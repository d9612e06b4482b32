"""Spectra of untrained matrices without the matrices: M^2 operations instead of M^3, so that thousands can be drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eigentail.records import Spectrum


def wishart(N: int, M: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Eigenvalues of W^T W for an N x M matrix of independent standard normal entries, N >= M.

    Householder reflections from both sides make W bidiagonal: chi variables of N, N-1, .. degrees of freedom on the
    diagonal, of M-1, .. 1 beside it, all independent. Drawing those gives the same law.

    Args:
        N: the larger side.
        M: the smaller side.
        rng: where the numbers come from.

    Returns:
        Ascending eigenvalues, shape (M,).

    Source: Dumitriu & Edelman, Journal of Mathematical Physics 43 (2002), section 3.

    Example:
        >>> values = wishart(200, 100, np.random.default_rng(0))
        >>> len(values), bool(0.9 < values.mean() / 200 < 1.1)
        (100, True)
    """
    from scipy.linalg import eigvalsh_tridiagonal

    diagonal = np.sqrt(rng.chisquare(N - np.arange(M)))
    beside = np.sqrt(rng.chisquare(M - 1 - np.arange(M - 1)))
    squares = diagonal**2
    squares[1:] += beside**2
    values: NDArray[np.float64] = eigvalsh_tridiagonal(squares, diagonal[:-1] * beside, lapack_driver="sterf")
    return np.maximum(values, 0.0)


def untrained_spectrum(shape: tuple[int, int], rng: np.random.Generator, count: int = 1) -> Spectrum:
    """The pooled spectrum of `count` untrained matrices, entries of variance one.

    Args:
        shape: (N, M) of each.
        rng: where the numbers come from.
        count: how many are pooled.

    Example:
        >>> len(untrained_spectrum((64, 32), np.random.default_rng(0), count=9).eigenvalues)
        288
    """
    values = np.sort(np.concatenate([wishart(*shape, rng) for _ in range(count)]))
    return Spectrum(eigenvalues=values, shape=shape, count=count, rank=int(np.count_nonzero(values)))

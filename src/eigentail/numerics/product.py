"""The exact spectrum of a product of two thin matrices, from its factors."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.errors import LayerError
from eigentail.numerics.roundoff import unit_roundoff
from eigentail.records import Spectrum
from eigentail.records.low_rank import LowRank

# What QR and SVD return for zero, in eps times the largest singular value; measured: below 4.
_SOLVER: Final = 32.0
# Uneven columns, as for the zero of a spectrum: the root of the factor 8 that stands there for eigenvalues.
_UNEVEN: Final = 2.8284271247461903


def spectrum_of_product(product: LowRank, *, scale: float = 1.0) -> Spectrum:
    """Eigenvalues of W^T W for every W = s B A of a stack, pooled and sorted, at the cost of the factors.

    With B = Q R and A^T = P S (both thin QR) the singular values of W are those of the small matrix s R S^T; nothing is
    squared on the way, so that they are known to a few eps of the largest. The M - r others are exact zeros. Of the r,
    one is zero if the rounding of the stored factors alone could have made it, or the solver's own noise: rounding to
    relative unit u adds to a factor a random matrix of spectral norm at most u rms (sqrt rows + sqrt rank), which the
    other factor stretches by its own norm at most.

    Args:
        product: factors of any real dtype; they are not changed.
        scale: a factor on every eigenvalue (the convention for convolutions).

    Returns:
        The spectrum, ascending, zeros included, always computed in float64 by LAPACK.

    Raises:
        LayerError: a value of the factors or the number in front is NaN or infinite, or the eigenvalues leave the
            range of float64.

    Source: Golub & Van Loan, Matrix Computations, 4th edition, section 8.6.4, on the singular values of a product.

    Example:
        >>> spectrum = spectrum_of_product(LowRank(left=np.eye(4, 2)[None], right=np.eye(2, 3)[None], scale=2.0))
        >>> spectrum.eigenvalues.tolist(), spectrum.shape, spectrum.rank
        ([0.0, 4.0, 4.0], (4, 3), 2)
    """
    if not math.isfinite(product.scale):
        raise LayerError(f"the scale of the product is {product.scale}")
    left, right = _float64(product.left), _float64(product.right)
    (left, one), (right, two) = _near_one(left), _near_one(right)
    mantissa, three = math.frexp(product.scale)
    thin = _triangle(left), _triangle(right.swapaxes(1, 2))
    singular = np.linalg.svd(thin[0] @ thin[1].swapaxes(1, 2), compute_uv=False) * abs(mantissa)
    count, rows, columns = product.shape
    noise = unit_roundoff(product.left.dtype) * _edge(left) * _norm(thin[1])
    noise += unit_roundoff(product.right.dtype) * _edge(right) * _norm(thin[0])
    zero = _UNEVEN * abs(mantissa) * noise + _SOLVER * float(np.finfo(np.float64).eps) * singular.max()
    values = np.zeros(count * min(rows, columns))
    squares = np.sort(np.square(singular), axis=None)
    values[len(values) - len(squares) :] = squares
    rank = int(np.count_nonzero(singular > zero))
    with np.errstate(over="ignore", under="ignore"):
        values = np.ldexp(values, 2 * (one + two + three)) * scale
    if squares[-1] > 0 and not np.finfo(np.float64).tiny < values[-1] < np.inf:
        raise LayerError("the squares of the weights leave the range of float64", hint="rescale the weights")
    values.setflags(write=False)
    return Spectrum(
        eigenvalues=values,
        shape=(max(rows, columns), min(rows, columns)),
        count=count,
        rank=rank,
        stored=product.dtype.name,
        scale=scale,
    )


def _float64(factor: NDArray[Any]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = np.asarray(factor, dtype=np.float64)
    broken = int(np.count_nonzero(~np.isfinite(values)))
    if broken:
        raise LayerError(f"{broken} of {values.size} values of a factor are NaN or infinite")
    return values


def _near_one(factor: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """The factor times a power of two that brings its largest value near one, and the power taken out."""
    exponent = math.frexp(float(np.abs(factor).max(initial=0.0)))[1]
    return np.ldexp(factor, -exponent), exponent


def _triangle(factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """The triangular factor of a thin QR decomposition, for each matrix of the stack."""
    return np.asarray(np.linalg.qr(factor, mode="r"))


def _edge(factor: NDArray[np.float64]) -> float:
    """The spectral norm that a random matrix of its shape and mean square stays below."""
    rows, columns = factor.shape[1:]
    return float(np.sqrt(np.mean(np.square(factor)))) * (math.sqrt(rows) + math.sqrt(columns))


def _norm(thin: NDArray[np.float64]) -> float:
    """The largest spectral norm in the stack."""
    return float(np.linalg.norm(thin, ord=2, axis=(1, 2)).max())

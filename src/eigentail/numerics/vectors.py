"""Eigenvectors of W^T W, each reduced to how many of its components it uses."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.errors import LayerError
from eigentail.numerics.gram import grams

# Subnormal weights: the power that raises them further is no float64.
_LEAST: Final = -1000
_TINY: Final = float(np.finfo(np.float64).tiny)


class Vectors(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What every eigenvector shows; all four of shape (n,), in the order of ascending eigenvalues.

    Attributes:
        eigenvalues: in the units of `Spectrum.eigenvalues`, pooled over the matrices of the stack.
        entropy: - sum p ln p / ln M with p = v^2: 1 for equal components, 0 for a single one; NaN for M = 1.
        localization: |v|_1 / |v|_inf, from 1 (a single component) to M.
        participation: 1 / sum v^4, the number of components that matter, from 1 to M; M/3 for a random vector.

    Source: Martin & Mahoney, JMLR 22 (2021), on localisation; Plerou et al., Physical Review Letters 83
    (1999), on the participation number.

    Example:
        >>> vectors_of(np.diag([3.0, 2.0, 1.0])[None]).participation.tolist()
        [1.0, 1.0, 1.0]
    """

    eigenvalues: NDArray[np.float64]
    entropy: NDArray[np.float64]
    localization: NDArray[np.float64]
    participation: NDArray[np.float64]


def vectors_of(stack: NDArray[Any], *, scale: float = 1.0) -> Vectors:
    """The eigenvectors of the smaller Gram matrix of every matrix of the stack.

    They are the right singular vectors of a tall matrix and the left ones of a wide matrix, of length M; those of the
    other side are not computed. Where eigenvalues coincide (zeros above all) the vectors are any basis of their space
    and say nothing.

    Args:
        stack: shape (count, rows, columns), any real dtype; computed in float64.
        scale: a factor on every eigenvalue (the convention for convolutions).

    Returns:
        One number of each kind a vector.

    Raises:
        LayerError: a weight is NaN or infinite, or the eigenvalues leave the range of float64.

    Source: Martin & Mahoney, JMLR 22 (2021), on the localisation of eigenvectors.

    Example:
        >>> shown = vectors_of(np.array([[[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]]]))
        >>> shown.eigenvalues.tolist(), shown.localization.tolist()
        ([4.0, 9.0], [1.0, 1.0])
    """
    exponent = _exponent(stack)
    values, numbers = [], []
    for part in grams(stack, np.dtype("float64"), 2.0**-exponent):
        eigenvalues, vectors = np.linalg.eigh(part, "U")
        values.append(eigenvalues.ravel())
        numbers.append(_numbers(vectors))
    pooled = np.concatenate(values)
    order = np.argsort(pooled, kind="stable")
    entropy, localization, participation = np.concatenate(numbers, axis=1)[:, order]
    return Vectors(
        eigenvalues=_rescaled(np.maximum(pooled[order], 0.0), 2 * exponent) * scale,
        entropy=entropy,
        localization=localization,
        participation=participation,
    )


def _numbers(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy, localisation and participation of column vectors, shape (3, vectors)."""
    vectors = vectors.reshape(-1, *vectors.shape[-2:])
    size = np.abs(vectors)
    share = np.square(vectors)
    if vectors.shape[-1] > 1:
        entropy = -np.sum(share * np.log(np.maximum(share, _TINY)), axis=1) / math.log(vectors.shape[-1])
    else:
        entropy = np.full(vectors.shape[:1] + vectors.shape[2:], np.nan)
    localization = size.sum(axis=1) / size.max(axis=1)
    participation = 1 / np.square(share).sum(axis=1)
    return np.stack([np.maximum(entropy, 0.0).ravel(), localization.ravel(), participation.ravel()])


def _exponent(stack: NDArray[Any]) -> int:
    """The power of two that brings the largest weight near one, so that squares neither overflow nor vanish."""
    largest = float(max(np.max(stack), -np.min(stack)))
    if not math.isfinite(largest):
        raise LayerError("some weights are NaN or infinite")
    return max(math.frexp(largest)[1], _LEAST)


def _rescaled(values: NDArray[np.float64], exponent: int) -> NDArray[np.float64]:
    """Values times 2^exponent, where float64 can hold them."""
    with np.errstate(over="ignore", under="ignore"):
        scaled = np.ldexp(values, exponent)
    if values[-1] > 0 and not 0 < scaled[-1] < np.inf:
        raise LayerError("the squares of the weights leave the range of float64", hint="rescale the weights")
    return scaled

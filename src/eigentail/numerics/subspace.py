"""The leading singular subspaces of two matrices: how far they are the same."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.errors import LayerError
from eigentail.numerics.gram import grams
from eigentail.records.difference import Overlap

MOST: Final = 64
# The eigenvalue at which a tail begins comes from another decomposition, rounded otherwise.
_SLACK: Final = 1e-6
# What the solver returns for zero, in units of the largest eigenvalue.
_NOISE: Final = 8 * float(np.finfo(np.float64).eps)
# Subnormal weights: the power that raises them further is no float64.
_LEAST: Final = -1000


def overlap_of(base: NDArray[Any], other: NDArray[Any], *, floor: float, most: int = MOST) -> Overlap:
    """How much of the leading singular subspaces of the base is found again in those of the other.

    In each matrix the k directions of the base with eigenvalues at or above `floor`, at most `most`, are held against
    as many of the other. The singular vectors of the smaller side are eigenvectors of its Gram matrix; those of the
    larger side are their images, made orthonormal. Chance gives k / M and k / N.

    Args:
        base: shape (count, rows, columns), finite.
        other: of the same shape, finite.
        floor: in units of the squared singular values; where the tail of the base begins. NaN for none.
        most: directions of one matrix.

    Returns:
        The mean squared cosine of the principal angles: of the left singular vectors (as long as the matrix has rows)
        and of the right ones (columns). NaN without a direction.

    Raises:
        LayerError: a weight is NaN or infinite.

    Source: Bjorck & Golub, Mathematics of Computation 27 (1973), on angles between subspaces.

    Example:
        >>> base, other = np.diag([3.0, 2.0, 1.0])[None], np.diag([3.0, 1.0, 2.0])[None]
        >>> overlap_of(base, other, floor=4.0)
        Overlap(k=2, left=0.5, right=0.5)
    """
    if not floor > 0:
        return Overlap()
    total, left, right = 0, 0.0, 0.0
    for one, two in zip(base, other, strict=True):
        k, of_left, of_right = _overlap(one, two, floor, most)
        total, left, right = total + k, left + of_left, right + of_right
    return Overlap(k=total, left=left / total, right=right / total) if total else Overlap()


def _overlap(one: NDArray[Any], two: NDArray[Any], floor: float, most: int) -> tuple[int, float, float]:
    """Directions of one matrix, and the sums of their squared cosines on the left and on the right."""
    is_wide = one.shape[0] < one.shape[1]
    tall, other = (one.T, two.T) if is_wide else (one, two)
    values, vectors, unit = _decomposed(tall)
    with np.errstate(over="ignore", under="ignore"):
        lowest = float(np.ldexp(floor, -2 * unit)) * (1 - _SLACK)
    k = min(most, int(np.count_nonzero(values >= lowest)))
    if not k:
        return 0, 0.0, 0.0
    others_values, others, other_unit = _decomposed(other)
    # directions that the other does not have are any basis of its null space, and no part of an overlap
    there = min(k, int(np.count_nonzero(others_values > _NOISE * others_values[-1])))
    small, small_other = vectors[:, -k:], others[:, len(others) - there :]
    large, large_other = _images(tall, small, unit), _images(other, small_other, other_unit)
    of_small, of_large = _cosines(small, small_other), _cosines(large, large_other)
    return (k, of_small, of_large) if is_wide else (k, of_large, of_small)


def _decomposed(tall: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Eigenvalues and eigenvectors of the smaller Gram matrix of weights times 2^-unit, ascending."""
    largest = float(max(np.max(tall), -np.min(tall)))
    if not math.isfinite(largest):
        raise LayerError("some weights are NaN or infinite")
    unit = max(math.frexp(largest)[1], _LEAST)
    values, vectors = np.linalg.eigh(next(grams(tall[None], np.dtype("float64"), 2.0**-unit)), "U")
    return values, vectors, unit


def _images(tall: NDArray[Any], vectors: NDArray[np.float64], unit: int) -> NDArray[np.float64]:
    """An orthonormal basis of the space that the matrix maps the vectors to."""
    images: NDArray[np.float64] = (np.asarray(tall, dtype=np.float64) * 2.0**-unit) @ vectors
    return np.linalg.qr(images)[0]


def _cosines(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    """The sum of the squared cosines of the principal angles."""
    return min(float(np.square(one.T @ two).sum()), float(one.shape[1]))

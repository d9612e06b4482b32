"""FARMS (2025): Hill's exponent of square windows of the matrix, so that its aspect ratio does not enter."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.estimators.hill import hill
from eigentail.numerics.spectrum import spectrum_of
from eigentail.numerics.tail import Estimator

_SMALLEST_SIDE: Final = 8
_WINDOWS: Final = 4


def window_eigenvalues(stack: NDArray[Any]) -> NDArray[np.float64]:
    """The eigenvalues of square windows of every matrix, pooled: noise gives the same exponent at every Q.

    The side of a window is half the matrix's smaller side (at least 8, or all of it); four positions along each side,
    from edge to edge and evenly spaced, make at most 16 windows. For M of 64 and more they take at most about four
    times as long as the spectrum of the matrix. They overlap, and their values are not independent: the sigma of the
    fit is too small, and there is no interval.

    Args:
        stack: shape (count, rows, columns).

    Returns:
        The non-zero eigenvalues of W^T W of all windows, ascending; empty where every weight is zero.

    Raises:
        LayerError: a weight is NaN or infinite, or the eigenvalues leave the range of float64.

    Source: FARMS, 2506.06280: windows of one aspect ratio, pooled; their side, number and place are ours.

    Example:
        >>> noise = np.random.default_rng(0).standard_normal((1, 300, 100))
        >>> len(window_eigenvalues(noise))  # 16 windows of 50 x 50
        800
    """
    smaller = min(stack.shape[1:])
    side = min(smaller, max(_SMALLEST_SIDE, smaller // 2))
    found = []
    for row in _positions(stack.shape[1], side):
        band = stack[:, row : row + side]
        columns = _positions(stack.shape[2], side)
        windows = np.concatenate([band[:, :, column : column + side] for column in columns])
        found.append(spectrum_of(windows).positive)
    return np.sort(np.concatenate(found))


def _positions(length: int, side: int) -> list[int]:
    """Where windows begin along one side."""
    return sorted({int(at) for at in np.linspace(0, length - side, _WINDOWS)})


ESTIMATOR = Estimator(
    name="farms",
    title="Hill, on the eigenvalues of square windows",
    fit=hill,
    sample=window_eigenvalues,
)

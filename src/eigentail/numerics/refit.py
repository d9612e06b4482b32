"""The smallest-distance fit of many samples at once, on a grid of tails: near enough for the spread of an exponent."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

# Tails tried in each sample, their sizes in geometric steps, and points of each tail at which the distance is taken.
# With 64 and 32 the spread of ln(alpha - 1) is that of exact fits within a few percent (docs/trust.md). Each tail has
# points of its own: of points shared by all, a short tail would hold too few to be told from a straight one.
_TAILS: Final = 64
_POINTS: Final = 32
_SMALLEST: Final = 2
_STEEPEST: Final = 1e6


class Refits(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What an estimator finds in each of many samples.

    Attributes:
        alphas: the exponents, shape (samples,); NaN where there is none.
        starts: the index of the value taken for xmin, shape (samples,).

    Example:
        >>> Refits(alphas=np.array([2.0]), starts=np.array([0])).starts.tolist()
        [0]
    """

    alphas: NDArray[np.float64]
    starts: NDArray[np.intp]


def refit_smallest_distance(logs: NDArray[np.float64], first: int = 0, last: int | None = None) -> Refits:
    """The exponent of each of many samples, xmin chosen anew in each by the smallest Kolmogorov-Smirnov distance.

    Args:
        logs: natural logarithms, ascending along the last axis; shape (samples, n), n at least 2.
        first: the smallest index at which a tail may begin.
        last: tails begin before this index; None for any that leaves two values.

    Returns:
        Exponents and where the tails begin; NaN, and 0, where every tail is flat.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), section 3.3; the grid is this project's.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> samples = np.sort(rng.standard_exponential((50, 400)) / 1.5, axis=1)  # alpha = 2.5
        >>> bool(2.4 < np.median(refit_smallest_distance(samples).alphas) < 2.6)
        True
    """
    n = logs.shape[1]
    best = np.full(len(logs), np.inf, dtype=np.float32)
    chosen = np.full(len(logs), np.nan)
    starts = np.zeros(len(logs), dtype=np.intp)
    sums = np.cumsum(logs[:, ::-1], axis=1)[:, ::-1]
    short = logs.astype(np.float32)
    for start in _starts(n, first, n if last is None else last):
        size = n - start
        alphas = _exponents(sums[:, start] - size * logs[:, start], size)
        distances = _distances(short, start, alphas)
        better = distances < best
        best[better] = distances[better]
        chosen[better] = alphas[better]
        starts[better] = start
    return Refits(alphas=chosen, starts=starts)


def _starts(n: int, first: int, last: int) -> NDArray[np.intp]:
    """Where the tails begin, each once: sizes from the smallest to the largest allowed, in geometric steps."""
    smallest, largest = max(_SMALLEST, n - last + 1), n - first
    sizes = np.geomspace(min(smallest, largest), largest, _TAILS).round()
    starts: NDArray[np.intp] = np.unique((n - sizes).astype(np.intp))
    return starts


def _exponents(sums: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Maximum likelihood; NaN where all values of the tail are equal."""
    safe = np.where(sums > 0, sums, np.nan)
    exponents: NDArray[np.float64] = 1 + size / safe
    return exponents


def _distances(logs: NDArray[np.float32], start: int, alphas: NDArray[np.float64]) -> NDArray[Any]:
    """The largest gap between law and sample at points spread over the tail; infinite where there is no exponent."""
    n = logs.shape[1]
    size = n - start
    points = np.unique(start + np.arange(_POINTS) * size // _POINTS)
    slope = (1 - np.minimum(alphas, _STEEPEST)).astype(np.float32)
    gaps = logs[:, points]
    gaps -= logs[:, start, None]
    gaps *= slope[:, None]
    np.exp(gaps, out=gaps)
    gaps -= ((n - points) / size).astype(np.float32)
    np.abs(gaps, out=gaps)
    largest: NDArray[Any] = gaps.max(axis=1)
    return np.where(np.isnan(largest), np.float32(np.inf), largest)

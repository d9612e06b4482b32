"""The smallest-distance fit of many samples at once, on a grid of tails: near enough for the spread of an exponent."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.kernels import Kernels, kernels

# Tails tried in each sample, their sizes in geometric steps, and points of each tail at which the distance is taken.
# With 64 and 32 the spread of ln(alpha - 1) is that of exact fits within a few percent (docs/trust.md). Each tail has
# points of its own: of points shared by all, a short tail would hold too few to be told from a straight one.
_TAILS: Final = 64
_POINTS: Final = 32
_SMALLEST: Final = 2
_STEEPEST: Final = 1e6
# Tails that a kernel takes at once.
_TOGETHER: Final = 16
# Samples whose distances are found together: a megabyte of gaps.
_BLOCK: Final = 128


class _Grid(NamedTuple):
    """Where the tails of n values begin, shape (tails,), and the points at which their distances are taken.

    `at` has the points of each tail, shape (points, tails), and `shares` which part of its tail begins there, shape
    (points, tails, 1). `seen` has every point once, and `points` says which of them are those of `at`.
    """

    starts: NDArray[np.intp]
    at: NDArray[np.intp]
    seen: NDArray[np.intp]
    points: NDArray[np.intp]
    shares: NDArray[np.float32]


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
        Exponents and where the tails begin; NaN, and `first`, where every tail is flat.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), section 3.3; the grid is this project's.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> samples = np.sort(rng.standard_exponential((50, 400)) / 1.5, axis=1)  # alpha = 2.5
        >>> bool(2.4 < np.median(refit_smallest_distance(samples).alphas) < 2.6)
        True
    """
    n = logs.shape[1]
    bounds, compiled = (n, first, n if last is None else last), kernels()
    if compiled:
        return _compiled(compiled, logs, _whole_vectors(*bounds))
    grid = _grid(*bounds)
    exponents = _exponents(logs, grid)
    distances = np.empty(exponents.shape, dtype=np.float32)
    for at in range(0, len(logs), _BLOCK):
        rows = slice(at, at + _BLOCK)
        distances[rows] = _distances(logs[rows], exponents[rows], grid)
    best = np.argmin(distances, axis=1)
    return Refits(alphas=exponents[np.arange(len(logs)), best], starts=grid.starts[best])


@lru_cache(maxsize=64)
def _grid(n: int, first: int, last: int) -> _Grid:
    """Each tail once: sizes from the smallest to the largest allowed, in geometric steps."""
    smallest, largest = max(_SMALLEST, n - last + 1), n - first
    sizes = np.geomspace(min(smallest, largest), largest, _TAILS).round()
    starts = _unique((n - sizes).astype(np.intp))
    at = starts + np.arange(_POINTS)[:, None] * (n - starts) // _POINTS
    shares = ((n - at) / (n - starts)).astype(np.float32)
    seen = _unique(at)
    points = np.searchsorted(seen, at)
    return _Grid(starts=starts, at=at, seen=seen, points=points, shares=shares[:, :, None])


def _unique(indices: NDArray[np.intp]) -> NDArray[np.intp]:
    """As `np.unique`, without loading numpy.ma, which takes 8 ms."""
    return np.flatnonzero(np.bincount(indices.reshape(-1)))


def _compiled(compiled: Kernels, logs: NDArray[np.float64], grid: tuple[NDArray[Any], ...]) -> Refits:
    """All of it by a kernel, one sample after the other."""
    if logs.strides[1] != logs.itemsize:
        logs = np.ascontiguousarray(logs)
    starts, at, shares = grid
    alphas, chosen = np.empty(len(logs)), np.empty(len(logs), dtype=np.intp)
    sizes = len(logs), logs.strides[0] // logs.itemsize, logs, logs.shape[1], len(starts), len(at)
    compiled.call("refit_f64", *sizes, starts, at, shares, alphas, chosen)
    return Refits(alphas=alphas, starts=chosen)


@lru_cache(maxsize=64)
def _whole_vectors(n: int, first: int, last: int) -> tuple[NDArray[Any], ...]:
    """Starts, points and shares as the kernel takes them, the last tail again until no vector is left half empty."""
    grid = _grid(n, first, last)
    tails = np.minimum(np.arange(-(-len(grid.starts) // _TOGETHER) * _TOGETHER), len(grid.starts) - 1)
    shares = np.ascontiguousarray(grid.shares[:, tails, 0])
    return grid.starts[tails], grid.at[:, tails].astype(np.int32, order="C"), shares


def _exponents(logs: NDArray[np.float64], grid: _Grid) -> NDArray[np.float64]:
    """Maximum likelihood, shape (samples, tails); NaN where all values of the tail are equal."""
    sizes = logs.shape[1] - grid.starts
    sums = np.add.reduceat(logs, grid.starts, axis=1)[:, ::-1].cumsum(axis=1)[:, ::-1]
    sums -= sizes * logs[:, grid.starts]
    exponents: NDArray[np.float64] = 1 + sizes / np.where(sums > 0, sums, np.nan)
    return exponents


def _distances(logs: NDArray[np.float64], exponents: NDArray[np.float64], grid: _Grid) -> NDArray[np.float32]:
    """The largest gap between law and sample at points spread over each tail; infinite where there is no exponent."""
    # samples last: what is done for every point then runs along contiguous memory
    gaps = logs.T[grid.seen].astype(np.float32)[grid.points]
    gaps -= gaps[0].copy()
    gaps *= (1 - np.minimum(exponents, _STEEPEST)).T.astype(np.float32, order="C")
    np.exp(gaps, out=gaps)
    gaps -= grid.shares
    np.abs(gaps, out=gaps)
    largest: NDArray[np.float32] = gaps.max(axis=0).T
    return np.where(np.isnan(largest), np.float32(np.inf), largest)

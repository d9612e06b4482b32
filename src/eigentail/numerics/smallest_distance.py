"""The power-law fit of every candidate tail at once, and the one nearest to its law: exact, without a scan of all."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.records import Fit, FitStatus

# Points of each candidate's tail at which its distance is bounded from below before any is computed in full.
_PROBES: Final = 24
_PROBE_BLOCK: Final = 1024
# Bound and distance come from the same formula; this covers a last digit that differs between vector kernels.
_SLACK: Final = 1e-12


class Tails(msgspec.Struct, frozen=True, eq=False):
    """Every tail of a sample that could begin at one of its values, with the exponent of each.

    Attributes:
        logs: ln of the values over the largest, ascending, shape (n,).
        below: how many values are strictly below each, shape (n,).
        starts: the index at which each candidate tail begins, shape (c,).
        alphas: the exponent of each candidate, shape (c,).

    Example:
        >>> tails_of(np.array([1.0, 1.0, 2.0, 4.0])).starts.tolist()
        [0, 2]
    """

    logs: NDArray[np.float64]
    below: NDArray[np.intp]
    starts: NDArray[np.intp]
    alphas: NDArray[np.float64]


def tails_of(values: NDArray[np.float64]) -> Tails:
    """The candidates: every different value but the largest; all exponents come from one pass of suffix sums.

    Args:
        values: positive, ascending, at least two different ones; shape (n,).

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), equation 3.1.

    Example:
        >>> tails_of(np.array([1.0, np.e])).alphas.tolist()
        [3.0]
    """
    # relative to the largest, so that a scale of 2^k changes no digit; what underflows counts as the smallest float
    logs = np.log(np.maximum(values / values[-1], np.nextafter(0.0, 1.0)))
    first = np.flatnonzero(np.concatenate(([True], values[1:] > values[:-1])))
    starts = first[:-1]
    below = np.repeat(first, np.diff(np.append(first, len(values))))
    tails = len(values) - starts
    sums = np.cumsum(logs[::-1])[::-1][starts] - tails * logs[starts]
    return Tails(logs, below, starts, 1 + tails / sums)


def smallest_distance_fit(values: NDArray[np.float64], first: int = 0, last: int | None = None) -> Fit:
    """The tail with the smallest Kolmogorov-Smirnov distance from its own power law.

    Args:
        values: positive, ascending, at least two different ones; shape (n,).
        first: the smallest index at which the tail may begin.
        last: the tail begins before this index; None for any but the largest value.

    Returns:
        The fit, with xmin in the units of the values; too few when no candidate lies in the range.

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), equations 3.1 to 3.9.

    Example:
        >>> smallest_distance_fit(np.arange(1.0, 9.0), first=4).tail <= 4
        True
    """
    tails = tails_of(values)
    low, high = np.searchsorted(tails.starts, (first, len(values) if last is None else last))
    if low == high:
        return Fit(status=FitStatus.TOO_FEW, detail="no value lies where the tail may begin")
    tails = msgspec.structs.replace(tails, starts=tails.starts[low:high], alphas=tails.alphas[low:high])
    best, distance = _nearest(tails)
    start, alpha = int(tails.starts[best]), float(tails.alphas[best])
    size = len(values) - start
    return Fit(
        status=FitStatus.OK,
        alpha=alpha,
        sigma=(alpha - 1) / float(np.sqrt(size)),
        xmin=float(values[start]),
        xmax=float(values[-1]),
        D=distance,
        tail=size,
    )


def distances_of(tails: Tails, candidates: NDArray[np.intp]) -> NDArray[np.float64]:
    """The Kolmogorov-Smirnov distance of some of the candidates from their own power laws.

    Args:
        tails: of a sample.
        candidates: which of its candidates, as indices into `tails.alphas`; shape (k,).

    Returns:
        Shape (k,).

    Source: Clauset, Shalizi & Newman, SIAM Review 51 (2009), equation 3.9.

    Example:
        >>> values = np.array([1.0, 2.0, 4.0, 9.0])
        >>> found = distances_of(tails_of(values), np.arange(3))
        >>> bool(found.min() == smallest_distance_fit(values).D)
        True
    """
    return np.array([_all_gaps(tails, int(candidate)).max() for candidate in candidates], dtype=np.float64)


def _nearest(tails: Tails) -> tuple[int, float]:
    """The candidate with the smallest distance, and that distance; the first of equals.

    The candidate with the lowest bound is computed in full; the point where it is worst is then a new probe for all
    that can still win, since neighbouring tails are worst in the same place. A few dozen rounds settle thousands.
    """
    bounds = lower_bounds(tails)
    alive = np.arange(len(bounds))
    best, smallest = len(bounds), np.inf
    while len(alive):
        at = int(np.argmin(bounds))
        candidate = int(alive[at])
        gaps = _all_gaps(tails, candidate)
        worst = int(np.argmax(gaps))
        if (gaps[worst], candidate) < (smallest, best):
            best, smallest = candidate, float(gaps[worst])
        _raise_bounds(bounds, tails, alive, int(tails.starts[candidate]) + worst)
        keep = bounds <= smallest + _SLACK
        keep[at] = False
        alive, bounds = alive[keep], bounds[keep]
    return best, smallest


def lower_bounds(tails: Tails) -> NDArray[np.float64]:
    """For each candidate the largest gap at a few points spread over its tail: at most the true distance.

    Args:
        tails: the candidates; shape (c,).

    Returns:
        Bounds of the Kolmogorov-Smirnov distances, shape (c,).

    Example:
        >>> lower_bounds(tails_of(np.array([1.0, np.e]))).round(3).tolist()  # 1 - e^-2, less the half below
        [0.365]
    """
    fractions = np.arange(_PROBES) / _PROBES
    bounds = np.empty(len(tails.starts))
    n = len(tails.logs)
    for at in range(0, len(bounds), _PROBE_BLOCK):
        part = slice(at, at + _PROBE_BLOCK)
        start = tails.starts[part, None]
        points = start + (fractions * (n - start)).astype(np.intp)
        bounds[part] = _gap(tails, start, points, tails.alphas[part, None]).max(axis=1)
    return bounds


def _raise_bounds(bounds: NDArray[np.float64], tails: Tails, candidates: NDArray[np.intp], point: int) -> None:
    """Take one more probe into account, in place, for the candidates whose tail holds it."""
    holding = candidates[: np.searchsorted(tails.starts[candidates], point, side="right")]
    gaps = _gap(tails, tails.starts[holding], np.intp(point), tails.alphas[holding])
    np.maximum(bounds[: len(holding)], gaps, out=bounds[: len(holding)])


def _all_gaps(tails: Tails, candidate: int) -> NDArray[np.float64]:
    """The gap of one candidate at every point of its tail."""
    start = tails.starts[candidate]
    return _gap(tails, start, slice(int(start), None), tails.alphas[candidate])


def _gap(
    tails: Tails,
    start: NDArray[np.intp] | np.intp,
    points: NDArray[np.intp] | np.intp | slice,
    alpha: NDArray[np.float64] | np.float64,
) -> NDArray[np.float64]:
    """|F - S| at the points, for tails that begin at `start`; broadcasts."""
    law = 1 - np.exp((1 - alpha) * (tails.logs[points] - tails.logs[start]))
    sample = (tails.below[points] - start) / (len(tails.logs) - start)
    gaps: NDArray[np.float64] = np.abs(law - sample)
    return gaps

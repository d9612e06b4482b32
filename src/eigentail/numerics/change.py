"""Two stacks of weights, entry by entry: how many differ and how, and what their difference is beyond rounding."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import ml_dtypes
import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.gram import blocks
from eigentail.records import NAN, Spectrum

# The eigenvalue noise of the solver and of uneven columns, as for the zero of a spectrum.
_NOISE: Final = 8.0
# Directions beyond which a change is not called one of low rank: this part of the smaller side.
_LOW: Final = 0.25
# The part of a change of low rank that must lie in these directions, and what rounding may have left beside it.
_MOST: Final = 0.5
_LEFT: Final = 4.0
# Beyond this a ratio has no square.
_HUGE: Final = 1e150
_DOUBLE: Final = np.dtype("float64")


class Entries(msgspec.Struct, frozen=True, kw_only=True):
    """What the entries of two arrays of one shape show. Norms are NaN where an entry is not finite.

    Attributes:
        size: how many there are.
        changed: how many differ.
        gained: of these, zero in the second alone, and not by rounding.
        moved: of these, not zero in the second, and further apart than rounding explains.
        zeros_base: exact zeros of the first.
        zeros_other: exact zeros of the second.
        broken_base: NaN or infinite in the first.
        broken_other: NaN or infinite in the second.
        norm_base: Frobenius norm of the first.
        norm_other: of the second.
        norm_change: of the second minus the first.

    Example:
        >>> entries_of(np.ones((1, 2, 2)), np.array([[[1.0, 0.0], [1.0, 3.0]]])).gained
        1
    """

    size: int = 0
    changed: int = 0
    gained: int = 0
    moved: int = 0
    zeros_base: int = 0
    zeros_other: int = 0
    broken_base: int = 0
    broken_other: int = 0
    norm_base: float = 0.0
    norm_other: float = 0.0
    norm_change: float = 0.0

    @property
    def cosine(self) -> float:
        """Of the angle between the two as vectors, from their norms: 1 for a copy, near 0 for strangers."""
        if not (self.norm_base > 0 and self.norm_other > 0):
            return NAN
        one, change = self.norm_base / self.norm_other, self.norm_change / self.norm_other
        return (one * one + 1 - change * change) / (2 * one) if max(one, change) < _HUGE else 0.0

    @property
    def relative(self) -> float:
        """The norm of the change over that of the first; NaN where that is zero, unless nothing changed."""
        if not self.changed:
            return 0.0
        return self.norm_change / self.norm_base if self.norm_base > 0 else NAN


class ChangeRank(msgspec.Struct, frozen=True):
    """How many directions a change has.

    Attributes:
        rank: eigenvalues above what rounding alone can make, over all matrices of the stack.
        low: whether that is at most a quarter of them, and beside them there is nothing but rounding.

    Example:
        >>> ChangeRank(3, True).rank
        3
    """

    rank: int
    low: bool


def entries_of(base: NDArray[Any], other: NDArray[Any], rounded_to: str = "") -> Entries:
    """Compare two stacks entry by entry, block by block.

    Args:
        base: shape (count, rows, columns), any dtype.
        other: of the same shape, of any dtype.
        rounded_to: a number format; a difference that its rounding, to nearest or towards zero, makes counts neither
            as moved nor as gained. "" for none.

    Returns:
        The counts and norms; squares of the entries leave no range.

    Example:
        >>> base = np.full((1, 1, 2), 1 / 3)
        >>> seen = entries_of(base, base.astype(np.float16), "float16")
        >>> seen.changed, seen.moved
        (2, 0)
    """
    steps = _steps(rounded_to)
    parts = [_block(one, two, steps) for one, two in _blocks(base, other)]
    counts = {name: sum(getattr(part, name) for part in parts) for name in _COUNTS}
    norms = {name: math.hypot(*(getattr(part, name) for part in parts)) for name in _NORMS}
    return msgspec.convert({**counts, **norms}, Entries)


def rank_of_change(change: Spectrum, norm_other: float, roundoff: float) -> ChangeRank:
    """The rank of a difference of stored weights, whose rounding has full rank.

    Rounding to relative unit u leaves in every entry an error of at most u |w|, a random matrix whose eigenvalues lie
    below u^2 mean(w^2) (sqrt N + sqrt M)^2 but for a factor that uneven columns make; what is larger is a direction of
    the change. A change is of low rank when at most a quarter of the directions are such, most of its norm lies in
    them, and the rest is as small as rounding.

    Args:
        change: of other minus base.
        norm_other: Frobenius norm of the weights that were rounded, all matrices together, in the units of the weights.
        roundoff: unit roundoff of the format they were rounded to.

    Source: Marchenko & Pastur, Mathematics of the USSR-Sbornik 1 (1967), for the edge.

    Example:
        >>> from eigentail.numerics import spectrum_of
        >>> spectrum = spectrum_of(np.outer(np.ones(20), np.ones(10))[None])
        >>> rank_of_change(spectrum, 100.0, 2.0**-24)
        ChangeRank(rank=1, low=True)
    """
    values = change.eigenvalues
    if not change.rank:
        return ChangeRank(0, False)
    n, m = change.shape
    relative = values / values[-1]
    # in units of the largest eigenvalue
    ratio = roundoff * norm_other * math.sqrt(change.scale) / math.sqrt(values[-1])
    rounding = min(ratio, _HUGE) ** 2
    solver = _NOISE * float(np.finfo(change.precision).eps)
    edge = _NOISE * rounding / (n * m * change.count) * (math.sqrt(n) + math.sqrt(m)) ** 2
    above = relative > max(edge, solver)
    rank, inside, beside = int(above.sum()), float(relative[above].sum()), float(relative[~above].sum())
    is_rounding = beside <= _LEFT * rounding + solver * len(values)
    low = is_low(rank, change) and inside >= _MOST * (inside + beside) and is_rounding
    return ChangeRank(rank, low)


def is_low(rank: int, change: Spectrum) -> bool:
    """Whether a change has so few directions that it is called one of low rank.

    Example:
        >>> spectrum = Spectrum(eigenvalues=np.ones(8), shape=(8, 8), rank=8)
        >>> is_low(2, spectrum), is_low(3, spectrum), is_low(0, spectrum)
        (True, False, False)
    """
    return 0 < rank <= _LOW * len(change.eigenvalues)


def _blocks(base: NDArray[Any], other: NDArray[Any]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Views of both, small enough once converted."""
    for one, two in zip(base, other, strict=True):
        yield from zip(blocks(one, _DOUBLE), blocks(two, _DOUBLE), strict=True)


def _block(base: NDArray[Any], other: NDArray[Any], steps: tuple[float, float]) -> Entries:
    """One block. Counters are compared as they are: float64 does not hold every integer."""
    coarse, least = steps
    if base.dtype.kind in "iub" and other.dtype.kind in "iub":
        differs = base != other
        one, two = base.astype(_DOUBLE), other.astype(_DOUBLE)
    else:
        one, two = np.asarray(base, dtype=_DOUBLE), np.asarray(other, dtype=_DOUBLE)
        differs = (one != two) & ~(np.isnan(one) & np.isnan(two))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        change = two - one
        beyond = differs & ~(np.abs(change) <= coarse * np.abs(one) + least)
    zero = two == 0
    return Entries(
        size=one.size,
        changed=int(np.count_nonzero(differs)),
        gained=int(np.count_nonzero(beyond & zero)),
        moved=int(np.count_nonzero(beyond & ~zero)),
        zeros_base=int(np.count_nonzero(one == 0)),
        zeros_other=int(np.count_nonzero(zero)),
        broken_base=int(np.count_nonzero(~np.isfinite(one))),
        broken_other=int(np.count_nonzero(~np.isfinite(two))),
        norm_base=_norm(one),
        norm_other=_norm(two),
        norm_change=_norm(change),
    )


def _norm(values: NDArray[np.float64]) -> float:
    """The Frobenius norm; NaN where a value is not finite."""
    largest = float(np.max(np.abs(values), initial=0.0))
    if not math.isfinite(largest):
        return NAN
    if largest == 0.0:
        return 0.0
    with np.errstate(under="ignore"):
        return largest * math.sqrt(float(np.square(values / largest).sum()))


def _steps(dtype: str) -> tuple[float, float]:
    """The largest relative step of rounding to a format, and its smallest number."""
    if not dtype:
        return 0.0, 0.0
    finfo: Any = ml_dtypes.finfo  # untyped upstream
    return float(finfo(dtype).eps), float(finfo(dtype).smallest_subnormal)


_NORMS: Final = ("norm_base", "norm_other", "norm_change")
_COUNTS: Final = tuple(name for name in Entries.__struct_fields__ if name not in _NORMS)

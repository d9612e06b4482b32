"""How many different numbers weights are made of, and the coarsest format that holds them all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import ml_dtypes
import msgspec
import numpy as np
from numpy.typing import NDArray

from eigentail.numerics.gram import blocks
from eigentail.numerics.roundoff import unit_roundoff
from eigentail.records import NAN

# What weights are rounded to before they are stored in something wider; coarsest first.
_FORMATS: Final = ("bfloat16", "float16", "float32")
# Rows looked at, evenly spread: levels are a property of all rows or of none.
_ROWS: Final = 32
# Formats of 4 bits have a scale of their own for this many weights or more.
_RUN: Final = 32
# More levels than an 8-bit code has are none.
_MOST: Final = 256
# Fewer different values than this share of the values are few, and by chance only when they are quantised.
_FEW: Final = 0.5
# An even grid is told by so many different values, which lie this near to it in units of its step.
_FEWEST_ON_GRID: Final = 8
_NEAR: Final = 0.05


class Levels(msgspec.Struct, frozen=True):
    """How many different non-zero values weights take.

    Attributes:
        distinct: the median over rows, over columns, over runs of 32, or the number of all: the first that is few, else
            that over rows. NaN without a value other than zero.
        few: whether they are so few, or so evenly spaced, that the weights were quantised.

    Example:
        >>> levels_of(np.array([[[1.0, -1.0] * 8] * 8])).few
        True
    """

    distinct: float = NAN
    few: bool = False


def levels_of(stack: NDArray[Any]) -> Levels:
    """The levels of quantised weights, whether their scale belongs to the rows, the columns, short runs or the whole.

    Args:
        stack: shape (count, rows, columns), any real dtype; a row is one of all matrices, kernel positions together.

    Returns:
        The levels; found in at most 32 rows and as many columns.

    Example:
        >>> weights = np.random.default_rng(0).standard_normal((1, 64, 48))
        >>> levels_of(weights).few, levels_of(np.round(3 * weights)).few
        (False, True)
    """
    if 0 in stack.shape:
        return Levels()
    rows = list(_rows(stack))
    columns = list(_rows(stack.swapaxes(1, 2)))
    runs = [row[:_RUN] for row in rows if len(row) >= _RUN]
    found = [_levels(values) for values in (rows, columns, runs, [np.concatenate(rows)])]
    return next((levels for levels in found if levels.few), found[0])


def held(array: NDArray[Any]) -> str:
    """The coarsest of bfloat16, float16, float32 and the array's own dtype that holds every value in it.

    Args:
        array: any shape and dtype.

    Example:
        >>> held(np.array([0.5, 3.0])), held(np.array([1 / 3])), held(np.array([1 / 3], dtype=np.float32))
        ('bfloat16', 'float64', 'float32')
    """
    own = array.dtype.name
    if array.dtype.itemsize <= 2 or own not in ("float32", "float64") or not array.size:
        return own
    return next((name for name in _FORMATS if name != own and _fits(array, np.dtype(_type(name)))), own)


def is_coarser(one: str, other: str) -> bool:
    """Whether a format rounds more than another.

    Example:
        >>> is_coarser("bfloat16", "float32"), is_coarser("float32", "float32")
        (True, False)
    """
    return unit_roundoff(np.dtype(_type(one))) > unit_roundoff(np.dtype(_type(other)))


def _type(name: str) -> Any:
    """A number format by its name, those that numpy does not know included."""
    return getattr(ml_dtypes, name, name)


def _fits(array: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Whether every value survives the rounding; most arrays say no in their first block."""
    first = array.reshape(-1)[:1024] if array.flags.c_contiguous else array[:1]
    return _survives(first, dtype) and all(_survives(block, dtype) for block in blocks(array, array.dtype))


def _survives(values: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return bool(np.array_equal(values, values.astype(dtype).astype(values.dtype), equal_nan=True))


def _rows(stack: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
    """Some rows, evenly spread."""
    count = stack.shape[1]
    for at in np.unique(np.linspace(0, count - 1, min(count, _ROWS)).round().astype(int)):
        yield np.asarray(stack[:, at, :], dtype=np.float64).ravel()


def _levels(rows: list[NDArray[np.float64]]) -> Levels:
    """The levels of some rows, or columns, or runs."""
    units = [np.unique(row, return_counts=True) for row in rows]
    pairs = [(np.count_nonzero(values), counts[values != 0].sum()) for values, counts in units if values.any()]
    if not pairs:
        return Levels()
    distinct, total = (float(value) for value in np.median(pairs, axis=0))
    few = 1 < distinct <= min(_MOST, _FEW * total)
    return Levels(distinct, few or _are_on_grid([values for values, _ in units]))


def _are_on_grid(units: list[NDArray[np.float64]]) -> bool:
    """Whether most units are made of at most 256 evenly spaced values."""
    told = [values for values in units if len(values) >= _FEWEST_ON_GRID and np.isfinite(values).all()]
    return bool(told) and 2 * sum(map(_even, told)) >= len(units)


def _even(values: NDArray[np.float64]) -> bool:
    relative = (values - values[0]) / (values[-1] - values[0])
    steps = relative / np.min(np.diff(relative))
    return bool(steps[-1] < _MOST and np.all(np.abs(steps - np.rint(steps)) <= _NEAR))

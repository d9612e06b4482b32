"""What untrained matrices of any shape show: quantiles simulated over a grid of shapes, interpolated between them."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

_FILE: Final = Path(__file__).with_name("null_table.npz")
_READING: Final = threading.Lock()
# One grid for single matrices, and a coarser one for pooled convolutions.
_GRIDS: Final = ("single", "pooled")


class Quantiles(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """The distribution of one quantity over untrained matrices of a shape. No normality is assumed.

    Attributes:
        levels: probabilities, ascending, shape (k,).
        values: the quantity at each, ascending, shape (k,); empty where nothing is known.
        sd: the standard deviation.

    Example:
        >>> null = Quantiles(levels=np.array([0.1, 0.5, 0.9]), values=np.array([2.0, 3.0, 5.0]), sd=1.0)
        >>> null.median, round(null.below(2.5), 3), round(null.above(4.0), 3)
        (3.0, 0.3, 0.3)
    """

    levels: NDArray[np.float64]
    values: NDArray[np.float64]
    sd: float

    @property
    def median(self) -> float:
        """The value that half of them exceed; NaN where nothing is known."""
        return self._at(0.5)

    def below(self, value: float) -> float:
        """The share of untrained matrices that show this value or less; never less than the smallest level."""
        if math.isnan(value) or not len(self.values):
            return math.nan
        return float(np.interp(value, self.values, self.levels))

    def above(self, value: float) -> float:
        """The share that show this value or more; never less than one minus the largest level."""
        return 1 - self.below(value)

    def z(self, value: float) -> float:
        """Distance from the median, in units of the distance from the median to the 16 % or 84 % point on its side.

        A standard score where the distribution is normal, and a fair one where it is skewed.
        """
        centre = self.median
        side = abs(self._at(0.84 if value > centre else 0.16) - centre)
        return (value - centre) / side if side > 0 else math.nan

    def _at(self, level: float) -> float:
        return float(np.interp(level, self.levels, self.values)) if len(self.values) else math.nan


def quantiles_of(quantity: str, shape: tuple[int, int], count: int = 1) -> Quantiles:
    """The null distribution of a quantity at a shape.

    Linear interpolation in the logarithms of M, N / M and the count, between matrices simulated by
    `scripts/null_table.py`; beyond the grid (M from 8 to 4096, N / M up to 64) its edge counts.

    Args:
        quantity: "peak", "second", "distance", "stable_rank", "lambda_max" (over the mean eigenvalue), or for an
            estimator "clauset/alpha" and "clauset/D".
        shape: (N, M).
        count: matrices pooled.

    Returns:
        The quantiles; empty where the table does not have the quantity.

    Example:
        >>> null = quantiles_of("clauset/alpha", (128, 64))
        >>> 3 < null.median < 5
        True
    """
    return _quantiles(quantity, *shape, count)


@lru_cache(maxsize=1024)  # the layers of a model have few shapes
def _quantiles(quantity: str, n: int, m: int, count: int) -> Quantiles:
    grid = _GRIDS[0] if count == 1 else _GRIDS[1]
    key = f"{grid}/{quantity}"
    if key not in _table():
        return Quantiles(levels=_array("levels"), values=np.empty(0), sd=math.nan)
    axes = [np.log(_array(f"{grid}.{axis}")) for axis in ("count", "M", "Q")]
    point = [math.log(count), math.log(m), math.log(n / m)]
    found = _interpolate(axes, _array(key), point)
    return Quantiles(levels=_array("levels"), values=found[:-1], sd=float(found[-1]))


def _interpolate(axes: list[NDArray[np.float64]], values: NDArray[Any], point: list[float]) -> NDArray[np.float64]:
    """Linear along one axis after the other; beyond the ends of an axis its end."""
    for axis, at in zip(axes, point, strict=True):
        upper = int(np.clip(np.searchsorted(axis, at), 1, max(1, len(axis) - 1)))
        if len(axis) == 1:
            values = values[0]
            continue
        weight = float(np.clip((at - axis[upper - 1]) / (axis[upper] - axis[upper - 1]), 0.0, 1.0))
        values = (1 - weight) * values[upper - 1].astype(np.float64) + weight * values[upper].astype(np.float64)
    return np.asarray(values, dtype=np.float64)


@cache
def _table() -> Mapping[str, NDArray[Any]]:
    """The file, whose arrays are read when they are asked for: an analysis needs a few of them."""
    found: Mapping[str, NDArray[Any]] = np.load(io.BytesIO(_FILE.read_bytes()))
    return found


@cache
def _array(name: str) -> NDArray[Any]:
    with _READING:  # two threads at once would move one another's place in the file
        return _table()[name]
